//! Copies of a store, and how one is put in place again.
//!
//! A copy of a file of SQLite is whole: events, what is made of them, jobs, and sealed secrets, which open with the same
//! wrapping key as before. PostgreSQL has its own tools for that (`pg_dump -n quell`); an [export](Store::export) carries the
//! chain alone, from either to either.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sqlx::AnyConnection;

use super::address::Address;
use super::canonical::hex;
use super::checkpoint::Checkpoint;
use super::db::query;
use super::error::LedgerError;
use super::keys::random;
use super::store::{Options, Store, make_file};
use super::verify::Verified;

/// Copies an open file of SQLite, as one moment saw it, to a file for its owner alone that must not be there.
pub(super) async fn vacuum_into(conn: &mut AnyConnection, to: &Path) -> Result<(), LedgerError> {
    let shown = to.to_string_lossy().escape_debug().to_string();
    let text = to.to_str().ok_or_else(|| LedgerError::Address(shown.clone()))?;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    let file = match made {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => return Err(LedgerError::Exists(shown)),
        made => made.map_err(LedgerError::io(format!("`{shown}`")))?,
    };
    let copied = query("VACUUM INTO $1", [text.into()]).execute(conn).await;
    let synced = file.sync_all();
    if let Err(error) = copied {
        let _ = std::fs::remove_file(to);
        return Err(error.into());
    }
    synced.map_err(LedgerError::io(format!("`{shown}`")))
}

impl Store {
    /// Copies a store of SQLite, as one moment sees it, to a file for its owner alone that must not be there.
    ///
    /// # Errors
    /// [`LedgerError::Exists`]; [`LedgerError::NotPermitted`] for PostgreSQL; what the system says.
    pub async fn backup(&self, to: &Path) -> Result<(), LedgerError> {
        if self.0.address.path().is_none() {
            let how = "a store of PostgreSQL is copied by pg_dump, or exported";
            return Err(LedgerError::NotPermitted(how.to_owned()));
        }
        self.point("backup.before-copy")?;
        let mut conn = self.0.pool.acquire().await?;
        vacuum_into(&mut conn, to).await?;
        self.point("backup.after-copy")
    }

    /// Puts a copy in place where no store is: it is copied beside the place, verified there, compared with what its events
    /// come to, and only then given the name. What the audit found.
    ///
    /// # Errors
    /// [`LedgerError::Exists`]; [`LedgerError::Unsound`] where it does not verify; [`LedgerError::Newer`]; what the system says.
    pub async fn restore(
        from: &Path,
        to: &Address,
        options: Options,
        external: &[Checkpoint],
        trusted: Option<&str>,
    ) -> Result<Verified, LedgerError> {
        let Some(target) = to.path() else {
            return Err(LedgerError::NotPermitted(
                "a store of PostgreSQL is restored by its own tools, or imported".to_owned(),
            ));
        };
        let shown = from.to_string_lossy().escape_debug().to_string();
        if target.exists() {
            return Err(LedgerError::Exists(to.to_string()));
        }
        let mut name = target.as_os_str().to_owned();
        name.push(format!(".restoring-{}", hex(&random::<4>()?)));
        let beside = PathBuf::from(name);
        make_file(&beside)?;
        let checked = check(from, &beside, options.clone(), external, trusted, &shown).await;
        let placed = checked.and_then(|verified| {
            point(&options, "restore.before-place")?;
            // A link does not replace what came there meanwhile.
            match std::fs::hard_link(&beside, target) {
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Err(LedgerError::Exists(to.to_string())),
                linked => linked.map_err(LedgerError::io(format!("`{to}`"))).map(|()| verified),
            }
        });
        for ending in ["", "-wal", "-shm"] {
            let mut name = beside.clone().into_os_string();
            name.push(ending);
            let _ = std::fs::remove_file(name);
        }
        let verified = placed?;
        if let Some(folder) = target.parent().and_then(|folder| std::fs::File::open(folder).ok()) {
            let _ = folder.sync_all();
        }
        point(&options, "restore.after-place")?;
        Ok(verified)
    }
}

fn point(options: &Options, name: &'static str) -> Result<(), LedgerError> {
    options.faults.as_ref().map_or(Ok(()), |fault| fault(name).map_err(LedgerError::io(name)))
}

async fn check(
    from: &Path,
    beside: &Path,
    options: Options,
    external: &[Checkpoint],
    trusted: Option<&str>,
    shown: &str,
) -> Result<Verified, LedgerError> {
    let unsound = |what: String| LedgerError::Unsound { place: shown.to_owned(), what };
    let mut source = std::fs::File::open(from).map_err(LedgerError::io(format!("`{shown}`")))?;
    let mut copy = std::fs::OpenOptions::new().write(true).open(beside).map_err(LedgerError::io("the copy"))?;
    std::io::copy(&mut source, &mut copy).map_err(LedgerError::io("the copy"))?;
    copy.sync_all().map_err(LedgerError::io("the copy"))?;
    point(&options, "restore.after-copy")?;
    let store = match Store::open(&Address::Sqlite(beside.to_owned()), options).await {
        Err(LedgerError::NotMade(_)) => return Err(LedgerError::NotMade(shown.to_owned())),
        Err(LedgerError::NoStore(_)) => return Err(LedgerError::NoStore(shown.to_owned())),
        Err(LedgerError::Database(what)) => return Err(unsound(what)),
        opened => opened?,
    };
    let verified = store.verify(external, trusted).await?;
    let differences = if verified.holds() { store.rebuild(true).await? } else { Vec::new() };
    store.truncate_log().await;
    store.close().await;
    if let Some(fault) = verified.faults.first() {
        return Err(unsound(format!("event {}: {}", fault.seq, fault.what)));
    }
    if let Some(difference) = differences.first() {
        return Err(unsound(difference.to_string()));
    }
    Ok(verified)
}
