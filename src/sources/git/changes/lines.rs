//! Which lines of a file a change made, and which it took away.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use git2::{DiffOptions, Patch};

/// Files with more lines are taken for new as a whole: comparing them would take memory that a small object can ask for.
const MOST: usize = 1 << 20;

/// The lines of one file that a change touched.
#[derive(Debug, Default)]
pub struct Lines {
    /// Those that it made: where each stands in the new content, and its hash.
    pub made: Vec<(Range<u64>, u64)>,
    /// The hashes of those that it took away.
    pub gone: Vec<u64>,
}

/// The hash of a line without the white space around it, so that one that is moved or indented is the same line. The key
/// is a run's own: nobody can make lines that collide.
#[must_use]
pub fn hash(state: &RandomState, line: &[u8]) -> u64 {
    state.hash_one(line.trim_ascii())
}

impl Lines {
    /// Compares two contents, as bytes, whatever they are.
    #[must_use]
    pub fn between(old: &[u8], new: &[u8], state: &RandomState) -> Self {
        let many = |text: &[u8]| memchr::memchr_iter(b'\n', text).count() > MOST;
        if many(old) || many(new) {
            return Self { made: Self::of(new, state), gone: Vec::new() };
        }
        let mut options = DiffOptions::new();
        options.context_lines(0).force_text(true);
        let Ok(patch) = Patch::from_buffers(old, None, new, None, Some(&mut options)) else {
            return Self { made: Self::of(new, state), gone: Vec::new() };
        };
        let mut out = Self::default();
        for hunk in 0..patch.num_hunks() {
            for number in 0..patch.num_lines_in_hunk(hunk).unwrap_or(0) {
                let Ok(line) = patch.line_in_hunk(hunk, number) else { continue };
                let (content, start) = (line.content(), u64::try_from(line.content_offset()).unwrap_or(0));
                match line.origin() {
                    '+' => out.made.push((start..start + content.len() as u64, hash(state, content))),
                    '-' => out.gone.push(hash(state, content)),
                    _ => {}
                }
            }
        }
        out
    }

    /// All lines of a content; of one with very many, the whole of it as one.
    #[must_use]
    pub fn of(content: &[u8], state: &RandomState) -> Vec<(Range<u64>, u64)> {
        if memchr::memchr_iter(b'\n', content).count() > MOST {
            return vec![(0..content.len() as u64, hash(state, content))];
        }
        let mut start = 0u64;
        let line = |line: &[u8]| {
            let place = start..start + line.len() as u64;
            start = place.end;
            (place, hash(state, line))
        };
        content.split_inclusive(|b| *b == b'\n').map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made<'n>(old: &str, new: &'n str) -> Vec<&'n str> {
        let state = RandomState::new();
        let lines = Lines::between(old.as_bytes(), new.as_bytes(), &state);
        lines.made.iter().map(|(place, _)| &new[place.start as usize..place.end as usize]).collect()
    }

    #[test]
    fn lines_that_a_change_made_are_found_where_they_stand() {
        assert_eq!(made("a\nb\nc\n", "a\nx\nc\nd\n"), ["x\n", "d\n"]);
        assert_eq!(made("", "a\nb"), ["a\n", "b"]);
        assert_eq!(made("a\nb", "b"), [""; 0]);
        assert_eq!(made("a\n\0\nb\n", "a\n\0\0\nb\n"), ["\0\0\n"], "binary too");
        assert_eq!(made("a", "a"), [""; 0]);
    }

    #[test]
    fn a_line_is_the_same_with_other_white_space_around_it() {
        let state = RandomState::new();
        let lines = Lines::between(b"key = 1\nrest\n", b"rest\r\n   key = 1\n", &state);
        assert_eq!(lines.made.len(), 2);
        assert!(lines.made.iter().all(|(_, hash)| lines.gone.contains(hash)));
        assert_eq!(Lines::of(b"a\nb", &state).len(), 2);
        assert_eq!(Lines::between(b"a", &vec![b'\n'; MOST + 1], &state).made.len(), 1);
    }
}
