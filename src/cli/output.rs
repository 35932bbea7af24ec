//! Writes reports where they were asked for: `--format NAME` to standard output, `--format NAME=FILE` to a file.

use std::io::{ErrorKind, IsTerminal};
use std::path::Path;

use anyhow::{Result, bail};

use super::config::word;
use super::destination::Destination;
use crate::model::{Report, system_words};
use crate::report::{self, Format, Style};

/// One `--format`.
#[derive(Debug)]
pub(super) struct Output {
    format: Format,
    to: Destination,
}

/// Reads the `--format` options, plain text on standard output where there is none, and tries every file that they name:
/// a report that cannot be written is told before the scan.
pub(super) fn parse(options: &[String]) -> Result<Vec<Output>> {
    let mut outputs: Vec<Output> = Vec::new();
    for option in options {
        let (name, file) = option.split_once('=').map_or((option.as_str(), "-"), |(name, file)| (name, file));
        let format = word("format", name, Format::ALL)?;
        let to = if file == "-" { Destination::Stdout } else { Destination::prepare(Path::new(file))? };
        match (&to, outputs.iter().any(|other| other.to.is_same(&to))) {
            (_, false) => outputs.push(Output { format, to }),
            (Destination::Stdout, true) => bail!(
                "two formats cannot share standard output\n  help: write one of them to a file, such as `--format sarif=report.sarif`"
            ),
            _ => bail!("two formats cannot share the file `{file}`\n  help: give each a file of its own"),
        }
    }
    if outputs.is_empty() {
        outputs.push(Output { format: Format::Plain, to: Destination::Stdout });
    }
    Ok(outputs)
}

/// Writes the report in every format, also where one cannot be written. Where standard output has another use or none,
/// the summary goes to standard error, for the person who waits.
pub(super) fn write(outputs: &[Output], report: &Report, show_secrets: bool, started: i64) -> Result<()> {
    let mut outcome = Ok(());
    let ended = now();
    for output in outputs {
        let color = matches!(output.to, Destination::Stdout) && color();
        let style = Style { color, show_secrets, started, ended };
        let written = output.to.write(show_secrets, |out| report::write(output.format, report, style, out));
        outcome = outcome.and(written);
    }
    if !outputs.iter().any(|o| matches!(o.to, Destination::Stdout) && o.format == Format::Plain) {
        match report::summary(report, &mut std::io::stderr().lock()) {
            Err(e) if e.kind() != ErrorKind::BrokenPipe => {
                bail!("standard error cannot be written to: {}", system_words(&e))
            }
            _ => {}
        }
    }
    outcome
}

/// The time, in seconds since 1970 UTC.
pub(super) fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

/// Year, month and day of a time, UTC.
pub(super) fn today(now: i64) -> (u16, u8, u8) {
    time::OffsetDateTime::from_unix_timestamp(now)
        .map_or((1970, 1, 1), |t| (u16::try_from(t.year()).unwrap_or(0), t.month().into(), t.day()))
}

/// Whether plain text is coloured: `NO_COLOR` and `CLICOLOR=0` say no, `CLICOLOR_FORCE` says yes, else a terminal
/// decides (no-color.org, bixense.com/clicolors).
pub(super) fn color() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0");
    if std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()) {
        return false;
    }
    let off =
        std::env::var_os("CLICOLOR").is_some_and(|v| v == "0") || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
    set("CLICOLOR_FORCE") || (!off && std::io::stdout().is_terminal())
}
