//! A repository's objects, at the speed of its packs.
//!
//! `walk` yields every object once. Most objects in a pack are deltas: copies from a base, and insertions. The walk
//! knows no rules: it hands each object to a [`Visitor`] together with what the visitor kept of the base and the
//! stretches that were copied from it. [`ObjectReader`] reads single objects.
//!
//! `repository` finds the directories with objects, `store` the packs in them, `pack` reads one, `forest` finds what is a
//! delta against what, `tree_walk` goes through it on several threads. `refs` reads what the history is entered by, and
//! `attribution` says which commit brought an object in, and where it still is; `remote` brings a repository from a
//! server. Everything is read, never mapped, and nothing of what a file states is allocated before it is compared with a
//! limit.

pub mod attribution;
pub mod changes;
pub mod commit;
mod config;
mod crew;
mod delta;
mod directories;
mod fault;
mod forest;
mod gate;
mod inflate;
mod loose;
mod losses;
mod meter;
mod object;
mod pack;
mod pack_index;
mod reader;
pub mod refs;
pub mod remote;
mod repository;
mod store;
mod tree_walk;
mod walk;

pub use fault::Fault;
pub use object::{Copied, Object, ObjectKind, Visitor};
pub use reader::ObjectReader;
pub use repository::{Access, ObjectFormat, OpenError, Repository};
pub use walk::{Limits, Walked, walk, walk_within};
