//! `quell explain`: a rule, or a finding by its fingerprint.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::config::Config;
use super::{Exit, rules, scan};
use crate::model::{Fingerprint, Report, nearest};
use crate::report::{self, Style};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A rule's id, or a finding's fingerprint.
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
    let Some(fingerprint) = Fingerprint::parse(&args.what) else {
        let near = nearest(&args.what, set.rules.iter().map(|r| r.id.as_ref()))
            .map_or_else(|| "see `quell rules list`".to_owned(), |n| format!("did you mean `{n}`?"));
        bail!("`{}` is neither a rule nor a fingerprint\n  help: {near}", args.what);
    };
    let options = scan::Args {
        paths: args.paths.clone(),
        rules: args.rules.clone(),
        confidence: Some("low".to_owned()),
        ..scan::Args::default()
    };
    let mut report = scan::scanned(&options, &config, None, &[])?;
    report.findings.retain(|f| f.fingerprint.as_ref() == Some(&fingerprint));
    let Some(finding) = report.findings.first() else {
        bail!(
            "no finding in what was scanned has the fingerprint {}\n  help: name the path that it was found in, and use the same fingerprint key",
            fingerprint.as_str()
        );
    };
    let rule = set.rule(&finding.kind.rule).cloned();
    let shown = Report { findings: report.findings, ..Report::default() };
    report::findings(&shown, Style::default(), &mut out)?;
    if let Some(rule) = rule {
        rules::describe(&set, &rule, &mut out)?;
    }
    out.flush()?;
    Ok(Exit::Clean)
}
