//! `quell store`: backups, keys and erasure of the store of cases.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::case::{Common, number, say};
use super::config::Config;
use super::desk::{self, Bare, Desk};
use super::{Exit, exit, state};
use crate::ledger::{KeyWrapper, Options, Store};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Say where the store is, what it holds, and where its keys lie.
    Info,
    /// Write a copy of the whole store into a new file, while it is in use.
    Backup {
        /// The file; it must not be there yet.
        file: PathBuf,
    },
    /// Put a backup in place of a store that is gone; an export (`quell audit export`) is read into a new store.
    Restore {
        /// The backup, or the export.
        file: PathBuf,
    },
    /// Make what is shown anew from the events.
    Rebuild {
        /// Only say what would differ.
        #[arg(long)]
        check: bool,
    },
    /// Wrap the keys of all cases with a new key.
    RotateKey {
        /// The file with the new key, made where it is not there.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Erase the sealed secret of a case, and the key that it was sealed with.
    Erase {
        /// The case.
        case: String,
        /// Why.
        #[arg(long, value_name = "WHY")]
        reason: String,
    },
    /// Erase every sealed secret whose time is over.
    Expire,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    let config = Config::load(args.common.config.as_deref())?;
    match &args.verb {
        Verb::Restore { file } => return restore(file, &config, args),
        Verb::Rebuild { check } => return rebuild(*check, &config, args),
        _ => {}
    }
    let desk = Desk::open(&args.common.desk, &config, false)?;
    desk::ended(verb(&args.verb, &config, &desk))
}

fn verb(verb: &Verb, config: &Config, desk: &Desk) -> Result<Exit> {
    let store = &desk.store;
    match verb {
        Verb::Info => info(config, desk)?,
        Verb::Backup { file } => {
            desk.done(desk.orchestrator().may_read())?;
            desk.wait(store.backup(file)).map_err(desk::told)?;
            say(&format!("{} is a copy of the store; keep the keys with another copy, elsewhere", file.display()))?;
        }
        Verb::RotateKey { to } => {
            desk.done(desk.orchestrator().may_administer())?;
            let old = desk::wrapper(config, false)?.context("nothing is sealed: [store] says `seal = false`")?;
            let key = state::key(to, true)?.context("the new key cannot be made")?;
            let cases = desk.wait(store.rewrap(&*old, &KeyWrapper::new(key))).map_err(desk::told)?;
            say(&format!(
                "{cases} cases have new wrapping; name `{}` as seal_key_file under [store], then remove the old key",
                to.display()
            ))?;
        }
        Verb::Erase { case, reason } => {
            let number = number(case, desk)?;
            desk.done(desk.orchestrator().erase(number, reason))?;
            say(&format!("the secret of {number} is erased; its case stays"))?;
        }
        Verb::Expire => {
            desk.done(desk.orchestrator().may_administer())?;
            let cases = desk.wait(store.expire()).map_err(desk::told)?;
            say(&format!("{} erased", cases.len()))?;
        }
        Verb::Restore { .. } | Verb::Rebuild { .. } => bail!("a store that is open is not restored"),
    }
    Ok(Exit::Clean)
}

fn info(config: &Config, desk: &Desk) -> Result<()> {
    let counts = desk.wait(desk.store.counts()).map_err(desk::told)?;
    let (head, hash) = desk.wait(desk.store.head()).map_err(desk::told)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "store       {}", exit::line(&desk.store.address().to_string()))?;
    writeln!(out, "name        {}", desk.store.id())?;
    let of =
        |open: bool| counts.cases.iter().filter(|(stage, _)| !open || stage.is_open()).map(|(_, n)| n).sum::<i64>();
    writeln!(out, "cases       {} open, {} in all", of(true), of(false))?;
    writeln!(out, "events      {head}, the last {hash}")?;
    writeln!(out, "checkpoints signed by {}", desk.store.checkpoint_key())?;
    match desk::wrapper(config, false) {
        Ok(Some(wrapper)) => writeln!(out, "sealed by   {}", exit::line(&wrapper.id()))?,
        Ok(None) => writeln!(out, "sealed by   nothing: secrets are read again from where they stand")?,
        Err(error) => writeln!(out, "sealed by   {}", exit::line(&error.to_string()))?,
    }
    Ok(())
}

/// Makes what is shown anew from the events, whatever has become of it. Nobody's word is needed for what follows from them.
fn rebuild(check: bool, config: &Config, args: &Args) -> Result<Exit> {
    let bare = Bare::open(&args.common.desk, config)?;
    let differences = bare.wait(bare.store.rebuild(check)).map_err(desk::told)?;
    for difference in &differences {
        say(&difference.to_string())?;
    }
    say(&format!("{} {}", differences.len(), if check { "differ" } else { "were put right" }))?;
    Ok(if check && !differences.is_empty() { Exit::AuditFailed } else { Exit::Clean })
}

/// Whether a file is an export: lines of JSON, where a backup is a database.
fn is_export(file: &std::path::Path) -> Result<bool> {
    use std::io::Read as _;
    let mut first = [0; 1];
    let read = std::fs::File::open(file).and_then(|mut open| open.read(&mut first));
    let failed = |e| anyhow::anyhow!("`{}` cannot be read: {}", file.display(), crate::model::system_words(&e));
    Ok(read.map_err(failed)? == 1 && first == *b"{")
}

/// Puts a backup or an export in place of a store that is gone.
fn restore(file: &std::path::Path, config: &Config, args: &Args) -> Result<Exit> {
    let address = desk::address(&args.common.desk, config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let kept = super::audit::kept(config.store.checkpoints.as_deref())?;
    let key = desk::checkpoint_key(config, false)?.map(|key| key.public_hex());
    let events = if is_export(file)? {
        let open = std::fs::File::open(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
        let mut lines = std::io::BufReader::new(open);
        let import = Store::import(&address, Options::default(), &mut lines, &kept, key.as_deref());
        let store = runtime.block_on(import).map_err(desk::told)?;
        runtime.block_on(store.head()).map_err(desk::told)?.0
    } else {
        let restored = Store::restore(file, &address, Options::default(), &kept, key.as_deref());
        runtime.block_on(restored).map_err(desk::told)?.events
    };
    say(&format!("{address} has {events} events again, and they verify"))?;
    Ok(Exit::Clean)
}
