//! `quell notice`: what was to be told or written outside, and was not.

use std::io::Write;

use anyhow::Result;

use super::case::{Common, say};
use super::desk::{self, Desk};
use super::{Exit, exit};
use crate::model::counted;
use crate::orchestrate::outside::OutsideError;
use crate::orchestrate::{CHECK, DIGEST, NOTICE, TASK};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List dead letters: notices, tasks and checks that were given up, and what waits to be tried again.
    List,
    /// Try a dead letter again, under the id that it had.
    Retry {
        /// Its number, as the list has it.
        number: i64,
    },
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    let (_, desk) = args.common.open()?;
    desk::ended(verb(&args.verb, &desk))
}

fn verb(verb: &Verb, desk: &Desk) -> Result<Exit> {
    match verb {
        Verb::List => list(desk)?,
        Verb::Retry { number } => {
            match desk.wait(desk.orchestrator().retry(*number)) {
                Err(OutsideError::Command(error)) => desk.done(async { Err(error) })?,
                Err(error) => anyhow::bail!("{error}\n  help: `quell notice list` lists dead letters"),
                Ok(()) => {}
            }
            say(&format!("{number} is tried again by `quell run`"))?;
        }
    }
    Ok(Exit::Clean)
}

fn list(desk: &Desk) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let mut counts = [0_u64; 2];
    for (state, count) in ["parked", "ready"].into_iter().zip(&mut counts) {
        for job in desk.wait(desk.store.troubled(&[NOTICE, DIGEST, TASK, CHECK], state)).map_err(desk::told)? {
            *count += 1;
            let text = |name: &str| job.payload.get(name).and_then(|v| v.as_str()).unwrap_or("-").to_owned();
            let word = if state == "parked" { "dead" } else { "waits" };
            let case = job.case.map(|case| case.to_string()).unwrap_or_default();
            let told = format!(
                "{:<7} {word:<6} {:<7} {case:<8} {} {}: {}",
                job.id,
                job.what,
                text("what"),
                text("route"),
                job.error
            );
            writeln!(out, "{}", exit::line(&told))?;
        }
    }
    let [dead, waiting] = counts;
    writeln!(out, "{}; {waiting} to be tried again", counted(dead, "dead letter", "dead letters"))?;
    Ok(())
}
