//! What an answer means: a recipe's conditions, held against status, headers and body; and what it says of the holder.

use std::collections::BTreeMap;

use serde_json::Value;

use super::parts::Parts;
use crate::model::{Identity, Untrusted, Verdict, Why};
use crate::rules::VerifyDecl;
use crate::rules::recipe::ConditionDecl;

/// What came back, of HTTP or of a wire protocol.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// HTTP status; 0 for a wire protocol.
    pub status: u16,
    /// Headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The outcome of a wire protocol, by its name.
    pub outcome: Option<String>,
    /// What a wire protocol told of the holder, by the name of a part.
    pub told: BTreeMap<String, String>,
}

/// A reply with its body read as what it is.
pub struct Parsed<'r> {
    reply: &'r Reply,
    json: Option<Value>,
    text: String,
}

impl Reply {
    /// Reads the body, once for all conditions.
    #[must_use]
    pub fn parsed(&self) -> Parsed<'_> {
        let json = serde_json::from_slice(&self.body).ok();
        Parsed { reply: self, json, text: String::from_utf8_lossy(&self.body).into_owned() }
    }

    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The shape of it, for people: nothing of its body.
    #[must_use]
    pub fn shape(&self) -> String {
        if let Some(outcome) = &self.outcome {
            return outcome.clone();
        }
        let kind = self.header("content-type").and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        // Only what is known: a server may say there what it was sent.
        let kind = KINDS.iter().find(|known| known.eq_ignore_ascii_case(kind)).unwrap_or(&"another type");
        format!("{}, {kind}, {} bytes", self.status, self.body.len())
    }
}

impl Parsed<'_> {
    /// What a recipe makes of it. Where conditions contradict each other, nothing is known.
    #[must_use]
    pub fn verdict(&self, recipe: &VerifyDecl) -> Verdict {
        let any = |conditions: &[ConditionDecl]| conditions.iter().any(|condition| self.holds(condition));
        let right = (any(&recipe.limited), any(&recipe.live));
        let alike = any(&recipe.indistinct) || any(&recipe.absent);
        let refused = (any(&recipe.blocked), alike, any(&recipe.dead));
        match (right, refused) {
            ((true, _), (false, false, false)) => Verdict::LiveLimited,
            ((false, true), (false, false, false)) => Verdict::Live,
            ((false, false), (true, false, false)) => Verdict::Blocked,
            // What is said alike of the locked and the revoked proves neither, whatever else it matches.
            ((false, false), (_, true, _)) => Verdict::Indistinct,
            ((false, false), (false, false, true)) => Verdict::Dead,
            _ => Verdict::Unknown(self.why()),
        }
    }

    /// Whether it is what the server says of a credential that it does not hold, and of no other.
    #[must_use]
    pub fn is_absent(&self, recipe: &VerifyDecl) -> bool {
        let alike = recipe.indistinct.iter().any(|condition| self.holds(condition));
        self.verdict(recipe) == Verdict::Indistinct && !alike
    }

    /// Whether it refuses a made-up credential.
    #[must_use]
    pub fn refuses(&self, recipe: &VerifyDecl) -> bool {
        let verdict = self.verdict(recipe);
        matches!(verdict, Verdict::Dead | Verdict::Indistinct)
            || !verdict.is_had() && recipe.refused.iter().any(|condition| self.holds(condition))
    }

    /// Why an answer that no condition knows says nothing.
    fn why(&self) -> Why {
        let spent =
            || ["x-ratelimit-remaining", "ratelimit-remaining"].iter().any(|h| self.reply.header(h) == Some("0"));
        match self.reply.status {
            429 => Why::RateLimited,
            403 | 503 if self.reply.header("retry-after").is_some() || spent() => Why::RateLimited,
            500..=599 => Why::Outage,
            _ => Why::Unexpected,
        }
    }

    fn holds(&self, condition: &ConditionDecl) -> bool {
        let header = |(name, wanted): (&String, &String)| {
            self.reply.header(&name.to_ascii_lowercase()).is_some_and(|value| fits(value, wanted))
        };
        let json = |(pointer, wanted): (&String, &String)| self.at(pointer).iter().any(|value| fits(value, wanted));
        let xml = |(path, wanted): (&String, &String)| self.elements(path).iter().any(|value| fits(value, wanted));
        (condition.status.is_empty() || condition.status.contains(&self.reply.status))
            && condition.header.iter().all(header)
            && condition.json.iter().all(json)
            && condition.xml.iter().all(xml)
            && condition.body.as_ref().is_none_or(|text| self.text.contains(text.as_str()))
            && condition.outcome.as_ref().is_none_or(|wanted| {
                self.reply.outcome.as_ref().is_some_and(|outcome| wanted.split('|').any(|one| one == outcome))
            })
    }

    /// The values at a JSON pointer; a `*` in it stands for every item of a list. What is empty or null is not there.
    fn at(&self, pointer: &str) -> Vec<String> {
        let mut values: Vec<&Value> = self.json.iter().collect();
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            values = values.into_iter().flat_map(|value| children(value, &step)).collect();
        }
        values.into_iter().flat_map(texts).collect()
    }

    /// The texts of the XML elements at a path from the root, whatever their namespaces.
    fn elements(&self, path: &str) -> Vec<String> {
        // Namespaces are resolved in a time that grows faster than their number: an answer that has many is none.
        if self.text.len() > MAX_XML || self.text.matches("xmlns").count() > MAX_NAMESPACES {
            return Vec::new();
        }
        let Ok(document) = roxmltree::Document::parse(&self.text) else { return Vec::new() };
        let mut at = vec![document.root()];
        for step in path.split('/') {
            let named = |node: &roxmltree::Node<'_, '_>| node.is_element() && node.tag_name().name() == step;
            at = at.into_iter().flat_map(|node| node.children().filter(named).collect::<Vec<_>>()).collect();
        }
        at.iter().filter_map(|node| node.text()).map(|text| text.trim().to_owned()).filter(|t| !t.is_empty()).collect()
    }

    /// What it says of the holder, by the recipe's places. `parts` are what is known of the credential already.
    #[must_use]
    pub fn identity(&self, recipe: &VerifyDecl, parts: &Parts) -> Identity {
        let mut identity = Identity::default();
        for (name, from) in &recipe.identity {
            let listed = matches!(name.as_str(), "scopes" | "resources");
            let values = match from.split_once(':') {
                Some(("header", header)) => {
                    let value = self.reply.header(&header.to_ascii_lowercase()).unwrap_or_default();
                    if listed { words(value) } else { vec![value.to_owned()] }
                }
                Some(("xml", path)) => self.elements(path),
                Some(("part", part)) => self.part(part, parts),
                _ => {
                    let values = self.at(from);
                    match values.as_slice() {
                        [one] if listed => words(one),
                        _ => values,
                    }
                }
            };
            // That somebody has no privilege is none.
            let none = |v: &&str| v.is_empty() || name == "privilege" && matches!(*v, "false" | "0");
            let values = values.iter().map(|v| v.trim()).filter(|v| !none(v));
            identity.set(name, values.take(MAX_VALUES).map(short).collect());
        }
        identity
    }

    fn part(&self, part: &str, parts: &Parts) -> Vec<String> {
        let known = || parts.text(part).ok().filter(|_| part != "secret").map(str::to_owned);
        self.reply.told.get(part).cloned().or_else(known).into_iter().collect()
    }
}

/// The largest XML that is read, and the most namespaces that it may have.
const MAX_XML: usize = 64 << 10;
const MAX_NAMESPACES: usize = 16;

/// The types of bodies that are told.
const KINDS: &[&str] = &[
    "application/json",
    "application/vnd.api+json",
    "application/problem+json",
    "application/vnd.github+json",
    "application/xml",
    "text/xml",
    "text/html",
    "text/plain",
    "application/octet-stream",
];

/// How many scopes or resources are kept, and how many characters of each.
const MAX_VALUES: usize = 50;
const MAX_CHARS: usize = 200;

fn short(value: &str) -> Untrusted {
    Untrusted::from(value.chars().take(MAX_CHARS).collect::<String>().as_str())
}

/// The words of a list in one text: `repo, gist` or `read write`.
fn words(text: &str) -> Vec<String> {
    let apart = |c: char| c == ',' || c.is_whitespace();
    text.split(apart).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn children<'v>(value: &'v Value, step: &str) -> Vec<&'v Value> {
    match value {
        Value::Array(items) if step == "*" => items.iter().collect(),
        Value::Array(items) => step.parse::<usize>().ok().and_then(|n| items.get(n)).into_iter().collect(),
        Value::Object(map) if step == "*" => map.values().collect(),
        Value::Object(map) => map.get(step).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A value as text; a list as the texts of its items. Objects count as there, as `{}`.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Bool(b) => vec![b.to_string()],
        Value::Number(n) => vec![n.to_string()],
        Value::String(s) if s.is_empty() => Vec::new(),
        Value::String(s) => vec![s.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(map) if map.is_empty() => Vec::new(),
        Value::Object(_) => vec!["{}".to_owned()],
    }
}

/// Whether a value is what a condition expects: `*` for any, `text*` for its start, `a|b` for one of several.
fn fits(value: &str, wanted: &str) -> bool {
    wanted.split('|').any(|one| match one.strip_suffix('*') {
        Some("") => !value.is_empty(),
        Some(start) => value.starts_with(start),
        None => value == one,
    })
}
