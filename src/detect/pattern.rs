//! Matches a rule's pattern where it is no rows of byte sets.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use regex_automata::meta::Regex;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input, PatternID};

use super::checks::Match;
use super::program::Program;
use crate::rules::Rule;
use crate::rules::classes::has;

/// Groups of a pattern, the whole match included, that are resolved.
const MAX_GROUPS: usize = 8;

/// A rule's pattern, made ready on the first candidate that gets so far.
///
/// Few searches are worth a small program alone, or a cheap engine where that gives up. A rule that is asked often, on input
/// made to keep it busy, gets a lazy DFA in front: it says no in a step a byte, where an engine with captures first clears
/// its tables. All of them give the same answers.
#[derive(Default)]
pub(super) struct Pattern {
    searches: AtomicU32,
    program: OnceLock<Option<Program>>,
    cheap: OnceLock<Option<Regex>>,
    busy: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Searches after which a DFA has paid for its making.
    const BUSY: u32 = 2_000;

    /// The match of the pattern that starts at `start`.
    pub(super) fn matched(&self, rule: &Rule, text: &[u8], start: usize) -> Option<Match> {
        if self.searches.load(Ordering::Relaxed) >= Self::BUSY {
            return searched(self.busy.get_or_init(|| compile(rule, true)).as_ref()?, text, start);
        }
        // A match is made of the pattern's own bytes: where they end, so must it.
        let own = text.get(start..)?;
        let len = own.iter().position(|b| !has(&rule.alphabet, *b)).unwrap_or(own.len());
        if len < usize::from(rule.min_len) {
            return None;
        }
        self.searches.fetch_add(1, Ordering::Relaxed);
        let window = text.get(..start + len)?;
        let program = self.program.get_or_init(|| Program::derive(&rule.pattern));
        match program.as_ref().and_then(|program| program.search(window, start)) {
            Some(found) => found,
            None => searched(self.cheap.get_or_init(|| compile(rule, false)).as_ref()?, window, start),
        }
    }
}

/// The match of a regex that starts at `start`.
fn searched(regex: &Regex, window: &[u8], start: usize) -> Option<Match> {
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

fn compile(rule: &Rule, lazy_dfa: bool) -> Option<Regex> {
    // Searches are anchored and short: a prefilter has nothing to skip.
    let config = Regex::config()
        .auto_prefilter(false)
        .utf8_empty(false)
        .hybrid(lazy_dfa)
        .hybrid_cache_capacity(256 << 10)
        .dfa(false)
        .nfa_size_limit(Some(4 << 20));
    Regex::builder()
        .syntax(regex_automata::util::syntax::Config::new().unicode(false).utf8(false))
        .configure(config)
        .build(&rule.pattern)
        .ok()
}
