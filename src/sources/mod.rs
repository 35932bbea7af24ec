//! Things with bytes: directories, files, standard input.
//!
//! `walk` goes through a tree and yields its files; `repository` says what a git repository tracks and ignores;
//! `read` reads a file in chunks without following links; `encoding` finds out how its text is encoded. A source
//! yields [`Part`]s: stretches of bytes with enough of their surroundings to decide every match in them.

mod encoding;
mod filter;
mod open;
mod read;
mod repository;
mod stream;
mod walk;

pub use encoding::Encoding;
pub use filter::{PathFilter, PatternError};
pub use read::{Margins, Part, Reader};
pub use stream::stdin_name;
pub use walk::{Entry, Options, Visit, walk};
