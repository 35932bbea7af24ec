//! Services that quell talks to about a whole organisation, as against files that it reads: which repositories there are (`github`), how a
//! token is sent (`token`), a keeper of keys (`transit`), how people are told (`notice`), and where tasks are opened for them (`tracker`). The
//! client that speaks, with its authorities and its limits, comes from the caller.

pub mod github;
#[cfg(feature = "remediate")]
pub mod notice;
mod token;
#[cfg(feature = "remediate")]
pub mod tracker;
#[cfg(feature = "remediate")]
mod transit;

pub use token::{Token, TokenError};
#[cfg(feature = "remediate")]
pub use transit::{Transit, TransitError};
