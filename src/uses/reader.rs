//! What a reader of one system is given, and how it is chosen.

use crate::model::usage::{System, Uses};

/// A file.
#[derive(Clone, Copy, Debug)]
pub struct File<'f> {
    /// Its path from the root of the repository, with `/`.
    pub path: &'f str,
    /// Its bytes.
    pub text: &'f [u8],
}

/// A reader of one system.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// What it reads.
    pub system: System,
    /// Whether a path is one of its files.
    pub is_own: fn(path: &str) -> bool,
    /// Reads a file.
    pub read: fn(file: File<'_>) -> Uses,
}
