//! Goes through a pipeline: stages, blocks that bind credentials, what variables are set to.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::code::{Code, Range};
use super::names::{Holds, Part, held_by, is_own};
use super::tokens::Kind;
use crate::model::usage::{Context, Door, Span, Store, Uses};
use crate::model::{Confidence, Untrusted};
use crate::uses::budget::Budget;
use crate::uses::label::label;
use crate::uses::notes::{Notes, looks_secret};
use crate::uses::shell::Written;

/// How much is looked at, in bytes, what is looked at again counted again.
const MOST: usize = 16 << 20;

/// A walk.
#[derive(Debug)]
pub(super) struct Walk<'t> {
    pub(super) code: Code<'t>,
    pub(super) notes: Notes,
    /// Variables that hold one text throughout the file; `None` where there are several.
    constants: HashMap<&'t str, Option<String>>,
    /// Variables that the file sets somewhere.
    pub(super) set: HashSet<String>,
    /// Parameters of the build that take no free text.
    pub(super) bounded: Vec<&'t str>,
    /// What is open: parts, the outer ones first.
    parts: Vec<Part>,
    /// Files that secrets were written into.
    pub(super) written: Vec<(Written<Untrusted>, Arc<Context>)>,
    /// Libraries that are not pinned.
    pub(super) libraries: Vec<Span>,
    /// Whether there are credentials.
    pub(super) has_credentials: bool,
    /// What the current statement calls.
    pub(super) call: Option<&'t str>,
    budget: Budget,
}

impl<'t> Walk<'t> {
    pub(super) fn new(code: Code<'t>, notes: Notes) -> Self {
        let whole = Part { end: usize::MAX, context: Arc::default(), names: Rc::default() };
        let (constants, set, bounded, written, libraries) = <_>::default();
        let (parts, has_credentials, call, budget) = (vec![whole], false, None, Budget::new(MOST));
        Self { code, notes, constants, set, bounded, parts, written, libraries, has_credentials, call, budget }
    }

    /// Goes through the file.
    pub(super) fn run(mut self) -> Uses {
        self.prepare();
        let mut at = 0;
        while at < self.code.tokens.len() && self.budget.pays(0) {
            while self.parts.len() > 1 && self.parts.last().is_some_and(|part| part.end <= at) {
                self.parts.pop();
            }
            at = self.token(at).max(at + 1);
        }
        for span in std::mem::take(&mut self.libraries) {
            if self.has_credentials {
                let context = Arc::default();
                self.notes.exposes(Door::Unpinned, None, span, &context, Confidence::Low);
            }
        }
        if !self.code.complete {
            self.budget.pays(usize::MAX);
        }
        self.notes.unread(self.budget.unread());
        self.notes.done()
    }

    /// Pays for looking at a range.
    pub(super) fn pays(&mut self, range: Range) -> bool {
        let first = self.code.token(range.start).map_or(0, |token| token.span.start);
        let last = self.code.token(range.end.saturating_sub(1).max(range.start)).map_or(first, |token| token.span.end);
        self.spends(last.saturating_sub(first) + 1)
    }

    pub(super) fn spends(&mut self, cost: usize) -> bool {
        self.budget.pays(cost)
    }

    /// The innermost part.
    pub(super) fn part(&mut self) -> Part {
        self.parts.last().cloned().unwrap_or(Part { end: usize::MAX, context: Arc::default(), names: Rc::default() })
    }

    pub(super) fn context(&self) -> Arc<Context> {
        self.parts.last().map(|part| Arc::clone(&part.context)).unwrap_or_default()
    }

    /// The context of a step.
    pub(super) fn step(&self, name: Option<&str>) -> Arc<Context> {
        let outer = self.context();
        let step = name.map(label);
        if step == outer.step { outer } else { Arc::new(Context { step, ..(*outer).clone() }) }
    }

    /// Sets a variable from here to the end of the part.
    pub(super) fn sets(&mut self, name: &str, holds: Holds, secrets: Vec<Untrusted>) {
        let Some(mut part) = self.parts.pop() else { return };
        // What shares its names with an outer part gets its own.
        let size = part.names.size;
        if Rc::strong_count(&part.names) > 1 && !self.spends(size.saturating_mul(64) + 1) {
            return self.parts.push(part);
        }
        if !Rc::make_mut(&mut part.names).set(name, holds, secrets) {
            self.budget.pays(usize::MAX);
        }
        self.parts.push(part);
    }

    /// Opens a part at the brace of a block.
    pub(super) fn opens(&mut self, brace: usize, context: Arc<Context>) {
        let end = self.code.token(brace).map_or(brace, |token| token.mate);
        let names = self.part().names;
        self.parts.push(Part { end, context, names });
    }

    /// What the variables of a range hold.
    pub(super) fn secrets(&mut self, range: Range) -> Vec<Untrusted> {
        if !self.pays(range) {
            return Vec::new();
        }
        let names = self.code.names(range);
        let reads_file = (range.start..range.end).any(|at| self.code.word(at) == Some("readFile"));
        let known = self.part().names;
        let mut all: Vec<Untrusted> = Vec::new();
        for name in names {
            let files = known.files.get(name).filter(|_| reads_file).unwrap_or_default();
            for one in known.env.get(name).unwrap_or_default().iter().chain(files) {
                if !all.contains(one) {
                    all.push(one.clone());
                }
            }
        }
        all
    }

    /// The text of a string or of a variable that holds one, and how sure it is.
    pub(super) fn text(&self, range: Range) -> Option<(String, Confidence)> {
        if let Some(name) = self.code.word(range.start).filter(|_| range.end == range.start + 1) {
            return Some((self.constants.get(name)?.clone()?, Confidence::High));
        }
        let cooked = self.code.cooked(self.code.string(range.start).filter(|_| range.end == range.start + 1)?);
        if cooked.filled.is_empty() {
            return Some((cooked.text, Confidence::High));
        }
        let (mut text, mut sure) = (cooked.text.clone(), Confidence::High);
        for (number, one) in cooked.filled.iter().enumerate() {
            let known = self.constants.get(one.text.trim().trim_start_matches("env.")).cloned().flatten();
            if known.is_none() {
                sure = Confidence::Low;
            }
            let value = known.unwrap_or_else(|| format!("${{{}}}", one.text));
            text = text.replace(&format!("${{{{g{number}}}}}"), &value);
        }
        Some((text, sure))
    }

    /// The bytes of a range; of a string alone, what is between its quotes.
    pub(super) fn span(&self, range: Range) -> Span {
        let first = self.code.token(range.start).map(|token| token.inner).unwrap_or_default();
        match self.code.token(range.end.saturating_sub(1)).filter(|_| range.end > range.start + 1) {
            Some(last) => Span { start: first.start, end: last.span.end.max(first.start) },
            None => first,
        }
    }

    /// A reference to a credential.
    pub(super) fn refers(&mut self, id: Range, variable: Option<&str>, context: &Arc<Context>) -> Option<Untrusted> {
        let (name, sure) = self.text(id).filter(|(name, _)| !name.is_empty())?;
        self.has_credentials = true;
        self.notes.uses_surely(&name, Store::Secret, variable, self.span(id), context, sure);
        Some(name.as_str().into())
    }

    /// What holds for the whole file: constants, parameters, what a vault fills in, what starts it.
    fn prepare(&mut self) {
        for at in 0..self.code.tokens.len() {
            let Some(word) = self.code.word(at) else { continue };
            match word {
                "choice" | "booleanParam" | "string" | "text" => {
                    let name = self.parameter(at);
                    self.bounded.extend(name.filter(|_| matches!(word, "choice" | "booleanParam")));
                    self.set.extend(name.filter(|name| !looks_secret(name)).map(str::to_owned));
                }
                "password" => {
                    if let Some(name) = self.parameter(at) {
                        self.sets(name, Holds::Secret, vec![name.into()]);
                    }
                }
                "envVar" if self.code.is(at + 1, b':') => {
                    if let Some((variable, name)) = self.code.plain(at + 2).zip(self.vault_key(at)) {
                        let upper = variable.to_ascii_uppercase();
                        let is_user = upper.ends_with("USER") || upper.ends_with("USERNAME");
                        let holds = if is_user { Holds::Plain } else { Holds::Secret };
                        self.sets(&variable, holds, vec![name.as_str().into()]);
                    }
                }
                "pipelineTriggers" => {
                    let range = self.code.arguments(at).filter(|range| self.pays(*range));
                    let events = range.map(|range| self.events(range, b'[')).unwrap_or_default();
                    self.starts_by(events);
                }
                "withEnv" => {
                    let range = self.code.arguments(at).filter(|range| self.pays(*range));
                    let strings = range.map(|range| self.code.strings(range)).unwrap_or_default();
                    let texts = strings.into_iter().filter_map(|at| Some(self.code.cooked(self.code.string(at)?).text));
                    let names: Vec<String> =
                        texts.filter_map(|text| Some(text.split_once('=')?.0.to_owned())).collect();
                    self.set.extend(names);
                }
                _ => self.constant(at, word),
            }
        }
    }

    fn constant(&mut self, at: usize, word: &'t str) {
        if !self.code.is(at + 1, b'=') || self.code.is(at + 2, b'=') {
            return;
        }
        self.set.insert(word.to_owned());
        let Some(value) = self.code.plain(at + 2) else { return };
        let alone =
            self.code.token(at + 3).is_none_or(|next| next.first || matches!(next.kind, Kind::Mark(b'}' | b';')));
        let value = Some(value).filter(|_| alone);
        if !self.spends(value.as_ref().map_or(1, String::len) + 1) {
            return;
        }
        self.constants
            .entry(word)
            .and_modify(|known| *known = known.take().filter(|k| Some(k) == value.as_ref()))
            .or_insert(value);
    }

    /// The name of a parameter of the build: `password(name: 'NAME', …)`.
    fn parameter(&mut self, at: usize) -> Option<&'t str> {
        let range = self.code.arguments(at).filter(|range| self.pays(*range))?;
        let name = self.code.named(range).into_iter().find(|one| one.name == Some("name"))?;
        let inner = self.code.string(name.value.start)?.inner;
        self.code.text.get(inner.start..inner.end)
    }

    fn starts_by(&mut self, events: Vec<Untrusted>) {
        if let Some(part) = self.parts.first_mut().filter(|_| !events.is_empty()) {
            part.context = Arc::new(Context { events, ..(*part.context).clone() });
        }
    }

    /// What starts a pipeline: the calls in a range that stand in a certain bracket.
    fn events(&self, range: Range, parent: u8) -> Vec<Untrusted> {
        let mut all: Vec<Untrusted> = Vec::new();
        for at in range.start..range.end.min(self.code.tokens.len()) {
            let is_call =
                self.code.token(at).is_some_and(|token| token.parent == parent) && self.code.arguments(at).is_some();
            if let Some(word) = self.code.word(at).filter(|_| is_call)
                && !all.contains(&word.into())
            {
                all.push(word.into());
            }
        }
        all
    }

    /// What a block says of itself before anything in it: what starts it, when it runs, its environment.
    pub(super) fn block_context(&mut self, brace: usize, mut context: Context) -> Context {
        let mut at = brace + 1;
        let end = self.code.token(brace).map_or(brace, |token| token.mate).min(self.code.tokens.len());
        while at < end {
            let inner = Range { start: at + 2, end: self.code.after(at + 1).saturating_sub(1).min(end) };
            match self.code.word(at).filter(|_| self.code.is(at + 1, b'{')) {
                Some("triggers") if self.pays(inner) => context.events = self.events(inner, b'{'),
                Some("when") if self.pays(inner) => self.when(inner, &mut context),
                _ => {}
            }
            at = self.code.after(at);
        }
        context
    }

    /// `when { … }`; what it says with `not` says nothing of what starts it.
    fn when(&self, range: Range, context: &mut Context) {
        let mut events: Vec<Untrusted> = Vec::new();
        let mut at = range.start;
        while at < range.end {
            match self.code.word(at) {
                Some("not") => {
                    at = self.code.after(at + 1);
                    continue;
                }
                Some("changeRequest") => events.push("change_request".into()),
                Some("buildingTag" | "tag") => events.push("tag".into()),
                Some("triggeredBy") => events.extend(self.code.plain(at + 1).map(|word| word.as_str().into())),
                Some("environment") => {
                    let all = self.code.arguments(at).map(|range| self.code.named(range)).unwrap_or_default();
                    let text = |name: &str| {
                        let one = all.iter().find(|one| one.name == Some(name))?;
                        self.code.plain(one.value.start)
                    };
                    let says_where = text("name").is_some_and(|name| name.contains("DEPLOY") || name.contains("ENV"));
                    context.environment = text("value").filter(|_| says_where).map(|value| value.as_str().into());
                }
                _ => {}
            }
            at += 1;
        }
        if !events.is_empty() {
            context.events = events;
        }
    }

    /// Sets the environment that a block has, wherever in it that stands.
    pub(super) fn environment(&mut self, brace: usize) {
        let end = self.code.token(brace).map_or(brace, |token| token.mate).min(self.code.tokens.len());
        let mut at = brace + 1;
        while at < end {
            if self.code.word(at) == Some("environment") && self.code.is(at + 1, b'{') {
                let inner = self.code.after(at + 1).saturating_sub(1).min(end);
                for entry in at + 2..inner {
                    if let Some(value) = self.code.assigned(entry).filter(|value| self.pays(*value)) {
                        self.assigns(entry, value);
                    }
                }
            }
            at = self.code.after(at);
        }
    }

    /// Takes what a variable is set to.
    pub(super) fn assigns(&mut self, at: usize, value: Range) {
        let Some(word) = self.code.word(at) else { return };
        let credential = (value.start..value.end).find(|at| {
            self.code.word(*at) == Some("credentials")
                && (self.code.is(at + 1, b'(') || self.code.string(at + 1).is_some())
        });
        let id = credential.and_then(|at| self.code.arguments(at)).and_then(|range| self.text(range));
        if let Some((id, _)) = id {
            let id = Untrusted::from(id.as_str());
            self.sets(word, held_by(word), vec![id.clone()]);
            self.sets(&format!("{word}_USR"), Holds::Plain, Vec::new());
            self.sets(&format!("{word}_PSW"), Holds::Secret, vec![id]);
            return;
        }
        let mut secrets = self.secrets(value);
        if let Some(key) = self.vault_step(value) {
            secrets.push(key.as_str().into());
        }
        // What nothing is known of is set all the same, so that it hides an outer one.
        if !secrets.is_empty() || self.part().names.env.get(word).is_some_and(|known| !known.is_empty()) {
            self.sets(word, Holds::Secret, secrets);
        }
    }

    /// The key of a secret that the step `vault` fetches: `NAME = vault path: 'secret/app', key: 'token'`.
    pub(super) fn vault_step(&self, value: Range) -> Option<String> {
        let at = (value.start..value.end).find(|at| self.code.word(*at) == Some("vault"))?;
        let all = self.code.named(self.code.arguments(at)?);
        let text = |name: &str| self.code.plain(all.iter().find(|one| one.name == Some(name))?.value.start);
        Some(format!("{}/{}", text("path")?, text("key")?))
    }

    /// A variable of the build that nothing in the file sets.
    pub(super) fn reads(&mut self, name: &str, span: Span) {
        let known = self.part().names;
        if known.env.get(name).is_some() || self.set.contains(name) || is_own(name) {
            return;
        }
        let sure = if looks_secret(name) { Confidence::High } else { Confidence::Medium };
        let context = self.step(self.call);
        self.notes.uses_surely(name, Store::Variable, None, span, &context, sure);
    }
}
