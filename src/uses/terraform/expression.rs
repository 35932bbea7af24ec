//! Expressions of Terraform: strings, templates, documents, and the names in them.

use super::hcl::{Expression, Name, Parser};
use crate::model::usage::Span;

/// How many brackets and templates may stand in each other.
const DEEPEST: usize = 256;
/// Functions whose result still shows what they are given.
const SHOWS: &[&str] = &[
    "",
    "nonsensitive",
    "tostring",
    "jsonencode",
    "jsondecode",
    "yamlencode",
    "base64encode",
    "base64decode",
    "format",
    "join",
    "concat",
    "merge",
    "try",
    "coalesce",
    "lookup",
    "trimspace",
    "nonsensitive",
    "tomap",
    "tolist",
    "toset",
    "one",
    "element",
    "urlencode",
    "replace",
];

/// What an expression is in the middle of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind<'t> {
    /// The expression itself.
    #[default]
    Root,
    /// Round or square brackets.
    Bracket,
    /// Braces of an object.
    Object,
    /// Braces of a template.
    Template,
    /// Quotes.
    Quote,
    /// A document, and what it ends with.
    Document(&'t str),
    /// Text that ends with the file.
    Text,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frame<'t> {
    pub(super) kind: Kind<'t>,
    pub(super) start: usize,
    pub(super) key: Option<&'t str>,
    pub(super) shows: bool,
    pub(super) revealed: bool,
}

impl<'t> Parser<'t> {
    /// Reads an expression up to the end of its line; brackets, strings and documents may go on beyond it.
    pub(super) fn expression(&mut self, root: Frame<'t>) -> Expression<'t> {
        let start = self.at + self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
        let mut all = Expression::default();
        let mut open = vec![root];
        while self.at < self.text.len() {
            let Some(frame) = open.last().copied() else { break };
            if open.len() > DEEPEST {
                self.fails();
                self.line();
                break;
            }
            let goes_on = match frame.kind {
                Kind::Quote | Kind::Document(_) | Kind::Text => self.string(&mut open, frame, &mut all),
                _ => self.code(&mut open, frame, &mut all),
            };
            if !goes_on {
                break;
            }
        }
        if open.len() > 1 && root.kind == Kind::Root {
            self.fails();
        }
        all.text = self.slice(start);
        all.span = Span { start, end: start + all.text.trim_end().len() };
        all
    }

    /// A step in a string: templates in it are opened.
    fn string(&mut self, open: &mut Vec<Frame<'t>>, frame: Frame<'t>, all: &mut Expression<'t>) -> bool {
        let rest = self.rest();
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            self.at += 3;
        } else if rest.starts_with("${") || rest.starts_with("%{") {
            // What a directive asks for is not put out.
            let shows = frame.shows && rest.starts_with('$');
            self.at += 2;
            open.push(Frame { kind: Kind::Template, shows, ..frame });
        } else if let Kind::Document(last) = frame.kind {
            let is_start =
                self.at == frame.start || self.text.get(..self.at).is_some_and(|before| before.ends_with('\n'));
            let line = if is_start { rest.split('\n').next().unwrap_or_default() } else { "" };
            if is_start && line.trim() == last {
                all.strings.push((self.slice(frame.start), frame.start));
                self.at += line.len();
                open.pop();
            } else {
                self.step();
            }
        } else if frame.kind == Kind::Quote && matches!(self.peek(0), b'"' | b'\n') {
            all.strings.push((self.slice(frame.start), frame.start));
            open.pop();
            self.at += usize::from(self.peek(0) == b'"');
        } else {
            self.at += usize::from(self.peek(0) == b'\\' && self.at + 1 < self.text.len());
            self.step();
        }
        true
    }

    /// A step outside of strings; `false` at the end of the expression.
    fn code(&mut self, open: &mut Vec<Frame<'t>>, frame: Frame<'t>, all: &mut Expression<'t>) -> bool {
        let kind = match self.peek(0) {
            b'\n' | b'}' if frame.kind == Kind::Root => return false,
            b'#' | b'/' if self.comment() => return true,
            b'}' | b')' | b']' => {
                self.at += 1;
                if open.len() > 1 {
                    open.pop();
                }
                return true;
            }
            b'"' => {
                let key = self.quoted_key().filter(|_| frame.kind == Kind::Object);
                self.keyed(open, key);
                Kind::Quote
            }
            b'<' if self.peek(1) == b'<' => match self.document() {
                Some(last) => {
                    open.push(Frame { kind: Kind::Document(last), start: self.at, ..frame });
                    return true;
                }
                None => Kind::Root,
            },
            b'(' | b'[' => Kind::Bracket,
            b'{' => Kind::Object,
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                self.name(open, frame, all);
                return true;
            }
            _ => Kind::Root,
        };
        self.step();
        if kind != Kind::Root {
            open.push(Frame { kind, start: self.at, ..open.last().copied().unwrap_or(frame) });
        }
        true
    }

    fn keyed(&self, open: &mut [Frame<'t>], key: Option<&'t str>) {
        if let (Some(frame), Some(key)) = (open.last_mut(), key) {
            frame.key = Some(key);
        }
    }

    /// The text of a string that is a key.
    fn quoted_key(&self) -> Option<&'t str> {
        let inner = self.rest().get(1..)?;
        let length = inner.bytes().take(128).position(|b| matches!(b, b'"' | b'\n' | b'$'))?;
        let after = inner.get(length..)?.strip_prefix('"')?.trim_start_matches([' ', '\t']);
        is_assignment(after).then(|| inner.get(..length)).flatten()
    }

    /// A document begins: goes to its first line, and gives what it ends with.
    fn document(&mut self) -> Option<&'t str> {
        let rest = self.rest().get(2..)?;
        let word = rest.strip_prefix('-').unwrap_or(rest);
        let length = word.find('\n')?;
        let last = word.get(..length)?.trim();
        let is_word = !last.is_empty() && last.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if is_word {
            self.line();
            self.at += 1;
        }
        is_word.then_some(last)
    }

    /// A name with its parts, the key of an object, or a function.
    fn name(&mut self, open: &mut Vec<Frame<'t>>, frame: Frame<'t>, all: &mut Expression<'t>) {
        let start = self.at;
        self.word();
        while self.peek(0) == b'.' && (self.peek(1).is_ascii_alphanumeric() || matches!(self.peek(1), b'_' | b'*')) {
            self.at += 2;
            self.word();
        }
        let path = self.slice(start);
        let after = self.rest().trim_start_matches([' ', '\t']);
        if after.starts_with('(') {
            let shows = frame.shows && SHOWS.contains(&path);
            let revealed = frame.revealed || path == "nonsensitive";
            self.at += self.rest().len() - after.len() + 1;
            open.push(Frame { kind: Kind::Bracket, start: self.at, shows, revealed, ..frame });
        } else if frame.kind == Kind::Object && is_assignment(after) {
            self.keyed(open, Some(path));
        } else if path.contains('.') {
            let before = self.text.get(..start).unwrap_or_default().trim_end();
            let asks = ["==", "!=", "?"].iter().any(|sign| after.starts_with(sign));
            let shows =
                frame.shows && !asks && !before.ends_with("==") && !before.ends_with("!=") && !before.ends_with('!');
            let span = Span { start, end: self.at };
            all.names.push(Name { path, span, key: frame.key, shows, revealed: frame.revealed });
        }
    }
}

/// Whether a key stands before this.
fn is_assignment(after: &str) -> bool {
    after.starts_with(':') || (after.starts_with('=') && !after.starts_with("=="))
}
