//! Services that quell talks to about a whole organisation, as against files that it reads: today only which repositories
//! there are (`github`), and how a token is sent (`token`). The client that speaks, with its authorities and its limits,
//! comes from the caller.

pub mod github;
mod token;

pub use token::{Token, TokenError};
