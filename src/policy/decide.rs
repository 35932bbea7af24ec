//! A tier for an act: asked from the highest, with everything that stood in the way.

use cedar_policy::{
    AuthorizationError, Context, Decision as Answered, Entities, Entity, EntityUid, Request, RestrictedExpression,
};

use super::error::ReplayError;
use super::facts::{self, Facts};
use super::set::{PolicySet, leaf};
use super::words;
use crate::model::action::{Action, Tier};
use crate::model::canonical::sorted;
use crate::model::decision::{Decision, DecisionKind, Unmet};

/// The id of what is missing where nothing forbids and nothing permits.
pub(super) const NO_PERMIT: &str = "no-permit";

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
        if facts::snapshot(&sorted(decision.facts.clone())) != decision.snapshot {
            return Err(ReplayError::Snapshot(decision.snapshot.clone()));
        }
        let facts: Facts =
            serde_json::from_value(decision.facts.clone()).map_err(|error| ReplayError::Facts(error.to_string()))?;
        let mut again = self.decide(decision.action, &facts);
        again.kind = decision.kind;
        Ok(again)
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
