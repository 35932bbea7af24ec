//! A policy set: read, validated against the schema, hashed, and laid out by what can be asked.

use std::collections::{BTreeMap, HashMap};

use cedar_policy::ffi::DetailedError;
use cedar_policy::{ActionConstraint, Authorizer, Entities, EntityUid, PolicySet as CedarSet, Schema};
use cedar_policy::{ValidationMode, Validator};

use super::error::{Fault, PolicyErrors, Warning};
use super::parse::{self, Origin, Parsed, PolicyText};
use super::{Profile, lint};
use crate::model::action::{Action, Tier};
use crate::model::canonical::digest;
use crate::model::decision::Unmet;
use crate::model::event::PolicyFiles;

const SCHEMA: &str = include_str!("../../policies/schema.cedarschema");
const GUARDRAILS: &str = include_str!("../../policies/guardrails.cedar");
const DEFAULT: &str = include_str!("../../policies/default.cedar");
const REGULATED: &str = include_str!("../../policies/regulated.cedar");

/// Policies that decide together: guardrails, a profile, and the organisation's own.
pub struct PolicySet {
    profile: Profile,
    own: Vec<(String, String)>,
    hash: String,
    schema_hash: String,
    texts: Vec<PolicyText>,
    /// Where in `texts` a policy stands, by its id.
    index: HashMap<String, usize>,
    pub(super) schema: Schema,
    /// For each act and verb, its actions and the groups that they are in: the entities that are the same in every request.
    /// Those of the others would be copied along for nothing.
    actions: HashMap<String, Entities>,
    /// For each action that can be asked for, by its id, its uid and the policies whose scope covers it. The others could
    /// not apply, and asking them takes time.
    asked: HashMap<String, (EntityUid, CedarSet)>,
    pub(super) authorizer: Authorizer,
}

impl std::fmt::Debug for PolicySet {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("PolicySet").field("profile", &self.profile).field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl PolicySet {
    /// What is compiled in.
    ///
    /// # Errors
    /// None in a release: a test reads both profiles.
    pub fn builtin(profile: Profile) -> Result<Self, PolicyErrors> {
        Self::read(profile, &[]).map(|(set, _)| set)
    }

    /// The compiled-in set with the organisation's own files: names and texts. Warnings say what is allowed and probably not
    /// meant: a missing fact that raises a tier, a policy that can never apply.
    ///
    /// # Errors
    /// With file, line and what to do, where a text is no policy, an attribute or a word is misspelt, a policy has no id or
    /// title, or an id is taken.
    pub fn load(profile: Profile, own: &[(String, String)]) -> Result<(Self, Vec<Warning>), PolicyErrors> {
        let (set, mut warnings) = Self::read(profile, own)?;
        warnings.extend(lint::own(&set));
        warnings.sort();
        warnings.dedup();
        Ok((set, warnings))
    }

    /// A set from the ledger.
    ///
    /// # Errors
    /// As in [`PolicySet::load`]; and where the files make another set than the one on record.
    pub fn of(files: &PolicyFiles) -> Result<Self, PolicyErrors> {
        let profile = Profile::named(&files.profile).ok_or_else(|| PolicyErrors::Profile(files.profile.clone()))?;
        let (set, _) = Self::read(profile, &files.files)?;
        if set.hash != files.hash || set.schema_hash != files.schema {
            return Err(PolicyErrors::Changed { was: files.hash.clone(), now: set.hash });
        }
        Ok(set)
    }

    /// What the ledger keeps of it.
    #[must_use]
    pub fn files(&self) -> PolicyFiles {
        PolicyFiles {
            hash: self.hash.clone(),
            schema: self.schema_hash.clone(),
            profile: self.profile.as_str().to_owned(),
            files: self.own.clone(),
        }
    }

    /// Hash of the whole set, guardrails and schema included: `sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Hash of the schema, likewise.
    #[must_use]
    pub fn schema_hash(&self) -> &str {
        &self.schema_hash
    }

    /// The profile.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// The schema's text.
    #[must_use]
    pub const fn schema_text() -> &'static str {
        SCHEMA
    }

    /// Every policy: guardrails, then the profile, then the organisation's own, each in the order of its file.
    #[must_use]
    pub fn listing(&self) -> Vec<PolicyText> {
        self.texts.clone()
    }

    /// A policy by its id.
    #[must_use]
    pub fn policy(&self, id: &str) -> Option<&PolicyText> {
        self.index.get(id).and_then(|at| self.texts.get(*at))
    }

    /// Reads everything; the warnings are those of Cedar's validator.
    fn read(profile: Profile, own: &[(String, String)]) -> Result<(Self, Vec<Warning>), PolicyErrors> {
        let mut own = own.to_vec();
        own.sort();
        let schema = Schema::from_cedarschema_str(SCHEMA).map(|(schema, _)| schema);
        let schema = schema.map_err(|error| one_fault("schema.cedarschema", error.to_string()))?;
        let actions = schema.action_entities().map_err(|error| one_fault("schema.cedarschema", error.to_string()))?;
        let parsed = gather(profile, &own)?;
        let warnings = validate(&schema, &parsed, &own)?;
        let asked = lay_out(&schema, &actions, &parsed)?;
        let actions = by_act(&schema, &actions)?;
        let mut parts = vec![profile.as_str(), SCHEMA, GUARDRAILS, DEFAULT];
        parts.extend((profile == Profile::Regulated).then_some(REGULATED));
        parts.extend(own.iter().flat_map(|(name, text)| [name.as_str(), text.as_str()]));
        let hash = digest(parts);
        let texts: Vec<PolicyText> = parsed.into_iter().map(|one| one.text).collect();
        let index = texts.iter().enumerate().map(|(at, text)| (text.id.clone(), at)).collect();
        let schema_hash = digest([SCHEMA]);
        let authorizer = Authorizer::new();
        Ok((Self { profile, own, hash, schema_hash, texts, index, schema, actions, asked, authorizer }, warnings))
    }

    /// What is asked about an act at a tier; `None` where the act has no such tier.
    pub(super) fn asked(&self, id: &str) -> Option<&(EntityUid, CedarSet)> {
        self.asked.get(id)
    }

    /// The actions of an act or a verb with their groups; nothing where there is none of that name.
    pub(super) fn actions(&self, act: &str) -> Entities {
        self.actions.get(act).cloned().unwrap_or_else(Entities::empty)
    }

    /// Whether a policy's scope covers any tier of an act.
    pub(super) fn covers(&self, action: Action, id: &str) -> bool {
        let id = cedar_policy::PolicyId::new(id);
        Tier::ASKED
            .into_iter()
            .any(|tier| self.asked(&leaf(action, tier)).is_some_and(|(_, set)| set.policy(&id).is_some()))
    }

    /// A policy's place in the listing: what answers are ordered by.
    pub(super) fn place(&self, id: &str) -> usize {
        self.index.get(id).copied().unwrap_or(usize::MAX)
    }

    /// What a policy that stands in the way wants.
    pub(super) fn unmet(&self, tier: Tier, id: &str) -> Unmet {
        let known = self.policy(id);
        Unmet {
            tier,
            id: id.to_owned(),
            title: known.map_or_else(|| "a policy permits it".to_owned(), |text| text.title.clone()),
            controls: known.map(|text| text.controls.clone()).unwrap_or_default(),
        }
    }
}

/// The id of the action that is asked for an act at a tier.
pub(super) fn leaf(action: Action, tier: Tier) -> String {
    format!("{}:{}", action.as_str(), tier.as_str())
}

fn one_fault(file: &str, message: String) -> PolicyErrors {
    PolicyErrors::Files(vec![Fault { file: file.to_owned(), line: None, message, help: None }])
}

/// Every policy of the set, with those of the default set that the organisation's own stand in the place of left out.
fn gather(profile: Profile, own: &[(String, String)]) -> Result<Vec<Parsed>, PolicyErrors> {
    let mut sources =
        vec![(Origin::Guardrail, "guardrails.cedar", GUARDRAILS), (Origin::Profile, "default.cedar", DEFAULT)];
    if profile == Profile::Regulated {
        sources.push((Origin::Profile, "regulated.cedar", REGULATED));
    }
    sources.extend(own.iter().map(|(name, text)| (Origin::Own(name.clone()), name.as_str(), text.as_str())));
    let mut all: Vec<Parsed> = Vec::new();
    let mut faults = Vec::new();
    for (origin, name, text) in sources {
        match parse::file(&origin, name, text) {
            Ok(policies) => all.extend(policies),
            Err(wrong) => faults.extend(wrong),
        }
    }
    let mut kept: BTreeMap<String, usize> = BTreeMap::new();
    let mut gone = Vec::new();
    for (at, one) in all.iter().enumerate() {
        let before = kept.get(&one.text.id).and_then(|before| all.get(*before).map(|other| (*before, other)));
        match may_stand(one, before.map(|(_, other)| other)) {
            Ok(()) => gone.extend(before.map(|(before, _)| before)),
            Err((message, help)) => {
                faults.push(Fault { file: one.file.clone(), line: one.line, message, help: Some(help.to_owned()) });
                continue;
            }
        }
        kept.insert(one.text.id.clone(), at);
    }
    if !faults.is_empty() {
        return Err(PolicyErrors::Files(faults));
    }
    let keep = |(at, one)| (!gone.contains(&at)).then_some(one);
    Ok(all.into_iter().enumerate().filter_map(keep).collect())
}

/// Whether a policy may have its id, where another of that id may be there already.
fn may_stand(one: &Parsed, before: Option<&Parsed>) -> Result<(), (String, &'static str)> {
    let id = &one.text.id;
    if !matches!(one.text.origin, Origin::Own(_)) {
        return if before.is_none() { Ok(()) } else { Err((format!("two policies are called `{id}`"), "rename one")) };
    }
    match before {
        _ if id.starts_with("guardrail.") || id.starts_with("regulated.") => {
            Err((format!("`{id}` has the prefix of policies that nothing replaces"), "give it another id"))
        }
        Some(other) if other.text.origin != Origin::Profile => {
            Err((format!("two policies are called `{id}`"), "rename one"))
        }
        Some(other) if other.text.effect != one.text.effect => Err((
            format!("`{id}` is a {} in the default set", other.text.effect),
            "keep its effect, or give it another id",
        )),
        None if id.starts_with("default.") => {
            Err((format!("the default set has no `{id}` that it could stand in the place of"), "give it another id"))
        }
        _ => Ok(()),
    }
}

/// Validates strictly; the warnings are about the organisation's own policies.
fn validate(schema: &Schema, parsed: &[Parsed], own: &[(String, String)]) -> Result<Vec<Warning>, PolicyErrors> {
    let set = CedarSet::from_policies(parsed.iter().map(|one| one.policy.clone()));
    let set = set.map_err(|error| one_fault("policies", error.to_string()))?;
    let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
    let file_of = |id: &str| parsed.iter().find(|one| one.text.id == id);
    let text_of = |file: &str| own.iter().find(|(name, _)| name == file).map_or("", |(_, text)| text.as_str());
    let faults: Vec<Fault> = result
        .validation_errors()
        .map(|error| {
            let id = error.policy_id().to_string();
            let file = file_of(&id).map_or("policies", |one| one.file.as_str());
            let mut fault = parse::fault(file, text_of(file), &DetailedError::from(error));
            fault.help = fault.help.or_else(|| lint::help(&fault.message));
            fault
        })
        .collect();
    if !faults.is_empty() {
        return Err(PolicyErrors::Files(faults));
    }
    let warnings = result.validation_warnings().filter_map(|warning| {
        let one = file_of(warning.policy_id().as_ref())?;
        let (policy, file) = (one.text.id.clone(), one.file.clone());
        matches!(one.text.origin, Origin::Own(_)).then(|| Warning { file, policy, message: warning.to_string() })
    });
    Ok(warnings.collect())
}

/// The act of an action: what stands before the tier.
fn act_of(action: &EntityUid) -> &str {
    let id: &str = action.id().as_ref();
    id.split_once(':').map_or(id, |(act, _)| act)
}

/// The entities of each act: its actions, and every group that one of them is in.
fn by_act(schema: &Schema, actions: &Entities) -> Result<HashMap<String, Entities>, PolicyErrors> {
    let mut acts = HashMap::new();
    for leaf in schema.actions() {
        let act = act_of(leaf);
        if acts.contains_key(act) {
            continue;
        }
        let leaves: Vec<&EntityUid> = schema.actions().filter(|other| act_of(other) == act).collect();
        let within = |uid: &EntityUid| leaves.iter().any(|leaf| *leaf == uid || actions.is_ancestor_of(uid, leaf));
        let own = actions.iter().filter(|entity| within(&entity.uid())).cloned();
        let own =
            Entities::from_entities(own, None).map_err(|error| one_fault("schema.cedarschema", error.to_string()))?;
        acts.insert(act.to_owned(), own);
    }
    Ok(acts)
}

/// The policies that each action can be met by.
fn lay_out(
    schema: &Schema,
    actions: &Entities,
    parsed: &[Parsed],
) -> Result<HashMap<String, (EntityUid, CedarSet)>, PolicyErrors> {
    let mut asked = HashMap::new();
    for leaf in schema.actions() {
        let id: &str = leaf.id().as_ref();
        let covers = |one: &&Parsed| match one.policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => uid == *leaf,
            ActionConstraint::In(uids) => uids.iter().any(|uid| uid == leaf || actions.is_ancestor_of(uid, leaf)),
        };
        let set = CedarSet::from_policies(parsed.iter().filter(covers).map(|one| one.policy.clone()));
        let set = set.map_err(|error| one_fault("policies", error.to_string()))?;
        asked.insert(id.to_owned(), (leaf.clone(), set));
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(id: &str, rest: &str) -> String {
        format!("// ours\n@id(\"{id}\")\n@title(\"ours\")\n{rest}\n")
    }

    fn load(text: &str) -> Result<(PolicySet, Vec<Warning>), PolicyErrors> {
        PolicySet::load(Profile::Default, &[("own.cedar".to_owned(), text.to_owned())])
    }

    fn says(text: &str) -> String {
        load(text).map(|_| ()).unwrap_err().to_string()
    }

    const NEVER: &str = "forbid (principal, action in Action::\"revoke\", resource);";

    #[test]
    fn a_fault_names_file_line_and_what_to_do() {
        let unless = |condition: &str| {
            policy(
                "x",
                &format!("forbid (principal, action in Action::\"revoke\", resource)\nunless {{ {condition} }};"),
            )
        };
        for (text, parts) in [
            (
                unless("resource.envronment == Environment::\"test\""),
                vec!["own.cedar:5", "envronment", "did you mean `environment`?"],
            ),
            (unless("resource.environment == Environment::\"tst\""), vec!["own.cedar:5", "tst"]),
            (unless("resource.age_days < 3"), vec!["own.cedar:5"]),
            (unless("resource.age_days.value <"), vec!["own.cedar:5"]),
            (
                policy("x", "forbid (principal, action in Action::\"revok\", resource);"),
                vec!["own.cedar:4", "did you mean"],
            ),
            (
                "@title(\"t\")\npermit (principal, action, resource);".to_owned(),
                vec!["own.cedar:1", "no id or no title", "@id("],
            ),
            ("@id(\"t\")\npermit (principal, action, resource);".to_owned(), vec!["own.cedar:1", "no id or no title"]),
            (policy("a b", NEVER), vec!["own.cedar:2", "`a b` is no id"]),
            (policy("x", &format!("@contrl(\"c\")\n{NEVER}")), vec!["@contrl", "did you mean `@control`?"]),
            (policy("x", "forbid (principal == ?principal, action, resource);"), vec!["slot"]),
            (policy("guardrail.owner-unknown", NEVER), vec!["own.cedar:2", "nothing replaces"]),
            (policy("regulated.mine", NEVER), vec!["nothing replaces"]),
            (policy("default.nothing", NEVER), vec!["stand in the place of"]),
            (
                policy("default.production", "permit (principal, action, resource);"),
                vec!["is a forbid in the default set"],
            ),
            (policy("x", NEVER) + &policy("x", NEVER), vec!["two policies are called `x`"]),
            ("x".repeat(300_000), vec!["more than", "split it"]),
        ] {
            let message = says(&text);
            for part in parts {
                assert!(message.contains(part), "`{part}` is not in: {message}");
            }
        }
    }

    #[test]
    fn a_policy_of_the_default_set_can_be_replaced_and_it_is_said() {
        let text = policy(
            "default.blast",
            "forbid (principal, action in Action::\"change:unattended\", resource)\nunless { context.blast.known && context.blast.value <= 2 };",
        );
        let (set, warnings) = load(&text).unwrap();
        assert!(
            warnings.iter().any(|w| w.policy == "default.blast" && w.message.contains("in the place")),
            "{warnings:?}"
        );
        let all: Vec<_> = set.listing().into_iter().filter(|text| text.id == "default.blast").collect();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].origin, Origin::Own("own.cedar".to_owned()));
    }

    #[test]
    fn a_set_comes_back_from_the_ledger_or_says_that_it_changed() {
        let (set, _) = load(&policy("x", NEVER)).unwrap();
        let again = PolicySet::of(&set.files()).unwrap();
        assert_eq!((again.hash(), again.files()), (set.hash(), set.files()));
        let mut other = set.files();
        other.files[0].1.push_str("// more\n");
        assert!(matches!(PolicySet::of(&other), Err(PolicyErrors::Changed { .. })));
        let mut other = set.files();
        other.profile = "regulated".to_owned();
        assert!(matches!(PolicySet::of(&other), Err(PolicyErrors::Changed { .. })));
        other.profile = "none".to_owned();
        assert!(matches!(PolicySet::of(&other), Err(PolicyErrors::Profile(_))));
        let schema = PolicyFiles { schema: "sha256:0".to_owned(), ..set.files() };
        assert!(PolicySet::of(&schema).is_err());
    }

    #[test]
    fn guardrails_only_forbid_and_every_policy_has_a_title_and_a_control() {
        let set = PolicySet::builtin(Profile::Regulated).unwrap();
        for text in set.listing() {
            let prefix = if text.origin == Origin::Guardrail { "guardrail." } else { "" };
            assert!(text.id.starts_with(prefix) && !text.title.is_empty() && !text.controls.is_empty(), "{text:?}");
            assert!(text.origin != Origin::Guardrail || text.effect == "forbid", "{text:?}");
            assert!(text.controls.iter().all(|control| control.contains(':')), "{text:?}");
        }
    }

    #[test]
    fn a_file_that_no_names_and_texts_run_together_has_its_own_hash() {
        let hash = |own: &[(&str, String)]| {
            let own: Vec<_> = own.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
            PolicySet::load(Profile::Default, &own).unwrap().0.hash().to_owned()
        };
        let (a, b) = (policy("a", NEVER), policy("b", NEVER));
        assert_ne!(hash(&[("1", a.clone()), ("2", b.clone())]), hash(&[("1", a.clone() + &b)]));
        assert_eq!(hash(&[("2", b.clone()), ("1", a.clone())]), hash(&[("1", a), ("2", b)]));
    }
}
