//! A repository's objects, at the speed of its packs.
//!
//! `walk` yields every object once. Most objects in a pack are deltas: copies from a base, and insertions. The walk
//! knows no rules: it hands each object to a [`Visitor`] together with what the visitor kept of the base and the
//! stretches that were copied from it.

pub mod changes;
mod object;

pub use object::{Copied, Object, ObjectKind, Visitor};
