//! What comments and texts look like in each language, as far as it matters for whether a place is in one.

/// A text in quotes.
pub(super) struct Quote {
    pub(super) open: &'static str,
    pub(super) close: &'static str,
    /// Whether it may go on over several lines.
    pub(super) lines: bool,
    /// Whether the sign of escapes means nothing in it.
    pub(super) raw: bool,
    pub(super) filled: Filled,
}

/// Whether code stands in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    /// None.
    Nothing,
    /// Variables stand in it as they do elsewhere.
    All,
    /// Between these.
    By(&'static str, u8),
    /// Between braces, where a letter or sign before the quote says so.
    Prefixed,
}

/// Comments and texts of a language.
pub(super) struct Grammar {
    /// What a comment begins with that ends with its line.
    pub(super) line: &'static [&'static str],
    /// What other comments, and texts in which nothing is escaped, begin and end with.
    pub(super) blocks: &'static [(&'static str, &'static str)],
    pub(super) quotes: &'static [Quote],
    pub(super) escape: u8,
    /// Whether `'` is of a single letter.
    pub(super) chars: bool,
    /// Whether expressions stand between slashes.
    pub(super) slashes: bool,
    /// Whether a comment is what stands between lines that begin with `=word` and `=cut` or `=end`.
    pub(super) manuals: bool,
    /// What a document begins with, and whether variables in it stand as they do elsewhere.
    pub(super) document: Option<(&'static str, Filled)>,
    /// What may begin something that goes on over several lines; whether it ends it too, so that an even number of them says no.
    pub(super) opens: &'static [(&'static str, bool)],
    /// What in the line makes it unsure whether a quote is one.
    pub(super) doubts: &'static [u8],
}

const fn quote(mark: &'static str, filled: Filled) -> Quote {
    Quote { open: mark, close: mark, lines: mark.len() == 3, raw: false, filled }
}

const fn lines(quote: Quote) -> Quote {
    Quote { lines: true, ..quote }
}

const fn raw(open: &'static str, close: &'static str, filled: Filled) -> Quote {
    Quote { open, close, lines: true, raw: true, filled }
}

const NONE: Grammar = Grammar {
    line: &["//"],
    blocks: &[("/*", "*/")],
    quotes: &[],
    escape: b'\\',
    chars: false,
    slashes: false,
    manuals: false,
    document: None,
    opens: &[],
    doubts: b"",
};

const SHARP: Grammar = Grammar { line: &["#"], blocks: &[], ..NONE };

use Filled::{All, By, Nothing, Prefixed};

/// Code in a text of Ruby and others.
const SHARPS: Filled = By("#{", b'}');
const DOLLARS: Filled = By("${", b'}');

const TRIPLE: (&str, bool) = ("\"\"\"", true);
const SINGLES: (&str, bool) = ("'''", true);

/// The grammars, by the number of the language.
pub(super) static GRAMMARS: [Grammar; 17] = [
    // Python
    Grammar {
        quotes: &[quote("\"\"\"", Prefixed), quote("'''", Prefixed), quote("\"", Prefixed), quote("'", Prefixed)],
        opens: &[TRIPLE, SINGLES],
        ..SHARP
    },
    // JavaScript
    Grammar {
        quotes: &[lines(quote("`", DOLLARS)), quote("\"", Nothing), quote("'", Nothing)],
        slashes: true,
        opens: &[("`", true)],
        doubts: b"<",
        ..NONE
    },
    // those of the JVM
    Grammar {
        quotes: &[quote("\"\"\"", DOLLARS), quote("'''", Nothing), quote("\"", DOLLARS), quote("'", Nothing)],
        opens: &[TRIPLE, SINGLES],
        ..NONE
    },
    // Rust
    Grammar {
        quotes: &[
            raw("r##\"", "\"##", Nothing),
            raw("r#\"", "\"#", Nothing),
            raw("r\"", "\"", Nothing),
            lines(quote("\"", Nothing)),
        ],
        chars: true,
        opens: &[("\"", true)],
        ..NONE
    },
    // Go
    Grammar { quotes: &[raw("`", "`", Nothing), quote("\"", Nothing)], chars: true, opens: &[("`", true)], ..NONE },
    // Ruby
    Grammar {
        quotes: &[quote("\"", SHARPS), quote("'", Nothing), quote("`", SHARPS)],
        slashes: true,
        manuals: true,
        document: Some(("<<", SHARPS)),
        opens: &[("\n=", false), ("<<", false), ("\n__END__", false)],
        doubts: b"/%?",
        ..SHARP
    },
    // PHP
    Grammar {
        line: &["//", "#"],
        quotes: &[quote("\"", All), quote("'", Nothing)],
        document: Some(("<<<", All)),
        opens: &[("<<<", false)],
        doubts: b"<",
        ..NONE
    },
    // those of .NET
    Grammar {
        quotes: &[
            quote("\"\"\"", Prefixed),
            raw("$@\"", "\"", By("{", b'}')),
            raw("@$\"", "\"", By("{", b'}')),
            raw("@\"", "\"", Nothing),
            quote("\"", Prefixed),
        ],
        chars: true,
        opens: &[TRIPLE, ("@\"", false), ("@$\"", false)],
        ..NONE
    },
    // C
    Grammar {
        quotes: &[raw("R\"(", ")\"", Nothing), quote("\"", Nothing)],
        chars: true,
        opens: &[("R\"(", false)],
        ..NONE
    },
    // Perl
    Grammar {
        quotes: &[quote("\"", All), quote("'", Nothing)],
        slashes: true,
        manuals: true,
        document: Some(("<<", All)),
        opens: &[("\n=", false), ("<<", false), ("\n__END__", false), ("\n__DATA__", false)],
        doubts: b"/{|",
        ..SHARP
    },
    // Elixir
    Grammar {
        quotes: &[quote("\"\"\"", SHARPS), quote("'''", SHARPS), quote("\"", SHARPS), quote("'", SHARPS)],
        opens: &[TRIPLE, SINGLES],
        doubts: b"~?",
        ..SHARP
    },
    // Swift
    Grammar { quotes: &[quote("\"\"\"", By("\\(", b')')), quote("\"", By("\\(", b')'))], opens: &[TRIPLE], ..NONE },
    // Dart
    Grammar {
        quotes: &[quote("\"\"\"", DOLLARS), quote("'''", DOLLARS), quote("\"", DOLLARS), quote("'", DOLLARS)],
        opens: &[TRIPLE, SINGLES],
        ..NONE
    },
    // R
    Grammar { quotes: &[quote("\"", Nothing), quote("'", Nothing)], ..SHARP },
    // Lua
    Grammar {
        line: &["--"],
        blocks: &[("--[[", "]]"), ("[[", "]]")],
        quotes: &[quote("\"", Nothing), quote("'", Nothing)],
        opens: &[("[[", false)],
        ..NONE
    },
    // PowerShell
    Grammar {
        blocks: &[("<#", "#>")],
        quotes: &[raw("@'", "\n'@", Nothing), raw("@\"", "\n\"@", All), quote("\"", All), quote("'", Nothing)],
        escape: b'`',
        opens: &[("<#", false), ("@'", false), ("@\"", false)],
        ..SHARP
    },
    // Clojure
    Grammar { line: &[";"], blocks: &[], quotes: &[lines(quote("\"", Nothing))], opens: &[("\"", true)], ..NONE },
];
