//! Things with bytes: directories, files, standard input.
//!
//! `walk` goes through a tree and yields its files; `repository` says what a git repository tracks and ignores, `rules`
//! what follows from that for a directory, `gitdir` what of a git directory is text. `read` reads a file in chunks without
//! following links; `encoding` finds out how its text is encoded. A source yields [`Part`]s: stretches of bytes with
//! enough of their surroundings to decide every match in them.

mod encoding;
mod filter;
pub mod git;
mod gitdir;
mod open;
mod read;
mod repository;
mod rules;
mod stream;
mod walk;

pub use encoding::Encoding;
pub use filter::{PathFilter, PatternError};
pub use read::{Margins, Part, Reader, Source};
pub use repository::work_tree;
pub use stream::stdin_name;
pub use walk::{Entry, Options, Visit, walk};
