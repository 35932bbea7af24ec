//! Whether a place of a line lies in code, in a string or in a comment, as far as the line itself tells.

use std::ops::Range;

/// How far before its keyword a line is read; of one that began before that nothing is said.
const BACK: usize = 200;

/// Where a place lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Neither in a string nor in a comment, or it cannot be told.
    Code,
    /// In a string that this quote opened, or in the query of a URL, which has none.
    Text(u8),
    /// In a comment.
    Comment,
}

/// Where a place `at` behind the keyword at `hit` lies.
pub(super) fn place(text: &[u8], hit: &Range<usize>, at: usize) -> Place {
    let from = hit.start.saturating_sub(BACK);
    let Some(before) = text.get(from..at) else { return Place::Code };
    if in_query(before) {
        return Place::Text(0);
    }
    let line = match before.iter().rposition(|b| *b == b'\n') {
        Some(end) => before.get(end + 1..).unwrap_or_default(),
        // The beginning of the line is out of sight.
        None if from > 0 => return Place::Code,
        None => before,
    };
    in_line(line)
}

/// Whether a user, an account or a host is named before the keyword at `hit`, on its line or the one before.
pub(super) fn beside_login(text: &[u8], hit: &Range<usize>) -> bool {
    const WORDS: &[&[u8]] = &[b"user", b"login", b"host", b"account", b"email", b"server"];
    let near = lines_before(text, hit, 2);
    // What follows is a field's operator: `user:`, `"username" =>`, `db_host=`.
    let is_field = |end: usize| {
        let rest = near.get(end..).unwrap_or_default();
        let name = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let quote =
            rest.get(name..).unwrap_or_default().iter().take_while(|b| matches!(b, b'"' | b'\'' | b' ')).count();
        matches!(rest.get(name + quote), Some(b':' | b'=' | b'>' | b','))
    };
    words_in(near, WORDS, b"ulhaes").any(is_field)
}

/// Whether a word of tests or examples stands before the keyword at `hit`, on its line.
pub(super) fn beside_test(text: &[u8], hit: &Range<usize>) -> bool {
    const WORDS: &[&[u8]] = &[b"assert", b"expect(", b"mock", b"fake", b"dummy", b"example", b"e.g."];
    let line = lines_before(text, hit, 1);
    words_in(line, WORDS, b"aemfd").next().is_some()
}

/// Where words end that stand in a text, whatever their case; `first` has the letters that they begin with.
fn words_in<'t>(
    text: &'t [u8],
    words: &'static [&'static [u8]],
    first: &'static [u8],
) -> impl Iterator<Item = usize> + 't {
    let begins = move |b: &u8| first.contains(&b.to_ascii_lowercase());
    text.iter().enumerate().filter(move |(_, b)| begins(b)).filter_map(move |(at, _)| {
        let rest = text.get(at..)?;
        let starts = |word: &&&[u8]| rest.get(..word.len()).is_some_and(|w| w.eq_ignore_ascii_case(word));
        Some(at + words.iter().find(starts)?.len())
    })
}

/// As much of the last `count` lines before the keyword at `hit` as is in sight.
fn lines_before<'t>(text: &'t [u8], hit: &Range<usize>, count: usize) -> &'t [u8] {
    let near = text.get(hit.start.saturating_sub(BACK)..hit.start).unwrap_or_default();
    let start = memchr::memrchr_iter(b'\n', near).nth(count - 1).map_or(0, |end| end + 1);
    near.get(start..).unwrap_or_default()
}

/// Whether a name and `=` end a text that began with `?` or `&`, as parameters of a URL do.
fn in_query(before: &[u8]) -> bool {
    let Some(name) = before.strip_suffix(b"=") else { return false };
    let rest = name.iter().rposition(|b| !(b.is_ascii_alphanumeric() || b"_-.[]".contains(b)));
    rest.and_then(|last| name.get(..=last)).is_some_and(|b| {
        matches!(b, [.., c, b'?' | b'&'] if !c.is_ascii_whitespace() && !matches!(c, b'(' | b'&' | b'|'))
            || b.ends_with(b"&amp;")
    })
}

fn in_line(line: &[u8]) -> Place {
    let begun = line.trim_ascii_start();
    if begins_comment(begun) {
        return Place::Comment;
    }
    let mut open = 0;
    let mut at = 0;
    while let Some(b) = line.get(at) {
        let next = line.get(at + 1);
        let before = at.checked_sub(1).and_then(|i| line.get(i));
        match b {
            b'\\' => at += 1,
            _ if open != 0 => open = if *b == open { 0 } else { open },
            b'/' if matches!(next, Some(b'/' | b'*')) && before != Some(&b':') => return Place::Comment,
            b'#' if next == Some(&b' ') && before.is_some_and(u8::is_ascii_whitespace) => return Place::Comment,
            // An apostrophe between letters is none, and three quotes open what goes over lines.
            b'\'' if before.is_some_and(u8::is_ascii_alphabetic) && next.is_some_and(u8::is_ascii_alphabetic) => {}
            b'"' | b'\'' if line.get(at..at + 3).is_some_and(|three| three.iter().all(|c| c == b)) => at += 2,
            b'"' | b'\'' | b'`' => open = *b,
            _ => {}
        }
        at += 1;
    }
    if open == 0 { Place::Code } else { Place::Text(open) }
}

fn begins_comment(line: &[u8]) -> bool {
    match line {
        [b'/', b'/' | b'*', ..] | [b'*', b' ' | b'*', ..] | [b'-', b'-', b' ', ..] | [b'<', b'!', b'-', b'-', ..] => {
            true
        }
        [b'#', c, ..] => !c.is_ascii_lowercase() && *c != b'[' || !is_directive(line),
        _ => false,
    }
}

/// Whether a line is one for C's preprocessor.
fn is_directive(line: &[u8]) -> bool {
    [&b"define"[..], b"if", b"elif", b"include", b"undef", b"error", b"pragma", b"["]
        .iter()
        .any(|word| line.get(1..).is_some_and(|rest| rest.starts_with(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Place {
        let at = line.find('@').unwrap();
        let name = at.min(line.find("pw").unwrap_or(at));
        place(line.as_bytes(), &(name..name + 2), at)
    }

    #[test]
    fn strings_comments_and_urls_are_told_from_code() {
        use Place::{Code, Comment, Text};
        for (line, wanted) in [
            ("pw = @", Code),
            ("x = \"a\"; pw = @", Code),
            ("x = \"pw=@", Text(b'"')),
            ("x = 'pw: @", Text(b'\'')),
            ("x = 'it\\'s pw: @", Text(b'\'')),
            ("it's pw = @", Code),
            ("# pw = @", Comment),
            ("#pw = @", Comment),
            ("#define pw @", Code),
            ("f(); // pw: @", Comment),
            ("http://x/ pw=@", Code),
            ("http://x/?pw=@", Text(0)),
            ("http://x/?a=b&pw=@", Text(0)),
            ("a && pw=@", Code),
            (" * pw: @", Comment),
            ("\"\"\"pw=@", Code),
            ("x = \"a\n pw=@", Code),
        ] {
            assert_eq!(of(line), wanted, "{line}");
        }
        let far = format!("\"{}pw=@", "x ".repeat(BACK));
        assert_eq!(of(&far), Code);
    }
}
