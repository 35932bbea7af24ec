//! What decides whether the value that a name is given is a password or key that somebody wrote down: named features with
//! points, their sum, and the thresholds that the sum is held to.
//!
//! A feature is a test, its points and a phrase, in one row of a table. The first table has those that decide alone
//! ([`VETO`]): what is a reference, code, a hash or a word is no literal secret, whatever its name. They stand cheapest
//! first, and a scan stops at the first that holds; `Detector::judgements` asks for all. The points of the others are
//! added. Everything is read from the name, the value and at most `context::BACK` bytes before, so that a bounded window
//! decides (locality).

use std::ops::Range;

use super::assign::{Form, Value};
use super::chunk::Quoting;
use super::context::{self, Place};
use super::placeholder::{is_placeholder, is_reference, is_row};
use super::{literal, names, stored};
use crate::model::Confidence;

/// From this sum on a value is as good as sure.
pub const HIGH: i32 = 11;
/// From this sum on it is reported by default: a name for secrets and a value made as secrets are, and no doubt.
pub const MEDIUM: i32 = 6;
/// From this sum on, which any number of doubts leaves, it is shown at low confidence; only what decides alone is below it.
pub const LOW: i32 = -500;
/// The points of what decides alone: no other features outweigh them.
pub const VETO: i32 = -1000;
/// The points of a doubt: more than all that speaks for a value can add to [`MEDIUM`].
const DOUBT: i32 = -7;

/// Something that speaks for or against a value being a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// What it looks at, or what the value is taken for.
    pub name: &'static str,
    /// How much it says; [`VETO`] where it decides alone.
    pub points: i32,
    /// The same for a person.
    pub phrase: &'static str,
}

impl Feature {
    /// Whether it decides alone that the value is no secret.
    #[must_use]
    pub const fn rejects(&self) -> bool {
        self.points <= VETO
    }
}

/// An assignment to judge.
pub(super) struct Subject<'a> {
    /// The text that it stands in.
    pub(super) text: &'a [u8],
    /// Where the keyword stands.
    pub(super) hit: &'a Range<usize>,
    /// The whole name.
    pub(super) name: &'a [u8],
    /// How the value is written.
    pub(super) value: &'a Value,
    /// The value, and as text.
    pub(super) secret: &'a [u8],
    pub(super) shown: &'a str,
    /// Whether the name is one of passwords, which people type, and not of keys, which are random.
    pub(super) password: bool,
}

impl Subject<'_> {
    fn bare(&self) -> bool {
        self.value.quoting == Quoting::Bare
    }

    /// Whether it is a password of digits, at a name that is for nothing else.
    fn is_pin(&self) -> bool {
        self.password && names::is_sure(self.name) && !self.name.ends_with(b"pass") && literal::is_pin(self.shown)
    }

    fn compared(&self) -> bool {
        self.value.form == Form::Compared
    }

    /// In `"&password=" + x + "&"` the quote behind the name closes a string, and what follows is code.
    fn follows_string(&self) -> bool {
        let Value { quote, opened, .. } = self.value;
        let quoted = matches!(quote, b'"' | b'\'') && self.text.get(*opened) == Some(quote);
        quoted && context::place(self.text, self.hit, *opened) == Place::Text(*quote)
    }
}

/// A row of a table: the test, and the feature that it shows.
type Row = (fn(&Subject<'_>) -> bool, Feature);

const fn no(name: &'static str, phrase: &'static str) -> Feature {
    Feature { name, points: VETO, phrase }
}

const fn doubt(name: &'static str, phrase: &'static str) -> Feature {
    Feature { name, points: DOUBT, phrase }
}

const fn points(name: &'static str, points: i32, phrase: &'static str) -> Feature {
    Feature { name, points, phrase }
}

/// What is no literal secret, cheapest first.
#[rustfmt::skip]
const VETOES: [Row; 17] = [
    (|s| s.compared() && s.bare(), no("comparison", "compared with an expression, not given a value")),
    (|s| literal::is_word(s.shown), no("word", "a word of prose, of an interface or of a language")),
    (|s| is_reference(s.secret), no("reference", "refers to another place: a variable, a template, a path to a secret")),
    (|s| s.bare() && literal::is_expression(s.shown), no("code", "an expression: a call, a member, a constant, a type")),
    (|s| literal::is_path_or_address(s.shown), no("path", "a path, an address or a rate")),
    (|s| literal::is_pattern(s.shown), no("pattern", "a regular expression, a format or an elision")),
    (|s| literal::is_number_or_date(s.shown) && !s.is_pin(), no("number", "a number, a version, a date or a time")),
    (|s| stored::is_uuid(s.shown), no("uuid", "a UUID")),
    (|s| stored::is_hash(s.shown), no("hash", "a digest, or what is stored of a password: it opens nothing")),
    (|s| stored::is_encrypted(s.shown), no("encrypted", "encrypted: SOPS, Ansible Vault, a sealed secret or the like")),
    (|s| stored::is_public_key(s.shown), no("public-key", "a public key or a certificate")),
    (|s| stored::is_algorithm(s.shown), no("algorithm", "the name of an algorithm")),
    (|s| names::is_digest(s.name), no("name-hash", "its name is that of a digest, a commit or a fingerprint")),
    (|s| names::is_about(s.name), no("name-about", "its name is for something about a secret: its place, type, user, length")),
    (|s| s.value.form == Form::Called && !names::is_setter(s.name), no("call", "handed to a function that sets no secret")),
    (|s| s.follows_string(), no("concatenation", "code between two strings")),
    (|s| literal::has_blanks(s.shown), no("sentence", "has blanks: a sentence, a translation or a list")),
];

/// What adds up, cheapest first.
#[rustfmt::skip]
const POINTS: [Row; 28] = [
    (|s| names::is_sure(s.name), points("name", 3, "its name ends in a word for secrets")),
    (|s| !names::is_sure(s.name), points("name", 2, "its name has a word for secrets in it")),
    (|s| s.password && literal::is_typed(s.shown), points("structure", 4, "mixes letters with digits or signs, as passwords do")),
    (|s| !s.password && literal::is_mixed(s.shown), points("structure", 4, "mixes letters and digits, as keys do")),
    (|s| s.is_pin(), points("structure", 4, "digits that make no number anybody would count to")),
    (|s| literal::is_lettered(s.password, s.shown), points("structure", 4, "letters that make no words of any language")),
    (|s| !literal::is_structured(s.password, s.shown), points("structure", -4, "made as words and names are, not as secrets")),
    (|s| literal::has_foreign(s.password, s.shown), doubt("alphabet", "has characters that such secrets do not have")),
    (|s| !s.password && literal::is_short_key(s.name, s.shown), doubt("length", "shorter than keys are")),
    (|s| s.password && literal::is_short(s.shown), doubt("length", "shorter than passwords are that are not made of random letters")),
    (|s| s.shown.len() >= literal::LONG, points("length", 1, "as long as generated keys are")),
    (|s| literal::is_low(s.password, s.shown), doubt("entropy", "its characters repeat more than those of secrets")),
    (|s| s.value.quoting == Quoting::Quoted, points("format", 1, "written between quotes or tags: a literal")),
    (|s| s.bare() && names::is_variable(s.name), points("format", 1, "given to a variable of the environment")),
    (|s| s.compared() && !s.password && s.shown.len() < literal::MIN_COMPARED, doubt("comparison", "short, and compared with: a test value")),
    (|s| s.value.form == Form::Beside && !names::is_variable(s.name) && literal::is_loose(s.password, s.shown), doubt("list", "letters beside other strings: a list of words")),
    (|s| literal::is_phrase(s.shown), doubt("phrase", "a phrase of words that are joined")),
    (|s| literal::is_label(s.name, s.shown), doubt("translation", "a word with a capital, as labels and translations are")),
    (|s| literal::is_mail(s.shown), doubt("mail", "an address of mail")),
    (|s| is_row(s.secret), doubt("row", "made of ascending rows, as `abc123`, or of one stretch again and again")),
    (|s| literal::is_stock(s.shown), doubt("stock", "a password of documentation and development set-ups")),
    (|s| literal::repeats(s.name, s.shown), doubt("repetition", "says no more than its name does")),
    (|s| literal::is_rich(s.shown), points("entropy", 1, "its characters hardly repeat")),
    (|s| literal::looks_like_identifier(s.password, s.shown), doubt("identifier", "words that are joined: a name, a type, a phrase")),
    (|s| is_placeholder(s.secret), doubt("placeholder", "stands for another value: a run, a row, or a word such as `example`")),
    (|s| context::beside_login(s.text, s.hit), points("neighbours", 2, "beside a user, an account or a host")),
    (|s| context::beside_test(s.text, s.hit), points("neighbours", -2, "behind a word of tests or examples on its line")),
    (|s| literal::encodes_words(s.shown), doubt("encoding", "base64 of words, or of a stock password")),
];

/// A row of the table of what is read from a value alone.
type Written = (fn(&str) -> bool, Feature);

/// What the generic patterns, which read no name, ask of a value besides.
#[rustfmt::skip]
const WRITTEN: [Written; 9] = [
    (stored::is_uuid, no("uuid", "a UUID")),
    (stored::is_hash, no("hash", "a digest, or what is stored of a password: it opens nothing")),
    (stored::is_encrypted, no("encrypted", "encrypted: SOPS, Ansible Vault, a sealed secret or the like")),
    (stored::is_public_key, no("public-key", "a public key or a certificate")),
    (stored::is_algorithm, no("algorithm", "the name of an algorithm")),
    (literal::is_mail, doubt("mail", "an address of mail")),
    (literal::is_phrase, doubt("phrase", "a phrase of words that are joined")),
    (literal::is_stock, doubt("stock", "a password of documentation and development set-ups")),
    (literal::encodes_words, doubt("encoding", "base64 of words, or of a stock password")),
];

/// What a value that a generic pattern matched is taken for.
pub(super) fn written(shown: &str) -> impl Iterator<Item = Feature> + use<'_> {
    WRITTEN.iter().filter(|(holds, _)| holds(shown)).map(|(_, feature)| *feature)
}

/// What a pattern that is for passwords alone says of what it matched.
pub(super) const FITS: Feature = points("pattern", HIGH, "stands where the rule's pattern has the password");
/// A user's password in a URL that is too short to be one.
pub(super) const SHORT: Feature = doubt("length", "shorter than passwords are");
/// A login of documentation and development set-ups.
pub(super) const STOCK: Feature = doubt("stock", "a login of documentation and development set-ups");
/// See [`is_placeholder`].
pub(super) const PLACEHOLDER: Feature = doubt("placeholder", "stands for another value, as `xxxx` or `example` does");
/// See [`is_reference`].
pub(super) const REFERENCE: Feature = no("reference", "refers to another place: a variable, a template");

/// A value that is no text.
pub(super) const BINARY: Feature = no("binary", "no text");

/// Judges an assignment; `None` where it gives no literal secret.
pub(super) fn judge(subject: &Subject<'_>) -> Option<Confidence> {
    if VETOES.iter().any(|(holds, _)| holds(subject)) {
        return None;
    }
    let (mut sum, mut ahead) = (0, MOST);
    for (holds, feature) in &POINTS {
        ahead -= feature.points.max(0);
        sum += if holds(subject) { feature.points } else { 0 };
        // Most values that are no references are plain, and nothing that is left can make up for it.
        if sum + ahead < MEDIUM {
            return Some(Confidence::Low);
        }
    }
    confidence(sum)
}

/// No sum is higher.
const MOST: i32 = most();

#[expect(clippy::indexing_slicing, reason = "computed at compile time, where a panic is an error")]
const fn most() -> i32 {
    let (mut sum, mut row) = (0, 0);
    while row < POINTS.len() {
        let points = POINTS[row].1.points;
        sum += if points > 0 { points } else { 0 };
        row += 1;
    }
    sum
}

/// Every feature of an assignment, those that reject it first.
pub(super) fn features(subject: &Subject<'_>) -> Vec<Feature> {
    VETOES.iter().chain(&POINTS).filter(|(holds, _)| holds(subject)).map(|(_, feature)| *feature).collect()
}

/// What a sum of points says; `None` where it rejects.
#[must_use]
pub const fn confidence(sum: i32) -> Option<Confidence> {
    match sum {
        HIGH.. => Some(Confidence::High),
        MEDIUM.. => Some(Confidence::Medium),
        LOW.. => Some(Confidence::Low),
        _ => None,
    }
}
