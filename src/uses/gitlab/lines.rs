//! Scripts that a pipeline puts together out of several values, as the shell sees them, and where each byte of them stands in the
//! file; and a pen that writes down what is found there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::usage::{Context, Door, Span, Store, System, Unread, Uses};
use crate::model::{Confidence, GapKind, Untrusted};
use crate::uses::notes::{Env, Meaning, Notes, looks_secret};
use crate::uses::shell::{Dialect, Script, Written};
use crate::uses::yaml::{Form, Node};

/// How many bytes of scripts are looked at for one file, those that several jobs share counted for each.
const SCRIPTS: usize = 4 << 20;

/// A script in pieces.
#[derive(Debug, Default)]
pub(in crate::uses) struct Lines {
    /// As the shell sees it.
    pub(in crate::uses) text: String,
    /// Where each byte stands in the file.
    places: Vec<u32>,
    /// Where pieces end, and what they stand in.
    pieces: Vec<(usize, Arc<Context>)>,
}

impl Lines {
    /// Adds a scalar as lines of its own. `source` is the file that it stands in.
    pub(in crate::uses) fn push(&mut self, source: &str, node: Node<'_>, context: &Arc<Context>) {
        let (Some(text), Some((raw, base))) = (node.text(), node.raw()) else { return };
        let quote = match node.form() {
            Some(Form::Quoted) => source.as_bytes().get(base.wrapping_sub(1)).copied(),
            _ => None,
        };
        let skipped = if node.form() == Some(Form::Block) { header(raw) } else { 0 };
        self.align(text, raw.get(skipped..).unwrap_or_default(), base + skipped, quote);
        self.words("\n", base + raw.len());
        self.pieces.push((self.text.len(), Arc::clone(context)));
    }

    /// Adds words that do not stand in the file.
    pub(in crate::uses) fn words(&mut self, words: &str, place: usize) {
        self.text.push_str(words);
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        self.places.extend(words.bytes().map(|_| place));
    }

    /// Walks the value and what is written for it side by side: indents, folded lines and escapes are in the one and not the other.
    fn align(&mut self, text: &str, raw: &str, base: usize, quote: Option<u8>) {
        let mut at = 0;
        for c in text.chars() {
            if !c.is_whitespace() {
                at += raw.get(at..).map_or(0, |rest| rest.len() - rest.trim_start().len());
            }
            let rest = raw.get(at..).unwrap_or_default();
            let first = rest.chars().next().unwrap_or(c);
            let length = match (quote, first) {
                (Some(b'"'), '\\') => escape(rest),
                (Some(b'\''), '\'') => 2,
                _ if first == c || (c.is_whitespace() && first.is_whitespace()) => first.len_utf8(),
                _ => 0,
            };
            let place = u32::try_from(base + at).unwrap_or(u32::MAX);
            self.text.push(c);
            for byte in 0..c.len_utf8() {
                self.places.push(place + u32::try_from(if first == c { byte } else { 0 }).unwrap_or(0));
            }
            at = (at + length).min(raw.len());
        }
    }

    /// Where in the file a part of the script is.
    pub(in crate::uses) fn place(&self, span: Span) -> Span {
        let place = |at: usize| self.places.get(at).map_or(0, |place| *place as usize);
        let start = place(span.start);
        Span { start, end: (place(span.end.saturating_sub(1)) + 1).max(start) }
    }

    /// What a byte of the script stands in.
    pub(in crate::uses) fn context(&self, at: usize) -> Option<&Arc<Context>> {
        let piece = self.pieces.partition_point(|(end, _)| *end <= at);
        self.pieces.get(piece).map(|(_, context)| context)
    }

    /// The script: its first byte is 0.
    pub(in crate::uses) fn script(&self, traced: bool) -> Script<'_> {
        let shell = self.text.contains("$env:") || self.text.contains("$Env:") || self.text.contains("${env:");
        let dialect = if shell { Dialect::PowerShell } else { Dialect::Posix };
        Script { text: &self.text, base: 0, dialect, traced }
    }
}

/// How long the first line of a block (`|-`) is, where it is there.
fn header(raw: &str) -> usize {
    let line = raw.lines().next().unwrap_or_default();
    let (mark, rest) = line.split_at_checked(1).unwrap_or_default();
    let rest = rest.split('#').next().unwrap_or_default().trim_end();
    let is_header =
        matches!(mark, "|" | ">") && rest.len() <= 2 && rest.bytes().all(|b| matches!(b, b'+' | b'-' | b'0'..=b'9'));
    if is_header { line.len() } else { 0 }
}

/// How long an escape between double quotes is.
fn escape(rest: &str) -> usize {
    match rest.as_bytes().get(1) {
        Some(b'x') => 4,
        Some(b'u') => 6,
        Some(b'U') => 10,
        _ => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
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
    left: usize,
    contexts: HashMap<Context, Arc<Context>>,
}

impl Pen {
    pub(in crate::uses) fn new(system: System) -> Self {
        let (before, since, scopes, contexts) = <_>::default();
        Self { notes: Notes::new(system), system, before, since, scopes, left: SCRIPTS, contexts }
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
    pub(in crate::uses) fn script(&mut self, lines: &Lines, sense: &Sense<'_>) -> Vec<Written<Untrusted>> {
        if lines.text.len() > self.left {
            let at = lines.places.first().map_or(0, |place| *place as usize);
            let why = format!(
                "its jobs have more than {SCRIPTS} bytes of scripts, shared ones counted for each: the rest was not read"
            );
            self.notes.unread([Unread { at, kind: Some(GapKind::OverBudget), why }]);
            self.left = 0;
            return Vec::new();
        }
        self.left -= lines.text.len();
        let script = lines.script(sense.traced);
        let mut notes = Notes::new(self.system);
        let nothing = Arc::new(Context::default());
        notes.reads(script, sense.known, &|name| (sense.store)(name).is_none(), &nothing);
        let mut env = sense.known.clone();
        env.set("", sense.around.cloned().into_iter().collect());
        let meaning = Meaning { template: &|_| Vec::new(), free: &|name| sense.free(name) };
        let written = notes.script(script, &env, &meaning, &nothing);
        self.copy(&notes.done(), lines, sense);
        let place = |one: Written<Untrusted>| Written { span: lines.place(one.span), ..one };
        written.into_iter().map(place).collect()
    }

    /// Takes over what was found in a script, at its places in the file.
    fn copy(&mut self, found: &Uses, lines: &Lines, sense: &Sense<'_>) {
        for one in &found.uses {
            let name = String::from_utf8_lossy(one.name.raw()).into_owned();
            let (Some(store), Some(context)) = ((sense.store)(&name), lines.context(one.span.start)) else { continue };
            self.uses(&name, store, None, lines.place(one.span), context);
        }
        for one in &found.exposures {
            let Some(context) = lines.context(one.span.start) else { continue };
            self.exposes(one.door, one.name.clone(), lines.place(one.span), context, one.confidence);
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
