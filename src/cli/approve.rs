//! `quell approve`, `quell reject` and `quell accept-risk`: what people decide about a case.

use anyhow::{Context, Result, bail};
use time::macros::format_description;
use time::{Date, UtcDateTime};

use super::case::{Common, number, say};
use super::{Exit, clean, desk};
use crate::model::case::ApprovalState;

/// `quell approve`
#[derive(Debug, clap::Args)]
pub(super) struct ApproveArgs {
    /// The case.
    case: String,
    /// The plan, by its hash or the first twelve digits of it, as `quell case show` has it: what you approve, and nothing else.
    #[arg(long, value_name = "HASH", required_unless_present = "withdraw", conflicts_with = "withdraw")]
    plan: Option<String>,
    /// Take your own approval back.
    #[arg(long, requires = "reason")]
    withdraw: bool,
    /// Why it is taken back.
    #[arg(long, value_name = "WHY")]
    reason: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// `quell reject`
#[derive(Debug, clap::Args)]
pub(super) struct RejectArgs {
    /// The case.
    case: String,
    /// The plan; without it, everything of the case that waits.
    #[arg(long, value_name = "HASH")]
    plan: Option<String>,
    /// Why.
    #[arg(long, value_name = "WHY")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

/// `quell accept-risk`
#[derive(Debug, clap::Args)]
pub(super) struct AcceptArgs {
    /// The case.
    case: String,
    /// The last day, as YYYY-MM-DD.
    #[arg(long, value_name = "DAY")]
    until: String,
    /// Why.
    #[arg(long, value_name = "WHY")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

pub(super) fn approve(args: &ApproveArgs) -> Result<Exit> {
    let (_, desk) = args.common.open()?;
    let number = number(&args.case, &desk)?;
    let office = desk.orchestrator();
    let outcome = match (&args.plan, &args.reason) {
        (None, Some(reason)) => {
            desk.done(office.withdraw(number, &clean::text(reason)?)).map(|()| "your approval is taken back".to_owned())
        }
        (Some(plan), _) => desk.done(office.approve(number, plan)).map(|approval| match approval.state {
            ApprovalState::Granted => {
                "approved; quell changes nothing by itself yet: carry the plan out, then `quell case verify`".to_owned()
            }
            _ => format!("approved by {} of {}", approval.by.len(), approval.request.quorum),
        }),
        (None, None) => bail!("what is approved?\n  help: give --plan, as `quell case show {number}` has it"),
    };
    desk::ended(outcome.and_then(|told| say(&format!("{number}: {told}"))).map(|()| Exit::Clean))
}

pub(super) fn reject(args: &RejectArgs) -> Result<Exit> {
    let (_, desk) = args.common.open()?;
    let number = number(&args.case, &desk)?;
    let outcome = desk.done(desk.orchestrator().reject(number, args.plan.as_deref(), &clean::text(&args.reason)?));
    desk::ended(outcome.and_then(|()| say(&format!("{number}: rejected"))).map(|()| Exit::Clean))
}

pub(super) fn accept_risk(args: &AcceptArgs) -> Result<Exit> {
    let until = end_of(&args.until)?;
    let (_, desk) = args.common.open()?;
    let number = number(&args.case, &desk)?;
    let outcome = desk.done(desk.orchestrator().accept_risk(number, until, &clean::text(&args.reason)?));
    let told = format!("{number}: the risk is accepted until the end of {}; then it is open again", args.until);
    desk::ended(outcome.and_then(|()| say(&told)).map(|()| Exit::Clean))
}

/// The last second of a day, UTC.
fn end_of(day: &str) -> Result<i64> {
    let parsed = Date::parse(day, format_description!("[year]-[month]-[day]")).ok();
    let date = parsed.with_context(|| format!("`{day}` is no day\n  help: write it as 2026-12-31"))?;
    Ok(UtcDateTime::new(date, time::Time::MIDNIGHT).unix_timestamp() + 86_399)
}
