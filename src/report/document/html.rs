//! A fragment of HTML, for a mail's second part or a page: no script, no style, nothing that is loaded.

use super::{is_web, shown};
use crate::model::document::{Block, Document, Span};
use crate::report::escape;

/// The body of a text, with a newline at the end.
#[must_use]
pub fn html(document: &Document) -> String {
    let mut out = String::new();
    for block in &document.blocks {
        match block {
            Block::Heading(words) => out.push_str(&format!("<h3>{}</h3>\n", escape::html(words))),
            Block::Paragraph(spans) => out.push_str(&format!("<p>{}</p>\n", line(spans))),
            Block::List { ordered, items } => {
                let list = if *ordered { "ol" } else { "ul" };
                out.push_str(&format!("<{list}>\n"));
                for spans in items {
                    out.push_str(&format!("<li>{}</li>\n", line(spans)));
                }
                out.push_str(&format!("</{list}>\n"));
            }
        }
    }
    out
}

fn line(spans: &[Span]) -> String {
    let each = spans.iter().map(|span| match span {
        Span::Text(words) => escape::html(words),
        Span::Strong(words) => format!("<strong>{}</strong>", escape::html(words)),
        Span::Code(text) => format!("<code>{}</code>", escape::html(&shown(text))),
        Span::Link { text, url } if is_web(url) => {
            format!("<a href=\"{}\" rel=\"noreferrer noopener\">{}</a>", escape::html(url), escape::html(text))
        }
        Span::Link { text, url } => format!("{} <code>{}</code>", escape::html(text), escape::html(url)),
    });
    each.collect()
}
