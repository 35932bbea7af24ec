//! Takes out of what an issuer says of a holder whatever quotes the credential: a server may send back what it was sent,
//! whole, encoded, or spelt otherwise.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::parts::Parts;
use crate::model::{Identity, Quotes, Secret, Untrusted};

/// Leaves out every value that quotes a part of the credential which is not public.
pub(super) fn conceal(identity: &mut Identity, parts: &Parts) {
    let values: Vec<Untrusted> = identity.told().flat_map(|(_, values)| values.into_iter().cloned()).collect();
    let plain: Vec<Vec<u8>> = values.iter().map(|value| folded(value.raw())).collect();
    let mut quotes = Quotes::new(values.iter().map(Untrusted::raw).collect());
    let mut spelt = Quotes::new(plain.iter().map(Vec::as_slice).collect());
    for secret in parts.secrets() {
        for form in forms(secret.expose()) {
            quotes.look(&form, &form.redacted(0));
        }
        let folded = folded(secret.expose());
        let backwards = folded.iter().rev().copied().collect();
        for form in [folded, backwards].map(Secret::new).iter().filter(|form| form.len() >= FEWEST) {
            spelt.look(form, &form.redacted(0));
        }
    }
    let quoting = |number: usize| quotes.quotes(number) || spelt.quotes(number);
    let hidden: Vec<&Untrusted> = values.iter().enumerate().filter(|(n, _)| quoting(*n)).map(|(_, v)| v).collect();
    let hides = |value: &Untrusted| hidden.contains(&value);
    let Identity { subject, account, privilege, expires, last_use, scopes, resources } = identity;
    for one in [subject, account, privilege, expires, last_use] {
        if one.as_ref().is_some_and(hides) {
            *one = None;
        }
    }
    scopes.retain(|value| !hides(value));
    resources.retain(|value| !hides(value));
}

/// A secret with fewer letters and digits says too little to be known by them alone.
const FEWEST: usize = 8;

/// A secret as it is, in hexadecimal, and in base64 wherever it stands in what is encoded.
fn forms(secret: &[u8]) -> Vec<Secret> {
    let mut forms = vec![secret.to_vec()];
    if secret.len() >= FEWEST {
        let hex = |upper: bool| {
            let digit = |b: &u8| if upper { format!("{b:02X}") } else { format!("{b:02x}") };
            secret.iter().map(digit).collect::<String>().into_bytes()
        };
        forms.extend([hex(false), hex(true)]);
        for start in 0..3 {
            // Whole groups of three: what is beside them does not change them.
            let groups = secret.get(start..).unwrap_or_default();
            let whole = groups.get(..groups.len() / 3 * 3).unwrap_or_default();
            forms.extend([STANDARD_NO_PAD.encode(whole).into_bytes(), URL_SAFE_NO_PAD.encode(whole).into_bytes()]);
        }
    }
    forms.into_iter().map(Secret::new).collect()
}

/// Letters in small and digits alone.
fn folded(text: &[u8]) -> Vec<u8> {
    text.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::template::{Bindings, Random, expand};
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn a_secret_is_known_in_other_spellings() {
        let made = expand("acme{alnum:16}", &mut Random::new(1), &Bindings::new()).unwrap();
        let secret = std::str::from_utf8(&made).unwrap();
        let parts = Parts::default().with("secret", Secret::new(secret.as_bytes().to_vec()));
        let parts = parts.with("user", Secret::new(b"annabelle".to_vec()));
        let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
        let spaced: String = secret.chars().flat_map(|c| [c, ' ']).collect();
        for told in [
            secret.to_owned(),
            format!("me ({secret})"),
            secret.to_uppercase(),
            secret.chars().rev().collect(),
            spaced,
            hex.to_uppercase(),
            hex,
            STANDARD.encode(format!("x{secret}")),
            STANDARD.encode(secret),
        ] {
            let mut identity = Identity { subject: Some(told.as_str().into()), ..Identity::default() };
            identity.scopes = vec![told.as_str().into(), "repo".into()];
            conceal(&mut identity, &parts);
            assert_eq!((identity.subject, identity.scopes.len()), (None, 1), "{told}");
        }
        let mut identity = Identity { subject: Some("annabelle".into()), ..Identity::default() };
        conceal(&mut identity, &parts);
        assert!(identity.subject.is_some());
    }
}
