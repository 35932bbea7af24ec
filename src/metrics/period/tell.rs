//! Puts a [`Period`] together: of all cases, or of those of one team.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use super::super::life::{Life, Request};
use super::fold::{Kept, PeriodFold, Tally};
use super::{
    AcceptedRisk, Automatic, Count, Covered, Done, Exceptions, Found, Period, Recommended, Row, UnmetRow, WaitingRow,
};
use crate::model::action::{Action, Tier};
use crate::model::case::{ApprovalState, CaseNumber};
use crate::model::{Severity, Untrusted};

/// A case that is told of.
type Told<'a> = (CaseNumber, &'a Kept, &'a Life);

pub(super) fn period(fold: &PeriodFold, team: Option<&Untrusted>, now: i64) -> Period {
    let as_of = fold.until.min(now);
    let lives = fold.at_end().cases().filter_map(|(number, life)| Some((number, fold.cases.get(&number)?, life)));
    let cases: Vec<Told<'_>> =
        lives.filter(|(.., life)| team.is_none_or(|team| life.owner.as_ref() == Some(team))).collect();
    let tallies: Vec<&Tally> =
        cases.iter().map(|(_, kept, _)| &kept.tally).chain(std::iter::once(&fold.whole)).collect();
    Period {
        since: fold.since,
        until: fold.until,
        as_of,
        team: team.cloned(),
        found: found(fold, &cases),
        done: done(fold, &cases),
        recommended: recommended(fold, &cases, &tallies),
        exceptions: exceptions(fold, &cases, &tallies, as_of),
        covered: covered(fold, &tallies),
        controls: summed(tallies.iter().flat_map(|tally| &tally.controls)),
        deeds: summed(tallies.iter().flat_map(|tally| &tally.deeds)),
    }
}

/// Counts under the same key, together.
fn summed<'a, K: Ord + Clone + 'a>(counts: impl Iterator<Item = (&'a K, &'a usize)>) -> BTreeMap<K, usize> {
    let mut all = BTreeMap::new();
    for (key, count) in counts {
        *all.entry(key.clone()).or_default() += count;
    }
    all
}

/// Counts of cases by something.
struct Counts<K>(HashMap<K, Count>);

impl<K: Hash + Eq + Ord> Counts<K> {
    fn new() -> Self {
        Self(HashMap::new())
    }

    fn add(&mut self, key: K, live: bool) {
        let count = self.0.entry(key).or_default();
        (count.cases, count.live) = (count.cases + 1, count.live + usize::from(live));
    }

    /// The most first; of as many, in the order of their keys.
    fn sorted(self) -> Vec<(K, Count)> {
        let mut all: Vec<(K, Count)> = self.0.into_iter().collect();
        all.sort_by(|(a, one), (b, other)| (other.cases, other.live, a).cmp(&(one.cases, one.live, b)));
        all
    }
}

impl Counts<Option<Untrusted>> {
    fn rows(self) -> Vec<Row> {
        self.sorted().into_iter().map(|(name, count)| Row { name, count }).collect()
    }
}

fn found(fold: &PeriodFold, cases: &[Told<'_>]) -> Found {
    let (mut providers, mut owners, mut repositories) = (Counts::new(), Counts::new(), Counts::new());
    let (mut rules, mut severities) = (Counts::new(), Counts::<Severity>::new());
    let mut found = Found::default();
    for (number, kept, life) in cases.iter().filter(|(_, kept, _)| kept.opened >= fold.since) {
        found.all.cases += 1;
        found.all.live += usize::from(kept.live);
        providers.add(life.provider.clone(), kept.live);
        owners.add(life.owner.clone(), kept.live);
        severities.add(kept.severity, kept.live);
        rules.add(kept.rule.as_str(), kept.live);
        if life.repositories.is_empty() {
            repositories.add(None, kept.live);
        }
        life.repositories.iter().for_each(|name| repositories.add(Some(name.clone()), kept.live));
        let works = life.checks.last().is_some_and(|check| check.state.is_live());
        found.live_at_end += usize::from(works);
        found.never_verified += usize::from(life.checks.is_empty());
        found.never_notified += usize::from(life.notified.is_none());
        if works && life.notified.is_none() {
            found.live_untold.push(*number);
        }
    }
    found.by_provider = providers.rows();
    found.by_owner = owners.rows();
    found.by_repository = repositories.rows();
    found.by_severity = severities.sorted();
    found.by_severity.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    let title = |id: &str| fold.titles.get(id).map_or(id, String::as_str).into();
    found.by_rule = rules.sorted().into_iter().map(|(id, count)| (id.into(), title(id), count)).collect();
    found
}

fn done(fold: &PeriodFold, cases: &[Told<'_>]) -> Done {
    let mut done = Done::default();
    for (number, kept, life) in cases {
        let (tally, again) = (&kept.tally, &kept.tally.reopened);
        (done.proved, done.judged) = (done.proved + tally.closed.0, done.judged + tally.closed.1);
        done.reopened.appeared += again.appeared;
        done.reopened.lives_again += again.lives_again;
        done.reopened.acceptance_ended += again.acceptance_ended;
        done.reported.extend(tally.reported.iter().cloned());
        let own = life.acts.iter().filter(|act| act.automatic && act.at >= fold.since);
        done.automatic.extend(own.map(|act| Automatic {
            case: *number,
            action: act.action,
            policies: act.policies.clone(),
            at: act.at,
        }));
    }
    done.reported.sort_by_key(|reported| (reported.at, reported.case));
    done.automatic.sort_by_key(|act| (act.at, act.case));
    done
}

fn recommended(fold: &PeriodFold, cases: &[Told<'_>], tallies: &[&Tally]) -> Recommended {
    let mut tiers: BTreeMap<(Action, Tier), usize> = BTreeMap::new();
    let mut unmet: HashMap<&str, usize> = HashMap::new();
    for (_, kept, _) in cases {
        let mut of_case: BTreeSet<&str> = BTreeSet::new();
        for (action, (tier, ids)) in &kept.last {
            *tiers.entry((*action, *tier)).or_default() += 1;
            of_case.extend(ids.iter().map(String::as_str));
        }
        of_case.into_iter().for_each(|id| *unmet.entry(id).or_default() += 1);
    }
    let title = |id: &str| fold.titles.get(id).map_or(id, String::as_str).into();
    let row = |(id, cases): (&str, usize)| UnmetRow { id: id.into(), title: title(id), cases };
    let mut unmet: Vec<UnmetRow> = unmet.into_iter().map(row).collect();
    unmet.sort_by(|a, b| (b.cases, &a.id).cmp(&(a.cases, &b.id)));
    let [recommendations, acts, failed] = tallies.iter().fold([0; 3], |[a, b, c], tally| {
        let [x, y, z] = tally.decisions;
        [a + x, b + y, c + z]
    });
    let policies = summed(tallies.iter().flat_map(|tally| &tally.policies));
    Recommended { recommendations, acts, failed, tiers, unmet, policies }
}

fn exceptions(fold: &PeriodFold, cases: &[Told<'_>], tallies: &[&Tally], as_of: i64) -> Exceptions {
    let mut out = Exceptions::default();
    for (number, kept, life) in cases {
        let stood = |from: i64, to: i64| from < fold.until && to >= fold.since;
        let risks = kept.risks.iter().filter(|risk| stood(risk.at, risk.ended.unwrap_or(risk.until)));
        out.risks.extend(risks.map(|risk| AcceptedRisk {
            case: *number,
            owner: life.owner.clone(),
            by: risk.by.as_str().into(),
            reason: risk.reason.as_str().into(),
            at: risk.at,
            until: risk.until,
            ended: risk.ended,
        }));
        let ended = |e: &super::EmergencyRow| e.ended.as_ref().map_or(e.until, |(at, _)| (*at).min(e.until));
        out.emergencies.extend(kept.emergencies.iter().filter(|e| stood(e.at, ended(e))).cloned());
        let waits = |request: &&Request| request.state == ApprovalState::Waiting;
        out.waiting.extend(life.requests.iter().filter(waits).map(|request| WaitingRow {
            case: *number,
            id: request.id.clone(),
            action: request.action,
            at: request.requested,
            age: as_of.saturating_sub(request.requested).max(0),
        }));
    }
    out.waiting.sort_by_key(|waiting| (waiting.at, waiting.case));
    let mut refused: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for tally in tallies {
        let [requested, granted, rejected, expired] = tally.approvals;
        (out.requested, out.granted) = (out.requested + requested, out.granted + granted);
        (out.rejected, out.expired) = (out.rejected + rejected, out.expired + expired);
        for (verb, reason) in &tally.refused {
            *refused.entry((verb, reason)).or_default() += 1;
        }
    }
    out.refused = refused.into_iter().map(|((verb, why), count)| (verb.into(), why.into(), count)).collect();
    out.refused.sort_by_key(|(.., count)| std::cmp::Reverse(*count));
    out
}

fn covered(fold: &PeriodFold, tallies: &[&Tally]) -> Covered {
    let mut covered = fold.scanned.clone();
    for tally in tallies {
        covered.delivered += tally.delivered;
        covered.dead_letters.extend(tally.dead_letters.iter().cloned());
    }
    covered.dead_letters.sort_by_key(|letter| letter.at);
    covered
}
