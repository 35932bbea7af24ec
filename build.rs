//! Validates every rule file and writes the embedded rule set as constants, so that nothing is parsed at start.
//!
//! The rule code is the library's own, taken in by path: what the build accepts and what `--rules DIR` accepts
//! cannot differ.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    unused_imports,
    clippy::all,
    reason = "a build script, with half of the library's modules in it"
)]

#[path = "build/emit.rs"]
mod emit;

#[path = "src/model"]
mod model {
    mod level;
    mod suggest;
    mod told;
    pub use level::{Confidence, Severity};
    pub use suggest::{nearest, unknown_key_help};
    pub use told::system_words;
}

#[path = "src/rules"]
mod rules {
    pub mod anchors;
    pub mod checksum;
    pub mod classes;
    pub mod compile;
    pub mod error;
    pub mod grams;
    pub mod lint;
    pub mod load;
    pub mod rates;
    pub mod recipe;
    pub mod recipe_lint;
    pub mod schema;
    pub mod shape;
    pub mod steps;
    pub mod template;
    pub mod texts;
}

fn main() {
    for watched in ["rules", "src/rules", "src/model", "build"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let set = rules::load::read_dir(std::path::Path::new("rules")).and_then(|sources| rules::load::load(&sources));
    match set {
        Ok(set) => {
            let out = std::env::var("OUT_DIR").unwrap_or_default();
            if let Err(error) = std::fs::write(format!("{out}/ruleset.rs"), emit::source(&set)) {
                println!("cargo::error=the rule tables cannot be written: {error}");
            }
        }
        Err(errors) => {
            for error in errors {
                println!("cargo::error={}", error.to_string().replace('\n', " "));
            }
        }
    }
}
