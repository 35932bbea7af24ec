//! The index of the pages: every provider with its rules, and how rules are left out.

use crate::model::counted;
use crate::report::{markdown, markdown_url};
use crate::rules::{Provider, Rule, RuleSet};

const LEAVING_OUT: &str = "## Leaving out

`quell scan --exclude RULE` leaves a rule out, `--exclude PROVIDER` all of a provider's, and `exclude` under `[scan]` in your
configuration does so every time (`quell init` writes a template). `--only` looks for nothing else.

A single finding is suppressed by its fingerprint, which every report has, in a `.quell.toml` of the tree:

```toml
[[suppress]]
fingerprint = \"q1-open-…\"
author = \"who decided it\"
reason = \"revoked on 2026-01-31, kept for the regression test\"
expires = 2027-01-31
```

";

/// The text of the index.
pub(super) fn index(set: &RuleSet) -> String {
    let mut providers: Vec<(&Provider, Vec<&Rule>)> = set
        .providers
        .iter()
        .zip(0u16..)
        .map(|(p, i)| (p, set.rules.iter().filter(|r| r.provider == i).collect()))
        .filter(|(_, rules): &(_, Vec<_>)| !rules.is_empty())
        .collect();
    providers.sort_by_key(|(p, _)| (p.name.to_lowercase(), p.id.to_string()));
    let rules = counted(set.rules.len() as u64, "rule", "rules");
    let count = counted(providers.len() as u64, "provider", "providers");
    let mut out = format!(
        "# Rules\n\n{rules} of {count}. [The rule format](rule-format.md) says how they are written; \
         `quell rules show RULE` shows one.\n\n{LEAVING_OUT}## Providers\n\n\
         | provider | rule | severity | confidence | shape |\n|---|---|---|---|---|\n"
    );
    for (provider, rules) in &providers {
        let mut name = format!("[{}]({})", markdown(&provider.name), markdown_url(&provider.docs));
        for rule in rules {
            let link = format!("[{}](rules/{}.md)", markdown(&rule.name), rule.id);
            let (severity, confidence) = (rule.severity.as_str(), rule.confidence.as_str());
            out += &format!("| {name} | {link} | {severity} | {confidence} | {} |\n", rule.shape.as_str());
            name.clear();
        }
    }
    out
}
