//! `quell rules`: list, show and check rules, and write their pages.

#[cfg(feature = "remediate")]
mod measured;

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Subcommand;

use super::exit::escaped;
use super::{Exit, recipe, rule_pages, scan};
use crate::detect::selftest;
use crate::model::{counted, nearest};
use crate::rules::embedded::embedded;
use crate::rules::{Decoder, Rule, RuleSet, load};
use crate::verify;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List every rule: id, severity, confidence, name.
    List {
        /// A directory of rule files, added to the embedded rules.
        #[arg(long, value_name = "DIR", env = "QUELL_RULES")]
        rules: Option<PathBuf>,
    },
    /// Show a rule whole.
    Show {
        /// The rule's id.
        id: String,
        /// A directory of rule files, added to the embedded rules.
        #[arg(long, value_name = "DIR", env = "QUELL_RULES")]
        rules: Option<PathBuf>,
        #[cfg(feature = "remediate")]
        #[command(flatten)]
        store: measured::Args,
    },
    /// Check rule files: their format, their references and their own tests.
    Check {
        /// A directory of rule files; the embedded rules where absent.
        dir: Option<PathBuf>,
    },
    /// Write a page for each rule and an index of them, in Markdown: DIR/rules.md and DIR/rules/RULE.md.
    ///
    /// Pages of rules that are gone are removed. Files that are no such pages are never replaced.
    Pages {
        /// The directory.
        dir: PathBuf,
        /// A directory of rule files, added to the embedded rules.
        #[arg(long, value_name = "DIR", env = "QUELL_RULES")]
        rules: Option<PathBuf>,
    },
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    match &args.what {
        What::List { rules } => list(&*scan::rules(rules.as_deref())?),
        #[cfg(not(feature = "remediate"))]
        What::Show { id, rules } => show(&*scan::rules(rules.as_deref())?, id),
        #[cfg(feature = "remediate")]
        What::Show { id, rules, store } => {
            let shown = show(&*scan::rules(rules.as_deref())?, id)?;
            measured::write(id, store, &mut io::stdout().lock())?;
            Ok(shown)
        }
        What::Check { dir } => check(dir.as_deref()),
        What::Pages { dir, rules } => rule_pages::write(&*scan::rules(rules.as_deref())?, dir),
    }
}

fn list(set: &RuleSet) -> Result<Exit> {
    let mut out = io::stdout().lock();
    let width = set.rules.iter().map(|r| r.id.len()).max().unwrap_or(0);
    for rule in set.rules.iter() {
        writeln!(
            out,
            "{:<width$}  {:<8}  {:<6}  {}",
            rule.id,
            rule.severity.as_str(),
            rule.confidence.as_str(),
            rule.name
        )?;
    }
    writeln!(out, "{}", size(set))?;
    Ok(Exit::Clean)
}

/// How many rules of how many providers a set has.
fn size(set: &RuleSet) -> String {
    let (rules, providers) = (set.rules.len() as u64, set.providers.len() as u64);
    format!("{} of {}", counted(rules, "rule", "rules"), counted(providers, "provider", "providers"))
}

fn show(set: &RuleSet, id: &str) -> Result<Exit> {
    describe(set, named(set, id)?, &mut io::stdout().lock())?;
    Ok(Exit::Clean)
}

/// The rule of an id, or what was meant by it.
pub(super) fn named<'r>(set: &'r RuleSet, id: &str) -> Result<&'r Rule> {
    let Some(rule) = set.rule(id) else {
        let near = nearest(id, set.rules.iter().map(|r| r.id.as_ref()))
            .map_or_else(|| "see `quell rules list`".to_owned(), |n| format!("did you mean `{n}`?"));
        bail!("there is no rule `{id}`\n  help: {near}");
    };
    Ok(rule)
}

/// Writes everything about a rule, in the words of the rule format.
pub(super) fn describe(set: &RuleSet, rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    let provider = set.provider_of(rule).map(|p| p.name.to_string()).unwrap_or_default();
    let mut line =
        |name: &str, value: String| if value.is_empty() { Ok(()) } else { writeln!(out, "{name:<12} {value}") };
    line("rule", rule.id.to_string())?;
    line("name", rule.name.to_string())?;
    line("provider", provider)?;
    line("severity", rule.severity.as_str().to_owned())?;
    line("confidence", rule.confidence.as_str().to_owned())?;
    line("shape", rule.shape.as_str().to_owned())?;
    line("keywords", rule.keywords.join("  "))?;
    line("pattern", rule.pattern.to_string())?;
    line("checks", checks(rule))?;
    let companions: Vec<String> = rule
        .companions
        .iter()
        .map(|c| format!("{} ({}{})", c.name, c.rule, if c.required { ", required" } else { "" }))
        .collect();
    line("companions", companions.join("  "))?;
    line("sample", rule.sample.to_string())?;
    line("advice", rule.advice.to_string())?;
    line("docs", rule.docs.to_string())?;
    line("controls", rule.controls.join("  "))?;
    let verified = recipe::lines(set, rule);
    if verified.is_empty() {
        return line("verify", "no recipe says how to ask whether it works".to_owned());
    }
    line("verify", set.provider_of(rule).map(|p| format!("{}/{}", p.id, rule.verify)).unwrap_or_default())?;
    verified.into_iter().try_for_each(|(name, text)| line(&format!("  {name}"), text))
}

fn checks(rule: &Rule) -> String {
    let mut out = Vec::new();
    if let Some(checksum) = rule.checksum {
        out.push(format!(
            "checksum {}",
            crate::rules::Checksum::ALL.iter().find(|(_, c)| *c == checksum).map_or("", |(n, _)| n)
        ));
    }
    if let Some(decoder) = rule.decoder {
        out.push(format!("structure {}", Decoder::ALL.iter().find(|(.., d)| *d == decoder).map_or("", |(n, ..)| n)));
    }
    if rule.min_entropy > 0 {
        out.push(format!("entropy ≥ {}.{:02} bits a byte", rule.min_entropy / 100, rule.min_entropy % 100));
    }
    if rule.password {
        out.push("a literal that a person chose".to_owned());
    }
    out.join(", ")
}

fn check(dir: Option<&Path>) -> Result<Exit> {
    let mut out = io::stdout().lock();
    dir.map(scan::readable).transpose()?;
    let loaded = dir.map(|dir| load::read_dir(dir).and_then(|s| load::files(&s, &[]))).transpose();
    let (set, files) = match loaded {
        Ok(Some(files)) => (Cow::Owned(RuleSet::compile(&files)), files),
        Ok(None) => (Cow::Borrowed(embedded()), Vec::new()),
        Err(errors) => {
            for error in &errors {
                writeln!(out, "{}", escaped(&scan::mistake(error)))?;
            }
            return Ok(Exit::Usage);
        }
    };
    let mut errors: Vec<String> = set.rules.iter().filter_map(|r| selftest::run(&set, r).err()).flatten().collect();
    let recipes: Vec<_> = files.iter().flat_map(|f| f.verify.iter().map(move |(name, r)| (f, name, r))).collect();
    for (file, name, recipe) in &recipes {
        let name = format!("{}/{name}", file.provider.id.get_ref());
        errors.extend(verify::selftest::run(&name, recipe.get_ref()).err().unwrap_or_default());
    }
    for error in &errors {
        writeln!(out, "{}", escaped(error))?;
    }
    let recipes = counted(recipes.len() as u64, "recipe", "recipes");
    writeln!(out, "{}, {recipes}, {}", size(&set), counted(errors.len() as u64, "error", "errors"))?;
    Ok(if errors.is_empty() { Exit::Clean } else { Exit::Usage })
}
