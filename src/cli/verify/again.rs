//! The findings of a report, with their secrets read again from where they stand.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::cli::config::Config;
use crate::cli::scan;
use crate::model::{Confidence, Finding, Fingerprint, GapKind, Location, Report, system_words};

/// The largest report that is read.
const MAX_REPORT: u64 = 1 << 30;

/// A finding of the report.
#[derive(Debug, Default)]
struct Wanted {
    rule: String,
    fingerprint: Option<String>,
    /// Path, line, and whether it stands in a history.
    places: Vec<(String, u64, bool)>,
    /// The files of its other parts.
    beside: Vec<String>,
}

impl Wanted {
    fn read(value: &Value) -> Self {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            rule: text("rule").unwrap_or_default(),
            fingerprint: text("fingerprint"),
            places: Vec::new(),
            beside: Vec::new(),
        }
    }

    fn place(&mut self, place: &Value) {
        let path = place.get("path").and_then(Value::as_str).unwrap_or_default().to_owned();
        let line = place.get("line").and_then(Value::as_u64).unwrap_or(0);
        let of_old = place.get("commit").is_some() || place.get("history").is_some();
        self.places.push((path, line, of_old));
    }
}

/// What a finding is known by: its fingerprint, or of a password without one its rule and a place.
#[derive(PartialEq, Eq, Hash)]
enum Known {
    Print(String),
    Place(String, String, u64),
}

impl Known {
    fn wanted(wanted: &Wanted) -> Vec<Self> {
        let place = |(path, line, _): &(String, u64, bool)| Self::Place(wanted.rule.clone(), path.clone(), *line);
        match &wanted.fingerprint {
            Some(print) => vec![Self::Print(print.clone())],
            None => wanted.places.iter().map(place).collect(),
        }
    }

    fn found(finding: &Finding) -> Vec<Self> {
        let path = |l: &Location| String::from_utf8_lossy(l.path.raw()).into_owned();
        let place = |l: &Location| Self::Place(finding.kind.rule.to_string(), path(l), u64::from(l.line));
        let print = finding.fingerprint.iter().map(|print| Self::Print(print.as_str().to_owned()));
        print.chain(finding.locations.iter().map(place)).collect()
    }
}

/// What is read again, and where.
pub(in crate::cli) struct Again<'a> {
    /// The report.
    pub(in crate::cli) report: &'a Path,
    /// The repository that it is about, where it is about a history.
    pub(in crate::cli) repository: &'a Path,
    /// As in `quell scan`.
    pub(in crate::cli) rules: Option<&'a Path>,
    /// As in `quell scan`.
    pub(in crate::cli) config: Option<&'a Path>,
}

/// Reads a report, and the secrets that it names from their places. What is not found there any more is a gap.
pub(in crate::cli) fn read(again: &Again<'_>, config: &Config) -> Result<Report> {
    let wanted: Vec<Wanted> = written(again.report)?.findings.iter().map(whole).collect();
    let mut files = BTreeSet::new();
    let mut history = false;
    let beside = wanted.iter().flat_map(|w| &w.beside).map(PathBuf::from).filter(|path| path.is_file());
    files.extend(beside);
    for (path, _, of_old) in wanted.iter().flat_map(|w| &w.places) {
        let path = PathBuf::from(path);
        match (of_old, path.is_file()) {
            (false, true) => drop(files.insert(path)),
            (true, _) => history = true,
            _ => {}
        }
    }
    let key = config.key()?;
    let made_with = |w: &Wanted| w.fingerprint.as_deref().and_then(Fingerprint::parse).is_none_or(|f| f.is_of(&key));
    if !wanted.iter().all(made_with) {
        bail!(
            "the report was made with another fingerprint key\n  help: give the same key, in the configuration or as QUELL_FINGERPRINT_KEY_FILE"
        );
    }
    let mut reports = Vec::new();
    if !files.is_empty() {
        reports.push(scanned(again, config, files.into_iter().collect(), false)?);
    }
    if history {
        let read = scanned(again, config, vec![again.repository.to_path_buf()], true);
        reports.push(read.context("the report is about a history; name its repository with --repository")?);
    }
    let mut report = Report::joined(reports);
    report.below_confidence = 0;
    let asked: HashSet<Known> = wanted.iter().flat_map(Known::wanted).collect();
    report.findings.retain(|finding| Known::found(finding).iter().any(|known| asked.contains(known)));
    let had: HashSet<Known> = report.findings.iter().flat_map(Known::found).collect();
    for lost in wanted.iter().filter(|w| !Known::wanted(w).iter().any(|known| had.contains(known))) {
        let (path, line, _) = lost.places.first().cloned().unwrap_or_default();
        let there = Path::new(&path).is_file() || history;
        let how = if there { "it does not stand there any more" } else { "there is no such file to read it from" };
        let why = format!("line {line}: whether {} is live is not known: {how}", lost.rule);
        report.coverage.gap(GapKind::NoVerdict, &path.as_str().into(), why);
    }
    report.coverage.sort();
    Ok(report)
}

/// Scans places again for everything that may stand there.
fn scanned(again: &Again<'_>, config: &Config, paths: Vec<PathBuf>, history: bool) -> Result<Report> {
    let options = scan::Args {
        paths,
        history,
        rules: again.rules.map(Path::to_path_buf),
        config: again.config.map(Path::to_path_buf),
        confidence: Some(Confidence::Low.as_str().to_owned()),
        no_ignore: true,
        no_target_ignores: true,
        ..scan::Args::default()
    };
    scan::scanned(&options, config, None, &[])
}

/// What a report says.
pub(in crate::cli) struct Written {
    /// Its findings, each as the JSON format has it.
    pub(in crate::cli) findings: Vec<Value>,
    /// Whether everything that was asked for had been read.
    #[cfg_attr(not(feature = "remediate"), allow(dead_code, reason = "cases ask for it"))]
    pub(in crate::cli) complete: bool,
}

/// Reads a report, JSON or JSON Lines.
pub(in crate::cli) fn written(path: &Path) -> Result<Written> {
    let told = |why: &str| {
        let help = "give a report that `quell scan --format json=FILE` or `jsonl=FILE` wrote";
        anyhow!("the report `{}` {why}\n  help: {help}", path.display())
    };
    let failed = |e: std::io::Error| told(&format!("cannot be read: {}", system_words(&e)));
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_REPORT + 1).read_to_string(&mut text));
    if read.map_err(failed)? as u64 > MAX_REPORT {
        bail!(told("is larger than 1 GiB"));
    }
    let mut document = serde_json::from_str::<Value>(&text).unwrap_or_default();
    let written = match document.get_mut("findings").map(Value::take) {
        Some(Value::Array(findings)) => Written { findings, complete: is_complete(&document) },
        _ => lines(&text).map_err(told)?,
    };
    let places =
        |finding: &Value| finding.get("locations").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    if written.findings.iter().any(|finding| !places(finding) || finding.get("rule").and_then(Value::as_str).is_none())
    {
        bail!(told("is no JSON report of quell"));
    }
    Ok(written)
}

fn is_complete(document: &Value) -> bool {
    document.get("complete").and_then(Value::as_bool).unwrap_or(false)
}

/// The findings of JSON Lines, put together from the lines of their places and other parts.
fn lines(text: &str) -> Result<Written, &'static str> {
    let mut all: BTreeMap<u64, Value> = BTreeMap::new();
    let mut ended = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let line: Value = serde_json::from_str(line).map_err(|_| "is no JSON report of quell")?;
        let number = line.get("finding").and_then(Value::as_u64).unwrap_or(0);
        match line.get("type").and_then(Value::as_str) {
            Some("finding") => {
                let finding = all.entry(number).or_insert_with(|| line.clone());
                add(finding, "locations", line);
            }
            Some("companion") => {
                let part = serde_json::json!({ "name": line.get("name"), "location": line });
                add(all.entry(number).or_insert_with(|| serde_json::json!({})), "companions", part);
            }
            Some("summary") => ended = Some(is_complete(&line)),
            _ => return Err("is no JSON report of quell"),
        }
    }
    let complete = ended.ok_or("has no end: it was cut, or is no report of quell")?;
    Ok(Written { findings: all.into_values().collect(), complete })
}

/// Adds to a list of an object.
fn add(to: &mut Value, name: &str, value: Value) {
    if let Some(fields) = to.as_object_mut() {
        let list = fields.entry(name).or_insert_with(|| Value::Array(Vec::new()));
        list.as_array_mut().into_iter().for_each(|list| list.push(value.clone()));
    }
}

fn whole(finding: &Value) -> Wanted {
    let mut wanted = Wanted::read(finding);
    for place in finding.get("locations").and_then(Value::as_array).into_iter().flatten() {
        wanted.place(place);
    }
    for part in finding.get("companions").and_then(Value::as_array).into_iter().flatten() {
        wanted.beside.extend(part.pointer("/location/path").and_then(Value::as_str).map(str::to_owned));
    }
    wanted
}
