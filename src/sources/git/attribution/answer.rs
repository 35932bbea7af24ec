//! What follows for each hit from everything that was collected.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::expand::{self, Expanded};
use super::history::{History, NONE};
use super::hits::Hits;
use super::introduce::{Introductions, Paths};
use super::present::{Present, Tips};
use super::prune::{EMPTY, Pruned};
use super::reach::{Class, End, Name, Reach};
use super::trees::{Frozen, HIT};
use super::{Attribution, Introduction, Narrow, Origin, PATHS, Place, Presence, TIPS};
use crate::model::{Coverage, GapKind, ObjectId, Untrusted};
use crate::sources::git::refs::{Refs, TipKind};

/// The longest path that is named; no system opens a longer one.
const PATH: usize = 4096;

/// The most bytes of paths that are named in one repository; past it, one path a hit.
const ALL_PATHS: usize = 256 << 20;

/// Everything, once it is collected.
pub(super) struct Answer<'a> {
    hits: &'a Hits,
    trees: &'a Frozen,
    history: &'a History,
    reach: Reach,
    /// How many of the latest commits are asked for.
    latest: Option<usize>,
    pruned: Pruned<'a>,
    /// The pruned tree of each commit.
    roots: Vec<u32>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(
        hits: &'a Hits,
        trees: &'a Frozen,
        history: &'a History,
        refs: &Refs,
        narrow: &Narrow<'_>,
    ) -> Self {
        let reach = Reach::new(refs, narrow, history, trees, hits);
        let (pruned, latest) = (Pruned::new(trees), narrow.commits);
        let mut answer = Self { hits, trees, history, reach, latest, pruned, roots: Vec::new() };
        answer.roots = vec![EMPTY; history.len() as usize];
        // Those that a ref leads to first: what is missing below the others is nobody's loss.
        for wanted in [Class::Ref, Class::Log, Class::Nowhere] {
            let before = answer.pruned.missing.len();
            for commit in 0..history.len() {
                if answer.reach.class(commit) == wanted
                    && let Some(tree) = history.record(commit).map(|r| r.tree).filter(|t| *t != NONE)
                    && let Some(root) = answer.roots.get_mut(commit as usize)
                {
                    *root = answer.pruned.node(tree);
                }
            }
            if wanted != Class::Ref {
                answer.pruned.missing.truncate(before);
            }
        }
        answer
    }

    /// Every introduction, with the nodes taken apart.
    pub(super) fn introductions(self) -> Vec<(ObjectId, ObjectId, Vec<u8>)> {
        let mut found = Vec::new();
        let mut all = Introductions::new(self.history, &self.pruned.nodes, &self.roots, &self.reach.shallow);
        all.all(|commit, path, target| found.push((commit, path, target)));
        let mut out = Vec::new();
        while let Some((commit, path, target)) = found.pop() {
            if target & HIT == 0 {
                let children = self.pruned.nodes.children(target).iter();
                found.extend(children.filter_map(|(n, t)| Some((commit, all.paths.below(path, *n)?, *t))));
                continue;
            }
            let ids = [self.history.ids.get(commit), self.hits.get(target & !HIT)].map(ObjectId::new);
            if let [Some(commit), Some(hit)] = ids {
                out.push((commit, hit, path_of(self.trees, &all.paths, path)));
            }
        }
        out
    }

    /// Whether the first commit goes before the second: by how it is reached, date and id. [`NONE`] goes last.
    fn goes_before(&self, a: u32, b: u32) -> bool {
        self.order(a) < self.order(b)
    }

    fn order(&self, commit: u32) -> (bool, Class, i64, &[u8]) {
        let date = self.history.record(commit).map_or(i64::MAX, |r| r.date());
        (commit == NONE, self.reach.class(commit), date, self.history.ids.get(commit))
    }

    pub(super) fn attribution(mut self, repository: &Untrusted, coverage: &mut Coverage) -> Attribution {
        let tips = self.tips();
        let mut brought: HashMap<(u32, u32), u32> = HashMap::new();
        let mut all = Introductions::new(self.history, &self.pruned.nodes, &self.roots, &self.reach.shallow);
        all.all(|commit, path, target| {
            let best = brought.entry((path, target)).or_insert(commit);
            if self.goes_before(commit, *best) {
                *best = commit;
            }
        });
        let exhausted = all.is_exhausted();
        let mut paths = all.paths;
        let (nodes, hits) = (&self.pruned.nodes, self.hits.len());
        let better = |a, b| self.goes_before(a, b);
        let firsts = expand::firsts(brought.iter().map(|((_, t), c)| (*t, *c)), nodes, hits, better);
        let named = self.trees_named().map(|node| (Paths::ROOT, node, NONE)).collect::<Vec<_>>();
        let mut brought: Vec<_> = brought.into_iter().map(|((p, t), c)| (p, t, c)).chain(named).collect();
        brought.sort_unstable();
        let mut expanded = expand::expand(brought.into_iter(), nodes, &mut paths, hits, better);
        expanded.incomplete |= exhausted;
        self.report(expanded.incomplete, repository, coverage);
        let latest = self.latest.map(|most| self.latest(most));
        let writer = Writer { answer: &self, paths: &paths, expanded, introductions: HashMap::new(), bytes: 0 };
        let (origins, names) = writer.origins(&firsts, &tips);
        Attribution { origins, names, latest }
    }

    /// The commits with the latest dates that a ref which counts leads to.
    fn latest(&self, most: usize) -> HashSet<ObjectId> {
        let led_to = (0..self.history.len()).filter(|c| self.reach.class(*c) == Class::Ref);
        let dated = led_to.filter_map(|c| Some((self.history.record(c)?.date(), self.history.ids.get(c))));
        let mut dated: Vec<_> = dated.collect();
        dated.sort_unstable_by(|a, b| b.cmp(a));
        dated.iter().take(most).filter_map(|(_, id)| ObjectId::new(id)).collect()
    }

    /// The tips that have each hit.
    fn tips(&mut self) -> Vec<Tips> {
        let ends: Vec<(u32, End)> =
            self.reach.tips().flat_map(|(tip, name)| name.ends.iter().map(move |end| (tip, *end))).collect();
        let ends: Vec<(u32, u32)> = ends
            .into_iter()
            .map(|(tip, end)| match end {
                End::Commit(commit) => (tip, self.roots.get(commit as usize).copied().unwrap_or(EMPTY)),
                End::Tree(tree) => (tip, self.pruned.node(tree)),
                End::Hit(hit) => (tip, hit | HIT),
            })
            .collect();
        let mut present = Present::new(&self.pruned.nodes, self.hits.len());
        ends.into_iter().for_each(|(tip, target)| present.add(target, tip));
        present.spread(&self.pruned.nodes)
    }

    /// The nodes of trees that refs name without a commit.
    fn trees_named(&self) -> impl Iterator<Item = u32> {
        let ends = self.reach.tips().filter(|(_, name)| name.counts).flat_map(|(_, name)| &name.ends);
        ends.filter_map(|end| if let End::Tree(tree) = end { self.pruned.seen(*tree) } else { None })
    }

    fn report(&self, incomplete: bool, repository: &Untrusted, coverage: &mut Coverage) {
        let missing = &self.reach.missing;
        if let Some(first) = missing.iter().min() {
            let why = format!("{} commits that its refs lead to are missing, such as {first}", missing.len());
            coverage.gap(GapKind::Missing, repository, why);
        }
        let trees = &self.pruned.missing;
        if let Some(first) = trees.iter().filter_map(|t| ObjectId::new(self.trees.id(*t))).min() {
            let why = format!("{} directories in its history are missing, such as {first}", trees.len());
            coverage.gap(GapKind::Missing, repository, why);
        }
        if self.pruned.cycles > 0 {
            coverage.notice(repository, format!("{} of its directories contain themselves", self.pruned.cycles));
        }
        if incomplete {
            coverage
                .notice(repository, "it has more paths than are followed: those of some findings are not all named");
        }
    }
}

/// Makes what is handed out.
struct Writer<'a> {
    answer: &'a Answer<'a>,
    paths: &'a Paths,
    expanded: Expanded,
    introductions: HashMap<u32, Arc<Introduction>>,
    bytes: usize,
}

impl Writer<'_> {
    fn origins(
        mut self,
        firsts: &[Option<u32>],
        tips: &[Tips],
    ) -> (HashMap<ObjectId, Origin>, Vec<(Untrusted, Origin)>) {
        let (mut origins, mut names) = (HashMap::new(), Vec::new());
        for number in 0..self.answer.hits.len() as u32 {
            let first = firsts.get(number as usize).copied().flatten();
            let tips = || tips.get(number as usize).into_iter().flat_map(Tips::numbers).collect::<Vec<u32>>();
            if let Some(name) = self.answer.hits.name(number) {
                let origin = self.of_entry(number, first, &tips());
                names.push((Untrusted::new(name), origin));
                continue;
            }
            let Some(id) = ObjectId::new(self.answer.hits.get(number)) else { continue };
            let history = self.answer.history;
            let commit = history.ids.find(id.as_bytes()).filter(|c| history.record(*c).is_some());
            let origin = match (commit, history.tag_record(id.as_bytes())) {
                (Some(commit), _) => self.of_commit(commit),
                (None, Some(tag)) => self.of_tag(&id, history.person(tag.tagger)),
                (None, None) => self.of_entry(number, first, &tips()),
            };
            origins.insert(id, origin);
        }
        (origins, names)
    }

    /// Where a blob, or a name, comes from, which stands in trees.
    fn of_entry(&mut self, number: u32, first: Option<u32>, tips: &[u32]) -> Origin {
        let names: Vec<&Name> = tips.iter().filter_map(|t| self.answer.reach.names.get(*t as usize)).collect();
        let class = first.map(|c| self.answer.reach.class(c));
        let held = first.and_then(|c| self.answer.reach.name_of(c)).or(names.first().copied());
        let logged = || {
            let end = End::Hit(number);
            self.answer.reach.names.iter().find(|n| n.ends.contains(&end))
        };
        let held = held.or_else(|| if first.is_none() { logged() } else { None });
        let otherwise = match class {
            Some(Class::Ref) => Presence::History,
            Some(Class::Log) => Presence::Log,
            Some(Class::Nowhere) => Presence::Unreachable,
            None if held.is_some() => Presence::Log,
            None => Presence::Unreachable,
        };
        let mut origin = origin(&names, otherwise, held);
        origin.counts = first.is_some_and(|c| self.answer.reach.counts(c)) || names.iter().any(|n| n.counts);
        origin.counts |= !self.answer.reach.is_narrowed;
        origin.first = first.and_then(|c| self.introduction(c));
        self.set_paths(number, &mut origin);
        origin
    }

    /// A message is in history for good; only its own commit can be a tip's.
    fn of_commit(&mut self, commit: u32) -> Origin {
        let end = End::Commit(commit);
        let reach = &self.answer.reach;
        let names: Vec<&Name> = reach.tips().map(|(_, n)| n).filter(|n| n.ends.contains(&end)).collect();
        let otherwise = match reach.class(commit) {
            Class::Ref => Presence::History,
            Class::Log => Presence::Log,
            Class::Nowhere => Presence::Unreachable,
        };
        let counts = reach.counts(commit);
        let held = origin(&names, otherwise, reach.name_of(commit));
        Origin { first: self.introduction(commit), counts, ..held }
    }

    fn of_tag(&self, id: &ObjectId, tagger: Option<super::Person>) -> Origin {
        let names: Vec<&Name> = self.answer.reach.names.iter().filter(|n| n.tags.contains(id)).collect();
        let tips: Vec<&Name> = names.iter().copied().filter(|n| n.kind.is_some()).collect();
        let otherwise = if names.is_empty() { Presence::Unreachable } else { Presence::Log };
        let counts = !self.answer.reach.is_narrowed || tips.iter().any(|n| n.counts);
        Origin { tagger, counts, ..origin(&tips, otherwise, names.first().copied()) }
    }

    fn introduction(&mut self, commit: u32) -> Option<Arc<Introduction>> {
        let id = ObjectId::new(self.answer.history.ids.get(commit))?;
        let (history, shallow) = (self.answer.history, &self.answer.reach.shallow);
        let made = self.introductions.entry(commit).or_insert_with(|| {
            let record = history.record(commit);
            let parents = record.map(|r| history.parents(r)).unwrap_or_default();
            Arc::new(Introduction {
                commit: id,
                author: history.person(record.and_then(|r| r.author)),
                committer: history.person(record.and_then(|r| r.committer)),
                at_or_before: shallow.contains(&commit) || parents.iter().any(|p| history.record(*p).is_none()),
            })
        });
        Some(Arc::clone(made))
    }

    fn set_paths(&mut self, number: u32, origin: &mut Origin) {
        let mut own = self.expanded.hits.get_mut(number as usize).map(std::mem::take).unwrap_or_default();
        own.retain(|_, commit| *commit == NONE || self.answer.reach.counts(*commit));
        origin.path_count = own.len() as u64;
        origin.more_paths = self.expanded.incomplete;
        let mut own: Vec<(u32, u32)> = own.into_iter().map(|(path, commit)| (commit, path)).collect();
        own.sort_unstable_by(|a, b| (self.answer.order(a.0), a.1).cmp(&(self.answer.order(b.0), b.1)));
        // Whole paths are compared among so many alone.
        own.truncate(PATHS * 16);
        let mut own: Vec<(u32, Vec<u8>)> =
            own.into_iter().map(|(commit, path)| (commit, path_of(self.answer.trees, self.paths, path))).collect();
        own.sort_by(|a, b| (self.answer.order(a.0), &a.1).cmp(&(self.answer.order(b.0), &b.1)));
        own.truncate(if self.bytes > ALL_PATHS { 1 } else { PATHS });
        self.bytes += own.iter().map(|(_, path)| path.len()).sum::<usize>();
        let place = |(commit, path): (u32, Vec<u8>)| Place {
            path: Untrusted::new(&path),
            commit: ObjectId::new(self.answer.history.ids.get(commit)),
        };
        origin.paths = own.into_iter().map(place).collect();
    }
}

/// An origin with what the tips that have it say.
fn origin(tips: &[&Name], otherwise: Presence, held: Option<&Name>) -> Origin {
    let is_head = |n: &Name| n.kind == Some(TipKind::Head);
    let others: Vec<&&Name> = tips.iter().filter(|n| !is_head(n)).collect();
    let presence = match tips.first() {
        Some(first) if is_head(first) => Presence::Head,
        Some(_) => Presence::Tip,
        None => otherwise,
    };
    Origin {
        presence,
        counts: true,
        first: None,
        tagger: None,
        paths: Vec::new(),
        path_count: 0,
        more_paths: false,
        tips: others.iter().take(TIPS).map(|n| n.text.clone()).collect(),
        more_tips: others.len() > TIPS,
        held_by: held.map(|n| n.text.clone()),
    }
}

/// A path's bytes, cut to their last 4 KiB.
fn path_of(trees: &Frozen, paths: &Paths, path: u32) -> Vec<u8> {
    let (mut names, mut len) = (Vec::new(), 0);
    for name in paths.names(path) {
        let name = trees.names.get(name);
        len += name.len() + 1;
        names.push(name);
        if len > PATH {
            break;
        }
    }
    names.reverse();
    let mut path = names.join(b"/".as_slice());
    path.drain(..path.len().saturating_sub(PATH));
    path
}
