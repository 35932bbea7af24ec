//! The `quell` command: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    quell::cli::run(std::env::args_os()).into()
}
