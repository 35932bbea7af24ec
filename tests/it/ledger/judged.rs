//! What people judged, and what policy sets earned, in both kinds of databases.

use quell::ledger::{Judged, Options};
use quell::model::action::Action;
use quell::model::case::{CaseNumber, Outcome};
use quell::model::event::Body;
use quell::model::principal::Role;
use quell::policy::{Answer, Facts, NOT_EARNED, PolicySet, Profile};

use super::{ADA, Kind, append, audit, by, make, noted, opened, quells, runtime, sound, who};

/// Part of the contract.
pub(super) fn judges(kind: &Kind) {
    runtime().block_on(async {
        let store = make(&kind.fresh(), Options::default()).await;
        let ben = Body::PersonAdded { principal: who("ben", 2, &[Role::Responder]) };
        append(&store, vec![by(&store, "ada", ADA, None, ben)]).await.unwrap();
        let set = PolicySet::builtin(Profile::Default).unwrap_or_else(|errors| panic!("{errors}"));
        let judged =
            |case, outcome| by(&store, "ben", 2, Some(case), Body::OutcomeSet { outcome, reason: "looked".into() });
        let decided = |case, earned| {
            let decision = Box::new(set.decide(Action::Revoke, &Facts { earned, ..Facts::good() }));
            quells(case, Body::Decided { decision })
        };
        // A text that says what an event would say is none.
        let lies = format!("\"kind\":\"outcome-set\" \"kind\":\"decided\" \"id\":\"{NOT_EARNED}\" {}", set.hash());
        let mut events: Vec<_> = (1..=4).map(|case| opened(case, &format!("p{case}"))).collect();
        events.extend([judged(1, Outcome::False), judged(1, Outcome::True), judged(2, Outcome::False)]);
        events.extend([judged(3, Outcome::Test), noted(4, &lies)]);
        events.extend([decided(1, Answer::No), decided(2, Answer::No), decided(3, Answer::Yes)]);
        append(&store, events).await.unwrap();
        assert_eq!(store.judged("acme-token").await.unwrap(), Judged { real: 1, none: 1, test: 1 });
        assert_eq!(store.judged("acme-key").await.unwrap(), Judged::default());
        let held = async |hash, below, limit| store.held_back(hash, NOT_EARNED, below, limit).await.unwrap();
        assert_eq!(held(set.hash(), None, 9).await, [CaseNumber(2), CaseNumber(1)]);
        assert_eq!(held(set.hash(), None, 1).await, [CaseNumber(2)]);
        assert_eq!(held(set.hash(), Some(CaseNumber(2)), 9).await, [CaseNumber(1)]);
        assert!(held("sha256:00", None, 9).await.is_empty());
        // What is compiled in is promoted by its hash alone, and was not put forward.
        let hash = set.hash().to_owned();
        let promoted = Body::PolicyPromoted { hash: hash.clone(), action: Action::Revoke, cases: 20, agreed: 19 };
        append(&store, vec![by(&store, "ada", ADA, None, promoted)]).await.unwrap();
        let all = store.promoted(&hash).await.unwrap();
        assert_eq!(all.iter().map(|one| (one.action, one.cases, one.agreed)).next(), Some((Action::Revoke, 20, 19)));
        assert!(store.policies().await.unwrap().is_empty() && store.policy(&hash).await.unwrap().is_none());
        let demoted = Body::PolicyDemoted { hash: hash.clone(), action: Action::Revoke, reason: "wary".into() };
        append(&store, vec![by(&store, "ben", 2, None, demoted)]).await.unwrap();
        assert!(store.promoted(&hash).await.unwrap().is_empty());
        sound(audit(&store).await);
    });
}
