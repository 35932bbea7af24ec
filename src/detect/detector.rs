//! The second stage: from keyword hits to candidates. Cheapest check first: boundary, byte sets, regex, entropy,
//! checksum, structure.

use std::ops::Range;

use super::assign::{self, Value};
use super::checks::{self, Match};
use super::chunk::{Candidate, Chunk, Quoting};
use super::hits::{Engine, Hit, HitScratch, find_hits};
use super::pattern::Pattern;
use super::{boundary, jwt, pem, run, steps};
use crate::rules::classes::has;
use crate::rules::{Rule, RuleSet, Shape};

/// The longest password between quotes.
pub(super) const MAX_PASSWORD: usize = 200;

/// Runs a rule set over text.
pub struct Detector<'r> {
    set: &'r RuleSet,
    patterns: Vec<Pattern>,
    enabled: Vec<bool>,
    runs: Vec<u16>,
    /// For each keyword, how far on from its start its rules read.
    reach: Vec<u16>,
    engine: Engine,
}

/// Buffers for one thread.
#[derive(Debug, Default)]
pub struct Scratch {
    hits: Vec<Hit>,
    blocks: HitScratch,
}

impl<'r> Detector<'r> {
    /// A detector for the rules of `set` that `enable` accepts, on the fastest engine of this processor.
    #[must_use]
    pub fn new(set: &'r RuleSet, enable: impl Fn(&Rule) -> bool) -> Self {
        Self::with_engine(set, enable, Engine::detect())
    }

    /// The same on a given engine.
    #[must_use]
    pub fn with_engine(set: &'r RuleSet, enable: impl Fn(&Rule) -> bool, engine: Engine) -> Self {
        let enabled: Vec<bool> = set.rules.iter().map(enable).collect();
        let runs = set
            .rules
            .iter()
            .zip(0u16..)
            .zip(&enabled)
            .filter(|((r, _), on)| r.shape == Shape::Run && **on)
            .map(|((_, i), _)| i);
        Self {
            set,
            patterns: set.rules.iter().map(|_| Pattern::default()).collect(),
            runs: runs.collect(),
            reach: (0..set.index.keywords.len() as u16).map(|keyword| reach(set, &enabled, keyword)).collect(),
            enabled,
            engine,
        }
    }

    /// The rules that it runs.
    #[must_use]
    pub const fn rules(&self) -> &'r RuleSet {
        self.set
    }

    /// Appends the candidates whose anchor is in the owned part of a chunk, each once, in text order.
    pub fn scan(&self, chunk: &Chunk<'_>, scratch: &mut Scratch, out: &mut Vec<Candidate>) {
        let first = out.len();
        let mut hits = std::mem::take(&mut scratch.hits);
        hits.clear();
        self.hits(chunk.bytes, scratch, &mut hits);
        hits.sort_unstable();
        for number in 0..hits.len() {
            if hits.get(number).is_some_and(|h| (chunk.from..chunk.to).contains(&(h.start as usize))) {
                self.decide(chunk.bytes, &hits, number, out);
            }
        }
        scratch.hits = hits;
        self.runs(chunk, out);
        once(out, first);
    }

    /// Appends every occurrence of every keyword, overlapping ones included, in no order.
    pub fn hits(&self, text: &[u8], scratch: &mut Scratch, out: &mut Vec<Hit>) {
        find_hits(&self.set.index, self.engine, text, &mut scratch.blocks, out);
    }

    /// Appends the candidates of one of the keywords in a text. `hits` are all of them, in the order of their places. What is found
    /// depends on [`Shape::MAX_BACK`] bytes before the keyword, on [`Detector::ahead`] from it on, and on whether the text
    /// begins or ends there.
    pub fn decide(&self, text: &[u8], hits: &[Hit], number: usize, out: &mut Vec<Candidate>) {
        let Some(hit) = hits.get(number) else { return };
        let start = hit.start as usize;
        let end = start + self.set.index.len_of(hit.keyword);
        // What all rules of a shape ask of this keyword is read once.
        let (mut value, mut credentials): (Option<Option<Value>>, Option<bool>) = (None, None);
        let mut block: Option<(usize, Option<pem::Block>)> = None;
        for index in self.set.index.rules_of(hit.keyword) {
            let Some(rule) = self.rule(*index) else { continue };
            let found = match rule.shape {
                Shape::Token => self.token(*index, rule, text, start..end, self.floor(*index, rule, hits, number)),
                Shape::Url => {
                    let may = *credentials.get_or_insert_with(|| may_have_credentials(text, end));
                    may.then(|| self.url(*index, rule, text, start)).flatten()
                }
                Shape::Pem => self.pem(*index, rule, text, start, &mut block),
                Shape::Jwt => jwt_match(*index, rule, text, start),
                Shape::Assign | Shape::Pair => {
                    let value = value.get_or_insert_with(|| assign::value_after(text, start..end)).as_ref();
                    // A push: a hundred rules ask here, nearly all for nothing, and extending by nothing is slow.
                    if let Some(found) = value.and_then(|value| self.assigned(*index, rule, text, start..end, value)) {
                        out.push(found);
                    }
                    for other in assign::others(text, start, value) {
                        if let Some(found) = self.assigned(*index, rule, text, start..end, &other) {
                            out.push(found);
                        }
                    }
                    None
                }
                Shape::Run => None,
            };
            if let Some(found) = found {
                out.push(found);
            }
        }
    }

    /// How far from the start of a keyword on its candidates may depend on the text.
    #[must_use]
    pub fn ahead(&self, keyword: u16) -> usize {
        self.reach.get(usize::from(keyword)).map_or(Shape::MAX_AHEAD, |reach| usize::from(*reach))
    }

    /// The length of a keyword in bytes.
    #[must_use]
    pub fn len_of(&self, keyword: u16) -> usize {
        self.set.index.len_of(keyword)
    }

    /// Appends what the rules without keywords find in the owned part of a chunk.
    pub fn runs(&self, chunk: &Chunk<'_>, out: &mut Vec<Candidate>) {
        for index in &self.runs {
            let Some(rule) = self.rule(*index) else { continue };
            run::runs(rule, chunk.bytes, chunk.from..chunk.to, |span| {
                let found = self.matched(*index, rule, chunk.bytes, span.start).filter(|m| m.whole == span);
                out.extend(found.and_then(|m| checks::judge(*index, rule, chunk.bytes, m)));
            });
        }
    }

    /// The place before which no match of this hit starts: behind the rule's keyword before it, as far as its matches
    /// may reach back over a varying distance.
    ///
    /// A match is found at the first of the rule's keywords in it, so that no byte is tried as a start for more than one
    /// hit, and the search stays linear.
    fn floor(&self, index: u16, rule: &Rule, hits: &[Hit], number: usize) -> usize {
        let (least, most) = rule.before;
        let here = hits.get(number).map_or(0, |h| h.start);
        if least == most {
            return 0;
        }
        let near =
            hits.get(..number).unwrap_or_default().iter().rev().take_while(|h| h.start + u32::from(most) >= here);
        let mut before = near.filter(|h| h.start < here);
        before.find(|h| self.set.index.rules_of(h.keyword).contains(&index)).map_or(0, |h| h.start as usize + 1)
    }

    pub(super) fn rule(&self, index: u16) -> Option<&'r Rule> {
        self.enabled.get(usize::from(index)).filter(|on| **on)?;
        self.set.rules.get(usize::from(index))
    }

    /// Matches a token whose keyword is `hit`, from its earliest possible start on.
    fn token(&self, index: u16, rule: &Rule, text: &[u8], hit: Range<usize>, floor: usize) -> Option<Candidate> {
        let (least, most) = rule.before;
        let last = hit.start.checked_sub(usize::from(least))?;
        let first = if least == most { last } else { hit.start.saturating_sub(usize::from(most)).max(floor) };
        (first..=last)
            .find_map(|start| checks::judge(index, rule, text, self.token_at(index, rule, text, &hit, start)?))
    }

    /// Matches a token that starts at `start` and has the keyword `hit` in it.
    pub(super) fn token_at(
        &self,
        index: u16,
        rule: &Rule,
        text: &[u8],
        hit: &Range<usize>,
        start: usize,
    ) -> Option<Match> {
        if !prefix_fits(rule, text, start) || !boundary::begins(text, start, &rule.lead) {
            return None;
        }
        let found = self.matched(index, rule, text, start)?;
        (found.whole.end >= hit.end && boundary::ends(text, found.whole.end, &rule.last)).then_some(found)
    }

    fn url(&self, index: u16, rule: &Rule, text: &[u8], start: usize) -> Option<Candidate> {
        if !prefix_fits(rule, text, start) || !boundary::begins(text, start, &rule.lead) {
            return None;
        }
        checks::judge(index, rule, text, self.matched(index, rule, text, start)?)
    }

    fn assigned(&self, index: u16, rule: &Rule, text: &[u8], hit: Range<usize>, value: &Value) -> Option<Candidate> {
        let assigned = || Some((hit, value.clone()));
        if rule.password && value.quoting == Quoting::Quoted {
            // What a person typed between quotes is the password, whatever it is made of.
            let secret = text.get(value.span.clone())?;
            let typed = (rule.prefix.len()..=MAX_PASSWORD).contains(&secret.len())
                && !secret.iter().any(|b| b.is_ascii_whitespace() || b.is_ascii_control());
            let whole = value.span.clone();
            let found = || Match { secret: whole.clone(), whole, groups: Vec::new(), assigned: assigned() };
            return typed.then(|| checks::judge(index, rule, text, found())).flatten();
        }
        if !prefix_fits(rule, text, value.span.start) {
            return None;
        }
        let found = self.matched(index, rule, text, value.span.start)?;
        let ends = if rule.password {
            ends_bare(text, found.whole.end)
        } else {
            boundary::ends(text, found.whole.end, &rule.last)
        };
        ends.then(|| checks::judge(index, rule, text, Match { assigned: assigned(), ..found })).flatten()
    }

    /// `block` keeps the block that another rule of the same keyword has read, with the end of its BEGIN line.
    fn pem(
        &self,
        index: u16,
        rule: &Rule,
        text: &[u8],
        start: usize,
        block: &mut Option<(usize, Option<pem::Block>)>,
    ) -> Option<Candidate> {
        if !prefix_fits(rule, text, start) {
            return None;
        }
        let begin = self.matched(index, rule, text, start)?.whole;
        if block.as_ref().is_none_or(|(end, _)| *end != begin.end) {
            *block = Some((begin.end, pem::scan(text, begin.clone())));
        }
        let (_, block) = block.as_ref()?;
        checks::judge_key(index, rule, text, begin, block.as_ref()?)
    }

    /// Matches the rule's pattern, anchored at `start`, over no more than its matches may have.
    pub(super) fn matched(&self, index: u16, rule: &Rule, text: &[u8], start: usize) -> Option<Match> {
        let reach = text.get(..(start + usize::from(rule.max_len)).min(text.len()))?;
        if !rule.rows.is_empty() {
            return rule.rows.iter().find_map(|row| steps::matched(row, reach, start));
        }
        self.patterns.get(usize::from(index))?.matched(rule, reach, start)
    }
}

/// How far on from its start the rules of a keyword read.
fn reach(set: &RuleSet, enabled: &[bool], keyword: u16) -> u16 {
    let on = |index: &&u16| enabled.get(usize::from(**index)).is_some_and(|on| *on);
    let rules = set.index.rules_of(keyword).iter().filter(on).filter_map(|index| set.rules.get(usize::from(*index)));
    rules.map(|rule| rule.shape.ahead() as u16).max().unwrap_or(0)
}

/// Sorts candidates from `first` on by place, and keeps each once.
fn once(out: &mut Vec<Candidate>, first: usize) {
    out.get_mut(first..).unwrap_or_default().sort_by_key(|c| (c.secret.start, c.secret.end, c.rule));
    let mut kept = first;
    for i in first..out.len() {
        let same = kept > first
            && matches!((out.get(kept - 1), out.get(i)), (Some(a), Some(b)) if a.rule == b.rule && a.secret == b.secret);
        if !same {
            out.swap(kept, i);
            kept += 1;
        }
    }
    out.truncate(kept);
}

/// Whether the first bytes fit the pattern's sets: without it the regex cannot match.
fn prefix_fits(rule: &Rule, text: &[u8], start: usize) -> bool {
    let there = text.get(start..).unwrap_or_default();
    there.len() >= rule.prefix.len() && rule.prefix.iter().zip(there).all(|(set, b)| has(set, *b))
}

/// Whether a URL whose keyword ends at `end` may have credentials: there is an `@` in it, before another URL begins.
fn may_have_credentials(text: &[u8], end: usize) -> bool {
    let rest = text.get(end..(end + Shape::URL).min(text.len())).unwrap_or_default();
    let stop = |b: u8| matches!(b, b'@' | b':' | b' ' | b'\n' | b'\r' | b'\t' | b'"' | b'\'' | b'<' | b'>' | b'`');
    // A keyword such as `mysql+` stands before the end of the scheme.
    let mut scheme_ends = text.get(..end).is_some_and(|head| head.ends_with(b"/"));
    let mut at = 0;
    while let Some(found) = rest.get(at..).and_then(|rest| rest.iter().position(|b| stop(*b))) {
        at += found;
        match rest.get(at..) {
            Some([b'@', ..]) => return true,
            Some([b':', b'/', b'/', ..]) if scheme_ends => return false,
            Some([b':', b'/', b'/', ..]) => (scheme_ends, at) = (true, at + 3),
            Some([b':', ..]) => at += 1,
            _ => return false,
        }
    }
    false
}

/// Whether a typed value may end before `at`: what follows is blank, a quote or a separator.
pub(super) fn ends_bare(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|b| b.is_ascii_whitespace() || b"\"'`,;)]}&<|#\\".contains(b))
}

fn jwt_match(index: u16, rule: &Rule, text: &[u8], start: usize) -> Option<Candidate> {
    if !prefix_fits(rule, text, start) || !boundary::begins(text, start, &rule.lead) {
        return None;
    }
    let [header, _, signature] = jwt::scan(text, start)?;
    let whole = header.start..signature.end;
    checks::judge(index, rule, text, Match { secret: whole.clone(), whole, groups: Vec::new(), assigned: None })
}
