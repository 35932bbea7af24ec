//! Escapers: one for each sink that text from outside goes to (invariant 12).

use std::borrow::Cow;
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
    visible(text.raw())
}

/// Text of which every character can be seen and does nothing: what every sink but JSON, which has escapes of its own,
/// starts from.
fn visible(text: &[u8]) -> String {
    // Nearly all text is printable ASCII, which stands for itself.
    if let Some(text) = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|b| matches!(b, b' '..=b'~'))) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
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

/// What an escaper takes: text from outside, or a line that was put together of it.
pub trait Text {
    /// Its bytes.
    fn bytes(&self) -> &[u8];
}

impl Text for Untrusted {
    fn bytes(&self) -> &[u8] {
        self.raw()
    }
}

impl Text for str {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Text for Cow<'_, str> {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Text for String {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// What starts a formula in a spreadsheet. Tabs and line breaks, which do so too, are no longer there as such.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// For a cell of a CSV file (RFC 4180), quoted where it has to be. What a spreadsheet would take for a formula gets an
/// apostrophe before it, also after a semicolon: where that is the separator, a cell starts there.
pub(super) fn csv(text: &(impl Text + ?Sized)) -> String {
    let text = visible(text.bytes());
    let cells = text.split(';').map(|cell| {
        let first = cell.trim_start_matches(|c: char| c == '"' || c.is_whitespace());
        if first.starts_with(FORMULA) { format!("'{cell}") } else { cell.to_owned() }
    });
    let safe = cells.collect::<Vec<_>>().join(";");
    let plain = |c: char| c.is_alphanumeric() || "-_./: …()".contains(c);
    if safe.chars().all(plain) && safe.trim() == safe { safe } else { format!("\"{}\"", safe.replace('"', "\"\"")) }
}

/// For text and attributes of XML 1.0: what it cannot have at all is written out.
pub(super) fn xml(text: &(impl Text + ?Sized)) -> String {
    markup(text.bytes())
}

/// For text and quoted attributes of HTML.
pub(super) fn html(text: &(impl Text + ?Sized)) -> String {
    markup(text.bytes())
}

fn markup(text: &[u8]) -> String {
    let text = visible(text);
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // No characters: XML cannot have the first two, HTML calls all of them a mistake.
            '\u{FFFE}' | '\u{FFFF}' | '\u{FDD0}'..='\u{FDEF}' => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
    out
}

/// For the message of a GitHub workflow command.
pub(super) fn command(text: &(impl Text + ?Sized)) -> String {
    visible(text.bytes()).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// For a property of a GitHub workflow command.
pub(super) fn command_property(text: &(impl Text + ?Sized)) -> String {
    command(text).replace(':', "%3A").replace(',', "%2C")
}

/// For Markdown: text as a code span, in which nothing is a link, a mention or a tag. Its fence is longer than every row
/// of backticks in it. What ends a table's cell is written out: not all readers agree on how it is escaped in a span.
#[must_use]
pub fn markdown_code(text: &(impl Text + ?Sized)) -> String {
    let text = visible(text.bytes()).replace('|', "\\u{7c}");
    // A span of spaces alone would be none.
    if text.trim().is_empty() {
        return "–".to_owned();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with([' ', '`']) || text.ends_with([' ', '`']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// For Markdown: prose in which nothing is markup. A word that a host would make a link or a mention of after it has
/// read the markup (`@x`, `#1`, `!1`, an address, an id of a commit) is a code span.
#[must_use]
pub fn markdown(text: &(impl Text + ?Sized)) -> String {
    let words = visible(text.bytes());
    let words = words.split(' ').map(|word| {
        let around: &[char] = &['(', ')', '.', ',', ';', ':', '?', '\''];
        let core = word.trim_matches(around);
        let hex = core.len() >= 7 && core.bytes().all(|b| b.is_ascii_hexdigit());
        let reference = core.len() > 1 && core.contains(['@', '#', '`', '!', '%', '~', '&', '$', '^', '[']);
        let lower = core.to_lowercase();
        if hex || reference || ["://", "www.", "gh-"].iter().any(|w| lower.contains(w)) {
            let (before, after) = word.split_once(core).unwrap_or_default();
            return format!("{before}{}{after}", markdown_code(core));
        }
        let mut out = String::with_capacity(word.len() + 4);
        for c in word.chars() {
            match c {
                '|' => out.push_str("&#124;"),
                // Markup only together with others, or at the start of a line.
                '.' | ',' | ';' | ':' | '(' | ')' | '\'' | '/' | '?' => out.push(c),
                '-' if !out.is_empty() => out.push(c),
                _ if c.is_ascii_punctuation() => out.extend(['\\', c]),
                _ => out.push(c),
            }
        }
        out
    });
    words.collect::<Vec<_>>().join(" ")
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
    fn code_stays_code_and_addresses_stay_addresses_in_markdown() {
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

    /// What no sink may act upon.
    const HOSTILE: &[u8] = b"a\x1b[31m\r\n\t\x00\x07\xff\xe2\x80\xae\xc2\x9b\xef\xbf\xbe]]><script>'\"&z";

    #[test]
    fn cells_are_no_formulas_and_stay_cells() {
        for (text, cell) in [
            ("plain", "plain"),
            ("", ""),
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"\\t=1\""),
            ("\r=1", "\"\\r=1\""),
            ("  =1", "\"'  =1\""),
            ("\"=1", "\"'\"\"=1\""),
            ("\" \"+1", "\"'\"\" \"\"+1\""),
            ("\u{A0}=1", "\"'\u{A0}=1\""),
            ("＝1", "\"'＝1\""),
            ("a;=1; -2", "\"a;'=1;' -2\""),
            ("a,b", "\"a,b\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            (" a", "\" a\""),
            ("one\ntwo", "\"one\\ntwo\""),
        ] {
            assert_eq!(csv(text), cell, "{text}");
        }
        assert!(!csv(&Untrusted::new(HOSTILE)).contains(is_unsafe));
    }

    #[test]
    fn markup_has_no_tag_and_no_character_that_xml_cannot_have() {
        let safe =
            "a\\u{1b}[31m\\r\\n\\t\\u{0}\\u{7}\\xff\\u{202e}\\u{9b}\\u{fffe}]]&gt;&lt;script&gt;&#39;&quot;&amp;z";
        assert_eq!(xml(&Untrusted::new(HOSTILE)), safe);
        assert_eq!(html(&Untrusted::new(HOSTILE)), safe);
    }

    #[test]
    fn a_workflow_command_is_one_line_with_its_own_properties() {
        let text = Untrusted::new(b"a,b:c%0A\n::error::x\xff");
        assert_eq!(command(&text), "a,b:c%250A\\n::error::x\\xff");
        assert_eq!(command_property(&text), "a%2Cb%3Ac%250A\\n%3A%3Aerror%3A%3Ax\\xff");
    }

    #[test]
    fn markdown_is_neither_markup_nor_a_reference() {
        for (text, code) in [
            ("a b", "`a b`"),
            (" a", "`  a `"),
            ("a``b", "```a``b```"),
            ("`x`|y\\", "`` `x`\\u{7c}y\\ ``"),
            ("\n", "`\\n`"),
            (" ", "–"),
            ("", "–"),
        ] {
            assert_eq!(markdown_code(text), code, "{text}");
        }
        for (text, prose) in [
            ("Roll it (now), then: go.", "Roll it (now), then: go."),
            ("<b> *x* _y_ [a](b)", "\\<b\\> \\*x\\* \\_y\\_ `[a](b`)"),
            ("a|b", "a&#124;b"),
            ("ask @everyone, see #1 or !2", "ask `@everyone`, see `#1` or `!2`"),
            ("at https://a.example/b or WWW.x.y", "at `https://a.example/b` or `WWW.x.y`"),
            ("a@b.example GH-1 0123abc", "`a@b.example` `GH-1` `0123abc`"),
            ("- a", "\\- a"),
        ] {
            assert_eq!(markdown(text), prose, "{text}");
        }
        for text in [markdown(&Untrusted::new(HOSTILE)), markdown_code(&Untrusted::new(HOSTILE))] {
            assert!(!text.contains(is_unsafe), "{text}");
        }
    }
}
