//! `quell deps`: who depends on a secret, by the name of its variable or by the fingerprint of a credential.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::ci::{Common, graphs, write};
use super::config::{Config, word};
use super::destination::Destination;
use super::{Exit, exit, output, scan};
use crate::model::usage::Consumers;
use crate::model::{Fingerprint, Report, Untrusted, counted};
use crate::report::consumers::table;
use crate::report::{self, Format, Style};
use crate::scan::Consumption;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name of a variable or secret, or the fingerprint of a credential.
    #[arg(value_name = "NAME|FINGERPRINT")]
    name: String,
    /// Directories and files; names are joined across all of them.
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// plain, json.
    #[arg(long, value_name = "FORMAT", default_value = "plain")]
    format: String,
    /// The map as a graph, in the place of the table or in a file: dot, svg.
    #[arg(long, value_name = "KIND[=FILE]")]
    graph: Vec<String>,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    let config = Config::load(args.common.config.as_deref())?;
    let json = word("format", &args.format, &[("plain", false), ("json", true)])?;
    let graphs = graphs(&args.graph)?;
    let started = output::now();
    let scan = args.common.scan(args.paths.clone(), Consumption::Everything)?;
    let mut report = scan::scanned(&scan, &config, None, &[])?;
    let names = names(args, &report)?;
    report.consumers = report.consumers.of(&names);
    // What is asked is who uses it: what else was found is for `quell scan`.
    report.findings.clear();
    write(&graphs, &report.consumers)?;
    if !graphs.iter().any(|(_, to)| matches!(to, Destination::Stdout)) {
        tell(&names, json, started, &report)?;
    }
    Ok(Exit::of(false, report.coverage.is_complete()))
}

/// The names that are asked for: the one that was given, or those of the variables that a credential is assigned to.
fn names(args: &Args, report: &Report) -> Result<Vec<Untrusted>> {
    let Some(print) = Fingerprint::parse(&args.name) else {
        let name = args.name.trim();
        if name.is_empty() || name.starts_with("q1-") {
            bail!(
                "`{name}` is neither a name nor a fingerprint\n  help: a fingerprint is copied whole, as `quell scan` shows it"
            );
        }
        return Ok(vec![Untrusted::from(name)]);
    };
    let Some(finding) = report.findings.iter().find(|finding| finding.fingerprint.as_ref() == Some(&print)) else {
        bail!(
            "no credential with that fingerprint stands in what was read\n  help: name the directory that it stands in, or ask by the name of its variable"
        );
    };
    #[cfg(feature = "remediate")]
    let names = super::track::Roots::of(&args.paths).names(finding);
    #[cfg(not(feature = "remediate"))]
    let names: Vec<Untrusted> = finding.leaks.iter().cloned().collect();
    if names.is_empty() {
        bail!("that credential is assigned to no variable\n  help: ask by the name that your pipelines know it by");
    }
    Ok(names)
}

fn tell(names: &[Untrusted], json: bool, started: i64, report: &Report) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let style = Style { color: output::color(), started, ended: output::now(), ..Style::default() };
    if json {
        return Ok(report::write(Format::Json, report, style, &mut out)?);
    }
    let bold = if style.color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    table(&report.consumers, bold, &mut out)?;
    let Consumers { uses, files, .. } = &report.consumers;
    if uses.is_empty() {
        let told: Vec<String> = names.iter().map(report::terminal).collect();
        let files = counted(*files, "file that could", "files that could");
        writeln!(out, "nobody uses {} in {files}", exit::line(&told.join(", ")))?;
    }
    report::coverage(report, &mut std::io::stderr().lock())?;
    Ok(())
}
