//! The first stage alone: the gram filter, with AVX2 and scalar, beside an Aho–Corasick automaton over the same keywords.
//!
//! `QUELL_BENCH_TREE=DIR cargo bench --bench first_stage`: the text is the files of that directory, up to 64 MiB; of this
//! repository where it is not set.

use std::path::Path;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quell::detect::hits::{Engine, HitScratch, find_hits};
use quell::rules::embedded::embedded;

const MOST: usize = 64 << 20;

fn text(dir: &Path, out: &mut Vec<u8>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        let Ok(meta) = path.symlink_metadata() else { continue };
        if out.len() >= MOST {
            return;
        }
        if meta.is_dir() && path.file_name().is_some_and(|n| n != ".git" && n != "target") {
            text(&path, out);
        } else if meta.is_file() {
            out.extend(std::fs::read(&path).unwrap_or_default());
        }
    }
}

fn first_stage(criterion: &mut Criterion) {
    let dir = std::env::var("QUELL_BENCH_TREE").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let mut data = Vec::new();
    text(Path::new(&dir), &mut data);
    let index = &embedded().index;
    let keywords: Vec<&[u8]> = index.keywords.iter().filter_map(|k| k.bytes.get(..usize::from(k.len))).collect();
    let automaton = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .match_kind(MatchKind::Standard)
        .ascii_case_insensitive(true)
        .build(&keywords);
    let mut group = criterion.benchmark_group(format!("first_stage/{} keywords, {} bytes", keywords.len(), data.len()));
    group.throughput(Throughput::Bytes(data.len() as u64)).sample_size(10);
    if let Ok(automaton) = automaton {
        group.bench_function("aho-corasick dfa, overlapping", |b| {
            b.iter(|| automaton.find_overlapping_iter(&data).count())
        });
    }
    let (mut scratch, mut hits) = (HitScratch::default(), Vec::new());
    let engines = [("gram filter, scalar", Engine::Scalar), ("gram filter, avx2", Engine::Avx2)];
    for (name, engine) in engines.into_iter().filter(|(_, e)| *e == Engine::Scalar || Engine::detect() == *e) {
        group.bench_function(name, |b| {
            b.iter(|| {
                hits.clear();
                find_hits(index, engine, &data, &mut scratch, &mut hits);
                hits.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, first_stage);
criterion_main!(benches);
