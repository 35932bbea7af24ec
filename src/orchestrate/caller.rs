//! Who asks for something.

use crate::ledger::SigningKey;
use crate::model::principal::{Actor, Principal, PrincipalKind, Relayed};

/// Whoever calls a command. Without a registered key, a caller may recommend alone; `as_kind` can only lower.
pub struct Caller {
    /// The principal that the key belongs to.
    pub principal: Option<Principal>,
    /// Its key.
    pub key: Option<SigningKey>,
    /// The name that the system has for whoever has no registered key.
    pub name: String,
    /// What the caller wants to count as: an agent that works with a person's key says so.
    pub as_kind: Option<PrincipalKind>,
    /// Where the principal wrote this in a task, and the relay that read it there; the key is the relay's then.
    pub relayed: Option<Relayed>,
}

impl Caller {
    /// As what it counts: what its key says, or less; somebody without a registered key counts as a machine.
    #[must_use]
    pub fn kind(&self) -> PrincipalKind {
        let own = self.principal.as_ref().filter(|p| p.is_active()).map_or(PrincipalKind::Machine, |p| p.kind);
        match (own, self.as_kind) {
            (PrincipalKind::Person, Some(lower)) => lower,
            (own, _) => own,
        }
    }

    /// As whom it is recorded.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match &self.principal {
            Some(principal) if principal.is_active() => match &self.relayed {
                Some(relayed) => Actor::Relayed(relayed.clone()),
                None => Actor::Principal(principal.id.clone()),
            },
            _ => Actor::Unregistered(self.name.clone()),
        }
    }
}
