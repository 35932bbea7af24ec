//! Commands that fetch a secret from where it is kept, and write it to their output. Sources:
//! <https://docs.aws.amazon.com/cli/latest/reference/secretsmanager/get-secret-value.html>,
//! <https://cloud.google.com/sdk/gcloud/reference/secrets/versions/access>,
//! <https://learn.microsoft.com/en-us/cli/azure/keyvault/secret>, <https://developer.hashicorp.com/vault/docs/commands/kv/get>,
//! <https://developer.1password.com/docs/cli/reference/commands/read/>,
//! <https://kubernetes.io/docs/reference/kubectl/generated/kubectl_get/>.

use super::doors::{Called, Examiner, Flow, TOLD, Value, sure};
use super::names::tells_about;
use super::words::Word;
use super::{Dialect, Fetched};
use crate::model::usage::{Span, Store};

/// Options of `kubectl` and `vault` that have their value in the next word.
const TAKING: &[&str] = &[
    "-n",
    "--namespace",
    "-o",
    "--output",
    "-l",
    "--selector",
    "--context",
    "--kubeconfig",
    "--template",
    "--field-selector",
    "--cluster",
    "--user",
    "-s",
    "--server",
    "--token",
    "--as",
    "--sort-by",
    "--request-timeout",
    "-field",
    "-mount",
    "-format",
    "-version",
    "-namespace",
    "-address",
];

/// What a command fetches.
#[derive(Default)]
struct Fetch {
    names: Vec<(String, Span)>,
    store: Option<Store>,
    /// Whether it writes the values to its output.
    is_written: bool,
    /// The file that it writes them into instead.
    file: Option<String>,
}

impl<N: Clone + Eq> Examiner<'_, N> {
    /// What a command fetches and writes; `None` for one that fetches nothing.
    pub(super) fn fetches(&mut self, called: &Called<'_, '_>) -> Option<Vec<Flow<N>>> {
        let fetch = match called.name {
            "aws" => aws(called),
            "gcloud" => gcloud(called),
            "az" => azure(called),
            "vault" | "bao" => vault(called),
            "op" => one_password(called),
            "kubectl" | "oc" => kubernetes(called),
            "get-azkeyvaultsecret" if self.dialect == Dialect::PowerShell => key_vault(called),
            _ => None,
        }?;
        let mut values = Vec::new();
        for (name, span) in fetch.names {
            values.extend((self.sources.fetched)(&name).map(Value::Of));
            let span = self.within.as_ref().map_or(span, |within| within.place(span));
            if self.seen.fetched.len() < TOLD && !self.within.as_ref().is_some_and(|within| within.is_muted) {
                self.seen.fetched.push(Fetched { name, store: fetch.store.unwrap_or(Store::Manager), span });
            }
        }
        let flows: Vec<_> = sure(values, called.span).collect();
        if let Some(path) = fetch.file {
            self.writes(&path, &flows);
            return Some(Vec::new());
        }
        Some(if fetch.is_written { flows } else { Vec::new() })
    }
}

/// Whether these words follow each other among those of a command, whatever stands between; and the place behind them.
fn behind(called: &Called<'_, '_>, wanted: &[&str]) -> Option<usize> {
    let mut at = 0;
    for word in wanted {
        at += called.plain.get(at..)?.iter().position(|own| own == word)? + 1;
    }
    Some(at)
}

/// What an option has: `--name value`, `--name=value`. Where it stands, and how much of the word is the option.
fn option(called: &Called<'_, '_>, names: &[&str]) -> Option<(usize, usize)> {
    called.plain.iter().enumerate().find_map(|(at, word)| {
        let (own, value) = word.split_once('=').map_or((&**word, None), |(own, value)| (own, Some(value)));
        let is_own = names.iter().any(|name| name.eq_ignore_ascii_case(own));
        match value {
            _ if !is_own => None,
            Some(_) => Some((at, own.len() + 1)),
            None => Some((at + 1, 0)),
        }
    })
}

fn value<'c>(called: &Called<'c, '_>, names: &[&str]) -> Option<&'c str> {
    let (at, from) = option(called, names)?;
    called.plain.get(at)?.get(from..)
}

/// A word as it stands there, without quotes: nothing where something is filled in.
fn literal(word: &Word<'_>, from: usize) -> Option<(String, Span)> {
    let quotes = ['"', '\''];
    let before = word.text.len() - word.text.trim_start_matches(quotes).len();
    let begin = before + from;
    let text = word.text.get(begin..)?;
    let inner = text.trim_start_matches(quotes);
    let start = word.span.start + begin + (text.len() - inner.len());
    let inner = inner.trim_end_matches(quotes);
    let is_plain =
        word.is_literal() && !inner.is_empty() && !inner.contains(['$', '`', '"', '\'', '\\', '%', '{', '<']);
    is_plain.then(|| (inner.to_owned(), Span { start, end: start + inner.len() }))
}

fn named(called: &Called<'_, '_>, names: &[&str]) -> Option<(String, Span)> {
    let (at, from) = option(called, names)?;
    literal(called.rest.get(at)?, from)
}

/// The first word behind a place that is no option.
fn positional(called: &Called<'_, '_>, mut at: usize) -> Option<usize> {
    while let Some(word) = called.plain.get(at) {
        if !word.starts_with('-') {
            return Some(at);
        }
        at += 1 + usize::from(TAKING.contains(&&**word));
    }
    None
}

fn aws(called: &Called<'_, '_>) -> Option<Fetch> {
    let query = value(called, &["--query"]).unwrap_or("value").to_ascii_lowercase();
    let asks = query.contains("value") || query.contains("secret");
    if behind(called, &["secretsmanager", "get-secret-value"]).is_some() {
        let names = named(called, &["--secret-id"]).into_iter().collect();
        return Some(Fetch { names, is_written: asks, ..Fetch::default() });
    }
    let behind = |action: &str| behind(called, &["ssm", action]).is_some();
    let names: Vec<(String, Span)> = if behind("get-parameter") {
        named(called, &["--name"]).into_iter().collect()
    } else if behind("get-parameters") {
        let (at, from) = option(called, &["--names"])?;
        let words =
            called.rest.iter().zip(called.plain).skip(at).take_while(|(_, plain)| from > 0 || !plain.starts_with('-'));
        words.filter_map(|(word, _)| literal(word, from)).collect()
    } else if behind("get-parameters-by-path") {
        named(called, &["--path"]).into_iter().collect()
    } else {
        return None;
    };
    // What is not decrypted is no secret, nor is the name of a host.
    let decrypted = called.plain.iter().any(|word| word == "--with-decryption");
    let is_about = |name: &str| tells_about(name.rsplit('/').next().unwrap_or_default());
    let is_written = asks && decrypted && !names.iter().any(|(name, _)| is_about(name));
    Some(Fetch { names, is_written, ..Fetch::default() })
}

fn gcloud(called: &Called<'_, '_>) -> Option<Fetch> {
    let at = behind(called, &["secrets", "versions", "access"])?;
    let whole = || {
        // `projects/one/secrets/two/versions/latest`
        let (text, span) = literal(called.rest.get(positional(called, at)?)?, 0)?;
        let start = text.find("/secrets/")? + "/secrets/".len();
        let name = text.get(start..)?.split('/').next()?.to_owned();
        let start = span.start + start;
        let end = start + name.len();
        Some((name, Span { start, end }))
    };
    let names = named(called, &["--secret", "-s"]).or_else(whole).into_iter().collect();
    let file = value(called, &["--out-file"]).map(str::to_owned);
    Some(Fetch { names, is_written: true, file, ..Fetch::default() })
}

fn azure(called: &Called<'_, '_>) -> Option<Fetch> {
    let shows = behind(called, &["keyvault", "secret", "show"]).is_some();
    if !shows && behind(called, &["keyvault", "secret", "download"]).is_none() {
        return None;
    }
    let whole = || {
        let (text, span) = named(called, &["--id"])?;
        let start = text.find("/secrets/")? + "/secrets/".len();
        let name = text.get(start..)?.split('/').next()?.to_owned();
        let start = span.start + start;
        let end = start + name.len();
        Some((name, Span { start, end }))
    };
    let names = named(called, &["--name", "-n"]).or_else(whole).into_iter().collect();
    let asks = value(called, &["--query"]).is_none_or(|query| query.to_ascii_lowercase().contains("value"));
    let is_quiet = value(called, &["--output", "-o"]) == Some("none");
    let file = value(called, &["--file", "-f"]).filter(|_| !shows).map(str::to_owned);
    Some(Fetch { names, is_written: shows && asks && !is_quiet, file, ..Fetch::default() })
}

fn vault(called: &Called<'_, '_>) -> Option<Fetch> {
    let (at, is_kept) = match behind(called, &["kv", "get"]) {
        Some(at) => (at, true),
        None => (behind(called, &["read"])?, false),
    };
    let word = called.rest.get(positional(called, at)?)?;
    let (path, span) = literal(word, 0)?;
    let holds = ["secret/", "kv/"].iter().any(|begin| path.starts_with(begin)) || path.contains("/creds/");
    if !is_kept && !holds {
        return None;
    }
    let is_about = value(called, &["-field", "--field"]).is_some_and(tells_about);
    let path = match value(called, &["-mount", "--mount"]) {
        Some(mount) => format!("{}/{path}", mount.trim_end_matches('/')),
        None => path,
    };
    Some(Fetch { names: vec![(path, span)], is_written: !is_about, ..Fetch::default() })
}

fn one_password(called: &Called<'_, '_>) -> Option<Fetch> {
    let at = behind(called, &["read"])?;
    let is_address = |word: &&Word<'_>| word.text.trim_start_matches(['"', '\'']).starts_with("op://");
    let word = called.rest.get(at..)?.iter().copied().find(is_address)?;
    let names: Vec<_> = literal(word, 0).into_iter().collect();
    let is_about = names.iter().any(|(name, _)| tells_about(name.rsplit('/').next().unwrap_or_default()));
    let file = value(called, &["--out-file", "-o"]).map(str::to_owned);
    Some(Fetch { names, is_written: !is_about, file, ..Fetch::default() })
}

fn kubernetes(called: &Called<'_, '_>) -> Option<Fetch> {
    let at = positional(called, behind(called, &["get"])?)?;
    let kind = called.plain.get(at)?;
    let (at, from) = match kind.split_once('/') {
        Some((kind, _)) if matches!(kind, "secret" | "secrets") => (at, kind.len() + 1),
        None if matches!(&**kind, "secret" | "secrets") => (positional(called, at + 1)?, 0),
        _ => return None,
    };
    let names = literal(called.rest.get(at)?, from).into_iter().collect();
    let format = value(called, &["--output", "-o"])
        .or_else(|| called.plain.iter().find_map(|word| word.strip_prefix("-o").filter(|format| !format.is_empty())));
    let is_written = format.is_some_and(|format| {
        matches!(format, "yaml" | "json") || format.contains(".data") || format.contains("'data'")
    });
    Some(Fetch { names, store: Some(Store::Secret), is_written, file: None })
}

fn key_vault(called: &Called<'_, '_>) -> Option<Fetch> {
    let names = named(called, &["-name"]).into_iter().collect();
    let is_written = called.plain.iter().any(|word| word.eq_ignore_ascii_case("-AsPlainText"));
    Some(Fetch { names, is_written, ..Fetch::default() })
}
