//! Every figure together: of all lives, and of slices of them. Spells are sorted once, and stay sorted in every slice; slices are
//! measured side by side.

use rayon::prelude::*;

use super::coverage::Coverage;
use super::life::Life;
use super::occupancy::{Occupancy, Path, of_paths};
use super::rates::Rates;
use super::sla::{Sla, SlaDays, table};
use super::slices::{Dimension, Parted, Slice};
use super::spell::{Clock, Ending, Excluded, Spell};
use super::survival::Survival;
use super::{FIVE_DAYS, RESTRICTED};

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The clock of curves, agreed times and slices.
    pub clock: Clock,
    /// The time of the store, in seconds since 1970 UTC.
    pub now: i64,
    /// The first second of the period. Curves, agreed times and coverage are of cases whose clock started in it (those whose
    /// clock never started count from their detection), rates of what happened in it.
    pub since: Option<i64>,
    /// The second after its last.
    pub until: Option<i64>,
    /// The agreed times.
    pub sla: SlaDays,
}

impl Asked {
    fn period(&self) -> (i64, i64) {
        (self.since.unwrap_or(i64::MIN), self.until.unwrap_or(i64::MAX))
    }
}

/// The figures of some lives.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Of how many they speak.
    pub coverage: Coverage,
    /// Until it cannot be used.
    pub usable: Survival,
    /// Until it is ended for good.
    pub revoked: Survival,
    /// How many work after five and thirty days, those that came back too.
    pub occupancy: Vec<Occupancy>,
    /// By tier.
    pub sla: Vec<Sla>,
    /// Those that still worked after the agreed time though an action was approved, of how many for which one was.
    pub missed: (usize, usize),
    /// Times and shares.
    pub rates: Rates,
}

impl Figures {
    /// Both curves.
    #[must_use]
    pub const fn curves(&self) -> [&Survival; 2] {
        [&self.usable, &self.revoked]
    }
}

/// What was measured: for formats.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// What was asked for.
    pub asked: Asked,
    /// Of all lives.
    pub whole: Figures,
    /// Both curves by the other clocks.
    pub clocks: Vec<(Clock, Survival, Survival)>,
    /// Of slices.
    pub slices: Vec<(Dimension, Slice, Figures)>,
}

/// Spells of one ending with the numbers of their lives, in the order of their times, and dated as early as can be in theirs.
struct Sorted {
    ending: Ending,
    spells: Vec<(u32, Spell)>,
    early: Vec<(u32, Spell)>,
}

impl Sorted {
    fn of(lives: &[Followed<'_>], clock: Clock, ending: Ending) -> Self {
        let spell = |one: &Followed<'_>| Some((one.number, Spell::of(one.life, clock, ending).ok()?));
        let mut spells: Vec<(u32, Spell)> = lives.iter().filter_map(spell).collect();
        let mut early: Vec<(u32, Spell)> = spells.iter().map(|(n, spell)| (*n, spell.earliest())).collect();
        spells.sort_unstable_by_key(|(n, spell)| (spell.time(), *n));
        early.sort_unstable_by_key(|(n, spell)| (spell.time(), *n));
        Self { ending, spells, early }
    }

    fn whole(&self) -> Survival {
        let plain = |all: &[(u32, Spell)]| all.iter().map(|(_, spell)| *spell).collect::<Vec<_>>();
        Survival::of(self.ending, plain(&self.spells), &plain(&self.early))
    }

    fn parts(&self, parted: &Parted) -> Vec<Survival> {
        let part = |all: &[(u32, Spell)]| parted.part(all.iter().map(|(n, spell)| (*n as usize, *spell)));
        let (spells, early) = rayon::join(|| part(&self.spells), || part(&self.early));
        let both = spells.into_par_iter().zip(early);
        both.map(|(spells, early)| Survival::of(self.ending, spells, &early)).collect()
    }
}

/// A life whose clock started in the period, its number among all, and its spell until it cannot be used, or why it has none.
#[derive(Clone, Copy)]
struct Followed<'a> {
    number: u32,
    life: &'a Life,
    spell: Result<Spell, Excluded>,
}

/// Lives that are measured. They stay in the order in which they lie in memory: most of the work is fetching them.
pub struct Survey<'a> {
    asked: Asked,
    /// All of them: what happened in the period may have happened to any.
    all: Vec<&'a Life>,
    lives: Vec<Followed<'a>>,
    usable: Sorted,
    revoked: Sorted,
    paths: Vec<(u32, Path)>,
}

/// When occupancy is told, in seconds.
const TIMES: [i64; 2] = [FIVE_DAYS, RESTRICTED];

impl<'a> Survey<'a> {
    /// Takes lives: all of them for rates, those whose clock started in the period for the rest.
    pub fn new(lives: impl IntoIterator<Item = &'a Life>, asked: Asked) -> Self {
        let (from, to) = asked.period();
        let all: Vec<&'a Life> = lives.into_iter().collect();
        let within = |life: &Life| (from..to).contains(&asked.clock.origin(life).unwrap_or(life.detected));
        let followed = |(number, life): (u32, &'a Life)| {
            within(life).then(|| Followed { number, life, spell: Spell::of(life, asked.clock, Ending::Usable) })
        };
        let lives: Vec<Followed<'a>> = (0..).zip(all.iter().copied()).filter_map(followed).collect();
        let sorted = |ending| Sorted::of(&lives, asked.clock, ending);
        let path = |one: &Followed<'_>| Some((one.number, Path::of(one.life, asked.clock, one.spell.ok()?)));
        let paths = lives.iter().filter_map(path).collect();
        let (usable, revoked) = rayon::join(|| sorted(Ending::Usable), || sorted(Ending::Revoked));
        Self { usable, revoked, paths, lives, all, asked }
    }

    /// The figures of all of them, by every clock, and of slices where a dimension is asked for.
    #[must_use]
    pub fn measure(&self, by: Option<Dimension>) -> Measured {
        let others = Clock::ALL.into_iter().filter(|clock| *clock != self.asked.clock);
        let clocks = others.map(|clock| {
            let curve = |ending| Sorted::of(&self.lives, clock, ending).whole();
            let (usable, revoked) = rayon::join(|| curve(Ending::Usable), || curve(Ending::Revoked));
            (clock, usable, revoked)
        });
        let slices = by.map(|by| self.by(by)).unwrap_or_default();
        Measured { asked: self.asked.clone(), whole: self.whole(), clocks: clocks.collect(), slices }
    }

    /// The figures of all of them.
    #[must_use]
    pub fn whole(&self) -> Figures {
        let paths: Vec<&Path> = self.paths.iter().map(|(_, path)| path).collect();
        self.figures(&self.all, &self.lives, self.usable.whole(), self.revoked.whole(), &paths)
    }

    /// The figures of each slice that has a case of the period or to which something happened in it, in the order of their names.
    #[must_use]
    pub fn by(&self, dimension: Dimension) -> Vec<(Dimension, Slice, Figures)> {
        let parted = Parted::of(self.all.iter().copied(), dimension, self.asked.clock);
        let all = parted.part(self.all.iter().copied().enumerate());
        let lives = parted.part(self.lives.iter().map(|one| (one.number as usize, *one)));
        let paths = parted.part(self.paths.iter().map(|(number, path)| (*number as usize, path)));
        let (usable, revoked) = rayon::join(|| self.usable.parts(&parted), || self.revoked.parts(&parted));
        let curves = usable.into_par_iter().zip(revoked);
        let parts = parted.names.into_par_iter().zip(all).zip(lives.into_par_iter().zip(paths)).zip(curves);
        let told = parts.map(|(((name, all), (lives, paths)), (usable, revoked))| {
            (dimension, name, self.figures(&all, &lives, usable, revoked, &paths))
        });
        told.filter(|(.., figures)| figures.coverage.cases > 0 || figures.rates != Rates::default()).collect()
    }

    fn figures(
        &self,
        all: &[&Life],
        lives: &[Followed<'_>],
        usable: Survival,
        revoked: Survival,
        paths: &[&Path],
    ) -> Figures {
        let clock = self.asked.clock;
        let mut coverage = Coverage::default();
        lives.iter().for_each(|one| coverage.add(one.life, clock, one.spell));
        let followed = lives.iter().filter_map(|one| Some((one.life, one.spell.ok()?)));
        let (sla, missed) = table(followed, clock, &self.asked.sla);
        let rates = Rates::of(all.iter().copied(), self.asked.now, self.asked.period());
        Figures { coverage, usable, revoked, occupancy: of_paths(paths, &TIMES), sla, missed, rates }
    }
}
