//! The commands of README.md run, and write what it says they write. Each block runs in a directory of its own.

use crate::pages::{Does, Reader, Step, blocks, fits, line_fits};
use crate::support::{quell, run};

fn try_block(steps: &[Step]) {
    Reader::of("README.md").follow(steps);
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    let Ok(page) = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")) else {
        eprintln!("there is no README.md yet");
        return;
    };
    let blocks = blocks(&page);
    assert!(!blocks.is_empty(), "README.md has no ```console block that runs");
    blocks.iter().for_each(|steps| try_block(steps));
}

#[test]
fn a_command_that_does_otherwise_is_noticed() {
    let page = "x\n```console\n$ echo a b\na [..]\n$ quell --version\nquell [..]\n```\n<!-- not run: an example -->\n```console\n$ false\n```\n";
    let blocks = blocks(page);
    assert_eq!((blocks.len(), blocks[0].len(), blocks[0][1].line), (1, 2, 5));
    try_block(&blocks[0]);
    assert!(
        line_fits("a [..] c", "a b c")
            && !line_fits("a [..] c", "a b d")
            && !line_fits("a", "ab")
            && line_fits("[..]", "x")
    );
    let shown = ["a".to_owned(), "...".to_owned(), "c".to_owned()];
    assert!(fits(&shown, &["a", "x", "c"]) && fits(&shown, &["a", "c"]) && !fits(&shown, &["a", "x"]));
    let wrong = |shown: &str| [Step { line: 1, does: Does::Run("echo no".to_owned()), shown: vec![shown.to_owned()] }];
    try_block(&wrong("no"));
    assert!(std::panic::catch_unwind(|| try_block(&wrong("yes"))).is_err());
}

#[test]
fn a_page_writes_files_starts_servers_and_exports() {
    let page =
        "```toml a.toml\nx = 1\n\n$ y = 2\n```\n```toml\nz\n```\n```console\n$ cat a.toml\nx = 1\n\n$ y = 2\n```\n";
    let all = blocks(page);
    assert_eq!((all.len(), all[0].len(), &all[0][0].does), (2, 1, &Does::Write("a.toml".to_owned())));
    let page = "```text a\nb\n\n```\n```console\n$ wc -l < a\n2\n$ export WORD=\"$(cat a)\"\n$ echo $WORD\nb\n$ sh -c 'echo $WORD > c; exec sleep 600' &\n$ until test -e c; do sleep 0.1; done; cat c\nb\n```\n";
    let mut reader = Reader::of("page");
    blocks(page).iter().for_each(|steps| reader.follow(steps));
}

#[test]
fn this_repository_has_no_finding() {
    let run = run(quell().current_dir(env!("CARGO_MANIFEST_DIR")).args(["scan", "--exclude-path", ".git", "."]));
    assert_eq!(run.code, Some(0), "{}{}", run.out(), run.err());
}
