//! The part of the page that says who was told, where its task is, and what people say that they did.

use std::io::{self, Write};

use super::super::escape::{terminal, terminal_str};
use super::super::when::zoned;
use super::line;
use crate::model::case::Case;

/// How many notices and acts are shown.
const SHOWN: usize = 5;

pub(super) fn write(case: &Case, out: &mut dyn Write) -> io::Result<()> {
    for task in &case.tasks {
        let open = match (&task.closed_by, task.open) {
            (_, true) => "open".to_owned(),
            (Some(by), false) if !by.is_empty() => format!("closed by {}", terminal_str(by)),
            (Some(_), false) => "closed by somebody".to_owned(),
            (None, false) => "closed".to_owned(),
        };
        line(out, "task", &format!("{}  {open}  {}", terminal_str(&task.task.name()), terminal(&task.task.url)))?;
    }
    let skipped = case.notices.len().saturating_sub(SHOWN);
    for notice in case.notices.iter().skip(skipped) {
        let (what, route, at) = (notice.what.as_str(), terminal_str(&notice.route), zoned(notice.at));
        let told = match &notice.failed {
            None => format!("{what} by {route} at {at}"),
            Some(why) => format!("{what} by {route} NOT delivered at {at}: {}", terminal_str(why)),
        };
        line(out, "told", &told)?;
    }
    if let Some((at, by)) = &case.acknowledged {
        line(out, "heard", &format!("{} at {}", terminal_str(&by.name()), zoned(*at)))?;
    }
    let skipped = case.acts.len().saturating_sub(SHOWN);
    for act in case.acts.iter().skip(skipped) {
        let (by, at) = (terminal_str(&act.by.name()), zoned(act.at));
        let why = act.cause.map(|cause| format!(" because of {}", cause.as_str())).unwrap_or_default();
        let told = format!("{}{why}, by hand, says {by} at {at}: {}", act.action.as_str(), terminal_str(&act.reason));
        line(out, "done", &told)?;
    }
    Ok(())
}
