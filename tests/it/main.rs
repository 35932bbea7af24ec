//! Integration tests: quell as its users meet it, and the properties that hold across its layers.
//!
//! One binary, so that everything links once. `support` runs the built command in a scrubbed environment and makes
//! samples; every module says in its first lines what it holds. Tokens are made at run time from the rules' own
//! templates: no secret-shaped literal stands in these files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests fail loudly, and say on standard error what they could not try"
)]

mod support;

mod assigned;
mod attribution;
mod baseline;
mod cache;
#[cfg(feature = "remediate")]
mod cases;
mod change_formats;
mod changes;
mod ci;
mod deps;
mod encodings;
mod formats;
mod generic;
mod git;
mod git_directory;
mod history;
mod hits;
mod hooks;
mod hostile;
mod hostile_ci;
mod hostile_config;
mod hostile_history;
mod hostile_races;
mod hostile_trees;
mod issuers;
mod keyword_counts;
mod keywords;
#[cfg(feature = "remediate")]
mod ledger;
mod locality;
mod many;
mod markers;
#[cfg(feature = "remediate")]
mod metrics;
mod names;
mod narrowing;
#[cfg(feature = "remediate")]
mod notice;
mod outputs;
#[cfg(feature = "remediate")]
mod owners;
mod packs;
mod packs_broken;
mod packs_hostile;
mod pages;
mod pipeline_formats;
mod pipelines;
mod planted;
#[cfg(feature = "remediate")]
mod policy;
mod prefix;
mod ranges;
mod readme;
mod recipe_files;
mod recipes;
mod refs;
mod remote;
mod remote_github;
mod rule_pages;
mod server;
mod services;
mod sinkholes;
mod snapshots;
mod targets;
#[cfg(feature = "remediate")]
mod trackers;
mod verify;
#[cfg(feature = "remediate")]
mod walkthrough;
