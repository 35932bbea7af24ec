//! OpenLDAP with its password policy, and OpenSSH.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use quell::model::Verdict;

use super::{Service, ask, done, free_port, is, password, service, subject, tool};

const LDAP: &str = "Debian's `slapd` and `ldap-utils`";
const SSH: &str = "Debian's `openssh-server`";

#[test]
fn an_entry_of_openldap() {
    let (mut command, dir) = service("slapd", LDAP, "openldap");
    let (admin, own, port) = (password(), password(), free_port());
    fs::create_dir(dir.path().join("data")).unwrap();
    let configuration = format!(
        "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\nmoduleload ppolicy\n\
         database mdb\nsuffix dc=acme,dc=net\nrootdn cn=admin,dc=acme,dc=net\nrootpw {admin}\ndirectory {}\n\
         overlay ppolicy\nppolicy_default cn=policy,dc=acme,dc=net\nppolicy_use_lockout\n",
        dir.path().join("data").display()
    );
    fs::write(dir.path().join("slapd.conf"), configuration).unwrap();
    super::as_user(&mut command, "openldap", dir.path());
    command.args(["-d", "0", "-h", &format!("ldap://127.0.0.1:{port}"), "-f"]).arg(dir.path().join("slapd.conf"));
    let server = Service::start(command, port, dir);
    let change = |program: &str, text: &str| {
        let file = server.dir.path().join("change.ldif");
        fs::write(&file, text).unwrap();
        let mut client = Command::new(tool(program, LDAP));
        client.env_clear().args([
            "-x",
            "-H",
            &format!("ldap://127.0.0.1:{port}"),
            "-D",
            "cn=admin,dc=acme,dc=net",
            "-w",
            &admin,
        ]);
        done(client.args(["-e", "relax", "-f"]).arg(file));
    };
    change(
        "ldapadd",
        &format!(
            "dn: dc=acme,dc=net\nobjectClass: dcObject\nobjectClass: organization\no: acme\ndc: acme\n\n\
             dn: cn=policy,dc=acme,dc=net\nobjectClass: pwdPolicy\nobjectClass: person\nsn: policy\ncn: policy\n\
             pwdAttribute: userPassword\npwdLockout: TRUE\n\n\
             dn: uid=svc,dc=acme,dc=net\nobjectClass: inetOrgPerson\nsn: svc\ncn: svc\nuid: svc\nuserPassword: {own}\n"
        ),
    );
    let place = server.place();
    let at = |word: &str| {
        let name = "uid%3Dsvc%2Cdc%3Dacme%2Cdc%3Dnet";
        ask(&format!("LDAP_URL=ldap://{name}:{word}@{place}"), "ldap-url", &[("ldap", &place)])
    };
    let live = at(&own);
    is(&live, Verdict::Live);
    assert_eq!(subject(&live), "uid=svc,dc=acme,dc=net");
    is(&at(&password()), Verdict::Indistinct);
    let svc = "dn: uid=svc,dc=acme,dc=net\nchangetype: modify\n";
    change("ldapmodify", &format!("{svc}add: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n"));
    let locked = at(&own);
    is(&locked, Verdict::Indistinct);
    assert_eq!(locked.answer, "locked-unproved");
    change("ldapmodify", &format!("{svc}delete: pwdAccountLockedTime\n"));
    is(&at(&own), Verdict::Live);
    change("ldapmodify", "dn: uid=svc,dc=acme,dc=net\nchangetype: delete\n");
    is(&at(&own), Verdict::Indistinct);
}

#[test]
fn a_key_of_openssh() {
    let (mut command, dir) = service("sshd", SSH, "");
    fs::create_dir_all("/run/sshd").unwrap();
    let keygen = |kind: &str, name: &str| {
        let path = dir.path().join(name);
        done(
            Command::new(tool("ssh-keygen", "Debian's `openssh-client`"))
                .args(["-q", "-N", "", "-t", kind, "-f"])
                .arg(&path),
        );
        (fs::read_to_string(&path).unwrap(), fs::read_to_string(path.with_extension("pub")).unwrap())
    };
    keygen("ed25519", "host");
    let keys: Vec<_> = ["ed25519", "ecdsa", "rsa"].iter().map(|kind| keygen(kind, kind)).collect();
    let (_, port) = (keys.len(), free_port());
    let allowed = dir.path().join("allowed");
    let allow = |lines: &str| {
        fs::write(&allowed, lines).unwrap();
        fs::set_permissions(&allowed, fs::Permissions::from_mode(0o600)).unwrap();
    };
    allow(&keys.iter().map(|(_, public)| public.as_str()).collect::<String>());
    let user = done(Command::new("id").arg("-un")).trim().to_owned();
    let configuration = format!(
        "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\n\
         PasswordAuthentication no\nPidFile none\nListenAddress 127.0.0.1:{port}\nMaxStartups 100\n",
        dir.path().join("host").display(),
        allowed.display(),
    );
    fs::write(dir.path().join("sshd_config"), configuration).unwrap();
    command.args(["-D", "-e", "-f"]).arg(dir.path().join("sshd_config"));
    let server = Service::start(command, port, dir);
    let listed = format!("{user}@{}", server.place());
    let at = |private: &str| {
        let rule = if private.contains("RSA PRIVATE") { "private-key-rsa" } else { "private-key-openssh" };
        ask(private, rule, &[("ssh", &listed)])
    };
    for (private, _) in &keys {
        let live = at(private);
        is(&live, Verdict::Live);
        assert_eq!(subject(&live), user);
    }
    allow("");
    for (private, _) in &keys {
        is(&at(private), Verdict::Indistinct);
    }
}
