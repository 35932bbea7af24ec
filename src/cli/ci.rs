//! `quell ci`: which pipelines consume which secret, and through which doors it leaks there.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::config::{Config, word};
use super::destination::Destination;
use super::scan::{self, FAIL_ON, FailOn};
use super::{Exit, output};
use crate::model::usage::Consumers;
use crate::report::consumers::{Drawing, draw};
use crate::scan::Consumption;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directories and files.
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// A format, perhaps with a file: plain, json, jsonl, sarif, csv, junit, gitlab, github, markdown, html. May be given
    /// several times.
    #[arg(long, value_name = "FORMAT[=FILE]")]
    format: Vec<String>,
    /// The map as a graph, in the place of the report or in a file: dot, svg.
    #[arg(long, value_name = "KIND[=FILE]")]
    graph: Vec<String>,
    /// Which findings fail the run: any, none [default: any].
    #[arg(long, value_name = "WHICH", env = "QUELL_FAIL_ON")]
    fail_on: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// What `ci` and `deps` have in common.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// Report findings of this confidence and above: low, medium, high [default: medium].
    #[arg(long, value_name = "LEVEL", env = "QUELL_CONFIDENCE")]
    confidence: Option<String>,
    /// Read only files that match, as in an ignore file.
    #[arg(long, value_name = "GLOB")]
    include_path: Vec<String>,
    /// Leave out files and directories that match, as in an ignore file.
    #[arg(long, value_name = "GLOB")]
    exclude_path: Vec<String>,
    /// In a git repository, read ignored files too.
    #[arg(long)]
    no_ignore: bool,
    /// Refuse the suppressions that stand in the target.
    #[arg(long)]
    no_target_ignores: bool,
    /// Threads [default: one for each processor].
    #[arg(long, value_name = "N", env = "QUELL_THREADS")]
    threads: Option<usize>,
    /// A directory of rule files, added to the embedded rules.
    #[arg(long, value_name = "DIR", env = "QUELL_RULES")]
    rules: Option<PathBuf>,
    /// The configuration to use instead of the user's.
    #[arg(long, value_name = "FILE", env = "QUELL_CONFIG")]
    pub(super) config: Option<PathBuf>,
}

impl Common {
    /// A scan that asks who uses what.
    pub(super) fn scan(&self, paths: Vec<PathBuf>, consumers: Consumption) -> Result<scan::Args> {
        if let Some(path) = paths.iter().find(|path| path.as_os_str() == "-") {
            bail!(
                "`{}` is standard input, which has no path to tell its kind by\n  help: name a directory or a file",
                path.display()
            );
        }
        Ok(scan::Args {
            paths,
            confidence: self.confidence.clone(),
            include_path: self.include_path.clone(),
            exclude_path: self.exclude_path.clone(),
            no_ignore: self.no_ignore,
            no_target_ignores: self.no_target_ignores,
            threads: self.threads,
            rules: self.rules.clone(),
            config: self.config.clone(),
            consumers,
            ..scan::Args::default()
        })
    }
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    let config = Config::load(args.common.config.as_deref())?;
    let fail_on = word("kind of findings", args.fail_on.as_deref().unwrap_or("any"), FAIL_ON)?;
    if fail_on == FailOn::Live {
        bail!("nobody is asked here whether a secret works\n  help: `quell scan --verify --fail-on live` asks");
    }
    let graphs = graphs(&args.graph)?;
    let drawn = graphs.iter().any(|(_, to)| matches!(to, Destination::Stdout));
    let outputs = if drawn && args.format.is_empty() { Vec::new() } else { output::parse(&args.format)? };
    if drawn && !outputs.is_empty() {
        bail!(
            "a graph and a report cannot share standard output\n  help: write one of them to a file, such as `--graph svg=ci.svg`"
        );
    }
    let started = output::now();
    let scan = args.common.scan(args.paths.clone(), Consumption::Pipelines)?;
    let mut report = scan::scanned(&scan, &config, None, &[])?;
    write(&graphs, &report.consumers)?;
    scan::finish(&outputs, false, fail_on, started, &mut report)
}

/// Reads the `--graph` options, and tries every file that they name.
pub(super) fn graphs(options: &[String]) -> Result<Vec<(Drawing, Destination)>> {
    let mut all: Vec<(Drawing, Destination)> = Vec::new();
    for option in options {
        let (name, file) = option.split_once('=').map_or((option.as_str(), "-"), |(name, file)| (name, file));
        let drawing = word("kind of graph", name, Drawing::ALL)?;
        let to = if file == "-" { Destination::Stdout } else { Destination::prepare(Path::new(file))? };
        if all.iter().any(|(_, other)| other.is_same(&to)) {
            bail!("two graphs cannot share a place\n  help: give each a file of its own, such as `--graph svg=ci.svg`");
        }
        all.push((drawing, to));
    }
    Ok(all)
}

/// Draws the map where it was asked for.
pub(super) fn write(graphs: &[(Drawing, Destination)], consumers: &Consumers) -> Result<()> {
    graphs.iter().try_for_each(|(drawing, to)| to.write(false, |out| draw(consumers, *drawing, out)))
}
