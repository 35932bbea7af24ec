//! Detection over the parts of one file, in every reading that its bytes allow.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::lines::{Cursor, cut_character};
use super::markers::{self, REACH};
use super::paths;
use super::sighting::{self, Sighting};
use crate::detect::hits::Hit;
use crate::detect::{Candidate, Chunk, Detector, Quoting, Scratch};
use crate::model::{Confidence, Location, Part as LocationPart, Secret, Untrusted};
use crate::rules::Shape;
use crate::sources::{Encoding, Margins, Part};

/// The context that detection and markers need around the owned bytes of a part, in units of the text.
pub const MARGINS: Margins = Margins { back: Shape::MAX_BACK + REACH, ahead: Shape::MAX_AHEAD + REACH };

/// Buffers of one thread.
#[derive(Debug, Default)]
pub(super) struct FileScratch {
    pub(super) detect: Scratch,
    /// For the names of files.
    pub(super) hits: Vec<Hit>,
    /// The directory whose names were searched last, and how much of it says where the target is.
    pub(super) directory: (Vec<u8>, usize),
    narrow: Vec<u8>,
    candidates: Vec<Candidate>,
}

/// The readings of a part: its bytes, two rows of UTF-16 units (one from each parity) where it has zeros, and the
/// encoding that the file's start names. A start may lie, and text of another encoding may follow it, so that none of
/// the others is left out for it.
const READINGS: usize = 4;
const BYTES: usize = 0;
const ROWS: usize = 1;
const NAMED: usize = 3;

/// Scans the parts of one file, in their order.
pub(super) struct FileScan<'a> {
    detector: &'a Detector<'a>,
    path: &'a Untrusted,
    /// Doubtful matches of generic rules below it are counted alone.
    threshold: Confidence,
    scratch: &'a mut FileScratch,
    /// Where each reading stands at the first owned byte of the next part.
    cursors: [Cursor; READINGS],
    /// Bytes before the next part's owned ones that begin a character which ends there: not counted yet.
    cut: usize,
    /// What was found.
    pub(super) sightings: Vec<Sighting>,
    /// How many doubtful matches of generic rules were left out.
    pub(super) below: u64,
    /// How many more matches the scan may keep, in this file and all others.
    room: &'a AtomicUsize,
    /// How many were not kept for want of room.
    pub(super) dropped: u64,
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
    pub(super) fn new(
        detector: &'a Detector<'a>,
        path: &'a Untrusted,
        threshold: Confidence,
        scratch: &'a mut FileScratch,
        room: &'a AtomicUsize,
    ) -> Self {
        let cursors = [Cursor::START; READINGS];
        let sightings = Vec::new();
        Self { detector, path, threshold, scratch, cursors, cut: 0, sightings, below: 0, room, dropped: 0 }
    }

    /// Scans the next part.
    pub(super) fn part(&mut self, part: &Part<'_>) {
        if part.offset == 0 && Encoding::marked(part.bytes) {
            self.cursors = [Cursor::MARKED; READINGS];
        }
        let first_zero = memchr::memchr(0, part.bytes);
        // Nothing but zeros: a hole in a sparse file. Comparing it with itself, a byte on, is as fast as memory.
        if first_zero == Some(0) && part.bytes.get(1..) == part.bytes.get(..part.bytes.len() - 1) {
            return self.hole(part);
        }
        let reading = Reading {
            text: part.bytes,
            owned: part.from..part.to,
            offset: part.offset,
            encoding: Encoding::EightBit,
            shift: 0,
        };
        self.reading(part, BYTES, &reading);
        let known = self.sightings.len();
        let wide = first_zero.is_some() && Encoding::may_be_utf16(part.bytes);
        for shift in [0, 1] {
            match first_zero.filter(|_| wide) {
                Some(_) if shift == 1 || part.encoding != Encoding::Utf16Le => {
                    self.wide(part, Encoding::Utf16Le, shift, ROWS + shift)
                }
                // Lines go on as the bytes have them.
                _ => self.follow(ROWS + shift),
            }
        }
        if part.encoding != Encoding::EightBit {
            self.wide(part, part.encoding, 0, NAMED);
        }
        if part.encoding == Encoding::Utf16Be {
            self.without_shifted(known);
        }
    }

    /// Drops what the second row saw a byte after the big-end-first reading: it is the same text.
    fn without_shifted(&mut self, known: usize) {
        let new = self.sightings.split_off(known);
        let read: BTreeSet<(u16, u64)> =
            new.iter().filter(|s| s.location.start % 2 == 0).map(|s| (s.rule, s.location.start)).collect();
        let shifted = |s: &Sighting| s.location.start % 2 == 1 && read.contains(&(s.rule, s.location.start - 1));
        self.sightings.extend(new.into_iter().filter(|s| !shifted(s)));
    }

    /// Lets a reading that was not made go on where the bytes do.
    fn follow(&mut self, number: usize) {
        let [bytes, ..] = self.cursors;
        if let Some(cursor) = self.cursors.get_mut(number) {
            *cursor = bytes;
        }
    }

    /// Counts the columns of a part that has zeros alone.
    fn hole(&mut self, part: &Part<'_>) {
        let units = [1, 2, 2, part.encoding.width()];
        for (cursor, width) in self.cursors.iter_mut().zip(units) {
            let units = ((part.to - part.from) as u64 + part.hole) / width as u64;
            cursor.column = cursor.column.saturating_add(u32::try_from(units).unwrap_or(u32::MAX));
        }
        self.cut = 0;
    }

    /// Scans a part as units of a wide encoding, from its first or second byte.
    fn wide(&mut self, part: &Part<'_>, encoding: Encoding, shift: usize, number: usize) {
        let width = encoding.width();
        let mut narrow = std::mem::take(&mut self.scratch.narrow);
        let raw = part.bytes.get(shift..).unwrap_or_default();
        encoding.narrow(raw, &mut narrow);
        let last = part.to == part.bytes.len();
        // Big-end-first text in a file that does not start with it ends in a character of this row without its zero.
        if let (true, Encoding::Utf16Le, [ascii @ 0..=0x7F]) = (last, encoding, raw.chunks_exact(2).remainder()) {
            narrow.push(*ascii);
        }
        let end = if last { narrow.len() } else { (part.to / width).min(narrow.len()) };
        let reading = Reading {
            text: &narrow,
            owned: part.from / width..end,
            offset: part.offset + shift as u64,
            encoding,
            shift,
        };
        self.reading(part, number, &reading);
        self.scratch.narrow = narrow;
    }

    fn reading(&mut self, part: &Part<'_>, number: usize, reading: &Reading<'_>) {
        let mut candidates = std::mem::take(&mut self.scratch.candidates);
        let chunk = Chunk { bytes: reading.text, from: reading.owned.start, to: reading.owned.end };
        self.detector.scan(&chunk, &mut self.scratch.detect, &mut candidates);
        let code = !candidates.is_empty() && paths::is_code(self.path.raw());
        let (rules, threshold) = (&self.detector.rules().rules, self.threshold);
        let rule = |c: &Candidate| rules.get(usize::from(c.rule));
        // In source code a bare value is an expression, whatever it looks like.
        candidates.retain(|c| !(code && c.quoting == Quoting::Bare && rule(c).is_some_and(|r| r.password)));
        // A generic rule's doubt decides nothing about other matches: it is counted, so that memory is bounded by what
        // is reported.
        let all = candidates.len();
        candidates.retain(|c| c.confidence >= threshold || !rule(c).is_some_and(|r| r.fallback));
        self.below += (all - candidates.len()) as u64;
        let start = self.cursors.get(number).copied().unwrap_or(Cursor::START);
        let cut = if number == BYTES { self.cut.min(reading.owned.start) } else { 0 };
        let wide = reading.encoding != Encoding::EightBit;
        let mut places = Places { text: reading.text, at: reading.owned.start - cut, cursor: start, wide };
        for candidate in candidates.drain(..) {
            if self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(1)).is_err() {
                self.dropped += 1;
                continue;
            }
            self.sightings.push(sighting(self.path, part, reading, &mut places, candidate));
        }
        if !part.whole {
            let mut counted = reading.text.get(reading.owned.start - cut..reading.owned.end).unwrap_or_default();
            if number == BYTES {
                self.cut = cut_character(counted);
                counted = counted.get(..counted.len() - self.cut).unwrap_or_default();
            }
            if let Some(cursor) = self.cursors.get_mut(number) {
                cursor.advance(counted, wide);
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
    wide: bool,
}

impl Places<'_> {
    /// Moves on to a place; one before the last is counted again from the text's start.
    fn go(&mut self, place: usize) -> Cursor {
        if let Some(skipped) = self.text.get(self.at..place) {
            self.cursor.advance(skipped, self.wide);
            self.at = place;
        }
        self.cursor
    }

    fn ahead(&self, from: usize, to: usize) -> Cursor {
        let mut cursor = self.cursor;
        cursor.advance(self.text.get(from..to).unwrap_or_default(), self.wide);
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
        end.advance(reading.text.get(span.clone()).unwrap_or_default(), places.wide);
        let width = reading.encoding.width() as u64;
        let location = Location {
            path: path.clone(),
            part: LocationPart::File,
            start: reading.offset + span.start as u64 * width,
            end: (reading.offset + span.end as u64 * width).min(part.offset + part.bytes.len() as u64),
            line: begin.line,
            column: begin.column,
            end_line: end.line,
            end_column: end.column,
            commit: None,
            history: None,
        };
        (secret(part, reading, span), location)
    };
    let groups = candidate.groups.iter().map(|(name, span)| {
        let (secret, location) = located(span);
        sighting::Part { name: name.clone().into(), rule: None, secret, location }
    });
    let parts = groups.collect();
    let (secret, location) = located(&candidate.secret);
    let mut facts = candidate.facts;
    facts.shrink_to_fit();
    Sighting {
        rule: candidate.rule,
        in_test: false,
        touched: true,
        allowed: markers::allowing(reading.text, &candidate.secret),
        confidence: candidate.confidence,
        severity: candidate.severity,
        secret,
        location,
        parts,
        facts,
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
            cursor.advance(head.get(start..).unwrap_or_default(), places.wide);
            cursor.column
        }
        None => places.cursor.column.saturating_sub(between.len() as u32).max(1),
    };
    Cursor { line: places.cursor.line.saturating_sub(newlines).max(1), column }
}

fn secret(part: &Part<'_>, reading: &Reading<'_>, span: &Range<usize>) -> Secret {
    let width = reading.encoding.width();
    let raw = part.bytes.get(reading.shift + span.start * width..).unwrap_or_default();
    let raw = raw.get(..span.len() * width).map_or_else(|| [raw, &[0]].concat(), <[u8]>::to_vec);
    Secret::new(reading.encoding.to_utf8(&raw))
}
