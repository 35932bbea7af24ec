//! Whether a place in code is in a comment or a text, and so asks for nothing.
//!
//! Most places are told by their line alone, and by whether anything above may go on over several lines. Only where that is so, or the
//! line itself says something else than code, the file is read from its beginning, once.

use super::grammar::Filled;
use super::reading::{Reading, Syntax};

/// How far back the beginning of a line is looked for.
const LINE: usize = 4 << 10;
/// How far back the end of a comment is looked for.
const BACK: usize = 64 << 10;
/// How far back it is looked for what a cell of a notebook is.
const CELL: usize = 8 << 10;

/// How many lines with marks are read, before the file is.
const MOST: usize = 256;
/// The most marks of a language.
const MARKS: usize = 8;

/// What a place is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Code.
    Code,
    /// A comment.
    Comment,
    /// A text.
    Text,
    /// It cannot be said.
    Unsure,
}

/// What else than code of its language is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mixed {
    /// Nothing.
    Nothing,
    /// A page, in the attributes of which code stands too.
    Page,
    /// Any text: what is code stands between signs.
    Templates,
    /// Code is itself a text.
    Notebook,
}

impl Mixed {
    pub(super) fn of(path: &str) -> Self {
        match path.rsplit('.').next() {
            Some("ipynb") => Self::Notebook,
            Some("vue" | "svelte" | "astro") => Self::Page,
            Some("erb" | "cshtml" | "phtml" | "eex" | "heex" | "Rmd") => Self::Templates,
            _ => Self::Nothing,
        }
    }
}

/// What a place in a notebook is in: cells of text and what cells printed ask for nothing.
pub(super) fn of_notebook(text: &[u8], at: usize) -> Place {
    let before = text.get(at.saturating_sub(CELL)..at).unwrap_or_default();
    let line = before.rsplit(|b| matches!(b, b'"' | b'\n')).find(|part| !part.ends_with(b"\\"));
    let last = |word: &str| memchr::memmem::rfind(before, word.as_bytes());
    let cell = last("\"cell_type\"").and_then(|at| before.get(at + 11..before.len().min(at + 32))).unwrap_or_default();
    let is_code = memchr::memmem::find(cell, b"markdown").is_none() && last("\"outputs\"") <= last("\"source\"");
    let is_comment = line.is_some_and(|line| line.trim_ascii_start().starts_with(b"#"));
    if is_code && !is_comment { Place::Code } else { Place::Comment }
}

/// Says of places of a file, from the first to the last, what they are in.
pub(super) struct Places<'t> {
    text: &'t [u8],
    syntax: &'static Syntax,
    /// How far it was looked at for what goes on over several lines.
    counted: usize,
    /// Whether an odd number was found of what both begins and ends something.
    odd: u8,
    /// How many lines were read for it.
    read: usize,
    /// Reads the file from its beginning, once that was needed.
    whole: Option<Reading<'t>>,
}

impl<'t> Places<'t> {
    pub(super) const fn of(text: &'t [u8], syntax: &'static Syntax) -> Self {
        Self { text, syntax, counted: 0, odd: 0, read: 0, whole: None }
    }

    /// What a byte is in.
    pub(super) fn at(&mut self, at: usize) -> Place {
        let before = self.text.get(at.saturating_sub(LINE)..at).unwrap_or_default();
        let start = memchr::memrchr(b'\n', before).map(|end| at - before.len() + end + 1);
        let start = start.or((at <= LINE).then_some(0));
        if self.whole.is_none()
            && let Some(start) = start
            && !self.may_be_open(start)
            && Reading::of(self.text, start, self.syntax).at(at) == Place::Code
        {
            return Place::Code;
        }
        let place = self.whole.get_or_insert_with(|| Reading::of(self.text, 0, self.syntax)).at(at);
        let line = self.text.get(start.unwrap_or(at.saturating_sub(LINE))..at).unwrap_or_default();
        if place == Place::Unsure
            && let Some((_, Filled::By(opens, closes))) = self.syntax.grammar.document
            && let Some(from) = memchr::memmem::rfind(line, opens.as_bytes())
        {
            // In a document: what stands in it between these is code.
            return if line.get(from..).unwrap_or_default().contains(&closes) { place } else { Place::Code };
        }
        let is_doubtful = place == Place::Text && line.iter().any(|byte| self.syntax.grammar.doubts.contains(byte));
        if is_doubtful { Place::Unsure } else { place }
    }

    /// What a byte is in, as far as its line says.
    pub(super) fn of_line(&self, at: usize) -> Place {
        let before = self.text.get(at.saturating_sub(LINE)..at).unwrap_or_default();
        let start = memchr::memrchr(b'\n', before).map_or(at - before.len(), |end| at - before.len() + end + 1);
        Reading::of(self.text, start, self.syntax).at(at)
    }

    /// Whether something may be open where a line begins.
    fn may_be_open(&mut self, start: usize) -> bool {
        let between = self.text.get(self.counted..start).unwrap_or_default();
        let marks = self.syntax.opens.iter().enumerate().filter(|_| !between.is_empty());
        for (number, (mark, _)) in marks.filter(|(_, (_, closes))| *closes) {
            self.odd ^= u8::from(mark.find_iter(between).count() % 2 == 1) << number;
        }
        let may = self.goes_on(start);
        let comment = self.syntax.grammar.blocks.first().is_some_and(|block| block.0 == "/*")
            && is_commented(self.text.get(self.counted.max(start.saturating_sub(BACK))..start).unwrap_or_default());
        self.counted = self.counted.max(start);
        may || comment || self.odd != 0
    }

    /// Whether something that a mark says the beginning of goes on where a line begins: the lines of the marks are read.
    fn goes_on(&mut self, start: usize) -> bool {
        let mut from = self.counted;
        if from >= start {
            return false;
        }
        let mut next = [from; MARKS];
        let begins = from == 0 && self.syntax.grammar.manuals && self.text.first() == Some(&b'=');
        let mut first = begins.then_some(0);
        loop {
            let finders = self.syntax.opens.iter().filter(|(_, closes)| !closes);
            for ((mark, _), next) in finders.zip(&mut next).filter(|(_, next)| **next <= from) {
                *next = mark.find(self.text.get(from..start).unwrap_or_default()).map_or(start, |at| from + at);
            }
            let count = self.syntax.opens.iter().filter(|(_, closes)| !closes).count();
            let nearest = first.take().or_else(|| next.iter().take(count).min().copied()).unwrap_or(start);
            if nearest >= start {
                return false;
            }
            self.read += 1;
            let before = self.text.get(from.max(nearest.saturating_sub(LINE))..nearest).unwrap_or_default();
            let line =
                memchr::memrchr(b'\n', before).map_or(nearest - before.len(), |end| nearest - before.len() + end + 1);
            from = Reading::of(self.text, line, self.syntax).closes(nearest).max(nearest + 1);
            if from > start || self.read > MOST {
                return true;
            }
        }
    }
}

/// Whether the last sign of a comment of several lines begins one.
fn is_commented(mut before: &[u8]) -> bool {
    while let Some(at) = memchr::memrchr(b'*', before) {
        if before.get(at + 1) == Some(&b'/') {
            return false;
        }
        if at.checked_sub(1).and_then(|at| before.get(at)) == Some(&b'/') {
            return true;
        }
        // The slash behind is still needed by a star before.
        before = before.get(..at).unwrap_or_default();
    }
    false
}
