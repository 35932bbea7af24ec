//! Who consumes which secret, in all that was scanned.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Context, Scope, Use, innermost};
use crate::model::{Confidence, Location, Untrusted};

/// The least length of a name that is followed, in bytes.
const SPECIFIC: usize = 6;

/// Something of a file, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placed<T> {
    /// What.
    pub what: T,
    /// Where.
    pub place: Location,
}

/// Who consumes which secret, in all that was scanned.
#[derive(Clone, Debug, Default)]
pub struct Consumers {
    /// References, by path and place.
    pub uses: Vec<Placed<Use>>,
    /// Parts of files and what they stand in, by path.
    pub scopes: HashMap<Untrusted, Vec<Scope>>,
    /// How many files were read for it.
    pub files: u64,
    /// Whether it was asked at all.
    pub asked: bool,
}

impl Consumers {
    /// What a place stands in: of several parts the smallest.
    #[must_use]
    pub fn context(&self, place: &Location) -> Option<&Arc<Context>> {
        let at = usize::try_from(place.start).ok()?;
        innermost(self.scopes.get(&place.path)?, at)
    }

    /// Whoever uses one of these names, and whoever uses the names under which they hand its value on: a job that gives the secret
    /// `SHOP_KEY` to a script as `API_KEY` makes whoever reads `API_KEY` depend on it, though that is less sure.
    #[must_use]
    pub fn of(&self, names: &[Untrusted]) -> Self {
        let mut known: Vec<(Untrusted, bool)> = names.iter().map(|name| (name.clone(), true)).collect();
        let mut found = Self { files: self.files, asked: self.asked, ..Self::default() };
        let mut told = vec![false; self.uses.len()];
        let mut next = 0;
        while let Some((name, is_asked)) = known.get(next).cloned() {
            next += 1;
            for (one, told) in self.uses.iter().zip(&mut told).filter(|(one, told)| !**told && one.what.is_of(&name)) {
                *told = true;
                let mut one = one.clone();
                if !is_asked {
                    one.what.confidence = one.what.confidence.min(Confidence::Medium);
                }
                // A name that stands everywhere says nothing of whose value it has.
                let on = one.what.variable.clone().filter(|on| is_asked && on.raw().len() >= SPECIFIC);
                if let Some(on) = on.filter(|on| known.iter().all(|(known, _)| known != on)) {
                    known.push((on, false));
                }
                found.uses.push(one);
            }
        }
        found.sort();
        found
    }

    /// Adds what another scan knows.
    pub fn merge(&mut self, other: Self) {
        self.uses.extend(other.uses);
        self.scopes.extend(other.scopes);
        self.files += other.files;
        self.asked |= other.asked;
        self.sort();
    }

    /// Puts everything in order.
    pub fn sort(&mut self) {
        self.uses.sort_by(|a, b| a.place.cmp(&b.place).then_with(|| a.what.cmp(&b.what)));
        self.uses.dedup();
    }

    /// The path of everything; parts of files are not known by theirs any more.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut Untrusted> {
        self.uses.iter_mut().map(|one| &mut one.place.path)
    }

    /// Every text in it that comes from outside, but for paths of files.
    pub fn texts(&mut self, each: &mut dyn FnMut(&mut Untrusted)) {
        let mut known: HashMap<*const Context, Arc<Context>> = HashMap::new();
        let mut context = |context: &mut Arc<Context>, each: &mut dyn FnMut(&mut Untrusted)| {
            let shown = known.entry(Arc::as_ptr(context)).or_insert_with(|| {
                let mut shown = Context::clone(context);
                shown.texts(each);
                Arc::new(shown)
            });
            *context = Arc::clone(shown);
        };
        for one in &mut self.uses {
            each(&mut one.what.name);
            one.what.variable.iter_mut().for_each(&mut *each);
            context(&mut one.what.context, each);
        }
        for scope in self.scopes.values_mut().flatten() {
            context(&mut scope.context, each);
        }
    }
}
