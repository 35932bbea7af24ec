//! Who owns a leaked credential, who depends on it, and what breaks without it.
//!
//! [`claims`] collects who may own it, each with its source, time and strength. What the organisation's own record says
//! (`catalog`) is asserted, and confirmed where the provider's answer agrees; what a repository says (`codeowners`,
//! `backstage`, `kubernetes`, the author of a commit) is a hint, since anyone who may commit may write it, and it is read at
//! the default branch before the leak (`history`). Conflicts are kept, and nobody is an answer.
//!
//! [`answers()`] puts together what is known for the three questions, with evidence; what a hint says there may only make
//! quell more careful. [`references`] finds where code uses a credential by name.

mod answers;
pub mod backstage;
pub mod catalog;
mod claims;
pub mod codeowners;
mod compile;
mod degraded;
mod file;
mod fits;
mod history;
pub mod kubernetes;
mod names;
mod people;
mod references;
mod trees;
pub mod when;
mod window;
mod worst;
pub mod yaml;

pub use answers::answers;
pub use catalog::{Catalog, CatalogError, TEMPLATE};
pub use claims::{MOST_CLAIMS, claims, subject};
pub use fits::{Fit, fits};
pub use history::{
    Histories, History, MOST_COMMITS, RepositoryFiles, Snapshot, Told, name_of_address, repository_name,
};
pub use names::{is_specific, names_at};
pub use references::{References, references};
pub use window::Window;

use crate::model::case::Place;
use crate::model::{Identity, Untrusted};

/// What is known of a credential when its owner is asked for.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The provider's id, as rules have it.
    pub provider: &'a str,
    /// The rule's id.
    pub rule: &'a str,
    /// Whose it is, as its issuer said.
    pub identity: Option<&'a Identity>,
    /// When the issuer said so, in seconds since 1970 UTC.
    pub identity_at: i64,
    /// The recipe that asked, as `provider/name`; empty where nobody was asked.
    pub recipe: &'a str,
    /// The host that was asked, or that the credential opens, perhaps with its port; empty where none is known.
    pub host: &'a str,
    /// Names of variables that hold it.
    pub names: &'a [Untrusted],
    /// Where it stands.
    pub places: &'a [Place],
    /// Whether the name of a place's repository was proved: quell itself cloned it from there. A name that comes from a
    /// repository's own configuration is not.
    pub proved: &'a dyn Fn(&Place) -> bool,
    /// What repositories said before the leak; `&()` where none can be read.
    pub files: &'a dyn RepositoryFiles,
    /// The time, in seconds since 1970 UTC.
    pub now: i64,
    /// Whether the scan that found it left something out.
    pub gaps: bool,
}

impl std::fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked").field("rule", &self.rule).field("places", &self.places.len()).finish_non_exhaustive()
    }
}

/// A text from outside, for comparisons and for names that are put together; what is no UTF-8 in it is replaced.
fn text(value: &Untrusted) -> String {
    String::from_utf8_lossy(value.raw()).into_owned()
}
