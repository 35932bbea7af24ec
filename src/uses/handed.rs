//! What a step of a pipeline is handed: variables with secrets in them, and the secrets.

use crate::model::Untrusted;
use crate::uses::notes::Env;

/// The most secrets that are told apart of one step.
const SECRETS: usize = 256;
/// How often what steps are handed may be looked through in a file: an environment that all steps have is paid for by each.
pub(in crate::uses) const LOOKS: usize = 2_000_000;

/// What a step is handed.
#[derive(Clone, Debug, Default)]
pub(in crate::uses) struct Handed {
    pub(in crate::uses) env: Env,
    pub(in crate::uses) secrets: Vec<Untrusted>,
    /// Whether there are more secrets than are told apart.
    pub(in crate::uses) has_more: bool,
    size: usize,
}

impl Handed {
    /// A variable with a secret in it.
    pub(in crate::uses) fn add(&mut self, variable: &str, secret: &str) {
        self.size += 1;
        let secret = Untrusted::from(secret);
        self.env.set(variable, vec![secret.clone()]);
        if !self.secrets.contains(&secret) {
            self.has_more |= self.secrets.len() >= SECRETS;
            if !self.has_more {
                self.secrets.push(secret);
            }
        }
    }

    /// A variable without one.
    pub(in crate::uses) fn hide(&mut self, variable: &str) {
        self.size += 1;
        self.env.set(variable, Vec::new());
    }

    /// What it costs to look through it once.
    pub(in crate::uses) const fn cost(&self) -> usize {
        self.size + 1
    }
}
