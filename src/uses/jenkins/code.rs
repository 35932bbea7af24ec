//! Groovy code as pipelines use it: calls with their arguments, blocks, assignments.

use super::strings::Cooked;
use super::tokens::{Kind, Token, tokens};

/// How deep code in strings is read.
const DEEPEST: u32 = 4;
/// How many tokens a statement may have, what brackets hold counted as one.
const LONGEST: usize = 256;

/// Code, and its tokens.
#[derive(Debug)]
pub(super) struct Code<'t> {
    /// The whole file.
    pub(super) text: &'t str,
    pub(super) tokens: Vec<Token>,
    /// Whether all of it was told apart.
    pub(super) complete: bool,
}

/// Tokens from one number up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// An argument or an entry of a map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Argument<'t> {
    /// Its name; `None` where it has none.
    pub(super) name: Option<&'t str>,
    pub(super) value: Range,
}

impl<'t> Code<'t> {
    pub(super) fn read(text: &'t str) -> Self {
        let (tokens, complete) = tokens(text, 0);
        Self { text, tokens, complete }
    }

    pub(super) fn token(&self, at: usize) -> Option<Token> {
        self.tokens.get(at).copied()
    }

    /// The token before.
    pub(super) fn before(&self, at: usize) -> Option<Token> {
        self.token(at.checked_sub(1)?)
    }

    /// The text of a token that is a word.
    pub(super) fn word(&self, at: usize) -> Option<&'t str> {
        let token = self.token(at).filter(|token| token.kind == Kind::Word)?;
        self.text.get(token.span.start..token.span.end)
    }

    /// Whether a token is a mark.
    pub(super) fn is(&self, at: usize, mark: u8) -> bool {
        self.token(at).is_some_and(|token| token.kind == Kind::Mark(mark))
    }

    /// A token that is a string.
    pub(super) fn string(&self, at: usize) -> Option<Token> {
        self.token(at).filter(|token| matches!(token.kind, Kind::Text { .. }))
    }

    pub(super) fn cooked(&self, token: Token) -> Cooked<'t> {
        Cooked::read(self.text, token)
    }

    /// The text of a string into which nothing is filled.
    pub(super) fn plain(&self, at: usize) -> Option<String> {
        let cooked = self.cooked(self.string(at)?);
        cooked.filled.is_empty().then_some(cooked.text)
    }

    /// The number behind a token, and behind what a bracket holds.
    pub(super) fn after(&self, at: usize) -> usize {
        match self.token(at) {
            Some(Token { kind: Kind::Mark(b'(' | b'[' | b'{'), mate, .. }) if mate > at => mate.saturating_add(1),
            _ => at + 1,
        }
    }

    /// Where a statement ends that goes on at a token.
    pub(super) fn statement_end(&self, start: usize) -> usize {
        let mut at = start;
        for _ in 0..LONGEST {
            let Some(token) = self.token(at) else { break };
            let goes_on = |kind: Kind, marks: &[u8]| matches!(kind, Kind::Mark(mark) if marks.contains(&mark));
            let breaks = token.first
                && at > start
                && !goes_on(token.kind, b".+?:&|")
                && !self.before(at).is_some_and(|last| goes_on(last.kind, b",+-*/=&|?:.<>!"));
            if breaks || matches!(token.kind, Kind::Mark(b';' | b')' | b']' | b'}')) {
                break;
            }
            at = self.after(at);
        }
        at.min(self.tokens.len())
    }

    /// What a word is called with, where it is a call: between parentheses, or to the end of the statement.
    pub(super) fn arguments(&self, word: usize) -> Option<Range> {
        let next = self.token(word + 1)?;
        match next.kind {
            Kind::Mark(b'(') if !next.first => Some(Range { start: word + 2, end: next.mate.min(self.tokens.len()) }),
            Kind::Word | Kind::Text { .. } | Kind::Mark(b'[') if !next.first => {
                let start = word + 1;
                // `name['key']` is an element, `name [a, b]` a call.
                let touches = self.token(word).is_some_and(|token| token.span.end == next.span.start);
                let is_call = !(touches && next.kind == Kind::Mark(b'['));
                is_call.then(|| Range { start, end: self.statement_end(start) })
            }
            _ => None,
        }
    }

    /// The block behind a call, by its brace.
    pub(super) fn block(&self, word: usize) -> Option<usize> {
        if self.is(word + 1, b'{') {
            return Some(word + 1);
        }
        let behind = self.after(word + 1);
        (self.is(word + 1, b'(') && self.is(behind, b'{')).then_some(behind)
    }

    /// What stands between commas.
    pub(super) fn items(&self, range: Range) -> Vec<Range> {
        let mut all = Vec::new();
        let (mut start, mut at) = (range.start, range.start);
        while at < range.end {
            if self.is(at, b',') {
                all.push(Range { start, end: at });
                start = at + 1;
            }
            at = self.after(at);
        }
        all.push(Range { start, end: range.end });
        all.retain(|one| one.start < one.end);
        all
    }

    /// Arguments with their names; a map alone is read as what is in it.
    pub(super) fn named(&self, range: Range) -> Vec<Argument<'t>> {
        let all: Vec<Argument<'t>> = self.items(range).into_iter().map(|one| self.argument(one)).collect();
        match all.as_slice() {
            [Argument { name: None, value }] => match self.bracketed(*value) {
                Some(inner) => self.items(inner).into_iter().map(|one| self.argument(one)).collect(),
                None => all,
            },
            _ => all,
        }
    }

    fn argument(&self, one: Range) -> Argument<'t> {
        let has_name = self.is(one.start + 1, b':') && one.start + 2 < one.end;
        let quoted = || {
            let inner = self.string(one.start)?.inner;
            self.text.get(inner.start..inner.end)
        };
        match self.word(one.start).or_else(quoted).filter(|_| has_name) {
            Some(name) => Argument { name: Some(name), value: Range { start: one.start + 2, ..one } },
            None => Argument { name: None, value: one },
        }
    }

    /// What is in the square brackets that a range is.
    pub(super) fn bracketed(&self, range: Range) -> Option<Range> {
        let open = self.token(range.start).filter(|token| token.kind == Kind::Mark(b'['))?;
        (open.mate < range.end.saturating_add(1) && open.mate > range.start)
            .then(|| Range { start: range.start + 1, end: open.mate.min(self.tokens.len()) })
    }

    /// The strings of a range, those within its brackets too.
    pub(super) fn strings(&self, range: Range) -> Vec<usize> {
        (range.start..range.end.min(self.tokens.len())).filter(|at| self.string(*at).is_some()).collect()
    }

    /// What a word is set to, where it is.
    pub(super) fn assigned(&self, word: usize) -> Option<Range> {
        let equals = self.is(word + 1, b'=') && !self.is(word + 2, b'=') && !self.is(word + 2, b'~');
        if !equals || self.token(word + 1)?.parent == b'(' {
            return None;
        }
        let start = word + 2;
        Some(Range { start, end: self.statement_end(start) })
    }

    /// The names that the value of a range is made of: of variables, and of what is filled into strings.
    pub(super) fn names(&self, range: Range) -> Vec<&'t str> {
        let all = self.tokens.get(range.start..range.end.min(self.tokens.len())).unwrap_or_default();
        names(self.text, all, 0)
    }

    /// The names that the value of an expression is made of.
    pub(super) fn names_in(&self, text: &'t str, base: usize) -> Vec<&'t str> {
        names(self.text, &tokens(text, base).0, 0)
    }
}

/// Words that say that only something about a value is asked.
const ASKS: &[&str] = &[
    "length",
    "size",
    "isEmpty",
    "contains",
    "startsWith",
    "endsWith",
    "equals",
    "matches",
    "hashCode",
    "getClass",
    "instanceof",
];

/// See [`Code::names`]. `env.NAME` counts as `NAME`.
fn names<'t>(source: &'t str, all: &[Token], depth: u32) -> Vec<&'t str> {
    let text = |token: &Token| source.get(token.span.start..token.span.end).unwrap_or_default();
    let is = |at: usize, mark: u8| all.get(at).is_some_and(|token| token.kind == Kind::Mark(mark));
    let mut found: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(token) = all.get(at) {
        match token.kind {
            Kind::Word => {
                let mut word = text(token);
                let mut next = at + 1;
                while is(next, b'?') && is(next + 1, b'.') || is(next, b'.') {
                    let part = next + if is(next, b'?') { 2 } else { 1 };
                    let Some(member) = all.get(part).filter(|token| token.kind == Kind::Word) else { break };
                    if matches!(word, "env" | "params") {
                        word = text(member);
                    }
                    if ASKS.contains(&text(member)) {
                        return Vec::new();
                    }
                    next = part + 1;
                }
                if ASKS.contains(&word) {
                    return Vec::new();
                }
                // `name:` is a key, and `name(` a function.
                let is_key = is(next, b':') || is(next, b'(') && next == at + 1;
                if !is_key && !word.starts_with(|c: char| c.is_ascii_digit()) {
                    found.push(word);
                }
                at = next;
                continue;
            }
            Kind::Text { .. } if depth < DEEPEST => {
                for one in Cooked::read(source, *token).filled {
                    found.extend(names(source, &tokens(one.text, one.base).0, depth + 1));
                }
            }
            // What stands behind a condition is not what is asked there; `?:` and `?.` are none.
            Kind::Mark(b'?') if !is(at + 1, b':') && !is(at + 1, b'.') => found.clear(),
            Kind::Mark(b'=') if is(at + 1, b'=') => return Vec::new(),
            Kind::Mark(b'!') => return Vec::new(),
            _ => {}
        }
        at += 1;
    }
    found
}
