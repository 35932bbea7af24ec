//! Reads code as far as it matters for what is a comment and what is a text.

use memchr::memmem::Finder;

use super::grammar::{Filled, Grammar, Quote};
use super::is_word;
use super::place::Place;

/// How many texts with code in them may stand in each other.
const DEEPEST: usize = 32;
/// How far the end of a document is looked for.
const BACK: usize = 64 << 10;
/// The longest word that ends a document, and the most that may stand before it.
const WORD: usize = 64;
/// The longest expression between slashes.
const EXPRESSION: usize = 512;
/// How many times a file may be looked through for ends that are not there.
const TIMES: usize = 8;

/// The grammar of a language, and the bytes that mean something in its code.
pub(super) struct Syntax {
    pub(super) grammar: &'static Grammar,
    /// What may begin something that goes on over several lines, and whether it ends it too.
    pub(super) opens: Vec<(Finder<'static>, bool)>,
    marks: [bool; 256],
}

impl Syntax {
    pub(super) fn of(grammar: &'static Grammar) -> Self {
        let starts = grammar.line.iter().chain(grammar.blocks.iter().map(|(open, _)| open));
        let starts = starts.copied().chain(grammar.quotes.iter().map(|quote| quote.open));
        let firsts = starts.chain(grammar.document.map(|(open, _)| open)).filter_map(|mark| mark.bytes().next());
        let others = [
            (grammar.chars, b'\''),
            (grammar.slashes, b'/'),
            (grammar.document.is_some() || grammar.manuals, b'\n'),
            (grammar.manuals, b'='),
            (true, grammar.escape),
        ];
        let mut marks = [false; 256];
        for byte in firsts.chain(others.into_iter().filter_map(|(is_one, byte)| is_one.then_some(byte))) {
            if let Some(mark) = marks.get_mut(usize::from(byte)) {
                *mark = true;
            }
        }
        let opens = grammar.opens.iter().map(|(mark, closes)| (Finder::new(*mark), *closes)).collect();
        Self { grammar, opens, marks }
    }
}

/// What is open.
#[derive(Clone, Copy)]
enum Open {
    /// A text, and what code in it stands between.
    Quote(&'static Quote, &'static str, u8),
    /// Code in a text: what ends it, and how many of what that ends are open in it.
    Code(u8, u32),
}

/// Reads code from some place on.
pub(super) struct Reading<'t> {
    text: &'t [u8],
    at: usize,
    grammar: &'static Grammar,
    marks: &'static [bool; 256],
    open: Vec<Open>,
    /// The words that end the documents that begin on the next line, and what is in them.
    documents: Vec<(&'t [u8], Place)>,
    /// What the bytes before `at` are in, from this one on.
    last: (usize, Place),
    /// How many bytes may yet be looked through for ends that are not there.
    left: usize,
}

impl<'t> Reading<'t> {
    pub(super) const fn of(text: &'t [u8], at: usize, syntax: &'static Syntax) -> Self {
        let Syntax { grammar, marks, .. } = syntax;
        let left = text.len().saturating_mul(TIMES).saturating_add(BACK);
        Self { text, at, grammar, marks, open: Vec::new(), documents: Vec::new(), last: (at, Place::Code), left }
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    /// The bytes before the one that is read, so many at the most.
    fn last(&self, most: usize) -> &[u8] {
        let end = self.at;
        self.text.get(end.saturating_sub(most)..end).unwrap_or_default()
    }

    fn before(&self, at: usize) -> u8 {
        at.checked_sub(1).map_or(b'\n', |at| self.byte(at))
    }

    fn starts(&self, mark: &str) -> bool {
        self.text.get(self.at..).is_some_and(|rest| rest.starts_with(mark.as_bytes()))
    }

    /// What a byte is in.
    pub(super) fn at(&mut self, target: usize) -> Place {
        while self.at <= target && self.at < self.text.len() {
            self.next();
        }
        if target < self.last.0 { Place::Unsure } else { self.last.1 }
    }

    /// Where nothing is open any more behind a byte, and a line ends.
    pub(super) fn closes(&mut self, at: usize) -> usize {
        while self.at < self.text.len() {
            let ends = matches!(self.before(self.at), b'\n') || self.byte(self.at) == b'\n';
            if self.at > at && ends && self.open.is_empty() && self.documents.is_empty() {
                break;
            }
            self.next();
        }
        self.at
    }

    fn next(&mut self) {
        match self.open.last().copied() {
            Some(Open::Quote(quote, opens, closes)) => self.quoted(quote, opens, closes),
            Some(Open::Code(closes, depth)) => self.filled(closes, depth),
            None => self.free(),
        }
    }

    /// Goes on to a byte; what comes before it is in this.
    fn pass(&mut self, to: usize, place: Place) {
        self.last = (self.at, place);
        self.at = to.max(self.at + 1);
    }

    /// Where the next of these is, or the end of the file.
    fn find(&self, mark: &str, from: usize) -> usize {
        let rest = self.text.get(from..).unwrap_or_default();
        let found = match mark.as_bytes() {
            [byte] => memchr::memchr(*byte, rest),
            mark => memchr::memmem::find(rest, mark),
        };
        found.map_or(self.text.len(), |at| from + at)
    }

    /// Goes on to the next byte of code that means something, and reads it.
    fn free(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let means = |byte: &u8| self.marks.get(usize::from(*byte)).is_some_and(|means| *means);
        match rest.iter().position(means) {
            Some(0) => self.code(),
            found => self.pass(found.map_or(self.text.len(), |at| self.at + at), Place::Code),
        }
    }

    /// Reads a byte of code.
    fn code(&mut self) {
        let byte = self.byte(self.at);
        if self.at == 0 && byte == b'=' && self.grammar.manuals {
            return self.manual();
        }
        if byte == b'\n' {
            return self.newline();
        }
        if byte == self.grammar.escape {
            let length = 1 + usize::from(self.byte(self.at + 1) != b'\n');
            return self.pass(self.at + length, Place::Code);
        }
        if let Some((open, close)) = self.grammar.blocks.iter().find(|block| self.starts(block.0)) {
            let end = self.find(close, self.at + open.len()) + close.len();
            // A text of Lua, and not a comment.
            return self.pass(end, if *open == "[[" { Place::Text } else { Place::Comment });
        }
        if self.is_comment() {
            return self.pass(self.find("\n", self.at), Place::Comment);
        }
        if let Some(quote) = self.grammar.quotes.iter().find(|quote| self.starts(quote.open)) {
            return self.opens(quote);
        }
        match byte {
            b'\'' if self.grammar.chars => self.letter(),
            b'/' if self.grammar.slashes => self.expression(),
            b'<' => self.document(),
            _ => self.pass(self.at + 1, Place::Code),
        }
    }

    fn is_comment(&self) -> bool {
        let Some(mark) = self.grammar.line.iter().find(|mark| self.starts(mark)) else { return false };
        // `$#list`, `#[Attribute]`
        let is_free = !self.grammar.manuals || matches!(self.before(self.at), b' ' | b'\t' | b'\n' | b';' | b'}');
        *mark != "#" || is_free && !(self.grammar.line.len() > 1 && self.byte(self.at + 1) == b'[')
    }

    fn newline(&mut self) {
        self.pass(self.at + 1, Place::Code);
        for (word, place) in std::mem::take(&mut self.documents) {
            let end = end_of(self.text, self.at, word).unwrap_or(self.at);
            if end > self.at {
                self.pass(end, place);
            }
        }
        if !self.grammar.manuals {
            return;
        }
        if self.byte(self.at) == b'=' {
            self.manual();
        } else if self.starts("__END__") || self.starts("__DATA__") {
            self.pass(self.text.len(), Place::Comment);
        }
    }

    /// `=word` at the beginning of a line.
    fn manual(&mut self) {
        if !self.byte(self.at + 1).is_ascii_alphabetic() || self.starts("=cut") {
            return self.pass(self.at + 1, Place::Code);
        }
        let close = if self.starts("=begin") { ["\n=end", "\n=cut"] } else { ["\n=cut"; 2] };
        let end = close.iter().map(|close| self.find(close, self.at)).min().unwrap_or(self.text.len());
        self.pass(self.find("\n", end + 1), Place::Comment);
    }

    /// Reads a text from its quote on.
    fn opens(&mut self, quote: &'static Quote) {
        let start = self.at + quote.open.len();
        let (opens, closes) = match quote.filled {
            Filled::By(opens, closes) => (opens, closes),
            Filled::Prefixed if self.is_prefixed() => ("{", b'}'),
            Filled::Prefixed | Filled::Nothing | Filled::All => ("", 0),
        };
        let is_letter = matches!(quote.open.as_bytes().first(), Some(b'r' | b'R'));
        let end = if self.left > 0 { self.end(quote, start) } else { None };
        if end.is_none() && quote.lines {
            self.left = self.left.saturating_sub(self.text.len().saturating_sub(start));
        }
        if end.is_none() || is_letter && is_word(self.before(self.at)) && self.before(self.at) != b'b' {
            return self.pass(self.at + 1, Place::Code);
        }
        if !opens.is_empty() && self.open.len() < DEEPEST {
            self.open.push(Open::Quote(quote, opens, closes));
            return self.pass(start, Place::Code);
        }
        let place = if quote.filled == Filled::All { Place::Code } else { Place::Text };
        self.pass(end.unwrap_or(start), place);
    }

    /// Behind the end of a text: one that does not end on its line is none, if it may not go on.
    fn end(&self, quote: &Quote, start: usize) -> Option<usize> {
        let close = *quote.close.as_bytes().first()?;
        let escape = if quote.raw { close } else { self.grammar.escape };
        let mut at = start;
        loop {
            let rest = self.text.get(at..)?;
            at += if quote.lines {
                memchr::memchr2(close, escape, rest)?
            } else {
                memchr::memchr3(close, escape, b'\n', rest)?
            };
            match self.byte(at) {
                byte if byte == escape && byte != close => at += 2,
                b'\n' if close != b'\n' => return None,
                _ if self.text.get(at..)?.starts_with(quote.close.as_bytes()) => return Some(at + quote.close.len()),
                _ => at += 1,
            }
        }
    }

    fn is_prefixed(&self) -> bool {
        let before = self.last(4);
        let length = before.iter().rev().take_while(|b| is_word(**b) || matches!(b, b'$' | b'@')).count();
        let prefix = before.get(before.len() - length..).unwrap_or_default();
        prefix.iter().all(|b| b"rRbBfFuUtT$@".contains(b)) && prefix.iter().any(|b| b"fFtT$".contains(b)) && length < 4
    }

    /// Reads a part of a text with code in it.
    fn quoted(&mut self, quote: &'static Quote, opens: &'static str, closes: u8) {
        if self.starts(quote.close) {
            self.open.pop();
            return self.pass(self.at + quote.close.len(), Place::Text);
        }
        if self.starts(opens) {
            self.open.push(Open::Code(closes, 0));
            return self.pass(self.at + opens.len(), Place::Code);
        }
        let byte = self.byte(self.at);
        if byte == b'\n' && !quote.lines {
            self.open.pop();
            return self.pass(self.at, Place::Code);
        }
        let length = 1 + usize::from(byte == self.grammar.escape && !quote.raw);
        self.pass(self.at + length, Place::Text);
    }

    /// Reads a byte of code in a text.
    fn filled(&mut self, closes: u8, depth: u32) {
        let opens = if closes == b')' { b'(' } else { b'{' };
        let byte = self.byte(self.at);
        if byte != opens && byte != closes {
            return self.code();
        }
        self.open.pop();
        if byte == opens {
            self.open.push(Open::Code(closes, depth.saturating_add(1)));
        } else if depth > 0 {
            self.open.push(Open::Code(closes, depth - 1));
        }
        self.pass(self.at + 1, Place::Code);
    }

    /// `'x'`; by itself it is of something else, as a lifetime.
    fn letter(&mut self) {
        let rest = self.text.get(self.at + 1..self.text.len().min(self.at + 13)).unwrap_or_default();
        let length = match rest {
            [b'\\', _, rest @ ..] => memchr::memchr(b'\'', rest).map(|at| at + 2),
            _ => memchr::memchr(b'\'', rest.get(..rest.len().min(5)).unwrap_or_default())
                .filter(|at| *at == 1 || *at > 1 && !rest.first().is_some_and(u8::is_ascii)),
        };
        self.pass(self.at + length.map_or(1, |length| length + 2), Place::Code);
    }

    /// `/x/`, where no value stands before it that could be divided.
    fn expression(&mut self) {
        let before = self.last(32).trim_ascii_end();
        let is_first = before.last().is_none_or(|b| b"(,=:[!&|?{};~".contains(b))
            || [b"=>".as_slice(), b"return", b"if", b"when", b"unless"].iter().any(|word| before.ends_with(word));
        let mut at = self.at + 1;
        let mut in_class = false;
        while is_first && at < self.at + EXPRESSION {
            match self.byte(at) {
                b'/' if !in_class => return self.pass(at + 1, Place::Text),
                b'\\' => at += 1,
                b'[' => in_class = true,
                b']' => in_class = false,
                b'\n' | 0 => break,
                _ => {}
            }
            at += 1;
        }
        self.pass(self.at + 1, Place::Code);
    }

    /// `<<END`
    fn document(&mut self) {
        if let Some((open, filled)) = self.grammar.document.filter(|document| self.starts(document.0)) {
            let mut at = self.at + open.len();
            at += usize::from(matches!(self.byte(at), b'~' | b'-'));
            let quote = self.byte(at);
            let is_quoted = matches!(quote, b'"' | b'\'');
            at += usize::from(is_quoted);
            let rest = self.text.get(at..self.text.len().min(at + WORD)).unwrap_or_default();
            let word = rest.get(..rest.iter().take_while(|b| is_word(**b)).count()).unwrap_or_default();
            let is_word = word.first().is_some_and(|b| is_quoted || b.is_ascii_uppercase() || *b == b'_');
            let line = self.find("\n", at);
            let may = is_word && self.documents.len() < DEEPEST && self.left > 0;
            if may {
                self.left = self.left.saturating_sub(BACK.min(self.text.len().saturating_sub(line)) / 8);
            }
            if may && end_of(self.text, line + 1, word).is_some() {
                let place = match filled {
                    _ if quote == b'\'' => Place::Text,
                    Filled::All => Place::Code,
                    _ => Place::Unsure,
                };
                self.documents.push((word, place));
                return self.pass(at + word.len() + usize::from(is_quoted), Place::Code);
            }
        }
        self.pass(self.at + 1, Place::Code);
    }
}

/// Behind the line that is this word alone, but for what may stand around it.
fn end_of(text: &[u8], from: usize, word: &[u8]) -> Option<usize> {
    let rest = text.get(from..text.len().min(from + BACK))?;
    let is_end = |at: &usize| {
        let before = rest.get(at.saturating_sub(WORD)..*at).unwrap_or_default();
        let line = before.iter().rev().find(|b| !matches!(b, b' ' | b'\t'));
        rest.get(at + word.len()).is_none_or(|b| !is_word(*b)) && line.is_none_or(|b| *b == b'\n')
    };
    memchr::memmem::find_iter(rest, word).find(is_end).map(|at| from + at + word.len())
}
