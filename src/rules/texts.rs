//! Lists of texts that cost nothing at start.
//!
//! Every pointer in a constant is put right by the loader before `main`, and the page that it stands in is copied for that. A
//! rule has some forty texts in lists, so the embedded set keeps each list as one text.

/// Some texts: a constant in the embedded set.
#[derive(Clone, Debug)]
pub enum Texts {
    /// All of them, [`Texts::END`] behind each.
    Joined(&'static str),
    /// One by one.
    Own(Vec<String>),
}

impl Texts {
    /// Ends each text of a joined list: the unit separator, which no rule file has.
    pub const END: char = '\u{1F}';

    /// The texts in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let (joined, own) = match self {
            Self::Joined(texts) => (*texts, [].as_slice()),
            Self::Own(texts) => ("", texts.as_slice()),
        };
        joined.split_terminator(Self::END).chain(own.iter().map(String::as_str))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// The first.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        self.iter().next()
    }

    /// All in one, with a text between them.
    #[must_use]
    pub fn join(&self, between: &str) -> String {
        self.iter().collect::<Vec<_>>().join(between)
    }
}

impl FromIterator<String> for Texts {
    fn from_iter<I: IntoIterator<Item = String>>(texts: I) -> Self {
        Self::Own(texts.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_joined_list_is_the_list() {
        for list in [vec![], vec!["a"], vec!["a", "", "b c"], vec![""]] {
            let joined: String = list.iter().map(|t| format!("{t}{}", Texts::END)).collect();
            let own: Texts = list.iter().map(|t| (*t).to_owned()).collect();
            for texts in [Texts::Joined(joined.leak()), own] {
                assert_eq!(texts.iter().collect::<Vec<_>>(), list);
                assert_eq!(
                    (texts.len(), texts.is_empty(), texts.first()),
                    (list.len(), list.is_empty(), list.first().copied())
                );
                assert_eq!(texts.join(", "), list.join(", "));
            }
        }
    }
}
