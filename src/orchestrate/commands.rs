//! What people do to a case. Each command asks the policy whether this caller may, and writes an event that the caller signed.

use super::settings::{HOUR, MINUTE, PROOF_HOURS};
use super::{Caller, CommandError, Orchestrator};
use crate::ledger::Tx;
use crate::model::action::Action;
use crate::model::case::{Case, CaseNumber, Outcome, Stage};
use crate::model::event::{Body, Closure, NewEvent, Reopening};
use crate::model::owner::Owner;
use crate::model::principal::{Actor, Role};
use crate::model::{Untrusted, Verification};
use crate::policy::{About, Allowed, Answer, Known, Verb};

/// The longest note or reason, in bytes.
const TEXT: usize = 16 << 10;

impl Orchestrator<'_> {
    /// The case of that number.
    ///
    /// # Errors
    /// Where there is none, or the ledger cannot be read.
    pub async fn case(&self, number: CaseNumber) -> Result<Case, CommandError> {
        self.store.case(number).await?.ok_or(CommandError::NoCase(number))
    }

    /// Says whose a credential is.
    ///
    /// # Errors
    /// Where the caller may not, or the ledger cannot be written.
    pub async fn assign(&self, number: CaseNumber, owner: Owner, reason: &str) -> Result<(), CommandError> {
        let case = self.case(number).await?;
        self.allow(Verb::Assign, &self.about(&case).await?, Some(number)).await?;
        let reason = text(reason)?.to_owned();
        if owner.name.raw().trim_ascii().is_empty() {
            return Err(CommandError::usage("an owner has a name", "give --team NAME or --person NAME"));
        }
        self.write(&case, vec![Body::OwnerAssigned { owner, reason }]).await
    }

    /// Writes a note. Whoever has no registered key may do so too: it is kept as text that nobody vouches for.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub async fn note(&self, number: CaseNumber, note: &str) -> Result<(), CommandError> {
        let case = self.case(number).await?;
        self.allow(Verb::Recommend, &About::default(), Some(number)).await?;
        self.write(&case, vec![Body::Noted { text: Untrusted::from(text(note)?), counts_as: self.caller.kind() }]).await
    }

    /// Judges the finding.
    ///
    /// # Errors
    /// Where the caller may not, or the ledger cannot be written.
    pub async fn judge(&self, number: CaseNumber, outcome: Outcome, reason: &str) -> Result<(), CommandError> {
        let case = self.case(number).await?;
        self.allow(Verb::Outcome, &self.about(&case).await?, Some(number)).await?;
        let reason = text(reason)?.to_owned();
        if outcome == Outcome::False && works(&case) {
            let help = format!("revoke it, or accept the risk; `quell case verify {number}` asks its issuer again");
            let why = "its issuer says that it works: it is a credential";
            return Err(self.refuse("outcome", Some(number), why, help).await?);
        }
        self.write(&case, vec![Body::OutcomeSet { outcome, reason }]).await
    }

    /// Closes a case: on a fresh proof of death, or because a person judged it to be no credential (invariant 10).
    ///
    /// # Errors
    /// Where neither holds, the caller may not, or the ledger cannot be written.
    pub async fn close(&self, number: CaseNumber) -> Result<Closure, CommandError> {
        let case = self.case(number).await?;
        if case.stage == Stage::Closed {
            return Err(CommandError::usage(format!("{number} is closed"), "nothing is to be done"));
        }
        let about = self.about(&case).await?;
        let alone = about.alone == Answer::Yes;
        self.allow(Verb::Close, &about, Some(number)).await?;
        let mut tx = self.store.begin().await?;
        let case = tx.case(number).await?.ok_or(CommandError::NoCase(number))?;
        let closure = match closure(&case, tx.now(), &self.caller.actor(), alone) {
            Ok(closure) => closure,
            Err((why, help)) => {
                drop(tx);
                return Err(self.refuse("close", Some(number), why, help).await?);
            }
        };
        let event = self.signed(Some(number), Body::Closed { closure: closure.clone() })?;
        tx.append(vec![event]).await?;
        tx.commit().await?;
        Ok(closure)
    }

    /// Accepts the risk of a credential until a time.
    ///
    /// # Errors
    /// Where the caller may not, the time is past or too far, or the ledger cannot be written.
    pub async fn accept_risk(&self, number: CaseNumber, until: i64, reason: &str) -> Result<(), CommandError> {
        let case = self.case(number).await?;
        let now = self.store.now().await?;
        if until <= now {
            let help = "name a day that is to come; the policy says how far it may be";
            return Err(CommandError::usage("a risk is accepted until a day that is to come", help));
        }
        let about = About { minutes: Known::Is((until - now) / MINUTE), ..self.about(&case).await? };
        self.allow(Verb::AcceptRisk, &about, Some(number)).await?;
        let reason = text(reason)?.to_owned();
        self.write(&case, vec![Body::RiskAccepted { until, reason }]).await
    }

    /// Opens the emergency path of a case: an approval by one person suffices for these actions until then. What a
    /// guardrail forbids stays forbidden.
    ///
    /// # Errors
    /// Where the caller may not, the time is past or too far, or the ledger cannot be written.
    pub async fn emergency(
        &self,
        number: CaseNumber,
        actions: &[Action],
        hours: i64,
        purpose: &str,
        trigger: &str,
    ) -> Result<String, CommandError> {
        let case = self.case(number).await?;
        let about = About {
            minutes: Known::Is(hours.saturating_mul(HOUR / MINUTE)),
            purpose: (!purpose.trim().is_empty()).into(),
            trigger: (!trigger.trim().is_empty()).into(),
            ..self.about(&case).await?
        };
        self.allow(Verb::Emergency, &about, Some(number)).await?;
        if hours <= 0 || actions.is_empty() {
            let help = "name what may be done with --action, and for how many hours";
            return Err(CommandError::usage("an emergency is for certain actions and a short time", help));
        }
        let until = self.store.now().await? + hours * HOUR;
        let id = format!("e-{}", nonce()?.get(..12).unwrap_or_default());
        let (purpose, trigger) = (text(purpose)?.to_owned(), text(trigger)?.to_owned());
        let body = Body::EmergencyOpened { id: id.clone(), purpose, actions: actions.to_vec(), until, trigger };
        self.write(&case, vec![body]).await?;
        Ok(id)
    }

    /// Ends the emergency path of a case.
    ///
    /// # Errors
    /// Where there is none, the caller may not, or the ledger cannot be written.
    pub async fn end_emergency(&self, number: CaseNumber, id: &str, reason: &str) -> Result<(), CommandError> {
        let case = self.case(number).await?;
        self.allow(Verb::Reject, &self.about(&case).await?, Some(number)).await?;
        if !case.emergencies.iter().any(|e| e.id == id && e.ended.is_none()) {
            let help = format!("`quell case show {number}` shows those that are open");
            return Err(CommandError::usage(format!("{number} has no open emergency `{id}`"), help));
        }
        let reason = text(reason)?.to_owned();
        self.write(&case, vec![Body::EmergencyEnded { id: id.to_owned(), reason }]).await
    }

    /// That the caller may read evidence: agents and machines may not (requirement 65).
    ///
    /// # Errors
    /// Where the caller may not.
    pub async fn may_read(&self) -> Result<(), CommandError> {
        self.allow(Verb::ReadEvidence, &About::default(), None).await.map(|_| ())
    }

    /// That the caller works on cases.
    ///
    /// # Errors
    /// Where the caller does not.
    pub async fn may_work(&self) -> Result<(), CommandError> {
        self.allow(Verb::Note, &About::default(), None).await.map(|_| ())
    }

    /// That the caller administers.
    ///
    /// # Errors
    /// Where the caller does not.
    pub async fn may_administer(&self) -> Result<(), CommandError> {
        self.allow(Verb::People, &About::default(), None).await.map(|_| ())
    }

    /// Writes down what an issuer said about the credential of a case; `nominal` is when the schedule wanted it asked. One that was closed and that works is open again.
    ///
    /// # Errors
    /// Where there is no such case, or the ledger cannot be written.
    pub async fn verdict(
        &self,
        number: CaseNumber,
        verification: Verification,
        nominal: Option<i64>,
    ) -> Result<(), CommandError> {
        let case = self.case(number).await?;
        let by = self.caller.actor();
        let verification = case.weighed(verification);
        let lives = verification.proves_life();
        let mut bodies = vec![Body::VerdictHad { verification: Box::new(verification), by, nominal }];
        if lives && case.stage == Stage::Closed {
            bodies.push(Body::CaseReopened { why: Reopening::LivesAgain });
        }
        let mut tx = self.store.begin().await?;
        tx.expect(number, case.version).await?;
        tx.append(bodies.into_iter().map(|body| NewEvent::by_quell(Some(number), body)).collect()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Erases the sealed secret of a case.
    ///
    /// # Errors
    /// Where the caller may not, or the ledger cannot be written.
    pub async fn erase(&self, number: CaseNumber, reason: &str) -> Result<(), CommandError> {
        let case = self.case(number).await?;
        self.allow(Verb::Erase, &self.about(&case).await?, Some(number)).await?;
        let reason = format!("{}: {}", self.caller.actor().name(), text(reason)?);
        let mut tx = self.store.begin().await?;
        tx.erase(number, &reason).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What the policy is told about a case: whether the caller brought the leak in, and whether nobody else could decide.
    pub(super) async fn about(&self, case: &Case) -> Result<About, CommandError> {
        let people = self.store.people().await?;
        let alone = people.iter().filter(|p| p.has(Role::Approver)).count() <= 1;
        let address = self.caller.principal.as_ref().and_then(|p| p.address.as_deref()).map(plain_address);
        let authors: Vec<String> = case.authors.iter().map(author_address).collect();
        // Who cannot be compared with an author may be one.
        let leaker = match address {
            Some(address) if !authors.is_empty() => authors.contains(&address).into(),
            _ => Answer::Unknown,
        };
        Ok(About { leaker, alone: alone.into(), ..About::default() })
    }

    /// Whether the caller may; where not, the refusal is recorded.
    pub(super) async fn allow(
        &self,
        verb: Verb,
        about: &About,
        case: Option<CaseNumber>,
    ) -> Result<Allowed, CommandError> {
        let allowed = self.policy.may(verb, &caller(self.caller), about);
        if allowed.allowed {
            return Ok(allowed);
        }
        let reasons = allowed.unmet.iter().map(|unmet| format!("{} ({})", unmet.title, unmet.id)).chain(allowed.errors);
        let why = reasons.collect::<Vec<_>>().join("; ");
        Err(self.refuse(verb.as_str(), case, why, help(self.caller)).await?)
    }

    /// Records a refusal, and gives it as an error.
    pub(super) async fn refuse(
        &self,
        verb: &str,
        case: Option<CaseNumber>,
        why: impl Into<String>,
        help: impl Into<String>,
    ) -> Result<CommandError, CommandError> {
        let (why, help) = (why.into(), help.into());
        let reason = format!("{} ({}): {why}", self.caller.actor().name(), self.caller.kind().as_str());
        let event = NewEvent::by_quell(case, Body::Refused { verb: verb.to_owned(), reason });
        let mut tx = self.store.begin().await?;
        tx.append(vec![event]).await?;
        tx.commit().await?;
        Ok(CommandError::Refused { why, help })
    }

    /// Writes events about a case, if nothing was written about it since it was looked at.
    pub(super) async fn write(&self, case: &Case, bodies: Vec<Body>) -> Result<(), CommandError> {
        let mut tx = self.store.begin().await?;
        tx.expect(case.number, case.version).await?;
        self.append(&mut tx, Some(case.number), bodies).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Writes events as the caller.
    pub(super) async fn append(
        &self,
        tx: &mut Tx,
        case: Option<CaseNumber>,
        bodies: Vec<Body>,
    ) -> Result<(), CommandError> {
        let events = bodies.into_iter().map(|body| self.signed(case, body)).collect::<Result<Vec<_>, _>>()?;
        tx.append(events).await?;
        Ok(())
    }

    /// An event of the caller, signed where the caller has a registered key.
    pub(super) fn signed(&self, case: Option<CaseNumber>, body: Body) -> Result<NewEvent, CommandError> {
        let actor = self.caller.actor();
        let event = NewEvent { case, actor: actor.clone(), body, nonce: None, signature: None };
        match (&actor, &self.caller.key) {
            (Actor::Principal(_) | Actor::Relayed(_), Some(key)) => {
                Ok(key.sign_event(self.store.id(), event, &nonce()?)?)
            }
            _ => Ok(event),
        }
    }
}

/// What the policy is told about a caller.
pub(super) fn caller(caller: &Caller) -> crate::policy::Caller {
    caller.principal.as_ref().map_or_else(crate::policy::Caller::default, |principal| crate::policy::Caller {
        kind: Some(caller.kind()),
        ..crate::policy::Caller::of(principal)
    })
}

/// What whoever was refused can do.
fn help(caller: &Caller) -> &'static str {
    if caller.principal.is_none() {
        return "your key is not registered: `quell people key` shows it, and an administrator adds it with `quell people add`";
    }
    "ask somebody who may: `quell people list` shows who has which role"
}

/// Why a case may be closed, or why not and what to do.
fn closure(case: &Case, now: i64, closer: &Actor, alone: bool) -> Result<Closure, (String, String)> {
    let number = case.number;
    if matches!(case.outcome, Some((Outcome::False | Outcome::Test, _))) && !works(case) {
        return Ok(Closure::NoCredential);
    }
    let again = format!(
        "`quell case verify {number}` asks its issuer; who knows that it is no credential says so with `quell case outcome {number} false --reason …`"
    );
    let Some((verification, asked, by)) = case.proof_of_death() else {
        return Err(("a case is closed on a proof of death, and there is none".to_owned(), again));
    };
    if asked + PROOF_HOURS * HOUR < now {
        return Err((format!("its proof of death is older than {PROOF_HOURS} hours"), again));
    }
    if verification.listed && by == closer && !alone {
        let why = "its issuer was asked at a host that your own configuration lists: somebody else closes it";
        return Err((why.to_owned(), format!("another responder types: quell case close {number}")));
    }
    Ok(Closure::ProofOfDeath { asked, recipe: verification.recipe.clone() })
}

/// Whether its issuer says that it works.
fn works(case: &Case) -> bool {
    case.verdict().is_some_and(Verification::proves_life)
}

/// The address of an author, `Name <address>`, in the form that addresses are compared in.
fn author_address(author: &Untrusted) -> String {
    let text = String::from_utf8_lossy(author.raw());
    let inner = text.rsplit_once('<').map_or(&*text, |(_, rest)| rest.split('>').next().unwrap_or_default());
    plain_address(inner)
}

/// An address in small letters, without a `+tag`.
pub(super) fn plain_address(address: &str) -> String {
    let lower = address.trim().to_lowercase();
    match lower.split_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split('+').next().unwrap_or_default()),
        None => lower,
    }
}

/// A text that a person gives: something, and not too long.
pub(super) fn text(given: &str) -> Result<&str, CommandError> {
    let trimmed = given.trim();
    if trimmed.is_empty() {
        return Err(CommandError::usage("a reason is needed", "say why: it is read by whoever asks a year from now"));
    }
    if trimmed.len() > TEXT {
        return Err(CommandError::usage("the text is longer than 16 KiB", "put it where the case can point to it"));
    }
    Ok(trimmed)
}

/// A name that nobody has used before.
pub(super) fn nonce() -> Result<String, CommandError> {
    let mut bytes = [0; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|_| CommandError::usage("the system gives no random numbers", "try again"))?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}
