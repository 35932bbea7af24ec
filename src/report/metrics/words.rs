//! How numbers are written for people.

use crate::metrics::{Survival, Van, days};

/// What stands where there is no figure.
pub(in crate::report) const NONE: &str = "–";

/// A share as a percentage.
pub(in crate::report) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A share, or that there is none.
pub(in crate::report) fn share(share: Option<f64>) -> String {
    share.map_or_else(|| NONE.to_owned(), percent)
}

/// Two shares.
pub(in crate::report) fn range(from: f64, to: f64) -> String {
    format!("{:.1}–{:.1} %", from * 100.0, to * 100.0)
}

/// A number of days, as fine as it matters.
pub(in crate::report) fn in_days(days: f64) -> String {
    if days < 1.0 { format!("{:.1} h", days * 24.0) } else { format!("{days:.1} d") }
}

/// Seconds as days.
pub(in crate::report) fn span(seconds: i64) -> String {
    in_days(days(seconds))
}

/// The share after five days, where it may be shown: with few credentials not without its interval.
pub(in crate::report) fn headline(van: Option<&Van>) -> String {
    match van {
        None => NONE.to_owned(),
        Some(van) if van.is_headline() => percent(van.at.survival),
        Some(_) => "too few".to_owned(),
    }
}

/// Its interval.
pub(in crate::report) fn interval(van: Option<&Van>) -> String {
    van.and_then(|van| van.at.interval).map_or_else(|| NONE.to_owned(), |(low, high)| range(low, high))
}

/// The median of a curve.
pub(in crate::report) fn median(survival: &Survival) -> String {
    survival.median.map_or_else(|| "not reached".to_owned(), span)
}
