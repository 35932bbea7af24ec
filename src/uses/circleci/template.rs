//! Templates of CircleCI (`<< parameters.name >>`) in scripts: they are filled in before a shell sees them.
//! Source: <https://circleci.com/docs/reference/variables/>.

use crate::model::usage::Span;

/// A template in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// What stands between the brackets.
    pub(super) inner: String,
    /// Its bytes in the script.
    pub(super) span: Span,
}

/// Puts a name of the same length in the place of each template, since a shell would take it for a document.
pub(super) fn fill(script: &str) -> (String, Vec<Template>) {
    let (mut text, mut all, mut at) = (script.to_owned(), Vec::new(), 0);
    while let Some(found) = text.get(at..).and_then(|rest| rest.find("<<")) {
        let start = at + found;
        at = start + 2;
        if text.get(..start).is_some_and(|before| before.ends_with('\\')) {
            text.replace_range(start - 1..start, " ");
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let length =
            rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b' ')).count();
        let inner = rest.get(..length).unwrap_or_default().trim().to_owned();
        let is_template = ["parameters.", "pipeline.", "matrix."].iter().any(|start| inner.starts_with(start));
        if is_template && rest.get(length..).is_some_and(|rest| rest.starts_with(">>")) {
            at += length + 2;
            text.replace_range(start..at, &name_of(&inner, at - start));
            all.push(Template { inner, span: Span { start, end: at } });
        }
    }
    (text, all)
}

/// A name of this length for a template.
pub(super) fn name_of(inner: &str, length: usize) -> String {
    let inner: String =
        inner.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    format!("{inner:_<length$}")
}

/// Whether strangers write what is filled in: the names of branches, the text of commits and requests.
pub(super) fn is_of_strangers(inner: &str) -> bool {
    let last = inner.rsplit('.').next().unwrap_or_default();
    let text = [
        "title",
        "body",
        "message",
        "branch",
        "ref",
        "commit_title",
        "commit_message",
        "commit_author_name",
        "subject",
        "description",
    ];
    inner == "pipeline.git.branch"
        || (["pipeline.trigger_parameters.", "pipeline.event."].iter().any(|start| inner.starts_with(start))
            && text.contains(&last))
}
