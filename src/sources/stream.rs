//! Standard input.

use crate::model::Untrusted;

/// What standard input is called in reports: the name that the user gave it, or `<stdin>`.
#[must_use]
pub fn stdin_name(given: Option<&str>) -> Untrusted {
    Untrusted::from(given.unwrap_or("<stdin>"))
}
