//! `quell rules`: show, list and check rules.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;

use super::Exit;
use crate::detect::selftest;
use crate::rules::embedded::embedded;
use crate::rules::load;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check rule files: their format, their references and their own tests.
    Check {
        /// A directory of rule files; the embedded rules where absent.
        dir: Option<PathBuf>,
    },
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    match &args.what {
        What::Check { dir } => check(dir.as_deref()),
    }
}

fn check(dir: Option<&std::path::Path>) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    let loaded = dir.map(|dir| load::read_dir(dir).and_then(|s| load::load(&s))).transpose();
    let set = match &loaded {
        Ok(Some(set)) => set,
        Ok(None) => embedded(),
        Err(errors) => {
            for error in errors {
                writeln!(out, "{error}")?;
            }
            return Ok(Exit::Usage);
        }
    };
    let errors: Vec<String> = set.rules.iter().filter_map(|r| selftest::run(set, r).err()).flatten().collect();
    for error in &errors {
        writeln!(out, "{error}")?;
    }
    writeln!(out, "{} rules of {} providers, {} errors", set.rules.len(), set.providers.len(), errors.len())?;
    Ok(if errors.is_empty() { Exit::Clean } else { Exit::Usage })
}
