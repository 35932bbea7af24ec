//! Markdown as GitHub and GitLab read it (CommonMark with their references, mentions and commands).

use super::is_web;
use crate::model::document::{Block, Document, Span};
use crate::report::escape;

/// The body of a text, with a newline at the end.
#[must_use]
pub fn markdown(document: &Document) -> String {
    let blocks = document.blocks.iter().map(block).filter(|block| !block.is_empty());
    let mut out = blocks.collect::<Vec<_>>().join("\n\n");
    out.push('\n');
    out
}

/// The title on one line, for a field in which Markdown's references count, as a task's title on GitLab.
#[must_use]
pub fn markdown_title(document: &Document) -> String {
    line(&document.title)
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading(words) => format!("### {}", own(words)),
        Block::Paragraph(spans) => line(spans),
        Block::List { ordered, items } => {
            let item = |(number, spans): (usize, &Vec<Span>)| {
                let mark = if *ordered { format!("{number}.") } else { "-".to_owned() };
                format!("{mark} {}", line(spans))
            };
            (1..).zip(items).map(item).collect::<Vec<_>>().join("\n")
        }
    }
}

/// A line: nothing in it starts a block, and nothing in it is a command.
fn line(spans: &[Span]) -> String {
    let mut out = String::new();
    for span in spans {
        let next = match span {
            Span::Text(words) => own(words),
            Span::Strong(words) => format!("**{}**", own(words.trim())),
            Span::Code(text) => escape::markdown_code(text),
            Span::Link { text, url } if is_web(url) => format!("[{}]({})", own(text), escape::markdown_url(url)),
            Span::Link { text, url } => format!("{} {}", own(text), escape::markdown_code(url)),
        };
        // Two stretches of code side by side would be read as one.
        if out.ends_with('`') && next.starts_with('`') {
            out.push(' ');
        }
        out.push_str(&next);
    }
    let out = out.trim();
    // A number with a dot starts a list, and a slash a command.
    let digits = out.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = out.split_at_checked(digits).unwrap_or(("", out));
    match rest.chars().next() {
        Some('.' | ')') if digits > 0 => format!("{number}\\{rest}"),
        Some('/') if digits == 0 => format!("\\{out}"),
        _ => out.to_owned(),
    }
}

/// quell's own words.
fn own(words: &str) -> String {
    escape::markdown(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_words_start_no_block_and_no_command() {
        let of = |spans: &[Span]| line(spans);
        assert_eq!(of(&[Span::text("1. a")]), "1\\. a");
        assert_eq!(of(&[Span::text("2026) a")]), "2026\\) a");
        assert_eq!(of(&[Span::text("/quell approve")]), "\\/quell approve");
        assert_eq!(of(&[Span::code("a"), Span::code("b")]), "`a` `b`");
        assert_eq!(of(&[Span::text("see #1 "), Span::Strong("now".into())]), "see `#1` **now**");
    }

    #[test]
    fn a_link_leads_to_the_web_or_is_none() {
        let link = |url: &str| line(&[Span::Link { text: "a]b".into(), url: url.into() }]);
        assert_eq!(link("https://q.example/a b"), "[a\\]b](https://q.example/a%20b)");
        assert_eq!(link("javascript:alert(1)"), "a\\]b `javascript:alert(1)`");
    }
}
