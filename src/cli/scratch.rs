//! Directories for what is cloned: private, and removed when they are done with, also when the process is told to end.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, anyhow};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::model::system_words;

/// Makes directories, one at a time.
pub(super) struct Scratch {
    current: Current,
}

/// The directory that is there now.
type Current = Arc<Mutex<Option<PathBuf>>>;

/// A directory, which is removed when this is dropped.
pub(super) struct Directory {
    path: PathBuf,
    current: Current,
}

impl Scratch {
    /// Starts to watch for signals that end the process.
    pub(super) fn start() -> Result<Self> {
        let current = Current::default();
        let watched = Arc::clone(&current);
        let mut signals = Signals::new([SIGINT, SIGTERM])
            .map_err(|e| anyhow!("signals cannot be waited for: {}", system_words(&e)))?;
        std::thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                // Held until the end, so that no other directory is made meanwhile.
                let held = locked(&watched);
                if let Some(path) = &*held {
                    let _ = remove(path);
                }
                let _ = emulate_default_handler(signal);
            }
        });
        Ok(Self { current })
    }

    /// Makes a directory for the user alone, below `$TMPDIR` or the system's directory for such.
    pub(super) fn directory(&self) -> Result<Directory> {
        let mut current = locked(&self.current);
        let root = std::env::temp_dir();
        let made =
            tempfile::Builder::new().prefix("quell-").permissions(Permissions::from_mode(0o700)).tempdir_in(&root);
        let path = made.map_err(|e| {
            let help = "set TMPDIR to a directory that you may write to and that has room for the repository";
            anyhow!("no directory can be made in `{}`: {}\n  help: {help}", root.display(), system_words(&e))
        })?;
        let path = path.keep();
        // Without links, as the scan will name it.
        let path = path.canonicalize().unwrap_or(path);
        *current = Some(path.clone());
        Ok(Directory { path, current: Arc::clone(&self.current) })
    }
}

impl Directory {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, and says where that fails.
    pub(super) fn remove(self) -> Result<()> {
        let mut current = locked(&self.current);
        remove(&self.path).map_err(|e| {
            let help = "remove it yourself: it holds what was cloned";
            let gone = gone(&self.path);
            let left = if gone.exists() { &gone } else { &self.path };
            anyhow!("`{}` cannot be removed: {}\n  help: {help}", left.display(), system_words(&e))
        })?;
        *current = None;
        Ok(())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let mut current = locked(&self.current);
        if current.take().is_some() {
            let _ = remove(&self.path);
        }
    }
}

fn locked(current: &Current) -> MutexGuard<'_, Option<PathBuf>> {
    current.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes a directory that somebody may still be writing to: under another name nothing is added to it.
fn remove(path: &Path) -> std::io::Result<()> {
    let gone = gone(path);
    let path = if fs::rename(path, &gone).is_ok() { &gone } else { path };
    fs::remove_dir_all(path)
}

fn gone(path: &Path) -> PathBuf {
    path.with_extension("gone")
}
