//! What is read of a store: cases, facts, events, people, policies.

use sqlx::Row as _;

use super::canonical::{column, hex};
use super::chain::{COLUMNS, Stored};
use super::db::{Arg, query};
use super::error::LedgerError;
use super::project::cases::parse;
use super::project::{PolicyStanding, Promotion, Registered, target_key};
use super::store::Store;
use crate::model::case::{Approval, ApprovalState, Case, CaseNumber, FactRow, Stage};
use crate::model::event::{Body, Event};
use crate::model::principal::{Principal, PrincipalId};
use crate::model::{Severity, Untrusted};

/// Which cases are wanted. Everything that is set has to hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In one of these stages; in any where there is none.
    pub stages: Vec<Stage>,
    /// Of one of these providers, by id; of any where there is none.
    pub providers: Vec<String>,
    /// Owned by this owner, by name.
    pub owner: Option<String>,
    /// At least so bad.
    pub severity: Option<Severity>,
    /// That work, as far as their issuer said last.
    pub live: bool,
    /// With this in the title, the redacted form, a repository or a path, in any case of letters.
    pub text: Option<String>,
    /// That have a request for approval which waits.
    pub waiting: bool,
    /// With numbers above this one: what follows a page.
    pub after: Option<CaseNumber>,
    /// So many at most; zero stands for 1,000.
    pub limit: u32,
}

/// A request for approval that waits, and its case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The case.
    pub case: CaseNumber,
    /// The request.
    pub approval: Approval,
}

/// What counts no more, and is not written down as such yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overdue {
    /// Requests for approval, by case and id.
    pub approvals: Vec<(CaseNumber, String)>,
    /// Cases whose risk was accepted until a time that is past.
    pub risks: Vec<CaseNumber>,
}

/// How much there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events.
    pub events: i64,
    /// Cases by stage, in the order of [`Stage::ALL`].
    pub cases: Vec<(Stage, i64)>,
    /// Requests for approval that wait.
    pub waiting: i64,
    /// Jobs by state: `ready`, `leased`, `done`, `parked`.
    pub jobs: Vec<(String, i64)>,
}

/// How a scan of a target ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastScan {
    /// When, in seconds since 1970 UTC.
    pub at: i64,
    /// Whether everything that was asked for was read.
    pub complete: bool,
    /// How many credentials it found.
    pub credentials: u64,
}

/// The names of facts, as [`FactRow`] has them.
const FACTS: [&str; 9] =
    ["owner", "author", "subject", "account", "service", "repository", "fingerprint", "name", "task"];

/// Of policy sets, those that were put forward.
const STAGED: &str = "state <> 'compiled-in'";

impl Store {
    /// A case.
    ///
    /// # Errors
    /// What the database says; likewise for every call here.
    pub async fn case(&self, number: CaseNumber) -> Result<Option<Case>, LedgerError> {
        let sql = "SELECT doc FROM cases WHERE number = $1";
        let row = query(sql, [number.0.into()]).fetch_optional(&self.0.pool).await?;
        row.map(|row| parse(&row.try_get::<String, _>(0)?)).transpose()
    }

    /// The case that goes by a fingerprint.
    ///
    /// # Errors
    /// As above.
    pub async fn find(&self, fingerprint: &str) -> Result<Option<CaseNumber>, LedgerError> {
        let sql = "SELECT about FROM fingerprints WHERE fingerprint = $1";
        let row = query(sql, [column(fingerprint).into()]).fetch_optional(&self.0.pool).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?.map(CaseNumber))
    }

    /// Cases, by number.
    ///
    /// # Errors
    /// As above.
    pub async fn cases(&self, filter: &Filter) -> Result<Vec<Case>, LedgerError> {
        let (sql, args) = select("doc", filter, self.0.dialect.position());
        let rows = query(&sql, args).fetch_all(&self.0.pool).await?;
        rows.iter().map(|row| parse(&row.try_get::<String, _>(0)?)).collect()
    }

    /// How many cases there are; at most the filter's limit.
    ///
    /// # Errors
    /// As above.
    pub async fn count(&self, filter: &Filter) -> Result<i64, LedgerError> {
        let (sql, args) = select("number", filter, self.0.dialect.position());
        let sql = format!("SELECT count(*) FROM ({sql}) AS found");
        Ok(query(&sql, args).fetch_one(&self.0.pool).await?.try_get(0)?)
    }

    /// What counts no more at a time (in seconds since 1970 UTC) and is not written down as such yet: requests for approval,
    /// granted ones too, and accepted risks.
    ///
    /// # Errors
    /// As above.
    pub async fn overdue(&self, now: i64) -> Result<Overdue, LedgerError> {
        let mut overdue = Overdue::default();
        let sql = "SELECT about, request FROM approvals WHERE state IN ('waiting', 'granted') AND expires <= $1 \
                   ORDER BY about, place";
        for row in query(sql, [now.into()]).fetch_all(&self.0.pool).await? {
            overdue.approvals.push((CaseNumber(row.try_get(0)?), row.try_get(1)?));
        }
        let until = self.0.dialect.accepted_until();
        let sql = format!("SELECT number FROM cases WHERE stage = 'risk-accepted' AND {until} <= $1 ORDER BY number");
        for row in query(&sql, [now.into()]).fetch_all(&self.0.pool).await? {
            overdue.risks.push(CaseNumber(row.try_get(0)?));
        }
        Ok(overdue)
    }

    /// Facts whose value has this in it, in any case of letters; of that name where one is given. At most 10,000.
    ///
    /// # Errors
    /// As above.
    pub async fn with_fact(&self, name: Option<&str>, value: &str) -> Result<Vec<(CaseNumber, FactRow)>, LedgerError> {
        let position = self.0.dialect.position();
        let mut sql = format!("SELECT about, name, value, source FROM facts WHERE {position}(folded, $1) > 0");
        let mut args = vec![Arg::from(column(value).to_lowercase())];
        if let Some(name) = name {
            sql.push_str(" AND name = $2");
            args.push(column(name).into());
        }
        sql.push_str(" ORDER BY about, name, value, source LIMIT 10000");
        let mut found = Vec::new();
        for row in query(&sql, args).fetch_all(&self.0.pool).await? {
            let stored: String = row.try_get(1)?;
            let Some(name) = FACTS.into_iter().find(|known| *known == stored) else { continue };
            let fact = FactRow { name, value: row.try_get(2)?, source: row.try_get(3)? };
            found.push((CaseNumber(row.try_get(0)?), fact));
        }
        Ok(found)
    }

    /// Events after one, by number; of one case where one is given.
    ///
    /// # Errors
    /// As above.
    pub async fn events(&self, after: i64, limit: u32, case: Option<CaseNumber>) -> Result<Vec<Event>, LedgerError> {
        let mut sql = format!("SELECT {COLUMNS} FROM events WHERE seq > $1");
        let mut args = vec![Arg::Int(after), Arg::Int(i64::from(limit))];
        if let Some(case) = case {
            sql.push_str(" AND about = $3");
            args.push(case.0.into());
        }
        sql.push_str(" ORDER BY seq LIMIT $2");
        let rows = query(&sql, args).fetch_all(&self.0.pool).await?;
        rows.iter().map(|row| Stored::read(row)?.event()).collect()
    }

    /// Everybody who was ever registered, by name.
    ///
    /// # Errors
    /// As above.
    pub async fn people(&self) -> Result<Vec<Principal>, LedgerError> {
        let mut all = Vec::new();
        for row in query("SELECT doc FROM people ORDER BY id", []).fetch_all(&self.0.pool).await? {
            all.push(person(&row.try_get::<String, _>(0)?)?);
        }
        Ok(all)
    }

    /// A principal.
    ///
    /// # Errors
    /// As above.
    pub async fn person(&self, id: &PrincipalId) -> Result<Option<Principal>, LedgerError> {
        let sql = "SELECT doc FROM people WHERE id = $1";
        let row = query(sql, [id.as_str().into()]).fetch_optional(&self.0.pool).await?;
        row.map(|row| person(&row.try_get::<String, _>(0)?)).transpose()
    }

    /// A policy set that was staged, by its hash.
    ///
    /// # Errors
    /// As above.
    pub async fn policy(&self, hash: &str) -> Result<Option<PolicyStanding>, LedgerError> {
        Ok(self.policies_where(&format!("WHERE hash = $1 AND {STAGED}"), vec![column(hash).into()]).await?.pop())
    }

    /// The policy set that counts.
    ///
    /// # Errors
    /// As above.
    pub async fn active_policy(&self) -> Result<Option<PolicyStanding>, LedgerError> {
        Ok(self.policies_where("WHERE state = 'active'", Vec::new()).await?.pop())
    }

    /// Every policy set that was ever staged, by hash.
    ///
    /// # Errors
    /// As above.
    pub async fn policies(&self) -> Result<Vec<PolicyStanding>, LedgerError> {
        self.policies_where(&format!("WHERE {STAGED}"), Vec::new()).await
    }

    /// What a policy set has earned to do by itself, one that is compiled in and was never staged included.
    ///
    /// # Errors
    /// As above.
    pub async fn promoted(&self, hash: &str) -> Result<Vec<Promotion>, LedgerError> {
        let standing = self.policies_where("WHERE hash = $1", vec![column(hash).into()]).await?.pop();
        Ok(standing.map(|one| one.promoted).unwrap_or_default())
    }

    async fn policies_where(&self, which: &str, args: Vec<Arg>) -> Result<Vec<PolicyStanding>, LedgerError> {
        let sql = format!("SELECT doc FROM policies {which} ORDER BY hash");
        let mut all = Vec::new();
        for row in query(&sql, args).fetch_all(&self.0.pool).await? {
            let doc: String = row.try_get(0)?;
            let bad = |e| LedgerError::Data(format!("a policy set cannot be read: {e}; rebuild the projections"));
            all.push(serde_json::from_str(&doc).map_err(bad)?);
        }
        Ok(all)
    }

    /// Requests for approval that wait, the one that ends first ahead.
    ///
    /// # Errors
    /// As above.
    pub async fn waiting(&self) -> Result<Vec<Waiting>, LedgerError> {
        let sql = "SELECT a.about, a.request, c.doc FROM approvals a JOIN cases c ON c.number = a.about \
                   WHERE a.state = 'waiting' ORDER BY a.expires, a.about, a.place";
        let mut all = Vec::new();
        for row in query(sql, []).fetch_all(&self.0.pool).await? {
            let request: String = row.try_get(1)?;
            let case = parse(&row.try_get::<String, _>(2)?)?;
            let is = |a: &Approval| column(&a.request.id) == request && a.state == ApprovalState::Waiting;
            let approval = case.approvals.into_iter().find(is);
            all.extend(approval.map(|approval| Waiting { case: case.number, approval }));
        }
        Ok(all)
    }

    /// The last event: its number, and its hash as 64 hexadecimal digits.
    ///
    /// # Errors
    /// As above.
    pub async fn head(&self) -> Result<(i64, String), LedgerError> {
        let mut conn = self.0.pool.acquire().await?;
        let head = self.head_of(&mut conn).await?;
        Ok((head.seq, hex(&head.hash)))
    }

    /// The database's time, in seconds since 1970 UTC.
    ///
    /// # Errors
    /// As above.
    pub async fn now(&self) -> Result<i64, LedgerError> {
        let mut conn = self.0.pool.acquire().await?;
        self.clock(&mut conn).await
    }

    /// How much there is.
    ///
    /// # Errors
    /// As above.
    pub async fn counts(&self) -> Result<Counts, LedgerError> {
        let mut counts = Counts { events: self.head().await?.0, ..Counts::default() };
        let mut stages = Vec::new();
        for row in query("SELECT stage, count(*) FROM cases GROUP BY stage", []).fetch_all(&self.0.pool).await? {
            stages.push((row.try_get::<String, _>(0)?, row.try_get::<i64, _>(1)?));
        }
        let of = |stage: Stage| stages.iter().find(|(name, _)| name == stage.as_str()).map_or(0, |(_, count)| *count);
        counts.cases = Stage::ALL.into_iter().map(|stage| (stage, of(stage))).collect();
        let sql = "SELECT count(*) FROM approvals WHERE state = 'waiting'";
        counts.waiting = query(sql, []).fetch_one(&self.0.pool).await?.try_get(0)?;
        let sql = "SELECT state, count(*) FROM jobs GROUP BY state ORDER BY state";
        for row in query(sql, []).fetch_all(&self.0.pool).await? {
            counts.jobs.push((row.try_get(0)?, row.try_get(1)?));
        }
        Ok(counts)
    }

    /// How the last scan of a target ended.
    ///
    /// # Errors
    /// As above.
    pub async fn last_scan(&self, target: &Untrusted) -> Result<Option<LastScan>, LedgerError> {
        let sql = format!("SELECT {COLUMNS} FROM events WHERE seq = (SELECT seq FROM scans WHERE target = $1)");
        let row = query(&sql, [target_key(target).into()]).fetch_optional(&self.0.pool).await?;
        let Some(event) = row.map(|row| Stored::read(&row)?.event()).transpose()? else { return Ok(None) };
        Ok(match event.body {
            Body::ScanEnded { complete, credentials, .. } => Some(LastScan { at: event.at, complete, credentials }),
            _ => None,
        })
    }
}

fn person(doc: &str) -> Result<Principal, LedgerError> {
    let bad = |e| LedgerError::Data(format!("a person cannot be read: {e}; rebuild the projections"));
    Ok(serde_json::from_str::<Registered>(doc).map_err(bad)?.principal)
}

/// The query of a filter, for one column of cases.
fn select(what: &str, filter: &Filter, position: &str) -> (String, Vec<Arg>) {
    let mut args = vec![Arg::Int(filter.after.map_or(0, |case| case.0))];
    let mut wanted = vec!["number > $1".to_owned()];
    let one_of = |column: &str, words: Vec<String>, args: &mut Vec<Arg>| {
        let names: Vec<String> = (1..=words.len()).map(|n| format!("${}", args.len() + n)).collect();
        args.extend(words.into_iter().map(Arg::Text));
        format!("{column} IN ({})", names.join(","))
    };
    if !filter.stages.is_empty() {
        let words = filter.stages.iter().map(|stage| stage.as_str().to_owned()).collect();
        wanted.push(one_of("stage", words, &mut args));
    }
    if !filter.providers.is_empty() {
        wanted.push(one_of("provider", filter.providers.iter().map(|p| column(p)).collect(), &mut args));
    }
    if filter.live {
        wanted.push("verdict IN ('live', 'live-limited')".to_owned());
    }
    if filter.waiting {
        wanted.push("EXISTS (SELECT 1 FROM approvals a WHERE a.about = number AND a.state = 'waiting')".to_owned());
    }
    if let Some(owner) = &filter.owner {
        args.push(column(owner).into());
        wanted.push(format!("owner = ${}", args.len()));
    }
    if let Some(severity) = filter.severity {
        args.push(Arg::Int(severity as i64));
        wanted.push(format!("severity >= ${}", args.len()));
    }
    if let Some(text) = &filter.text {
        args.push(column(text).to_lowercase().into());
        wanted.push(format!("{position}(search, ${}) > 0", args.len()));
    }
    let limit = if filter.limit == 0 { 1000 } else { filter.limit };
    (format!("SELECT {what} FROM cases WHERE {} ORDER BY number LIMIT {limit}", wanted.join(" AND ")), args)
}
