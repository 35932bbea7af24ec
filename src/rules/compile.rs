//! From declarations to what detection runs on: [`RuleSet`].
//!
//! Every string and table is a `Cow`, so that the embedded set is made of constants and costs nothing at start,
//! while a set read from `--rules DIR` has the same type.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::checksum::Checksum;
use super::classes::{self, ByteSet};
use super::grams::{KeywordIndex, MAX_KEYWORD};
use super::recipe::Recipes;
use super::schema::{CompanionDecl, ProviderFile, RuleDecl, WithinDecl};
use super::shape::Shape;
use super::steps::{self, Row};
use super::texts::Texts;
use crate::model::{Confidence, Severity};

/// Text that is a constant in the embedded set.
pub type Text = Cow<'static, str>;

/// Who issues credentials.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Slug.
    pub id: Text,
    /// The name that people know.
    pub name: Text,
    /// Its page about its credentials.
    pub docs: Text,
    /// The only hosts that its recipes call.
    pub hosts: Texts,
    /// Its verify recipes ([`Recipes::of_text`]), read when one is asked for.
    pub recipes: Text,
}

/// How near a companion must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// In the same file.
    File,
    /// In the same directory.
    Directory,
}

/// Another rule whose match belongs to the same credential.
#[derive(Clone, Debug)]
pub struct CompanionRef {
    /// What it is to the credential.
    pub name: Text,
    /// Id of its rule.
    pub rule: Text,
    /// How near it must be.
    pub within: Within,
    /// Whether the credential is of no use without it.
    pub required: bool,
}

/// A named decoder of a secret's structure. It refuses what has not the structure, and may tell facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decoder {
    /// `aws-key-id`: an AWS access key id, which encodes its account.
    AwsKeyId,
    /// `basic`: base64 of `user:password`.
    Basic,
    /// `jwt`: a JSON Web Token with a signature.
    Jwt,
    /// `jwt-unsigned`: one with `alg` `none`, or without a signature.
    JwtUnsigned,
    /// `pem-plain`: a private key that needs no passphrase.
    PemPlain,
    /// `pem-encrypted`: one that does.
    PemEncrypted,
    /// `base64-json`: base64 (either alphabet) of a JSON object.
    Base64Json,
    /// `macaroon`: base64url of a version 2 macaroon.
    Macaroon,
}

impl Decoder {
    /// Every decoder, with its name in rule files and its variant in the tables.
    pub const ALL: &'static [(&'static str, &'static str, Self)] = &[
        ("aws-key-id", "AwsKeyId", Self::AwsKeyId),
        ("basic", "Basic", Self::Basic),
        ("jwt", "Jwt", Self::Jwt),
        ("jwt-unsigned", "JwtUnsigned", Self::JwtUnsigned),
        ("pem-plain", "PemPlain", Self::PemPlain),
        ("pem-encrypted", "PemEncrypted", Self::PemEncrypted),
        ("base64-json", "Base64Json", Self::Base64Json),
        ("macaroon", "Macaroon", Self::Macaroon),
    ];

    /// The decoder of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, ..)| *known == name).map(|(.., decoder)| *decoder)
    }
}

/// One rule, ready to run.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Slug, unique in the set.
    pub id: Text,
    /// What the credential is called.
    pub name: Text,
    /// Index of its provider.
    pub provider: u16,
    /// How the pattern is applied.
    pub shape: Shape,
    /// The pattern, a bounded regular expression over bytes.
    pub pattern: Text,
    /// The pattern as rows of byte sets, where it is that; else empty, and the pattern is run as a regex.
    pub rows: Cow<'static, [Row]>,
    /// Sets of the first bytes of every match.
    pub prefix: Cow<'static, [ByteSet]>,
    /// The bytes that a match may end in.
    pub last: ByteSet,
    /// The bytes that a match may have at all.
    pub alphabet: ByteSet,
    /// Least length of a match.
    pub min_len: u16,
    /// Greatest length of a match.
    pub max_len: u16,
    /// The bytes that the first, repeated part of the pattern takes: a match does not start behind one of them. Empty
    /// where the pattern starts with something else.
    pub lead: ByteSet,
    /// The least and the greatest distance from the start of a match to its keyword.
    pub before: (u16, u16),
    /// How bad.
    pub severity: Severity,
    /// How sure, once the checks hold.
    pub confidence: Confidence,
    /// Checksum that the secret carries.
    pub checksum: Option<Checksum>,
    /// Structure that the secret has.
    pub decoder: Option<Decoder>,
    /// Least entropy in hundredths of a bit per byte.
    pub min_entropy: u16,
    /// Words that make it a documented example, in lower case.
    pub examples: Texts,
    /// Whether it is a password that a person chose.
    pub password: bool,
    /// Whether any other rule that matches the same bytes names the finding.
    pub fallback: bool,
    /// Other parts of the credential.
    pub companions: Cow<'static, [CompanionRef]>,
    /// How many leading bytes may be shown.
    pub public_prefix: u8,
    /// The literals that wake it.
    pub keywords: Texts,
    /// Whether they must have the case they are written in.
    pub exact: bool,
    /// What to do about a leak.
    pub advice: Text,
    /// The page that documents it.
    pub docs: Text,
    /// Controls that a leak touches.
    pub controls: Texts,
    /// The provider's recipe that asks whether it works; empty where there is none.
    pub verify: Text,
    /// Template of a well-formed secret.
    pub sample: Text,
    /// Templates in which it is found.
    pub matches: Texts,
    /// Templates in which nothing is found.
    pub misses: Texts,
}

/// A whole set of rules with its keyword index.
#[derive(Clone, Debug)]
pub struct RuleSet {
    /// Providers, in name order.
    pub providers: Cow<'static, [Provider]>,
    /// Rules, in provider order, then as written.
    pub rules: Cow<'static, [Rule]>,
    /// The literals that wake them.
    pub index: KeywordIndex,
}

impl RuleSet {
    /// Builds the set from linted files.
    #[must_use]
    pub fn compile(files: &[ProviderFile]) -> Self {
        let decls: Vec<(u16, &RuleDecl)> =
            files.iter().enumerate().flat_map(|(i, f)| f.rule.iter().map(move |r| (i as u16, r))).collect();
        let rules = decls.iter().map(|(p, r)| rule(*p, r, files.get(usize::from(*p)).map_or("", |f| &f.provider.docs)));
        let providers = files.iter().map(|f| Provider {
            id: f.provider.id.get_ref().clone().into(),
            name: f.provider.name.clone().into(),
            docs: f.provider.docs.clone().into(),
            hosts: f.provider.hosts.iter().cloned().collect(),
            recipes: recipes(f).to_text().into(),
        });
        Self::new(providers.collect(), rules.collect())
    }

    /// Builds the keyword index over rules.
    #[must_use]
    pub fn new(providers: Vec<Provider>, rules: Vec<Rule>) -> Self {
        let mut wanted: BTreeMap<(Vec<u8>, bool), Vec<u16>> = BTreeMap::new();
        for (rule, i) in rules.iter().zip(0u16..) {
            for keyword in rule.keywords.iter() {
                let bytes = keyword.as_bytes().get(..keyword.len().min(MAX_KEYWORD)).unwrap_or_default();
                let bytes = if rule.exact { bytes.to_vec() } else { bytes.to_ascii_lowercase() };
                let woken = wanted.entry((bytes, rule.exact)).or_default();
                if !woken.contains(&i) {
                    woken.push(i);
                }
            }
        }
        Self { index: KeywordIndex::build(&wanted), providers: providers.into(), rules: rules.into() }
    }

    /// The set without the rules that `keep` refuses.
    #[must_use]
    pub fn retain(&self, keep: impl Fn(&Rule) -> bool) -> Self {
        Self::new(self.providers.to_vec(), self.rules.iter().filter(|r| keep(r)).cloned().collect())
    }

    /// Adds another set; its rules replace those of the same id.
    #[must_use]
    pub fn overlay(&self, other: &Self) -> Self {
        let base = self.retain(|rule| other.rule(&rule.id).is_none());
        let (mut providers, mut rules) = (base.providers.into_owned(), base.rules.into_owned());
        let shift = providers.len() as u16;
        providers.extend(other.providers.iter().cloned());
        rules.extend(other.rules.iter().cloned().map(|rule| Rule { provider: rule.provider + shift, ..rule }));
        Self::new(providers, rules)
    }

    /// How specific a rule is: where several match the same bytes, the highest names the finding.
    #[must_use]
    pub fn specificity(&self, index: u16) -> u8 {
        let rule = self.rules.get(usize::from(index));
        rule.map_or(0, |r| match r.fallback {
            // A name beside it says more of a string than its entropy.
            true => u8::from(r.shape != Shape::Run),
            false => 2 + r.shape.specificity(),
        })
    }

    /// The rule of an id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|r| r.id == id)
    }

    /// The provider of a rule.
    #[must_use]
    pub fn provider_of(&self, rule: &Rule) -> Option<&Provider> {
        self.providers.get(usize::from(rule.provider))
    }
}

fn rule(provider: u16, decl: &RuleDecl, provider_docs: &str) -> Rule {
    let hir = classes::parse(decl.pattern.get_ref()).ok();
    let outline = hir.as_ref().map(classes::outline).unwrap_or_default();
    let rows = hir.as_ref().and_then(steps::derive).unwrap_or_default();
    let spanned = |list: &[toml::Spanned<String>]| list.iter().map(|s| s.get_ref().clone()).collect();
    Rule {
        id: decl.id.get_ref().clone().into(),
        name: decl.name.clone().into(),
        provider,
        shape: decl.shape,
        pattern: decl.pattern.get_ref().clone().into(),
        rows: rows.into(),
        prefix: outline.prefix.into(),
        last: outline.last,
        alphabet: outline.alphabet,
        min_len: outline.min.min(usize::from(u16::MAX)) as u16,
        max_len: outline.max.unwrap_or(0).min(usize::from(u16::MAX)) as u16,
        lead: outline.lead,
        before: decl.before.bounds(),
        severity: decl.severity,
        confidence: decl.confidence,
        checksum: decl.checks.checksum.as_deref().and_then(Checksum::named),
        decoder: decl.checks.decode.as_deref().and_then(Decoder::named),
        min_entropy: decl.checks.min_entropy.map_or(0, |bits| (bits * 100.0) as u16),
        examples: decl.checks.examples.iter().map(|e| e.to_ascii_lowercase()).collect(),
        password: decl.checks.password,
        fallback: decl.fallback,
        companions: decl.companions.iter().map(companion).collect::<Vec<_>>().into(),
        public_prefix: decl.public_prefix,
        keywords: spanned(&decl.keywords),
        exact: decl.case_sensitive.unwrap_or(matches!(decl.shape, Shape::Token | Shape::Pem | Shape::Jwt)),
        advice: decl.advice.clone().into(),
        docs: decl.docs.clone().unwrap_or_else(|| provider_docs.to_owned()).into(),
        controls: decl.controls.iter().cloned().collect(),
        verify: decl.verify.clone().unwrap_or_default().into(),
        sample: decl.sample.get_ref().clone().into(),
        matches: spanned(&decl.matches),
        misses: spanned(&decl.miss),
    }
}

fn recipes(file: &ProviderFile) -> Recipes {
    Recipes {
        verify: file.verify.iter().map(|(name, recipe)| (name.clone(), recipe.get_ref().clone())).collect(),
        capability: file.capability.as_ref().map(|capability| capability.get_ref().clone()),
    }
}

fn companion(decl: &CompanionDecl) -> CompanionRef {
    let within = match decl.within {
        WithinDecl::File => Within::File,
        WithinDecl::Directory => Within::Directory,
    };
    CompanionRef {
        name: decl.name.clone().into(),
        rule: decl.rule.get_ref().clone().into(),
        within,
        required: decl.required,
    }
}
