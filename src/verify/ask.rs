//! One credential at its issuer: the request, what came back, and the made-up credential that the same place must refuse.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OnceCell};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::answer::Reply;
use super::connect::Network;
use super::endpoints::Place;
use super::engine::Options;
use super::parts::Parts;
use super::plan::{Plan, places};
use super::{http, request, sign, wire};
use crate::model::{Identity, Quotes, Secret, Untrusted, Verdict, Verification, Why};
use crate::rules::recipe::ControlDecl;
use crate::rules::template::{self, Random};
use crate::rules::{VerifyDecl, lint};

/// Requests a minute at a provider whose recipe names no number.
const PER_MINUTE: u32 = 600;
/// The most requests that go to a provider before its pace is kept.
const BURST: u32 = 10;
/// So many failures to reach a provider in a row, and it is left alone for the rest of the run.
const GIVE_UP: u32 = 3;

/// The pace of one provider, and how many times in a row it was not reached.
pub struct Pace {
    /// How many requests go out before the pace is kept: a provider counts by the minute.
    burst: AtomicU32,
    ticks: AsyncMutex<Option<Interval>>,
    per_minute: u32,
    failures: AtomicU32,
    last: Mutex<Why>,
}

/// Asks about credentials.
pub struct Asker<'a> {
    network: &'a Network,
    options: &'a Options<'a>,
    left: AtomicI64,
    seed: AtomicU64,
    controls: Mutex<Controls>,
}

/// By recipe and place, what is found out once, whoever asks first.
type Controls = HashMap<(Arc<str>, Place), Arc<OnceCell<Control>>>;

/// What a place makes of a made-up credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Control {
    /// It refuses it.
    Refused,
    /// It accepts it, or says something else that is no refusal.
    Failed,
    /// The recipe knows no way to make one.
    None,
    /// It could not be asked.
    Unknown(Why),
}

/// What came of asking about a credential.
pub struct Asked {
    verdict: Verdict,
    controlled: bool,
    identity: Identity,
    at: i64,
    recipe: Arc<str>,
    place: Option<String>,
    answer: String,
    /// Whether the host is a provider's own: such a name has an address wherever there is a network.
    own: bool,
}

impl Asked {
    fn not(verdict: Verdict, plan: &Plan<'_>, at: i64) -> Self {
        let recipe = Arc::clone(&plan.name);
        let (identity, answer) = (Identity::default(), String::new());
        Self { verdict, controlled: true, identity, at, recipe, place: None, answer, own: false }
    }

    /// As it is told. `offline` says that this run reached nobody.
    #[must_use]
    pub fn verification(self, offline: bool) -> Verification {
        let nameless = offline && self.own && self.verdict == Verdict::Unknown(Why::NoAddress);
        Verification {
            verdict: if nameless { Verdict::Unknown(Why::Offline) } else { self.verdict },
            controlled: self.controlled,
            identity: self.identity,
            asked: self.at,
            recipe: self.recipe.to_string(),
            host: Untrusted::from(self.place.unwrap_or_default().as_str()),
            answer: self.answer,
            cached: false,
        }
    }

    /// Of several answers about one credential, the one that says most: live above all, and what is not known above a
    /// refusal, which holds for one place alone.
    fn rank(&self) -> u8 {
        match self.verdict {
            Verdict::Live => 6,
            Verdict::LiveLimited => 5,
            Verdict::Blocked => 4,
            Verdict::Unknown(Why::PartMissing | Why::Unusable) => 0,
            Verdict::Unknown(_) => 3,
            Verdict::Indistinct => 2,
            Verdict::Dead | Verdict::NoVerifier => 1,
        }
    }
}

impl<'a> Asker<'a> {
    /// For one run.
    #[must_use]
    pub fn new(network: &'a Network, options: &'a Options<'a>) -> Self {
        let most = options.max_requests.map_or(i64::MAX, |most| i64::try_from(most).unwrap_or(i64::MAX));
        let (left, seed) = (AtomicI64::new(most), AtomicU64::new(options.seed));
        Self { network, options, left, seed, controls: Mutex::default() }
    }

    /// The pace of a provider.
    #[must_use]
    pub fn pace(&self, recipe: &Option<Arc<VerifyDecl>>) -> Pace {
        let per_minute = recipe.as_ref().and_then(|recipe| recipe.per_minute).unwrap_or(PER_MINUTE).max(1);
        Pace {
            // A check, its control and a second question go out at once, whatever the pace.
            burst: AtomicU32::new((per_minute / 2).clamp(3, BURST)),
            ticks: AsyncMutex::new(None),
            per_minute,
            failures: AtomicU32::new(0),
            last: Mutex::new(Why::Timeout),
        }
    }

    /// Asks about a credential, at each place and for each way to put it together, until one says that it works.
    pub async fn credential(&self, plan: &Plan<'_>, pace: &Pace) -> Asked {
        let mut best: Option<Asked> = None;
        for parts in &plan.parts {
            let all = match places(plan.provider, &plan.recipe, self.options.endpoints, parts) {
                Ok(all) => all,
                Err(why) => {
                    let none = Asked::not(Verdict::Unknown(why), plan, self.options.clock.now());
                    best = Some(best.filter(|best| best.rank() >= none.rank()).unwrap_or(none));
                    continue;
                }
            };
            for place in &all {
                let asked = self.at(plan, place, parts, pace).await;
                if asked.verdict.is_live() {
                    return asked;
                }
                best = Some(best.filter(|best| best.rank() >= asked.rank()).unwrap_or(asked));
            }
        }
        best.unwrap_or_else(|| Asked::not(Verdict::Unknown(Why::Unusable), plan, self.options.clock.now()))
    }

    /// Asks one place.
    async fn at(&self, plan: &Plan<'_>, place: &Place, parts: &Parts, pace: &Pace) -> Asked {
        let mut asked = Asked::not(Verdict::NoVerifier, plan, self.options.clock.now());
        asked.place = Some(place.authority());
        asked.own = place.trust == super::address::Trust::Public;
        let reply = match self.reply(&plan.recipe, place, parts, pace).await {
            Ok(reply) => reply,
            Err(why) => {
                asked.verdict = Verdict::Unknown(why);
                return asked;
            }
        };
        let parsed = reply.parsed();
        asked.answer = reply.shape();
        asked.verdict = parsed.verdict(&plan.recipe);
        if matches!(asked.verdict, Verdict::Live | Verdict::LiveLimited | Verdict::Blocked) {
            asked.identity = parsed.identity(&plan.recipe, parts);
            match self.control(plan, place, parts, pace).await {
                Control::Refused => {}
                Control::None => asked.controlled = false,
                Control::Failed => return Asked { verdict: Verdict::Unknown(Why::ControlFailed), ..without(asked) },
                Control::Unknown(why) => return Asked { verdict: Verdict::Unknown(why), ..without(asked) },
            }
        }
        if let (Verdict::Live, Some(then)) = (asked.verdict, &plan.then) {
            self.more(&mut asked, then, place, parts, pace).await;
        }
        conceal(&mut asked.identity, parts);
        asked
    }

    /// Asks a second time, for what the first answer does not tell.
    async fn more(&self, asked: &mut Asked, then: &VerifyDecl, place: &Place, parts: &Parts, pace: &Pace) {
        let Ok(reply) = self.reply(then, place, parts, pace).await else { return };
        let parsed = reply.parsed();
        let verdict = parsed.verdict(then);
        if matches!(verdict, Verdict::LiveLimited | Verdict::Blocked) {
            asked.verdict = verdict;
        }
        if matches!(verdict, Verdict::Live | Verdict::LiveLimited) {
            let told = parsed.identity(then, parts);
            for (name, values) in told.told() {
                asked.identity.set(name, values.into_iter().cloned().collect());
            }
        }
    }

    /// What a place makes of a made-up credential: asked once for a recipe and a place in a run.
    async fn control(&self, plan: &Plan<'_>, place: &Place, parts: &Parts, pace: &Pace) -> Control {
        let cell = {
            let mut controls = self.controls.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(controls.entry((Arc::clone(&plan.name), place.clone())).or_default())
        };
        *cell.get_or_init(|| self.controlled(plan, place, parts, pace)).await
    }

    async fn controlled(&self, plan: &Plan<'_>, place: &Place, parts: &Parts, pace: &Pace) -> Control {
        let seed = self.seed.fetch_add(1, Ordering::Relaxed);
        let Some(made_up) = made_up(plan, parts, &mut Random::new(seed)) else { return Control::None };
        let reply = match self.reply(&plan.recipe, place, &made_up, pace).await {
            Ok(reply) => reply,
            Err(why) => return Control::Unknown(why),
        };
        let parsed = reply.parsed();
        if parsed.refuses(&plan.recipe) {
            return Control::Refused;
        }
        match parsed.verdict(&plan.recipe) {
            Verdict::Unknown(why @ (Why::RateLimited | Why::Outage)) => Control::Unknown(why),
            _ => Control::Failed,
        }
    }

    /// Sends one request of a recipe. A read that got no answer at all is sent once more; nothing else is.
    async fn reply(&self, recipe: &VerifyDecl, place: &Place, parts: &Parts, pace: &Pace) -> Result<Reply, Why> {
        let reads = recipe.request.protocol == "https" && matches!(recipe.request.method.as_str(), "GET" | "HEAD");
        let first = self.once(recipe, place, parts, pace).await;
        match first {
            Err(Why::Unreachable) if reads => self.once(recipe, place, parts, pace).await,
            other => other,
        }
    }

    async fn once(&self, recipe: &VerifyDecl, place: &Place, parts: &Parts, pace: &Pace) -> Result<Reply, Why> {
        pace.given_up()?;
        if self.left.fetch_sub(1, Ordering::Relaxed) <= 0 {
            return Err(Why::BudgetSpent);
        }
        pace.wait().await;
        pace.given_up()?;
        let protocol = recipe.request.protocol.as_str();
        let reply = if protocol == "https" {
            let (signer, now) = (recipe.request.signer.as_deref(), self.options.clock.now());
            let parts = sign::prepare(signer, parts, now)?;
            let request = request::build(&recipe.request, &parts)?;
            http::send(self.network, place, sign::sign(&recipe.request, request, place, &parts, now)?).await
        } else {
            wire::ask(protocol, self.network, place, parts).await
        };
        pace.note(&reply);
        reply
    }
}

impl Pace {
    /// Waits for this provider's turn.
    async fn wait(&self) {
        if self.burst.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return;
        }
        let mut ticks = self.ticks.lock().await;
        if ticks.is_none() {
            let mut new = interval(Duration::from_secs(60) / self.per_minute);
            new.set_missed_tick_behavior(MissedTickBehavior::Delay);
            // The first tick is at once.
            new.tick().await;
            *ticks = Some(new);
        }
        if let Some(ticks) = ticks.as_mut() {
            ticks.tick().await;
        }
    }

    fn given_up(&self) -> Result<(), Why> {
        if self.failures.load(Ordering::Relaxed) < GIVE_UP {
            return Ok(());
        }
        Err(*self.last.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, reply: &Result<Reply, Why>) {
        let why = match reply {
            Err(why @ (Why::Timeout | Why::Unreachable | Why::Offline | Why::NoAddress | Why::Tls)) => *why,
            // Whoever asks for fewer requests gets none any more.
            Ok(reply) if reply.status == 429 => {
                self.failures.fetch_add(GIVE_UP, Ordering::Relaxed);
                Why::RateLimited
            }
            _ => {
                self.failures.store(0, Ordering::Relaxed);
                return;
            }
        };
        self.failures.fetch_add(1, Ordering::Relaxed);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

/// A credential of the same shape that nobody issued.
fn made_up(plan: &Plan<'_>, parts: &Parts, random: &mut Random) -> Option<Parts> {
    let mut expand = |text: &str| template::expand(text, random, &template::Bindings::default()).ok().map(Secret::new);
    match &plan.recipe.control {
        ControlDecl::Secret(text) if text == "none" => None,
        ControlDecl::Secret(text) if text == "sample" => {
            let sample = lint::sample(&plan.rule.sample, plan.rule.checksum, random).ok()?;
            Some(parts.with("secret", Secret::new(sample)))
        }
        ControlDecl::Secret(text) => Some(parts.with("secret", expand(text)?)),
        ControlDecl::Parts(made) => {
            made.iter().try_fold(parts.clone(), |parts, (name, text)| Some(parts.with(name, expand(text)?)))
        }
    }
}

fn without(asked: Asked) -> Asked {
    Asked { identity: Identity::default(), ..asked }
}

/// Takes out of an identity what quotes the credential: a server may send back what it was sent.
fn conceal(identity: &mut Identity, parts: &Parts) {
    let values: Vec<Untrusted> = identity.told().flat_map(|(_, values)| values.into_iter().cloned()).collect();
    let mut quotes = Quotes::new(values.iter().map(Untrusted::raw).collect());
    if let Some(secret) = parts.secret() {
        quotes.look(secret, &secret.redacted(0));
    }
    let quoting: Vec<&Untrusted> =
        values.iter().enumerate().filter(|(n, _)| quotes.quotes(*n)).map(|(_, v)| v).collect();
    let hides = |value: &Untrusted| quoting.contains(&value);
    for one in [
        &mut identity.subject,
        &mut identity.account,
        &mut identity.privilege,
        &mut identity.expires,
        &mut identity.last_use,
    ] {
        if one.as_ref().is_some_and(hides) {
            *one = None;
        }
    }
    identity.scopes.retain(|value| !hides(value));
    identity.resources.retain(|value| !hides(value));
}
