//! The public key that belongs to a private one, as SSH sends it (RFC 4253, section 6.6; RFC 5656; RFC 8709).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use super::super::ber::Reader;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;

/// Object identifiers, encoded.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const CURVES: &[(&[u8], &str)] = &[
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07], "nistp256"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x22], "nistp384"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x23], "nistp521"),
];

/// A public key, with the name of the signatures that it is asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Public {
    pub(super) algorithm: String,
    pub(super) blob: Vec<u8>,
}

/// A length and what it is of.
pub(super) fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes(), bytes].concat()
}

/// Splits such a value off.
pub(super) fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Of a private key, or of a line with a public one. None where it is encrypted, or of a kind that SSH has not.
pub(super) fn public(text: &str) -> Option<Public> {
    if text.starts_with("ssh-") {
        return of_blob(STANDARD.decode(text.split_whitespace().nth(1)?).ok()?);
    }
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let body = rest.split("-----").next()?.replace("\\r", "").replace("\\n", "");
    let kept: Vec<u8> = body.bytes().filter(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b)).collect();
    let bytes = Zeroizing::new(STANDARD.decode(Zeroizing::new(kept)).ok()?);
    match label {
        "OPENSSH PRIVATE KEY" => of_openssh(&bytes),
        "RSA PRIVATE KEY" => of_rsa(&bytes),
        "EC PRIVATE KEY" => of_ec(&bytes, None),
        "PRIVATE KEY" => of_pkcs8(&bytes),
        _ => None,
    }
}

/// The public half stands in the clear, whether the private one is encrypted or not.
fn of_openssh(bytes: &[u8]) -> Option<Public> {
    let rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    let (_cipher, rest) = split(rest)?;
    let (_derivation, rest) = split(rest)?;
    let (_options, rest) = split(rest)?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let (blob, _) = split(rest)?;
    (*count == [0, 0, 0, 1]).then(|| of_blob(blob.to_vec()))?
}

fn of_blob(blob: Vec<u8>) -> Option<Public> {
    let (kind, _) = split(&blob)?;
    let kind = std::str::from_utf8(kind).ok()?;
    let algorithm = match kind {
        // SHA-1, which the kind's own name stands for, is refused everywhere.
        "ssh-rsa" => "rsa-sha2-512",
        "ssh-ed25519" | "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521" => kind,
        _ => return None,
    };
    Some(Public { algorithm: algorithm.to_owned(), blob })
}

/// PKCS #1: numbers are written there as SSH writes them.
fn of_rsa(bytes: &[u8]) -> Option<Public> {
    let mut fields = Reader(Reader(bytes).tagged(SEQUENCE)?);
    let (_version, n, e) = (fields.tagged(INTEGER)?, fields.tagged(INTEGER)?, fields.tagged(INTEGER)?);
    of_blob([string(b"ssh-rsa"), string(e), string(n)].concat())
}

/// SEC 1. The curve stands in it, or beside it in PKCS #8; the public point does not have to.
fn of_ec(bytes: &[u8], curve: Option<&[u8]>) -> Option<Public> {
    let mut fields = Reader(Reader(bytes).tagged(SEQUENCE)?);
    let (_version, _private) = (fields.tagged(INTEGER)?, fields.tagged(OCTETS)?);
    let own = fields.tagged(0xa0).and_then(|own| Reader(own).tagged(OBJECT));
    let curve = own.or(curve)?;
    let name = CURVES.iter().find(|(id, _)| *id == curve).map(|(_, name)| *name)?;
    let point = Reader(fields.tagged(0xa1)?).tagged(0x03)?.strip_prefix(&[0])?;
    of_blob([string(format!("ecdsa-sha2-{name}").as_bytes()), string(name.as_bytes()), string(point)].concat())
}

fn of_pkcs8(bytes: &[u8]) -> Option<Public> {
    let mut fields = Reader(Reader(bytes).tagged(SEQUENCE)?);
    let _version = fields.tagged(INTEGER)?;
    let mut kind = Reader(fields.tagged(SEQUENCE)?);
    let inner = fields.tagged(OCTETS)?;
    match kind.tagged(OBJECT)? {
        RSA => of_rsa(inner),
        EC => of_ec(inner, kind.tagged(OBJECT)),
        ED25519 => {
            let pair = Ed25519KeyPair::from_seed_unchecked(Reader(inner).tagged(OCTETS)?).ok()?;
            of_blob([string(b"ssh-ed25519"), string(pair.public_key().as_ref())].concat())
        }
        _ => None,
    }
}
