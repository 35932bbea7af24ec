//! Documents whose commands run, and write what the documents say they write.
//!
//! Blocks are fenced as ```` ```console ````: a line `$ command`, then its output. `...` on a line of its own stands for
//! any lines, `[..]` for any text within a line. A block behind `<!-- not run: reason -->` does not run. A fence that names a
//! file after its language (```` ```toml quell.toml ````) writes that file.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{QUELL, Tree, clean, run};

/// What a document does at one of its lines.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) line: usize,
    pub(crate) does: Does,
    /// The output that it shows, or the lines of the file.
    pub(crate) shown: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Does {
    Run(String),
    Write(String),
}

/// The blocks of a document: each a list of steps.
pub(crate) fn blocks(page: &str) -> Vec<Vec<Step>> {
    let (mut out, mut block, mut skip) = (Vec::new(), None::<Vec<Step>>, false);
    for (number, text) in page.lines().enumerate() {
        let step = |does| Step { line: number + 1, does, shown: Vec::new() };
        match (&mut block, text) {
            (None, "```console") if skip => skip = false,
            (None, "```console") => block = Some(Vec::new()),
            (None, comment) if comment.starts_with("<!-- not run:") => skip = true,
            (None, other) => {
                let named = other.strip_prefix("```").and_then(|info| info.split_once(' '));
                block = named.map(|(_, file)| vec![step(Does::Write(file.to_owned()))]);
            }
            (Some(_), "```") => out.extend(block.take()),
            (Some(steps), text) => match (text.strip_prefix("$ "), steps.last_mut()) {
                (_, Some(Step { does: Does::Write(_), shown, .. })) => shown.push(text.to_owned()),
                (Some(command), _) => steps.push(step(Does::Run(command.to_owned()))),
                (None, Some(last)) => last.shown.push(text.to_owned()),
                (None, None) => panic!("line {}: no command", number + 1),
            },
        }
    }
    out
}

/// Whether a line is what the document shows, `[..]` standing for anything.
pub(crate) fn line_fits(shown: &str, line: &str) -> bool {
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

/// Whether an output is what the document shows, `...` standing for any lines.
pub(crate) fn fits(shown: &[String], lines: &[&str]) -> bool {
    match (shown.first(), lines.first()) {
        (None, None) => true,
        (Some(dots), _) if dots == "..." => fits(&shown[1..], lines) || (!lines.is_empty() && fits(shown, &lines[1..])),
        (Some(wanted), Some(line)) => line_fits(wanted, line) && fits(&shown[1..], &lines[1..]),
        _ => false,
    }
}

/// Where the commands of a document run: an empty directory, with quell first on the path and a home of its own.
pub(crate) struct Reader {
    name: &'static str,
    tree: Tree,
    home: Tree,
    /// What it exported so far.
    exports: String,
    /// What it left running with `&`; ended with the reader.
    running: Vec<Child>,
}

impl Reader {
    pub(crate) fn of(name: &'static str) -> Self {
        Self { name, tree: Tree::new(), home: Tree::new(), exports: String::new(), running: Vec::new() }
    }

    /// Does what the steps say, and holds what they show against what they write.
    pub(crate) fn follow(&mut self, steps: &[Step]) {
        for step in steps {
            match &step.does {
                Does::Write(file) => drop(self.tree.write(file, step.shown.join("\n") + "\n")),
                Does::Run(command) => match command.strip_suffix(" &") {
                    Some(command) => self.start(command),
                    None => self.run(step, command),
                },
            }
        }
    }

    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("/bin/sh");
        clean(&mut shell);
        let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-tools/python/bin");
        let path = format!("{}:/usr/bin:/bin:{tools}", Path::new(QUELL).parent().unwrap().display());
        shell.env("HOME", self.home.path()).env("USER", "kim").env_remove("XDG_CONFIG_HOME").env("PATH", path);
        shell.current_dir(self.tree.path()).args(["-c", command]);
        shell
    }

    fn start(&mut self, command: &str) {
        let mut shell = self.shell(&format!("{}exec {command}", self.exports));
        shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running.push(shell.spawn().unwrap());
    }

    fn run(&mut self, step: &Step, command: &str) {
        let run = run(&mut self.shell(&format!("exec 2>&1\n{}{command}", self.exports)));
        if command.starts_with("export ") {
            self.exports.push_str(command);
            self.exports.push('\n');
        }
        let output = run.out();
        let lines: Vec<&str> = output.trim_end().lines().collect();
        let end = step.shown.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        assert!(fits(&step.shown[..end], &lines), "{}:{}: `{command}` writes\n{output}", self.name, step.line);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
