//! The walk over a repository's objects alone: inflating and applying deltas, with a visitor that looks at nothing.
//!
//! `cargo bench --bench history_walk -- REPOSITORY [THREADS [all]]`. It prints objects, bytes, wall and CPU seconds, and the
//! peak of memory that is the process's own. `all` walks every kind, not blobs alone. What it is compared with:
//! `git -C REPOSITORY cat-file --batch --batch-all-objects --unordered --buffer >/dev/null`.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::io::Read;
use std::path::Path;
use std::time::Instant;

use quell::model::{Coverage, ObjectId};
use quell::sources::git::{Copied, Object, ObjectKind, Repository, Visitor, walk};

struct Nothing {
    all: bool,
}

impl Visitor for Nothing {
    type State = ();

    fn wants(&self, kind: ObjectKind) -> bool {
        self.all || kind == ObjectKind::Blob
    }

    fn visit(&self, object: &Object<'_>, base: Option<(&(), &[Copied])>) {
        std::hint::black_box((object, base));
    }

    fn large(&self, _: ObjectId, _: ObjectKind, _: u64, content: &mut dyn Read) {
        let _ = std::io::copy(content, &mut std::io::sink());
    }
}

/// User and system seconds of this process, from `/proc/self/stat` (in ticks of 10 ms).
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

/// A line of `/proc/self/status`.
fn status(name: &str) -> String {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default();
    line.trim_start_matches(':').trim().to_owned()
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let Some(path) = arguments.next() else {
        println!("usage: history_walk REPOSITORY [THREADS [all]]");
        return;
    };
    let threads = arguments.next().and_then(|t| t.parse().ok()).unwrap_or(1);
    let visitor = Nothing { all: arguments.next().is_some() };
    let (start, mut coverage) = (Instant::now(), Coverage::default());
    let repository = match Repository::open(Path::new(&path), &mut coverage) {
        Ok(repository) => repository,
        Err(e) => return println!("{e}"),
    };
    let walked = walk(&repository, threads, &visitor, &mut coverage);
    println!(
        "{threads} threads: {} objects, {} bytes, wall {:.2} s, cpu {:.2} s, peak {} ({} gaps)",
        walked.objects,
        walked.bytes,
        start.elapsed().as_secs_f64(),
        cpu(),
        status("VmHWM"),
        coverage.gaps.len()
    );
    for gap in coverage.gaps.iter().take(10) {
        println!("gap: {:?} {:?} {}", gap.path, gap.kind, gap.why);
    }
}
