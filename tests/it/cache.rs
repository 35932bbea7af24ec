//! What a second scan of a history need not read again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::{Run, Tree, findings, quell, run, token};

/// A repository and a directory beside it for the cache.
struct Cached {
    tree: Tree,
    beside: Tree,
}

impl Cached {
    fn new() -> Self {
        let tree = Tree::new();
        tree.git(".", &["init", "-q", "-b", "main"]);
        tree.write("kept.env", format!("TOKEN={}\n", token(1)));
        for name in ["a", "b", "c"] {
            tree.write(name, format!("nothing in {name}\n"));
        }
        let cached = Self { tree, beside: Tree::new() };
        cached.commit("first");
        cached
    }

    fn commit(&self, message: &str) {
        self.tree.git(".", &["add", "-A"]);
        self.tree.git(".", &["commit", "-q", "-m", message]);
    }

    fn id(&self, name: &str) -> String {
        self.tree.git(".", &["rev-parse", name]).out().trim().to_owned()
    }

    fn scan(&self, arguments: &[&str]) -> Run {
        let cache = self.beside.path().join("cache");
        let mut command = quell();
        command.current_dir(self.tree.path()).args(["scan", "--history", "--format", "json", "--cache"]).arg(cache);
        run(command.args(arguments))
    }

    /// The files of the cache that end so.
    fn files(&self, end: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.beside.path().join("cache")).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|e| e == end)).collect()
    }

    /// Replaces the content of a loose object, which the repository goes on calling by its old name.
    fn forge(&self, id: &str, text: &str) {
        self.tree.write("forged", text);
        let other = self.tree.git(".", &["hash-object", "-w", "forged"]).out().trim().to_owned();
        fs::remove_file(self.tree.path().join("forged")).unwrap();
        let place = |id: &str| self.tree.path().join(".git/objects").join(&id[..2]).join(&id[2..]);
        fs::set_permissions(place(id), fs::Permissions::from_mode(0o644)).unwrap();
        fs::rename(place(&other), place(id)).unwrap();
    }
}

fn notices(report: &Value) -> String {
    report["coverage"]["notices"].to_string()
}

/// The findings of a report.
fn found(report: &Value) -> Value {
    Value::Array(findings(report).clone())
}

#[test]
fn a_second_scan_reads_only_what_is_new() {
    let cached = Cached::new();
    let first = cached.scan(&[]).code(1).json();
    assert_eq!(notices(&first), "[]");
    // What the first scan found clean is not read again, whatever it has become.
    cached.forge(&cached.id("HEAD:b"), &format!("TOKEN={}\n", token(2)));
    let second = cached.scan(&[]).code(1).json();
    assert_eq!(found(&first), found(&second), "nothing has changed");
    assert_eq!(first["coverage"]["objects"], second["coverage"]["objects"]);
    assert!(notices(&second).contains("nothing has changed"), "{}", notices(&second));

    fs::remove_file(cached.tree.path().join("kept.env")).unwrap();
    cached.tree.write("new.env", format!("TOKEN={}\n", token(3)));
    cached.commit("second");
    let third = cached.scan(&[]).code(1).json();
    let places: Vec<(&str, &str)> = findings(&third)
        .iter()
        .flat_map(|f| f["locations"].as_array().unwrap())
        .map(|l| (l["path"].as_str().unwrap(), l["history"]["presence"].as_str().unwrap()))
        .collect();
    assert_eq!(places.len(), 2, "{places:?}");
    assert!(places.contains(&("new.env", "head")) && places.contains(&("kept.env", "history")), "{places:?}");
    assert!(notices(&third).contains("were scanned before"), "{}", notices(&third));
    // Packed or loose, an object is the same one.
    cached.tree.git(".", &["repack", "-adq"]);
    let packed = cached.scan(&[]).code(1).json();
    assert_eq!(found(&third), found(&packed));
    // Without the cache everything is read.
    let whole = run(quell().current_dir(cached.tree.path()).args(["scan", "--history", "--format", "json"]));
    assert_eq!(findings(&whole.code(1).json()).len(), 3);
}

#[test]
fn other_rules_and_other_questions_have_answers_of_their_own() {
    let cached = Cached::new();
    assert_eq!(findings(&cached.scan(&["--only", "gitlab"]).code(0).json()).len(), 0);
    assert_eq!(findings(&cached.scan(&[]).code(1).json()).len(), 1);
    assert_eq!(findings(&cached.scan(&["--exclude-path", "kept.env"]).code(0).json()).len(), 0);
    assert_eq!(findings(&cached.scan(&[]).code(1).json()).len(), 1);
    assert_eq!(findings(&cached.scan(&["--until", "1980-01-01"]).code(0).json()).len(), 0);
    assert_eq!(findings(&cached.scan(&["--refs", "main"]).code(1).json()).len(), 1);
    cached.tree.git(".", &["tag", "v1"]);
    let tagged = cached.scan(&[]).code(1).json();
    assert_eq!(findings(&tagged)[0]["locations"][0]["history"]["tips"][1], "refs/tags/v1");
}

#[test]
fn damaged_and_foreign_files_are_ignored_and_said() {
    let cached = Cached::new();
    let first = cached.scan(&[]).code(1).json();
    for kind in ["clean", "outcome"] {
        let file = cached.files(kind).remove(0);
        let good = fs::read(&file).unwrap();
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let mut early = good.clone();
        early[good.len() / 2] ^= 0x40;
        for (bad, mode) in [
            (flipped, 0o600),
            (early, 0o600),
            (good[..good.len() / 2].to_vec(), 0o600),
            (Vec::new(), 0o600),
            (good.clone(), 0o666),
        ] {
            // The answer for the whole would make the other file needless.
            if kind == "clean" {
                cached.files("outcome").iter().for_each(|file| fs::remove_file(file).unwrap());
            }
            fs::write(&file, bad).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let again = cached.scan(&[]).code(1).json();
            assert_eq!(found(&again), found(&first));
            assert!(notices(&again).contains("was ignored"), "{kind} {mode:o}: {}", notices(&again));
            assert_eq!(fs::read(&file).unwrap().len(), good.len(), "it is written anew");
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        // One that was made for other rules, put in its place.
        cached.scan(&["--only", "gitlab"]).code(0);
        let other = cached.files(kind).into_iter().find(|path| *path != file).unwrap();
        if kind == "clean" {
            fs::remove_file(cached.files("outcome").into_iter().find(|p| p.file_stem() == file.file_stem()).unwrap())
                .unwrap();
        }
        fs::copy(&other, &file).unwrap();
        fs::remove_file(&other).unwrap();
        let again = cached.scan(&[]).code(1).json();
        assert!(notices(&again).contains("for other rules"), "{}", notices(&again));
        assert_eq!(found(&again), found(&first));
        let again = cached.scan(&[]).code(1).json();
        assert!(!notices(&again).contains("ignored"), "what was said of a cache is not kept: {}", notices(&again));
        let others = ["clean", "outcome"].into_iter().flat_map(|kind| cached.files(kind));
        let others = others.filter(|path| path.file_stem() != file.file_stem());
        others.for_each(|path| fs::remove_file(path).unwrap());
    }
}

#[test]
fn a_cache_in_the_repository_is_refused() {
    let cached = Cached::new();
    for inside in [".", "cache", ".git/cache"] {
        let mut command = quell();
        command.current_dir(cached.tree.path()).args(["scan", "--history", "--cache", inside]);
        let told = run(&mut command).code(2).err();
        assert!(told.contains("lies in the repository that is scanned") && told.contains("help:"), "{told}");
    }
    let told = run(quell().args(["scan", "--cache", "x"])).code(2).err();
    assert!(told.contains("add --history"), "{told}");
}

#[test]
fn a_cache_holds_no_secret_and_no_answer_that_is_not_whole() {
    let cached = Cached::new();
    cached.tree.write(format!("{}.txt", token(4)), "a secret name\n");
    cached.commit(&format!("a secret message: {}", token(5)));
    assert_eq!(findings(&cached.scan(&[]).code(1).json()).len(), 3);
    assert_eq!(cached.files("outcome").len(), 0, "a name with a secret in it is not written down");
    assert_eq!(findings(&cached.scan(&[]).code(1).json()).len(), 3);

    let cached = Cached::new();
    cached.commit_message(&token(6));
    assert_eq!(findings(&cached.scan(&[]).code(1).json()).len(), 2);
    for file in ["clean", "outcome"].iter().flat_map(|kind| cached.files(kind)) {
        let bytes = fs::read(file).unwrap();
        for seed in [1, 6] {
            let secret = token(seed);
            let coded = STANDARD.encode(&secret);
            for form in [secret.as_bytes(), &coded.as_bytes()[..20]] {
                assert!(!bytes.windows(form.len()).any(|window| window == form));
            }
        }
    }
    // With a gap, the answer is not whole, and is not kept.
    let id = cached.id("HEAD:c");
    let object = cached.tree.path().join(".git/objects").join(&id[..2]).join(&id[2..]);
    fs::remove_file(&object).unwrap();
    fs::write(&object, "x").unwrap();
    cached.files("outcome").iter().chain(&cached.files("clean")).for_each(|file| fs::remove_file(file).unwrap());
    for _ in 0..2 {
        cached.scan(&[]).code(4);
        assert_eq!(cached.files("outcome").len(), 0);
    }
}

impl Cached {
    fn commit_message(&self, text: &str) {
        self.tree.git(".", &["commit", "-q", "--allow-empty", "-m", text]);
    }
}
