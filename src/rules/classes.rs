//! What a pattern says about the first bytes of its matches: the cheap, lossless check before the regex.
//!
//! From the syntax tree come one set of bytes for each leading position that every match has, and the least
//! and greatest length of a match. A candidate whose bytes are outside of their sets cannot match, so the
//! regex need not run. `detect` tests the two against each other.

use regex_syntax::hir::{Hir, HirKind};

/// A set of bytes, one bit each.
pub type ByteSet = [u64; 4];

/// How many leading positions are looked at. More positions reject little more; each costs a load.
pub const MAX_PREFIX: usize = 24;

/// What is known of every match of a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The sets of the first bytes, at most [`MAX_PREFIX`].
    pub prefix: Vec<ByteSet>,
    /// The bytes of the first part where it is one set that repeats a varying number of times; else none.
    pub lead: ByteSet,
    /// The bytes that a match may end in.
    pub last: ByteSet,
    /// The bytes that a match may have at all.
    pub alphabet: ByteSet,
    /// Least length of a match in bytes.
    pub min: usize,
    /// Greatest length of a match in bytes; `None` where it is unbounded.
    pub max: Option<usize>,
}

/// Whether a set has a byte.
#[must_use]
pub const fn has(set: &ByteSet, byte: u8) -> bool {
    let word = match byte >> 6 {
        0 => set[0],
        1 => set[1],
        2 => set[2],
        _ => set[3],
    };
    word >> (byte & 63) & 1 == 1
}

fn insert(set: &mut ByteSet, byte: u8) {
    if let Some(word) = set.get_mut(usize::from(byte >> 6)) {
        *word |= 1 << (byte & 63);
    }
}

fn union(a: &ByteSet, b: &ByteSet) -> ByteSet {
    [a[0] | b[0], a[1] | b[1], a[2] | b[2], a[3] | b[3]]
}

/// Parses a pattern as bytes, without Unicode, as all of quell's patterns are.
///
/// # Errors
/// The parser's message, on one line.
pub fn parse(pattern: &str) -> Result<Hir, String> {
    regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).map_err(|error| match error {
        regex_syntax::Error::Parse(e) => e.kind().to_string(),
        regex_syntax::Error::Translate(e) => e.kind().to_string(),
        other => other.to_string(),
    })
}

/// Derives the outline of a parsed pattern.
#[must_use]
pub fn outline(hir: &Hir) -> Outline {
    let properties = hir.properties();
    let mut prefix = sets(hir).0;
    prefix.truncate(MAX_PREFIX);
    Outline {
        prefix,
        lead: lead(hir),
        last: last(hir).0,
        alphabet: alphabet(hir),
        min: properties.minimum_len().unwrap_or(0),
        max: properties.maximum_len(),
    }
}

/// The sets of the leading positions, and whether they are the whole of every match (so that what follows
/// stands at a known position).
fn sets(hir: &Hir) -> (Vec<ByteSet>, bool) {
    match hir.kind() {
        HirKind::Empty => (Vec::new(), true),
        HirKind::Look(_) => (Vec::new(), false),
        HirKind::Literal(literal) => (literal.0.iter().map(|b| one(*b)).collect(), true),
        HirKind::Class(class) => class_set(class).map_or((Vec::new(), false), |set| (vec![set], true)),
        HirKind::Capture(capture) => sets(&capture.sub),
        HirKind::Repetition(repetition) => {
            let (part, whole) = sets(&repetition.sub);
            if !whole {
                return (if repetition.min > 0 { part } else { Vec::new() }, false);
            }
            let times = (repetition.min as usize).min(MAX_PREFIX);
            let exact = repetition.max == Some(repetition.min) && times == repetition.min as usize;
            ((0..times).flat_map(|_| part.iter().copied()).take(MAX_PREFIX).collect(), exact)
        }
        HirKind::Concat(parts) => {
            let mut out = Vec::new();
            for part in parts {
                let (more, whole) = sets(part);
                out.extend(more);
                if !whole || out.len() >= MAX_PREFIX {
                    return (out, false);
                }
            }
            (out, true)
        }
        HirKind::Alternation(parts) => alternation(parts),
    }
}

/// The set that a pattern starts with, where that repeats a varying number of times.
fn lead(hir: &Hir) -> ByteSet {
    match hir.kind() {
        HirKind::Capture(capture) => lead(&capture.sub),
        HirKind::Concat(parts) => parts.first().map_or([0; 4], lead),
        HirKind::Repetition(repetition) if repetition.max != Some(repetition.min) => match repetition.sub.kind() {
            HirKind::Class(class) => class_set(class).unwrap_or([0; 4]),
            _ => [0; 4],
        },
        _ => [0; 4],
    }
}

/// Every byte that stands in a pattern.
fn alphabet(hir: &Hir) -> ByteSet {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => [0; 4],
        HirKind::Literal(literal) => literal.0.iter().fold([0; 4], |all, b| union(&all, &one(*b))),
        HirKind::Class(class) => class_set(class).unwrap_or([u64::MAX; 4]),
        HirKind::Capture(capture) => alphabet(&capture.sub),
        HirKind::Repetition(repetition) => alphabet(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold([0; 4], |all, part| union(&all, &alphabet(part)))
        }
    }
}

/// The bytes that a match may end in, and whether it may be empty.
fn last(hir: &Hir) -> (ByteSet, bool) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => ([0; 4], true),
        HirKind::Literal(literal) => (literal.0.last().map_or([0; 4], |b| one(*b)), literal.0.is_empty()),
        HirKind::Class(class) => (class_set(class).unwrap_or([u64::MAX; 4]), false),
        HirKind::Capture(capture) => last(&capture.sub),
        HirKind::Repetition(repetition) => {
            let (set, empty) = last(&repetition.sub);
            (set, empty || repetition.min == 0)
        }
        HirKind::Concat(parts) => {
            let mut all = [0; 4];
            for part in parts.iter().rev() {
                let (set, empty) = last(part);
                all = union(&all, &set);
                if !empty {
                    return (all, false);
                }
            }
            (all, true)
        }
        HirKind::Alternation(parts) => {
            parts.iter().map(last).fold(([0; 4], false), |(a, x), (b, y)| (union(&a, &b), x || y))
        }
    }
}

fn alternation(parts: &[Hir]) -> (Vec<ByteSet>, bool) {
    let each: Vec<(Vec<ByteSet>, bool)> = parts.iter().map(sets).collect();
    let shortest = each.iter().map(|(s, _)| s.len()).min().unwrap_or(0);
    let whole = each.iter().all(|(s, whole)| *whole && s.len() == shortest);
    let merged = (0..shortest).map(|i| each.iter().filter_map(|(s, _)| s.get(i)).fold([0; 4], |a, b| union(&a, b)));
    (merged.collect(), whole)
}

pub(crate) fn one(byte: u8) -> ByteSet {
    let mut set = [0; 4];
    insert(&mut set, byte);
    set
}

pub(crate) fn class_set(class: &regex_syntax::hir::Class) -> Option<ByteSet> {
    let mut set = [0; 4];
    match class {
        regex_syntax::hir::Class::Bytes(bytes) => {
            for range in bytes.ranges() {
                (range.start()..=range.end()).for_each(|b| insert(&mut set, b));
            }
        }
        regex_syntax::hir::Class::Unicode(chars) => {
            for range in chars.ranges() {
                // A character beyond ASCII is several bytes: its position is not fixed.
                let end = u8::try_from(range.end()).ok().filter(u8::is_ascii)?;
                (range.start() as u8..=end).for_each(|b| insert(&mut set, b));
            }
        }
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> Outline {
        outline(&parse(pattern).unwrap())
    }

    #[test]
    fn fixed_positions_get_sets_and_others_end_the_prefix() {
        let o = of("ab[0-9]{2}x?y");
        assert_eq!((o.prefix.len(), o.min, o.max), (4, 5, Some(6)));
        assert!(has(&o.prefix[2], b'7') && !has(&o.prefix[2], b'a'));
        let o = of("(?<secret>(?:ab|cd)[a-z]{3,5})z");
        assert_eq!((o.prefix.len(), o.min, o.max), (5, 6, Some(8)));
        assert!(has(&o.prefix[0], b'c') && !has(&o.prefix[0], b'b'));
        assert_eq!(of("(?:abc|d)e").prefix.len(), 1);
        assert_eq!(of("a*b").prefix.len(), 0);
        assert_eq!(of("[a-z]+").max, None);
        assert_eq!(of("(?i)k").prefix.len(), 1);
        assert_eq!(of("x{100}").prefix.len(), MAX_PREFIX);
    }

    #[test]
    fn the_last_bytes_are_those_a_match_may_end_in() {
        let outline = of("ab[0-9]{2}(?:x|yz?)[-=]{0,2}");
        let set = |set: &ByteSet| (0..128u8).filter(|b| has(set, *b)).map(char::from).collect::<String>();
        assert_eq!(set(&outline.last), "-=xyz");
        assert_eq!(set(&outline.alphabet), "-0123456789=abxyz");
    }
}
