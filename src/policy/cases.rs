//! Tests that an organisation writes for its policies: facts, and what has to come of them.
//!
//! ```toml
//! [[case]]
//! name = "a key that nothing uses goes by itself"
//! action = "revoke"
//! tier = "automatic"
//! unmet = []                  # optional: ids that have to be among the unmet ones
//! base = "good"               # optional: start from facts about which nothing is wrong; else everything is unknown
//! [case.facts]
//! environment = "production"
//! ```

use serde::Deserialize;

use super::facts::Facts;
use super::lint;
use super::set::PolicySet;
use crate::model::action::{Action, Tier};
use crate::model::{nearest, unknown_key_help};

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    case: Vec<Case>,
}

/// What facts a case starts from.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Base {
    /// Nothing is known.
    #[default]
    Unknown,
    /// Nothing is wrong.
    Good,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    action: Action,
    tier: Tier,
    #[serde(default)]
    unmet: Vec<String>,
    #[serde(default)]
    base: Base,
    #[serde(default)]
    facts: toml::Table,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// Its name.
    pub name: String,
    /// What is wrong; nothing where it passed.
    pub wrong: Vec<String>,
}

impl CaseResult {
    /// Whether it came out as it says.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// Runs the cases of a file. A file that cannot be read is one result that says why.
#[must_use]
pub fn run(set: &PolicySet, text: &str) -> Vec<CaseResult> {
    let file: File = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => return vec![failed("the file", with_help(error.to_string().trim_end()))],
    };
    if file.case.is_empty() {
        return vec![failed("the file", "it has no `[[case]]`".to_owned())];
    }
    file.case.iter().map(|case| one(set, case)).collect()
}

fn one(set: &PolicySet, case: &Case) -> CaseResult {
    let facts = match facts(case) {
        Ok(facts) => facts,
        Err(message) => return failed(&case.name, message),
    };
    let decision = set.decide(case.action, &facts);
    let mut wrong = Vec::new();
    if decision.tier != case.tier {
        let stood: Vec<&str> = decision.unmet.iter().map(|unmet| unmet.id.as_str()).collect();
        let why = if stood.is_empty() { String::new() } else { format!("; unmet: {}", stood.join(", ")) };
        wrong.push(format!("the tier is {}, not {}{why}", decision.tier.as_str(), case.tier.as_str()));
    }
    for id in &case.unmet {
        if decision.unmet.iter().any(|unmet| unmet.id == *id) {
            continue;
        }
        let listing = set.listing();
        let known = listing.iter().any(|text| text.id == *id);
        let near = nearest(id, listing.iter().map(|text| text.id.as_str()).filter(|known| *known != id));
        let near = near.filter(|_| !known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        wrong.push(format!("`{id}` does not stand in the way{near}"));
    }
    wrong.extend(decision.errors);
    CaseResult { name: case.name.clone(), wrong }
}

/// The facts of a case over what it starts from.
fn facts(case: &Case) -> Result<Facts, String> {
    let mut value = match case.base {
        Base::Unknown => serde_json::Value::Object(serde_json::Map::new()),
        Base::Good => Facts::good().canonical(),
    };
    let given = serde_json::to_value(&case.facts).map_err(|error| error.to_string())?;
    for (field, value) in given.as_object().into_iter().flatten() {
        let alone = serde_json::Map::from_iter([(field.clone(), value.clone())]);
        if let Err(error) = serde_json::from_value::<Facts>(serde_json::Value::Object(alone)) {
            return Err(with_words(field, &error.to_string()));
        }
    }
    if let (Some(all), serde_json::Value::Object(given)) = (value.as_object_mut(), given) {
        all.extend(given);
    }
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// What is wrong with a fact, and which words it takes.
fn with_words(field: &str, message: &str) -> String {
    if !Facts::FIELDS.contains(&field) {
        let near = nearest(field, Facts::FIELDS.iter().copied());
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return format!("there is no fact `{field}`{near}");
    }
    let words = lint::words_of(field);
    let takes = if words.len() > 1 { words.join(", ") } else { "a number, a text, or unknown".to_owned() };
    format!("`{field}`: {message}; it takes: {takes}")
}

fn with_help(message: &str) -> String {
    unknown_key_help(message).map_or_else(|| message.to_owned(), |help| format!("{message}; {help}"))
}

fn failed(name: &str, message: String) -> CaseResult {
    CaseResult { name: name.to_owned(), wrong: vec![message] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Profile;

    fn results(text: &str) -> Vec<CaseResult> {
        run(&PolicySet::builtin(Profile::Default).unwrap(), text)
    }

    #[test]
    fn cases_pass_and_fail_with_the_reason() {
        let text = r#"
            [[case]]
            name = "nothing is known"
            action = "revoke"
            tier = "watch"
            unmet = ["guardrail.owner-unknown", "guardrail.low-confidence"]
            [[case]]
            name = "nothing is wrong"
            action = "revoke"
            tier = "automatic"
            base = "good"
            [[case]]
            name = "production that is used"
            action = "quarantine"
            tier = "automatic"
            base = "good"
            unmet = ["default.producton"]
            facts = { environment = "production", unused_confirmed = "no", decommissioned = "no", expires_in_hours = 5 }
        "#;
        let found = results(text);
        assert!(found[0].passed() && found[1].passed(), "{found:?}");
        assert_eq!(found[2].wrong[0], "the tier is quarantine, not automatic; unmet: default.production");
        assert!(found[2].wrong[1].ends_with("did you mean `default.production`?"), "{found:?}");
    }

    #[test]
    fn a_misspelt_fact_or_word_is_named() {
        let case = |facts: &str| format!("[[case]]\nname='n'\naction='close'\ntier='watch'\nfacts={{ {facts} }}");
        for (facts, says) in [
            ("envronment = 'test'", "did you mean `environment`?"),
            ("environment = 'prod'", "it takes: development, production, staging, test, unknown"),
            ("age_days = 'old'", "a number, a text, or unknown"),
        ] {
            let found = results(&case(facts));
            assert!(found[0].wrong[0].contains(says), "{facts}: {found:?}");
        }
        assert!(results("[[cse]]")[0].wrong[0].contains("did you mean `case`?"));
        assert!(!results("")[0].passed());
    }
}
