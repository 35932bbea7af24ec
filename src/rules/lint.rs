//! What a rule must keep beyond its syntax: names, locality, references, samples that fit.

use std::collections::{BTreeMap, BTreeSet};

use regex_automata::meta::Regex;
use toml::Spanned;

use super::checksum::Checksum;
use super::classes;
use super::compile::Decoder;
use super::error::RuleError;
use super::grams::MIN_KEYWORD;
use super::load::Source;
use super::recipe_lint;
use super::schema::{ProviderFile, RuleDecl};
use super::shape::Shape;
use super::template::{self, Bindings, Random};
use crate::model::nearest;

/// Where a file's complaints go.
pub(super) struct Report<'a> {
    source: &'a Source,
    errors: &'a mut Vec<RuleError>,
}

impl Report<'_> {
    /// Complains about the text at a byte offset.
    pub(super) fn at(&mut self, offset: usize, message: impl Into<String>, help: impl Into<String>) {
        self.errors.push(RuleError::at(&self.source.file, &self.source.text, offset, message, help));
    }

    /// Complains about a value.
    pub(super) fn on<T>(&mut self, value: &Spanned<T>, message: impl Into<String>, help: impl Into<String>) {
        self.at(value.span().start, message, help);
    }
}

/// Lints a whole set. `known` are ids of rules outside of it.
#[must_use]
pub fn lint(sources: &[Source], files: &[ProviderFile], known: &[&str]) -> Vec<RuleError> {
    let mut errors = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut samples: BTreeMap<&str, &str> = BTreeMap::new();
    for rule in files.iter().flat_map(|f| &f.rule) {
        samples.insert(rule.id.get_ref(), rule.sample.get_ref());
    }
    for (source, file) in sources.iter().zip(files) {
        let mut report = Report { source, errors: &mut errors };
        provider(&mut report, file);
        for rule in &file.rule {
            if !seen.insert(rule.id.get_ref()) {
                report.on(
                    &rule.id,
                    format!("rule `{}` is declared twice", rule.id.get_ref()),
                    "give one of the two another id",
                );
            }
            names(&mut report, file, rule);
            keywords(&mut report, rule);
            pattern(&mut report, rule);
            checks(&mut report, rule);
            companions(&mut report, rule, &samples, known);
            templates(&mut report, rule);
        }
        recipe_lint::lint(&mut report, file);
    }
    errors
}

fn provider(report: &mut Report<'_>, file: &ProviderFile) {
    let id = &file.provider.id;
    let stem = std::path::Path::new(&report.source.file).file_stem().map(|s| s.to_string_lossy().into_owned());
    if !is_slug(id.get_ref()) {
        report.on(id, format!("`{}` is not a slug", id.get_ref()), "use lower-case letters, digits and single hyphens");
    }
    if stem.as_deref() != Some(id.get_ref()) {
        report.on(
            id,
            format!("the provider's id `{}` is not the file's name", id.get_ref()),
            "name the file after the provider's id",
        );
    }
    https(report, id.span().start, &file.provider.docs);
    for host in &file.provider.hosts {
        let labels = host.strip_prefix("*.").unwrap_or(host);
        if labels.is_empty()
            || !labels.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b))
        {
            report.on(
                id,
                format!("`{host}` is not a host name"),
                "write `api.example.com` or `*.example.com`, without scheme or port",
            );
        }
    }
}

pub(super) fn https(report: &mut Report<'_>, offset: usize, url: &str) {
    if !url.starts_with("https://") {
        report.at(offset, format!("`{url}` is not an https address"), "name the provider's page, `https://…`");
    }
}

fn is_slug(text: &str) -> bool {
    !text.is_empty()
        && text
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

fn names(report: &mut Report<'_>, file: &ProviderFile, rule: &RuleDecl) {
    let (id, provider) = (rule.id.get_ref(), file.provider.id.get_ref());
    if !is_slug(id) {
        report.on(&rule.id, format!("`{id}` is not a slug"), "use lower-case letters, digits and single hyphens");
    }
    if !id.strip_prefix(provider.as_str()).is_some_and(|rest| rest.starts_with('-')) {
        report.on(
            &rule.id,
            format!("rule `{id}` does not start with its provider's id"),
            format!("name it `{provider}-…`"),
        );
    }
    if rule.name.trim().is_empty() || rule.advice.trim().is_empty() {
        report.on(
            &rule.id,
            "name and advice may not be empty",
            "say what the credential is called and what to do about a leak",
        );
    }
    if let Some(docs) = &rule.docs {
        https(report, rule.id.span().start, docs);
    }
    for control in &rule.controls {
        let framework = ["NHI", "PR.", "DE.", "RS.", "ID.", "GV.", "RC."].iter().any(|p| control.starts_with(p));
        if !framework {
            report.on(
                &rule.id,
                format!("`{control}` is no control id"),
                "use ids of OWASP NHI (`NHI2`) or NIST CSF 2.0 (`PR.AA-01`)",
            );
        }
    }
}

fn keywords(report: &mut Report<'_>, rule: &RuleDecl) {
    if rule.keywords.is_empty() != (rule.shape == Shape::Run) {
        let help = "every shape but `run` needs at least one keyword, and `run` has none";
        report.on(&rule.id, format!("rule `{}` has the wrong number of keywords", rule.id.get_ref()), help);
    }
    for keyword in &rule.keywords {
        let text = keyword.get_ref();
        if text.len() < MIN_KEYWORD {
            report.on(
                keyword,
                format!("keyword `{text}` is shorter than {MIN_KEYWORD} bytes"),
                "choose a longer literal: short ones cost speed",
            );
        }
        if !text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            report.on(
                keyword,
                format!("keyword `{}` is not printable ASCII", text.escape_debug()),
                "use printable ASCII characters",
            );
        }
    }
}

fn pattern(report: &mut Report<'_>, rule: &RuleDecl) {
    let text = rule.pattern.get_ref();
    let hir = match classes::parse(text) {
        Ok(hir) => hir,
        Err(why) => {
            return report.on(
                &rule.pattern,
                format!("the pattern does not parse: {why}"),
                "patterns are regular expressions over bytes, without look-around",
            );
        }
    };
    let properties = hir.properties();
    if !properties.look_set().is_empty() {
        report.on(
            &rule.pattern,
            "the pattern looks around (`^`, `$`, `\\b`)",
            "leave it out: boundaries are checked by the shape",
        );
    }
    match properties.maximum_len() {
        None => report.on(
            &rule.pattern,
            "the pattern is unbounded, so a match would depend on where the scan starts",
            "replace `*`, `+` and `{n,}` by `{n,m}`",
        ),
        Some(max) if max > rule.shape.max_match() => {
            let limit = rule.shape.max_match();
            report.on(
                &rule.pattern,
                format!("a match may have {max} bytes; a `{}` rule may read {limit}", rule.shape.as_str()),
                "lower the bounds of the repetitions",
            );
        }
        Some(_) => {}
    }
    if properties.minimum_len().unwrap_or(0) == 0 {
        report.on(&rule.pattern, "the pattern matches nothing at all", "make it need at least one byte");
    }
    let has_secret = text.contains("(?<secret>") || text.contains("(?P<secret>");
    if !has_secret && !matches!(rule.shape, Shape::Pem | Shape::Jwt) {
        report.on(
            &rule.pattern,
            "the pattern has no group `secret`",
            "put `(?<secret>…)` around the bytes that authenticate",
        );
    }
    let (least, most) = rule.before.bounds();
    if most > 0 && !matches!(rule.shape, Shape::Token) || usize::from(most) > Shape::BEFORE || least > most {
        report.on(
            &rule.pattern,
            "`before` does not fit",
            format!("it is for `token` rules: a number up to {limit}, or [least, greatest]", limit = Shape::BEFORE),
        );
    }
}

fn checks(report: &mut Report<'_>, rule: &RuleDecl) {
    if let Some(name) = rule.checks.checksum.as_deref().filter(|n| Checksum::named(n).is_none()) {
        report.on(
            &rule.id,
            format!("there is no checksum `{name}`"),
            known_help(name, Checksum::ALL.iter().map(|(n, _)| *n)),
        );
    }
    if let Some(name) = rule.checks.decode.as_deref().filter(|n| Decoder::named(n).is_none()) {
        report.on(
            &rule.id,
            format!("there is no decoder `{name}`"),
            known_help(name, Decoder::ALL.iter().map(|(n, ..)| *n)),
        );
    }
    if rule.checks.min_entropy.is_some_and(|bits| !(0.0..=8.0).contains(&bits)) {
        report.on(&rule.id, "`min_entropy` is in bits per byte", "give a number from 0 to 8");
    }
}

fn known_help<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    nearest(word, known.clone()).map_or_else(
        || format!("known are {}", known.collect::<Vec<_>>().join(", ")),
        |n| format!("did you mean `{n}`?"),
    )
}

fn companions(report: &mut Report<'_>, rule: &RuleDecl, ids: &BTreeMap<&str, &str>, known: &[&str]) {
    for companion in &rule.companions {
        let wanted = companion.rule.get_ref().as_str();
        if !ids.contains_key(wanted) && !known.contains(&wanted) {
            report.on(&companion.rule, format!("there is no rule `{wanted}`"), known_help(wanted, ids.keys().copied()));
        }
    }
    if rule.shape == Shape::Pair && !rule.companions.iter().any(|c| c.required) {
        report.on(
            &rule.id,
            "a `pair` rule needs a required companion",
            "add `companions = [{ name = …, rule = …, within = \"file\", required = true }]`",
        );
    }
}

/// Samples expand, match the pattern and carry a valid checksum; matches contain the sample.
fn templates(report: &mut Report<'_>, rule: &RuleDecl) {
    if rule.matches.is_empty() || rule.miss.is_empty() {
        report.on(
            &rule.id,
            format!("rule `{}` needs `match` and `miss` lines", rule.id.get_ref()),
            "give at least one text in which it finds `{sample}` and one in which it finds nothing",
        );
    }
    let checksum = rule.checks.checksum.as_deref().and_then(Checksum::named);
    let sample = match sample(rule.sample.get_ref(), checksum, &mut Random::new(1)) {
        Ok(sample) => sample,
        Err(why) => return report.on(&rule.sample, why, "see docs/rule-format.md for the placeholders"),
    };
    if checksum.is_some_and(|c| !c.holds(&sample)) {
        report.on(
            &rule.sample,
            "the sample has no place for the checksum",
            "write as many characters as the format has; the checksum is filled in",
        );
    }
    for line in rule.matches.iter().filter(|l| !l.get_ref().contains("{sample}") && !l.get_ref().contains("{sample:")) {
        report.on(line, "a `match` line must contain `{sample}`", "put `{sample}` where the secret stands");
    }
    let bindings = bindings(sample.clone());
    for line in rule.matches.iter().chain(&rule.miss) {
        if let Err(why) = template::expand(line.get_ref(), &mut Random::new(1), &bindings) {
            report.on(line, why, "see docs/rule-format.md for the placeholders");
        }
    }
    let finds = Regex::builder()
        .syntax(regex_automata::util::syntax::Config::new().unicode(false).utf8(false))
        .build(rule.pattern.get_ref());
    if matches!(rule.shape, Shape::Token | Shape::Assign | Shape::Pair)
        && finds.is_ok_and(|r| !r.is_match(&sample))
        && !rule.matches.iter().any(|l| {
            let text = template::expand(l.get_ref(), &mut Random::new(1), &bindings).unwrap_or_default();
            Regex::builder()
                .syntax(regex_automata::util::syntax::Config::new().unicode(false).utf8(false))
                .build(rule.pattern.get_ref())
                .is_ok_and(|r| r.is_match(&text))
        })
    {
        report.on(
            &rule.sample,
            "the sample does not match the pattern",
            "make the template produce what the pattern describes",
        );
    }
}

/// Expands a rule's sample with its checksum filled in.
///
/// # Errors
/// A sentence about what the template has wrong.
pub fn sample(template: &str, checksum: Option<Checksum>, random: &mut Random) -> Result<Vec<u8>, String> {
    let mut sample = template::expand(template, random, &Bindings::new())?;
    if let Some(checksum) = checksum {
        checksum.mend(&mut sample);
    }
    Ok(sample)
}

/// The names that `match` and `miss` lines may use: `sample`, and `broken`, the sample with its last letter or
/// digit changed, so that its checksum fails.
#[must_use]
pub fn bindings(sample: Vec<u8>) -> Bindings {
    let mut broken = sample.clone();
    if let Some(last) = broken.iter_mut().rev().find(|b| b.is_ascii_alphanumeric()) {
        *last = if *last == b'0' { b'1' } else { b'0' };
    }
    Bindings::from([("sample".to_owned(), sample), ("broken".to_owned(), broken)])
}
