//! The commands of docs/walkthrough.md run in one directory, one after another, and write what it says they write. The page
//! has a port; the test takes one that is free.

use crate::pages::{Reader, blocks};
use crate::services::{free_port, tool};

/// The port that the page names.
const PORT: &str = "8319";

#[test]
fn the_walkthrough_goes_from_a_commit_to_a_proof() {
    for (program, package) in [("faketime", "faketime"), ("openssl", "openssl"), ("jq", "jq"), ("curl", "curl")] {
        tool(program, &format!("Debian's `{package}`"));
    }
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/walkthrough.md")).unwrap();
    assert!(page.contains(PORT), "the page names no port");
    let mut reader = Reader::of("docs/walkthrough.md");
    blocks(&page.replace(PORT, &free_port().to_string())).iter().for_each(|steps| reader.follow(steps));
}
