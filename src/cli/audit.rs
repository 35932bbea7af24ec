//! `quell audit`: that the record of what happened is whole, and copies of it for whoever has to check it elsewhere.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::case::{Common, evidence, say};
use super::config::Config;
use super::desk::{Bare, Desk};
use super::destination::Destination;
use super::{Exit, desk, exit};
use crate::ledger::{Checkpoint, Verified, verify_export, verify_pack};
use crate::model::{counted, system_words};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Check every event, signature and checkpoint, and that what is shown follows from them.
    Verify(VerifyArgs),
    /// Write every event with its hashes, a line each: `quell audit verify --export FILE` checks it anywhere.
    Export {
        /// The file; standard output where absent.
        file: Option<PathBuf>,
    },
    /// Sign where the record ends now, and print that: keep it where whoever may write to the store cannot.
    Checkpoint,
}

#[derive(Debug, clap::Args)]
struct VerifyArgs {
    /// A file of checkpoints that were kept elsewhere: with them, a record that was cut short is seen.
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
    /// The public key that checkpoints must be signed with, as it was kept elsewhere.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Check an export instead of the store.
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Check the evidence of one case, as `quell case export` wrote it, instead of the store.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["export", "checkpoints"])]
    pack: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    desk::ended(audit(args))
}

fn audit(args: &Args) -> Result<Exit> {
    if let Verb::Verify(VerifyArgs { pack: Some(file), key, .. }) = &args.verb {
        return packed(file, key.as_deref());
    }
    if let Verb::Verify(VerifyArgs { export: Some(file), checkpoints, key, .. }) = &args.verb {
        let kept = kept(checkpoints.as_deref())?;
        let open = File::open(file)
            .map_err(|e| anyhow!("the export `{}` cannot be read: {}", file.display(), system_words(&e)))?;
        let verified = verify_export(&mut BufReader::new(open), &kept, key.as_deref());
        return tell(&verified, &[]);
    }
    if let Verb::Verify(verify) = &args.verb {
        return whole(verify, args);
    }
    let (config, desk) = args.common.open()?;
    match &args.verb {
        Verb::Verify(_) => bail!("a store is verified without anybody's key"),
        Verb::Export { file } => {
            evidence(&desk)?;
            export(file.as_deref(), &desk)
        }
        Verb::Checkpoint => {
            evidence(&desk)?;
            let key = desk::checkpoint_key(&config, false)?
                .context("the key of checkpoints is not there\n  help: put it back, or name it under [store] as checkpoint_key_file")?;
            let checkpoint = desk.wait(desk.store.checkpoint(&key)).map_err(desk::told)?;
            desk::send_elsewhere(&config, &checkpoint)?;
            say(&checkpoint.line().map_err(desk::told)?)?;
            Ok(Exit::Clean)
        }
    }
}

/// Whether the evidence of a case is what its store sealed. No store is needed.
fn packed(file: &Path, key: Option<&str>) -> Result<Exit> {
    let open =
        File::open(file).map_err(|e| anyhow!("the pack `{}` cannot be read: {}", file.display(), system_words(&e)))?;
    let mut out = std::io::stdout().lock();
    match verify_pack(&mut BufReader::new(open), key) {
        Ok(pack) => {
            let (events, signatures) = (pack.events.len() as u64, pack.signatures as u64);
            let (events, signatures) =
                (counted(events, "event", "events"), counted(signatures, "signature", "signatures"));
            writeln!(out, "{} of the store {}: {events}, {signatures}", pack.case.number, exit::line(&pack.store))?;
            writeln!(out, "the evidence is whole")?;
            for limit in pack.limits() {
                writeln!(out, "but {limit}")?;
            }
            Ok(Exit::Clean)
        }
        Err(error) => {
            writeln!(out, "FAULT {}", exit::line(&error.to_string()))?;
            writeln!(out, "THE EVIDENCE DOES NOT VERIFY")?;
            Ok(Exit::AuditFailed)
        }
    }
}

/// Whether the store is whole.
fn whole(verify: &VerifyArgs, args: &Args) -> Result<Exit> {
    let config = Config::load(args.common.config.as_deref())?;
    let bare = Bare::open(&args.common.desk, &config)?;
    let named = verify.checkpoints.as_deref().or(config.store.checkpoints.as_deref());
    let kept = kept(named)?;
    let own = desk::checkpoint_key(&config, false)?.map(|key| key.public_hex());
    let key = verify.key.clone().or(own);
    let verified = bare.wait(bare.store.verify(&kept, key.as_deref())).map_err(desk::told)?;
    let differences = bare.wait(bare.store.rebuild(true)).map_err(desk::told)?;
    let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
    tell(&verified, &differences)
}

/// Writes every event.
fn export(file: Option<&Path>, desk: &Desk) -> Result<Exit> {
    match file {
        Some(path) => {
            let to = Destination::prepare(path)?;
            let mut bytes = Vec::new();
            desk.wait(desk.store.export(&mut bytes)).map_err(desk::told)?;
            to.write(true, |out| out.write_all(&bytes))?;
        }
        None => {
            let mut out = BufWriter::new(std::io::stdout());
            desk.wait(desk.store.export(&mut out)).map_err(desk::told)?;
            out.flush()?;
        }
    }
    Ok(Exit::Clean)
}

/// Checkpoints that were kept elsewhere.
pub(super) fn kept(file: Option<&Path>) -> Result<Vec<Checkpoint>> {
    let Some(path) = file else { return Ok(Vec::new()) };
    let failed =
        |e: std::io::Error| anyhow!("the checkpoints `{}` cannot be read: {}", path.display(), system_words(&e));
    let lines = BufReader::new(File::open(path).map_err(failed)?).lines();
    let mut all = Vec::new();
    for (number, line) in (1..).zip(lines) {
        let line = line.map_err(failed)?;
        if !line.trim().is_empty() {
            let read = Checkpoint::parse(&line);
            all.push(read.map_err(|e| anyhow!("{}:{number}: {e}", path.display()))?);
        }
    }
    if all.is_empty() {
        bail!("`{}` has no checkpoint\n  help: `quell audit checkpoint` prints one", path.display());
    }
    Ok(all)
}

/// Tells what was found, each fault on a line.
fn tell(verified: &Verified, differences: &[String]) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    for fault in &verified.faults {
        writeln!(out, "FAULT event {}: {}", fault.seq, exit::line(&fault.what))?;
    }
    for difference in differences {
        writeln!(out, "FAULT shown: {}", exit::line(difference))?;
    }
    let events = counted(u64::try_from(verified.events).unwrap_or(0), "event", "events");
    let checkpoints = counted(verified.checkpoints as u64, "checkpoint", "checkpoints");
    writeln!(out, "{events}, {checkpoints}; {}", verified.tail())?;
    if verified.holds() && differences.is_empty() {
        writeln!(out, "the record is whole")?;
        return Ok(Exit::Clean);
    }
    writeln!(out, "THE RECORD DOES NOT VERIFY")?;
    Ok(Exit::AuditFailed)
}
