//! Secrets of cases under a key that never leaves OpenBao.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::http::Bao;
use crate::support::{Run, Tree, quell, rule, run, sample_of};

/// A person's machine: a home, a configuration, and a tree with a leak.
struct Machine(Tree);

impl Machine {
    fn configure(&self, store: &str) {
        self.0.write("config.toml", store);
    }

    fn quell(&self, arguments: &[&str]) -> Run {
        let home = self.0.dir("home");
        let mut command = quell();
        command.env("HOME", &home).env("USER", "kim").env_remove("XDG_CONFIG_HOME");
        command.env("QUELL_CONFIG", self.0.at("config.toml")).current_dir(self.0.path());
        run(command.args(arguments))
    }
}

#[test]
fn secrets_are_sealed_by_a_key_that_never_leaves_openbao() {
    let bao = Bao::start();
    bao.api("POST", "sys/mounts/transit", r#"{"type": "transit"}"#);
    bao.api("POST", "transit/keys/quell", "{}");
    let policy = r#"{"policy": "path \"transit/encrypt/quell\" { capabilities = [\"update\"] } path \"transit/decrypt/quell\" { capabilities = [\"update\"] }"}"#;
    bao.api("POST", "sys/policies/acl/quell", policy);
    let made = bao.api("POST", "auth/token/create", r#"{"policies": ["quell"], "no_parent": true}"#);
    let token = made["auth"]["client_token"].as_str().unwrap().to_owned();

    let machine = Machine(Tree::new());
    let leaked = sample_of(rule("stripe-live-secret-key"), 7);
    let file = machine.0.write("app/.env", format!("STRIPE_KEY={leaked}\n"));
    let key = machine.0.write("token", &token);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let store = format!("[store]\ntransit = \"{}\"\ntransit_token_file = \"token\"\n", bao.url());
    machine.configure(&store);
    machine.quell(&["scan", "app", "--track", "--fail-on", "none"]).code(0);
    let sealed = machine.quell(&["store", "info"]).code(0).out();
    assert!(sealed.contains("transit:127.0.0.1:") && sealed.contains("/quell"), "{sealed}");

    // The secret is asked about by what is sealed: it stands nowhere else any more.
    fs::remove_file(file).unwrap();
    let page = machine.quell(&["case", "verify", "Q-1", "--offline"]).code(0).out();
    assert!(page.contains("unknown: there is no network"), "{page}");

    // Whoever takes the token away takes the secret away, and nothing is lost.
    bao.api("POST", "auth/token/revoke", &format!(r#"{{"token": "{token}"}}"#));
    let refused = machine.quell(&["case", "verify", "Q-1", "--offline"]).code(2).err();
    assert!(refused.contains("403"), "{refused}");
    assert!(machine.quell(&["audit", "verify"]).code(0).out().contains("the record is whole"));

    // With another token the key moves to a file, and the keeper is not needed any more.
    fs::write(&key, &bao.root).unwrap();
    machine.quell(&["store", "rotate-key", "--to", "new.key"]).code(0);
    drop(bao);
    machine.configure("[store]\nseal_key_file = \"new.key\"\n");
    let page = machine.quell(&["case", "verify", "Q-1", "--offline"]).code(0).out();
    assert!(page.contains("unknown: there is no network"), "{page}");
}
