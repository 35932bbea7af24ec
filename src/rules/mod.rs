//! Rules as data: one TOML file a provider, read, linted and turned into the tables that detection runs on.
//!
//! `schema` is the format; `load` reads files and says what is wrong with them, with file and line; `lint`
//! holds what a rule must keep; `recipe` is the format of recipes, and `recipe_lint` what they must keep; `compile` makes the
//! [`RuleSet`], whose keyword index (`grams`, by `anchors` and `rates`), byte classes (`classes`) and rows of steps (`steps`)
//! the matcher uses; `texts` keeps the start short. The same code runs in `build.rs` for the embedded set (`embedded`) and at
//! run time for `--rules DIR`.

mod anchors;
pub mod aws_account;
pub mod checksum;
pub mod classes;
pub mod compile;
pub mod embedded;
pub mod error;
pub mod grams;
pub mod lint;
pub mod load;
mod rates;
pub mod recipe;
pub mod recipe_lint;
pub mod schema;
pub mod shape;
pub mod steps;
pub mod template;
pub mod texts;

pub use aws_account::aws_account;
pub use checksum::Checksum;
pub use compile::{CompanionRef, Decoder, Provider, Rule, RuleSet, Within};
pub use error::RuleError;
pub use grams::KeywordIndex;
pub use recipe::{Recipes, VerifyDecl};
pub use shape::Shape;
pub use texts::Texts;
