//! Words of a script that a shell reads a second time: what `eval` and `sh -c` are given. A value that is written out there is code.

use std::ops::Range;

/// Words before a command that say nothing of it.
const BEFORE: &[&str] =
    &["if", "then", "else", "elif", "do", "while", "until", "!", "time", "exec", "sudo", "command", "nohup"];

/// A command that reads words as code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::uses) struct Again {
    /// The whole command.
    pub(in crate::uses) command: Range<usize>,
    /// What is code in it.
    pub(in crate::uses) code: Range<usize>,
}

/// Every such command of a script.
pub(in crate::uses) fn read_again(text: &str) -> Vec<Again> {
    let (mut all, mut words, mut start, mut quote) = (Vec::new(), Vec::new(), None::<usize>, None::<u8>);
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        match (quote, byte) {
            (Some(b'\''), _) | (Some(_), b'"') if quote == Some(byte) => quote = None,
            (Some(b'"') | None, b'\\') => {
                start = start.or(Some(at));
                at += 1;
            }
            (Some(_), _) => {}
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                start = start.or(Some(at));
            }
            (None, b'#') if start.is_none() => {
                at += text.get(at..).and_then(|rest| rest.find('\n')).unwrap_or(bytes.len());
                continue;
            }
            (None, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'`') => {
                words.extend(start.take().map(|start| start..at));
                if !matches!(byte, b' ' | b'\t' | b'\r') {
                    all.extend(command(text, &std::mem::take(&mut words)));
                }
            }
            _ => start = start.or(Some(at)),
        }
        at += 1;
    }
    words.extend(start.map(|start| start..bytes.len()));
    all.extend(command(text, &words));
    all
}

fn command(text: &str, words: &[Range<usize>]) -> Option<Again> {
    let word = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
    let sets = |word: &str| {
        word.split_once('=').is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
    };
    let skipped = words.iter().take_while(|range| BEFORE.contains(&word(range)) || sets(word(range))).count();
    let words = words.get(skipped..)?;
    let (first, rest) = words.split_first()?;
    let command = first.start..words.last()?.end;
    let name = word(first).rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let code = match name.as_str() {
        "eval" | "iex" | "invoke-expression" => rest.first()?.start..rest.last()?.end,
        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" => {
            let (mut options, mut runs) = (0, false);
            while let Some(option) = rest.get(options).map(word).filter(|option| option.starts_with(['-', '+'])) {
                runs |= option.starts_with('-') && !option.starts_with("--") && option.contains('c');
                // `-o` has a word of its own.
                options += 1 + usize::from(option.ends_with('o') && !option.starts_with("--"));
            }
            rest.get(options).filter(|_| runs)?.clone()
        }
        _ => return None,
    };
    Some(Again { command, code })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_read_twice_are_told_from_those_that_are_not() {
        let code = |text: &str| read_again(text).into_iter().map(|one| text[one.code].to_owned()).collect::<Vec<_>>();
        assert_eq!(code("cd x && eval \"run $A\" now; echo $B"), ["\"run $A\" now"]);
        assert_eq!(code("X=1 sudo /bin/sh -ec \"echo $A; b\" name \"$C\""), ["\"echo $A; b\""]);
        assert_eq!(code("bash script.sh $A\nsh -x other.sh -c\n# eval $A\necho \"eval $A\""), [""; 0]);
        assert_eq!(code("eval"), [""; 0]);
    }
}
