//! What is known about cases is gathered anew, their issuers are asked again, and the policy is asked: for `track`, `case
//! verify`, `case decide` and `run`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use time::macros::format_description;
use time::{Date, Time, UtcDateTime};

use super::case::number;
use super::config::Config;
use super::desk::{self, Desk};
use super::verification::{self, Verification};
use super::{exit, output, scan};
use crate::ledger::{LedgerError, SealedParts};
use crate::model::answers::{Capability, Evidence, Reversibility};
use crate::model::case::{Case, CaseNumber, Place};
use crate::model::{
    Companion, Confidence, Finding, FingerprintInput, Location, Part, Report, Secret, Untrusted, Verdict,
    Verification as Answer, Why,
};
use crate::orchestrate::{CommandError, Gatherer};
use crate::owners::Histories;
use crate::rules::recipe::UndoDecl;
use crate::rules::{Recipes, RuleSet};
use crate::scan::kind;

/// `quell case verify`
#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    /// The case, such as Q-17, or a fingerprint.
    pub(super) case: String,
    /// A directory of rule files, added to the embedded rules.
    #[arg(long, value_name = "DIR", env = "QUELL_RULES")]
    rules: Option<PathBuf>,
    /// A file with the certificates of authorities to trust beside the system's, as PEM.
    #[arg(long, value_name = "FILE", env = "QUELL_CA_FILE")]
    ca_file: Option<PathBuf>,
    #[command(flatten)]
    verification: verification::Args,
}

/// How often what somebody else changed meanwhile is done again.
pub(super) const RETRIES: u32 = 8;

/// Gathers owners and answers for cases, and decides anew.
pub(super) fn gather(desk: &Desk, config: &Config, cases: &[CaseNumber], gaps: bool) -> Result<()> {
    let catalog = desk::catalog(config)?;
    let rules = scan::rules(config.rules.dir.as_deref())?;
    let histories = Histories::default();
    let capability = |provider: &str| capability(&rules, provider);
    let with = Gatherer { catalog: &catalog, histories: &histories, capability: &capability, gaps };
    let office = desk.orchestrator();
    for number in cases {
        // Somebody else may write about the case meanwhile: what they wrote is read, and it is done again.
        for left in (0..RETRIES).rev() {
            let done = desk.wait(async {
                office.gather(*number, &with).await?;
                office.decide(*number).await
            });
            match done {
                Err(CommandError::Ledger(LedgerError::Conflict { .. })) if left > 0 => {}
                other => {
                    desk.done(async { other.map(drop) })?;
                    break;
                }
            }
        }
    }
    Ok(())
}

/// What can be done to credentials of a provider, and undone, as its file says.
fn capability(rules: &RuleSet, provider: &str) -> Option<(Capability, Evidence)> {
    let text = &rules.providers.iter().find(|p| p.id == provider)?.recipes;
    let said = Recipes::of_text(text).capability?;
    let undo = |undo: UndoDecl| match undo {
        UndoDecl::Irreversible => Reversibility::Irreversible,
        UndoDecl::Replaceable => Reversibility::Replaceable,
        UndoDecl::Reversible => Reversibility::Reversible,
    };
    let capability = Capability {
        quarantine: said.quarantine.map(undo),
        revoke: said.revoke.map(undo),
        observe: said.observe,
        tells_blocked: said.tells_blocked,
        sessions_survive: said.sessions_survive,
    };
    let read = Date::parse(&said.read, format_description!("[year]-[month]-[day]")).ok()?;
    let at = UtcDateTime::new(read, Time::MIDNIGHT).unix_timestamp();
    let (source, place) = ("documentation".to_owned(), Untrusted::from(said.docs.as_str()));
    Some((capability, Evidence { source, place, at, confidence: Confidence::Medium }))
}

/// Asks the issuer of a case's credential now, writes down what it says, and decides anew.
pub(super) fn verify(args: &VerifyArgs, config: &Config, desk: &Desk) -> Result<()> {
    desk.done(desk.orchestrator().may_work())?;
    let rules = scan::rules(args.rules.as_deref().or(config.rules.dir.as_deref()))?;
    let verification = Verification::new(&args.verification, config, &rules, args.ca_file.as_deref(), true)?;
    let number = number(&args.case, desk)?;
    let case = desk.done(desk.orchestrator().case(number))?;
    let answer = match finding(&case, config, desk, &rules)? {
        Some(finding) => {
            let mut report = Report { findings: vec![finding], ..Report::default() };
            verification.run(&rules, &mut report)?;
            report.findings.pop().and_then(|finding| finding.verification).map(|answer| *answer)
        }
        None => Some(Answer::not_asked(Verdict::Unknown(Why::SecretGone), "", output::now())),
    };
    let answer = answer.ok_or_else(|| anyhow!("{number} could not be asked about"))?;
    desk.done(desk.orchestrator().verdict(number, answer, None))?;
    gather(desk, config, &[number], false)
}

/// The credential of a case: unsealed, or read again from where it stands.
pub(super) fn finding(case: &Case, config: &Config, desk: &Desk, rules: &RuleSet) -> Result<Option<Finding>> {
    if case.sealed.is_some() {
        let Some(wrapper) = desk::wrapper(config, false)? else {
            bail!(
                "its secret is sealed, and [store] says that nothing is\n  help: take `seal = false` out of the configuration"
            );
        };
        match desk.wait(desk.store.unseal(case.number, &*wrapper)) {
            Ok(Some(parts)) => return unsealed(case, parts, rules).map(Some),
            Ok(None) => {}
            Err(LedgerError::Expired(_)) => {}
            Err(error) => return Err(desk::told(error)),
        }
    }
    read_again(case, config, rules)
}

/// A finding of the parts that were sealed.
fn unsealed(case: &Case, sealed: SealedParts, rules: &RuleSet) -> Result<Finding> {
    let of_rule = |id: &str| rules.rules.iter().find(|rule| rule.id == id);
    let rule = of_rule(&case.opening.rule).ok_or_else(|| {
        anyhow!("there is no rule `{}` any more\n  help: name the rules that found it with --rules", case.opening.rule)
    })?;
    let with: Vec<(String, Option<String>)> =
        sealed.context.get("companions").cloned().map(serde_json::from_value).transpose()?.unwrap_or_default();
    let mut parts = sealed.parts.into_iter();
    let secret = parts.next().map_or_else(|| Secret::new(Vec::new()), |(_, secret)| secret);
    let companions = parts.zip(with).map(|((name, secret), (_, found_by))| Companion {
        name: name.into(),
        kind: found_by.as_deref().and_then(of_rule).map(|rule| Arc::new(kind(rules, rule))),
        secret,
        location: location(case.opening.places.first()),
    });
    Ok(Finding {
        leaks: None,
        kind: Arc::new(kind(rules, rule)),
        other_kinds: Vec::new(),
        severity: case.opening.severity,
        confidence: case.opening.confidence,
        secret,
        fingerprint: None,
        locations: case.opening.places.iter().map(|place| location(Some(place))).collect(),
        companions: companions.collect(),
        facts: Vec::new(),
        verification: None,
    })
}

/// A place as verification has it.
fn location(place: Option<&Place>) -> Location {
    let (line, column) = place.map_or((1, 1), |place| (place.line, place.column));
    Location {
        path: place.map_or_else(|| Untrusted::from(""), |place| place.path.clone()),
        part: place.map_or(Part::File, |place| place.part),
        start: 0,
        end: 0,
        line,
        column,
        end_line: line,
        end_column: column,
        commit: None,
        history: None,
    }
}

/// The credential where it stands, by scanning the places of the case again; `None` where it does not stand there any more.
fn read_again(case: &Case, config: &Config, rules: &RuleSet) -> Result<Option<Finding>> {
    use std::os::unix::ffi::OsStrExt;
    let key = desk::identity_key(config, false)?;
    for place in &case.opening.places {
        let history = place.presence.is_some() || place.commit.is_some();
        let root = PathBuf::from(std::ffi::OsStr::from_bytes(place.root.raw()));
        let path = if history { root } else { root.join(std::ffi::OsStr::from_bytes(place.path.raw())) };
        if path.is_absolute() && !path.exists() {
            continue;
        }
        let args = scan::Args {
            history: history && path.is_absolute(),
            paths: vec![path],
            only: vec![case.opening.rule.clone()],
            confidence: Some("low".to_owned()),
            no_ignore: true,
            no_target_ignores: true,
            ..scan::Args::default()
        };
        let remote = super::remote::targets(&args)?;
        let report = scan::scanned(&args, config, None, &remote)?;
        let password = rules.rules.iter().any(|rule| rule.id == case.opening.rule && rule.password);
        let is = |finding: &Finding| {
            let input = if password { finding.as_password() } else { FingerprintInput::Token(&finding.secret) };
            let own = key.fingerprint(input);
            own.iter()
                .chain(&finding.fingerprint)
                .any(|print| case.opening.fingerprints.iter().any(|f| f == print.as_str()))
        };
        if let Some(found) = report.findings.into_iter().find(is) {
            return Ok(Some(found));
        }
    }
    exit::say(&format!("{} does not stand any more where it was found, and is not sealed", case.number));
    Ok(None)
}
