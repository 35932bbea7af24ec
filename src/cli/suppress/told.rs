//! How a suppression is told, without telling a secret that somebody may have put into it (invariant 1).

use super::Held;
use crate::detect::{Chunk, Detector, Scratch};
use crate::model::{Finding, Quotes, Untrusted};
use crate::report::terminal;
use crate::rules::RuleSet;

/// How many characters of a reason or an author are shown.
const SHOWN: usize = 200;

/// Which suppressions may be told with their reason and author: those in which no rule finds anything, however doubtful,
/// and which quote no secret that the scan found.
pub(super) fn tellable(held: &[Held], rules: &RuleSet, findings: &[Finding]) -> Vec<bool> {
    let texts: Vec<String> =
        held.iter().map(|h| format!("{}\n{}", h.entry.reason, h.entry.author.as_deref().unwrap_or_default())).collect();
    let mut quotes = Quotes::new(texts.iter().map(String::as_bytes).collect());
    for finding in findings {
        quotes.look(&finding.secret, &finding.redacted());
        finding.companions.iter().filter(|c| c.kind.is_some()).for_each(|c| quotes.look(&c.secret, &c.redacted()));
    }
    let detector = Detector::new(rules, |_| true);
    let (mut scratch, mut found) = (Scratch::default(), Vec::new());
    let clean = |(number, text): (usize, &String)| {
        found.clear();
        detector.scan(&Chunk::whole(text.as_bytes()), &mut scratch, &mut found);
        found.is_empty() && !quotes.quotes(number)
    };
    texts.iter().enumerate().map(clean).collect()
}

/// Says what a suppression took out, why, who says so, and until when.
pub(super) fn sentence(held: &Held, told: bool) -> String {
    let shown = |text: &str| {
        let text = text.trim();
        let cut: String = text.chars().take(SHOWN).collect();
        let more = if cut.len() < text.len() { "…" } else { "" };
        format!("{}{more}", terminal(&Untrusted::from(cut.as_str())))
    };
    let until = held.entry.expires.map(|d| format!(" until {d}")).unwrap_or_default();
    let who_and_why = match (told, &held.entry.author) {
        (false, _) => "its reason and author are not shown, since they may hold a secret".to_owned(),
        (true, Some(author)) => format!("{} (by {})", shown(&held.entry.reason), shown(author)),
        (true, None) => format!("{} (no author named)", shown(&held.entry.reason)),
    };
    format!("suppression {} takes {} out{until}: {who_and_why}", held.number, held.fingerprint.as_str())
}
