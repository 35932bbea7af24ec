//! A pen that writes down what is found in scripts whose parts stand in several jobs: what was told for one is not told again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::budget::Budget;
use super::notes::{Env, Meaning, Notes, looks_secret};
use super::script::Lines;
use super::shell::{Dialect, Script, Written};
use super::yaml::Node;
use crate::model::usage::{Context, Door, Span, Store, System, Unread, Uses};
use crate::model::{Confidence, Untrusted};

/// How many bytes of scripts are looked at for one file, those that several jobs share counted for each.
const SCRIPTS: usize = 4 << 20;

/// A script in pieces that stand in contexts of their own.
#[derive(Clone, Debug, Default)]
pub(in crate::uses) struct Pieces<'y> {
    pub(in crate::uses) lines: Lines<'y>,
    /// Where pieces end, and what they stand in.
    ends: Vec<(usize, Arc<Context>)>,
}

impl<'y> Pieces<'y> {
    /// Adds a scalar as lines of its own.
    pub(in crate::uses) fn push(&mut self, node: Node<'y>, context: &Arc<Context>) {
        self.lines.push(node);
        self.ends.push((self.lines.text().len(), Arc::clone(context)));
    }

    /// As the shell sees it.
    pub(in crate::uses) fn text(&self) -> &str {
        self.lines.text()
    }

    /// Where in the file a part of the script is.
    pub(in crate::uses) fn place(&self, span: Span) -> Span {
        self.lines.place(span)
    }

    /// What a byte of the script stands in.
    pub(in crate::uses) fn context(&self, at: usize) -> Option<&Arc<Context>> {
        let piece = self.ends.partition_point(|(end, _)| *end <= at);
        self.ends.get(piece).map(|(_, context)| context)
    }

    /// The script: its first byte is 0. Its shell is the one whose variables it has.
    pub(in crate::uses) fn script(&self, traced: bool) -> Script<'_> {
        let is_power = ["$env:", "$Env:", "${env:"].iter().any(|mark| self.text().contains(mark));
        let dialect = if is_power { Dialect::PowerShell } else { Dialect::Posix };
        Script { traced, ..self.lines.script(dialect) }
    }
}

/// What the variables of a script mean.
pub(in crate::uses) struct Sense<'a> {
    /// Those that the file sets.
    pub(in crate::uses) known: &'a Env,
    /// A secret that is in the environment, whether or not the script names it.
    pub(in crate::uses) around: Option<&'a Untrusted>,
    /// The store of a variable that nothing in the file sets; `None` where the system itself sets it.
    pub(in crate::uses) store: &'a dyn Fn(&str) -> Option<Store>,
    /// Whether the shell prints every command from the start.
    pub(in crate::uses) traced: bool,
    /// The secrets behind what stands between the braces of a template.
    pub(in crate::uses) template: &'a dyn Fn(&str) -> Vec<Untrusted>,
    /// Those of them that are secrets by their names alone.
    pub(in crate::uses) unsure: &'a [Untrusted],
}

impl Sense<'_> {
    /// The secret that such a variable is.
    pub(in crate::uses) fn free(&self, name: &str) -> Vec<Untrusted> {
        free(self.store, name)
    }
}

/// The secret that a variable is which nothing in the file sets.
pub(in crate::uses) fn free(store: &dyn Fn(&str) -> Option<Store>, name: &str) -> Vec<Untrusted> {
    let is_secret = store(name).is_some_and(|store| store == Store::Secret || looks_secret(name));
    if is_secret { vec![Untrusted::from(name)] } else { Vec::new() }
}

/// Writes down what is found. Parts that are told for those who use them are not told again for themselves.
#[derive(Debug)]
pub(in crate::uses) struct Pen {
    pub(in crate::uses) notes: Notes,
    system: System,
    /// What was told before, and what was told since.
    before: HashSet<(Span, Option<Door>)>,
    since: HashSet<(Span, Option<Door>)>,
    scopes: HashSet<(Span, usize)>,
    budget: Budget,
    contexts: HashMap<Context, Arc<Context>>,
}

impl Pen {
    pub(in crate::uses) fn new(system: System) -> Self {
        let (before, since, scopes, contexts) = <_>::default();
        Self { notes: Notes::new(system), system, before, since, scopes, budget: Budget::new(SCRIPTS), contexts }
    }

    /// What was written, in the order of the file.
    pub(in crate::uses) fn done(mut self) -> Uses {
        self.notes.unread(self.budget.unread());
        self.notes.done()
    }

    /// From now on, what was told so far is not told again.
    pub(in crate::uses) fn only_new(&mut self) {
        self.before.extend(std::mem::take(&mut self.since));
    }

    /// A context, each once.
    pub(in crate::uses) fn context(&mut self, context: Context) -> Arc<Context> {
        Arc::clone(self.contexts.entry(context.clone()).or_insert_with(|| Arc::new(context)))
    }

    fn tells(&mut self, span: Span, door: Option<Door>) -> bool {
        self.since.insert((span, door));
        !self.before.contains(&(span, door))
    }

    /// A part of the file that stands in a context, each once.
    pub(in crate::uses) fn scope(&mut self, span: Span, context: &Arc<Context>) {
        if self.scopes.insert((span, Arc::as_ptr(context) as usize)) {
            self.notes.scope(span, context);
        }
    }

    /// A reference; how sure it is depends on its name, where it may be any variable.
    pub(in crate::uses) fn uses(
        &mut self,
        name: &str,
        store: Store,
        variable: Option<&str>,
        span: Span,
        context: &Arc<Context>,
    ) {
        let sure = store != Store::Variable || looks_secret(name);
        self.uses_surely(
            name,
            store,
            variable,
            span,
            context,
            if sure { Confidence::High } else { Confidence::Medium },
        );
    }

    /// A reference, and how sure it is.
    pub(in crate::uses) fn uses_surely(
        &mut self,
        name: &str,
        store: Store,
        variable: Option<&str>,
        span: Span,
        context: &Arc<Context>,
        confidence: Confidence,
    ) {
        if self.tells(span, None) {
            self.notes.uses_surely(name, store, variable, span, context, confidence);
        }
    }

    /// A door.
    pub(in crate::uses) fn exposes(
        &mut self,
        door: Door,
        name: Option<Untrusted>,
        span: Span,
        context: &Arc<Context>,
        sure: Confidence,
    ) {
        if self.tells(span, Some(door)) {
            self.notes.exposes(door, name, span, context, sure);
        }
    }

    /// Reads a script: what it names, which doors it opens. Gives back the files that it writes secrets into.
    pub(in crate::uses) fn script(&mut self, lines: &Pieces<'_>, sense: &Sense<'_>) -> Vec<Written<Untrusted>> {
        if !self.budget.pays(lines.text().len()) {
            return Vec::new();
        }
        let script = lines.script(sense.traced);
        let mut notes = Notes::new(self.system);
        let nothing = Arc::new(Context::default());
        notes.reads(script, sense.known, &|name| (sense.store)(name).is_none(), &nothing);
        let mut env = sense.known.clone();
        env.set("", sense.around.cloned().into_iter().collect());
        let meaning = Meaning { template: sense.template, free: &|name| sense.free(name) };
        let written = notes.script(script, &env, &meaning, &nothing);
        self.copy(&notes.done(), lines, sense);
        let place = |one: Written<Untrusted>| Written { span: lines.place(one.span), ..one };
        written.into_iter().map(place).collect()
    }

    /// Takes over what was found in a script, at its places in the file.
    fn copy(&mut self, found: &Uses, lines: &Pieces<'_>, sense: &Sense<'_>) {
        for one in &found.unread {
            let at = lines.place(Span { start: one.at, end: one.at }).start;
            self.notes.unread([Unread { at, ..one.clone() }]);
        }
        for one in &found.uses {
            let name = String::from_utf8_lossy(one.name.raw()).into_owned();
            // What a command fetches is kept elsewhere.
            let store = if one.store == Store::Variable { (sense.store)(&name) } else { Some(one.store) };
            let (Some(store), Some(context)) = (store, lines.context(one.span.start)) else { continue };
            self.uses(&name, store, None, lines.place(one.span), context);
        }
        for one in &found.exposures {
            let Some(context) = lines.context(one.span.start) else { continue };
            let is_unsure = one.name.as_ref().is_some_and(|name| sense.unsure.contains(name));
            let sure = if is_unsure { one.confidence.min(Confidence::Medium) } else { one.confidence };
            self.exposes(one.door, one.name.clone(), lines.place(one.span), context, sure);
        }
    }

    /// Files with secrets that are kept; those that `leaves_out` has are not.
    pub(in crate::uses) fn keeps(
        &mut self,
        written: &[Written<Untrusted>],
        paths: &[&str],
        leaves_out: &[&str],
        context: &Arc<Context>,
    ) {
        let kept = |paths: &[&str]| {
            let mut notes = Notes::new(self.system);
            notes.keeps(written, paths, context);
            notes.done().exposures
        };
        let without = kept(leaves_out);
        for one in kept(paths).into_iter().filter(|one| !without.contains(one)) {
            self.exposes(one.door, one.name, one.span, context, one.confidence);
        }
    }
}
