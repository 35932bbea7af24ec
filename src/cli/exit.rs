//! Exit codes, and how an error or a panic that ends the run is told.

use std::error::Error;
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::model::{Untrusted, system_words};
use crate::report;

/// How a run ended. The numbers are an interface: scripts and hooks depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nothing found, everything read.
    Clean = 0,
    /// Findings.
    Findings = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Something that was asked for was not read.
    Incomplete = 3,
    /// Findings, and something was not read.
    FindingsIncomplete = 4,
    /// A fault of quell's own.
    Internal = 5,
    /// An act was refused, or waits for approval.
    Refused = 6,
    /// The record of what happened does not verify.
    AuditFailed = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// Whether a scan that ended so has findings.
    #[cfg(feature = "remediate")]
    pub(super) const fn has_findings(self) -> bool {
        matches!(self, Self::Findings | Self::FindingsIncomplete)
    }

    /// Whether a scan that ended so read everything.
    #[cfg(feature = "remediate")]
    pub(super) const fn is_complete(self) -> bool {
        matches!(self, Self::Clean | Self::Findings)
    }

    /// The code for a scan that has findings that count, or gaps, or both.
    pub(super) const fn of(findings: bool, complete: bool) -> Self {
        match (findings, complete) {
            (false, true) => Self::Clean,
            (true, true) => Self::Findings,
            (false, false) => Self::Incomplete,
            (true, false) => Self::FindingsIncomplete,
        }
    }
}

/// Tells an error that ends the run on standard error: what, why, and what to do.
pub(super) fn failed(error: &anyhow::Error) -> Exit {
    let system = |e: &(dyn Error + 'static)| e.downcast_ref::<io::Error>().map(|e| (e.kind(), system_words(e)));
    if error.chain().filter_map(system).any(|(kind, _)| kind == io::ErrorKind::BrokenPipe) {
        // Whoever read our output has seen enough.
        return Exit::Clean;
    }
    let causes: Vec<String> = error.chain().map(|e| system(e).map_or_else(|| e.to_string(), |(_, why)| why)).collect();
    misused(&format!("error: {}", causes.join(": ")))
}

/// Tells wrong usage on standard error.
pub(super) fn misused(text: &str) -> Exit {
    let _ = writeln!(io::stderr(), "{}", escaped(text.trim_end()));
    Exit::Usage
}

/// Tells something beside the report on standard error.
#[cfg(feature = "remediate")]
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", escaped(text));
}

/// A line that may hold what comes from outside: nothing in it ends the line.
#[cfg(feature = "remediate")]
pub(super) fn line(text: &str) -> String {
    report::terminal(&Untrusted::from(text))
}

/// A text of our own that may quote a path or a value: each line of it passes the terminal's escaper.
pub(super) fn escaped(text: &str) -> String {
    let lines = text.split('\n').map(|line| report::terminal(&Untrusted::from(line)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Says where a panic happened, and nothing of what it says.
pub(super) fn on_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
    let _ = writeln!(
        io::stderr(),
        "error: quell itself failed at {place}\n  help: this is a fault of quell; please report it with this line"
    );
}

/// Keeps memory that holds secrets from being written to disk after a crash.
pub(super) fn no_core_dumps() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// Lets the walk hold as many directories open as the system allows.
pub(super) fn many_files() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
