//! Facts at random, the same ones every time.

use std::collections::BTreeSet;

use quell::model::Confidence;
use quell::model::answers::{Criticality, Environment, Reversibility};
use quell::model::owner::{Strength, Subject};
use quell::policy::{Answer, Degraded, Facts, Judgement, Known, Proposer, Trust, VerdictWord};

/// Facts about which nothing is wrong.
pub(super) fn good() -> Facts {
    let text = |text: &str| Known::Is(text.to_owned());
    Facts {
        confidence: Known::Is(Confidence::High),
        verdict: VerdictWord::Live,
        verdict_age_hours: Known::Is(1),
        controlled: Answer::Yes,
        provider: text("acme"),
        rule: text("acme-api-token"),
        reversibility: Known::Is(Reversibility::Reversible),
        rehearsed_age_days: Known::Is(3),
        replacement_proven: Answer::No,
        restore_minutes: Known::Is(5),
        age_days: Known::Is(100),
        lifetime_hours: Known::Is(8760),
        expires_in_hours: Known::Is(1000),
        privileged: Answer::No,
        last_use_days: Known::Is(90),
        unused_confirmed: Answer::No,
        criticality: Known::Is(Criticality::Low),
        downtime_minutes: Known::Is(60),
        environment: Known::Is(Environment::Test),
        target: text("api.acme.example"),
        third_party: Answer::No,
        shared: Answer::No,
        purpose: text("reports"),
        decommissioned: Answer::No,
        hot_reload: Answer::Yes,
        owner: Known::Is(Strength::Confirmed),
        owner_conflict: Answer::No,
        owner_departed: Answer::No,
        subject: Subject::Match,
        dependents: Known::Is(0),
        dependents_age_hours: Known::Is(2),
        degraded: Known::Is(BTreeSet::new()),
        outcome: Judgement::Unset,
        workload_trust: Trust::Trusted,
        workload: text("reports/cron"),
        in_window: Answer::Yes,
        frozen: Answer::No,
        actions_left: Known::Is(10),
        owner_actions_left: Known::Is(3),
        blast: Known::Is(1),
        proposer: Proposer::Quell,
        human_reviewed: Answer::No,
        chained: Answer::No,
        emergency: Answer::No,
        earned: Answer::Yes,
    }
}

/// Numbers that are the same on every machine (SplitMix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// A number at or beside a threshold, or not known.
    fn number(&mut self) -> Known<i64> {
        const NEAR: &[i64] =
            &[-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 23, 24, 25, 29, 30, 31, 60, 364, 365, 366, 10_000, i64::MAX, i64::MIN];
        if self.below(8) == 0 { Known::Unknown } else { Known::Is(self.of(NEAR)) }
    }

    fn text(&mut self) -> Known<String> {
        if self.below(3) == 0 { Known::Unknown } else { Known::Is("x\"\\\n*".to_owned()) }
    }

    /// Changes one fact to anything it may be.
    fn change(&mut self, facts: &mut Facts, field: &str) {
        let answer = self.of(Answer::ALL);
        let number = self.number();
        let text = self.text();
        match field {
            "confidence" => facts.confidence = self.known(&[Confidence::Low, Confidence::Medium, Confidence::High]),
            "verdict" => facts.verdict = self.of(VerdictWord::ALL),
            "verdict_age_hours" => facts.verdict_age_hours = number,
            "controlled" => facts.controlled = answer,
            "provider" => facts.provider = text,
            "rule" => facts.rule = text,
            "reversibility" => {
                facts.reversibility =
                    self.known(&[Reversibility::Irreversible, Reversibility::Replaceable, Reversibility::Reversible]);
            }
            "rehearsed_age_days" => facts.rehearsed_age_days = number,
            "replacement_proven" => facts.replacement_proven = answer,
            "restore_minutes" => facts.restore_minutes = number,
            "age_days" => facts.age_days = number,
            "lifetime_hours" => facts.lifetime_hours = number,
            "expires_in_hours" => facts.expires_in_hours = number,
            "privileged" => facts.privileged = answer,
            "last_use_days" => facts.last_use_days = number,
            "unused_confirmed" => facts.unused_confirmed = answer,
            "criticality" => {
                facts.criticality =
                    self.known(&[Criticality::Low, Criticality::Medium, Criticality::High, Criticality::Critical]);
            }
            "downtime_minutes" => facts.downtime_minutes = number,
            "environment" => {
                facts.environment = self.known(&[
                    Environment::Development,
                    Environment::Test,
                    Environment::Staging,
                    Environment::Production,
                ]);
            }
            "target" => facts.target = text,
            "third_party" => facts.third_party = answer,
            "shared" => facts.shared = answer,
            "purpose" => facts.purpose = text,
            "decommissioned" => facts.decommissioned = answer,
            "hot_reload" => facts.hot_reload = answer,
            "owner" => facts.owner = self.known(&[Strength::Hint, Strength::Asserted, Strength::Confirmed]),
            "owner_conflict" => facts.owner_conflict = answer,
            "owner_departed" => facts.owner_departed = answer,
            "subject" => facts.subject = self.of(&[Subject::Unknown, Subject::Match, Subject::Mismatch]),
            "dependents" => facts.dependents = number,
            "dependents_age_hours" => facts.dependents_age_hours = number,
            "degraded" => {
                let one = self.of(Degraded::ALL);
                facts.degraded = match self.below(3) {
                    0 => Known::Unknown,
                    1 => Known::Is(BTreeSet::new()),
                    _ => Known::Is([one].into()),
                };
            }
            "outcome" => facts.outcome = self.of(Judgement::ALL),
            "workload_trust" => facts.workload_trust = self.of(Trust::ALL),
            "workload" => facts.workload = text,
            "in_window" => facts.in_window = answer,
            "frozen" => facts.frozen = answer,
            "actions_left" => facts.actions_left = number,
            "owner_actions_left" => facts.owner_actions_left = number,
            "blast" => facts.blast = number,
            "proposer" => facts.proposer = self.of(Proposer::ALL),
            "human_reviewed" => facts.human_reviewed = answer,
            "chained" => facts.chained = answer,
            "emergency" => facts.emergency = answer,
            "earned" => facts.earned = answer,
            other => panic!("`{other}` has no generator"),
        }
    }

    fn known<T: Copy>(&mut self, all: &[T]) -> Known<T> {
        if self.below(all.len() + 1) == 0 { Known::Unknown } else { Known::Is(self.of(all)) }
    }

    /// Facts: mostly good ones with a few changes, so that every tier comes up, and some that are anything.
    pub(super) fn facts(&mut self) -> Facts {
        let mut facts = good();
        let changes = match self.below(10) {
            0 => 80,
            1 => 20,
            n => n,
        };
        for _ in 0..changes {
            let field = self.of(Facts::FIELDS);
            self.change(&mut facts, field);
        }
        facts
    }
}
