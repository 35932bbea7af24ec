//! The command line: one file a verb. The only part that prints, reads the environment and the clock, and exits.

mod exit;
mod rules;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

pub use exit::Exit;

/// Finds leaked secrets, proves whether they still work, and sees each one through until it does not.
#[derive(Debug, Parser)]
#[command(name = "quell", version, arg_required_else_help = true, after_help = "Exit codes: 0 clean, 1 findings, 2 usage, 3 incomplete, 4 findings and incomplete, 5 internal error.")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show, list and check rules.
    Rules(rules::Args),
}

/// Runs the command line and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => {
            let shown = error.print().is_ok();
            return if shown && !error.use_stderr() { Exit::Clean } else { Exit::Usage };
        }
    };
    let outcome = match args.verb {
        Verb::Rules(args) => rules::run(&args),
    };
    outcome.unwrap_or_else(|error| exit::report(&error))
}
