//! Pipelines of Jenkins, declarative and scripted: which credentials they bind, and what their steps do with them.
//! Source of the format: <https://www.jenkins.io/doc/book/pipeline/syntax/> and
//! <https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#handling-credentials>.
//!
//! `tokens` and `strings` read Groovy, `code` knows calls and blocks, `walk` goes through a pipeline, `binds` and `steps` know
//! the steps. Code is not run: what a function of the pipeline or of a library does with a value is not followed.

mod binds;
mod code;
mod names;
mod steps;
mod strings;
#[cfg(test)]
mod tests;
mod tokens;
mod walk;

use self::code::Code;
use self::walk::Walk;
use super::notes::Notes;
use super::yaml::LARGEST;
use super::{File, Reader};
use crate::model::GapKind;
use crate::model::usage::{System, Unread, Uses};

/// The reader of Jenkins.
pub const READER: Reader = Reader { system: System::Jenkins, is_own, read };

/// Endings of files that are about a pipeline, and are none.
const OTHERS: &[&str] = &[
    "md", "txt", "html", "adoc", "rst", "png", "svg", "yaml", "yml", "json", "java", "py", "xml", "bak", "sh", "js",
    "ts", "css",
];

fn is_own(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    if name.starts_with("jenkinsfile") || name.ends_with("jenkinsfile") || ending == "jenkins" {
        return !OTHERS.contains(&ending);
    }
    ending == "groovy" && folder.split('/').any(|part| matches!(part, "vars" | "jenkins" | ".jenkins"))
}

fn read(file: File<'_>) -> Uses {
    let mut notes = Notes::new(System::Jenkins);
    let text = match std::str::from_utf8(file.text) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            let why = "it is not UTF-8 from here on: what stands before was read".to_owned();
            notes.unread([Unread { at, kind: Some(GapKind::Corrupt), why }]);
            file.text.get(..at).and_then(|good| std::str::from_utf8(good).ok()).unwrap_or_default()
        }
    };
    if text.len() > LARGEST {
        let why = format!("it has more than {LARGEST} bytes: who uses what in it is not known");
        notes.unread([Unread { at: 0, kind: Some(GapKind::OverBudget), why }]);
        return notes.done();
    }
    let code = Code::read(text);
    if is_pipeline(&code) {
        return Walk::new(code, notes).run();
    }
    if !file.path.to_ascii_lowercase().ends_with(".groovy") {
        let why = "it has the name of a pipeline of Jenkins, and is none".to_owned();
        notes.unread([Unread { at: 0, kind: None, why }]);
    }
    notes.done()
}

/// Whether code has anything of a pipeline.
fn is_pipeline(code: &Code<'_>) -> bool {
    (0..code.tokens.len()).any(|at| match code.word(at) {
        Some("pipeline" | "node") => code.block(at).is_some(),
        Some("stage" | "sh" | "bat" | "powershell" | "pwsh" | "withCredentials") => code.arguments(at).is_some(),
        Some("Library" | "library" | "credentialsId" | "buildPlugin") => true,
        _ => false,
    })
}
