//! Slack's mrkdwn. Whoever sends it also turns off what Slack finds by itself (`verbatim`, or `parse: none` and no link names);
//! text from outside is code, in which Slack finds nothing.

use super::{is_web, shown};
use crate::model::document::{Block, Document, Span};
use crate::report::escape::terminal_str;

/// A text with its title, with a newline at the end.
#[must_use]
pub fn mrkdwn(document: &Document) -> String {
    let mut out = Vec::new();
    if !document.title.is_empty() {
        out.push(line(&document.title));
    }
    for block in &document.blocks {
        out.push(match block {
            Block::Heading(words) => bold(words),
            Block::Paragraph(spans) => line(spans),
            Block::List { ordered, items } => {
                let mark = |number: usize| if *ordered { format!("{number}. ") } else { "• ".to_owned() };
                (1..).zip(items).map(|(number, spans)| mark(number) + &line(spans)).collect::<Vec<_>>().join("\n")
            }
        });
    }
    out.retain(|block| !block.is_empty());
    let mut out = out.join("\n\n");
    out.push('\n');
    out
}

fn line(spans: &[Span]) -> String {
    let mut out = String::new();
    for span in spans {
        let next = match span {
            Span::Text(words) => own(words),
            Span::Strong(words) => bold(words),
            Span::Code(text) => code(&shown(text)),
            Span::Link { text, url } if is_web(url) => {
                let url: String = url.chars().filter(|c| !c.is_control() && *c != ' ').collect();
                let url = entities(&url).replace('|', "%7C");
                format!("<{url}|{}>", entities(&terminal_str(text)).replace('|', "/").replace('`', "'"))
            }
            Span::Link { text, url } => format!("{} {}", own(text), code(&terminal_str(url))),
        };
        if out.ends_with('`') && next.starts_with('`') {
            out.push(' ');
        }
        out.push_str(&next);
    }
    out.trim().to_owned()
}

/// Code: Slack has no way to write a backtick in it.
fn code(text: &str) -> String {
    format!("`{}`", entities(text).replace('`', "\\u{60}"))
}

fn bold(words: &str) -> String {
    format!("*{}*", own(words.trim()).replace('*', ""))
}

/// quell's own words: a word that Slack would make something of is code.
fn own(words: &str) -> String {
    let words = terminal_str(words);
    let each = words.split(' ').map(|word| {
        let core = word.trim_matches(['(', ')', '.', ',', ';', ':', '?', '\'']);
        let host = core.split('.').count() > 1;
        let marked = core.contains(['@', '#', '`', '*', '~', '_']) || core.contains("://");
        if core.is_empty() || !(host || marked) {
            return entities(word);
        }
        let (before, after) = word.split_once(core).unwrap_or_default();
        format!("{before}{}{after}", code(core))
    });
    each.collect::<Vec<_>>().join(" ")
}

fn entities(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_mention_or_a_link_but_quells_own() {
        let spans = [
            Span::text("see "),
            Span::code("<!channel> `@here` <https://evil.example|docs> &lt;"),
            Span::Link { text: "the docs".into(), url: "https://q.example/a|b>".into() },
        ];
        assert_eq!(
            line(&spans),
            "see `&lt;!channel&gt; \\u{60}@here\\u{60} &lt;https://evil.example|docs&gt; &amp;lt;`<https://q.example/a%7Cb&gt;|the docs>"
        );
        assert_eq!(own("read owners.toml, then @you."), "read `owners.toml`, then `@you`.");
    }
}
