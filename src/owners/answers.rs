//! What is known for the three questions, and for what a policy asks beside them: each answer with its evidence.

use std::collections::BTreeSet;

use super::catalog::{Catalog, Service};
use super::fits::{Fit, fits, places};
use super::worst::Worst;
use super::{Asked, claims, degraded, kubernetes, text, when};
use crate::model::answers::{Answer, Answers, Criticality, Dependent, DependentKind, Environment, Evidence};
use crate::model::owner::{Owner, Strength};
use crate::model::{Confidence, Identity, Untrusted};

/// The answers. `owner` is who owns it, where that is known; `dependents` what was found to use it, `None` where nobody
/// looked. How it is made to work again is not known here: `reversibility`, `rehearsed`, `restore_minutes` and `made` are
/// left empty.
///
/// The provider's word counts for last use, expiry and privilege, the record's for the rest. Where several services fit,
/// the worst of their answers counts, and one that is silent leaves it unknown unless another says the worst; the
/// evidence says so. A service that fits by a hint alone, and a guess, can only make quell more careful.
#[must_use]
pub fn answers(
    asked: &Asked<'_>,
    catalog: &Catalog,
    owner: Option<&Owner>,
    dependents: Option<Vec<Dependent>>,
) -> Answers {
    let fits = fits(asked, catalog);
    let worst = Worst { catalog, fits: &fits };
    let identity = asked.identity;
    let mut out = Answers {
        criticality: worst.of(
            |s| s.criticality,
            |a, b| a > b,
            |c| *c == Criticality::Critical,
            |c| *c >= Criticality::High,
        ),
        environment: environment(asked, &worst),
        downtime_minutes: worst.of(|s| s.downtime_minutes, |a, b| a < b, |m| *m == 0, |m| *m == 0),
        partners: partners(&worst),
        shared: worst.whether(true, |s| s.shared),
        purpose: purpose(asked, &worst),
        decommissioned: worst.whether(false, |s| s.decommissioned),
        hot_reload: worst.whether(false, |s| s.hot_reload),
        privileged: privileged(asked, &worst),
        last_use: time(asked, identity.and_then(|i| i.last_use.as_ref()), true),
        expires: time(asked, identity.and_then(|i| i.expires.as_ref()), false),
        target: target(asked),
        in_window: in_window(asked.now, catalog, &worst),
        ..Answers::default()
    };
    if let Some(owner) = owner {
        out.subject = claims::subject(identity, asked.provider, catalog, owner);
    }
    out.dependents = of_dependents(asked, &worst, &out.last_use, dependents);
    out.degraded = degraded::degraded(asked, catalog, &fits, out.dependents.value.as_deref().unwrap_or_default());
    out
}

/// What the provider said.
fn told(asked: &Asked<'_>) -> Evidence {
    Evidence {
        source: "provider".to_owned(),
        place: Untrusted::from(format!("{} at {}", asked.recipe, asked.host).as_str()),
        at: asked.identity_at,
        confidence: Confidence::High,
    }
}

/// A time that the provider told. One that cannot be read is unknown, and so is a last use in the future.
fn time(asked: &Asked<'_>, value: Option<&Untrusted>, past: bool) -> Answer<i64> {
    let Some(value) = value else { return Answer::default() };
    let seconds = when::parse(value.raw()).filter(|s| !past || *s <= asked.identity_at.max(asked.now) + when::DAY);
    Answer { value: seconds, evidence: vec![told(asked)] }
}

fn target(asked: &Asked<'_>) -> Answer<Untrusted> {
    let account = asked.identity.and_then(|identity| identity.account.clone());
    match account {
        Some(account) => Answer::of(account, told(asked)),
        None if !asked.host.is_empty() => Answer::of(Untrusted::from(asked.host), told(asked)),
        None => Answer::default(),
    }
}

/// What the record says, and what paths look like: a path of production is heard where the record says less.
fn environment(asked: &Asked<'_>, worst: &Worst<'_, '_>) -> Answer<Environment> {
    let careful = |e: &Environment| *e >= Environment::Staging;
    let mut answer = worst.of(|s| s.environment, |a, b| a > b, |e| *e == Environment::Production, careful);
    for place in places(asked) {
        let Some(guess) = guess(place.path.raw()).filter(|g| answer.value.is_none_or(|known| *g > known)) else {
            continue;
        };
        let (source, place) = ("path".to_owned(), place.path.clone());
        answer.evidence.push(Evidence { source, place, at: asked.now, confidence: Confidence::Low });
        answer.value = Some(guess);
    }
    answer
}

/// What the words of a path say of where it is used. Nothing says that it is not production.
fn guess(path: &[u8]) -> Option<Environment> {
    let path = path.to_ascii_lowercase();
    let words = path.split(|b| !b.is_ascii_alphanumeric()).map(|word| match word {
        b"prod" | b"prd" | b"production" | b"live" => Some(Environment::Production),
        b"staging" | b"stage" | b"stg" | b"preprod" => Some(Environment::Staging),
        _ => None,
    });
    words.max().flatten()
}

/// Everybody whom a service names; an empty list where all say that there is nobody.
fn partners(worst: &Worst<'_, '_>) -> Answer<Vec<Untrusted>> {
    let list = |service: &Service| -> Option<Vec<Untrusted>> {
        service.partners.as_ref().map(|names| names.iter().map(|name| Untrusted::from(name.as_str())).collect())
    };
    let some = |names: &Vec<Untrusted>| !names.is_empty();
    let mut answer = worst.of(list, |a, b| a.len() > b.len(), some, some);
    if let Some(value) = &mut answer.value {
        value.extend(worst.fits.iter().filter_map(|fit| list(fit.service)).flatten());
        value.sort();
        value.dedup();
    }
    answer
}

/// What the record says it is for, else what a manifest around it says.
fn purpose(asked: &Asked<'_>, worst: &Worst<'_, '_>) -> Answer<Untrusted> {
    let reliable = || worst.fits.iter().filter(|fit| fit.strength > Strength::Hint);
    let said: Vec<(&Fit<'_>, &str)> = reliable().filter_map(|f| Some((f, f.service.purpose.as_deref()?))).collect();
    if !said.is_empty() {
        let value = said.iter().map(|(_, purpose)| *purpose).collect::<Vec<_>>().join("; ");
        let evidence = said.iter().map(|(fit, _)| worst.evidence(fit)).collect();
        return Answer { value: Some(Untrusted::from(value.as_str())), evidence };
    }
    for place in places(asked).into_iter().filter(|place| kubernetes::may_be(place.path.raw())) {
        let Some(told) = asked.files.before(place, &text(&place.path)) else { continue };
        let manifests = kubernetes::manifests(&told.text, &[]).unwrap_or_default();
        let Some(part) = manifests.into_iter().find_map(|m| m.part_of.or(m.application)) else { continue };
        let place = Untrusted::from(claims::at(&text(&place.path), None, &told).as_str());
        let evidence = Evidence { source: "manifest".to_owned(), place, at: told.at, confidence: Confidence::Low };
        return Answer::of(Untrusted::from(format!("part of {part}").as_str()), evidence);
    }
    Answer::default()
}

/// Whether it may do more than its own affairs: the provider's word, and the record's. Either makes it so.
fn privileged(asked: &Asked<'_>, worst: &Worst<'_, '_>) -> Answer<bool> {
    let mut answer = worst.whether(true, |s| s.privileged);
    if let Some(value) = asked.identity.and_then(is_privileged) {
        answer.evidence.push(told(asked));
        answer.value = Some(value || answer.value == Some(true));
    }
    answer
}

/// What an identity says of privilege: `None` where its words mean nothing to us.
fn is_privileged(identity: &Identity) -> Option<bool> {
    let high = |word: &str| {
        let words: BTreeSet<&str> = word.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let known =
            ["admin", "administrator", "administratoraccess", "root", "superuser", "owner", "sudo", "poweruser"];
        word == "*" || known.iter().any(|known| words.contains(known))
    };
    let lower = |value: &Untrusted| text(value).trim().to_lowercase();
    if identity.scopes.iter().chain(&identity.subject).any(|value| high(&lower(value))) {
        return Some(true);
    }
    let privilege = lower(identity.privilege.as_ref()?);
    match privilege.as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" | "none" | "user" | "member" | "guest" | "read" | "reader" | "viewer" => Some(false),
        other if high(other) => Some(true),
        _ => None,
    }
}

/// Whether now is a time in which every service lets itself be changed, and no freeze is on. A service without windows says
/// nothing.
fn in_window(now: i64, catalog: &Catalog, worst: &Worst<'_, '_>) -> Answer<bool> {
    let holds = |s: &Service| (!s.windows.is_empty()).then(|| s.windows.iter().any(|window| window.holds(now)));
    let answer = worst.whether(false, holds);
    match catalog.freeze {
        Some(freeze) if (freeze.from..freeze.until).contains(&now) => {
            let place = Untrusted::from("owners.toml, [freeze]");
            let source = "owners.toml".to_owned();
            Answer::of(false, Evidence { source, place, at: catalog.at, confidence: Confidence::High })
        }
        _ => answer,
    }
}

/// What was found, what the record says uses the service, the manifests that it stands in, and its last use. Unknown
/// where nobody looked and no record says.
fn of_dependents(
    asked: &Asked<'_>,
    worst: &Worst<'_, '_>,
    last_use: &Answer<i64>,
    found: Option<Vec<Dependent>>,
) -> Answer<Vec<Dependent>> {
    let mut answer = Answer { evidence: Vec::new(), value: found };
    if answer.value.is_some() {
        let (source, place) = ("code".to_owned(), Untrusted::from("what was searched"));
        answer.evidence.push(Evidence { source, place, at: asked.now, confidence: Confidence::Medium });
    }
    for fit in worst.fits {
        let Some(users) = &fit.service.used_by else { continue };
        let evidence = worst.evidence(fit);
        // Only a reliable record may say that nobody uses it.
        if fit.strength > Strength::Hint || !users.is_empty() {
            answer.evidence.push(evidence.clone());
            let name = |name: &String| Untrusted::from(name.as_str());
            let dependent =
                |user| Dependent { kind: DependentKind::Service, name: name(user), evidence: evidence.clone() };
            answer.value.get_or_insert_default().extend(users.iter().map(dependent));
        }
    }
    if let (Some(list), Some(_)) = (&mut answer.value, last_use.value) {
        let name = Untrusted::from(asked.host);
        list.push(Dependent { kind: DependentKind::LastUse, name, evidence: told(asked) });
    }
    if let Some(list) = &mut answer.value {
        list.sort_by(|a, b| (a.kind, &a.name, &a.evidence.place).cmp(&(b.kind, &b.name, &b.evidence.place)));
        list.dedup();
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Part;
    use crate::model::answers::Criticality;
    use crate::model::case::Place;

    const NOW: i64 = 1_767_614_400; // Monday, the 5th of January 2026, 12:00 UTC.

    const RECORD: &str = r#"
[[team]]
name = "t"
[[service]]
name = "a"
team = "t"
repositories = ["github.com/acme/a", "github.com/acme/both"]
criticality = "low"
environment = "test"
downtime_minutes = 60
partners = []
shared = false
purpose = "one"
decommissioned = true
hot_reload = true
privileged = false
windows = ["mon-fri 09:00-17:00"]
used_by = ["b"]
secrets = ["A_SECRET"]
reviewed = "2026-01-01"
[[service]]
name = "b"
repositories = ["github.com/acme/both"]
criticality = "critical"
environment = "production"
downtime_minutes = 5
partners = ["Example Ltd"]
shared = true
purpose = "two"
decommissioned = false
hot_reload = false
windows = ["sat 09:00-17:00"]
used_by = []
[[service]]
name = "silent"
repositories = ["github.com/acme/silent", "github.com/acme/both-but-one"]
[[service]]
name = "loud"
repositories = ["github.com/acme/both-but-one"]
criticality = "high"
shared = false
used_by = []
"#;

    fn place(repository: &str, path: &str) -> Place {
        Place {
            repository: repository.into(),
            path: path.into(),
            part: Part::File,
            line: 1,
            column: 1,
            commit: None,
            presence: None,
            root: "".into(),
            seen: NOW,
        }
    }

    fn told(record: &str, asked: impl FnOnce(&mut Asked<'_>), places: &[Place], proved: bool) -> Answers {
        let catalog = Catalog::parse(record).unwrap().dated(NOW - 1000);
        let is_proved = move |_: &Place| proved;
        let mut question = Asked {
            provider: "gitlab",
            rule: "r",
            identity: None,
            identity_at: NOW - 10,
            recipe: "gitlab/token",
            host: "gitlab.com:443",
            names: &[],
            places,
            proved: &is_proved,
            files: &(),
            now: NOW,
            gaps: false,
        };
        asked(&mut question);
        answers(&question, &catalog, None, None)
    }

    fn of(repository: &str, proved: bool) -> Answers {
        told(RECORD, |_| {}, &[place(repository, "x")], proved)
    }

    #[test]
    fn one_service_answers_with_its_record() {
        let a = of("github.com/acme/a", true);
        assert_eq!((a.criticality.value, a.environment.value), (Some(Criticality::Low), Some(Environment::Test)));
        assert_eq!((a.downtime_minutes.value, a.shared.value), (Some(60), Some(false)));
        assert_eq!(
            (a.decommissioned.value, a.hot_reload.value, a.privileged.value),
            (Some(true), Some(true), Some(false))
        );
        assert_eq!((a.partners.value.clone(), a.in_window.value), (Some(vec![]), Some(true)));
        assert_eq!(a.purpose.value.as_ref().unwrap().raw(), b"one");
        assert_eq!(a.dependents.value.as_ref().unwrap()[0].name.raw(), b"b");
        let evidence = &a.criticality.evidence[0];
        assert_eq!((evidence.source.as_str(), evidence.at), ("owners.toml", 1_767_225_600));
        assert_eq!(evidence.confidence, Confidence::Medium);
        assert!(evidence.place.raw().starts_with(b"owners.toml:5 `a`"));
        assert!(a.degraded.is_empty(), "{:?}", a.degraded);
    }

    #[test]
    fn of_several_services_the_worst_counts_and_it_is_said() {
        let both = of("github.com/acme/both", true);
        assert_eq!(
            (both.criticality.value, both.environment.value),
            (Some(Criticality::Critical), Some(Environment::Production))
        );
        assert_eq!((both.downtime_minutes.value, both.shared.value), (Some(5), Some(true)));
        assert_eq!((both.decommissioned.value, both.hot_reload.value), (Some(false), Some(false)));
        assert_eq!((both.partners.value.as_ref().unwrap().len(), both.in_window.value), (1, Some(false)));
        // One says that it is not privileged, the other nothing.
        assert_eq!(both.privileged.value, None);
        assert!(both.criticality.evidence.iter().all(|e| e.place.raw().ends_with(b"the worst of 2 services counts")));
        assert_eq!(both.purpose.value.as_ref().unwrap().raw(), b"one; two");
    }

    #[test]
    fn a_silent_service_leaves_it_unknown_unless_another_says_the_worst() {
        let one = of("github.com/acme/both-but-one", true);
        assert_eq!((one.criticality.value, one.shared.value), (None, None));
        let silent = of("github.com/acme/silent", true);
        assert_eq!(silent, Answers { target: silent.target.clone(), ..Answers::default() });
    }

    #[test]
    fn a_hint_only_makes_more_careful() {
        let a = of("github.com/acme/a", false);
        let none = (None, None, None);
        assert_eq!((a.decommissioned.value, a.hot_reload.value, a.privileged.value), none);
        assert_eq!((a.criticality.value, a.environment.value, a.downtime_minutes.value), (None, None, None));
        assert_eq!((a.partners.value.clone(), a.shared.value, a.in_window.value), (None, None, None));
        assert_eq!(a.purpose.value, None);
        let both = of("github.com/acme/both", false);
        assert_eq!((both.criticality.value, both.shared.value), (Some(Criticality::Critical), Some(true)));
        assert_eq!((both.decommissioned.value, both.in_window.value), (Some(false), Some(false)));
        assert_eq!(both.criticality.evidence[0].confidence, Confidence::Low);
        // A variable's name adds to what is known, and takes nothing away.
        let names = kept([Untrusted::from("A_SECRET")]);
        let named = told(RECORD, |asked| asked.names = names, &[], true);
        assert_eq!((named.decommissioned.value, named.criticality.value), (None, None));
        // That nobody uses it is for a reliable record to say.
        let used = |repository, proved| of(repository, proved).dependents.value.map(|d| d.len());
        assert_eq!(used("github.com/acme/both", false), Some(1));
        assert_eq!(used("github.com/acme/both-but-one", false), None);
        assert_eq!(used("github.com/acme/both-but-one", true), Some(0));
    }

    #[test]
    fn the_providers_word_counts_for_use_expiry_and_privilege() {
        let identity = |set: &[(&str, &str)]| {
            let mut identity = Identity::default();
            set.iter().for_each(|(name, value)| identity.set(name, vec![Untrusted::from(*value)]));
            identity
        };
        let ask = |identity: &Identity| told("", |asked| asked.identity = Some(kept(identity.clone())), &[], false);
        let full =
            ask(&identity(&[("last_use", "2026-01-01T00:00:00Z"), ("expires", "2027-01-31"), ("account", "acme")]));
        assert_eq!((full.last_use.value, full.expires.value), (Some(1_767_225_600), Some(1_801_353_600)));
        assert_eq!(full.last_use.evidence[0].source, "provider");
        assert_eq!(
            (full.last_use.at(), full.target.value.as_ref().unwrap().raw()),
            (Some(NOW - 10), b"acme".as_slice())
        );
        assert_eq!(ask(&identity(&[("last_use", "2030-01-01")])).last_use.value, None);
        assert_eq!(ask(&identity(&[("last_use", "yesterday")])).last_use.value, None);
        for (name, value, privileged) in [
            ("privilege", "true", Some(true)),
            ("privilege", "false", Some(false)),
            ("privilege", "Org Admin", Some(true)),
            ("privilege", "production", None),
            ("scopes", "admin:org", Some(true)),
            ("scopes", "read_user", None),
            ("subject", "arn:aws:iam::123456789012:root", Some(true)),
            ("subject", "rootless", None),
            ("scopes", "*", Some(true)),
        ] {
            assert_eq!(ask(&identity(&[(name, value)])).privileged.value, privileged, "{name} {value}");
        }
    }

    /// What tests ask about lives as long as they do.
    fn kept<T>(value: T) -> &'static T {
        Box::leak(Box::new(value))
    }

    #[test]
    fn a_path_makes_it_production_and_never_less() {
        for (path, environment) in [
            ("deploy/prod/x.env", Some(Environment::Production)),
            ("config.production.yaml", Some(Environment::Production)),
            ("k8s/staging/x", Some(Environment::Staging)),
            ("products/x", None),
            ("test/x", None),
            ("dev/x", None),
        ] {
            let told = told("", |_| {}, &[place("x", path)], true);
            assert_eq!(told.environment.value, environment, "{path}");
            assert!(told.environment.evidence.iter().all(|e| e.confidence == Confidence::Low));
        }
        let both = told(RECORD, |_| {}, &[place("github.com/acme/a", "prod/x")], true);
        assert_eq!((both.environment.value, both.environment.evidence.len()), (Some(Environment::Production), 2));
    }

    #[test]
    fn a_freeze_closes_every_window() {
        let record = format!("{RECORD}[freeze]\nfrom = \"2026-01-05\"\nuntil = \"2026-01-06\"\n");
        assert_eq!(told(&record, |_| {}, &[place("github.com/acme/a", "x")], true).in_window.value, Some(false));
        assert_eq!(told(&record, |_| {}, &[], true).in_window.value, Some(false));
        assert_eq!(told(RECORD, |_| {}, &[], true).in_window.value, None);
    }

    #[test]
    fn what_makes_answers_worth_less_is_named() {
        let names = |asked: &dyn Fn(&mut Asked<'_>), places: &[Place]| -> Vec<String> {
            told(RECORD, |a| asked(a), places, true).degraded.into_iter().map(|(name, _)| name).collect()
        };
        let mine = [place("github.com/acme/a", "x")];
        assert!(names(&|_| {}, &mine).is_empty());
        assert_eq!(names(&|a| a.gaps = true, &mine), ["incomplete-coverage"]);
        assert_eq!(names(&|_| {}, &[]), ["no-metadata"]);
        assert_eq!(names(&|a| a.provider = "vault", &mine), ["chained-credentials"]);
        let pipeline = [place("github.com/acme/a", ".github/workflows/x.yml")];
        assert_eq!(names(&|_| {}, &pipeline), ["ephemeral-ci"]);
        let many: Vec<Place> = ["x/1", "x/2", "x/3"].iter().map(|r| place(r, "x")).collect();
        assert_eq!(names(&|_| {}, &many), ["no-metadata", "many-systems"]);
        let subject = |text: &str| {
            let identity = Identity { subject: Some(text.into()), ..Identity::default() };
            let leaked = kept(identity.clone());
            names(&move |a: &mut Asked<'_>| a.identity = Some(leaked), &mine)
        };
        let role = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_x/ann";
        assert_eq!(subject(role), ["federated-source", "inherited-entitlements"]);
        assert_eq!(subject("github-actions[bot]"), ["ephemeral-ci"]);
    }
}
