//! Escapers: one for each sink that text from outside goes to (invariant 12).

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::model::Untrusted;

/// Whether a character may not reach a terminal as it is: controls, and what changes the direction of text or hides.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{061C}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// For a terminal: nothing that moves the cursor, colours, hides or turns text around; bytes that are no UTF-8
/// as `\xNN`.
#[must_use]
pub fn terminal(text: &Untrusted) -> String {
    let mut out = String::with_capacity(text.raw().len());
    for chunk in text.raw().utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_unsafe(c) {
                out.extend(c.escape_default());
            } else {
                out.push(c);
            }
        }
        for b in chunk.invalid() {
            out.push_str(&format!("\\x{b:02x}"));
        }
    }
    out
}

/// The same for text that is not wrapped, such as a secret that the person asked to see.
pub(super) fn terminal_str(text: &str) -> String {
    terminal(&Untrusted::from(text))
}

/// For Markdown: text on one line in which nothing is markup, a heading, a list or the end of a cell.
#[must_use]
pub fn markdown(text: &str) -> String {
    let text = on_one_line(text);
    let number = text.find(|c: char| !c.is_ascii_digit()).filter(|end| (1..10).contains(end));
    let mut out = String::with_capacity(text.len() + 8);
    for (at, c) in text.char_indices() {
        let starts = at == 0 && matches!(c, '#' | '+' | '-' | '=') || number == Some(at) && matches!(c, '.' | ')');
        if starts || matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// For Markdown: text as code within a line, outside of tables.
#[must_use]
pub fn markdown_code(text: &str) -> String {
    let text: String = text.chars().map(|c| if is_unsafe(c) { '\u{FFFD}' } else { c }).collect();
    let fence = "`".repeat(backticks(&text) + 1);
    let edge = |c: Option<char>| matches!(c, Some('`' | ' '));
    let gap = if edge(text.chars().next()) || edge(text.chars().next_back()) { " " } else { "" };
    format!("{fence}{gap}{text}{gap}{fence}")
}

/// For Markdown: text as a block of code, with a newline at the end.
#[must_use]
pub fn markdown_block(text: &str) -> String {
    let fence = "`".repeat((backticks(text) + 1).max(3));
    let lines = text.trim_end().split('\n').map(|line| line.replace(|c| c != '\t' && is_unsafe(c), "\u{FFFD}"));
    format!("{fence}text\n{}\n{fence}\n", lines.collect::<Vec<_>>().join("\n"))
}

/// For Markdown: the address of a link, `](` before and `)` behind it.
#[must_use]
pub fn markdown_url(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for b in url.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~:/?#@!$&'*+,;=%".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    // It stands in tables too, and entities are resolved in it.
    out.replace('&', "&amp;")
}

/// The text with each stretch of white space as one blank, and without what may not be shown.
fn on_one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace(is_unsafe, "\u{FFFD}")
}

/// The longest run of backticks.
fn backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// For JSON: text with bytes that are no UTF-8 as `\xNN`. The serialiser escapes the rest.
pub(super) fn json(text: &Untrusted) -> String {
    let mut out = String::with_capacity(text.raw().len());
    for chunk in text.raw().utf8_chunks() {
        out.push_str(chunk.valid());
        for b in chunk.invalid() {
            out.push_str(&format!("\\x{b:02x}"));
        }
    }
    out
}

/// For a URI: the path of a file, percent-encoded byte by byte (RFC 3986), so that any name survives.
pub(super) fn uri(path: &Untrusted) -> String {
    let mut out = String::with_capacity(path.raw().len() + 8);
    if path.raw().starts_with(b"/") {
        out.push_str("file://");
    }
    for b in path.raw() {
        if b.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(b) {
            out.push(char::from(*b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// A formatter of JSON that writes as `F` does, but escapes in strings what a terminal must not get, so that a report
/// that is looked at with `cat` does no harm.
struct Safe<F>(F);

/// Passes calls on to the formatter within.
macro_rules! as_within {
    ($($method:ident($($argument:ident: $type:ty)?)),+) => {
        $(fn $method<W: ?Sized + Write>(&mut self, out: &mut W $(, $argument: $type)?) -> io::Result<()> {
            self.0.$method(out $(, $argument)?)
        })+
    };
}

impl<F: Formatter> Formatter for Safe<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_unsafe) {
            let (safe, tail) = rest.split_at(at);
            out.write_all(safe.as_bytes())?;
            let c = tail.chars().next().unwrap_or_default();
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = tail.get(c.len_utf8()..).unwrap_or_default();
        }
        out.write_all(rest.as_bytes())
    }

    // The methods that a layout may have of its own.
    as_within!(
        begin_array(),
        end_array(),
        begin_array_value(first: bool),
        end_array_value(),
        begin_object(),
        end_object(),
        begin_object_key(first: bool),
        end_object_key(),
        begin_object_value(),
        end_object_value()
    );
}

/// Writes a value as JSON, pretty or on one line, with a newline at the end.
pub(super) fn write_json(value: &impl Serialize, pretty: bool, out: &mut dyn Write) -> io::Result<()> {
    fn within<F: Formatter>(layout: F, value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
        value.serialize(&mut Serializer::with_formatter(out, Safe(layout))).map_err(io::Error::from)
    }
    if pretty {
        within(PrettyFormatter::new(), value, out)?;
    } else {
        within(CompactFormatter, value, out)?;
    }
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        let text = Untrusted::new(b"a\x1b[31m\n\r\x07\xff\xe2\x80\xae\xc2\x9bz");
        let safe = terminal(&text);
        assert_eq!(safe, "a\\u{1b}[31m\\n\\r\\u{7}\\xff\\u{202e}\\u{9b}z");
        let mut out = Vec::new();
        write_json(&"a\u{1b}\u{202e}\u{9b}\u{e0001}z", false, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\"a\\u001b\\u202e\\u009b\\udb40\\udc01z\"\n");
    }

    #[test]
    fn nothing_is_markup_in_markdown() {
        assert_eq!(
            markdown("a *b* _c_ [d](e) <f> |g|\n h\u{1b}"),
            r"a \*b\* \_c\_ \[d\](e) \<f\> \|g\| h".to_owned() + "\u{FFFD}"
        );
        for (text, safe) in
            [("# a", r"\# a"), ("- a-b", r"\- a-b"), ("12. a", r"12\. a"), ("1.5", r"1\.5"), ("v1. a", "v1. a")]
        {
            assert_eq!(markdown(text), safe);
        }
        assert_eq!(markdown_code("a"), "`a`");
        assert_eq!(markdown_code("`a``b"), "``` `a``b ```");
        assert_eq!(markdown_block("a\n```\nb\n"), "````text\na\n```\nb\n````\n");
        assert_eq!(markdown_url("https://a.b/c d)|<e>?f&g#h"), "https://a.b/c%20d%29%7C%3Ce%3E?f&amp;g#h");
    }

    #[test]
    fn a_uri_keeps_every_byte_of_a_name() {
        assert_eq!(uri(&Untrusted::new(b"a b/\xff#?%:c")), "a%20b/%FF%23%3F%25%3Ac");
        assert_eq!(uri(&Untrusted::from("/x/y")), "file:///x/y");
    }
}
