//! Commands of a script: what they are given, where their output goes, and which block they stand in.

use super::redirects::{Here, Redirect};
use super::words::{Place, Word};
use super::{Dialect, Script};
use crate::model::usage::Span;

/// A command, or the end of a block of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Command<'s> {
    pub(super) words: Vec<Word<'s>>,
    pub(super) redirects: Vec<Redirect<'s>>,
    /// Whether what it writes goes to the next one of the same depth.
    pub(super) piped: bool,
    /// How many blocks and `$(…)` it stands in.
    pub(super) depth: u32,
    /// Whether it runs wherever the script gets there: not only where a condition holds, and not in a shell of its own.
    pub(super) surely: bool,
    /// Whether it is the beginning of a block that has a shell of its own, and nothing else.
    pub(super) opens: bool,
    /// The block that ends here.
    pub(super) block: Option<Block<'s>>,
}

/// Commands that stand together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'s> {
    pub(super) kind: Kind,
    /// The number of the first.
    pub(super) first: usize,
    /// The function that they are, where they do not run here.
    pub(super) function: Option<&'s str>,
}

/// What encloses a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `(…)`: a shell of its own.
    Shell,
    /// `{…}`
    Braces,
    /// `if … fi`, `for … done`.
    Words(&'static str),
}

/// The most that is looked at, in bytes.
const LARGEST: usize = 1 << 20;
/// How many commands are looked at.
const COMMANDS: usize = 50_000;
/// How many `$(…)` may stand in each other.
pub(super) const DEEPEST: u32 = 8;
/// How many blocks may.
const BLOCKS: usize = 32;
/// Words that open a block, what closes it, and whether what follows is no command of its own.
const OPENING: &[(&str, &str, bool)] = &[
    ("if", "fi", false),
    ("while", "done", false),
    ("until", "done", false),
    ("for", "done", true),
    ("select", "done", true),
    ("case", "esac", true),
];
/// Words between the parts of a block.
const BETWEEN: &[&str] = &["then", "else", "elif", "do", "!", "time"];

pub(super) struct Lexer<'s> {
    pub(super) text: &'s str,
    pub(super) base: usize,
    pub(super) at: usize,
    pub(super) dialect: Dialect,
    pub(super) done: Vec<Command<'s>>,
    /// Where something was left out.
    pub(super) left_out: Option<usize>,
    /// Whether no template ends behind this place.
    pub(super) no_template: bool,
    /// Documents that begin on the next line.
    pub(super) here: Vec<Here<'s>>,
}

/// Commands that are being read, up to what closes them.
pub(super) struct Run<'s> {
    pub(super) command: Command<'s>,
    place: Place,
    blocks: Vec<Block<'s>>,
    /// A function whose block is to come.
    function: Option<&'s str>,
    /// Whether the next command hangs on the one before it.
    hangs: bool,
}

impl<'s> Lexer<'s> {
    pub(super) fn of(script: Script<'s>) -> Self {
        let Script { mut text, base, dialect, .. } = script;
        let mut left_out = None;
        if text.len() > LARGEST {
            let end = (0..=LARGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            text = text.get(..end).unwrap_or_default();
            left_out = Some(base + end);
        }
        let (done, here) = (Vec::new(), Vec::new());
        Self { text, base, at: 0, dialect, done, left_out, no_template: false, here }
    }

    /// Reads all of it; inner commands stand before the ones that they are in.
    pub(super) fn read(mut self) -> Self {
        self.until(Place { depth: 0, level: 0, close: None });
        self
    }

    pub(super) fn peek(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    pub(super) fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn span(&self, start: usize) -> Span {
        Span { start: self.base + start, end: self.base + self.at }
    }

    /// Goes on by a character.
    pub(super) fn step(&mut self) {
        self.at = (self.at + self.rest().chars().next().map_or(1, char::len_utf8)).min(self.text.len());
    }

    /// Reads commands until a closing byte or the end.
    pub(super) fn until(&mut self, place: Place) {
        let (blocks, command) = (Vec::new(), Command::default());
        let mut run = Run { command, place, blocks, function: None, hangs: false };
        run.next();
        while self.at < self.text.len() {
            let byte = self.peek(0);
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' => {
                    self.at += 1;
                    self.end(&mut run, false);
                    self.skip_documents();
                }
                b'`' if place.close == Some(b'`') => break,
                b')' if run.closes(place) => break,
                _ if self.skips(&run) => {}
                b';' | b'&' | b'|' | b'(' | b')' | b'{' | b'}' if self.is_operator(byte, &run) => {
                    self.operator(byte, &mut run);
                }
                b'<' | b'>' => self.redirect(&mut run, 1),
                b'&' if self.peek(1) == b'>' => {
                    self.at += 1;
                    self.redirect(&mut run, 1);
                    // Errors go there as well.
                    if let Some(mut errors) = run.command.redirects.last().cloned() {
                        errors.from = 2;
                        run.command.redirects.push(errors);
                    }
                }
                b'0'..=b'9' if matches!(self.peek(1), b'<' | b'>') => {
                    self.at += 1;
                    self.redirect(&mut run, u32::from(byte - b'0'));
                }
                _ => {
                    let word = self.word(run.inside());
                    self.add(&mut run, word);
                }
            }
        }
        self.end(&mut run, false);
        while let Some(block) = run.blocks.pop() {
            run.next();
            run.command.block = Some(block);
            self.end(&mut run, false);
        }
    }

    /// Passes over comments and lines that go on.
    fn skips(&mut self, run: &Run<'s>) -> bool {
        let rest = self.rest();
        let line = || rest.find('\n').unwrap_or(rest.len());
        let escape = match self.dialect {
            Dialect::Posix => "\\",
            Dialect::PowerShell => "`",
            Dialect::Cmd => "^",
        };
        let after = rest.strip_prefix(escape).unwrap_or_default();
        let length = match self.dialect {
            _ if after.starts_with('\n') => 2,
            _ if after.starts_with("\r\n") => 3,
            Dialect::PowerShell if rest.starts_with("<#") => rest.find("#>").map_or(rest.len(), |end| end + 2),
            Dialect::Posix | Dialect::PowerShell if rest.starts_with('#') => line(),
            Dialect::Cmd if run.command.words.is_empty() => {
                let word = rest.trim_start_matches('@').get(..4).unwrap_or_default().to_ascii_lowercase();
                if word.starts_with("::") || word.starts_with("rem") && word.trim_end().len() == 3 { line() } else { 0 }
            }
            _ => 0,
        };
        self.at += length;
        length > 0
    }

    fn is_operator(&self, byte: u8, run: &Run<'s>) -> bool {
        let is_first = run.command.words.is_empty();
        match (self.dialect, byte) {
            (_, b'&') => self.peek(1) != b'>',
            (Dialect::Cmd, b';' | b'{' | b'}') => false,
            (Dialect::Cmd, b'(') => {
                let opens = |word: &Word<'_>| matches!(word.text.to_ascii_lowercase().as_str(), "if" | "for" | "else");
                is_first || run.command.words.first().is_some_and(opens)
            }
            (Dialect::PowerShell, b'(') => false,
            // Braces are operators where they stand alone in the place of a command.
            (Dialect::Posix, b'{') => is_first && matches!(self.peek(1), b' ' | b'\t' | b'\r' | b'\n'),
            (Dialect::Posix, b'}') => is_first && !run.blocks.is_empty(),
            _ => true,
        }
    }

    fn operator(&mut self, byte: u8, run: &mut Run<'s>) {
        let next = self.peek(1);
        let double = byte == next && matches!(byte, b'&' | b'|' | b';');
        match byte {
            b'(' if self.is_function(run) => {
                // `name ()`: what follows is its block.
                run.function = run.command.words.first().map(|word| word.text).or(run.function);
                run.command.words.clear();
                self.at += self.rest().find(')').map_or(1, |at| at + 1);
                return;
            }
            b'(' | b'{' => {
                let kind = if byte == b'(' { Kind::Shell } else { Kind::Braces };
                self.end(run, false);
                self.open(run, kind);
            }
            b')' | b'}' => {
                let kind = if byte == b')' { Kind::Shell } else { Kind::Braces };
                self.end(run, false);
                self.close(run, kind);
            }
            _ => {
                let piped = byte == b'|' && !double;
                self.end(run, piped);
                run.hangs |= double && byte != b';';
                run.hangs &= byte != b';' && (double || byte != b'&');
                self.at += usize::from(double || piped && next == b'&');
            }
        }
        self.at += 1;
    }

    /// Whether the `(` here makes a function of the word before it.
    fn is_function(&self, run: &Run<'s>) -> bool {
        let named = run.command.words.len() + usize::from(run.function.is_some());
        self.dialect == Dialect::Posix && named == 1 && is_empty_list(self.rest())
    }

    fn open(&mut self, run: &mut Run<'s>, kind: Kind) {
        let function = run.function.take();
        if run.blocks.len() < BLOCKS {
            run.blocks.push(Block { kind, first: self.done.len(), function });
            run.next();
            if kind == Kind::Shell {
                run.command.opens = true;
                self.end(run, false);
            }
        }
    }

    /// Ends the innermost block, if it is of that kind: the next command stands for all of it.
    fn close(&mut self, run: &mut Run<'s>, kind: Kind) {
        if let Some(block) = run.blocks.pop_if(|block| block.kind == kind) {
            run.next();
            run.command.block = Some(block);
        }
    }

    /// A word of the command that is being read, or one that opens or closes a block.
    fn add(&mut self, run: &mut Run<'s>, word: Word<'s>) {
        if run.command.block.is_some() {
            self.end(run, false);
        }
        let is_first = run.command.words.is_empty() && run.command.redirects.is_empty();
        if !is_first || self.dialect == Dialect::Cmd {
            if run.function == Some("") {
                run.function = Some(word.text);
                run.command.words.clear();
                return;
            }
            return run.command.words.push(word);
        }
        if self.dialect == Dialect::PowerShell {
            if word.text.eq_ignore_ascii_case("function") {
                run.function = Some("");
            }
            return run.command.words.push(word);
        }
        if word.text == "function" {
            run.function = Some("");
        }
        if let Some((_, close, is_head)) = OPENING.iter().find(|(open, ..)| *open == word.text) {
            self.open(run, Kind::Words(close));
            if !is_head {
                return;
            }
        } else if matches!(word.text, "fi" | "done" | "esac") {
            let close =
                OPENING.iter().map(|(_, close, _)| *close).find(|close| *close == word.text).unwrap_or_default();
            return self.close(run, Kind::Words(close));
        } else if BETWEEN.contains(&word.text) {
            return;
        }
        run.command.words.push(word);
    }

    fn end(&mut self, run: &mut Run<'s>, piped: bool) {
        let mut done = std::mem::take(&mut run.command);
        run.next();
        if done.words.is_empty() && done.redirects.is_empty() && done.block.is_none() && !done.opens {
            return;
        }
        done.surely &= !run.hangs;
        done.piped = piped;
        if !done.opens {
            run.hangs &= piped;
            run.function = None;
        }
        if self.done.len() < COMMANDS {
            self.done.push(done);
        } else {
            self.left_out.get_or_insert(self.base + self.at);
        }
    }
}

impl<'s> Run<'s> {
    /// Begins a command.
    fn next(&mut self) {
        let depth = self.place.depth + u32::try_from(self.blocks.len()).unwrap_or(0);
        let surely = self.place.level == 0
            && self.blocks.iter().all(|block| block.kind == Kind::Braces && block.function.is_none());
        self.command = Command { depth, surely, ..Command::default() };
    }

    /// Where words of the command stand.
    pub(super) fn inside(&self) -> Place {
        Place { depth: self.command.depth, ..self.place }
    }

    /// Whether a `)` ends all of it, and not a block or a pattern of `case` in it.
    fn closes(&self, place: Place) -> bool {
        let inner = |block: &Block<'_>| matches!(block.kind, Kind::Shell | Kind::Words("esac"));
        place.close == Some(b')') && !self.blocks.iter().any(inner)
    }
}

/// Whether it is `()`.
fn is_empty_list(text: &str) -> bool {
    text.strip_prefix('(').is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with(')'))
}
