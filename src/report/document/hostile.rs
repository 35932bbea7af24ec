//! Text from outside does nothing in any form, whatever it is: told by parsers of the forms, and not by looking for bad words.

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::Value;

use super::*;
use crate::model::document::{Block, Document, Span};

/// Parts that hostile texts are made of: what each form, and each host, makes something of.
const PARTS: &[&str] = &[
    "`",
    "``",
    "```",
    "```\n",
    "~~~",
    "@everyone",
    "@acme/team",
    "#1",
    "GH-1",
    "!1",
    "&1",
    "%1",
    "fixes #1",
    "closes acme/x#2",
    "\n/quell approve x",
    "\n/close",
    "/quell reject",
    "<!channel>",
    "<@U1>",
    "<!subteam^S1>",
    "<https://evil.example|docs>",
    "https://evil.example",
    "www.evil.example",
    "mailto:a@b.example",
    "a@b.example",
    "[x](https://evil.example)",
    "![x](y)",
    "[x]: https://evil.example\n",
    "<img src=x onerror=alert(1)>",
    "<script>",
    "</code>",
    "</p>",
    "<!--",
    "-->",
    "&lt;",
    "&#64;x",
    "\\",
    "\\`",
    "|",
    "| a | b |\n|---|---|\n",
    "\n\n",
    "\n# h",
    "\n- i",
    "\n> q",
    "\r",
    "\t",
    "\u{0}",
    "\u{1b}[31m",
    "\u{7}",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    "\u{9b}",
    "*x*",
    "**",
    "_y_",
    "~~z~~",
    "$x$",
    "$$",
    ":+1:",
    "{{x}}",
    "0123456789abcdef0123456789abcdef01234567",
    " ",
    "  ",
    "a",
    "é",
    "猫",
    "{panel}",
    "[~user]",
    "[^1]",
    "[[x]]",
    "\"",
    "'",
    "\u{e0041}",
];

fn hostile() -> impl Strategy<Value = Untrusted> {
    let part = prop_oneof![
        4 => proptest::sample::select(PARTS).prop_map(|part| part.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
        1 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
    ];
    proptest::collection::vec(part, 0..8).prop_map(|parts| Untrusted::new(&parts.concat()))
}

/// A text that has text from outside in every place where a span can be, first on a line and alone as well.
fn document(texts: &[Untrusted]) -> Document {
    let code = |n: usize| Span::Code(texts.get(n % texts.len()).unwrap().clone());
    let link = Span::Link { text: "docs".into(), url: "https://docs.example/a".into() };
    Document {
        title: vec![Span::text("Q-1: "), code(0)],
        blocks: vec![
            Block::Heading("Where".into()),
            Block::Paragraph(vec![code(0)]),
            Block::Paragraph(vec![
                Span::text("in "),
                code(1),
                code(2),
                Span::text(", says "),
                Span::Strong("quell".into()),
            ]),
            Block::List { ordered: false, items: vec![vec![code(1)], vec![Span::text("by "), code(2), link]] },
            Block::List { ordered: true, items: vec![vec![code(0), Span::text(" then "), code(1)]] },
        ],
    }
}

/// What a reader of Markdown makes of it: kinds of events in their order, and the texts of code.
fn read(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut kinds, mut codes) = (Vec::new(), Vec::new());
    for event in Parser::new_ext(text, Options::all()) {
        kinds.push(match &event {
            Event::Start(Tag::Link { dest_url, .. }) => format!("link {dest_url}"),
            Event::Start(tag) => format!("start {:?}", tag.to_end()),
            Event::End(TagEnd::Link) => "end link".to_owned(),
            Event::End(tag) => format!("end {tag:?}"),
            Event::Text(_) if kinds.last().is_some_and(|last| last == "text") => continue,
            Event::Text(_) => "text".to_owned(),
            Event::Code(code) => {
                codes.push(code.to_string());
                "code".to_owned()
            }
            other => format!("{other:?}"),
        });
    }
    (kinds, codes)
}

/// Characters that no form may hold, newlines of its own apart.
fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Every text of nodes in a document of Atlassian's form; panics where a node or mark is none that quell makes.
fn texts(value: &Value, out: &mut Vec<String>) {
    let kind = value["type"].as_str().unwrap();
    assert!(["doc", "heading", "paragraph", "bulletList", "orderedList", "listItem", "text"].contains(&kind), "{kind}");
    for mark in value["marks"].as_array().into_iter().flatten() {
        let kind = mark["type"].as_str().unwrap();
        assert!(["strong", "code", "link"].contains(&kind), "{kind}");
        if kind == "link" {
            assert_eq!(mark["attrs"]["href"], "https://docs.example/a");
        }
    }
    if kind == "text" {
        out.push(value["text"].as_str().filter(|text| !text.is_empty()).unwrap().to_owned());
    }
    value["content"].as_array().into_iter().flatten().for_each(|node| texts(node, out));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn markdown_has_its_own_structure_alone(texts in proptest::collection::vec(hostile(), 3)) {
        let plain = [Untrusted::from("a"), Untrusted::from("b"), Untrusted::from("c")];
        let (expected, _) = read(&markdown(&document(&plain)));
        let rendered = markdown(&document(&texts));
        let (found, codes) = read(&rendered);
        // Text of blanks alone is a dash, which is no code.
        let blank = texts.iter().any(|text| shown(text) == "–");
        if !blank {
            prop_assert_eq!(&found, &expected, "{}", rendered);
            let place = |n: usize| shown(texts.get(n).unwrap()).replace('|', "\\u{7c}");
            let order = [0, 1, 2, 1, 2, 0, 1].map(place);
            prop_assert_eq!(codes, order, "{}", rendered);
        }
        let allowed = |kind: &String| expected.contains(kind);
        prop_assert!(found.iter().all(allowed), "{:?}", found);
        prop_assert!(!rendered.contains(is_hidden));
        prop_assert!(rendered.lines().all(|line| !line.trim_start().starts_with('/')), "{}", rendered);
        let (title, _) = read(&markdown_title(&document(&texts)));
        prop_assert!(title.iter().all(|kind| ["start Paragraph", "end Paragraph", "text", "code"].contains(&kind.as_str())));
    }

    #[test]
    fn mrkdwn_has_no_control_sequence_but_the_link(texts in proptest::collection::vec(hostile(), 3)) {
        let rendered = mrkdwn(&document(&texts));
        let own = "<https://docs.example/a|docs>";
        prop_assert_eq!(rendered.matches(own).count(), 1);
        let rest = rendered.replace(own, "");
        prop_assert!(!rest.contains(['<', '>']), "{}", rest);
        for (at, _) in rest.match_indices('&') {
            prop_assert!(["&amp;", "&lt;", "&gt;"].iter().any(|entity| rest[at..].starts_with(entity)), "{}", rest);
        }
        prop_assert!(!rendered.contains(is_hidden));
        // Text from outside stands within code, eight stretches between sixteen backticks.
        prop_assert_eq!(rendered.matches('`').count(), 16, "{}", rendered);
        prop_assert_eq!(rendered.lines().count(), mrkdwn(&document(&[Untrusted::from("a")])).lines().count());
        prop_assert!(rendered.lines().all(|line| line.matches('`').count() % 2 == 0), "{}", rendered);
    }

    #[test]
    fn atlassians_form_has_texts_and_marks_of_quells_alone(outside in proptest::collection::vec(hostile(), 3)) {
        let (mut found, mut shape) = (Vec::new(), Vec::new());
        texts(&adf(&document(&outside)), &mut found);
        texts(&adf(&document(&[Untrusted::from("a"), Untrusted::from("b"), Untrusted::from("c")])), &mut shape);
        prop_assert_eq!(found.len(), shape.len());
        prop_assert!(found.iter().all(|text| !text.contains(is_hidden) && !text.contains('\n')));
    }

    #[test]
    fn html_and_plain_text_show_it_and_nothing_more(texts in proptest::collection::vec(hostile(), 3)) {
        let page = html(&document(&texts));
        let tags: Vec<&str> = page.split('<').skip(1).map(|part| part.split(['>', ' ']).next().unwrap()).collect();
        let expected = html(&document(&[Untrusted::from("a")]));
        let own: Vec<&str> = expected.split('<').skip(1).map(|part| part.split(['>', ' ']).next().unwrap()).collect();
        prop_assert_eq!(tags, own);
        let text = plain(&document(&texts));
        prop_assert!(!text.contains(is_hidden) && !page.contains(is_hidden));
        prop_assert_eq!(text.matches("://").count(), 1, "{}", text);
        prop_assert!(text.lines().all(|line| !line.trim_start().starts_with('/')), "{}", text);
        prop_assert!(!title(&document(&texts)).contains('\n'));
    }
}
