//! Names of variables that say that what they hold is secret.

/// Words in names of variables that hold secrets.
const SECRET: &[&str] = &[
    "TOKEN",
    "SECRET",
    "SECRETS",
    "PASSWORD",
    "PASSWORDS",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "PWD",
    "CREDENTIAL",
    "CREDENTIALS",
    "CREDS",
    "APIKEY",
    "AUTH",
    "DSN",
    "PAT",
    "KUBECONFIG",
    "COOKIE",
    "WEBHOOK",
    "CERT",
    "PEM",
    "PRIVATEKEY",
    "ACCESSKEY",
    "SECRETKEY",
    "JWT",
];
/// Words beside `KEY` that make it the key of something that is looked up.
const LOOKUPS: &[&str] = &[
    "CACHE",
    "PRIMARY",
    "FOREIGN",
    "SORT",
    "PARTITION",
    "ROUTING",
    "OBJECT",
    "INDEX",
    "GROUP",
    "UNIQUE",
    "HOT",
    "KNOWN",
    "PROJECT",
];
/// Words at the end that make it none: it tells of the secret, or where it is.
const ABOUT: &[&str] = &[
    "FINGERPRINT",
    "PATH",
    "FILE",
    "FILENAME",
    "DIR",
    "FOLDER",
    "LOCATION",
    "URL",
    "URI",
    "HOST",
    "PORT",
    "ENDPOINT",
    "DOMAIN",
    "REALM",
    "ISSUER",
    "AUDIENCE",
    "SCOPE",
    "SCOPES",
    "REGION",
    "NAME",
    "ID",
    "ARN",
    "ALIAS",
    "USER",
    "USERNAME",
    "EMAIL",
    "HASH",
    "ALGORITHM",
    "ALG",
    "LENGTH",
    "LEN",
    "SIZE",
    "COUNT",
    "LIMIT",
    "TTL",
    "AGE",
    "EXPIRES",
    "EXPIRY",
    "EXPIRATION",
    "TIMEOUT",
    "TYPE",
    "METHOD",
    "MODE",
    "PROVIDER",
    "POLICY",
    "FORMAT",
    "VERSION",
    "ENABLED",
    "REQUIRED",
    "SOCK",
    "SOCKET",
    "HEADER",
    "STORE",
    "MANAGER",
];

/// Whether a name says that what it holds is secret: `DEPLOY_TOKEN`, `db.password`, `npmToken`.
#[must_use]
pub fn looks_secret(name: &str) -> bool {
    let words = words(name);
    let has = |all: &[&str]| words.iter().any(|word| all.contains(&word.as_str()));
    let last = words.last().map(String::as_str).unwrap_or_default();
    let pair =
        |first: &str, second: &str| words.windows(2).any(|two| matches!(two, [a, b] if a == first && b == second));
    if has(&["PUBLIC", "PUB"]) || matches!(words.as_slice(), [one] if one == "PWD") {
        return false;
    }
    // These addresses are secrets themselves.
    if pair("WEBHOOK", "URL") || pair("CONNECTION", "STRING") {
        return true;
    }
    let is_key = matches!(last, "KEY" | "KEYS") && words.len() > 1 && !has(LOOKUPS);
    !ABOUT.contains(&last) && (has(SECRET) || is_key)
}

/// The words of a name, in capitals: at `_`, `-`, `.`, and where small letters and capitals meet.
fn words(name: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut before = None::<char>;
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let small = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase());
        // `npmToken`, `APIToken`; the digits of `s3Key` stay where they are.
        let begins = c.is_ascii_uppercase()
            && (small(before) || (before.is_some_and(|c| c.is_ascii_uppercase()) && small(rest.peek().copied())));
        if begins || !c.is_ascii_alphanumeric() {
            all.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = all.last_mut()
        {
            word.push(c.to_ascii_uppercase());
        }
        before = Some(c);
    }
    all.retain(|word| !word.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::looks_secret;

    #[test]
    fn names_say_whether_they_hold_secrets() {
        let secret = "TOKEN DEPLOY_TOKEN NPM_AUTH_TOKEN db.password npmToken githubAPIToken DBPassword api-key apiKey \
             APIKey API_KEYS AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY SSH_PRIVATE_KEY STRIPE_KEY SENTRY_DSN GH_PAT \
             SLACK_WEBHOOK_URL SLACK_WEBHOOK AZURE_STORAGE_CONNECTION_STRING DB_PASS MYSQL_PWD DOCKER_PASSWORD_2 \
             CLIENT_SECRET KUBECONFIG client_secret_value";
        for name in secret.split(' ') {
            assert!(looks_secret(name), "{name}");
        }
        let plain = "_ KEY HOME PWD OLDPWD PATH COMPASS AUTHOR MAX_TOKENS CACHE_KEY PRIMARY_KEY SSH_PUBLIC_KEY \
             SSH_KEY_PATH TOKEN_URL SECRET_NAME SECRET_ID AWS_ACCESS_KEY_ID SSH_AUTH_SOCK TOKEN_TTL SSL_CERT_FILE \
             AUTH_METHOD SONAR_PROJECT_KEY MONKEY PATCH é VITE_PUBLIC_TOKEN DATABASE_HOST";
        for name in plain.split(' ') {
            assert!(!looks_secret(name), "{name}");
        }
        assert!(!looks_secret(""));
    }
}
