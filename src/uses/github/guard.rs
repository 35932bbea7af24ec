//! Whether an `if` keeps strangers out: it is worked out for an event that a stranger starts, with what is known of such an event.
//! Source of the contexts: <https://docs.github.com/en/actions/reference/workflows-and-actions/contexts>.

use super::expression::{Access, Expression};

/// What an expression gives, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Unknown,
    Truth(bool),
    Text(String),
}

impl Value {
    fn truth(&self) -> Option<bool> {
        match self {
            Self::Unknown => None,
            Self::Truth(truth) => Some(*truth),
            Self::Text(text) => Some(!text.is_empty()),
        }
    }
}

/// Names that are certain to differ.
const STRANGER: &str = "\u{0}stranger";
const OWNER: &str = "\u{0}owner";

/// What is known where a stranger starts an event.
const KNOWN: &[(&[&str], &str)] = &[
    (&["github", "repository"], OWNER),
    (&["github", "repository_owner"], OWNER),
    (&["github", "event", "repository", "full_name"], OWNER),
    (&["github", "event", "repository", "owner", "login"], OWNER),
    (&["github", "event", "pull_request", "base", "repo", "full_name"], OWNER),
    (&["github", "event", "pull_request", "head", "repo", "full_name"], STRANGER),
    (&["github", "event", "pull_request", "head", "repo", "owner", "login"], STRANGER),
    (&["github", "event", "pull_request", "head", "user", "login"], STRANGER),
    (&["github", "event", "pull_request", "user", "login"], STRANGER),
    (&["github", "event", "pull_request", "author_association"], "NONE"),
    (&["github", "event", "comment", "author_association"], "NONE"),
    (&["github", "event", "review", "author_association"], "NONE"),
    (&["github", "event", "issue", "author_association"], "NONE"),
    (&["github", "event", "comment", "user", "login"], STRANGER),
    (&["github", "event", "sender", "login"], STRANGER),
    (&["github", "event", "workflow_run", "head_repository", "full_name"], STRANGER),
    (&["github", "event", "workflow_run", "head_repository", "owner", "login"], STRANGER),
    (&["github", "event", "workflow_run", "event"], "pull_request"),
];

/// Whether what an `if` says is false whenever a stranger starts this event.
pub(super) fn is_closed(condition: &[Expression], event: &str) -> bool {
    matches!(condition, [one] if value(one, event).truth() == Some(false))
}

/// Whether it asks for what only those who may write give, or what is hard to come by: a label, an actor, an answer of a job before.
pub(super) fn is_narrow(condition: &[Expression]) -> bool {
    let narrow = |access: &Access| {
        let named = access.path.iter().any(|part| {
            ["labels", "label", "actor", "triggering_actor", "sender", "login"].iter().any(|name| part.is(name))
        });
        named || access.begins_with(&["needs"]) || access.begins_with(&["steps"])
    };
    condition.iter().flat_map(Expression::found).any(|found| narrow(found.access))
}

/// Whether it runs even if a job before was skipped.
pub(super) fn is_stubborn(condition: &[Expression]) -> bool {
    fn asks(expression: &Expression) -> bool {
        match expression {
            Expression::Call(name, arguments) => {
                matches!(name.as_str(), "always" | "failure" | "cancelled") || arguments.iter().any(asks)
            }
            Expression::Not(inner) => asks(inner),
            Expression::All(parts)
            | Expression::Either(parts)
            | Expression::Equal(parts, _)
            | Expression::Order(parts) => parts.iter().any(asks),
            _ => false,
        }
    }
    condition.iter().any(asks)
}

fn value(expression: &Expression, event: &str) -> Value {
    match expression {
        Expression::Text(text) => Value::Text(text.clone()),
        Expression::Truth(truth) => Value::Truth(*truth),
        Expression::Access(access) => known(access, event),
        Expression::Not(inner) => value(inner, event).truth().map_or(Value::Unknown, |truth| Value::Truth(!truth)),
        Expression::All(parts) => joined(parts, event, false),
        Expression::Either(parts) => joined(parts, event, true),
        Expression::Equal(parts, differ) => {
            equal(parts, event).map_or(Value::Unknown, |equal| Value::Truth(equal != *differ))
        }
        Expression::Call(name, arguments) => called(name, arguments, event),
        Expression::Order(_) | Expression::Other => Value::Unknown,
    }
}

fn known(access: &Access, event: &str) -> Value {
    if access.leads_to(&["github", "event_name"]) {
        return Value::Text(event.to_owned());
    }
    if access.leads_to(&["github", "event", "pull_request", "head", "repo", "fork"]) {
        return Value::Truth(true);
    }
    // What is merged was looked at.
    if access.leads_to(&["github", "event", "pull_request", "merged"]) {
        return Value::Truth(false);
    }
    // Who comments is the actor; that of a pull request may be a bot that a stranger makes push to it.
    if access.leads_to(&["github", "actor"]) && event.ends_with("comment") {
        return Value::Text(STRANGER.to_owned());
    }
    let found = KNOWN.iter().find(|(path, _)| access.leads_to(path));
    found.map_or(Value::Unknown, |(_, text)| Value::Text((*text).to_owned()))
}

/// `||` where `ends` is true, else `&&`: one part that is so decides.
fn joined(parts: &[Expression], event: &str, ends: bool) -> Value {
    let mut result = Value::Truth(!ends);
    for part in parts {
        match value(part, event).truth() {
            Some(truth) if truth == ends => return Value::Truth(ends),
            Some(_) => {}
            None => result = Value::Unknown,
        }
    }
    result
}

fn equal(parts: &[Expression], event: &str) -> Option<bool> {
    let [left, right] = parts else { return None };
    match (value(left, event), value(right, event)) {
        (Value::Text(left), Value::Text(right)) => Some(left.eq_ignore_ascii_case(&right)),
        (Value::Truth(left), Value::Truth(right)) => Some(left == right),
        _ => None,
    }
}

fn called(name: &str, arguments: &[Expression], event: &str) -> Value {
    let text = |number: usize| match arguments.get(number).map(|part| value(part, event)) {
        Some(Value::Text(text)) => Some(text.to_ascii_lowercase()),
        _ => None,
    };
    let truth = |test: fn(&str, &str) -> bool| match (text(0), text(1)) {
        (Some(all), Some(part)) => Value::Truth(test(&all, &part)),
        _ => Value::Unknown,
    };
    match name {
        "fromjson" => arguments.first().map_or(Value::Unknown, |part| value(part, event)),
        "contains" => truth(|all, part| all.contains(part)),
        "startswith" => truth(|all, part| all.starts_with(part)),
        "endswith" => truth(|all, part| all.ends_with(part)),
        "always" => Value::Truth(true),
        _ => Value::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::expression::expressions;
    use super::*;

    fn closed(text: &str, event: &str) -> bool {
        is_closed(&expressions(text, 0, false), event)
    }

    #[test]
    fn keeps_forks_out_where_the_condition_says_so() {
        let event = "pull_request_target";
        let same = "github.event.pull_request.head.repo.full_name == github.repository";
        assert!(closed(same, event));
        assert!(closed(&format!("github.event_name == 'push' || {same}"), event));
        assert!(closed(&format!("github.event_name != 'pull_request_target' || ({same} && success())"), event));
        assert!(closed("!github.event.pull_request.head.repo.fork", event));
        assert!(closed("github.event.pull_request.head.repo.fork == false", event));
        assert!(closed(
            "contains(fromJSON('[\"OWNER\",\"MEMBER\"]'), github.event.comment.author_association)",
            "issue_comment"
        ));
        assert!(closed("github.actor == 'somebody'", "issue_comment"));
        assert!(closed("github.event.pull_request.merged == true", event));
        assert!(closed("github.repository == 'one/two' && false", event));
    }

    #[test]
    fn lets_forks_in_where_it_does_not() {
        let event = "pull_request_target";
        assert!(!closed("github.event.pull_request.head.repo.full_name != github.repository", event));
        assert!(!closed("github.event_name == 'push' || github.event_name == 'pull_request_target'", event));
        assert!(!closed("contains(github.event.pull_request.labels.*.name, 'safe')", event));
        assert!(!closed("github.actor == 'dependabot[bot]'", event));
        assert!(!closed("", event));
        assert!(is_narrow(&expressions("contains(github.event.pull_request.labels.*.name, 'safe')", 0, false)));
        assert!(is_stubborn(&expressions("!cancelled() && true", 0, false)));
    }
}
