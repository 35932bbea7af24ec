//! Detection over the parts of one file, in every reading that its bytes allow.

use std::ops::Range;

use super::lines::Cursor;
use super::paths;
use super::sighting::Sighting;
use crate::detect::{Candidate, Chunk, Detector, Quoting, Scratch};
use crate::model::{Location, Secret, Untrusted};
use crate::rules::Shape;
use crate::sources::{Encoding, Margins, Part};

/// The context that detection needs around the owned bytes of a part, in units of the text.
pub const MARGINS: Margins = Margins { back: Shape::MAX_BACK + Shape::CONTEXT, ahead: Shape::MAX_AHEAD };

/// Buffers of one thread.
#[derive(Debug, Default)]
pub(super) struct FileScratch {
    detect: Scratch,
    narrow: Vec<u8>,
    candidates: Vec<Candidate>,
}

/// The readings of a part: as it is, and, where it has zeros, as two rows of UTF-16 units, one from each parity.
const READINGS: usize = 3;

/// Scans the parts of one file, in their order.
pub(super) struct FileScan<'a> {
    detector: &'a Detector<'a>,
    path: &'a Untrusted,
    scratch: &'a mut FileScratch,
    /// Where each reading stands at the first owned byte of the next part.
    cursors: [Cursor; READINGS],
    /// What was found.
    pub(super) sightings: Vec<Sighting>,
}

/// One reading of a part.
struct Reading<'t> {
    text: &'t [u8],
    /// Owned units.
    owned: Range<usize>,
    /// Offset in the file of the first unit.
    offset: u64,
    encoding: Encoding,
    /// Bytes of the part that the reading starts after.
    shift: usize,
}

impl<'a> FileScan<'a> {
    pub(super) fn new(detector: &'a Detector<'a>, path: &'a Untrusted, scratch: &'a mut FileScratch) -> Self {
        Self { detector, path, scratch, cursors: [Cursor::START; READINGS], sightings: Vec::new() }
    }

    /// Scans the next part.
    pub(super) fn part(&mut self, part: &Part<'_>) {
        if part.encoding == Encoding::EightBit {
            // Nothing but zeros: a hole in a sparse file.
            let first_zero = memchr::memchr(0, part.bytes);
            if first_zero == Some(0) && part.bytes.iter().all(|b| *b == 0) {
                return;
            }
            let reading = Reading {
                text: part.bytes,
                owned: part.from..part.to,
                offset: part.offset,
                encoding: part.encoding,
                shift: 0,
            };
            self.reading(part, 0, &reading);
            if first_zero.is_some() {
                for shift in [0, 1] {
                    self.wide(part, Encoding::Utf16Le, shift);
                }
            }
        } else {
            self.wide(part, part.encoding, 0);
        }
    }

    /// Scans a part as units of a wide encoding, from its first or second byte.
    fn wide(&mut self, part: &Part<'_>, encoding: Encoding, shift: usize) {
        let width = encoding.width();
        let mut narrow = std::mem::take(&mut self.scratch.narrow);
        encoding.narrow(part.bytes.get(shift..).unwrap_or_default(), &mut narrow);
        let end = if part.to == part.bytes.len() { narrow.len() } else { (part.to / width).min(narrow.len()) };
        let reading = Reading {
            text: &narrow,
            owned: part.from / width..end,
            offset: part.offset + shift as u64,
            encoding,
            shift,
        };
        self.reading(part, if part.encoding == encoding { 0 } else { 1 + shift }, &reading);
        self.scratch.narrow = narrow;
    }

    fn reading(&mut self, part: &Part<'_>, number: usize, reading: &Reading<'_>) {
        let mut candidates = std::mem::take(&mut self.scratch.candidates);
        let chunk = Chunk { bytes: reading.text, from: reading.owned.start, to: reading.owned.end };
        self.detector.scan(&chunk, &mut self.scratch.detect, &mut candidates);
        let code = !candidates.is_empty() && paths::is_code(self.path.raw());
        // In source code a bare value is an expression, whatever it looks like.
        candidates.retain(|c| {
            !(code
                && c.quoting == Quoting::Bare
                && self.detector.rules().rules.get(usize::from(c.rule)).is_some_and(|r| r.password))
        });
        let start = self.cursors.get(number).copied().unwrap_or(Cursor::START);
        let mut places = Places { text: reading.text, at: reading.owned.start, cursor: start };
        for candidate in candidates.drain(..) {
            self.sightings.push(sighting(self.path, part, reading, &mut places, candidate));
        }
        if !part.whole {
            let owned = reading.text.get(reading.owned.clone()).unwrap_or_default();
            if let Some(cursor) = self.cursors.get_mut(number) {
                cursor.advance(owned);
            }
        }
        self.scratch.candidates = candidates;
    }
}

/// Lines and columns of places that are asked for in ascending order.
struct Places<'t> {
    text: &'t [u8],
    at: usize,
    cursor: Cursor,
}

impl Places<'_> {
    /// Moves on to a place; one before the last is counted again from the text's start.
    fn go(&mut self, place: usize) -> Cursor {
        if let Some(skipped) = self.text.get(self.at..place) {
            self.cursor.advance(skipped);
            self.at = place;
        }
        self.cursor
    }

    fn ahead(&self, from: usize, to: usize) -> Cursor {
        let mut cursor = self.cursor;
        cursor.advance(self.text.get(from..to).unwrap_or_default());
        cursor
    }
}

fn sighting(
    path: &Untrusted,
    part: &Part<'_>,
    reading: &Reading<'_>,
    places: &mut Places<'_>,
    candidate: Candidate,
) -> Sighting {
    let anchor = candidate.groups.iter().map(|(_, g)| g.start).chain([candidate.secret.start]).min().unwrap_or(0);
    // A match that began before the owned bytes starts where they do, for lines' sake.
    let base = if anchor >= places.at { anchor } else { places.at };
    places.go(base);
    let located = |span: &Range<usize>| {
        let begin = if span.start >= base { places.ahead(base, span.start) } else { before(places, span.start, base) };
        let mut end = begin;
        end.advance(reading.text.get(span.clone()).unwrap_or_default());
        let width = reading.encoding.width() as u64;
        let location = Location {
            path: path.clone(),
            start: reading.offset + span.start as u64 * width,
            end: reading.offset + span.end as u64 * width,
            line: begin.line,
            column: begin.column,
            end_line: end.line,
            end_column: end.column,
        };
        (secret(part, reading, span), location)
    };
    let groups = candidate.groups.iter().map(|(name, span)| {
        let (secret, location) = located(span);
        (name.clone(), secret, location)
    });
    let groups = groups.collect();
    let (secret, location) = located(&candidate.secret);
    Sighting {
        rule: candidate.rule,
        secret,
        location,
        groups,
        companions: Vec::new(),
        confidence: candidate.confidence,
        severity: candidate.severity,
        facts: candidate.facts,
        others: Vec::new(),
    }
}

/// The place of `to`, which lies before the cursor at `from`: lines are counted back, columns from the line's start.
fn before(places: &Places<'_>, to: usize, from: usize) -> Cursor {
    let between = places.text.get(to..from).unwrap_or_default();
    let newlines = memchr::memchr_iter(b'\n', between).count() as u32;
    let head = places.text.get(..to).unwrap_or_default();
    let line_start = memchr::memrchr(b'\n', head).map(|i| i + 1);
    let column = match line_start {
        Some(start) => {
            let mut cursor = Cursor::START;
            cursor.advance(head.get(start..).unwrap_or_default());
            cursor.column
        }
        None => places.cursor.column.saturating_sub(between.len() as u32).max(1),
    };
    Cursor { line: places.cursor.line.saturating_sub(newlines).max(1), column }
}

fn secret(part: &Part<'_>, reading: &Reading<'_>, span: &Range<usize>) -> Secret {
    let width = reading.encoding.width();
    let raw = reading.shift + span.start * width..reading.shift + span.end * width;
    Secret::new(reading.encoding.to_utf8(part.bytes.get(raw).unwrap_or_default()))
}
