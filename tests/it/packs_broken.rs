//! Broken packs: cut short, with flipped bytes, lost or replaced. What is left is read, and the rest is said.

use std::path::Path;

use quell::model::GapKind;

use crate::packs::{Recorder, files, history, listed, walked};
use crate::support::Tree;

/// Every object that is visited has the bytes that git lists, and when one is not there is a gap.
#[track_caller]
fn salvaged(path: &Path, recorder: &Recorder, wanted: usize) -> usize {
    let coverage = walked(path, recorder, 2);
    let seen = recorder.seen.lock().unwrap().len();
    assert!(seen == wanted || !coverage.gaps.is_empty(), "{seen} of {wanted} and no gap");
    seen
}

#[test]
fn a_truncated_pack_gives_what_is_left() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    tree.git("r", &["repack", "-q", "-adf"]);
    let wanted = listed(&tree, "r");
    let pack = files(&tree.at("r/.git/objects/pack"), "pack").remove(0);
    let whole = std::fs::read(&pack).unwrap();
    std::fs::remove_file(&pack).unwrap();
    for len in [0, 5, 12, 31, 32, 100, whole.len() / 2, whole.len() * 9 / 10, whole.len() - 21, whole.len() - 1] {
        std::fs::write(&pack, &whole[..len]).unwrap();
        let recorder = Recorder::default();
        let seen = salvaged(&tree.at("r"), &recorder, wanted.len());
        assert!(seen < wanted.len() || len == whole.len() - 1);
        assert!(seen > 0 || len <= 100, "{len}: nothing is left");
        assert!(recorder.seen.lock().unwrap().iter().all(|(id, object)| wanted[id] == *object));
    }
}

#[test]
fn flipped_bytes_crash_nothing_and_are_said() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    tree.git("r", &["repack", "-q", "-adf"]);
    let wanted = listed(&tree, "r");
    for ending in ["pack", "idx"] {
        let file = files(&tree.at("r/.git/objects/pack"), ending).remove(0);
        let whole = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 40) {
            for flip in [0x01, 0xff] {
                let mut broken = whole.clone();
                broken[at] ^= flip;
                std::fs::write(&file, broken).unwrap();
                let recorder = Recorder::default();
                let seen = salvaged(&tree.at("r"), &recorder, wanted.len());
                assert!(ending == "idx" || at < 12 || seen > 0, "{at}: one byte costs everything");
            }
        }
        std::fs::write(&file, &whole).unwrap();
    }
}

#[test]
fn what_one_pack_lost_is_taken_from_another() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    let loose = listed(&tree, "r");
    tree.git("r", &["repack", "-q", "-f"]);
    let pack = files(&tree.at("r/.git/objects/pack"), "pack").remove(0);
    let mut bytes = std::fs::read(&pack).unwrap();
    bytes[12..].fill(0x55);
    std::fs::remove_file(&pack).unwrap();
    std::fs::write(&pack, &bytes).unwrap();
    let recorder = Recorder::default();
    assert_eq!(walked(&tree.at("r"), &recorder, 2).gaps, [], "all of them are loose, too");
    assert!(*recorder.seen.lock().unwrap() == loose);
}

#[test]
fn links_and_special_files_among_the_packs_are_not_followed() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    tree.git("r", &["repack", "-q", "-adf"]);
    let pack = files(&tree.at("r/.git/objects/pack"), "pack").remove(0);
    std::fs::rename(&pack, tree.at("elsewhere")).unwrap();
    std::os::unix::fs::symlink(tree.at("elsewhere"), &pack).unwrap();
    let recorder = Recorder::default();
    let coverage = walked(&tree.at("r"), &recorder, 2);
    assert_eq!(kind(&coverage), [GapKind::Unreadable]);
    assert!(recorder.seen.lock().unwrap().is_empty());
    std::fs::remove_file(&pack).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &pack, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    assert_eq!(kind(&walked(&tree.at("r"), &Recorder::default(), 2)), [GapKind::Unreadable]);
}

fn kind(coverage: &quell::model::Coverage) -> Vec<GapKind> {
    coverage.gaps.iter().map(|gap| gap.kind).collect()
}
