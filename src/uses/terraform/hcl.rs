//! The syntax of Terraform: blocks, attributes, and which names an expression has. Nothing is worked out.
//!
//! Format: <https://developer.hashicorp.com/terraform/language/syntax/configuration>.

use super::expression::{Frame, Kind};
use crate::model::usage::Span;

/// How many blocks may stand in each other.
const BLOCKS: usize = 32;
/// What stands in a file or between the braces of a block.
#[derive(Debug, Default)]
pub(super) struct Body<'t> {
    pub(super) attributes: Vec<Attribute<'t>>,
    pub(super) blocks: Vec<Block<'t>>,
}

#[derive(Debug)]
pub(super) struct Block<'t> {
    pub(super) kind: &'t str,
    pub(super) labels: Vec<&'t str>,
    pub(super) body: Body<'t>,
    pub(super) span: Span,
    /// Where its last label is, without quotes.
    pub(super) label: Span,
}

#[derive(Debug)]
pub(super) struct Attribute<'t> {
    pub(super) name: &'t str,
    pub(super) value: Expression<'t>,
    pub(super) span: Span,
}

/// A value.
#[derive(Debug, Default)]
pub(super) struct Expression<'t> {
    /// As it is written.
    pub(super) text: &'t str,
    pub(super) span: Span,
    /// Strings in it, without quotes, and where they begin.
    pub(super) strings: Vec<(&'t str, usize)>,
    pub(super) names: Vec<Name<'t>>,
}

/// A name with its parts: `var.token`, `data.kind.label.attribute`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'t> {
    pub(super) path: &'t str,
    pub(super) span: Span,
    /// The key of the object that it stands in.
    pub(super) key: Option<&'t str>,
    /// Whether the value of the expression shows its value.
    pub(super) shows: bool,
    /// Whether `nonsensitive` is around it.
    pub(super) revealed: bool,
}

impl<'t> Body<'t> {
    pub(super) fn get(&self, name: &str) -> Option<&Expression<'t>> {
        self.attributes.iter().find(|one| one.name == name).map(|one| &one.value)
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.text.trim() == "true")
    }
}

impl<'t> Expression<'t> {
    /// The text of a string that stands alone.
    pub(super) fn string(&self) -> Option<(&'t str, usize)> {
        let (text, at) = self.strings.first().copied()?;
        let around = self.text.trim().len().saturating_sub(text.len());
        let is_alone = self.strings.len() == 1 && (self.text.trim_start().starts_with("<<") || around <= 2);
        is_alone.then_some((text, at))
    }

    /// The same, where no template is in it.
    pub(super) fn literal(&self) -> Option<(&'t str, usize)> {
        self.string().filter(|(text, _)| !text.contains("${") && !text.contains("%{"))
    }
}

/// Reads a file; the byte where something is no Terraform comes back beside it.
pub(super) fn parse(text: &str) -> (Body<'_>, Option<usize>) {
    let mut parser = Parser { text, at: 0, wrong: None };
    let mut all = parser.body(0);
    while parser.at < text.len() {
        // A brace too many: what stands behind it is read all the same.
        parser.fails();
        parser.at += 1;
        let more = parser.body(0);
        all.attributes.extend(more.attributes);
        all.blocks.extend(more.blocks);
    }
    (all, parser.wrong)
}

/// The names in the templates of a string.
pub(super) fn template(text: &str, base: usize) -> Vec<Name<'_>> {
    let frame = Frame { kind: Kind::Text, shows: true, ..Frame::default() };
    let mut parser = Parser { text, at: 0, wrong: None };
    let mut names = parser.expression(frame).names;
    for name in &mut names {
        name.span = Span { start: name.span.start + base, end: name.span.end + base };
    }
    names
}

/// What reads a file.
pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    wrong: Option<usize>,
}

impl<'t> Parser<'t> {
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    pub(super) fn fails(&mut self) {
        self.wrong = self.wrong.or(Some(self.at));
    }

    pub(super) fn slice(&self, start: usize) -> &'t str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(super) fn step(&mut self) {
        self.at += self.rest().chars().next().map_or(1, char::len_utf8);
    }

    pub(super) fn line(&mut self) {
        self.at += self.rest().find('\n').unwrap_or(self.rest().len());
    }

    /// Passes over a comment, if one begins here.
    pub(super) fn comment(&mut self) -> bool {
        match (self.peek(0), self.peek(1)) {
            (b'#', _) | (b'/', b'/') => self.line(),
            (b'/', b'*') => self.at += self.rest().find("*/").map_or(self.rest().len(), |end| end + 2),
            _ => return false,
        }
        true
    }

    fn spaces(&mut self, lines: bool) {
        loop {
            match self.peek(0) {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' | b',' if lines => self.at += 1,
                b'#' | b'/' if lines && self.comment() => {}
                _ => return,
            }
        }
    }

    pub(super) fn word(&mut self) -> &'t str {
        let start = self.at;
        while self.peek(0).is_ascii_alphanumeric() || matches!(self.peek(0), b'_' | b'-') {
            self.at += 1;
        }
        self.slice(start)
    }

    fn body(&mut self, depth: usize) -> Body<'t> {
        let mut body = Body::default();
        loop {
            self.spaces(true);
            if self.at >= self.text.len() || self.peek(0) == b'}' {
                return body;
            }
            let start = self.at;
            let word = self.word();
            self.spaces(false);
            if !word.is_empty() && self.peek(0) == b'=' && self.peek(1) != b'=' {
                self.at += 1;
                let value = self.expression(Frame { key: Some(word), shows: true, ..Frame::default() });
                body.attributes.push(Attribute { name: word, value, span: Span { start, end: self.at } });
            } else if let Some(block) =
                Some(word).filter(|word| !word.is_empty()).and_then(|word| self.block(word, start, depth))
            {
                body.blocks.push(block);
            } else {
                self.fails();
                self.line();
                self.at = (start + 1).max(self.at);
            }
        }
    }

    fn block(&mut self, kind: &'t str, start: usize, depth: usize) -> Option<Block<'t>> {
        let (mut labels, mut label) = (Vec::new(), Span { start, end: start + kind.len() });
        loop {
            self.spaces(false);
            match self.peek(0) {
                b'{' => break,
                b'"' => {
                    let inner = self.rest().get(1..)?;
                    let length = inner.find(['"', '\n']).filter(|end| inner.as_bytes().get(*end) == Some(&b'"'))?;
                    label = Span { start: self.at + 1, end: self.at + 1 + length };
                    labels.push(inner.get(..length)?);
                    self.at += length + 2;
                }
                _ => {
                    let from = self.at;
                    let word = self.word();
                    if word.is_empty() {
                        return None;
                    }
                    label = Span { start: from, end: self.at };
                    labels.push(word);
                }
            }
        }
        if depth >= BLOCKS {
            return None;
        }
        self.at += 1;
        let body = self.body(depth + 1);
        if self.peek(0) == b'}' {
            self.at += 1;
        } else {
            self.fails();
        }
        Some(Block { kind, labels, body, span: Span { start, end: self.at }, label })
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn syntax() {
        let text = "# a = b\na = 1 // c\nb \"l\" m {\n  c = { d = var.e, \"f\" : [g(var.h)] /* var.n */ }\n  i = <<-E\n    ${var.j}$${var.k}\n  E\n  o = x == var.p ? \"q${data.r.s[0]}\" : 1\n}\nt { u = \"v\" }\n";
        let (body, wrong) = parse(text);
        assert_eq!(wrong, None);
        assert_eq!(body.get("a").unwrap().text.trim(), "1 // c");
        let block = &body.blocks[0];
        assert_eq!((block.kind, &block.labels[..]), ("b", &["l", "m"][..]));
        let names = |attribute: &str| {
            block
                .body
                .get(attribute)
                .unwrap()
                .names
                .iter()
                .map(|one| (one.path, one.key.unwrap(), one.shows))
                .collect::<Vec<_>>()
        };
        assert_eq!(names("c"), [("var.e", "d", true), ("var.h", "f", false)]);
        assert_eq!(names("i"), [("var.j", "i", true)]);
        assert_eq!(names("o"), [("var.p", "o", false), ("data.r.s", "o", true)]);
        assert_eq!(block.body.get("i").unwrap().string().unwrap().0, "    ${var.j}$${var.k}\n");
        assert_eq!(body.blocks[1].body.get("u").unwrap().literal().unwrap().0, "v");
        assert_eq!(&text[block.span.start..block.span.end].lines().last().unwrap(), &"}");
    }

    #[test]
    fn of_anybody() {
        for part in ["a {", "a = [", "a = {", "a = \"${", "a = f(", "}", "a = <<E\n", "a \"", "\"", "é"] {
            assert!(parse(&part.repeat(20_000)).1.is_some(), "{part}");
        }
        for part in ["/*", "a = <<", "a = \"\\", "a = <<E\nb", "a=b.c "] {
            parse(&part.repeat(20_000));
        }
    }
}
