//! CSV, JUnit, GitLab, GitHub, Markdown and HTML: each is read back by a reader of its own format, also where everything
//! that a report repeats from outside is hostile.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine;
use pulldown_cmark::{Event, Options, Parser, Tag};
use quell::model::{
    CommitRef, Companion, Confidence, Fact, Finding, GapKind, InHistory, Kind, Location, ObjectId, Part, Presence,
    Report, Secret, Severity, Untrusted,
};
use quell::report::{Format, Style, write};
use roxmltree::{Document, Node};
use serde_json::Value;
use sha2::Digest;

use crate::formats::{mistakes, report, rich_tree};
use crate::support::{Tree, formats, quell, run, scan, token};

/// What a sink might act upon.
const HOSTILE: [&[u8]; 20] = [
    b"=cmd|' /C calc'!A0",
    b"+1;=2",
    b"\"=1+1",
    b"@everyone",
    b"see #1, !2 and GH-3",
    b"new\r\nline\n\n- x",
    b"`code` | cell \\",
    b"<script>alert(1)</script>",
    b"'\" onmouseover=alert(1) x=\"",
    b"]]> <![CDATA[ <!-- --> &amp; &#x0;",
    b"![i](https://evil.example/i.png) [l](javascript:alert(1)) <https://evil.example>",
    b"https://evil.example www.evil.example a@evil.example",
    b"::error::x %0A::stop-commands::y ##[group]",
    b"\x1b[31m\x07\x00\x7f",
    b"bidi\xe2\x80\xaetxt \xc2\x9b \xe2\x80\xa8",
    b"bad\xff\xfe\x80 \xef\xbf\xbe \xef\xb7\x90",
    b"| a | b |\n|---|---|",
    b"# heading\n> quote\n1. x\n***",
    b"$x$ ~~y~~ <b>z</b> &lt;",
    b" \t ",
];

/// A report with a finding for each of the hostile texts, in all that it has from outside.
fn hostile() -> Report {
    let mut out = Report::default();
    for (number, text) in HOSTILE.into_iter().enumerate() {
        let (outside, own) = (Untrusted::new(text), String::from_utf8_lossy(text).into_owned());
        let kind = Kind {
            rule: format!("rule-{}", number % 7).into(),
            title: own.clone().into(),
            provider: own.clone().into(),
            public_prefix: 8,
            advice: own.clone().into(),
            docs: if number % 2 == 0 { own.clone().into() } else { format!("https://x.example/\"'<{own}").into() },
            controls: Cow::Borrowed(&[]),
        };
        let commit = CommitRef { id: ObjectId::new(&[7; 20]).unwrap(), author: outside.clone(), date: 1_700_000_000 };
        let history = InHistory { presence: Presence::Tip, object: None, tips: vec![outside.clone()] };
        let location = Location {
            path: outside.clone(),
            part: if number % 3 == 0 { Part::FileName } else { Part::File },
            start: 10,
            end: 40,
            line: 2,
            column: 3,
            end_line: 2,
            end_column: 33,
            commit: (number % 2 == 0).then(|| Arc::new(commit)),
            history: (number % 4 == 0).then(|| Arc::new(history)),
        };
        let name = own.clone().into();
        let secret = Secret::new([text, b"0123456789abcdefghijklmnopqrstuvwxyz".as_slice()].concat());
        out.findings.push(Finding {
            leaks: None,
            kind: Arc::new(kind),
            other_kinds: Vec::new(),
            severity: [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info][number % 5],
            confidence: Confidence::High,
            secret: secret.clone(),
            fingerprint: None,
            locations: vec![location.clone(), Location { line: 9, end_line: 9, ..location.clone() }],
            companions: vec![Companion { name, kind: None, secret, location }],
            facts: vec![Fact::PartMissing(own.clone())],
            verification: None,
        });
        out.coverage.gap(GapKind::Corrupt, &outside, own.clone());
        out.coverage.notice(&outside, own);
    }
    out.findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    out
}

fn written(report: &Report, name: &str) -> String {
    let mut out = Vec::new();
    let style = Style { started: 1_700_000_000, ended: 1_700_000_060, ..Style::default() };
    write(Format::named(name).unwrap(), report, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn nothing_from_outside_is_raw_in_any_format() {
    for format in formats() {
        let text = written(&hostile(), format);
        let line_ends = if format == "csv" { text.replace("\r\n", "\n") } else { text.clone() };
        let raw = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2028}\u{feff}".contains(c);
        assert!(!line_ends.contains(raw), "{format}: {text}");
        assert!(!text.contains("0123456789abcdef"), "{format} shows a secret");
    }
}

/// The rows of a CSV report, by column.
fn rows(text: &str) -> (csv::StringRecord, Vec<csv::StringRecord>) {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
    (reader.headers().unwrap().clone(), reader.records().map(Result::unwrap).collect())
}

#[test]
fn csv_is_a_table_without_formulas() {
    let text = written(&hostile(), "csv");
    let (head, rows_read) = rows(&text);
    assert_eq!(rows_read.len(), HOSTILE.len() * 5);
    assert!(text.lines().count() == rows_read.len() + 1 && text.ends_with("\r\n"), "a line a row");
    for cell in rows_read.iter().flatten().flat_map(|cell| cell.split(';')) {
        let first = cell.trim_start_matches(|c: char| c == '"' || c.is_whitespace()).chars().next();
        assert!(!first.is_some_and(|c| "=+-@\t\r".contains(c)), "{cell}");
    }
    let tree = rich_tree();
    let json: Value = serde_json::from_str(&report(&tree, "json", &[])).unwrap();
    let (_, rows_read) = rows(&report(&tree, "csv", &[]));
    let column = |name: &str| head.iter().position(|h| h == name).unwrap();
    let of = |kind: &str| rows_read.iter().filter(|r| &r[0] == kind).count();
    let count = |name: &str| -> usize {
        json["findings"].as_array().unwrap().iter().map(|f| f[name].as_array().unwrap().len()).sum()
    };
    assert_eq!((of("finding"), of("companion")), (count("locations"), count("companions")));
    assert_eq!(of("gap"), json["coverage"]["gaps"].as_array().unwrap().len());
    for row in rows_read.iter().filter(|r| &r[0] == "finding") {
        let finding = &json["findings"][row[1].parse::<usize>().unwrap()];
        for name in ["severity", "confidence", "rule", "fingerprint", "docs"] {
            assert_eq!(&row[column(name)], finding[name].as_str().unwrap_or_default(), "{name}");
        }
        let places = finding["locations"].as_array().unwrap();
        let here =
            |l: &&Value| ["line", "column"].iter().all(|name| l[name].as_u64() == row[column(name)].parse().ok());
        assert!(places.iter().any(|l| here(&l)), "{row:?}");
    }
}

/// The nodes of a name.
fn all<'a>(document: &'a Document<'_>, name: &str) -> Vec<Node<'a, 'a>> {
    document.descendants().filter(|n| n.has_tag_name(name)).collect()
}

/// The sum of an attribute over nodes.
fn sum(nodes: &[Node<'_, '_>], name: &str) -> usize {
    nodes.iter().map(|n| n.attribute(name).unwrap().parse::<usize>().unwrap()).sum()
}

#[test]
fn junit_counts_what_it_has_and_is_green_for_a_whole_scan_alone() {
    for text in [written(&hostile(), "junit"), report(&rich_tree(), "junit", &[])] {
        let document = Document::parse(&text).unwrap();
        let (root, suites) = (document.root_element(), all(&document, "testsuite"));
        for (counted, name) in [("tests", "testcase"), ("failures", "failure"), ("errors", "error")] {
            let number = all(&document, name).len();
            assert!(number > 0 && sum(&[root], counted) == number && sum(&suites, counted) == number, "{name}");
        }
        let names: BTreeSet<&str> = suites.iter().map(|s| s.attribute("name").unwrap()).collect();
        assert_eq!(names.len(), suites.len(), "no suite twice");
        for case in all(&document, "testcase") {
            assert!(case.children().filter(Node::is_element).count() == 1 && case.attribute("classname").is_some());
        }
    }
    let tree = Tree::new();
    tree.write("a", "nothing\n");
    let junit = |path: &str, code: i32| {
        run(quell().current_dir(tree.path()).args(["scan", "--format", "junit", path])).code(code).out()
    };
    let text = junit("a", 0);
    let clean = Document::parse(&text).unwrap();
    assert_eq!((all(&clean, "testcase").len(), all(&clean, "failure").len() + all(&clean, "error").len()), (1, 0));
    let text = junit("missing", 3);
    assert_eq!(all(&Document::parse(&text).unwrap(), "error").len(), 1);
}

#[test]
fn gitlab_keeps_to_the_schema_and_ids_stay() {
    let schema = include_str!("../fixtures/gitlab-secret-detection-15.schema.json");
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let tree = rich_tree();
    let (first, second) = (report(&tree, "gitlab", &[]), report(&tree, "gitlab", &[]));
    for (text, complete) in
        [(&first, false), (&written(&hostile(), "gitlab"), false), (&written(&Report::default(), "gitlab"), true)]
    {
        let document: Value = serde_json::from_str(text).unwrap();
        assert_eq!(mistakes(&validator, &document), Vec::<String>::new());
        assert_eq!(document["scan"]["status"], if complete { "success" } else { "failure" });
    }
    let read = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let ids = |text: &str| -> Vec<String> {
        read(text)["vulnerabilities"].as_array().unwrap().iter().map(|v| v["id"].to_string()).collect()
    };
    assert_eq!(ids(&first), ids(&second));
    assert_eq!(ids(&first).iter().collect::<BTreeSet<_>>().len(), ids(&first).len(), "no id twice");
    assert_eq!(ids(&first).len(), rows(&report(&tree, "csv", &[])).1.iter().filter(|r| &r[0] == "finding").count());
    assert!(!first.contains("raw_source_code_extract"));
    let mut wrong = read(&first);
    wrong["vulnerabilities"][0]["location"]["commit"] = Value::Null;
    assert!(!validator.is_valid(&wrong), "the control");
}

#[test]
fn github_gets_no_more_annotations_than_it_shows() {
    for (text, rest) in [(written(&hostile(), "github"), true), (report(&rich_tree(), "github", &[]), true)] {
        let levels = |level: &str| text.lines().filter(|l| l.starts_with(&format!("::{level} "))).count();
        assert!(
            text.lines()
                .all(|l| l.starts_with("::error ") || l.starts_with("::warning ") || l.starts_with("::notice "))
        );
        assert!(levels("error") == 10 && levels("warning") <= 10 && levels("notice") <= 10, "{text}");
        assert!(text.contains("::warning title=quell%3A incomplete scan::"), "{text}");
        assert_eq!(text.lines().last().unwrap().starts_with("::notice title=quell::not shown here: "), rest, "{text}");
        for line in text.lines() {
            // Properties are a list, and end at the first `::` that follows them.
            let (properties, _) = line[2..].split_once(' ').unwrap().1.split_once("::").unwrap();
            assert!(
                properties
                    .split(',')
                    .all(|p| p.split_once('=').is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_alphabetic()))),
                "{line}"
            );
        }
    }
    let tree = Tree::new();
    tree.write("a,b:%.env", format!("TOKEN={}\n", token(1)));
    let text = run(quell().current_dir(tree.path()).args(["scan", "--format", "github"])).code(1).out();
    assert!(
        text.starts_with("::error file=a%2Cb%3A%25.env,line=1,endLine=1,col=7,endColumn=47,title=GitHub"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
}

/// What of a Markdown text a host would make more of than text, and how many rows its table has.
fn active(text: &str) -> (Vec<String>, usize) {
    let (mut out, mut rows) = (Vec::new(), 0);
    for event in Parser::new_ext(text, Options::all()) {
        match event {
            Event::Start(Tag::TableRow) => rows += 1,
            Event::Start(
                tag @ (Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock | Tag::BlockQuote(_) | Tag::CodeBlock(_)),
            ) => {
                out.push(format!("{tag:?}"));
            }
            Event::Html(x) | Event::InlineHtml(x) | Event::InlineMath(x) | Event::DisplayMath(x) => {
                out.push(x.to_string())
            }
            Event::Text(x) if x.contains(['@', '`']) || x.contains("://") || x.contains("www.") => {
                out.push(x.to_string())
            }
            Event::Text(x)
                if x.as_bytes().windows(2).any(|w| b"#!$&~%^".contains(&w[0]) && w[1].is_ascii_alphanumeric()) =>
            {
                out.push(x.to_string());
            }
            _ => {}
        }
    }
    (out, rows)
}

#[test]
fn markdown_has_nothing_active_and_fits_into_a_comment() {
    let text = written(&hostile(), "markdown");
    assert_eq!(active(&text), (Vec::new(), HOSTILE.len()), "{text}");
    for line in text.lines().filter(|l| l.starts_with('|')) {
        assert_eq!(line.matches('|').count(), 5, "four cells: {line}");
    }
    // The control: each of these is seen.
    for text in ["[a](b)", "![a](b)", "<b>x</b>", "a @x b", "see #1", "https://x.example", "> x", "    code"] {
        assert!(!active(text).0.is_empty(), "{text}");
    }
    let tree = Tree::new();
    tree.write("many", (0..2_000).map(|n| format!("TOKEN={}\n", token(n))).collect::<String>());
    let text = run(quell().current_dir(tree.path()).args(["scan", "--format", "markdown"])).code(1).out();
    let (_, rows) = active(&text);
    assert!(text.len() <= 65_536 && text.len() > 60_000, "{}", text.len());
    assert!(text.contains(&format!("{} more findings are not shown here.", 2_000 - rows)), "{rows}");
    assert!(text.contains("What to do"), "what follows the table is there");
}

/// The body of a page without its script: it is well-formed XML, so that no quote or bracket got loose.
fn body(page: &str) -> String {
    let body = page.split_once("<body>").unwrap().1.split_once("<script>").unwrap().0;
    format!("<body>{body}</body>")
}

#[test]
fn a_page_runs_its_own_script_alone_and_asks_nobody() {
    for page in [written(&hostile(), "html"), report(&rich_tree(), "html", &[])] {
        let between = |from: &str, to: &str| page.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
        let policy = between("http-equiv=\"Content-Security-Policy\" content=\"", "\"");
        for (name, content) in [("style", between("<style>", "</style>")), ("script", between("<script>", "</script>"))]
        {
            let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(content.as_bytes()));
            assert!(policy.contains(&format!("{name}-src 'sha256-{hash}';")), "{name}: {policy}");
            assert!(!content.contains("url(") && !content.contains("http"), "{name}");
        }
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert_eq!((page.matches("<script").count(), page.matches("<style").count()), (1, 1));
        let text = body(&page);
        let document = Document::parse(&text).unwrap();
        for node in document.descendants().filter(Node::is_element) {
            let name = node.tag_name().name();
            assert!(!["img", "iframe", "object", "embed", "link", "base", "script", "style"].contains(&name), "{name}");
            for attribute in node.attributes() {
                let (name, value) = (attribute.name(), attribute.value());
                assert!(!name.starts_with("on") && !["src", "srcset", "style", "action"].contains(&name), "{name}");
                if name == "href" {
                    assert!(
                        value.starts_with("https://") && node.attribute("rel").unwrap().contains("noreferrer"),
                        "{value}"
                    );
                }
            }
        }
        let items = document.descendants().filter(|n| n.attribute("data-severity").is_some()).count();
        assert!(items >= HOSTILE.len(), "{items}");
        // Gaps come before the findings.
        assert!(page.find("INCOMPLETE").unwrap() < page.find("<ol").unwrap());
    }
    let page = written(&hostile(), "html");
    assert!(!page.contains("javascript:alert(1)\""), "no link of another scheme");
}

#[test]
fn a_clean_scan_says_so_in_every_format() {
    let tree = Tree::new();
    tree.write("a", "nothing\n");
    scan(&tree, &[]).code(0);
    for (format, words) in [
        ("csv", "type,finding,severity"),
        ("junit", "no secrets in what was read"),
        ("gitlab", "\"vulnerabilities\": []"),
        ("github", ""),
        ("markdown", "### quell found no secrets\n"),
        ("html", "No secrets were found"),
    ] {
        let text = run(quell().current_dir(tree.path()).args(["scan", "--format", format])).code(0).out();
        assert!(text.contains(words), "{format}: {text}");
    }
}
