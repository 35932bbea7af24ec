//! A text with a little structure (`model::document`) in the form of each place where people read it: Markdown of GitHub
//! and GitLab, plain text, Slack's mrkdwn, the Atlassian Document Format, a fragment of HTML.
//!
//! What comes from outside stands in [`Span::Code`] alone. In every form it is shown as what it is and does nothing: no
//! mention, no link, no reference, no command, no markup, and no character that hides or turns text around. quell's own words
//! are escaped as well, so that a careless one does no harm either.
//!
//! The forms hold the body alone, for places that have a field for the title; `plain` and `mrkdwn`, for places that may have none,
//! begin with it.

mod adf;
mod html;
mod markdown;
mod mrkdwn;
mod plain;

pub use adf::adf;
pub use html::html;
pub use markdown::{markdown, markdown_title};
pub use mrkdwn::mrkdwn;
pub use plain::{plain, title};

use super::escape::terminal;
use crate::model::Untrusted;
#[cfg(doc)]
use crate::model::document::Span;

/// Text from outside of which every character can be seen; never empty, since no form has an empty stretch of code.
fn shown(text: &Untrusted) -> String {
    let text = terminal(text);
    if text.trim().is_empty() { "–".to_owned() } else { text }
}

/// Whether an address may be linked to.
fn is_web(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    lower.starts_with("https://") || lower.starts_with("http://")
}

#[cfg(test)]
mod hostile;
