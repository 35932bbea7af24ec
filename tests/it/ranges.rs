//! Which commits a range has and which files they change, against git itself: on histories of random shape, and on those
//! that `QUELL_HISTORIES` names (directories of repositories, separated by colons).

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use quell::model::{Coverage, ObjectId};
use quell::rules::template::Random;
use quell::sources::git::changes::{Objects, Range, changed, revision, walk};
use quell::sources::git::refs::Names;
use quell::sources::git::{Access, Location, Repository};

use crate::support::{Tree, clean, run, run_with};

/// What git writes about a repository, by lines.
fn git(path: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("git");
    clean(&mut command);
    let ended = run(command.args(["-c", "safe.directory=*", "-C"]).arg(path).args(arguments)).code(0);
    ended.out().lines().map(str::to_owned).collect()
}

/// A stream for `git fast-import`: commits with up to three parents and a few files each; `skew` lets clocks go wrong.
fn history(commits: u64, seed: u64, skew: u64) -> String {
    let mut random = Random::new(seed);
    let mut below = |limit: u64| random.below(usize::try_from(limit).unwrap()) as u64;
    let mut out = String::new();
    for number in 1..=commits {
        let time = 1_700_000_000 + number * 60 - if skew > 0 { below(skew) } else { 0 };
        write!(
            out,
            "commit refs/heads/c{number}\nmark :{number}\ncommitter T <t@example.com> {time} +0000\ndata 1\nx\n"
        )
        .unwrap();
        let mut parents = BTreeSet::new();
        for _ in 0..=below(3) {
            parents.insert(number.saturating_sub(1 + below(6)));
        }
        for (place, parent) in parents.into_iter().filter(|p| *p > 0).enumerate() {
            writeln!(out, "{} :{parent}", if place == 0 { "from" } else { "merge" }).unwrap();
        }
        for _ in 0..=below(2) {
            let (folder, file, text) = (below(3), below(4), below(5));
            match below(5) {
                0 => writeln!(out, "D d{folder}/f{file}").unwrap(),
                1 => writeln!(out, "M 100644 inline d{folder}\ndata 2\n{text}\n").unwrap(),
                _ => writeln!(out, "M 100644 inline d{folder}/f{file}\ndata 2\n{text}\n").unwrap(),
            }
        }
        out.push('\n');
    }
    out
}

/// Compares ranges of a repository with git; says how many commits they had. With wrong clocks a range may have more.
fn agrees(path: &Path, pairs: &[(String, String)], exact: bool) -> usize {
    let mut coverage = Coverage::default();
    let repository = Repository::open_at(Location::find(path).unwrap(), &Access::default(), &mut coverage).unwrap();
    let objects = Objects::new(&repository, None);
    let names = Names::read(repository.git_dir(), repository.common_dir(), &mut coverage);
    assert_eq!(coverage.gaps, []);
    let mut all = 0;
    for (a, b) in pairs {
        let (from, to) =
            (revision::commit(&names, &objects, a).unwrap(), revision::commit(&names, &objects, b).unwrap());
        let walked = walk(&objects, &Range { include: vec![to], exclude: vec![from] });
        assert!(walked.faults.is_empty(), "{:?}", walked.faults);
        let ours: BTreeSet<String> = walked.commits.iter().map(|c| c.id.to_string()).collect();
        let theirs: BTreeSet<String> = git(path, &["rev-list", &format!("{a}..{b}")]).into_iter().collect();
        assert!(ours.is_superset(&theirs), "{a}..{b} lacks {:?}", theirs.difference(&ours));
        assert!(!exact || ours == theirs, "{a}..{b} has more: {:?}", ours.difference(&theirs));
        all += ours.len();
        for commit in walked.commits.iter().take(60) {
            let parents: Vec<ObjectId> = commit.parents.iter().map(|p| objects.commit(p).unwrap().tree).collect();
            let mut faults = Vec::new();
            let made = changed(&objects, &parents, &commit.tree, &mut faults).made;
            assert!(faults.is_empty(), "{faults:?}");
            let ours: BTreeSet<String> = made.iter().map(|c| String::from_utf8_lossy(&c.path).into_owned()).collect();
            // Of merges, the files that differ from every parent; what is gone has zeros and stands for nothing.
            let arguments =
                ["diff-tree", "--root", "-r", "-c", "--no-commit-id", "--no-renames", "--raw", "--no-abbrev", "-z"];
            let lines = git(path, &[&arguments[..], &[&commit.id.to_string()]].concat()).join("\n");
            let fields: Vec<&str> = lines.split('\0').collect();
            let theirs: BTreeSet<String> = fields
                .chunks_exact(2)
                .filter(|pair| !pair[0].ends_with('D') && !pair[0].contains(&format!(" {} D", "0".repeat(40))))
                .filter(|pair| altered(pair[0]))
                .map(|pair| pair[1].to_owned())
                .collect();
            assert_eq!(ours, theirs, "commit {}", commit.id);
        }
    }
    all
}

/// Whether a raw line of `git diff-tree` is of another content, and not of another mode or of a file that is gone.
fn altered(line: &str) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    let parents = line.bytes().take_while(|b| *b == b':').count();
    let ids = &words[parents + 1..][..parents + 1];
    let new = ids[parents];
    new.bytes().any(|b| b != b'0') && ids[..parents].iter().all(|id| *id != new)
}

#[test]
fn ranges_and_changes_are_those_of_git() {
    let mut commits = 0;
    for (seed, skew) in [(1, 0), (2, 0), (3, 0), (4, 4000)] {
        let tree = Tree::new();
        tree.git(".", &["init", "-q"]);
        let mut command = Command::new("git");
        clean(&mut command);
        let import = command.current_dir(tree.path()).args(["fast-import", "--quiet"]);
        run_with(import, history(60, seed, skew).as_bytes()).code(0);
        let mut random = Random::new(seed);
        let mut name = || format!("c{}", 1 + random.below(60));
        let pairs: Vec<(String, String)> = (0..12).map(|_| (name(), name())).collect();
        commits += agrees(tree.path(), &pairs, skew == 0);
    }
    assert!(commits > 100, "{commits}");
}

#[test]
fn ranges_of_real_histories_are_those_of_git() {
    let Ok(named) = std::env::var("QUELL_HISTORIES") else {
        eprintln!("QUELL_HISTORIES names no repositories: none was tried");
        return;
    };
    for path in named.split(':') {
        let pairs = [("HEAD~3", "HEAD"), ("HEAD~30", "HEAD~10"), ("HEAD~100^2", "HEAD~95"), ("HEAD~40", "HEAD~1^2")];
        let there = |name: &&str| {
            run(Command::new("git").args(["-c", "safe.directory=*", "-C", path, "rev-parse", "-q", "--verify", name]))
                .code
                == Some(0)
        };
        let pairs: Vec<(String, String)> = pairs
            .iter()
            .filter(|(a, b)| there(a) && there(b))
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        eprintln!("{path}: {} commits in {} ranges", agrees(Path::new(path), &pairs, false), pairs.len());
    }
}
