//! Why a finding is believed and judged as it is: each fact once, for people as a phrase and for programs as a kind with
//! its value.

use serde_json::{Value, json};

use super::escape::json as text;
use crate::model::{Fact, Finding, Untrusted};

/// What a fact says.
pub(super) struct Told {
    /// Its kind in JSON.
    pub(super) kind: &'static str,
    /// The name of its value in JSON, and the value.
    pub(super) value: Option<(&'static str, Value)>,
    /// The same for a person, not escaped.
    pub(super) phrase: String,
}

/// Says a fact.
pub(super) fn told(fact: &Fact) -> Told {
    let plain = |kind, phrase: &str| Told { kind, value: None, phrase: phrase.to_owned() };
    let with = |kind, name, value, phrase| Told { kind, value: Some((name, value)), phrase };
    match fact {
        Fact::ChecksumHolds => plain("checksum-holds", "its checksum holds"),
        Fact::Unsigned => plain("unsigned", "without a signature"),
        Fact::Encrypted => plain("encrypted", "needs a passphrase"),
        Fact::TestPath => plain("test-path", "in a test, an example or documentation"),
        Fact::DocumentedExample => plain("documented-example", "a value that its provider publishes as an example"),
        Fact::AwsAccount(account) => with("aws-account", "account", json!(account), format!("AWS account {account}")),
        Fact::Expires(at) => with("expires", "at", json!(at), format!("expires on {}", day(*at))),
        Fact::Expired(at) => with("expired", "at", json!(at), format!("expired on {}", day(*at))),
        Fact::Within(words) => {
            with("within", "place", json!(text(&Untrusted::from(words.as_str()))), format!("in {words}"))
        }
        Fact::PartMissing(part) => {
            let phrase = format!("its {} was not found near it", part.replace('_', " "));
            with("part-missing", "part", json!(text(&Untrusted::from(part.as_str()))), phrase)
        }
    }
}

/// Why a finding is believed and judged as it is, in phrases.
pub(super) fn reasons(finding: &Finding) -> Vec<String> {
    let mut out = vec![format!("rule {}, {} confidence", finding.kind.rule, finding.confidence.as_str())];
    let others: Vec<&str> = finding.other_kinds.iter().map(|k| k.rule.as_ref()).collect();
    if !others.is_empty() {
        out.push(format!("also {}", others.join(", ")));
    }
    out.extend(finding.facts.iter().map(|fact| told(fact).phrase));
    out
}

/// The day of a time in seconds since 1970, UTC.
fn day(at: i64) -> String {
    time::OffsetDateTime::from_unix_timestamp(at)
        .map_or_else(|_| "an impossible date".to_owned(), |t| t.date().to_string())
}
