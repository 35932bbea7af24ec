//! A store: how it is made, opened and moved to a newer schema.

use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use super::address::Address;
use super::canonical::hex;
use super::chain::{Hash, Head};
use super::db::{Dialect, query};
use super::error::LedgerError;
use super::keys::{SigningKey, public, random};
use super::schema;
use super::tx::Tx;
use crate::model::Clock;
use crate::model::event::{Body, NewEvent};
use crate::model::principal::{Actor, Principal};

/// How long a database may take to answer at first: a server a moment, a file no less than a writer may hold it.
const REACH: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(40)];

/// Called at each of [`POINTS`](super::POINTS); what it returns as an error is met there. For tests of crashes.
pub type Faults = Arc<dyn Fn(&'static str) -> std::io::Result<()> + Send + Sync>;

/// What a store is opened with.
#[derive(Clone, Default)]
pub struct Options {
    /// Whoever tells the time; the database's own clock where there is none.
    pub clock: Option<Arc<dyn Clock>>,
    /// As in [`Faults`].
    pub faults: Option<Faults>,
    /// How many pages a file of SQLite may have at most.
    pub max_pages: Option<i64>,
}

/// A store. Copies are cheap and share their connections.
#[derive(Clone)]
pub struct Store(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) pool: AnyPool,
    pub(super) dialect: Dialect,
    pub(super) address: Address,
    pub(super) id: String,
    pub(super) checkpoint_key: String,
    pub(super) options: Options,
    /// Writers of this process queue here, so that they take turns instead of asking the database again and again.
    pub(super) writer: Arc<tokio::sync::Mutex<()>>,
    /// Whether the write-ahead log still holds what was erased.
    pub(super) truncate: AtomicBool,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({}, {})", self.0.id, self.0.address)
    }
}

impl Store {
    /// Makes a store with its first two events: that it was made, and its first administrator, who signs for themselves with
    /// their key. `checkpoint_key` is the public half of the key that checkpoints are signed with. Several calls at once make
    /// one store.
    ///
    /// # Errors
    /// [`LedgerError::Exists`] where there is one; where the key is not the principal's; where the database fails.
    pub async fn make(
        address: &Address,
        options: Options,
        first: Principal,
        key: &SigningKey,
        checkpoint_key: &str,
    ) -> Result<Self, LedgerError> {
        if public(checkpoint_key).is_none() {
            return Err(LedgerError::NotPermitted("the key of checkpoints is no Ed25519 key".to_owned()));
        }
        let id = hex(&random::<16>()?);
        let nonce = hex(&random::<16>()?);
        let actor = Actor::Principal(first.id.clone());
        let body = Body::PersonAdded { principal: first };
        let added = NewEvent { case: None, actor, body, nonce: None, signature: None };
        let added = key.sign_event(&id, added, &nonce)?;
        let made = Body::StoreMade { store: id.clone(), checkpoint_key: checkpoint_key.to_owned() };
        let mut tx = Self::empty(address, options, id, checkpoint_key.to_owned()).await?;
        tx.append_any(vec![NewEvent::by_quell(None, made), added]).await?;
        tx.store().point("make.before-commit")?;
        let store = tx.store().clone();
        tx.commit().await?;
        store.point("make.after-commit")?;
        Ok(store)
    }

    /// The transaction in which a store is made: the tables are there, and no event is.
    pub(super) async fn empty(
        address: &Address,
        options: Options,
        id: String,
        checkpoint_key: String,
    ) -> Result<Tx, LedgerError> {
        if let Some(path) = address.path() {
            make_file(path)?;
        }
        let store = Self::connect(address, options, id, checkpoint_key).await?;
        store.point("make.before-schema")?;
        let mut tx = Tx::over_empty(&store).await?;
        if schema::version(tx.conn(), store.0.dialect).await? != 0 {
            return Err(LedgerError::Exists(address.to_string()));
        }
        schema::migrate(tx.conn(), store.0.dialect, schema::STEPS, 0).await?;
        store.point("make.after-schema")?;
        Ok(tx)
    }

    /// Opens a store, and moves it to this program's schema where it is older; a file is copied beside itself before.
    ///
    /// # Errors
    /// [`LedgerError::NotMade`], [`LedgerError::Newer`], or what the database says.
    pub async fn open(address: &Address, options: Options) -> Result<Self, LedgerError> {
        if address.path().is_some_and(|path| !path.exists()) {
            return Err(LedgerError::NotMade(address.to_string()));
        }
        let store = Self::connect(address, options.clone(), String::new(), String::new()).await?;
        store.update(schema::STEPS).await?;
        let first = "SELECT body FROM events WHERE seq = 1";
        let row = query(first, []).fetch_optional(&store.0.pool).await?;
        let body: String = match row {
            Some(row) => row.try_get(0)?,
            None => return Err(LedgerError::Chain { seq: 1, what: "it is missing".to_owned() }),
        };
        let Ok(Body::StoreMade { store: id, checkpoint_key }) = serde_json::from_str(&body) else {
            return Err(LedgerError::Chain { seq: 1, what: "it does not say which store this is".to_owned() });
        };
        let (pool, dialect, address) = (store.0.pool.clone(), store.0.dialect, address.clone());
        let (writer, truncate) = (Arc::default(), AtomicBool::new(false));
        let opened = Self(Arc::new(Inner { pool, dialect, address, id, checkpoint_key, options, writer, truncate }));
        opened.truncate_log().await;
        Ok(opened)
    }

    /// Opens a store to be audited and repaired: with [`Store::verify`], [`Store::rebuild`], [`Store::events`],
    /// [`Store::export`]. Nothing in it needs to be as it should. Where its first event does not say which store it is, its
    /// name is empty; nothing is appended to it then.
    ///
    /// # Errors
    /// [`LedgerError::NotMade`], [`LedgerError::NoStore`], [`LedgerError::Newer`], or where the database cannot be reached.
    pub async fn open_for_audit(address: &Address, options: Options) -> Result<Self, LedgerError> {
        if address.path().is_some_and(|path| !path.exists()) {
            return Err(LedgerError::NotMade(address.to_string()));
        }
        let store = Self::connect(address, options.clone(), String::new(), String::new()).await?;
        match store.update(schema::STEPS).await {
            // Which schema it has is not on record any more: it is read as one of this program.
            Err(LedgerError::NotMade(_) | LedgerError::Data(_) | LedgerError::Database(_))
                if store.has_events().await? => {}
            updated => updated?,
        }
        let row = query("SELECT body FROM events WHERE seq = 1", []).fetch_optional(&store.0.pool).await;
        let body: Option<String> = match row {
            Ok(row) => row.and_then(|row| row.try_get(0).ok()),
            Err(error) => super::verify::damage(error.into()).map(|_| None)?,
        };
        let (id, checkpoint_key) = match body.map(|body| serde_json::from_str(&body)) {
            Some(Ok(Body::StoreMade { store, checkpoint_key })) => (store, checkpoint_key),
            _ => Default::default(),
        };
        let (pool, dialect, address) = (store.0.pool.clone(), store.0.dialect, address.clone());
        let (writer, truncate) = (Arc::default(), AtomicBool::new(false));
        Ok(Self(Arc::new(Inner { pool, dialect, address, id, checkpoint_key, options, writer, truncate })))
    }

    /// Whether there is a table of events, whatever else is missing.
    async fn has_events(&self) -> Result<bool, LedgerError> {
        match query("SELECT count(*) FROM events WHERE seq = 1", []).fetch_one(&self.0.pool).await {
            Ok(_) => Ok(true),
            Err(error) => super::verify::damage(error.into()).map(|_| false),
        }
    }

    async fn connect(
        address: &Address,
        options: Options,
        id: String,
        checkpoint_key: String,
    ) -> Result<Self, LedgerError> {
        sqlx::any::install_default_drivers();
        let dialect = if address.path().is_some() { Dialect::Sqlite } else { Dialect::Postgres };
        // The driver's own message would repeat the address.
        let bad = |_| LedgerError::Address(address.to_string());
        let connect = AnyConnectOptions::from_str(&address.url()?).map_err(bad)?.disable_statement_logging();
        let told = dialect.connected(options.max_pages);
        reach(address, &connect, &told).await?;
        let pool = AnyPoolOptions::new()
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(30))
            .after_connect(move |conn, _| {
                let told = told.clone();
                Box::pin(async move {
                    sqlx::raw_sql(AssertSqlSafe(told)).execute(conn).await?;
                    Ok(())
                })
            })
            // After a full disk, SQLite has undone the transaction by itself, and the driver still counts it: such a connection
            // takes no other, and is closed.
            .before_acquire(|conn, _| Box::pin(async move { Ok(!conn.is_in_transaction()) }))
            .connect_with(connect)
            .await?;
        let (address, writer, truncate) = (address.clone(), Arc::default(), AtomicBool::new(false));
        Ok(Self(Arc::new(Inner { pool, dialect, address, id, checkpoint_key, options, writer, truncate })))
    }

    /// Takes the steps of the schema that the store has not had.
    async fn update(&self, steps: &[&str]) -> Result<(), LedgerError> {
        let mut conn = self.0.pool.acquire().await?;
        let found = schema::version(&mut conn, self.0.dialect).await?;
        if found == 0 {
            return Err(LedgerError::NotMade(self.0.address.to_string()));
        }
        schema::known(found, steps)?;
        if found == steps.len() as i64 {
            return Ok(());
        }
        if let Some(path) = self.0.address.path() {
            copy_before(&mut conn, path, found).await?;
        }
        drop(conn);
        let mut tx = Tx::over_empty(self).await?;
        self.point("migrate.after-lock")?;
        // Another process may have done it meanwhile.
        let found = schema::version(tx.conn(), self.0.dialect).await?;
        schema::known(found, steps)?;
        schema::migrate(tx.conn(), self.0.dialect, steps, found).await?;
        self.point("migrate.after-steps")?;
        tx.commit().await
    }

    /// The name of the store: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The public key that checkpoints are signed with.
    #[must_use]
    pub fn checkpoint_key(&self) -> &str {
        &self.0.checkpoint_key
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.0.address
    }

    /// Begins a transaction of a writer. It waits for the one before, here or in another process, for half a minute at most.
    ///
    /// # Errors
    /// [`LedgerError::Locked`], or what the database says.
    pub async fn begin(&self) -> Result<Tx, LedgerError> {
        Tx::begin(self).await
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.0.pool.close().await;
    }

    /// The time: of the database, unless the store was opened with a clock.
    pub(super) async fn clock(&self, conn: &mut AnyConnection) -> Result<i64, LedgerError> {
        if let Some(clock) = &self.0.options.clock {
            return Ok(clock.now());
        }
        Ok(query(self.0.dialect.clock(), []).fetch_one(conn).await?.try_get(0)?)
    }

    /// A named point, at which tests fail or end the process.
    pub(super) fn point(&self, name: &'static str) -> Result<(), LedgerError> {
        match &self.0.options.faults {
            Some(fault) => fault(name).map_err(LedgerError::io(name)),
            None => Ok(()),
        }
    }

    /// The last event, as a connection sees it.
    pub(super) async fn head_of(&self, conn: &mut AnyConnection) -> Result<Head, LedgerError> {
        let sql = "SELECT seq, at, hash FROM events ORDER BY seq DESC LIMIT 1";
        let Some(row) = query(sql, []).fetch_optional(conn).await? else { return Ok(Head::EMPTY) };
        let seq = row.try_get(0)?;
        let hash: Vec<u8> = row.try_get(2)?;
        let wrong = |_| LedgerError::Chain { seq, what: "its hash is none".to_owned() };
        Ok(Head { seq, at: row.try_get(1)?, hash: Hash::try_from(hash).map_err(wrong)? })
    }

    /// Empties the write-ahead log after an erasure. Where a reader stands in the way, the next commit tries again.
    pub(super) async fn truncate_log(&self) {
        match self.0.dialect {
            Dialect::Sqlite => {
                let done = query("PRAGMA wal_checkpoint(TRUNCATE)", []).fetch_one(&self.0.pool).await;
                let busy = done.ok().and_then(|row| row.try_get::<i64, _>(0).ok()).is_none_or(|busy| busy != 0);
                self.0.truncate.store(busy, Ordering::Relaxed);
            }
            Dialect::Postgres => {
                let due = self.0.truncate.swap(false, Ordering::Relaxed);
                if due && query("VACUUM data_keys, sealed", []).execute(&self.0.pool).await.is_err() {
                    self.0.truncate.store(true, Ordering::Relaxed);
                }
            }
        }
    }
}

/// Connects once, past the pool: that would try again for half a minute, and then not say what is wrong.
async fn reach(address: &Address, connect: &AnyConnectOptions, told: &str) -> Result<(), LedgerError> {
    let tried = async {
        let mut conn = AnyConnection::connect_with(connect).await?;
        let set = sqlx::raw_sql(AssertSqlSafe(told.to_owned())).execute(&mut conn).await;
        let _ = conn.close().await;
        set
    };
    let [server, file] = REACH;
    let within = if address.path().is_some() { file } else { server };
    let Ok(done) = tokio::time::timeout(within, tried).await else {
        return Err(LedgerError::Unreachable(format!("`{address}` did not answer for {} seconds", within.as_secs())));
    };
    match done.map_err(LedgerError::from) {
        Ok(_) => Ok(()),
        Err(LedgerError::NoStore(_)) => Err(LedgerError::NoStore(address.to_string())),
        Err(LedgerError::Unreachable(why)) => Err(LedgerError::Unreachable(format!("`{address}`: {why}"))),
        Err(error) => Err(error),
    }
}

/// The folder, for its owner alone, and an empty file, likewise. One that is there keeps its permissions.
pub(super) fn make_file(path: &Path) -> Result<(), LedgerError> {
    let shown = || path.to_string_lossy().escape_debug().to_string();
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(LedgerError::io(format!("the folder of `{}`", shown())))?;
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(LedgerError::io(format!("`{}`", shown()))(e)),
        _ => Ok(()),
    }
}

/// Copies a file before its schema changes: `store.db.schema-1`. A copy that is there is of an earlier try, and stays.
async fn copy_before(conn: &mut AnyConnection, path: &Path, schema: i64) -> Result<(), LedgerError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".schema-{schema}"));
    let copy = PathBuf::from(name);
    if !copy.exists() {
        super::backup::vacuum_into(conn, &copy).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::principal::{PrincipalId, PrincipalKind, Role};

    #[test]
    fn an_older_store_is_moved_in_one_step_after_a_copy() {
        let dir = tempfile::tempdir().unwrap();
        let address = Address::Sqlite(dir.path().join("a/store.db"));
        let key = SigningKey::from_seed([1; 32]);
        let first = Principal {
            id: PrincipalId::parse("ada").unwrap(),
            kind: PrincipalKind::Person,
            roles: [Role::Administrator].into(),
            key: key.public_hex(),
            forge: None,
            address: None,
            since: 0,
            revoked: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = Store::make(&address, Options::default(), first, &key, &key.public_hex()).await.unwrap();
            let (known, newer) = (schema::STEPS.len() as i64, "CREATE TABLE two (a {int}) {strict}");
            let bad = format!("{newer}; CREATE TABLE two (b {{int}})");
            let bad = [schema::STEPS, &[bad.as_str()]].concat();
            assert!(store.update(&bad).await.is_err());
            let mut conn = store.0.pool.acquire().await.unwrap();
            assert_eq!(schema::version(&mut conn, Dialect::Sqlite).await.unwrap(), known, "rolled back");
            let good = [schema::STEPS, &[newer]].concat();
            store.update(&good).await.unwrap();
            assert_eq!(schema::version(&mut conn, Dialect::Sqlite).await.unwrap(), known + 1);
            let copy = Address::Sqlite(dir.path().join(format!("a/store.db.schema-{known}")));
            assert_eq!(Store::open(&copy, Options::default()).await.unwrap().id(), store.id());
            let refused = Store::open(&address, Options::default()).await.unwrap_err();
            let told = format!("made by a newer quell (schema {}, this one knows {known})", known + 1);
            assert!(refused.to_string().starts_with(&told));
        });
    }
}
