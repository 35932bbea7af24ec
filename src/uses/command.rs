//! Scripts on command lines: `sh -c '…'`, as a list of words or as one text.

use crate::uses::script::{Lines, Placed};
use crate::uses::shell::{Dialect, Script};
use crate::uses::yaml::Node;

/// Shells that take a script as a word.
const SHELLS: &[&str] = &["sh", "bash", "ash", "dash", "zsh", "ksh", "pwsh", "powershell"];
/// How many words may stand before the shell: `/usr/bin/env`, `tini --`.
const BEFORE: usize = 4;

/// A script among the words of a command.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// Which word.
    word: usize,
    dialect: Dialect,
    traced: bool,
}

fn find(words: &[&str]) -> Option<Found> {
    let base = |word: &str| word.rsplit('/').next().unwrap_or_default().trim_end_matches(".exe").to_ascii_lowercase();
    let shell = words.iter().take(BEFORE).position(|word| SHELLS.contains(&base(word).as_str()))?;
    let dialect = Dialect::named(&base(words.get(shell)?));
    let (mut traced, mut is_next) = (false, false);
    let mut rest = words.iter().enumerate().skip(shell + 1);
    while let Some((at, word)) = rest.next() {
        let flags = word.strip_prefix('-').filter(|flags| !flags.is_empty() && !flags.starts_with('-'));
        match flags {
            Some(flags) if dialect == Dialect::PowerShell => {
                is_next |= flags.eq_ignore_ascii_case("c") || flags.eq_ignore_ascii_case("command")
            }
            Some(flags) => {
                traced |= flags.contains('x');
                is_next |= flags.contains('c');
                if flags.ends_with('o') {
                    traced |= rest.next().is_some_and(|(_, option)| *option == "xtrace");
                }
            }
            None if word.starts_with("--") => {}
            None => return is_next.then_some(Found { word: at, dialect, traced }),
        }
    }
    None
}

/// The script among words, each with the byte where it begins.
pub(in crate::uses) fn of_words<'s>(words: &[(&'s str, usize)]) -> Option<Script<'s>> {
    let found = find(&words.iter().map(|(word, _)| *word).collect::<Vec<_>>())?;
    let (text, base) = *words.get(found.word)?;
    Some(Script { text, base, dialect: found.dialect, traced: found.traced })
}

/// A script that is a word of a command in YAML.
#[derive(Debug)]
pub(in crate::uses) struct Inner<'y> {
    pub(in crate::uses) lines: Lines<'y>,
    pub(in crate::uses) dialect: Dialect,
    pub(in crate::uses) traced: bool,
}

impl Inner<'_> {
    /// The script, at its place.
    pub(in crate::uses) fn script(&self) -> Placed<'_> {
        self.lines.placed(Script { traced: self.traced, ..self.lines.script(self.dialect) })
    }
}

/// The script among words of YAML.
pub(in crate::uses) fn of_nodes(mut words: Vec<Lines<'_>>) -> Option<Inner<'_>> {
    let found = find(&words.iter().map(Lines::text).collect::<Vec<_>>())?;
    let lines = (found.word < words.len()).then(|| words.swap_remove(found.word))?;
    Some(Inner { lines, dialect: found.dialect, traced: found.traced })
}

/// The words of a command as YAML has them: a list of words, or a line of them.
pub(in crate::uses) fn words_of(node: Node<'_>) -> Vec<Lines<'_>> {
    match Lines::of(node) {
        Some(line) => words(line.text(), 0).into_iter().map(|(word, at)| line.part(at, word.len())).collect(),
        None => node.items().into_iter().filter_map(Lines::of).collect(),
    }
}

/// The script in a command line. Quotes may be escaped, as they are within other quotes.
pub(in crate::uses) fn of_line(line: &str, base: usize) -> Option<Script<'_>> {
    of_words(&words(line, base))
}

/// The words of a command line, without quotes that stand around them.
pub(in crate::uses) fn words(line: &str, base: usize) -> Vec<(&str, usize)> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
        let begin = at + (rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\\']).len());
        let rest = line.get(begin..).unwrap_or_default();
        let Some(first) = rest.chars().next() else { break };
        let escaped = begin > at && line.get(begin - 1..begin) == Some("\\");
        let quote = if escaped { format!("\\{first}") } else { first.to_string() };
        let inner = rest.get(1..).filter(|_| matches!(first, '"' | '\''));
        if let Some((inner, length)) =
            inner.and_then(|inner| closing(inner, &quote, escaped).map(|length| (inner, length)))
        {
            all.push((inner.get(..length).unwrap_or_default(), base + begin + 1));
            at = begin + 1 + length + quote.len();
        } else {
            let length = rest.find([' ', '\t', '\n', '\r']).unwrap_or(rest.len()).max(first.len_utf8());
            all.push((rest.get(..length).unwrap_or_default(), base + begin));
            at = begin + length;
        }
    }
    all
}

/// Where a quote ends: a backslash before it keeps it open, unless all are written with one.
fn closing(inner: &str, quote: &str, escaped: bool) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + inner.get(from..)?.find(quote)?;
        if escaped || quote == "'" || !inner.get(..at)?.ends_with('\\') {
            return Some(at);
        }
        from = at + quote.len();
    }
}

/// A script in which `$$` stands for `$`, with every byte where it was.
pub(in crate::uses) fn undoubled(text: &str) -> String {
    text.replace("$$", " $")
}

#[cfg(test)]
mod tests {
    use super::{of_line, of_words};

    #[test]
    fn scripts_are_found() {
        let line = r#"/usr/bin/env bash -exc "echo \"$A\"; b" c"#;
        let script = of_line(line, 10).unwrap();
        assert_eq!((script.text, script.traced), (r#"echo \"$A\"; b"#, true));
        assert_eq!(&line[script.base - 10..][..4], "echo");
        assert_eq!(of_line(r#"sh -c \"echo $A\" x"#, 0).unwrap().text, "echo $A");
        assert_eq!(of_words(&[("sh", 0), ("-o", 1), ("xtrace", 2), ("-c", 3), ("a", 9)]).unwrap().base, 9);
        for none in ["", "sh", "sh script.sh -c x", "python -c 'print(1)'", "sh -c", "'", "\\\"", "\\"] {
            assert!(of_line(none, 0).is_none(), "{none}");
        }
    }
}
