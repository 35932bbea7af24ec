//! Times as trackers write them.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, UtcDateTime};

/// Seconds since 1970 UTC of `2026-11-22T02:13:28.123Z`, or of Jira's `2026-11-22T02:13:28.123+0000`.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let own = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond][offset_hour sign:mandatory][offset_minute]"
    );
    let read = OffsetDateTime::parse(text, &Rfc3339).or_else(|_| OffsetDateTime::parse(text, own));
    read.ok().map(OffsetDateTime::unix_timestamp)
}

/// `2026-11-22T02:13:28Z`.
pub(super) fn stamp(seconds: i64) -> String {
    at(seconds).format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z")).unwrap_or_default()
}

/// `2026-11-22`.
pub(super) fn day(seconds: i64) -> String {
    at(seconds).format(format_description!("[year]-[month]-[day]")).unwrap_or_default()
}

/// `2026/11/22 02:13` a day earlier: Jira reads times in queries in the time zone of whoever asks, which is not told.
pub(super) fn for_jql(seconds: i64) -> String {
    let earlier = at(seconds).checked_sub(Duration::DAY).unwrap_or(UtcDateTime::UNIX_EPOCH);
    earlier.format(format_description!("[year]/[month]/[day] [hour]:[minute]")).unwrap_or_default()
}

fn at(seconds: i64) -> UtcDateTime {
    UtcDateTime::from_unix_timestamp(seconds.max(0)).unwrap_or(UtcDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for text in ["2026-11-22T02:13:28Z", "2026-11-22T02:13:28.123Z", "2026-11-22T03:13:28.123+0100"] {
            assert_eq!(seconds(text), Some(1_795_313_608), "{text}");
        }
        assert_eq!(seconds("yesterday"), None);
        assert_eq!(stamp(1_795_313_608), "2026-11-22T02:13:28Z");
        assert_eq!(day(1_795_313_608), "2026-11-22");
        assert_eq!(for_jql(1_795_313_608), "2026/11/21 02:13");
        assert_eq!(stamp(i64::MIN), "1970-01-01T00:00:00Z");
    }
}
