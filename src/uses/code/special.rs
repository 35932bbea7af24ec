//! Calls for a name that are unlike those of other languages.

use std::ops::Range;

use super::forms::{Form, LONGEST, call, index, is_given, method, run, spaces, take};
use super::managers::texts;
use super::{Site, is_word};

/// How far back names of a list are looked for.
const BACK: usize = 2 << 10;

/// `getenv("NAME")`, `getenv()["NAME"]`, `getenv().get("NAME")`.
pub(super) fn looked_up(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let found = match site.byte(word.end) {
        b')' => index(site, word.end + 1).or_else(|| method(site, word.end + 1, &["getOrDefault", "get"])),
        _ => call(site, word.end),
    };
    if let Some(name) = found {
        take(site, form, name);
    }
}

/// `os.environ["NAME"]`, `os.environ.get("NAME")`, `"NAME" in os.environ`, `dict(os.environ)["NAME"]`, and those of `os.environb`.
pub(super) fn environ(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let at = word.end + usize::from(site.byte(word.end) == b'b');
    let found = asked_of(site, at).or_else(|| contained(site, word.start));
    if let Some(name) = found.or_else(|| (site.byte(at) == b')').then(|| asked_of(site, at + 1)).flatten()) {
        take(site, form, name);
    }
}

fn asked_of(site: &Site<'_, '_>, at: usize) -> Option<Range<usize>> {
    const METHODS: &[&str] = &["get", "pop", "setdefault"];
    let named = || {
        let rest = site.text.get(at..)?.strip_prefix(b".get(key=")?;
        call(site, site.text.len() - rest.len())
    };
    index(site, at).or_else(|| method(site, at, METHODS)).or_else(named)
}

/// `"NAME" in` before a word.
fn contained(site: &Site<'_, '_>, end: usize) -> Option<Range<usize>> {
    let from = end.saturating_sub(LONGEST);
    let before = site.text.get(from..end)?.trim_ascii_end().strip_suffix(b" in")?.trim_ascii_end();
    let before = before.strip_suffix(b" not").map_or(before, <[u8]>::trim_ascii_end);
    let (quote, text) = before.split_last().filter(|(quote, _)| matches!(quote, b'"' | b'\''))?;
    let start = memchr::memrchr(*quote, text)? + 1;
    Some(from + start..from + text.len())
}

/// `GetEnvironmentVariable("NAME")`, `GetEnvironmentVariableA("NAME", …)`, `GetEnvironmentVariables()["NAME"]`.
pub(super) fn variables(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let rest = site.text.get(word.end..).unwrap_or_default();
    let found = match rest {
        [b's', b'(', b')', ..] => index(site, word.end + 3),
        [b'A' | b'W', b'(', ..] => call(site, word.end + 1),
        _ => call(site, word.end),
    };
    if let Some(name) = found {
        take(site, form, name);
    }
}

/// `ENV.values_at("A", "B")`.
pub(super) fn list(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let at = spaces(site, word.end);
    texts(site, form, at + usize::from(site.byte(at) == b'('));
}

/// `@ENV{qw(A B)}`, `@ENV{'A', 'B'}`.
pub(super) fn words(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let rest = site.text.get(word.end..site.text.len().min(word.end + LONGEST)).unwrap_or_default();
    let Some(inner) = rest.strip_prefix(b"qw").and_then(|rest| rest.get(1..)) else {
        texts(site, form, word.end);
        return;
    };
    let mut at = word.end + rest.len() - inner.len();
    for part in
        inner.split(|b| !is_word(*b) && !b.is_ascii_whitespace()).take(1).flat_map(|all| all.split(|b| !is_word(*b)))
    {
        if !part.is_empty() {
            take(site, form, at..at + part.len());
        }
        at += part.len() + 1;
    }
}

/// `environ` by itself: the one of `os`, where that is what the file imports; not the request of a server.
pub(super) fn imported(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let found = index(site, word.end).or_else(|| method(site, word.end, &["get", "pop", "setdefault"]));
    if let Some(name) = found
        && *site.imports.get_or_insert_with(|| imports(site.text))
    {
        take(site, form, name);
    }
}

/// Whether a file imports `environ` alone.
fn imports(text: &[u8]) -> bool {
    memchr::memmem::find_iter(text, b"from os import").any(|at| {
        let line = text.get(at..text.len().min(at + LONGEST)).unwrap_or_default();
        let line = line.split(|b| *b == b'\n').next().unwrap_or_default();
        memchr::memmem::find(line, b"environ").is_some()
    })
}

/// `process.env.NAME`, `process.env["NAME"]`, `const { A, B: b } = process.env`.
pub(super) fn destructured(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let at = word.end;
    if site.byte(at) == b'\n' && site.byte(spaces(site, at)) == b'.' {
        let name = run(site, spaces(site, at) + 1);
        if site.byte(name.end) != b'(' {
            return take(site, form, name);
        }
    }
    let optional = usize::from(site.byte(at) == b'?');
    if site.byte(at + optional) == b'.' && site.byte(at + optional + 1) != b'[' {
        let name = run(site, at + optional + 1);
        let is_call = site.byte(name.end) == b'(';
        if !is_call && !is_given(site, name.end) && !is_vite(site.text.get(name.clone()).unwrap_or_default(), form) {
            take(site, form, name);
        }
    } else if let Some(name) = index(site, at) {
        take(site, form, name);
    } else if let Some(name) = contained(site, word.start) {
        take(site, form, name);
    } else if !is_word(site.byte(at)) || form.word.ends_with('/') {
        for name in listed(site, word.start) {
            take(site, form, name);
        }
    }
}

/// What a bundler always sets.
fn is_vite(name: &[u8], form: &Form) -> bool {
    form.word == "import.meta.env" && matches!(name, b"MODE" | b"DEV" | b"PROD" | b"SSR" | b"BASE_URL")
}

/// The names in the braces that a value is given to.
fn listed(site: &Site<'_, '_>, end: usize) -> Vec<Range<usize>> {
    let from = end.saturating_sub(BACK);
    let before = site.text.get(from..end).unwrap_or_default().trim_ascii_end();
    // `import { A } from "` too.
    let before =
        before.strip_suffix(b"=").or_else(|| before.get(..before.len().saturating_sub(1))?.strip_suffix(b"from "));
    let Some(before) = before.map(<[u8]>::trim_ascii_end).and_then(|text| text.strip_suffix(b"}")) else {
        return Vec::new();
    };
    let Some(open) = memchr::memrchr2(b'{', b'}', before).filter(|at| before.get(*at) == Some(&b'{')) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    let mut at = from + open + 1;
    for part in before.get(open + 1..).unwrap_or_default().split(|b| *b == b',') {
        let start = at + part.len() - part.trim_ascii_start().len();
        let name = run(site, start);
        let rest = site.text.get(name.end..at + part.len()).unwrap_or_default().trim_ascii();
        // `NAME: other`, `NAME = "default"`, `NAME as other`; and not `...rest`.
        let is_one = rest.is_empty() || [b":".as_slice(), b"=", b"as "].iter().any(|sign| rest.starts_with(sign));
        if !name.is_empty() && is_one {
            all.push(name);
        }
        at += part.len() + 1;
    }
    all
}

/// `$_SERVER['NAME']`, but for what the server itself puts there.
pub(super) fn server(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    const OWN: &[&str] = &[
        "HTTP",
        "REQUEST",
        "SERVER",
        "REMOTE",
        "SCRIPT",
        "QUERY",
        "PHP",
        "DOCUMENT",
        "GATEWAY",
        "PATH",
        "CONTENT",
        "ORIG",
        "REDIRECT",
        "SSL",
        "AUTH_TYPE",
        "UNENCODED",
        "argv",
        "argc",
        "COMPUTERNAME",
        "HOME",
        "CONTEXT",
    ];
    let Some(name) = index(site, word.end) else { return };
    let text = site.text.get(name.clone()).unwrap_or_default();
    if !OWN.iter().any(|own| text.starts_with(own.as_bytes())) {
        take(site, form, name);
    }
}
