//! Points in time as people and providers write them.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

/// Seconds in a day.
pub(crate) const DAY: i64 = 86_400;

/// Reads a time in seconds since 1970 UTC: RFC 3339, a date (its first second), a date with a time and perhaps `UTC` or
/// an offset, or a number of seconds or milliseconds. `None` for anything else, and for a time that means "never".
#[must_use]
pub fn parse(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    // The longest form has 35 letters.
    if text.is_empty() || text.len() > 64 {
        return None;
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if is_number(whole) && is_number(part) {
        return match (whole.len(), whole.parse::<i64>().ok()?) {
            (9..=11, seconds) => Some(seconds),
            (12..=14, milliseconds) if part == "0" => Some(milliseconds / 1000),
            _ => None,
        };
    }
    let seconds = date(text)
        .or_else(|| OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp))
        .or_else(|| spaced(text))?;
    // Some issuers write year 1 where a credential was never used.
    (seconds > 0).then_some(seconds)
}

/// Reads `2026-03-01`.
fn date(text: &str) -> Option<i64> {
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).ok()?;
    Some(day.midnight().assume_utc().unix_timestamp())
}

/// Reads `2026-03-01 10:00:00`, perhaps with `T`, a fraction, ` UTC` or ` +0100` behind it.
fn spaced(text: &str) -> Option<i64> {
    let (stamp, rest) = (text.get(..19)?, text.get(19..)?);
    let stamp = stamp.replacen('T', " ", 1);
    let local = PrimitiveDateTime::parse(&stamp, format_description!("[year]-[month]-[day] [hour]:[minute]:[second]"));
    let seconds = local.ok()?.assume_utc().unix_timestamp();
    let rest = rest.strip_prefix('.').map_or(rest, |r| r.trim_start_matches(|c: char| c.is_ascii_digit()));
    Some(seconds - offset(rest.trim())?)
}

/// Seconds east of Greenwich: nothing, `UTC`, `Z`, `+0100`, `-01:00`.
fn offset(text: &str) -> Option<i64> {
    if matches!(text, "" | "UTC" | "GMT" | "Z") {
        return Some(0);
    }
    let (sign, digits) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-')?),
    };
    let digits = digits.replacen(':', "", 1);
    let number: i64 =
        digits.parse().ok().filter(|_| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()))?;
    Some(sign * (number / 100 * 3600 + number % 100 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_forms_are_read_and_others_are_unknown() {
        for (text, seconds) in [
            ("1767225600", Some(1_767_225_600)),
            ("1767225600.5", Some(1_767_225_600)),
            ("1767225600000", Some(1_767_225_600)),
            ("2026-01-01", Some(1_767_225_600)),
            (" 2026-01-01T00:00:00Z\n", Some(1_767_225_600)),
            ("2026-01-01T00:00:00.123456789Z", Some(1_767_225_600)),
            ("2026-01-01T01:00:00+01:00", Some(1_767_225_600)),
            ("2026-01-01 00:00:00", Some(1_767_225_600)),
            ("2026-01-01 00:00:00 UTC", Some(1_767_225_600)),
            ("2026-01-01 02:30:00 +0230", Some(1_767_225_600)),
            ("2025-12-31T23:00:00-0100", Some(1_767_225_600)),
            ("0001-01-01T00:00:00Z", None),
            ("0", None),
            ("12", None),
            ("123456789012345678901234567890", None),
            ("never", None),
            ("2026-13-01", None),
            ("2026-01-01 25:00:00", None),
            ("2026-01-01 00:00:00 CET", None),
            ("2026-01-01 00:00:00 +é", None),
            ("", None),
        ] {
            assert_eq!(parse(text.as_bytes()), seconds, "{text}");
        }
        assert_eq!(parse(b"\xff"), None);
        assert_eq!(parse(&[b'1'; 1 << 20]), None);
    }
}
