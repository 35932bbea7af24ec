//! What a task or a comment is found again by.

use sha2::{Digest, Sha256};

use super::TrackerError;

/// The word that every marker begins with.
const WORD: &str = "quell";
/// The longest part.
const PART: usize = 64;

/// `quell:STORE:CASE:CHECK`, or `quell:STORE:CASE:ABOUT:CHECK` for a comment.
///
/// The check is eight hexadecimal digits of the SHA-256 of what stands before it, so that no text is taken for a marker by
/// accident; it is no secret and keeps nobody from copying one. Parts are letters, digits and `-`, `_` and `.`, so that a marker
/// stands in an HTML comment, a query and a line of text alike, and means nothing there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Marker(String);

impl Marker {
    /// The marker of a case's task.
    ///
    /// # Errors
    /// Where the name of the store or the case has other characters, or none, or more than 64.
    pub fn new(store: &str, case: &str) -> Result<Self, TrackerError> {
        Self::of(&[store, case])
    }

    /// The marker of a comment on that task: `about` says which one, and no two comments are about the same.
    ///
    /// # Errors
    /// As of [`Self::new`].
    pub fn about(&self, about: &str) -> Result<Self, TrackerError> {
        Self::of(&[self.store(), self.case(), about])
    }

    fn of(parts: &[&str]) -> Result<Self, TrackerError> {
        let fits = |p: &&str| {
            !p.is_empty() && p.len() <= PART && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        // Two hyphens would begin the end of an HTML comment.
        if !parts.iter().all(|p| fits(p) && !p.contains("--")) {
            return Err(TrackerError::Settings(
                "a marker is made of names of letters, digits, `-`, `_` and `.`".to_owned(),
            ));
        }
        let head = [&[WORD], parts].concat().join(":");
        Ok(Self(format!("{head}:{}", check(&head))))
    }

    /// Reads one. It must be the whole text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let made = match parts.as_slice() {
            [WORD, store, case, _] => Self::of(&[store, case]),
            [WORD, store, case, about, _] => Self::of(&[store, case, about]),
            _ => return None,
        };
        made.ok().filter(|made| made.0 == text)
    }

    /// The marker that a Markdown text begins with. Only its first line counts: what else it says may be anybody's.
    #[must_use]
    pub fn in_markdown(text: &str) -> Option<Self> {
        let line = text.lines().next()?.trim_end();
        Self::parse(line.strip_prefix("<!-- ")?.strip_suffix(" -->")?)
    }

    /// A Markdown text that begins with it, where no reader sees it. It comes first, so that no open block of code swallows it.
    #[must_use]
    pub fn markdown(&self, body: &str) -> String {
        format!("<!-- {} -->\n\n{body}", self.0)
    }

    /// The text of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn part(&self, index: usize) -> &str {
        self.0.split(':').nth(index).unwrap_or_default()
    }

    /// The store that the case is in.
    #[must_use]
    pub fn store(&self) -> &str {
        self.part(1)
    }

    /// The case.
    #[must_use]
    pub fn case(&self) -> &str {
        self.part(2)
    }
}

fn check(head: &str) -> String {
    Sha256::digest(head.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_read_back_and_nothing_else_is_one() {
        let marker = Marker::new("st-1", "Q-17").unwrap();
        let about = marker.about("verdict.3").unwrap();
        for one in [&marker, &about] {
            assert_eq!(Marker::parse(one.as_str()).as_ref(), Some(one));
            assert_eq!(Marker::in_markdown(&one.markdown("a\nb")).as_ref(), Some(one));
            assert_eq!((one.store(), one.case()), ("st-1", "Q-17"));
        }
        assert_ne!(marker, about);
        let other = marker.as_str().replace("Q-17", "Q-18");
        for bad in [other.as_str(), "quell:st-1:Q-17:00000000", "", "quell", &format!("{} ", marker.as_str())] {
            assert_eq!(Marker::parse(bad), None, "{bad}");
        }
        let inside = format!("Hello\n{}", marker.markdown(""));
        assert_eq!(Marker::in_markdown(&inside), None, "only the first line counts");
        for bad in ["", "a b", "a:b", "a\n", "-->", "a--b", "é", &"x".repeat(65)] {
            assert!(Marker::new("s", bad).is_err() && marker.about(bad).is_err(), "{bad:?}");
        }
    }
}
