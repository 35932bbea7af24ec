//! CODEOWNERS files, in the dialects of GitHub, GitLab and Bitbucket.
//!
//! Anyone who may commit may write one, so it is a hint, and it may be hostile: a file of more than 3 MB is not read (GitHub
//! does not read one either), a line of more than 4 KiB is left out, and no more than 16 KiB of patterns are tried on a path.

use std::collections::BTreeMap;

use globset::GlobBuilder;

use crate::model::owner::OwnerKind;

/// The largest file that counts, in bytes.
pub const LARGEST: usize = 3 << 20;
/// The longest line that counts, in bytes.
const LONGEST_LINE: usize = 4096;
/// How many bytes of patterns are compiled for one path. Those that share no word with it are not compiled.
const MOST_PATTERNS: usize = 16 << 10;
/// How many owners of a line, or members of a group, are kept.
const MOST_OWNERS: usize = 100;

/// Whose rules a file follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// GitHub: the last match counts; no negation, no character ranges.
    GitHub,
    /// GitLab: the last match of each section counts; exclusions with `!`.
    GitLab,
    /// Bitbucket: as GitHub, with groups that the file defines (`@@@group`).
    Bitbucket,
}

/// Where a file may stand, in the order in which the forge looks; the first counts.
const PLACES: [(&str, Option<Dialect>); 5] = [
    (".github/CODEOWNERS", Some(Dialect::GitHub)),
    (".gitlab/CODEOWNERS", Some(Dialect::GitLab)),
    (".bitbucket/CODEOWNERS", Some(Dialect::Bitbucket)),
    ("CODEOWNERS", None),
    ("docs/CODEOWNERS", None),
];

impl Dialect {
    /// The dialect of a forge, by the name of a repository (`host/owner/name`) where its host says which it is.
    #[must_use]
    pub fn of_repository(name: &[u8]) -> Option<Self> {
        let host = name.split(|b| *b == b'/').next().unwrap_or_default().to_ascii_lowercase();
        let has = |word: &str| memchr::memmem::find(&host, word.as_bytes()).is_some();
        match () {
            () if has("gitlab") => Some(Self::GitLab),
            () if has("bitbucket") => Some(Self::Bitbucket),
            () if has("github") => Some(Self::GitHub),
            () => None,
        }
    }

    /// The dialect that a file is written in whose repository and path do not say so: sections are GitLab's, groups
    /// Bitbucket's.
    #[must_use]
    pub fn of_text(text: &[u8]) -> Self {
        for line in text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_start) {
            if line.starts_with(b"@@@") {
                return Self::Bitbucket;
            }
            if line.starts_with(b"[") || line.starts_with(b"^[") {
                return Self::GitLab;
            }
        }
        Self::GitHub
    }

    /// Where the forge of this dialect looks, in order. For an unknown forge, every place.
    #[must_use]
    pub fn places(of: Option<Self>) -> Vec<&'static str> {
        let place = |wanted: &str| PLACES.iter().map(|(path, _)| *path).find(|path| *path == wanted);
        match of {
            Some(Self::GitHub) => {
                [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"].iter().filter_map(|p| place(p)).collect()
            }
            Some(Self::GitLab) => {
                ["CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"].iter().filter_map(|p| place(p)).collect()
            }
            Some(Self::Bitbucket) => [".bitbucket/CODEOWNERS", "CODEOWNERS"].iter().filter_map(|p| place(p)).collect(),
            None => PLACES.iter().map(|(path, _)| *path).collect(),
        }
    }

    /// The dialect of a file: its repository's, else that of its path, else what its text looks like.
    #[must_use]
    pub fn of_file(repository: &[u8], path: &str, text: &[u8]) -> Self {
        let of_path = PLACES.iter().find(|(known, _)| *known == path).and_then(|(_, dialect)| *dialect);
        Self::of_repository(repository).or(of_path).unwrap_or_else(|| Self::of_text(text))
    }
}

/// Why a file does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeownersError {
    /// It is too large.
    #[error("it has more than {LARGEST} bytes")]
    TooLarge,
    /// Too many of its patterns would have to be tried.
    #[error("more than {MOST_PATTERNS} bytes of its patterns would have to be tried")]
    TooManyPatterns,
}

/// An owner as it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Written {
    /// An account, a team or a group: `@kim`, `@acme/payments`.
    Account(String),
    /// An address.
    Email(String),
    /// Everybody with a role, `@@maintainer`: no owner that anyone could be told of.
    Role(String),
}

impl Written {
    /// What it seems to be: what has a slash is a team, anything else a person. The organisation's record knows better.
    #[must_use]
    pub fn kind(&self) -> OwnerKind {
        match self {
            Self::Account(name) if name.contains('/') => OwnerKind::Team,
            _ => OwnerKind::Person,
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Account(text) | Self::Email(text) | Self::Role(text) => text,
        }
    }
}

/// Who owns a path, and where that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The line, from 1.
    pub line: usize,
    /// Who; nobody where the line takes the path out of what an earlier one gave.
    pub owners: Vec<Written>,
}

struct Rule {
    line: usize,
    pattern: String,
    /// Whether it takes a path out of its section.
    excludes: bool,
    owners: Vec<Written>,
}

/// A file that was read.
pub struct Codeowners {
    dialect: Dialect,
    /// Rules by section; only GitLab has others than the first.
    sections: Vec<Vec<Rule>>,
}

impl std::fmt::Debug for Codeowners {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Codeowners").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

impl Codeowners {
    /// Reads a file. A line that the forge does not read is left out.
    ///
    /// # Errors
    /// Where it is too large.
    pub fn parse(text: &[u8], dialect: Dialect) -> Result<Self, CodeownersError> {
        if text.len() > LARGEST {
            return Err(CodeownersError::TooLarge);
        }
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut reading = Reading::new(dialect);
        for (number, line) in text.split(|b| *b == b'\n').enumerate() {
            let line = line.trim_ascii();
            if !line.is_empty() && !line.starts_with(b"#") && line.len() <= LONGEST_LINE {
                reading.line(number + 1, &String::from_utf8_lossy(line));
            }
        }
        Ok(Self { dialect, sections: reading.sections })
    }

    /// Who owns a path below the repository's root: at most one answer of each section.
    ///
    /// # Errors
    /// Where more patterns would have to be tried than are.
    pub fn of(&self, path: &[u8]) -> Result<Vec<Owned>, CodeownersError> {
        let mut tried = 0;
        let mut found = Vec::new();
        for rules in &self.sections {
            let mut last = None;
            let excluded = |rule: &&Rule| rule.excludes;
            let mut matches = |rule: &Rule| -> Result<bool, CodeownersError> {
                if !may_match(&rule.pattern, path) {
                    return Ok(false);
                }
                tried += 1 + rule.pattern.len();
                if tried > MOST_PATTERNS {
                    return Err(CodeownersError::TooManyPatterns);
                }
                Ok(self.matches(&rule.pattern, path))
            };
            // What is excluded cannot be taken in again.
            let mut out = false;
            for rule in rules.iter().filter(excluded) {
                out = out || matches(rule)?;
            }
            if out {
                continue;
            }
            for rule in rules.iter().rev().filter(|rule| !rule.excludes) {
                if matches(rule)? {
                    last = Some(rule);
                    break;
                }
            }
            found.extend(last.map(|rule| Owned { line: rule.line, owners: rule.owners.clone() }));
        }
        Ok(found)
    }

    fn matches(&self, pattern: &str, path: &[u8]) -> bool {
        use std::os::unix::ffi::OsStrExt;
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(path));
        globs(pattern, self.dialect).iter().any(|glob| {
            let glob = GlobBuilder::new(glob).literal_separator(true).backslash_escape(true).build();
            // Ends of a bracket that is missing, and their like: the forge does not read the line either.
            glob.is_ok_and(|glob| glob.compile_matcher().is_match(path))
        })
    }
}

/// What a pattern means in words of globs, of which one has to match.
fn globs(pattern: &str, dialect: Dialect) -> Vec<String> {
    // Braces mean nothing in ignore files.
    let pattern = match dialect {
        Dialect::Bitbucket => pattern.to_owned(),
        _ => pattern.replace('{', "\\{").replace('}', "\\}"),
    };
    if dialect == Dialect::GitLab {
        if pattern == "*" {
            return vec!["**".to_owned()];
        }
        let rooted = pattern.strip_prefix('/').map_or_else(|| format!("**/{pattern}"), str::to_owned);
        let all = if rooted.ends_with('/') { "**" } else { "" };
        return vec![format!("{rooted}{all}")];
    }
    let bare = pattern.strip_suffix('/').unwrap_or(&pattern);
    let rooted = bare.contains('/');
    let bare = bare.strip_prefix('/').unwrap_or(bare);
    if bare.is_empty() {
        return Vec::new();
    }
    let base = if rooted { bare.to_owned() } else { format!("**/{bare}") };
    let below = format!("{base}/**");
    match () {
        () if pattern.ends_with('/') => vec![below],
        // `docs/*` means the files of that directory and none further down.
        () if bare.ends_with("/*") => vec![base],
        () => vec![base, below],
    }
}

/// Whether every word of a pattern stands in the path: a cheap test that most patterns fail.
fn may_match(pattern: &str, path: &[u8]) -> bool {
    let mut words = pattern.split(['*', '?', '/', '\\', '[', ']', '{', '}', ',']);
    // Between brackets and braces stand alternatives.
    pattern.contains(['[', '{', '\\'])
        || words.all(|word| word.is_empty() || memchr::memmem::find(path, word.as_bytes()).is_some())
}

/// What is known while a file is read.
struct Reading {
    dialect: Dialect,
    sections: Vec<Vec<Rule>>,
    /// Where each section of a name is among them.
    names: BTreeMap<String, usize>,
    /// The section that lines go into, and its default owners.
    at: usize,
    defaults: Vec<Written>,
    groups: BTreeMap<String, Vec<Written>>,
}

impl Reading {
    fn new(dialect: Dialect) -> Self {
        let (names, defaults, groups) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        Self { dialect, sections: vec![Vec::new()], names, at: 0, defaults, groups }
    }

    fn line(&mut self, number: usize, line: &str) {
        if self.dialect == Dialect::GitLab && self.heading(line) {
            return;
        }
        let mut words = words(line).into_iter();
        let Some(first) = words.next() else { return };
        // GitLab takes every word for an owner; elsewhere a `#` starts a comment.
        let comments = self.dialect != Dialect::GitLab;
        let words: Vec<String> = words.take_while(|w| !comments || !w.starts_with('#')).collect();
        if let Some(group) = first.strip_prefix("@@@").filter(|_| self.dialect == Dialect::Bitbucket) {
            // A group of groups doubles with every line that names it.
            let members = words.iter().filter_map(|w| self.owners(w)).flatten().take(MOST_OWNERS).collect();
            self.groups.insert(group.to_lowercase(), members);
            return;
        }
        if self.dialect == Dialect::Bitbucket && (first.starts_with("CODEOWNERS.") || first.contains('(')) {
            return;
        }
        let excludes = first.starts_with('!') && self.dialect != Dialect::GitHub;
        let unread = match self.dialect {
            Dialect::GitLab => false,
            Dialect::GitHub => first.starts_with(['!']) || first.starts_with("\\#") || first.contains(['[', ']']),
            Dialect::Bitbucket => first.starts_with("\\#") || first.contains(['[', ']']),
        };
        let pattern = first.strip_prefix('!').filter(|_| excludes).unwrap_or(&first);
        let pattern = pattern.replace("\\ ", " ").replace("\\#", "#");
        let mut owners = Vec::new();
        for word in &words {
            match self.owners(word) {
                Some(more) => owners.extend(more.into_iter().take(MOST_OWNERS.saturating_sub(owners.len()))),
                // GitHub leaves out a line with an owner that is none.
                None if self.dialect == Dialect::GitHub => return,
                None => {}
            }
        }
        if owners.is_empty() && words.is_empty() {
            owners.clone_from(&self.defaults);
        }
        if let Some(rules) = self.sections.get_mut(self.at).filter(|_| !unread && !pattern.is_empty()) {
            rules.push(Rule { line: number, pattern, excludes, owners });
        }
    }

    /// Reads `[Name]`, `^[Name][2] @default`. Says whether it is one.
    fn heading(&mut self, line: &str) -> bool {
        let Some(rest) = line.strip_prefix('^').unwrap_or(line).strip_prefix('[') else { return false };
        let Some((name, rest)) = rest.split_once(']').filter(|(name, _)| !name.trim().is_empty()) else { return false };
        let approvals = rest.strip_prefix('[').and_then(|r| r.split_once(']'));
        let rest = approvals.filter(|(n, _)| n.trim().parse::<u32>().is_ok()).map_or(rest, |(_, rest)| rest);
        if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
            return false;
        }
        let next = self.sections.len();
        self.at = *self.names.entry(name.trim().to_lowercase()).or_insert(next);
        if self.at == next {
            self.sections.push(Vec::new());
        }
        self.defaults = words(rest).iter().filter_map(|w| self.owners(w)).flatten().collect();
        true
    }

    /// Who a word names; `None` where it names nobody.
    fn owners(&self, word: &str) -> Option<Vec<Written>> {
        let one = |written| Some(vec![written]);
        if self.dialect == Dialect::GitLab && word.starts_with("@@") {
            return one(Written::Role(word.to_owned()));
        }
        if self.dialect == Dialect::Bitbucket {
            // `:random(2)` says how reviewers are chosen.
            let word = word.split_once(':').map_or(word, |(name, _)| name);
            if let Some(group) = word.strip_prefix("@@@").or_else(|| word.strip_prefix("@@")) {
                let group = group.trim_matches('"').to_lowercase();
                let named = || Some(vec![Written::Account(format!("@{group}"))]);
                return self.groups.get(&group).cloned().map_or_else(named, Some);
            }
            if let Some(name) = word.strip_prefix('@').filter(|name| !name.is_empty()) {
                return one(Written::Account(format!("@{}", name.trim_matches('"'))));
            }
        }
        match word.strip_prefix('@') {
            Some(name) if !name.is_empty() && !name.contains('@') => one(Written::Account(word.to_owned())),
            Some(_) => None,
            None => {
                let (user, host) = word.split_once('@')?;
                let is_one = !user.is_empty() && !host.is_empty() && !host.contains('@');
                is_one.then(|| vec![Written::Email(word.to_owned())])
            }
        }
    }
}

/// Splits a line at spaces that no backslash stands before and that are in no quotes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for letter in line.chars() {
        if letter.is_whitespace() && !escaped && !quoted {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        } else {
            quoted ^= letter == '"' && (quoted || word.starts_with('@'));
            word.push(letter);
        }
        escaped = letter == '\\' && !escaped;
    }
    words.extend(Some(word).filter(|w| !w.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owners(text: &str, dialect: Dialect, path: &str) -> Vec<String> {
        let found = Codeowners::parse(text.as_bytes(), dialect).unwrap().of(path.as_bytes()).unwrap();
        found.iter().flat_map(|owned| &owned.owners).map(|written| written.text().to_owned()).collect()
    }

    fn is_owned(pattern: &str, dialect: Dialect, path: &str) -> bool {
        !owners(&format!("{pattern} @a\n"), dialect, path).is_empty()
    }

    #[test]
    fn patterns_of_github_match_as_its_documentation_says() {
        for (pattern, path, matches) in [
            ("*", "a/b/c.txt", true),
            ("*.js", "a.js", true),
            ("*.js", "src/deep/a.js", true),
            ("*.js", "a.jsx", false),
            ("/build/logs/", "build/logs/a/b", true),
            ("/build/logs/", "x/build/logs/a", false),
            ("/build/logs/", "build/logs", false),
            ("docs/*", "docs/getting-started.md", true),
            ("docs/*", "docs/build-app/troubleshooting.md", false),
            ("apps/", "apps/x", true),
            ("apps/", "deep/apps/x/y", true),
            ("apps/", "apps", false),
            ("/docs/", "docs/a/b", true),
            ("/docs/", "x/docs/a", false),
            ("/scripts/", "scripts/a", true),
            ("**/logs", "build/logs/a", true),
            ("**/logs", "deeply/nested/logs/a", true),
            ("**/logs", "logs", true),
            ("/apps/github", "apps/github/a", true),
            ("/apps/github", "apps/github", true),
            ("apps/github", "x/apps/github", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**", "a/x/y", true),
            ("a/**", "a", false),
            ("README", "x/README", true),
            ("readme", "README", false),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("path\\ with\\ spaces/", "path with spaces/x", true),
            ("{a,b}", "a", false),
            ("{a,b}", "{a,b}", true),
            // What the forge does not read.
            ("!a", "a", false),
            ("[ab]", "a", false),
            ("\\#a", "#a", false),
            ("/", "a", false),
        ] {
            assert_eq!(is_owned(pattern, Dialect::GitHub, path), matches, "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_of_gitlab_match_as_its_documentation_says() {
        for (pattern, path, matches) in [
            ("*", "a/b", true),
            ("README.md", "docs/README.md", true),
            ("internal/README.md", "docs/internal/README.md", true),
            ("/internal/README.md", "docs/internal/README.md", false),
            ("/docs/", "docs/a/b.md", true),
            ("lib/", "x/lib/a", true),
            ("/docs/*", "docs/a.md", true),
            ("/docs/*", "docs/x/a.md", false),
            ("/docs/**/*.md", "docs/a.md", true),
            ("/docs/**/*.md", "docs/x/y/a.md", true),
            ("/docs/**/index.md", "docs/api/v1/index.md", true),
            ("\\#file_with_pound.rb", "#file_with_pound.rb", true),
            ("path\\ with\\ spaces/", "path with spaces/a", true),
            ("[ab].md", "a.md", true),
        ] {
            assert_eq!(is_owned(pattern, Dialect::GitLab, path), matches, "{pattern} {path}");
        }
    }

    #[test]
    fn the_last_match_counts_and_a_line_without_owners_takes_away() {
        let text = "# all\n* @all # rest\n/apps/ @octocat\n/apps/github\nbad line\n/x @one b@c.example @acme/team\n";
        let of = |path| owners(text, Dialect::GitHub, path);
        assert_eq!(of("a"), ["@all"]);
        assert_eq!(of("apps/x"), ["@octocat"]);
        assert!(of("apps/github/x").is_empty());
        assert_eq!(of("x/y"), ["@one", "b@c.example", "@acme/team"]);
        let owned = Codeowners::parse(text.as_bytes(), Dialect::GitHub).unwrap().of(b"x/y").unwrap();
        assert_eq!(owned[0].line, 6);
    }

    #[test]
    fn gitlab_has_sections_defaults_exclusions_and_roles() {
        let text = "* @all\n!*.lock\n[Docs][2] @docs @more\ndocs/\n*.md @writer\n^[Optional Part]\n*.rb @@maintainer\n\
                    [DOCS] @late\nREADME.md @reader\n[x]y @z\n";
        let of = |path| owners(text, Dialect::GitLab, path);
        assert_eq!(of("docs/a.txt"), ["@all", "@docs", "@more"]);
        assert_eq!(of("docs/a.md"), ["@all", "@writer"]);
        assert_eq!(of("docs/README.md"), ["@all", "@reader"]);
        assert_eq!(of("a.rb"), ["@all", "@@maintainer"]);
        assert!(of("Cargo.lock").is_empty());
        // Taken out is taken out, in its section alone.
        let text = "!*.lock\n*.lock @a\n[Other]\n*.lock @b\n";
        assert_eq!(owners(text, Dialect::GitLab, "x.lock"), ["@b"]);
        assert_eq!(owners("*.rb @a # @b\n", Dialect::GitLab, "x.rb"), ["@a", "@b"]);
    }

    #[test]
    fn bitbucket_has_groups() {
        let text = "@@@Web @ann @\"Tim Example\"\nCODEOWNERS.toplevel.x y\nCheck(@@Web >= 1)\n\
                    web/ @@Web @acme/reviewers:random(2)\n*.sql dba@acme.example # why\n";
        assert_eq!(owners(text, Dialect::Bitbucket, "web/x"), ["@ann", "@Tim Example", "@acme/reviewers"]);
        assert_eq!(owners(text, Dialect::Bitbucket, "a.sql"), ["dba@acme.example"]);
    }

    #[test]
    fn the_dialect_follows_the_forge_then_the_path_then_the_text() {
        let of = |name: &[u8], path, text: &[u8]| Dialect::of_file(name, path, text);
        assert_eq!(of(b"gitlab.acme.example/a/b", "CODEOWNERS", b""), Dialect::GitLab);
        assert_eq!(of(b"bitbucket.org/a/b", "CODEOWNERS", b""), Dialect::Bitbucket);
        assert_eq!(of(b"github.com/gitlab/x", "CODEOWNERS", b"[x]"), Dialect::GitHub);
        assert_eq!(of(b"/srv/x", ".gitlab/CODEOWNERS", b""), Dialect::GitLab);
        assert_eq!(of(b"/srv/x", "CODEOWNERS", b"^[x]\n"), Dialect::GitLab);
        assert_eq!(of(b"/srv/x", "CODEOWNERS", b"@@@g @a\n"), Dialect::Bitbucket);
        assert_eq!(of(b"/srv/x", "CODEOWNERS", b"* @a\n"), Dialect::GitHub);
        assert_eq!(Dialect::places(Some(Dialect::GitLab)), ["CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"]);
        assert_eq!(Dialect::places(None).len(), 5);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(text in proptest::collection::vec(any::<u8>(), 0..300), path in "[a-c/*.]{0,12}") {
            for dialect in [Dialect::GitHub, Dialect::GitLab, Dialect::Bitbucket] {
                let _ = Codeowners::parse(&text, dialect).unwrap().of(path.as_bytes());
            }
        }

        #[test]
        fn the_cheap_test_leaves_out_nothing_that_matches(pattern in "[ab*/?.]{1,10}", path in "[ab./]{1,12}") {
            for dialect in [Dialect::GitHub, Dialect::GitLab, Dialect::Bitbucket] {
                let read = Codeowners { dialect, sections: Vec::new() };
                prop_assert!(!read.matches(&pattern, path.as_bytes()) || may_match(&pattern, path.as_bytes()));
            }
        }

        #[test]
        fn a_whole_path_matches_itself_and_a_directory_what_is_in_it(path in "[a-z]{1,4}(/[a-z]{1,4}){1,3}") {
            for dialect in [Dialect::GitHub, Dialect::GitLab, Dialect::Bitbucket] {
                let (rooted, inside) = (format!("/{path}"), format!("/{path}/"));
                prop_assert!(is_owned(&rooted, dialect, &path));
                let below = format!("{path}/x");
                prop_assert!(is_owned(&inside, dialect, &below));
                let other = format!("{path}x");
                prop_assert!(!is_owned(&rooted, dialect, &other));
            }
        }
    }
}
