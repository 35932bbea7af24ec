//! Text out: one file a format. Everything from outside passes the escaper of its sink (`escape`).
//!
//! `plain` is for people, `json` and `jsonl` for programs (docs/report-1.schema.json), `sarif` for code hosts, `csv` for
//! spreadsheets, `html` for whoever has a browser. `junit`, `gitlab`, `github` and `markdown` are for pipelines, where many
//! read along: they never show a whole secret. `why` says what is known of a finding, `when` writes times, `words` has
//! the sentences that several formats share, and `lazy` is JSON that is made while it is written. `case` is the page of a case.
//!
//! `task` and `notice` say what is to be done about a case to those who work elsewhere, and `document` writes that in the form of
//! each place. `consumers` tells who uses which secret. `frameworks` says which controls of which framework that carries out. `metrics` has the figures, `period` a report of a
//! period for whoever answers for all of it.

pub mod case;
pub mod consumers;
mod csv;
pub mod document;
mod escape;
pub mod frameworks;
mod github;
mod gitlab;
mod html;
mod json;
mod junit;
mod lazy;
mod markdown;
#[cfg(feature = "remediate")]
pub mod metrics;
pub mod notice;
#[cfg(feature = "remediate")]
pub mod period;
mod plain;
mod reveal;
mod sarif;
pub mod task;
mod when;
mod why;
mod words;

use std::io::{self, Write};

use crate::model::Report;

/// A format of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Plain,
    /// One JSON document.
    Json,
    /// JSON Lines: a line a place, and one for the summary.
    Jsonl,
    /// SARIF 2.1.0.
    Sarif,
    /// CSV: a row a place.
    Csv,
    /// JUnit XML: a failed test a place.
    Junit,
    /// GitLab's report of secret detection.
    Gitlab,
    /// Annotations of GitHub's workflow commands.
    Github,
    /// A summary for a comment.
    Markdown,
    /// A page for a browser.
    Html,
}

impl Format {
    /// Every format with its name on the command line.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("plain", Self::Plain),
        ("json", Self::Json),
        ("jsonl", Self::Jsonl),
        ("sarif", Self::Sarif),
        ("csv", Self::Csv),
        ("junit", Self::Junit),
        ("gitlab", Self::Gitlab),
        ("github", Self::Github),
        ("markdown", Self::Markdown),
        ("html", Self::Html),
    ];

    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether plain text may be coloured.
    pub color: bool,
    /// Whether whole secrets are shown: `--show-secrets`, for the person who asked and nobody else.
    pub show_secrets: bool,
    /// When the scan began, in seconds since 1970 UTC.
    pub started: i64,
    /// When it ended.
    pub ended: i64,
}

/// Writes a report.
///
/// # Errors
/// The writer's.
pub fn write(format: Format, report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Plain => plain::write(report, style, out),
        Format::Json => json::document(report, style, out),
        Format::Jsonl => json::lines(report, style, out),
        Format::Sarif => sarif::write(report, style, out),
        Format::Csv => csv::write(report, style, out),
        Format::Junit => junit::write(report, out),
        Format::Gitlab => gitlab::write(report, style, out),
        Format::Github => github::write(report, out),
        Format::Markdown => markdown::write(report, out),
        Format::Html => html::write(report, style, out),
    }
}

pub use escape::{markdown, markdown_block, markdown_code, markdown_url, terminal};
pub use plain::{coverage, findings, place, summary};
