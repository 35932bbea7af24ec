//! The one place of reports that reads a secret (invariant 1): behind `--show-secrets`.

use super::Style;
use crate::model::Secret;

/// The secret as text, if the person asked for it; bytes that are no UTF-8 are escaped.
pub(super) fn reveal(secret: &Secret, style: Style) -> Option<String> {
    style.show_secrets.then(|| match std::str::from_utf8(secret.expose()) {
        Ok(text) => text.to_owned(),
        Err(_) => secret.expose().escape_ascii().to_string(),
    })
}
