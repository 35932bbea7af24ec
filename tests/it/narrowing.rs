//! What of a history is reported: by refs, by time, by the number of commits.

use std::collections::BTreeSet;

use crate::support::{Tree, findings, quell, run, token};

/// A repository whose commits are made at chosen times.
struct Dated(Tree);

impl Dated {
    fn new() -> Self {
        let tree = Tree::new();
        tree.git(".", &["init", "-q", "-b", "main"]);
        Self(tree)
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.0.git(".", arguments).out().trim().to_owned()
    }

    /// Makes `ref` a commit of a file `NAME.env` with a token of its own, at a time; everything else stays.
    fn commit(&self, name: &str, seed: u64, time: i64, to: &str, parents: &[&str]) -> String {
        self.0.write(format!("{name}.env"), format!("TOKEN={}\n", token(seed)));
        self.git(&["add", "."]);
        let tree = self.git(&["write-tree"]);
        let parents: String = parents.iter().map(|p| format!("parent {p}\n")).collect();
        let who = format!("A <a@example.com> {time} +0000");
        self.0.write("commit", format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n\n{name}\n"));
        let id = self.git(&["hash-object", "-t", "commit", "-w", "commit"]);
        std::fs::remove_file(self.0.path().join("commit")).unwrap();
        self.git(&["update-ref", to, &id]);
        id
    }

    /// The paths that a scan reports, and its notes.
    fn found(&self, arguments: &[&str]) -> (BTreeSet<String>, String) {
        let all = ["scan", "--history", "--format", "json"].iter().chain(arguments);
        let run = run(quell().current_dir(self.0.path()).args(all));
        assert!(matches!(run.code, Some(0 | 1)), "{}", run.err());
        let report = run.json();
        let places = findings(&report).iter().flat_map(|f| f["locations"].as_array().unwrap());
        let paths = places.map(|l| l["path"].as_str().unwrap().to_owned()).collect();
        (paths, report["coverage"]["notices"].to_string())
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| format!("{name}.env")).collect()
}

const DAY: i64 = 86_400;

/// Commits on days 10, 20, 30 of `main`; on day 25 one on `side` that goes on from the first; a tag of that of day 20; and a
/// commit that nothing leads to.
fn dated() -> Dated {
    let made = Dated::new();
    let first = made.commit("first", 1, 10 * DAY, "refs/heads/main", &[]);
    let second = made.commit("second", 2, 20 * DAY, "refs/heads/main", &[&first]);
    made.git(&["tag", "v1.0", &second]);
    made.commit("third", 3, 30 * DAY, "refs/heads/main", &[&second]);
    made.git(&["read-tree", &first]);
    for name in ["second", "third"] {
        std::fs::remove_file(made.0.path().join(format!("{name}.env"))).unwrap();
    }
    made.commit("side", 4, 25 * DAY, "refs/remotes/origin/side", &[&first]);
    made.commit("lost", 5, 28 * DAY, "refs/heads/lost", &[&first]);
    made.git(&["update-ref", "--no-deref", "-d", "refs/heads/lost"]);
    made
}

#[test]
fn only_what_refs_lead_to_is_reported() {
    let made = dated();
    assert_eq!(made.found(&[]).0, set(&["first", "second", "third", "side", "lost"]));
    for main in ["main", "refs/heads/main", "heads/main", "ma*", "HEAD"] {
        assert_eq!(made.found(&["--refs", main]).0, set(&["first", "second", "third"]), "{main}");
    }
    assert_eq!(made.found(&["--refs", "v1.*"]).0, set(&["first", "second"]));
    assert_eq!(made.found(&["--refs", "refs/remotes/*"]).0, set(&["first", "side"]));
    let (both, notes) = made.found(&["--refs", "refs/tags/*", "--refs", "origin/side"]);
    assert_eq!(both, set(&["first", "second", "side"]));
    assert!(notes.contains("places elsewhere are left out"), "what is left out is not told: {notes}");
    let told = run(quell().current_dir(made.0.path()).args(["scan", "--history", "--refs", "none/*"])).code(2).err();
    assert!(told.contains("there is no ref `none/*`") && told.contains("help:"), "{told}");
}

#[test]
fn only_what_came_in_at_a_time_is_reported() {
    let made = dated();
    assert_eq!(made.found(&["--since", "1970-01-21"]).0, set(&["second", "third", "side", "lost"]));
    assert_eq!(made.found(&["--since", "1970-01-21T00:00:01Z"]).0, set(&["third", "side", "lost"]));
    assert_eq!(made.found(&["--until", "1970-01-11"]).0, set(&["first"]));
    assert_eq!(made.found(&["--since", "1970-01-20", "--until", "1970-01-26", "--refs", "main"]).0, set(&["second"]));
    assert_eq!(made.found(&["--since", "2 days ago"]).0, set(&[]));
    for (arguments, why) in [
        (["--since", "soon"], "is no time"),
        (["--max-commits", "0"], "asks for nothing"),
        (["--refs", "[x"], "cannot be read"),
    ] {
        let all = ["scan", "--history"].iter().chain(&arguments);
        let told = run(quell().current_dir(made.0.path()).args(all)).code(2).err();
        assert!(told.contains(why), "{told}");
    }
    let told = run(quell().current_dir(made.0.path()).args(["scan", "--since", "1d"])).code(2).err();
    assert!(told.contains("add --history"), "{told}");
}

#[test]
fn only_what_the_latest_commits_brought_in_is_reported() {
    let made = dated();
    assert_eq!(made.found(&["--max-commits", "1"]).0, set(&["third"]));
    assert_eq!(made.found(&["--max-commits", "2"]).0, set(&["third", "side"]));
    assert_eq!(made.found(&["--max-commits", "2", "--refs", "main"]).0, set(&["third", "second"]));
    assert_eq!(made.found(&["--max-commits", "99"]).0, set(&["first", "second", "third", "side"]));
}

#[test]
fn an_old_secret_in_a_file_that_changed_later_is_old() {
    let made = Dated::new();
    let first = made.commit("one", 1, 10 * DAY, "refs/heads/main", &[]);
    made.0.write("one.env", format!("TOKEN={}\nmore\n", token(1)));
    made.commit("two", 2, 20 * DAY, "refs/heads/main", &[&first]);
    assert_eq!(made.found(&["--since", "1970-01-15"]).0, set(&["two"]));
    assert_eq!(made.found(&["--max-commits", "1"]).0, set(&["two"]));
}

#[test]
fn paths_beyond_those_that_are_named_are_told() {
    let tree = Tree::new();
    tree.git(".", &["init", "-q", "-b", "main"]);
    for number in 0..70 {
        tree.write(format!("{number}.env"), format!("TOKEN={}\n", token(1)));
    }
    tree.git(".", &["add", "."]);
    tree.git(".", &["commit", "-q", "-m", "many"]);
    let report = run(quell().current_dir(tree.path()).args(["scan", "--history", "--format", "json"])).code(1).json();
    assert_eq!(findings(&report)[0]["locations"].as_array().unwrap().len(), 64);
    let notices = report["coverage"]["notices"].to_string();
    assert!(notices.contains("1 object with secrets has had more than 64 paths"), "{notices}");
}
