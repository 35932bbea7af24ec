//! Text with a little structure, for places where people read it: a task, a mail, a message. Words of quell's own and text
//! from outside are told apart, so that each sink can be shown both without the second doing anything.

use super::Untrusted;

/// A text with a title.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// What it is about, in a line.
    pub title: Vec<Span>,
    /// What it says.
    pub blocks: Vec<Block>,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A heading, in quell's own words.
    Heading(String),
    /// A paragraph.
    Paragraph(Vec<Span>),
    /// A list.
    List {
        /// Whether its items are counted: steps.
        ordered: bool,
        /// The items.
        items: Vec<Vec<Span>>,
    },
}

/// A stretch of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Words of quell's own.
    Text(String),
    /// Words of quell's own that matter most.
    Strong(String),
    /// Text from outside, or something to be typed as it stands: shown exactly, doing nothing.
    Code(Untrusted),
    /// An address that quell or its configuration names, with the words for it.
    Link {
        /// The words.
        text: String,
        /// The address.
        url: String,
    },
}

impl Span {
    /// Words of quell's own.
    #[must_use]
    pub fn text(words: impl Into<String>) -> Self {
        Self::Text(words.into())
    }

    /// Text from outside.
    #[must_use]
    pub fn code(text: impl AsRef<str>) -> Self {
        Self::Code(Untrusted::from(text.as_ref()))
    }
}
