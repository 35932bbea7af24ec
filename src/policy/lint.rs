//! What an organisation's own policies probably do not mean: placeholder.

use super::error::Warning;
use super::set::PolicySet;

pub(super) fn own(_set: &PolicySet) -> Vec<Warning> {
    Vec::new()
}

pub(super) fn help(_message: &str) -> Option<String> {
    None
}
