//! What in a period carried out which control of a framework (requirement 80).

use super::super::frameworks::{Control, by_id, controls};
use crate::metrics::period::{Deed, Period};
use crate::model::counted;

/// What is recorded that carries a control out, beside decisions whose policies name it. A control that is not here is carried
/// out by decisions alone.
const CARRIED: &[(&str, &[Deed])] = &[
    ("OWASP:NHI1", &[Deed::Proved]),
    ("OWASP:NHI2", &[Deed::Opened, Deed::Asked, Deed::Tasked]),
    ("CSF:PR.AA-01", &[Deed::Owned]),
    ("CSF:PR.AA-05", &[Deed::Requested, Deed::Voted, Deed::Refused, Deed::Activated]),
    ("CSF:DE.CM-03", &[Deed::Scanned]),
    ("CSF:DE.CM-09", &[Deed::Scanned]),
    ("CSF:RS.MA-02", &[Deed::Asked]),
    ("CSF:RS.AN-03", &[Deed::Answered, Deed::Owned]),
    ("CSF:RS.AN-06", &[Deed::Signed]),
    ("CSF:RS.AN-07", &[Deed::Sealed, Deed::Answered]),
    ("CSF:RS.CO-02", &[Deed::Tasked, Deed::Told]),
    ("CSF:RS.MI-01", &[Deed::Contained, Deed::Restored]),
    ("CSF:RS.MI-02", &[Deed::Proved]),
    ("AIRMF:GOVERN 3.2", &[Deed::Noted, Deed::Refused]),
    ("AIRMF:MAP 3.5", &[Deed::Requested, Deed::Voted]),
    ("AIRMF:MANAGE 2.4", &[Deed::Promoted, Deed::Revoked]),
];

/// A control with what carried it out.
pub(super) struct Carried {
    /// It.
    pub(super) control: &'static Control,
    /// How many decisions, and rules of cases that were opened, name it.
    pub(super) named: usize,
    /// What else, and how often.
    pub(super) deeds: Vec<(Deed, usize)>,
}

impl Carried {
    /// What carried it out, in words; nothing where nothing did.
    pub(super) fn told(&self) -> Vec<String> {
        let named = (self.named > 0).then(|| {
            counted(
                self.named as u64,
                "decision or finding whose policy or rule names it",
                "decisions and findings whose policies or rules name it",
            )
        });
        let deeds = self.deeds.iter().map(|(deed, count)| {
            let (one, many) = deed.words();
            counted(*count as u64, one, many)
        });
        named.into_iter().chain(deeds).collect()
    }
}

/// Every control whose title is confirmed, framework by framework.
pub(super) fn carried(period: &Period) -> Vec<Carried> {
    let one = |control: &'static Control| {
        let named = period.controls.iter().filter(|(id, _)| by_id(id) == Some(control)).map(|(_, count)| count).sum();
        let name = control.name();
        let deeds = CARRIED.iter().filter(|(id, _)| *id == name).flat_map(|(_, deeds)| deeds.iter().copied());
        let deeds = deeds.filter_map(|deed| period.deeds.get(&deed).map(|count| (deed, *count)));
        Carried { control, named, deeds: deeds.collect() }
    };
    controls().iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_controls_that_are_known_are_said_to_be_carried_out() {
        for (id, _) in CARRIED {
            assert!(by_id(id).is_some_and(|control| control.name() == *id), "{id}");
        }
    }

    #[test]
    fn a_control_is_counted_by_either_of_its_names() {
        let period = Period {
            controls: [("NHI2".to_owned(), 2), ("OWASP:NHI2".to_owned(), 3), ("CSF:RS.MI-09".to_owned(), 7)].into(),
            deeds: [(Deed::Asked, 1), (Deed::Voted, 4)].into(),
            ..Period::default()
        };
        let all = carried(&period);
        let of = |id: &str| all.iter().find(|one| one.control.name() == id).unwrap();
        assert_eq!((of("OWASP:NHI2").named, of("OWASP:NHI2").deeds.as_slice()), (5, &[(Deed::Asked, 1)][..]));
        assert!(of("CSF:RS.MI-01").told().is_empty());
        assert_eq!(all.iter().map(|one| one.named).sum::<usize>(), 5, "an id of no confirmed control is not shown");
        assert_eq!(of("AIRMF:MAP 3.5").told(), ["4 approvals and rejections"]);
    }
}
