//! The Atlassian Document Format, as far as comments need it.
//!
//! <https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/>: a document is `{"version": 1, "type": "doc",
//! "content": […]}`; blocks are `paragraph`, `codeBlock`, `blockquote` and others; a text that has the mark `code` is shown as it
//! stands.

use serde_json::{Value, json};

use super::{Marker, TrackerError};

/// How deep a document is read. Blocks below are left out.
const DEPTH: usize = 32;

/// A document with a paragraph before all others that says the marker, as code.
pub(super) fn with_marker(document: &str, marker: &Marker) -> Result<Value, TrackerError> {
    let bad = || TrackerError::Settings("a text for Jira Cloud is no document".to_owned());
    let mut document: Value = serde_json::from_str(document).map_err(|_| bad())?;
    if document.get("type").and_then(Value::as_str) != Some("doc") {
        return Err(bad());
    }
    let content = document.get_mut("content").and_then(Value::as_array_mut).ok_or_else(bad)?;
    let text = json!({ "type": "text", "text": marker.as_str(), "marks": [{ "type": "code" }] });
    content.insert(0, json!({ "type": "paragraph", "content": [text] }));
    Ok(document)
}

/// The text of a document: a line a block.
pub(super) fn text(document: &Value) -> String {
    let mut lines = Vec::new();
    blocks(document, "", DEPTH, &mut lines);
    lines.join("\n")
}

/// The marker that a document begins with.
pub(super) fn marker(document: &Value) -> Option<Marker> {
    Marker::parse(text(document).lines().next()?)
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node.get("content").and_then(Value::as_array).into_iter().flatten()
}

fn kind(node: &Value) -> &str {
    node.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn blocks(node: &Value, before: &str, depth: usize, lines: &mut Vec<String>) {
    if depth == 0 {
        return;
    }
    let inline =
        |n: &Value| matches!(kind(n), "text" | "hardBreak" | "mention" | "emoji" | "inlineCard" | "date" | "status");
    if children(node).any(inline) {
        let text: String = children(node).map(piece).collect();
        lines.extend(text.split('\n').map(|line| format!("{before}{line}")));
        return;
    }
    for child in children(node) {
        let before = match kind(child) {
            "blockquote" => format!("{before}> "),
            "codeBlock" => format!("{before}    "),
            _ => before.to_owned(),
        };
        blocks(child, &before, depth - 1, lines);
    }
}

/// The text of a part of a line.
fn piece(node: &Value) -> &str {
    let attribute = |key: &str| node.pointer(key).and_then(Value::as_str).unwrap_or_default();
    match kind(node) {
        "hardBreak" => "\n",
        "text" => attribute("/text"),
        "inlineCard" => attribute("/attrs/url"),
        _ => attribute("/attrs/text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_line_by_line_and_quotes_stay_quotes() {
        let text_of = |text: &str| json!({ "type": "text", "text": text });
        let paragraph = |parts: Value| json!({ "type": "paragraph", "content": parts });
        let document = json!({ "version": 1, "type": "doc", "content": [
            paragraph(json!([text_of("/quell owner "), { "type": "mention", "attrs": { "text": "@kim" } }])),
            { "type": "blockquote", "content": [paragraph(json!([text_of("/quell a"), { "type": "hardBreak" }, text_of("b")]))] },
            { "type": "codeBlock", "content": [text_of("x\ny")] },
        ]});
        assert_eq!(text(&document), "/quell owner @kim\n> /quell a\n> b\n    x\n    y");
        assert_eq!(marker(&document), None);
        let marked = with_marker(&document.to_string(), &Marker::new("s", "Q-1").unwrap()).unwrap();
        assert_eq!(marker(&marked), Marker::new("s", "Q-1").ok());
        for bad in ["", "[]", "{}", "{\"type\": \"doc\"}"] {
            assert!(with_marker(bad, &Marker::new("s", "Q-1").unwrap()).is_err());
        }
        let mut deep = paragraph(json!([text_of("x")]));
        for _ in 0..60 {
            deep = json!({ "type": "blockquote", "content": [deep] });
        }
        assert_eq!(text(&deep), "");
    }
}
