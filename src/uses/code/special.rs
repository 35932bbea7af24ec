//! Calls for a name that are unlike those of other languages.

use std::ops::Range;

use super::forms::{Form, LONGEST, Names, call, index, is_given, literal, method, run, spaces, take, whole};
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

/// `config("NAME")` of a library, where the file names it.
pub(super) fn decoupled(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    if let Some(name) = call(site, word.end)
        && *site.decouples.get_or_insert_with(|| memchr::memmem::find(site.text, b"decouple").is_some())
    {
        take(site, form, name);
    }
}

/// `env.str("NAME")`.
pub(super) fn casts(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    const CASTS: &[&[u8]] = &[
        b"str",
        b"bool",
        b"int",
        b"float",
        b"decimal",
        b"list",
        b"tuple",
        b"dict",
        b"json",
        b"url",
        b"uuid",
        b"bytes",
        b"path",
        b"db",
        b"db_url",
        b"cache",
        b"cache_url",
        b"dj_db_url",
        b"dj_cache_url",
        b"email_url",
        b"search_url",
        b"enum",
        b"get_value",
    ];
    let method = run(site, word.end);
    if CASTS.contains(&site.text.get(method.clone()).unwrap_or_default())
        && site.byte(method.end) == b'('
        && let Some(name) = call(site, method.end)
    {
        take(site, form, name);
    }
}

/// `process.env.NAME`, `process.env["NAME"]`, `const { A, B: b } = process.env`.
pub(super) fn destructured(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let at = word.end;
    let optional = usize::from(site.byte(at) == b'?');
    if site.byte(at + optional) == b'.' && site.byte(at + optional + 1) != b'[' {
        let name = run(site, at + optional + 1);
        let is_call = site.byte(name.end) == b'(';
        if !is_call && !is_given(site, name.end) && !is_vite(site.text.get(name.clone()).unwrap_or_default(), form) {
            take(site, form, name);
        }
    } else if let Some(name) = index(site, at) {
        take(site, form, name);
    } else if !is_word(site.byte(at)) {
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
    let Some(before) = before.strip_suffix(b"=").map(<[u8]>::trim_ascii_end).and_then(|text| text.strip_suffix(b"}"))
    else {
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
        // `NAME: other`, `NAME = "default"`; and not `...rest`.
        if !name.is_empty() && (rest.is_empty() || rest.starts_with(b":") || rest.starts_with(b"=")) {
            all.push(name);
        }
        at += part.len() + 1;
    }
    all
}

/// `#[arg(long, env = "NAME")]`.
pub(super) fn clap(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let before = site.text.get(word.start.saturating_sub(BACK)..word.start).unwrap_or_default().trim_ascii_end();
    if (before.ends_with(b",") || before.ends_with(b"("))
        && let Some((name, _)) = literal(site, word.end - 1)
    {
        take(site, form, name);
    }
}

/// `viper.BindEnv("key", "NAME")`; of a key alone the name is made of it.
pub(super) fn bound(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let Some((key, mut end)) = whole(site, spaces(site, word.end)) else { return };
    let mut all = Vec::new();
    while site.byte(end) == b',' && all.len() < 16 {
        let Some((name, next)) = whole(site, spaces(site, end + 1)) else { break };
        all.push(name);
        end = next;
    }
    if all.is_empty() {
        take(site, &Form { names: Names::Setting, ..*form }, key);
    }
    for name in all {
        take(site, form, name);
    }
}

/// `EnvVar: "NAME"`, `EnvVars: []string{"A", "B"}`.
pub(super) fn flags(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let at = word.end + usize::from(site.byte(word.end) == b's');
    if site.byte(at) != b':' {
        return;
    }
    let at = spaces(site, at + 1);
    let list = b"[]string{";
    let is_list = site.text.get(at..).is_some_and(|rest| rest.starts_with(list));
    let mut at = if is_list { at + list.len() } else { at };
    for _ in 0..16 {
        let Some((name, end)) = whole(site, spaces(site, at)) else { return };
        take(site, form, name);
        if !is_list || site.byte(end) != b',' {
            return;
        }
        at = end + 1;
    }
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

/// `(env :database-url)` stands for `DATABASE_URL`.
pub(super) fn tagged(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let rest = site.text.get(word.end..site.text.len().min(word.end + LONGEST)).unwrap_or_default();
    let length = rest.iter().take_while(|b| is_word(**b) || **b == b'-').count();
    take(site, &Form { names: Names::Setting, ..*form }, word.end..word.end + length);
}
