//! The pages of the rules: those in `docs/` are what `quell rules pages docs` writes, and the verb touches nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use quell::rules::embedded::embedded;

use crate::support::{Tree, quell, run};

const RENEW: &str = "renew the pages of the rules: cargo run -- rules pages docs";

/// The index and the pages below a directory.
fn pages(dir: &Path) -> BTreeMap<PathBuf, String> {
    let names =
        fs::read_dir(dir.join("rules")).map(|entries| entries.map(|e| Path::new("rules").join(e.unwrap().file_name())));
    let paths = names.into_iter().flatten().chain([PathBuf::from("rules.md")]);
    paths.map(|path| (path.clone(), fs::read_to_string(dir.join(path)).unwrap_or_default())).collect()
}

fn write(dir: &Path) -> crate::support::Run {
    run(quell().args(["rules", "pages"]).arg(dir))
}

#[test]
fn the_pages_in_docs_are_what_the_rules_say() {
    let tree = Tree::new();
    write(tree.path()).code(0);
    let (there, made) = (pages(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docs"))), pages(tree.path()));
    assert_eq!(made.len(), embedded().rules.len() + 1);
    let paths: Vec<&PathBuf> = there.keys().chain(made.keys()).filter(|p| there.get(*p) != made.get(*p)).collect();
    assert!(paths.is_empty(), "{RENEW}\n{} differ, the first is docs/{}", paths.len(), paths[0].display());
}

#[test]
fn links_between_pages_lead_somewhere() {
    let tree = Tree::new();
    write(tree.path()).code(0);
    let made = pages(tree.path());
    for (path, text) in &made {
        // Blocks of code have no links.
        let prose: String = text.split("```").step_by(2).collect();
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let target = if link.starts_with("rules/") { link.to_owned() } else { format!("rules/{link}") };
            let known = link.starts_with("https://")
                || ["rule-format.md", "../rules.md"].contains(&link)
                || made.contains_key(Path::new(&target));
            assert!(known, "{}: {link}", path.display());
        }
    }
}

#[test]
fn pages_are_written_once_and_those_of_rules_that_are_gone_are_removed() {
    let tree = Tree::new();
    let count = embedded().rules.len() + 1;
    assert_eq!(write(tree.path()).code(0).out(), format!("{count} pages: {count} written, 0 removed\n"));
    assert_eq!(write(tree.path()).code(0).out(), format!("{count} pages: 0 written, 0 removed\n"));
    fs::rename(tree.at("rules/github-classic-pat.md"), tree.at("rules/gone.md")).unwrap();
    tree.write("other.md", "mine");
    assert_eq!(write(tree.path()).code(0).out(), format!("{count} pages: 1 written, 1 removed\n"));
    assert!(!tree.at("rules/gone.md").exists() && tree.at("rules/github-classic-pat.md").exists());
    assert_eq!(fs::read_to_string(tree.at("other.md")).unwrap(), "mine");
}

#[test]
fn files_that_are_no_pages_are_left_alone() {
    for name in ["rules.md", "rules/notes.md", "rules/deeper/a.md"] {
        let tree = Tree::new();
        tree.write(name, "mine");
        let told = write(tree.path()).code(2).err();
        assert!(told.contains("is no page of a rule"), "{told}");
        assert_eq!(fs::read_to_string(tree.at(name)).unwrap(), "mine");
        assert!(!tree.at("rules/github-classic-pat.md").exists());
    }
    let tree = Tree::new();
    tree.write("elsewhere/a.md", "mine");
    std::os::unix::fs::symlink("elsewhere", tree.at("rules")).unwrap();
    write(tree.path()).code(2);
    assert_eq!(fs::read_dir(tree.at("elsewhere")).unwrap().count(), 1);
}

#[test]
fn rules_of_ones_own_get_pages_and_their_words_are_no_markup() {
    let tree = Tree::new();
    let rule = r#"
[provider]
id = "acme"
name = "Acme | <b>"
docs = "https://acme.example/docs"

[[rule]]
id = "acme-api-token"
name = "Acme *token*"
shape = "token"
keywords = ["acme_`"]
pattern = '(?<secret>acme_`[0-9A-Za-z]{32})'
severity = "high"
confidence = "high"
public_prefix = 6
checks = { min_entropy = 3.0 }
sample = "acme_`{alnum:32}"
match = ['token = "{sample}"']
miss = ["x{sample}"]
advice = "- Delete [it](x)."
controls = ["NHI2"]
"#;
    tree.write("own/acme.toml", rule);
    run(quell().current_dir(tree.path()).args(["rules", "pages", "docs", "--rules", "own"])).code(0);
    insta::assert_snapshot!("rule_page", fs::read_to_string(tree.at("docs/rules/acme-api-token.md")).unwrap());
    let index = fs::read_to_string(tree.at("docs/rules.md")).unwrap();
    let row = "| [Acme &#124; \\<b\\>](https://acme.example/docs) | [Acme \\*token\\*](rules/acme-api-token.md) | high | high | token |";
    assert!(index.lines().any(|line| line == row), "{index}");
}
