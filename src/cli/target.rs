//! What a target may say for itself: suppressions in its `.quell.toml`, and nothing else.
//!
//! Every other key in it is reported and ignored: a scanned tree changes neither what is looked for nor whom quell
//! talks to. The file counts in each directory from a target up to the root of its work tree, so that it makes no
//! difference whether a tree, a directory of it or a file is named; it speaks for what lies below it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::Deserialize;

use super::places::Places;
use crate::detect::{Chunk, Detector, Scratch};
use crate::model::{Finding, Fingerprint, Quotes, Report, Untrusted, counted};
use crate::report::terminal;
use crate::rules::RuleSet;

/// The file's name.
pub(super) const FILE: &str = ".quell.toml";
/// The largest such file that is read.
const LARGEST: u64 = 1 << 20;
/// How many characters of a reason or an author are shown.
const SHOWN: usize = 200;

/// A finding that somebody decided about.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Suppression {
    fingerprint: String,
    reason: String,
    /// The last day that it holds on.
    expires: Option<toml::value::Date>,
    /// Who decided.
    author: Option<String>,
}

/// A suppression that holds today.
struct Held {
    /// The directory that it speaks for.
    directory: PathBuf,
    /// Its file, and its number in it.
    shown: Untrusted,
    number: usize,
    fingerprint: Fingerprint,
    entry: Suppression,
}

/// Reads the suppressions of the targets and takes the places that they name out of the report, as far as they lie below
/// their file; `refuse` is `--no-target-ignores`. `today` is year, month and day.
///
/// Each that took something out is told, with its reason and author. Nothing else of a file is quoted but known words,
/// and these two only where no rule finds anything in them and they quote no secret of the report: somebody may have put
/// the secret itself there (invariant 1).
pub(super) fn apply(targets: &[PathBuf], refuse: bool, today: (u16, u8, u8), rules: &RuleSet, report: &mut Report) {
    let places = Places::of(targets);
    let mut held = Vec::new();
    for directory in places.directories() {
        held.extend(file(directory, &places, refuse, today, report));
    }
    let below = |path: &Untrusted, directory: &Path| places.is_below(path, directory);
    settle(&held, &below, &|directory| places.has_all_of(directory), rules, report);
}

/// The same for a change, with the text of the file as it was before: `text` is that of the work tree's root at the commit
/// that the change goes on from. A change cannot suppress what it brings in.
pub(super) fn apply_base(
    text: Option<&[u8]>,
    refuse: bool,
    today: (u16, u8, u8),
    rules: &RuleSet,
    report: &mut Report,
) {
    let text = text.map(|t| std::str::from_utf8(t).map(str::to_owned).map_err(|_| "it is no UTF-8")).transpose();
    let held = entries(text, (PathBuf::new(), Untrusted::from(FILE)), refuse, today, report);
    settle(&held, &|_, _| true, &|_| false, rules, report);
}

/// The same for a history, with the file at the root of the repository as it is now: places in a history have no other.
pub(super) fn apply_root(root: &Path, refuse: bool, today: (u16, u8, u8), rules: &RuleSet, report: &mut Report) {
    let held = entries(read(&root.join(FILE)), (PathBuf::new(), Untrusted::from(FILE)), refuse, today, report);
    settle(&held, &|_, _| true, &|_| true, rules, report);
}

/// The same for a history of a repository elsewhere, with the text of the file at its `HEAD`.
pub(super) fn apply_head(
    text: Option<&[u8]>,
    refuse: bool,
    today: (u16, u8, u8),
    rules: &RuleSet,
    report: &mut Report,
) {
    let text = text.map(|t| std::str::from_utf8(t).map(str::to_owned).map_err(|_| "it is no UTF-8")).transpose();
    let held = entries(text, (PathBuf::new(), Untrusted::from(FILE)), refuse, today, report);
    settle(&held, &|_, _| true, &|_| true, rules, report);
}

/// Takes out what the suppressions name: `below` says whether a path lies below a directory, and `whole` whether all of a
/// directory was scanned.
fn settle(
    held: &[Held],
    below: &dyn Fn(&Untrusted, &Path) -> bool,
    whole: &dyn Fn(&Path) -> bool,
    rules: &RuleSet,
    report: &mut Report,
) {
    if held.is_empty() {
        return;
    }
    let told = tellable(held, rules, &report.findings);
    let mut by_fingerprint: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, finding) in report.findings.iter().enumerate() {
        if let Some(fingerprint) = &finding.fingerprint {
            by_fingerprint.entry(fingerprint.as_str().to_owned()).or_default().push(index);
        }
    }
    for (held, told) in held.iter().zip(told) {
        let mut taken = false;
        for index in by_fingerprint.get(held.fingerprint.as_str()).into_iter().flatten() {
            if let Some(finding) = report.findings.get_mut(*index) {
                let before = finding.locations.len();
                finding.locations.retain(|l| !below(&l.path, &held.directory));
                taken |= finding.locations.len() < before;
            }
        }
        if taken {
            report.coverage.notice(&held.shown, sentence(held, told));
        } else if whole(&held.directory) {
            // Where only a part of the tree was asked for, the rest may well have it.
            let why = format!("that of {} matches nothing", held.fingerprint.as_str());
            report.coverage.notice(&held.shown, format!("suppression {} does not hold: {why}", held.number));
        }
    }
    let before = report.findings.len();
    report.findings.retain(|f| !f.locations.is_empty());
    report.suppressed += (before - report.findings.len()) as u64;
}

/// The suppressions in the file of a directory that hold today; what does not is told.
fn file(directory: PathBuf, places: &Places, refuse: bool, today: (u16, u8, u8), report: &mut Report) -> Vec<Held> {
    let path = directory.join(FILE);
    let shown = places.shown(&path);
    entries(read(&path), (directory, shown), refuse, today, report)
}

/// The suppressions of a file's text that hold today.
fn entries(
    text: Result<Option<String>, &'static str>,
    (directory, shown): (PathBuf, Untrusted),
    refuse: bool,
    today: (u16, u8, u8),
    report: &mut Report,
) -> Vec<Held> {
    let mut notice = |text: String| report.coverage.notice(&shown, text);
    let mut held = Vec::new();
    let entries = match text {
        Ok(Some(text)) => suppressions(&text, &mut notice),
        Ok(None) => return held,
        Err(why) => {
            notice(format!("{why}, so nothing of it holds"));
            return held;
        }
    };
    if refuse && !entries.is_empty() {
        notice(format!(
            "its {} refused by --no-target-ignores",
            counted(entries.len() as u64, "suppression is", "suppressions are")
        ));
        return held;
    }
    for (number, value) in (1..).zip(entries) {
        match entry(value).and_then(|e| Ok((check(&e, today)?, e))) {
            Ok((fingerprint, entry)) => {
                let (directory, shown) = (directory.clone(), shown.clone());
                held.push(Held { directory, shown, number, fingerprint, entry });
            }
            Err(why) => notice(format!("suppression {number} does not hold: {why}")),
        }
    }
    held
}

/// The text of a target's file, or nothing where there is none; an error says why it is not read.
fn read(path: &Path) -> Result<Option<String>, &'static str> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, rustix::fs::Mode::empty()) {
        Ok(fd) => File::from(fd),
        Err(rustix::io::Errno::LOOP) => return Err("it is a link"),
        Err(e) if std::io::Error::from(e).kind() == ErrorKind::NotFound => return Ok(None),
        Err(_) => return Err("it cannot be opened"),
    };
    match file.metadata() {
        Ok(meta) if !meta.is_file() => return Err("it is not a regular file"),
        Ok(meta) if meta.len() > LARGEST => return Err("it has more than a mebibyte"),
        _ => {}
    }
    let mut text = Vec::new();
    file.take(LARGEST).read_to_end(&mut text).map_err(|_| "it cannot be read")?;
    String::from_utf8(text).map(Some).map_err(|_| "it is no UTF-8")
}

/// The entries of `suppress`; what else stands there is told.
fn suppressions(text: &str, notice: &mut impl FnMut(String)) -> Vec<toml::Value> {
    let line =
        |at: Option<Range<usize>>| text.get(..at.map_or(0, |s| s.start)).map_or(0, |t| t.matches('\n').count()) + 1;
    let mut table: toml::Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(e) => {
            notice(format!("it is no TOML in line {}, so nothing of it holds", line(e.span())));
            return Vec::new();
        }
    };
    let entries = table.remove("suppress");
    for key in table.keys() {
        notice(format!(
            "{} is ignored: in a target only `suppress` counts; put the rest into a file of your own and name it with --config",
            named(key)
        ));
    }
    match entries {
        None => Vec::new(),
        Some(toml::Value::Array(entries)) => entries,
        Some(_) => {
            notice("`suppress` does not hold: write each suppression as `[[suppress]]`".to_owned());
            Vec::new()
        }
    }
}

/// A key as it may be shown: short words of letters are, anything else might be a secret.
fn named(key: &str) -> String {
    let word = key.len() <= 24 && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'-');
    if word { format!("`{key}`") } else { "a key that quell does not know".to_owned() }
}

fn entry(value: toml::Value) -> Result<Suppression, String> {
    let keys: Vec<String> = value.as_table().map(|t| t.keys().map(|k| named(k)).collect()).unwrap_or_default();
    value.try_into().map_err(|_| {
        let have = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
        format!("it needs `fingerprint` and `reason`, may have `expires` (a date) and `author`, and has {have}")
    })
}

/// The fingerprint of a suppression that holds today.
fn check(entry: &Suppression, today: (u16, u8, u8)) -> Result<Fingerprint, String> {
    let fingerprint = Fingerprint::parse(&entry.fingerprint).ok_or("its `fingerprint` is none")?;
    if entry.reason.trim().is_empty() {
        return Err("it gives no reason".to_owned());
    }
    if entry.expires.is_some_and(|d| (d.year, d.month, d.day) < today) {
        return Err(format!("that of {} has expired", fingerprint.as_str()));
    }
    Ok(fingerprint)
}

/// Which suppressions may be told with their reason and author: those in which no rule finds anything, however doubtful,
/// and which quote no secret that the scan found.
fn tellable(held: &[Held], rules: &RuleSet, findings: &[Finding]) -> Vec<bool> {
    let texts: Vec<String> =
        held.iter().map(|h| format!("{}\n{}", h.entry.reason, h.entry.author.as_deref().unwrap_or_default())).collect();
    let mut quotes = Quotes::new(texts.iter().map(String::as_bytes).collect());
    for finding in findings {
        quotes.look(&finding.secret, &finding.redacted());
        finding.companions.iter().filter(|c| c.kind.is_some()).for_each(|c| quotes.look(&c.secret, &c.redacted()));
    }
    let detector = Detector::new(rules, |_| true);
    let (mut scratch, mut found) = (Scratch::default(), Vec::new());
    let clean = |(number, text): (usize, &String)| {
        found.clear();
        detector.scan(&Chunk::whole(text.as_bytes()), &mut scratch, &mut found);
        found.is_empty() && !quotes.quotes(number)
    };
    texts.iter().enumerate().map(clean).collect()
}

/// Says what a suppression took out, why, who says so, and until when.
fn sentence(held: &Held, told: bool) -> String {
    let shown = |text: &str| {
        let text = text.trim();
        let cut: String = text.chars().take(SHOWN).collect();
        let more = if cut.len() < text.len() { "…" } else { "" };
        format!("{}{more}", terminal(&Untrusted::from(cut.as_str())))
    };
    let until = held.entry.expires.map(|d| format!(" until {d}")).unwrap_or_default();
    let who_and_why = match (told, &held.entry.author) {
        (false, _) => "its reason and author are not shown, since they may hold a secret".to_owned(),
        (true, Some(author)) => format!("{} (by {})", shown(&held.entry.reason), shown(author)),
        (true, None) => format!("{} (no author named)", shown(&held.entry.reason)),
    };
    format!("suppression {} takes {} out{until}: {who_and_why}", held.number, held.fingerprint.as_str())
}
