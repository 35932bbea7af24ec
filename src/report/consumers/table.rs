//! The table of consumption: secret × job × environment.

use std::io::{self, Write};

use super::{Row, rows};
use crate::model::usage::Consumers;
use crate::model::{Location, Untrusted, counted};
use crate::report::escape::terminal;

const HEAD: [&str; 7] = ["SECRET", "KEPT AS", "USED BY", "ENVIRONMENT", "ON", "HANDED TO", "WHERE"];
/// The widest cell, in characters.
const WIDEST: usize = 44;

/// Writes the table; nothing where nobody uses anything. `bold` is what stands before and after the heads.
///
/// # Errors
/// The writer's.
pub fn table(consumers: &Consumers, bold: (&str, &str), out: &mut dyn Write) -> io::Result<()> {
    let rows = rows(consumers);
    if rows.is_empty() {
        return Ok(());
    }
    let cells: Vec<[String; 7]> = rows.iter().map(cells).collect();
    let width = |column: usize| {
        let all = cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        all.chain([HEAD.get(column).map_or(0, |head| head.len())]).max().unwrap_or_default()
    };
    // A column that says nothing is left out.
    let shown = |column: &usize| cells.iter().any(|row| row.get(*column).is_some_and(|cell| !cell.is_empty()));
    let columns: Vec<(usize, usize)> = (0..HEAD.len()).filter(shown).map(|column| (column, width(column))).collect();
    let line = |row: &[String; 7]| {
        let padded = columns.iter().map(|(column, width)| format!("{:<width$}", row.get(*column).map_or("", |c| c)));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let (begin, end) = bold;
    writeln!(out, "{begin}{}{end}", line(&HEAD.map(str::to_owned)))?;
    for row in &cells {
        writeln!(out, "{}", line(row))?;
    }
    let (names, files) =
        (rows.iter().map(|row| row.name).collect::<std::collections::BTreeSet<_>>().len(), consumers.files);
    let names = counted(names as u64, "name", "names");
    let users = counted(rows.len() as u64, "use", "uses");
    writeln!(out, "\n{names}, {users} in {}\n", counted(files, "file", "files"))
}

fn cells(row: &Row<'_>) -> [String; 7] {
    let all = |values: &mut dyn Iterator<Item = &&Untrusted>| {
        cut(&values.map(|value| terminal(value)).collect::<Vec<_>>().join(", "))
    };
    let user: Vec<String> = row.user.iter().flatten().map(|value| terminal(value)).collect();
    let more = match row.places.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" (+{more})"),
    };
    [
        cut(&terminal(row.name)),
        format!("{} of {}", row.store.as_str(), row.system.title()),
        cut(&user.join(" / ")),
        cut(&row.environment.map(terminal).unwrap_or_default()),
        all(&mut row.events.iter()),
        all(&mut row.actions.iter()),
        format!("{}{more}", row.places.first().map(|place| at(place)).unwrap_or_default()),
    ]
}

/// A place, to click on.
fn at(place: &Location) -> String {
    format!("{}:{}:{}", terminal(&place.path), place.line, place.column)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
