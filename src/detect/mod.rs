//! Bytes to candidates. Pure: no input, no output, no clock.
//!
//! `hits` is the first stage, every keyword in the text; `detector` the second, each rule's window around its hits.
//! The shapes that need more than a pattern have files of their own (`assign` with `pairing` and `value`, `jwt`, `pem`, `run`);
//! `steps`
//! matches the patterns that need no regex; `checks` holds
//! what must be true of a match, with `context`, `decode`, `entropy`, `placeholder`, `literal` and `names` to help it. `selftest` runs a
//! rule's own `match` and `miss` lines.

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
mod jwt;
mod literal;
mod names;
mod pairing;
mod pem;
mod placeholder;
mod run;
pub mod selftest;
mod steps;
mod value;

pub use chunk::{Candidate, Chunk, Quoting};
pub use decode::base64_any;
pub use detector::{Detector, Scratch};
