//! The parts of the trusted configuration that are about cases: where they are kept, who owns what, which policy counts, and
//! what is scanned by itself.

use std::path::PathBuf;

use serde::Deserialize;

/// `[store]`: where cases are kept, and the keys of what is kept there. The keys lie outside of it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct StoreConfig {
    /// A file, or `postgres://…`.
    pub(in crate::cli) url: Option<String>,
    /// Whether secrets are sealed in it, so that they can be asked again.
    pub(in crate::cli) seal: Option<bool>,
    /// The key that wraps the keys of cases.
    pub(in crate::cli) seal_key_file: Option<PathBuf>,
    /// OpenBao or Vault, which wraps them instead: its address, such as `https://bao.internal:8200`.
    pub(in crate::cli) transit: Option<String>,
    /// The name of the key there.
    pub(in crate::cli) transit_key: Option<String>,
    /// A file with the token for it.
    pub(in crate::cli) transit_token_file: Option<PathBuf>,
    /// For how many days a secret stays sealed.
    pub(in crate::cli) seal_days: Option<u32>,
    /// The key that signs checkpoints.
    pub(in crate::cli) checkpoint_key_file: Option<PathBuf>,
    /// A file elsewhere that every checkpoint is added to.
    pub(in crate::cli) checkpoints: Option<PathBuf>,
}

/// `[owners]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct OwnersConfig {
    /// The organisation's record of teams, people and services.
    pub(in crate::cli) file: Option<PathBuf>,
}

/// `[run]`: what `quell run` scans.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct RunConfig {
    /// Directories, `https://HOST/OWNER/REPO`, `github:OWNER[/REPO]`.
    #[serde(default)]
    pub(in crate::cli) targets: Vec<String>,
    /// How often each is scanned: `30min`, `6h`, `1d`.
    pub(in crate::cli) every: Option<String>,
    /// Whether issuers are asked.
    pub(in crate::cli) verify: Option<bool>,
}
