//! Secrets in the names of files and directories.

use serde_json::Value;

use crate::support::{Tree, findings, formats, quell, run, token};

/// Path and part of every place.
fn places(report: &Value) -> Vec<(String, String)> {
    let places = findings(report).iter().flat_map(|f| f["locations"].as_array().unwrap());
    places.map(|l| (l["path"].as_str().unwrap().to_owned(), l["part"].as_str().unwrap().to_owned())).collect()
}

fn owned(places: &[(&str, &str)]) -> Vec<(String, String)> {
    places.iter().map(|(path, part)| ((*path).to_owned(), (*part).to_owned())).collect()
}

#[test]
fn names_are_searched_and_no_report_repeats_what_is_in_them() {
    let tree = Tree::new();
    let (file, directory, inside) = (token(1), token(2), token(3));
    tree.write(format!("a/{file}.txt"), "nothing\n");
    for name in ["one", "two/three"] {
        tree.write(format!("b/{directory}/{name}"), "nothing\n");
    }
    tree.write(format!("b/{directory}/four"), format!("TOKEN={inside}\n"));
    for format in formats() {
        let run = run(quell().current_dir(tree.path()).args(["scan", "--format", format])).code(1);
        for secret in [&file, &directory, &inside] {
            assert!(!run.out().contains(secret), "{format}: {}", run.out());
        }
        if format == "json" {
            let wanted = [("a/ghp_….txt", "file-name"), ("b/ghp_…", "file-name"), ("b/ghp_…/four", "file")];
            let mut found = places(&run.json());
            found.sort();
            assert_eq!(found, owned(&wanted));
        }
        if format == "plain" {
            assert!(run.out().contains("the name of a/ghp_….txt"), "{}", run.out());
        }
    }
}

#[test]
fn what_lies_above_the_target_is_not_searched() {
    let tree = Tree::new();
    tree.write(format!("{}/in/{}", token(1), token(2)), "nothing\n");
    let above = tree.path().join(token(1));
    let report = run(quell().current_dir(&above).args(["scan", "in", "--format", "json"])).code(1).json();
    assert_eq!(places(&report), owned(&[("in/ghp_…", "file-name")]));
    let report = run(quell().args(["scan", "--format", "json"]).arg(&above)).code(1).json();
    assert_eq!(places(&report).len(), 1, "{report:#}");
}

#[test]
fn a_secret_does_not_go_on_from_one_name_to_the_next() {
    let tree = Tree::new();
    let token = token(1);
    let (start, end) = token.split_at(20);
    tree.write(format!("{start}/{end}"), "nothing\n");
    run(quell().current_dir(tree.path()).args(["scan"])).code(0);
}
