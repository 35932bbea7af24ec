//! The commands of README.md run, and write what it says they write.
//!
//! Blocks are fenced as ```` ```console ````: a line `$ command`, then its output. `...` on a line of its own stands for
//! any lines, `[..]` for any text within a line. A block runs in an empty directory with quell first on the path; one
//! behind `<!-- not run: reason -->` does not.

use std::path::Path;
use std::process::Command;

use crate::support::{QUELL, Tree, clean, quell, run};

/// A command of the page and the output that it shows.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    command: String,
    output: Vec<String>,
}

/// The blocks of a page: each a list of steps.
fn blocks(page: &str) -> Vec<Vec<Step>> {
    let (mut out, mut block, mut skip) = (Vec::new(), None::<Vec<Step>>, false);
    for (number, text) in page.lines().enumerate() {
        match (&mut block, text) {
            (None, "```console") if skip => skip = false,
            (None, "```console") => block = Some(Vec::new()),
            (None, comment) if comment.starts_with("<!-- not run:") => skip = true,
            (None, _) => {}
            (Some(_), "```") => out.extend(block.take()),
            (Some(steps), text) => match text.strip_prefix("$ ") {
                Some(command) => steps.push(Step { line: number + 1, command: command.to_owned(), output: Vec::new() }),
                None => steps
                    .last_mut()
                    .unwrap_or_else(|| panic!("line {}: no command", number + 1))
                    .output
                    .push(text.to_owned()),
            },
        }
    }
    out
}

/// Whether a line is what the page shows, `[..]` standing for anything.
fn line_fits(shown: &str, line: &str) -> bool {
    let mut parts = shown.trim_end().split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.trim_end().strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    rest.is_empty() || last.is_some_and(|part| part.is_empty() || rest.ends_with(part))
}

/// Whether an output is what the page shows, `...` standing for any lines.
fn fits(shown: &[String], lines: &[&str]) -> bool {
    match (shown.first(), lines.first()) {
        (None, None) => true,
        (Some(dots), _) if dots == "..." => fits(&shown[1..], lines) || (!lines.is_empty() && fits(shown, &lines[1..])),
        (Some(wanted), Some(line)) => line_fits(wanted, line) && fits(&shown[1..], &lines[1..]),
        _ => false,
    }
}

fn try_block(steps: &[Step]) {
    let (tree, home) = (Tree::new(), Tree::new());
    for step in steps {
        let mut command = Command::new("/bin/sh");
        clean(&mut command);
        command.env("HOME", home.path()).env("USER", "kim").env_remove("XDG_CONFIG_HOME");
        let path = format!("{}:/usr/bin:/bin", Path::new(QUELL).parent().unwrap().display());
        let run =
            run(command.env("PATH", path).current_dir(tree.path()).args(["-c", &format!("{} 2>&1", step.command)]));
        let output = run.out();
        let lines: Vec<&str> = output.trim_end().lines().collect();
        let shown: Vec<String> = step
            .output
            .iter()
            .rev()
            .skip_while(|l| l.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        assert!(fits(&shown, &lines), "README.md:{}: `{}` writes\n{output}", step.line, step.command);
    }
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
    let wrong = [Step { line: 1, command: "echo no".to_owned(), output: vec!["yes".to_owned()] }];
    assert!(std::panic::catch_unwind(|| try_block(&wrong)).is_err());
}

#[test]
fn this_repository_has_no_finding() {
    let run = run(quell().current_dir(env!("CARGO_MANIFEST_DIR")).args(["scan", "--exclude-path", ".git", "."]));
    assert_eq!(run.code, Some(0), "{}{}", run.out(), run.err());
}
