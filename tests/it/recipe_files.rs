//! A mistake in a recipe is told with file, line and what to write, before anything is asked; and a recipe that believes what
//! its provider does not document fails its own test.

use crate::support::{Tree, quell, run};

/// A provider file with a recipe; `{}` stands for what a test changes.
const FILE: &str = r#"[provider]
id = "acme"
name = "Acme"
docs = "https://acme.example/docs"
hosts = ["api.acme.example", "*.acme.example"]

[[rule]]
id = "acme-token"
name = "Acme token"
shape = "token"
keywords = ["acme_"]
pattern = '(?<secret>acme_[0-9a-z]{32})'
severity = "high"
confidence = "high"
sample = "acme_{alnumlower:32}"
match = ['token = "{sample}"']
miss = ["x{sample}"]
advice = "Delete it."
verify = "user"

[verify.user]
docs = "https://acme.example/docs/user"
read = 2026-01-31
request = { url = "https://api.acme.example/user", headers = { Authorization = "Bearer {secret}" } }
live = [{ status = [200], json = { "/id" = "*" } }]
dead = [{ status = [401], json = { "/error" = "invalid_token" } }]
control = "sample"
identity = { subject = "/id" }

[[verify.user.answer]]
means = "live"
status = 200
body = '{"id": "ann"}'
identity = { subject = "ann" }

[[verify.user.answer]]
means = "dead"
status = 401
body = '{"error": "invalid_token"}'
"#;

fn check(text: &str) -> (Option<i32>, String) {
    let tree = Tree::new();
    tree.write("rules/acme.toml", text);
    let run = run(quell().current_dir(tree.path()).args(["rules", "check", "rules"]));
    (run.code, run.out())
}

#[test]
fn the_file_itself_is_right() {
    let (code, out) = check(FILE);
    assert!(code == Some(0) && out.contains("1 recipe, 0 errors"), "{out}");
}

#[test]
fn mistakes_are_told_with_file_and_line() {
    let line = 1 + FILE[..FILE.find("[verify.user]").unwrap()].matches('\n').count();
    for (from, to, told) in [
        ("dead = [{ status = [401], json = { \"/error\" = \"invalid_token\" } }]\n", "", "what means dead"),
        ("api.acme.example/user", "evil.example/user", "not one of the provider's hosts"),
        ("api.acme.example/user", "{secret}.evil.example/user", "not one of the provider's hosts"),
        ("api.acme.example/user", "api.acme.example:8443/user", "not one of the provider's hosts"),
        ("api.acme.example/user", "a.b.acme.example/user", "not one of the provider's hosts"),
        ("https://api.acme.example/user", "http://api.acme.example/user", "not an https address"),
        (
            "{ status = [401], json = { \"/error\" = \"invalid_token\" } }",
            "{ status = [401] }",
            "status [401] alone is no proof",
        ),
        ("{ status = [200], json = { \"/id\" = \"*\" } }", "{ status = [200] }", "status [200] alone is no proof"),
        ("Bearer {secret}", "Bearer {secrit}", "has no part `secrit`"),
        ("request = { url", "request = { method = \"DELETE\", url", "changes nothing"),
        ("request = { url", "request = { signer = \"rot13\", url", "there is no signer `rot13`"),
        ("request = { url", "request = { protocol = \"postgre\", url", "did you mean `postgres`?"),
        ("subject = \"/id\"", "subjekt = \"/id\"", "did you mean `subject`?"),
        ("{ subject = \"/id\" }", "{ subject = \"id\" }", "names no place in an answer"),
        ("\"/id\" = \"*\"", "\"id\" = \"*\"", "is no JSON pointer"),
        ("means = \"dead\"", "means = \"gone\"", "an answer cannot mean `gone`"),
        ("verify = \"user\"", "verify = \"usr\"", "did you mean `user`?"),
        ("control = \"sample\"", "control = \"{nonsense:3}\"", "nonsense"),
        ("identity = { subject = \"/id\" }\n\n", "then = \"more\"\n\n", "there is no recipe `[verify.more]`"),
    ] {
        assert!(FILE.contains(from), "{from}");
        let (code, out) = check(&FILE.replacen(from, to, 1));
        assert!(code == Some(2) && out.contains(told) && out.contains("rules/acme.toml:"), "{to}: {out}");
        let here = out.contains(&format!("rules/acme.toml:{line}:")) || to.contains("usr");
        assert!(here, "{to}: the recipe starts in line {line}: {out}");
    }
    let (code, out) = check(&FILE.replacen("control = \"sample\"", "controll = \"sample\"", 1));
    assert!(code == Some(2) && out.contains("controll"), "{out}");
}

#[test]
fn a_login_never_tries_a_made_up_password_on_a_real_account() {
    let login = FILE.replace("acme_[0-9a-z]{32})'", "acme_[0-9a-z]{32})(?<user>)?'").replace(
        "headers = { Authorization = \"Bearer {secret}\" }",
        "headers = { Authorization = \"Basic {b64({user}:{secret})}\" }",
    );
    let (_, out) = check(&login);
    assert!(out.contains("a made-up password for a real account"), "{out}");
}

#[test]
fn a_recipe_that_believes_too_much_fails_its_own_test() {
    for (from, to, told) in [
        (
            "{ status = [200], json = { \"/id\" = \"*\" } }",
            "{ status = [200], header = { content-type = \"*\" } }",
            "an empty answer with status 200 means `live`",
        ),
        (
            "\"/error\" = \"invalid_token\"",
            "\"/error\" = \"other\"",
            "answer 2 means `unknown`, and should mean `dead`",
        ),
        ("identity = { subject = \"ann\" }", "identity = { subject = \"bob\" }", "`subject` of answer 1 is `ann`"),
    ] {
        let (code, out) = check(&FILE.replacen(from, to, 1));
        assert!(code == Some(2) && out.contains(told), "{to}: {out}");
    }
}
