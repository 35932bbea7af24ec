//! The words that every layer shares: plain data, without input or output and without a clock.
//!
//! A [`Finding`] is one credential with every place it was found in. The bytes of a credential are
//! held in a [`Secret`], which cannot be printed; what leaves the program is a [`Redacted`] form and a
//! [`Fingerprint`]. What a scan could not read is said in a [`Coverage`].
//!
//! A tracked finding becomes a [`case::Case`]: a fold over [`event::Event`]s. `owner`, `answers` and `decision` are what is
//! known and decided about it, `principal` is who acts, `action` what can be done.

pub mod action;
pub mod answers;
pub mod canonical;
pub mod case;
mod clock;
mod commit;
mod coverage;
pub mod decision;
pub mod document;
pub mod event;
mod finding;
mod fingerprint;
mod history;
mod level;
mod object;
pub mod owner;
pub mod principal;
mod report;
mod secret;
mod suggest;
mod suppression;
mod told;
mod untrusted;
pub mod usage;
mod verdict;

pub use clock::Clock;
pub use commit::CommitRef;
pub use coverage::{Coverage, Gap, GapKind, Notice, SkipReason, Skipped};
pub use finding::{Companion, Fact, Finding, Kind, Location};
pub use fingerprint::{Fingerprint, FingerprintInput, FingerprintKey, KeyError, Salt};
pub use history::{InHistory, Part, Presence};
pub use level::{Confidence, Severity};
pub use object::ObjectId;
pub use report::Report;
pub use secret::{Quotes, Redacted, Secret};
pub use suggest::{nearest, unknown_key_help};
pub use suppression::{Suppressed, SuppressionSource};
pub use told::{counted, root_cause, system_words};
pub use untrusted::Untrusted;
pub use verdict::{Identity, Verdict, Verification, Why};
