//! The store of cases with its keys, the policy that counts, who calls, and what an administrator set: everything that the
//! verbs about cases work with.

use std::future::Future;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use tokio::runtime::Runtime;

use super::config::{Config, human, word};
use super::{Exit, exit, output, state};
use crate::ledger::{Address, Checkpoint, Filter, KeyWrapper, LedgerError, Options, SigningKey, Store, Wrapper};
use crate::model::case::Case;
use crate::model::principal::{Principal, PrincipalId, PrincipalKind, Role};
use crate::model::{Fingerprint, FingerprintKey, system_words};
use crate::orchestrate::{Caller, CommandError, Orchestrator, Settings};
use crate::owners::Catalog;
use crate::policy::{PolicySet, Profile};

/// Where cases are, and who asks.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The store of cases: a file, or postgres://… [default: quell.db in the state folder].
    #[arg(
        long,
        value_name = "STORE",
        env = "QUELL_STORE",
        hide_env_values = true,
        global = true,
        help_heading = "Cases"
    )]
    pub(super) store: Option<String>,
    /// Count as less than your key says: agent, machine.
    #[arg(long = "as", value_name = "KIND", global = true, help_heading = "Cases")]
    pub(super) as_kind: Option<String>,
}

/// What callers may say they are, to count as less.
const KINDS: &[(&str, PrincipalKind)] =
    &[("person", PrincipalKind::Person), ("agent", PrincipalKind::Agent), ("machine", PrincipalKind::Machine)];

/// Everything that the verbs about cases work with.
pub(super) struct Desk {
    runtime: Runtime,
    pub(super) store: Store,
    pub(super) policy: PolicySet,
    pub(super) settings: Settings,
    pub(super) caller: Caller,
}

impl Desk {
    /// Opens the store. Where there is none, it is made with its first administrator, or `make` is false and that is told.
    pub(super) fn open(args: &Args, config: &Config, make: bool) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
        let address = address(args, config)?;
        let (as_kind, key) = (args.as_kind.as_deref(), own_key(make)?);
        let as_kind = as_kind.map(|kind| word("kind of principal", kind, KINDS)).transpose()?;
        let store = match runtime.block_on(Store::open(&address, Options::default())) {
            Err(LedgerError::NotMade(_)) if make => match made(&runtime, &address, config, key.as_ref()) {
                // Somebody else made it meanwhile.
                Err(error) if matches!(error.downcast_ref(), Some(LedgerError::Exists(_))) => {
                    runtime.block_on(Store::open(&address, Options::default())).map_err(told)?
                }
                made => made?,
            },
            Err(error @ LedgerError::NotMade(_)) => {
                bail!("{error}\n  help: `quell scan --track` makes one; --store names another")
            }
            other => other.map_err(told)?,
        };
        let principal = runtime.block_on(registered(&store, key.as_ref()))?;
        let caller = Caller { principal, key, name: login(), as_kind, relayed: None };
        let policy = runtime.block_on(active(&store))?;
        let settings =
            config.store.seal_days.map_or_else(Settings::default, |days| Settings { seal_days: days.into() });
        let desk = Self { runtime, store, policy, settings, caller };
        // What has expired says so to whoever looks.
        desk.done(desk.orchestrator().expire())?;
        Ok(desk)
    }

    /// Reads again who calls and which policy counts: both may be others by now, for whoever works for days.
    pub(super) fn refresh(&mut self) -> Result<()> {
        self.caller.principal = self.wait(registered(&self.store, self.caller.key.as_ref()))?;
        self.policy = self.wait(active(&self.store))?;
        Ok(())
    }

    /// Waits for something.
    pub(super) fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    /// Waits for a command; what it refuses is told.
    pub(super) fn done<T>(&self, what: impl Future<Output = Result<T, CommandError>>) -> Result<T> {
        self.wait(what).map_err(refused)
    }

    /// What runs commands.
    pub(super) const fn orchestrator(&self) -> Orchestrator<'_> {
        Orchestrator { store: &self.store, policy: &self.policy, settings: &self.settings, caller: &self.caller }
    }
}

/// The active principal whose key this is.
async fn registered(store: &Store, key: Option<&SigningKey>) -> Result<Option<Principal>> {
    let people = store.people().await.map_err(told)?;
    let public = key.map(SigningKey::public_hex);
    Ok(people.into_iter().find(|p| p.is_active() && Some(&p.key) == public.as_ref()))
}

/// The policy that counts.
async fn active(store: &Store) -> Result<PolicySet> {
    let policy = match store.active_policy().await.map_err(told)? {
        Some(standing) => PolicySet::of(&standing.set),
        None => PolicySet::builtin(Profile::Default),
    };
    policy.map_err(|errors| anyhow!("the policy cannot be used: {errors}"))
}

/// A store alone, for what asks nobody who they are: an audit, a repair, a lease. Nothing in it needs to be as it should.
pub(super) struct Bare {
    runtime: Runtime,
    pub(super) store: Store,
}

impl Bare {
    /// Opens the store.
    pub(super) fn open(args: &Args, config: &Config) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
        let address = address(args, config)?;
        let store = runtime.block_on(Store::open_for_audit(&address, Options::default())).map_err(told)?;
        Ok(Self { runtime, store })
    }

    /// Waits for something.
    pub(super) fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }
}

/// An error that is a refusal, and ends the run with its own exit code.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refusal(String);

/// How a command's error is told.
fn refused(error: CommandError) -> anyhow::Error {
    let help = error.help().map(|help| format!("\n  help: {help}")).unwrap_or_default();
    match error {
        CommandError::Refused { .. } => Refusal(format!("{error}{help}")).into(),
        CommandError::Ledger(error) => told(error),
        _ => anyhow!("{error}{help}"),
    }
}

/// How a verb ended: what was refused has an exit code of its own.
pub(super) fn ended(outcome: Result<Exit>) -> Result<Exit> {
    match outcome {
        Err(error) if error.is::<Refusal>() => {
            exit::misused(&error.to_string());
            Ok(Exit::Refused)
        }
        other => other,
    }
}

/// How the ledger's error is told.
pub(super) fn told(error: LedgerError) -> anyhow::Error {
    // Its messages say what to do behind a colon or a semicolon.
    anyhow!("{error}")
}

/// Where the store is.
pub(super) fn address(args: &Args, config: &Config) -> Result<Address> {
    let named = args.store.as_deref().or(config.store.url.as_deref());
    match named {
        Some(text) => Address::parse(text).map_err(told),
        None => Ok(Address::Sqlite(folder()?.join("quell.db"))),
    }
}

/// The state folder, which the store and its keys lie in unless they are named.
fn folder() -> Result<PathBuf> {
    state::folder().context("there is no state folder\n  help: set XDG_STATE_HOME or HOME, or name a store with --store and its keys in the configuration")
}

/// A key of the store: the file that is named, or one in the state folder.
fn key_file(named: Option<&Path>, name: &str) -> Result<PathBuf> {
    named.map_or_else(|| Ok(folder()?.join(name)), |path| Ok(path.to_path_buf()))
}

/// The caller's own key, which lies in the configuration folder; made where `make` says so.
pub(super) fn own_key(make: bool) -> Result<Option<SigningKey>> {
    let Some(path) = own_key_path() else { return Ok(None) };
    Ok(state::key(&path, make)?.map(|seed| SigningKey::from_seed(*seed)))
}

/// Where the caller's own key lies.
pub(super) fn own_key_path() -> Option<PathBuf> {
    let named = std::env::var_os("QUELL_IDENTITY_KEY_FILE").map(PathBuf::from);
    named.or_else(|| super::config::user_folder().map(|folder| folder.join("identity.key")))
}

/// The key that signs checkpoints.
pub(super) fn checkpoint_key(config: &Config, make: bool) -> Result<Option<SigningKey>> {
    let path = key_file(config.store.checkpoint_key_file.as_deref(), "checkpoint.key")?;
    Ok(state::key(&path, make)?.map(|seed| SigningKey::from_seed(*seed)))
}

/// What wraps the keys of cases; `None` where nothing is sealed.
pub(super) fn wrapper(config: &Config, make: bool) -> Result<Option<Box<dyn Wrapper>>> {
    if !config.store.seal.unwrap_or(true) {
        return Ok(None);
    }
    if let Some(transit) = super::transit::transit(config)? {
        return Ok(Some(transit));
    }
    if let Some(text) = std::env::var_os("QUELL_SEAL_KEY") {
        let text = zeroize::Zeroizing::new(text.into_encoded_bytes());
        let key =
            state::thirty_two(&text).context("QUELL_SEAL_KEY is no key\n  help: a key is 64 hexadecimal digits")?;
        return Ok(Some(Box::new(KeyWrapper::new(key))));
    }
    let path = key_file(config.store.seal_key_file.as_deref(), "seal.key")?;
    let Some(key) = state::key(&path, make)? else {
        bail!(
            "the key `{}`, which secrets are sealed with, is not there\n  help: put it back, or name it under [store] as seal_key_file; without it what is sealed cannot be read, and everything else can",
            path.display()
        );
    };
    Ok(Some(Box::new(KeyWrapper::new(key))))
}

/// The key of the fingerprints that cases are known by: the team's, or one of this machine, so that passwords have one.
pub(super) fn identity_key(config: &Config, make: bool) -> Result<FingerprintKey> {
    if let Some(key) = config.team_key()? {
        return Ok(key);
    }
    let path = folder()?.join("fingerprint.key");
    let key = state::key(&path, make)?.with_context(|| {
        format!("the key `{}`, which cases are known by, is not there\n  help: put it back, or name the team's key under [fingerprint]", path.display())
    })?;
    Ok(FingerprintKey::team(&*key)?)
}

impl Desk {
    /// That the keys at hand are those of this store: another would seal what nobody else can read, and open a second case
    /// for what has one.
    pub(super) fn fits(&self, wrapper: Option<&dyn Wrapper>, identity: &FingerprintKey) -> Result<()> {
        let known = self.wait(self.store.wrappers()).map_err(told)?;
        if let Some(wrapper) = wrapper.filter(|w| !known.is_empty() && !known.contains(&w.id())) {
            bail!(
                "the secrets of this store are sealed by {}, and the key at hand is {}\n  help: name the right key as seal_key_file under [store]; `quell store rotate-key` moves them to another",
                known.join(", "),
                wrapper.id()
            );
        }
        let some = Filter { limit: 50, ..Filter::default() };
        let cases = self.wait(self.store.cases(&some)).map_err(told)?;
        let of_key = |print: &String| Fingerprint::parse(print).is_some_and(|print| print.is_of(identity));
        let own = |case: &Case| !case.opening.by_report;
        let any = cases.iter().filter(|case| own(case)).flat_map(|case| &case.opening.fingerprints).any(of_key);
        if !any && cases.iter().any(own) {
            bail!(
                "the cases of this store are known by fingerprints of another key\n  help: name the right key as key_file under [fingerprint], or put fingerprint.key back into the state folder"
            );
        }
        Ok(())
    }
}

/// The organisation's record of owners; an empty one where none is named.
pub(super) fn catalog(config: &Config) -> Result<Catalog> {
    let Some(path) = &config.owners.file else { return Ok(Catalog::default()) };
    let text = std::fs::read_to_string(path).map_err(|e| {
        anyhow!(
            "the owners `{}` cannot be read: {}\n  help: `quell init --owners` writes a template",
            path.display(),
            system_words(&e)
        )
    })?;
    let catalog = Catalog::parse(&text).map_err(|e| {
        let told = e.to_string();
        let (place, why) = told.strip_prefix("owners.toml").unwrap_or(&told).split_once(": ").unwrap_or(("", &told));
        let why = if why.starts_with("invalid type: map") { "a day is written in quotes" } else { &human(why) };
        anyhow!("{}{place}: {why}\n  help: `quell init --owners --stdout` shows every key", path.display())
    })?;
    // What it says is as old as the file.
    let seconds = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok().map(|d| d.as_secs());
    let at = std::fs::metadata(path).and_then(|about| about.modified()).ok().and_then(seconds);
    Ok(catalog.dated(at.and_then(|at| i64::try_from(at).ok()).unwrap_or(0)))
}

/// Makes a store, its keys, and its first administrator: whoever runs this.
fn made(runtime: &Runtime, address: &Address, config: &Config, key: Option<&SigningKey>) -> Result<Store> {
    let key = key.context(
        "there is no place for your key\n  help: set HOME, or QUELL_IDENTITY_KEY_FILE to a file that only you may read",
    )?;
    wrapper(config, true)?;
    identity_key(config, true)?;
    let checkpoints = checkpoint_key(config, true)?.context("there is no place for the key of checkpoints")?;
    let name = PrincipalId::parse(&login()).or_else(|| PrincipalId::parse("admin")).context("no name")?;
    let first = Principal {
        id: name,
        kind: PrincipalKind::Person,
        roles: Role::OF_PEOPLE.into_iter().collect(),
        key: key.public_hex(),
        forge: None,
        address: None,
        since: output::now(),
        revoked: None,
    };
    let id = first.id.clone();
    let store = runtime.block_on(Store::make(address, Options::default(), first, key, &checkpoints.public_hex()))?;
    let told = format!("made the store {address}; `{}` is its first administrator", id.as_str());
    exit::say(&told);
    Ok(store)
}

/// The name that the system has for whoever runs this, as far as the environment says: it is shown, and counts for nothing.
fn login() -> String {
    let name = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
    let plain: String =
        name.to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
    if plain.is_empty() { "somebody".to_owned() } else { plain.chars().take(64).collect() }
}

/// Adds a checkpoint to the file elsewhere that the configuration names.
pub(super) fn send_elsewhere(config: &Config, checkpoint: &Checkpoint) -> Result<()> {
    use std::io::Write as _;
    let Some(path) = &config.store.checkpoints else { return Ok(()) };
    let failed = |e: std::io::Error| {
        anyhow!(
            "the checkpoint cannot be added to `{}`: {}\n  help: make it writable for you, or name another under [store]",
            path.display(),
            system_words(&e)
        )
    };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).map_err(failed)?;
    let line = checkpoint.line().map_err(told)?;
    writeln!(file, "{line}").and_then(|()| file.sync_all()).map_err(failed)
}
