//! Writes reports where they were asked for: `--format NAME` to standard output, `--format NAME=FILE` to a file.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::config::word;
use crate::model::Report;
use crate::report::{self, Format, Style};

/// One `--format`.
#[derive(Debug)]
pub(super) struct Output {
    format: Format,
    file: Option<PathBuf>,
}

/// Reads the `--format` options; plain text on standard output where there is none.
pub(super) fn parse(options: &[String]) -> Result<Vec<Output>> {
    let mut outputs = Vec::new();
    for option in options {
        let (name, file) = option.split_once('=').map_or((option.as_str(), None), |(n, f)| (n, Some(PathBuf::from(f))));
        let format = word("format", name, Format::ALL)?;
        outputs.push(Output { format, file: file.filter(|f| f.as_os_str() != "-") });
    }
    if outputs.is_empty() {
        outputs.push(Output { format: Format::Plain, file: None });
    }
    if outputs.iter().filter(|o| o.file.is_none()).count() > 1 {
        bail!(
            "two formats cannot share standard output\n  help: write one of them to a file, such as `--format sarif=report.sarif`"
        );
    }
    Ok(outputs)
}

/// Writes the report in every format. Where standard output has another use or none, the summary goes to standard
/// error, for the person who waits.
pub(super) fn write(outputs: &[Output], report: &Report, show_secrets: bool) -> Result<()> {
    for output in outputs {
        match &output.file {
            Some(path) => {
                let file =
                    File::create(path).with_context(|| format!("the report `{}` cannot be written", path.display()))?;
                let mut out = BufWriter::new(file);
                report::write(output.format, report, Style { color: false, show_secrets }, &mut out)
                    .and_then(|()| out.flush())
                    .with_context(|| format!("the report `{}` cannot be written", path.display()))?;
            }
            None => {
                let style = Style { color: color(), show_secrets };
                let mut out = BufWriter::new(std::io::stdout().lock());
                report::write(output.format, report, style, &mut out)
                    .and_then(|()| out.flush())
                    .context("standard output cannot be written to")?;
            }
        }
    }
    if !outputs.iter().any(|o| o.file.is_none() && o.format == Format::Plain) {
        report::summary(report, &mut std::io::stderr().lock()).context("standard error cannot be written to")?;
    }
    Ok(())
}

/// Whether plain text is coloured: `NO_COLOR` and `CLICOLOR=0` say no, `CLICOLOR_FORCE` says yes, else a terminal
/// decides (no-color.org, bixense.com/clicolors).
fn color() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0");
    if std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()) {
        return false;
    }
    let off =
        std::env::var_os("CLICOLOR").is_some_and(|v| v == "0") || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
    set("CLICOLOR_FORCE") || (!off && std::io::stdout().is_terminal())
}
