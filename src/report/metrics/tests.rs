//! What each format makes of the same lives, hostile names included.
#![cfg(test)]

use super::*;
use crate::metrics::{Asked, Check, DAY, Dimension, Life, State, Survey};
use crate::model::Untrusted;

/// Lives that end, or are last seen alive, so many half days after notice: the worked example.
const EXAMPLE: [(i64, bool); 12] = [
    (1, true),
    (2, true),
    (4, true),
    (4, false),
    (6, true),
    (8, true),
    (8, false),
    (12, true),
    (16, false),
    (20, true),
    (24, false),
    (28, false),
];

/// A name that no sink may act upon.
const HOSTILE: &str = "a\"b\\c\n# EOF\x1b[31m<script>,=1{}";

fn lives(times: u32) -> Vec<Life> {
    let check = |asked, state| Check { nominal: None, asked, state };
    let mut all = Vec::new();
    for round in 0..times {
        for (halves, ended) in EXAMPLE {
            let at = halves * DAY / 2 + i64::from(round) * 1_231;
            let state = if ended { State::Dead } else { State::Live };
            let mut checks = vec![check(0, State::Live), check(at, state)];
            if ended && round % 3 == 1 {
                // Locked first, and revoked two days later.
                checks.insert(1, check(at, State::Blocked));
                checks[2].asked += 2 * DAY;
            }
            let owner = [Some(Untrusted::from(HOSTILE)), None][usize::from(ended)].clone();
            all.push(Life { notified: Some(0), exposed: Some(-3 * DAY), checks, owner, ..Life::default() });
        }
    }
    all
}

fn measured(times: u32) -> Measured {
    Survey::new(&lives(times), Asked { now: 40 * DAY, ..Asked::default() }).measure(Some(Dimension::Team))
}

fn text(format: MetricsFormat, measured: &Measured) -> String {
    let mut out = Vec::new();
    write(format, measured, Scans { ended: 3, complete: 2 }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_table_fits_and_says_whose_figure_it_is() {
    for measured in [measured(1), measured(20), Survey::new(&[], Asked::default()).measure(None)] {
        let table = text(MetricsFormat::Table, &measured);
        for line in table.lines() {
            assert!(line.chars().count() <= 100, "{} {line}", line.chars().count());
        }
        assert!(!table.contains('\x1b'), "{table}");
        assert!(table.contains("GitGuardian") && table.contains("by the clock notified"), "{table}");
    }
    let table = text(MetricsFormat::Table, &measured(1));
    let line = table.lines().find(|line| line.starts_with("  usable")).unwrap();
    assert!(table.contains("working after 5 d, what came back included: 5 of 10 known, estimate 56.2 %"), "{table}");
    for figure in ["56.2 %", "24.4–79.1 %", "41.7–58.3 %", "6.0 d", "7.3 d (14 d)"] {
        assert!(line.contains(figure), "{figure}: {line}");
    }
    assert!(table.contains("no share without its interval"));
}

#[test]
fn json_has_the_figures_by_stable_keys() {
    let value: serde_json::Value = serde_json::from_str(&text(MetricsFormat::Json, &measured(1))).unwrap();
    let usable = &value["figures"]["usable"];
    assert_eq!(usable["after_5_days"]["estimate"], 0.5625);
    assert_eq!((usable["median_days"].as_f64(), usable["n"].as_u64()), (Some(6.0), Some(12)));
    assert_eq!(value["slices"][0]["slice"], HOSTILE);
    assert!(value["slices"][1]["slice"].is_null());
    assert_eq!(value["clocks"].as_array().unwrap().len(), 2);
    assert_eq!(value["scans"]["complete"], 2);
}

#[test]
fn csv_has_a_row_for_each_figure() {
    let written = text(MetricsFormat::Csv, &measured(1));
    let rows: Vec<&str> = written.split("\r\n").collect();
    assert_eq!(rows[0], "dimension,slice,metric,labels,unit,value");
    let row = ",,valid_after_5_days_ratio,\"curve=usable;clock=notified;of=estimate\",ratio,0.5625";
    assert!(rows.contains(&row), "{written}");
    assert!(
        rows.iter().any(|row| row.starts_with("team,\"a\"\"b\\c\\n# EOF\\u{1b}[31m<script>,=1{}\",cases,")),
        "{written}"
    );
}

/// Reads OpenMetrics text as a scraper would: families in one piece, types before samples, labels quoted.
fn scraped(text: &str) -> Vec<(String, String, f64)> {
    let (mut seen, mut family, mut samples) = (Vec::new(), String::new(), Vec::new());
    let body = text.strip_suffix("# EOF\n").expect("it ends");
    for line in body.lines() {
        if let Some(about) = line.strip_prefix("# ") {
            let (what, rest) = about.split_once(' ').unwrap();
            let (name, more) = rest.split_once(' ').unwrap();
            if what == "TYPE" {
                assert!(!seen.contains(&name.to_owned()), "{name} twice");
                seen.push(name.to_owned());
                family = name.to_owned();
            }
            assert_eq!(name, family, "{line}");
            assert!(what != "UNIT" || name.ends_with(&format!("_{more}")), "{line}");
            assert!(matches!(what, "TYPE" | "UNIT" | "HELP"), "{line}");
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        assert_eq!(name, family, "{line}");
        let mut quoted = false;
        let mut escaped = false;
        for c in labels.strip_suffix('}').unwrap().chars() {
            match c {
                '"' if !escaped => quoted = !quoted,
                '\\' if !escaped => {
                    escaped = true;
                    continue;
                }
                c => assert!(quoted || c.is_ascii_alphanumeric() || "_=,".contains(c), "{line}"),
            }
            escaped = false;
        }
        assert!(!quoted, "{line}");
        samples.push((name.to_owned(), labels.to_owned(), value.parse().unwrap()));
    }
    samples
}

#[test]
fn openmetrics_can_be_scraped() {
    let samples = scraped(&text(MetricsFormat::OpenMetrics, &measured(1)));
    let one = samples.iter().find(|(name, labels, _)| {
        name == "quell_valid_after_5_days_ratio" && labels == "curve=\"usable\",clock=\"notified\",of=\"estimate\"}"
    });
    assert_eq!(one.unwrap().2, 0.5625);
    let live = |of: &str| {
        let labels = format!("after_days=\"5\",of=\"{of}\"}}");
        let found = samples.iter().find(|(name, with, _)| name.starts_with("quell_live_") && *with == labels);
        found.map(|(name, _, value)| (name.as_str(), (value * 1e6).round() / 1e6))
    };
    assert_eq!(live("live"), Some(("quell_live_credentials", 5.0)));
    assert_eq!(live("known"), Some(("quell_live_credentials", 10.0)), "no share of those that happen to be known");
    assert_eq!(live("estimate"), Some(("quell_live_ratio", 0.5625)));
    let mut series: Vec<_> = samples.iter().map(|(name, labels, _)| (name, labels)).collect();
    let all = series.len();
    series.sort();
    series.dedup();
    assert_eq!(series.len(), all, "a series stands once");
}

#[test]
fn few_credentials_have_no_headline_without_an_interval() {
    let check = |asked| Check { nominal: None, asked, state: State::Live };
    let alive = Life { notified: Some(0), checks: vec![check(0), check(9 * DAY)], ..Life::default() };
    let few = Survey::new(&vec![alive.clone(); 29], Asked::default()).measure(None);
    assert!(text(MetricsFormat::Table, &few).contains("too few"));
    let samples = scraped(&text(MetricsFormat::OpenMetrics, &few));
    let headline = |(name, labels, _): &(String, String, f64)| {
        name == "quell_valid_after_5_days_ratio" && labels.contains("of=\"estimate\"")
    };
    assert!(!samples.iter().any(headline));
    let value: serde_json::Value = serde_json::from_str(&text(MetricsFormat::Json, &few)).unwrap();
    assert_eq!(value["figures"]["usable"]["after_5_days"]["headline"], false);
    let enough = Survey::new(&vec![alive; 30], Asked::default()).measure(None);
    assert!(text(MetricsFormat::Table, &enough).contains("100.0 %"));
}

#[test]
fn curves_are_drawn_with_dots_or_plain_characters() {
    for plain in [false, true] {
        let mut out = Vec::new();
        curve(&measured(10), plain, &mut out).unwrap();
        let drawn = String::from_utf8(out).unwrap();
        assert_eq!(plain, !drawn.contains('│') && drawn.lines().take(17).all(str::is_ascii), "{drawn}");
        assert!(drawn.lines().all(|line| line.chars().count() <= 100), "{drawn}");
    }
}

#[test]
fn a_curve_that_ends_with_the_last_death_falls_to_the_bottom() {
    let check = |asked, state| Check { nominal: None, asked, state };
    let checks = vec![check(0, State::Live), check(7 * DAY, State::Dead)];
    let one = Survey::new(&[Life { notified: Some(0), checks, ..Life::default() }], Asked::default()).measure(None);
    for (plain, mark) in [(false, '⢸'), (true, '#')] {
        let mut out = Vec::new();
        curve(&one, plain, &mut out).unwrap();
        let drawn = String::from_utf8(out).unwrap();
        assert!(drawn.lines().nth(16).unwrap().ends_with(mark), "{drawn}");
    }
    assert!(text(MetricsFormat::Table, &one).contains("\n1 case, 1 followed"));
}

#[test]
fn charts_are_whole_images() {
    let measured = measured(10);
    let image = svg(&measured).unwrap();
    assert!(image.starts_with("<svg") && image.trim_end().ends_with("</svg>"));
    assert!(image.contains("since the owner was notified, n = 120"), "{image}");
    assert_eq!(image.matches("How long leaked credentials stay valid").count(), 1, "the title stands once");
    roxmltree::Document::parse(&image).unwrap();
    let image = png(&measured).unwrap();
    let mut reader = png::Decoder::new(io::Cursor::new(&image)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (1200, 760));
    let dark = pixels.chunks(3).filter(|pixel| pixel.iter().all(|channel| *channel < 90)).count();
    assert!(dark > 500, "there is text on it: {dark}");
    png(&Survey::new(&[], Asked::default()).measure(None)).unwrap();
}
