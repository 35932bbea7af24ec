//! Labels: what a job or step is called in what is told of it, where its name or command may be long.
//!
//! A label is cut at blanks alone. A part of a word is never shown: a literal secret in it is known to whoever hides it only as a whole.

use crate::model::Untrusted;

/// How long a label may be, in characters.
const LONGEST: usize = 120;
/// What stands for the rest.
const MORE: &str = "…";

/// A label made of a name or of the first line of a command.
pub(in crate::uses) fn label(text: &str) -> Untrusted {
    let line = text.trim_start().split(['\n', '\r']).next().unwrap_or_default().trim_end();
    let Some((end, _)) = line.char_indices().nth(LONGEST) else { return line.into() };
    let short = line.get(..end).unwrap_or_default();
    // The word that crosses the limit goes, unless it ends right there.
    let is_whole = line.get(end..).is_some_and(|rest| rest.starts_with(char::is_whitespace));
    let start = if is_whole { end } else { short.rfind(char::is_whitespace).unwrap_or_default() };
    let words = short.get(..start).unwrap_or_default().trim_end();
    let shown = if words.is_empty() { MORE.to_owned() } else { format!("{words} {MORE}") };
    shown.as_str().into()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, label};

    fn shown(text: &str) -> String {
        String::from_utf8_lossy(label(text).raw()).into_owned()
    }

    #[test]
    fn no_part_of_a_word_is_shown() {
        let word = "PLACEHOLDER-".repeat(LONGEST / 6);
        assert_eq!(shown(&word), "…");
        assert_eq!(shown(&format!("deploy --token {word} now")), "deploy --token …");
        let (short, long) = ("é".repeat(LONGEST), "é".repeat(LONGEST + 1));
        assert_eq!((shown(&short), shown(&long)), (short.clone(), "…".to_owned()));
        assert_eq!(shown(&format!("{short} more")), format!("{short} …"));
        assert_eq!(shown("\n  echo a \n b"), "echo a");
        assert_eq!(shown(""), "");
    }
}
