//! How right a rule is by people's judgements of its findings, where there is a store of cases. Nothing is made for this, and a
//! rule is shown without it where nothing can be read.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::cli::config::Config;
use crate::cli::{desk, exit};
use crate::ledger::{Judged, LedgerError, Options, Store};

/// The store that judgements are read from.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The store of cases, for the rule's measured precision: a file, or postgres://… [default: quell.db in the state folder].
    #[arg(long, value_name = "STORE", env = "QUELL_STORE", hide_env_values = true, help_heading = "Cases")]
    store: Option<String>,
    /// The configuration to use instead of the user's.
    #[arg(long, value_name = "FILE", env = "QUELL_CONFIG", help_heading = "Cases")]
    config: Option<PathBuf>,
}

/// Writes what people judged of a rule's findings; nothing where there is no store or nothing was judged.
pub(super) fn write(rule: &str, args: &Args, out: &mut dyn Write) -> Result<()> {
    match judged(rule, args) {
        Ok(Some(judged)) => Ok(told(rule, &judged, out)?),
        Ok(None) => Ok(()),
        Err(error) => {
            exit::say(&format!("warning: how people judged its findings is not known: {error}"));
            Ok(())
        }
    }
}

/// What the store has; `None` where there is no store.
fn judged(rule: &str, args: &Args) -> Result<Option<Judged>> {
    let config = Config::load(args.config.as_deref())?;
    let named = desk::Args { store: args.store.clone(), as_kind: None };
    // Without a place for a store there is none.
    let Ok(address) = desk::address(&named, &config) else { return Ok(None) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let store = match runtime.block_on(Store::open(&address, Options::default())) {
        Err(LedgerError::NotMade(_)) => return Ok(None),
        other => other.map_err(desk::told)?,
    };
    runtime.block_on(store.judged(rule)).map(Some).map_err(desk::told)
}

fn told(rule: &str, judged: &Judged, out: &mut dyn Write) -> std::io::Result<()> {
    if *judged == Judged::default() {
        return Ok(());
    }
    let mut line = |name: &str, text: &str| writeln!(out, "{name:<12} {text}");
    let Judged { real, none, test } = judged;
    line("judged", &format!("{real} true, {none} false, {test} test"))?;
    let Some(precision) = judged.precision() else { return Ok(()) };
    let [share, low, high] = [precision.share, precision.low, precision.high].map(|part| part * 100.0);
    line("precision", &format!("{share:.1} % (95 % interval {low:.1} to {high:.1} %)"))?;
    if judged.is_imprecise() {
        line("", "measured imprecise: most of its findings here are no credentials, and nothing changes by itself:")?;
        let out_of = format!("leave it out with `quell scan --exclude {rule}`");
        line("", &format!("suppress them in .quell.toml with a reason, {out_of}, or tune a rule of your own"))?;
    }
    Ok(())
}
