//! Which routes a notice takes, and when: by team, tier, severity and kind; with quiet hours, a daily digest and escalation.
//!
//! It is all computed from what is configured and a given time, so a clock that jumps changes an answer and breaks nothing:
//! ask again before sending, and keep no answer for longer. What has no owner, and what has one to whom no route leads, goes
//! to the security team's routes. No notice goes nowhere while there is one of those.
//!
//! Hours are meant in a fixed offset from UTC; where clocks change in summer, so does the hour.

use std::collections::BTreeSet;
use std::fmt;
use std::iter::successors;
use std::str::FromStr;

use crate::model::Severity;
use crate::model::action::Tier;
use crate::model::event::NoticeKind;

const MINUTE: i64 = 60;
const DAY_MINUTES: i64 = 24 * 60;

/// What is wrong with a route as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// A time of day.
    #[error("`{0}` is no time of day: write HH:MM, from 00:00 to 23:59")]
    Time(String),
    /// Hours.
    #[error("`{0}` are no hours: write HH:MM-HH:MM, as `22:00-07:00`")]
    Hours(String),
    /// Hours of no length.
    #[error("`{0}` has no length: a day cannot be quiet from end to end, and for weekends alone leave the hours out")]
    Empty(String),
    /// An offset from UTC.
    #[error("`{0}` is no offset from UTC: write +HH:MM or -HH:MM, from -12:00 to +14:00")]
    Offset(String),
    /// A name that two routes have.
    #[error("two routes are called `{0}`: a name stands for one")]
    Twice(String),
    /// Half of an escalation.
    #[error("the route `{0}` needs both when and where to it escalates, and a time above 0")]
    Half(String),
    /// An escalation to what is not there.
    #[error("the route `{from}` escalates to `{to}`, and there is no such route")]
    NoTarget {
        /// The route.
        from: String,
        /// Where to.
        to: String,
    },
    /// Escalations in a ring.
    #[error("the route `{0}` escalates to itself, perhaps by way of others: the last one escalates no further")]
    Ring(String),
}

/// A minute of a day: from 0 to 1,439.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(u16);

impl FromStr for Minute {
    type Err = RouteError;

    /// Reads `HH:MM`.
    fn from_str(text: &str) -> Result<Self, RouteError> {
        let (hours, minutes) = clock(text).ok_or_else(|| RouteError::Time(text.to_owned()))?;
        if hours > 23 {
            return Err(RouteError::Time(text.to_owned()));
        }
        Ok(Self(hours * 60 + minutes))
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// An offset from UTC in minutes: above 0 in the east.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset(i16);

impl FromStr for Offset {
    type Err = RouteError;

    /// Reads `+HH:MM` or `-HH:MM`.
    fn from_str(text: &str) -> Result<Self, RouteError> {
        let signed = || {
            let (sign, rest) =
                text.strip_prefix('+').map(|rest| (1, rest)).or(text.strip_prefix('-').map(|rest| (-1, rest)))?;
            let (hours, minutes) = clock(rest)?;
            Some(sign * i16::try_from(hours * 60 + minutes).ok()?)
        };
        let within = signed().filter(|minutes| (-12 * 60..=14 * 60).contains(minutes));
        within.map(Self).ok_or_else(|| RouteError::Offset(text.to_owned()))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, minutes) = (if self.0 < 0 { '-' } else { '+' }, self.0.unsigned_abs());
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// Two digits, a colon and two digits below 60: hours and minutes.
fn clock(text: &str) -> Option<(u16, u16)> {
    let two = |part: &str| part.parse().ok().filter(|_| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()));
    let (hours, minutes) = text.split_once(':')?;
    Some((two(hours)?, two(minutes).filter(|m| *m < 60)?))
}

/// Reads hours: `22:00-07:00`, past midnight if the end is before the start.
///
/// # Errors
/// Where it is something else, or has no length.
pub fn hours(text: &str) -> Result<(Minute, Minute), RouteError> {
    let (from, to) = text.split_once('-').ok_or_else(|| RouteError::Hours(text.to_owned()))?;
    let (from, to) = (from.trim().parse::<Minute>()?, to.trim().parse::<Minute>()?);
    if from == to {
        return Err(RouteError::Empty(text.to_owned()));
    }
    Ok((from, to))
}

/// Hours in which a route is quiet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quiet {
    /// The first minute that is quiet. If it is `to`, no hours are.
    pub from: Minute,
    /// The first minute that is not: of the next day, if it is before `from`.
    pub to: Minute,
    /// Where the hours are meant.
    pub offset: Offset,
    /// Whether Saturday and Sunday are quiet from end to end.
    pub weekends: bool,
}

/// Minutes since 1970 at an offset, and back: the first second of one.
fn local(now: i64, offset: Offset) -> i64 {
    now.div_euclid(MINUTE) + i64::from(offset.0)
}

fn utc(minutes: i64, offset: Offset) -> i64 {
    minutes.saturating_sub(i64::from(offset.0)).saturating_mul(MINUTE)
}

impl Quiet {
    /// Where the quiet stretch ends that a local minute is in; none if it is in none.
    fn step(&self, minute: i64) -> Option<i64> {
        let (day, of_day) = (minute.div_euclid(DAY_MINUTES), minute.rem_euclid(DAY_MINUTES));
        let midnight = |days: i64| (day + days) * DAY_MINUTES;
        // The first of January 1970 was a Thursday; Saturday is 5.
        if self.weekends && (day + 3).rem_euclid(7) >= 5 {
            return Some(midnight(1));
        }
        let (from, to) = (i64::from(self.from.0), i64::from(self.to.0));
        match from <= to {
            true => (from..to).contains(&of_day).then(|| midnight(0) + to),
            false if of_day >= from => Some(midnight(1) + to),
            false => (of_day < to).then(|| midnight(0) + to),
        }
    }

    /// When it is over, if it is quiet at a time; both in seconds since 1970 UTC.
    #[must_use]
    pub fn ends(&self, now: i64) -> Option<i64> {
        let first = self.step(local(now, self.offset))?;
        // A night, Saturday, Sunday, and a night again: no hours are a whole day.
        let end = (0..8).fold(first, |end, _| self.step(end).unwrap_or(end));
        Some(utc(end, self.offset).max(now))
    }
}

/// A time of every day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Daily {
    /// When.
    pub at: Minute,
    /// Where that is meant.
    pub offset: Offset,
}

impl Daily {
    /// The next one after a time; both in seconds since 1970 UTC.
    #[must_use]
    pub fn next(&self, now: i64) -> i64 {
        let minute = local(now, self.offset);
        let today = minute.div_euclid(DAY_MINUTES) * DAY_MINUTES + i64::from(self.at.0);
        let next = if today > minute { today } else { today + DAY_MINUTES };
        utc(next, self.offset).max(now)
    }
}

/// A way to people, and what goes along it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// What it is called.
    pub name: String,
    /// Whose credentials; none stands for every team's, and for those that have no owner.
    pub teams: Vec<String>,
    /// In which tiers; none stands for all.
    pub tiers: Vec<Tier>,
    /// From which severity on.
    pub severities_from: Option<Severity>,
    /// Which notices; none stands for all.
    pub kinds: Vec<NoticeKind>,
    /// Whether it reaches the owner's team, so that what is delivered along it has told the owner.
    pub owner: bool,
    /// Whether it is the security team's own, which takes what reaches no owner.
    pub security: bool,
    /// When it is quiet.
    pub quiet: Option<Quiet>,
    /// When it tells all in one.
    pub digest: Option<Daily>,
    /// After how many seconds without an acknowledgement it escalates.
    pub escalate_after: Option<i64>,
    /// To which route.
    pub escalate_to: Option<String>,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The team or person who owns the credential.
    pub owner: Option<&'a str>,
    /// What may be done about it.
    pub tier: Tier,
    /// How bad it is.
    pub severity: Severity,
    /// What the notice says.
    pub kind: NoticeKind,
}

impl Route {
    /// Whether it is for the owner's team.
    fn serves(&self, owner: Option<&str>) -> bool {
        self.teams.is_empty() || owner.is_some_and(|owner| self.teams.iter().any(|team| same(team, owner)))
    }

    /// Whether it is for what a notice is about, whoever owns it.
    fn wants(&self, about: &About<'_>) -> bool {
        (self.tiers.is_empty() || self.tiers.contains(&about.tier))
            && self.severities_from.is_none_or(|least| about.severity >= least)
            && (self.kinds.is_empty() || self.kinds.contains(&about.kind))
    }

    /// After how many seconds without an acknowledgement it escalates, and to which route.
    #[must_use]
    pub fn escalates(&self) -> Option<(i64, &str)> {
        Some((self.escalate_after?, self.escalate_to.as_deref()?))
    }

    /// Whether what is delivered along it has told the owner: there is one, and it reaches their team.
    #[must_use]
    pub fn tells_owner(&self, owner: Option<&str>) -> bool {
        self.owner && owner.is_some() && self.serves(owner)
    }
}

/// Whether two names are the same team's: in any case, and `acme/pay` as `@acme/pay`. An `@` before a name without a slash
/// makes it a person's.
pub(super) fn same(one: &str, other: &str) -> bool {
    let key = |name: &str| {
        let name = name.trim().to_lowercase();
        name.strip_prefix('@').filter(|rest| rest.contains('/')).map(str::to_owned).unwrap_or(name)
    };
    key(one) == key(other)
}

/// The routes that a notice takes, in the order of the configuration.
///
/// They are those for its team, tier, severity and kind. Where there is no owner, or no route leads to the owner whatever it
/// takes, those of the security team come in, for whichever team they are. Where that leaves none, all of the security
/// team's do, whatever they take.
#[must_use]
pub fn routes<'a>(all: impl Iterator<Item = &'a Route> + Clone, about: &About<'_>) -> Vec<&'a Route> {
    let reached = all.clone().any(|route| route.tells_owner(about.owner));
    let for_it = |route: &Route| route.serves(about.owner) || !reached && route.security;
    let found: Vec<&Route> = all.clone().filter(|route| route.wants(about) && for_it(route)).collect();
    match found.is_empty() {
        true => all.filter(|route| route.security).collect(),
        false => found,
    }
}

/// When a notice goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// At once.
    Now,
    /// When quiet hours end, in seconds since 1970 UTC.
    At(i64),
    /// In the digest of that time, in seconds since 1970 UTC.
    Digest(i64),
}

/// When a notice goes along a route, at a time in seconds since 1970 UTC.
///
/// What is critical, and an escalation, waits for nothing. A digest is the next one out of quiet hours, or at the end of them
/// if it is always in them; itself it waits for them alone.
#[must_use]
pub fn due(route: &Route, about: &About<'_>, now: i64) -> Due {
    if about.severity == Severity::Critical || about.kind == NoticeKind::Escalation {
        return Due::Now;
    }
    let ends = |time: i64| route.quiet.and_then(|quiet| quiet.ends(time));
    let Some(daily) = route.digest.filter(|_| about.kind != NoticeKind::Digest) else {
        return ends(now).map_or(Due::Now, Due::At);
    };
    let first = daily.next(now);
    // Four days have one that is no weekend's.
    let mut days = successors(Some(first), |time| Some(daily.next(*time))).take(4);
    let open = days.find(|time| ends(*time).is_none());
    Due::Digest(open.unwrap_or_else(|| ends(first).unwrap_or(first)))
}

/// Where a route escalates to, and after how many seconds.
#[must_use]
pub fn escalation<'a>(all: &'a [Route], route: &Route) -> Option<(i64, &'a Route)> {
    let (after, name) = route.escalates()?;
    Some((after, all.iter().find(|other| other.name == name)?))
}

/// Checks routes against each other.
///
/// # Errors
/// Where two have one name, or an escalation is half, leads nowhere or leads around.
pub fn check(all: &[Route]) -> Result<(), RouteError> {
    let mut names = BTreeSet::new();
    for route in all {
        if !names.insert(route.name.as_str()) {
            return Err(RouteError::Twice(route.name.clone()));
        }
        let whole = match (route.escalate_after, &route.escalate_to) {
            (None, None) => true,
            (Some(after), Some(_)) => after > 0,
            _ => false,
        };
        if !whole {
            return Err(RouteError::Half(route.name.clone()));
        }
    }
    for route in all {
        if let Some(to) = route.escalate_to.as_ref().filter(|to| !names.contains(to.as_str())) {
            return Err(RouteError::NoTarget { from: route.name.clone(), to: to.clone() });
        }
        let mut last = Some(route);
        for _ in all {
            last = last.and_then(|route| escalation(all, route)).map(|(_, next)| next);
        }
        if last.is_some() {
            return Err(RouteError::Ring(route.name.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-20, a Friday, at midnight UTC.
    const FRIDAY: i64 = 1_795_132_800;
    const HOUR: i64 = 3_600;
    const DAY: i64 = 24 * HOUR;

    fn about(owner: Option<&str>) -> About<'_> {
        About { owner, tier: Tier::Approval, severity: Severity::High, kind: NoticeKind::Opened }
    }

    fn route(name: &str, teams: &[&str]) -> Route {
        let teams = teams.iter().map(|team| (*team).to_owned()).collect();
        Route { name: name.into(), teams, owner: true, ..Route::default() }
    }

    fn security() -> Route {
        Route { name: "security".into(), teams: vec!["@acme/security".into()], security: true, ..Route::default() }
    }

    fn names(all: &[Route], about: &About<'_>) -> Vec<String> {
        routes(all.iter(), about).iter().map(|route| route.name.clone()).collect()
    }

    fn quiet(text: &str, offset: &str, weekends: bool) -> Quiet {
        let (from, to) = hours(text).unwrap();
        Quiet { from, to, offset: offset.parse().unwrap(), weekends }
    }

    #[test]
    fn times_and_offsets_are_read_and_shown() {
        for good in ["00:00", "09:05", "23:59"] {
            assert_eq!(good.parse::<Minute>().unwrap().to_string(), good);
        }
        for bad in ["24:00", "9:00", "09:60", "09:5", "0900", "+9:00", "09:00:00", "ab:cd", " 9:00", ""] {
            assert_eq!(bad.parse::<Minute>(), Err(RouteError::Time(bad.into())));
        }
        for good in ["+00:00", "+01:00", "-03:30", "+14:00", "-12:00"] {
            assert_eq!(good.parse::<Offset>().unwrap().to_string(), good);
        }
        for bad in ["01:00", "+1:00", "+14:01", "-12:01", "+01:60", "+99:00", "Z", "+-1:00", ""] {
            assert_eq!(bad.parse::<Offset>(), Err(RouteError::Offset(bad.into())));
        }
        let (from, to) = hours("22:00-07:00").unwrap();
        assert_eq!((from.to_string(), to.to_string()), ("22:00".into(), "07:00".into()));
        assert_eq!(hours("22:00"), Err(RouteError::Hours("22:00".into())));
        assert_eq!(hours("22:00-24:00"), Err(RouteError::Time("24:00".into())));
        assert_eq!(hours("07:00-07:00"), Err(RouteError::Empty("07:00-07:00".into())));
    }

    #[test]
    fn a_notice_takes_the_routes_of_its_team_tier_severity_and_kind() {
        let feed = Route { owner: false, ..route("feed", &[]) };
        let all = [route("pay", &["@acme/pay", "billing"]), feed, security()];
        for owner in ["@acme/pay", "@Acme/PAY", "acme/pay", "Billing", " billing "] {
            assert_eq!(names(&all, &about(Some(owner))), ["pay", "feed"], "{owner}");
        }
        assert_eq!(names(&all, &about(Some("@billing"))), ["feed", "security"], "a person is no team");
        let only = |change: &dyn Fn(&mut Route)| {
            let mut all = [route("pay", &["pay"]), security()];
            change(&mut all[0]);
            names(&all, &about(Some("pay")))
        };
        assert_eq!(only(&|r| r.tiers = vec![Tier::Approval]), ["pay"]);
        assert_eq!(only(&|r| r.severities_from = Some(Severity::High)), ["pay"]);
        assert_eq!(only(&|r| r.kinds = vec![NoticeKind::Opened]), ["pay"]);
        assert_eq!(only(&|r| r.tiers = vec![Tier::Watch, Tier::Automatic]), ["security"]);
        assert_eq!(only(&|r| r.severities_from = Some(Severity::Critical)), ["security"]);
        assert_eq!(only(&|r| r.kinds = vec![NoticeKind::Closed]), ["security"]);
    }

    #[test]
    fn what_reaches_no_owner_reaches_the_security_team() {
        let feed = Route { owner: false, ..route("feed", &[]) };
        let all = [route("pay", &["pay"]), feed, security()];
        assert_eq!(names(&all, &about(None)), ["feed", "security"]);
        assert_eq!(names(&all, &about(Some("web"))), ["feed", "security"], "a feed tells no owner");
        // It takes little, but more than nobody.
        let picky = Route { severities_from: Some(Severity::Critical), ..security() };
        assert_eq!(names(&[route("pay", &["pay"]), picky.clone()], &about(None)), ["security"]);
        assert_eq!(names(&[Route { owner: false, ..route("feed", &[]) }, picky], &about(None)), ["feed"]);
        assert!(names(&[route("pay", &["pay"])], &about(None)).is_empty());
        assert!(names(&[], &about(Some("pay"))).is_empty());
    }

    #[test]
    fn only_what_reaches_the_team_of_a_known_owner_tells_the_owner() {
        let pay = route("pay", &["pay"]);
        assert!(pay.tells_owner(Some("Pay")) && !pay.tells_owner(Some("web")) && !pay.tells_owner(None));
        assert!(route("all", &[]).tells_owner(Some("web")) && !route("all", &[]).tells_owner(None));
        assert!(!Route { owner: false, ..pay }.tells_owner(Some("pay")));
    }

    #[test]
    fn quiet_hours_end_in_the_morning_and_weekends_on_monday() {
        let night = quiet("22:00-07:00", "+01:00", false);
        let ends = |quiet: Quiet, hour: i64| quiet.ends(FRIDAY + hour * HOUR).map(|end| (end - FRIDAY) / HOUR);
        // 22:00 there is 21:00 UTC.
        assert_eq!(
            (ends(night, 20), ends(night, 21), ends(night, 29), ends(night, 30)),
            (None, Some(30), Some(30), None)
        );
        let free = quiet("22:00-07:00", "+01:00", true);
        assert_eq!(
            (ends(free, 20), ends(free, 21), ends(free, 30), ends(free, 60)),
            (None, Some(78), Some(78), Some(78))
        );
        assert_eq!((ends(free, 77), ends(free, 78)), (Some(78), None));
        let noon = quiet("12:00-13:00", "+00:00", false);
        assert_eq!((ends(noon, 11), ends(noon, 12), ends(noon, 13)), (None, Some(13), None));
        let weekend = Quiet { weekends: true, ..Quiet::default() };
        assert_eq!(
            (ends(weekend, 23), ends(weekend, 24), ends(weekend, 71), ends(weekend, 72)),
            (None, Some(72), Some(72), None)
        );
        assert_eq!(ends(Quiet::default(), 3), None);
    }

    #[test]
    fn a_digest_is_the_next_one_and_not_in_quiet_hours() {
        let daily = Daily { at: "09:00".parse().unwrap(), offset: "-02:00".parse().unwrap() };
        let next = |hour: i64| (daily.next(FRIDAY + hour * HOUR) - FRIDAY) / HOUR;
        assert_eq!((next(10), next(11), next(12)), (11, 35, 35));
        let mut route = Route { digest: Some(daily), ..route("pay", &["pay"]) };
        assert_eq!(due(&route, &about(None), FRIDAY), Due::Digest(FRIDAY + 11 * HOUR));
        route.quiet = Some(quiet("08:00-10:00", "-02:00", true));
        assert_eq!(due(&route, &about(None), FRIDAY), Due::Digest(FRIDAY + 12 * HOUR));
        assert_eq!(due(&route, &about(None), FRIDAY + 11 * HOUR), Due::Digest(FRIDAY + 74 * HOUR), "Monday at 00:00");
        let digest = About { kind: NoticeKind::Digest, ..about(None) };
        assert_eq!(due(&route, &digest, FRIDAY + 11 * HOUR), Due::At(FRIDAY + 12 * HOUR));
        assert_eq!(due(&route, &digest, FRIDAY + 12 * HOUR), Due::Now);
        route.quiet = Some(quiet("22:00-07:00", "-02:00", true));
        assert_eq!(due(&route, &about(None), FRIDAY + 11 * HOUR), Due::Digest(FRIDAY + 83 * HOUR), "Monday at 09:00");
    }

    #[test]
    fn what_is_critical_waits_for_nothing() {
        let weekends = Some(Quiet { weekends: true, ..Quiet::default() });
        let route = Route { quiet: weekends, digest: Some(Daily::default()), ..route("pay", &["pay"]) };
        let saturday = FRIDAY + DAY;
        assert_eq!(due(&route, &About { severity: Severity::Critical, ..about(None) }, saturday), Due::Now);
        assert_eq!(due(&route, &About { kind: NoticeKind::Escalation, ..about(None) }, saturday), Due::Now);
        assert_eq!(due(&Route { digest: None, ..route.clone() }, &about(None), saturday), Due::At(FRIDAY + 3 * DAY));
        assert_eq!(due(&Route { digest: None, ..route }, &about(None), FRIDAY), Due::Now);
    }

    #[test]
    fn escalations_lead_somewhere_and_end() {
        let to = |name: &str, after: Option<i64>, to: Option<&str>| Route {
            escalate_after: after,
            escalate_to: to.map(str::to_owned),
            ..route(name, &[])
        };
        let good = [to("a", Some(60), Some("b")), to("b", Some(60), Some("c")), to("c", None, None)];
        assert_eq!(check(&good), Ok(()));
        assert_eq!(escalation(&good, &good[0]).map(|(after, to)| (after, to.name.as_str())), Some((60, "b")));
        assert_eq!(escalation(&good, &good[2]), None);
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[to("a", None, None), to("a", None, None)]), Err(RouteError::Twice("a".into())));
        for half in [to("a", Some(60), None), to("a", None, Some("a")), to("a", Some(0), Some("a"))] {
            assert_eq!(check(&[half]), Err(RouteError::Half("a".into())));
        }
        let lost = RouteError::NoTarget { from: "a".into(), to: "b".into() };
        assert_eq!(check(&[to("a", Some(60), Some("b"))]), Err(lost));
        assert_eq!(check(&[to("a", Some(60), Some("a"))]), Err(RouteError::Ring("a".into())));
        let ring = [to("a", Some(60), Some("b")), to("b", Some(60), Some("a"))];
        assert_eq!(check(&ring), Err(RouteError::Ring("a".into())));
    }

    fn any_quiet() -> impl Strategy<Value = Quiet> {
        (0..1440u16, 0..1440u16, -720..=840i16, any::<bool>()).prop_map(|(from, to, offset, weekends)| Quiet {
            from: Minute(from),
            to: Minute(to),
            offset: Offset(offset),
            weekends,
        })
    }

    /// Whether a minute is quiet, by counting through days: another way than the code's.
    fn is_quiet(quiet: &Quiet, time: i64) -> bool {
        let there = time + i64::from(quiet.offset.0) * 60;
        let date = time::OffsetDateTime::from_unix_timestamp(there).unwrap();
        let minute = u16::from(date.hour()) * 60 + u16::from(date.minute());
        let (from, to) = (quiet.from.0, quiet.to.0);
        let within = if from <= to { from <= minute && minute < to } else { minute >= from || minute < to };
        let weekend = matches!(date.weekday(), time::Weekday::Saturday | time::Weekday::Sunday);
        within || quiet.weekends && weekend
    }

    proptest! {
        #[test]
        fn quiet_is_quiet_to_its_end(quiet in any_quiet(), now in -4_000_000_000i64..4_000_000_000) {
            match quiet.ends(now) {
                None => prop_assert!(!is_quiet(&quiet, now)),
                Some(end) => {
                    prop_assert!(end > now && end - now <= 4 * DAY && end % 60 == 0);
                    prop_assert!(!is_quiet(&quiet, end) && quiet.ends(end).is_none());
                    let mut between = (now..end).step_by(60).chain([end - 1]);
                    prop_assert!(between.all(|time| is_quiet(&quiet, time)));
                }
            }
        }

        #[test]
        fn whatever_the_clock_says_there_is_an_answer(quiet in any_quiet(), at in 0..1440u16, now in any::<i64>()) {
            let daily = Daily { at: Minute(at), offset: quiet.offset };
            let route = Route { quiet: Some(quiet), digest: Some(daily), ..Route::default() };
            for now in [now, i64::MIN, i64::MAX, -1, 0] {
                let Due::Digest(time) = due(&route, &about(None), now) else { panic!("no digest") };
                prop_assert!(time >= now && time.saturating_sub(now) <= 6 * DAY);
                let later = due(&Route { digest: None, ..route.clone() }, &about(None), now);
                prop_assert!(matches!(later, Due::Now) || matches!(later, Due::At(end) if end >= now));
            }
        }

        #[test]
        fn a_digest_is_at_its_time_of_day(at in 0..1440u16, offset in -720..=840i16, now in -4_000_000_000i64..4_000_000_000) {
            let next = Daily { at: Minute(at), offset: Offset(offset) }.next(now);
            prop_assert!(next > now && next - now <= DAY);
            prop_assert_eq!((next + i64::from(offset) * 60).rem_euclid(DAY), i64::from(at) * 60);
        }
    }
}
