//! `quell case`: list and show cases, and work on them.

mod work;

use std::io::Write;

use anyhow::{Context, Result, bail};

use super::config::{Config, word};
use super::desk::{self, Desk};
use super::{Exit, clean, gather, output};
use crate::ledger::Filter;
use crate::model::action::Action;
use crate::model::case::{Case, CaseNumber, Outcome, Stage};
use crate::model::event::{Closure, Event};
use crate::model::owner::{Owner, OwnerKind};
use crate::model::{counted, nearest};
use crate::report::case::{self as page, CaseStyle};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: CaseVerb,
    #[command(flatten)]
    common: Common,
}

/// What every verb about cases takes.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(super) struct Common {
    #[command(flatten)]
    pub(super) desk: desk::Args,
    /// The configuration to use instead of the user's.
    #[arg(long, value_name = "FILE", env = "QUELL_CONFIG", global = true)]
    pub(super) config: Option<std::path::PathBuf>,
}

impl Common {
    /// The configuration, and the store with whoever calls.
    pub(super) fn open(&self) -> Result<(Config, Desk)> {
        let config = Config::load(self.config.as_deref())?;
        let desk = Desk::open(&self.desk, &config, false)?;
        Ok((config, desk))
    }
}

#[derive(Debug, clap::Subcommand)]
enum CaseVerb {
    /// List cases, the open ones first opened first.
    List(ListArgs),
    /// Show a case: what, where, live or not, who, what breaks, what quell would do, why not more, and what to type next.
    Show(ShowArgs),
    /// Ask its issuer again, with the sealed secret or the one that is read from where it stands.
    Verify(gather::VerifyArgs),
    /// Gather owners and answers again, and decide anew.
    Decide(Number),
    /// Say whose it is.
    Assign(AssignArgs),
    /// Write a note.
    Note(NoteArgs),
    /// Say whether it is a credential: true, false, or one of a test.
    Outcome(OutcomeArgs),
    /// Ask people to approve an action: rotate, quarantine, revoke, restore, notify.
    Request(RequestArgs),
    /// Open or end the emergency path: one approval suffices, for a purpose and a short time.
    Emergency(EmergencyArgs),
    /// Say that you look after it.
    Ack(Number),
    /// Say what you did about the credential by hand; its issuer is asked what that came to.
    Did(work::DidArgs),
    /// Close it, on a fresh proof of death or because it is no credential.
    Close(Number),
    /// Write its evidence to a file that `quell audit verify --pack` proves anywhere.
    Export(work::ExportArgs),
}

#[derive(Debug, clap::Args)]
struct Number {
    /// The case, such as Q-17, or a fingerprint.
    case: String,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Closed cases and accepted risks too.
    #[arg(long)]
    all: bool,
    /// At this stage: opened, decided, approved, risk-accepted, closed.
    #[arg(long, value_name = "STAGE")]
    stage: Vec<String>,
    /// Of this provider.
    #[arg(long, value_name = "ID")]
    provider: Vec<String>,
    /// Of this owner.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Those that work, by the last answer of their issuers.
    #[arg(long)]
    live: bool,
    /// Those that wait for approval.
    #[arg(long)]
    waiting: bool,
    /// Those with this text in title, place or redacted secret.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// After this case.
    #[arg(long, value_name = "CASE")]
    after: Option<String>,
    /// plain, json.
    #[arg(long, value_name = "FORMAT", default_value = "plain")]
    format: String,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    #[command(flatten)]
    number: Number,
    /// Every event.
    #[arg(long)]
    events: bool,
    /// plain, json.
    #[arg(long, value_name = "FORMAT", default_value = "plain")]
    format: String,
}

#[derive(Debug, clap::Args)]
struct AssignArgs {
    #[command(flatten)]
    number: Number,
    /// The team.
    #[arg(long, value_name = "NAME", required_unless_present = "person", conflicts_with = "person")]
    team: Option<String>,
    /// The person.
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// Why.
    #[arg(long, value_name = "WHY")]
    reason: String,
}

#[derive(Debug, clap::Args)]
struct NoteArgs {
    #[command(flatten)]
    number: Number,
    /// What to write; `-` reads it from standard input.
    text: String,
}

#[derive(Debug, clap::Args)]
struct OutcomeArgs {
    #[command(flatten)]
    number: Number,
    /// true, false, test.
    outcome: String,
    /// Why.
    #[arg(long, value_name = "WHY")]
    reason: String,
}

#[derive(Debug, clap::Args)]
struct RequestArgs {
    #[command(flatten)]
    number: Number,
    /// rotate, quarantine, revoke, restore, notify.
    action: String,
}

#[derive(Debug, clap::Args)]
struct EmergencyArgs {
    #[command(flatten)]
    number: Number,
    /// What may be done.
    #[arg(long, value_name = "ACTION", required_unless_present = "end")]
    action: Vec<String>,
    /// For how many hours.
    #[arg(long, value_name = "N", default_value_t = 4)]
    hours: i64,
    /// What for.
    #[arg(long, value_name = "WHY", required_unless_present = "end")]
    purpose: Option<String>,
    /// What ends it before its time, in words.
    #[arg(long, value_name = "WHAT", required_unless_present = "end")]
    trigger: Option<String>,
    /// End this one.
    #[arg(long, value_name = "ID", requires = "reason")]
    end: Option<String>,
    /// Why it ends.
    #[arg(long, value_name = "WHY")]
    reason: Option<String>,
}

const FORMATS: &[(&str, bool)] = &[("plain", false), ("json", true)];

pub(super) fn run(args: &Args) -> Result<Exit> {
    let (config, desk) = args.common.open()?;
    desk::ended(verb(&args.verb, &config, &desk))
}

fn verb(verb: &CaseVerb, config: &Config, desk: &Desk) -> Result<Exit> {
    let office = desk.orchestrator();
    match verb {
        CaseVerb::List(args) => return list(args, desk),
        CaseVerb::Show(args) => return show(args, desk),
        CaseVerb::Verify(args) => {
            gather::verify(args, config, desk)?;
            return page_of(&args.case, desk);
        }
        CaseVerb::Decide(args) => {
            desk.done(office.may_work())?;
            gather::gather(desk, config, &[number(&args.case, desk)?], false)?;
            return page_of(&args.case, desk);
        }
        CaseVerb::Assign(args) => {
            let (kind, name) = match (&args.team, &args.person) {
                (Some(team), _) => (OwnerKind::Team, team),
                (None, Some(person)) => (OwnerKind::Person, person),
                (None, None) => bail!("whose is it?\n  help: give --team or --person"),
            };
            known(kind, name, config)?;
            let owner = Owner { kind, name: name.as_str().into() };
            let number = number(&args.number.case, desk)?;
            desk.done(office.assign(number, owner, &clean::text(&args.reason)?))?;
            desk.done(office.decide(number))?;
            say(&format!("{number} is {name}'s"))?;
        }
        CaseVerb::Note(args) => {
            desk.done(office.note(number(&args.number.case, desk)?, &clean::text(&args.text)?))?;
        }
        CaseVerb::Outcome(args) => {
            let outcome = word("outcome", &args.outcome, &Outcome::ALL)?;
            let number = number(&args.number.case, desk)?;
            desk.done(office.judge(number, outcome, &clean::text(&args.reason)?))?;
            desk.done(office.decide(number))?;
            say(&format!("{number}: {}", outcome.as_str()))?;
        }
        CaseVerb::Request(args) => {
            let number = number(&args.number.case, desk)?;
            let request = desk.done(office.request(number, work::wanted(&args.action)?))?;
            say(&format!("asked; another person types: quell approve {number} --plan {}", request.plan_hash))?;
        }
        CaseVerb::Emergency(args) => emergency(args, desk)?,
        CaseVerb::Ack(args) => work::acknowledge(args, desk)?,
        CaseVerb::Did(args) => work::did(args, desk)?,
        CaseVerb::Export(args) => work::export(args, config, desk)?,
        CaseVerb::Close(args) => {
            let number = number(&args.case, desk)?;
            let told = match desk.done(office.close(number))? {
                Closure::ProofOfDeath { recipe, .. } => format!("by its proof of death, {recipe}"),
                Closure::NoCredential => "as no credential".to_owned(),
            };
            say(&format!("{number} is closed {told}"))?;
        }
    }
    Ok(Exit::Clean)
}

fn emergency(args: &EmergencyArgs, desk: &Desk) -> Result<()> {
    let number = number(&args.number.case, desk)?;
    let office = desk.orchestrator();
    if let (Some(id), Some(reason)) = (&args.end, &args.reason) {
        desk.done(office.end_emergency(number, id, reason))?;
        return say(&format!("{id} is ended"));
    }
    let actions = args.action.iter().map(|name| action(name)).collect::<Result<Vec<_>>>()?;
    [&args.purpose, &args.trigger].into_iter().flatten().try_for_each(|text| clean::check(text))?;
    let (purpose, trigger) = (args.purpose.as_deref().unwrap_or_default(), args.trigger.as_deref().unwrap_or_default());
    let id = desk.done(office.emergency(number, &actions, args.hours, purpose, trigger))?;
    say(&format!(
        "{id} is open for {} h; one approval suffices, and what guardrails forbid stays forbidden",
        args.hours
    ))
}

/// That the organisation's record knows a team or a person, where there is a record.
fn known(kind: OwnerKind, name: &str, config: &Config) -> Result<()> {
    let catalog = desk::catalog(config)?;
    let names: Vec<&str> = match kind {
        OwnerKind::Team => catalog.teams.iter().map(|team| team.name.as_str()).collect(),
        OwnerKind::Person => catalog.people.iter().map(|person| person.name.as_str()).collect(),
    };
    if names.is_empty() || names.contains(&name) {
        return Ok(());
    }
    let near = nearest(name, names).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    bail!("owners.toml knows no `{name}`\n  help: add it there, or name one that is there{near}")
}

/// An action that people do.
fn action(name: &str) -> Result<Action> {
    let known = [Action::Rotate, Action::Quarantine, Action::Revoke, Action::Restore].map(|a| (a.as_str(), a));
    word("action", name, &known)
}

/// The case that a person means: by its number, or by a fingerprint.
pub(super) fn number(text: &str, desk: &Desk) -> Result<CaseNumber> {
    if let Some(number) = CaseNumber::parse(text) {
        return Ok(number);
    }
    let found = desk.wait(desk.store.find(text)).map_err(desk::told)?;
    found.with_context(|| format!("`{text}` is no case\n  help: give a number such as Q-17, or a fingerprint; `quell case list --all` lists them"))
}

fn list(args: &ListArgs, desk: &Desk) -> Result<Exit> {
    evidence(desk)?;
    let stages = args.stage.iter().map(|name| stage(name)).collect::<Result<Vec<_>>>()?;
    let filter = Filter {
        stages: if stages.is_empty() && !args.all { Stage::OPEN.to_vec() } else { stages },
        providers: args.provider.clone(),
        owner: args.owner.clone(),
        live: args.live,
        text: args.text.clone(),
        waiting: args.waiting,
        after: args.after.as_deref().map(|text| number(text, desk)).transpose()?,
        limit: args.limit,
        severity: None,
    };
    let cases = desk.wait(desk.store.cases(&filter)).map_err(desk::told)?;
    let mut out = std::io::stdout().lock();
    if word("format", &args.format, FORMATS)? {
        serde_json::to_writer_pretty(&mut out, &cases)?;
        writeln!(out)?;
    } else {
        page::list(&cases, style(), &mut out)?;
        let counts = desk.wait(desk.store.counts()).map_err(desk::told)?;
        let of =
            |open: bool| counts.cases.iter().filter(|(stage, _)| !open || stage.is_open()).map(|(_, n)| n).sum::<i64>();
        writeln!(out, "{} shown; {} open of {} in all{}", cases.len(), of(true), of(false), debt(desk)?)?;
    }
    Ok(Exit::Clean)
}

/// Approval debt: how many requests wait, for how long together, and the oldest.
fn debt(desk: &Desk) -> Result<String> {
    let waiting = desk.wait(desk.store.waiting()).map_err(desk::told)?;
    let now = desk.wait(desk.store.now()).map_err(desk::told)?;
    let ages: Vec<i64> = waiting.iter().map(|waiting| (now - waiting.approval.at).max(0)).collect();
    let Some(oldest) = ages.iter().max() else { return Ok(String::new()) };
    let (hours, oldest) = (ages.iter().sum::<i64>() / 3600, page::age(*oldest));
    Ok(format!(
        "; {} for approval, {hours} h together, the oldest {oldest}",
        counted(ages.len() as u64, "waits", "wait")
    ))
}

fn stage(name: &str) -> Result<Stage> {
    word("stage", name, &Stage::ALL.map(|stage| (stage.as_str(), stage)))
}

fn show(args: &ShowArgs, desk: &Desk) -> Result<Exit> {
    evidence(desk)?;
    let number = number(&args.number.case, desk)?;
    let case = desk.done(desk.orchestrator().case(number))?;
    let events = events(&case, desk)?;
    let mut out = std::io::stdout().lock();
    if word("format", &args.format, FORMATS)? {
        let told: Vec<_> = events.iter().map(event).collect();
        serde_json::to_writer_pretty(&mut out, &serde_json::json!({ "case": case, "events": told }))?;
        writeln!(out)?;
        return Ok(Exit::Clean);
    }
    page::show(&case, &events, args.events, style(), &mut out)?;
    Ok(Exit::Clean)
}

/// The page of a case, after something was done to it.
fn page_of(text: &str, desk: &Desk) -> Result<Exit> {
    let case = desk.done(desk.orchestrator().case(number(text, desk)?))?;
    page::show(&case, &events(&case, desk)?, false, style(), &mut std::io::stdout().lock())?;
    Ok(Exit::Clean)
}

fn events(case: &Case, desk: &Desk) -> Result<Vec<Event>> {
    desk.wait(desk.store.events(0, u32::MAX, Some(case.number))).map_err(desk::told)
}

/// An event for programs.
fn event(event: &Event) -> serde_json::Value {
    serde_json::json!({ "seq": event.seq, "at": event.at, "actor": event.actor, "body": event.body })
}

/// That the caller may read evidence: agents and machines may not.
pub(super) fn evidence(desk: &Desk) -> Result<()> {
    desk.done(desk.orchestrator().may_read())
}

fn style() -> CaseStyle {
    CaseStyle { color: output::color(), now: output::now() }
}

/// Says how a command ended.
pub(super) fn say(text: &str) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{}", super::exit::escaped(text))?;
    Ok(())
}
