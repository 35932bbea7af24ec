//! Words on a line by which its author says that the secret there may stay, in the dialects of this field.
//!
//! A marker holds for what is on its line, and is looked for a bounded way before and after a match, so that what it does
//! depends neither on how a file was cut nor on the rest of a line of megabytes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::engine::{Markers, ScanOptions};
use super::sighting::Sighting;
use crate::model::{Coverage, Untrusted, counted};

/// How far from a match a marker may stand, in bytes.
pub(super) const REACH: usize = 512;

/// A marker: the word that stands for it in reports, and where it counts.
struct Dialect {
    word: &'static str,
    /// Whether it speaks for the line after its own.
    next: bool,
}

const DIALECTS: &[Dialect] = &[
    Dialect { word: "quell:allow", next: false },
    Dialect { word: "gitleaks:allow", next: false },
    Dialect { word: "betterleaks:allow", next: false },
    Dialect { word: "trufflehog:ignore", next: false },
    Dialect { word: "kingfisher:ignore", next: false },
    Dialect { word: "ggignore", next: false },
    Dialect { word: "pragma: allowlist secret", next: false },
    Dialect { word: "pragma: allowlist nextline secret", next: true },
    Dialect { word: "secretlint-disable-line", next: false },
    Dialect { word: "secretlint-disable-next-line", next: true },
];

/// Pieces of words, one of which every marker has.
const PIECES: [&str; 3] = ["allow", "ignore", "disable-"];

/// Whether a line may have a marker. Most have none, and are asked for three words instead of ten.
fn may_have(line: &[u8]) -> bool {
    static FINDERS: LazyLock<[Finder<'static>; 3]> = LazyLock::new(|| PIECES.map(Finder::new));
    !line.is_empty() && FINDERS.iter().any(|finder| finder.find(line).is_some())
}

/// Which marker allows a match: the word of the first that stands on the line where the match begins, or on that where
/// it ends, or speaks for the first.
pub(super) fn allowing(text: &[u8], span: &Range<usize>) -> Option<&'static str> {
    let head = text.get(span.start.saturating_sub(REACH)..span.start).unwrap_or_default();
    let tail = text.get(span.end..text.len().min(span.end.saturating_add(REACH))).unwrap_or_default();
    let (before, above) = match memchr::memrchr(b'\n', head) {
        None => (head, &[][..]),
        Some(at) => {
            let above = head.get(..at).unwrap_or_default();
            let start = memchr::memrchr(b'\n', above).map_or(0, |at| at + 1);
            (head.get(at + 1..).unwrap_or_default(), above.get(start..).unwrap_or_default())
        }
    };
    let after = tail.get(..memchr::memchr(b'\n', tail).unwrap_or(tail.len())).unwrap_or_default();
    // A match of several lines may have the marker behind its first one too.
    let inside = text.get(span.clone()).unwrap_or_default();
    let first = memchr::memchr(b'\n', inside).and_then(|at| inside.get(..at.min(REACH))).unwrap_or_default();
    let lines = [before, after, first, above].map(|line| if may_have(line) { line } else { &[] });
    if lines.iter().all(|line| line.is_empty()) {
        return None;
    }
    let [before, after, first, above] = lines;
    let has = |line: &[u8], word: &str| memchr::memmem::find(line, word.as_bytes()).is_some();
    let allows = |dialect: &&Dialect| match dialect.next {
        true => has(above, dialect.word),
        false => [before, after, first].iter().any(|line| has(line, dialect.word)),
    };
    DIALECTS.iter().find(allows).map(|dialect| dialect.word)
}

/// What markers allow.
#[derive(Debug, Default)]
pub(super) struct Allowed {
    /// Places, by the word of the marker.
    places: BTreeMap<&'static str, u64>,
    /// Credentials that are left out, as all their places are allowed.
    pub(super) findings: u64,
}

impl Allowed {
    /// Takes out of the sightings of a credential those that a marker allows, if markers hold, and counts them.
    pub(super) fn take(&mut self, group: &mut Vec<Sighting>, options: &ScanOptions<'_>) {
        let is_shown = group.iter().any(|sighting| sighting.confidence >= options.confidence);
        for word in group.iter().filter(|_| is_shown).filter_map(|sighting| sighting.allowed) {
            *self.places.entry(word).or_default() += 1;
        }
        if options.markers == Markers::Hold && !group.is_empty() {
            group.retain(|sighting| sighting.allowed.is_none());
            self.findings += u64::from(is_shown && group.is_empty());
        }
    }

    /// Says what markers allow, or would.
    pub(super) fn tell(&self, markers: Markers, coverage: &mut Coverage) {
        for (word, places) in &self.places {
            let places = counted(*places, "place", "places");
            let text = match markers {
                Markers::Hold => format!("`{word}` on the line allows {places}"),
                Markers::Refused => format!("`{word}` on the line of {places} is refused by --no-target-ignores"),
                Markers::OfChange => {
                    format!("`{word}` on the line of {places} does not hold: a change cannot allow what it brings in")
                }
            };
            coverage.notice(&Untrusted::from("markers"), text);
        }
    }

    /// The places that were left out, by the word of the marker.
    pub(super) fn held(&self, markers: Markers) -> BTreeMap<&'static str, u64> {
        if markers == Markers::Hold { self.places.clone() } else { BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<&'static str> {
        let start = text.find("SECRET").unwrap();
        let end = text.rfind("SECRET").unwrap() + 6;
        allowing(text.as_bytes(), &(start..end))
    }

    #[test]
    fn every_dialect_holds_for_its_line_and_no_other() {
        for dialect in DIALECTS {
            let word = dialect.word;
            let (own, above) = (format!("x = SECRET # {word}\n"), format!("// {word}\nx = SECRET\n"));
            assert_eq!((at(&own), at(&above)), if dialect.next { (None, Some(word)) } else { (Some(word), None) });
            for other in [format!("x = SECRET\n# {word}"), format!("# {word}\n\nx = SECRET")] {
                assert_eq!(at(&other), None, "{other}");
            }
        }
        assert_eq!(at("/* gitleaks:allow */ x = SECRET"), Some("gitleaks:allow"));
        assert_eq!(at("SECRET # gitleaks:allow\nmore\nSECRET"), Some("gitleaks:allow"));
        assert_eq!(at("SECRET\n# gitleaks:allow\nSECRET"), None, "inside of what was found");
    }

    #[test]
    fn a_marker_far_away_on_a_long_line_does_not_hold() {
        let line = |gap: usize| format!("SECRET{} gitleaks:allow", "x".repeat(gap));
        assert_eq!((at(&line(100)), at(&line(600))), (Some("gitleaks:allow"), None));
    }
}
