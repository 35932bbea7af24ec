//! Templates of CircleCI (`<< parameters.name >>`) in scripts: they are filled in before a shell sees them.
//! Source: <https://circleci.com/docs/reference/variables/>.

use std::ops::Range;

use crate::model::usage::Span;

/// A template in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// What stands between the brackets.
    pub(super) inner: String,
    /// Its bytes in the script.
    pub(super) span: Span,
}

/// The longest name of a variable that is looked at.
const LONGEST: usize = 256;
/// What makes a variable of the name behind it.
const MARKS: &[&str] = &["${env:", "$env:", "$Env:", "${!", "${#", "${", "$"];

/// Puts something of the same length in the place of each template, since a shell would take it for a document: a name where it is
/// the whole name of a variable, else a template as the shell's reader knows it. Where it is a part of a name, there is no variable
/// that could be told.
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
            let width = (at - start).saturating_sub(6);
            match variable(&text, start, at) {
                None => text.replace_range(start..at, &format!("${{{{p{:0width$}}}}}", all.len())),
                Some((mark, is_whole)) => {
                    text.replace_range(start..at, &name_of(&inner, at - start));
                    if !is_whole {
                        text.replace_range(mark.clone(), &"_".repeat(mark.len()));
                    }
                }
            }
            all.push(Template { inner, span: Span { start, end: at } });
        }
    }
    (text, all)
}

/// What makes a variable of the name that a template stands in: where that is, and whether the template is the whole name.
fn variable(text: &str, start: usize, end: usize) -> Option<(Range<usize>, bool)> {
    let before = text.get(..start)?;
    let length = before.bytes().rev().take(LONGEST).take_while(|b| is_of_name(char::from(*b))).count();
    let name = before.get(..start - length)?;
    let mark = MARKS.iter().find(|mark| name.ends_with(**mark))?;
    let goes_on = text.get(end..).is_some_and(|rest| rest.starts_with(is_of_name) || rest.starts_with("<<"));
    Some((name.len() - mark.len()..name.len(), length == 0 && !goes_on))
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The number of a template, by what stands in its place.
pub(super) fn number_of(text: &str) -> Option<usize> {
    text.trim().strip_prefix('p')?.parse().ok()
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
