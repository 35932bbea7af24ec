//! The trusted configuration: `--config FILE`, `QUELL_CONFIG`, or the user's configuration folder (docs/design/0001,
//! configuration trust). Never anything in a target. `cases` has the parts that are about cases, and
//! `outside` those that say whom quell talks to about them.

#[cfg_attr(not(feature = "remediate"), allow(dead_code, reason = "one configuration serves every build"))]
mod cases;
#[cfg_attr(not(feature = "remediate"), allow(dead_code, reason = "one configuration serves every build"))]
pub(super) mod outside;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use super::suppress::entry;
use crate::model::{FingerprintKey, nearest, system_words, unknown_key_help};

/// A configuration file. `quell init` writes a template of it.
#[cfg_attr(not(feature = "remediate"), allow(dead_code, reason = "one configuration serves every build"))]
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    #[serde(default)]
    pub(super) scan: ScanConfig,
    #[serde(default)]
    pub(super) rules: RulesConfig,
    #[serde(default)]
    pub(super) fingerprint: FingerprintConfig,
    #[serde(default)]
    pub(super) verify: VerifyConfig,
    #[serde(default)]
    pub(super) network: NetworkConfig,
    /// Hosts that may be asked beside the providers' own: by provider or protocol, one or several.
    #[serde(default)]
    pub(super) endpoints: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    pub(super) store: cases::StoreConfig,
    #[serde(default)]
    pub(super) owners: cases::OwnersConfig,
    #[serde(default)]
    pub(super) run: cases::RunConfig,
    #[serde(default)]
    pub(super) mail: outside::MailConfig,
    #[serde(default)]
    pub(super) task: Vec<outside::TaskConfig>,
    #[serde(default)]
    pub(super) notice: Vec<outside::NoticeConfig>,
    /// Suppressions that hold for every target.
    #[serde(default)]
    pub(super) suppress: Vec<toml::Value>,
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

/// `[verify]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VerifyConfig {
    /// Verify what a scan finds, as `--verify` does.
    pub(super) scans: Option<bool>,
    /// Ask where a refusal may lock an account.
    pub(super) logins: Option<bool>,
    /// The most requests of a run.
    pub(super) max_requests: Option<u64>,
    /// For how many hours an issuer's answer counts.
    pub(super) keep_hours: Option<u32>,
}

/// `[network]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkConfig {
    /// The organisation's proxy.
    pub(super) proxy: Option<String>,
    /// Certificates of authorities, as PEM.
    pub(super) ca_file: Option<PathBuf>,
}

/// A text, or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text in quotes, or a list of them")]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    /// As a list.
    pub(super) fn list(&self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::Many(many) => many.clone(),
        }
    }
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
        let Some(path) = named.map(Path::to_owned).or_else(|| user_folder().map(|f| f.join("config.toml"))) else {
            return Ok(Self::default());
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if named.is_none() && e.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => {
                let what = format!("the configuration `{}` cannot be read", path.display());
                let help = if e.kind() == ErrorKind::NotFound {
                    "`quell init --stdout` writes a template of one"
                } else {
                    "make it a file of text that you may read"
                };
                bail!("{what}: {}\n  help: {help}", system_words(&e));
            }
        };
        let mut config: Self = toml::from_str(&text).map_err(|e| at(&path, &text, &e))?;
        for (number, value) in (1..).zip(&config.suppress) {
            entry(value.clone()).map_err(|why| {
                let help = "`quell init --stdout` shows one";
                anyhow!("{}: suppression {number}: {}\n  help: {help}", path.display(), why.text())
            })?;
        }
        // Paths in the file are relative to it.
        let folder = path.parent().unwrap_or(Path::new(""));
        for file in config.files() {
            *file = folder.join(&*file);
        }
        Ok(config)
    }

    /// Every path that it names.
    fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let store = &mut self.store;
        let one = [
            &mut self.rules.dir,
            &mut self.fingerprint.key_file,
            &mut self.network.ca_file,
            &mut self.owners.file,
            &mut store.seal_key_file,
            &mut store.transit_token_file,
            &mut store.checkpoint_key_file,
            &mut store.checkpoints,
            &mut self.mail.password_file,
        ];
        let tasks = self.task.iter_mut().flat_map(|task| [&mut task.token_file, &mut task.folder]);
        let slack =
            self.notice.iter_mut().flat_map(|notice| notice.secret_files.iter_mut().chain(&mut notice.slack_file));
        one.into_iter().chain(tasks).flatten().chain(slack)
    }

    /// The team's key of fingerprints, or the open one.
    pub(super) fn key(&self) -> Result<FingerprintKey> {
        Ok(match self.team_key()? {
            Some(key) => key,
            None => FingerprintKey::open()?,
        })
    }

    /// The team's key of fingerprints, where there is one.
    pub(super) fn team_key(&self) -> Result<Option<FingerprintKey>> {
        let named = std::env::var_os("QUELL_FINGERPRINT_KEY_FILE")
            .map(PathBuf::from)
            .or_else(|| self.fingerprint.key_file.clone());
        let Some(path) = named else { return Ok(None) };
        let key = std::fs::read(&path).map_err(|e| {
            let help = "make a key with `head -c 32 /dev/urandom | base64`, or leave the option out";
            anyhow!("the fingerprint key `{}` cannot be read: {}\n  help: {help}", path.display(), system_words(&e))
        })?;
        let told =
            || format!("`{}` is no fingerprint key; make one with `head -c 32 /dev/urandom | base64`", path.display());
        FingerprintKey::team(key.trim_ascii()).with_context(told).map(Some)
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
    let help =
        unknown_key_help(error.message()).unwrap_or_else(|| "`quell init --stdout` shows every option".to_owned());
    anyhow!("{}:{line}: {}\n  help: {help}", path.display(), human(error.message()))
}

/// The library's message about a value of the wrong type, in words of a configuration's author; any other as it is.
pub(super) fn human(message: &str) -> Cow<'_, str> {
    let parts = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let Some((given, wanted)) = parts.and_then(|p| p.rsplit_once(", expected ")) else { return message.into() };
    let named = GIVEN.iter().find_map(|(start, kind)| Some(format!("{kind}{}", given.strip_prefix(start)?)));
    let given = named.unwrap_or_else(|| given.to_owned());
    let wanted = WANTED.iter().find(|(start, _)| wanted.starts_with(start)).map_or(wanted, |(_, kind)| kind);
    format!("{given} stands here, where {wanted} is needed").into()
}

/// What the library calls the types of values, and what people do; the value itself may follow.
const GIVEN: &[(&str, &str)] = &[
    ("string", "the text"),
    ("integer", "the number"),
    ("floating point", "the number"),
    ("boolean ", ""),
    ("sequence", "a list"),
    ("map", "a table"),
];

/// What it calls what it expected.
const WANTED: &[(&str, &str)] = &[
    ("u", "a whole number from 0"),
    ("i", "a whole number"),
    ("f", "a number"),
    ("a boolean", "`true` or `false`"),
    ("a sequence", "a list"),
    ("a string", "a text in quotes"),
    ("path string", "a text in quotes"),
    ("struct", "a table"),
    ("a map", "a table"),
];

/// Reads a number of bytes: `500`, `10k`, `4M`, `2G`, in powers of 1,024.
pub(super) fn size(text: &str) -> Result<u64> {
    let lower = text.trim().to_lowercase();
    let lower = lower.strip_suffix("ib").or_else(|| lower.strip_suffix('b')).unwrap_or(&lower);
    let (digits, shift) = [("k", 10), ("m", 20), ("g", 30)]
        .into_iter()
        .find_map(|(unit, shift)| lower.strip_suffix(unit).map(|d| (d, shift)))
        .unwrap_or((lower, 0));
    let number = digits.trim().parse::<u64>().ok();
    let number =
        number.with_context(|| format!("`{text}` is no size\n  help: write a number with K, M or G behind it"))?;
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
    fn a_value_of_the_wrong_type_is_told_in_words() {
        for (text, words) in [
            ("threads = \"two\"", "the text \"two\" stands here, where a whole number from 0 is needed"),
            ("threads = -1", "the number `-1` stands here, where a whole number from 0 is needed"),
            ("threads = 1.5", "the number `1.5` stands here, where a whole number from 0 is needed"),
            ("only = \"x\"", "the text \"x\" stands here, where a list is needed"),
            ("only = [1]", "the number `1` stands here, where a text in quotes is needed"),
            ("no_ignore = 1", "the number `1` stands here, where `true` or `false` is needed"),
            ("confidence = true", "`true` stands here, where a text in quotes is needed"),
            ("confidence = []", "a list stands here, where a text in quotes is needed"),
            ("confidence = {}", "a table stands here, where a text in quotes is needed"),
        ] {
            let error = toml::from_str::<ScanConfig>(text).unwrap_err();
            assert_eq!(human(error.message()), words, "{text}");
        }
        for text in ["scan = 1", "rules = \"x\"", "rules = { dir = 1 }"] {
            let error = toml::from_str::<Config>(text).unwrap_err();
            let told = human(error.message());
            assert!(told.contains("a table is needed") || told.contains("a text in quotes is needed"), "{told}");
        }
        assert_eq!(human("unknown field `x`"), "unknown field `x`");
    }

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
