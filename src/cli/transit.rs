//! OpenBao or Vault as the keeper of the key that wraps the keys of cases: its transit engine.

use anyhow::{Context, Result, anyhow, bail};
use zeroize::Zeroizing;

use super::config::Config;
use super::remote::own::authorities;
use super::state;
use crate::connectors::{Transit, TransitError};
use crate::ledger::{LedgerError, Wrapped, Wrapper};

/// The keeper that the configuration names.
pub(super) fn transit(config: &Config) -> Result<Option<Box<dyn Wrapper>>> {
    let store = &config.store;
    let Some(address) = &store.transit else { return Ok(None) };
    let name = store.transit_key.as_deref().unwrap_or("quell");
    let token = match (std::env::var_os("QUELL_TRANSIT_TOKEN"), &store.transit_token_file) {
        (Some(token), _) => Zeroizing::new(token.into_encoded_bytes()),
        (None, Some(path)) => {
            state::private(path)?.with_context(|| format!("the token `{}` is not there", path.display()))?
        }
        (None, None) => bail!(
            "`transit` under [store] needs a token\n  help: set QUELL_TRANSIT_TOKEN, or name a file as transit_token_file"
        ),
    };
    let pem = authorities(config.network.ca_file.as_deref())?;
    let transit = Transit::new(address, name, &token, pem.as_deref()).map_err(|e| anyhow!("[store] transit: {e}"))?;
    Ok(Some(Box::new(Keeper(transit))))
}

struct Keeper(Transit);

impl Wrapper for Keeper {
    fn id(&self) -> String {
        self.0.id()
    }

    fn wrap<'a>(&'a self, key: &'a [u8]) -> Wrapped<'a, Vec<u8>> {
        Box::pin(async move { self.0.encrypt(key).await.map_err(failed) })
    }

    fn unwrap<'a>(&'a self, wrapped: &'a [u8]) -> Wrapped<'a, Zeroizing<Vec<u8>>> {
        Box::pin(async move { self.0.decrypt(wrapped).await.map_err(failed) })
    }
}

fn failed(error: TransitError) -> LedgerError {
    LedgerError::Wrapper(error.to_string())
}
