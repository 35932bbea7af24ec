//! Settings that a program reads and fills in from the environment.

use std::sync::Arc;

use super::{Asked, add, is_word, scripts};
use crate::model::Confidence;
use crate::model::usage::{Context, Store, System, Use};

/// How a variable is named in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settings {
    /// `${NAME}`, `${NAME:default}`: settings of `npm` and of Spring.
    Filled,
    /// `<%= ENV["NAME"] %>`: settings of Rails.
    Ruby,
    /// Scripts of `package.json`.
    Scripts,
}

/// The largest `package.json` that is looked at, in bytes.
const LARGEST: usize = 1 << 20;
/// The longest name.
const LONGEST: usize = 256;

/// Finds the references of a file, or of a part of it.
pub(super) fn references(form: Settings, text: &[u8], base: usize, out: &mut Vec<Use>) {
    match form {
        Settings::Filled => filled(text, base, out),
        Settings::Ruby => super::references("settings.erb", text, base, out),
        Settings::Scripts => of_package(text, base, out),
    }
}

fn filled(text: &[u8], base: usize, out: &mut Vec<Use>) {
    let context = Arc::new(Context::default());
    for at in memchr::memmem::find_iter(text, b"${") {
        let rest = text.get(at + 2..text.len().min(at + LONGEST)).unwrap_or_default();
        let length = rest.iter().take_while(|b| is_word(**b)).count();
        let name = rest.get(..length).unwrap_or_default();
        // In small letters it is another setting.
        let is_variable = name.first().is_some_and(u8::is_ascii_uppercase) && !name.iter().any(u8::is_ascii_lowercase);
        let before = text.get(at.saturating_sub(LONGEST)..at).unwrap_or_default();
        let line = before.rsplit(|b| *b == b'\n').next().unwrap_or_default().trim_ascii_start();
        let is_comment = line.starts_with(b"#") || line.starts_with(b";") || line.starts_with(b"!");
        if is_variable && !is_comment && matches!(rest.get(length), Some(b'}' | b':' | b'-' | b'?')) {
            let name = at + 2..at + 2 + length;
            let asked = Asked { name, store: Store::Environment, confidence: Confidence::High };
            add(out, System::Code, text, base, asked, Arc::clone(&context));
        }
    }
}

/// The scripts of a `package.json`, each on its own.
fn of_package(text: &[u8], base: usize, out: &mut Vec<Use>) {
    let Some(start) = memchr::memmem::find(text, b"\"scripts\"").filter(|_| text.len() <= LARGEST) else { return };
    let open = start + memchr::memchr(b'{', text.get(start..).unwrap_or_default()).unwrap_or(text.len());
    let mut is_key = true;
    let mut at = open + 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'}' => return,
            b':' => is_key = false,
            b',' => is_key = true,
            b'"' => {
                let script = at + 1..end_of(text, at + 1);
                at = script.end;
                if !is_key {
                    let place = base.saturating_add(script.start);
                    script_of(text.get(script).unwrap_or_default(), place, out);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

fn script_of(script: &[u8], base: usize, out: &mut Vec<Use>) {
    if !script.contains(&b'\\') {
        scripts::references(script, base, out);
    } else if memchr::memchr(b'$', script).is_some() {
        // The signs before quotes are of JSON and not of the shell; as many bytes stay.
        let mut plain = script.to_vec();
        for at in memchr::memmem::find_iter(script, b"\\\"") {
            if let Some(byte) = plain.get_mut(at) {
                *byte = b' ';
            }
        }
        scripts::references(&plain, base, out);
    }
    if memchr::memmem::find(script, b"process.env").is_some() {
        // Code of `node -e` is a text of the shell.
        super::references("script.vue", script, base, out);
    }
}

/// Where a text of JSON ends.
fn end_of(text: &[u8], mut at: usize) -> usize {
    loop {
        match memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
            Some(found) if text.get(at + found) == Some(&b'\\') => at += found + 2,
            Some(found) => return at + found,
            None => return text.len(),
        }
    }
}
