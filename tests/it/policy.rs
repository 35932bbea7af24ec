//! Policies as a whole: the examples that must be safe to automate, a reference model written from the requirements, and
//! the properties that no set of files may break.

use std::collections::BTreeSet;

use quell::model::action::{Action, Tier};
use quell::model::answers::Environment;
use quell::policy::{Answer, Degraded, Facts, Known, PolicySet, Profile, Proposer, VerdictWord};

#[path = "policy/dice.rs"]
mod dice;
#[path = "policy/reference.rs"]
mod reference;

use dice::{Dice, good};

fn builtin(profile: Profile) -> PolicySet {
    PolicySet::builtin(profile).unwrap_or_else(|error| panic!("{error}"))
}

/// How long this thread has had a core, in seconds: what else the machine does is not counted.
fn on_core() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// How many of so many random cases the policies and the reference model differ in; the tiers that came up; and the seconds
/// of a core that the decisions took.
fn differences(cases: usize, seed: u64) -> (usize, BTreeSet<(Action, Tier)>, f64) {
    const AT_ONCE: usize = 100;
    let mut dice = Dice(seed);
    let (mut wrong, mut seen, mut seconds) = (0, BTreeSet::new(), 0.0);
    for profile in Profile::ALL {
        let set = builtin(profile);
        for _ in 0..cases / 2 / AT_ONCE {
            let asked: Vec<_> = (0..AT_ONCE).map(|_| (dice.facts(), dice.of(&Action::ALL))).collect();
            let before = on_core();
            let decided: Vec<_> = asked.iter().map(|(facts, action)| set.decide(*action, facts)).collect();
            seconds += on_core() - before;
            for ((facts, action), decision) in asked.iter().zip(decided) {
                let expected = reference::tier(profile, *action, facts);
                seen.insert((*action, decision.tier));
                if decision.tier != expected || !decision.errors.is_empty() {
                    wrong += 1;
                    eprintln!(
                        "{profile:?} {action:?}: {:?}, expected {expected:?}: {:?} {:?}",
                        decision.tier, decision.unmet, decision.errors
                    );
                    eprintln!("{}", decision.facts);
                }
            }
        }
    }
    (wrong, seen, seconds)
}

/// `cargo test --release -- --ignored --nocapture decisions_a_second`
#[test]
#[ignore = "a measurement"]
fn decisions_a_second() {
    let (wrong, _, seconds) = differences(40_000, 10);
    eprintln!("{:.0} decisions a second", 40_000.0 / seconds);
    assert_eq!(wrong, 0);
}

#[test]
fn the_policies_agree_with_a_model_that_was_written_from_the_requirements() {
    let (wrong, seen, _) = differences(20_000, 1);
    assert_eq!(wrong, 0);
    for action in [Action::Rotate, Action::Quarantine, Action::Revoke] {
        for tier in [Tier::Watch, Tier::Approval, Tier::Quarantine, Tier::Automatic] {
            assert!(seen.contains(&(action, tier)), "{action:?} never came to {tier:?}");
        }
    }
}

/// `cargo test --release -- --ignored --nocapture a_million_cases`
#[test]
#[ignore = "a million cases: minutes in release"]
fn a_million_cases() {
    let (wrong, _, seconds) = differences(1_000_000, 2);
    eprintln!("1,000,000 cases, {wrong} differences, {:.0} decisions a second", 1_000_000.0 / seconds);
    assert_eq!(wrong, 0);
    assert!(1_000_000.0 / seconds >= 2_000.0, "too slow");
}

/// The examples of requirement 15: an act, facts, and what each of them rests on.
fn examples() -> Vec<(&'static str, Action, Facts, Vec<&'static str>)> {
    let production = Known::Is(Environment::Production);
    let unused = Facts { unused_confirmed: Answer::Yes, environment: production, age_days: Known::Is(900), ..good() };
    let decommissioned = Facts {
        decommissioned: Answer::Yes,
        environment: production,
        dependents: Known::Is(2),
        downtime_minutes: Known::Unknown,
        ..good()
    };
    let expired = Facts {
        expires_in_hours: Known::Is(-2),
        environment: production,
        verdict: VerdictWord::Indistinct,
        last_use_days: Known::Is(1),
        ..good()
    };
    let short = Facts {
        lifetime_hours: Known::Is(1),
        age_days: Known::Unknown,
        hot_reload: Answer::No,
        dependents: Known::Is(3),
        last_use_days: Known::Is(0),
        ..good()
    };
    let reloads = Facts { dependents: Known::Is(1), last_use_days: Known::Is(0), ..good() };
    vec![
        ("a key that nothing uses", Action::Revoke, unused, vec!["unused_confirmed", "last_use_days", "dependents"]),
        ("a token whose workload is gone", Action::Revoke, decommissioned, vec!["decommissioned", "last_use_days"]),
        ("a token that has expired", Action::Revoke, expired, vec!["expires_in_hours"]),
        ("a short-lived credential", Action::Rotate, short, vec!["lifetime_hours", "workload", "workload_trust"]),
        (
            "an application that reloads",
            Action::Rotate,
            reloads,
            vec!["hot_reload", "workload", "workload_trust", "age_days"],
        ),
    ]
}

#[test]
fn the_examples_of_requirement_15_are_automatic_and_each_lost_fact_lowers_them() {
    let always = [
        "confidence",
        "verdict",
        "verdict_age_hours",
        "controlled",
        "reversibility",
        "rehearsed_age_days",
        "restore_minutes",
        "privileged",
        "criticality",
        "environment",
        "target",
        "third_party",
        "shared",
        "purpose",
        "owner",
        "owner_conflict",
        "owner_departed",
        "subject",
        "dependents",
        "dependents_age_hours",
        "degraded",
        "outcome",
        "in_window",
        "frozen",
        "actions_left",
        "owner_actions_left",
        "blast",
        "proposer",
        "chained",
        "earned",
    ];
    let set = builtin(Profile::Default);
    for (name, action, facts, own) in examples() {
        let decision = set.decide(action, &facts);
        assert_eq!(decision.tier, Tier::Automatic, "{name}: {:?}", decision.unmet);
        assert_eq!(decision.determining, [format!("default.{}-automatic", action.as_str())], "{name}");
        for field in always.iter().chain(&own) {
            let mut less = facts.clone();
            assert!(less.forget(field), "{field}");
            let lower = set.decide(action, &less);
            assert!(
                lower.tier < Tier::Automatic && !lower.unmet.is_empty(),
                "{name} without {field}: {:?}",
                lower.tier
            );
        }
    }
}

/// Each fact of each random case made unknown: how often that raised the tier.
fn raised(cases: usize, seed: u64, set: &PolicySet) -> usize {
    let mut dice = Dice(seed);
    let mut raised = 0;
    for _ in 0..cases {
        let facts = dice.facts();
        let action = dice.of(&Action::ALL);
        let tier = set.decide(action, &facts).tier;
        for field in Facts::FIELDS {
            let mut less = facts.clone();
            less.forget(field);
            if less != facts && set.decide(action, &less).tier > tier {
                raised += 1;
                eprintln!("{action:?} without {field}: above {tier:?}: {}", facts.canonical());
            }
        }
    }
    raised
}

#[test]
fn a_missing_fact_never_raises_a_tier() {
    for (profile, seed) in Profile::ALL.into_iter().zip(3..) {
        assert_eq!(raised(60, seed, &builtin(profile)), 0, "{profile:?}");
    }
}

/// `cargo test --release -- --ignored --nocapture a_missing_fact_never_raises_a_tier_in_many_cases`
#[test]
#[ignore = "hundreds of thousands of decisions: a minute in release"]
fn a_missing_fact_never_raises_a_tier_in_many_cases() {
    for (profile, seed) in Profile::ALL.into_iter().zip(5..) {
        assert_eq!(raised(4_000, seed, &builtin(profile)), 0, "{profile:?}");
    }
}

#[test]
fn nothing_known_is_watched_and_told() {
    for profile in Profile::ALL {
        let set = builtin(profile);
        for action in [Action::Rotate, Action::Quarantine, Action::Revoke, Action::Restore, Action::Close] {
            assert_eq!(set.decide(action, &Facts::default()).tier, Tier::Watch, "{action:?}");
        }
        assert_eq!(set.decide(Action::Notify, &Facts::default()).tier, Tier::Approval);
    }
}

fn own(profile: Profile, text: &str) -> PolicySet {
    PolicySet::load(profile, &[("own.cedar".to_owned(), text.to_owned())]).unwrap_or_else(|error| panic!("{error}")).0
}

#[test]
fn permits_of_any_kind_change_nothing_that_is_forbidden() {
    let scopes = [
        "action",
        "action in Action::\"change\"",
        "action in Action::\"automatic\"",
        "action == Action::\"revoke:automatic\"",
    ];
    let conditions = ["", "when { true }", "unless { false }"];
    let mut dice = Dice(7);
    for profile in Profile::ALL {
        let plain = builtin(profile);
        for (at, scope) in scopes.iter().enumerate() {
            let condition = conditions[at % conditions.len()];
            let text =
                format!("@id(\"all\")\n@title(\"everything\")\npermit (principal, {scope}, resource) {condition};");
            let set = own(profile, &text);
            for _ in 0..60 {
                let (facts, action) = (dice.facts(), dice.of(&Action::ALL));
                let (before, after) = (plain.decide(action, &facts), set.decide(action, &facts));
                assert_eq!((before.tier, before.unmet), (after.tier, after.unmet), "{scope}");
            }
        }
    }
}

#[test]
fn the_guardrails_hold_where_the_whole_default_set_is_switched_off() {
    let plain = builtin(Profile::Default);
    let mut text = String::new();
    for policy in plain.listing().iter().filter(|policy| policy.id.starts_with("default.") && policy.effect == "forbid")
    {
        text += &format!(
            "@id(\"{}\")\n@title(\"off\")\nforbid (principal, action, resource) when {{ false }};\n",
            policy.id
        );
    }
    text += "@id(\"all\")\n@title(\"everything\")\npermit (principal, action, resource);\n";
    let set = own(Profile::Default, &text);
    let mut dice = Dice(8);
    let mut loosened = 0;
    for _ in 0..700 {
        let (facts, action) = (dice.facts(), dice.of(&Action::ALL));
        let decision = set.decide(action, &facts);
        assert!(
            decision.tier <= reference::guarded(action, &facts),
            "{action:?}: {:?} {}",
            decision.tier,
            decision.facts
        );
        loosened += usize::from(decision.tier > plain.decide(action, &facts).tier);
    }
    assert!(loosened > 5, "the default set was not switched off: {loosened}");
}

#[test]
fn a_forbid_that_cannot_be_evaluated_is_a_refusal() {
    let text = "@id(\"overflows\")\n@title(\"adds up\")\nforbid (principal, action in Action::\"automatic\", resource)\n\
                when { resource.age_days.value + 9223372036854775807 < 0 };";
    let set = own(Profile::Default, text);
    let decision = set.decide(Action::Revoke, &Facts { unused_confirmed: Answer::Yes, ..good() });
    assert_eq!(decision.tier, Tier::Quarantine);
    assert!(
        decision.errors[0].starts_with("automatic: ") && decision.errors[0].contains("overflow"),
        "{:?}",
        decision.errors
    );
    assert_eq!(decision.unmet[0].id, "overflows");
    let none = set.decide(Action::Revoke, &Facts { unused_confirmed: Answer::Yes, age_days: Known::Is(0), ..good() });
    assert_eq!((none.tier, none.errors.len()), (Tier::Automatic, 0));
}

#[test]
fn every_guard_that_fails_is_told_with_the_highest_tier_it_stands_in_the_way_of() {
    let set = builtin(Profile::Default);
    let facts = Facts {
        owner: Known::Unknown,
        in_window: Answer::No,
        last_use_days: Known::Is(2),
        proposer: Proposer::Agent,
        degraded: Known::Is([Degraded::FederatedSource, Degraded::ManySystems].into()),
        ..good()
    };
    let decision = set.decide(Action::Revoke, &facts);
    let unmet: Vec<_> = decision.unmet.iter().map(|unmet| (unmet.tier, unmet.id.as_str())).collect();
    let all = [
        "guardrail.owner-unknown",
        "guardrail.agent-without-human",
        "guardrail.federated-source",
        "guardrail.many-systems",
        "default.recently-used",
        "default.outside-window",
    ];
    assert_eq!(decision.tier, Tier::Approval);
    assert_eq!(unmet, all.map(|id| (Tier::Automatic, id)));
    let owner = &decision.unmet[0];
    assert!(owner.title.contains("who owns it") && owner.controls.contains(&"CSF:PR.AA-05".to_owned()), "{owner:?}");
}

#[test]
fn a_decision_replays_to_the_same_and_changed_facts_are_refused() {
    let mut dice = Dice(9);
    let set = builtin(Profile::Regulated);
    for _ in 0..200 {
        let decision = set.decide(dice.of(&Action::ALL), &dice.facts());
        let text = serde_json::to_string(&decision).unwrap();
        let stored: quell::model::decision::Decision = serde_json::from_str(&text).unwrap();
        assert_eq!(set.replay(&stored).unwrap(), decision);
    }
    let mut decision = set.decide(Action::Revoke, &good());
    decision.facts["owner"] = "hint".into();
    assert!(set.replay(&decision).unwrap_err().to_string().contains("hash"));
    let keys: Vec<_> = decision.facts.as_object().unwrap().keys().cloned().collect();
    assert!(keys.is_sorted() && keys.len() == Facts::FIELDS.len());
}

#[test]
fn the_page_lists_every_policy_and_every_fact() {
    let page = include_str!("../../docs/policies.md");
    let plain = |cell: &&str| cell.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c));
    let cells = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let cells: BTreeSet<&str> = cells.filter(plain).collect();
    let listing = builtin(Profile::Regulated).listing();
    let policies = listing.iter().map(|policy| policy.id.as_str());
    let known: BTreeSet<&str> = policies.chain(Facts::FIELDS.iter().copied()).collect();
    assert_eq!(known.difference(&cells).collect::<Vec<_>>(), Vec::<&&str>::new(), "not in docs/policies.md");
    assert_eq!(cells.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new(), "in docs/policies.md alone");
    for policy in &listing {
        assert!(page.contains(&format!("| `{}` | {} |", policy.id, policy.title)), "`{}` has another title", policy.id);
    }
}

#[test]
fn the_cases_of_the_page_come_out_as_it_says() {
    let page = include_str!("../../docs/policies.md");
    let text = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let results = quell::policy::cases::run(&builtin(Profile::Default), text);
    assert!(results.len() >= 2 && results.iter().all(quell::policy::cases::CaseResult::passed), "{results:?}");
    let policy = page.split("```cedar\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let (_, warnings) = PolicySet::load(Profile::Default, &[("own.cedar".to_owned(), policy.to_owned())]).unwrap();
    assert!(warnings.iter().all(|warning| warning.message.contains("in the place of")), "{warnings:?}");
}
