//! What is no YAML yet: templates (`{{ … }}` of Helm, `{% … %}` of Jinja), which are covered up so that every byte stays where it is.
//!
//! Formats: <https://pkg.go.dev/text/template#hdr-Actions> and <https://jinja.palletsprojects.com/en/stable/templates/>.

use memchr::memmem;

use crate::model::usage::Span;

/// First words of what puts out nothing by itself.
const CONTROL: &[&str] = &["if", "else", "end", "range", "with", "define", "block", "break", "continue"];

/// Where templates are.
pub(in crate::uses) fn find(text: &[u8]) -> Vec<Span> {
    let mut all = Vec::new();
    let mut at = 0;
    // What does not end is looked for once.
    let (mut closes, mut ends) = (true, true);
    while let Some(start) = memchr::memchr(b'{', text.get(at..).unwrap_or_default()).map(|found| at + found) {
        let rest = text.get(start..).unwrap_or_default();
        let length = match rest.get(1) {
            Some(b'{') if closes => {
                let length = action(rest);
                closes = length.is_some();
                length
            }
            Some(b'%') if ends => {
                let length = memmem::find(rest, b"%}").map(|end| end + 2);
                ends = length.is_some();
                length
            }
            _ => None,
        };
        match length {
            Some(length) => {
                all.push(Span { start, end: start + length });
                at = start + length;
            }
            None => at = start + 1,
        }
    }
    all
}

/// How long an action is that begins here: what stands between quotes does not end it, if the quotes end on their line.
fn action(rest: &[u8]) -> Option<usize> {
    let inner = rest.get(2..)?;
    let trimmed = inner.strip_prefix(b"-").unwrap_or(inner).trim_ascii_start();
    if trimmed.starts_with(b"/*") {
        let comment = memmem::find(rest, b"*/")?;
        return memmem::find(rest.get(comment..)?, b"}}").map(|end| comment + end + 2);
    }
    let (mut at, mut line) = (2, 0);
    // Quotes that are not closed on their line: those are none.
    let mut open = Vec::new();
    loop {
        let found = at + memchr::memchr3(b'}', b'"', b'`', rest.get(at..)?)?;
        let byte = rest.get(found).copied()?;
        at = found + 1;
        if byte == b'}' {
            if rest.get(at) == Some(&b'}') {
                return Some(at + 1);
            }
            continue;
        }
        if found >= line {
            line = found + memchr::memchr(b'\n', rest.get(found..)?).unwrap_or(rest.len() - found);
            open.clear();
        }
        if open.contains(&byte) {
            continue;
        }
        let mut escaped = false;
        let close = rest.get(at..line)?.iter().position(|b| {
            let closes = *b == byte && !escaped;
            escaped = *b == b'\\' && !escaped && byte == b'"';
            closes
        });
        match close {
            Some(close) => at += close + 1,
            None => open.push(byte),
        }
    }
}

/// Whether a template puts out nothing by itself.
fn is_control(template: &[u8]) -> bool {
    if template.starts_with(b"{%") {
        return true;
    }
    let inner = template.get(2..).unwrap_or_default();
    let inner = inner.strip_prefix(b"-").unwrap_or(inner).trim_ascii_start();
    let word: usize = inner.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    let word = std::str::from_utf8(inner.get(..word).unwrap_or_default()).unwrap_or_default();
    let sets = inner.starts_with(b"$") && {
        let name = inner.iter().skip(1).take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count() + 1;
        let rest = inner.get(name..).unwrap_or_default().trim_ascii_start();
        rest.starts_with(b":=") || (rest.starts_with(b"=") && !rest.starts_with(b"=="))
    };
    inner.starts_with(b"/*") || sets || CONTROL.contains(&word)
}

/// Makes bytes white, but for the ends of lines.
pub(in crate::uses) fn blank(text: &mut [u8], span: Span) {
    let part = text.get_mut(span.start..span.end).unwrap_or_default();
    part.iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
}

/// A text with its templates covered up: control alone and lines that hold nothing else become spaces, what puts out a value becomes
/// letters.
pub(in crate::uses) fn cover(original: &[u8], parts: &[Span]) -> Vec<u8> {
    let mut bare = original.to_vec();
    parts.iter().for_each(|part| blank(&mut bare, *part));
    let mut text = bare.clone();
    // The line that was looked at last, and whether anything but templates is in it.
    let (mut line, mut holds) = (Span::default(), false);
    for part in parts {
        if part.start >= line.end {
            let before = original.get(..part.start).unwrap_or_default();
            let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
            let rest = original.get(part.start..).unwrap_or_default();
            line = Span { start, end: memchr::memchr(b'\n', rest).map_or(original.len(), |at| part.start + at + 1) };
            holds = bare.get(line.start..line.end).is_some_and(|line| !line.trim_ascii().is_empty());
        }
        let template = original.get(part.start..part.end).unwrap_or_default();
        if holds && !is_control(template) {
            let length = memchr::memchr2(b'\n', b'\r', template).unwrap_or(template.len());
            text.get_mut(part.start..part.start + length).unwrap_or_default().fill(b'x');
        }
    }
    text
}

/// A text without its templates, where it has any. What stands behind a `$` is none: expressions of pipelines are written so.
pub(super) fn covered(text: &str) -> Option<String> {
    let mut parts = find(text.as_bytes());
    parts.retain(|part| !text.get(..part.start).is_some_and(|before| before.ends_with('$')));
    let covered = (!parts.is_empty()).then(|| cover(text.as_bytes(), &parts))?;
    String::from_utf8(covered).ok()
}
