//! The commands of docs/walkthrough.md run in one directory, one after another, and write what it says they write. The page
//! has ports; the test takes some that are free.

use crate::pages::{Reader, blocks};
use crate::services::{free_port, tool};

/// The ports that the page names.
const PORTS: [&str; 2] = ["8318", "8319"];

#[test]
fn the_walkthrough_goes_from_a_commit_to_a_proof() {
    for (program, package) in [("faketime", "faketime"), ("openssl", "openssl"), ("jq", "jq"), ("curl", "curl")] {
        tool(program, &format!("Debian's `{package}`"));
    }
    tool("synapse_homeserver", "`matrix-synapse` from PyPI");
    let mut page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/walkthrough.md")).unwrap();
    for port in PORTS {
        assert!(page.contains(port), "the page does not name the port {port}");
        page = page.replace(port, &free_port().to_string());
    }
    let mut reader = Reader::of("docs/walkthrough.md");
    blocks(&page).iter().for_each(|steps| reader.follow(steps));
}
