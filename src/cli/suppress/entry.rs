//! One suppression as a file has it, and what makes it hold.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::model::{Fingerprint, FingerprintKey};

/// The newest form of baselines that is read.
pub(in crate::cli) const VERSION: i64 = 1;

/// A finding that somebody decided about.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Suppression {
    pub(in crate::cli) fingerprint: String,
    /// In a baseline, for people: the rule, and where the finding stood when it was written. Nothing is compared with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) rule: Option<String>,
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) place: Option<String>,
    pub(in crate::cli) reason: String,
    /// Who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) author: Option<String>,
    /// The last day that it holds on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) expires: Option<toml::value::Date>,
}

/// Why a suppression does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Why {
    /// It has a mistake, which is told.
    Wrong(String),
    /// Its last day is over.
    Expired(String),
    /// It was made with another key, so that it can match nothing.
    OtherKey(String),
}

impl Why {
    /// For a person.
    pub(in crate::cli) fn text(&self) -> String {
        match self {
            Self::Wrong(why) => why.clone(),
            Self::Expired(print) => format!("that of {print} has expired"),
            Self::OtherKey(print) => format!("that of {print} was made with another fingerprint key"),
        }
    }
}

/// A value that stands for a suppression.
pub(in crate::cli) fn entry(value: toml::Value) -> Result<Suppression, Why> {
    let keys: Vec<String> = value.as_table().map(|t| t.keys().map(|k| named(k)).collect()).unwrap_or_default();
    value.try_into().map_err(|_| {
        let have = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
        Why::Wrong(format!(
            "it needs `fingerprint` and `reason`, may have `expires` (a date) and `author`, and has {have}"
        ))
    })
}

/// The fingerprint of a suppression that holds today.
pub(in crate::cli) fn check(
    entry: &Suppression,
    today: (u16, u8, u8),
    key: &FingerprintKey,
) -> Result<Fingerprint, Why> {
    let wrong = |why: &str| Why::Wrong(why.to_owned());
    let fingerprint = Fingerprint::parse(&entry.fingerprint).ok_or_else(|| wrong("its `fingerprint` is none"))?;
    if entry.reason.trim().is_empty() {
        return Err(wrong("it gives no reason"));
    }
    if entry.expires.is_some_and(|d| (d.year, d.month, d.day) < today) {
        return Err(Why::Expired(fingerprint.as_str().to_owned()));
    }
    if fingerprint.salt().is_none() && !fingerprint.is_of(key) {
        return Err(Why::OtherKey(fingerprint.as_str().to_owned()));
    }
    Ok(fingerprint)
}

/// The entries of a file's text; every other key of it is given to `other`. An error says why nothing of it holds.
pub(in crate::cli) fn entries(text: &str, mut other: impl FnMut(&str)) -> Result<Vec<toml::Value>, String> {
    let line =
        |at: Option<Range<usize>>| text.get(..at.map_or(0, |s| s.start)).map_or(0, |t| t.matches('\n').count()) + 1;
    let mut table: toml::Table = toml::from_str(text)
        .map_err(|e| format!("it is no TOML in line {}, so nothing of it holds", line(e.span())))?;
    match table.remove("version") {
        None => {}
        Some(toml::Value::Integer(VERSION)) => {}
        Some(toml::Value::Integer(newer)) if newer > VERSION => {
            return Err(format!("it is of version {newer}, of a newer quell than this, so nothing of it holds"));
        }
        Some(_) => return Err("its `version` is none, so nothing of it holds".to_owned()),
    }
    let entries = table.remove("suppress");
    table.keys().for_each(|key| other(&named(key)));
    match entries {
        None => Ok(Vec::new()),
        Some(toml::Value::Array(entries)) => Ok(entries),
        Some(_) => Err("`suppress` does not hold: write each suppression as `[[suppress]]`".to_owned()),
    }
}

/// A key as it may be shown: short words of letters are, anything else might be a secret.
fn named(key: &str) -> String {
    let word = key.len() <= 24 && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'-');
    if word { format!("`{key}`") } else { "a key that quell does not know".to_owned() }
}
