//! Terraform: references, doors, near misses, hostile files.

use super::{READER, is_mutable, is_own};
use crate::model::usage::{Door, Use, Uses};
use crate::model::{Confidence, GapKind, Untrusted};
use crate::uses::File;
use crate::uses::testing::told;

fn read(path: &str, text: &str) -> Uses {
    (READER.read)(File { path, text: text.as_bytes() })
}

const FILE: &str = r#"
terraform {
  backend "http" {
    password = "planted-backend"
  }
}
variable "master" {
  type      = string
  sensitive = true
}
variable "api_token" { type = string }
variable "region" { default = "eu" }
data "aws_secretsmanager_secret" "db" { name = "prod/db" }
data "aws_secretsmanager_secret_version" "db" {
  secret_id = data.aws_secretsmanager_secret.db.id
}
data "vault_kv_secret_v2" "app" {
  mount = "kv"
  name  = "app"
}
ephemeral "google_secret_manager_secret_version" "key" { secret = "signing" }
data "kubernetes_secret" "k" {
  metadata {
    name = "in-cluster"
  }
}
resource "aws_db_instance" "main" {
  password = var.master
  region   = var.region
  user     = jsondecode(data.aws_secretsmanager_secret_version.db.secret_string)["user"]
  tags     = { id = data.aws_secretsmanager_secret_version.db.arn, "token" = var.api_token }
  literal  = "planted-resource"
  data     = <<-EOT
    key=${data.vault_kv_secret_v2.app.data["key"]}
    near=$${var.api_token} # ${ephemeral.google_secret_manager_secret_version.key.secret_data}
  EOT
  provisioner "local-exec" {
    command = "deploy ${var.region} --token ${var.api_token}"
  }
  provisioner "local-exec" {
    quiet       = true
    command     = "echo $TOKEN; run ${var.api_token}; echo ${var.api_token}"
    environment = { TOKEN = var.api_token, REGION = var.region }
  }
  provisioner "local-exec" {
    command     = "echo ${var.api_token}"
    environment = { MASTER = var.master }
  }
}
module "far" {
  source = "git::https://example.com/far.git?ref=v1"
  token  = var.api_token
}
module "near" {
  source = "./near"
  token  = var.other_token
}
output "shown" { value = "x-${var.api_token}" }
output "elsewhere" { value = var.other_token }
output "revealed" { value = nonsensitive(var.master) }
output "refused" { value = var.master }
output "hidden" {
  value     = var.api_token
  sensitive = true
}
output "hash" { value = nonsensitive(sha256(var.master)) }
output "asks" { value = var.api_token != "" ? "a" : "b" }
"#;

#[test]
fn modules() {
    let uses = read("infra/prod/main.tf", FILE);
    let db = "aws_db_instance.main";
    let expected = [
        "environment TF_VAR_master|master|master|variable.master".to_owned(),
        "environment TF_VAR_api_token|api_token|api_token|variable.api_token".to_owned(),
        "manager prod/db|data.aws_secretsmanager_secret.db.id|db|data.aws_secretsmanager_secret_version.db".to_owned(),
        "manager kv/app|app|app|data.vault_kv_secret_v2.app".to_owned(),
        "manager signing|signing|key|ephemeral.google_secret_manager_secret_version.key".to_owned(),
        "manager in-cluster|in-cluster|k|data.kubernetes_secret.k".to_owned(),
        format!("variable master|var.master|password|{db}"),
        format!("manager prod/db|data.aws_secretsmanager_secret_version.db.secret_string|user|{db}"),
        format!("variable api_token|var.api_token|token|{db}"),
        format!("manager kv/app|data.vault_kv_secret_v2.app.data|data|{db}"),
        format!("manager signing|ephemeral.google_secret_manager_secret_version.key.secret_data|data|{db}"),
        format!("variable api_token|var.api_token|command|{db}"),
        format!("variable api_token|var.api_token|command|{db}"),
        format!("variable api_token|var.api_token|command|{db}"),
        format!("variable api_token|var.api_token|TOKEN|{db}"),
        format!("variable api_token|var.api_token|command|{db}"),
        format!("variable master|var.master|MASTER|{db}"),
        "variable api_token|var.api_token|token|module.far".to_owned(),
        "variable other_token|var.other_token|token|module.near".to_owned(),
        "variable api_token|var.api_token|value|output.shown".to_owned(),
        "variable other_token|var.other_token|value|output.elsewhere".to_owned(),
        "variable master|var.master|value|output.revealed".to_owned(),
        "variable master|var.master|value|output.refused".to_owned(),
        "variable api_token|var.api_token|value|output.hidden".to_owned(),
        "variable master|var.master|value|output.hash".to_owned(),
        "variable api_token|var.api_token|value|output.asks".to_owned(),
    ];
    assert_eq!(told(&uses, FILE), expected);
    let doors: Vec<_> =
        uses.exposures.iter().map(|one| (one.door, &FILE[one.span.start..one.span.end], one.confidence)).collect();
    let expected = [
        (Door::Printed, "var.api_token", Confidence::Medium),
        (Door::Printed, "echo $TOKEN", Confidence::High),
        (Door::Printed, "echo ${var.api_token}", Confidence::High),
        (Door::Unpinned, "git::https://example.com/far.git?ref=v1", Confidence::Medium),
        (Door::Printed, "var.api_token", Confidence::Medium),
        (Door::Printed, "var.other_token", Confidence::Low),
        (Door::Printed, "var.master", Confidence::Medium),
    ];
    assert_eq!(doors, expected);
    let job = |word: &str| uses.at(FILE.find(word).unwrap()).unwrap().job.clone();
    assert_eq!(job("planted-backend"), Some("backend.http".into()));
    assert_eq!(job("planted-resource"), Some(db.into()));
    assert!(uses.unread.is_empty());
}

#[test]
fn sources_of_modules() {
    let sha = "a".repeat(40);
    for (source, version, mutable) in [
        ("./x", None, false),
        ("github.com/a/b", None, true),
        (&format!("github.com/a/b?ref={sha}"), None, false),
        ("a/b/c", None, true),
        ("a/b/c", Some("~> 1.0"), true),
        ("a/b/c//d", Some("1.2.3"), false),
        ("https://example.com/a.zip", None, false),
    ] {
        assert_eq!(is_mutable(source, version), mutable, "{source}");
    }
}

#[test]
fn json_and_values() {
    let text = r#"{"variable": {"key": {"sensitive": true}}, "resource": {"a_b": {"c": {"tags": [{"t": "x${var.key}"}]}}},
      "data": {"vault_generic_secret": {"v": {"path": "secret/v"}}}, "output": {"o": {"value": "${nonsensitive(var.key)}"}}}"#;
    let uses = read("m/main.tf.json", text);
    let expected = [
        "environment TF_VAR_key|key|key|variable.key",
        "variable key|var.key|t|a_b.c",
        "manager secret/v|secret/v|v|data.vault_generic_secret.v",
        "variable key|var.key|value|output.o",
    ];
    assert_eq!(told(&uses, text), expected);
    assert_eq!(uses.exposures.len(), 1);
    for (path, text) in
        [("prod.tfvars", "a = 1\ndb_password = \"planted\"\n"), ("a.tfvars.json", r#"{"db_password": "planted"}"#)]
    {
        let uses = read(path, text);
        assert_eq!(uses.at(text.find("planted").unwrap()).unwrap().job, Some("var.db_password".into()), "{path}");
        assert!(uses.uses.is_empty() && uses.exposures.is_empty());
    }
}

#[test]
fn names_that_are_cut_short_are_told() {
    let name = "é".repeat(2_000);
    let uses = read("main.tf", &format!("data \"vault_kv_secret_v2\" \"a\" {{\n  name = \"{name}\"\n}}\n"));
    assert_eq!(
        (uses.uses.len(), uses.unread.iter().map(|one| one.kind).collect()),
        (1, vec![Some(GapKind::OverBudget)])
    );
}

#[test]
fn of_anybody() {
    assert!(
        is_own("a/main.tf")
            && is_own("x.auto.tfvars")
            && is_own("a.tf.json")
            && !is_own("a.json")
            && !is_own("main.tfstate")
    );
    for end in 0..FILE.len() {
        read("main.tf", &FILE[..end]);
        read("main.tf.json", &FILE[..end]);
    }
    let uses = (READER.read)(File { path: "a.tf", text: b"a \"b\" {\n c = var.my_token\n}\n\xff" });
    assert_eq!((uses.uses.len(), uses.unread.len()), (1, 1));
    assert!(!read("a.tf", "on: push\njobs: [a]\n").unread.is_empty());
}

const RESOURCES: &str = r#"
resource "aws_ecs_task_definition" "t" {
  container_definitions = jsonencode([{ secrets = [
    { name = "A_TOKEN", valueFrom = "arn:aws:secretsmanager:r:1:secret:shop-db:key::" },
    { name = "B_TOKEN", valueFrom = aws_secretsmanager_secret.own.arn },
  ], environment = [{ name = "C_TOKEN", value = "x" }] }])
}
resource "aws_secretsmanager_secret" "own" {
  name = "own-name"
}
resource "kubernetes_deployment" "d" {
  spec {
    container {
      env {
        name = "D_TOKEN"
        value_from {
          secret_key_ref {
            name = "db"
            key  = "password"
          }
        }
      }
      env_from {
        secret_ref {
          name = "whole"
        }
      }
    }
  }
}
resource "google_cloud_run_service" "r" {
  env {
    name = "E_TOKEN"
    value_from {
      secret_key_ref {
        name = "cloud"
        key  = "latest"
      }
    }
  }
}
resource "github_actions_secret" "g" {
  secret_name = "F_TOKEN"
}
resource "null_resource" "n" {
  provisioner "local-exec" {
    command     = "curl -H $G_TOKEN $H_TOKEN $${I_TOKEN} $LEVEL"
    environment = { H_TOKEN = "x" }
  }
}
"#;

#[test]
fn what_resources_name() {
    let text = RESOURCES;
    let uses = read("main.tf", text);
    let word = |one: &Untrusted| String::from_utf8_lossy(one.raw()).into_owned();
    let line = |one: &Use| {
        let variable = one.variable.as_ref().map(word).unwrap_or_default();
        format!("{} {}|{variable}|{}", one.store.as_str(), word(&one.name), &text[one.span.start..one.span.end])
    };
    let mut all: Vec<String> = uses.uses.iter().map(line).collect();
    all.sort();
    let expected = [
        "environment G_TOKEN||$G_TOKEN",
        "environment I_TOKEN||${I_TOKEN}",
        "manager cloud|E_TOKEN|cloud",
        "manager own-name|B_TOKEN|aws_secretsmanager_secret.own.arn",
        "manager shop-db|A_TOKEN|shop-db",
        "secret F_TOKEN||F_TOKEN",
        "secret db/password|D_TOKEN|db",
        "secret whole||whole",
    ];
    assert_eq!(all, expected);
}
