//! Which names of a file stand for secrets, and whether Terraform knows that they do.

use std::cell::Cell;
use std::collections::HashMap;

use super::address;
use super::hcl::{Block, Body, Expression};
use crate::model::usage::{Span, Store};
use crate::uses::notes::looks_secret;

/// Kinds of data that are the value of a secret, and the attribute that names it.
const SOURCES: &[(&str, &str)] = &[
    ("aws_secretsmanager_secret_version", "secret_id"),
    ("aws_secretsmanager_secret_versions", "secret_id"),
    ("aws_ssm_parameter", "name"),
    ("aws_ssm_parameters_by_path", "path"),
    ("vault_generic_secret", "path"),
    ("vault_kv_secret", "path"),
    ("vault_kv_secret_v2", "name"),
    ("vault_aws_access_credentials", "role"),
    ("google_secret_manager_secret_version", "secret"),
    ("google_secret_manager_secret_version_access", "secret"),
    ("azurerm_key_vault_secret", "name"),
    ("azurerm_key_vault_certificate_data", "name"),
    ("kubernetes_secret", "name"),
    ("kubernetes_secret_v1", "name"),
    ("onepassword_item", "title"),
    ("bitwarden_secret", "key"),
    ("infisical_secrets", "folder_path"),
    ("doppler_secrets", "project"),
];
/// Kinds that have the name of a secret, and not its value.
const NAMED: &[(&str, &str)] = &[
    ("aws_secretsmanager_secret", "name"),
    ("aws_secretsmanager_secret", "arn"),
    ("google_secret_manager_secret", "secret_id"),
];
/// Attributes of data that are no secret.
const OPEN: &[&str] = &[
    "id",
    "arn",
    "name",
    "version",
    "version_id",
    "versionless_id",
    "created_date",
    "key_vault_id",
    "metadata",
    "type",
];

/// The longest name that is told whole, in bytes.
const LONGEST: usize = 1024;

/// Whether Terraform is told that a value is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It is.
    Sensitive,
    /// It is not.
    Open,
    /// The file does not say.
    Unknown,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) store: Store,
    pub(super) mark: Mark,
}

/// The secrets of a file.
#[derive(Debug, Default)]
pub(super) struct Secrets<'s> {
    /// Variables that are declared, and whether as sensitive.
    variables: HashMap<&'s str, bool>,
    /// Data by its address, and the name that it asks for.
    sources: HashMap<String, String>,
    /// Names of secrets by the address of what has them.
    named: HashMap<String, String>,
    /// Where a name begins that is too long to be told.
    pub(super) too_long: Cell<Option<usize>>,
}

impl<'s> Secrets<'s> {
    /// Those that a file declares.
    pub(super) fn of(body: &Body<'s>) -> Self {
        let mut all = Self::default();
        for block in &body.blocks {
            let kind = block.labels.first().copied().unwrap_or_default();
            if block.kind == "variable" {
                all.variables.insert(kind, block.body.is_true("sensitive") || block.body.is_true("ephemeral"));
            }
            for (_, attribute) in NAMED.iter().filter(|(named, _)| *named == kind) {
                if let Some((name, _)) = block.body.get(attribute).and_then(Expression::literal) {
                    all.named.entry(address(block)).or_insert_with(|| name.to_owned());
                }
            }
        }
        for block in body.blocks.iter().filter(|block| matches!(block.kind, "data" | "ephemeral")) {
            if let Some((name, _)) = all.source(block) {
                all.sources.insert(address(block), name);
            }
        }
        all
    }

    /// The secret that a block of data asks for, and where its name is.
    pub(super) fn source(&self, block: &Block<'_>) -> Option<(String, Span)> {
        let kind = block.labels.first()?;
        let (_, attribute) = SOURCES.iter().find(|(source, _)| source == kind)?;
        let metadata = block.body.blocks.iter().find(|inner| inner.kind == "metadata");
        let value = block.body.get(attribute).or_else(|| metadata?.body.get(attribute))?;
        let (mut name, span) = self.named(value);
        if let Some(mount) = block.body.get("mount").filter(|_| *kind == "vault_kv_secret_v2") {
            name = format!("{}/{name}", self.named(mount).0);
        }
        Some((name, span))
    }

    /// The name that a value is; where it is not known, the expression.
    fn named(&self, value: &Expression<'_>) -> (String, Span) {
        let (whole, span) = match value.string() {
            Some((text, at)) => (text, Span { start: at, end: at + text.len() }),
            None => (value.text.trim(), value.span),
        };
        let text = whole.get(..whole.floor_char_boundary(LONGEST)).unwrap_or_default();
        if text.len() < whole.len() {
            self.too_long.set(self.too_long.get().or(Some(span.start)));
        }
        let path = Some(text).filter(|_| value.string().is_none()).and_then(|text| text.rsplit_once('.'));
        let known = path.and_then(|(address, _)| self.named.get(address));
        (known.map_or(text, String::as_str).to_owned(), span)
    }

    /// The name of a secret that an expression is an attribute of, where the file has it.
    pub(super) fn known(&self, path: &str) -> Option<String> {
        self.named.get(path.rsplit_once('.')?.0).cloned()
    }

    /// The secret behind a name with its parts.
    pub(super) fn behind(&self, path: &str) -> Option<Secret> {
        let mut parts = path.split('.');
        match parts.next()? {
            "var" => {
                let name = parts.next()?;
                let declared = self.variables.get(name).copied();
                let mark = match declared {
                    Some(true) => Mark::Sensitive,
                    Some(false) => Mark::Open,
                    None => Mark::Unknown,
                };
                let name = name.to_owned();
                (mark == Mark::Sensitive || looks_secret(&name)).then_some(Secret {
                    name,
                    store: Store::Variable,
                    mark,
                })
            }
            source @ ("data" | "ephemeral") => {
                let (kind, label) = (parts.next()?, parts.next()?);
                let attribute = parts.find(|part| *part != "*" && !part.bytes().all(|b| b.is_ascii_digit()));
                let is_value = SOURCES.iter().any(|(known, _)| *known == kind)
                    && !attribute.is_some_and(|one| OPEN.contains(&one));
                let address = format!("{source}.{kind}.{label}");
                let name = self.sources.get(&address).cloned().unwrap_or(address);
                let mark = if attribute == Some("insecure_value") { Mark::Open } else { Mark::Sensitive };
                is_value.then_some(Secret { name, store: Store::Manager, mark })
            }
            _ => None,
        }
    }
}
