//! What is published or stored of a secret and opens nothing by itself: digests, identifiers, public keys, encrypted
//! values; and the names of the algorithms that make them.

/// A UUID, perhaps in braces.
pub(super) fn is_uuid(text: &str) -> bool {
    let bare = text.trim_start_matches('{').trim_end_matches('}');
    bare.len() == 36
        && bare.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// A digest that says so.
pub(super) fn is_hash(text: &str) -> bool {
    const STARTS: [&str; 5] = ["sha256:", "sha512-", "sha1-", "sha256-", "sha384-"];
    // What PostgreSQL stores.
    let md5 = text.strip_prefix("md5").is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    md5 || is_hashed(text) || STARTS.iter().any(|start| text.starts_with(start))
}

/// A value that is encrypted: SOPS, Jasypt, AWS KMS, Vault's transit, Sealed Secrets, Ansible Vault, Spring Cloud Config,
/// Puppet's hiera-eyaml.
pub(super) fn is_encrypted(text: &str) -> bool {
    const STARTS: [&str; 9] =
        ["ENC[", "ENC(", "AQICAH", "vault:v1:", "AgA", "$ANSIBLE_VAULT", "{cipher}", "{encrypted}", "{vault}"];
    // Sealed Secrets are hundreds of characters; `AgA` alone may begin a key.
    STARTS.iter().any(|start| text.starts_with(start) && (*start != "AgA" || text.len() >= 160))
}

/// A public key or a certificate, by how its text begins: SSH's, and DER's in base64.
pub(super) fn is_public_key(text: &str) -> bool {
    const STARTS: [&str; 13] = [
        "ssh-rsa",
        "ssh-ed25519",
        "ssh-dss",
        "ecdsa-sha2-",
        "AAAAB3NzaC1",
        "AAAAC3NzaC1",
        "AAAAE2VjZHNh",
        "MIIBIjANBgkq",
        "MIICIjANBgkq",
        "MIGfMA0GCSq",
        "MFkwEwYHKoZI",
        "MCowBQYDK2V",
        "-----BEGIN PUBLIC",
    ];
    STARTS.iter().any(|start| text.starts_with(start))
}

/// The name of an algorithm or of an encoding: `A128CBC-HS256`, `aes-256-gcm`, `UTF-16LE`.
pub(super) fn is_algorithm(text: &str) -> bool {
    const MARKS: [&str; 19] = [
        "utf8", "x509", "utf-8", "utf-16", "iso-8859", "hs256", "hs384", "hs512", "rs256", "rs512", "es256", "ps256",
        "sha1", "sha2", "sha5", "-cbc", "-gcm", "oaep", "hmac",
    ];
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_+/".contains(c);
    if !(4..=24).contains(&text.len()) || !text.chars().all(plain) {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    MARKS.iter().any(|mark| lower.contains(mark)) && lower.split(['-', '_', '+', '/']).all(|part| part.len() <= 8)
}

/// Whether a value is what is stored of a password so that nobody can read it: `$id$…`, `algorithm$…$…`, `{ALGORITHM}…`,
/// `algorithm:…`. Such a hash opens nothing.
fn is_hashed(text: &str) -> bool {
    const ALGORITHMS: [&str; 9] = ["scram-", "pbkdf2", "argon2", "scrypt", "bcrypt", "sha", "md5", "crypt", "ssha"];
    let named = |id: &str| {
        let id = id.to_ascii_lowercase();
        id.len() <= 20 && ALGORITHMS.iter().any(|a| id.starts_with(a))
    };
    match text.as_bytes().first() {
        // Modular crypt format: an identifier between dollar signs, and more of them behind it.
        Some(b'$') => text.get(1..).and_then(|t| t.split_once('$')).is_some_and(|(id, rest)| {
            let plain = id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            !id.is_empty() && plain && (id.split('-').any(named) || id.len() <= 3 && rest.len() >= 20)
        }),
        Some(b'{') => text.get(1..).and_then(|t| t.split_once('}')).is_some_and(|(id, _)| named(id)),
        _ => text.split_once(['$', ':']).is_some_and(|(id, rest)| named(id) && rest.len() >= 16),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_nothing_is_known() {
        let long = "x1".repeat(90);
        assert!(is_uuid("{00000000-0000-4000-8000-000000000000}") && !is_uuid("00000000"));
        for text in ["ENC[AES256_GCM,data:x]", "{cipher}0a1b", "$ANSIBLE_VAULT;1.1;AES256", "vault:v1:x", "ENC(x)"] {
            assert!(is_encrypted(text), "{text}");
        }
        assert!(is_encrypted(&format!("AgA{long}")) && !is_encrypted("AgA1x"));
        assert!(is_public_key("ssh-rsa AAAA") && is_public_key("MIIBIjANBgkqhkiG9w0"));
        for text in ["A128CBC-HS256", "aes-256-gcm", "HMAC-SHA1", "RSA-OAEP-256"] {
            assert!(is_algorithm(text), "{text}");
        }
        assert!(is_hash("sha256:0a") && is_hash("$2b$12$abcdefghijklmnopqrstuv") && !is_hash("abc"));
    }
}
