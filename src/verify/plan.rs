//! How a finding is verified: by which recipe, with which parts, and at which places it may be asked.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::endpoints::{Endpoints, Place, host, host_and_port, public};
use super::parts::Parts;
use super::request::authority;
use super::wire;
use crate::model::{Fact, Finding, Verdict, Why};
use crate::rules::recipe_lint::host_fits;
use crate::rules::{Provider, Recipes, Rule, RuleSet, Shape, VerifyDecl, aws_account};

/// How many companions of one name are tried: which key id belongs to a secret is not always told.
const MOST: usize = 8;

/// How one finding is verified.
#[derive(Clone)]
pub struct Plan<'r> {
    /// The rule that found it.
    pub rule: &'r Rule,
    /// Its provider.
    pub provider: &'r Provider,
    /// `provider/recipe`.
    pub name: Arc<str>,
    /// The recipe.
    pub recipe: Arc<VerifyDecl>,
    /// The recipe that tells more of what is live.
    pub then: Option<Arc<VerifyDecl>>,
    /// The credential, once for each way to put it together.
    pub parts: Vec<Parts>,
    /// Whether a refusal proves nothing of the credential: there are more ways to put it together, or another provider's
    /// rule matched the same bytes.
    pub ambiguous: bool,
    /// Whether a part was joined because it stands near: a refusal may be for a pair that never was one.
    pub joined: bool,
}

/// The recipes of the providers that were asked for.
pub struct Book<'r> {
    rules: &'r RuleSet,
    /// By id: every finding is looked up, and a set has more than a thousand.
    ids: HashMap<&'r str, &'r Rule>,
    read: HashMap<u16, BTreeMap<String, Arc<VerifyDecl>>>,
}

impl<'r> Book<'r> {
    /// A book over a rule set. Recipes are read when they are asked for.
    #[must_use]
    pub fn new(rules: &'r RuleSet) -> Self {
        Self { rules, ids: rules.rules.iter().map(|rule| (rule.id.as_ref(), rule)).collect(), read: HashMap::new() }
    }

    /// The recipe of a rule.
    pub fn recipe(&mut self, rule: &Rule) -> Option<Arc<VerifyDecl>> {
        self.named(rule.provider, &rule.verify)
    }

    fn named(&mut self, provider: u16, name: &str) -> Option<Arc<VerifyDecl>> {
        if name.is_empty() {
            return None;
        }
        let rules = self.rules;
        let recipes = self.read.entry(provider).or_insert_with(|| {
            let text = rules.providers.get(usize::from(provider)).map_or("", |p| &p.recipes);
            Recipes::of_text(text).verify.into_iter().map(|(name, recipe)| (name, Arc::new(recipe))).collect()
        });
        recipes.get(name).cloned()
    }

    /// How a finding is verified.
    ///
    /// # Errors
    /// The verdict that stands without asking.
    pub fn plan(&mut self, finding: &Finding, logins: bool) -> Result<Plan<'r>, (Verdict, Arc<str>)> {
        let none = || (Verdict::NoVerifier, Arc::from(""));
        let rules = self.rules;
        let kinds = std::iter::once(&finding.kind).chain(&finding.other_kinds);
        let named = kinds.filter_map(|kind| self.ids.get(kind.rule.as_ref()).copied());
        let asked: Vec<&'r Rule> = named.filter(|rule| !rule.verify.is_empty()).collect();
        let rule = *asked.first().ok_or_else(none)?;
        let (recipe, provider) = (self.recipe(rule).ok_or_else(none)?, rules.provider_of(rule).ok_or_else(none)?);
        let name: Arc<str> = Arc::from(format!("{}/{}", provider.id, rule.verify));
        let unknown = |why| (Verdict::Unknown(why), Arc::clone(&name));
        if recipe.may_lock && !logins {
            return Err(unknown(Why::MayLock));
        }
        if recipe.request.protocol == "ssh" && finding.facts.contains(&Fact::Encrypted) {
            return Err(unknown(Why::Encrypted));
        }
        let (mut parts, cut) = Parts::of(finding, MOST);
        if rule.shape == Shape::Url {
            parts.iter_mut().for_each(|parts| *parts = parts.decoded());
        }
        if parts.iter().any(|parts| is_canary(&recipe, parts)) {
            return Err(unknown(Why::Canary));
        }
        let then = recipe.then.as_ref().and_then(|then| self.named(rule.provider, then));
        let elsewhere = asked.iter().any(|other| other.provider != rule.provider);
        let joined = finding.companions.iter().any(|companion| companion.kind.is_some());
        Ok(Plan { rule, provider, name, recipe, then, parts, ambiguous: cut || elsewhere, joined })
    }
}

/// Whether it is of an account that is known to be a trap.
fn is_canary(recipe: &VerifyDecl, parts: &Parts) -> bool {
    let accounts = ["key_id", "secret"].iter().filter_map(|part| aws_account(parts.get(part)?));
    accounts.into_iter().any(|account| recipe.canaries.contains(&account))
}

/// The places that a recipe is asked at.
///
/// # Errors
/// Why there is none.
pub fn places(
    provider: &Provider,
    recipe: &VerifyDecl,
    endpoints: &Endpoints,
    parts: &Parts,
) -> Result<Vec<Place>, Why> {
    let protocol = recipe.request.protocol.as_str();
    let keys = [provider.id.as_ref(), protocol];
    let listed = endpoints.addresses(&keys[..1]);
    let (authority, _) = authority(&recipe.request.url);
    if protocol == "https" || (protocol == "registry" && !listed.is_empty()) {
        if !listed.is_empty() {
            return Ok(listed);
        }
        if authority.starts_with("{endpoint}") {
            return Err(Why::HostNotListed);
        }
        let filled = parts.fill(authority, &<[u8]>::to_vec)?;
        let name = std::str::from_utf8(&filled).map_err(|_| Why::Unusable)?.to_ascii_lowercase();
        if !provider.hosts.iter().any(|allowed| host_fits(&name, allowed)) {
            return Err(Why::HostNotListed);
        }
        return Ok(vec![public(host(&name).ok_or(Why::Unusable)?)]);
    }
    let port = wire::default_port(protocol);
    let places = if authority == "{endpoint}" {
        endpoints.whole(&keys, port)
    } else {
        // Of several hosts of one cluster the first is asked.
        let first = parts.text("host")?.split(',').next().unwrap_or_default();
        let (host, own) = host_and_port(first).ok_or(Why::HostNotListed)?;
        endpoints.named(&keys, &host, own.unwrap_or(port)).into_iter().collect()
    };
    if places.is_empty() { Err(Why::HostNotListed) } else { Ok(places) }
}
