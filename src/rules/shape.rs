//! The shapes of rules, and the window of bytes that decides a match of each (the locality invariant).

use serde::Deserialize;

/// How a rule finds its secret around a keyword hit.
///
/// Each shape reads a bounded window around one anchor, so that a match depends neither on where a scan starts
/// nor on how the input was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A secret that carries its keyword: the pattern starts at the keyword, or up to `before` bytes earlier.
    Token,
    /// `name = value`: the keyword stands in the name, the pattern is matched at the value.
    Assign,
    /// A URL or connection string: the pattern starts at the keyword and needs `user:password@`.
    Url,
    /// `-----BEGIN …-----` to its END line: the pattern is matched on the BEGIN line, a linear scanner reads
    /// the body.
    Pem,
    /// Three base64url segments with dots between them, read by a linear scanner.
    Jwt,
    /// Like `assign`, but too weak alone: a finding only beside its required companion.
    Pair,
    /// No keyword: a run of characters of the pattern's first class, of bounded length.
    Run,
}

impl Shape {
    /// Bytes of context before an anchor that any shape may read: an escape such as `%3D` or `\n` that ends in
    /// a letter is a boundary too.
    pub const CONTEXT: usize = 10;
    /// The longest stretch between a keyword and the value that it names.
    pub const GAP: usize = 96;
    /// The longest part of a name before its keyword.
    pub const NAME: usize = 64;
    /// The longest JSON Web Token.
    pub const JWT: usize = 8 * 1024;
    /// The longest PEM block.
    pub const PEM: usize = 16 * 1024;
    /// The longest match of a `token` or `assign` pattern.
    pub const TOKEN: usize = 1_100;
    /// The longest match of a `url` pattern.
    pub const URL: usize = 512;
    /// The furthest that `before` may reach.
    pub const BEFORE: usize = 256;
    /// No window reaches further back from its hit than this.
    pub const MAX_BACK: usize = Self::BEFORE + Self::CONTEXT;
    /// No window reaches further on from its hit than this.
    pub const MAX_AHEAD: usize = Self::PEM + 512;

    /// The longest match that the linter lets a pattern of this shape have.
    #[must_use]
    pub const fn max_match(self) -> usize {
        match self {
            Self::Token | Self::Assign | Self::Pair | Self::Run => Self::TOKEN,
            Self::Url => Self::URL,
            Self::Pem => 128,
            Self::Jwt => Self::JWT,
        }
    }

    /// How far on from the start of its keyword a rule of this shape may read, what decides about its match included.
    #[must_use]
    pub const fn ahead(self) -> usize {
        match self {
            Self::Token | Self::Run => Self::TOKEN + Self::CONTEXT,
            // The rest of the name, the way to the field that has its value, and the value.
            Self::Assign | Self::Pair => 2 * Self::TOKEN,
            Self::Url => Self::URL + Self::CONTEXT,
            Self::Jwt => Self::JWT + Self::CONTEXT,
            Self::Pem => Self::MAX_AHEAD,
        }
    }

    /// Whether the pattern is matched at a value that a name announces.
    #[must_use]
    pub const fn is_assignment(self) -> bool {
        matches!(self, Self::Assign | Self::Pair)
    }

    /// How specific a match is: where two rules match the same bytes, the higher one names the finding.
    #[must_use]
    pub const fn specificity(self) -> u8 {
        match self {
            Self::Token => 6,
            Self::Pem => 5,
            Self::Jwt => 4,
            Self::Pair => 3,
            Self::Assign => 2,
            Self::Url => 1,
            Self::Run => 0,
        }
    }

    /// The word in rule files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Assign => "assign",
            Self::Url => "url",
            Self::Pem => "pem",
            Self::Jwt => "jwt",
            Self::Pair => "pair",
            Self::Run => "run",
        }
    }

    /// The shape of that name in a rule set's tables.
    #[must_use]
    pub const fn variant(self) -> &'static str {
        match self {
            Self::Token => "Token",
            Self::Assign => "Assign",
            Self::Url => "Url",
            Self::Pem => "Pem",
            Self::Jwt => "Jwt",
            Self::Pair => "Pair",
            Self::Run => "Run",
        }
    }
}
