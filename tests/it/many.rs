//! Many findings: what a report costs in memory does not grow with its text, and what is not shown is not kept.

use std::process::Command;

use serde_json::Value;

use quell::model::{Confidence, FingerprintKey};
use quell::rules::embedded::embedded;
use quell::scan::{Markers, Progress, ScanOptions, Target};
use quell::sources::{Options, PathFilter};

use crate::support::{QUELL, Tree, clean, findings, formats, run, scan, token};

/// How many findings: enough that a tree of them as JSON, or their rules' texts once more, would not fit.
const MANY: u64 = 5_000;

/// What they fit in, in kilobytes.
const LIMIT: u32 = 16_000;

/// Scans with no more data memory than this many kilobytes; an allocation beyond them ends the run.
fn within(kilobytes: u32, tree: &Tree, format: &str) -> Option<i32> {
    let mut command = Command::new("/bin/sh");
    clean(&mut command);
    let call = format!("ulimit -d {kilobytes}; exec \"$0\" scan --threads 1 --format {format} many >/dev/null");
    run(command.current_dir(tree.path()).args(["-c", &call, QUELL])).code
}

#[test]
fn thousands_of_findings_are_written_in_little_memory() {
    let distinct = Tree::new();
    distinct.write("many", (0..MANY).map(|n| format!("TOKEN={}\n", token(n))).collect::<String>());
    // The control: the limit is one.
    assert_eq!(within(1_000, &distinct, "plain").filter(|code| *code < 6), None);
    for format in formats() {
        assert_eq!(within(LIMIT, &distinct, format), Some(1), "{format}");
    }
    // One credential in as many places.
    let same = Tree::new();
    same.write("many", format!("TOKEN={}\n", token(1)).repeat(MANY as usize));
    for format in formats().filter(|format| *format != "plain") {
        assert_eq!(within(LIMIT, &same, format), Some(1), "{format}");
    }
}

#[test]
fn doubtful_matches_of_generic_rules_are_counted_and_not_kept() {
    let tree = Tree::new();
    for name in ["a.yml", "b.yml", "c.yml"] {
        tree.write(name, "password: \"password123\"\n");
    }
    // Each match is counted where it stands: what was kept would have been joined to one finding.
    let report = scan(&tree, &[]).code(0).json();
    assert_eq!((findings(&report).len(), &report["below_confidence"]), (0, &Value::from(3)));
    let asked = scan(&tree, &["--confidence", "low"]).code(1).json();
    assert_eq!((findings(&asked).len(), &asked["below_confidence"]), (1, &Value::from(0)));
    assert_eq!(findings(&asked)[0]["locations"].as_array().unwrap().len(), 3);
}

#[test]
fn matches_beyond_the_limit_are_a_gap() {
    let tree = Tree::new();
    tree.write("many", (0..8).map(|n| format!("x {}\n", token(n))).collect::<String>());
    let key = FingerprintKey::open().unwrap();
    let scanned = |max_matches| {
        let options = ScanOptions {
            rules: embedded(),
            enable: &|_| true,
            confidence: Confidence::Medium,
            key: &key,
            threads: 1,
            now: 0,
            markers: Markers::Hold,
            max_matches,
            walk: Options { ignored_too: true, filter: PathFilter::new(&[], &[]).unwrap(), max_file_size: None },
            consumers: quell::scan::Consumption::Nothing,
        };
        quell::scan::scan(vec![Target::Path(tree.path().to_owned())], &options, &Progress::default())
    };
    let report = scanned(5);
    let told: Vec<String> = report.coverage.gaps.iter().map(|g| format!("{:?} {}", g.kind, g.why)).collect();
    assert_eq!(report.findings.len(), 5);
    assert_eq!(
        told,
        ["OverBudget 3 matches in it were not kept, since there are too many; take away what is found, and scan again"]
    );
    assert_eq!((scanned(8).findings.len(), scanned(8).coverage.is_complete()), (8, true));
}
