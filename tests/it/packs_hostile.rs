//! Hostile packs, made by hand: nothing crashes, hangs or grows without bound, and what is not read is said.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};

use quell::model::{Coverage, GapKind, ObjectId};
use quell::sources::git::{Copied, Limits, Object, ObjectKind, ObjectReader, Repository, Visitor, walk_within};

use crate::support::{Tree, stored};

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

/// Makes a bare repository with one pack of these entries.
fn repository(tree: &Tree, entries: &[(Made, u64, Vec<u8>)]) -> Repository {
    tree.dir("r.git/refs");
    tree.write("r.git/HEAD", "ref: refs/heads/main\n");
    write_pack(tree, "a", 0, entries);
    Repository::open(&tree.at("r.git"), &mut Coverage::default()).unwrap()
}

/// Writes a pack of these entries: what each is, the size that it states, its stream. They are numbered from `first`.
fn write_pack(tree: &Tree, name: &str, first: usize, entries: &[(Made, u64, Vec<u8>)]) {
    let dir = tree.dir("r.git/objects/pack");
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
    std::fs::write(dir.join(format!("pack-{name}.pack")), pack).unwrap();
    std::fs::write(dir.join(format!("pack-{name}.idx")), index(first, &offsets)).unwrap();
}

fn index(first_number: usize, offsets: &[u32]) -> Vec<u8> {
    let numbers = || first_number..first_number + offsets.len();
    let mut out = b"\xfftOc\0\0\0\x02".to_vec();
    for first in 0..=255u8 {
        let count = numbers().filter(|n| id(*n)[0] <= first).count() as u32;
        out.extend(count.to_be_bytes());
    }
    numbers().for_each(|n| out.extend(id(n)));
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
fn bases_in_other_packs_are_found_and_circles_through_packs_end() {
    let tree = Tree::new();
    let entries = [blob(b"abc"), delta(Made::Id(101), &append(3, b"?"))];
    drop(repository(&tree, &entries));
    let entries = [
        delta(Made::Id(0), &append(3, b"d")),
        delta(Made::Id(1), &append(3, b"?")),
        delta(Made::Offset(0), &append(4, b"e")),
        delta(Made::Id(102), &append(5, b"f")),
        delta(Made::Offset(1), &append(3, b"?")),
        delta(Made::Id(999), &append(3, b"?")),
    ];
    write_pack(&tree, "b", 100, &entries);
    let repository = Repository::open(&tree.at("r.git"), &mut Coverage::default()).unwrap();
    let (counter, coverage) = count(&repository, &Limits::default());
    assert_eq!((counter.objects.into_inner(), counter.largest.into_inner()), (4, 6));
    let mut found: Vec<&str> =
        coverage.gaps.iter().map(|gap| gap.why.split(" is not read: ").nth(1).unwrap()).collect();
    found.sort_unstable();
    let missing = format!("it is a delta against object {}, which is missing", ObjectId::new(&id(999)).unwrap());
    let circle = "it is a delta against itself, by way of others";
    assert_eq!(found, [circle, &format!("{circle}; nor is one that builds on it"), &missing]);
}

/// The most memory that this process has used; each test is a process of its own under nextest alone.
fn assert_memory_is_bounded() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: Option<u64> = peak.and_then(|text| text.split_whitespace().next()?.parse().ok());
    if let Some(peak) = peak.filter(|_| std::env::var_os("NEXTEST").is_some()) {
        assert!(peak < 512 << 10, "{peak} kB");
    }
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
    assert_memory_is_bounded();
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
    let (_, coverage) = count(&repository, &Limits::default());
    assert_eq!(kinds(&coverage), [GapKind::OverBudget]);
    assert_memory_is_bounded();
}
