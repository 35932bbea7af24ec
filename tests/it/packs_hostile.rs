//! Broken and hostile packs: nothing crashes or grows without bound, what can be read is, and the rest is said.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use quell::model::{Coverage, GapKind, ObjectId};
use quell::sources::git::{Copied, Limits, Object, ObjectKind, ObjectReader, Repository, Visitor, walk_within};

use crate::packs::{Recorder, files, history, listed, walked};
use crate::support::Tree;

/// Counts, and keeps nothing.
#[derive(Default)]
struct Counter {
    objects: AtomicU64,
    largest: AtomicU64,
}

impl Visitor for Counter {
    type State = ();

    fn wants(&self, _: ObjectKind) -> bool {
        true
    }

    fn visit(&self, object: &Object<'_>, _: Option<(&(), &[Copied])>) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.largest.fetch_max(object.bytes.len() as u64, Ordering::Relaxed);
    }

    fn large(&self, _: ObjectId, _: ObjectKind, _: u64, content: &mut dyn Read) {
        let _ = std::io::copy(content, &mut std::io::sink());
        self.objects.fetch_add(1, Ordering::Relaxed);
    }
}

/// A zlib stream of stored blocks.
fn stored(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks: Vec<&[u8]> = if data.is_empty() { vec![data] } else { data.chunks(65_535).collect() };
    for (i, block) in blocks.iter().enumerate() {
        let len = block.len() as u16;
        out.push(u8::from(i + 1 == blocks.len()));
        out.extend(len.to_le_bytes());
        out.extend((!len).to_le_bytes());
        out.extend_from_slice(block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

/// What an entry of a made pack is.
enum Made {
    Blob,
    /// A delta against the entry of this number.
    Offset(usize),
    /// A delta against the object of this number.
    Id(usize),
}

fn id(number: usize) -> [u8; 20] {
    let mut id = [0; 20];
    id[..8].copy_from_slice(&((number as u64) << 24 | 0xaa).to_be_bytes());
    id
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A delta that copies the whole of a base and adds a few bytes.
fn append(base: usize, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint(base as u64, &mut out);
    varint((base + bytes.len()) as u64, &mut out);
    let mut at = 0;
    while at < base {
        let len = (base - at).min(0xff_ffff);
        out.push(0x80 | 0x7f);
        out.extend((at as u32).to_le_bytes());
        out.extend(&(len as u32).to_le_bytes()[..3]);
        at += len;
    }
    out.push(bytes.len() as u8);
    out.extend_from_slice(bytes);
    out
}

/// Writes a bare repository with one pack of these entries: what each is, the size that it states, its stream.
fn repository(tree: &Tree, entries: &[(Made, u64, Vec<u8>)]) -> Repository {
    let dir = tree.dir("r.git/objects/pack");
    tree.dir("r.git/refs");
    tree.write("r.git/HEAD", "ref: refs/heads/main\n");
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend((entries.len() as u32).to_be_bytes());
    let mut offsets = Vec::new();
    for (made, size, stream) in entries {
        let here = pack.len();
        offsets.push(here as u32);
        let kind = match made {
            Made::Blob => 3u8,
            Made::Offset(_) => 6,
            Made::Id(_) => 7,
        };
        let mut rest = size >> 4;
        pack.push(kind << 4 | (size & 15) as u8 | if rest > 0 { 0x80 } else { 0 });
        while rest > 0 {
            pack.push((rest & 0x7f) as u8 | if rest >> 7 > 0 { 0x80 } else { 0 });
            rest >>= 7;
        }
        match made {
            Made::Blob => {}
            Made::Id(base) => pack.extend(id(*base)),
            Made::Offset(base) => {
                let mut distance = here as u64 - u64::from(offsets[*base]);
                let mut bytes = vec![(distance & 0x7f) as u8];
                while distance >> 7 > 0 {
                    distance = (distance >> 7) - 1;
                    bytes.insert(0, (distance & 0x7f) as u8 | 0x80);
                }
                pack.extend(bytes);
            }
        }
        pack.extend(stream);
    }
    pack.extend([0; 20]);
    std::fs::write(dir.join("pack-a.pack"), pack).unwrap();
    std::fs::write(dir.join("pack-a.idx"), index(&offsets)).unwrap();
    Repository::open(&tree.at("r.git"), &mut Coverage::default()).unwrap()
}

fn index(offsets: &[u32]) -> Vec<u8> {
    let mut out = b"\xfftOc\0\0\0\x02".to_vec();
    for first in 0..=255u8 {
        let count = (0..offsets.len()).filter(|n| id(*n)[0] <= first).count() as u32;
        out.extend(count.to_be_bytes());
    }
    (0..offsets.len()).for_each(|n| out.extend(id(n)));
    out.extend(vec![0; 4 * offsets.len()]);
    offsets.iter().for_each(|offset| out.extend(offset.to_be_bytes()));
    out.extend([0; 40]);
    out
}

fn blob(data: &[u8]) -> (Made, u64, Vec<u8>) {
    (Made::Blob, data.len() as u64, stored(data))
}

fn delta(made: Made, data: &[u8]) -> (Made, u64, Vec<u8>) {
    (made, data.len() as u64, stored(data))
}

fn count(repository: &Repository, limits: &Limits) -> (Counter, Coverage) {
    let (counter, mut coverage) = (Counter::default(), Coverage::default());
    walk_within(repository, limits, 2, &counter, &mut coverage);
    (counter, coverage)
}

fn kinds(coverage: &Coverage) -> Vec<GapKind> {
    coverage.gaps.iter().map(|gap| gap.kind).collect()
}

#[test]
fn a_chain_of_50_000_deltas_is_walked_and_its_end_is_read() {
    let tree = Tree::new();
    let mut entries = vec![blob(b"start ")];
    entries.extend((0..50_000).map(|n| delta(Made::Offset(n), &append(6 + n, b"x"))));
    let repository = repository(&tree, &entries);
    let (counter, coverage) = count(&repository, &Limits::default());
    assert_eq!((coverage.gaps, counter.objects.into_inner()), (Vec::new(), 50_001));
    assert_eq!(counter.largest.into_inner(), 50_006);
    let last = ObjectReader::new(&repository, 1 << 20).read(&ObjectId::new(&id(50_000)).unwrap()).unwrap();
    assert_eq!(last.1.len(), 50_006);
    // With a budget for everything, what is left out is said.
    let (_, coverage) = count(&repository, &Limits { total: 1 << 20, ..Limits::default() });
    assert_eq!(kinds(&coverage), [GapKind::OverBudget]);
    assert!(coverage.gaps[0].why.contains("that build on it"), "{:?}", coverage.gaps);
    // With no room for bases each is made from the start again, which the budget ends.
    let (_, coverage) = count(&repository, &Limits { live: 1, total: 10 << 20, ..Limits::default() });
    assert!(!coverage.gaps.is_empty() && coverage.gaps.iter().all(|gap| gap.kind == GapKind::OverBudget));
}

#[test]
fn deltas_that_go_in_circles_end() {
    let tree = Tree::new();
    let link = |base| delta(Made::Id(base), &append(3, b"y"));
    let entries =
        [blob(b"abc"), link(2), link(3), link(1), link(1), link(5), delta(Made::Id(7), &append(4, b"z")), link(0)];
    let repository = repository(&tree, &entries);
    let (counter, coverage) = count(&repository, &Limits::default());
    // The root, and the two that lead to it, one of them by a base that comes later.
    assert_eq!(counter.objects.into_inner(), 3);
    assert_eq!(coverage.gaps.len(), 2, "{:?}", coverage.gaps);
    assert!(coverage.gaps.iter().all(|gap| gap.kind == GapKind::Corrupt && gap.why.contains("against itself")));
    let mut reader = ObjectReader::new(&repository, 1 << 20);
    for number in 1..6 {
        assert!(reader.read(&ObjectId::new(&id(number)).unwrap()).is_err());
        assert!(reader.kind(&ObjectId::new(&id(number)).unwrap()).is_err());
    }
    assert_eq!(*reader.read(&ObjectId::new(&id(6)).unwrap()).unwrap().1, b"abcyz");
}

#[test]
fn what_states_too_much_is_not_allocated() {
    let tree = Tree::new();
    let mut huge = Vec::new();
    varint(3, &mut huge);
    varint(16 << 30, &mut huge);
    huge.extend([0x80, 0x80]);
    let mut lying = Vec::new();
    varint(3, &mut lying);
    varint(2, &mut lying);
    lying.extend([0x90, 3, 0x90, 3]);
    let entries = [
        (Made::Blob, 16 << 30, stored(b"few")),
        blob(b"abc"),
        delta(Made::Offset(1), &huge),
        delta(Made::Offset(1), &lying),
        (Made::Offset(1), 16 << 30, stored(&append(3, b"x"))),
        (Made::Blob, 16 << 30, stored(b"few")),
        delta(Made::Offset(5), &append(3, b"x")),
        (Made::Blob, 100 << 20, stored(b"few")),
        delta(Made::Offset(7), &append(3, b"x")),
        (Made::Blob, 2, stored(b"more than two")),
        delta(Made::Offset(1), &append(3, b"good")),
        delta(Made::Id(1_000_000), b""),
    ];
    let repository = repository(&tree, &entries);
    let (counter, coverage) = count(&repository, &Limits::default());
    assert_eq!(counter.largest.into_inner(), 7);
    let of = |kind| coverage.gaps.iter().filter(|gap| gap.kind == kind).count();
    let figures = (of(GapKind::OverBudget), of(GapKind::Corrupt), of(GapKind::Missing), coverage.gaps.len());
    assert_eq!(figures, (3, 4, 1, 8), "{:#?}", coverage.gaps);
    let unread = coverage.gaps.iter().filter(|gap| gap.why.ends_with("; nor is one that builds on it")).count();
    assert_eq!(unread, 2);
}

#[test]
fn a_few_bytes_of_copies_do_not_make_gigabytes() {
    let tree = Tree::new();
    // Each doubles its base: 2 MiB, 4 MiB, and so on to 2 EiB.
    let mut entries = vec![blob(&vec![b'a'; 1 << 20])];
    for n in 0..40u32 {
        let base = 1u64 << (20 + n);
        let mut bytes = Vec::new();
        varint(base, &mut bytes);
        varint(base * 2, &mut bytes);
        for _ in 0..2 {
            for at in (0..base.min(1 << 28)).step_by(1 << 20) {
                bytes.push(0x80 | 0x0f | 0x40);
                bytes.extend((at as u32).to_le_bytes());
                bytes.push(0x10);
            }
        }
        entries.push(delta(Made::Offset(n as usize), &bytes));
    }
    let repository = repository(&tree, &entries);
    let limits = Limits { held: 32 << 20, live: 64 << 20, ..Limits::default() };
    let (counter, coverage) = count(&repository, &limits);
    assert_eq!(counter.objects.into_inner(), 6);
    assert_eq!(counter.largest.into_inner(), 32 << 20);
    assert_eq!(kinds(&coverage), [GapKind::OverBudget]);
    assert!(coverage.gaps[0].why.ends_with("nor are 34 that build on it"), "{:?}", coverage.gaps);
}

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
        for at in (0..whole.len()).step_by(whole.len() / 60) {
            for flip in [0x01, 0x80, 0xff] {
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
    assert_eq!(kinds(&coverage), [GapKind::Unreadable]);
    assert!(recorder.seen.lock().unwrap().is_empty());
    std::fs::remove_file(&pack).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &pack, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    assert_eq!(kinds(&walked(&tree.at("r"), &Recorder::default(), 2)), [GapKind::Unreadable]);
}
