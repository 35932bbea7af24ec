//! `quell explain`: a rule, a finding by its fingerprint, or a line of a file: why something there is or is no finding.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::config::Config;
use super::exit::escaped;
use super::verification::{self, Verification};
use super::{Exit, features, rules, scan};
use crate::model::{Confidence, Finding, Fingerprint, Part, Report, nearest};
use crate::report::{self, Style};
use crate::rules::RuleSet;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A rule's id, a finding's fingerprint, or PATH:LINE.
    what: String,
    /// Where the finding is looked for.
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// A directory of rule files, added to the embedded rules.
    #[arg(long, value_name = "DIR", env = "QUELL_RULES")]
    rules: Option<PathBuf>,
    /// The configuration to use instead of the user's.
    #[arg(long, value_name = "FILE", env = "QUELL_CONFIG")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    let config = Config::load(args.config.as_deref())?;
    let set = scan::rules(args.rules.as_deref().or(config.rules.dir.as_deref()))?;
    let mut out = std::io::stdout().lock();
    if let Some(rule) = set.rule(&args.what) {
        rules::describe(&set, rule, &mut out)?;
        return Ok(Exit::Clean);
    }
    if let Some((path, line)) = features::place(&args.what) {
        return place(args, &config, &set, path, line, &mut out);
    }
    let Some(fingerprint) = Fingerprint::parse(&args.what) else {
        let near = nearest(&args.what, set.rules.iter().map(|r| r.id.as_ref()))
            .map_or_else(|| "see `quell rules list`".to_owned(), |n| format!("did you mean `{n}`?"));
        bail!("`{}` is neither a rule nor a fingerprint, nor the PATH:LINE of a file\n  help: {near}", args.what);
    };
    let mut report = scanned(args, &config, args.paths.clone())?;
    // What an earlier run was told; nothing is asked here.
    let offline = verification::Args { offline: true, ..verification::Args::default() };
    Verification::new(&offline, &config, &set, None, false)?.run(&set, &mut report)?;
    for finding in &mut report.findings {
        finding.verification = finding.verification.take().filter(|v| v.cached);
    }
    report.findings.retain(|f| f.fingerprint.as_ref() == Some(&fingerprint));
    let Some(finding) = report.findings.first() else {
        bail!(
            "no finding in what was scanned has the fingerprint {}\n  help: name the path that it was found in, and use the same fingerprint key",
            fingerprint.as_str()
        );
    };
    let rule = set.rule(&finding.kind.rule).cloned();
    let first = judged_place(&set, finding);
    let answers: Vec<String> =
        report.findings.iter().filter_map(|f| f.verification.as_ref()).map(|v| v.answer.clone()).collect();
    let shown = Report { findings: report.findings, ..Report::default() };
    report::findings(&shown, Style::default(), &mut out)?;
    for answer in answers {
        writeln!(out, "  last answer  {}\n", escaped(&answer))?;
    }
    if let Some((path, line)) = first {
        // The file may have gone since it was scanned.
        let _ = features::write(&set, &path, line, &mut out);
    }
    if let Some(rule) = rule {
        rules::describe(&set, &rule, &mut out)?;
    }
    out.flush()?;
    Ok(Exit::Clean)
}

/// Scans at the lowest confidence.
fn scanned(args: &Args, config: &Config, paths: Vec<PathBuf>) -> Result<Report> {
    let options = scan::Args {
        paths,
        rules: args.rules.clone(),
        config: args.config.clone(),
        confidence: Some(Confidence::Low.as_str().to_owned()),
        ..scan::Args::default()
    };
    scan::scanned(&options, config, None, &[])
}

/// The first place of a finding of a generic rule that lies in a file of today.
fn judged_place(set: &RuleSet, finding: &Finding) -> Option<(PathBuf, u32)> {
    set.rule(&finding.kind.rule).filter(|rule| rule.password && rule.fallback)?;
    let in_file =
        finding.locations.iter().find(|l| l.part == Part::File && l.commit.is_none() && l.history.is_none())?;
    Some((PathBuf::from(String::from_utf8(in_file.path.raw().to_vec()).ok()?), in_file.line))
}

/// Writes the findings of a line at any confidence, and what the generic rules make of its names and values.
fn place(args: &Args, config: &Config, set: &RuleSet, path: &Path, line: u32, out: &mut dyn Write) -> Result<Exit> {
    let mut report = scanned(args, config, vec![path.to_path_buf()])?;
    report.findings.retain(|f| f.locations.iter().any(|l| (l.line..=l.end_line).contains(&line)));
    for finding in &mut report.findings {
        finding.locations.retain(|l| (l.line..=l.end_line).contains(&line));
    }
    let none = report.findings.is_empty();
    report::findings(&Report { findings: report.findings, ..Report::default() }, Style::default(), out)?;
    if features::write(set, path, line, out)? == 0 && none {
        writeln!(out, "nothing on line {line} of {} looks like a secret to any rule", path.display())?;
    }
    out.flush()?;
    Ok(Exit::Clean)
}
