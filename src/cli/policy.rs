//! `quell policy`: which policies count, what they say, and how new ones come to count.

mod promote;
mod told;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::case::{Common, evidence, number, say};
use super::config::{Config, word};
use super::desk::{self, Desk};
use super::{Exit, exit};
use crate::model::action::Action;
use crate::model::system_words;
use crate::policy::{PolicySet, Profile, cases};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Show the policies that count, guardrails included, and the sets that are staged.
    Show {
        /// One of them, with its text.
        id: Option<String>,
    },
    /// Check policy files: what is wrong is told with its line, and what would act on facts that are missing is warned about.
    Check(Files),
    /// Run a file of cases against the policies that count, or against files.
    Test {
        /// The cases, in TOML (docs/policies.md).
        cases: PathBuf,
        #[command(flatten)]
        files: Files,
    },
    /// Say what is decided about a case, by which policies, and what is missing for more.
    Explain {
        /// The case.
        case: String,
        /// One action alone.
        action: Option<String>,
    },
    /// Decide again what was decided, on the same facts: by what counts now, a staged set, or files.
    Replay {
        /// A staged set, by its hash.
        hash: Option<String>,
        #[command(flatten)]
        files: Files,
    },
    /// Put files forward as the new set, beside the compiled-in policies of a profile.
    Stage(Files),
    /// Let a staged set count from now on: another administrator than whoever staged it does so, after a replay.
    Activate {
        /// The set, by its hash.
        hash: String,
    },
    /// Show what quell would have done by itself beside what people did, and let the policies that count act by themselves.
    Promote(promote::PromoteArgs),
    /// Take that back: people decide again.
    Demote(promote::DemoteArgs),
}

#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
struct Files {
    /// Policy files, in Cedar.
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The compiled-in set that they are added to: default, regulated.
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
}

impl Files {
    /// Whether a set is given.
    const fn given(&self) -> bool {
        !self.files.is_empty() || self.profile.is_some()
    }

    /// The set of these files.
    fn set(&self) -> Result<PolicySet> {
        let profile = match &self.profile {
            Some(name) => word("profile", name, &Profile::ALL.map(|profile| (profile.as_str(), profile)))?,
            None => Profile::Default,
        };
        let own = self.files.iter().map(|path| file(path)).collect::<Result<Vec<_>>>()?;
        let (set, warnings) = PolicySet::load(profile, &own).map_err(|errors| anyhow!("{errors}"))?;
        for warning in warnings {
            exit::say(&format!("warning: {warning}"));
        }
        Ok(set)
    }
}

/// A policy file, by its name.
fn file(path: &Path) -> Result<(String, String)> {
    let failed = |e| anyhow!("the policy file `{}` cannot be read: {}", path.display(), system_words(&e));
    let name = path.file_name().context("a policy file has a name")?.to_string_lossy().into_owned();
    Ok((name, std::fs::read_to_string(path).map_err(failed)?))
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    let config = Config::load(args.common.config.as_deref())?;
    match &args.verb {
        Verb::Check(files) => {
            let set = files.set()?;
            let own = set.listing().len();
            say(&format!("{own} policies, {}", set.hash()))?;
            Ok(Exit::Clean)
        }
        Verb::Test { cases, files } => test(cases, files, &config, &args.common),
        verb => {
            let desk = Desk::open(&args.common.desk, &config, false)?;
            desk::ended(on_store(verb, &desk))
        }
    }
}

/// What needs the store.
fn on_store(verb: &Verb, desk: &Desk) -> Result<Exit> {
    let office = desk.orchestrator();
    match verb {
        Verb::Show { id } => return told::show(desk, id.as_deref()),
        Verb::Explain { case, action } => {
            evidence(desk)?;
            let known = Action::ALL.map(|action| (action.as_str(), action));
            let action = action.as_deref().map(|name| word("action", name, &known)).transpose()?;
            let case = desk.done(office.case(number(case, desk)?))?;
            let fresh = desk.done(office.explain(&case, action))?;
            told::explain(&case, &fresh, desk)?;
        }
        Verb::Replay { hash, files } => {
            evidence(desk)?;
            let replay = match hash {
                _ if files.given() => desk.done(office.replay(&files.set()?))?,
                Some(hash) => {
                    let staged = desk.wait(desk.store.policy(hash)).map_err(desk::told)?;
                    let staged = staged.with_context(|| {
                        format!("no set `{hash}` was staged\n  help: `quell policy show` lists them")
                    })?;
                    let set = PolicySet::of(&staged.set).map_err(|errors| anyhow!("{errors}"))?;
                    desk.done(office.replay(&set))?
                }
                None => desk.done(office.replay(&desk.policy))?,
            };
            told::replay(&replay)?;
        }
        Verb::Stage(files) => {
            let set = files.set()?;
            let hash = desk.done(office.stage(&set))?;
            say(&format!(
                "staged {hash}\nnext: quell policy replay {hash}\nthen another administrator: quell policy activate {hash}"
            ))?;
        }
        Verb::Activate { hash } => {
            desk.done(office.activate(hash))?;
            say(&format!("{hash} counts from now on"))?;
        }
        Verb::Promote(args) => return promote::promote(args, desk),
        Verb::Demote(args) => promote::demote(args, desk)?,
        Verb::Check(_) | Verb::Test { .. } => bail!("nothing to be done with a store"),
    }
    Ok(Exit::Clean)
}

/// Runs a file of cases.
fn test(path: &Path, files: &Files, config: &Config, common: &Common) -> Result<Exit> {
    let set = if files.given() { files.set()? } else { active(config, common)? };
    let text = std::fs::read_to_string(path)
        .map_err(|e| anyhow!("the cases `{}` cannot be read: {}", path.display(), system_words(&e)))?;
    let results = cases::run(&set, &text);
    let mut out = std::io::stdout().lock();
    let mut failed = 0;
    for result in &results {
        failed += usize::from(!result.passed());
        let how = if result.passed() { "ok    " } else { "FAILED" };
        writeln!(out, "{how} {}", exit::line(&result.name))?;
        for wrong in &result.wrong {
            writeln!(out, "       {}", exit::line(wrong))?;
        }
    }
    writeln!(out, "{} cases, {failed} failed", results.len())?;
    Ok(if failed > 0 { Exit::Findings } else { Exit::Clean })
}

/// What counts now; without a store, what is compiled in.
fn active(config: &Config, common: &Common) -> Result<PolicySet> {
    match Desk::open(&common.desk, config, false) {
        Ok(desk) => Ok(desk.policy),
        Err(_) => PolicySet::builtin(Profile::Default).map_err(|errors| anyhow!("{errors}")),
    }
}
