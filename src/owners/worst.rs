//! Puts the answers of several services into one: the worst of them.

use super::catalog::{Catalog, Service};
use super::fits::Fit;
use crate::model::answers::{Answer, Evidence};
use crate::model::owner::Strength;
use crate::model::{Confidence, Untrusted};

/// The services that answer.
pub(super) struct Worst<'a, 'c> {
    pub(super) catalog: &'a Catalog,
    pub(super) fits: &'a [Fit<'c>],
}

impl<'c> Worst<'_, 'c> {
    /// The worst of what the services say. `worse` says whether the first is worse than the second, `worst` whether
    /// nothing is worse. A service that says nothing leaves it unknown, unless another one says the worst. What fits by a
    /// hint alone may not loosen anything: it is heard where `careful` holds for what it says.
    pub(super) fn of<T: Clone>(
        &self,
        told: impl Fn(&'c Service) -> Option<T>,
        worse: impl Fn(&T, &T) -> bool,
        worst: impl Fn(&T) -> bool,
        careful: impl Fn(&T) -> bool,
    ) -> Answer<T> {
        let mut answer: Answer<T> = Answer::default();
        let mut silent = false;
        for fit in self.fits {
            let value = told(fit.service);
            if fit.strength == Strength::Hint {
                let Some(value) = value.filter(&careful) else { continue };
                answer.evidence.push(self.evidence(fit));
                answer.value = Some(answer.value.filter(|known| !worse(&value, known)).unwrap_or(value));
                continue;
            }
            match value {
                None => silent = true,
                Some(value) => {
                    answer.evidence.push(self.evidence(fit));
                    answer.value = Some(answer.value.filter(|known| !worse(&value, known)).unwrap_or(value));
                }
            }
        }
        if silent && !answer.value.as_ref().is_some_and(worst) {
            answer.value = None;
        }
        answer
    }

    /// A yes or no of which `worst` is the worse one.
    pub(super) fn whether(&self, worst: bool, told: impl Fn(&'c Service) -> Option<bool>) -> Answer<bool> {
        self.of(told, |a, b| *a == worst && *b != worst, |v| *v == worst, |v| *v == worst)
    }

    pub(super) fn evidence(&self, fit: &Fit<'_>) -> Evidence {
        let reliable = self.fits.iter().filter(|fit| fit.strength > Strength::Hint).count();
        let several = if reliable > 1 { format!("; the worst of {reliable} services counts") } else { String::new() };
        let place = [fit.place.raw(), several.as_bytes()].concat();
        Evidence {
            source: "owners.toml".to_owned(),
            place: Untrusted::new(&place),
            at: self.catalog.at(fit.service),
            confidence: confidence(fit.strength),
        }
    }
}

/// How sure something is that is as strong.
pub(super) const fn confidence(strength: Strength) -> Confidence {
    match strength {
        Strength::Hint => Confidence::Low,
        Strength::Asserted => Confidence::Medium,
        Strength::Confirmed => Confidence::High,
    }
}
