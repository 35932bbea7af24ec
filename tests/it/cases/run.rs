//! What is registered is scanned on a schedule, and once, however many do it.

use super::{Person, Scene, text};
use crate::support::{self, token};

/// A scene in which `app` is due every thousand days.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.config("[run]\ntargets = [\"app\"]\nevery = \"1000d\"\n");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    scene
}

fn scans(who: &Person<'_>) -> usize {
    who.recorded("scan-ended").len()
}

#[test]
fn a_target_is_scanned_once_when_it_is_due() {
    let scene = scene();
    let ada = scene.person("ada");
    let told = ada.run(&["run", "--once"]).code(1).err();
    assert!(told.contains("1 opened: Q-1"), "{told}");
    let case = ada.case("1");
    assert_eq!(text(&case, "/verdicts/0/0/verdict"), "live", "its issuer is asked");
    assert!(case["opening"]["places"][0]["presence"].is_string(), "with its history");
    // In the same slot nothing is done.
    let run = ada.run(&["run", "--once"]).code(0);
    assert!(!run.err().contains("cases:"), "{}", run.err());
    assert_eq!(scans(&ada), 1);
    assert!(ada.run(&["run", "--once", "--now"]).code(1).err().contains("1 known: Q-1"));
    assert_eq!(scans(&ada), 2);
    ada.ok(&["audit", "verify"]);
}

#[test]
fn two_at_the_same_time_scan_once() {
    let scene = scene();
    let ada = scene.person("ada");
    // The store is there, so that both find it.
    scene.committed("other", "b.py", &format!("TOKEN = \"{}\"\n", token(2)));
    ada.track("other");
    let both: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..2).map(|_| scope.spawn(|| support::run(&mut ada.command(&["run", "--once"])))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut codes: Vec<_> = both.iter().map(|run| run.code).collect();
    codes.sort();
    let told: String = both.iter().map(support::Run::err).collect();
    assert_eq!(codes, [Some(0), Some(1)], "{told}");
    assert_eq!((scans(&ada), ada.cases().len()), (2, 2), "that of the other repository, and one");
    ada.ok(&["audit", "verify"]);
}

#[test]
fn a_target_that_cannot_be_scanned_is_told_and_the_others_are_scanned() {
    let scene = scene();
    scene.config("[run]\ntargets = [\"missing\", \"app\"]\nevery = \"1000d\"\nverify = false\n");
    let ada = scene.person("ada");
    let run = ada.run(&["run", "--once"]);
    assert_eq!(run.code, Some(4), "{}", run.err());
    assert!(run.err().contains("missing") && run.err().contains("1 opened: Q-1"), "{}", run.err());
}

#[test]
fn a_daemon_ends_in_order() {
    let scene = scene();
    let ada = scene.person("ada");
    let mut child = ada
        .command(&["run"])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !(scene.db().exists() && ada.run(&["case", "list"]).out().contains("1 shown")) {
        assert!(std::time::Instant::now() < until, "it opens nothing");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(support::wait(&mut child), Some(1));
    ada.ok(&["audit", "verify"]);
    ada.run(&["run", "--once"]).code(0);
    assert_eq!(scans(&ada), 1, "what was done is not done again");
}

#[test]
fn what_makes_no_sense_is_told() {
    let scene = scene();
    let ada = scene.person("ada");
    scene.config("");
    assert!(ada.wrong(&["run", "--once"]).contains("`quell scan --track` makes one"), "no store, and nothing to scan");
    for every in ["", "h", "0h", "-1h", "1w", "99999999999999999999d"] {
        scene.config(&format!("[run]\ntargets = [\"app\"]\nevery = \"{every}\"\n"));
        assert!(ada.wrong(&["run", "--once"]).contains("write 30min, 6h or 1d"), "{every}");
    }
    assert!(!scene.db().exists());
    scene.config("[run]\ntarget = [\"app\"]\n");
    assert!(ada.wrong(&["run", "--once"]).contains("did you mean `targets`?"));
}
