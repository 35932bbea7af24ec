//! The command line: one file a verb. The only part that prints, reads the environment and the clock, and exits.
//!
//! `changes` asks for scans of a change, `hook` is what git's hooks call and `install` puts them in place;
//! `config` reads the trusted configuration, `target` the little that a target may say for itself and `places` where it
//! says it, `remote` clones and scans what lies on a server, in directories that `scratch` removes; `output` writes reports
//! where they were asked for (`destination`), `rule_pages` writes the pages of the rules and `recipe` says in words how one is
//! verified, `verification` sets up what asks issuers for `scan` and `verify`, `random` gives numbers that nobody can guess, `state` keeps small files that only their owner may read, `progress` shows how far a scan has come, `exit` says how a run ended.
//!
//! For cases: `desk` opens the store with its keys and whoever calls, `track` makes cases of findings, `gather` asks about them
//! again, `transit` reaches a keeper of keys, `clean` keeps secrets out of what people write.

#[cfg(feature = "remediate")]
mod approve;
#[cfg(feature = "remediate")]
mod audit;
mod baseline;
#[cfg(feature = "remediate")]
mod case;
mod changes;
mod ci;
#[cfg(feature = "remediate")]
mod clean;
mod config;
mod deps;
#[cfg(feature = "remediate")]
mod desk;
mod destination;
mod exit;
mod explain;
mod features;
#[cfg(feature = "remediate")]
mod gather;
mod hook;
mod init;
mod install;
#[cfg(feature = "remediate")]
mod metrics;
mod narrow;
#[cfg(feature = "remediate")]
mod notice;
#[cfg(feature = "remediate")]
mod offboard;
mod output;
#[cfg(feature = "remediate")]
mod outside;
mod pages;
#[cfg(feature = "remediate")]
mod people;
mod places;
#[cfg(feature = "remediate")]
mod policy;
mod progress;
mod random;
mod recipe;
mod remote;
#[cfg(feature = "remediate")]
mod report;
mod rule_pages;
mod rules;
#[cfg(feature = "remediate")]
mod run;
mod scan;
mod scratch;
mod state;
#[cfg(feature = "remediate")]
mod store;
mod suppress;
#[cfg(feature = "remediate")]
mod track;
#[cfg(feature = "remediate")]
mod transit;
mod verification;
mod verify;
#[cfg(feature = "remediate")]
mod words;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::Exit;

const EXIT_CODES: &str = "Exit codes: 0 clean; 1 findings; 2 usage or configuration; 3 incomplete: something was not read; \
                          4 findings and incomplete; 5 internal error; 6 refused, or waits for approval; 7 the \
                          audit does not verify.";

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
    /// Tell which pipelines consume which secret, and through which doors it leaks there.
    Ci(ci::Args),
    /// Tell who depends on a secret: every pipeline, manifest and piece of code that uses its name.
    Deps(deps::Args),
    /// Ask whether the secrets of a report, or one that is handed in, still work.
    Verify(verify::Args),
    /// Open a case for each credential of a report.
    #[cfg(feature = "remediate")]
    Track(track::Args),
    /// List and show cases, and work on them.
    #[cfg(feature = "remediate")]
    Case(case::Args),
    /// Approve a plan, by its hash.
    #[cfg(feature = "remediate")]
    Approve(approve::ApproveArgs),
    /// Reject what waits for approval.
    #[cfg(feature = "remediate")]
    Reject(approve::RejectArgs),
    /// Accept the risk of a case until a day.
    #[cfg(feature = "remediate")]
    AcceptRisk(approve::AcceptArgs),
    /// Show, check, test, explain, replay and activate policies.
    #[cfg(feature = "remediate")]
    Policy(policy::Args),
    /// Check, export and sign the record of what happened.
    #[cfg(feature = "remediate")]
    Audit(audit::Args),
    /// Register people, agents and machines.
    #[cfg(feature = "remediate")]
    People(people::Args),
    /// List every credential that is tied to somebody who leaves.
    #[cfg(feature = "remediate")]
    Offboard(offboard::Args),
    /// List notices and tasks that were not delivered, and try them again.
    #[cfg(feature = "remediate")]
    Notice(notice::Args),
    /// Scan what is registered, ask issuers again, open tasks and tell people, on a schedule.
    #[cfg(feature = "remediate")]
    Run(run::Args),
    /// Tell how long credentials stay valid, and what was done about them.
    #[cfg(feature = "remediate")]
    Metrics(metrics::Args),
    /// Report a period: what was found, how long it stayed valid, what was done and why, exceptions, controls.
    #[cfg(feature = "remediate")]
    Report(report::Args),
    /// Back up, restore and look after the store of cases.
    #[cfg(feature = "remediate")]
    Store(store::Args),
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
        Verb::Ci(args) => ci::run(&args),
        Verb::Deps(args) => deps::run(&args),
        Verb::Verify(args) => verify::run(&args),
        #[cfg(feature = "remediate")]
        Verb::Track(args) => track::run(&args),
        #[cfg(feature = "remediate")]
        Verb::Case(args) => case::run(&args),
        #[cfg(feature = "remediate")]
        Verb::Approve(args) => approve::approve(&args),
        #[cfg(feature = "remediate")]
        Verb::Reject(args) => approve::reject(&args),
        #[cfg(feature = "remediate")]
        Verb::AcceptRisk(args) => approve::accept_risk(&args),
        #[cfg(feature = "remediate")]
        Verb::Policy(args) => policy::run(&args),
        #[cfg(feature = "remediate")]
        Verb::Audit(args) => audit::run(&args),
        #[cfg(feature = "remediate")]
        Verb::People(args) => people::run(&args),
        #[cfg(feature = "remediate")]
        Verb::Offboard(args) => offboard::run(&args),
        #[cfg(feature = "remediate")]
        Verb::Notice(args) => notice::run(&args),
        #[cfg(feature = "remediate")]
        Verb::Run(args) => run::run(&args),
        #[cfg(feature = "remediate")]
        Verb::Store(args) => store::run(&args),
        #[cfg(feature = "remediate")]
        Verb::Metrics(args) => metrics::run(&args),
        #[cfg(feature = "remediate")]
        Verb::Report(args) => report::run(&args),
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
