//! Keywords are rare in ordinary text. Each hit costs about as much as reading a few hundred bytes, so that a thousand rules are
//! as fast as their most common words are rare.
//!
//! The text is this repository's own (code, documentation, the lock file), without what is about rules and hits by its
//! nature, and lines of hexadecimal and base64. `benches/keywords.sh` counts the same in any tree.

use std::path::{Path, PathBuf};

use quell::rules::embedded::embedded;
use quell::rules::template::{Bindings, Random, expand};
use quell::rules::{RuleSet, load};

use crate::keyword_counts::Counts;

/// Most hits of all keywords in each KB of the text: half as many again as the 1.43 of 389 rules. The text is about secrets and
/// has more of them than most: git/git has 0.34 (`benches/RESULTS.md`).
const BUDGET_PER_KB: f64 = 2.2;

/// Most hits of one keyword in each MB of the text. What a provider calls its secrets stands in it up to nine times per MB, in
/// tests and documentation; at a hundred such words it is one hit per KB.
const BUDGET_PER_MB: f64 = 10.0;

/// What may stand more often: the words for secrets in general and the beginnings of URLs, which no rule for passwords and
/// unnamed tokens can do without; `secret_`, with which Notion's old tokens begin; and `ck_c`, which stands in the attribute
/// that Rust's tests have before their helpers.
const GENERAL: &[&str] = &[
    "secret",
    "secret_",
    "ck_c",
    "token",
    "password",
    "_pass",
    "_password ",
    ".pass",
    "db_pass",
    "credential",
    "credentials",
    " auth",
    "authorization",
    "https://",
    "http://",
];

/// What is about rules, or lists their keywords; and commands that leak, line by line, which are no ordinary text either.
const ABOUT_RULES: &[&str] = &[
    ".git",
    "target",
    "rules",
    "docs/rules",
    "docs/rules.md",
    "docs/rule-format.md",
    "tests/it/snapshots",
    "src/uses/shell/tests.rs",
];

fn counts(set: &RuleSet) -> Counts<'_> {
    let mut counts = Counts::new(set);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    counts.add_tree(root, Path::new(""), &|path| ABOUT_RULES.iter().any(|about| path == Path::new(about)));
    let mut random = Random::new(1);
    for template in ["{hex:64}\n", "{base64:76}\n", "{uuid}\n", "{alnum:22}\n"] {
        let lines = (0..1_000).flat_map(|_| expand(template, &mut random, &Bindings::new()).unwrap());
        counts.add(&lines.collect::<Vec<u8>>());
    }
    counts
}

#[test]
fn keywords_are_rare_in_ordinary_text() {
    let counts = counts(embedded());
    assert!(counts.per_kb() <= BUDGET_PER_KB, "keywords hit too often; choose longer ones\n{}", counts.table(30));
}

#[test]
fn no_keyword_is_a_common_word() {
    let counts = counts(embedded());
    let keywords = counts.keywords();
    let common =
        keywords.iter().filter(|k| counts.per_mb(k.hits) > BUDGET_PER_MB && !GENERAL.contains(&k.text.as_str()));
    let told = common.map(|k| format!("`{}` {:.1} per MB, of {}", k.text, counts.per_mb(k.hits), k.rules.join(", ")));
    let told: Vec<String> = told.collect();
    assert!(
        told.is_empty(),
        "more than {BUDGET_PER_MB} per MB of ordinary text; choose longer ones\n{}",
        told.join("\n")
    );
}

/// Prints what `benches/keywords.sh` is asked for.
#[test]
#[ignore = "it prints, for benches/keywords.sh"]
fn counted_in_a_tree() {
    let directory = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let own = directory("QUELL_BENCH_RULES").map(|dir| load::load(&load::read_dir(&dir).unwrap()).unwrap());
    let set = own.map_or_else(|| embedded().clone(), |own| embedded().overlay(&own));
    let skip = |path: &Path| path.file_name().is_some_and(|name| name == ".git" || name == "target");
    let counted = match directory("QUELL_BENCH_TREE") {
        Some(tree) => {
            let mut counts = Counts::new(&set);
            counts.add_tree(&tree, Path::new(""), &skip);
            counts
        }
        None => counts(&set),
    };
    eprintln!("{} rules, {} keywords: {}", set.rules.len(), set.index.keywords.len(), counted.table(40));
}
