//! Plain text, for mail and files. Lines are wrapped where words of quell's own allow it; text from outside is never broken, and
//! stands between backticks so that it cannot pass for quell's words. What a mail reader would make a link to the web of is written so
//! that it does not: `https:[//]host`.

use super::shown;
use crate::model::Untrusted;
use crate::model::document::{Block, Document, Span};
use crate::report::escape::terminal_str;

/// The longest line, in characters.
const WIDTH: usize = 78;

/// A text with its title, with a newline at the end.
#[must_use]
pub fn plain(document: &Document) -> String {
    let mut out = Vec::new();
    if !document.title.is_empty() {
        let head = wrapped("", &document.title);
        let width = head.lines().map(|line| line.chars().count()).max().unwrap_or_default().min(WIDTH);
        out.push(format!("{head}\n{}", "=".repeat(width)));
    }
    for block in &document.blocks {
        out.push(match block {
            Block::Heading(words) => {
                let words = terminal_str(words);
                format!("{words}\n{}", "-".repeat(words.chars().count().min(WIDTH)))
            }
            Block::Paragraph(spans) => wrapped("", spans),
            Block::List { ordered, items } => {
                let mark = |number: usize| if *ordered { format!("{number}. ") } else { "- ".to_owned() };
                (1..).zip(items).map(|(number, spans)| wrapped(&mark(number), spans)).collect::<Vec<_>>().join("\n")
            }
        });
    }
    out.retain(|block| !block.is_empty());
    let mut out = out.join("\n\n");
    out.push('\n');
    out
}

/// The title on one line, for a field of plain text: a mail's subject, a task's title.
#[must_use]
pub fn title(document: &Document) -> String {
    let parts = document.title.iter().map(|span| match span {
        Span::Text(words) | Span::Strong(words) => terminal_str(words),
        Span::Code(text) => unlinked(&shown(text)),
        Span::Link { text, .. } => terminal_str(text),
    });
    parts.collect::<String>().trim().to_owned()
}

/// Text from outside, visibly so.
fn code(text: &Untrusted) -> String {
    format!("`{}`", unlinked(&shown(text)).replace('`', "\\u{60}"))
}

/// Text of which nobody makes a link.
fn unlinked(text: &str) -> String {
    let mut out = text.replace("://", ":[//]");
    for word in ["www.", "mailto:", "tel:", "callto:"] {
        let mut from = 0;
        while let Some(at) = out.get(from..).and_then(|rest| rest.to_ascii_lowercase().find(word)).map(|at| at + from) {
            // The last character of the word stands for itself between brackets.
            let dot = at + word.len() - 1;
            let mark = out.get(dot..=dot).unwrap_or_default().to_owned();
            out.replace_range(dot..=dot, &format!("[{mark}]"));
            from = dot + 3;
        }
    }
    out
}

/// Spans on lines; what follows the first is indented as far as the text behind the mark.
fn wrapped(mark: &str, spans: &[Span]) -> String {
    // What may not be broken, and whether a space stands before it.
    let mut atoms: Vec<(bool, String)> = Vec::new();
    for span in spans {
        match span {
            Span::Text(words) | Span::Strong(words) => add(&mut atoms, &terminal_str(words)),
            Span::Code(text) => glue(&mut atoms, &code(text)),
            Span::Link { text, url } => add(&mut atoms, &format!("{} <{}>", terminal_str(text), terminal_str(url))),
        }
    }
    let indent = " ".repeat(mark.chars().count());
    let (mut out, mut column) = (mark.to_owned(), mark.chars().count());
    let mut rest = atoms.into_iter().peekable();
    while let Some((space, mut word)) = rest.next() {
        // What is glued to it goes with it.
        while let Some((_, next)) = rest.next_if(|(space, _)| !space) {
            word.push_str(&next);
        }
        let length = word.chars().count();
        let empty = column == indent.len();
        if !empty && column + usize::from(space) + length > WIDTH {
            out.push('\n');
            out.push_str(&indent);
            column = indent.len();
        } else if !empty && space {
            out.push(' ');
            column += 1;
        }
        out.push_str(&word);
        column += length;
    }
    out
}

/// Adds words that may be broken at spaces.
fn add(atoms: &mut Vec<(bool, String)>, words: &str) {
    for (place, word) in words.split(' ').enumerate() {
        match place {
            0 if word.is_empty() => {}
            0 => glue(atoms, word),
            _ => atoms.push((true, word.to_owned())),
        }
    }
}

/// Adds a word to the one before, or begins a new one behind a space.
fn glue(atoms: &mut Vec<(bool, String)>, word: &str) {
    match atoms.last_mut() {
        Some((_, last)) if last.is_empty() => word.clone_into(last),
        // Two texts from outside side by side are two.
        Some((_, last)) if last.ends_with('`') && word.starts_with('`') => atoms.push((true, word.to_owned())),
        _ => atoms.push((false, word.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_and_text_from_outside_is_not() {
        let long = "a".repeat(90);
        let spans = [Span::text("it stands in "), Span::code(&long), Span::text(", and ".repeat(20))];
        let text = plain(&Document { title: Vec::new(), blocks: vec![Block::Paragraph(spans.to_vec())] });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.first(), Some(&"it stands in"));
        assert!(lines.get(1).is_some_and(|line| line.starts_with(&format!("`{long}`"))));
        assert!(lines.iter().skip(2).all(|line| line.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn lists_hang_and_links_are_spelled_out() {
        let item =
            vec![Span::text("words ".repeat(20)), Span::Link { text: "docs".into(), url: "https://q.example/".into() }];
        let list = Block::List { ordered: true, items: vec![item] };
        let text = plain(&Document { title: vec![Span::text("T")], blocks: vec![list] });
        assert!(text.starts_with("T\n=\n\n1. words"), "{text}");
        assert!(text.lines().skip(4).all(|line| line.starts_with("   ")), "{text}");
        assert!(text.contains("docs <https://q.example/>"), "{text}");
    }

    #[test]
    fn nobody_makes_a_link_of_text_from_outside() {
        assert_eq!(unlinked("https://a WWW.b www.c mailto:d"), "https:[//]a WWW[.]b www[.]c mailto[:]d");
        let document = Document { title: vec![Span::text("Q-1: "), Span::code("a\r\nBcc: x\u{202e}")], blocks: vec![] };
        assert_eq!(title(&document), "Q-1: a\\r\\nBcc: x\\u{202e}");
    }
}
