//! Which sightings stand in lines that a change made.
//!
//! A line that the same change takes away elsewhere is moved, not made: a file that gets another name, or a block that
//! goes into another file, brings no secret in. Of a merge, what counts is what it makes against every parent.

use std::collections::HashMap;

use super::sighting::Sighting;
use crate::sources::git::changes::Lines;

/// How many lines are remembered: beyond that, one that was moved counts as made.
const MOST: usize = 1 << 22;

/// What was found in a file that a change made or altered, and its lines against each parent.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub(super) sightings: Vec<Sighting>,
    pub(super) lines: Vec<Lines>,
}

/// How often a line was made and taken away in a whole change, by the line's hash.
#[derive(Debug, Default)]
pub(super) struct Moves(HashMap<u64, (u32, u32)>);

impl Moves {
    /// Counts the lines of a file.
    pub(super) fn count(&mut self, lines: &Lines) {
        for (_, hash) in &lines.made {
            if let Some(count) = self.entry(*hash) {
                count.0 += 1;
            }
        }
        lines.gone.iter().for_each(|hash| self.gone(*hash));
    }

    /// Counts a line that was taken away.
    pub(super) fn gone(&mut self, hash: u64) {
        if let Some(count) = self.entry(hash) {
            count.1 += 1;
        }
    }

    fn entry(&mut self, hash: u64) -> Option<&mut (u32, u32)> {
        if self.0.len() >= MOST { self.0.get_mut(&hash) } else { Some(self.0.entry(hash).or_default()) }
    }

    /// Whether a line was taken away as often as it was made.
    fn moved(&self, hash: u64) -> bool {
        self.0.get(&hash).is_some_and(|(made, gone)| made <= gone)
    }
}

impl Touched {
    /// Says of each sighting whether it stands in a line that was made against every parent; `moves` has the whole
    /// change against each of them.
    pub(super) fn judge(mut self, moves: &[Moves]) -> Vec<Sighting> {
        for sighting in &mut self.sightings {
            let (start, end) = (sighting.location.start, sighting.location.end);
            sighting.touched = self.lines.iter().zip(moves).all(|(lines, moves)| {
                // They stand in order and do not overlap.
                let first = lines.made.partition_point(|(place, _)| place.end <= start);
                let over = lines.made.get(first..).unwrap_or_default().iter().take_while(|(p, _)| p.start < end);
                over.into_iter().any(|(_, hash)| !moves.moved(*hash))
            });
        }
        self.sightings
    }
}
