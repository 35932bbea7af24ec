//! Who uses a credential by the name of the variable that holds it: jobs of pipelines, manifests, code; and whatever else has the name.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use memchr::memmem::Finder;

use super::names::is_specific;
use crate::model::answers::{Dependent, DependentKind, Evidence};
use crate::model::{Confidence, Coverage, Untrusted, usage};
use crate::sources::{Entry, Options, PathFilter, Visit, walk};
use crate::uses::{File, code, reader_of};

/// Larger files are not searched, in bytes.
const LARGEST: u64 = 8 << 20;
/// How many names are searched for.
const MOST_NAMES: usize = 64;

/// What was found.
#[derive(Debug, Default)]
pub struct References {
    /// Each use, in the order of paths and lines; a name once a file.
    pub dependents: Vec<Dependent>,
    /// Whether there are more, which were left out.
    pub capped: bool,
    /// Names that stand everywhere (`password`), and so were not searched for.
    pub unspecific: Vec<Untrusted>,
    /// What could not be read.
    pub coverage: Coverage,
}

/// A use: path, line, what uses it, and how that is known.
type Use = (Vec<u8>, usize, Dependent);

/// Finds which files below `root` use one of the names as a whole word, at most `limit` of them: the first by path. The
/// lines of `except` (path below the root, line from 1), where the secret itself stands, are left out, and so are ignored
/// files, git directories and files with zeros in them. `now` is the time in seconds since 1970 UTC.
#[must_use]
pub fn references(root: &Path, names: &[Untrusted], except: &[(Untrusted, u32)], limit: usize, now: i64) -> References {
    let unique: BTreeSet<&Untrusted> = names.iter().collect();
    let (wanted, vague): (Vec<_>, Vec<_>) = unique.into_iter().partition(|name| is_specific(name.raw()));
    let mut found = References { unspecific: vague.into_iter().cloned().collect(), ..References::default() };
    found.capped = wanted.len() > MOST_NAMES;
    if wanted.is_empty() {
        return found;
    }
    let Ok(filter) = PathFilter::new(&[], &[]) else { return found };
    let finders = wanted.iter().take(MOST_NAMES).map(|name| Finder::new(name.raw())).collect();
    let search = Search { finders, except, limit, now, uses: Mutex::default() };
    let options = Options { ignored_too: false, filter, max_file_size: Some(LARGEST) };
    found.coverage = walk(root, &options, &search);
    let (uses, more) = search.uses.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.capped |= more;
    found.dependents = uses.into_iter().map(|(.., dependent)| dependent).collect();
    found
}

/// Who uses a name in a file: of a pipeline or manifest the job, of code the name itself.
fn user(one: &usage::Use) -> Untrusted {
    let context = &one.context;
    let parts: Vec<&[u8]> = [&context.pipeline, &context.job].into_iter().flatten().map(Untrusted::raw).collect();
    match one.system.dependent() {
        DependentKind::Code => one.name.clone(),
        _ if parts.is_empty() => one.name.clone(),
        _ => Untrusted::new(&parts.join(&b" / "[..])),
    }
}

struct Search<'a> {
    finders: Vec<Finder<'a>>,
    except: &'a [(Untrusted, u32)],
    limit: usize,
    now: i64,
    /// The first uses by path, and whether there are more.
    uses: Mutex<(BTreeSet<Use>, bool)>,
}

impl Visit for Search<'_> {
    fn file(&self, entry: Entry, coverage: &mut Coverage) {
        let path = entry.path.raw().get(entry.above..).unwrap_or_default();
        if path.split(|b| *b == b'/').any(|part| part == b".git") {
            return;
        }
        let mut text = Vec::new();
        if let Err(error) = entry.file.take(LARGEST).read_to_end(&mut text) {
            coverage.gap(crate::model::GapKind::Unreadable, &entry.path, crate::model::system_words(&error));
            return;
        }
        if text.iter().take(8192).any(|b| *b == 0) {
            return;
        }
        // Most files have none of the names: who uses them is read where one stands.
        let mut read = None;
        for finder in &self.finders {
            let Some(line) = self.line(finder, &text, path) else { continue };
            let said = read.get_or_insert_with(|| said(path, &text));
            let name = Untrusted::new(finder.needle());
            let mut known = Vec::new();
            for one in said.iter().filter(|one| one.is_of(&name)) {
                let line = 1 + memchr::memchr_iter(b'\n', text.get(..one.span.start).unwrap_or_default()).count();
                if !self.is_own(path, line) {
                    known.push((line, one.system.dependent(), user(one), one.system.as_str(), one.confidence));
                }
            }
            if known.is_empty() {
                known.push((line, DependentKind::Code, name, "code", Confidence::Medium));
            }
            for (line, kind, name, source, confidence) in known {
                let place = Untrusted::new(&[path, format!(":{line}").as_bytes()].concat());
                let evidence = Evidence { source: source.to_owned(), place, at: self.now, confidence };
                self.add((path.to_vec(), line, Dependent { kind, name, evidence }));
            }
        }
    }
}

/// Who uses what in a file, where it is one that says so.
fn said(path: &[u8], text: &[u8]) -> Vec<usage::Use> {
    let path = String::from_utf8_lossy(path);
    let path = path.trim_start_matches('/');
    let mut all = Vec::new();
    match reader_of(path) {
        Some(reader) => all = (reader.read)(File { path, text }).uses,
        None if code::is_code(path) => code::references(path, text, 0, &mut all),
        None => {}
    }
    all
}

impl Search<'_> {
    fn add(&self, one: Use) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = uses
            .0
            .iter()
            .all(|(path, _, known)| *path != one.0 || known.kind != one.2.kind || known.name != one.2.name);
        if !is_new {
            return;
        }
        uses.0.insert(one);
        if uses.0.len() > self.limit {
            uses.0.pop_last();
            uses.1 = true;
        }
    }

    /// Whether the secret itself stands on a line.
    fn is_own(&self, path: &[u8], line: usize) -> bool {
        self.except.iter().any(|(p, l)| p.raw() == path && usize::try_from(*l) == Ok(line))
    }

    /// The first line, from 1, that has the name as a whole word and is not the secret's own.
    fn line(&self, finder: &Finder<'_>, text: &[u8], path: &[u8]) -> Option<usize> {
        let is_part = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        let (mut counted, mut line) = (0, 1);
        for at in finder.find_iter(text) {
            let end = at + finder.needle().len();
            if at.checked_sub(1).is_some_and(|before| is_part(text.get(before))) || is_part(text.get(end)) {
                continue;
            }
            line += memchr::memchr_iter(b'\n', text.get(counted..at).unwrap_or_default()).count();
            counted = at;
            if !self.is_own(path, line) {
                return Some(line);
            }
        }
        None
    }
}
