//! JSON that is made while it is written: a report may have hundreds of thousands of findings, places or gaps, and no
//! tree of them is ever in memory.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// Makes the elements of a list anew each time that it is written.
type Elements<'a> = Box<dyn Fn() -> Box<dyn Iterator<Item = Lazy<'a>> + 'a> + 'a>;

/// A JSON value whose long lists are made while they are written.
pub(super) enum Lazy<'a> {
    /// What is small.
    Value(Value),
    /// An object; its keys are written in name order.
    Object(BTreeMap<String, Lazy<'a>>),
    /// A short list.
    Few(Vec<Lazy<'a>>),
    /// A long list, an element at a time.
    Each(Elements<'a>),
}

impl<'a> Lazy<'a> {
    /// An object of small `fields`, and others.
    pub(super) fn object<'n>(
        fields: impl IntoIterator<Item = (impl Into<String>, Value)>,
        others: impl IntoIterator<Item = (&'n str, Self)>,
    ) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (name.into(), Self::Value(value)));
        Self::Object(fields.chain(others.into_iter().map(|(name, value)| (name.to_owned(), value))).collect())
    }

    /// A list with an element for each of `items`.
    pub(super) fn list<T, E: Into<Self> + 'a>(items: &'a [T], element: impl Fn(&'a T) -> E + Copy + 'a) -> Self {
        Self::flat_list(items, move |item| std::iter::once(element(item)))
    }

    /// A list with any number of elements for each of `items`.
    pub(super) fn flat_list<T, E>(items: &'a [T], elements: impl Fn(&'a T) -> E + Copy + 'a) -> Self
    where
        E: IntoIterator<Item: Into<Self>, IntoIter: 'a> + 'a,
    {
        Self::each(move || items.iter().flat_map(elements).map(Into::into))
    }

    /// A list of what an iterator yields, which is made anew each time that the list is written.
    pub(super) fn each<I: Iterator<Item = Self> + 'a>(elements: impl Fn() -> I + 'a) -> Self {
        Self::Each(Box::new(move || Box::new(elements())))
    }
}

impl From<Value> for Lazy<'_> {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl From<Map<String, Value>> for Lazy<'_> {
    fn from(fields: Map<String, Value>) -> Self {
        Self::Value(Value::Object(fields))
    }
}

impl Serialize for Lazy<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(to),
            Self::Object(fields) => to.collect_map(fields),
            Self::Few(elements) => to.collect_seq(elements),
            Self::Each(elements) => to.collect_seq(elements()),
        }
    }
}
