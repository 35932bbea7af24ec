//! What people do about a credential outside of quell, as they say it; and the evidence of a case, to be taken elsewhere.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::super::config::{Config, word};
use super::super::desk::{self, Desk};
use super::super::{clean, exit};
use super::{Number, action, evidence, number, say};
use crate::model::action::Action;
use crate::model::event::RestoreCause;
use crate::model::{counted, system_words};

#[derive(Debug, clap::Args)]
pub(super) struct DidArgs {
    #[command(flatten)]
    number: Number,
    /// rotate, quarantine, revoke, restore.
    action: String,
    /// How, or why.
    #[arg(long, value_name = "WHY")]
    reason: String,
    /// Of a restoration, what made it necessary: legitimate-use, other.
    #[arg(long, value_name = "CAUSE")]
    cause: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    number: Number,
    /// The file to write; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    to: PathBuf,
}

/// Somebody looks after it.
pub(super) fn acknowledge(args: &Number, desk: &Desk) -> Result<()> {
    let number = number(&args.case, desk)?;
    desk.done(desk.orchestrator().acknowledge(number))?;
    say(&format!("{number} is looked after"))
}

/// Somebody did something.
pub(super) fn did(args: &DidArgs, desk: &Desk) -> Result<()> {
    let number = number(&args.number.case, desk)?;
    let (action, reason) = (action(&args.action)?, clean::text(&args.reason)?);
    let cause = args.cause.as_deref().map(|name| word("cause", name, &RestoreCause::ALL)).transpose()?;
    if action == Action::Restore && cause.is_none() {
        bail!("what made it necessary?\n  help: give --cause legitimate-use, or --cause other");
    }
    desk.done(desk.orchestrator().did(number, action, cause, &reason))?;
    let next = format!("`quell run` asks its issuer what that came to, and so does `quell case verify {number}`");
    say(&format!("{number}: {} is on record; {next}", action.as_str()))
}

/// Writes the evidence of a case to a file.
pub(super) fn export(args: &ExportArgs, config: &Config, desk: &Desk) -> Result<()> {
    evidence(desk)?;
    let number = number(&args.number.case, desk)?;
    let key = desk::checkpoint_key(config, false)?.context(
        "the key that signs checkpoints is not there\n  help: put it back, or name it as checkpoint_key_file under [store]",
    )?;
    let mut bytes = Vec::new();
    let count = desk.wait(desk.store.pack(number, &key, &mut bytes)).map_err(desk::told)?;
    if args.to == Path::new("-") {
        std::io::stdout().lock().write_all(&bytes)?;
        return Ok(());
    }
    let failed = |e: std::io::Error| {
        anyhow::anyhow!(
            "`{}` cannot be written: {}\n  help: name a file that is not there yet, in a folder that is",
            args.to.display(),
            system_words(&e)
        )
    };
    let mut file = BufWriter::new(std::fs::File::create_new(&args.to).map_err(failed)?);
    file.write_all(&bytes).and_then(|()| file.flush()).map_err(failed)?;
    exit::say(&format!(
        "{}: `quell audit verify --pack {}` proves them anywhere",
        counted(count as u64, "event", "events"),
        args.to.display()
    ));
    Ok(())
}

/// An action that people ask for: to tell the owner too, where quell does not do so by itself.
pub(super) fn wanted(name: &str) -> Result<Action> {
    if name == Action::Notify.as_str() { Ok(Action::Notify) } else { action(name) }
}
