//! Days and hours in which changes are allowed, as `mon-fri 09:00-17:00`, in UTC.

use super::when::DAY;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Days of the week, and hours of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Monday first.
    days: [bool; 7],
    /// Minutes after midnight.
    from: i64,
    /// Minutes after midnight; before `from` where it ends on the next day.
    until: i64,
}

impl Window {
    /// Reads `mon-fri 09:00-17:00`, `sat,sun 22:00-02:00` or `daily 00:00-24:00`. `None` where it is none of these.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let (days, hours) = (words.next()?, words.next()?);
        if words.next().is_some() {
            return None;
        }
        let mut window = Self { days: [days.eq_ignore_ascii_case("daily"); 7], from: 0, until: 0 };
        for part in days.split(',').filter(|_| !days.eq_ignore_ascii_case("daily")) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (day(first)?, day(last)?);
            // `fri-mon` goes over the end of the week.
            let length = (last + 7 - first) % 7;
            (first..=first + length).for_each(|d| window.days.iter_mut().skip(d % 7).take(1).for_each(|d| *d = true));
        }
        let (from, until) = hours.split_once('-')?;
        (window.from, window.until) = (minute(from)?, minute(until)?);
        (window.from != window.until && window.from < 1440).then_some(window)
    }

    /// Whether a time, in seconds since 1970 UTC, is in it.
    #[must_use]
    pub fn holds(&self, now: i64) -> bool {
        let minute = now.rem_euclid(DAY) / 60;
        // 1970 began on a Thursday.
        let today = usize::try_from((now.div_euclid(DAY) + 3).rem_euclid(7)).unwrap_or(0);
        let on = |day: usize| self.days.get(day % 7).copied().unwrap_or(false);
        if self.from < self.until {
            return on(today) && (self.from..self.until).contains(&minute);
        }
        (on(today) && minute >= self.from) || (on(today + 6) && minute < self.until)
    }
}

fn day(text: &str) -> Option<usize> {
    DAYS.iter().position(|d| d.eq_ignore_ascii_case(text))
}

fn minute(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let number = |t: &str| t.parse::<i64>().ok().filter(|_| t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit()));
    let (hour, minute) = (number(hour)?, number(minute)?);
    (minute < 60 && hour * 60 + minute <= 1440).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, the 5th of January 2026, 00:00 UTC.
    const MONDAY: i64 = 1_767_571_200;

    #[test]
    fn a_window_holds_its_days_and_hours() {
        for (text, day, hour, minute, holds) in [
            ("mon-fri 09:00-17:00", 0, 9, 0, true),
            ("mon-fri 09:00-17:00", 0, 8, 59, false),
            ("mon-fri 09:00-17:00", 4, 16, 59, true),
            ("mon-fri 09:00-17:00", 4, 17, 0, false),
            ("mon-fri 09:00-17:00", 5, 12, 0, false),
            ("fri-mon 09:00-17:00", 6, 12, 0, true),
            ("fri-mon 09:00-17:00", 1, 12, 0, false),
            ("Tue,THU 09:00-17:00", 3, 12, 0, true),
            ("daily 00:00-24:00", 6, 23, 59, true),
            ("sun 22:00-02:00", 7, 1, 59, true),
            ("sun 22:00-02:00", 7, 2, 0, false),
            ("sun 22:00-02:00", 6, 1, 0, false),
        ] {
            let window = Window::parse(text).unwrap();
            assert_eq!(window.holds(MONDAY + day * DAY + hour * 3600 + minute * 60), holds, "{text} {day} {hour}");
        }
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in [
            "",
            "mon",
            "mon 9-17",
            "mon 09:00",
            "mon 09:00-09:00",
            "mon 25:00-26:00",
            "xyz 09:00-17:00",
            "mon- 09:00-17:00",
            "mon 09:60-17:00",
            "mon 24:00-01:00",
            "mon 09:00-17:00 CET",
            "mon 09:00-24:01",
        ] {
            assert_eq!(Window::parse(text), None, "{text}");
        }
    }
}
