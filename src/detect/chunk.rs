//! What detection reads, and what it says about it.

use std::ops::Range;

use crate::model::{Confidence, Fact, Severity};

/// A stretch of text, with enough of its surroundings to decide every match that starts in it.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// The bytes, with up to `Shape::MAX_BACK` before and `Shape::MAX_AHEAD` after the owned ones. Where the file
    /// has fewer, its edge is the chunk's.
    pub bytes: &'a [u8],
    /// First owned place: keyword hits before it belong to the chunk before.
    pub from: usize,
    /// First place that belongs to the chunk after.
    pub to: usize,
}

impl<'a> Chunk<'a> {
    /// A whole text.
    #[must_use]
    pub const fn whole(bytes: &'a [u8]) -> Self {
        Self { bytes, from: 0, to: bytes.len() }
    }
}

/// How the value of an assignment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Quoting {
    /// The match is no assignment.
    #[default]
    None,
    /// Between quotes, or as the text of an element.
    Quoted,
    /// Bare: a literal in a configuration file or shell, an expression in code.
    Bare,
}

/// A match of one rule, with its checks done.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Index of the rule.
    pub rule: u16,
    /// The secret's bytes in the chunk.
    pub secret: Range<usize>,
    /// The other groups of the pattern, by name.
    pub groups: Vec<(String, Range<usize>)>,
    /// How sure.
    pub confidence: Confidence,
    /// How bad.
    pub severity: Severity,
    /// What was learnt.
    pub facts: Vec<Fact>,
    /// How it is written.
    pub quoting: Quoting,
}
