//! One credential at its issuer: the request, what came back, and the made-up credential that the same place must refuse.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OnceCell};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::answer::Reply;
use super::conceal::conceal;
use super::connect::Network;
use super::endpoints::Place;
use super::engine::Options;
use super::parts::Parts;
use super::plan::{Plan, places};
use super::{http, request, sign, wire};
use crate::model::{Identity, Secret, Untrusted, Verdict, Verification, Why};
use crate::rules::recipe::ControlDecl;
use crate::rules::template::{self, Random};
use crate::rules::{VerifyDecl, lint};

/// Requests a minute at a provider whose recipe names no number.
const PER_MINUTE: u32 = 600;
/// The most requests that go to a provider before its pace is kept.
const BURST: u32 = 10;
/// So many logins of one account are tried in a run.
const LOGINS: u32 = 3;
/// So many failures to reach a provider in a row, and it is left alone for the rest of the run.
const GIVE_UP: u32 = 3;

/// The pace of one provider, and how many times in a row it was not reached.
pub struct Pace {
    /// How many requests go out before the pace is kept: a provider counts by the minute.
    burst: AtomicU32,
    ticks: AsyncMutex<Option<Interval>>,
    per_minute: u32,
    /// By host, how many times in a row it was not reached, and why at last.
    failures: Mutex<HashMap<String, (u32, Why)>>,
    /// By host and account, how many logins were tried.
    logins: Mutex<HashMap<(String, Vec<u8>), u32>>,
}

/// Asks about credentials.
pub struct Asker<'a> {
    network: &'a Network,
    options: &'a Options<'a>,
    left: AtomicI64,
    seed: AtomicU64,
    controls: Mutex<Controls>,
}

/// By recipe, rule (a made-up credential has its shape) and place, what is found out once, whoever asks first.
type Controls = HashMap<(Arc<str>, String, Place), Arc<OnceCell<Control>>>;

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
    /// Whether the server holds no such credential.
    absent: bool,
    /// Whether the host is a provider's own: such a name has an address wherever there is a network.
    own: bool,
}

impl Asked {
    fn not(verdict: Verdict, plan: &Plan<'_>, at: i64) -> Self {
        let recipe = Arc::clone(&plan.name);
        let (identity, answer) = (Identity::default(), String::new());
        Self { verdict, controlled: true, identity, at, recipe, place: None, answer, absent: false, own: false }
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
            listed: !self.own,
            absent: self.absent,
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

    /// The pace of a provider: the slowest that any of its recipes asks for.
    #[must_use]
    pub fn pace(&self, plans: &[&Plan<'_>]) -> Pace {
        let recipes = plans.iter().flat_map(|plan| [Some(&plan.recipe), plan.then.as_ref()]).flatten();
        let per_minute = recipes.filter_map(|recipe| recipe.per_minute).min().unwrap_or(PER_MINUTE).max(1);
        Pace {
            burst: AtomicU32::new(burst(per_minute)),
            ticks: AsyncMutex::new(None),
            per_minute,
            failures: Mutex::default(),
            logins: Mutex::default(),
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
        let mut asked =
            best.unwrap_or_else(|| Asked::not(Verdict::Unknown(Why::Unusable), plan, self.options.clock.now()));
        // What stands beside a secret may be another's: the pair is refused, and the secret may work with its own.
        asked.absent &= !plan.ambiguous && !plan.joined;
        asked.verdict = match asked.verdict {
            Verdict::Dead | Verdict::Indistinct if plan.ambiguous => Verdict::Unknown(Why::Ambiguous),
            Verdict::Dead if plan.joined => Verdict::Indistinct,
            other => other,
        };
        asked
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
        asked.absent = parsed.is_absent(&plan.recipe);
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

    /// What a place makes of a made-up credential: asked once for a recipe, a rule and a place in a run.
    async fn control(&self, plan: &Plan<'_>, place: &Place, parts: &Parts, pace: &Pace) -> Control {
        let cell = {
            let mut controls = self.controls.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(controls.entry((Arc::clone(&plan.name), plan.rule.id.to_string(), place.clone())).or_default())
        };
        // What could not be asked is asked again for the next credential.
        let asked = async || match self.controlled(plan, place, parts, pace).await {
            Control::Unknown(why) => Err(why),
            known => Ok(known),
        };
        cell.get_or_try_init(asked).await.map_or_else(Control::Unknown, |known| *known)
    }

    async fn controlled(&self, plan: &Plan<'_>, place: &Place, parts: &Parts, pace: &Pace) -> Control {
        let seed = self.seed.fetch_add(1, Ordering::Relaxed);
        let made_up = match made_up(plan, parts, &mut Random::new(seed)) {
            Ok(Some(made_up)) => made_up,
            Ok(None) => return Control::None,
            Err(why) => return Control::Unknown(why),
        };
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
        let reply = match first {
            Err(Why::Unreachable) if reads => self.once(recipe, place, parts, pace).await,
            other => other,
        };
        pace.note(place, &reply);
        reply
    }

    async fn once(&self, recipe: &VerifyDecl, place: &Place, parts: &Parts, pace: &Pace) -> Result<Reply, Why> {
        pace.given_up(place)?;
        let protocol = recipe.request.protocol.as_str();
        // What cannot be built costs no request.
        let request = if protocol == "https" {
            let now = self.options.clock.now();
            let parts = sign::prepare(recipe.request.signer.as_deref(), parts, now)?;
            let request = request::build(&recipe.request, &parts)?;
            Some(sign::sign(&recipe.request, request, place, &parts, now)?)
        } else {
            pace.login(place, parts)?;
            None
        };
        if self.left.fetch_sub(1, Ordering::Relaxed) <= 0 {
            return Err(Why::BudgetSpent);
        }
        pace.wait().await;
        pace.given_up(place)?;
        match request {
            Some(request) => http::send(self.network, place, request).await,
            None => wire::ask(protocol, self.network, place, parts).await,
        }
    }
}

/// How many requests go out before a pace is kept: a check, its control and a second question at least.
fn burst(per_minute: u32) -> u32 {
    (per_minute / 2).clamp(3, BURST)
}

impl Pace {
    /// Waits for this provider's turn.
    async fn wait(&self) {
        if self.burst.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return;
        }
        let mut ticks = self.ticks.lock().await;
        if ticks.is_none() {
            let period = Duration::from_secs(60) / self.per_minute;
            // What went out at once is waited for, so that a minute has no more than its number.
            tokio::time::sleep(period * burst(self.per_minute)).await;
            let mut new = interval(period);
            new.set_missed_tick_behavior(MissedTickBehavior::Delay);
            *ticks = Some(new);
        }
        if let Some(ticks) = ticks.as_mut() {
            ticks.tick().await;
        }
    }

    fn given_up(&self, place: &Place) -> Result<(), Why> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        match failures.get(&place.authority()) {
            Some((GIVE_UP.., why)) => Err(*why),
            _ => Ok(()),
        }
    }

    fn note(&self, place: &Place, reply: &Result<Reply, Why>) {
        let (more, why) = match reply {
            Err(why @ (Why::Timeout | Why::Unreachable | Why::Offline | Why::NoAddress | Why::Tls)) => (1, *why),
            // Whoever asks for fewer requests gets none any more.
            Ok(reply) if reply.status == 429 => (GIVE_UP, Why::RateLimited),
            _ => (0, Why::Timeout),
        };
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if more == 0 {
            failures.remove(&place.authority());
        } else {
            let known = failures.entry(place.authority()).or_insert((0, why));
            *known = (known.0 + more, why);
        }
    }

    /// Counts a login of an account: whoever writes many passwords of one into a file shall not lock it.
    fn login(&self, place: &Place, parts: &Parts) -> Result<(), Why> {
        let Some(user) = parts.get("user") else { return Ok(()) };
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        let tried = logins.entry((place.authority(), user.to_vec())).or_insert(0);
        *tried += 1;
        if *tried > LOGINS { Err(Why::MayLock) } else { Ok(()) }
    }
}

/// A credential of the same shape that nobody issued; none where the recipe knows no way to make one.
fn made_up(plan: &Plan<'_>, parts: &Parts, random: &mut Random) -> Result<Option<Parts>, Why> {
    let none = template::Bindings::default();
    let mut expand = |text: &str| template::expand(text, random, &none).map(Secret::new).map_err(|_| Why::Unusable);
    match &plan.recipe.control {
        ControlDecl::Secret(text) if text == "none" => Ok(None),
        ControlDecl::Secret(text) if text == "sample" => {
            let sample = lint::sample(&plan.rule.sample, plan.rule.checksum, random).map_err(|_| Why::Unusable)?;
            Ok(Some(parts.with("secret", Secret::new(sample))))
        }
        ControlDecl::Secret(text) => Ok(Some(parts.with("secret", expand(text)?))),
        ControlDecl::Parts(made) => {
            let with = |parts: Parts, (name, text): (&String, &String)| Ok(parts.with(name, expand(text)?));
            made.iter().try_fold(parts.clone(), with).map(Some)
        }
    }
}

fn without(asked: Asked) -> Asked {
    Asked { identity: Identity::default(), ..asked }
}
