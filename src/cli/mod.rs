//! The command line: one file a verb. The only part that prints, reads the environment and the clock, and exits.
//!
//! `changes` asks for scans of a change, `hook` is what git's hooks call and `install` puts them in place;
//! `config` reads the trusted configuration, `target` the little that a target may say for itself and `places` where it
//! says it, `remote` clones and scans what lies on a server, in directories that `scratch` removes; `output` writes reports
//! where they were asked for (`destination`), `rule_pages` writes the pages of the rules and `recipe` says in words how one is
//! verified, `verification` sets up what asks issuers for `scan` and `verify`, `random` gives numbers that nobody can guess, `progress` shows how far a scan has come, `exit` says how a run ended.

mod baseline;
mod changes;
mod config;
mod destination;
mod exit;
mod explain;
mod features;
mod hook;
mod init;
mod install;
mod narrow;
mod output;
mod pages;
mod places;
mod progress;
mod random;
mod recipe;
mod remote;
mod rule_pages;
mod rules;
mod scan;
mod scratch;
mod suppress;
mod verification;
mod verify;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::Exit;

const EXIT_CODES: &str = "Exit codes: 0 clean; 1 findings; 2 usage or configuration; 3 incomplete: something was not read; \
                          4 findings and incomplete; 5 internal error.";

/// Finds leaked secrets, proves whether they still work, and sees each one through until it does not.
#[derive(Debug, Parser)]
#[command(name = "quell", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Find secrets in directories, files, standard input and repositories on servers.
    Scan(Box<scan::Args>),
    /// Ask whether the secrets of a report, or one that is handed in, still work.
    Verify(verify::Args),
    /// List, show and check rules.
    Rules(rules::Args),
    /// Install git hooks, and what they call.
    Hook(hook::Args),
    /// Write, renew and look through a baseline: the findings that are there already.
    Baseline(baseline::Args),
    /// Explain a rule, a finding by its fingerprint, or a line of a file.
    Explain(explain::Args),
    /// Write a configuration template in which every option is explained.
    Init(init::Args),
    /// Print a completion script for a shell.
    Completions(pages::CompletionsArgs),
    /// Print the manual page, or write all of them into a directory.
    Man(pages::ManArgs),
}

/// Runs the command line and says how it ended. No panic gets out of it, and no panic's message, which might hold
/// bytes of a secret, is printed.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    std::panic::set_hook(Box::new(exit::on_panic));
    exit::no_core_dumps();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    catch_unwind(AssertUnwindSafe(|| dispatch(arguments))).unwrap_or(Exit::Internal)
}

fn dispatch(arguments: Vec<OsString>) -> Exit {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => {
            if error.use_stderr() {
                return exit::misused(&error.render().to_string());
            }
            return error.print().map_or_else(|e| exit::failed(&e.into()), |()| Exit::Clean);
        }
    };
    let outcome = match args.verb {
        Verb::Scan(args) => scan::run(&args),
        Verb::Verify(args) => verify::run(&args),
        Verb::Hook(args) => hook::run(&args),
        Verb::Rules(args) => rules::run(&args),
        Verb::Baseline(args) => baseline::run(&args),
        Verb::Explain(args) => explain::run(&args),
        Verb::Init(args) => init::run(&args),
        Verb::Completions(args) => pages::completions(&args, &mut Args::command()),
        Verb::Man(args) => pages::man(&args, Args::command()),
    };
    outcome.unwrap_or_else(|error| exit::failed(&error))
}
