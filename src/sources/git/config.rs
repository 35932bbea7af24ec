//! What of a repository's `config` says how its objects are to be read, and single settings.
//!
//! It is the target's file, so nothing in it leads anywhere: `include` is a section like any other, and no value is a path
//! or a command to us. The format is that of git-config(1); what cannot be read is as if it were not there.

use super::repository::ObjectFormat;

/// What the configuration says of the objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    /// `extensions.objectFormat`; the last one counts.
    pub(super) format: ObjectFormat,
    /// Whether objects may be missing that a remote has promised: `extensions.partialClone`, or a remote's `promisor`.
    pub(super) partial: bool,
}

impl Config {
    /// Reads the text of a `config`.
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut config = Self::default();
        each(text, |section, key, value| match (section, key) {
            ("extensions", "objectformat") => {
                let is_long = value.eq_ignore_ascii_case("sha256");
                config.format = if is_long { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
            }
            ("extensions", "partialclone") => config.partial = true,
            (name, "promisor") if name.starts_with("remote") => {
                config.partial |= matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1");
            }
            _ => {}
        });
        config
    }
}

/// The last value of `section.name` in a configuration file's text; nothing where it is not set. Sections with a part in
/// quotes are others.
#[must_use]
pub fn setting(text: &[u8], section: &str, name: &str) -> Option<String> {
    let mut found = None;
    each(text, |inside, key, value| {
        if inside.eq_ignore_ascii_case(section) && key.eq_ignore_ascii_case(name) {
            found = Some(value);
        }
    });
    found
}

/// Calls `each` with section and key, in lower case as git compares them, and value of every setting.
fn each(text: &[u8], mut each: impl FnMut(&str, &str, String)) {
    let text = String::from_utf8_lossy(text).replace("\\\n", "");
    let mut section = String::new();
    for line in text.lines().map(str::trim) {
        let mut rest = line;
        if let Some(head) = line.strip_prefix('[') {
            let (title, after) = head.split_once(']').unwrap_or((head, ""));
            section = title.trim().to_ascii_lowercase();
            rest = after.trim();
        }
        if rest.is_empty() || rest.starts_with(['#', ';']) {
            continue;
        }
        // A key without a value is true.
        let (key, given) = rest.split_once('=').unwrap_or((rest, "true"));
        each(&section, &key.trim().to_ascii_lowercase(), value(given.trim()));
    }
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
    fn the_object_format_and_promises_are_read_and_nothing_else() {
        for (text, format, partial) in [
            ("", ObjectFormat::Sha1, false),
            ("[core]\n\tbare = true\n[extensions]\n\tobjectFormat = sha256\n", ObjectFormat::Sha256, false),
            ("[Extensions] objectformat=\"SHA256\" ; so\n", ObjectFormat::Sha256, false),
            ("[extensions]\nobjectformat = sha256\nobjectformat = sha1", ObjectFormat::Sha1, false),
            ("[core]\nobjectformat = sha256\n[include]\npath = /etc/passwd\n", ObjectFormat::Sha1, false),
            ("[remote \"origin\"]\n\tpromisor = true\n", ObjectFormat::Sha1, true),
            ("[remote \"origin\"]\n\tpromisor\n", ObjectFormat::Sha1, true),
            ("[remote \"origin\"]\n\tpromisor = false\n", ObjectFormat::Sha1, false),
            ("[extensions]\n\tpartialClone = origin\n", ObjectFormat::Sha1, true),
            ("]\n[[\n=\n[\n", ObjectFormat::Sha1, false),
        ] {
            assert_eq!(Config::parse(text.as_bytes()), Config { format, partial }, "{text}");
        }
    }

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
