//! Tokens of Groovy, as far as pipelines need them: words, strings of every kind, marks, and which bracket belongs to which.

use crate::model::usage::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword or a number.
    Word,
    /// A string.
    Text {
        /// Whether `${…}` and `$name` in it are filled in.
        interpolates: bool,
        /// Whether it stands between slashes, where `\` is a letter.
        slashes: bool,
    },
    /// Any other byte.
    Mark(u8),
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// All of its bytes.
    pub(super) span: Span,
    /// Those without the quotes.
    pub(super) inner: Span,
    /// Whether it is the first of its line.
    pub(super) first: bool,
    /// The bracket that it stands in; 0 for none.
    pub(super) parent: u8,
    /// For a bracket, the number of the one that belongs to it; its own where there is none.
    pub(super) mate: usize,
}

/// The most tokens that are kept of a file.
const MOST: usize = 500_000;
/// How many strings may stand in each other (`"${f("…")}"`).
const DEEPEST: u32 = 8;
/// The longest string between slashes, in bytes.
const LONGEST: usize = 4096;

/// Tells the tokens of a text apart; with whether all of it was read. `base` is the byte of its first in the file.
pub(super) fn tokens(text: &str, base: usize) -> (Vec<Token>, bool) {
    let mut lexer = Lexer { bytes: text.as_bytes(), base, at: 0, done: Vec::new(), first: true };
    let complete = lexer.run();
    let mut done = lexer.done;
    pair(&mut done);
    (done, complete)
}

struct Lexer<'t> {
    bytes: &'t [u8],
    base: usize,
    at: usize,
    done: Vec<Token>,
    first: bool,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn has(&self, what: &[u8]) -> bool {
        self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(what))
    }

    fn run(&mut self) -> bool {
        if self.has(b"#!") {
            self.line();
        }
        while self.at < self.bytes.len() {
            if self.done.len() >= MOST {
                return false;
            }
            match self.peek(0) {
                b'\n' => {
                    self.first = true;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'/' if self.peek(1) == b'/' => self.line(),
                b'/' if self.peek(1) == b'*' => {
                    let rest = self.bytes.get(self.at + 2..).unwrap_or_default();
                    let end = rest.windows(2).position(|two| two == b"*/").map_or(rest.len(), |at| at + 2);
                    self.at += 2 + end;
                }
                b'\'' | b'"' => self.quoted(),
                b'$' if self.peek(1) == b'/' && !self.is_after_value() => self.dollar(),
                b'/' if !self.is_after_value() && self.slashes() => {}
                byte if is_word(byte) => {
                    let start = self.at;
                    while is_word(self.peek(0)) {
                        self.at += 1;
                    }
                    self.add(Kind::Word, start, start, self.at);
                }
                byte => {
                    self.at += 1;
                    self.add(Kind::Mark(byte), self.at - 1, self.at - 1, self.at);
                }
            }
        }
        true
    }

    /// To the end of the line.
    fn line(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    }

    /// Whether a slash here divides what stands before it.
    fn is_after_value(&self) -> bool {
        self.done.last().is_some_and(|last| match last.kind {
            Kind::Word | Kind::Text { .. } => true,
            Kind::Mark(mark) => matches!(mark, b')' | b']' | b'}'),
        })
    }

    fn add(&mut self, kind: Kind, start: usize, inner: usize, inner_end: usize) {
        let at = |byte: usize| self.base + byte.min(self.bytes.len());
        let span = Span { start: at(start), end: at(self.at) };
        let inner = Span { start: at(inner), end: at(inner_end) };
        let mate = self.done.len();
        self.done.push(Token { kind, span, inner, first: std::mem::take(&mut self.first), parent: 0, mate });
    }

    fn quoted(&mut self) {
        let start = self.at;
        let (quote, length) = opening(self.bytes, start);
        let (end, next) = string_end(self.bytes, start + length, quote, length, 0);
        self.at = next;
        self.add(Kind::Text { interpolates: quote == b'"', slashes: false }, start, start + length, end);
    }

    /// `$/ … /$`.
    fn dollar(&mut self) {
        let start = self.at;
        let rest = self.bytes.get(start + 2..).unwrap_or_default();
        let end = rest.windows(2).position(|two| two == b"/$").unwrap_or(rest.len());
        self.at = (start + 2 + end + 2).min(self.bytes.len());
        self.add(Kind::Text { interpolates: true, slashes: true }, start, start + 2, start + 2 + end);
    }

    /// A string between slashes, which is looked for on its line alone.
    fn slashes(&mut self) -> bool {
        let start = self.at;
        let mut at = start + 1;
        while let Some(byte) = self.bytes.get(at).filter(|byte| **byte != b'\n' && at - start < LONGEST) {
            match byte {
                b'/' => {
                    self.at = at + 1;
                    self.add(Kind::Text { interpolates: true, slashes: true }, start, start + 1, at);
                    return true;
                }
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        false
    }
}

/// Whether a byte is part of a word.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// The quote that begins here: its byte, and one or three of it.
fn opening(bytes: &[u8], at: usize) -> (u8, usize) {
    let quote = bytes.get(at).copied().unwrap_or(0);
    let three = bytes.get(at..at + 3).is_some_and(|all| all.iter().all(|b| *b == quote));
    (quote, if three { 3 } else { 1 })
}

/// Where a string ends, and what stands behind its quote.
fn string_end(bytes: &[u8], mut at: usize, quote: u8, length: usize, depth: u32) -> (usize, usize) {
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            _ if byte == quote && (length == 1 || opening(bytes, at).1 == 3) => return (at, at + length),
            b'\\' => at += 2,
            b'\n' if length == 1 => return (at, at),
            b'$' if quote == b'"' && bytes.get(at + 1) == Some(&b'{') => at = expression_end(bytes, at + 2, depth + 1),
            _ => at += 1,
        }
    }
    (bytes.len(), bytes.len())
}

/// What stands behind the brace that ends an expression in a string.
pub(super) fn expression_end(bytes: &[u8], mut at: usize, depth: u32) -> usize {
    let mut open = 1_u32;
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b'\'' | b'"' if depth < DEEPEST => {
                let (quote, length) = opening(bytes, at);
                at = string_end(bytes, at + length, quote, length, depth).1;
                continue;
            }
            b'{' => open = open.saturating_add(1),
            b'}' => open -= 1,
            _ => {}
        }
        at += 1;
        if open == 0 {
            break;
        }
    }
    at.min(bytes.len())
}

/// Says which bracket belongs to which. One that closes nothing is passed over, and closes what was left open within.
fn pair(tokens: &mut [Token]) {
    let mut open: Vec<(usize, u8)> = Vec::new();
    let mut counts = [0_usize; 3];
    let place = |mark: u8| match mark {
        b'(' | b')' => 0,
        b'[' | b']' => 1,
        _ => 2_usize,
    };
    for number in 0..tokens.len() {
        let Some(Token { kind: Kind::Mark(mark), .. }) = tokens.get(number).copied() else {
            set_parent(tokens, number, &open);
            continue;
        };
        match mark {
            b'(' | b'[' | b'{' => {
                set_parent(tokens, number, &open);
                open.push((number, mark));
                counts.get_mut(place(mark)).into_iter().for_each(|count| *count += 1);
            }
            b')' | b']' | b'}' if counts.get(place(mark)).is_some_and(|count| *count > 0) => {
                while let Some((begin, opened)) = open.pop() {
                    counts.get_mut(place(opened)).into_iter().for_each(|count| *count -= 1);
                    tokens.get_mut(begin).into_iter().for_each(|token| token.mate = number);
                    if place(opened) == place(mark) {
                        tokens.get_mut(number).into_iter().for_each(|token| token.mate = begin);
                        break;
                    }
                }
                set_parent(tokens, number, &open);
            }
            _ => set_parent(tokens, number, &open),
        }
    }
    // What is left open ends with the file.
    for (begin, _) in open {
        let end = tokens.len();
        tokens.get_mut(begin).into_iter().for_each(|token| token.mate = end);
    }
}

fn set_parent(tokens: &mut [Token], number: usize, open: &[(usize, u8)]) {
    let parent = open.last().map_or(0, |(_, mark)| *mark);
    tokens.get_mut(number).into_iter().for_each(|token| token.parent = parent);
}
