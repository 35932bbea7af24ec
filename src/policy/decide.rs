//! A tier for an act: asked from the highest, with everything that stood in the way.

use cedar_policy::{
    AuthorizationError, Context, Decision as Answered, Entities, Entity, EntityUid, Request, RestrictedExpression,
};

use super::error::ReplayError;
use super::facts::{self, Facts};
use super::set::{PolicySet, leaf};
use super::words::{self, Answer};
use crate::model::action::{Action, Tier};
use crate::model::canonical::sorted;
use crate::model::decision::{Decision, DecisionKind, Unmet};

/// The id of what is missing where nothing forbids and nothing permits.
pub(super) const NO_PERMIT: &str = "no-permit";

/// The guardrail that holds back what was not earned.
pub const NOT_EARNED: &str = "guardrail.not-earned";

/// What policies said to one request.
pub(super) struct Reply {
    /// Whether they allow it: a permit holds, no forbid does, and nothing went wrong.
    pub(super) allowed: bool,
    /// The policies that determined it, in the order of the listing.
    pub(super) by: Vec<String>,
    /// Policies that could not be evaluated, with what went wrong.
    pub(super) errors: Vec<(String, String)>,
}

/// Names and values, as Cedar has them.
pub(super) type Attributes = Vec<(String, RestrictedExpression)>;

/// Who asks, or what is asked about.
pub(super) struct Party {
    /// The type in the schema.
    pub(super) kind: &'static str,
    /// The name.
    pub(super) id: &'static str,
    /// What policies see of it; nothing of a word.
    pub(super) attributes: Option<Attributes>,
}

/// Who asks, about what, under which circumstances.
pub(super) struct Asked {
    principal: EntityUid,
    resource: EntityUid,
    entities: Entities,
    context: Context,
}

impl Asked {
    /// Builds a request against the schema; every attribute has to be there, with its type.
    pub(super) fn new(
        set: &PolicySet,
        act: &str,
        [principal, resource]: [Party; 2],
        context: Attributes,
    ) -> Result<Self, String> {
        let mut entities = Vec::new();
        let mut uid_of = |Party { kind, id, attributes }: Party| {
            let uid = words::uid(kind, id).ok_or_else(|| format!("`{kind}` is no type"))?;
            if let Some(attributes) = attributes {
                let attributes = attributes.into_iter().collect();
                let entity = Entity::new(uid.clone(), attributes, std::collections::HashSet::new());
                entities.push(entity.map_err(|error| error.to_string())?);
            }
            Ok::<_, String>(uid)
        };
        let (principal, resource) = (uid_of(principal)?, uid_of(resource)?);
        let entities = set.actions(act).add_entities(entities, Some(&set.schema)).map_err(|error| error.to_string())?;
        let context = Context::from_pairs(context).map_err(|error| error.to_string())?;
        Ok(Self { principal, resource, entities, context })
    }
}

impl Asked {
    /// An act on a credential.
    fn act(set: &PolicySet, action: Action, facts: &Facts) -> Result<Self, String> {
        let parties = [
            Party { kind: "Proposer", id: facts.proposer.as_str(), attributes: None },
            Party { kind: "Credential", id: "it", attributes: Some(facts.credential()) },
        ];
        Self::new(set, action.as_str(), parties, facts.moment())
    }
}

impl PolicySet {
    /// Decides how far an act on a credential may go: a pure function of the facts and this set. The tiers are asked from the
    /// highest; `unmet` has every precondition of the tiers above the one that is allowed. An error counts as a refusal.
    #[must_use]
    pub fn decide(&self, action: Action, facts: &Facts) -> Decision {
        let canonical = facts.canonical();
        let mut decision = Decision {
            action,
            tier: Tier::Watch,
            kind: DecisionKind::Recommendation,
            determining: Vec::new(),
            unmet: Vec::new(),
            errors: Vec::new(),
            policy: self.hash().to_owned(),
            schema: self.schema_hash().to_owned(),
            snapshot: facts::snapshot(&canonical),
            facts: canonical,
        };
        let asked = match Asked::act(self, action, facts) {
            Ok(asked) => asked,
            Err(error) => {
                decision.errors.push(error);
                return decision;
            }
        };
        for tier in Tier::ASKED {
            let Some(reply) = self.ask(&leaf(action, tier), &asked) else { continue };
            if reply.allowed {
                decision.tier = tier;
                decision.determining = reply.by;
                break;
            }
            self.refused(tier, &reply, &mut decision.unmet);
            decision.errors.extend(reply.errors.into_iter().map(|(_, error)| format!("{}: {error}", tier.as_str())));
        }
        decision
    }

    /// Makes a decision again from the facts that it keeps. The same set gives the same answer; another one says what it
    /// would have decided.
    ///
    /// # Errors
    /// Where the facts cannot be read, or are not the ones that the decision's hash was made of.
    pub fn replay(&self, decision: &Decision) -> Result<Decision, ReplayError> {
        let mut again = self.decide(decision.action, &kept(decision)?);
        again.kind = decision.kind;
        Ok(again)
    }

    /// The tier at which quell would have acted by itself, had this set earned the act: of a decision of this set that lacked
    /// nothing else for a higher tier. `None` of every other, and of one of another set: nobody earns by what others decided.
    /// Which of the preconditions are in the way of which tier is asked anew, on the facts that the decision keeps.
    ///
    /// # Errors
    /// As in [`PolicySet::replay`].
    pub fn shadow(&self, decision: &Decision) -> Result<Option<Tier>, ReplayError> {
        let lacks = decision.unmet.iter().any(|unmet| unmet.id == NOT_EARNED);
        if !lacks || decision.policy != self.hash() || !decision.errors.is_empty() {
            return Ok(None);
        }
        let earned = self.decide(decision.action, &Facts { earned: Answer::Yes, ..kept(decision)? });
        let acts = matches!(earned.tier, Tier::Automatic | Tier::Quarantine) && earned.tier > decision.tier;
        Ok(acts.then_some(earned.tier))
    }

    /// The policies that forbid an act at a tier.
    pub(super) fn forbidding(&self, action: Action, tier: Tier, facts: &Facts) -> Vec<String> {
        let reply = Asked::act(self, action, facts).ok().and_then(|asked| self.ask(&leaf(action, tier), &asked));
        reply.filter(|reply| !reply.allowed).map(|reply| reply.by).unwrap_or_default()
    }

    /// Asks for one action; `None` where there is no such action.
    pub(super) fn ask(&self, action: &str, asked: &Asked) -> Option<Reply> {
        let (uid, policies) = self.asked(action)?;
        let Asked { principal, resource, entities, context } = asked;
        let request =
            Request::new(principal.clone(), uid.clone(), resource.clone(), context.clone(), Some(&self.schema));
        let request = match request {
            Ok(request) => request,
            Err(error) => {
                return Some(Reply {
                    allowed: false,
                    by: Vec::new(),
                    errors: vec![(String::new(), error.to_string())],
                });
            }
        };
        let response = self.authorizer.is_authorized(&request, policies, entities);
        let mut by: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        by.sort_by_key(|id| self.place(id));
        let mut errors: Vec<(String, String)> = response
            .diagnostics()
            .errors()
            .map(|AuthorizationError::PolicyEvaluationError(error)| (error.policy_id().to_string(), error.to_string()))
            .collect();
        errors.sort();
        // Cedar leaves out a forbid that it cannot evaluate, so that the answer may be Allow: an error is a refusal.
        let allowed = response.decision() == Answered::Allow && errors.is_empty();
        Some(Reply { allowed, by, errors })
    }

    /// Adds what stood in the way of a tier. What stood in the way of a higher one is there already.
    pub(super) fn refused(&self, tier: Tier, reply: &Reply, unmet: &mut Vec<Unmet>) {
        let forbids = reply.by.iter().filter(|id| self.policy(id).is_some_and(|text| text.effect == "forbid"));
        let mut ids: Vec<&str> = forbids.map(String::as_str).collect();
        ids.extend(reply.errors.iter().map(|(id, _)| id.as_str()).filter(|id| !id.is_empty()));
        ids.sort_by_key(|id| self.place(id));
        ids.dedup();
        if ids.is_empty() && reply.errors.is_empty() {
            ids.push(NO_PERMIT);
        }
        for id in ids {
            if !unmet.iter().any(|known| known.id == id) {
                unmet.push(self.unmet(tier, id));
            }
        }
    }
}

/// The facts that a decision keeps.
fn kept(decision: &Decision) -> Result<Facts, ReplayError> {
    if facts::snapshot(&sorted(decision.facts.clone())) != decision.snapshot {
        return Err(ReplayError::Snapshot(decision.snapshot.clone()));
    }
    serde_json::from_value(decision.facts.clone()).map_err(|error| ReplayError::Facts(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::answers::Environment;
    use crate::policy::{Known, Profile};

    fn unearned() -> Facts {
        Facts { earned: Answer::No, ..Facts::good() }
    }

    #[test]
    fn what_lacks_earning_alone_is_a_shadow_of_the_tier_that_it_would_have() {
        let set = PolicySet::builtin(Profile::Default).unwrap();
        let shadow = |action, facts: Facts| set.shadow(&set.decide(action, &facts)).unwrap();
        for action in [Action::Rotate, Action::Quarantine, Action::Revoke] {
            assert_eq!(shadow(action, unearned()), Some(Tier::Automatic), "{action:?}");
            assert_eq!(shadow(action, Facts { earned: Answer::Unknown, ..Facts::good() }), Some(Tier::Automatic));
            assert_eq!(shadow(action, Facts::good()), None, "{action:?} is earned");
            assert_eq!(shadow(action, Facts { owner_conflict: Answer::Yes, ..unearned() }), None, "{action:?}");
        }
        // What stands in the way of the tier automatic alone leaves the one below.
        let lower = Facts { purpose: Known::Unknown, ..unearned() };
        assert_eq!(shadow(Action::Revoke, lower), Some(Tier::Quarantine));
        let production = Facts {
            environment: Known::Is(Environment::Production),
            unused_confirmed: Answer::No,
            privileged: Answer::Yes,
            ..unearned()
        };
        assert_eq!(shadow(Action::Revoke, production), None);
        for action in [Action::Notify, Action::Restore, Action::Close] {
            assert_eq!(shadow(action, unearned()), None, "{action:?} needs not be earned");
        }
    }

    #[test]
    fn another_sets_decision_earns_nothing_and_changed_facts_are_refused() {
        let set = PolicySet::builtin(Profile::Default).unwrap();
        let other = PolicySet::builtin(Profile::Regulated).unwrap();
        let mut decision = set.decide(Action::Revoke, &unearned());
        assert_eq!(other.shadow(&decision), Ok(None));
        assert_eq!(set.shadow(&decision), Ok(Some(Tier::Automatic)));
        decision.facts["blast"] = 2.into();
        assert!(matches!(set.shadow(&decision), Err(ReplayError::Snapshot(_))));
    }
}
