//! The ways that languages, formats and commands give a name its value, each with a secret planted; and what looks like
//! them and gives nothing.

use crate::support::{Tree, made, places, scan};

/// Lines of the ways that a name is given a value, by the name of a file that they stand in: `K` is a key, `P` a password.
const SHAPES: [(&str, &str); 40] = [
    ("deploy.yaml", "env:\n  - name: DB_PASSWORD\n    value: \"P\""),
    ("deploy.yaml", "env:\n  - name: API_TOKEN\n    value: K"),
    ("task.json", "[{\"name\": \"DB_PASSWORD\", \"value\": \"P\"}]"),
    ("postman.json", "{\"key\": \"api_key\",\n \"type\": \"text\",\n \"value\": \"K\"}"),
    ("main.tf", "variable \"db_password\" {\n  type = string\n  default = \"P\"\n}"),
    ("strings.xml", "<string name=\"api_key\">K</string>"),
    ("Info.plist", "<key>ApiKey</key>\n<string>K</string>"),
    ("web.config", "<add key=\"ApiKey\" value=\"K\"/>"),
    ("beans.xml", "<property name=\"password\" value=\"P\"/>"),
    ("site.xml", "<property><name>db.password</name><value>P</value></property>"),
    ("pom.xml", "<password><![CDATA[P]]></password>"),
    ("users.xml", "<password encrypted=\"false\">P</password>"),
    ("Dockerfile", "ENV API_TOKEN K"),
    ("run.sh", "export DB_PASSWORD=P"),
    ("run.sh", "tool --token K --verbose"),
    ("run.sh", "tool --password=P --verbose"),
    ("run.sh", "openssl pkcs12 -password pass:P"),
    ("README.md", "| API key | K |"),
    ("README.md", "| `DB_PASSWORD` | `P` | the password |"),
    ("README.md", "Set `API_TOKEN` to `K`."),
    ("README.md", "Secret key: K"),
    ("compose.yml", "DB_PASSWORD: ${DB_PW:-P}"),
    ("compose.yml", "DB_LOGIN: \"${DB_PASSWORD:-P}\""),
    ("settings.py", "PASSWORD = '''P'''"),
    ("settings.py", "API_TOKEN = \"\"\"K\"\"\""),
    ("main.rs", "let api_token = r#\"K\"#;"),
    ("script.R", "api_token <- \"K\""),
    ("config.yaml", "password: |\n  P\nuser: x"),
    ("a.rb", "config = { :api_token => 'K' }"),
    ("a.go", "apiToken := \"K\""),
    ("a.py", "fetch(\"https://acme.net/v1?api_key=K&page=2\")"),
    ("a.go", "line := \"export API_TOKEN=K\""),
    ("a.py", "# API_TOKEN=K"),
    ("a.ts", "f();  // token: K"),
    ("a.kt", "val password = StringValue(\"P\")"),
    ("A.java", "m.setCipherKey(Base64.decode(\"K\"));"),
    ("a.ts", "password.fill('P')"),
    ("a.sql", "ALTER USER app IDENTIFIED BY P;"),
    ("a.conf", "password = !P"),
    ("a.js", "if (req.body.password === 'LONG') {}"),
];

#[test]
fn a_secret_is_found_however_its_name_is_given_it() {
    let tree = Tree::new();
    let mut planted = Vec::new();
    for (number, (name, line)) in SHAPES.iter().enumerate() {
        let seed = number as u64 + 77;
        let secrets = [("LONG", "{alpha:9}{digits:4}{one:!|?}{alnum:6}"), ("K", "{alnum:16}{digits:2}{alnum:14}")];
        let typed = ("P", "{alpha:5}{digits:3}{one:!|?}{alnumlower:5}");
        let (letter, template) = secrets.into_iter().find(|(l, _)| holds(line, l)).unwrap_or(typed);
        let secret = made(template, seed);
        let path = format!("{number}/{name}");
        tree.write(&path, format!("first line\n{}\nlast line\n", replaced(line, letter, &secret)));
        planted.push((path, secret, line));
    }
    let report = scan(&tree, &["--show-secrets"]).code(1).json();
    let all = places(&report);
    let found = |path: &str, secret: &str| {
        all.iter()
            .any(|(p, f)| p.path == path && f["secret"].as_str().is_some_and(|s| s.trim_start_matches('!') == secret))
    };
    let lost: Vec<_> =
        planted.iter().filter(|(path, secret, _)| !found(path, secret)).map(|(_, _, line)| line).collect();
    assert!(lost.is_empty(), "{lost:#?}");
}

/// Whether a word stands in a line by itself.
fn holds(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|part| part == word)
}

/// Puts a secret where a word stands by itself.
fn replaced(line: &str, word: &str, secret: &str) -> String {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let at = line
        .match_indices(word)
        .map(|(at, _)| at)
        .find(|at| !line[..*at].ends_with(part) && !line[at + word.len()..].starts_with(part));
    let at = at.unwrap();
    format!("{}{secret}{}", &line[..at], &line[at + word.len()..])
}

#[test]
fn names_of_secrets_hashes_and_code_are_no_findings() {
    let lines = [
        "\"SecretArn\": \"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{alpha:8}{digits:3}-{alnum:6}\"",
        "role arn:aws:secretsmanager:eu-west-1:123456789012:secret:{alnum:20}",
        "\"AWS::AppSync::ApiKey\": \"{hex:16}\"",
        "should_pass(\"{alpha:6}{digits:4}\")",
        "x.pass(\"{alpha:6}{digits:4}\");",
        "re = '(?P<password>[a-z]{{3}}{digits:2})'",
        "at src/token.rs:191{digits:12}",
        "token = \"{{{{{uuid}}}}}\"",
        "password = \"scrypt:32768:8:1${alnum:16}${hex:64}\"",
        "password = \"argon2id$v=19${base64url:22}${base64url:43}\"",
        "password = \"$argon2id$v=19$m=65536,t=3,p=2${base64url:22}${base64url:43}\"",
        "password = \"pbkdf2_sha256$260000${alnum:22}${alnum:43}=\"",
        "password: $2b$12${alnum:53}",
        "PASSWORD: ${{DB_PASSWORD:?set it in {alpha:6}{digits:3}}}",
        "client_secret: \"my-client-secret-1234\"",
        "url = \"x?password=\" + pass{digits:4}x + \"&y=1\"",
        "password = MustGetField(\"API2CART_INACTIVE\")",
        "{{\"name\": \"DB_PASSWORD\", \"valueFrom\": \"{alnum:24}\"}}",
        "cat password | {alpha:6}{digits:4} | tee",
        "return nil, \"file: password: sha2crypt: option {alnum:8}\"",
        "'reset_password': '20/m/ip'",
    ];
    let tree = Tree::new();
    for (number, line) in lines.iter().enumerate() {
        tree.write(format!("config/{number}.conf"), made(line, number as u64 + 5));
    }
    let report = scan(&tree, &[]).json();
    let wrong: Vec<String> = places(&report).into_iter().map(|(p, f)| format!("{} {}", p.path, f["rule"])).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
