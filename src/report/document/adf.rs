//! The Atlassian Document Format, version 1, as Jira takes it: JSON, in which a text node holds text and nothing else. Mentions,
//! links and cards are nodes and marks of their own, which text cannot make.

use serde_json::{Value, json};

use super::{is_web, shown};
use crate::model::document::{Block, Document, Span};
use crate::report::escape::terminal_str;

/// The body of a text.
#[must_use]
pub fn adf(document: &Document) -> Value {
    let blocks: Vec<Value> = document.blocks.iter().filter_map(block).collect();
    json!({ "version": 1, "type": "doc", "content": blocks })
}

fn block(block: &Block) -> Option<Value> {
    match block {
        Block::Heading(words) => {
            let text = terminal_str(words);
            let text = (!text.is_empty()).then(|| json!({ "type": "text", "text": text }))?;
            Some(json!({ "type": "heading", "attrs": { "level": 3 }, "content": [text] }))
        }
        Block::Paragraph(spans) => Some(paragraph(spans)),
        Block::List { items, .. } if items.is_empty() => None,
        Block::List { ordered, items } => {
            let kind = if *ordered { "orderedList" } else { "bulletList" };
            let items: Vec<Value> =
                items.iter().map(|spans| json!({ "type": "listItem", "content": [paragraph(spans)] })).collect();
            Some(json!({ "type": kind, "content": items }))
        }
    }
}

fn paragraph(spans: &[Span]) -> Value {
    let texts: Vec<Value> = spans.iter().filter_map(span).collect();
    json!({ "type": "paragraph", "content": texts })
}

/// A text node; none for no text, which the format does not have.
fn span(span: &Span) -> Option<Value> {
    let node = |text: String, marks: Value| {
        let marked = json!({ "type": "text", "text": text, "marks": marks });
        (!text.is_empty()).then_some(marked)
    };
    match span {
        Span::Text(words) => {
            let words = terminal_str(words);
            (!words.is_empty()).then(|| json!({ "type": "text", "text": words }))
        }
        Span::Strong(words) => node(terminal_str(words), json!([{ "type": "strong" }])),
        Span::Code(text) => node(shown(text), json!([{ "type": "code" }])),
        Span::Link { text, url } if is_web(url) => {
            node(terminal_str(text), json!([{ "type": "link", "attrs": { "href": url } }]))
        }
        Span::Link { text, url } => node(format!("{} {}", terminal_str(text), terminal_str(url)), json!([])),
    }
}
