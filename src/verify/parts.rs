//! The parts of a credential, by the names that recipes ask for.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode;
use zeroize::Zeroizing;

use crate::model::{Finding, Secret, Why};
use crate::rules::template;

/// The parts of one credential: `secret`, and its companions and groups by name.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Parts(Vec<(String, Secret)>);

impl Parts {
    /// The parts of a finding. Where several companions have one name, there is one credential for each, at most `most`; and
    /// whether there were more.
    #[must_use]
    pub fn of(finding: &Finding, most: usize) -> (Vec<Self>, bool) {
        let mut names: BTreeMap<&str, Vec<&Secret>> = BTreeMap::new();
        for companion in &finding.companions {
            let values = names.entry(companion.name.as_ref()).or_default();
            if !values.contains(&&companion.secret) {
                values.push(&companion.secret);
            }
        }
        let mut all = vec![Self(vec![("secret".to_owned(), finding.secret.clone())])];
        let mut cut = false;
        for (name, values) in names {
            let with = |parts: &Self| values.iter().map(|value| parts.with(name, (*value).clone())).collect::<Vec<_>>();
            all = all.iter().flat_map(with).collect();
            cut |= all.len() > most;
            all.truncate(most);
        }
        (all, cut)
    }

    /// The same with a part in place of the one of that name.
    #[must_use]
    pub fn with(&self, name: &str, value: Secret) -> Self {
        let others = self.0.iter().filter(|(known, _)| known != name).cloned();
        let mut parts: Vec<_> = others.chain([(name.to_owned(), value)]).collect();
        parts.sort_by(|a, b| a.0.cmp(&b.0));
        Self(parts)
    }

    /// A part's bytes.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.expose())
    }

    /// A part as text.
    ///
    /// # Errors
    /// [`Why::PartMissing`] where it is not there, [`Why::Unusable`] where it is no text.
    pub fn text(&self, name: &str) -> Result<&str, Why> {
        std::str::from_utf8(self.get(name).ok_or(Why::PartMissing)?).map_err(|_| Why::Unusable)
    }

    /// What must not be shown of it: all but who and where it is for.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        const PUBLIC: &[&str] = &["user", "host", "database", "domain", "subdomain", "region", "account", "tenant"];
        let public = |name: &str| PUBLIC.contains(&name) || name.ends_with("id") || name.ends_with("email");
        self.0.iter().filter(move |(name, _)| !public(name)).map(|(_, value)| value)
    }

    /// The parts as they stand in a URL, decoded (RFC 3986, section 2.1).
    #[must_use]
    pub fn decoded(&self) -> Self {
        let decode = |value: &Secret| Secret::new(percent_decode(value.expose()).collect());
        Self(self.0.iter().map(|(name, value)| (name.clone(), decode(value))).collect())
    }

    /// A request's template with the parts in it, each passed through `encode`.
    ///
    /// # Errors
    /// [`Why::PartMissing`] where one is not known.
    pub fn fill(&self, text: &str, encode: &dyn Fn(&[u8]) -> Vec<u8>) -> Result<Zeroizing<Vec<u8>>, Why> {
        let mut missing = false;
        let filled = template::fill(text, &mut |inner| {
            let within = inner.strip_prefix("b64(").and_then(|rest| rest.strip_suffix(')'));
            let value = match within {
                Some(within) => self.fill(within, &<[u8]>::to_vec).ok().map(|v| STANDARD.encode(&*v).into_bytes()),
                None => self.get(inner).map(<[u8]>::to_vec),
            };
            missing |= value.is_none();
            Ok(value.map(|value| encode(&value)).unwrap_or_default())
        });
        match filled {
            Ok(filled) if !missing => Ok(Zeroizing::new(filled)),
            Ok(_) => Err(Why::PartMissing),
            Err(_) => Err(Why::Unusable),
        }
    }
}
