//! Expressions of GitHub Actions: `${{ secrets.TOKEN || 'none' }}`. Contexts, the ways into them, operators and functions, with the
//! place of each; source: <https://docs.github.com/en/actions/reference/workflows-and-actions/expressions>.
//!
//! What is no expression is passed over, so that the references in it are found all the same.

use crate::model::usage::Span;

/// How many levels of brackets are followed.
const DEEPEST: u32 = 24;

/// A part of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// Text between quotes.
    Text(String),
    /// `true` or `false`.
    Truth(bool),
    /// A number, `null`, or what is not understood.
    Other,
    /// A way into a context.
    Access(Access),
    /// `!`.
    Not(Box<Self>),
    /// `&&`.
    All(Vec<Self>),
    /// `||`.
    Either(Vec<Self>),
    /// `==` and, where it says so, `!=`.
    Equal(Vec<Self>, bool),
    /// `<` and its like.
    Order(Vec<Self>),
    /// A function, by its name in small letters.
    Call(String, Vec<Self>),
}

/// A way into a context: `github.event.commits[0].message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Access {
    /// Its parts, the context first.
    pub(super) path: Vec<Part>,
    /// Where it stands in the file.
    pub(super) span: Span,
}

/// A part of such a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A name, as it is written.
    Name(String),
    /// All of them: `*`, or a number.
    Any,
    /// What an expression says.
    Computed(Box<Expression>),
}

impl Part {
    /// Whether it may have this name. Names have no case.
    pub(super) fn is(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => own.eq_ignore_ascii_case(name),
            Self::Any => name == "*",
            Self::Computed(_) => false,
        }
    }
}

impl Access {
    /// Whether it leads just there: names in small letters, `*` for any item.
    pub(super) fn leads_to(&self, names: &[&str]) -> bool {
        self.path.len() == names.len() && self.begins_with(names)
    }

    /// Whether it leads there or below.
    pub(super) fn begins_with(&self, names: &[&str]) -> bool {
        self.path.len() >= names.len() && self.path.iter().zip(names).all(|(part, name)| part.is(name))
    }
}

/// A reference in an expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'e> {
    /// The way into a context.
    pub(super) access: &'e Access,
    /// Whether its value is in what the whole expression gives: not that of `secrets.A` in `secrets.A != ''`.
    pub(super) flows: bool,
    /// Whether a function writes all that is below it.
    pub(super) is_whole: bool,
}

impl Expression {
    /// Every reference in it, in the order in which they stand.
    pub(super) fn found(&self) -> Vec<Found<'_>> {
        let mut all = Vec::new();
        self.find(true, false, &mut all);
        all
    }

    fn find<'e>(&'e self, flows: bool, is_whole: bool, all: &mut Vec<Found<'e>>) {
        match self {
            Self::Access(access) => {
                all.push(Found { access, flows, is_whole });
                for part in &access.path {
                    if let Part::Computed(inner) = part {
                        inner.find(false, false, all);
                    }
                }
            }
            Self::Not(inner) => inner.find(false, false, all),
            Self::Equal(parts, _) | Self::Order(parts) => parts.iter().for_each(|part| part.find(false, false, all)),
            // What is true gives way to what follows; what is not is empty.
            Self::All(parts) => {
                for (number, part) in parts.iter().enumerate() {
                    part.find(flows && number + 1 == parts.len(), is_whole, all);
                }
            }
            Self::Either(parts) => parts.iter().for_each(|part| part.find(flows, is_whole, all)),
            Self::Call(name, arguments) => {
                let tells = !matches!(name.as_str(), "contains" | "startswith" | "endswith" | "hashfiles");
                arguments.iter().for_each(|part| part.find(flows && tells, name == "tojson", all));
            }
            Self::Text(_) | Self::Truth(_) | Self::Other => {}
        }
    }
}

/// The expressions between `${{` and `}}` in a scalar: `base` is where it begins, and `doubled` says that each of its quotes is
/// written twice, as between single quotes of YAML.
pub(super) fn templates(text: &str, base: usize, doubled: bool) -> Vec<Expression> {
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(open) = text.get(at..).and_then(|rest| rest.find("${{")).map(|found| at + found + 3) {
        let inner = text.get(open..).unwrap_or_default();
        let Some(length) = closing(inner) else { break };
        all.extend(expressions(inner.get(..length).unwrap_or_default(), base + open, doubled));
        at = open + length + 2;
    }
    all
}

/// Where `}}` ends a template: not between quotes.
fn closing(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.bytes().zip(text.bytes().skip(1)).position(|(byte, next)| {
        quoted ^= byte == b'\'';
        !quoted && byte == b'}' && next == b'}'
    })
}

/// What stands between braces, or in an `if` without them: one expression, and more where it is broken.
pub(super) fn expressions(text: &str, base: usize, doubled: bool) -> Vec<Expression> {
    let tokens = tokens(text, base, doubled);
    let mut parser = Parser { tokens: &tokens, at: 0 };
    let mut all = Vec::new();
    while parser.at < tokens.len() {
        let before = parser.at;
        all.push(parser.either(DEEPEST));
        // A mark that nothing takes is passed over.
        parser.at = (before + 1).max(parser.at);
    }
    all
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Name(String),
    Text(String),
    Number,
    Mark(&'static str),
}

#[derive(Clone, Debug)]
struct Token {
    kind: Kind,
    span: Span,
}

/// Marks, longer ones first.
const MARKS: &[&str] = &["&&", "||", "==", "!=", "<=", ">=", "(", ")", "[", "]", ".", ",", "!", "<", ">", "*"];

fn tokens(text: &str, base: usize, doubled: bool) -> Vec<Token> {
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let name = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
        let (kind, length) = if let Some((inner, length)) = quoted(rest, doubled) {
            (Some(Kind::Text(inner)), length)
        } else if name > 0 {
            let word = rest.get(..name).unwrap_or_default();
            let number = word.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            (Some(if number { Kind::Number } else { Kind::Name(word.to_owned()) }), name)
        } else if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            (Some(Kind::Mark(mark)), mark.len())
        } else {
            (None, rest.chars().next().map_or(1, char::len_utf8))
        };
        let span = Span { start: base + at, end: base + at + length };
        all.extend(kind.map(|kind| Token { kind, span }));
        at += length;
    }
    all
}

/// The text between quotes, and how long it is with them. In a text, two quotes are one.
fn quoted(text: &str, doubled: bool) -> Option<(String, usize)> {
    let quote = ["\\\"", "\"", "'"].into_iter().find(|quote| text.starts_with(quote))?;
    let quote = if quote == "'" && doubled { "''" } else { quote };
    let mut rest = text.strip_prefix(quote)?;
    let mut inner = String::new();
    while let Some((before, after)) = rest.split_once(quote) {
        inner.push_str(before);
        rest = after;
        match rest.strip_prefix(quote) {
            Some(after) => {
                inner.push_str(quote.get(..1).unwrap_or_default());
                rest = after;
            }
            None => return Some((inner, text.len() - rest.len())),
        }
    }
    None
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
}

impl Parser<'_> {
    fn takes(&mut self, mark: &str) -> bool {
        let found = matches!(self.tokens.get(self.at).map(|token| &token.kind), Some(Kind::Mark(own)) if *own == mark);
        self.at += usize::from(found);
        found
    }

    fn takes_one(&mut self, marks: &[&'static str]) -> Option<&'static str> {
        marks.iter().copied().find(|mark| self.takes(mark))
    }

    fn either(&mut self, left: u32) -> Expression {
        let mut parts = vec![self.all(left)];
        while self.takes("||") {
            parts.push(self.all(left));
        }
        one_or(parts, Expression::Either)
    }

    fn all(&mut self, left: u32) -> Expression {
        let mut parts = vec![self.compared(left)];
        while self.takes("&&") {
            parts.push(self.compared(left));
        }
        one_or(parts, Expression::All)
    }

    fn compared(&mut self, left: u32) -> Expression {
        let mut parts = vec![self.single(left)];
        let mut first = None;
        while let Some(mark) = self.takes_one(&["==", "!=", "<=", ">=", "<", ">"]) {
            first = first.or(Some(mark));
            parts.push(self.single(left));
        }
        match first {
            Some(mark @ ("==" | "!=")) => Expression::Equal(parts, mark == "!="),
            Some(_) => Expression::Order(parts),
            None => one_or(parts, Expression::Order),
        }
    }

    fn single(&mut self, left: u32) -> Expression {
        if left == 0 {
            return Expression::Other;
        }
        if self.takes("!") {
            return Expression::Not(Box::new(self.single(left - 1)));
        }
        if self.takes("(") {
            let inner = self.either(left - 1);
            self.takes(")");
            return inner;
        }
        let Some(token) = self.tokens.get(self.at) else { return Expression::Other };
        match &token.kind {
            Kind::Text(text) => {
                self.at += 1;
                Expression::Text(text.clone())
            }
            Kind::Number => {
                self.at += 1;
                Expression::Other
            }
            Kind::Name(name) => {
                self.at += 1;
                self.named(name, token.span, left)
            }
            Kind::Mark(_) => Expression::Other,
        }
    }

    /// A function, a word of the language, or a context with what follows.
    fn named(&mut self, name: &str, span: Span, left: u32) -> Expression {
        if self.takes("(") {
            let mut arguments = Vec::new();
            while self.at < self.tokens.len() && !self.takes(")") {
                let before = self.at;
                arguments.push(self.either(left - 1));
                self.takes(",");
                self.at = (before + 1).max(self.at);
            }
            return Expression::Call(name.to_ascii_lowercase(), arguments);
        }
        match name {
            "true" | "false" => Expression::Truth(name == "true"),
            "null" => Expression::Other,
            _ => self.access(name, span, left),
        }
    }

    fn access(&mut self, name: &str, mut span: Span, left: u32) -> Expression {
        let mut path = vec![Part::Name(name.to_owned())];
        loop {
            if self.takes(".") {
                match self.tokens.get(self.at).map(|token| &token.kind) {
                    Some(Kind::Name(name)) => path.push(Part::Name(name.clone())),
                    Some(Kind::Number | Kind::Mark("*")) => path.push(Part::Any),
                    _ => break,
                }
                self.at += 1;
            } else if self.takes("[") {
                let any = self.takes("*") || matches!(self.tokens.get(self.at), Some(Token { kind: Kind::Number, .. }));
                path.push(match self.either(left - 1) {
                    _ if any => Part::Any,
                    Expression::Text(text) => Part::Name(text),
                    other => Part::Computed(Box::new(other)),
                });
                self.takes("]");
            } else {
                break;
            }
            span.end = self.tokens.get(self.at.saturating_sub(1)).map_or(span.end, |token| token.span.end);
        }
        Expression::Access(Access { path, span })
    }
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.len() {
        1 => parts.pop().unwrap_or(Expression::Other),
        _ => many(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(text: &str) -> Vec<(&str, bool)> {
        let all = templates(text, 0, false);
        let found: Vec<Found<'_>> = all.iter().flat_map(Expression::found).collect();
        found.into_iter().map(|one| (&text[one.access.span.start..one.access.span.end], one.flows)).collect()
    }

    #[test]
    fn finds_references_and_where_they_stand() {
        assert_eq!(spans("a ${{ secrets.A }} b ${{vars.B}}"), [("secrets.A", true), ("vars.B", true)]);
        assert_eq!(
            spans("${{ secrets['A'] }}${{ SECRETS[\"B\"] }}"),
            [("secrets['A']", true), ("SECRETS[\"B\"]", true)]
        );
        assert_eq!(spans("${{ format('{0}}}', secrets . A, 'secrets.NO') }}"), [("secrets . A", true)]);
        assert_eq!(spans("${{ secrets[matrix.x] }}"), [("secrets[matrix.x]", true), ("matrix.x", false)]);
        assert_eq!(spans("secrets.A ${{ 'it''s secrets.B' }} ${{ secrets.C"), []);
    }

    #[test]
    fn knows_what_flows() {
        assert_eq!(spans("${{ secrets.A != '' }}"), [("secrets.A", false)]);
        assert_eq!(
            spans("${{ secrets.A && secrets.B || secrets.C }}"),
            [("secrets.A", false), ("secrets.B", true), ("secrets.C", true)]
        );
        assert_eq!(spans("${{ contains(github.event.comment.body, '/x') }}"), [("github.event.comment.body", false)]);
        assert_eq!(spans("${{ !secrets.A }}"), [("secrets.A", false)]);
    }

    #[test]
    fn reads_doubled_quotes_and_brackets() {
        let all = templates("${{ secrets[''A''] }}", 0, true);
        let Some(Expression::Access(access)) = all.first() else { panic!("{all:?}") };
        assert!(access.leads_to(&["secrets", "a"]));
        let all = templates("${{ toJSON(github.event.commits[0].message) }}", 0, false);
        let found = all[0].found();
        assert!(found[0].is_whole && found[0].access.leads_to(&["github", "event", "commits", "*", "message"]));
    }

    #[test]
    fn ends_on_whatever_it_is_given() {
        for text in
            ["${{ ) ] . , }}", "${{ a.b.[ }}", "${{ f(,,) }}", "${{ a. }}", "${{ !!! }}", "${{ é 'x }}", "${{ [*] }}"]
        {
            spans(text);
        }
        for part in ["(", "!", "[", "a[", "f(", "a.", "a && ", "a == ", "'", "''"] {
            spans(&format!("${{{{ {} }}}}", part.repeat(20_000)));
        }
    }
}
