//! Every recipe of the rules, asked over the wire: each answer that its provider documents means what the recipe says, and
//! nothing that lies is believed.

use std::collections::{BTreeMap, BTreeSet};

use quell::model::{Finding, Verdict, Why};
use quell::rules::embedded::embedded;
use quell::rules::recipe::ControlDecl;
use quell::verify::Network;
use quell::verify::selftest::word;

use crate::issuers::{Issuer, Said, Sinkhole, Tried, recipes, verify};

/// What signs needs a key of its own, and is tried where that is made.
fn tried() -> Vec<Tried> {
    recipes(true).into_iter().filter(|t| t.recipe.request.signer.is_none()).collect()
}

/// Says what is wrong with what came of it.
type Expect<'t> = dyn Fn(&Finding) -> Result<(), String> + 't;

/// A scenario for each recipe: what the provider says, and what must come of it.
struct Scenario<'t> {
    tried: &'t Tried,
    what: String,
    answers: Vec<Said>,
    expect: Box<Expect<'t>>,
}

fn got(finding: &Finding) -> Verdict {
    finding.verification.as_ref().unwrap().verdict
}

fn is(wanted: &'static str) -> Box<Expect<'static>> {
    Box::new(move |finding| {
        let verdict = got(finding);
        if word(verdict) == wanted { Ok(()) } else { Err(format!("{verdict:?}, and should be {wanted}")) }
    })
}

/// Runs scenarios, those of different providers side by side.
fn run(scenarios: Vec<Scenario<'_>>) -> Vec<String> {
    let (issuer, network, rules) = (Issuer::start(), Network::new(None, None).unwrap(), embedded());
    let mut waiting: BTreeMap<&str, Vec<Scenario<'_>>> = BTreeMap::new();
    for scenario in scenarios {
        waiting.entry(&scenario.tried.provider).or_default().push(scenario);
    }
    let mut faults = Vec::new();
    loop {
        let round: Vec<Scenario<'_>> = waiting.values_mut().filter_map(Vec::pop).collect();
        if round.is_empty() {
            return faults;
        }
        let mut endpoints = Vec::new();
        let mut findings = Vec::new();
        for (number, scenario) in round.iter().enumerate() {
            let provider = &scenario.tried.provider;
            issuer.say(provider, scenario.answers.clone());
            endpoints.push((provider.clone(), format!("http://127.0.0.1:{}/{provider}", issuer.port)));
            findings.push(scenario.tried.finding(rules, number as u64 + 1));
        }
        verify(rules, &mut findings, &endpoints, &network);
        for (scenario, finding) in round.iter().zip(&findings) {
            if let Err(fault) = (scenario.expect)(finding) {
                let Tried { provider, name, .. } = scenario.tried;
                faults.push(format!("{provider}/{name}, {}: {fault}", scenario.what));
            }
        }
    }
}

/// The first answer of a recipe that means one of these.
fn answer(tried: &Tried, means: &[&str]) -> Option<Said> {
    tried.recipe.answer.iter().find(|a| means.contains(&a.means.as_str())).map(Said::of)
}

/// What the second recipe says of what is live.
fn then(tried: &Tried) -> Option<Said> {
    let then = tried.then.as_ref()?;
    then.answer.iter().find(|a| a.means == "live").map(Said::of)
}

fn uncontrolled(tried: &Tried) -> bool {
    matches!(&tried.recipe.control, ControlDecl::Secret(text) if text == "none")
}

#[test]
fn there_are_recipes_for_what_people_use() {
    let providers: BTreeSet<String> = recipes(true).into_iter().chain(recipes(false)).map(|t| t.provider).collect();
    assert!(providers.len() >= 120, "{} providers have recipes", providers.len());
}

#[test]
fn what_providers_document_means_what_recipes_say() {
    let all = tried();
    let mut scenarios = Vec::new();
    for tried in &all {
        let refusal = answer(tried, &["dead", "indistinct", "absent"]).unwrap();
        for documented in &tried.recipe.answer {
            let right = matches!(documented.means.as_str(), "live" | "limited" | "blocked");
            let mut answers = vec![Said::of(documented)];
            if right && !uncontrolled(tried) {
                answers.push(refusal.clone());
            }
            if documented.means == "live" {
                answers.extend(then(tried));
            }
            let expect = move |finding: &Finding| {
                let verification = finding.verification.as_ref().unwrap();
                let means = if verification.absent { "absent" } else { word(verification.verdict) };
                if means != documented.means {
                    return Err(format!("{:?}, and should be {}", verification.verdict, documented.means));
                }
                if right && verification.controlled == uncontrolled(tried) {
                    return Err("the control was not asked".to_owned());
                }
                let told: BTreeSet<&str> = verification.identity.told().map(|(name, _)| name).collect();
                match documented.identity.keys().find(|name| right && !told.contains(name.as_str())) {
                    Some(name) => Err(format!("nothing is said of `{name}`")),
                    None => Ok(()),
                }
            };
            let what = format!("a documented answer ({} {})", documented.means, documented.status);
            scenarios.push(Scenario { tried, what, answers, expect: Box::new(expect) });
        }
    }
    let faults = run(scenarios);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_server_that_trusts_everybody_is_found_out() {
    let all = tried();
    let scenarios = all.iter().filter(|t| !uncontrolled(t)).map(|tried| {
        let answers = vec![answer(tried, &["live"]).unwrap()];
        let expect = |finding: &Finding| match got(finding) {
            Verdict::Unknown(Why::ControlFailed) => Ok(()),
            other => Err(format!("{other:?}")),
        };
        Scenario { tried, what: "200 to everything".to_owned(), answers, expect: Box::new(expect) }
    });
    let faults = run(scenarios.collect());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn limits_and_outages_are_no_verdict() {
    let all = tried();
    let mut scenarios = Vec::new();
    for tried in &all {
        for status in [429, 500, 502, 503] {
            let answers = vec![Said::new(status, "application/json", "{}").with("retry-after", "30")];
            scenarios.push(Scenario { tried, what: format!("status {status}"), answers, expect: is("unknown") });
        }
    }
    let faults = run(scenarios);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_that_lies_is_believed() {
    let page = "<!DOCTYPE html><html><body><form action='/login'>Sign in</form></body></html>";
    let lies = [
        ("an empty page", Said::new(200, "text/html", "")),
        ("an empty object", Said::new(200, "application/json", "{}")),
        ("an empty list", Said::new(200, "application/json", "[]")),
        ("null", Said::new(200, "application/json", "null")),
        ("a login page", Said::new(200, "text/html", page)),
        ("a captive portal", Said::new(511, "text/html", page)),
        ("a firewall", Said::new(403, "text/html", page)),
        ("a proxy", Said::new(407, "text/html", page)),
        ("a missing page", Said::new(404, "text/html", page)),
        ("an empty refusal", Said::new(401, "text/plain", "")),
    ];
    let all = tried();
    let mut scenarios = Vec::new();
    for tried in &all {
        for (what, said) in &lies {
            let answers = vec![said.clone()];
            scenarios.push(Scenario { tried, what: (*what).to_owned(), answers, expect: is("unknown") });
        }
    }
    let faults = run(scenarios);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_recipe_follows_a_redirect() {
    let hole = Sinkhole::open();
    let all = tried();
    let mut scenarios = Vec::new();
    for tried in &all {
        for status in [301, 302, 303, 307, 308] {
            let to = format!("http://127.0.0.1:{}/{}", hole.port, tried.provider);
            let answers = vec![Said::new(status, "text/html", "").with("location", &to)];
            scenarios.push(Scenario { tried, what: format!("a redirect {status}"), answers, expect: is("unknown") });
        }
    }
    let faults = run(scenarios);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(hole.fallen(), Vec::<Vec<u8>>::new());
}

#[test]
fn no_recipe_asks_a_host_that_the_text_names() {
    use quell::verify::{Endpoints, parts::Parts, plan::places};
    let none = Endpoints::default();
    let hostile = [
        "evil.example",
        "evil.example/",
        "a@evil.example",
        "evil.example#",
        "evil.example?x=",
        "127.0.0.1",
        "a.b",
        "a:1",
        "..",
        "",
    ];
    for tried in recipes(true).into_iter().chain(recipes(false)) {
        let provider = embedded().provider_of(tried.rule).unwrap();
        for text in hostile {
            let mut finding = tried.finding(embedded(), 1);
            for part in &mut finding.companions {
                part.secret = quell::model::Secret::new(text.as_bytes().to_vec());
            }
            for parts in Parts::of(&finding, 3).0 {
                for place in places(provider, &tried.recipe, &none, &parts).unwrap_or_default() {
                    let host = place.host.to_string();
                    let own = provider.hosts.iter().any(|allowed| {
                        allowed.strip_prefix("*.").map_or(host == allowed, |parent| {
                            host.strip_suffix(parent)
                                .is_some_and(|label| label.ends_with('.') && label.matches('.').count() == 1)
                        })
                    });
                    assert!(
                        own && place.port == 443 && place.tls,
                        "{}/{}: {text} gives {host}",
                        tried.provider,
                        tried.name
                    );
                }
            }
        }
    }
}
