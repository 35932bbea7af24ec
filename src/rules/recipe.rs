//! The format of recipes: how a provider is asked whether a credential works, and how it is told to change one.
//!
//! A recipe is data. Requests are templates ([`super::template::fill`]) over the parts of a credential: `{secret}` and
//! the names of groups and companions; `{b64(…)}` is base64 of what is inside.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A request that a recipe makes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestDecl {
    /// `https` (default) or a named wire protocol.
    #[serde(default = "https")]
    pub protocol: String,
    /// HTTP method.
    #[serde(default = "get")]
    pub method: String,
    /// Whole URL. Its host is one of the provider's, `{part}.` in front of one of its `*.` hosts, or `{endpoint}`: what an
    /// administrator listed for this provider. Of a wire protocol `protocol://{host}`, or `protocol://{endpoint}`.
    pub url: String,
    /// Headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Query parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
    /// A body of form fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub form: BTreeMap<String, String>,
    /// A body of JSON, whose texts are templates.
    pub json: Option<toml::Value>,
    /// A body as it is.
    pub body: Option<String>,
    /// A named signer of requests.
    pub signer: Option<String>,
    /// Why a method other than `GET` or `HEAD` changes nothing.
    pub read_only: Option<String>,
}

fn https() -> String {
    "https".to_owned()
}

fn get() -> String {
    "GET".to_owned()
}

/// What an answer must look like; every key that is given must hold.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionDecl {
    /// HTTP status, one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<u16>,
    /// Header name to expected value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub header: BTreeMap<String, String>,
    /// JSON pointer (RFC 6901) to expected value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub json: BTreeMap<String, String>,
    /// Path of XML elements (`Error/Code`) to expected text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xml: BTreeMap<String, String>,
    /// Literal text somewhere in the body.
    pub body: Option<String>,
    /// Named outcome of a wire protocol.
    pub outcome: Option<String>,
}

/// The negative control of a verify recipe: what is made up, and must be refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected `sample`, `none`, a template, or a table of templates by part")]
pub enum ControlDecl {
    /// `sample`: a new sample of the rule; `none`: there is no way; else a template of the secret. Other parts stay.
    Secret(String),
    /// A template for each part; parts that are not named stay.
    Parts(BTreeMap<String, String>),
}

/// An answer that the provider's page shows, and what it means: the recipe's own test.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerDecl {
    /// `live`, `limited`, `blocked`, `dead`, `indistinct`, `absent` or `unknown`.
    pub means: String,
    /// HTTP status.
    #[serde(default)]
    pub status: u16,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Body.
    #[serde(default)]
    pub body: String,
    /// Outcome of a wire protocol.
    pub outcome: Option<String>,
    /// What the recipe reads of the identity in it.
    #[serde(default)]
    pub identity: BTreeMap<String, String>,
}

/// `[verify.NAME]`: whether a credential works, without changing anything.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyDecl {
    /// The provider's page that documents the endpoint and its refusal.
    pub docs: String,
    /// The day that page was read.
    pub read: toml::value::Datetime,
    /// What to ask.
    pub request: RequestDecl,
    /// Answers that mean that it works.
    pub live: Vec<ConditionDecl>,
    /// Answers that mean that it works with reduced access.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limited: Vec<ConditionDecl>,
    /// Answers that mean that it is right, but locked, reversibly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<ConditionDecl>,
    /// Answers that mean that it is dead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dead: Vec<ConditionDecl>,
    /// Answers that wrong, blocked and revoked credentials get alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indistinct: Vec<ConditionDecl>,
    /// Answers of a server that holds no such credential, and that gives them to no locked one. It may never have held it: they
    /// mean dead where the same server said before that it works, and are indistinct elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<ConditionDecl>,
    /// Answers by which a place refuses the negative control, though of a real credential they say nothing: a registry that
    /// answers `{}` to whoever it does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<ConditionDecl>,
    /// The negative control.
    pub control: ControlDecl,
    /// Where what is known of the holder stands in an answer: key of [`IDENTITY`] to `/json/pointer`, `header:NAME`,
    /// `xml:PATH` or `part:NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub identity: BTreeMap<String, String>,
    /// A second verify recipe, asked where this one says live: it may say limited, and more of the identity.
    pub then: Option<String>,
    /// The most requests a minute that the provider is sent.
    pub per_minute: Option<u32>,
    /// Whether a refusal may count against the account and lock it: asked only where logins are turned on.
    #[serde(default)]
    pub may_lock: bool,
    /// Accounts that are known to be traps: a credential of one is told, and not asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canaries: Vec<String>,
    /// Answers of the provider's page, as the recipe's own test.
    #[serde(default, skip_serializing)]
    pub answer: Vec<AnswerDecl>,
}

/// What a recipe may read of the holder of a credential.
pub const IDENTITY: &[&str] = &["subject", "account", "scopes", "privilege", "expires", "last_use", "resources"];

/// `[make.NAME]`, `[quarantine.NAME]`, `[revoke.NAME]`, `[restore.NAME]`: a change at the provider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActDecl {
    /// The provider's page that documents it.
    pub docs: String,
    /// The day that page was read.
    pub read: toml::value::Datetime,
    /// What to ask.
    pub request: RequestDecl,
    /// Answers that mean that the request was accepted.
    pub accepted: Vec<ConditionDecl>,
    /// The verify recipe that shows the effect.
    pub confirm: String,
    /// Whether `restore` makes the same credential work again.
    #[serde(default)]
    pub reversible: bool,
    /// The restore recipe, where it is reversible.
    pub restore: Option<String>,
    /// What to do first, where it is not.
    pub first: Option<String>,
}

/// A verify recipe with what it needs of its provider, as it is kept beside the rules and read when it is asked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Recipes {
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub verify: BTreeMap<String, VerifyDecl>,
    /// What can be done to a credential, and undone.
    pub capability: Option<CapabilityDecl>,
}

/// Whether an act on a credential can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UndoDecl {
    /// It cannot.
    Irreversible,
    /// Another credential can take its place.
    Replaceable,
    /// The same credential can be made to work again.
    Reversible,
}

/// `[capability]`: what the provider's own documentation says can be done to a credential of its, whoever does it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapabilityDecl {
    /// The page that says so.
    pub docs: String,
    /// The day on which it was read, as YYYY-MM-DD.
    pub read: String,
    /// Whether taking its access away can be undone; absent where that cannot be done.
    pub quarantine: Option<UndoDecl>,
    /// Whether ending it can be undone; absent where that cannot be done.
    pub revoke: Option<UndoDecl>,
    /// Whether the provider tells when it was used last.
    #[serde(default)]
    pub observe: bool,
    /// Whether a locked one is refused in other words than a wrong one.
    #[serde(default)]
    pub tells_blocked: bool,
    /// Whether sessions that are open outlive a quarantine.
    #[serde(default)]
    pub sessions_survive: bool,
}

impl Recipes {
    /// Their text; empty where there is none.
    #[must_use]
    pub fn to_text(&self) -> String {
        let none = self.verify.is_empty() && self.capability.is_none();
        if none { String::new() } else { toml::to_string(self).unwrap_or_default() }
    }

    /// Reads what [`Self::to_text`] wrote; none where it is something else.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        toml::from_str(text).unwrap_or_default()
    }
}
