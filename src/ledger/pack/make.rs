//! Writes the pack of a case.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use sqlx::{AnyConnection, Row as _};

use super::check::verify_pack;
use super::{FORM, Header, Line, PackPolicy, Recorded, sealed};
use crate::ledger::canonical::{canonical, hex, sha256_hex};
use crate::ledger::chain::{COLUMNS, Stored};
use crate::ledger::db::{Arg, query};
use crate::ledger::error::LedgerError;
use crate::ledger::keys::SigningKey;
use crate::ledger::store::Store;
use crate::model::case::CaseNumber;
use crate::model::event::{Body, Event};
use crate::model::principal::{PrincipalId, Role};

impl Store {
    /// Writes the evidence pack of a case, sealed with the key of the store's checkpoints. It is checked before it is written: what
    /// does not verify is not handed out. How many events are in it.
    ///
    /// # Errors
    /// [`LedgerError::NotPermitted`] where the key is not the one that the store was made with; [`LedgerError::Data`] where there is
    /// no such case; [`LedgerError::Unsound`] where the events are not what was written; what the database and the writer say.
    pub async fn pack(
        &self,
        case: CaseNumber,
        key: &SigningKey,
        to: &mut (dyn Write + Send),
    ) -> Result<usize, LedgerError> {
        if key.public_hex() != self.checkpoint_key() {
            return Err(LedgerError::NotPermitted("packs of this store are sealed with another key".to_owned()));
        }
        let mut conn = self.0.pool.acquire().await?;
        let (head, at) = (self.head_of(&mut conn).await?, self.clock(&mut conn).await?);
        let own = rows(&mut conn, "about = $1 AND seq <= $2", vec![case.0.into(), head.seq.into()]).await?;
        if own.is_empty() {
            return Err(LedgerError::Data(format!("there is no case {case}")));
        }
        let people = "about IS NULL AND seq <= $1 AND \
                      (body LIKE '%\"kind\":\"person-%' OR body LIKE '%\"kind\":\"roles-set\"%')";
        let people = rows(&mut conn, people, vec![head.seq.into()]).await?;
        let first = rows(&mut conn, "seq = $1", vec![1.into()]).await?;
        let events = chosen(own, people, first)?;
        let header = Header {
            form: FORM,
            store: self.id().to_owned(),
            case: case.0,
            at,
            key: key.public_hex(),
            head: (head.seq, hex(&head.hash)),
        };
        let mut lines = vec![Line::Pack(header.clone())];
        let mut list = Vec::new();
        for (row, _) in events.values() {
            let ahead = ahead(&mut conn, row.seq).await?;
            list.push((row.seq, hex(&row.hash)));
            lines.push(Line::Event(recorded(row.clone(), &ahead)));
        }
        drop(conn);
        let policies = self.policies_of(events.values().map(|(_, event)| event)).await?;
        let signature = key.sign(sealed(&header, &list, &policies)?.as_bytes());
        lines.extend(policies.into_iter().map(Line::Policy));
        lines.push(Line::Seal { signature });
        lines.push(Line::End { lines: lines.len() as u64 });
        let mut text = String::new();
        for line in &lines {
            text.push_str(&canonical(line)?);
            text.push('\n');
        }
        verify_pack(&mut text.as_bytes(), Some(self.checkpoint_key()))?;
        to.write_all(text.as_bytes()).and_then(|()| to.flush()).map_err(LedgerError::io("the pack"))?;
        Ok(events.len())
    }

    /// The policy sets that decisions name, by hash.
    async fn policies_of<'e>(&self, events: impl Iterator<Item = &'e Event>) -> Result<Vec<PackPolicy>, LedgerError> {
        let mut named = BTreeMap::new();
        for event in events {
            if let Body::Decided { decision } = &event.body {
                named.insert(decision.policy.clone(), decision.schema.clone());
            }
        }
        let mut policies = Vec::new();
        for (hash, schema) in named {
            let staged = self.policy(&hash).await?.map(|standing| standing.set);
            let files = staged.iter().flat_map(|set| &set.files);
            let files = files.map(|(name, text)| (name.clone(), sha256_hex(text.as_bytes()))).collect();
            policies.push(PackPolicy { hash, schema, profile: staged.as_ref().map(|set| set.profile.clone()), files });
        }
        Ok(policies)
    }
}

/// Events, in order, with what they say.
async fn rows(conn: &mut AnyConnection, which: &str, args: Vec<Arg>) -> Result<Vec<(Stored, Event)>, LedgerError> {
    let sql = format!("SELECT {COLUMNS} FROM events WHERE {which} ORDER BY seq");
    let mut all = Vec::new();
    for row in query(&sql, args).fetch_all(conn).await? {
        let stored = Stored::read(&row)?;
        let event = stored.event()?;
        all.push((stored, event));
    }
    Ok(all)
}

/// The hash of the event ahead of one; zeros before the first.
async fn ahead(conn: &mut AnyConnection, seq: i64) -> Result<String, LedgerError> {
    if seq == 1 {
        return Ok(hex(&[0; 32]));
    }
    let row = query("SELECT hash FROM events WHERE seq = $1", [(seq - 1).into()]).fetch_optional(conn).await?;
    let missing = || LedgerError::Chain { seq, what: "the event ahead of it is missing".to_owned() };
    Ok(hex(&row.ok_or_else(missing)?.try_get::<Vec<u8>, _>(0)?))
}

/// The events of a pack, by number: the case's, the first of the store, and those that say who the people are who wrote any of
/// these.
fn chosen(
    own: Vec<(Stored, Event)>,
    people: Vec<(Stored, Event)>,
    first: Vec<(Stored, Event)>,
) -> Result<BTreeMap<i64, (Stored, Event)>, LedgerError> {
    let mut events: BTreeMap<i64, (Stored, Event)> =
        own.into_iter().chain(first).map(|(row, event)| (row.seq, (row, event))).collect();
    loop {
        let mut known: BTreeSet<PrincipalId> = BTreeSet::new();
        for (_, event) in events.values() {
            known.extend(event.actor.principal().into_iter().chain(event.actor.signer()).cloned());
            // Whoever ends their own office has to leave another administrator.
            let own = subject(&event.body).is_some_and(|id| event.actor.principal() == Some(id));
            if own && matches!(event.body, Body::RolesSet { .. } | Body::PersonRevoked { .. }) {
                known.extend(people.iter().filter_map(|(_, event)| administrator(&event.body)).cloned());
            }
        }
        let before = events.len();
        for (row, event) in &people {
            if subject(&event.body).is_some_and(|id| known.contains(id)) {
                events.entry(row.seq).or_insert_with(|| (row.clone(), event.clone()));
            }
        }
        if events.len() == before {
            return Ok(events);
        }
    }
}

/// Whom an event about people is about.
const fn subject(body: &Body) -> Option<&PrincipalId> {
    match body {
        Body::PersonAdded { principal } => Some(&principal.id),
        Body::PersonBound { id, .. } | Body::RolesSet { id, .. } | Body::PersonRevoked { id, .. } => Some(id),
        _ => None,
    }
}

/// Whom an event makes an administrator.
fn administrator(body: &Body) -> Option<&PrincipalId> {
    match body {
        Body::PersonAdded { principal } if principal.roles.contains(&Role::Administrator) => Some(&principal.id),
        Body::RolesSet { id, roles } if roles.contains(&Role::Administrator) => Some(id),
        _ => None,
    }
}

fn recorded(row: Stored, ahead: &str) -> Recorded {
    let Stored { format, seq, at, about: case, actor, body, nonce, signature, hash } = row;
    let (ahead, hash) = (ahead.to_owned(), hex(&hash));
    Recorded { format, seq, at, case, actor, body, nonce, signature, ahead, hash }
}
