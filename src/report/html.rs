//! A page of its own for a browser: what was not read, the findings, and for each its places, why and what to do.
//!
//! It asks nothing of anybody: its policy forbids every request, and lets run the one style and the one script that it
//! was made with, by their hashes. It can be read without the script, which filters. The only links are those of rules,
//! to their providers' pages.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::Style;
use super::escape::html;
use super::plain::place;
use super::reveal::reveal;
use super::when::second;
use super::why::reasons;
use super::words::{headline, left_out, shortfalls, verdict};
use crate::model::{Coverage, Finding, Presence, Report, Severity, counted};

const STYLE: &str = include_str!("html.css");
const SCRIPT: &str = include_str!("html.js");

/// How many findings are shown: with more, browsers become slow.
const FINDINGS: usize = 20_000;

/// How many places of a finding are shown.
const PLACES: usize = 50;

/// How many things are named that were not read, or are to be known.
const NAMED: usize = 500;

const SEVERITIES: [Severity; 5] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

const PRESENCES: [(Presence, &str); 5] = [
    (Presence::Head, "still at HEAD"),
    (Presence::Tip, "still at another tip"),
    (Presence::History, "in history"),
    (Presence::Log, "in a reflog alone"),
    (Presence::Unreachable, "in no branch"),
];

/// Writes the report.
pub(super) fn write(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    head(out)?;
    writeln!(out, "<body>\n<header>\n<h1>Secrets found by quell</h1>\n<p>{}.</p>", html(&headline(report)))?;
    let (began, ended) = (second(style.started).replace('T', " "), second(style.ended).replace('T', " "));
    let version = env!("CARGO_PKG_VERSION");
    writeln!(out, "<p class=\"soft\">Scanned from {began} to {ended} UTC with quell {version}.</p>")?;
    if style.show_secrets {
        writeln!(out, "<p><b>This page shows whole secrets.</b> It is for you alone.</p>")?;
    }
    writeln!(out, "</header>\n<main>")?;
    unread(&report.coverage, out)?;
    counts(report, out)?;
    list(report, style, out)?;
    coverage(&report.coverage, out)?;
    writeln!(out, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>")
}

fn head(out: &mut dyn Write) -> io::Result<()> {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>Secrets found by quell</title>\n<style>{STYLE}</style>\n</head>"
    )
}

/// What was not read, before all else: a page without findings is no good news then.
fn unread(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    let short = shortfalls(coverage);
    if short.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section class=\"gaps\">\n<h2>{}</h2>", html(&short.join("; ")))?;
    if !coverage.is_complete() {
        writeln!(out, "<ul>")?;
        for gap in coverage.gaps.iter().take(NAMED) {
            writeln!(out, "<li><code>{}</code>: {}</li>", html(&gap.path), html(&gap.why))?;
        }
        more(coverage.gaps.len(), NAMED, out)?;
        writeln!(out, "</ul>")?;
    }
    writeln!(out, "</section>")
}

/// An item that says how many there are beyond those that are shown.
fn more(all: usize, shown: usize, out: &mut dyn Write) -> io::Result<()> {
    match all.saturating_sub(shown) {
        0 => Ok(()),
        rest => writeln!(out, "<li class=\"soft\">and {rest} more</li>"),
    }
}

/// How many findings there are by severity and by provider.
fn counts(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<ul class=\"counts\" aria-label=\"Findings by severity\">")?;
    for severity in SEVERITIES {
        let number = report.findings.iter().filter(|f| f.severity == severity).count();
        let (word, none) = (severity.as_str(), if number == 0 { " none" } else { "" });
        writeln!(out, "<li class=\"{word}{none}\"><b>{number}</b>{word}</li>")?;
    }
    writeln!(out, "</ul>")?;
    let providers = providers(report);
    if providers.is_empty() {
        return Ok(());
    }
    let title = counted(providers.len() as u64, "provider", "providers");
    writeln!(out, "<details>\n<summary>{title}</summary>\n<ul class=\"providers\">")?;
    for (provider, number) in providers {
        writeln!(out, "<li>{} <span class=\"soft\">{number}</span></li>", html(provider))?;
    }
    writeln!(out, "</ul>\n</details>")
}

fn providers(report: &Report) -> BTreeMap<&str, usize> {
    let mut out = BTreeMap::new();
    for finding in &report.findings {
        *out.entry(finding.kind.provider.as_ref()).or_default() += 1;
    }
    out
}

/// The findings, under what filters them.
fn list(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section>\n<h2>Findings</h2>")?;
    if report.findings.is_empty() {
        return writeln!(out, "<p>No secrets were found in what was read.</p>\n</section>");
    }
    filters(report, out)?;
    let all = report.findings.len();
    if all > FINDINGS {
        writeln!(
            out,
            "<p>The {FINDINGS} most severe of {all} findings are shown; the other formats have all of them.</p>"
        )?;
    }
    writeln!(out, "<ol class=\"findings\" role=\"list\">")?;
    for found in report.findings.iter().take(FINDINGS) {
        finding(found, style, out)?;
    }
    writeln!(out, "</ol>\n</section>")
}

/// What the script filters by; hidden without it.
fn filters(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let option = |value: &str, label: &str| format!("<option value=\"{}\">{}</option>", html(value), html(label));
    let select = |name: &str, label: &str, options: Vec<String>| {
        format!(
            "<label>{label}<select name=\"{name}\"><option value=\"\">all</option>{}</select></label>",
            options.concat()
        )
    };
    writeln!(
        out,
        "<form hidden=\"\">\n<label>Text<input type=\"search\" name=\"text\" autocomplete=\"off\"/></label>"
    )?;
    let severities = SEVERITIES.map(|s| option(s.as_str(), s.as_str())).to_vec();
    writeln!(out, "{}", select("severity", "Severity", severities))?;
    let providers = providers(report).into_keys().map(|p| option(p, p)).collect();
    writeln!(out, "{}", select("provider", "Provider", providers))?;
    let present: BTreeSet<Presence> = report.findings.iter().flat_map(presences).collect();
    if !present.is_empty() {
        let known = PRESENCES.iter().filter(|(presence, _)| present.contains(presence));
        let presences = known.map(|(presence, label)| option(presence.as_str(), label)).collect();
        writeln!(out, "{}", select("presence", "Presence", presences))?;
    }
    let verdicts: BTreeSet<&str> =
        report.findings.iter().filter_map(|f| f.verification.as_ref().map(|v| v.verdict.as_str())).collect();
    if !verdicts.is_empty() {
        writeln!(out, "{}", select("verdict", "Verdict", verdicts.into_iter().map(|v| option(v, v)).collect()))?;
    }
    writeln!(out, "<output class=\"soft\" aria-live=\"polite\"></output>\n</form>")
}

fn presences(finding: &Finding) -> BTreeSet<Presence> {
    finding.locations.iter().filter_map(|l| l.history.as_ref().map(|h| h.presence)).collect()
}

fn finding(finding: &Finding, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let kind = &finding.kind;
    let severity = finding.severity.as_str();
    let word = finding.verification.as_ref().map_or("", |v| v.verdict.as_str());
    let presences: Vec<&str> = presences(finding).into_iter().map(Presence::as_str).collect();
    writeln!(
        out,
        "<li data-severity=\"{severity}\" data-provider=\"{}\" data-presence=\"{}\" data-verdict=\"{word}\"><details><summary>",
        html(kind.provider.as_ref()),
        presences.join("&#10;")
    )?;
    let first = finding.locations.first().map(place).unwrap_or_default();
    let badge = if word.is_empty() { String::new() } else { format!("<span class=\"badge {word}\">{word}</span>") };
    let rest = match finding.locations.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" <span class=\"soft\">and {}</span>", counted(more as u64, "more place", "more places")),
    };
    writeln!(
        out,
        "<span class=\"badges\"><span class=\"badge {severity}\">{severity}</span>{badge}</span>\
         <span class=\"title\">{} <code>{}</code></span><span><code>{}</code>{rest}</span></summary>\n<dl>",
        html(kind.title.as_ref()),
        html(&finding.redacted().to_string()),
        html(&first)
    )?;
    details(finding, style, out)?;
    writeln!(out, "</dl></details></li>")
}

fn details(finding: &Finding, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let kind = &finding.kind;
    if let Some(secret) = reveal(&finding.secret, style) {
        writeln!(out, "<dt>secret</dt><dd><code>{}</code></dd>", html(&secret))?;
    }
    writeln!(out, "<dt>where</dt><dd><ul>")?;
    for location in finding.locations.iter().take(PLACES) {
        writeln!(out, "<li><code>{}</code></li>", html(&place(location)))?;
    }
    more(finding.locations.len(), PLACES, out)?;
    writeln!(out, "</ul></dd>")?;
    if !finding.companions.is_empty() {
        writeln!(out, "<dt>with</dt><dd><ul>")?;
        for part in finding.companions.iter().take(PLACES) {
            let shown = reveal(&part.secret, style).unwrap_or_else(|| part.redacted().to_string());
            let (name, at) = (part.name.replace('_', " "), place(&part.location));
            writeln!(out, "<li>{} <code>{}</code>, <code>{}</code></li>", html(&name), html(&shown), html(&at))?;
        }
        more(finding.companions.len(), PLACES, out)?;
        writeln!(out, "</ul></dd>")?;
    }
    if let Some(asked) = &finding.verification {
        writeln!(out, "<dt>is</dt><dd>{}</dd>", html(&verdict(asked)))?;
    }
    writeln!(out, "<dt>why</dt><dd>{}</dd>", html(&reasons(finding).join("; ")))?;
    writeln!(out, "<dt>do</dt><dd>{}</dd>", html(kind.advice.as_ref()))?;
    if kind.docs.starts_with("https://") {
        let docs = html(kind.docs.as_ref());
        writeln!(out, "<dt>read</dt><dd><a href=\"{docs}\" rel=\"noreferrer noopener\">{docs}</a></dd>")?;
    }
    match &finding.fingerprint {
        Some(id) => writeln!(out, "<dt>id</dt><dd><code>{}</code></dd>", html(id.as_str())),
        None => Ok(()),
    }
}

/// What was read and left out, and what else to know.
fn coverage(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section>\n<h2>What was covered</h2>")?;
    let complete = if coverage.is_complete() { "Everything that was asked for was read." } else { "" };
    let left_out = left_out(coverage).unwrap_or_else(|| "nothing was left out by design".to_owned());
    writeln!(out, "<p>{complete} {}.</p>\n<ul class=\"plain\">", html(&capital(&left_out)))?;
    for notice in coverage.notices.iter().take(NAMED) {
        writeln!(out, "<li><code>{}</code>: {}</li>", html(&notice.path), html(&notice.text))?;
    }
    more(coverage.notices.len(), NAMED, out)?;
    for (reason, skipped) in &coverage.skipped {
        for path in &skipped.examples {
            writeln!(out, "<li class=\"soft\"><code>{}</code>: {}</li>", html(path), reason.as_str())?;
        }
    }
    writeln!(out, "</ul>\n</section>")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
