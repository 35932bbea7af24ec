//! One setting of a git configuration file, read as text: no include is followed, and nothing in it is run.

/// The last value of `section.name` in a configuration file's text; nothing where it is not set. Sections with a part in
/// quotes are others. Names are compared without case, as git does.
#[must_use]
pub fn setting(text: &[u8], section: &str, name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(text).replace("\\\n", "");
    let (mut inside, mut found) = (false, None);
    for line in text.lines().map(str::trim) {
        let mut rest = line;
        if let Some(head) = line.strip_prefix('[') {
            let (title, after) = head.split_once(']').unwrap_or((head, ""));
            inside = title.trim().eq_ignore_ascii_case(section);
            rest = after.trim();
        }
        if !inside || rest.is_empty() || rest.starts_with(['#', ';']) {
            continue;
        }
        let (key, given) = rest.split_once('=').unwrap_or((rest, "true"));
        if key.trim().eq_ignore_ascii_case(name) {
            found = Some(value(given.trim()));
        }
    }
    found
}

/// A value without quotes, escapes and comment.
fn value(text: &str) -> String {
    let (mut out, mut quoted, mut kept) = (String::new(), false, 0);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => quoted = !quoted,
            '\\' => out.extend(letters.next().map(|c| match c {
                'n' => '\n',
                't' => '\t',
                other => other,
            })),
            '#' | ';' if !quoted => break,
            other => out.push(other),
        }
        if quoted || !letter.is_whitespace() {
            kept = out.len();
        }
    }
    out.truncate(kept);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_read_as_git_reads_it() {
        let text = b"[core]\n\tbare = false ; no\n\thooksPath = \"a b\\\\c\" # x\n[core \"x\"]\n hookspath = other\n[Core] HOOKSPATH = last \n[a]\nb";
        assert_eq!(setting(text, "core", "hookspath").as_deref(), Some("last"));
        assert_eq!(setting(text, "core", "bare").as_deref(), Some("false"));
        assert_eq!(setting(text, "a", "b").as_deref(), Some("true"));
        assert_eq!(setting(text, "a", "c"), None);
        assert_eq!(value("\"a b\\\\c\" # x"), "a b\\c");
    }
}
