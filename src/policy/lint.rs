//! What an organisation's own policies probably do not mean: a fact that is missing raises a tier, or a lower tier is
//! refused where a higher one is allowed.
//!
//! Nothing here is a proof. Facts about which nothing is wrong are changed at random, with the numbers that the policies
//! name among the values, and each fact that they read is forgotten in turn.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::error::Warning;
use super::facts::Facts;
use super::parse::{Origin, PolicyText};
use super::set::{PolicySet, leaf};
use crate::model::action::{Action, Tier};
use crate::model::decision::Decision;
use crate::model::nearest;

/// How many facts are tried for each act.
const CASES: usize = 64;

/// Warnings about the organisation's own policies.
pub(super) fn own(set: &PolicySet) -> Vec<Warning> {
    let texts = set.listing();
    let own: Vec<&PolicyText> = texts.iter().filter(|text| matches!(text.origin, Origin::Own(_))).collect();
    let mut warnings: Vec<Warning> = own
        .iter()
        .filter(|text| text.id.starts_with("default."))
        .map(|text| warning(text, "it stands in the place of the default set's policy of that id".to_owned()))
        .collect();
    let read: Vec<&str> =
        Facts::FIELDS.iter().copied().filter(|field| own.iter().any(|text| reads(text, field))).collect();
    if own.is_empty() {
        return warnings;
    }
    let mut tries = Tries::new(&own);
    for action in Action::ALL {
        if !own.iter().any(|text| set.covers(action, &text.id)) {
            continue;
        }
        for _ in 0..CASES {
            let facts = tries.facts(&read);
            let before = set.decide(action, &facts);
            warnings.extend(missing_raises(set, &own, &before, &facts, &read));
            warnings.extend(lower_is_refused(set, &own, &before, &facts));
        }
    }
    warnings
}

/// Where forgetting a fact raises the tier: the policies that no longer stand in the way, or that now allow it.
fn missing_raises(
    set: &PolicySet,
    own: &[&PolicyText],
    before: &Decision,
    facts: &Facts,
    read: &[&str],
) -> Vec<Warning> {
    let action = before.action;
    let mut warnings = Vec::new();
    for field in read {
        let mut less = facts.clone();
        less.forget(field);
        if less == *facts {
            continue;
        }
        let after = set.decide(action, &less);
        if after.tier <= before.tier {
            continue;
        }
        let blamed = own.iter().filter(|text| {
            reads(text, field)
                && (before.unmet.iter().any(|unmet| unmet.id == text.id) || after.determining.contains(&text.id))
        });
        warnings.extend(blamed.map(|text| {
            let message = format!(
                "`{}` goes from {} to {} when `{field}` is not known; write what has to be known to be so: `forbid … unless {{ … }}`",
                action.as_str(),
                before.tier.as_str(),
                after.tier.as_str()
            );
            warning(text, message)
        }));
    }
    warnings
}

/// Where a tier is allowed and a lower one is not: somebody forbade the lower one alone, and that holds nothing back.
fn lower_is_refused(set: &PolicySet, own: &[&PolicyText], before: &Decision, facts: &Facts) -> Vec<Warning> {
    let (action, tier) = (before.action, before.tier);
    let lower = Tier::ASKED.into_iter().filter(|lower| *lower < tier);
    let refusing = lower.flat_map(|lower| set.forbidding(action, lower, facts).into_iter().map(move |id| (lower, id)));
    let named = refusing.filter_map(|(lower, id)| own.iter().find(|text| text.id == id).map(|text| (lower, *text)));
    named
        .map(|(lower, text)| {
            let message = format!(
                "it forbids `{}` and not the tier above, which is then allowed; forbid `Action::\"{}\"` or `Action::\"change:unattended\"`",
                leaf(action, lower),
                action.as_str()
            );
            warning(text, message)
        })
        .collect()
}

fn warning(text: &PolicyText, message: String) -> Warning {
    let file = match &text.origin {
        Origin::Own(name) => name.clone(),
        _ => String::new(),
    };
    Warning { file, policy: text.id.clone(), message }
}

/// Whether a policy names a fact.
fn reads(text: &PolicyText, field: &str) -> bool {
    text.text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == field)
}

/// What a misspelt name in a message of the validator is near to.
pub(super) fn help(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    quoted.find_map(|quoted| {
        let word = quoted.rsplit(['.', ':']).next()?.trim_matches('"');
        let known = Facts::FIELDS.iter().copied().chain(words_of_the_schema());
        nearest(word, known.filter(|known| *known != word)).map(|near| format!("did you mean `{near}`?"))
    })
}

/// Every text in quotation marks of the schema: words and actions.
fn words_of_the_schema() -> impl Iterator<Item = &'static str> {
    PolicySet::schema_text().split('"').skip(1).step_by(2)
}

/// The words that a fact takes; none for numbers and texts.
pub(super) fn words_of(field: &str) -> Vec<&'static str> {
    let mut words: Vec<&str> =
        words_of_the_schema().filter(|word| takes(field, &json!(word)) || takes(field, &json!([word]))).collect();
    let all = words_of_the_schema().collect::<BTreeSet<_>>().len();
    words.sort_unstable();
    words.dedup();
    if words.len() == all { Vec::new() } else { words }
}

/// Whether a fact may have a value.
fn takes(field: &str, value: &Value) -> bool {
    let map = serde_json::Map::from_iter([(field.to_owned(), value.clone())]);
    serde_json::from_value::<Facts>(Value::Object(map)).is_ok()
}

/// Facts to try: good ones, a few of them changed.
struct Tries {
    state: u64,
    numbers: Vec<i64>,
    texts: Vec<String>,
}

impl Tries {
    fn new(own: &[&PolicyText]) -> Self {
        let mut numbers = BTreeSet::from([-1, 0, 1, 7, 31, 400]);
        let mut texts = BTreeSet::from(["something".to_owned()]);
        for text in own {
            for word in text.text.split(|c: char| !c.is_ascii_digit()) {
                let Ok(number) = word.parse::<i64>() else { continue };
                numbers.extend([number.saturating_sub(1), number, number.saturating_add(1)]);
            }
            texts.extend(text.text.split('"').skip(1).step_by(2).map(str::to_owned));
        }
        Self {
            state: 0x7175_656c_6c00_0001,
            numbers: numbers.into_iter().collect(),
            texts: texts.into_iter().collect(),
        }
    }

    /// SplitMix64: the same facts every time, so that a file has the same warnings every time.
    fn below(&mut self, n: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % (n.max(1) as u64)).unwrap_or(0)
    }

    /// Good facts of which up to three are changed, mostly such as the policies read.
    fn facts(&mut self, read: &[&str]) -> Facts {
        let mut value = Facts::good().canonical();
        for _ in 0..self.below(4) {
            let any = self.below(4) == 0;
            let fields = if any { Facts::FIELDS } else { read };
            let Some(field) = fields.get(self.below(fields.len())).copied() else { continue };
            let candidates = self.candidates(field);
            let Some(choice) = candidates.get(self.below(candidates.len())).cloned() else { continue };
            if let Some(map) = value.as_object_mut() {
                map.insert(field.to_owned(), choice);
            }
        }
        serde_json::from_value(value).unwrap_or_default()
    }

    /// What a fact may be: every word that its type takes, or numbers and texts near those that the policies name.
    fn candidates(&self, field: &str) -> Vec<Value> {
        let numbers = self.numbers.iter().map(|number| json!(number));
        let texts = self.texts.iter().map(|text| json!(text));
        let words = words_of_the_schema().map(|word| json!(word));
        let sets = words_of_the_schema().map(|word| json!([word])).chain([json!([])]);
        numbers.chain(texts).chain(words).chain(sets).filter(|value| takes(field, value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::{PolicySet, Profile, Warning};

    /// The warnings about one policy: `forbid` or `permit`, its scope, and its conditions.
    fn warnings(effect: &str, scope: &str, conditions: &str) -> Vec<Warning> {
        let text = format!("@id(\"own\")\n@title(\"own\")\n{effect} (principal, {scope}, resource)\n{conditions};\n");
        PolicySet::load(Profile::Default, &[("own.cedar".to_owned(), text)]).unwrap_or_else(|e| panic!("{e}")).1
    }

    #[test]
    fn a_policy_that_a_missing_fact_slips_past_is_warned_about() {
        let revoke = "action in Action::\"revoke\"";
        for (fact, conditions) in [
            ("environment", "when { resource.environment == Environment::\"staging\" }"),
            ("age_days", "when { resource.age_days.known && resource.age_days.value > 90 }"),
            ("provider", "when { resource.provider.value == \"acme\" }"),
            (
                "hot_reload",
                "unless { resource.hot_reload == Answer::\"unknown\" || resource.hot_reload == Answer::\"yes\" }",
            ),
            ("rule", "unless { !resource.rule.known }"),
        ] {
            let found = warnings("forbid", revoke, conditions);
            assert!(found.iter().any(|w| w.message.contains(&format!("`{fact}`"))), "{fact}: {found:?}");
            assert_eq!(found.iter().map(|w| w.file.as_str()).next(), Some("own.cedar"));
        }
    }

    #[test]
    fn a_policy_that_says_what_has_to_be_so_is_not_warned_about() {
        let all = "action in Action::\"change:unattended\"";
        for conditions in [
            "unless { resource.environment == Environment::\"test\" }",
            "unless { resource.age_days.known && resource.age_days.value < 90 }",
            "unless { resource.provider.known && resource.provider.value == \"acme\" }",
            "when { resource.hot_reload != Answer::\"yes\" }",
        ] {
            assert_eq!(warnings("forbid", all, conditions), [], "{conditions}");
        }
    }

    #[test]
    fn a_lower_tier_that_is_forbidden_alone_is_warned_about() {
        let found = warnings(
            "forbid",
            "action == Action::\"revoke:approval\"",
            "when { resource.privileged == Answer::\"no\" }",
        );
        assert!(found.iter().any(|w| w.message.contains("the tier above")), "{found:?}");
        let found = warnings("forbid", "action == Action::\"notify:approval\"", "");
        assert!(found.iter().any(|w| w.message.contains("the tier above")), "{found:?}");
    }

    #[test]
    fn the_words_of_a_fact_are_those_of_its_list() {
        assert_eq!(super::words_of("environment"), ["development", "production", "staging", "test", "unknown"]);
        assert!(super::words_of("age_days").len() <= 1 && super::words_of("purpose").is_empty());
    }
}
