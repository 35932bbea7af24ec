//! Names of variables: those that say that what they hold is secret, and those that every shell sets.

/// Words in names of variables that hold secrets.
const SECRET: &[&str] = &[
    "TOKEN",
    "TOK",
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

/// Variables that shells, machines and the runners on them set, whatever the pipeline.
const OF_SHELL: &[&str] = &[
    "ALLUSERSPROFILE",
    "APPDATA",
    "CARGO_HOME",
    "CD",
    "CI",
    "COLUMNS",
    "COMPUTERNAME",
    "COMSPEC",
    "DATE",
    "DEBIAN_FRONTEND",
    "DIRSTACK",
    "DISPLAY",
    "EDITOR",
    "ERRORLEVEL",
    "EUID",
    "FUNCNAME",
    "GID",
    "GOPATH",
    "GOROOT",
    "HOME",
    "HOMEDRIVE",
    "HOMEPATH",
    "HOSTNAME",
    "HOSTTYPE",
    "IFS",
    "JAVA_HOME",
    "LANG",
    "LASTEXITCODE",
    "LD_LIBRARY_PATH",
    "LINENO",
    "LINES",
    "LOCALAPPDATA",
    "LOGNAME",
    "MACHTYPE",
    "NUMBER_OF_PROCESSORS",
    "NVM_DIR",
    "OLDPWD",
    "OPTARG",
    "OPTIND",
    "OS",
    "OSTYPE",
    "PATH",
    "PATHEXT",
    "PIPESTATUS",
    "PPID",
    "PROCESSOR_ARCHITECTURE",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "PS1",
    "PS4",
    "PSMODULEPATH",
    "PSSCRIPTROOT",
    "PUBLIC",
    "PWD",
    "PYTHONPATH",
    "RANDOM",
    "REPLY",
    "SECONDS",
    "SHELL",
    "SHELLOPTS",
    "SHLVL",
    "SSH_AUTH_SOCK",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TERM",
    "TIME",
    "TMP",
    "TMPDIR",
    "TZ",
    "UID",
    "USER",
    "USERNAME",
    "USERPROFILE",
    "VIRTUAL_ENV",
    "WINDIR",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
];

/// Whether a shell, or the machine that it runs on, sets a variable by itself. Windows does not know small letters from capitals.
#[must_use]
pub fn is_of_shell(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let begins = |start: &str| name.starts_with(start) && !looks_secret(&name);
    name == "BASH" || name == "BASHPID" || begins("BASH_") || begins("LC_") || OF_SHELL.contains(&name.as_str())
}

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

/// Whether a name says that it tells of a secret, or of whom it is, and is none: `username`, `project_id`.
pub(super) fn tells_about(name: &str) -> bool {
    words(name).last().is_some_and(|last| ABOUT.contains(&last.as_str()))
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
    use super::{is_of_shell, looks_secret};

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

    #[test]
    fn variables_of_shells_are_known() {
        for name in ["PATH", "Path", "BASH_SOURCE", "LC_ALL", "PSScriptRoot", "CI"] {
            assert!(is_of_shell(name), "{name}");
        }
        for name in ["", "BASHFUL", "BASH_TOKEN", "DEPLOY_HOST", "PATHS"] {
            assert!(!is_of_shell(name), "{name}");
        }
    }
}
