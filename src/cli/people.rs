//! `quell people`: who may approve, and by which key.

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::{Context, Result};

use super::case::{Common, say};
use super::config::word;
use super::desk::{self, Desk};
use super::{Exit, exit};
use crate::model::principal::{Principal, PrincipalId, PrincipalKind, Role};
use crate::orchestrate::NewPrincipal;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Print your public key, made the first time: an administrator adds it.
    Key,
    /// List who is registered, with roles and accounts.
    List {
        /// Those who were revoked too.
        #[arg(long)]
        all: bool,
    },
    /// Register a person, an agent or a machine by its public key.
    Add(AddArgs),
    /// Bind a person's forge account and address: without an address nobody approves.
    Bind(BindArgs),
    /// Set a person's roles.
    Roles(RolesArgs),
    /// Revoke a key: it counts no more.
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// The name: small letters, digits, `.`, `_`, `-`.
    name: String,
    /// The public key, as `quell people key` prints it where the person works.
    #[arg(long, value_name = "KEY")]
    key: String,
    /// person, agent, machine.
    #[arg(long, value_name = "KIND", default_value = "person")]
    kind: String,
    /// responder, approver, administrator; may be given several times.
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// The forge account, such as github:kim.
    #[arg(long, value_name = "FORGE:LOGIN")]
    forge: Option<String>,
    /// The mail address that the person commits with.
    #[arg(long, value_name = "MAIL")]
    address: Option<String>,
}

#[derive(Debug, clap::Args)]
struct BindArgs {
    /// Who.
    name: String,
    /// The forge account, such as github:kim.
    #[arg(long, value_name = "FORGE:LOGIN")]
    forge: Option<String>,
    /// The mail address that the person commits with.
    #[arg(long, value_name = "MAIL")]
    address: Option<String>,
}

#[derive(Debug, clap::Args)]
struct RolesArgs {
    /// Who.
    name: String,
    /// responder, approver, administrator.
    roles: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct RevokeArgs {
    /// Who.
    name: String,
    /// Why.
    #[arg(long, value_name = "WHY")]
    reason: String,
}

const KINDS: &[(&str, PrincipalKind)] =
    &[("person", PrincipalKind::Person), ("agent", PrincipalKind::Agent), ("machine", PrincipalKind::Machine)];

pub(super) fn run(args: &Args) -> Result<Exit> {
    if matches!(args.verb, Verb::Key) {
        let key = desk::own_key(true)?
            .context("there is no place for a key\n  help: set HOME, or QUELL_IDENTITY_KEY_FILE")?;
        say(&key.public_hex())?;
        return Ok(Exit::Clean);
    }
    let (_, desk) = args.common.open()?;
    desk::ended(verb(&args.verb, &desk))
}

fn verb(verb: &Verb, desk: &Desk) -> Result<Exit> {
    let office = desk.orchestrator();
    match verb {
        Verb::Key => {}
        Verb::List { all } => return list(desk, *all),
        Verb::Add(args) => {
            let new = NewPrincipal {
                id: id(&args.name)?,
                kind: word("kind of principal", &args.kind, KINDS)?,
                roles: roles(&args.role)?,
                key: args.key.clone(),
                forge: args.forge.clone(),
                address: args.address.clone(),
            };
            desk.done(office.add(new))?;
            say(&format!("{} is registered", args.name))?;
        }
        Verb::Bind(args) => {
            desk.done(office.bind(id(&args.name)?, args.forge.clone(), args.address.clone()))?;
            say(&format!("{} is bound", args.name))?;
        }
        Verb::Roles(args) => {
            desk.done(office.set_roles(id(&args.name)?, roles(&args.roles)?.into_iter().collect()))?;
            say(&format!("{} has these roles now: {}", args.name, args.roles.join(", ")))?;
        }
        Verb::Revoke(args) => {
            desk.done(office.revoke_person(id(&args.name)?, &args.reason))?;
            say(&format!("the key of {} counts no more", args.name))?;
        }
    }
    Ok(Exit::Clean)
}

fn list(desk: &Desk, all: bool) -> Result<Exit> {
    let people = desk.wait(desk.store.people()).map_err(desk::told)?;
    let mut out = std::io::stdout().lock();
    for person in people.iter().filter(|p| all || p.is_active()) {
        writeln!(out, "{}", exit::line(&line(person, desk)))?;
    }
    Ok(Exit::Clean)
}

fn line(person: &Principal, desk: &Desk) -> String {
    let roles: Vec<&str> = person.roles.iter().map(|role| role.as_str()).collect();
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let me = desk.caller.principal.as_ref().is_some_and(|p| p.id == person.id);
    let gone = person.revoked.as_ref().map(|(_, why)| format!("  revoked: {why}")).unwrap_or_default();
    let key: String = person.key.chars().take(12).collect();
    format!(
        "{:<20} {:<8} {:<36} {}  {}  key {key}…{}{gone}",
        person.id.as_str(),
        person.kind.as_str(),
        roles.join(","),
        or_none(&person.forge),
        or_none(&person.address),
        if me { "  (you)" } else { "" },
    )
}

fn id(name: &str) -> Result<PrincipalId> {
    PrincipalId::parse(name).with_context(|| {
        format!("`{name}` is no name\n  help: small letters, digits, `.`, `_` and `-`, a letter first, at most 64")
    })
}

fn roles(names: &[String]) -> Result<BTreeSet<Role>> {
    let known = Role::ALL.map(|role| (role.as_str(), role));
    names.iter().map(|name| word("role", name, &known)).collect()
}
