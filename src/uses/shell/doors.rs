//! What commands do with the values that they are given.

use std::collections::HashMap;

use super::commands::{Block, Command, Kind, Lexer};
use super::known::{asks, edits, is_name, is_nowhere, is_shown, passes, sinks, whole, writes, writes_arguments};
use super::variables::{add, local};
use super::words::Word;
use super::{Dialect, Passage, Reference, Script, Seen, Written};
use crate::model::Confidence;
use crate::model::usage::{Door, Span};

/// How many values are followed through a command.
pub(super) const VALUES: usize = 64;
/// How many doors and files are told of a script.
const TOLD: usize = 10_000;

/// Whose value something is; `None` for the whole environment.
pub(super) type Values<N> = Vec<Option<N>>;

/// A value on its way to where the output goes.
#[derive(Clone)]
struct Flow<N> {
    value: Option<N>,
    span: Span,
    confidence: Confidence,
}

pub(super) struct Examiner<'a, N> {
    secret: &'a dyn Fn(&Reference<'_>) -> Vec<N>,
    pub(super) dialect: Dialect,
    /// What the variables have that the script sets.
    pub(super) tainted: HashMap<String, Values<N>>,
    /// What functions write.
    functions: HashMap<String, Vec<Flow<N>>>,
    pub(super) traced: bool,
    /// What the end of each command of an inner block or `$(…)` writes.
    outputs: Vec<Vec<Flow<N>>>,
    depths: Vec<u32>,
    pub(super) seen: Seen<N>,
}

pub(super) fn examine<N: Clone + Eq>(script: Script<'_>, secret: &dyn Fn(&Reference<'_>) -> Vec<N>) -> Seen<N> {
    let lexed = Lexer::of(script).read();
    let seen = Seen { passages: Vec::new(), written: Vec::new(), assigned: Vec::new(), left_out: lexed.left_out };
    let mut examiner = Examiner {
        secret,
        dialect: script.dialect,
        tainted: HashMap::new(),
        functions: HashMap::new(),
        traced: script.traced,
        outputs: Vec::new(),
        depths: Vec::new(),
        seen,
    };
    // Commands of a pipe that has not ended, by their depth.
    let mut open: Vec<Vec<&Command<'_>>> = Vec::new();
    let mut traced = Vec::new();
    for command in &lexed.done {
        examiner.outputs.push(Vec::new());
        examiner.depths.push(command.depth);
        if command.opens {
            traced.push(examiner.traced);
            continue;
        }
        if command.block.is_some_and(|block| block.kind == Kind::Shell) {
            examiner.traced = traced.pop().unwrap_or(examiner.traced);
        }
        let depth = command.depth as usize;
        if open.len() <= depth {
            open.resize_with(depth + 1, Vec::new);
        }
        if let Some(pipe) = open.get_mut(depth) {
            pipe.push(command);
            if !command.piped {
                let pipe = std::mem::take(pipe);
                examiner.pipe(&pipe);
            }
        }
    }
    for pipe in open.into_iter().rev() {
        examiner.pipe(&pipe);
    }
    examiner.seen
}

impl<N: Clone + Eq> Examiner<'_, N> {
    /// The values that are in a word.
    pub(super) fn values(&self, word: &Word<'_>) -> Values<N> {
        let mut all = Vec::new();
        for one in word.references.iter().filter(|one| one.expands) {
            add(&mut all, self.value(one));
        }
        for name in &word.locals {
            add(&mut all, self.tainted.get(&local(name)).cloned().unwrap_or_default());
        }
        for (range, depth) in &word.inner {
            add(&mut all, self.outputs(range.start, range.end, *depth).map(|flow| flow.value.clone()));
        }
        all
    }

    pub(super) fn value(&self, one: &Reference<'_>) -> Values<N> {
        match self.tainted.get(one.text) {
            Some(known) if !one.is_template => known.clone(),
            _ => (self.secret)(one).into_iter().map(Some).collect(),
        }
    }

    pub(super) fn all(&self, words: &[&Word<'_>]) -> Values<N> {
        let mut all = Vec::new();
        for word in words {
            add(&mut all, self.values(word));
        }
        all
    }

    /// What commands of a depth write, by their numbers.
    fn outputs(&self, first: usize, last: usize, depth: u32) -> impl Iterator<Item = &Flow<N>> {
        let outputs = self.outputs.get(first..last.min(self.outputs.len())).unwrap_or_default();
        let depths = self.depths.get(first..).unwrap_or_default();
        outputs.iter().zip(depths).filter(move |(_, at)| **at == depth).flat_map(|(flows, _)| flows)
    }

    fn opens(&mut self, door: Door, flows: Vec<Flow<N>>) {
        for Flow { value, span, confidence } in flows {
            let passage = Passage { door, name: value, span, confidence };
            if self.seen.passages.len() >= TOLD {
                self.seen.left_out.get_or_insert(span.start);
            } else if self.seen.passages.last() != Some(&passage) {
                self.seen.passages.push(passage);
            }
        }
    }

    fn pipe(&mut self, pipe: &[&Command<'_>]) {
        let Some(last) = pipe.last() else { return };
        // What flows along the pipe so far.
        let mut flows: Vec<Flow<N>> = Vec::new();
        for (number, command) in pipe.iter().enumerate() {
            let before = std::mem::take(&mut flows);
            flows = match &command.block {
                Some(block) => self.block(command, block),
                None => self.command(command, before),
            };
            let away = self.redirects(command, &flows);
            if away {
                flows.clear();
            } else if number + 1 < pipe.len() {
                // What goes on is told at the end of the pipe.
                flows.truncate(VALUES);
            }
        }
        if last.depth == 0 {
            self.opens(Door::Printed, flows);
        } else if let Some(output) = self.outputs.last_mut() {
            flows.truncate(VALUES);
            *output = flows;
        }
    }

    /// What a block writes: what its commands do.
    fn block(&mut self, command: &Command<'_>, block: &Block<'_>) -> Vec<Flow<N>> {
        let flows: Vec<_> =
            self.outputs(block.first, self.outputs.len(), command.depth + 1).take(TOLD).cloned().collect();
        match block.function {
            Some(name) => {
                let name = name.split('(').next().unwrap_or_default().to_ascii_lowercase();
                self.functions.insert(name, flows.into_iter().take(VALUES).collect());
                Vec::new()
            }
            None => flows,
        }
    }

    /// Writes down the files that output goes into; says whether it is not shown.
    fn redirects(&mut self, command: &Command<'_>, flows: &[Flow<N>]) -> bool {
        let mut away = false;
        for redirect in command.redirects.iter().filter(|r| r.operator.starts_with('>') && r.from == 1) {
            let path = redirect.to.as_ref().map(|word| self.path(word)).unwrap_or_default();
            away |= !is_shown(&path);
            self.writes(&path, flows);
        }
        away
    }

    /// A word as a path, with `/`.
    fn path(&self, word: &Word<'_>) -> String {
        match self.dialect {
            Dialect::Posix => word.plain(),
            _ => word.text.replace(['"', '\''], "").replace('\\', "/"),
        }
    }

    fn writes(&mut self, path: &str, flows: &[Flow<N>]) {
        for flow in flows {
            let Some(name) = flow.value.clone() else { continue };
            let written = Written { path: path.to_owned(), name, span: flow.span };
            if self.seen.written.len() < TOLD && !is_nowhere(&written) && !is_shown(path) {
                self.seen.written.push(written);
            }
        }
    }

    /// What a command writes.
    fn command(&mut self, command: &Command<'_>, read: Vec<Flow<N>>) -> Vec<Flow<N>> {
        let words = self.assignments(command);
        let (Some(first), Some(last)) = (words.first(), words.last()) else { return Vec::new() };
        let name = name(first, self.dialect);
        let rest = words.get(1..).unwrap_or_default();
        let plain: Vec<String> = rest.iter().map(|word| word.plain()).collect();
        let documents = command.redirects.iter().filter_map(|redirect| redirect.document.as_ref());
        let end = documents.map(|word| word.span.end).fold(last.span.end, usize::max);
        let span = Span { start: first.span.start, end };
        let flow = |value: Option<N>, confidence| Flow { value, span, confidence };
        let sure = |all: Values<N>| all.into_iter().map(|value| flow(value, Confidence::High)).collect::<Vec<_>>();
        let given = self.all(rest);
        self.traces(&name, &plain);
        self.trace(&words, &name, span);
        self.builds(&name, rest, &plain, span);
        self.takes(&name, command, &plain);
        if let Some(flows) = self.functions.get(&name) {
            return flows.clone();
        }
        if writes(&name, rest) && !(name == "printf" && plain.first().is_some_and(|word| word == "-v")) {
            let through = read.into_iter().filter(|_| rest.is_empty()).map(|one| flow(one.value, one.confidence));
            return sure(given).into_iter().chain(through).collect();
        }
        if whole(&name, &plain, self.dialect) {
            return vec![flow(None, Confidence::High)];
        }
        let mut asked: Values<N> = Vec::new();
        for text in asks(&name, &plain, self.dialect) {
            add(&mut asked, self.value(&Reference { text, is_template: false, expands: true, span }));
        }
        if !asked.is_empty() {
            return sure(asked);
        }
        if self.dialect == Dialect::PowerShell && is_expression(&words) {
            return sure(self.values(first));
        }
        let flows = self.filter(&name, command, &plain, &given, read, span);
        let paths: Vec<String> = rest.iter().map(|word| self.path(word)).collect();
        for path in sinks(&name, &paths) {
            self.writes(&path, &flows);
            if is_shown(&path) {
                self.opens(Door::Printed, flows.clone());
            }
        }
        let keeps = matches!(name.as_str(), "set-content" | "add-content" | "out-file" | "sponge");
        if keeps || name == "sed" && plain.iter().any(|word| edits(word)) { Vec::new() } else { flows }
    }

    /// What a command passes on of what it reads.
    fn filter(
        &self,
        name: &str,
        command: &Command<'_>,
        rest: &[String],
        given: &Values<N>,
        read: Vec<Flow<N>>,
        span: Span,
    ) -> Vec<Flow<N>> {
        let mut all: Vec<Flow<N>> = Vec::new();
        let keeps = matches!(name, "set-content" | "add-content" | "out-file" | "sponge");
        let inputs = command.redirects.iter().filter(|r| r.operator.starts_with('<'));
        for redirect in inputs {
            let word = if redirect.operator.starts_with("<<") && redirect.operator != "<<<" {
                &redirect.document
            } else {
                &redirect.to
            };
            let is_text = matches!(redirect.operator, "<<" | "<<-" | "<<<" | "<(");
            for value in word.as_ref().filter(|_| is_text).map(|word| self.values(word)).unwrap_or_default() {
                all.push(Flow { value, span, confidence: Confidence::High });
            }
        }
        all.extend(read);
        all.retain_mut(|flow| {
            let Some(confidence) = passes(name, rest, flow.value.is_none()).or(keeps.then_some(Confidence::High))
            else {
                return false;
            };
            (flow.span, flow.confidence) = (span, flow.confidence.min(confidence));
            true
        });
        if writes_arguments(name, rest) || keeps || name == "sed" {
            all.extend(given.iter().map(|value| Flow { value: value.clone(), span, confidence: Confidence::Medium }));
        }
        all.truncate(VALUES);
        all
    }

    /// `set -x` and what ends it.
    fn traces(&mut self, name: &str, rest: &[String]) {
        if name == "set-psdebug" {
            self.traced = rest.iter().any(|word| word == "2");
        }
        if name != "set" || self.dialect != Dialect::Posix {
            return;
        }
        let options = rest.iter().position(|word| word == "--").unwrap_or(rest.len());
        for (at, word) in rest.iter().enumerate().take(options) {
            let long = word.ends_with('o') && rest.get(at + 1).is_some_and(|next| next == "xtrace");
            let is =
                |sign: char| word.strip_prefix(sign).filter(|flags| flags.bytes().all(|b| b.is_ascii_alphabetic()));
            if is('-').is_some_and(|flags| long || flags.contains('x')) {
                self.traced = true;
            } else if is('+').is_some_and(|flags| long || flags.contains('x')) || word == "-" {
                self.traced = false;
            }
        }
    }

    /// What a traced shell prints of a command.
    fn trace(&mut self, words: &[&Word<'_>], name: &str, span: Span) {
        let plain = |at: usize| words.get(at).map(|word| word.plain()).unwrap_or_default();
        let flags = plain(1);
        let inner = matches!(name, "bash" | "sh" | "zsh" | "dash" | "ksh")
            && flags.starts_with('-')
            && flags.contains('x')
            && flags.contains('c');
        // The heads of loops are printed as they are written; PowerShell prints all lines so.
        let is_head = matches!(name, "for" | "case" | "select") || self.dialect == Dialect::PowerShell;
        if inner || self.traced && !is_head {
            let values = self.all(words);
            self.traces_values(values, span);
        }
    }

    pub(super) fn traces_values(&mut self, values: Values<N>, span: Span) {
        let flows =
            values.into_iter().filter(Option::is_some).map(|value| Flow { value, span, confidence: Confidence::High });
        self.opens(Door::Traced, flows.collect());
    }

    /// `docker build --build-arg NAME=value`, and `--build-arg NAME`, which takes it from the environment.
    fn builds(&mut self, name: &str, rest: &[&Word<'_>], plain: &[String], span: Span) {
        if writes(name, rest) {
            return;
        }
        let mut values: Values<N> = Vec::new();
        for (at, word) in plain.iter().enumerate() {
            let inner = word
                .strip_prefix("--build-arg")
                .or_else(|| word.strip_prefix("--opt=build-arg:"))
                .or_else(|| word.strip_prefix("build-arg:"));
            let Some(inner) = inner else { continue };
            let at = at + usize::from(inner.is_empty());
            let (Some(word), Some(text)) = (rest.get(at), plain.get(at)) else { continue };
            let found = self.values(word);
            let text = text.strip_prefix("--build-arg=").unwrap_or(text);
            if found.is_empty() && is_name(text) {
                add(&mut values, self.value(&Reference { text, is_template: false, expands: true, span: word.span }));
            }
            add(&mut values, found);
        }
        let flows =
            values.into_iter().filter(Option::is_some).map(|value| Flow { value, span, confidence: Confidence::High });
        self.opens(Door::BuildArgument, flows.collect());
    }
}

/// Whether a line of PowerShell is an expression alone, whose value is its output.
fn is_expression(words: &[&Word<'_>]) -> bool {
    matches!(words, [one] if one.text.starts_with(['$', '"']))
}

/// The name of a command: without its folder, in small letters.
fn name(word: &Word<'_>, dialect: Dialect) -> String {
    let name = word.plain().to_ascii_lowercase();
    let name = name.rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(".exe").unwrap_or(name);
    if dialect == Dialect::Cmd { name.trim_start_matches('@').to_owned() } else { name.to_owned() }
}
