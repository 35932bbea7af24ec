//! Events of the parser → the table of nodes.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::{BLANKS, DEEPEST, Data, Form, Kind, NODES};
use crate::model::GapKind;
use crate::model::usage::{Span, Unread};

/// How many brackets of a file may close further to the left than the standard has it.
const CLOSINGS: usize = 16;
/// Up to so many keys are compared with each other.
const FEW: usize = 16;

/// Reads a text.
pub(super) fn build(text: &str) -> Built {
    let mut parsed = Cow::Borrowed(text);
    let mut builder = Builder::new(text);
    builder.run(&parsed);
    for _ in 0..CLOSINGS {
        let gap = builder.unread.as_ref().filter(|gap| gap.kind == Some(GapKind::Corrupt));
        let Some(joined) = gap.and_then(|gap| joined(&parsed, gap.at)) else { break };
        parsed = Cow::Owned(joined);
        builder = Builder::new(text);
        builder.run(&parsed);
    }
    let Builder { nodes, roots, unread, twice, .. } = builder;
    Built { nodes, roots, unread, twice }
}

/// What was made of the events.
pub(super) struct Built {
    pub(super) nodes: Vec<Data>,
    pub(super) roots: Vec<u32>,
    /// Where reading ended too early.
    pub(super) unread: Option<Unread>,
    /// Where the first key is that its mapping has twice.
    pub(super) twice: Option<usize>,
}

/// A text whose line at a byte is a bracket alone, with that line joined to the one before it; every byte stays where it is. Other
/// parsers take a bracket that closes what is open as far to the left as the key, which the standard does not.
fn joined(text: &str, at: usize) -> Option<String> {
    let start = text.get(..at)?.rfind('\n')?;
    let closes = text.get(start..)?.trim_start().starts_with([']', '}']);
    let before = text.get(..start)?.lines().next_back()?;
    (closes && !before.contains('#'))
        .then(|| format!("{} {}", text.get(..start).unwrap_or_default(), text.get(start + 1..).unwrap_or_default()))
}

/// How long anchor and tag before a value are, with what stands between.
fn properties(raw: &str) -> usize {
    let mut rest = raw;
    loop {
        rest = rest.trim_start_matches(BLANKS);
        match rest.as_bytes().first() {
            Some(b'#') => rest = rest.split_once('\n').map_or("", |(_, rest)| rest),
            Some(b'&' | b'!') => rest = rest.get(rest.find(BLANKS).unwrap_or(rest.len())..).unwrap_or_default(),
            _ => return raw.len() - rest.len(),
        }
    }
}

/// Where a key is that stands in a mapping before; `<<` may.
fn twice(nodes: &[Data], entries: &[(u32, u32)]) -> Option<usize> {
    let key = |(id, _): &(u32, u32)| match nodes.get(*id as usize).map(|data| (&data.kind, data.span.start)) {
        Some((Kind::Scalar(text, _), at)) if &**text != "<<" => Some((&**text, at)),
        _ => None,
    };
    if entries.len() <= FEW {
        let again = |(number, entry): (usize, &(u32, u32))| {
            let (text, at) = key(entry)?;
            let before = entries.get(..number).unwrap_or_default();
            before.iter().filter_map(key).any(|(known, _)| known == text).then_some(at)
        };
        return entries.iter().enumerate().find_map(again);
    }
    let mut known = HashSet::with_capacity(entries.len());
    entries.iter().filter_map(key).find(|(text, _)| !known.insert(*text)).map(|(_, at)| at)
}

/// What is made of the events.
struct Builder<'t> {
    text: &'t str,
    nodes: Vec<Data>,
    roots: Vec<u32>,
    /// What is open: nodes, and for a mapping the key that waits for its value.
    open: Vec<(u32, Option<u32>)>,
    anchors: HashMap<usize, u32>,
    /// Where characters begin, where not every one is a byte.
    bytes: Option<Vec<u32>>,
    unread: Option<Unread>,
    twice: Option<usize>,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str) -> Self {
        let bytes = (!text.is_ascii()).then(|| {
            text.char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .map(|at| u32::try_from(at).unwrap_or(u32::MAX))
                .collect()
        });
        let (nodes, roots, open) = <_>::default();
        Self { text, nodes, roots, open, anchors: HashMap::new(), bytes, unread: None, twice: None }
    }

    /// The byte of a character.
    fn byte(&self, character: usize) -> usize {
        let found = self.bytes.as_ref().map_or(Some(character), |all| all.get(character).map(|at| *at as usize));
        found.unwrap_or(self.text.len()).min(self.text.len())
    }

    fn run(&mut self, parsed: &str) {
        for event in Parser::new_from_str(parsed) {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => {
                    let why = format!("it is no YAML at line {}: what stands before was read", error.marker().line());
                    return self.stop(self.byte(error.marker().index()), GapKind::Corrupt, why);
                }
            };
            let span = Span { start: self.byte(span.start.index()), end: self.byte(span.end.index()) };
            if self.nodes.len() >= NODES {
                let why = format!("it has more than {NODES} values: what stands before was read");
                return self.stop(span.start, GapKind::OverBudget, why);
            }
            if self.open.len() > DEEPEST {
                let why = format!("it has more than {DEEPEST} levels: what stands before was read");
                return self.stop(span.start, GapKind::OverBudget, why);
            }
            self.event(event, span);
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) {
        let tag = |tag: Option<Cow<'_, saphyr_parser::Tag>>| {
            tag.filter(|tag| tag.handle == "!").map(|tag| Box::from(tag.suffix.as_str()))
        };
        match event {
            Event::Scalar(text, style, anchor, named) => {
                let span = self.value(span, style, anchor > 0 || named.is_some());
                let form = match style {
                    ScalarStyle::Plain => Form::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Form::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Form::Block,
                };
                let id = self.add(Data { span, tag: tag(named), kind: Kind::Scalar(Box::from(&*text), form) }, anchor);
                self.put(id);
            }
            Event::SequenceStart(anchor, named) => {
                let id = self.add(Data { span, tag: tag(named), kind: Kind::Sequence(Vec::new()) }, anchor);
                self.put(id);
                self.open.push((id, None));
            }
            Event::MappingStart(anchor, named) => {
                let id = self.add(Data { span, tag: tag(named), kind: Kind::Mapping(Vec::new()) }, anchor);
                self.put(id);
                self.open.push((id, None));
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span.end),
            Event::Alias(anchor) => {
                // One of what it stands in itself would have no end: it is nothing.
                let known = self.anchors.get(&anchor).copied();
                let id = known.filter(|id| self.open.iter().all(|(open, _)| open != id)).unwrap_or_else(|| {
                    self.add(Data { span, tag: None, kind: Kind::Scalar(Box::default(), Form::Plain) }, 0)
                });
                self.put(id);
            }
            _ => {}
        }
    }

    /// Where the value of a scalar stands: without quotes, anchor and tag.
    fn value(&self, span: Span, style: ScalarStyle, named: bool) -> Span {
        let raw = self.text.get(span.start..span.end).unwrap_or_default();
        let skipped = if named { properties(raw) } else { 0 };
        let start = span.start + skipped;
        let raw = raw.get(skipped..).unwrap_or_default();
        match style {
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                let quote = if style == ScalarStyle::SingleQuoted { '\'' } else { '"' };
                let first = raw.find(quote).map_or(0, |at| at + 1);
                let last = raw.rfind(quote).unwrap_or(raw.len());
                Span { start: start + first, end: start + last.max(first) }
            }
            // Without anchor and tag, what stands before its lines is left out already.
            ScalarStyle::Literal | ScalarStyle::Folded if named => {
                let header = raw.find('\n').map_or(raw.len(), |at| at + 1);
                let lines = raw.get(header..).unwrap_or_default();
                Span { start: start + header + lines.len() - lines.trim_start_matches(BLANKS).len(), ..span }
            }
            _ => Span { start, ..span },
        }
    }

    fn add(&mut self, data: Data, anchor: usize) -> u32 {
        let id = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(data);
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        id
    }

    /// Puts a node where it belongs.
    fn put(&mut self, id: u32) {
        let Some((parent, key)) = self.open.last_mut() else { return self.roots.push(id) };
        match (self.nodes.get_mut(*parent as usize).map(|data| &mut data.kind), key.take()) {
            (Some(Kind::Sequence(items)), _) => items.push(id),
            (Some(Kind::Mapping(_)), None) => *key = Some(id),
            (Some(Kind::Mapping(entries)), Some(name)) => entries.push((name, id)),
            _ => {}
        }
    }

    fn close(&mut self, end: usize) {
        let id = self.open.pop().map(|(id, _)| id);
        if let Some(data) = id.and_then(|id| self.nodes.get_mut(id as usize)) {
            data.span.end = end.max(data.span.start);
        }
        if self.twice.is_none()
            && let Some(Kind::Mapping(entries)) = id.and_then(|id| Some(&self.nodes.get(id as usize)?.kind))
        {
            self.twice = twice(&self.nodes, entries);
        }
    }

    /// Ends everything that is open.
    fn stop(&mut self, at: usize, kind: GapKind, why: String) {
        while !self.open.is_empty() {
            self.close(at);
        }
        self.unread = Some(Unread { at, kind: Some(kind), why });
    }
}
