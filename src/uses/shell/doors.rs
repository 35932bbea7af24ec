//! What commands do with the values that they are given.

use std::borrow::Cow;
use std::collections::HashMap;

use super::again::Within;
use super::commands::{Block, Command, Kind, Lexer};
use super::files::Files;
use super::known::{asks, edits, is_shown, passes, reads_files, whole, writes, writes_arguments};
use super::variables::{add, local};
use super::words::Word;
use super::{Dialect, Passage, Reference, Script, Seen, Sources, is_path, powershell};
use crate::model::Confidence;
use crate::model::usage::{Door, Span};

/// How many values are followed through a command.
pub(super) const VALUES: usize = 64;
/// How many doors and files are told of a script.
pub(super) const TOLD: usize = 10_000;

/// What a word may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<N> {
    /// Somebody's value.
    Of(N),
    /// The whole environment.
    Whole,
    /// What a function is given: the number of the word, 0 for all of them.
    Argument(usize),
}

/// The values that are in something.
pub(super) type Values<N> = Vec<Value<N>>;

/// A value on its way to where the output goes.
#[derive(Clone)]
pub(super) struct Flow<N> {
    pub(super) value: Value<N>,
    pub(super) span: Span,
    pub(super) confidence: Confidence,
}

/// A command without what is set before it.
pub(super) struct Called<'c, 's> {
    pub(super) command: &'c Command<'s>,
    /// In small letters, without its folder.
    pub(super) name: &'c str,
    pub(super) rest: &'c [&'c Word<'s>],
    /// The same without quotes.
    pub(super) plain: &'c [Cow<'s, str>],
    pub(super) span: Span,
}

pub(super) struct Examiner<'a, N> {
    pub(super) sources: &'a Sources<'a, N>,
    pub(super) dialect: Dialect,
    /// What the variables have that the script sets.
    pub(super) tainted: HashMap<String, Values<N>>,
    /// What functions write.
    functions: HashMap<String, Vec<Flow<N>>>,
    /// What files have.
    pub(super) files: Files<N>,
    pub(super) traced: bool,
    /// What the end of each command of an inner block or `$(…)` writes.
    pub(super) outputs: Vec<Vec<Flow<N>>>,
    pub(super) depths: Vec<u32>,
    /// The command that is read again, while it is.
    pub(super) within: Option<Within<N>>,
    pub(super) seen: Seen<N>,
}

pub(super) fn examine<N: Clone + Eq>(script: Script<'_>, sources: &Sources<'_, N>) -> Seen<N> {
    let lexed = Lexer::of(script).read();
    let (passages, written, whole, fetched, assigned) = <_>::default();
    let seen = Seen { passages, written, whole, fetched, assigned, left_out: lexed.left_out };
    let (tainted, functions, outputs, depths) = <_>::default();
    let mut examiner = Examiner {
        sources,
        dialect: script.dialect,
        tainted,
        functions,
        files: Files::of(sources.files),
        traced: script.traced,
        outputs,
        depths,
        within: None,
        seen,
    };
    examiner.run(&lexed.done);
    examiner.seen
}

impl<N: Clone + Eq> Examiner<'_, N> {
    /// Goes through commands.
    pub(super) fn run(&mut self, commands: &[Command<'_>]) {
        // Commands of a pipe that has not ended, by their depth.
        let mut open: Vec<Vec<&Command<'_>>> = Vec::new();
        let mut traced = Vec::new();
        for command in commands {
            self.outputs.push(Vec::new());
            self.depths.push(command.depth);
            if let Some(within) = &mut self.within {
                within.enter(command.depth);
            }
            if command.opens {
                traced.push(self.traced);
                continue;
            }
            if command.block.is_some_and(|block| block.kind == Kind::Shell) {
                self.traced = traced.pop().unwrap_or(self.traced);
            }
            let depth = command.depth as usize;
            if open.len() <= depth {
                open.resize_with(depth + 1, Vec::new);
            }
            if let Some(pipe) = open.get_mut(depth) {
                pipe.push(command);
                if !command.piped {
                    let mut pipe = std::mem::take(pipe);
                    self.pipe(&pipe);
                    pipe.clear();
                    if let Some(place) = open.get_mut(depth) {
                        *place = pipe;
                    }
                }
            }
        }
        for pipe in open.into_iter().rev() {
            self.pipe(&pipe);
        }
    }

    /// The values that are in a word.
    pub(super) fn values(&self, word: &Word<'_>) -> Values<N> {
        let mut all = Vec::new();
        for one in word.references.iter().filter(|one| one.expands) {
            add(&mut all, self.value(one));
        }
        for name in &word.locals {
            match self.dialect {
                Dialect::Posix => add(&mut all, [Value::Argument(name.parse().unwrap_or_default())]),
                _ => add(&mut all, self.tainted.get(&local(name)).cloned().unwrap_or_default()),
            }
        }
        for (range, depth) in &word.inner {
            add(&mut all, self.outputs(range.start, range.end, *depth).map(|flow| flow.value.clone()));
        }
        all
    }

    pub(super) fn value(&self, one: &Reference<'_>) -> Values<N> {
        match self.tainted.get(one.text) {
            Some(known) if !one.is_template => known.clone(),
            _ => {
                let span = self.within.as_ref().map_or(one.span, |within| within.place(one.span));
                (self.sources.secret)(&Reference { span, ..*one }).into_iter().map(Value::Of).collect()
            }
        }
    }

    /// What is in a file: what the script wrote into it, or what was there before. A variable that the script sets itself has another path.
    pub(super) fn file(&self, path: &str, span: Span) -> Values<N> {
        let known = self.files.get(path);
        let variable = path.trim_start_matches(['$', '{']).split(['}', '/']).next().unwrap_or_default();
        if !known.is_empty() || !is_path(path) || self.tainted.contains_key(variable) {
            return known;
        }
        let asked = Reference { text: path, is_template: false, expands: true, span };
        (self.sources.secret)(&asked).into_iter().map(Value::Of).collect()
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

    pub(super) fn opens(&mut self, door: Door, flows: Vec<Flow<N>>) {
        let within = self.within.as_ref().map(|within| (within.span, within.is_muted));
        if within.is_some_and(|(_, muted)| muted) {
            return;
        }
        for Flow { value, span, confidence } in flows {
            let span = within.map_or(span, |(outer, _)| outer);
            let name = match value {
                Value::Of(name) => Some(name),
                Value::Whole => None,
                // Whoever calls the function says what that is.
                Value::Argument(_) => continue,
            };
            let passage = Passage { door, name, span, confidence };
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
            match &mut self.within {
                Some(within) => within.output.extend(flows),
                None => self.opens(Door::Printed, flows),
            }
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

    /// What a command writes.
    fn command(&mut self, command: &Command<'_>, mut read: Vec<Flow<N>>) -> Vec<Flow<N>> {
        let words = self.assignments(command);
        let (Some(first), Some(last)) = (words.first(), words.last()) else { return self.input(command) };
        let name = name(first, self.dialect);
        let rest = words.get(1..).unwrap_or_default();
        let plain: Vec<Cow<'_, str>> = rest.iter().map(|word| word.plain()).collect();
        let documents = command.redirects.iter().filter_map(|redirect| redirect.document.as_ref());
        let end = documents.map(|word| word.span.end).fold(last.span.end, usize::max);
        let span = Span { start: first.span.start, end };
        let called = Called { command, name: &name, rest, plain: &plain, span };
        let given = self.all(rest);
        self.traces(&name, &plain);
        self.trace(&words, &name, span);
        self.builds(&called);
        self.takes(&name, command, &plain);
        if let Some(flows) = self.functions.get(&name) {
            return self.answers(flows, &called, &given);
        }
        if let Some(flows) = self.again(&called).or_else(|| self.fetches(&called)) {
            return flows;
        }
        if writes(&name, rest) && !(name == "printf" && plain.first().is_some_and(|word| word == "-v")) {
            let through = read.into_iter().filter(|_| rest.is_empty()).map(|one| Flow { span, ..one });
            return sure(given, span).chain(through).collect();
        }
        if whole(&name, &plain, self.dialect) {
            return sure(vec![Value::Whole], span).collect();
        }
        let mut asked: Values<N> = Vec::new();
        for text in asks(&name, &plain, self.dialect) {
            add(&mut asked, self.value(&Reference { text, is_template: false, expands: true, span }));
        }
        if !asked.is_empty() {
            return sure(asked, span).collect();
        }
        if self.dialect == Dialect::PowerShell && powershell::is_expression(&words) {
            return sure(self.all(&words), span).collect();
        }
        self.tells(&called);
        if let Some(values) = self.shows(&called, &given) {
            return sure(values, span).collect();
        }
        read.extend(self.input(command));
        if reads_files(&name, &plain, self.dialect) {
            for word in rest {
                read.extend(sure(self.file(&self.path(word), span), span));
            }
        }
        let flows = self.filter(&called, &given, read);
        let sinks = if flows.is_empty() { Vec::new() } else { self.sinks(&called) };
        for path in sinks {
            self.writes(&path, &flows);
            if is_shown(&path) {
                self.opens(Door::Printed, flows.clone());
            }
        }
        if keeps(&name) || name == "sed" && plain.iter().any(|word| edits(word)) { Vec::new() } else { flows }
    }

    /// What a function writes, with what it is given here.
    fn answers(&self, flows: &[Flow<N>], called: &Called<'_, '_>, given: &Values<N>) -> Vec<Flow<N>> {
        let mut all = Vec::new();
        for flow in flows {
            match flow.value {
                Value::Argument(0) => all.extend(sure(given.clone(), called.span)),
                Value::Argument(number) => {
                    let word = called.rest.get(number - 1);
                    all.extend(sure(word.map(|word| self.values(word)).unwrap_or_default(), called.span));
                }
                _ => all.push(flow.clone()),
            }
        }
        all.truncate(VALUES);
        all
    }

    /// What a command passes on of what it reads.
    fn filter(&self, called: &Called<'_, '_>, given: &Values<N>, read: Vec<Flow<N>>) -> Vec<Flow<N>> {
        let Called { command, name, plain: rest, span, .. } = *called;
        let mut all: Vec<Flow<N>> = Vec::new();
        let keeps = keeps(name);
        let inputs = command.redirects.iter().filter(|r| r.operator.starts_with('<'));
        for redirect in inputs {
            let word = if redirect.operator.starts_with("<<") && redirect.operator != "<<<" {
                &redirect.document
            } else {
                &redirect.to
            };
            let is_text = matches!(redirect.operator, "<<" | "<<-" | "<<<" | "<(");
            let values = word.as_ref().filter(|_| is_text).map(|word| self.values(word)).unwrap_or_default();
            all.extend(sure(values, span));
        }
        all.extend(read);
        all.retain_mut(|flow| {
            let Some(confidence) =
                passes(name, rest, matches!(flow.value, Value::Whole)).or(keeps.then_some(Confidence::High))
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
}

/// Whether a command writes what it reads into a file, and nothing else.
fn keeps(name: &str) -> bool {
    matches!(name, "set-content" | "add-content" | "out-file" | "sponge")
}

/// Values that a command is certain to write.
pub(super) fn sure<N>(all: Values<N>, span: Span) -> impl Iterator<Item = Flow<N>> {
    all.into_iter().map(move |value| Flow { value, span, confidence: Confidence::High })
}

/// The name of a command: without its folder, in small letters.
fn name(word: &Word<'_>, dialect: Dialect) -> String {
    let name = word.plain().to_ascii_lowercase();
    let name = name.rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(".exe").unwrap_or(name);
    if dialect == Dialect::Cmd { name.trim_start_matches('@').to_owned() } else { name.to_owned() }
}
