//! Holds the source to its shape: layers, sizes, module docs, and who may read secrets, print or look at the clock.
//!
//! It reads Rust as tokens, with comments and strings blanked out, and needs nothing but the standard library. It is
//! no parser: macros that build paths go past it, and the lints in `Cargo.toml` see what it cannot. Each check is
//! tried on a bad snippet in `controls`, so that a check that sees nothing does not pass for a clean tree.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What each folder under `src/` may name by `crate::…`, besides itself. A longer entry, such as `policy::Permit`,
/// allows that item alone; `*` allows all. No entry names a layer below it in this list, so there are no cycles.
const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("rules", &["model"]),
    ("sources", &["model"]),
    ("uses", &["model"]),
    ("policy", &["model"]),
    ("ledger", &["model"]),
    ("metrics", &["model"]),
    ("detect", &["model", "rules"]),
    ("verify", &["model", "rules"]),
    ("scan", &["model", "rules", "detect", "sources", "uses"]),
    ("owners", &["model", "sources", "uses"]),
    ("connectors", &["model", "rules", "verify", "policy::Permit"]),
    ("orchestrate", &["model", "policy", "verify", "owners", "connectors", "ledger"]),
    ("report", &["model", "metrics"]),
    ("web", &["model", "metrics", "ledger", "report", "orchestrate::commands"]),
    ("cli", &["*"]),
];

/// The crate's two roots, which belong to no layer.
const ROOTS: &[&str] = &["src/lib.rs", "src/main.rs"];

/// Where the bytes of a secret may be read. An entry that ends in `/` stands for all that is below it.
const MAY_EXPOSE: &[&str] = &[
    "src/detect/",
    "src/verify/",
    "src/connectors/",
    "src/ledger/",
    "src/model/secret.rs",
    "src/model/finding.rs",
    "src/model/fingerprint.rs",
    "src/scan/conceal.rs",
    "src/scan/join.rs",
    "src/report/reveal.rs",
];

/// Where the libraries that read packs may be used.
const MAY_READ_REPOSITORIES: &[&str] = &["src/sources/git/"];
/// Where libgit2 may be used: it compares lines, and fetches into mirrors that are its own. It opens no target.
const MAY_USE_LIBGIT2: &[&str] = &["src/sources/git/changes/lines.rs", "src/sources/git/remote/"];

/// Where `unsafe` may stand.
const MAY_BE_UNSAFE: &[&str] = &["src/detect/avx2.rs", "src/sources/git/remote/transport.rs"];

/// Where the program prints, reads the environment and the clock, and exits.
const SHELL: &[&str] = &["src/cli/", "src/cli.rs", "src/main.rs"];

const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Two neighbouring parts of a path that reach out of the library.
const OUTSIDE: &[(&str, &str)] = &[
    ("std", "env"),
    ("process", "exit"),
    ("process", "abort"),
    ("io", "stdin"),
    ("io", "stdout"),
    ("io", "stderr"),
    ("SystemTime", "now"),
    ("Instant", "now"),
    ("OffsetDateTime", "now_utc"),
    ("OffsetDateTime", "now_local"),
    ("UtcDateTime", "now"),
];

/// Most lines of a file, test modules left out.
const FILE_LINES: usize = 400;
/// Most lines of a function, from its `fn` to its closing brace.
const FUNCTION_LINES: usize = 60;

/// Folders in which `.rs` files are test data or build output.
const NOT_OURS: &[&str] = &["target", "fixtures", "corpus"];

struct Token {
    line: usize,
    text: String,
}

/// A `mod name { … }` or `mod name;`.
struct Module {
    name: String,
    /// Index of the first token, a `#[cfg(test)]` before it included.
    first: usize,
    /// Index of the last token: the closing brace or the semicolon.
    last: usize,
    inline: bool,
    test: bool,
}

/// One Rust file.
struct Source {
    /// Relative to the repository's root, with `/`.
    path: String,
    text: String,
    tokens: Vec<Token>,
    modules: Vec<Module>,
    /// Whether the whole file is a test module.
    test: bool,
}

/// A path after `crate::` or another root, and the line where it ends.
type Named = (usize, Vec<String>);

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let mut source = Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens: tokens(&blank(text)),
            modules: Vec::new(),
            test: false,
        };
        source.test = source.is(0, &["#", "!", "[", "cfg", "(", "test", ")"]);
        source.modules = source.find_modules();
        source
    }

    fn at(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |t| t.text.as_str())
    }

    fn line(&self, index: usize) -> usize {
        self.tokens.get(index).map_or(1, |t| t.line)
    }

    fn before(&self, index: usize) -> &str {
        index.checked_sub(1).map_or("", |i| self.at(i))
    }

    fn is(&self, index: usize, wanted: &[&str]) -> bool {
        wanted.iter().enumerate().all(|(i, w)| self.at(index + i) == *w)
    }

    fn fault(&self, line: usize, text: impl std::fmt::Display) -> String {
        format!("{}:{line}: {text}", self.path)
    }

    /// Whether the path is one of `places`, or below one that ends in `/`.
    fn lies_in(&self, places: &[&str]) -> bool {
        places.iter().any(|p| self.path == *p || p.ends_with('/') && self.path.starts_with(p))
    }

    /// The folder under `src/`; a file there counts as the folder of its name. `None` for the crate's roots.
    fn folder(&self) -> Option<&str> {
        let below = self.path.strip_prefix("src/").filter(|_| !ROOTS.contains(&self.path.as_str()))?;
        Some(below.split_once('/').map_or_else(|| below.trim_end_matches(".rs"), |(folder, _)| folder))
    }

    /// How many modules below the crate's root the file is.
    fn depth(&self) -> usize {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        if ROOTS.contains(&self.path.as_str()) { 0 } else { below.trim_end_matches("/mod.rs").split('/').count() }
    }

    /// Index of the bracket that closes the one at `open`; the last token where there is none.
    fn close(&self, open: usize) -> usize {
        let mut depth = 0usize;
        for index in open..self.tokens.len() {
            match self.at(index) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return index;
            }
        }
        self.tokens.len().saturating_sub(1)
    }

    fn find_modules(&self) -> Vec<Module> {
        let mut out = Vec::new();
        let (mut index, mut test) = (0, None);
        while index < self.tokens.len() {
            if self.is(index, &["#", "["]) {
                if self.is(index + 2, &["cfg", "(", "test"]) || self.is(index + 2, &["cfg", "(", "all", "(", "test"]) {
                    test = test.or(Some(index));
                }
                index = self.close(index + 1) + 1;
            } else if self.at(index) == "pub" {
                index = if self.at(index + 1) == "(" { self.close(index + 1) + 1 } else { index + 1 };
            } else if self.at(index) == "mod" && is_word(self.at(index + 1)) && matches!(self.at(index + 2), "{" | ";")
            {
                let inline = self.at(index + 2) == "{";
                let last = if inline { self.close(index + 2) } else { index + 2 };
                out.push(Module {
                    name: self.at(index + 1).to_owned(),
                    first: test.unwrap_or(index),
                    last,
                    inline,
                    test: test.is_some(),
                });
                (index, test) = (index + 3, None);
            } else {
                (index, test) = (index + 1, None);
            }
        }
        out
    }

    fn in_test(&self, index: usize) -> bool {
        self.test || self.modules.iter().any(|m| m.test && (m.first..=m.last).contains(&index))
    }

    /// Every path that starts with the word `root`, with the branches of `use` trees told apart.
    fn paths(&self, root: &str) -> Vec<Named> {
        let mut out = Vec::new();
        for index in (0..self.tokens.len()).filter(|i| self.at(*i) == root && self.before(*i) != "::") {
            if self.at(index + 1) == "::" {
                self.tree(index + 2, Vec::new(), &mut out);
            } else if self.at(index + 1) == "as" {
                out.push((self.line(index), vec!["*".to_owned()]));
            }
        }
        out
    }

    /// Every path that leads up to the crate's root by `super::`.
    fn paths_by_super(&self) -> Vec<Named> {
        let mut out = Vec::new();
        for index in (0..self.tokens.len())
            .filter(|i| self.at(*i) == "super" && (*i < 2 || self.before(*i) != "::" || self.before(*i - 1) == "self"))
        {
            let around = self.modules.iter().filter(|m| m.inline && (m.first..=m.last).contains(&index)).count();
            let ups = (0..).take_while(|n| self.is(index + 2 * n, &["super", "::"])).count();
            if ups > 0 && ups >= self.depth() + around {
                self.tree(index + 2 * ups, Vec::new(), &mut out);
            }
        }
        out
    }

    /// Collects the paths of a `use` tree, or the one path of an expression; returns the index after it.
    fn tree(&self, from: usize, mut path: Vec<String>, out: &mut Vec<Named>) -> usize {
        let mut index = from;
        loop {
            if self.at(index) == "{" {
                let end = self.close(index);
                index += 1;
                while index < end {
                    index = self.tree(index, path.clone(), out);
                    // An `as name`, and the comma.
                    index += (index..end).take_while(|i| self.at(*i) != ",").count() + 1;
                }
                return end + 1;
            }
            if !is_word(self.at(index)) && self.at(index) != "*" {
                out.push((self.line(index), path));
                return index;
            }
            path.push(self.at(index).to_owned());
            if self.at(index + 1) != "::" {
                out.push((self.line(index), path));
                return index + 1;
            }
            index += 2;
        }
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

/// Splits blanked code into words, `::` and single characters.
fn tokens(code: &str) -> Vec<Token> {
    let mut out = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (token, after) = rest.split_at(if rest.starts_with("::") { 2 } else { word.max(1) });
            out.push(Token { line: number + 1, text: token.to_owned() });
            rest = after.trim_start();
        }
    }
    out
}

/// The code with comments, strings, characters and all that is not ASCII turned into spaces. Lines stay.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut in_word) = (text, false);
    while let Some(first) = rest.chars().next() {
        let hidden = if in_word && first.is_ascii_alphanumeric() { 0 } else { hidden_len(rest) };
        let (head, tail) = rest.split_at(hidden.max(first.len_utf8()));
        if hidden > 0 || !first.is_ascii() {
            out.extend(head.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            out.push(first);
        }
        in_word = hidden == 0 && (first.is_ascii_alphanumeric() || first == '_');
        rest = tail;
    }
    out
}

/// Length of the comment, string or character that `rest` starts with; 0 where it starts with none.
fn hidden_len(rest: &str) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment_len(rest);
    }
    if rest.starts_with('"') {
        return quoted_len(rest, '"');
    }
    if let Some(after) = rest.strip_prefix('\'') {
        let mut chars = after.chars();
        return match (chars.next(), chars.next()) {
            (Some('\\'), _) => quoted_len(rest, '\''),
            (Some(c), Some('\'')) => c.len_utf8() + 2,
            // A lifetime.
            _ => 0,
        };
    }
    raw_string_len(rest).unwrap_or(0)
}

fn block_comment_len(rest: &str) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    loop {
        let here = rest.get(at..).unwrap_or_default();
        let Some(next) = here.find(['/', '*']) else { return rest.len() };
        let pair = here.get(next..next + 2).unwrap_or_default();
        match pair {
            "/*" => depth += 1,
            "*/" => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += next + if matches!(pair, "/*" | "*/") { 2 } else { 1 };
        if depth == 0 {
            return at;
        }
    }
}

fn quoted_len(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

fn raw_string_len(rest: &str) -> Option<usize> {
    let after = ["br", "cr", "r"].iter().find_map(|p| rest.strip_prefix(p))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = rest.len() - body.len();
    Some(body.find(&end).map_or(rest.len(), |at| start + at + end.len()))
}

/// (a) Every folder names only the layers that it may.
fn layers(source: &Source) -> Vec<String> {
    let Some(folder) = source.folder() else { return Vec::new() };
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == folder) else {
        return vec![source.fault(1, format!("`{folder}` is not in the table of layers"))];
    };
    let fits = |path: &str, entry: &str| {
        entry == "*" || path.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let mut faults = Vec::new();
    for (line, path) in source.paths("crate").into_iter().chain(source.paths_by_super()) {
        let path = path.join("::");
        if !fits(&path, folder) && !allowed.iter().any(|entry| fits(&path, entry)) {
            faults.push(
                source.fault(line, format!("`{folder}` may not import `crate::{path}`; it may import {allowed:?}")),
            );
        }
    }
    faults
}

/// (b) Files and functions are short.
fn sizes(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    let exempt = |m: &&Module| m.test && m.inline;
    let tests: BTreeSet<usize> =
        source.modules.iter().filter(exempt).flat_map(|m| source.line(m.first)..=source.line(m.last)).collect();
    let lines = source.text.lines().count() - tests.len();
    if !source.test && lines > FILE_LINES {
        faults.push(source.fault(1, format!("the file has {lines} lines without its tests, more than {FILE_LINES}")));
    }
    for index in (0..source.tokens.len()).filter(|i| source.at(*i) == "fn" && is_word(source.at(i + 1))) {
        let Some(open) = body(source, index) else { continue };
        let lines = source.line(source.close(open)) - source.line(index) + 1;
        if lines > FUNCTION_LINES {
            faults.push(source.fault(
                source.line(index),
                format!("`fn {}` has {lines} lines, more than {FUNCTION_LINES}", source.at(index + 1)),
            ));
        }
    }
    faults
}

/// Index of the brace that opens the body of the function at `index`; `None` where it is only declared.
fn body(source: &Source, index: usize) -> Option<usize> {
    let mut at = index;
    loop {
        match source.at(at) {
            "{" => return Some(at),
            ";" | "" => return None,
            "(" | "[" => at = source.close(at),
            _ => {}
        }
        at += 1;
    }
}

/// (c) Every file says what it is.
fn module_doc(source: &Source) -> Vec<String> {
    let documented =
        source.text.strip_prefix("//!").is_some_and(|rest| rest.lines().next().is_some_and(|l| !l.trim().is_empty()));
    if documented {
        Vec::new()
    } else {
        vec![source.fault(1, "the file does not start with a `//!` that says what it is")]
    }
}

/// (d) Few may read the bytes of a secret.
fn exposure(source: &Source) -> Vec<String> {
    if source.lies_in(MAY_EXPOSE) {
        return Vec::new();
    }
    let calls =
        (0..source.tokens.len()).filter(|i| source.at(*i) == "expose" && matches!(source.before(*i), "." | "::"));
    calls.map(|i| source.fault(source.line(i), "`expose` is called where secrets may not be read")).collect()
}

/// (e) One module is unsafe.
fn unsafety(source: &Source) -> Vec<String> {
    if source.lies_in(MAY_BE_UNSAFE) {
        return Vec::new();
    }
    let found = (0..source.tokens.len()).filter(|i| source.at(*i) == "unsafe");
    found.map(|i| source.fault(source.line(i), "`unsafe` stands outside of the audited module")).collect()
}

/// (g) The libraries that read packs are used in one folder, and libgit2 where it may be.
fn repositories(source: &Source) -> Vec<String> {
    let (reads, fetches) = (source.lies_in(MAY_READ_REPOSITORIES), source.lies_in(MAY_USE_LIBGIT2));
    let misplaced = |name: &str| name.starts_with("gix_") && !reads || name == "git2" && !fetches;
    let found = (0..source.tokens.len()).filter(|i| misplaced(source.at(*i)));
    let why = "gix is used outside of `src/sources/git/`, or git2 outside of its `changes/lines.rs` and `remote/`";
    found.map(|i| source.fault(source.line(i), why)).collect()
}

/// (f) The library is silent: it does not print, exit, or read the environment or the clock.
fn silence(source: &Source) -> Vec<String> {
    if source.lies_in(SHELL) {
        return Vec::new();
    }
    let mut found: BTreeSet<(usize, String)> = BTreeSet::new();
    for index in (0..source.tokens.len()).filter(|i| !source.in_test(*i)) {
        let (here, next, after) = (source.at(index), source.at(index + 1), source.at(index + 2));
        if PRINTING.contains(&here) && next == "!" && matches!(after, "(" | "[" | "{") {
            found.insert((source.line(index), format!("{here}!")));
        }
        if next == "::" && OUTSIDE.contains(&(here, after)) {
            found.insert((source.line(index), format!("{here}::{after}")));
        }
        if here == "env" && next == "::" && source.before(index) != "::" {
            found.insert((source.line(index), "env::".to_owned()));
        }
        if here == "std" && next == "::" && source.before(index) != "::" {
            let mut paths = Vec::new();
            source.tree(index + 2, vec!["std".to_owned()], &mut paths);
            let pairs = paths.iter().flat_map(|(line, path)| {
                path.iter().zip(path.iter().skip(1)).map(|(a, b)| (*line, a.as_str(), b.as_str()))
            });
            found.extend(
                pairs.filter(|(_, a, b)| OUTSIDE.contains(&(*a, *b))).map(|(line, a, b)| (line, format!("{a}::{b}"))),
            );
        }
    }
    found
        .into_iter()
        .map(|(line, what)| {
            source.fault(line, format!("`{what}` belongs in `src/cli/`, which hands in what the library needs"))
        })
        .collect()
}

/// (h) Every rule file, and whatever in it names a page, names one on the web.
fn rule_docs(path: &str, text: &str) -> Vec<String> {
    let (mut faults, mut section, mut provider) = (Vec::new(), "", false);
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            section = line.trim_end();
        }
        let Some(value) = line.trim_start().strip_prefix("docs").and_then(|rest| rest.trim_start().strip_prefix('='))
        else {
            continue;
        };
        provider |= section == "[provider]";
        if !value.trim_start().trim_start_matches(['"', '\'']).starts_with("https://") {
            faults.push(format!("{path}:{}: `docs` does not start with https://", number + 1));
        }
    }
    if !provider {
        faults.push(format!("{path}:1: `[provider]` has no `docs`"));
    }
    faults
}

/// The repository's root: where cargo runs integration tests.
fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// Files below `directory` whose names end in `ending`, in path order; none where it does not exist.
fn files(directory: &Path, ending: &str, out: &mut Vec<PathBuf>) -> io::Result<()> {
    if !directory.is_dir() {
        return Ok(());
    }
    let mut entries: Vec<_> = fs::read_dir(directory)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let name = name.to_string_lossy();
        if kind.is_dir() && !NOT_OURS.contains(&name.as_ref()) && !name.ends_with(".in") && !name.ends_with(".out") {
            files(&entry.path(), ending, out)?;
        } else if kind.is_file() && name.ends_with(ending) {
            out.push(entry.path());
        }
    }
    Ok(())
}

/// The text of each file below the folders, with its path from the root.
fn texts(folders: &[&str], ending: &str) -> io::Result<Vec<(String, String)>> {
    let (root, mut paths) = (root(), Vec::new());
    for folder in folders {
        files(&root.join(folder), ending, &mut paths)?;
    }
    let shown = |p: &Path| p.strip_prefix(&root).unwrap_or(p).to_string_lossy().replace('\\', "/");
    paths.iter().map(|p| Ok((shown(p), fs::read_to_string(p)?))).collect()
}

/// The Rust files below the folders; those of `#[cfg(test)] mod name;` are marked as tests.
fn sources(folders: &[&str]) -> io::Result<Vec<Source>> {
    let mut all: Vec<Source> = texts(folders, ".rs")?.iter().map(|(path, text)| Source::new(path, text)).collect();
    let tests: Vec<String> = all.iter().flat_map(outlying_tests).collect();
    for source in &mut all {
        source.test |=
            tests.iter().any(|t| source.path == format!("{t}.rs") || source.path.starts_with(&format!("{t}/")));
    }
    Ok(all)
}

/// The paths, without `.rs`, of the test modules that a file declares and that lie in files of their own.
fn outlying_tests(source: &Source) -> Vec<String> {
    let stem = source.path.trim_end_matches(".rs");
    let own = if ROOTS.contains(&source.path.as_str()) { "src" } else { stem.strip_suffix("/mod").unwrap_or(stem) };
    source.modules.iter().filter(|m| m.test && !m.inline).map(|m| format!("{own}/{}", m.name)).collect()
}

/// Fails with every fault that a check finds, and where there was nothing to look at.
fn hold(all: &[Source], check: impl Fn(&Source) -> Vec<String>) {
    assert!(!all.is_empty(), "no Rust files below {}", root().display());
    none(&all.iter().flat_map(check).collect::<Vec<_>>());
}

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}\n", faults.len(), faults.join("\n"));
}

#[test]
fn folders_import_what_their_layer_may() -> io::Result<()> {
    hold(&sources(&["src"])?, layers);
    Ok(())
}

#[test]
fn files_and_functions_are_short() -> io::Result<()> {
    hold(&sources(&["src"])?, sizes);
    Ok(())
}

#[test]
fn every_file_starts_with_a_module_doc() -> io::Result<()> {
    hold(&sources(&["src", "tests", "benches", "build"])?, module_doc);
    Ok(())
}

#[test]
fn secrets_are_read_in_few_places() -> io::Result<()> {
    hold(&sources(&["src"])?, exposure);
    Ok(())
}

#[test]
fn one_module_is_unsafe() -> io::Result<()> {
    hold(&sources(&["src", "build"])?, unsafety);
    Ok(())
}

#[test]
fn repositories_are_read_in_one_folder() -> io::Result<()> {
    hold(&sources(&["src", "build"])?, repositories);
    Ok(())
}

#[test]
fn the_library_does_not_print_exit_or_read_clock_and_environment() -> io::Result<()> {
    hold(&sources(&["src"])?, silence);
    Ok(())
}

#[test]
fn every_rule_file_names_its_documentation() -> io::Result<()> {
    let all = texts(&["rules"], ".toml")?;
    assert!(!all.is_empty(), "no rule files below {}", root().display());
    none(&all.iter().flat_map(|(path, text)| rule_docs(path, text)).collect::<Vec<_>>());
    Ok(())
}

/// Each check on snippets that it must report, beside ones that it must not.
#[cfg(test)]
mod controls {
    use super::*;

    /// The lines that a check reports in a snippet, in order and each once.
    fn lines(check: impl Fn(&Source) -> Vec<String>, path: &str, text: &str) -> Vec<usize> {
        let faults = check(&Source::new(path, text));
        let line = |f: &String| f.strip_prefix(path).unwrap().split(':').nth(1).unwrap().parse().unwrap();
        let mut lines: Vec<usize> = faults.iter().map(line).collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    }

    #[test]
    fn the_table_of_layers_has_no_cycle() {
        for (place, (name, allowed)) in LAYERS.iter().enumerate() {
            for entry in allowed.iter().filter(|e| **e != "*") {
                let first = entry.split("::").next().unwrap();
                assert!(
                    LAYERS[..place].iter().any(|(n, _)| *n == first),
                    "`{name}` names `{entry}`, which does not stand above it"
                );
            }
        }
    }

    #[test]
    fn imports_upwards_are_reported_in_every_form() {
        let bad = [
            "use crate::detect::X;",
            "pub(crate) use crate::detect;",
            "use crate::{model::A, detect::{B, c::D}};",
            "use crate::{\n model::A,\n detect as d,\n};",
            "use {crate::model::A, crate::scan::B};",
            "use crate::*;",
            "use crate as root;",
            "use ::std::fmt; use crate :: cli :: run;",
            "fn f() -> crate::cli::Exit { crate::model::g() }",
            "fn f() { let x: Vec<crate::scan::X> = y; }",
            "use super::super::detect::X;",
            "use self::super::super::detect::X;",
            "mod tests { use super::super::super::detect::X; }",
            "#[cfg(test)]\nmod tests {\n use crate::detect::X;\n}",
            "macro_rules! m { () => { $crate::detect::x!() } }",
            "const Q: char = '\"'; use crate::detect::X; const R: char = '\"';",
            "fn f<'a>(x: &'a str) {} use crate::detect::X;",
            "const A: &str = r#\"a\"b\"#; use crate::detect::X;",
            "/* a /* b */ */ use crate::detect::X;",
        ];
        for text in bad {
            assert_eq!(lines(layers, "src/rules/a.rs", text).len(), 1, "{text}");
        }
        assert_eq!(
            lines(layers, "src/rules/a.rs", "use crate::{\n model::A,\n detect as d,\n scan::{B,\n C}};"),
            [3, 4, 5]
        );
        assert_eq!(lines(layers, "src/rules/mod.rs", "use super::detect::X;"), [1]);
        assert_eq!(lines(layers, "src/rules/a/b.rs", "use super::super::super::detect::X; use super::super::c;"), [1]);
        assert_eq!(lines(layers, "src/model/a.rs", "use crate::rules::X;"), [1]);
    }

    #[test]
    fn imports_that_a_layer_may_have_are_not_reported() {
        let good = [
            "use crate::model::X; use crate::rules::Y; pub(in crate::rules) fn f() {}",
            "use crate::{model::{A, B}, rules::{self, c::D}};",
            "use super::detect; use super::*; pub(super) fn f() {}",
            "mod tests { use super::super::b; }",
            "// crate::detect\n/// [`crate::detect`]\n/* crate::detect /* */ crate::scan */",
            "const A: &str = \"crate::detect \\\" crate::scan\"; const B: &str = r#\"\"crate::detect\"#; const C: &[u8] = br\"crate::scan\";",
            "use other::crate_name; fn f() { if x == crate::model::Y { } }",
            "fn f() { crate::model::g::<u8>() }",
        ];
        for text in good {
            assert_eq!(lines(layers, "src/rules/a.rs", text), [0usize; 0], "{text}");
        }
        assert_eq!(lines(layers, "src/cli/a.rs", "use crate::scan::X; use crate::web::Y;"), [0usize; 0]);
        assert_eq!(lines(layers, "src/lib.rs", "pub mod cli; pub use crate::model::X;"), [0usize; 0]);
    }

    #[test]
    fn a_layer_that_may_have_one_item_has_no_other() {
        assert_eq!(
            lines(
                layers,
                "src/connectors/a.rs",
                "use crate::policy::Permit;\nuse crate::policy::{Permit,\n Decision};"
            ),
            [3]
        );
        assert_eq!(lines(layers, "src/connectors/a.rs", "use crate::policy;\nuse crate::policy::Permits;"), [1, 2]);
        assert_eq!(
            lines(layers, "src/web/a.rs", "use crate::orchestrate::commands::approve;\nuse crate::orchestrate::run;"),
            [2]
        );
    }

    #[test]
    fn folders_outside_of_the_table_are_reported() {
        for path in ["src/helpers/mod.rs", "src/helpers/a.rs", "src/helpers.rs"] {
            assert_eq!(lines(layers, path, "use crate::model::X;"), [1], "{path}");
        }
    }

    #[test]
    fn long_files_are_reported_and_their_tests_do_not_count() {
        let long = "// line\n".repeat(FILE_LINES);
        assert_eq!(lines(sizes, "src/rules/a.rs", &long), [0usize; 0]);
        assert_eq!(lines(sizes, "src/rules/a.rs", &format!("{long}const A: u8 = 1;\n")), [1]);
        assert_eq!(
            lines(sizes, "src/rules/a.rs", &format!("{long}#[cfg(test)]\nmod tests {{\n{long}}}\n")),
            [0usize; 0]
        );
        assert_eq!(
            lines(sizes, "src/rules/a.rs", &format!("#[cfg(test)]\nfn f() {{}}\n{long}")),
            [1],
            "only modules are exempt"
        );
        assert_eq!(
            lines(sizes, "src/rules/a.rs", &format!("#[cfg(test)]\nmod tests {{ }}\nmod b {{\n{long}}}")),
            [1],
            "only test modules are exempt"
        );
    }

    #[test]
    fn long_functions_are_reported_where_they_start() {
        let head = "impl A {\n    fn f<'a>(x: [u8; 2]) -> B\n    where\n        C: D,\n    {\n";
        let of = |lines: usize| format!("{head}{}    }}\n}}\n", "        '}';\n".repeat(lines - 5));
        assert_eq!(lines(sizes, "src/rules/a.rs", &of(FUNCTION_LINES)), [0usize; 0]);
        assert_eq!(lines(sizes, "src/rules/a.rs", &of(FUNCTION_LINES + 1)), [2]);
        assert_eq!(
            lines(sizes, "src/rules/a.rs", &format!("#[cfg(test)]\nmod tests {{\n{}}}", of(FUNCTION_LINES + 1))),
            [4],
            "in tests too"
        );
        let table = format!(
            "trait T {{ fn f(&self); }}\nconst A: fn(u8) -> [u8; 1] = b;\nconst C: &[u8] = &[\n{}];\n",
            "1,\n".repeat(100)
        );
        assert_eq!(lines(sizes, "src/rules/a.rs", &table), [0usize; 0], "tables are not functions");
    }

    #[test]
    fn files_without_a_module_doc_are_reported() {
        for text in [
            "",
            "use a::b;",
            "// plain",
            "/// of an item\nfn f() {}",
            "\n//! late",
            "//!\n//! empty first line",
            "#![allow(x)]\n//! late",
        ] {
            assert_eq!(lines(module_doc, "src/rules/a.rs", text), [1], "{text}");
        }
        assert_eq!(lines(module_doc, "tests/a.rs", "//! What it is.\n"), [0usize; 0]);
    }

    #[test]
    fn reading_secrets_elsewhere_is_reported() {
        let text = "fn f(s: &Secret) {\n s\n  .expose ();\n x.map(Secret::expose);\n // s.expose()\n}";
        assert_eq!(lines(exposure, "src/report/plain.rs", text), [3, 4]);
        assert_eq!(lines(exposure, "src/scan/engine.rs", "#[cfg(test)] mod tests { fn f() { s.expose(); } }"), [1]);
        for path in ["src/detect/checks.rs", "src/report/reveal.rs", "src/scan/join.rs", "src/ledger/seal.rs"] {
            assert_eq!(lines(exposure, path, text), [0usize; 0], "{path}");
        }
        assert_eq!(lines(exposure, "src/detective/a.rs", "s.expose();"), [1]);
        assert_eq!(lines(exposure, "src/model/mod.rs", "fn expose() {} fn exposed() { a.exposed(); }"), [0usize; 0]);
    }

    #[test]
    fn unsafe_code_elsewhere_is_reported() {
        let text = "#![deny(unsafe_code)]\n// unsafe\nunsafe fn f() {}\nfn g() { unsafe { f() } }\n#[unsafe(no_mangle)] fn h() {}";
        assert_eq!(lines(unsafety, "src/detect/hits.rs", text), [3, 4, 5]);
        assert_eq!(lines(unsafety, "src/detect/avx2.rs", text), [0usize; 0]);
    }

    #[test]
    fn reading_repositories_elsewhere_is_reported() {
        let text = "use git2::Odb;\n// git2\nfn f(k: gix_hash::Kind) {}";
        assert_eq!(lines(repositories, "src/scan/history.rs", text), [1, 3]);
        assert_eq!(lines(repositories, "src/sources/git/pack.rs", text), [1]);
        assert_eq!(lines(repositories, "src/sources/git/changes/lines.rs", text), [0usize; 0]);
    }

    #[test]
    fn a_library_that_speaks_or_looks_at_the_clock_is_reported() {
        let bad = [
            "fn f() { println!(\"x\"); }",
            "fn f() { std::eprintln! { \"x\" } }",
            "fn f() { dbg!(x); }",
            "fn f() { std::env::var(\"X\"); }",
            "use std::env;",
            "use std::{fmt, env::{var}};",
            "use std::{fmt, env as e};",
            "fn f() { env::var(\"X\"); }",
            "fn f() { std::time::SystemTime::now(); }",
            "fn f() { Instant::now() }",
            "fn f() { time::OffsetDateTime::now_utc() }",
            "fn f() { std::process::exit(1) }",
            "use std::{process::{self, exit}};",
            "use std::{io::{stdout as out, Write}};",
            "#[cfg(test)]\nmod tests {}\nfn f() { println!() }",
        ];
        for text in bad {
            assert_eq!(lines(silence, "src/scan/a.rs", text).len(), 1, "{text}");
            assert_eq!(lines(silence, "src/cli/a.rs", text), [0usize; 0], "{text}");
            assert_eq!(lines(silence, "src/main.rs", text), [0usize; 0], "{text}");
        }
        let good = [
            "fn f() { write!(out, \"println!\"); if print != x {} env!(\"OUT_DIR\"); }",
            "// std::env::var, Instant::now\nuse std::{process::Command, time::Instant, io::Write};",
            "#[cfg(test)]\nmod tests {\n fn f() { println!(); std::env::temp_dir(); Instant::now(); }\n}",
            "#[cfg(all(test, unix))]\n#[expect(x)]\npub(crate) mod tests {\n fn f() { println!() }\n}",
            "#![cfg(test)]\nfn f() { println!() }",
        ];
        for text in good {
            assert_eq!(lines(silence, "src/scan/a.rs", text), [0usize; 0], "{text}");
        }
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_known() {
        let text = "#[cfg(test)]\nmod tests;\nmod other;";
        assert_eq!(outlying_tests(&Source::new("src/scan/mod.rs", text)), ["src/scan/tests"]);
        assert_eq!(outlying_tests(&Source::new("src/scan/a.rs", text)), ["src/scan/a/tests"]);
        assert_eq!(outlying_tests(&Source::new("src/lib.rs", text)), ["src/tests"]);
    }

    #[test]
    fn rule_files_without_documentation_are_reported() {
        let provider = "[provider]\nid = \"a\"\n";
        let page = "docs = \"https://a.example/b\"\n";
        assert_eq!(rule_docs("rules/a.toml", &format!("{provider}{page}")).len(), 0);
        assert_eq!(rule_docs("rules/a.toml", provider).len(), 1);
        assert_eq!(
            rule_docs("rules/a.toml", &format!("{provider}\n[[rule]]\n{page}")).len(),
            1,
            "a rule's page is not the provider's"
        );
        for value in ["docs = \"http://a.example\"", "docs = ''", "docs=\"a.example\""] {
            let faults = rule_docs("rules/a.toml", &format!("{provider}{page}\n[verify.a]\n{value}\n"));
            assert_eq!(faults, ["rules/a.toml:6: `docs` does not start with https://"], "{value}");
        }
    }
}
