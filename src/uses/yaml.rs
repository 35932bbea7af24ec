//! YAML that anybody may have written, with the place of everything in it.
//!
//! The parser reads events; what they make is a table of nodes, in which an alias is the number of what it stands for, so that
//! aliases never multiply. Whoever walks the table pays for each step out of a budget that the file has once. What is no YAML
//! ends the file there: what was read before it counts.

pub(in crate::uses) mod cover;
mod events;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;

use self::events::Built;
use crate::model::GapKind;
use crate::model::usage::{Span, Unread};

/// The largest file that is read, in bytes.
pub const LARGEST: usize = 4 << 20;
/// How many levels are read.
const DEEPEST: usize = 64;
/// How many nodes of a file are kept.
const NODES: usize = 500_000;
/// How many steps a file may be walked, aliases followed.
const STEPS: u32 = 2_000_000;
/// How many times mappings may be merged into each other.
const MERGES: usize = 8;

/// A file that was read.
#[derive(Debug, Default)]
pub struct Yaml<'t> {
    text: Cow<'t, str>,
    nodes: Vec<Data>,
    roots: Vec<u32>,
    left: Cell<u32>,
    ran_out: Cell<bool>,
    unread: Vec<Unread>,
}

#[derive(Debug)]
struct Data {
    span: Span,
    /// What a tag says: `!reference`.
    tag: Option<Box<str>>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The text; and, where what stands in the file is that very text, where it does.
    Scalar(Box<str>, Form),
    Sequence(Vec<u32>),
    Mapping(Vec<(u32, u32)>),
}

/// What YAML has between values; other blanks of Unicode are letters to it.
pub const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Plain,
    /// Between quotes.
    Quoted,
    /// In lines below: `|` or `>`.
    Block,
}

/// A node of a file.
#[derive(Clone, Copy, Debug)]
pub struct Node<'y> {
    all: &'y Yaml<'y>,
    id: u32,
}

impl<'t> Yaml<'t> {
    /// Reads a file. What could not be read is in [`Yaml::unread`].
    #[must_use]
    pub fn read(text: &'t [u8]) -> Self {
        let (mut text, mut unread) = (lossy(text), Vec::new());
        if let Cow::Owned(_) = text {
            let why = "it has bytes that are not UTF-8, which were taken for `_`".to_owned();
            unread.push(Unread { at: 0, kind: None, why });
        }
        if text.len() > LARGEST {
            let why = format!("it has more than {LARGEST} bytes: who uses what in it is not known");
            unread.push(Unread { at: 0, kind: Some(GapKind::OverBudget), why });
            return Self { unread, ..Self::default() };
        }
        let mut built = events::build(&text);
        let is_corrupt = |built: &Built| built.unread.as_ref().is_some_and(|gap| gap.kind == Some(GapKind::Corrupt));
        if is_corrupt(&built)
            && let Some(covered) = cover::covered(&text)
        {
            let again = events::build(&covered);
            if !is_corrupt(&again) {
                let why =
                    "it is a template: what stands between its marks was left out, and the rest was read".to_owned();
                unread.push(Unread { at: 0, kind: None, why });
                (built, text) = (again, Cow::Owned(covered));
            }
        }
        let Built { nodes, roots, unread: gap, twice } = built;
        if let Some(at) = twice {
            let line = 1 + memchr::memchr_iter(b'\n', text.as_bytes().get(..at).unwrap_or_default()).count();
            let why = format!("a key stands twice in one mapping at line {line}: the last of them counts");
            unread.push(Unread { at, kind: None, why });
        }
        unread.extend(gap);
        Self { text, nodes, roots, left: Cell::new(STEPS), ran_out: Cell::new(false), unread }
    }

    /// The text that it was read from; every byte stands where it does in the file.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.text
    }

    /// What was not read; asked last, since walking may run out of steps.
    #[must_use]
    pub fn unread(&self) -> Vec<Unread> {
        let mut all = self.unread.clone();
        if self.ran_out.get() {
            let why = "it says more than is followed: its anchors or merges multiply".to_owned();
            all.push(Unread { at: 0, kind: Some(GapKind::OverBudget), why });
        }
        all
    }

    /// The documents.
    pub fn documents(&'t self) -> impl Iterator<Item = Node<'t>> {
        self.roots.iter().map(|id| Node { all: self, id: *id })
    }

    /// Pays for some steps.
    fn pays(&self, steps: usize) -> bool {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        match self.left.get().checked_sub(steps) {
            Some(left) => self.left.set(left),
            None => self.ran_out.set(true),
        }
        !self.ran_out.get()
    }
}

impl<'y> Node<'y> {
    fn data(self) -> Option<&'y Data> {
        self.all.nodes.get(self.id as usize)
    }

    /// The bytes of the whole node.
    #[must_use]
    pub fn span(self) -> Span {
        self.data().map(|data| data.span).unwrap_or_default()
    }

    /// The text of a scalar; `None` for what is none.
    #[must_use]
    pub fn text(self) -> Option<&'y str> {
        match &self.data()?.kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// How a scalar is written.
    #[must_use]
    pub fn form(self) -> Option<Form> {
        match &self.data()?.kind {
            Kind::Scalar(_, form) => Some(*form),
            _ => None,
        }
    }

    /// What stands in the file for a scalar, without its quotes, and where that begins: what is looked for in a script is looked for
    /// there, so that its place is known.
    #[must_use]
    pub fn raw(self) -> Option<(&'y str, usize)> {
        let data = self.data()?;
        let Kind::Scalar(..) = &data.kind else { return None };
        // Whoever looks into a long text pays for it each time, or aliases of it would multiply.
        let text = self.all.text.get(data.span.start..data.span.end)?;
        self.all.pays(text.len() / 64).then_some((text, data.span.start))
    }

    /// The quote around a scalar, where it has some.
    #[must_use]
    pub fn quote(self) -> Option<u8> {
        let before = self.data()?.span.start.checked_sub(1)?;
        self.all.text.as_bytes().get(before).copied().filter(|_| self.form() == Some(Form::Quoted))
    }

    /// The tag, without its handle: `reference` of `!reference`.
    #[must_use]
    pub fn tag(self) -> Option<&'y str> {
        self.data()?.tag.as_deref()
    }

    /// Whether it is a mapping.
    #[must_use]
    pub fn is_mapping(self) -> bool {
        matches!(self.data().map(|data| &data.kind), Some(Kind::Mapping(_)))
    }

    /// Whether it is a sequence.
    #[must_use]
    pub fn is_sequence(self) -> bool {
        matches!(self.data().map(|data| &data.kind), Some(Kind::Sequence(_)))
    }

    /// The items of a sequence; nothing of anything else.
    #[must_use]
    pub fn items(self) -> Vec<Self> {
        match self.data().map(|data| &data.kind) {
            Some(Kind::Sequence(items)) if self.all.pays(items.len() + 1) => {
                items.iter().map(|id| Self { id: *id, ..self }).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The items of a sequence, or the node itself: where one is written as a list or alone.
    #[must_use]
    pub fn each(self) -> Vec<Self> {
        if self.is_sequence() { self.items() } else { vec![self] }
    }

    /// Keys and values of a mapping in the order of the file, those that it merges (`<<`) behind its own; nothing of anything else.
    #[must_use]
    pub fn entries(self) -> Vec<(Self, Self)> {
        let mut all = Vec::new();
        self.merged(&mut all, &mut HashSet::new(), MERGES);
        all
    }

    fn merged(self, all: &mut Vec<(Self, Self)>, known: &mut HashSet<&'y str>, left: usize) {
        let Some(Kind::Mapping(entries)) = self.data().map(|data| &data.kind) else { return };
        if !self.all.pays(entries.len() + 1) {
            return;
        }
        let node = |id: u32| Self { id, ..self };
        let (merges, own): (Vec<_>, Vec<_>) = entries
            .iter()
            .map(|(key, value)| (node(*key), node(*value)))
            .partition(|(key, _)| key.text() == Some("<<"));
        let first = all.len();
        all.extend(own.into_iter().filter(|(key, _)| key.text().is_none_or(|key| !known.contains(key))));
        if merges.is_empty() && left == MERGES {
            return;
        }
        known.extend(all.get(first..).unwrap_or_default().iter().filter_map(|(key, _)| key.text()));
        for (_, from) in merges {
            if left == 0 {
                self.all.ran_out.set(true);
                return;
            }
            for one in from.each() {
                one.merged(all, known, left - 1);
            }
        }
    }

    /// The value of a key, the last where it is written twice.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Self> {
        let Some(Kind::Mapping(entries)) = self.data().map(|data| &data.kind) else { return None };
        // Looking through a large mapping costs more than a step.
        if !self.all.pays(1 + entries.len() / 32) {
            return None;
        }
        let (mut found, mut merges) = (None, false);
        for (name, value) in entries {
            match (Self { id: *name, ..self }).text() {
                Some(text) if text == key => found = Some(Self { id: *value, ..self }),
                Some("<<") => merges = true,
                _ => {}
            }
        }
        match (found, merges) {
            (None, true) => {
                self.entries().into_iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
            }
            (found, _) => found,
        }
    }

    /// The value below several keys.
    #[must_use]
    pub fn path(self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of the value of a key.
    #[must_use]
    pub fn word(self, key: &str) -> Option<&'y str> {
        self.get(key)?.text()
    }

    /// Every scalar below, keys left out, each with the keys that lead to it from here.
    pub fn scalars(self, f: &mut dyn FnMut(&[&'y str], Self)) {
        self.below(&mut Vec::new(), f);
    }

    fn below(self, keys: &mut Vec<&'y str>, f: &mut dyn FnMut(&[&'y str], Self)) {
        if keys.len() > DEEPEST {
            self.all.ran_out.set(true);
            return;
        }
        if self.text().is_some() {
            f(keys, self);
        }
        for item in self.items() {
            keys.push("");
            item.below(keys, f);
            keys.pop();
        }
        for (key, value) in self.entries() {
            keys.push(key.text().unwrap_or_default());
            value.below(keys, f);
            keys.pop();
        }
    }
}

/// A text in which every byte that is not UTF-8 is a `_`.
fn lossy(text: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(text) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        shown.push_str(chunk.valid());
        shown.extend(chunk.invalid().iter().map(|_| '_'));
    }
    Cow::Owned(shown)
}

/// The bytes of a key and its value, where that stands behind it and is not written elsewhere.
#[must_use]
pub fn reach(key: Node<'_>, value: Node<'_>) -> Span {
    let (key, value) = (key.span(), value.span());
    Span { start: key.start, end: if value.start >= key.start { value.end.max(key.end) } else { key.end } }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    /// What stands in the file for every scalar, with its keys.
    fn told(text: &str) -> Vec<(String, String)> {
        let yaml = Yaml::read(text.as_bytes());
        let mut all = Vec::new();
        for document in yaml.documents() {
            document.scalars(&mut |keys, node| {
                let span = node.span();
                assert_eq!(node.raw(), Some((&text[span.start..span.end], span.start)));
                all.push((keys.join("."), text[span.start..span.end].to_owned()));
            });
        }
        all
    }

    #[track_caller]
    fn says(text: &str, all: &[(&str, &str)]) {
        let told = told(text);
        let told: Vec<(&str, &str)> = told.iter().map(|(keys, raw)| (keys.as_str(), raw.as_str())).collect();
        assert_eq!(told, all);
    }

    #[test]
    fn scalars_stand_where_their_bytes_are() {
        says(
            "é: ü\n'ß': [\"→ x\", 'y''z']\n日本:\n- k: \"a\\n\"\n",
            &[("é", "ü"), ("ß.", "→ x"), ("ß.", "y''z"), ("日本..k", "a\\n")],
        );
        says("\u{feff}a: b\n", &[("a", "b")]);
        says("a: b\r\nc: 'd'\r\n", &[("a", "b"), ("c", "d")]);
        says("a: \tb # c\n\n# d\ne: f g # h\n", &[("a", "b"), ("e", "f g")]);
        says("a: b\n  c\nd: 'e\n  f'\n", &[("a", "b\n  c"), ("d", "e\n  f")]);
        says("a:\nb: ''\nc: \"\"\nd: ~\n", &[("a", ""), ("b", ""), ("c", ""), ("d", "~")]);
        says("{a: b, c: [d, {e: f}], g: h}", &[("a", "b"), ("c.", "d"), ("c..e", "f"), ("g", "h")]);
        says("a: https://b#c\n? d\n: e\n", &[("a", "https://b#c"), ("d", "e")]);
    }

    #[test]
    fn blocks_stand_where_their_lines_begin() {
        says("a: |\n  é\n    x\n\n  y\nb: >-\n   z\n", &[("a", "é\n    x\n\n  y\n"), ("b", "z\n")]);
        says("- |2\n   x\n- &a |\n  y\n- !t # c\n  |+ # d\n  z\n", &[("", " x\n"), ("", "y\n"), ("", "z\n")]);
        says("a: |\n  x", &[("a", "x")]);
        let yaml = Yaml::read(b"a: |\n  x\nb: 'c'\nd: >\n  e\n  f\n");
        let root = yaml.documents().next().unwrap();
        let forms: Vec<_> =
            root.entries().iter().map(|(_, value)| (value.form().unwrap(), value.text().unwrap())).collect();
        assert_eq!(forms, [(Form::Block, "x\n"), (Form::Quoted, "c"), (Form::Block, "e f\n")]);
    }

    #[test]
    fn anchors_and_tags_are_no_part_of_a_value() {
        says(
            "- &a b\n- !t c\n- &d !t 'e'\n- !t &f \"g\"\n- *a\n- &x a\n  a\n- !!str y\n",
            &[("", "b"), ("", "c"), ("", "e"), ("", "g"), ("", "b"), ("", "a\n  a"), ("", "y")],
        );
        let text = "a: !reference [b, c]\nd: !vault |\n  e\nf: !!str g\n";
        let yaml = Yaml::read(text.as_bytes());
        let root = yaml.documents().next().unwrap();
        let tags: Vec<_> = root.entries().iter().map(|(_, value)| value.tag()).collect();
        assert_eq!(tags, [Some("reference"), Some("vault"), None]);
        let span = root.get("a").unwrap().span();
        assert!(text[span.start..span.end].ends_with("[b, c]"));
    }

    #[test]
    fn merges_and_keys_that_are_written_twice() {
        let text =
            "b: &b {x: 1, y: 2}\nc: &c\n  <<: *b\n  y: 3\nd:\n  <<: [*c, {z: 5, y: 6}]\n  x: 4\ne: {k: 1, k: 2}\n";
        let yaml = Yaml::read(text.as_bytes());
        let root = yaml.documents().next().unwrap();
        let pairs = |key: &str| -> Vec<(&str, &str)> {
            root.get(key)
                .unwrap()
                .entries()
                .iter()
                .map(|(key, value)| (key.text().unwrap(), value.text().unwrap()))
                .collect()
        };
        assert_eq!(pairs("c"), [("y", "3"), ("x", "1")]);
        assert_eq!(pairs("d"), [("x", "4"), ("y", "3"), ("z", "5")]);
        assert_eq!(root.path(&["d", "y"]).and_then(Node::text), Some("3"));
        assert_eq!(root.get("e").unwrap().word("k"), Some("2"));
        assert!(root.get("d").unwrap().get("no").is_none());
        let told: Vec<_> = yaml.unread().into_iter().map(|one| (&text[one.at..], one.kind)).collect();
        assert_eq!(told, [("k: 2}\n", None)]);
        let many: String = (0..40).map(|n| format!("k{n}: 1\n")).collect();
        assert_eq!(Yaml::read(many.as_bytes()).unread().len(), 0);
        assert_eq!(Yaml::read((many + "k7: 2\n").as_bytes()).unread().len(), 1);
    }

    #[test]
    fn several_documents_and_files_that_break_off() {
        let yaml = Yaml::read(b"a: 1\n---\n- 2\n...\n---\n3\n");
        assert_eq!(yaml.documents().count(), 3);
        let yaml = Yaml::read(b"a: 1\nb: \xff\n");
        assert_eq!(yaml.documents().next().unwrap().word("a"), Some("1"));
        assert_eq!(yaml.unread().iter().map(|one| (one.at, one.kind)).collect::<Vec<_>>(), [(0, None)]);
        assert_eq!(yaml.documents().next().unwrap().word("b"), Some("_"));
        let yaml = Yaml::read(b"{% if x %}\na: {{ b }}\n{% endif %}\nc: ${{ d }}\n");
        assert_eq!(yaml.documents().next().unwrap().word("c"), Some("${{ d }}"));
        assert_eq!(yaml.unread().len(), 1);
        let text = "é: 1\nb: [c\nd: }\n";
        let yaml = Yaml::read(text.as_bytes());
        assert_eq!(yaml.documents().next().unwrap().word("é"), Some("1"));
        assert_eq!(yaml.unread()[0].kind, Some(GapKind::Corrupt));
        let yaml = Yaml::read(b"a: 1\n\tb: 2\n");
        assert!(yaml.documents().next().is_none_or(|root| root.word("b").is_none()));
        assert_eq!(Yaml::read(b"").documents().count(), 0);
        assert_eq!(Yaml::read(&vec![b' '; LARGEST + 1]).unread()[0].kind, Some(GapKind::OverBudget));
    }

    #[test]
    fn a_bracket_may_close_at_its_key() {
        says("a: [\n  b\n]\nc: {\n  d: e\n}\n", &[("a.", "b"), ("c.d", "e")]);
        says("x:\n  a: [\n    b\n  ]\n  c: d\n", &[("x.a.", "b"), ("x.c", "d")]);
    }

    #[test]
    fn what_multiplies_ends() {
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        let mut merges = "m0: &m0 {x0: 1}\n".to_owned();
        for n in 1..40 {
            let before = n - 1;
            laughs += &format!("a{n}: &a{n} [{}]\n", vec![format!("*a{before}"); 9].join(", "));
            merges += &format!("m{n}: &m{n} {{<<: [*m{before}, *m{before}], x{n}: 1}}\n");
        }
        let keys = |from: usize| (from..from + 20_000).map(|n| format!("  k{n}: v\n")).collect::<String>();
        let wide = format!("a: &a\n{}b:\n  <<: [*a, *a, *a, *a]\n{}", keys(0), keys(10_000));
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let flat = "- ".repeat(100_000);
        let cycle = "a: &a {b: *a, <<: *a, c: [*a, *a]}\nd: *a\n".to_owned();
        let many = format!("a: &a\n{}b: [{}]\n", keys(0), "*a, ".repeat(20_000));
        for (text, is_whole) in
            [(laughs, false), (merges, false), (wide, true), (deep, false), (flat, false), (cycle, true), (many, false)]
        {
            let begins = Instant::now();
            let yaml = Yaml::read(text.as_bytes());
            let mut count = 0_u32;
            for document in yaml.documents() {
                document.scalars(&mut |_, _| count += 1);
                for (_, value) in document.entries() {
                    value.items().into_iter().chain([value]).for_each(|one| drop((one.entries(), one.get("no"))));
                }
            }
            assert_eq!(yaml.unread().is_empty(), is_whole, "{}", &text[..20]);
            assert!(count < STEPS && begins.elapsed().as_secs() < 20, "{:?}", begins.elapsed());
        }
        says("a: &a [b, *a]\nc: d\n", &[("a.", "b"), ("a.", "*a"), ("c", "d")]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_read_and_places_lie_in_them(parts in prop::collection::vec(prop_oneof![
            Just("a: "), Just("- "), Just("\n"), Just("  "), Just("|\n"), Just(">-\n"), Just("'"), Just("\""), Just("&a "), Just("*a"), Just("<<: "), Just("!t "), Just("["), Just("]"),
            Just("{"), Just("}"), Just(", "), Just("# c"), Just("---\n"), Just("é"), Just("\t"), Just("\r\n"), Just("? "), Just("b"), Just("\\"), Just("\u{feff}"), Just("\u{85}"),
        ], 0..40), other in prop::collection::vec(any::<u8>(), 0..8)) {
            let bytes = [parts.concat().as_bytes(), &other].concat();
            let yaml = Yaml::read(&bytes);
            let text = yaml.source();
            let mut last = Vec::new();
            for document in yaml.documents() {
                document.scalars(&mut |_, node| last.push((node.span(), node.raw().is_some())));
                last.push((document.span(), true));
            }
            for (span, is_raw) in last {
                prop_assert!(span.start <= span.end && text.get(span.start..span.end).is_some() && is_raw, "{:?} of {:?}", span, text);
            }
        }
    }
}
