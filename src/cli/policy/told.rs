//! How policies, decisions and replays are told.

use std::io::Write;

use anyhow::{Context, Result};

use crate::cli::desk::{self, Desk};
use crate::cli::{Exit, exit};
use crate::ledger::Promotion;
use crate::model::case::Case;
use crate::model::decision::Decision;
use crate::orchestrate::Replay;
use crate::policy::Origin;

/// The policies that count, or one of them whole.
pub(super) fn show(desk: &Desk, id: Option<&str>) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    let set = &desk.policy;
    if let Some(id) = id {
        let policy = set
            .policy(id)
            .with_context(|| format!("there is no policy `{id}`\n  help: `quell policy show` lists them"))?;
        writeln!(out, "{}", exit::escaped(&policy.text))?;
        return Ok(Exit::Clean);
    }
    let staged = desk.wait(desk.store.policies()).map_err(desk::told)?;
    writeln!(out, "profile  {}\nhash     {}\nschema   {}", set.profile().as_str(), set.hash(), set.schema_hash())?;
    let promoted = desk.wait(desk.store.promoted(set.hash())).map_err(desk::told)?;
    writeln!(out, "earned   {}\n", exit::line(&earned(&promoted)))?;
    for policy in set.listing() {
        let line = format!("{:<9} {:<36} {}  ({})", policy.effect, policy.id, policy.title, origin(&policy.origin));
        writeln!(out, "{}", exit::line(&line))?;
    }
    for one in staged {
        let files: Vec<&str> = one.set.files.iter().map(|(name, _)| name.as_str()).collect();
        let line = format!(
            "{} {} by {}: {} and {}",
            one.state.as_str(),
            one.set.hash,
            one.stager.name(),
            one.set.profile,
            files.join(", ")
        );
        writeln!(out, "{}", exit::line(&line))?;
    }
    Ok(Exit::Clean)
}

/// What a set may do by itself, and who promoted it on what.
fn earned(promoted: &[Promotion]) -> String {
    let told = |one: &Promotion| {
        format!("{} (by {}: {} of {} cases)", one.action.as_str(), one.by.name(), one.agreed, one.cases)
    };
    let all: Vec<String> = promoted.iter().map(told).collect();
    if all.is_empty() { "nothing: people decide".to_owned() } else { all.join(", ") }
}

/// Where a policy comes from, for people.
fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Guardrail => "guardrail".to_owned(),
        Origin::Profile => "compiled in".to_owned(),
        Origin::Own(file) => file.clone(),
    }
}

/// What is decided about a case now, and why.
pub(super) fn explain(case: &Case, decisions: &[Decision], desk: &Desk) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for decision in decisions {
        let by = decision.determining.join(", ");
        let line = format!(
            "{} {}: {} ({})",
            case.number,
            decision.action.as_str(),
            decision.tier.as_str(),
            decision.kind.as_str()
        );
        writeln!(out, "{line}{}", if by.is_empty() { String::new() } else { format!(" by {by}") })?;
        for unmet in &decision.unmet {
            let controls = unmet.controls.join(" ");
            let line = format!("  not {} until {}  [{}] {controls}", unmet.tier.as_str(), unmet.title, unmet.id);
            writeln!(out, "{}", exit::line(line.trim_end()))?;
        }
        for error in &decision.errors {
            writeln!(out, "  error: {}", exit::line(error))?;
        }
        let last = case.decision(decision.action);
        if last.is_some_and(|last| !last.agrees(decision)) {
            writeln!(
                out,
                "  it is another decision than the last that was recorded: `quell case decide {}`",
                case.number
            )?;
        }
    }
    writeln!(out, "policy {}, schema {}", desk.policy.hash(), desk.policy.schema_hash())?;
    Ok(())
}

/// What a set would have decided otherwise.
pub(super) fn replay(replay: &Replay) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for one in &replay.differences {
        let (before, after) = (one.before.as_str(), one.after.as_str());
        let mut line = format!("{} {}: {before} → {after}", one.case, one.action.as_str());
        for (label, ids) in [("; now also", &one.added), ("; no longer", &one.gone)] {
            if !ids.is_empty() {
                line.push_str(&format!("{label} {}", ids.join(", ")));
            }
        }
        writeln!(out, "{}", exit::line(&line))?;
    }
    writeln!(out, "{} decisions made again, {} differ", replay.decisions, replay.differences.len())?;
    Ok(())
}
