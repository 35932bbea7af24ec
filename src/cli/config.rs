//! The trusted configuration: `--config FILE`, `QUELL_CONFIG`, or the user's configuration folder (docs/design/0001,
//! configuration trust). Never anything in a target.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::model::{FingerprintKey, nearest, unknown_key_help};

/// A configuration file. `quell init` writes a template of it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    #[serde(default)]
    pub(super) scan: ScanConfig,
    #[serde(default)]
    pub(super) rules: RulesConfig,
    #[serde(default)]
    pub(super) fingerprint: FingerprintConfig,
}

/// `[scan]`: what the options of the same names say when they are not given.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScanConfig {
    pub(super) threads: Option<usize>,
    pub(super) max_file_size: Option<String>,
    pub(super) confidence: Option<String>,
    pub(super) fail_on: Option<String>,
    pub(super) no_ignore: Option<bool>,
    #[serde(default)]
    pub(super) only: Vec<String>,
    #[serde(default)]
    pub(super) exclude: Vec<String>,
    #[serde(default)]
    pub(super) include_path: Vec<String>,
    #[serde(default)]
    pub(super) exclude_path: Vec<String>,
}

/// `[rules]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RulesConfig {
    /// A directory of rule files.
    pub(super) dir: Option<PathBuf>,
}

/// `[fingerprint]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FingerprintConfig {
    /// A file with the team's key.
    pub(super) key_file: Option<PathBuf>,
}

impl Config {
    /// Reads the configuration: the file that was named, else the user's if there is one.
    pub(super) fn load(named: Option<&Path>) -> Result<Self> {
        let (path, text) = match (named, user_folder().map(|f| f.join("config.toml"))) {
            (Some(path), _) => (
                path.to_owned(),
                std::fs::read_to_string(path)
                    .with_context(|| format!("the configuration `{}` cannot be read", path.display()))?,
            ),
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => (path, text),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
                Err(e) => {
                    return Err(e).with_context(|| format!("the configuration `{}` cannot be read", path.display()));
                }
            },
            (None, None) => return Ok(Self::default()),
        };
        let mut config: Self = toml::from_str(&text).map_err(|e| at(&path, &text, &e))?;
        // Paths in the file are relative to it.
        let folder = path.parent().unwrap_or(Path::new(""));
        for file in [&mut config.rules.dir, &mut config.fingerprint.key_file].into_iter().flatten() {
            *file = folder.join(&*file);
        }
        Ok(config)
    }

    /// The team's key of fingerprints, or the open one.
    pub(super) fn key(&self) -> Result<FingerprintKey> {
        let named = std::env::var_os("QUELL_FINGERPRINT_KEY_FILE")
            .map(PathBuf::from)
            .or_else(|| self.fingerprint.key_file.clone());
        let Some(path) = named else { return Ok(FingerprintKey::open()?) };
        let key =
            std::fs::read(&path).with_context(|| format!("the fingerprint key `{}` cannot be read", path.display()))?;
        FingerprintKey::team(key.trim_ascii()).with_context(|| {
            format!("`{}` is no fingerprint key; make one with `head -c 32 /dev/urandom | base64`", path.display())
        })
    }
}

/// `$XDG_CONFIG_HOME/quell`, or `~/.config/quell`.
pub(super) fn user_folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|h| h.join(".config"))).map(|c| c.join("quell"))
}

/// A mistake in a configuration file, with its line and what to do.
pub(super) fn at(path: &Path, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let before = text.get(..error.span().map_or(0, |s| s.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let help = unknown_key_help(error.message()).map(|h| format!("\n  help: {h}")).unwrap_or_default();
    anyhow::anyhow!("{}:{line}: {}{help}", path.display(), error.message())
}

/// Reads a number of bytes: `500`, `10k`, `4M`, `2G`, in powers of 1,024.
pub(super) fn size(text: &str) -> Result<u64> {
    let lower = text.trim().to_lowercase();
    let lower = lower.strip_suffix("ib").or_else(|| lower.strip_suffix('b')).unwrap_or(&lower);
    let (digits, shift) = [("k", 10), ("m", 20), ("g", 30)]
        .into_iter()
        .find_map(|(unit, shift)| lower.strip_suffix(unit).map(|d| (d, shift)))
        .unwrap_or((lower, 0));
    let number: u64 = digits
        .trim()
        .parse()
        .with_context(|| format!("`{text}` is no size; write a number with K, M or G behind it"))?;
    number.checked_mul(1 << shift).with_context(|| format!("`{text}` is larger than any file"))
}

/// The value of a word in a list of known ones.
pub(super) fn word<T: Copy>(what: &str, given: &str, known: &[(&str, T)]) -> Result<T> {
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == given) {
        return Ok(*value);
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let near =
        nearest(given, names.iter().copied()).map(|n| format!("\n  help: did you mean `{n}`?")).unwrap_or_default();
    bail!("there is no {what} `{given}`; known are {}{near}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_powers_of_1024() {
        for (text, bytes) in
            [("500", 500), ("10k", 10 << 10), ("4M", 4 << 20), ("2G", 2 << 30), ("1MiB", 1 << 20), ("3 kb", 3 << 10)]
        {
            assert_eq!(size(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "x", "-1", "1T", "99999999999G"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
