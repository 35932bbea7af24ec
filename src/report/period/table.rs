//! Tables of the page. Every text passes the escaper here: nothing that is given to a cell is markup.

use std::io::{self, Write};

use super::super::escape::html;
use super::words::minute;
use crate::model::Untrusted;
use crate::model::case::CaseNumber;

/// So many rows are shown; the document for programs has all.
const SHOWN: usize = 50;

/// With so many columns a table is not drawn out over the page.
const NARROW: usize = 3;

/// What stands in a cell.
pub(super) enum Cell {
    /// Words.
    Words(String),
    /// A word that is not broken: a case, a time.
    Short(String),
    /// A text from outside; what is not known says so.
    Name(Option<Untrusted>),
    /// A figure, to the right.
    Figure(String),
    /// A part of a whole, as a bar.
    Bar(usize, usize),
    /// A mark: its class, one of the page's own, and its word.
    Badge(&'static str, &'static str),
}

impl Cell {
    /// A text from outside.
    pub(super) fn name(text: &Untrusted) -> Self {
        Self::Name(Some(text.clone()))
    }

    /// A case, by its number.
    pub(super) fn case(case: CaseNumber) -> Self {
        Self::Short(case.to_string())
    }

    /// A time, to the minute.
    pub(super) fn minute(at: i64) -> Self {
        Self::Short(minute(at))
    }

    /// A count.
    pub(super) fn count(count: usize) -> Self {
        Self::Figure(count.to_string())
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Words(text) => write!(out, "<td>{}</td>", html(text)),
            Self::Short(text) => write!(out, "<td class=\"s\">{}</td>", html(text)),
            Self::Name(Some(name)) => write!(out, "<td><bdi>{}</bdi></td>", html(name)),
            Self::Name(None) => write!(out, "<td class=\"soft\">not known</td>"),
            Self::Figure(text) => write!(out, "<td class=\"n\">{}</td>", html(text)),
            Self::Bar(part, of) => {
                let width = part.saturating_mul(100) / (*of).max(1);
                write!(
                    out,
                    "<td class=\"bar\"><svg viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
                     <rect width=\"{width}\" height=\"6\"/></svg></td>"
                )
            }
            Self::Badge(class, word) => write!(out, "<td><span class=\"badge {class}\">{word}</span></td>"),
        }
    }
}

/// Writes a table under a title; nothing where it has no rows. Heads that begin with `#` stand over figures.
pub(super) fn table(title: &str, heads: &[&str], rows: &[Vec<Cell>], out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let narrow = if heads.len() <= NARROW { " narrow" } else { "" };
    writeln!(out, "<div class=\"table{narrow}\"><table>\n<caption>{}</caption>\n<thead><tr>", html(title))?;
    for head in heads {
        match head.strip_prefix('#') {
            Some(head) => write!(out, "<th scope=\"col\" class=\"n\">{}</th>", html(head))?,
            None => write!(out, "<th scope=\"col\">{}</th>", html(*head))?,
        }
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for row in rows.iter().take(SHOWN) {
        write!(out, "<tr>")?;
        row.iter().try_for_each(|cell| cell.write(out))?;
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody>\n</table>")?;
    let more = rows.len().saturating_sub(SHOWN);
    if more > 0 {
        writeln!(out, "<p class=\"soft\">and {more} more; the JSON report has all of them</p>")?;
    }
    writeln!(out, "</div>")
}
