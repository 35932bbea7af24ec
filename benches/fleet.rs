//! A made-up fleet of credentials on a stepped clock, of which the truth is known: `benches/metrics.rs` measures with it, and
//! `tests/it/metrics.rs` tries a small one.
//!
//! Times to death follow a mixture of three exponentials. Owners are told at times spread over the fleet's days. Checks follow
//! the schedule of re-verification, a tenth early or late but for the five-day one, until the last day. Each answer may be
//! unknown, and some credentials are lost for good, both whatever became of the credential.
//!
//! What the truth means: an event is dated at its first proof, so the curve between two checks is late by up to the gap. At
//! five days there is a check, so that the curve is on time there — as long as that check has an answer. Where it has none and
//! nobody asks again, a death before it is dated at the next check, two days later, and the headline is too high;
//! `retried: false` shows by how much, and what the interval-censored estimate says then.

use quell::metrics::{Asked, Check, DAY, FIVE_DAYS, Life, State, Survey};

/// What share of the fleet dies how fast: weight, and mean life in days.
const MIXTURE: [(f64, f64); 3] = [(0.25, 0.8), (0.35, 6.0), (0.40, 60.0)];

/// The schedule after notice, in hours.
const SCHEDULE: [i64; 15] = [0, 1, 6, 24, 48, 72, 96, 120, 168, 240, 336, 504, 720, 1440, 2160];

/// One answer in so many is unknown.
const UNKNOWN: u64 = 20;
/// One credential in so many is lost a day.
const LOST: f64 = 100.0;

/// A fleet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How many credentials.
    pub(crate) size: usize,
    /// Over how many days.
    pub(crate) days: i64,
    /// Whether what has no answer is asked again at once.
    pub(crate) retried: bool,
    /// What makes it another fleet.
    pub(crate) seed: u64,
}

/// What one fleet's figures say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    /// The estimate of survival at five days.
    pub(crate) estimate: f64,
    /// Whether its 95 % interval holds the truth.
    pub(crate) holds: bool,
    /// The interval-censored estimate, where there is one.
    pub(crate) intervals: Option<f64>,
}

/// Numbers that look random: splitmix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between 0 and 1, neither included.
    fn share(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// An exponential time in seconds, of a mean in days.
    fn lasts(&mut self, mean: f64) -> i64 {
        (-self.share().ln() * mean * DAY as f64) as i64
    }

    fn up_to(&mut self, most: i64) -> i64 {
        (self.next() % (most as u64 + 1)) as i64
    }

    /// How long a credential lives.
    fn life(&mut self) -> i64 {
        let mut left = self.share();
        let mean = MIXTURE.iter().find(|(weight, _)| {
            left -= weight;
            left < 0.0
        });
        self.lasts(mean.unwrap_or(&MIXTURE[0]).1)
    }
}

/// The share that really lives after some seconds.
pub(crate) fn truth(seconds: i64) -> f64 {
    let days = seconds as f64 / DAY as f64;
    MIXTURE.iter().map(|(weight, mean)| weight * (-days / mean).exp()).sum()
}

/// The lives of a fleet, as a ledger would have them.
pub(crate) fn fleet(plan: Plan) -> Vec<Life> {
    let mut dice = Dice(plan.seed);
    (0..plan.size).map(|_| credential(plan, &mut dice)).collect()
}

fn credential(plan: Plan, dice: &mut Dice) -> Life {
    let (start, end) = (1_767_225_600, 1_767_225_600 + plan.days * DAY);
    let notified = start + dice.up_to(plan.days * DAY);
    let (died, lost) = (notified + dice.life(), notified + dice.lasts(LOST));
    let mut checks = Vec::with_capacity(10);
    checks.push(Check { nominal: None, asked: notified - 60, state: State::Live });
    for hours in SCHEDULE {
        let since = hours * 3600;
        let jitter = if since == FIVE_DAYS || since == 0 { 0 } else { dice.up_to(since / 5) - since / 10 };
        let (nominal, asked) = (notified + since, notified + since + jitter);
        if asked > end || asked > lost {
            break;
        }
        let mut unknown = || dice.next().is_multiple_of(UNKNOWN);
        if unknown() && (!plan.retried || unknown()) {
            continue;
        }
        let state = if asked >= died && since > 0 { State::Dead } else { State::Live };
        checks.push(Check { nominal: Some(nominal), asked, state });
        if state == State::Dead {
            break;
        }
    }
    Life { detected: notified - 60, notified: Some(notified), checks, ..Life::default() }
}

/// Makes fleets and measures them: one for each seed from 1.
pub(crate) fn runs(count: u64, plan: Plan) -> Vec<Told> {
    let told = |seed| {
        let lives = fleet(Plan { seed, ..plan });
        let figures = Survey::new(&lives, Asked::default()).whole();
        let van = figures.usable.van.expect("follow-up reaches five days");
        let (low, high) = van.at.interval.expect("neither all nor none died");
        Told {
            estimate: van.at.survival,
            holds: (low..=high).contains(&truth(FIVE_DAYS)),
            intervals: van.turnbull.map(|(least, most)| (least + most) / 2.0),
        }
    };
    (1..=count).map(told).collect()
}
