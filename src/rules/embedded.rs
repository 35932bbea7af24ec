//! The rule set that is compiled into the binary, written by `build.rs`.

use std::borrow::Cow;

use super::checksum::Checksum;
use super::compile::{CompanionRef, Decoder, Provider, Rule, RuleSet, Within};
use super::grams::{Entry, Keyword, KeywordIndex};
use super::shape::Shape;
use super::steps::{Row, Step, StepGroup};
use super::texts::Texts;
use crate::model::{Confidence, Severity};

static EMBEDDED: RuleSet = include!(concat!(env!("OUT_DIR"), "/ruleset.rs"));

/// The embedded rules: constants, ready to run.
#[must_use]
pub fn embedded() -> &'static RuleSet {
    &EMBEDDED
}
