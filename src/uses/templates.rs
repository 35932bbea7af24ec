//! Templates in YAML (`{{ … }}` of Helm, `{% … %}` of Jinja): what is no YAML is covered up, and every byte stays where it is.
//!
//! Formats: <https://pkg.go.dev/text/template#hdr-Actions> and <https://jinja.palletsprojects.com/en/stable/templates/>.

use std::borrow::Cow;
use std::cell::Cell;

use memchr::memmem;

use crate::model::GapKind;
use crate::model::usage::{Span, Unread};
use crate::uses::yaml::{LARGEST, Node, Yaml};

/// How often a file that is no YAML is tried again without the part that was not understood.
const TRIES: usize = 8;
/// The longest text that is a name, in bytes.
const LONGEST: usize = 1024;
/// First words of what puts out nothing by itself.
const CONTROL: &[&str] = &["if", "else", "end", "range", "with", "define", "block", "break", "continue"];

/// A file without its templates.
#[derive(Debug)]
pub(in crate::uses) struct Filled<'t> {
    original: &'t [u8],
    /// What YAML is read from.
    pub(in crate::uses) text: Cow<'t, [u8]>,
    /// Templates, in the order of the file.
    pub(in crate::uses) parts: Vec<Span>,
    /// What was given up.
    unread: Vec<Unread>,
    /// Where a text begins that was asked for as a name and is too long to be one.
    too_long: Cell<Option<usize>>,
}

impl<'t> Filled<'t> {
    /// Covers templates up: control alone and lines that hold nothing else become spaces, what puts out a value becomes letters.
    pub(in crate::uses) fn new(original: &'t [u8]) -> Self {
        let parts = if original.len() > LARGEST { Vec::new() } else { find(original) };
        let mut filled =
            Self { original, text: Cow::Borrowed(original), parts, unread: Vec::new(), too_long: Cell::new(None) };
        if !filled.parts.is_empty() {
            filled.text = Cow::Owned(cover(original, &filled.parts));
            filled.mend();
        }
        filled
    }

    /// Takes out what no YAML can be made of, so that later documents are read.
    fn mend(&mut self) {
        for _ in 0..TRIES {
            let Ok(text) = std::str::from_utf8(&self.text) else { return };
            let gap = Yaml::read(text.as_bytes()).unread().into_iter().find(|gap| gap.kind == Some(GapKind::Corrupt));
            let Some(gap) = gap else { return };
            let start = text.get(..gap.at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
            let end = text.get(gap.at..).and_then(|rest| rest.find("\n---")).map_or(text.len(), |at| gap.at + at);
            let why =
                "its templates leave no YAML from here to the end of the document: who uses what there is not known";
            self.unread.push(Unread { at: start, kind: None, why: why.to_owned() });
            blank(self.text.to_mut(), Span { start, end });
        }
    }

    /// What was given up, and names that were passed over.
    pub(in crate::uses) fn unread(&self) -> Vec<Unread> {
        let why = format!("a name in it has more than {LONGEST} bytes: who uses what by such names is not known");
        let long = self.too_long.get().map(|at| Unread { at, kind: Some(GapKind::OverBudget), why });
        self.unread.iter().cloned().chain(long).collect()
    }

    /// Whether a template is in these bytes.
    pub(in crate::uses) fn is_templated(&self, span: Span) -> bool {
        let at = self.parts.partition_point(|part| part.end <= span.start);
        self.parts.get(at).is_some_and(|part| part.start < span.end)
    }

    /// What stands in the file at these bytes.
    pub(in crate::uses) fn original(&self, span: Span) -> Cow<'t, str> {
        String::from_utf8_lossy(self.original.get(span.start..span.end).unwrap_or_default())
    }

    /// The bytes of a scalar, with the templates that touch it.
    pub(in crate::uses) fn span(&self, node: Node<'_>) -> Span {
        let mut span = node.span();
        let at = self.parts.partition_point(|part| part.end < span.start);
        if let Some(part) = self.parts.get(at).filter(|part| part.end == span.start) {
            span.start = part.start;
        }
        let at = self.parts.partition_point(|part| part.start < span.end);
        if let Some(part) = self.parts.get(at).filter(|part| part.start == span.end) {
            span.end = part.end;
        }
        span
    }

    /// The text of a scalar; where it is made by a template, the template as it is written.
    pub(in crate::uses) fn text_of(&self, node: Node<'_>) -> Option<String> {
        let plain = node.text()?;
        let span = self.span(node);
        let is_long = plain.len() > LONGEST || span.len() > LONGEST;
        let text =
            if !is_long && self.is_templated(span) { self.original(span).trim().to_owned() } else { plain.to_owned() };
        if is_long {
            self.too_long.set(self.too_long.get().or(Some(span.start)));
        }
        Some(text).filter(|text| !text.is_empty() && !is_long)
    }
}

/// Where templates are.
fn find(text: &[u8]) -> Vec<Span> {
    let mut all = Vec::new();
    let mut at = 0;
    // What does not end is looked for once.
    let (mut closes, mut ends) = (true, true);
    while let Some(start) = memchr::memchr(b'{', text.get(at..).unwrap_or_default()).map(|found| at + found) {
        let rest = text.get(start..).unwrap_or_default();
        let length = match rest.get(1) {
            Some(b'{') if closes => {
                let length = action(rest);
                closes = length.is_some();
                length
            }
            Some(b'%') if ends => {
                let length = memmem::find(rest, b"%}").map(|end| end + 2);
                ends = length.is_some();
                length
            }
            _ => None,
        };
        match length {
            Some(length) => {
                all.push(Span { start, end: start + length });
                at = start + length;
            }
            None => at = start + 1,
        }
    }
    all
}

/// How long an action is that begins here: what stands between quotes does not end it, if the quotes end on their line.
fn action(rest: &[u8]) -> Option<usize> {
    let inner = rest.get(2..)?;
    let trimmed = inner.strip_prefix(b"-").unwrap_or(inner).trim_ascii_start();
    if trimmed.starts_with(b"/*") {
        let comment = memmem::find(rest, b"*/")?;
        return memmem::find(rest.get(comment..)?, b"}}").map(|end| comment + end + 2);
    }
    let (mut at, mut line) = (2, 0);
    // Quotes that are not closed on their line: those are none.
    let mut open = Vec::new();
    loop {
        let found = at + memchr::memchr3(b'}', b'"', b'`', rest.get(at..)?)?;
        let byte = rest.get(found).copied()?;
        at = found + 1;
        if byte == b'}' {
            if rest.get(at) == Some(&b'}') {
                return Some(at + 1);
            }
            continue;
        }
        if found >= line {
            line = found + memchr::memchr(b'\n', rest.get(found..)?).unwrap_or(rest.len() - found);
            open.clear();
        }
        if open.contains(&byte) {
            continue;
        }
        let mut escaped = false;
        let close = rest.get(at..line)?.iter().position(|b| {
            let closes = *b == byte && !escaped;
            escaped = *b == b'\\' && !escaped && byte == b'"';
            closes
        });
        match close {
            Some(close) => at += close + 1,
            None => open.push(byte),
        }
    }
}

/// Whether a template puts out nothing by itself.
fn is_control(template: &[u8]) -> bool {
    if template.starts_with(b"{%") {
        return true;
    }
    let inner = template.get(2..).unwrap_or_default();
    let inner = inner.strip_prefix(b"-").unwrap_or(inner).trim_ascii_start();
    let word: usize = inner.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    let word = std::str::from_utf8(inner.get(..word).unwrap_or_default()).unwrap_or_default();
    let sets = inner.starts_with(b"$") && {
        let name = inner.iter().skip(1).take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count() + 1;
        let rest = inner.get(name..).unwrap_or_default().trim_ascii_start();
        rest.starts_with(b":=") || (rest.starts_with(b"=") && !rest.starts_with(b"=="))
    };
    inner.starts_with(b"/*") || sets || CONTROL.contains(&word)
}

fn blank(text: &mut [u8], span: Span) {
    let part = text.get_mut(span.start..span.end).unwrap_or_default();
    part.iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
}

fn cover(original: &[u8], parts: &[Span]) -> Vec<u8> {
    let mut bare = original.to_vec();
    parts.iter().for_each(|part| blank(&mut bare, *part));
    let mut text = bare.clone();
    // The line that was looked at last, and whether anything but templates is in it.
    let (mut line, mut holds) = (Span::default(), false);
    for part in parts {
        if part.start >= line.end {
            let before = original.get(..part.start).unwrap_or_default();
            let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
            let rest = original.get(part.start..).unwrap_or_default();
            line = Span { start, end: memchr::memchr(b'\n', rest).map_or(original.len(), |at| part.start + at + 1) };
            holds = bare.get(line.start..line.end).is_some_and(|line| !line.trim_ascii().is_empty());
        }
        let template = original.get(part.start..part.end).unwrap_or_default();
        if holds && !is_control(template) {
            let length = memchr::memchr2(b'\n', b'\r', template).unwrap_or(template.len());
            text.get_mut(part.start..part.start + length).unwrap_or_default().fill(b'x');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Filled;

    #[test]
    fn bytes_stay_where_they_are() {
        let text =
            "a: {{ .b }}\n{{- if \"}}\" }}\n{{/* it's }} */}}\nc: \"{{ d }}-e\"\n{{ end }}{% f %}\ng: {{ h\n i }}\n";
        let filled = Filled::new(text.as_bytes());
        let got = std::str::from_utf8(&filled.text).unwrap();
        assert_eq!(got.len(), text.len());
        let lines: Vec<&str> = got.lines().map(str::trim_end).collect();
        assert_eq!(lines, ["a: xxxxxxxx", "", "", "c: \"xxxxxxx-e\"", "", "g: xxxx", ""]);
    }

    #[test]
    fn what_does_not_end_costs_little() {
        for text in [
            "{{ ".repeat(100_000),
            "{% ".repeat(100_000),
            "{{ \"".repeat(100_000),
            "{{/* ".repeat(100_000),
            format!("{{{{{}", "\\\"".repeat(200_000)),
        ] {
            assert!(Filled::new(text.as_bytes()).parts.is_empty());
        }
        let text = "{{ a }} b".repeat(100_000);
        assert_eq!(Filled::new(text.as_bytes()).parts.len(), 100_000);
    }
}
