//! Bytes to candidates. Pure: no input, no output, no clock.
//!
//! `hits` is the first stage, every keyword in the text; `detector` the second, each rule's window around its hits.
//! The shapes that need more than a pattern have files of their own (`assign` with `pairing` and `value`, `jwt`, `pem`, `run`);
//! `steps`
//! matches the patterns that need no regex, `pattern` the others, by a `program` as long as that is quick; `checks` holds
//! what must be true of a match, with `decode` and `entropy` to help it. `score` judges passwords and assignments by named
//! features, which `context`, `letters`, `literal`, `names`, `placeholder` and `stored` tell. `selftest` runs a rule's own `match` and
//! `miss` lines, and `judged` tells a person what of a place decided.

mod assign;
mod avx2;
mod boundary;
mod checks;
mod chunk;
mod context;
mod decode;
mod detector;
pub mod entropy;
pub mod hits;
mod judged;
mod jwt;
mod letters;
mod literal;
mod names;
mod pairing;
mod pattern;
mod pem;
mod placeholder;
mod program;
mod run;
pub mod score;
pub mod selftest;
mod steps;
mod stored;
mod value;

pub use chunk::{Candidate, Chunk, Quoting};
pub use decode::base64_any;
pub use detector::{Detector, Scratch};
pub use judged::Judged;
