//! From texts to policies: each with its id, its title and its place.

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Effect, Policy, PolicyId, PolicySet as CedarSet};
use serde::Serialize;

use super::error::Fault;

/// Where a policy comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// It is compiled in, and nothing replaces it.
    Guardrail,
    /// It is compiled in; a policy of the organisation's with the same id replaces one of the default set.
    Profile,
    /// A file of the organisation's.
    Own(String),
}

/// One policy, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyText {
    /// Its `@id`.
    pub id: String,
    /// Where it comes from.
    pub origin: Origin,
    /// `permit` or `forbid`.
    pub effect: &'static str,
    /// Its `@title`: of a permit what it allows, of a forbid the precondition that it holds to.
    pub title: String,
    /// Its `@control`, split at spaces.
    pub controls: Vec<String>,
    /// The text.
    pub text: String,
}

/// A policy that was read.
pub(super) struct Parsed {
    /// What Cedar asks; its id is the `@id`.
    pub(super) policy: Policy,
    /// What people see.
    pub(super) text: PolicyText,
    /// The file's name.
    pub(super) file: String,
    /// The line on which it begins.
    pub(super) line: Option<usize>,
}

/// The longest file that is read, in bytes. Cedar's parser is recursive, and a set is asked thousands of times a second.
const MOST_BYTES: usize = 256 * 1024;

/// Reads a file of policies.
pub(super) fn file(origin: &Origin, name: &str, text: &str) -> Result<Vec<Parsed>, Vec<Fault>> {
    let whole = |message: String, help: &str| {
        vec![Fault { file: name.to_owned(), line: None, message, help: Some(help.to_owned()) }]
    };
    if text.len() > MOST_BYTES {
        return Err(whole(format!("the file has more than {MOST_BYTES} bytes"), "split it"));
    }
    let set: CedarSet = match text.parse() {
        Ok(set) => set,
        Err(errors) => {
            let detailed = DetailedError::from(&errors);
            let each = std::iter::once(&detailed).chain(&detailed.related);
            return Err(each.map(|error| fault(name, text, error)).collect());
        }
    };
    if set.templates().next().is_some() {
        return Err(whole("a policy has a slot, and nothing fills it".to_owned(), "write `principal` and `resource`"));
    }
    let mut policies: Vec<&Policy> = set.policies().collect();
    // Cedar names them `policy0`, `policy1`, … in the order of the text.
    policies.sort_by_key(|policy| policy.id().to_string().trim_start_matches("policy").parse::<usize>().unwrap_or(0));
    let mut faults = Vec::new();
    let mut parsed = Vec::new();
    for (at, policy) in policies.into_iter().enumerate() {
        match one(origin, name, policy) {
            Ok(one) => parsed.push(Parsed { line: first_line(text, policy), ..one }),
            Err((message, help)) => {
                let line = first_line(text, policy);
                faults.push(Fault {
                    file: name.to_owned(),
                    line,
                    message: format!("policy {}: {message}", at + 1),
                    help,
                });
            }
        }
    }
    if faults.is_empty() { Ok(parsed) } else { Err(faults) }
}

/// A policy under the name that it gives itself; else what is wrong, and what to do.
fn one(origin: &Origin, file: &str, policy: &Policy) -> Result<Parsed, (String, Option<String>)> {
    let annotation = |key: &str| policy.annotation(key).map(str::trim).filter(|value| !value.is_empty());
    let (Some(id), Some(title)) = (annotation("id"), annotation("title")) else {
        let help = "write `@id(\"short-name\")` and `@title(\"what has to hold\")` before it".to_owned();
        return Err(("it has no id or no title".to_owned(), Some(help)));
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if id.len() > 80 || !id.chars().all(plain) {
        let help = "use letters, digits, `.`, `-` and `_`, at most 80".to_owned();
        return Err((format!("`{id}` is no id"), Some(help)));
    }
    let known = ["id", "title", "control"];
    if let Some((key, _)) = policy.annotations().find(|(key, _)| !known.contains(key)) {
        let near = crate::model::nearest(key, known).map(|near| format!("did you mean `@{near}`?"));
        return Err((format!("nothing reads the annotation `@{key}`"), near));
    }
    let text = PolicyText {
        id: id.to_owned(),
        origin: origin.clone(),
        effect: match policy.effect() {
            Effect::Permit => "permit",
            Effect::Forbid => "forbid",
        },
        title: title.to_owned(),
        controls: annotation("control").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        text: policy.to_string(),
    };
    Ok(Parsed { policy: policy.new_id(PolicyId::new(id)), text, file: file.to_owned(), line: None })
}

/// A fault at the place that Cedar names.
pub(super) fn fault(file: &str, text: &str, error: &DetailedError) -> Fault {
    let place = error.source_locations.first();
    let label = place.and_then(|place| place.label.as_deref());
    let message = match label {
        Some(label) if !error.message.contains(label) => format!("{}: {label}", error.message),
        _ => error.message.clone(),
    };
    Fault {
        file: file.to_owned(),
        line: place.map(|place| line_at(text, place.loc.start)),
        message,
        help: error.help.clone(),
    }
}

/// The line of a byte, counted from 1.
pub(super) fn line_at(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|b| *b == b'\n').count() + 1
}

/// The line on which a policy begins: of two that are the same to the letter, the first.
fn first_line(text: &str, policy: &Policy) -> Option<usize> {
    text.find(policy.to_string().trim()).map(|byte| line_at(text, byte))
}
