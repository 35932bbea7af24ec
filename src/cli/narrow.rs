//! What of a history is reported: `--refs`, `--since`, `--until`, `--max-commits`.

use anyhow::{Result, anyhow, bail};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, Time};

use crate::scan::Narrow;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// What a time may look like.
const HELP: &str =
    "write a day (2026-01-31), a time (2026-01-31T12:00:00Z), or how long ago (`36 hours`, `2 weeks`, `90d`)";

/// Units of time, and how many seconds each has. A month has 30 days and a year 365.
const UNITS: &[(&[&str], i64)] = &[
    (&["s", "second", "seconds"], 1),
    (&["min", "minute", "minutes"], 60),
    (&["h", "hour", "hours"], 3_600),
    (&["d", "day", "days"], DAY),
    (&["w", "week", "weeks"], 7 * DAY),
    (&["month", "months"], 30 * DAY),
    (&["y", "year", "years"], 365 * DAY),
];

#[derive(Debug, Default, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Histories")]
pub(super) struct Args {
    /// Report what these refs lead to: a name or a pattern (`main`, `v1.*`, `refs/pull/*`) [default: everything].
    #[arg(long, value_name = "PATTERN")]
    pub(super) refs: Vec<String>,
    /// Report secrets that came in then or later: a day, a time, or how long ago (`2 weeks`).
    #[arg(long, value_name = "WHEN")]
    pub(super) since: Option<String>,
    /// Report secrets that came in then or before; a day counts whole.
    #[arg(long, value_name = "WHEN")]
    pub(super) until: Option<String>,
    /// Report secrets that one of the latest N commits brought in.
    #[arg(long, value_name = "N")]
    pub(super) max_commits: Option<usize>,
}

impl Args {
    /// What they ask for; `now` is in seconds since 1970.
    pub(super) fn narrow(&self, now: i64) -> Result<Narrow> {
        let mut narrow = Narrow::default().refs(&self.refs)?;
        let since = self.since.as_deref().map(|text| when(text, now, false)).transpose()?;
        let until = self.until.as_deref().map(|text| when(text, now, true)).transpose()?;
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            bail!("--since is later than --until, and nothing lies between\n  help: exchange them");
        }
        if self.max_commits == Some(0) {
            bail!("--max-commits 0 asks for nothing\n  help: give a number from 1 on");
        }
        (narrow.since, narrow.until, narrow.max_commits) = (since, until, self.max_commits);
        Ok(narrow)
    }

    /// Fails where any is given and no history is scanned.
    pub(super) fn needs_history(&self) -> Result<()> {
        let given = [
            ("--refs", !self.refs.is_empty()),
            ("--since", self.since.is_some()),
            ("--until", self.until.is_some()),
            ("--max-commits", self.max_commits.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((name, _)) => bail!("{name} narrows a history, and none is scanned\n  help: add --history"),
            None => Ok(()),
        }
    }
}

/// The time that a text means, in seconds since 1970. Of a day, its first second, or with `end` its last.
fn when(text: &str, now: i64, end: bool) -> Result<i64> {
    let text = text.trim();
    if let Ok(day) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
        let start = day.with_time(Time::MIDNIGHT).assume_utc().unix_timestamp();
        return Ok(if end { start + DAY - 1 } else { start });
    }
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(time.unix_timestamp());
    }
    ago(text).map(|seconds| now - seconds).ok_or_else(|| anyhow!("`{text}` is no time\n  help: {HELP}"))
}

/// How many seconds `3 days`, `3d` or `3 days ago` are.
fn ago(text: &str) -> Option<i64> {
    let text = text.strip_suffix("ago").map_or(text, str::trim_end);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.trim_start();
    let (_, seconds) = UNITS.iter().find(|(names, _)| names.contains(&unit))?;
    number.parse::<i64>().ok()?.checked_mul(*seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = 1_000_000_000;
        let at = |text: &str| when(text, now, false).ok();
        assert_eq!((at("1970-01-02"), when("1970-01-02", now, true).ok()), (Some(DAY), Some(2 * DAY - 1)));
        assert_eq!(at("1970-01-01T01:00:00+01:00"), Some(0));
        for (text, seconds) in [("2 weeks", 14 * DAY), ("90d", 90 * DAY), ("1 day ago", DAY), ("5min", 300)] {
            assert_eq!(at(text), Some(now - seconds), "{text}");
        }
        for text in ["", "soon", "3", "d", "2026-13-01", "99999999999999999999 days", "9223372036854775807 years"] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
