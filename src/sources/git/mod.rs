//! Repositories: objects at the speed of their packs, refs, and what a change makes. There is one way of reading them, for
//! histories and for changes.
//!
//! `walk` yields every object once. Most objects in a pack are deltas: copies from a base, and insertions. The walk
//! knows no rules: it hands each object to a [`Visitor`] together with what the visitor kept of the base and the
//! stretches that were copied from it. [`ObjectReader`] reads single objects.
//!
//! `locate` finds a repository, `repository` the directories with its objects, `store` the packs in them, `pack` reads one;
//! `forest` finds what is a delta against what, `tree_walk` goes through it on several threads. `lookup` finds single
//! objects without reading whole indexes. `refs` reads what the history is entered by, `attribution` says which commit
//! brought an object in, and where it still is, `changes` what a change makes; `remote` brings a repository from a server.
//! Everything is read, never mapped, and nothing of what a file states is allocated before it is compared with a limit.

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
mod id_set;
mod index_file;
mod inflate;
mod listing;
mod locate;
mod lookup;
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

pub use config::setting;
pub use fault::Fault;
pub use id_set::IdSet;
pub use listing::each_id;
pub use locate::Location;
pub use object::{Copied, Object, ObjectKind, Visitor};
pub use reader::ObjectReader;
pub use repository::{Access, ObjectFormat, OpenError, Repository};
pub use walk::{Limits, Walked, walk, walk_within};
