//! The token that a person gave quell to reach private repositories with. It goes into a header, never into a URL, an
//! argument, an error or a log.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::model::Secret;

/// A token.
#[derive(Clone, Debug)]
pub struct Token(Secret);

/// Why a text is no token. It is not quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no token: a token is one word of letters, digits and signs")]
pub struct TokenError;

impl Token {
    /// Takes a token, with or without space around it.
    ///
    /// # Errors
    /// Where it is empty, or has something in it that no header may have.
    pub fn new(text: &[u8]) -> Result<Self, TokenError> {
        let word = text.trim_ascii();
        if word.is_empty() || word.len() > 4096 || !word.iter().all(u8::is_ascii_graphic) {
            return Err(TokenError);
        }
        Ok(Self(Secret::new(word.to_vec())))
    }

    /// The header value for a clone: a password for a user whom GitHub names so, and GitLab and others do not look at.
    #[must_use]
    pub fn for_git(&self) -> Option<HeaderValue> {
        let pair = Zeroizing::new([b"x-access-token:", self.0.expose()].concat());
        sensitive("Basic ", STANDARD.encode(&*pair).as_bytes())
    }

    /// The header value for GitHub's API.
    #[must_use]
    pub fn for_api(&self) -> Option<HeaderValue> {
        sensitive("Bearer ", self.0.expose())
    }
}

fn sensitive(scheme: &str, value: &[u8]) -> Option<HeaderValue> {
    let text = Zeroizing::new([scheme.as_bytes(), value].concat());
    let mut value = HeaderValue::from_bytes(&text).ok()?;
    // Nobody who shows headers shows it.
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word_and_shows_nothing() {
        let token = Token::new(b" word-of-mine\n").unwrap();
        let pair = token.for_git().unwrap();
        let wanted = format!("Basic {}", STANDARD.encode("x-access-token:word-of-mine"));
        assert_eq!(pair.to_str().unwrap(), wanted);
        assert_eq!(token.for_api().unwrap().to_str().unwrap(), "Bearer word-of-mine");
        for shown in [format!("{token:?}"), format!("{pair:?}")] {
            assert!(!shown.contains("word") && !shown.contains(&wanted), "{shown}");
        }
        for text in [&b""[..], b" \n", b"two words", b"a\nb", b"\xff"] {
            assert!(Token::new(text).is_err());
        }
    }
}
