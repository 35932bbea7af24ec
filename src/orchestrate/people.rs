//! Registered people, agents and machines: added, bound and revoked by an administrator's signed event.

use std::collections::BTreeSet;

use super::commands::text;
use super::{CommandError, Orchestrator};
use crate::ledger::LedgerError;
use crate::model::event::Body;
use crate::model::principal::{Principal, PrincipalId, PrincipalKind, Role};
use crate::policy::{About, Verb};

/// Somebody who is to be registered.
#[derive(Clone, Debug)]
pub struct NewPrincipal {
    /// The name.
    pub id: PrincipalId,
    /// What it is.
    pub kind: PrincipalKind,
    /// What it may do; agents have no role, and machines at most that of a relay.
    pub roles: BTreeSet<Role>,
    /// Its public key.
    pub key: String,
    /// As in [`Principal`].
    pub forge: Option<String>,
    /// As in [`Principal`].
    pub address: Option<String>,
}

impl Orchestrator<'_> {
    /// Registers a principal. A person is bound to one forge account and one address, so that nobody is two people.
    ///
    /// # Errors
    /// Where the caller may not, an account is somebody else's, or the ledger cannot be written.
    pub async fn add(&self, new: NewPrincipal) -> Result<(), CommandError> {
        self.allow(Verb::People, &About::default(), None).await?;
        if new.kind == PrincipalKind::Person && (new.forge.is_none() || new.address.is_none()) {
            return Err(CommandError::usage(
                "a person is bound to one forge account and one address",
                "give --forge github:LOGIN and --address MAIL",
            ));
        }
        fits(new.kind, &new.roles)?;
        bound(new.forge.as_deref(), new.address.as_deref())?;
        let since = self.store.now().await?;
        let principal = Principal {
            id: new.id,
            kind: new.kind,
            roles: new.roles,
            key: new.key,
            forge: new.forge,
            address: new.address,
            since,
            revoked: None,
        };
        self.register(Body::PersonAdded { principal }).await
    }

    /// Binds a person's accounts: the first administrator has none until then, and approves nothing.
    ///
    /// # Errors
    /// Where the caller may not, an account is somebody else's, or the ledger cannot be written.
    pub async fn bind(
        &self,
        id: PrincipalId,
        forge: Option<String>,
        address: Option<String>,
    ) -> Result<(), CommandError> {
        self.allow(Verb::People, &About::default(), None).await?;
        let known = self.known(&id).await?;
        bound(forge.as_deref(), address.as_deref())?;
        let own = self.caller.principal.as_ref().is_some_and(|me| me.id == id);
        let moves = |old: &Option<String>, new: &Option<String>| old.is_some() && new.is_some() && old != new;
        if own && (moves(&known.forge, &forge) || moves(&known.address, &address)) {
            let help = "another administrator does: whoever could change their own would be two people";
            return Err(self.refuse("people", None, "nobody binds their own accounts anew", help).await?);
        }
        let (forge, address) = (forge.or(known.forge), address.or(known.address));
        self.register(Body::PersonBound { id, forge, address }).await
    }

    /// Sets a person's roles. There is always an administrator.
    ///
    /// # Errors
    /// Where the caller may not, nobody would administer, or the ledger cannot be written.
    pub async fn set_roles(&self, id: PrincipalId, roles: Vec<Role>) -> Result<(), CommandError> {
        self.allow(Verb::People, &About::default(), None).await?;
        let known = self.known(&id).await?;
        fits(known.kind, &roles.iter().copied().collect())?;
        if known.kind == PrincipalKind::Person && !roles.contains(&Role::Administrator) {
            self.another_administrator(&id).await?;
        }
        if known.has(Role::Approver) && !roles.contains(&Role::Approver) {
            self.withdraw_all(&id, "may approve no more").await?;
        }
        self.register(Body::RolesSet { id, roles }).await
    }

    /// Revokes a principal: its key counts no more, and what it approved and nobody acted on neither.
    ///
    /// # Errors
    /// Where the caller may not, nobody would administer, or the ledger cannot be written.
    pub async fn revoke_person(&self, id: PrincipalId, reason: &str) -> Result<(), CommandError> {
        self.allow(Verb::People, &About::default(), None).await?;
        self.known(&id).await?;
        self.another_administrator(&id).await?;
        let reason = text(reason)?.to_owned();
        self.withdraw_all(&id, "the key was revoked").await?;
        self.register(Body::PersonRevoked { id, reason }).await
    }

    /// The active principal of that name.
    async fn known(&self, id: &PrincipalId) -> Result<Principal, CommandError> {
        let people = self.store.people().await?;
        people.into_iter().find(|p| p.id == *id && p.is_active()).ok_or_else(|| {
            CommandError::usage(format!("there is no `{}`", id.as_str()), "`quell people list` shows who there is")
        })
    }

    /// That somebody else administers.
    async fn another_administrator(&self, id: &PrincipalId) -> Result<(), CommandError> {
        let people = self.store.people().await?;
        if people.iter().any(|p| p.id != *id && p.has(Role::Administrator)) {
            return Ok(());
        }
        let help = "make somebody else an administrator first: `quell people roles NAME administrator …`";
        Err(self.refuse("people", None, "nobody would be left to administer", help).await?)
    }

    async fn register(&self, body: Body) -> Result<(), CommandError> {
        let mut tx = self.store.begin().await?;
        match self.append(&mut tx, None, vec![body]).await {
            Err(CommandError::Ledger(LedgerError::NotPermitted(why))) => {
                drop(tx);
                let help = "`quell people list --all` shows who has which key, account and address";
                Err(self.refuse("people", None, why, help).await?)
            }
            other => {
                other?;
                tx.commit().await?;
                Ok(())
            }
        }
    }
}

/// That accounts have the form of accounts.
fn bound(forge: Option<&str>, address: Option<&str>) -> Result<(), CommandError> {
    let word = |text: &str, more: &str| {
        let first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        first && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    // A forge of one's own goes by its host; the known ones by their names alone, so that nobody has two.
    let known = ["github.com", "gitlab.com", "bitbucket.org", "www.github.com"];
    let is_host = |text: &str| word(text, ".-") && !known.contains(&text.to_ascii_lowercase().as_str());
    let is_forge = |text: &str| text.split_once(':').is_some_and(|(host, login)| is_host(host) && word(login, "-_."));
    let plain = |text: &str| word(text, "._+-") && !text.contains("..");
    let is_address =
        |text: &str| text.split_once('@').is_some_and(|(user, host)| plain(user) && plain(host) && host.contains('.'));
    if let Some(forge) = forge.filter(|forge| !is_forge(forge)) {
        return Err(CommandError::usage(
            format!("`{forge}` is no forge account"),
            "write FORGE:LOGIN, such as github:kim",
        ));
    }
    match address.filter(|address| !is_address(address)) {
        Some(address) => Err(CommandError::usage(format!("`{address}` is no mail address"), "write NAME@HOST")),
        None => Ok(()),
    }
}

/// That a principal of this kind may have these roles: people work on cases, machines pass on what people write, and agents
/// recommend.
fn fits(kind: PrincipalKind, roles: &BTreeSet<Role>) -> Result<(), CommandError> {
    let relays = |role: &Role| *role == Role::Relay;
    match kind {
        PrincipalKind::Person if roles.iter().any(relays) => {
            let help =
                "register the machine that `quell run` works on by a key of its own, with --kind machine --role relay";
            Err(CommandError::usage("a person is no relay: who passes on what others write could be all of them", help))
        }
        PrincipalKind::Machine if !roles.iter().all(relays) => {
            Err(CommandError::usage("a machine has at most the role of a relay", "leave the other roles out"))
        }
        PrincipalKind::Agent if !roles.is_empty() => {
            Err(CommandError::usage("an agent has no role", "leave --role out: agents recommend"))
        }
        _ => Ok(()),
    }
}
