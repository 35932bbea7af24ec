//! Calls of the clients of secret managers, by the name of what they ask for.

use std::ops::Range;

use super::forms::{After, Before, Form, Names, literal, spaces, take, whole};
use super::{Site, is_word};
use crate::model::Confidence;
use crate::model::usage::Store;

/// How far around a name the words are looked for that say whose name it is.
const AROUND: usize = 600;

const fn asks(word: &'static str, special: fn(&mut Site<'_, '_>, &Form, Range<usize>)) -> Form {
    let after = After::Special(special);
    Form { word, before: Before::Any, after, names: Names::Path, store: Store::Manager, confidence: Confidence::Medium }
}

/// The words of every language.
pub(super) static FORMS: &[Form] = &[
    asks("ecretId", identified),
    asks("secret_id", identified),
    asks("get_secret(", first),
    asks("etSecret(", first),
    asks("etSecretAsync(", first),
    asks("get_parameter(", named),
    asks("GetParameter", named),
    asks("getParameter(", named),
    asks("/secrets/", resource),
    asks("read_secret", path),
    asks("ogical().Read", first),
    asks("op://", address),
];

/// What `key: "value"`, `key = "value"`, `key("value")` and `key: wrap("value")` have as the value.
fn given(site: &Site<'_, '_>, at: usize) -> Option<Range<usize>> {
    let mut at = at + usize::from(matches!(site.byte(at), b'"' | b'\''));
    at = spaces(site, at);
    match (site.byte(at), site.byte(at + 1)) {
        (b'=', b'>') => at += 2,
        (b'=' | b':' | b'(', _) => at += 1,
        _ => return None,
    }
    at = spaces(site, at);
    // `aws.String("…")`
    let wrap = site.text.get(at..site.text.len().min(at + 40))?;
    let length = wrap.iter().take_while(|b| is_word(**b) || **b == b'.').count();
    if length > 1 && site.byte(at + length) == b'(' {
        at = spaces(site, at + length + 1);
    }
    whole(site, at).map(|(name, _)| name)
}

fn around<'t>(site: &Site<'t, '_>, at: usize) -> &'t [u8] {
    site.text.get(at.saturating_sub(AROUND)..site.text.len().min(at + AROUND)).unwrap_or_default()
}

fn has(text: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| memchr::memmem::find(text, word.as_bytes()).is_some())
}

/// `SecretId` of AWS; others call the half of a key so.
fn identified(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let Some(name) = given(site, word.end) else { return };
    if has(
        around(site, word.start),
        &["SecretValue", "secret_value", "ecretsManager", "ecretsmanager", "secrets_manager", "SECRETSMANAGER"],
    ) {
        take(site, form, name);
    }
}

/// The first texts among the arguments: of two, one may say where the other is kept.
fn first(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let mut at = spaces(site, word.end + usize::from(site.byte(word.end) == b'('));
    // A context, or the client, may come before it; and a name before the value.
    let rest = site.text.get(at..site.text.len().min(at + 60)).unwrap_or_default();
    let length = rest.iter().take_while(|b| is_word(**b) || matches!(b, b'.' | b'(' | b')')).count();
    let is_next = matches!(site.byte(at + length), b',' | b'=' | b':') && site.byte(at + length + 1) != b'=';
    if length > 0 && is_next {
        at = spaces(site, at + length + 1);
    }
    for _ in 0..2 {
        let Some((name, end)) = whole(site, at) else { return };
        if !matches!(site.text.get(name.clone()), Some(b"latest" | b"AWSCURRENT")) {
            take(site, form, name);
        }
        let end = spaces(site, end);
        if site.byte(end) != b',' {
            return;
        }
        at = spaces(site, end + 1);
    }
}

/// `get_parameter(Name="…")` of AWS.
fn named(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let rest = site.text.get(word.end..site.text.len().min(word.end + AROUND / 3)).unwrap_or_default();
    // What comes behind the next statement belongs to something else.
    let rest = rest.split(|b| *b == b';').next().unwrap_or_default();
    for at in memchr::memmem::find_iter(rest, b"ame") {
        let before = at.checked_sub(2).and_then(|at| rest.get(at)).copied().unwrap_or(0);
        let is_key = rest.get(at.wrapping_sub(1)).is_some_and(|b| matches!(b, b'N' | b'n')) && !is_word(before);
        if is_key && let Some(name) = given(site, word.end + at + 3) {
            return take(site, form, name);
        }
    }
}

/// `projects/…/secrets/NAME/versions/…` of Google, and the address of a vault of Azure.
fn resource(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let before = site.text.get(word.start.saturating_sub(AROUND / 3)..word.start).unwrap_or_default();
    let line = before.rsplit(|b| matches!(b, b'\n' | b'"' | b'\'' | b'`')).next().unwrap_or_default();
    if !has(line, &["projects/", ".vault.azure.net"]) {
        return;
    }
    let rest = site.text.get(word.end..site.text.len().min(word.end + 256)).unwrap_or_default();
    let length = rest.iter().take_while(|b| is_word(**b) || **b == b'-').count();
    if matches!(rest.get(length), Some(b'/' | b'"' | b'\'' | b'`')) {
        take(site, &Form { confidence: Confidence::High, ..*form }, word.end..word.end + length);
    }
}

/// `read_secret_version(path="…")` of Vault.
fn path(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let rest = site.text.get(word.end..site.text.len().min(word.end + AROUND / 3)).unwrap_or_default();
    let open = memchr::memchr(b'(', rest).unwrap_or(rest.len());
    if rest.get(..open).is_none_or(|text| !text.iter().all(|b| is_word(*b))) {
        return;
    }
    let found = memchr::memmem::find(rest, b"path").and_then(|at| given(site, word.end + at + 4));
    if let Some(name) = found.or_else(|| literal(site, spaces(site, word.end + open + 1)).map(|(name, _)| name)) {
        take(site, form, name);
    }
}

/// `op://vault/item/field` of 1Password.
fn address(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let quote = word.start.checked_sub(1).map_or(b' ', |at| site.byte(at));
    if is_word(quote) {
        return;
    }
    let is_quoted = matches!(quote, b'"' | b'\'' | b'`');
    let rest = site.text.get(word.end..site.text.len().min(word.end + 256)).unwrap_or_default();
    let within =
        |b: u8| if is_quoted { b != quote && b != b'\n' } else { is_word(b) || matches!(b, b'-' | b'.' | b'/') };
    let length = rest.iter().take_while(|b| within(**b)).count();
    let text = rest.get(..length).unwrap_or_default();
    let is_fixed = !text.iter().any(|b| matches!(b, b'{' | b'$' | b'<' | b'%' | b'\\'));
    let parts = text.split(|b| *b == b'/').filter(|part| !part.is_empty()).count();
    if is_fixed && parts >= 3 {
        site.uses(word.start..word.end + length, form.store, Confidence::High);
    }
}
