//! A value, or that it is not known.

use std::collections::BTreeSet;

use cedar_policy::RestrictedExpression;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::words::{self, Degraded, Word};

/// A value, or that it is not known. In files and in the ledger it is the value itself, or the word `unknown`; a policy sees
/// a number, a text or a set as a record of `known` and `value`, and a word of a list as itself or as `unknown`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Known<T> {
    /// The value.
    Is(T),
    /// It is not known.
    #[default]
    Unknown,
}

impl<T> Known<T> {
    /// The value, where it is known.
    #[must_use]
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Unknown => None,
        }
    }
}

impl<T> From<Option<T>> for Known<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, Self::Is)
    }
}

impl<T> From<T> for Known<T> {
    fn from(value: T) -> Self {
        Self::Is(value)
    }
}

impl<T: Serialize> Serialize for Known<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Is(value) => value.serialize(to),
            Self::Unknown => to.serialize_str("unknown"),
        }
    }
}

#[derive(Deserialize)]
enum UnknownWord {
    #[serde(rename = "unknown")]
    Unknown,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "it is no value that this fact takes")]
enum Written<T> {
    Unknown(UnknownWord),
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Known<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(from)? {
            Written::Unknown(UnknownWord::Unknown) => Self::Unknown,
            Written::Value(value) => Self::Is(value),
        })
    }
}

/// What a policy sees of a fact.
pub(super) trait Fact {
    /// The value as Cedar has it.
    fn expression(&self) -> RestrictedExpression;
}

/// The record of a value that may not be known; where it is not, `value` is there and means nothing.
fn record(known: bool, value: RestrictedExpression) -> RestrictedExpression {
    let fields = [("known".to_owned(), RestrictedExpression::new_bool(known)), ("value".to_owned(), value)];
    // Two different names: there is no duplicate to refuse.
    RestrictedExpression::new_record(fields).unwrap_or_else(|_| RestrictedExpression::new_bool(false))
}

impl<W: Word> Fact for W {
    fn expression(&self) -> RestrictedExpression {
        words::word(W::KIND, self.word())
    }
}

impl<W: Word> Fact for Known<W> {
    fn expression(&self) -> RestrictedExpression {
        words::word(W::KIND, self.value().map_or("unknown", Word::word))
    }
}

impl Fact for Known<i64> {
    fn expression(&self) -> RestrictedExpression {
        record(self.value().is_some(), RestrictedExpression::new_long(self.value().copied().unwrap_or_default()))
    }
}

impl Fact for Known<String> {
    fn expression(&self) -> RestrictedExpression {
        record(self.value().is_some(), RestrictedExpression::new_string(self.value().cloned().unwrap_or_default()))
    }
}

impl Fact for Known<BTreeSet<Degraded>> {
    fn expression(&self) -> RestrictedExpression {
        record(self.value().is_some(), words::words(self.value().unwrap_or(&BTreeSet::new())))
    }
}
