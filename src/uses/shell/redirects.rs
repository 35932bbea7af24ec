//! Redirections: files, documents and processes that commands read from and write to.

use super::Dialect;
use super::commands::{DEEPEST, Lexer, Run};
use super::words::{Place, Word};

/// How many documents may begin on a line.
const DOCUMENTS: usize = 16;

/// What a redirection does.
#[derive(Clone, Debug)]
pub(super) struct Redirect<'s> {
    /// `>`, `>>`, `<`, `<<<`; `<(` for the output of a command; `&` for what goes where the output goes.
    pub(super) operator: &'s str,
    /// The number before it; 1 for output where none is.
    pub(super) from: u32,
    pub(super) to: Option<Word<'s>>,
    /// The lines below that it reads: `<<END`.
    pub(super) document: Option<Word<'s>>,
    /// Where it stands in the text.
    at: usize,
}

/// A document that begins on the next line.
pub(super) struct Here<'s> {
    /// Its last line.
    last: &'s str,
    expands: bool,
    /// Where the redirection stands.
    at: usize,
}

impl<'s> Lexer<'s> {
    pub(super) fn redirect(&mut self, run: &mut Run<'s>, from: u32) {
        let start = self.at;
        let first = self.peek(0);
        if self.peek(1) == b'(' && self.dialect == Dialect::Posix {
            return self.process(run);
        }
        while matches!(self.peek(0), b'<' | b'>' | b'|' | b'-') && self.at - start < 3 {
            if self.peek(0) == b'-' && self.text.get(start..self.at) != Some("<<") {
                break;
            }
            self.at += 1;
        }
        let operator = self.text.get(start..self.at).unwrap_or_default();
        if self.peek(0) == b'&' {
            self.at += 1;
            if matches!(self.peek(0), b'0'..=b'9' | b'-') {
                return self.joins(run, operator, from, start);
            }
        }
        while matches!(self.peek(0), b' ' | b'\t') {
            self.at += 1;
        }
        let from = if first == b'<' { 0 } else { from };
        let is_there = !matches!(self.peek(0), b'\n' | 0 | b';' | b'|' | b'&' | b')' | b'<' | b'>');
        let to = is_there.then(|| self.word(run.inside()));
        if matches!(operator, "<<" | "<<-")
            && self.here.len() < DOCUMENTS
            && let Some(word) = &to
        {
            let expands = !word.text.contains(['"', '\'', '\\']);
            self.here.push(Here { last: word.text.trim_matches(['"', '\'', '\\']), expands, at: start });
        }
        run.command.redirects.push(Redirect { operator, from, to, document: None, at: start });
    }

    /// `2>&1`: to another number. What goes to one that the script opened itself is not followed.
    fn joins(&mut self, run: &mut Run<'s>, operator: &'s str, from: u32, at: usize) {
        let is_shown = matches!(self.peek(0), b'1' | b'2');
        if from == 2 && self.peek(0) == b'1' {
            run.command.redirects.push(Redirect { operator: "&", from, to: None, document: None, at });
        }
        while self.peek(0).is_ascii_alphanumeric() || self.peek(0) == b'-' {
            self.at += 1;
        }
        if !is_shown && operator.starts_with('>') {
            run.command.redirects.push(Redirect { operator, from, to: None, document: None, at });
        }
    }

    /// `<(…)`: the output of a command as a file; `>(…)`: its input.
    fn process(&mut self, run: &mut Run<'s>) {
        let at = self.at;
        let operator = self.text.get(at..at + 2).unwrap_or_default();
        self.at += 2;
        let mut word = Word::default();
        let place = run.inside();
        if place.level < DEEPEST {
            self.command(&mut word, b')', place);
        }
        word.text = self.text.get(at..self.at).unwrap_or_default();
        word.span = self.span(at);
        run.command.redirects.push(Redirect { operator, from: 0, to: Some(word), document: None, at });
    }

    /// Documents are text: what stands in them goes to the command before them.
    pub(super) fn skip_documents(&mut self) {
        for Here { last, expands, at: redirect } in std::mem::take(&mut self.here) {
            let start = self.at;
            let (mut end, mut next) = (self.text.len(), self.text.len());
            let mut at = start;
            for line in self.rest().split_inclusive('\n') {
                if line.trim() == last {
                    (end, next) = (at, at + line.len());
                    break;
                }
                at += line.len();
            }
            let mut word = Word::default();
            self.document(&mut word, end, expands, Place { depth: 0, level: DEEPEST, close: None });
            self.at = end;
            word.text = self.text.get(start..end).unwrap_or_default();
            word.span = self.span(start);
            let mut all = self.done.iter_mut().rev().flat_map(|command| &mut command.redirects);
            if self.left_out.is_none()
                && let Some(found) = all.find(|found| found.at == redirect)
            {
                found.document = Some(word);
            }
            self.at = next;
        }
    }
}
