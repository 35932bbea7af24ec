//! Trackers of tasks: GitHub as `emulate` is it, with a token and as an App; GitLab and Jira by the shapes that their
//! documentation shows; folders of files; and all of them where they answer badly.

mod bad;
mod files;
mod github;
mod gitlab;
mod http;
mod jira;

use quell::connectors::tracker::{Marker, TaskText};
use tokio::runtime::Runtime;

/// A runtime for one test.
fn runtime() -> Runtime {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn marker(case: &str) -> Marker {
    Marker::new("store-1", case).unwrap()
}

/// What a task says.
fn text(case: &str, body: &str) -> TaskText {
    TaskText {
        title: format!("{case}: rotate a key"),
        body: body.to_owned(),
        labels: vec!["severity:high".to_owned()],
        due: Some(1_795_313_608),
        marker: marker(case),
    }
}
