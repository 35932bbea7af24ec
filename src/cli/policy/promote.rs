//! `quell policy promote` and `demote`: shadow decisions beside people's, and what a policy set may do by itself because of them.

use std::io::Write;

use anyhow::Result;

use crate::cli::case::{evidence, say};
use crate::cli::config::word;
use crate::cli::desk::Desk;
use crate::cli::{Exit, clean, exit};
use crate::model::action::Action;
use crate::model::counted;
use crate::model::decision::Unmet;
use crate::orchestrate::{Agreement, Comparison, Shadow};

#[derive(Debug, clap::Args)]
pub(super) struct PromoteArgs {
    /// rotate, quarantine, revoke.
    action: String,
    /// Compare so many cases at most, the newest ones.
    #[arg(long, value_name = "N", default_value_t = 50)]
    last: u32,
    /// Promote it; without this it is only shown.
    #[arg(long)]
    confirm: bool,
    /// plain, json.
    #[arg(long, value_name = "FORMAT", default_value = "plain")]
    format: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct DemoteArgs {
    /// rotate, quarantine, revoke.
    action: String,
    /// Why.
    #[arg(long, value_name = "WHY")]
    reason: String,
}

const FORMATS: &[(&str, bool)] = &[("plain", false), ("json", true)];

/// An act that is earned.
fn action(name: &str) -> Result<Action> {
    let known = [Action::Rotate, Action::Quarantine, Action::Revoke].map(|a| (a.as_str(), a));
    word("action", name, &known)
}

/// Shows the comparison; promotes the set where that is confirmed. What is or would be refused ends as a refusal.
pub(super) fn promote(args: &PromoteArgs, desk: &Desk) -> Result<Exit> {
    evidence(desk)?;
    let (action, json) = (action(&args.action)?, word("format", &args.format, FORMATS)?);
    let office = desk.orchestrator();
    let comparison = desk.done(office.compare(action, args.last))?;
    let unmet = desk.done(office.unpromotable(&comparison))?;
    let mut out = std::io::stdout().lock();
    if json {
        let value = serde_json::json!({ "comparison": comparison, "refused_by": unmet });
        serde_json::to_writer_pretty(&mut out, &value)?;
        writeln!(out)?;
    } else {
        table(&comparison, &mut out)?;
    }
    drop(out);
    if args.confirm {
        desk.done(office.promote(action, args.last))?;
        if !json {
            say(&format!("{} is earned: quell may do it by itself, under this policy set", action.as_str()))?;
        }
        return Ok(Exit::Clean);
    }
    if !unmet.is_empty() {
        let why: Vec<String> = unmet.iter().map(|Unmet { title, id, .. }| format!("{title} ({id})")).collect();
        let help = "this was a look alone; with --confirm the refusal is recorded";
        exit::misused(&format!("it would be refused: {}\n  help: {help}", why.join("; ")));
        return Ok(Exit::Refused);
    }
    if !json && !comparison.earned {
        say(&format!("next: quell policy promote {} --last {} --confirm", action.as_str(), args.last))?;
    }
    Ok(Exit::Clean)
}

/// Takes back what was earned.
pub(super) fn demote(args: &DemoteArgs, desk: &Desk) -> Result<()> {
    let action = action(&args.action)?;
    desk.done(desk.orchestrator().demote(action, &clean::text(&args.reason)?))?;
    say(&format!("{} is not earned any more: people decide", action.as_str()))
}

/// The comparison for people: how much, each disagreement with its reason, and whose the agreement is.
fn table(all: &Comparison, out: &mut dyn Write) -> Result<()> {
    let mut line = |text: &str| writeln!(out, "{}", exit::line(text));
    let earned = if all.earned { ", which is earned already" } else { "" };
    line(&format!("{}{earned}: what quell would have done by itself, beside what people did", all.action.as_str()))?;
    line(&format!("policy     {}", all.policy))?;
    let share = all.permille().map(|m| format!(", {}.{} %", m / 10, m % 10)).unwrap_or_default();
    line(&format!("cases      {:>5}", all.cases))?;
    line(&format!("agreed     {:>5}{share}", all.agreed))?;
    line(&format!("disagreed  {:>5}", all.disagreed))?;
    let why = if all.undecided > 0 { "  nobody decided them yet: they do not count" } else { "" };
    line(&format!("undecided  {:>5}{why}", all.undecided))?;
    let otherwise = all.shadows.iter().filter(|one| one.people == Agreement::Disagreed);
    for Shadow { case, tier, why, .. } in otherwise {
        line(&format!("{case} would have been {}; {}", tier.as_str(), why.as_deref().unwrap_or_default()))?;
    }
    if all.own * 2 > all.agreed {
        let own = counted(all.own, "decision", "decisions");
        line(&format!("note: {own} of the {} that agreed are your own: ask somebody else to look", all.agreed))?;
    }
    Ok(())
}
