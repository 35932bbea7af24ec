//! What people write about a case holds no secret: it is kept for good, and shown.

use std::io::{Cursor, Read};

use anyhow::{Context, Result, bail};

use super::output;
use crate::model::{Confidence, FingerprintKey};
use crate::rules::embedded::embedded;
use crate::scan::{MAX_MATCHES, Markers, Progress, ScanOptions, Target, scan};
use crate::sources::{Options, PathFilter};

/// The longest text that is read from standard input.
const MOST: u64 = 64 << 10;

/// A text as it was given; `-` reads it from standard input, where nobody else on the machine sees it.
pub(super) fn text(given: &str) -> Result<String> {
    let mut text = given.to_owned();
    if given == "-" {
        text.clear();
        let read = std::io::stdin().take(MOST).read_to_string(&mut text);
        read.context("standard input cannot be read as text")?;
    }
    check(&text)?;
    Ok(text)
}

/// That a text holds nothing that looks like a secret.
pub(super) fn check(text: &str) -> Result<()> {
    let options = ScanOptions {
        rules: embedded(),
        enable: &|_| true,
        confidence: Confidence::Medium,
        key: &FingerprintKey::open()?,
        threads: 1,
        now: output::now(),
        max_matches: MAX_MATCHES,
        markers: Markers::Refused,
        walk: Options { ignored_too: true, filter: PathFilter::new(&[], &[])?, max_file_size: None },
        consumers: crate::scan::Consumption::Nothing,
    };
    let stream = Target::Stream(Box::new(Cursor::new(text.as_bytes().to_vec())), "the text".into());
    let report = scan(vec![stream], &options, &Progress::default());
    if let Some(finding) = report.findings.first() {
        bail!(
            "the text holds a secret ({} {})\n  help: leave it out: what is written here is kept for good, and shown",
            finding.kind.title,
            finding.redacted()
        );
    }
    Ok(())
}
