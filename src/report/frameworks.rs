//! Which controls of which frameworks quell carries out (requirement 80). The mapping is data, `frameworks.toml` beside this file, so
//! that it can be read, compared and handed over without the program.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// A framework.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// The word that stands before the ids of its controls, as `CSF` in `CSF:RS.MI-01`.
    pub key: String,
    /// What it is called.
    pub name: String,
    /// The edition whose ids and titles these are.
    pub version: String,
    /// Where its own text is.
    pub source: String,
}

/// A control of a framework, and what quell does for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The framework, by its key.
    pub framework: String,
    /// The framework's own id, as `RS.MI-01`.
    pub id: String,
    /// The framework's own title or statement.
    pub title: String,
    /// What quell does for it.
    pub quell: String,
    /// Numbers of quell's requirements that it comes from.
    pub requirements: Vec<u32>,
}

impl Control {
    /// The id as policies name it: `CSF:RS.MI-01`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}", self.framework, self.id)
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    framework: Vec<Framework>,
    control: Vec<Control>,
}

/// The file is compiled in; a test reads it, so that it is never left empty by a mistake in it.
static FILE: LazyLock<File> = LazyLock::new(|| toml::from_str(include_str!("frameworks.toml")).unwrap_or_default());

/// Every framework, in the order in which they are shown.
#[must_use]
pub fn frameworks() -> &'static [Framework] {
    &FILE.framework
}

/// Every control, framework by framework.
#[must_use]
pub fn controls() -> &'static [Control] {
    &FILE.control
}

/// The control of an id, with its framework before it (`CSF:RS.MI-01`), as policies name it, or without it (`NHI2`), as rules do.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Control> {
    match id.split_once(':') {
        Some((framework, own)) => controls().iter().find(|c| c.framework == framework && c.id == own),
        None => controls().iter().find(|c| c.id == id),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Every id that the policies and rules of this repository name.
    fn named() -> BTreeSet<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files = |folder: &str| fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let mut ids = BTreeSet::new();
        for path in files("policies").filter(|path| path.extension().is_some_and(|e| e == "cedar")) {
            let text = fs::read_to_string(path).unwrap();
            for part in text.split("@control(\"").skip(1) {
                ids.extend(part.split('"').next().unwrap().split_whitespace().map(str::to_owned));
            }
        }
        for path in files("rules").filter(|path| path.extension().is_some_and(|e| e == "toml")) {
            for line in fs::read_to_string(path).unwrap().lines().filter(|line| line.starts_with("controls = ")) {
                ids.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
            }
        }
        ids
    }

    #[test]
    fn every_control_that_a_policy_or_a_rule_names_is_known() {
        toml::from_str::<File>(include_str!("frameworks.toml")).unwrap();
        let named = named();
        assert!(named.len() >= 10, "{named:?}");
        let unknown: Vec<&String> = named.iter().filter(|id| by_id(id).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn ids_are_those_of_the_current_editions() {
        let mut seen = BTreeSet::new();
        for control in controls() {
            assert!(seen.insert(control.name()), "{} stands there twice", control.name());
            assert!(frameworks().iter().any(|f| f.key == control.framework), "{control:?}");
            assert!(!control.title.is_empty() && !control.quell.is_empty() && !control.requirements.is_empty());
            assert!(control.requirements.iter().all(|n| (1..=81).contains(n)), "{control:?}");
            match control.framework.as_str() {
                "CSF" => {
                    // CSF 1.1 wrote one digit (`PR.AC-4`) where 2.0 writes two, and had categories that 2.0 withdrew.
                    let (category, number) = control.id.split_once('-').unwrap();
                    assert!(number.len() == 2 && number.bytes().all(|b| b.is_ascii_digit()), "{}", control.id);
                    let withdrawn = [
                        "PR.AC", "PR.IP", "PR.MA", "PR.PT", "DE.DP", "RS.RP", "RS.IM", "RC.IM", "ID.BE", "ID.GV",
                        "ID.RM", "ID.SC",
                    ];
                    assert!(!withdrawn.contains(&category), "{}", control.id);
                    let withdrawn = [
                        "RS.AN-01", "RS.AN-02", "RS.AN-04", "RS.AN-05", "RS.MI-03", "DE.CM-04", "DE.CM-05", "DE.CM-07",
                        "DE.CM-08",
                    ];
                    assert!(!withdrawn.contains(&control.id.as_str()), "{}", control.id);
                }
                "OWASP" => assert!(control.id.starts_with("NHI"), "{}", control.id),
                _ => assert!(control.id.split_once(' ').is_some(), "{}", control.id),
            }
        }
        for wrong in ["CSF:PR.AC-4", "CSF:RS.AN-1", "PR.AC-4", "OWASP:RS.MI-01", "NHI11", ""] {
            assert_eq!(by_id(wrong), None, "{wrong}");
        }
        assert_eq!(by_id("CSF:RS.MI-01").map(|c| c.title.as_str()), Some("Incidents are contained"));
        assert_eq!(by_id("NHI2"), by_id("OWASP:NHI2"));
    }
}
