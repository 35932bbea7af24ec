//! Exit codes, and how an error that ends the run is told.

use std::io::Write;
use std::process::ExitCode;

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
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Tells an error that ends the run on standard error: what, why, and what to do.
pub(super) fn report(error: &anyhow::Error) -> Exit {
    let closed = error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe);
    if closed {
        // Whoever read our output has seen enough.
        return Exit::Clean;
    }
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "error: {error:#}");
    Exit::Usage
}
