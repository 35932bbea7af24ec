//! By what figures are told apart.

use std::collections::HashMap;

use time::OffsetDateTime;

use super::life::Life;
use super::sla::word;
use super::spell::Clock;
use crate::model::Untrusted;

/// What slices are made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Whose it is.
    Team,
    /// Where it stands; what stands in several counts in each.
    Repository,
    /// Who issued it.
    Provider,
    /// How far the policy would go.
    Tier,
    /// Where it is used.
    Environment,
    /// The month in which the clock started, UTC.
    Month,
}

/// What makes a slice: a value, or that it is not known.
pub type Slice = Option<Untrusted>;

impl Dimension {
    /// Every dimension with its word.
    pub const ALL: [(&'static str, Self); 6] = [
        ("team", Self::Team),
        ("repository", Self::Repository),
        ("provider", Self::Provider),
        ("tier", Self::Tier),
        ("environment", Self::Environment),
        ("month", Self::Month),
    ];

    /// The word that formats have.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(word, _)| word)
    }

    /// The slices that a life belongs to; always at least one.
    fn of(self, life: &Life, clock: Clock) -> Vec<Slice> {
        match self {
            Self::Team => vec![life.owner.clone()],
            Self::Repository if life.repositories.is_empty() => vec![None],
            Self::Repository => life.repositories.iter().cloned().map(Some).collect(),
            Self::Provider => vec![life.provider.clone()],
            Self::Tier => vec![Some(word(life.tier()).into())],
            Self::Environment => vec![life.environment.map(Untrusted::from)],
            Self::Month => vec![clock.origin(life).and_then(month)],
        }
    }
}

/// A month as `2026-01`.
fn month(at: i64) -> Slice {
    let day = OffsetDateTime::from_unix_timestamp(at).ok()?;
    Some(format!("{:04}-{:02}", day.year(), u8::from(day.month())).as_str().into())
}

/// Which slices there are, in the order of their names, the unknown one last; and which of them each life is in.
pub(super) struct Parted {
    pub(super) names: Vec<Slice>,
    pub(super) of: Vec<Vec<u32>>,
}

impl Parted {
    pub(super) fn of<'a>(lives: impl ExactSizeIterator<Item = &'a Life>, dimension: Dimension, clock: Clock) -> Self {
        let mut known: HashMap<Slice, u32> = HashMap::new();
        let mut of: Vec<Vec<u32>> = Vec::with_capacity(lives.len());
        for life in lives {
            let slices = dimension.of(life, clock).into_iter();
            let number = |slice| {
                let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
                *known.entry(slice).or_insert(next)
            };
            of.push(slices.map(number).collect());
        }
        let mut names: Vec<(Slice, u32)> = known.into_iter().collect();
        names.sort_unstable_by(|a, b| (a.0.is_none(), a).cmp(&(b.0.is_none(), b)));
        let mut place = vec![0; names.len()];
        for ((_, number), rank) in names.iter().zip(0_u32..) {
            place.get_mut(*number as usize).into_iter().for_each(|at| *at = rank);
        }
        for slices in &mut of {
            slices.iter_mut().for_each(|slice| *slice = place.get(*slice as usize).copied().unwrap_or(*slice));
        }
        Self { names: names.into_iter().map(|(name, _)| name).collect(), of }
    }

    /// Things about lives, told apart in their order; each is a life's number and what is told about it.
    pub(super) fn part<T: Copy>(&self, all: impl IntoIterator<Item = (usize, T)>) -> Vec<Vec<T>> {
        let mut parts: Vec<Vec<T>> = self.names.iter().map(|_| Vec::new()).collect();
        for (life, what) in all {
            for slice in self.of.get(life).into_iter().flatten() {
                parts.get_mut(*slice as usize).into_iter().for_each(|part| part.push(what));
            }
        }
        parts
    }
}
