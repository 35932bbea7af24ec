//! What some tools show of what they are given: shells that are traced, builders of images, `curl`, `kubectl`.

use std::borrow::Cow;

use super::doors::{Called, Examiner, Value, Values, sure};
use super::known::{is_name, is_shown, writes};
use super::variables::add;
use super::words::Word;
use super::{Dialect, Reference};
use crate::model::usage::{Door, Span};

/// Flags of `curl` that take a value, as letters.
const TAKING: &str = "AbCcDdeEFhHKmoPQrtTuUwxXyYz";
/// Those whose value no line of a request has that `-v` shows.
const UNSHOWN: &[&str] = &[
    "-d",
    "-F",
    "-T",
    "-o",
    "-K",
    "-w",
    "-E",
    "-x",
    "-U",
    "-c",
    "-D",
    "--data",
    "--data-raw",
    "--data-binary",
    "--data-urlencode",
    "--data-ascii",
    "--json",
    "--form",
    "--form-string",
    "--upload-file",
    "--output",
    "--config",
    "--write-out",
    "--cert",
    "--key",
    "--pass",
    "--proxy",
    "--proxy-user",
    "--cookie-jar",
    "--dump-header",
    "--cacert",
];
/// Ways to log in that do not send the password as it is.
const HASHED: &[&str] = &["--digest", "--ntlm", "--negotiate", "--anyauth", "--aws-sigv4"];

impl<N: Clone + Eq> Examiner<'_, N> {
    /// `set -x` and what ends it.
    pub(super) fn traces(&mut self, name: &str, rest: &[Cow<'_, str>]) {
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
    pub(super) fn trace(&mut self, words: &[&Word<'_>], name: &str, span: Span) {
        // The heads of loops are printed as they are written; PowerShell prints all lines so.
        let is_head = matches!(name, "for" | "case" | "select") || self.dialect == Dialect::PowerShell;
        if self.traced && !is_head {
            let values = self.all(words);
            self.traces_values(values, span);
        }
    }

    pub(super) fn traces_values(&mut self, values: Values<N>, span: Span) {
        let flows = sure(values, span).filter(|flow| flow.value != Value::Whole).collect();
        self.opens(Door::Traced, flows);
    }

    /// `docker build --build-arg NAME=value`, and `--build-arg NAME`, which takes it from the environment; `buildx bake --set`.
    pub(super) fn builds(&mut self, called: &Called<'_, '_>) {
        let has = |word: &Cow<'_, str>| word.contains("build-arg") || word == "bake";
        if !called.plain.iter().any(has) || writes(called.name, called.rest) {
            return;
        }
        let mut values: Values<N> = Vec::new();
        let bakes = called.plain.iter().any(|word| word == "bake");
        for (at, word) in called.plain.iter().enumerate() {
            let inner = word
                .strip_prefix("--build-arg")
                .or_else(|| word.strip_prefix("--opt=build-arg:"))
                .or_else(|| word.strip_prefix("build-arg:"))
                .or_else(|| word.strip_prefix("--set").filter(|_| bakes));
            let Some(inner) = inner else { continue };
            let at = at + usize::from(inner.is_empty());
            let (Some(given), Some(text)) = (called.rest.get(at), called.plain.get(at)) else { continue };
            // Other things of a target can be set as well.
            if word.starts_with("--set") && !text.contains(".args.") {
                continue;
            }
            let found = self.values(given);
            let text = text.strip_prefix("--build-arg=").unwrap_or(text);
            if found.is_empty() && is_name(text) {
                let span = given.span;
                add(&mut values, self.value(&Reference { text, is_template: false, expands: true, span }));
            }
            add(&mut values, found);
        }
        let flows = sure(values, called.span).filter(|flow| flow.value != Value::Whole).collect();
        self.opens(Door::BuildArgument, flows);
    }

    /// `curl -v` writes the headers of its request to where errors go.
    pub(super) fn tells(&mut self, called: &Called<'_, '_>) {
        if called.name != "curl" || !called.plain.iter().any(|word| is_verbose(word)) || is_away(self, called) {
            return;
        }
        let is_hashed = called.plain.iter().any(|word| HASHED.contains(&&**word));
        let (mut values, mut before): (Values<N>, &str) = (Vec::new(), "");
        for (word, plain) in called.rest.iter().zip(called.plain) {
            let option = std::mem::replace(&mut before, plain);
            // `--data=…` is none of them; `-dname=…` is.
            let option = if plain.starts_with('-') { plain } else { option };
            let is_unshown = UNSHOWN.iter().any(|own| {
                option == *own
                    || own.len() == 2 && option.starts_with(own)
                    || takes(option) == own.chars().nth(1) && own.len() == 2
            });
            let is_login = matches!(option, "--user") || takes(option) == Some('u');
            if !(is_unshown || is_login && is_hashed) {
                add(&mut values, self.values(word));
            }
        }
        let flows = sure(values, called.span).filter(|flow| flow.value != Value::Whole).collect();
        self.opens(Door::Printed, flows);
    }

    /// What a command shows that makes an object of Kubernetes, and does not send it.
    pub(super) fn shows(&self, called: &Called<'_, '_>, given: &Values<N>) -> Option<Values<N>> {
        let mut words = called.plain.iter();
        let has = |wanted: &str| called.plain.iter().any(|word| word == wanted);
        let is_dry = words.any(|word| word.starts_with("--dry-run") && word != "--dry-run=none");
        let is_create = matches!(called.name, "kubectl" | "oc") && is_dry && has("create");
        let formats = called.plain.iter().zip(called.plain.iter().skip(1));
        let is_whole = |format: &str| matches!(format, "yaml" | "json");
        let shown = formats.clone().any(|(option, format)| matches!(&**option, "-o" | "--output") && is_whole(format))
            || called.plain.iter().any(|word| {
                ["-o=", "--output=", "-o"].iter().any(|option| word.strip_prefix(option).is_some_and(is_whole))
            });
        (is_create && shown).then(|| given.clone())
    }
}

/// The letter of an option of `curl` that takes a value, if one in the word does.
fn takes(word: &str) -> Option<char> {
    let letters = word.strip_prefix('-').filter(|letters| !letters.starts_with('-'))?;
    letters.chars().find(|letter| TAKING.contains(*letter))
}

/// Whether an option has `curl` tell what it sends.
fn is_verbose(word: &str) -> bool {
    let letters = word.strip_prefix('-').filter(|letters| !letters.starts_with('-')).unwrap_or_default();
    word == "--verbose" || letters.chars().take_while(|letter| !TAKING.contains(*letter)).any(|letter| letter == 'v')
}

/// Whether what a command writes as errors is not shown as it is.
fn is_away<N: Clone + Eq>(examiner: &Examiner<'_, N>, called: &Called<'_, '_>) -> bool {
    let (mut output, mut errors) = (called.command.piped, false);
    for redirect in &called.command.redirects {
        let is_shown = || redirect.to.as_ref().is_some_and(|word| is_shown(&examiner.path(word)));
        match (redirect.operator, redirect.from) {
            ("&", _) => errors = output,
            (operator, 1) if operator.starts_with('>') => output = !is_shown(),
            (operator, 2) if operator.starts_with('>') => errors = !is_shown(),
            _ => {}
        }
    }
    errors
}
