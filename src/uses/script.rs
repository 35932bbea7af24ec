//! Scripts as the shell sees them, put together out of values of YAML, and where each byte of them stands in the file.
//!
//! A value is not what stands in the file: blocks lose their indent, folded lines are one, quotes and escapes go.

use std::borrow::Cow;

use super::shell::{Dialect, Script};
use super::yaml::{BLANKS, Node};
use crate::model::usage::Span;

/// A script in the making.
#[derive(Clone, Debug, Default)]
pub struct Lines<'y> {
    text: Cow<'y, str>,
    /// Where its parts stand in the file, in their order.
    runs: Vec<Run>,
    /// The byte of the file behind the scalar that was added last.
    end: Option<usize>,
}

/// A part of a script, up to the next one.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Its first byte in the script.
    from: u32,
    /// Where that stands in the file.
    place: u32,
    /// How many bytes stand there for all of it; `None` where it stands there byte for byte.
    width: Option<u8>,
}

impl<'y> Lines<'y> {
    /// A scalar as a script; `None` for what is none.
    #[must_use]
    pub fn of(node: Node<'y>) -> Option<Self> {
        let mut lines = Self::default();
        lines.push(node);
        (!lines.runs.is_empty()).then_some(lines)
    }

    /// Several scalars as one script: what is set in one is known in the next.
    #[must_use]
    pub fn all(nodes: impl IntoIterator<Item = Node<'y>>) -> Self {
        let mut lines = Self::default();
        nodes.into_iter().for_each(|node| lines.push(node));
        lines
    }

    /// Adds a scalar as lines of its own.
    pub fn push(&mut self, node: Node<'y>) {
        let (Some(text), Some((raw, base))) = (node.text(), node.raw()) else { return };
        if self.text.is_empty() {
            self.align(text, raw, base, node.quote());
            self.text = Cow::Borrowed(text);
        } else {
            if let Some(end) = self.end.filter(|_| !self.text.ends_with('\n')) {
                self.words("\n", end);
            }
            self.align(text, raw, base, node.quote());
            self.text.to_mut().push_str(text);
        }
        self.end = Some(base + raw.len());
    }

    /// A part of it.
    #[must_use]
    pub fn part(&self, start: usize, length: usize) -> Self {
        let text = match &self.text {
            Cow::Borrowed(text) => Cow::Borrowed(text.get(start..start + length).unwrap_or_default()),
            Cow::Owned(text) => Cow::Owned(text.get(start..start + length).unwrap_or_default().to_owned()),
        };
        let (from, to) = (small(start), small(start + length));
        let first = self.runs.partition_point(|run| run.from <= from);
        let more = self.runs.get(first..).unwrap_or_default().iter().take_while(|run| run.from < to);
        let mut runs = Vec::new();
        if let Some(run) = first.checked_sub(1).and_then(|at| self.runs.get(at)) {
            runs.push(Run { from: 0, place: small(self.byte(start).start), ..*run });
        }
        runs.extend(more.map(|run| Run { from: run.from - from, ..*run }));
        Self { text, runs, end: self.end }
    }

    /// Adds words that do not stand in the file.
    pub fn words(&mut self, words: &str, place: usize) {
        self.run(self.text.len(), place, Some(0));
        self.text.to_mut().push_str(words);
    }

    /// Puts another text in its place, of the same length, in which every byte stands where it did.
    pub fn change(&mut self, text: String) {
        if text.len() == self.text.len() {
            self.text = Cow::Owned(text);
        }
    }

    fn run(&mut self, from: usize, place: usize, width: Option<u8>) {
        let (from, place) = (small(from), small(place));
        let goes_on = self.runs.last().is_some_and(|run| {
            (run.width, width) == (None, None) && place.checked_sub(run.place) == Some(from - run.from)
        });
        if !goes_on {
            self.runs.push(Run { from, place, width });
        }
    }

    /// Walks the value and what is written for it side by side: indents, folded lines and escapes are in the one and not the other.
    fn align(&mut self, text: &str, raw: &str, base: usize, quote: Option<u8>) {
        let start = self.text.len();
        self.run(start, base, None);
        let (mut at, mut read) = (0, 0);
        while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let (before, mut rest) = raw.split_at_checked(read).unwrap_or((raw, ""));
            // Blanks at the begin of a line between quotes are an indent, unless they are escaped.
            if quote.is_some() && before.ends_with('\n') {
                rest = rest.trim_start_matches([' ', '\t']);
            }
            let rest = passed(rest, c, quote);
            read = raw.len() - rest.len();
            let same = same(text.get(at..).unwrap_or_default(), rest, quote);
            if same > 0 {
                self.run(start + at, base + read, None);
                (at, read) = (at + same, read + same);
                continue;
            }
            let written = match rest.chars().next() {
                Some('\\') if quote == Some(b'"') => escape(rest),
                Some('\'') if quote == Some(b'\'') => 2,
                Some('\r') if BLANKS.contains(&c) && rest.starts_with("\r\n") => 2,
                Some(first) if BLANKS.contains(&c) && BLANKS.contains(&first) => 1,
                _ => 0,
            };
            self.run(start + at, base + read, u8::try_from(written).ok());
            at += c.len_utf8();
            read = (read + written).min(raw.len());
        }
    }

    /// As the shell sees it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where in the file a part of the script is.
    #[must_use]
    pub fn place(&self, span: Span) -> Span {
        let Span { start, .. } = self.byte(span.start);
        Span { start, end: self.byte(span.end.saturating_sub(1)).end.max(start) }
    }

    /// Where a byte of the script is.
    fn byte(&self, at: usize) -> Span {
        let at = small(at);
        let run = self.runs.partition_point(|run| run.from <= at);
        let Some(run) = run.checked_sub(1).and_then(|run| self.runs.get(run)) else { return Span::default() };
        let (start, width) = match run.width {
            Some(width) => (run.place, width),
            None => (run.place.saturating_add(at - run.from), 1),
        };
        Span { start: start as usize, end: start as usize + usize::from(width) }
    }

    /// The script: its first byte is 0.
    #[must_use]
    pub fn script(&self, dialect: Dialect) -> Script<'_> {
        Script { text: &self.text, base: 0, dialect, traced: false }
    }

    /// A script out of these lines, or a part of it, with the places that they have in the file.
    #[must_use]
    pub fn placed<'s>(&'s self, script: Script<'s>) -> Placed<'s> {
        Placed { script, lines: Some(self) }
    }
}

/// A byte as it is kept. No file that is read has more of them.
fn small(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// What is written from the next character of a value on: indents and blanks at the ends of lines are passed over, and breaks of
/// lines that go on.
fn passed(mut rest: &str, next: char, quote: Option<u8>) -> &str {
    loop {
        if !BLANKS.contains(&next) {
            rest = rest.trim_start_matches(BLANKS);
        }
        let goes_on = rest.strip_prefix("\\\n").or_else(|| rest.strip_prefix("\\\r\n"));
        match goes_on.filter(|_| quote == Some(b'"')) {
            Some(line) => rest = line.trim_start_matches([' ', '\t']),
            None => return rest,
        }
    }
}

/// How many bytes of a value stand in the file as they are, to the end of a line: the indent of the next is no part of it.
fn same(text: &str, raw: &str, quote: Option<u8>) -> usize {
    let escape = match quote {
        Some(b'"') => Some(b'\\'),
        Some(b'\'') => Some(b'\''),
        _ => None,
    };
    let mut length = 0;
    for (value, written) in text.bytes().zip(raw.bytes()) {
        if value != written || Some(written) == escape {
            break;
        }
        length += 1;
        if value == b'\n' {
            break;
        }
    }
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    length
}

/// How long an escape between double quotes is.
fn escape(rest: &str) -> usize {
    match rest.as_bytes().get(1) {
        Some(b'x') => 4,
        Some(b'u') => 6,
        Some(b'U') => 10,
        _ => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
    }
}

/// A script, and the lines that it is, or a part of, where its bytes do not stand one by one in the file.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'s> {
    /// As the shell sees it.
    pub script: Script<'s>,
    lines: Option<&'s Lines<'s>>,
}

impl<'s> From<Script<'s>> for Placed<'s> {
    fn from(script: Script<'s>) -> Self {
        Self { script, lines: None }
    }
}

impl Placed<'_> {
    /// Where in the file a part of the script is.
    #[must_use]
    pub fn place(&self, span: Span) -> Span {
        self.lines.map_or(span, |lines| lines.place(span))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Lines;
    use crate::model::usage::Span;
    use crate::uses::yaml::Yaml;

    /// The script of every item of a list, and what stands in the file for the words from the first to the last letter of a part.
    fn told(text: &str, part: &str) -> (String, String) {
        let yaml = Yaml::read(text.as_bytes());
        let root = yaml.documents().next().unwrap();
        let lines = Lines::all(root.each());
        let start = lines.text().find(part).unwrap();
        let span = lines.place(Span { start, end: start + part.len() });
        (lines.text().to_owned(), text[span.start..span.end].to_owned())
    }

    #[test]
    fn a_script_is_what_the_shell_sees_and_every_byte_has_its_place() {
        let all = [
            ("- |\n    a é\n      b\n\n    c\n", "a é\n  b\n\nc\n", "é\n  b", "é\n      b"),
            ("- >-\n    a\n    b é\n\n    c\n", "a b é\nc", "a b", "a\n    b"),
            ("- a\n  b\n\n  c\n", "a b\nc", "b\nc", "b\n\n  c"),
            ("- \"a \\\"b\\\" \\\n     c\\td\"\n", "a \"b\" c\td", "\"b\" c", "\\\"b\\\" \\\n     c"),
            ("- \"\\x41\\u00e9b\"\n", "Aéb", "Aéb", "\\x41\\u00e9b"),
            ("- 'it''s\n  $A'\n", "it's $A", "s $A", "s\n  $A"),
            ("- &a x\n- |+\n  y\n\n- *a\n- 'z'\n", "x\ny\n\nx\nz", "z", "z"),
            ("- |\r\n  a\r\n  b\r\n", "a\nb\n", "a\nb", "a\r\n  b"),
        ];
        for (text, script, part, place) in all {
            assert_eq!(told(text, part), (script.to_owned(), place.to_owned()), "{text}");
        }
        assert!(Lines::default().script(<_>::default()).text.is_empty());
    }

    #[test]
    fn what_is_written_as_it_is_read_is_not_copied() {
        let yaml = Yaml::read(b"a: |\n  b\n  c\nd: e f\n");
        let root = yaml.documents().next().unwrap();
        for (key, runs) in [("a", 2), ("d", 1)] {
            let lines = Lines::of(root.get(key).unwrap()).unwrap();
            assert!(matches!(lines.text, std::borrow::Cow::Borrowed(_)) && lines.runs.len() == runs);
        }
        assert!(Lines::of(root).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_part_lies_in_the_file(parts in prop::collection::vec(prop_oneof![
            Just("- "), Just("\n"), Just("\n  "), Just("  "), Just("|\n  "), Just(">-\n  "), Just("'"), Just("''"),
            Just("\""), Just("&a "), Just("*a"), Just("é"), Just("\t"), Just("\r\n"), Just("b"), Just("\\"),
            Just("\\\n"), Just("\\x41"), Just("\\u00e9"), Just("\u{a0}"), Just("\u{85}"),
        ], 0..40)) {
            let text = parts.concat();
            let yaml = Yaml::read(text.as_bytes());
            for document in yaml.documents() {
                let lines = Lines::all(document.each());
                for (start, c) in lines.text().char_indices() {
                    let span = lines.place(Span { start, end: start + c.len_utf8() });
                    let written = text.get(span.start..span.end);
                    prop_assert!(written.is_some(), "{text:?} {start} {span:?}");
                    if c.is_ascii_alphanumeric() {
                        prop_assert!(matches!(written, Some("b" | "\\x41" | "x" | "4" | "1" | "u" | "0" | "e" | "9" | "a")), "{text:?} {written:?}");
                    }
                    let all = lines.place(Span { start: 0, end: start });
                    prop_assert!(all.start <= all.end && all.end <= text.len());
                }
            }
        }
    }
}
