//! Suppressions: findings that somebody decided about. They stand, by the fingerprint of a credential, with a reason, in
//! `.quell.toml` and `.quell-baseline.toml` of a target, in the trusted configuration, and in a baseline that `--baseline`
//! names.
//!
//! In a target nothing else counts: every other key is reported and ignored, since a scanned tree changes neither what is
//! looked for nor whom quell talks to. Its files count in each directory from a target up to the root of its work tree, so
//! that it makes no difference whether a tree, a directory of it or a file is named; they speak for what lies below them.
//! For a change they are read as they were before it: a change cannot suppress what it brings in.
//!
//! `entry` is one suppression, `file` reads them, `settle` takes out what they name, `told` says so.

mod entry;
mod file;
mod settle;
mod told;

use std::path::{Path, PathBuf};

pub(super) use self::entry::{Suppression, VERSION, Why, check, entries, entry};
pub(super) use self::file::read;
pub(super) use self::settle::prints;
use self::settle::settle;
use super::places::Places;
use crate::model::{Fingerprint, FingerprintKey, Report, SuppressionSource, Untrusted, counted};
use crate::rules::RuleSet;

/// The file in which people write suppressions.
pub(super) const FILE: &str = ".quell.toml";
/// The file that `quell baseline` writes.
pub(super) const BASELINE: &str = ".quell-baseline.toml";

/// The texts of both files as they were before a change, or are in a repository that is not on disk.
pub(super) type Texts = [Option<Vec<u8>>; 2];

/// A suppression that holds today.
struct Held {
    source: SuppressionSource,
    /// The directory that it speaks for; `None` is everything.
    directory: Option<PathBuf>,
    /// Its file, and its number in it.
    shown: Untrusted,
    number: usize,
    fingerprint: Fingerprint,
    entry: Suppression,
}

/// What suppressions are read and taken with.
pub(super) struct Suppress<'a> {
    /// `--no-target-ignores`.
    pub(super) refuse: bool,
    /// Year, month and day.
    pub(super) today: (u16, u8, u8),
    pub(super) rules: &'a RuleSet,
    pub(super) key: &'a FingerprintKey,
    /// Those of the trusted configuration.
    pub(super) own: &'a [toml::Value],
    /// `--baseline`: the file and its text.
    pub(super) named: Option<(PathBuf, String)>,
    /// The baseline that is being made anew, which does not count.
    pub(super) without: Option<PathBuf>,
}

impl Suppress<'_> {
    /// Takes the places that the suppressions of the targets name out of the report, as far as they lie below their file.
    ///
    /// Each that took something out is told, with its reason and author. Nothing else of a file is quoted but known words,
    /// and these two only where no rule finds anything in them and they quote no secret of the report.
    pub(super) fn apply(&self, targets: &[PathBuf], report: &mut Report) {
        let places = Places::of(targets);
        let mut held = self.trusted(report);
        for directory in places.directories() {
            for name in [FILE, BASELINE] {
                let path = directory.join(name);
                if self.without.as_ref() != Some(&path) {
                    held.extend(self.of_target(read(&path), name, Some(&directory), &places.shown(&path), report));
                }
            }
        }
        let below = |path: &Untrusted, directory: &Path| places.is_below(path, directory);
        let whole = |directory: Option<&Path>| directory.is_none_or(|directory| places.has_all_of(directory));
        settle(&held, &below, &whole, self.rules, report);
    }

    /// The same for a change, with the texts of the files as they were before: those of the work tree's root at the commit
    /// that the change goes on from.
    pub(super) fn apply_base(&self, texts: Texts, report: &mut Report) {
        self.apply_texts(texts, false, report);
    }

    /// The same for a history of a repository elsewhere, with the texts of the files at its `HEAD`.
    pub(super) fn apply_head(&self, texts: Texts, report: &mut Report) {
        self.apply_texts(texts, true, report);
    }

    fn apply_texts(&self, texts: Texts, whole: bool, report: &mut Report) {
        let mut held = self.trusted(report);
        for (name, text) in [FILE, BASELINE].into_iter().zip(texts) {
            let text = text.map(|text| String::from_utf8(text).map_err(|_| "it is no UTF-8")).transpose();
            held.extend(self.of_target(text, name, None, &Untrusted::from(name), report));
        }
        settle(&held, &|_, _| true, &|_| whole, self.rules, report);
    }

    /// The same for a history, with the files at the root of the repository as they are now: places in a history have no
    /// other.
    pub(super) fn apply_root(&self, root: &Path, report: &mut Report) {
        let mut held = self.trusted(report);
        for name in [FILE, BASELINE] {
            let path = root.join(name);
            let is_made_anew = self.without.as_ref().is_some_and(|w| path.canonicalize().is_ok_and(|p| p == *w));
            if !is_made_anew {
                held.extend(self.of_target(read(&path), name, None, &Untrusted::from(name), report));
            }
        }
        settle(&held, &|_, _| true, &|_| true, self.rules, report);
    }

    /// The suppressions of the trusted configuration, and of a baseline that was named.
    fn trusted(&self, report: &mut Report) -> Vec<Held> {
        let shown = Untrusted::from("the configuration");
        let mut held = self.holding(self.own.to_vec(), SuppressionSource::Configuration, None, &shown, report);
        if let Some((path, text)) = &self.named {
            let shown = Untrusted::new(path.as_os_str().as_encoded_bytes());
            held.extend(self.of_text(text, SuppressionSource::Baseline, None, &shown, report));
        }
        held
    }

    /// The suppressions of a target's file that hold today; what does not is told.
    fn of_target(
        &self,
        text: Result<Option<String>, &'static str>,
        name: &str,
        directory: Option<&Path>,
        shown: &Untrusted,
        report: &mut Report,
    ) -> Vec<Held> {
        let source = if name == BASELINE { SuppressionSource::Baseline } else { SuppressionSource::File };
        match text {
            Ok(None) => Vec::new(),
            Err(why) => {
                report.coverage.notice(shown, format!("{why}, so nothing of it holds"));
                Vec::new()
            }
            Ok(Some(text)) if self.refuse => {
                let entries = entries(&text, |_| {}).unwrap_or_default();
                if !entries.is_empty() {
                    let all = counted(entries.len() as u64, "suppression is", "suppressions are");
                    report.coverage.notice(shown, format!("its {all} refused by --no-target-ignores"));
                }
                Vec::new()
            }
            Ok(Some(text)) => self.of_text(&text, source, directory, shown, report),
        }
    }

    fn of_text(
        &self,
        text: &str,
        source: SuppressionSource,
        directory: Option<&Path>,
        shown: &Untrusted,
        report: &mut Report,
    ) -> Vec<Held> {
        let mut others = Vec::new();
        let found = entries(text, |key| others.push(key.to_owned()));
        for key in others {
            let text = format!(
                "{key} is ignored: in a target only `suppress` counts; put the rest into a file of your own and name it with --config"
            );
            report.coverage.notice(shown, text);
        }
        match found {
            Ok(entries) => self.holding(entries, source, directory, shown, report),
            Err(why) => {
                report.coverage.notice(shown, why);
                Vec::new()
            }
        }
    }

    /// Those of the entries that hold today. Of a baseline, which may have thousands, what does not is counted.
    fn holding(
        &self,
        entries: Vec<toml::Value>,
        source: SuppressionSource,
        directory: Option<&Path>,
        shown: &Untrusted,
        report: &mut Report,
    ) -> Vec<Held> {
        let (mut held, mut expired, mut other_key) = (Vec::new(), 0, 0);
        for (number, value) in (1..).zip(entries) {
            match entry(value).and_then(|e| Ok((check(&e, self.today, self.key)?, e))) {
                Ok((fingerprint, entry)) => {
                    let directory = directory.map(Path::to_path_buf);
                    held.push(Held { source, directory, shown: shown.clone(), number, fingerprint, entry });
                }
                Err(Why::Expired(_)) if source == SuppressionSource::Baseline => expired += 1,
                Err(Why::OtherKey(_)) if source == SuppressionSource::Baseline => other_key += 1,
                Err(why) => {
                    report.coverage.notice(shown, format!("suppression {number} does not hold: {}", why.text()));
                }
            }
        }
        for (count, why) in [
            (expired, "expired, so that it does not hold"),
            (other_key, "made with another fingerprint key, so that it matches nothing"),
        ] {
            if count > 0 {
                report
                    .coverage
                    .notice(shown, format!("of its entries {count} {why}; `quell baseline audit` lists them"));
            }
        }
        held
    }
}
