//! Code that reads a variable of its environment, or asks a secret manager: which name, where, and in which function.
//!
//! It runs over every file of a scan: one search for what announces a name, and hand-written checks around each hit. A name that is
//! put together at run time is not known.

mod languages;

use std::sync::{Arc, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind};

use self::languages::{ANYWHERE, Call, Form, LANGUAGES, Language};
use super::shell::{Dialect, Script, examine, references as variables};
use crate::model::usage::{Context, Span, Store, System, Use};
use crate::model::{Confidence, Untrusted};

/// The longest name, in bytes.
const LONGEST: usize = 256;
/// How far back the function is looked for, in bytes.
const BACK: usize = 16 << 10;

/// Whether a file is code, by its path.
#[must_use]
pub fn is_code(path: &str) -> bool {
    dialect(path).is_some() || language(path).is_some()
}

fn ending(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

fn language(path: &str) -> Option<usize> {
    let ending = ending(path);
    LANGUAGES.iter().position(|language| language.endings.contains(&ending))
}

fn dialect(path: &str) -> Option<Dialect> {
    match ending(path) {
        "sh" | "bash" | "zsh" | "ksh" => Some(Dialect::Posix),
        "ps1" | "psm1" => Some(Dialect::PowerShell),
        "bat" | "cmd" => Some(Dialect::Cmd),
        _ => None,
    }
}

/// Writes down every reference of a part of a file that begins at byte `base`.
pub fn references(path: &str, text: &[u8], base: usize, out: &mut Vec<Use>) {
    if let Some(dialect) = dialect(path) {
        return script(text, base, dialect, out);
    }
    let Some(number) = language(path) else { return };
    let (Some(language), Some(Some(search))) = (LANGUAGES.get(number), searches().get(number)) else { return };
    for hit in search.find_overlapping_iter(text) {
        let calls = language.calls.iter().chain(ANYWHERE);
        let Some(call) = calls.clone().nth(hit.pattern().as_usize()) else { continue };
        let is_word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        let first = call.text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let inside = first && is_word(hit.start().checked_sub(1).and_then(|at| text.get(at)));
        if inside || is_comment(language, text, hit.start()) {
            continue;
        }
        for span in names(call, text, hit.start(), hit.end()) {
            out.push(reference(language, call, text, span, base));
        }
    }
}

/// A search for each language.
fn searches() -> &'static [Option<AhoCorasick>] {
    static SEARCHES: OnceLock<Vec<Option<AhoCorasick>>> = OnceLock::new();
    SEARCHES.get_or_init(|| {
        let search = |language: &Language| {
            let texts = language.calls.iter().chain(ANYWHERE).map(|call| call.text);
            AhoCorasick::builder().match_kind(MatchKind::Standard).build(texts).ok()
        };
        LANGUAGES.iter().map(search).collect()
    })
}

fn reference(language: &Language, call: &Call, text: &[u8], span: Span, base: usize) -> Use {
    let name = text.get(span.start..span.end).unwrap_or_default();
    let context = Context { job: symbol(language, text, span.start), ..Context::default() };
    Use {
        name: Untrusted::new(name),
        store: call.store,
        variable: None,
        system: System::Code,
        span: Span { start: base + span.start, end: base + span.end },
        context: Arc::new(context),
        confidence: call.confidence,
    }
}

/// The names that a call announces.
fn names(call: &Call, text: &[u8], start: usize, end: usize) -> Vec<Span> {
    match call.form {
        Form::Quoted => quoted(text, end).into_iter().collect(),
        Form::Bare => word(text, end).into_iter().collect(),
        Form::Path => path(call, text, start, end).into_iter().collect(),
        Form::Before => before(text, start),
    }
}

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_.-/:".contains(&b)
}

/// A name between quotes, behind blanks, brackets and what makes a text of another kind of text.
fn quoted(text: &[u8], at: usize) -> Option<Span> {
    let skipped = text.get(at..)?.iter().take(16).take_while(|b| b.is_ascii_whitespace() || **b == b'(').count();
    let open = at + skipped;
    let quote = *text.get(open)?;
    if !b"\"'`".contains(&quote) {
        return None;
    }
    let length = text.get(open + 1..)?.iter().take(LONGEST + 1).take_while(|b| is_name(**b)).count();
    let end = open + 1 + length;
    (text.get(end) == Some(&quote) && (1..=LONGEST).contains(&length)).then_some(Span { start: open + 1, end })
}

fn word(text: &[u8], at: usize) -> Option<Span> {
    let is_part = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'_';
    let length = text.get(at..)?.iter().take(LONGEST + 1).take_while(is_part).count();
    let starts = text.get(at).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
    (starts && (2..=LONGEST).contains(&length)).then_some(Span { start: at, end: at + length })
}

/// `op://vault/item/field` as it stands, and the name in `projects/p/secrets/NAME/versions/1`.
fn path(call: &Call, text: &[u8], start: usize, end: usize) -> Option<Span> {
    let ends = |b: &u8| b.is_ascii_whitespace() || b"\"'`<>(){}[],;$".contains(b);
    let rest = text.get(end..)?;
    let length = rest.iter().take(LONGEST + 1).position(ends).unwrap_or_else(|| rest.len().min(LONGEST + 1));
    if call.text == "op://" {
        return (length > 2 && length <= LONGEST).then_some(Span { start, end: end + length });
    }
    let before = text.get(start.saturating_sub(80)..start)?;
    let own = before.iter().rposition(ends).map_or(before, |at| before.get(at + 1..).unwrap_or_default());
    let name = rest.get(..length)?.split(|b| *b == b'/').next()?;
    (own.starts_with(b"projects/") && !name.is_empty()).then_some(Span { start: end, end: end + name.len() })
}

/// The words between the braces that stand before a place: `{ A, B: b, C = 1 }`.
fn before(text: &[u8], at: usize) -> Vec<Span> {
    let from = at.saturating_sub(BACK);
    let head = text.get(from..at).unwrap_or_default();
    let head = head.trim_ascii_end();
    let Some(inner) = head.strip_suffix(b"}") else { return Vec::new() };
    let Some(open) = inner.iter().rposition(|b| *b == b'{') else { return Vec::new() };
    let mut all = Vec::new();
    let mut start = open + 1;
    for part in inner.get(start..).unwrap_or_default().split(|b| *b == b',') {
        let blank = part.iter().take_while(|b| b.is_ascii_whitespace()).count();
        all.extend(word(text, from + start + blank));
        start += part.len() + 1;
    }
    all
}

/// Whether the line of a place is a comment.
fn is_comment(language: &Language, text: &[u8], at: usize) -> bool {
    let head = text.get(..at).unwrap_or_default();
    let line = memchr::memrchr(b'\n', head).map_or(head, |found| head.get(found + 1..).unwrap_or_default());
    let line = line.trim_ascii_start();
    language.comments.iter().any(|mark| line.starts_with(mark.as_bytes()))
}

/// The nearest function or class before a place.
fn symbol(language: &Language, text: &[u8], at: usize) -> Option<Untrusted> {
    let head = text.get(at.saturating_sub(BACK)..at)?;
    for line in head.rsplit(|b| *b == b'\n') {
        let trimmed = line.trim_ascii_start();
        for opens in language.opens {
            let Some(rest) = trimmed.strip_prefix(opens.as_bytes()) else { continue };
            let is_part = |b: &&u8| b.is_ascii_alphanumeric() || b"_.:".contains(*b);
            let length = rest.iter().take_while(is_part).count();
            let name = rest.get(..length).unwrap_or_default();
            // A variable that is set is no function.
            if !name.is_empty() && (*opens != "const " || rest.get(length..)?.windows(2).any(|pair| pair == b"=>")) {
                return Some(Untrusted::new(name));
            }
        }
    }
    None
}

/// The variables of a script that it does not set itself.
fn script(text: &[u8], base: usize, dialect: Dialect, out: &mut Vec<Use>) {
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => {
            let good = text.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(good).unwrap_or_default()
        }
    };
    let script = Script { text, base, dialect, traced: false };
    let nothing = |_: &super::shell::Reference<'_>| Vec::<()>::new();
    let assigned: std::collections::HashSet<String> = examine(script, &nothing).assigned.into_iter().collect();
    for one in variables(script).into_iter().filter(|one| !one.is_template && !assigned.contains(one.text)) {
        let capitals = one.text.len() > 1
            && one.text.bytes().any(|b| b.is_ascii_uppercase())
            && one.text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if capitals {
            out.push(Use {
                name: Untrusted::from(one.text),
                store: Store::Environment,
                variable: None,
                system: System::Shell,
                span: one.span,
                context: Arc::new(Context::default()),
                confidence: if super::notes::looks_secret(one.text) { Confidence::High } else { Confidence::Medium },
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<(String, Option<String>)> {
        let mut out = Vec::new();
        references(path, text.as_bytes(), 0, &mut out);
        let text = |value: &Untrusted| String::from_utf8_lossy(value.raw()).into_owned();
        out.iter().map(|one| (text(&one.name), one.context.job.as_ref().map(text))).collect()
    }

    fn names_in(path: &str, text: &str) -> Vec<String> {
        told(path, text).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn each_language_reads_its_environment() {
        for (path, text, names) in [
            (
                "a.py",
                "x = os.environ['A_KEY'] or os.getenv(\"B_KEY\", 'x') or environ.get( 'C_KEY')",
                &["A_KEY", "B_KEY", "C_KEY"][..],
            ),
            ("a.py", "client.get_secret_value(SecretId=\"shop/db\")", &["shop/db"]),
            ("a.ts", "const { A_KEY, B_KEY: b, C_KEY = 1 } = process.env;", &["A_KEY", "B_KEY", "C_KEY"]),
            (
                "a.tsx",
                "process.env.A_KEY ?? process.env['B_KEY'] ?? import.meta.env.VITE_KEY",
                &["A_KEY", "B_KEY", "VITE_KEY"],
            ),
            ("A.java", "System.getenv(\"A_KEY\"); @Value(\"${shop_key}\")", &["A_KEY", "shop_key"]),
            (
                "a.rs",
                "std::env::var(\"A_KEY\")?; env!(\"B_KEY\"); option_env!(\"C_KEY\")",
                &["A_KEY", "B_KEY", "C_KEY"],
            ),
            ("a.go", "os.Getenv(\"A_KEY\"); Key string `env:\"B_KEY,required\"`", &["A_KEY", "B_KEY"]),
            ("a.rb", "ENV['A_KEY'] || ENV.fetch(\"B_KEY\") { 1 }", &["A_KEY", "B_KEY"]),
            ("a.php", "getenv('A_KEY'); $_ENV[\"B_KEY\"];", &["A_KEY", "B_KEY"]),
            ("a.cs", "Environment.GetEnvironmentVariable(\"A_KEY\")", &["A_KEY"]),
            ("a.c", "char *k = getenv(\"A_KEY\");", &["A_KEY"]),
            ("a.pl", "my $k = $ENV{A_KEY} . $ENV{'B_KEY'};", &["A_KEY", "B_KEY"]),
            ("a.exs", "System.get_env(\"A_KEY\") || System.fetch_env!(\"B_KEY\")", &["A_KEY", "B_KEY"]),
            ("a.sh", "B=1\ncurl -H \"$A_KEY\" $B ${C_KEY:-x}\n", &["A_KEY", "C_KEY"]),
            ("a.ps1", "Invoke-It $env:A_KEY", &["A_KEY"]),
            ("a.py", "name = \"projects/shop/secrets/db-key/versions/latest\"", &["db-key"]),
            ("a.js", "read('op://vault/item/field')", &["op://vault/item/field"]),
        ] {
            assert_eq!(names_in(path, text), names, "{path}: {text}");
        }
    }

    #[test]
    fn what_is_no_reference_is_none() {
        for (path, text) in [
            ("a.py", "# os.environ['A_KEY']"),
            ("a.py", "os.environ[name]; os.getenv(f'{x}_KEY')"),
            ("a.rs", "// env::var(\"A_KEY\")"),
            ("a.c", "mygetenv(\"A_KEY\"); getenv(name);"),
            ("a.js", "process.env[name]; myprocess.env.A_KEY"),
            ("a.js", "x('/secrets/db')"),
            ("a.txt", "os.environ['A_KEY']"),
        ] {
            assert_eq!(names_in(path, text), Vec::<String>::new(), "{path}: {text}");
        }
    }

    #[test]
    fn the_function_is_told() {
        let text = "import os\n\nclass Shop:\n    def pay(self):\n        return os.environ['A_KEY']\n";
        assert_eq!(told("a.py", text), [("A_KEY".to_owned(), Some("pay".to_owned()))]);
        assert_eq!(told("a.py", "os.environ['A_KEY']"), [("A_KEY".to_owned(), None)]);
    }

    #[test]
    fn any_bytes_end_and_spans_lie_within() {
        let mut state = 7_u64;
        let pieces = [
            "environ['",
            "getenv(\"",
            "process.env.",
            "} = process.env",
            "{ A, ",
            "op://",
            "/secrets/",
            "\n",
            "\u{e9}",
            "'",
            "A_KEY",
        ];
        for path in ["a.py", "a.js", "a.pl", "a.sh", "a.go"] {
            for _ in 0..200 {
                let mut text = String::new();
                for _ in 0..40 {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
                }
                let mut out = Vec::new();
                references(path, text.as_bytes(), 100, &mut out);
                for one in out {
                    let (start, end) = (one.span.start - 100, one.span.end - 100);
                    assert_eq!(text.as_bytes()[start..end], *one.name.raw());
                }
            }
        }
    }
}
