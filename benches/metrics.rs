//! How fast figures are made of 100,000 cases, by all slices; and whether they are right: fleets of which the truth is known.
//!
//! `cargo bench --bench metrics -- [RUNS]`. It prints the seconds for everything that `quell metrics` computes of 100,000
//! cases in all six dimensions, sorting included, and then, of so many fleets of 100,000 credentials over 60 days (200
//! where none is given), in how many the 95 % interval of the estimate at five days holds the truth.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints its figures"
)]

#[path = "fleet.rs"]
mod fleet;

use std::hint::black_box;
use std::time::Instant;

use fleet::{Plan, fleet, runs, truth};
use quell::metrics::{Asked, Dimension, FIVE_DAYS, Life, Survey};
use quell::model::Untrusted;
use quell::model::action::{Action, Tier};

const SIZE: usize = 100_000;

/// A fleet that belongs to somebody.
fn owned() -> Vec<Life> {
    let name = |what: &str, number: usize| Untrusted::from(format!("{what}-{number}").as_str());
    let mut lives = fleet(Plan { size: SIZE, days: 60, retried: false, seed: 7 });
    for (number, life) in lives.iter_mut().enumerate() {
        life.exposed = Some(life.detected - (number as i64 % 400) * 86_400);
        life.owner = (number % 7 > 0).then(|| name("team", number % 50));
        life.repositories = (0..=number % 2).map(|more| name("git.example/acme/app", (number + more) % 500)).collect();
        life.provider = Some(name("provider", number % 40));
        life.environment = [Some("production"), Some("test"), None][number % 3];
        life.tiers =
            vec![(Action::Revoke, [Tier::Watch, Tier::Approval, Tier::Quarantine, Tier::Automatic][number % 4])];
    }
    lives
}

/// User and system seconds of this process, from `/proc/self/stat` (in ticks of 10 ms).
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

fn speed() {
    let lives = owned();
    for round in 0..3 {
        let (start, began) = (Instant::now(), cpu());
        let survey = Survey::new(&lives, Asked { now: 1_800_000_000, ..Asked::default() });
        let sorted = start.elapsed().as_secs_f64();
        black_box(survey.measure(None));
        let whole = start.elapsed().as_secs_f64();
        let slices: usize = Dimension::ALL.iter().map(|(_, by)| black_box(survey.by(*by)).len()).sum();
        let all = start.elapsed().as_secs_f64();
        println!(
            "round {round}: {SIZE} cases: sorted {sorted:.3} s, whole by three clocks {whole:.3} s, {slices} slices {all:.3} s (cpu {:.2} s)",
            cpu() - began
        );
    }
}

fn right(count: u64, retried: bool) {
    let start = Instant::now();
    let told = runs(count, Plan { size: SIZE, days: 60, retried, seed: 0 });
    let truth = truth(FIVE_DAYS);
    let holds = told.iter().filter(|one| one.holds).count();
    let mean = |all: &mut dyn Iterator<Item = f64>| all.map(|one| one - truth).sum::<f64>() / told.len() as f64;
    let bias = mean(&mut told.iter().map(|one| one.estimate));
    let intervals: Vec<f64> = told.iter().filter_map(|one| one.intervals).collect();
    let more = if intervals.len() == told.len() {
        format!("; estimated as intervals: bias {:+.5}", mean(&mut intervals.iter().copied()))
    } else {
        String::new()
    };
    println!(
        "unknown answers {}: interval holds the truth {truth:.5} in {holds} of {count} fleets ({:.1} %), bias {bias:+.5}{more}; {:.0} s",
        if retried { "asked again" } else { "left" },
        holds as f64 / count as f64 * 100.0,
        start.elapsed().as_secs_f64()
    );
}

fn main() {
    let runs = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(200);
    speed();
    right(runs, true);
    right(runs.min(50), false);
}
