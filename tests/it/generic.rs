//! The generic rules on each language and format: a true secret, and near misses beside it; and what `quell explain` says
//! of them.

use crate::support::{Tree, made, places, quell, run, scan};

/// A format: the name of a file, the text with a secret for `{}`, and texts that look like it and give none. In those `{}`
/// stands for the same secret.
type Format = (&'static str, &'static str, &'static [&'static str]);

const FORMATS: &[Format] = &[
    (
        "a.py",
        "db_password = \"{}\"",
        &["db_password = os.environ[\"{}\"]", "password_hash = \"{}\"", "db_password = load{}()", "db_password = x.{}"],
    ),
    ("a.go", "var dbPassword = \"{}\"", &["dbPassword := cfg.x{}", "passwordField := \"{}\"", "checkPassword(\"{}\")"]),
    ("A.java", "String dbPassword = \"{}\";", &["String password = get(\"{}\");", "String passwordUrl = \"{}\";"]),
    ("a.js", "const dbPassword = '{}';", &["const dbPassword = process.env.x{}", "const dbPassword = `${x{}}`;"]),
    ("a.rb", "password: '{}'", &["password: ENV['{}']", "password: \"#{x{}}\""]),
    ("a.json", "{\"db_password\": \"{}\"}", &["{\"db_password\": \"<{}>\"}", "{\"passwordHint\": \"{}\"}"]),
    (
        "a.yaml",
        "db_password: {}",
        &[
            "db_password: !vault {}",
            "db_password: ENC[AES256_GCM,data:{},type:str]",
            "db_password: vault:secret/data/{}",
            "db_password: \"{{ {} }}\"",
            "db_password: '{cipher}{}'",
        ],
    ),
    ("a.toml", "db_password = \"{}\"", &["db_password = \"${{}}\"", "password_file = \"{}\""]),
    ("a.ini", "db_password = {}", &["db_password = %({})s", "password_policy = {}", "db_password = /run/{}"]),
    ("a.xml", "<dbPassword>{}</dbPassword>", &["<dbPassword>${{}}</dbPassword>", "<passwordPath>{}</passwordPath>"]),
    ("a.properties", "db.password={}", &["db.password=${{}}", "db.password.encoder={}", "db.password=ENC({})"]),
    ("a.sh", "export DB_PASSWORD={}", &["export DB_PASSWORD=$({})", "DB_PASSWORD=${X:?{}}", "PASSWORD_FILE={}"]),
    (
        "a.sql",
        "CREATE USER app IDENTIFIED BY '{}';",
        &["CREATE USER app IDENTIFIED BY '${{}}';", "SELECT password FROM {};", "ALTER ROLE app PASSWORD NULL; -- {}"],
    ),
    ("b.sql", "ALTER ROLE app WITH PASSWORD '{}';", &["ALTER ROLE app WITH PASSWORD 'SCRAM-SHA-256$4096:{}${}${}';"]),
    ("Dockerfile", "ENV DB_PASSWORD {}", &["ENV DB_PASSWORD ${{}}", "ENV DB_PASSWORD_FILE {}"]),
    ("b/Dockerfile", "ARG DB_PASSWORD={}", &["ARG DB_PASSWORD=$x{}"]),
    ("a.tf", "  db_password = \"{}\"", &["  db_password = var.x{}", "  db_password = \"${var.x{}}\""]),
    (
        "b.json",
        "{\"tokens\": [\"a word\", \"{}\"]}",
        &["{\"tokens\": [\"<{}>\"]}", "{\"allowed_credentials\": [\"{}\"]}", "{\"tokens\": [], \"id\": \"{}\"}"],
    ),
    (
        "c.json",
        r#"{"Apitoken": "{\"name\": \"root\", \"sig\": \"{}\"}"}"#,
        &[r#"{"Apitoken": "{\"name\": \"root\", \"token_id\": \"{}\"}"}"#],
    ),
    ("b.py", "if password != \"{}\":", &["if password != x{}:", "password != \"x\"; y = \"{}\""]),
    ("b.sh", "keytool -storepass {} -list", &["keytool -storepass $x{}", "  -storepass    {}  what opens the store"]),
    ("c.sql", "UPDATE user SET password=PASSWORD('{}')", &["UPDATE user SET password=PASSWORD(x{})"]),
    ("d.sql", "UPDATE user SET password = '{}'", &["q = \"password = '\" + f(x, \"{}\") + \"'\""]),
    ("a.ps1", "$p = ConvertTo-SecureString '{}' -Force", &["$p = ConvertTo-SecureString $x{}"]),
    ("a.md", "| `DB_PASSWORD` | `{}` |", &["| `DB_PASSWORD` | `${{}}` |", "The password: see {} below."]),
];

/// What is written in a place of every format, and is no literal secret or none that anybody chose.
const NEAR: &[(&str, &str)] = &[
    ("word", "changeme"),
    ("placeholder", "your_password_1"),
    ("row", "abc123abc123"),
    ("stock", "Password1!"),
    ("reference", "${DB_PASSWORD}"),
    ("uuid", "{uuid}"),
    ("hash", "$2b$12${alnum:53}"),
    ("encrypted", "ENC[AES256_GCM,data:{alnum:12}"),
    ("public key", "MIIBIjANBgkqhkiG{alnum:40}"),
    ("algorithm", "A128CBC-HS256"),
    ("mail", "app1@acme.example.net"),
    ("path", "/run/secrets/db1"),
    ("identifier", "db-password-name-1"),
    ("phrase", "this_is_no_real_secret_{alnum:6}"),
    ("encoding", "cGFzc3dvcmQ="),
];

/// What a line says, and whether what stands for `{}` in it is a password, though it is made of letters alone.
const LETTERS: &[(&str, &str, bool)] = &[
    ("a.yaml", "db_password: {}", true),
    ("a.py", "password = \"{}\"", true),
    ("b.py", "if user.password == '{}':", true),
    ("a.go", "b := []byte(\"{\\\"user\\\":\\\"u\\\",\\\"pass\\\":\\\"{}\\\"}\")", true),
    ("b.go", "u := \"nats-route://app:{}@127.0.0.1:6222\"", true),
    ("a.scala", "password = Some(\"{}\"),", true),
    ("a.sh", "openssl genrsa -passout pass:{} -out a", true),
    ("c.py", "password = {}", false),
    ("d.py", "WORDS = [\"user\", \"password\", \"{}\", \"host\"]", false),
    ("e.py", "token = \"{}\"", false),
    ("f.py", "password_hint = \"{}\"", false),
    ("a.json", "{\"compass\": \"{}\"}", false),
];

/// Words and what looks like them: no password that anybody chose, whatever the line says.
const WORDS: &[&str] = &[
    "widget",
    "software",
    "penguin",
    "kubernetes",
    "contrasena",
    "mysqlpw",
    "bazbat",
    "foobar",
    "johndoe",
    "qwertz",
    "asdfgh",
    "user12",
    "s3cr3t",
    "utf8mb4",
    "test_password_value",
];

#[test]
fn letters_that_make_no_word_are_a_password() {
    let tree = Tree::new();
    let write = |folder: &str, value: &str| {
        for (name, text, _) in LETTERS {
            tree.write(format!("{folder}/{name}"), format!("first\n{}\nlast\n", text.replace("{}", value)));
        }
    };
    write("letters", &made("{chars:8:bcdfghjklmnpqrstvwxz}", 11));
    write("digits", &made("{chars:4:bdghjkmpqvwxz}{digits:2}", 11));
    WORDS.iter().for_each(|word| write(&format!("words/{word}"), word));
    let report = scan(&tree, &[]).json();
    let all = places(&report);
    let found: Vec<&str> = all.iter().map(|(p, _)| p.path.as_str()).collect();
    for folder in ["letters", "digits"] {
        for (name, text, wanted) in LETTERS {
            let there = found.contains(&format!("{folder}/{name}").as_str());
            assert!(there == *wanted || folder == "digits" && *name == "b.go", "{folder} {text}: {there}");
        }
    }
    let words: Vec<&&str> = found.iter().filter(|path| path.starts_with("words")).collect();
    assert!(words.is_empty(), "{words:#?}");
}

fn planted(seed: u64) -> String {
    made("{alpha:5}{digits:3}{alnumlower:5}", seed)
}

#[test]
fn each_format_has_its_secret_and_its_near_misses() {
    for (number, (name, text, misses)) in FORMATS.iter().enumerate() {
        let (tree, secret) = (Tree::new(), planted(number as u64 + 900));
        tree.write(format!("conf/{name}"), format!("first\n{}\nlast\n", text.replace("{}", &secret)));
        for (miss, text) in misses.iter().enumerate() {
            tree.write(format!("miss/{miss}/{name}"), format!("first\n{}\nlast\n", text.replace("{}", &secret)));
        }
        let report = scan(&tree, &["--show-secrets"]).json();
        let all = places(&report);
        let found: Vec<_> = all.iter().map(|(p, f)| (p.path.as_str(), f["secret"].as_str().unwrap())).collect();
        let wanted = format!("conf/{name}");
        assert_eq!(found, [(wanted.as_str(), secret.as_str())], "{text}");
    }
}

#[test]
fn what_is_no_literal_is_none_in_any_format() {
    let tree = Tree::new();
    for (number, (kind, template)) in NEAR.iter().enumerate() {
        let value = if *kind == "reference" { (*template).to_owned() } else { made(template, number as u64) };
        for (name, text, _) in FORMATS {
            tree.write(format!("{kind}/{name}"), format!("first\n{}\nlast\n", text.replace("{}", &value)));
        }
    }
    let report = scan(&tree, &[]).json();
    let wrong: Vec<String> = places(&report).into_iter().map(|(p, f)| format!("{} {}", p.path, f["rule"])).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_line_is_explained_with_what_decided() {
    let (tree, secret) = (Tree::new(), planted(5));
    let lines = [
        "user = app".to_owned(),
        format!("db_password = \"{secret}\""),
        "db_password = \"${X}\"".to_owned(),
        "x = 1".to_owned(),
        format!("# see {secret}password{secret}"),
    ];
    tree.write("app.ini", lines.join("\n"));
    tree.write("app.py", format!("db_password = x{secret}\n"));
    let told = |place: &str| run(quell().current_dir(tree.path()).args(["explain", place])).code(0).out();
    let found = told("app.ini:2:16");
    for part in ["app.ini:2:16", "neighbours      +2", "name            +3", "high confidence", "generic-password"] {
        assert!(found.contains(part), "{part}\n{found}");
    }
    assert!(told("app.ini:3").contains("reference       no"), "{}", told("app.ini:3"));
    assert!(told("app.ini:4").contains("nothing on line 4"), "{}", told("app.ini:4"));
    assert!(told("app.py:1").contains("file            no"), "{}", told("app.py:1"));
    for place in ["app.ini:2", "app.ini:5", "app.py:1"] {
        assert!(!told(place).contains(&secret), "the secret is shown\n{}", told(place));
    }
}
