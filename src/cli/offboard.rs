//! `quell offboard`: every credential that is tied to a person or a service by any evidence.

use std::io::Write;

use anyhow::Result;

use super::case::{Common, evidence};
use super::{Exit, desk, exit, output};
use crate::owners::catalog::Person;
use crate::report::case::{CaseStyle, list};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A name, an address, a login, an identity or a service; of a person that owners.toml knows, all accounts are looked for.
    #[arg(required = true)]
    names: Vec<String>,
    /// plain, json.
    #[arg(long, value_name = "FORMAT", default_value = "plain")]
    format: String,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    desk::ended(offboard(args))
}

fn offboard(args: &Args) -> Result<Exit> {
    let (config, desk) = args.common.open()?;
    let json = super::config::word("format", &args.format, &[("plain", false), ("json", true)])?;
    evidence(&desk)?;
    let catalog = desk::catalog(&config)?;
    let mut names = args.names.clone();
    for name in &args.names {
        // Of a person whom the organisation knows, every account.
        let has = |p: &&Person| p.name == *name || p.addresses.iter().chain(&p.forge).any(|own| own == name);
        for person in catalog.people.iter().filter(has) {
            names.extend([person.name.clone()].into_iter().chain(person.addresses.clone()));
            names
                .extend(person.forge.iter().map(|own| own.split_once(':').map_or(own.as_str(), |(_, l)| l).to_owned()));
        }
    }
    names.sort();
    names.dedup();
    let ties = desk.done(desk.orchestrator().tied(&names))?;
    let open = ties.iter().filter(|tie| tie.case.stage.is_open()).count();
    let mut out = std::io::stdout().lock();
    if json {
        let told: Vec<_> = ties.iter().map(|tie| serde_json::json!({ "case": tie.case, "by": tie.by })).collect();
        serde_json::to_writer_pretty(&mut out, &told)?;
        writeln!(out)?;
        return Ok(if open > 0 { Exit::Findings } else { Exit::Clean });
    }
    let style = CaseStyle { color: output::color(), now: output::now() };
    for tie in &ties {
        list(std::slice::from_ref(&tie.case), style, &mut out)?;
        for (fact, value, source) in &tie.by {
            writeln!(out, "        {}", exit::line(&format!("{fact} {value}, by {source}")))?;
        }
    }
    writeln!(out, "{} tied to {}; {open} open", ties.len(), exit::line(&args.names.join(", ")))?;
    Ok(if open > 0 { Exit::Findings } else { Exit::Clean })
}
