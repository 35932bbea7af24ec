//! What people write in tasks to have something done: `/quell approve PLAN-HASH` and the like, alone at the start of a line.

use time::macros::format_description;
use time::{Date, Time, UtcDateTime};

use crate::model::action::Action;
use crate::model::event::RestoreCause;

/// The longest comment that is read, in bytes.
const LONGEST: usize = 64 << 10;
/// The most commands of one comment.
const MOST: usize = 5;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// `approve PLAN-HASH`
    Approve(String),
    /// `reject REASON`
    Reject(String),
    /// `owner @team`
    Owner(String),
    /// `accept-risk UNTIL REASON`
    AcceptRisk {
        /// In seconds since 1970 UTC: the end of that day.
        until: i64,
        /// Why.
        reason: String,
    },
    /// `ack`
    Acknowledge,
    /// `done ACTION REASON`
    Done {
        /// What was done.
        action: Action,
        /// Of a restoration: what made it necessary.
        cause: Option<RestoreCause>,
        /// How, or why.
        reason: String,
    },
    /// None that is known, or one that lacks something: what to write instead.
    Wrong(String),
}

impl Spoken {
    /// The commands of a comment, each with its line. Quoted lines and blocks of code say what somebody else wrote.
    #[must_use]
    pub fn all(text: &str) -> Vec<(String, Self)> {
        let (mut fence, mut all) = (None, Vec::new());
        let text = text.get(..text.floor_char_boundary(LONGEST)).unwrap_or_default();
        for line in text.lines() {
            let bare = line.trim_start_matches(' ');
            let marks = |mark: char| bare.chars().take_while(|c| *c == mark).count();
            let own = ['`', '~'].into_iter().map(|mark| (mark, marks(mark))).find(|(_, count)| *count >= 3);
            match (fence, own) {
                (None, Some(begins)) => fence = Some(begins),
                (Some((mark, count)), Some((other, more))) if mark == other && more >= count => fence = None,
                _ => {}
            }
            let rest = line.strip_prefix("/quell").filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
            if let Some(rest) = rest.filter(|_| fence.is_none()) {
                all.push((line.trim_end().to_owned(), Self::read(rest.trim())));
                if all.len() == MOST {
                    break;
                }
            }
        }
        all
    }

    fn read(text: &str) -> Self {
        let (word, rest) = parted(text);
        let wrong = |form: &str| Self::Wrong(format!("write: /quell {form}"));
        match word {
            "approve" if is_hash(rest) => Self::Approve(rest.to_owned()),
            "approve" => wrong("approve PLAN-HASH"),
            "reject" if !rest.is_empty() => Self::Reject(rest.to_owned()),
            "reject" => wrong("reject REASON"),
            "owner" => {
                let team = rest.trim_start_matches('@');
                let one = !team.is_empty() && !team.contains(char::is_whitespace);
                if one { Self::Owner(team.to_owned()) } else { wrong("owner @TEAM") }
            }
            "accept-risk" => match parted(rest) {
                (day, reason) if !reason.is_empty() => match end_of(day) {
                    Some(until) => Self::AcceptRisk { until, reason: reason.to_owned() },
                    None => wrong("accept-risk UNTIL REASON, with a day such as 2027-01-31"),
                },
                _ => wrong("accept-risk UNTIL REASON, with a day such as 2027-01-31"),
            },
            "ack" if rest.is_empty() => Self::Acknowledge,
            "ack" => wrong("ack"),
            "done" => Self::done(rest),
            _ => wrong("approve, reject, owner, accept-risk, ack or done"),
        }
    }

    fn done(text: &str) -> Self {
        let (word, rest) = parted(text);
        let action = Action::named(word).filter(|a| !matches!(a, Action::Notify | Action::Close));
        let cause = RestoreCause::ALL.iter().find(|(name, _)| parted(rest).0 == *name).map(|(_, cause)| *cause);
        let form = "write: /quell done rotate|quarantine|revoke REASON, or restore legitimate-use|other REASON";
        match action {
            Some(Action::Restore) => match (cause, parted(rest).1) {
                (Some(cause), reason) if !reason.is_empty() => {
                    Self::Done { action: Action::Restore, cause: Some(cause), reason: reason.to_owned() }
                }
                _ => Self::Wrong(form.to_owned()),
            },
            Some(action) if !rest.is_empty() => Self::Done { action, cause: None, reason: rest.to_owned() },
            _ => Self::Wrong(form.to_owned()),
        }
    }
}

/// The first word, and what follows it.
fn parted(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim()))
}

fn is_hash(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    (12..=64).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The end of a day, in seconds since 1970 UTC.
fn end_of(day: &str) -> Option<i64> {
    let day = Date::parse(day, format_description!("[year]-[month]-[day]")).ok()?;
    Some(UtcDateTime::new(day, Time::MIDNIGHT).unix_timestamp() + super::settings::DAY - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Spoken {
        let all = Spoken::all(text);
        assert_eq!(all.len(), 1, "{text}");
        all[0].1.clone()
    }

    #[test]
    fn each_command_is_read() {
        let hash = "sha256:0123456789abcdef";
        assert_eq!(one(&format!("/quell approve {hash}")), Spoken::Approve(hash.to_owned()));
        assert_eq!(one("/quell reject  not ours "), Spoken::Reject("not ours".to_owned()));
        assert_eq!(one("/quell owner @acme/pay"), Spoken::Owner("acme/pay".to_owned()));
        assert_eq!(one("/quell ack"), Spoken::Acknowledge);
        let risk = Spoken::AcceptRisk { until: 1_800_057_599, reason: "a honeypot".to_owned() };
        assert_eq!(one("/quell accept-risk 2027-01-15 a honeypot"), risk);
        let done = Spoken::Done { action: Action::Revoke, cause: None, reason: "by hand".to_owned() };
        assert_eq!(one("/quell done revoke by hand"), done);
        let cause = Some(RestoreCause::LegitimateUse);
        let done = Spoken::Done { action: Action::Restore, cause, reason: "billing failed".to_owned() };
        assert_eq!(one("/quell done restore legitimate-use billing failed"), done);
    }

    #[test]
    fn what_lacks_something_is_told_how_to_write_it() {
        let wrong = [
            "/quell",
            "/quell approve",
            "/quell approve zz",
            "/quell reject",
            "/quell owner",
            "/quell owner a b",
            "/quell accept-risk tomorrow x",
            "/quell accept-risk 2027-01-15",
            "/quell done close x",
            "/quell done restore x",
            "/quell sudo",
        ];
        for text in wrong {
            assert!(matches!(one(text), Spoken::Wrong(_)), "{text}");
        }
    }

    #[test]
    fn what_somebody_quotes_or_shows_is_no_command() {
        for text in [
            "> /quell ack",
            "I write /quell ack",
            "```\n/quell ack\n```",
            "~~~~\n/quell ack\n~~~\n/quell ack",
            " /quell ack",
            "/quellack",
        ] {
            assert!(Spoken::all(text).is_empty(), "{text}");
        }
        assert_eq!(Spoken::all("```\nx\n```\n/quell ack").len(), 1);
        assert_eq!(Spoken::all(&"/quell ack\n".repeat(50)).len(), MOST);
    }
}
