//! What decided about a place: the features of the generic rules with their points, for `quell explain`.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};

use crate::detect::Detector;
use crate::detect::score::{Feature, HIGH, MEDIUM};
use crate::model::{Confidence, Untrusted};
use crate::report::terminal;
use crate::rules::RuleSet;
use crate::scan::{Asked, asked};

/// Takes `PATH:LINE` apart, or `PATH:LINE:COLUMN` as reports write it; `None` where no such file is.
pub(super) fn place(what: &str) -> Option<(&Path, u32)> {
    let split = |text| -> Option<(&str, u32)> {
        let (head, number) = str::rsplit_once(text, ':')?;
        Some((head, number.parse().ok().filter(|n| *n > 0)?))
    };
    let (head, last) = split(what)?;
    [split(head), Some((head, last))]
        .into_iter()
        .flatten()
        .map(|(path, line)| (Path::new(path), line))
        .find(|(path, _)| path.is_file())
}

/// Writes what the generic rules make of each name and value on a line; says how many there are.
pub(super) fn write(set: &RuleSet, path: &Path, line: u32, out: &mut dyn Write) -> Result<usize> {
    let detector = Detector::new(set, |rule| rule.password && rule.fallback);
    let all = asked(&detector, path, line).with_context(|| format!("cannot read `{}`", path.display()))?;
    for one in &all {
        judgement(set, path, one, out)?;
    }
    Ok(all.len())
}

/// Writes one judgement: its place and outcome, and a feature a line.
fn judgement(set: &RuleSet, path: &Path, asked: &Asked, out: &mut dyn Write) -> io::Result<()> {
    let judged = &asked.judged;
    let rule = set.rules.get(usize::from(judged.rule)).map_or("", |rule| rule.id.as_ref());
    let shown = |bytes: &[u8]| terminal(&Untrusted::from(String::from_utf8_lossy(bytes).as_ref()));
    let (line, column) = asked.place;
    let path = shown(path.as_os_str().as_encoded_bytes());
    let value = if judged.value.is_some() { format!(" … ({} bytes)", asked.len) } else { String::new() };
    writeln!(out, "{path}:{line}:{column}  {}{value}", shown(asked.name.trim_ascii()))?;
    for Feature { name, points, phrase } in &judged.features {
        let points = if *points <= crate::detect::score::VETO { "no".to_owned() } else { format!("{points:+}") };
        writeln!(out, "  {name:<14} {points:>3}  {phrase}")?;
    }
    let rejected = judged.features.iter().find(|f| f.rejects());
    match (rejected, judged.confidence()) {
        (Some(feature), _) => writeln!(out, "  {rule}: no finding, for its {} decides alone", feature.name)?,
        (None, Some(Confidence::Low)) => {
            writeln!(
                out,
                "  {rule}: {:+}, low confidence (from {MEDIUM:+} on medium, from {HIGH:+} on high)",
                judged.sum()
            )?;
        }
        (None, Some(confidence)) => writeln!(out, "  {rule}: {:+}, {} confidence", judged.sum(), confidence.as_str())?,
        (None, None) => writeln!(out, "  {rule}: {:+}, no finding", judged.sum())?,
    }
    writeln!(out)
}
