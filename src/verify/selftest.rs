//! A recipe's own test: the answers that its provider's page shows mean what it says.

use std::collections::BTreeMap;

use super::answer::Reply;
use super::parts::Parts;
use crate::model::Verdict;
use crate::rules::VerifyDecl;
use crate::rules::recipe::AnswerDecl;

/// The reply that an answer stands for.
#[must_use]
pub fn reply(answer: &AnswerDecl) -> Reply {
    Reply {
        status: answer.status,
        headers: answer.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect(),
        body: answer.body.clone().into_bytes(),
        outcome: answer.outcome.clone(),
        told: BTreeMap::new(),
    }
}

/// The word of a recipe file for a verdict.
#[must_use]
pub const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::LiveLimited => "limited",
        Verdict::Unknown(_) | Verdict::NoVerifier => "unknown",
        other => other.as_str(),
    }
}

/// Holds a recipe against its answers, and against what lies: an empty page, a login page, an outage.
///
/// # Errors
/// A sentence for each answer that does not mean what it says.
pub fn run(name: &str, recipe: &VerifyDecl) -> Result<(), Vec<String>> {
    let mut errors = Vec::new();
    for (number, answer) in (1..).zip(&recipe.answer) {
        let reply = reply(answer);
        let parsed = reply.parsed();
        let got = if parsed.is_absent(recipe) { "absent" } else { word(parsed.verdict(recipe)) };
        if got != answer.means {
            errors.push(format!("recipe `{name}`: answer {number} means `{got}`, and should mean `{}`", answer.means));
        }
        let identity = parsed.identity(recipe, &Parts::default());
        for (key, wanted) in &answer.identity {
            let values = identity.told().find(|(told, _)| told == key).map(|(_, values)| values).unwrap_or_default();
            let told: Vec<_> = values.iter().map(|value| String::from_utf8_lossy(value.raw()).into_owned()).collect();
            if told.join(" ") != *wanted {
                let told = told.join(" ");
                errors
                    .push(format!("recipe `{name}`: `{key}` of answer {number} is `{told}`, and should be `{wanted}`"));
            }
        }
    }
    for (what, status, body) in LIES {
        let kind = if body.starts_with('{') { "application/json" } else { "text/html" };
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        let lie = Reply { status: *status, headers, body: body.as_bytes().to_vec(), ..Reply::default() };
        let verdict = lie.parsed().verdict(recipe);
        if verdict.is_had() {
            errors.push(format!("recipe `{name}`: {what} with status {status} means `{}`", verdict.as_str()));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// What a captive portal, a friendly server or an outage answers.
const LIES: &[(&str, u16, &str)] = &[
    ("an empty answer", 200, ""),
    ("an empty object", 200, "{}"),
    ("a login page", 200, "<html><body><form>Please sign in</form></body></html>"),
    ("an empty answer", 204, ""),
    ("a portal", 302, ""),
    ("an empty refusal", 401, ""),
    ("a page of a proxy", 401, "<html><body>Proxy authentication</body></html>"),
    ("an empty refusal", 403, ""),
    ("a firewall's page", 403, "<html><body>Access denied</body></html>"),
    ("an empty refusal", 404, ""),
    ("a page", 404, "<html><body>Not found</body></html>"),
    ("an outage", 500, "{}"),
    ("an outage", 502, "<html><body>Bad gateway</body></html>"),
    ("an outage", 503, ""),
];
