//! What issuers said, kept between runs so that none is asked twice a day: by fingerprint, never by secret.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use crate::model::{Fingerprint, Identity, Untrusted, Verdict, Verification, system_words};

/// The format's version; a file of another is not read.
const VERSION: u32 = 1;
/// The largest file that is read.
const MAX_BYTES: u64 = 64 << 20;

/// Verdicts of earlier runs.
pub struct Cache {
    path: PathBuf,
    /// How long a verdict counts, in seconds.
    ttl: i64,
    entries: Mutex<BTreeMap<String, Entry>>,
    /// What was wrong with the file, where something was.
    trouble: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
struct File {
    version: u32,
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    verdict: String,
    controlled: bool,
    asked: i64,
    recipe: String,
    host: String,
    answer: String,
    /// What earlier versions wrote does not say so.
    #[serde(default = "yes")]
    listed: bool,
    #[serde(default)]
    absent: bool,
    #[serde(default)]
    identity: BTreeMap<String, Vec<String>>,
}

const fn yes() -> bool {
    true
}

impl Cache {
    /// Opens the file; what cannot be read counts as empty, and is told by [`Self::trouble`].
    #[must_use]
    pub fn open(path: &Path, ttl: i64) -> Self {
        let (entries, trouble) = match read(path) {
            Ok(file) if file.version == VERSION => (file.entries, None),
            Ok(_) => (BTreeMap::new(), Some("it is of another version of quell".to_owned())),
            Err(None) => (BTreeMap::new(), None),
            Err(Some(why)) => (BTreeMap::new(), Some(why)),
        };
        Self { path: path.to_owned(), ttl, entries: Mutex::new(entries), trouble }
    }

    /// What was wrong with the file.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// What is known of a credential by a recipe, if it is not too old.
    #[must_use]
    pub fn get(&self, fingerprint: &Fingerprint, recipe: &str, now: i64) -> Option<Verification> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(fingerprint.as_str()).filter(|entry| entry.recipe == recipe)?;
        // A time to come is a clock that was set back.
        if !(0..self.ttl).contains(&now.saturating_sub(entry.asked)) {
            return None;
        }
        let mut identity = Identity::default();
        for (name, values) in &entry.identity {
            identity.set(name, values.iter().map(|value| Untrusted::from(value.as_str())).collect());
        }
        Some(Verification {
            verdict: Verdict::named(&entry.verdict)?,
            controlled: entry.controlled,
            identity,
            asked: entry.asked,
            recipe: entry.recipe.clone(),
            host: Untrusted::from(entry.host.as_str()),
            answer: entry.answer.clone(),
            cached: true,
            listed: entry.listed,
            absent: entry.absent,
        })
    }

    /// Keeps what an issuer said; what could not be found out is asked again the next time.
    pub fn put(&self, fingerprint: &Fingerprint, verification: &Verification) {
        if !verification.verdict.is_had() || verification.cached {
            return;
        }
        let text = |value: &Untrusted| String::from_utf8_lossy(value.raw()).into_owned();
        let identity = verification.identity.told();
        let identity = identity.map(|(name, values)| (name.to_owned(), values.into_iter().map(text).collect()));
        let entry = Entry {
            verdict: verification.verdict.as_str().to_owned(),
            controlled: verification.controlled,
            asked: verification.asked,
            recipe: verification.recipe.clone(),
            host: text(&verification.host),
            answer: verification.answer.clone(),
            listed: verification.listed,
            absent: verification.absent,
            identity: identity.collect(),
        };
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).insert(fingerprint.as_str().to_owned(), entry);
    }

    /// Writes the file anew, without what is too old; only its owner may read it.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub fn store(&self, now: i64) -> Result<(), String> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Another run may have written meanwhile.
        if let Ok(file) =
            read(&self.path).map_err(drop).and_then(|f| if f.version == VERSION { Ok(f) } else { Err(()) })
        {
            for (key, entry) in file.entries {
                if entries.get(&key).is_none_or(|own| own.asked < entry.asked) {
                    entries.insert(key, entry);
                }
            }
        }
        entries.retain(|_, entry| (0..self.ttl).contains(&now.saturating_sub(entry.asked)));
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let write = || -> std::io::Result<()> {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            // Made for its owner alone, and put in place whole.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            let json = serde_json::to_vec(&File { version: VERSION, entries })?;
            file.write_all(&json)?;
            file.persist(&self.path).map_err(|e| e.error)?;
            Ok(())
        };
        write().map_err(|e| system_words(&e))
    }
}

fn read(path: &Path) -> Result<File, Option<String>> {
    let failed = |e: std::io::Error| (e.kind() != ErrorKind::NotFound).then(|| system_words(&e));
    // Neither through a link nor waiting for whoever writes to a pipe.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| failed(e.into()))?;
    let file = std::fs::File::from(handle);
    let about = file.metadata().map_err(failed)?;
    if !about.is_file() || about.uid() != rustix::process::geteuid().as_raw() || about.mode() & 0o022 != 0 {
        return Err(Some("others may write to it, or it is no file of yours".to_owned()));
    }
    let mut bytes = Vec::new();
    if file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)? as u64 > MAX_BYTES {
        return Err(Some("it is too large".to_owned()));
    }
    serde_json::from_slice(&bytes).map_err(|_| Some("it is damaged".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Why;

    #[test]
    fn verdicts_are_kept_by_fingerprint_for_their_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/verdicts.json");
        let print = Fingerprint::parse(&format!("q1-open-{}", "0".repeat(32))).unwrap();
        let mut live = Verification::not_asked(Verdict::Live, "github/user", 1_000);
        live.identity.set("scopes", vec!["repo".into(), "gist".into()]);
        let cache = Cache::open(&path, 100);
        cache.put(&print, &live);
        cache.store(1_000).unwrap();
        let again = Cache::open(&path, 100);
        assert_eq!(again.get(&print, "github/user", 1_099), Some(Verification { cached: true, ..live.clone() }));
        assert_eq!(again.get(&print, "github/user", 1_100), None);
        assert_eq!(again.get(&print, "github/user", 999), None, "asked in a time to come");
        assert_eq!(again.get(&print, "github/other", 1_000), None);
        again.put(&print, &Verification { verdict: Verdict::Unknown(Why::Timeout), ..live });
        assert!(again.get(&print, "github/user", 1_000).is_some(), "what is not known replaces nothing");
        std::fs::write(&path, "{").unwrap();
        assert_eq!(Cache::open(&path, 100).trouble(), Some("it is damaged"));
    }
}
