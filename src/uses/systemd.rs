//! Units of systemd: which variables, files and credentials a service is handed.
//!
//! Format: <https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html> and
//! <https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#Command%20lines>.

use std::sync::Arc;

use super::command;
use super::notes::{Env, Meaning, Notes, looks_secret};
use super::shell::{Script, references};
use super::{File, Reader};
use crate::model::usage::{Context, Span, Store, System, Unread, Uses};
use crate::model::{Confidence, GapKind, Untrusted};

/// The reader of units.
pub const READER: Reader = Reader { system: System::Systemd, is_own, read };

/// The largest file that is read, in bytes.
const LARGEST: usize = 1 << 20;
/// The most variables of a section that are followed.
const MOST: usize = 256;
/// Kinds of units.
const UNITS: &[&str] = &[".service", ".socket", ".timer"];
/// What a credential is found at: a folder, as the unit and as a command has it.
const FOLDERS: &[&str] = &["%d/", "${CREDENTIALS_DIRECTORY}/", "$CREDENTIALS_DIRECTORY/"];

fn is_own(path: &str) -> bool {
    unit(path).is_some()
}

/// The unit that a file is, or adds to.
fn unit(path: &str) -> Option<&str> {
    let mut parts = path.rsplit('/');
    let name = parts.next()?;
    let is_unit = |name: &str| UNITS.iter().any(|kind| name.len() > kind.len() && name.ends_with(kind));
    if is_unit(name) {
        return Some(name);
    }
    let folder = parts.next().and_then(|folder| folder.strip_suffix(".d"));
    folder.filter(|folder| name.ends_with(".conf") && is_unit(folder))
}

fn read(file: File<'_>) -> Uses {
    let mut notes = Notes::new(System::Systemd);
    if file.text.len() > LARGEST {
        let why = format!("it has more than {LARGEST} bytes: who uses what in it is not known");
        notes.unread([Unread { at: 0, kind: Some(GapKind::OverBudget), why }]);
        return notes.done();
    }
    let text = match std::str::from_utf8(file.text) {
        Ok(text) => text,
        Err(error) => {
            let good = file.text.get(..error.valid_up_to()).unwrap_or_default();
            let why = "it is not UTF-8 from here on: what stands before was read".to_owned();
            notes.unread([Unread { at: good.len(), kind: Some(GapKind::Corrupt), why }]);
            std::str::from_utf8(good).unwrap_or_default()
        }
    };
    let name = unit(file.path).or_else(|| file.path.rsplit('/').next()).unwrap_or_default();
    let unit = Context { pipeline: Some(name.into()), ..Context::default() };
    for section in sections(text) {
        let context = Arc::new(Context { job: Some(section.name.into()), ..unit.clone() });
        notes.scope(section.span, &context);
        Reading { notes: &mut notes, context }.section(&section);
    }
    notes.done()
}

/// A setting, with its continued lines; every byte of the value is where it was.
struct Setting<'t> {
    key: &'t str,
    value: String,
    base: usize,
}

struct Section<'t> {
    name: &'t str,
    span: Span,
    settings: Vec<Setting<'t>>,
}

/// Takes a unit apart.
fn sections(text: &str) -> Vec<Section<'_>> {
    let mut all: Vec<Section<'_>> = Vec::new();
    let mut at = 0;
    while let Some(line) = text.get(at..).and_then(|rest| rest.split_inclusive('\n').next()) {
        let (start, content) = (at, line.trim());
        at += line.len();
        if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            all.push(Section { name, span: Span { start, end: at }, settings: Vec::new() });
            continue;
        }
        let Some(section) = all.last_mut() else { continue };
        if let Some((key, _)) = line.split_once('=').filter(|_| !content.starts_with(['#', ';'])) {
            let base = start + key.len() + 1;
            let value = joined(text, base);
            at = base + value.len();
            section.settings.push(Setting { key: key.trim(), value, base });
        }
        section.span.end = at;
    }
    all
}

/// A value that may go on over several lines; comments between them are passed over.
fn joined(text: &str, base: usize) -> String {
    let mut all = String::new();
    for line in text.get(base..).unwrap_or_default().split_inclusive('\n') {
        if !all.is_empty() && line.trim_start().starts_with(['#', ';']) {
            all.push_str(&" ".repeat(line.len()));
            continue;
        }
        let Some(before) = line.trim_end_matches(['\n', '\r']).strip_suffix('\\') else {
            all.push_str(line);
            break;
        };
        all.push_str(before);
        all.push_str(&" ".repeat(line.len() - before.len()));
    }
    all
}

/// A section that is being read.
struct Reading<'n> {
    notes: &'n mut Notes,
    context: Arc<Context>,
}

impl Reading<'_> {
    fn section(&mut self, section: &Section<'_>) {
        let mut env = Env::default();
        let mut count = 0;
        for one in section.settings.iter().filter(|one| one.key == "Environment") {
            for (word, at) in command::words(&one.value, one.base) {
                let Some((name, value)) = word.split_once('=') else { continue };
                if count >= MOST {
                    let why =
                        "a section of it sets more variables than are followed: what is in the others is not known";
                    self.notes.leaves_out(at, why);
                    break;
                }
                let name = name.trim_start_matches(['"', '\'']);
                let secret = looks_secret(name) && !value.is_empty();
                env.set(name, secret.then(|| name.into()).into_iter().collect());
                self.credentials(value, at + (word.len() - value.len()), Some(name));
                count += 1;
            }
        }
        let output = section.settings.iter().rev().find(|one| one.key == "StandardOutput").map(|one| one.value.trim());
        let is_logged = !output.is_some_and(|to| to == "null" || to.starts_with("file:") || to.starts_with("socket"));
        for one in &section.settings {
            self.setting(one, &env, is_logged);
        }
    }

    fn setting(&mut self, one: &Setting<'_>, env: &Env, is_logged: bool) {
        let trimmed = one.value.trim_start();
        let (value, base) = (trimmed.trim_end(), one.base + one.value.len() - trimmed.len());
        if value.is_empty() {
            return;
        }
        match one.key {
            "EnvironmentFile" => {
                let path = value.trim_start_matches('-');
                self.uses(path, Store::File, None, base + value.len() - path.len());
            }
            "PassEnvironment" => {
                for (name, at) in command::words(value, base) {
                    let confidence = if looks_secret(name) { Confidence::High } else { Confidence::Medium };
                    let span = Span { start: at, end: at + name.len() };
                    self.notes.uses_surely(name, Store::Environment, None, span, &self.context, confidence);
                }
            }
            "LoadCredential" | "LoadCredentialEncrypted" => {
                let (id, from) = value.split_once(':').unwrap_or((value, value));
                let store = if from.starts_with('/') { Store::File } else { Store::Secret };
                self.uses(from, store, Some(id), base + value.len() - from.len());
            }
            "SetCredential" | "SetCredentialEncrypted" | "ImportCredential" => {
                let (id, rest) = value.split_once(':').unwrap_or((value, ""));
                let renamed = Some(rest).filter(|rest| one.key == "ImportCredential" && !rest.is_empty());
                self.uses(id, Store::Secret, renamed, base);
            }
            key if key.starts_with("Exec") => self.command(value, base, env, is_logged),
            _ => {}
        }
    }

    fn uses(&mut self, name: &str, store: Store, variable: Option<&str>, start: usize) {
        if !name.is_empty() {
            self.notes.uses(name, store, variable, Span { start, end: start + name.len() }, &self.context);
        }
    }

    /// Credentials that a text has the path of.
    fn credentials(&mut self, text: &str, base: usize, variable: Option<&str>) {
        for folder in FOLDERS {
            for (at, _) in text.match_indices(folder) {
                let start = at + folder.len();
                let rest = text.get(start..).unwrap_or_default();
                let length =
                    rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')).count();
                self.uses(rest.get(..length).unwrap_or_default(), Store::Secret, variable, base + start);
            }
        }
    }

    /// A command line: what it writes is in the journal.
    fn command(&mut self, value: &str, base: usize, env: &Env, is_logged: bool) {
        self.credentials(value, base, None);
        let line = value.trim_start_matches(['@', '-', ':', '+', '!', '|']);
        let text = command::undoubled(line);
        let base = base + value.len() - line.len();
        // Only a shell that is started sees the second sign: for any other command it is a mere text.
        let plain = line.replace("$$", "  ");
        let whole = Script { text: &plain, base, dialect: <_>::default(), traced: false };
        let script = command::of_line(&text, base).unwrap_or(whole);
        if is_logged {
            let free = |name: &str| looks_secret(name).then(|| Untrusted::from(name)).into_iter().collect();
            let meaning = Meaning { template: &|_| Vec::new(), free: &free };
            self.notes.script(script, env, &meaning, &self.context);
        }
        let is_own = |name: &str| {
            matches!(name, "MAINPID" | "CREDENTIALS_DIRECTORY" | "HOME" | "USER" | "PATH" | "LOGNAME" | "SHELL")
        };
        let mut seen = references(script);
        seen.retain(|one| {
            env.get(one.text).is_none() && !is_own(one.text) && one.text.starts_with(|c: char| c.is_ascii_uppercase())
        });
        for one in seen {
            let confidence = if looks_secret(one.text) { Confidence::High } else { Confidence::Medium };
            self.notes.uses_surely(one.text, Store::Environment, None, one.span, &self.context, confidence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{READER, is_own};
    use crate::model::GapKind;
    use crate::model::usage::{Door, Uses};
    use crate::uses::File;
    use crate::uses::testing::told;

    fn read(path: &str, text: &[u8]) -> Uses {
        (READER.read)(File { path, text })
    }

    #[test]
    fn doubled_signs_are_of_the_shell() {
        let text = "[Service]\nExecStart=/bin/x $$A_TOKEN ${B_TOKEN}\nExecStartPre=/bin/sh -c 'x $$C_TOKEN'\nExecStop=/bin/echo $$D_TOKEN\n";
        let uses = read("a.service", text.as_bytes());
        let names: Vec<_> = uses.uses.iter().map(|one| String::from_utf8_lossy(one.name.raw()).into_owned()).collect();
        assert_eq!(names, ["B_TOKEN", "C_TOKEN"]);
        assert!(uses.exposures.is_empty());
    }

    const UNIT: &str = r#"# EnvironmentFile=/near
[Unit]
Description=a $TOKEN near

[Service]
EnvironmentFile=-/etc/shop/env
Environment="API_TOKEN=planted literal" LEVEL=1 KEY_FILE=%d/signing
PassEnvironment=DB_PASSWORD LANG
LoadCredential=db:/etc/shop/db
LoadCredential=own
LoadCredentialEncrypted=tls:/etc/shop/tls.cred
SetCredential=inline:PLACEHOLDER
ImportCredential=shop.*
ExecStartPre=-/bin/sh -c 'echo $API_TOKEN; echo "$$OTHER_SECRET"'
ExecStart=/usr/bin/shop --token ${SHOP_TOKEN} --level $LEVEL \
  # a comment
  --port $PORT --key %d/tls
ExecStop=/bin/kill $MAINPID

[Install]
WantedBy=multi-user.target
"#;

    #[test]
    fn units() {
        let uses = read("etc/shop.service", UNIT.as_bytes());
        let expected = [
            "file /etc/shop/env|/etc/shop/env|",
            "secret signing|signing|KEY_FILE",
            "environment DB_PASSWORD|DB_PASSWORD|",
            "environment LANG|LANG|",
            "file /etc/shop/db|/etc/shop/db|db",
            "secret own|own|",
            "file /etc/shop/tls.cred|/etc/shop/tls.cred|tls",
            "secret inline|inline|",
            "secret shop.*|shop.*|",
            "environment OTHER_SECRET|$OTHER_SECRET|",
            "environment SHOP_TOKEN|${SHOP_TOKEN}|",
            "environment PORT|$PORT|",
            "secret tls|tls|",
        ];
        assert_eq!(told(&uses, UNIT), expected.map(|line| format!("{line}|Service")));
        let doors: Vec<_> = uses.exposures.iter().map(|one| (one.door, &UNIT[one.span.start..one.span.end])).collect();
        assert_eq!(doors, [(Door::Printed, "echo $API_TOKEN"), (Door::Printed, "echo \"$$OTHER_SECRET\"")]);
        let at = uses.at(UNIT.find("planted").unwrap()).unwrap();
        assert_eq!((&at.pipeline, &at.job), (&Some("shop.service".into()), &Some("Service".into())));
        let quiet = UNIT.replace("[Install]", "StandardOutput=null\n[Install]");
        assert!(read("shop.service", quiet.as_bytes()).exposures.is_empty());
    }

    #[test]
    fn what_is_left_out_is_told_once() {
        let section = format!("[Service]\n{}", "Environment=A=b\n".repeat(super::MOST + 2));
        let unread = read("a.service", section.repeat(2).as_bytes()).unread;
        assert_eq!(unread.iter().map(|one| one.kind).collect::<Vec<_>>(), [Some(GapKind::OverBudget)]);
        assert!(read("a.service", b"[Service]\nEnvironment=A=b\n").unread.is_empty());
    }

    #[test]
    fn of_anybody() {
        assert!(is_own("a.service") && is_own("etc/a@b.service.d/override.conf") && is_own("a.timer"));
        assert!(!is_own("conf.d/a.conf") && !is_own("etc/.service") && !is_own("a.service.d/readme.md"));
        for end in 0..UNIT.len() {
            read("a.service", &UNIT.as_bytes()[..end]);
        }
        assert_eq!(read("a.service", b"<service-group/>\n").uses, []);
        assert_eq!(read("a.service", b"[Service]\nEnvironmentFile=/a\nExecStart=\xff").unread.len(), 1);
        let name = read("a.service.d/b.conf", b"[Service]\nEnvironmentFile=/a\n").uses.remove(0).context;
        assert_eq!(name.pipeline, Some("a.service".into()));
        read("a.service", "[Service]\nExecStart=a\\\n".repeat(20_000).as_bytes());
    }
}
