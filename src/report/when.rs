//! Times as text, UTC.

use time::OffsetDateTime;
use time::macros::format_description;

/// A time to the second, such as `2026-01-31T12:00:00`, without a zone. Nothing where it is no time.
pub(super) fn second(at: i64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    OffsetDateTime::from_unix_timestamp(at).ok().and_then(|t| t.format(format).ok()).unwrap_or_default()
}

/// The same with its zone. Nothing for zero, which stands for a time that is not known.
pub(super) fn zoned(at: i64) -> String {
    match second(at) {
        known if at != 0 && !known.is_empty() => format!("{known}Z"),
        _ => String::new(),
    }
}
