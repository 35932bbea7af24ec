//! Calls of the clients of secret managers, by the name of what they ask for.

use std::ops::Range;

use super::forms::{After, Before, Form, Names, literal, spaces, take, whole};
use super::{Site, is_word};
use crate::model::Confidence;
use crate::model::usage::Store;

/// How far around a name the words are looked for that say whose name it is.
const AROUND: usize = 600;

pub(super) const fn asks(word: &'static str, special: fn(&mut Site<'_, '_>, &Form, Range<usize>)) -> Form {
    let after = After::Special(special);
    Form {
        word,
        before: Before::Any,
        after,
        names: Names::Path,
        store: Store::Manager,
        confidence: Confidence::Medium,
        quoted: false,
    }
}

/// The words of every language.
pub(super) static FORMS: &[Form] = &[
    asks("ecretId", identified),
    asks("secret_id", identified),
    asks("get_secret(", first),
    asks("etSecret(", first),
    asks("etSecretAsync(", first),
    asks("get_parameter", named),
    asks("GetParameter", named),
    asks("getParameter", named),
    Form { quoted: true, ..asks("/secrets/", resource) },
    asks("read_secret", path),
    Form { quoted: true, ..asks("op://", address) },
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
    // A key in quotes is itself a text.
    let quote = word.start - usize::from(form.word == "ecretId").min(word.start);
    if let Some(before) = quote.checked_sub(1).filter(|at| matches!(site.byte(*at), b'"' | b'\'')) {
        (site.word, site.place) = (before.saturating_sub(1), None);
    }
    if has(
        around(site, word.start),
        &["SecretValue", "secret_value", "ecretsManager", "ecretsmanager", "secrets_manager", "SECRETSMANAGER"],
    ) {
        take(site, form, name);
    }
}

/// The first texts among the arguments: of two, one may say where the other is kept.
pub(super) fn first(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
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

/// `get_parameter(Name="…")`, `get_parameters(Names=["…"])`, `get_parameters_by_path(Path="…")` of AWS.
fn named(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let rest = site.text.get(word.end..site.text.len().min(word.end + AROUND / 3)).unwrap_or_default();
    // What comes behind the next statement belongs to something else.
    let rest = rest.split(|b| *b == b';').next().unwrap_or_default();
    let length = rest.iter().take_while(|b| is_word(**b)).count();
    let by_path = has(rest.get(..length).unwrap_or_default(), &["ath"]);
    for at in memchr::memmem::find_iter(rest, if by_path { b"ath".as_slice() } else { b"ame" }) {
        let before = at.checked_sub(2).and_then(|at| rest.get(at)).copied().unwrap_or(0);
        let is_key =
            rest.get(at.wrapping_sub(1)).is_some_and(|b| matches!(b, b'N' | b'n' | b'P' | b'p')) && !is_word(before);
        let end = word.end + at + 3;
        if !is_key {
            continue;
        }
        if let Some(name) = given(site, end) {
            return take(site, form, name);
        }
        if site.byte(end) == b's' && several(site, form, end + 1) {
            return;
        }
    }
}

/// `=[…]`, `: […]`, `: []string{…}`: the texts of a list that is given here; whether there is one.
fn several(site: &mut Site<'_, '_>, form: &Form, at: usize) -> bool {
    let rest = site.text.get(at..site.text.len().min(at + 24)).unwrap_or_default();
    let is_list = |b: &u8| matches!(b, b'=' | b':' | b' ' | b'[' | b']' | b'(' | b'{' | b'*') || b.is_ascii_lowercase();
    let length = rest.iter().take_while(|b| is_list(b)).count();
    if !rest.get(..length).unwrap_or_default().iter().any(|b| matches!(b, b'[' | b'{' | b'(')) {
        return false;
    }
    texts(site, form, at + length)
}

/// Texts with commas between them; whether there are any.
pub(super) fn texts(site: &mut Site<'_, '_>, form: &Form, mut at: usize) -> bool {
    for number in 0..16 {
        let Some((name, end)) = whole(site, spaces(site, at)) else { return number > 0 };
        take(site, form, name);
        at = spaces(site, end);
        if site.byte(at) != b',' {
            break;
        }
        at += 1;
    }
    true
}

/// The argument of this number, from 0, of a call whose parentheses open here, or one behind a name or two.
fn argument(site: &Site<'_, '_>, at: usize, number: usize) -> Option<Range<usize>> {
    let rest = site.text.get(at..site.text.len().min(at + 256))?;
    let open = memchr::memchr(b'(', rest)?;
    let mut start = open + 1;
    let (mut depth, mut seen) = (0_u32, 0);
    for (place, byte) in rest.iter().enumerate().skip(start) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth > 0 => depth -= 1,
            b',' | b')' if depth == 0 => {
                if seen == number {
                    return whole(site, spaces(site, at + start)).map(|(name, _)| name);
                }
                (seen, start) = (seen + 1, place + 1);
                if *byte == b')' {
                    return None;
                }
            }
            _ => {}
        }
    }
    None
}

/// `secret_version_path("project", "NAME", "latest")` of Google.
pub(super) fn second(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    if let Some(name) = argument(site, word.end - 1, 1) {
        take(site, form, name);
    }
}

/// `fromSecretNameV2(scope, "id", "NAME")` of the CDK of AWS, `_dupenv_s(&a, &b, "NAME")`.
pub(super) fn third(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    if let Some(name) = argument(site, word.end - 1, 2) {
        take(site, form, name);
    }
}

/// `client.read("secret/data/NAME")` of Vault: a path, where the file names the library.
pub(super) fn of_vault(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    if let Some((name, _)) = whole(site, spaces(site, word.end))
        && site.text.get(name.clone()).is_some_and(|path| path.contains(&b'/') && !path.starts_with(b"/"))
        && (form.word != ".read(" || site.mentions("hvac"))
    {
        take(site, form, name);
    }
}

/// `KVv2("mount").Get(ctx, "NAME")` of Vault.
pub(super) fn of_mount(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let rest = site.text.get(word.end..site.text.len().min(word.end + 128)).unwrap_or_default();
    if let Some(at) =
        memchr::memmem::find(rest, b").Get(").filter(|at| !rest.get(..*at).unwrap_or_default().contains(&b'\n'))
        && let Some(name) = argument(site, word.end + at + 5, 1)
    {
        take(site, form, name);
    }
}

/// `Get-Secret -Name NAME` of PowerShell.
pub(super) fn of_command(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let rest = site.text.get(word.end..site.text.len().min(word.end + 256)).unwrap_or_default();
    let end = rest.iter().position(|b| matches!(b, b'\n' | b';' | b'|' | b')')).unwrap_or(rest.len());
    let rest = rest.get(..end).unwrap_or_default();
    if !rest.first().is_some_and(|b| matches!(b, b' ' | b'\t')) {
        return;
    }
    let flag = ["-Name", "-SecretId", "-SecretName"].iter().find_map(|flag| {
        let at = memchr::memmem::find(rest, flag.as_bytes())?;
        rest.get(at + flag.len()).is_some_and(|b| matches!(b, b' ' | b':')).then_some(at + flag.len())
    });
    // The name alone.
    let first = rest.trim_ascii_start();
    let Some(at) = flag.or_else(|| (!first.starts_with(b"-")).then_some(0)) else { return };
    let at = spaces(site, word.end + at + usize::from(site.byte(word.end + at) == b':'));
    let bare = site.text.get(at..word.end + end).unwrap_or_default();
    let length = bare.iter().take_while(|b| is_word(**b) || matches!(b, b'-' | b'/' | b'.')).count();
    let name = literal(site, at).map_or(at..at + length, |(name, _)| name);
    take(site, form, name);
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
        site.uses(word.start..word.end + length, form.store, Confidence::High, true);
    }
}
