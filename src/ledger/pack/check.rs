//! Checks the pack of a case, without the store that it is of.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, Read as _};

use super::{FORM, Header, Line, PackPolicy, Recorded, sealed};
use crate::ledger::canonical::{canonical, unhex};
use crate::ledger::chain::{FORMAT, Stored};
use crate::ledger::error::LedgerError;
use crate::ledger::keys::{self, public, signed};
use crate::ledger::project::people::People;
use crate::ledger::tx::in_its_place;
use crate::model::case::{Case, CaseNumber};
use crate::model::event::{Body, Event};

/// The longest line that is read.
const LONGEST: u64 = 64 << 20;

/// What a pack proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackVerified {
    /// The store's name.
    pub store: String,
    /// The case, made anew of its events.
    pub case: Box<Case>,
    /// Its events, in their order.
    pub events: Vec<Event>,
    /// How many events beside them say who wrote them.
    pub people: usize,
    /// How many signatures of principals were checked.
    pub signatures: usize,
    /// The policy sets that its decisions name.
    pub policies: Vec<PackPolicy>,
    /// When the pack was made, in seconds since 1970 UTC by the store's clock.
    pub at: i64,
    /// The last event of the chain when it was made: its number and hash.
    pub head: (i64, String),
    /// The public key that it is sealed with.
    pub key: String,
    /// Whether that is a key that the reader trusts, and not only the one that the pack names.
    pub trusted: bool,
}

impl PackVerified {
    /// What no pack can prove, in words for people.
    #[must_use]
    pub fn limits(&self) -> Vec<&'static str> {
        let mut all = Vec::new();
        if !self.trusted {
            all.push(
                "no key was given to trust: whoever made the pack may have made its key, its people and its events as well; \
                 take the key from where the store's checkpoints are kept",
            );
        }
        all.push("that no event of the case was left out rests on the seal: the store's keeper says so");
        all.push("what happened to the case after the pack was made is not in it");
        all.push("times are the store's own; a checkpoint from elsewhere shows when a hash was known at the latest");
        all.push("the files of policies are named by their hashes and not in it");
        all
    }
}

/// Checks a pack: every hash, every signature against the keys of the people whom it names, that each event was written by
/// somebody who might, and the seal. With `trusted`, the seal has to be of that key: the public key of the store's checkpoints, 64
/// hexadecimal digits, known from elsewhere.
///
/// # Errors
/// [`LedgerError::Unsound`] with the first thing that is wrong, and where it stands.
pub fn verify_pack(from: &mut dyn BufRead, trusted: Option<&str>) -> Result<PackVerified, LedgerError> {
    let unsound = |what: String| LedgerError::Unsound { place: "the pack".to_owned(), what };
    let lines = Lines::read(from).map_err(unsound)?;
    let at = |seq: i64| {
        move |what: String| LedgerError::Unsound { place: "the pack".to_owned(), what: format!("event {seq}: {what}") }
    };
    // Hashes first: what was changed is told where it is, and the many signatures are checked of what was written alone.
    let mut before = None;
    let mut rows = Vec::with_capacity(lines.events.len());
    for recorded in &lines.events {
        rows.push(chained(recorded, before).map_err(at(recorded.seq))?);
        before = Some(recorded);
    }
    lines.seal(trusted).map_err(unsound)?;
    let mut checker = Checker::new(&lines.header);
    for row in &rows {
        checker.take(row).map_err(at(row.seq))?;
    }
    checker.done(lines, trusted.is_some()).map_err(unsound)
}

/// A pack, line by line.
struct Lines {
    header: Header,
    events: Vec<Recorded>,
    policies: Vec<PackPolicy>,
    seal: String,
}

impl Lines {
    fn read(from: &mut dyn BufRead) -> Result<Self, String> {
        let mut number = 0;
        let header = match line(from, &mut number)? {
            Line::Pack(header) if header.form == FORM => header,
            Line::Pack(Header { form, .. }) if form > FORM => {
                return Err(format!("made by a newer quell (form {form}, this one knows {FORM})"));
            }
            _ => return Err("it is no pack of a case".to_owned()),
        };
        let mut pack = Self { header, events: Vec::new(), policies: Vec::new(), seal: String::new() };
        loop {
            match line(from, &mut number)? {
                Line::Event(event) if pack.policies.is_empty() => pack.events.push(event),
                Line::Policy(policy) => pack.policies.push(policy),
                Line::Seal { signature } => {
                    pack.seal = signature;
                    break;
                }
                _ => return Err(format!("line {number} is not in its place")),
            }
        }
        match line(from, &mut number)? {
            Line::End { lines } if lines + 1 == number => {}
            Line::End { lines } => {
                return Err(format!("it says that it has {lines} lines before its end, and has {}", number - 1));
            }
            _ => return Err(format!("line {number} is not in its place")),
        }
        match from.fill_buf() {
            Ok([]) => Ok(pack),
            Ok(_) => Err("something follows its end".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether the seal is that of the key that is named and, where there is one, trusted.
    fn seal(&self, trusted: Option<&str>) -> Result<(), String> {
        let header = &self.header;
        if trusted.is_some_and(|trusted| trusted != header.key) {
            return Err("it is sealed with another key than the one that is trusted".to_owned());
        }
        let hashes: Vec<(i64, String)> = self.events.iter().map(|event| (event.seq, event.hash.clone())).collect();
        let message = sealed(header, &hashes, &self.policies).map_err(|e| e.to_string())?;
        if !public(&header.key).is_some_and(|key| signed(&key, message.as_bytes(), &self.seal)) {
            return Err("the seal does not count: something was changed, added or left out".to_owned());
        }
        match hashes.last() {
            Some((last, hash)) if *last < header.head.0 || (*last, hash) == (header.head.0, &header.head.1) => Ok(()),
            _ => Err("its last event is not below the head that it names".to_owned()),
        }
    }
}

/// An event that is what was written, and can stand after the one before it: some may be left out between them, and none is turned
/// around.
fn chained(recorded: &Recorded, before: Option<&Recorded>) -> Result<Stored, String> {
    match before {
        None if recorded.seq != 1 => return Err("the first event of the store is missing".to_owned()),
        None if recorded.ahead.bytes().any(|b| b != b'0') => {
            return Err("nothing is ahead of the first event".to_owned());
        }
        Some(before) if recorded.seq <= before.seq => return Err("it is not in its place".to_owned()),
        Some(before) if recorded.at < before.at => return Err("it is older than one before it".to_owned()),
        Some(before) if recorded.seq == before.seq + 1 && recorded.ahead != before.hash => {
            return Err("the hash ahead of it is not that of the event before".to_owned());
        }
        _ => {}
    }
    let Recorded { format, seq, at, case: about, actor, body, nonce, signature, ahead, hash } = recorded.clone();
    let ahead = unhex(&ahead).filter(|hash| hash.len() == 32).ok_or("the hash ahead of it is none")?;
    let hash = unhex(&hash).ok_or("its hash is none")?;
    let row = Stored { format, seq, at, about, actor, body, nonce, signature, hash };
    if row.format != FORMAT {
        return Err(format!("its form {} is not known", row.format));
    }
    if row.hashed(&ahead).as_slice() != row.hash.as_slice() {
        return Err("it is not what was written: its hash does not fit".to_owned());
    }
    Ok(row)
}

/// The next line. There is one way to write it: what reads the same and is written otherwise is refused.
fn line(from: &mut dyn BufRead, number: &mut u64) -> Result<Line, String> {
    *number += 1;
    let at = |what: &str| format!("line {number}: {what}");
    let mut text = Vec::new();
    from.take(LONGEST).read_until(b'\n', &mut text).map_err(|e| at(&e.to_string()))?;
    let Some(text) = text.strip_suffix(b"\n") else {
        return Err(if text.is_empty() { "it ends early".to_owned() } else { at("it is too long, or cut off") });
    };
    let line: Line = serde_json::from_slice(text).map_err(|e| at(&e.to_string()))?;
    let written = canonical(&line).map_err(|e| at(&e.to_string()))?;
    if written.as_bytes() != text {
        return Err(at("it is not written as quell writes it"));
    }
    Ok(line)
}

/// What was seen so far.
struct Checker {
    store: String,
    number: i64,
    people: People,
    nonces: HashSet<String>,
    key: Option<String>,
    case: Option<Case>,
    events: Vec<Event>,
    beside: usize,
    signatures: usize,
}

impl Checker {
    fn new(header: &Header) -> Self {
        Self {
            store: header.store.clone(),
            number: header.case,
            people: People::default(),
            nonces: HashSet::new(),
            key: None,
            case: None,
            events: Vec::new(),
            beside: 0,
            signatures: 0,
        }
    }

    fn take(&mut self, row: &Stored) -> Result<(), String> {
        let event = row.parsed()?;
        in_its_place(&event).map_err(|e| e.to_string())?;
        self.signature(row, &event)?;
        self.people.take(&event.actor, &event.body, event.at).map_err(|e| e.to_string())?;
        match (&event.body, event.case) {
            (Body::StoreMade { store, checkpoint_key }, None) if row.seq == 1 => {
                if *store != self.store {
                    return Err("it names another store than the first line".to_owned());
                }
                self.key = Some(checkpoint_key.clone());
            }
            (Body::StoreMade { .. }, _) => {
                return Err("it says which store this is, as the first alone does".to_owned());
            }
            (_, Some(CaseNumber(number))) if number == self.number => {
                let after = Case::after(self.case.take(), &event).map_err(|e| e.to_string())?;
                self.case = Some(after);
                self.events.push(event);
            }
            (
                Body::PersonAdded { .. }
                | Body::PersonBound { .. }
                | Body::RolesSet { .. }
                | Body::PersonRevoked { .. },
                None,
            ) => self.beside += 1,
            _ => return Err("it is about something else".to_owned()),
        }
        Ok(())
    }

    /// Checks the signature of its principal, with the key that counted then.
    fn signature(&mut self, row: &Stored, event: &Event) -> Result<(), String> {
        match (event.actor.signer(), &row.nonce, &row.signature) {
            (Some(id), Some(nonce), Some(signature)) => {
                let who = keys::signed_as(&event.actor).map_err(|e| e.to_string())?.unwrap_or_default();
                let key = self.people.key_for(id, &event.body).map_err(|e| e.to_string())?;
                let key = public(&key).ok_or("the key of its principal is none")?;
                if !keys::is_nonce(nonce) || !self.nonces.insert(nonce.clone()) {
                    return Err("its nonce is none, or was used before".to_owned());
                }
                let message = keys::message(&self.store, row.about, &who, nonce, &row.body);
                if !signed(&key, message.as_bytes(), signature) {
                    return Err("its signature is not its principal's".to_owned());
                }
                self.signatures += 1;
                Ok(())
            }
            (Some(_), ..) => Err("its signature is missing".to_owned()),
            (None, None, None) => Ok(()),
            _ => Err("it has a signature of nobody".to_owned()),
        }
    }

    fn done(self, lines: Lines, trusted: bool) -> Result<PackVerified, String> {
        let Lines { header, policies, .. } = lines;
        let case = self.case.ok_or("it has no event of its case")?;
        if self.key.as_ref() != Some(&header.key) {
            return Err("the first event of the store names another key than the first line".to_owned());
        }
        named_by(&self.events, &policies)?;
        Ok(PackVerified {
            store: header.store,
            case: Box::new(case),
            events: self.events,
            people: self.beside,
            signatures: self.signatures,
            policies,
            at: header.at,
            head: header.head,
            key: header.key,
            trusted,
        })
    }
}

/// Whether the policy sets are those that decisions name, each once and in order.
fn named_by(events: &[Event], policies: &[PackPolicy]) -> Result<(), String> {
    let mut named = BTreeMap::new();
    for event in events {
        if let Body::Decided { decision } = &event.body {
            named.insert(decision.policy.as_str(), decision.schema.as_str());
        }
    }
    let listed: Vec<(&str, &str)> = policies.iter().map(|p| (p.hash.as_str(), p.schema.as_str())).collect();
    if named.into_iter().eq(listed) {
        Ok(())
    } else {
        Err("its policy sets are not those that its decisions name".to_owned())
    }
}
