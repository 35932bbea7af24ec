//! Who consumes which secret, read in the same pass as the secrets themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::conceal::Hide;
use super::lines::Cursor;
use crate::model::usage::{Consumers, Context, Door, Exposure, Include, Placed, Span, Uses};
use crate::model::{
    Coverage, Fact, Finding, FingerprintInput, FingerprintKey, GapKind, Kind, Location, Part as LocationPart, Secret,
    Untrusted,
};
use crate::sources::{Encoding, Part};
use crate::uses::{self, File, Reader};

/// Of which files it is asked who uses what in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consumption {
    /// Of none.
    #[default]
    Nothing,
    /// Of pipelines, and no other file is read at all.
    Pipelines,
    /// Of all: pipelines, manifests and code.
    Everything,
}

/// What one file said, with its lines counted.
#[derive(Debug, Default)]
pub(super) struct Consumed {
    pub(super) path: Option<Untrusted>,
    /// How much of its path says where the target is.
    above: usize,
    pub(super) found: Consumers,
    exposures: Vec<Placed<Exposure>>,
    pub(super) includes: Vec<Placed<Include>>,
    /// Secrets that stand in it, where it takes in files that may be named by one.
    pub(super) seen: Vec<Hide>,
}

impl Consumed {
    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        let Self { found: Consumers { uses, scopes, .. }, exposures, includes, .. } = self;
        uses.is_empty() && scopes.is_empty() && exposures.is_empty() && includes.is_empty()
    }

    /// Every text that is told of it, but for its path and those of the files that it takes in.
    pub(super) fn texts(&mut self, each: &mut dyn FnMut(&mut Untrusted)) {
        self.found.texts(each);
        for exposure in self.exposures.iter_mut().map(|one| &mut one.what) {
            exposure.name.iter_mut().for_each(&mut *each);
            Arc::make_mut(&mut exposure.context).texts(each);
        }
    }
}

/// Reads a file while its parts come by.
pub(super) struct Consuming<'p> {
    path: &'p Untrusted,
    /// Its path from the root of the target.
    below: String,
    reader: Option<&'static Reader>,
    is_code: bool,
    /// Whether it is what was asked for, as far as it was read: not every manifest is a pipeline.
    is_asked: bool,
    /// What came by so far of a file in several parts.
    kept: Vec<u8>,
    too_large: bool,
    /// Whether it is in UTF-16 or UTF-32, which is not read for this.
    is_wide: bool,
    /// The line and column at `counted`, where code is read in several parts.
    cursor: Cursor,
    counted: u64,
    said: Uses,
    done: Consumed,
}

/// The largest file that is read whole, in bytes.
const LARGEST: usize = uses::yaml::LARGEST;

impl<'p> Consuming<'p> {
    /// For a file, where it is asked of it; `above` bytes of its path say where the target is.
    pub(super) fn of(
        asked: Consumption,
        path: &'p Untrusted,
        above: usize,
        forced: Option<&'static Reader>,
    ) -> Option<Self> {
        if asked == Consumption::Nothing {
            return None;
        }
        let below = path.raw().get(above..).unwrap_or_default();
        let below = String::from_utf8_lossy(below).trim_start_matches('/').to_owned();
        let reader = forced.or_else(|| uses::reader_of(&below));
        let (reader, is_code) = match asked {
            Consumption::Nothing => (None, false),
            Consumption::Pipelines => (reader.filter(|reader| uses::may_be_pipeline(reader)), false),
            Consumption::Everything => (reader, reader.is_none() && uses::code::is_code(&below)),
        };
        (reader.is_some() || is_code).then(|| Self {
            path,
            below,
            reader,
            is_code,
            is_asked: asked == Consumption::Everything,
            kept: Vec::new(),
            too_large: false,
            is_wide: false,
            cursor: Cursor::START,
            counted: 0,
            said: Uses::default(),
            done: Consumed { path: Some(path.clone()), above, ..Consumed::default() },
        })
    }

    /// Takes a part.
    pub(super) fn part(&mut self, part: &Part<'_>) {
        if part.encoding != Encoding::EightBit {
            self.is_wide = true;
            return;
        }
        if self.is_code {
            return self.code(part);
        }
        self.is_asked |= self.reader.is_some_and(|reader| uses::is_pipeline(reader, part.bytes));
        if part.whole {
            if self.is_asked {
                self.whole(part.bytes);
            }
            return;
        }
        let own = part.bytes.get(part.from..part.to).unwrap_or_default();
        if self.kept.len() + own.len() > LARGEST {
            (self.too_large, self.kept) = (true, Vec::new());
        } else if !self.too_large {
            self.kept.extend_from_slice(own);
        }
    }

    fn whole(&mut self, text: &[u8]) {
        let Some(reader) = self.reader else { return };
        let said = (reader.read)(File { path: &self.below, text });
        self.place(&said, text, 0, Cursor::START);
        self.done.found.scopes.insert(self.path.clone(), said.scopes.clone());
        self.said = Uses { uses: Vec::new(), exposures: Vec::new(), scopes: Vec::new(), includes: Vec::new(), ..said };
    }

    fn code(&mut self, part: &Part<'_>) {
        let base = usize::try_from(part.offset).unwrap_or(usize::MAX);
        let mut uses = Vec::new();
        uses::code::references(&self.below, part.bytes, base, &mut uses);
        let own = Span { start: base.saturating_add(part.from), end: base.saturating_add(part.to) };
        uses.retain(|one| own.has(one.span.start));
        let (text, at, cursor) = (part.bytes, part.offset, self.cursor);
        if !uses.is_empty() {
            // Lines are counted from where the last part ended.
            let skip = usize::try_from(self.counted.saturating_sub(at)).unwrap_or(0);
            let text = text.get(skip..).unwrap_or_default();
            let said = Uses { uses, ..Uses::default() };
            self.place(&said, text, base.saturating_add(skip), cursor);
        }
        if !part.whole {
            let owned = text.get(part.from..part.to).unwrap_or_default();
            self.cursor.advance(owned, false);
            self.counted = at + part.to as u64;
        }
    }

    /// Whether the file is what was asked for, once all of its parts came by.
    pub(super) const fn is_asked(&self) -> bool {
        self.is_asked
    }

    /// Gives everything that was said its line and column: `text` begins at `base`, where `cursor` is.
    fn place(&mut self, said: &Uses, text: &[u8], base: usize, cursor: Cursor) {
        let spans = said.uses.iter().map(|one| one.span).chain(said.exposures.iter().map(|one| one.span));
        let spans = spans.chain(said.includes.iter().map(|one| one.span));
        let ends: BTreeSet<usize> = spans.flat_map(|span| [span.start, span.end]).collect();
        let (mut at, mut here) = (base, cursor);
        let mut places = Vec::with_capacity(ends.len());
        for end in ends {
            here.advance(text.get(at.saturating_sub(base)..end.saturating_sub(base)).unwrap_or_default(), false);
            at = end;
            places.push((end, here));
        }
        let cursor = |byte: usize| {
            let found = places.binary_search_by_key(&byte, |(at, _)| *at).ok().and_then(|found| places.get(found));
            found.map_or(Cursor::START, |(_, cursor)| *cursor)
        };
        let place = |span: Span| {
            let (start, end) = (cursor(span.start), cursor(span.end));
            Location {
                path: self.path.clone(),
                part: LocationPart::File,
                start: span.start as u64,
                end: span.end as u64,
                line: start.line,
                column: start.column,
                end_line: end.line,
                end_column: end.column,
                commit: None,
                history: None,
            }
        };
        let includes = said.includes.iter().map(|what| Placed { what: what.clone(), place: place(what.span) });
        self.done.includes.extend(includes);
        let exposures = said.exposures.iter().map(|what| Placed { what: what.clone(), place: place(what.span) });
        self.done.exposures.extend(exposures);
        let found = &mut self.done.found;
        found.uses.extend(said.uses.iter().map(|what| Placed { what: what.clone(), place: place(what.span) }));
    }

    /// Ends the file: what was not read of it is in the coverage.
    pub(super) fn done(mut self, coverage: &mut Coverage) -> Consumed {
        if self.is_wide {
            let why = "it is not in UTF-8: who uses what in it is not known";
            match self.reader {
                Some(reader) if reader.system.is_pipeline() => coverage.gap(GapKind::Corrupt, self.path, why),
                _ => coverage.notice(self.path, why),
            }
        }
        if !self.is_asked {
            return self.done;
        }
        if self.too_large {
            let why = format!("it has more than {LARGEST} bytes: who uses what in it is not known");
            coverage.gap(GapKind::OverBudget, self.path, why);
        } else if !self.kept.is_empty() {
            let kept = std::mem::take(&mut self.kept);
            self.whole(&kept);
        }
        for unread in &self.said.unread {
            match unread.kind {
                Some(kind) => coverage.gap(kind, self.path, unread.why.clone()),
                None => coverage.notice(self.path, unread.why.clone()),
            }
        }
        self.done.found.files = 1;
        self.done
    }
}

/// Joins what all files said: who uses what, and a finding for each door that is open.
pub(super) fn joined(all: Vec<Consumed>, key: &FingerprintKey) -> (Consumers, Vec<Finding>) {
    let (mut found, mut doors) = (Consumers { asked: true, ..Consumers::default() }, Doors::new());
    for one in all {
        let Consumers { uses, scopes, files, .. } = one.found;
        found.uses.extend(uses);
        found.scopes.extend(scopes);
        found.files += files;
        for Placed { what, place } in one.exposures {
            let below = place.path.raw().get(one.above..).unwrap_or_default();
            let below = below.strip_prefix(b"/").unwrap_or(below).to_vec();
            doors
                .entry((what.door, what.name.clone(), below, what.context.job.clone()))
                .or_default()
                .push((what, place));
        }
    }
    found.sort();
    let findings = doors.into_iter().filter_map(|((.., below, job), places)| door(&below, job.as_ref(), places, key));
    (found, findings.collect())
}

/// Doors of one kind for one secret in one job of one file.
type Doors = BTreeMap<(Door, Option<Untrusted>, Vec<u8>, Option<Untrusted>), Vec<(Exposure, Location)>>;

/// A door as a finding.
fn door(
    below: &[u8],
    job: Option<&Untrusted>,
    mut places: Vec<(Exposure, Location)>,
    key: &FingerprintKey,
) -> Option<Finding> {
    places.sort_by(|a, b| a.1.cmp(&b.1));
    // Of several places what they have in common is told; a part that several pipelines share stands there once for each.
    let contexts = places.iter().map(|(exposure, _)| &exposure.context);
    let context = contexts.map(|one| one.as_ref().clone()).reduce(|all, one| all.common(&one)).unwrap_or_default();
    places.dedup_by(|a, b| a.1 == b.1);
    let surest = places.iter().map(|(exposure, _)| exposure).max_by_key(|exposure| exposure.confidence)?;
    let door = surest.door;
    let kind = Kind {
        rule: format!("exposure-{}", door.as_str()).into(),
        title: door.title().into(),
        provider: surest.system.title().into(),
        public_prefix: 0,
        advice: door.advice().into(),
        docs: door.docs().into(),
        controls: vec!["NHI2".into(), "PR.AA-01".into()].into(),
    };
    let name = surest.name.clone().unwrap_or_else(|| Untrusted::from("every secret that is there"));
    let place = [below, b"\0", job.map(Untrusted::raw).unwrap_or_default()].concat();
    let identity = FingerprintInput::Door { door: door.as_str(), name: name.raw(), place: &place };
    Some(Finding {
        kind: Arc::new(kind),
        other_kinds: Vec::new(),
        severity: surest.severity(),
        confidence: surest.confidence,
        secret: Secret::new(Vec::new()),
        fingerprint: key.fingerprint(identity),
        facts: within(&context).into_iter().collect(),
        leaks: Some(name),
        locations: places.iter().map(|(_, place)| place.clone()).collect(),
        companions: Vec::new(),
        verification: None,
    })
}

fn within(context: &Context) -> Option<Fact> {
    let words = context.words();
    (!words.is_empty()).then_some(Fact::Within(words))
}

/// Says of each credential in which job or container it stands.
pub(super) fn placed(findings: &mut [Finding], consumers: &Consumers) {
    for finding in findings.iter_mut().filter(|finding| finding.leaks.is_none()) {
        let found = finding.locations.iter().find_map(|place| within(consumers.context(place)?));
        finding.facts.extend(found);
        finding.facts.sort();
    }
}
