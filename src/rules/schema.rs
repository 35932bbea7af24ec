//! The format of a provider file, `rules/PROVIDER.toml`. Unknown keys are errors.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::recipe::{ActDecl, CapabilityDecl, VerifyDecl};
use super::shape::Shape;
use crate::model::{Confidence, Severity};

/// A whole provider file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderFile {
    /// Who issues the credentials.
    pub provider: ProviderDecl,
    /// What to look for.
    #[serde(default)]
    pub rule: Vec<RuleDecl>,
    /// How to ask whether a credential works, by name.
    #[serde(default)]
    pub verify: BTreeMap<String, Spanned<VerifyDecl>>,
    /// How to make a credential of the same kind.
    #[serde(default)]
    pub make: BTreeMap<String, Spanned<ActDecl>>,
    /// How to take its access away so that it can be given back.
    #[serde(default)]
    pub quarantine: BTreeMap<String, Spanned<ActDecl>>,
    /// How to end it.
    #[serde(default)]
    pub revoke: BTreeMap<String, Spanned<ActDecl>>,
    /// How to give it back.
    #[serde(default)]
    pub restore: BTreeMap<String, Spanned<ActDecl>>,
    /// What can be done to a credential, and undone.
    pub capability: Option<Spanned<CapabilityDecl>>,
}

/// `[provider]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderDecl {
    /// Slug; the file's name without its ending.
    pub id: Spanned<String>,
    /// The name that people know.
    pub name: String,
    /// The provider's page about its credentials.
    pub docs: String,
    /// The only hosts that the recipes of this file may call.
    #[serde(default)]
    pub hosts: Vec<String>,
}

/// `[[rule]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleDecl {
    /// Slug, unique in the whole set.
    pub id: Spanned<String>,
    /// What the credential is called, in a few words.
    pub name: String,
    /// How the pattern is applied.
    pub shape: Shape,
    /// Literals, one of which every match has; at least four bytes each.
    #[serde(default)]
    pub keywords: Vec<Spanned<String>>,
    /// Whether keywords must have the case they are written in. Default: only for `token`, `pem` and `jwt`.
    pub case_sensitive: Option<bool>,
    /// A bounded regular expression with the group `secret`; other groups are companions.
    pub pattern: Spanned<String>,
    /// For `token`: how many bytes before the keyword the pattern starts.
    #[serde(default)]
    pub before: BeforeDecl,
    /// How bad a leak is.
    pub severity: Severity,
    /// How sure a match is, once the checks hold.
    pub confidence: Confidence,
    /// What else must hold.
    #[serde(default)]
    pub checks: ChecksDecl,
    /// Other rules whose matches near this one belong to the same credential.
    #[serde(default)]
    pub companions: Vec<CompanionDecl>,
    /// Whether any other rule that matches the same bytes names the finding: a generic rule.
    #[serde(default)]
    pub fallback: bool,
    /// How many leading bytes of the secret are the format's public prefix and may be shown.
    #[serde(default)]
    pub public_prefix: u8,
    /// Template of a well-formed secret (see `template`).
    pub sample: Spanned<String>,
    /// Templates of text in which the rule finds `{sample}`.
    #[serde(rename = "match")]
    pub matches: Vec<Spanned<String>>,
    /// Templates of text in which it finds nothing.
    pub miss: Vec<Spanned<String>>,
    /// The page that documents the format; the provider's page where absent.
    pub docs: Option<String>,
    /// What to do about a leak, in one or two sentences.
    pub advice: String,
    /// Ids of controls (OWASP NHI, NIST CSF 2.0) that a leak touches.
    #[serde(default)]
    pub controls: Vec<String>,
    /// Name of the `[verify.NAME]` recipe.
    pub verify: Option<String>,
    /// Name of the `[make.NAME]` recipe.
    pub make: Option<String>,
    /// Name of the `[quarantine.NAME]` recipe.
    pub quarantine: Option<String>,
    /// Name of the `[revoke.NAME]` recipe.
    pub revoke: Option<String>,
}

/// `before = 33`, or `before = [3, 81]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a number of bytes, or two: the least and the greatest")]
pub enum BeforeDecl {
    /// The keyword always stands so many bytes behind the start.
    Exactly(u16),
    /// At least and at most so many.
    Between(u16, u16),
}

impl Default for BeforeDecl {
    fn default() -> Self {
        Self::Exactly(0)
    }
}

impl BeforeDecl {
    /// The least and the greatest distance.
    #[must_use]
    pub const fn bounds(self) -> (u16, u16) {
        match self {
            Self::Exactly(n) => (n, n),
            Self::Between(least, most) => (least, most),
        }
    }
}

/// `checks = { … }`: what must hold of a match, cheapest first.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChecksDecl {
    /// A named checksum (see `checksum`); a match whose checksum fails is dropped to low confidence.
    pub checksum: Option<String>,
    /// Least Shannon entropy of the secret, in bits per byte.
    pub min_entropy: Option<f32>,
    /// A named decoder of structure that must accept the secret (see `Decoder`).
    pub decode: Option<String>,
    /// Words (any case) that make the secret a documented example.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Whether the value is a password that a person chose: it is told from words, references and code by its
    /// structure, and gets no fingerprint without a key.
    #[serde(default)]
    pub password: bool,
}

/// `companions = [{ … }]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompanionDecl {
    /// What it is to this credential.
    pub name: String,
    /// The rule that finds it.
    pub rule: Spanned<String>,
    /// How near it must be.
    pub within: WithinDecl,
    /// Whether the credential is of no use without it.
    #[serde(default)]
    pub required: bool,
}

/// How near a companion must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithinDecl {
    /// In the same file.
    File,
    /// In the same directory.
    Directory,
}
