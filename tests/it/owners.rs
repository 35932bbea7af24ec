//! Owners, on real repositories: whoever leaks a credential does not become its owner by writing so, the commit that
//! brought it in is found, and hostile files end fast.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use quell::model::case::Place;
use quell::model::owner::{Claim, ClaimSource, OwnerKind, Strength, Subject};
use quell::model::{CommitRef, Identity, ObjectId, Part, Untrusted};
use quell::owners::codeowners::{Codeowners, Dialect};
use quell::owners::{
    Asked, Catalog, Histories, History, answers, backstage, claims, kubernetes, references, repository_name, subject,
};
use tempfile::TempDir;

/// The first second of 2026.
const START: i64 = 1_767_225_600;

/// A repository made with git, with a clock that every commit moves on by an hour.
struct Repo {
    dir: TempDir,
    clock: std::cell::Cell<i64>,
}

impl Repo {
    fn new() -> Self {
        let repo = Self { dir: TempDir::new().unwrap(), clock: std::cell::Cell::new(START) };
        repo.git(&["init", "-q", "-b", "main"]);
        repo
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn git_as(&self, who: &str, args: &[&str]) -> String {
        let date = format!("@{} +0000", self.clock.get());
        let address = format!("{}@acme.example", who.to_lowercase());
        let mut command = Command::new("git");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(self.path());
        command.env("HOME", self.path()).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("GIT_AUTHOR_NAME", who).env("GIT_AUTHOR_EMAIL", &address).env("GIT_AUTHOR_DATE", &date);
        command.env("GIT_COMMITTER_NAME", who).env("GIT_COMMITTER_EMAIL", &address).env("GIT_COMMITTER_DATE", &date);
        let output = command.args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn git(&self, args: &[&str]) -> String {
        self.git_as("Root", args)
    }

    /// Writes files and commits them; the id of the commit.
    fn commit(&self, who: &str, files: &[(&str, &str)]) -> ObjectId {
        self.clock.set(self.clock.get() + 3600);
        for (path, text) in files {
            let path = self.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        self.git(&["add", "-A", "-f"]);
        self.git_as(who, &["commit", "-q", "--allow-empty", "-m", "change"]);
        self.head()
    }

    fn merge(&self, who: &str, branch: &str) {
        self.clock.set(self.clock.get() + 3600);
        self.git_as(who, &["merge", "-q", "--no-ff", "-m", "merge", branch]);
    }

    fn head(&self) -> ObjectId {
        ObjectId::from_hex(self.git(&["rev-parse", "HEAD"]).as_bytes()).unwrap()
    }

    fn place(&self, path: &str, commit: Option<ObjectId>, author: &str) -> Place {
        let author = Untrusted::from(format!("{author} <{}@acme.example>", author.to_lowercase()).as_str());
        Place {
            repository: Untrusted::from("github.com/acme/shop"),
            path: Untrusted::from(path),
            part: Part::File,
            line: 1,
            column: 1,
            commit: commit.map(|id| CommitRef { id, author, date: START }),
            presence: None,
            root: Untrusted::from(self.path().to_str().unwrap()),
            seen: START,
        }
    }
}

fn asked<'a>(places: &'a [Place], files: &'a Histories, proved: &'a dyn Fn(&Place) -> bool) -> Asked<'a> {
    Asked {
        provider: "aws",
        rule: "aws-access-key",
        identity: None,
        identity_at: START,
        recipe: "aws/identity",
        host: "",
        names: &[],
        places,
        proved,
        files,
        now: START + 365 * 86_400,
        gaps: false,
    }
}

fn owners(repo: &Repo, leak: Option<ObjectId>, source: ClaimSource) -> Vec<String> {
    let places = [repo.place("deploy/prod.env", leak, "Mallory")];
    let found = claims(&asked(&places, &Histories::default(), &|_| false), &Catalog::default());
    named(&found, source)
}

fn named(claims: &[Claim], source: ClaimSource) -> Vec<String> {
    let of = claims.iter().filter(|claim| claim.source == source);
    of.map(|claim| String::from_utf8_lossy(claim.owner.name.raw()).into_owned()).collect()
}

const HONEST: (&str, &str) = ("CODEOWNERS", "* @acme/payments\n");
const FORGED: (&str, &str) = ("CODEOWNERS", "* @mallory\n");
const LEAK: (&str, &str) = ("deploy/prod.env", "KEY=the-secret\n");

#[test]
fn codeowners_that_the_leak_brings_along_do_not_count() {
    let repo = Repo::new();
    repo.commit("Kim", &[HONEST]);
    let leak = repo.commit("Mallory", &[FORGED, LEAK]);
    assert_eq!(owners(&repo, Some(leak), ClaimSource::Codeowners), ["@acme/payments"]);
    repo.commit("Mallory", &[("CODEOWNERS", "* @mallory2\n")]);
    assert_eq!(owners(&repo, Some(leak), ClaimSource::Codeowners), ["@acme/payments"]);
}

#[test]
fn codeowners_of_a_branch_do_not_count_before_or_after_it_is_merged() {
    let repo = Repo::new();
    repo.commit("Kim", &[HONEST]);
    repo.git(&["checkout", "-q", "-b", "topic"]);
    repo.commit("Mallory", &[FORGED]);
    let leak = repo.commit("Mallory", &[LEAK]);
    assert_eq!(owners(&repo, Some(leak), ClaimSource::Codeowners), ["@acme/payments"], "checked out, not merged");
    repo.git(&["checkout", "-q", "main"]);
    repo.commit("Kim", &[("README", "x")]);
    assert_eq!(owners(&repo, Some(leak), ClaimSource::Codeowners), ["@acme/payments"], "not merged");
    repo.merge("Kim", "topic");
    repo.commit("Kim", &[("README", "y")]);
    assert_eq!(owners(&repo, Some(leak), ClaimSource::Codeowners), ["@acme/payments"], "merged");
}

#[test]
fn codeowners_of_a_branch_that_was_fast_forwarded_do_not_count() {
    let repo = Repo::new();
    repo.commit("Kim", &[HONEST]);
    repo.git(&["checkout", "-q", "-b", "topic"]);
    repo.commit("Mallory", &[FORGED]);
    repo.commit("Mallory", &[("README", "x")]);
    let leak = repo.commit("Mallory", &[LEAK]);
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["merge", "-q", "--ff-only", "topic"]);
    assert_eq!(owners(&repo, Some(leak), ClaimSource::Codeowners), ["@acme/payments"]);
}

#[test]
fn a_date_that_somebody_made_up_changes_nothing() {
    // The leak claims to be from the year 2100, and the branch's first commit, which is merged alone, from 1971.
    let repo = Repo::new();
    repo.commit("Kim", &[HONEST]);
    repo.git(&["checkout", "-q", "-b", "topic"]);
    repo.clock.set(40_000_000);
    repo.commit("Mallory", &[FORGED]);
    repo.git(&["branch", "first"]);
    repo.clock.set(4_102_444_800);
    let leak = repo.commit("Mallory", &[LEAK]);
    repo.git(&["checkout", "-q", "main"]);
    repo.clock.set(START + 100_000);
    repo.merge("Kim", "first");
    assert_eq!(owners(&repo, Some(leak), ClaimSource::Codeowners), ["@acme/payments"]);
}

#[test]
fn what_was_there_before_a_later_leak_counts_and_a_newer_record_replaces_it() {
    let repo = Repo::new();
    repo.commit("Kim", &[HONEST]);
    repo.commit("Ann", &[("CODEOWNERS", "* @acme/payments\n/deploy/ @acme/ops @kim\n")]);
    repo.commit("Bob", &[("README", "x")]);
    let leak = repo.commit("Mallory", &[LEAK]);
    assert_eq!(owners(&repo, Some(leak), ClaimSource::Codeowners), ["@acme/ops", "@kim"]);
}

#[test]
fn nothing_counts_where_it_is_not_known_what_was_before() {
    // The leak is in the first commit.
    let repo = Repo::new();
    let leak = repo.commit("Mallory", &[FORGED, LEAK]);
    repo.commit("Kim", &[("README", "x")]);
    assert!(owners(&repo, Some(leak), ClaimSource::Codeowners).is_empty());
    // Nobody knows which commit brought it in.
    assert!(owners(&repo, None, ClaimSource::Codeowners).is_empty());
    // There is no such commit.
    let other = ObjectId::from_hex(&[b'1'; 40]).unwrap();
    assert!(owners(&repo, Some(other), ClaimSource::Codeowners).is_empty());
    // It is in no commit: what is there now was there before.
    let places = [repo.place("new.env", None, "Mallory")];
    let found = claims(&asked(&places, &Histories::default(), &|_| false), &Catalog::default());
    assert_eq!(named(&found, ClaimSource::Codeowners), ["@mallory"]);
    // A clone that is cut off above the leak.
    let shallow = TempDir::new().unwrap();
    let url = format!("file://{}", repo.path().display());
    repo.git(&["clone", "-q", "--depth", "1", &url, shallow.path().to_str().unwrap()]);
    assert!(History::open(shallow.path()).unwrap().before(Some(&leak)).is_none());
}

#[test]
fn the_default_branch_is_the_servers() {
    let repo = Repo::new();
    repo.commit("Kim", &[HONEST]);
    let clone = TempDir::new().unwrap();
    repo.git(&["clone", "-q", repo.path().to_str().unwrap(), clone.path().to_str().unwrap()]);
    let copy = Repo { dir: clone, clock: std::cell::Cell::new(START + 50_000) };
    copy.git(&["checkout", "-q", "-b", "topic"]);
    copy.commit("Mallory", &[FORGED]);
    // In no commit yet, on a branch whose CODEOWNERS is forged.
    assert_eq!(owners(&copy, None, ClaimSource::Codeowners), ["@acme/payments"]);
    // One's own `main`, moved ahead of the server's.
    copy.git(&["branch", "-f", "main", "topic"]);
    assert_eq!(owners(&copy, None, ClaimSource::Codeowners), ["@acme/payments"]);
}

#[test]
fn other_files_are_read_before_the_leak_too() {
    let repo = Repo::new();
    let entity = |owner: &str| {
        format!("apiVersion: backstage.io/v1\nkind: Component\nmetadata: {{name: x}}\nspec: {{owner: {owner}}}\n")
    };
    let manifest =
        |team: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: db, labels: {{team: {team}}}}}\n");
    let (far, near) = (entity("far"), entity("group:default/near"));
    let old = manifest("blue");
    repo.commit("Kim", &[("catalog-info.yaml", &far), ("deploy/catalog-info.yaml", &near), ("deploy/db.yaml", &old)]);
    let (forged, new) = (entity("mallory"), manifest("mallory"));
    let leak = repo.commit("Mallory", &[("deploy/catalog-info.yaml", &forged), ("deploy/db.yaml", &new)]);
    let places = [repo.place("deploy/db.yaml", Some(leak), "Mallory")];
    let found = claims(&asked(&places, &Histories::default(), &|_| false), &Catalog::default());
    assert_eq!(named(&found, ClaimSource::Backstage), ["group:default/near"]);
    assert_eq!(named(&found, ClaimSource::Kubernetes), ["blue"]);
    assert!(found.iter().all(|claim| claim.strength == Strength::Hint));
}

fn introduced(repo: &Repo, path: &str) -> Option<ObjectId> {
    let contains = |bytes: &[u8]| memchr::memmem::find(bytes, b"the-secret").is_some();
    History::open(repo.path()).unwrap().introduced(path.as_bytes(), contains).map(|commit| commit.id)
}

#[test]
fn the_commit_that_brought_it_in_is_found() {
    let repo = Repo::new();
    repo.commit("Kim", &[("a/b.env", "x\n"), ("other", "1\n")]);
    let leak = repo.commit("Mallory", &[("a/b.env", "x\nKEY=the-secret\n")]);
    repo.commit("Kim", &[("a/b.env", "y\nz\nKEY=the-secret\n")]);
    repo.git(&["mv", "other", "renamed"]);
    repo.commit("Kim", &[]);
    repo.commit("Kim", &[("a/b.env", "y\nz\nKEY=the-secret # moved\n")]);
    assert_eq!(introduced(&repo, "a/b.env"), Some(leak));
    let reference = History::open(repo.path()).unwrap().introduced(b"a/b.env", |b| b.contains(&b'#')).unwrap();
    assert_eq!(reference.author.raw(), b"Kim <kim@acme.example>");
    assert_eq!(introduced(&repo, "renamed"), None);
    assert_eq!(introduced(&repo, "a"), None);
    assert_eq!(introduced(&repo, "nowhere/at/all"), None);
}

#[test]
fn the_commit_is_found_behind_merges() {
    let repo = Repo::new();
    repo.commit("Kim", &[("b.env", "1\n2\n3\n4\n5\n6\n7\n")]);
    repo.git(&["checkout", "-q", "-b", "topic"]);
    let leak = repo.commit("Mallory", &[("b.env", "1\n2\n3\n4\n5\n6\n7\nKEY=the-secret\n")]);
    repo.git(&["checkout", "-q", "main"]);
    repo.commit("Kim", &[("b.env", "0\n2\n3\n4\n5\n6\n7\n")]);
    repo.merge("Kim", "topic");
    repo.commit("Kim", &[("c", "x")]);
    repo.git(&["checkout", "-q", "-b", "more"]);
    repo.commit("Ann", &[("d", "x")]);
    repo.git(&["checkout", "-q", "main"]);
    repo.merge("Kim", "more");
    assert_eq!(introduced(&repo, "b.env"), Some(leak));
    // Taken out and put in again: whoever did that brought it in.
    repo.commit("Kim", &[("b.env", "gone\n")]);
    assert_eq!(introduced(&repo, "b.env"), None);
    let again = repo.commit("Ann", &[("b.env", "the-secret\n")]);
    assert_eq!(introduced(&repo, "b.env"), Some(again));
}

#[test]
fn what_a_shallow_clone_does_not_show_is_not_made_up() {
    let repo = Repo::new();
    repo.commit("Mallory", &[LEAK]);
    repo.commit("Kim", &[("README", "x")]);
    let dir = TempDir::new().unwrap();
    let url = format!("file://{}", repo.path().display());
    repo.git(&["clone", "-q", "--depth", "1", &url, dir.path().to_str().unwrap()]);
    let shallow = Repo { dir, clock: std::cell::Cell::new(START) };
    assert_eq!(introduced(&shallow, "deploy/prod.env"), None);
}

#[test]
fn a_plain_directory_says_nothing() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("CODEOWNERS"), "* @mallory\n").unwrap();
    assert!(History::open(dir.path()).is_none());
    let (name, proved) = repository_name(dir.path());
    assert_eq!(name.raw(), dir.path().canonicalize().unwrap().to_str().unwrap().as_bytes());
    assert!(!proved);
}

#[test]
fn the_address_of_origin_is_text_and_never_proof() {
    let repo = Repo::new();
    let user_and_word = ["kim", "pass-word"].join(":");
    for (url, name) in [
        ("https://github.com/acme/shop.git", "github.com/acme/shop"),
        (&format!("https://{user_and_word}@GitHub.com/acme/shop/"), "github.com/acme/shop"),
        ("git@github.com:acme/shop.git", "github.com/acme/shop"),
        ("ssh://git@git.acme.example:7999/acme/shop.git", "git.acme.example/acme/shop"),
        ("https://git.acme.example:8443/a/b/c?x=1#y", "git.acme.example:8443/a/b/c"),
    ] {
        std::fs::write(repo.path().join(".git/config"), format!("[remote \"origin\"]\n\turl = {url}\n")).unwrap();
        let (found, proved) = repository_name(repo.path());
        assert_eq!((found.raw(), proved), (name.as_bytes(), false), "{url}");
    }
    for url in ["/srv/shop.git", "file:///srv/shop", "https://host/../x", "ext::sh -c x", "https://host/a\u{1b}[2J"] {
        std::fs::write(repo.path().join(".git/config"), format!("[remote \"origin\"]\n\turl = {url}\n")).unwrap();
        assert!(repository_name(repo.path()).0.raw().starts_with(b"/"), "{url}");
    }
}

const RECORD: &str = r#"
[[team]]
name = "payments"
forge = ["@acme/payments"]
[[person]]
name = "Kim"
addresses = ["kim@acme.example"]
forge = ["github:kim"]
[[person]]
name = "Mallory"
addresses = ["mallory@acme.example"]
left = "2026-03-01"
[[team]]
name = "search"
[[service]]
name = "shop"
team = "payments"
repositories = ["github.com/acme/shop"]
identities = [{ provider = "aws", account = "123456789012", subject = "arn:aws:iam::123456789012:user/shop-*" }]
criticality = "low"
environment = "development"
decommissioned = true
hot_reload = true
downtime_minutes = 600
[[service]]
name = "index"
team = "search"
identities = [{ provider = "aws", account = "123456789012" }]
"#;

#[test]
fn a_forged_address_stays_a_hint_and_loosens_nothing() {
    let repo = Repo::new();
    let leak = repo.commit("Mallory", &[LEAK]);
    let places = [repo.place("deploy/prod.env", Some(leak), "Mallory")];
    let (catalog, files) = (Catalog::parse(RECORD).unwrap(), Histories::default());
    let forged = asked(&places, &files, &|_| false);
    let found = claims(&forged, &catalog);
    assert_eq!(named(&found, ClaimSource::Catalog), ["payments"]);
    assert!(found.iter().all(|claim| claim.strength == Strength::Hint));
    let told = answers(&forged, &catalog, None, None);
    assert_eq!((told.decommissioned.value, told.hot_reload.value), (None, None));
    assert_eq!((told.criticality.value, told.downtime_minutes.value), (None, None));
    assert!(told.degraded.iter().any(|(name, _)| name == "no-metadata"));

    let proved = asked(&places, &files, &|_| true);
    let found = claims(&proved, &catalog);
    assert_eq!(found[0].strength, Strength::Asserted);
    let told = answers(&proved, &catalog, None, None);
    assert_eq!((told.decommissioned.value, told.hot_reload.value), (Some(true), Some(true)));
    // The path has `prod` in it, and the record says development: the worse counts.
    assert_eq!(told.environment.value, Some(quell::model::answers::Environment::Production));
}

#[test]
fn conflicts_stay_visible_and_who_has_left_is_marked() {
    let repo = Repo::new();
    repo.commit("Kim", &[("CODEOWNERS", "* @acme/payments\n"), ("catalog-info.yaml", BACKSTAGE)]);
    let leak = repo.commit("Mallory", &[LEAK]);
    let places = [repo.place("deploy/prod.env", Some(leak), "Mallory")];
    let (catalog, files) = (Catalog::parse(RECORD).unwrap(), Histories::default());
    let found = claims(&asked(&places, &files, &|_| false), &catalog);
    assert_eq!(named(&found, ClaimSource::Codeowners), ["payments"]);
    assert_eq!(named(&found, ClaimSource::Backstage), ["search"]);
    let author = found.iter().find(|claim| claim.source == ClaimSource::Author).unwrap();
    assert_eq!((author.owner.name.raw(), author.departed), (b"Mallory".as_slice(), Some(1_772_323_200)));
    assert!(found.iter().filter(|claim| claim.source != ClaimSource::Author).all(|claim| claim.departed.is_none()));
    let again = claims(&asked(&places, &files, &|_| false), &catalog);
    assert_eq!(found, again);
}

const BACKSTAGE: &str = "apiVersion: backstage.io/v1\nkind: Component\nmetadata: {name: x}\nspec: {owner: search}\n";

fn identity(account: Option<&str>, subject: Option<&str>) -> Identity {
    Identity { account: account.map(Untrusted::from), subject: subject.map(Untrusted::from), ..Identity::default() }
}

#[test]
fn the_providers_answer_confirms_the_record() {
    let (catalog, files) = (Catalog::parse(RECORD).unwrap(), Histories::default());
    let who = identity(Some("123456789012"), Some("arn:aws:iam::123456789012:user/shop-1"));
    let asked = Asked { identity: Some(&who), ..asked(&[], &files, &|_| false) };
    let found = claims(&asked, &catalog);
    // The record that names the user counts before the one that has the account.
    assert_eq!((found[0].owner.name.raw(), found[0].strength), (b"payments".as_slice(), Strength::Confirmed));
    assert_eq!(named(&found, ClaimSource::Catalog), ["payments"]);
    let payments = &found[0].owner;
    assert_eq!(subject(Some(&who), "aws", &catalog, payments), Subject::Match);
    let other = identity(Some("123456789012"), Some("arn:aws:iam::123456789012:user/other"));
    assert_eq!(subject(Some(&other), "aws", &catalog, payments), Subject::Mismatch);
    assert_eq!(subject(Some(&identity(Some("123456789012"), None)), "aws", &catalog, payments), Subject::Unknown);
    assert_eq!(subject(Some(&identity(Some("999999999999"), None)), "aws", &catalog, payments), Subject::Mismatch);
    assert_eq!(subject(Some(&who), "gcp", &catalog, payments), Subject::Unknown);
    assert_eq!(subject(None, "aws", &catalog, payments), Subject::Unknown);
}

#[test]
fn an_account_of_a_person_is_that_persons_and_another_is_a_hint() {
    let (catalog, files) = (Catalog::parse(RECORD).unwrap(), Histories::default());
    for (login, name, strength) in [("Kim", "Kim", Strength::Confirmed), ("stranger", "stranger", Strength::Hint)] {
        let who = identity(None, Some(login));
        let asked = Asked { identity: Some(&who), provider: "github", ..asked(&[], &files, &|_| false) };
        let found = claims(&asked, &catalog);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].owner.name.raw(), found[0].owner.kind), (name.as_bytes(), OwnerKind::Person));
        assert_eq!((found[0].source, found[0].strength), (ClaimSource::Provider, strength), "{login}");
    }
}

#[test]
fn code_that_names_the_variable_is_found() {
    let repo = Repo::new();
    repo.commit(
        "Kim",
        &[
            ("src/db.py", "import os\n\nurl = os.environ['SHOP_DB_PASSWORD']\n"),
            ("src/other.py", "SHOP_DB_PASSWORD_OLD = XSHOP_DB_PASSWORD\n"),
            ("prod.env", "SHOP_DB_PASSWORD=x\n"),
            ("deploy/a.yaml", "env: $SHOP_DB_PASSWORD\n"),
        ],
    );
    let names = [Untrusted::from("SHOP_DB_PASSWORD"), Untrusted::from("password")];
    let except = [(Untrusted::from("prod.env"), 1)];
    let found = references(repo.path(), &names, &except, 10, START);
    let places: Vec<_> = found.dependents.iter().map(|d| String::from_utf8_lossy(d.evidence.place.raw())).collect();
    assert_eq!(places, ["deploy/a.yaml:1", "src/db.py:3"]);
    assert_eq!((found.capped, found.unspecific.len()), (false, 1));
    let one = references(repo.path(), &names, &[], 1, START);
    assert_eq!((one.dependents.len(), one.capped), (1, true));
    assert_eq!(one.dependents[0].evidence.place.raw(), b"deploy/a.yaml:1");
}

/// Longer than any of these takes, also without optimisation and on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

#[test]
fn hostile_codeowners_end_fast() {
    let started = Instant::now();
    let path = "a/".repeat(500) + "file";
    let line = "x".repeat(1 << 20);
    let owned = |text: &[u8], dialect| Codeowners::parse(text, dialect).and_then(|owners| owners.of(path.as_bytes()));
    let many = "*a*/**/*f*/**/?i*e @x\n".repeat(100_000);
    let starry = format!("{} @x\n", "*a".repeat(1000)).repeat(1000);
    let deep = format!("{}file @deep\n", "**/".repeat(1000));
    for dialect in [Dialect::GitHub, Dialect::GitLab, Dialect::Bitbucket] {
        assert!(owned(format!("{line} @x\n* {line}@y\nb @z\n").as_bytes(), dialect).unwrap().is_empty());
        for text in [many.as_bytes(), starry.as_bytes(), deep.as_bytes()] {
            let _ = owned(text, dialect);
        }
        let _ = owned("[a]\n^[b][2] @x\n".repeat(100_000).as_bytes(), dialect);
        let _ = owned("!* @x\n".repeat(100_000).as_bytes(), dialect);
        // Each line doubles the group.
        let _ = owned(("@@@g @a @b\n".to_owned() + &"@@@g @@g @@g\n".repeat(50_000)).as_bytes(), dialect);
        let _ = owned(b"\xff\xfe @x\n\xff* \xff@\xff\n\0\0\0 @y\n\\\n\\ \n\"\n[\n", dialect);
        assert!(owned(&vec![b'*'; 4 << 20], dialect).is_err());
    }
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
}

#[test]
fn hostile_yaml_ends_fast() {
    let started = Instant::now();
    let mut bomb = "a: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..40 {
        let before = vec![format!("*a{}", i - 1); 9].join(", ");
        bomb += &format!("a{i}: &a{i} [{before}]\n");
    }
    let entity = "apiVersion: backstage.io/v1\nkind: Component\nmetadata: {name: x}\n";
    let manifest = |labels: &str| format!("{bomb}apiVersion: v1\nkind: Pod\nmetadata: {{name: x, labels: {labels}}}\n");
    let wide = "- &a x\n".to_owned() + &"- *a\n".repeat(150_000);
    let texts = [
        format!("{bomb}{entity}spec: {{owner: *a39}}\n").into_bytes(),
        format!("{bomb}{entity}spec: {{dependsOn: *a39}}\n").into_bytes(),
        manifest("*a39").into_bytes(),
        manifest("{team: *a39}").into_bytes(),
        "[".repeat(1 << 20).into_bytes(),
        "{a: ".repeat(200_000).into_bytes(),
        "- ".repeat(500_000).into_bytes(),
        "? ".repeat(500_000).into_bytes(),
        (0..900).map(|i| " ".repeat(i) + "a:\n").collect::<String>().into_bytes(),
        "---\n".repeat(200_000).into_bytes(),
        "a: b\n---\n".repeat(100_000).into_bytes(),
        wide.into_bytes(),
        vec![0xff; 1 << 20],
        vec![b'x'; 2 << 20],
        "!".repeat(1 << 20).into_bytes(),
        "\"".repeat(1 << 20).into_bytes(),
        "a: |\n".repeat(100_000).into_bytes(),
    ];
    for (number, text) in texts.iter().enumerate() {
        let one = Instant::now();
        let found = backstage::entities(text).unwrap_or_default();
        assert!(found.iter().all(|entity| entity.owner.is_none()), "{number}");
        let manifests = kubernetes::manifests(text, &[]).unwrap_or_default();
        assert!(manifests.iter().all(|manifest| manifest.owners.is_empty()), "{number}");
        assert!(one.elapsed() < LIMIT / 4, "{number}: {:?}", one.elapsed());
    }
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
}
