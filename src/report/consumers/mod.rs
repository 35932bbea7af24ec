//! Who consumes which secret: a table for people, fields for programs, a graph for both.

mod graph;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::escape::json as text;
use crate::model::usage::{Consumers, Placed, Store, System, Use};
use crate::model::{Confidence, Location, Untrusted};

pub use graph::{Drawing, draw};
pub use table::table;

/// One secret, used by one job in one environment.
#[derive(Clone, Debug)]
pub struct Row<'c> {
    /// The name of the secret.
    pub name: &'c Untrusted,
    /// Where its value is kept.
    pub store: Store,
    /// What its files are written for.
    pub system: System,
    /// The pipeline, and the job in it.
    pub user: [Option<&'c Untrusted>; 2],
    /// The environment.
    pub environment: Option<&'c Untrusted>,
    /// What starts it.
    pub events: BTreeSet<&'c Untrusted>,
    /// What is handed the value.
    pub actions: BTreeSet<&'c Untrusted>,
    /// How sure the surest of them is.
    pub confidence: Confidence,
    /// Every place.
    pub places: Vec<&'c Location>,
}

/// What makes two uses one row.
type Same<'c> =
    (&'c Untrusted, Store, System, [Option<&'c Untrusted>; 2], Option<&'c Untrusted>, Option<&'c Untrusted>);

/// Uses by secret, job and environment, in this order.
#[must_use]
pub fn rows(consumers: &Consumers) -> Vec<Row<'_>> {
    let mut all: BTreeMap<Same<'_>, Row<'_>> = BTreeMap::new();
    for Placed { what, place } in &consumers.uses {
        let context = &what.context;
        let user = [context.pipeline.as_ref(), context.job.as_ref()];
        let environment = context.environment.as_ref();
        // A file of code is its own user; jobs of one name in two files are two.
        let file = Some(&place.path);
        let row = all.entry((&what.name, what.store, what.system, user, environment, file)).or_insert_with(|| Row {
            name: &what.name,
            store: what.store,
            system: what.system,
            user,
            environment,
            events: BTreeSet::new(),
            actions: BTreeSet::new(),
            confidence: what.confidence,
            places: Vec::new(),
        });
        row.events.extend(&context.events);
        row.actions.extend(&context.action);
        row.confidence = row.confidence.max(what.confidence);
        row.places.push(place);
    }
    all.into_values().collect()
}

/// A use, by the names that formats have.
pub(super) fn fields(one: &Use) -> Vec<(&'static str, Value)> {
    let context = &one.context;
    let word = |value: &Option<Untrusted>| value.as_ref().map(text);
    vec![
        ("name", json!(text(&one.name))),
        ("store", json!(one.store.as_str())),
        ("system", json!(one.system.as_str())),
        ("kind", json!(one.system.dependent())),
        ("variable", json!(word(&one.variable))),
        ("confidence", json!(one.confidence)),
        ("pipeline", json!(word(&context.pipeline))),
        ("job", json!(word(&context.job))),
        ("step", json!(word(&context.step))),
        ("environment", json!(word(&context.environment))),
        ("events", json!(context.events.iter().map(text).collect::<Vec<_>>())),
        ("action", json!(word(&context.action))),
    ]
}
