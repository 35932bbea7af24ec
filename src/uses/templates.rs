//! Templates in YAML (`{{ … }}` of Helm, `{% … %}` of Jinja): what is no YAML is covered up, and every byte stays where it is.
//!
//! Formats: <https://pkg.go.dev/text/template#hdr-Actions> and <https://jinja.palletsprojects.com/en/stable/templates/>.

use std::borrow::Cow;
use std::cell::Cell;

use crate::model::GapKind;
use crate::model::usage::{Span, Unread};
use crate::uses::yaml::cover::{blank, cover, find};
use crate::uses::yaml::{LARGEST, Node, Yaml};

/// How often a file that is no YAML is tried again without the part that was not understood.
const TRIES: usize = 8;
/// The longest text that is a name, in bytes.
const LONGEST: usize = 1024;

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
