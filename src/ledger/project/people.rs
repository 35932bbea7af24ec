//! Who is registered: a fold over the events about people, which refuses what would make one person two.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::rights::permitted;
use crate::ledger::error::LedgerError;
use crate::ledger::keys;
use crate::model::event::Body;
use crate::model::principal::{Actor, Principal, PrincipalId, Role};

/// A principal with every key that it ever had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// As it stands.
    pub principal: Principal,
    /// Public keys, the newest last; none of them is registered again.
    pub keys: Vec<String>,
}

/// Everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ledger) struct People(BTreeMap<PrincipalId, Registered>);

impl People {
    pub(in crate::ledger) fn new(all: impl IntoIterator<Item = Registered>) -> Self {
        Self(all.into_iter().map(|one| (one.principal.id.clone(), one)).collect())
    }

    pub(in crate::ledger) fn iter(&self) -> impl Iterator<Item = &Registered> {
        self.0.values()
    }

    pub(in crate::ledger) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::ledger) fn get(&self, id: &PrincipalId) -> Option<&Principal> {
        self.0.get(id).map(|one| &one.principal)
    }

    /// The key that an event of this principal is signed with: that of an active one, or of the first, whom it adds itself.
    pub(in crate::ledger) fn key_for(&self, actor: &PrincipalId, body: &Body) -> Result<String, LedgerError> {
        let bad = |why| Err(LedgerError::BadSignature { actor: actor.as_str().to_owned(), why });
        match (self.0.get(actor), body) {
            (Some(one), _) if one.principal.is_active() => Ok(one.principal.key.clone()),
            (Some(_), _) => bad("they were revoked"),
            (None, Body::PersonAdded { principal }) if self.0.is_empty() && principal.id == *actor => {
                Ok(principal.key.clone())
            }
            (None, _) => bad("nobody of that name is registered"),
        }
    }

    /// Takes an event, or refuses it from whoever may not write it. Events about other things change nothing.
    pub(in crate::ledger) fn take(&mut self, actor: &Actor, body: &Body, at: i64) -> Result<(), LedgerError> {
        permitted(self, actor, body)?;
        match body {
            Body::PersonAdded { principal } => self.add(principal, at),
            Body::PersonBound { id, forge, address } => {
                let mut after = self.active(id)?.clone();
                (after.forge, after.address) = (forge.clone(), address.clone());
                self.clash(&after)?;
                self.set(after);
                Ok(())
            }
            Body::RolesSet { id, roles } => {
                let mut after = self.active(id)?.clone();
                after.roles = roles.iter().copied().collect::<BTreeSet<_>>();
                self.not_the_last(&after)?;
                self.set(after);
                Ok(())
            }
            Body::PersonRevoked { id, reason } => {
                let mut after = self.active(id)?.clone();
                after.revoked = Some((at, reason.clone()));
                self.not_the_last(&after)?;
                self.set(after);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, principal: &Principal, at: i64) -> Result<(), LedgerError> {
        let mut keys = Vec::new();
        if let Some(known) = self.0.get(&principal.id) {
            if known.principal.is_active() {
                return refuse(format!("`{}` is registered already", principal.id.as_str()));
            }
            if known.principal.kind != principal.kind {
                return refuse(format!("`{}` was a {}", principal.id.as_str(), known.principal.kind.as_str()));
            }
            keys.clone_from(&known.keys);
        }
        if keys::public(&principal.key).is_none() {
            return refuse("a public key is an Ed25519 key of 64 lower-case hexadecimal digits");
        }
        self.clash(principal)?;
        if let Some(other) = self.0.values().find(|one| one.keys.contains(&principal.key)) {
            return refuse(format!("that key is or was `{}`'s", other.principal.id.as_str()));
        }
        keys.push(principal.key.clone());
        let principal = Principal { since: at, revoked: None, ..principal.clone() };
        self.0.insert(principal.id.clone(), Registered { principal, keys });
        Ok(())
    }

    /// Nobody else has the same forge account or address; those who were revoked keep theirs.
    fn clash(&self, wanted: &Principal) -> Result<(), LedgerError> {
        for other in self.0.values().map(|one| &one.principal).filter(|other| other.id != wanted.id) {
            let same = |one: Option<String>, two: Option<String>| one.is_some() && one == two;
            let name = other.id.as_str();
            if same(forge(wanted), forge(other)) {
                return refuse(format!("that forge account is bound to `{name}`: nobody is two people"));
            }
            if same(address(wanted), address(other)) {
                return refuse(format!("that address is bound to `{name}`: nobody is two people"));
            }
        }
        Ok(())
    }

    fn set(&mut self, after: Principal) {
        if let Some(one) = self.0.get_mut(&after.id) {
            one.principal = after;
        }
    }

    fn active(&self, id: &PrincipalId) -> Result<&Principal, LedgerError> {
        match self.get(id).filter(|principal| principal.is_active()) {
            Some(principal) => Ok(principal),
            None => refuse(format!("nobody active is called `{}`", id.as_str())),
        }
    }

    /// A store whose last administrator is gone would take nobody in again.
    fn not_the_last(&self, after: &Principal) -> Result<(), LedgerError> {
        let others = self.0.values().map(|one| &one.principal).filter(|one| one.id != after.id);
        if after.has(Role::Administrator) || others.into_iter().any(|one| one.has(Role::Administrator)) {
            return Ok(());
        }
        refuse(format!("`{}` is the last administrator", after.id.as_str()))
    }
}

fn refuse<T>(why: impl Into<String>) -> Result<T, LedgerError> {
    Err(LedgerError::NotPermitted(why.into()))
}

/// The forge account as it is compared.
fn forge(principal: &Principal) -> Option<String> {
    principal.forge.as_deref().map(|forge| forge.trim().to_lowercase())
}

/// The address as it is compared: what follows a plus sign does not make another mailbox.
fn address(principal: &Principal) -> Option<String> {
    let text = principal.address.as_deref()?.trim().to_lowercase();
    let Some((local, domain)) = text.rsplit_once('@') else { return Some(text) };
    let local = local.split_once('+').map_or(local, |(before, _)| before);
    Some(format!("{local}@{domain}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::keys::SigningKey;
    use crate::model::event::Closure;
    use crate::model::principal::PrincipalKind;

    fn who(name: &str, seed: u8, forge: &str, address: &str, roles: &[Role]) -> Principal {
        Principal {
            id: PrincipalId::parse(name).unwrap(),
            kind: PrincipalKind::Person,
            roles: roles.iter().copied().collect(),
            key: SigningKey::from_seed([seed; 32]).public_hex(),
            forge: Some(forge.to_owned()),
            address: Some(address.to_owned()),
            since: 0,
            revoked: None,
        }
    }

    fn added(principal: Principal) -> Body {
        Body::PersonAdded { principal }
    }

    #[test]
    fn nobody_is_two_people() {
        let mut people = People::default();
        let ada = who("ada", 1, "github:Ada", "ada+work@acme.example", &[Role::Administrator]);
        let by = Actor::Principal(ada.id.clone());
        assert!(people.take(&Actor::Quell, &added(ada.clone()), 1).is_err(), "by nobody");
        people.take(&by, &added(ada.clone()), 1).unwrap();
        let bob = who("bob", 2, "github:bob", "bob@acme.example", &[Role::Approver]);
        people.take(&by, &added(bob.clone()), 2).unwrap();
        for second in [
            who("ada2", 3, "GITHUB:ada", "x@acme.example", &[]),
            who("ada2", 3, "github:x", "ADA@acme.example", &[]),
            who("ada2", 1, "github:x", "x@acme.example", &[]),
            who("bob", 3, "github:bob", "bob@acme.example", &[]),
        ] {
            let refused = people.clone().take(&by, &added(second), 3);
            assert!(matches!(refused, Err(LedgerError::NotPermitted(_))), "{refused:?}");
        }
        let gone = |id: &str| Body::PersonRevoked { id: PrincipalId::parse(id).unwrap(), reason: "left".into() };
        assert!(people.clone().take(&by, &gone("ada"), 4).is_err(), "the last administrator");
        assert!(people.clone().take(&Actor::Principal(bob.id.clone()), &gone("ada"), 4).is_err(), "no administrator");
        people.take(&by, &gone("bob"), 4).unwrap();
        assert!(people.key_for(&bob.id, &gone("bob")).is_err());
        let another = who("rob", 4, "github:rob", "bob+1@acme.example", &[]);
        assert!(people.clone().take(&by, &added(another), 5).is_err(), "a revoked person's address");
        assert!(people.clone().take(&by, &added(bob.clone()), 5).is_err(), "a revoked key");
        let back = who("bob", 5, "github:bob", "bob@acme.example", &[]);
        people.take(&by, &added(back), 6).unwrap();
        assert!(people.get(&bob.id).unwrap().is_active());
    }

    /// Whether ada, an administrator; bob, an approver; rita, a responder; a person without a role; an agent that was given
    /// roles; quell; and somebody unknown may.
    fn who_may(body: &Body) -> String {
        let mut people = People::default();
        let ada = who("ada", 1, "github:ada", "ada@acme.example", &[Role::Administrator]);
        let by = Actor::Principal(ada.id.clone());
        people.take(&by, &added(ada), 1).unwrap();
        let roles: [(&str, &[Role]); 3] = [("bob", &[Role::Approver]), ("rita", &[Role::Responder]), ("otto", &[])];
        for (seed, (name, roles)) in (2..).zip(roles) {
            let one = who(name, seed, &format!("github:{name}"), &format!("{name}@acme.example"), roles);
            people.take(&by, &added(one), 2).unwrap();
        }
        let agent = who("bot", 9, "github:bot", "bot@acme.example", &Role::ALL);
        people.take(&by, &added(Principal { kind: PrincipalKind::Agent, ..agent }), 2).unwrap();
        let known = |name: &str| Actor::Principal(PrincipalId::parse(name).unwrap());
        let all = [
            ('a', known("ada")),
            ('b', known("bob")),
            ('r', known("rita")),
            ('o', known("otto")),
            ('m', known("bot")),
            ('q', Actor::Quell),
            ('u', Actor::Unregistered("ada".into())),
        ];
        let may = |actor: &Actor| people.clone().take(actor, body, 3).is_ok();
        all.iter().filter(|(_, actor)| may(actor)).map(|(letter, _)| *letter).collect()
    }

    #[test]
    fn each_event_is_written_by_whoever_may() {
        let text = String::new;
        let bob = || PrincipalId::parse("bob").unwrap();
        let proof = Closure::ProofOfDeath { asked: 1, recipe: text() };
        for (body, may) in [
            (Body::RolesSet { id: bob(), roles: vec![] }, "a"),
            (Body::PersonBound { id: bob(), forge: None, address: None }, "a"),
            (Body::PersonRevoked { id: bob(), reason: text() }, "a"),
            (Body::PolicyActivated { hash: text(), alone: false }, "a"),
            (Body::PolicyReplayed { hash: text(), decisions: 1, differences: 0 }, "abro"),
            (Body::Approved { request: text(), plan_hash: text(), alone: false, quorum: 1 }, "b"),
            (Body::Rejected { request: text(), reason: text() }, "b"),
            (Body::RiskAccepted { until: 9, reason: text() }, "b"),
            (Body::OutcomeSet { outcome: crate::model::case::Outcome::False, reason: text() }, "br"),
            (Body::Closed { closure: Closure::NoCredential }, "br"),
            (Body::Closed { closure: proof }, "brq"),
            (Body::EmergencyEnded { id: text(), reason: text() }, "abr"),
            (Body::ApprovalWithdrawn { request: text(), of: bob(), reason: text() }, "bq"),
            (Body::Noted { text: "x".into(), counts_as: PrincipalKind::Person }, "abromqu"),
            (Body::ApprovalExpired { request: text() }, "q"),
            (Body::SecretErased { reason: text() }, "q"),
            (Body::Refused { verb: text(), reason: text() }, "q"),
        ] {
            assert_eq!(who_may(&body), may, "{body:?}");
        }
        let opened =
            |actions| Body::EmergencyOpened { id: text(), purpose: text(), actions, until: 9, trigger: text() };
        assert_eq!(who_may(&opened(Vec::new())), "ab");
    }
}
