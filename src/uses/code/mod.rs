//! Code: which variables of the environment and which secrets of a manager it asks for by name.
//!
//! Every file of a repository comes by here, so that it must cost next to nothing: the words that such calls begin with are looked for
//! in one pass, and what stands around each of them is checked by hand. `languages` has the words of each language, `forms`,
//! `special` and `libraries` read what follows them, `managers` knows the calls of secret managers, `indirect` names that stand elsewhere in the file.
//! `place` says whether it is code at all, as far as the `grammar` of the language does, and `symbols` which function it is in.
//! `scripts` reads shells, `make` what it is named after, and `settings` files of settings.

mod batch;
mod forms;
mod grammar;
mod indirect;
mod languages;
mod libraries;
mod make;
mod managers;
mod place;
mod reading;
mod scripts;
mod settings;
mod special;
mod symbols;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use crate::model::usage::{Context, Span, Store, System, Use};
use crate::model::{Confidence, Untrusted};
use indirect::Indirect;
use languages::{Kind, kind_of};
use place::{Mixed, Place, Places};
use symbols::Symbols;

/// Whether a path is one of code.
#[must_use]
pub fn is_code(path: &str) -> bool {
    kind_of(path).is_some()
}

/// Finds the references of a file, or of a part of it that begins at `base`, in no order.
pub fn references(path: &str, text: &[u8], base: usize, out: &mut Vec<Use>) {
    let Some(kind) = kind_of(path) else { return };
    match kind {
        Kind::Shell => scripts::references(text, base, out),
        Kind::Unnamed if scripts::is_script(text) => scripts::references(text, base, out),
        Kind::Unnamed => {}
        Kind::Batch => batch::references(text, base, out),
        Kind::Make => make::references(text, base, out),
        Kind::Settings(form) => settings::references(form, text, base, out),
        Kind::Code(number) => {
            let Some(language) = languages::language(number) else { return };
            let mut site = Site::of(path, text, base, language, out);
            language.find(text, |form, start, end| forms::read(&mut site, form, start, end));
        }
    }
}

/// A file in which a call is looked at.
struct Site<'t, 'o> {
    text: &'t [u8],
    base: usize,
    language: &'static languages::Language,
    symbols: Symbols<'t>,
    places: Places<'t>,
    path: &'t str,
    /// The word that is looked at, and what it is in, once that was asked.
    word: usize,
    place: Option<Place>,
    /// Names that other names stand for.
    known: Indirect,
    /// Whether the file imports `environ`, once that was asked.
    imports: Option<bool>,
    /// Whether it names the library that `config` is of, once that was asked.
    decouples: Option<bool>,
    out: &'o mut Vec<Use>,
}

impl<'t, 'o> Site<'t, 'o> {
    fn of(
        path: &'t str,
        text: &'t [u8],
        base: usize,
        language: &'static languages::Language,
        out: &'o mut Vec<Use>,
    ) -> Self {
        Self {
            text,
            base,
            language,
            symbols: Symbols::of(text, language.is_flat()),
            places: Places::of(text, language.syntax()),
            path,
            word: 0,
            place: None,
            known: Indirect::of(text),
            imports: None,
            decouples: None,
            out,
        }
    }

    /// Writes down a reference to a name that stands at these bytes. `quoted` is one of which the word stands in a text.
    fn uses(&mut self, name: Range<usize>, store: Store, confidence: Confidence, quoted: bool) {
        if self.language.is_comment(self.text, name.start) {
            return;
        }
        let confidence = match self.place() {
            Place::Code => confidence,
            Place::Text if quoted => confidence,
            Place::Text if Mixed::of(self.path) == Mixed::Page => confidence.min(Confidence::Medium),
            // A part of a file may begin in the middle of anything.
            Place::Comment | Place::Text if self.base == 0 => return,
            Place::Comment | Place::Text | Place::Unsure => Confidence::Low,
        };
        let context = self.symbols.at(self.text, name.start);
        add(self.out, System::Code, self.text, self.base, Asked { name, store, confidence }, context);
    }

    /// What the word is in.
    fn place(&mut self) -> Place {
        let place = self.place.unwrap_or_else(|| match Mixed::of(self.path) {
            Mixed::Notebook => place::of_notebook(self.text, self.word),
            Mixed::Templates => Place::Code,
            Mixed::Nothing | Mixed::Page => self.places.at(self.word),
        });
        *self.place.insert(place)
    }

    /// Whether the file has a word anywhere.
    fn mentions(&self, word: &str) -> bool {
        self.known.may(self.text) && memchr::memmem::find(self.text, word.as_bytes()).is_some()
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }
}

/// A name that a file asks for.
struct Asked {
    /// The bytes of the part that is read.
    name: Range<usize>,
    store: Store,
    confidence: Confidence,
}

/// Writes down a reference in a part of a file that begins at `base`.
fn add(out: &mut Vec<Use>, system: System, text: &[u8], base: usize, asked: Asked, context: Arc<Context>) {
    let Asked { name, store, confidence } = asked;
    let span = Span { start: base.saturating_add(name.start), end: base.saturating_add(name.end) };
    let name = Untrusted::new(text.get(name).unwrap_or_default());
    out.push(Use { name, store, variable: None, system, span, context, confidence });
}

/// Whether a byte may stand in a name of most languages.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
