//! The second stage: from keyword hits to candidates. Cheapest check first: boundary, byte sets, regex, entropy,
//! checksum, structure.

use std::ops::Range;
use std::sync::OnceLock;

use regex_automata::meta::Regex;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input, PatternID};

use super::assign::{self, Value};
use super::checks::{self, Match};
use super::chunk::{Candidate, Chunk, Quoting};
use super::hits::{Engine, Hit, HitScratch, find_hits};
use super::{boundary, jwt, pem, run, steps};
use crate::rules::classes::has;
use crate::rules::{Rule, RuleSet, Shape};

/// The longest password between quotes.
const MAX_PASSWORD: usize = 200;
/// Groups of a pattern, the whole match included, that are resolved.
const MAX_GROUPS: usize = 8;

/// Runs a rule set over text.
pub struct Detector<'r> {
    set: &'r RuleSet,
    /// Compiled on the first candidate that gets so far; `None` inside for a pattern that does not compile,
    /// which the linter refuses.
    regexes: Vec<OnceLock<Option<Regex>>>,
    enabled: Vec<bool>,
    runs: Vec<u16>,
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
            regexes: set.rules.iter().map(|_| OnceLock::new()).collect(),
            runs: runs.collect(),
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
        let Scratch { hits, blocks } = scratch;
        hits.clear();
        find_hits(&self.set.index, self.engine, chunk.bytes, blocks, hits);
        for hit in hits.iter().filter(|h| (chunk.from..chunk.to).contains(&(h.start as usize))) {
            self.hit(chunk.bytes, *hit, out);
        }
        for index in &self.runs {
            self.runs(*index, chunk, out);
        }
        let found = out.get_mut(first..).unwrap_or_default();
        found.sort_by_key(|c| (c.secret.start, c.secret.end, c.rule));
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

    fn hit(&self, text: &[u8], hit: Hit, out: &mut Vec<Candidate>) {
        let start = hit.start as usize;
        let end = start + self.set.index.len_of(hit.keyword);
        // One scan of the operator serves every assignment rule of this keyword.
        let mut value: Option<Option<Value>> = None;
        for index in self.set.index.rules_of(hit.keyword) {
            let Some(rule) = self.rule(*index) else { continue };
            let found = match rule.shape {
                Shape::Token => self.token(*index, rule, text, start..end),
                Shape::Url => self.url(*index, rule, text, start),
                Shape::Pem => self.pem(*index, rule, text, start),
                Shape::Jwt => jwt_match(*index, rule, text, start),
                Shape::Assign | Shape::Pair => value
                    .get_or_insert_with(|| assign::value_after(text, start..end))
                    .as_ref()
                    .and_then(|value| self.assigned(*index, rule, text, start..end, value)),
                Shape::Run => None,
            };
            out.extend(found);
        }
    }

    fn rule(&self, index: u16) -> Option<&'r Rule> {
        self.enabled.get(usize::from(index)).filter(|on| **on)?;
        self.set.rules.get(usize::from(index))
    }

    fn token(&self, index: u16, rule: &Rule, text: &[u8], hit: Range<usize>) -> Option<Candidate> {
        (hit.start.saturating_sub(usize::from(rule.before))..=hit.start).find_map(|start| {
            if !prefix_fits(rule, text, start) || !boundary::begins(text, start) {
                return None;
            }
            let found = self.matched(index, rule, text, start)?;
            let spans = found.whole.end >= hit.end && boundary::ends(text, found.whole.end, &rule.last);
            spans.then(|| checks::judge(index, rule, text, found)).flatten()
        })
    }

    fn url(&self, index: u16, rule: &Rule, text: &[u8], start: usize) -> Option<Candidate> {
        // Without `@` before the first blank or quote there are no credentials in it.
        let rest = text.get(start..(start + Shape::URL).min(text.len()))?;
        let end = rest
            .iter()
            .position(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t' | b'"' | b'\'' | b'<' | b'>' | b'`'))
            .unwrap_or(rest.len());
        if !rest.get(..end)?.contains(&b'@') || !prefix_fits(rule, text, start) || !boundary::begins(text, start) {
            return None;
        }
        checks::judge(index, rule, text, self.matched(index, rule, text, start)?)
    }

    fn assigned(&self, index: u16, rule: &Rule, text: &[u8], hit: Range<usize>, value: &Value) -> Option<Candidate> {
        let assigned = Some((hit, value.clone()));
        if rule.password && value.quoting == Quoting::Quoted {
            // What a person typed between quotes is the password, whatever it is made of.
            let secret = text.get(value.span.clone())?;
            let typed = (rule.prefix.len()..=MAX_PASSWORD).contains(&secret.len())
                && !secret.iter().any(|b| b.is_ascii_whitespace() || b.is_ascii_control());
            let whole = value.span.clone();
            let found = Match { secret: whole.clone(), whole, groups: Vec::new(), assigned };
            return typed.then(|| checks::judge(index, rule, text, found)).flatten();
        }
        if !prefix_fits(rule, text, value.span.start) {
            return None;
        }
        let found = Match { assigned, ..self.matched(index, rule, text, value.span.start)? };
        let ends = if rule.password {
            ends_bare(text, found.whole.end)
        } else {
            boundary::ends(text, found.whole.end, &rule.last)
        };
        ends.then(|| checks::judge(index, rule, text, found)).flatten()
    }

    fn pem(&self, index: u16, rule: &Rule, text: &[u8], start: usize) -> Option<Candidate> {
        if !prefix_fits(rule, text, start) {
            return None;
        }
        let begin = self.matched(index, rule, text, start)?.whole;
        checks::judge_key(index, rule, text, begin.clone(), &pem::scan(text, begin)?)
    }

    fn runs(&self, index: u16, chunk: &Chunk<'_>, out: &mut Vec<Candidate>) {
        let Some(rule) = self.rule(index) else { return };
        run::runs(rule, chunk.bytes, chunk.from..chunk.to, |span| {
            let found = self.matched(index, rule, chunk.bytes, span.start).filter(|m| m.whole == span);
            out.extend(found.and_then(|m| checks::judge(index, rule, chunk.bytes, m)));
        });
    }

    /// Matches the rule's pattern, anchored at `start`, over no more than its matches may have.
    fn matched(&self, index: u16, rule: &Rule, text: &[u8], start: usize) -> Option<Match> {
        // A match is made of the pattern's own bytes: where they end, so must it.
        let reach = text.get(start..(start + usize::from(rule.max_len)).min(text.len()))?;
        let len = reach.iter().position(|b| !has(&rule.alphabet, *b)).unwrap_or(reach.len());
        if len < usize::from(rule.min_len) {
            return None;
        }
        if !rule.rows.is_empty() {
            let text = text.get(..start + len)?;
            return rule.rows.iter().find_map(|row| steps::matched(row, text, start));
        }
        let regex = self.regexes.get(usize::from(index))?.get_or_init(|| compile(rule)).as_ref()?;
        let window = text.get(..start + len)?;
        let mut slots = [None::<NonMaxUsize>; MAX_GROUPS * 2];
        // Some of the engines behind it insist on no more slots than the pattern has.
        let own = slots.get_mut(..regex.group_info().slot_len().min(MAX_GROUPS * 2))?;
        regex.search_slots(&Input::new(window).range(start..).anchored(Anchored::Yes), own)?;
        let span = |group: usize| {
            Some(slots.get(group * 2).copied().flatten()?.get()..slots.get(group * 2 + 1).copied().flatten()?.get())
        };
        let mut found = Match { whole: span(0)?, secret: span(0)?, groups: Vec::new(), assigned: None };
        for (group, name) in regex.group_info().pattern_names(PatternID::ZERO).enumerate().skip(1) {
            match (name, span(group)) {
                (Some("secret"), Some(range)) => found.secret = range,
                (Some(name), Some(range)) => found.groups.push((name.to_owned(), range)),
                _ => {}
            }
        }
        Some(found)
    }
}

/// Whether the first bytes fit the pattern's sets: without it the regex cannot match.
fn prefix_fits(rule: &Rule, text: &[u8], start: usize) -> bool {
    let there = text.get(start..).unwrap_or_default();
    there.len() >= rule.prefix.len() && rule.prefix.iter().zip(there).all(|(set, b)| has(set, *b))
}

/// Whether a typed value may end before `at`: what follows is blank, a quote or a separator.
fn ends_bare(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|b| b.is_ascii_whitespace() || b"\"'`,;)]}&<|#\\".contains(b))
}

fn jwt_match(index: u16, rule: &Rule, text: &[u8], start: usize) -> Option<Candidate> {
    if !prefix_fits(rule, text, start) || !boundary::begins(text, start) {
        return None;
    }
    let [header, _, signature] = jwt::scan(text, start)?;
    let whole = header.start..signature.end;
    checks::judge(index, rule, text, Match { secret: whole.clone(), whole, groups: Vec::new(), assigned: None })
}

fn compile(rule: &Rule) -> Option<Regex> {
    // Searches are anchored and short: a prefilter has nothing to skip, and a DFA is not worth its making.
    let config =
        Regex::config().auto_prefilter(false).utf8_empty(false).hybrid(false).dfa(false).nfa_size_limit(Some(4 << 20));
    Regex::builder()
        .syntax(regex_automata::util::syntax::Config::new().unicode(false).utf8(false))
        .configure(config)
        .build(&rule.pattern)
        .ok()
}
