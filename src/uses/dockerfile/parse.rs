//! The syntax of Dockerfiles: instructions over several lines, their documents, flags, pairs and lists.

use crate::model::usage::Span;

/// How often the end of a document may be missing.
const ENDLESS: usize = 16;
/// An instruction, with its continued lines.
pub(super) struct Instruction {
    /// Its name, in capitals.
    pub(super) word: String,
    /// What it is given, with comments and ends of lines covered up, so that every byte stays where it is.
    pub(super) text: String,
    pub(super) base: usize,
    pub(super) span: Span,
    /// Documents that stand below it.
    pub(super) documents: Vec<Span>,
}

/// Takes a file apart.
pub(super) fn instructions(text: &str) -> Vec<Instruction> {
    let directive = |line: &str| {
        let (key, value) = line.trim_start_matches(['#', ' ']).split_once('=')?;
        (line.starts_with('#') && key.trim().eq_ignore_ascii_case("escape")).then(|| value.trim() == "`")
    };
    let escape = if text.lines().take_while(|line| line.starts_with('#')).find_map(directive) == Some(true) {
        '`'
    } else {
        '\\'
    };
    let mut all = Vec::new();
    let (mut at, mut endless) = (0, 0);
    while let Some(line) = text.get(at..).and_then(|rest| rest.split_inclusive('\n').next()) {
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') {
            at += line.len();
            continue;
        }
        let start = at + (line.len() - content.len());
        let (joined, mut end) = joined(text, start, escape);
        let word: String = joined.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
        let given = joined.get(word.len()..).unwrap_or_default().to_owned();
        let word = word.to_ascii_uppercase();
        let mut documents = Vec::new();
        if matches!(word.as_str(), "RUN" | "COPY" | "ADD") {
            for (last, is_indented) in heads(&given) {
                let found = if endless < ENDLESS { document(text, end, last, is_indented) } else { None };
                let Some((document, next)) = found else {
                    endless += 1;
                    break;
                };
                documents.push(document);
                end = next;
            }
        }
        all.push(Instruction { base: start + word.len(), word, text: given, span: Span { start, end }, documents });
        at = end.max(at + 1);
    }
    all
}

/// The lines of an instruction as one, and where the next begins.
fn joined(text: &str, start: usize, escape: char) -> (String, usize) {
    let spaces = |line: &str| " ".repeat(line.len());
    let (mut all, mut at) = (String::new(), start);
    for line in text.get(start..).unwrap_or_default().split_inclusive('\n') {
        let is_first = all.is_empty();
        at += line.len();
        let content = line.trim();
        if !is_first && (content.is_empty() || content.starts_with('#')) {
            all.push_str(&spaces(line));
            continue;
        }
        let Some(before) = line.trim_end().strip_suffix(escape) else {
            all.push_str(line);
            break;
        };
        all.push_str(before);
        all.push_str(&" ".repeat(line.len() - before.len()));
    }
    (all, at)
}

/// What the documents of an instruction end with, and whether tabs may stand before that.
fn heads(text: &str) -> Vec<(&str, bool)> {
    let mut all = Vec::new();
    for (at, _) in text.match_indices("<<") {
        let before = text.get(..at).unwrap_or_default();
        let rest = text.get(at + 2..).unwrap_or_default();
        let indented = rest.starts_with('-');
        let word = rest.strip_prefix('-').unwrap_or(rest);
        let word = word.trim_start_matches(['"', '\'']);
        let length = word.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')).count();
        let is_name = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if is_name
            && before.ends_with(|c: char| c.is_ascii_whitespace() || c.is_ascii_digit() || matches!(c, '(' | ';'))
        {
            all.push((word.get(..length).unwrap_or_default(), indented));
        }
    }
    all
}

/// A document that begins at a byte, and where the line behind its last begins.
fn document(text: &str, start: usize, last: &str, is_indented: bool) -> Option<(Span, usize)> {
    let mut at = start;
    for line in text.get(start..)?.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let content = if is_indented { content.trim_start_matches('\t') } else { content };
        if content == last {
            return Some((Span { start, end: at }, at + line.len()));
        }
        at += line.len();
    }
    None
}

/// The flags of an instruction with their places, and where what follows begins.
pub(super) fn flags(text: &str) -> (Vec<(&str, usize)>, usize) {
    let mut all = Vec::new();
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let content = rest.trim_start();
        let start = at + (rest.len() - content.len());
        if !content.starts_with("--") {
            return (all, start);
        }
        let length = content.find(char::is_whitespace).unwrap_or(content.len());
        all.push((content.get(..length).unwrap_or_default(), start));
        at = start + length;
    }
}

/// A mount of a secret: its name and where that is, the variable, the file.
pub(super) type Mount<'t> = (&'t str, Span, Option<&'t str>, Option<&'t str>);

pub(super) fn mount(flag: &str, base: usize) -> Option<Mount<'_>> {
    let options = flag.strip_prefix("--mount=")?;
    let (mut id, mut variable, mut target, mut secret) = (None, None, None, false);
    let mut at = base + "--mount=".len();
    for option in options.split(',') {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        let start = at + key.len() + 1;
        match key {
            "type" => secret = value == "secret",
            "id" => id = Some((value, Span { start, end: start + value.len() })),
            "env" => variable = Some(value),
            "target" | "dst" | "destination" => target = Some((value, Span { start, end: start + value.len() })),
            _ => {}
        }
        at += option.len() + 1;
    }
    // Without a name it has that of its file.
    let file = target.map(|(path, span)| {
        let name = path.rsplit('/').next().unwrap_or_default();
        (name, Span { start: span.end - name.len(), end: span.end })
    });
    let (name, span) = id.or(file).filter(|(name, _)| secret && !name.is_empty())?;
    Some((name, span, variable, target.map(|(path, _)| path)))
}

/// Names and values of an instruction, and where each pair is: `A=1 B="2 3"`, `A`; and as `ENV` had it of old, `A 1 2`.
pub(super) fn pairs(text: &str, base: usize, old: bool) -> Vec<(&str, (&str, usize), Span)> {
    let mut all = Vec::new();
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let content = rest.trim_start();
        if content.is_empty() {
            return all;
        }
        let start = at + (rest.len() - content.len());
        let (mut quote, mut escaped) = (None, false);
        let length = content.find(|c: char| {
            match (quote, c) {
                _ if escaped => escaped = false,
                (None | Some('"'), '\\') => escaped = true,
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), c) if open == c => quote = None,
                _ => return quote.is_none() && c.is_whitespace(),
            }
            false
        });
        let word = content.get(..length.unwrap_or(content.len())).unwrap_or_default();
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let span = Span { start: base + start, end: base + start + word.len() };
        let is_old = old && all.is_empty() && name == word && length.is_some();
        if is_old {
            let value = content.get(word.len()..).unwrap_or_default().trim_end();
            all.push((name, (value, span.end), Span { end: span.end + value.len(), ..span }));
            return all;
        }
        all.push((name, (value, span.end - value.len()), span));
        at = start + word.len();
    }
}

/// The strings of a list as JSON has it, with their places.
pub(super) fn strings(text: &str, base: usize) -> Vec<(&str, usize)> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find('"')).map(|found| at + found + 1) {
        let mut escaped = false;
        let end = text.get(start..).unwrap_or_default().find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let Some(length) = end else { break };
        all.push((text.get(start..start + length).unwrap_or_default(), base + start));
        at = start + length + 1;
    }
    all
}
