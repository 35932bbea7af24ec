//! Files that pipelines take in: where each lies, and whether it may be read. Nothing outside of the target is opened.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use globset::GlobBuilder;
use ignore::WalkBuilder;

use super::conceal::named;
use super::consumers::Consumed;
use crate::model::usage::{Include, Placed, System};
use crate::model::{Coverage, GapKind, Untrusted};
use crate::uses::{self, Reader};

/// How many files are looked at for one pattern.
const FILES: usize = 20_000;

/// The files that others take in and that were not read yet, each with who reads it. What lies elsewhere is in the coverage.
pub(super) fn included(
    root: &Path,
    consumed: &[Consumed],
    known: &mut BTreeSet<PathBuf>,
    coverage: &mut Coverage,
) -> Vec<(PathBuf, &'static Reader)> {
    let (mut all, repository) = (Vec::new(), repository(root));
    for (include, seen) in consumed.iter().flat_map(|one| one.includes.iter().map(|include| (include, &one.seen))) {
        let Placed { what: Include { path, system, .. }, place } = include;
        let Some(path) = path else {
            let why = format!("line {} takes in something that lies elsewhere and was not read", place.line);
            coverage.notice(&place.path, why);
            continue;
        };
        let Some(reader) = uses::reader_for(*system) else { continue };
        let below = Path::new(OsStr::from_bytes(path.raw().strip_prefix(b"/").unwrap_or(path.raw())));
        let by = Path::new(OsStr::from_bytes(place.path.raw()));
        let mut files = files(root, &repository, by, below, &mut |text| coverage.notice(&place.path, text));
        // An action is described in a file of one name or the other.
        for (_, file) in files.iter_mut().filter(|(_, file)| file.ends_with("action.yml") && !file.exists()) {
            let other = file.with_extension("yaml");
            if *system == System::GithubActions && other.exists() {
                *file = other;
            }
        }
        for (base, file) in files {
            if !known.insert(file.clone()) {
                continue;
            }
            let told = named(&Untrusted::new(file.as_os_str().as_bytes()), seen);
            let by = |why: &str| format!("{why}, and line {} of another file takes it in", place.line);
            match inside(root, &base, &file) {
                Inside::Yes => all.push((file, reader)),
                Inside::Beside => {
                    coverage.notice(&told, by("it lies in the same repository, beside what was named"));
                }
                Inside::No => coverage.gap(GapKind::Outside, &told, by("it lies outside of the target")),
                Inside::NoFile => coverage.gap(GapKind::Unreadable, &told, by("it is no regular file")),
                // An action can be a file of another name, or be made by an earlier step.
                Inside::Missing if *system == System::GithubActions => coverage.notice(&told, by("it is not there")),
                Inside::Missing => coverage.gap(GapKind::Missing, &told, by("it is not there")),
            }
        }
    }
    all
}

/// The files that a path or a pattern names, each with the folder that it is named from. Paths are joined as the walk joins them, so
/// that a file has one name.
fn files(
    root: &Path,
    repository: &Path,
    by: &Path,
    below: &Path,
    notice: &mut dyn FnMut(String),
) -> Vec<(PathBuf, PathBuf)> {
    let is_pattern = |part: &Component<'_>| part.as_os_str().as_bytes().iter().any(|b| matches!(b, b'*' | b'?' | b'['));
    let fixed: PathBuf = below.components().take_while(|part| !is_pattern(part)).collect();
    let bases = bases(root, repository, by);
    let found = bases.iter().find(|base| !fixed.as_os_str().is_empty() && joined(base, &fixed).exists());
    let Some(base) = found.or(bases.first()) else { return Vec::new() };
    if fixed == below {
        return vec![(base.clone(), joined(base, below))];
    }
    // A file can be called so, however odd.
    let climbs = below.components().any(|part| !matches!(part, Component::Normal(_)));
    let pattern = below.to_str().filter(|_| !climbs).and_then(|text| {
        GlobBuilder::new(text).literal_separator(true).build().ok().map(|glob| glob.compile_matcher())
    });
    let Some(pattern) = pattern else { return vec![(base.clone(), joined(base, below))] };
    let start = joined(base, &fixed);
    let start = if start.as_os_str().is_empty() { PathBuf::from(".") } else { start };
    if !matches!(inside(root, base, &start), Inside::NoFile) {
        notice("what it takes in by a pattern is no folder in the target".to_owned());
        return Vec::new();
    }
    let walk = WalkBuilder::new(&start).standard_filters(false).sort_by_file_name(Ord::cmp).build();
    let mut seen = 0;
    let mut all = Vec::new();
    for entry in walk.filter_map(Result::ok).filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file())) {
        seen += 1;
        if seen > FILES {
            notice("a pattern of files to take in was not followed to its end: there are too many".to_owned());
            break;
        }
        if entry.path().strip_prefix(&start).is_ok_and(|rest| pattern.is_match(fixed.join(rest))) {
            all.push((base.clone(), entry.path().strip_prefix(".").unwrap_or(entry.path()).to_path_buf()));
        }
    }
    all
}

/// The folders that a path can be named from, the likeliest first: the repository that the file is in, by its `.git`, where there is one
/// in the target; else that of the target, and every folder above the file.
fn bases(root: &Path, repository: &Path, by: &Path) -> Vec<PathBuf> {
    let root = if root == Path::new(".") { Path::new("") } else { root };
    let folders = || by.ancestors().skip(1).take_while(|folder| folder.starts_with(root));
    let is_repository = |folder: &&Path| joined(folder, Path::new(".git")).exists();
    match folders().find(is_repository) {
        Some(folder) => vec![folder.to_path_buf()],
        None => [repository].into_iter().chain(folders()).map(Path::to_path_buf).collect(),
    }
}

fn joined(base: &Path, below: &Path) -> PathBuf {
    if base == Path::new(".") { below.to_path_buf() } else { base.join(below) }
}

/// The root of the repository that a target lies in, from which files are named in it; the target itself where there is none.
fn repository(root: &Path) -> PathBuf {
    let Ok(real) = root.canonicalize() else { return root.to_path_buf() };
    match real.ancestors().find(|directory| directory.join(".git").exists()) {
        Some(found) if found != real => found.to_path_buf(),
        _ => root.to_path_buf(),
    }
}

enum Inside {
    Yes,
    /// In its repository, and not in the target.
    Beside,
    No,
    /// A folder, or something else that is no file.
    NoFile,
    Missing,
}

/// Whether a file lies below a directory, links followed.
fn inside(root: &Path, base: &Path, file: &Path) -> Inside {
    let climbs = file.components().any(|part| matches!(part, Component::ParentDir));
    let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let (Ok(root), Ok(base)) = (root.canonicalize(), base.canonicalize()) else { return Inside::Missing };
    match file.canonicalize() {
        Ok(file) if file.starts_with(&root) && file.is_file() => Inside::Yes,
        Ok(file) if file.starts_with(&root) => Inside::NoFile,
        Ok(file) if file.starts_with(&base) && file.is_file() => Inside::Beside,
        Err(_) if !climbs => Inside::Missing,
        _ => Inside::No,
    }
}
