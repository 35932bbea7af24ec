//! A rule set as Rust source: constants alone.

use std::fmt::Write;

use crate::rules::checksum::Checksum;
use crate::rules::compile::{Decoder, Provider, Rule, RuleSet, Text, Within};
use crate::rules::grams::KeywordIndex;
use crate::rules::steps::{Row, StepGroup};
use crate::rules::texts::Texts;

/// The expression that `rules::embedded` includes.
pub fn source(set: &RuleSet) -> String {
    let mut out = String::from("RuleSet {\n providers: Cow::Borrowed(&[\n");
    for Provider { id, name, docs, hosts, recipes } in set.providers.iter() {
        let (id, name, docs, hosts, recipes) = (text(id), text(name), text(docs), texts(hosts), text(recipes));
        let _ =
            writeln!(out, "Provider {{ id: {id}, name: {name}, docs: {docs}, hosts: {hosts}, recipes: {recipes} }},");
    }
    out.push_str("]),\n rules: Cow::Borrowed(&[\n");
    for rule in set.rules.iter() {
        out.push_str(&self::rule(rule));
    }
    let _ = write!(out, "]),\n index: {} }}", index(&set.index));
    out
}

fn text(text: &Text) -> String {
    format!("Cow::Borrowed({text:?})")
}

fn texts(list: &Texts) -> String {
    format!("Texts::Joined({:?})", list.iter().map(|text| format!("{text}{}", Texts::END)).collect::<String>())
}

fn rule(r: &Rule) -> String {
    let option = |name: Option<String>| name.map_or("None".to_owned(), |n| format!("Some({n})"));
    let checksum = option(r.checksum.map(|c: Checksum| format!("Checksum::{}", c.variant())));
    let decoder = option(
        r.decoder
            .and_then(|d| Decoder::ALL.iter().find(|(.., known)| *known == d))
            .map(|(_, v, _)| format!("Decoder::{v}")),
    );
    let companions: Vec<String> = r
        .companions
        .iter()
        .map(|c| {
            let within = if c.within == Within::File { "File" } else { "Directory" };
            format!(
                "CompanionRef {{ name: {}, rule: {}, within: Within::{within}, required: {} }}",
                text(&c.name),
                text(&c.rule),
                c.required
            )
        })
        .collect();
    let mut out = String::from("Rule {");
    let mut field = |name: &str, value: String| {
        let _ = write!(out, "{name}: {value}, ");
    };
    field("id", text(&r.id));
    field("name", text(&r.name));
    field("provider", r.provider.to_string());
    field("shape", format!("Shape::{}", r.shape.variant()));
    field("pattern", text(&r.pattern));
    field("rows", format!("Cow::Borrowed(&[{}])", r.rows.iter().map(row).collect::<Vec<_>>().join(", ")));
    field("prefix", format!("Cow::Borrowed(&{:?})", r.prefix));
    field("last", format!("{:?}", r.last));
    field("alphabet", format!("{:?}", r.alphabet));
    field("min_len", r.min_len.to_string());
    field("max_len", r.max_len.to_string());
    field("lead", format!("{:?}", r.lead));
    field("before", format!("{:?}", r.before));
    field("severity", format!("Severity::{:?}", r.severity));
    field("confidence", format!("Confidence::{:?}", r.confidence));
    field("checksum", checksum);
    field("decoder", decoder);
    field("min_entropy", r.min_entropy.to_string());
    field("examples", texts(&r.examples));
    field("password", r.password.to_string());
    field("fallback", r.fallback.to_string());
    field("companions", format!("Cow::Borrowed(&[{}])", companions.join(", ")));
    field("public_prefix", r.public_prefix.to_string());
    field("keywords", texts(&r.keywords));
    field("exact", r.exact.to_string());
    field("advice", text(&r.advice));
    field("docs", text(&r.docs));
    field("controls", texts(&r.controls));
    field("verify", text(&r.verify));
    field("sample", text(&r.sample));
    field("matches", texts(&r.matches));
    field("misses", texts(&r.misses));
    out.push_str("},\n");
    out
}

fn row(row: &Row) -> String {
    let group = |g: &StepGroup| format!("StepGroup {{ name: {}, from: {}, to: {} }}", text(&g.name), g.from, g.to);
    let groups: Vec<String> = row.groups.iter().map(group).collect();
    format!("Row {{ steps: Cow::Borrowed(&{:?}), groups: Cow::Borrowed(&[{}]) }}", row.steps, groups.join(", "))
}

fn index(index: &KeywordIndex) -> String {
    let keywords: Vec<String> = index
        .keywords
        .iter()
        .map(|k| {
            format!("Keyword {{ bytes: {:?}, fold: {:?}, len: {}, rules: {:?} }}", k.bytes, k.fold, k.len, k.rules)
        })
        .collect();
    let entries: Vec<String> = index
        .entries
        .iter()
        .map(|e| {
            format!(
                "Entry {{ head: {}, tail: {}, keyword: {}, offset: {}, last: {}, beside: {} }}",
                e.head, e.tail, e.keyword, e.offset, e.last, e.beside
            )
        })
        .collect();
    format!(
        "KeywordIndex {{ keywords: Cow::Borrowed(&[{}]), rules: Cow::Borrowed(&{:?}), hash3: {}, grams3: Cow::Borrowed(&{:?}), \
         grams4: Cow::Borrowed(&{:?}), buckets: Cow::Borrowed(&{:?}), entries: Cow::Borrowed(&[{}]) }}",
        keywords.join(", "),
        index.rules,
        index.hash3,
        index.grams3,
        index.grams4,
        index.buckets,
        entries.join(", ")
    )
}
