//! Counts how often keywords stand in texts, for `keywords`.

use std::path::Path;

use quell::detect::hits::{Engine, HitScratch, find_hits};
use quell::rules::RuleSet;

/// What was counted in texts.
pub(crate) struct Counts<'r> {
    set: &'r RuleSet,
    pub(crate) bytes: usize,
    /// For each keyword of the index, how often it stands there.
    hits: Vec<usize>,
}

/// A keyword, as it stands in the index.
pub(crate) struct Keyword {
    pub(crate) text: String,
    pub(crate) hits: usize,
    /// The ids of the rules that it wakes.
    pub(crate) rules: Vec<String>,
}

impl<'r> Counts<'r> {
    pub(crate) fn new(set: &'r RuleSet) -> Self {
        Self { set, bytes: 0, hits: vec![0; set.index.keywords.len()] }
    }

    /// Counts a text; one that is not UTF-8 is no source text.
    pub(crate) fn add(&mut self, text: &[u8]) {
        if std::str::from_utf8(text).is_err() {
            return;
        }
        let mut hits = Vec::new();
        find_hits(&self.set.index, Engine::detect(), text, &mut HitScratch::default(), &mut hits);
        self.bytes += text.len();
        for hit in hits {
            if let Some(count) = self.hits.get_mut(usize::from(hit.keyword)) {
                *count += 1;
            }
        }
    }

    /// Counts the files of a tree in the order of their names, without what `skip` names by its path below `root`.
    pub(crate) fn add_tree(&mut self, root: &Path, below: &Path, skip: &dyn Fn(&Path) -> bool) {
        let Ok(entries) = std::fs::read_dir(root.join(below)) else { return };
        let mut names: Vec<_> = entries.filter_map(Result::ok).map(|e| e.file_name()).collect();
        names.sort();
        for path in names.into_iter().map(|name| below.join(name)).filter(|path| !skip(path)) {
            let Ok(meta) = root.join(&path).symlink_metadata() else { continue };
            if meta.is_dir() {
                self.add_tree(root, &path, skip);
            } else if meta.is_file() {
                self.add(&std::fs::read(root.join(&path)).unwrap_or_default());
            }
        }
    }

    /// Hits of all keywords in each KB of 1,000 bytes.
    pub(crate) fn per_kb(&self) -> f64 {
        self.hits.iter().sum::<usize>() as f64 * 1e3 / self.bytes.max(1) as f64
    }

    /// How often a number of hits is in each MB of 1,000,000 bytes.
    pub(crate) fn per_mb(&self, hits: usize) -> f64 {
        hits as f64 * 1e6 / self.bytes.max(1) as f64
    }

    /// The keywords that stand there, the most frequent first.
    pub(crate) fn keywords(&self) -> Vec<Keyword> {
        let rule = |index: &u16| self.set.rules.get(usize::from(*index)).map(|rule| rule.id.to_string());
        let counted = self.set.index.keywords.iter().zip(&self.hits).zip(0u16..).filter(|((_, hits), _)| **hits > 0);
        let mut out: Vec<Keyword> = counted
            .map(|((keyword, hits), index)| Keyword {
                text: String::from_utf8_lossy(keyword.bytes.get(..usize::from(keyword.len)).unwrap_or_default())
                    .into_owned(),
                hits: *hits,
                rules: self.set.index.rules_of(index).iter().filter_map(rule).collect(),
            })
            .collect();
        out.sort_by(|a, b| b.hits.cmp(&a.hits).then_with(|| a.text.cmp(&b.text)));
        out
    }

    /// A line in all, then one for each of the most frequent keywords.
    pub(crate) fn table(&self, most: usize) -> String {
        let mut out = format!("{:.2} hits per KB in {} bytes\n", self.per_kb(), self.bytes);
        for keyword in self.keywords().iter().take(most) {
            let (rate, others) = (self.per_mb(keyword.hits), keyword.rules.len().saturating_sub(1));
            let first = keyword.rules.first().map_or("", String::as_str);
            out += &format!("{rate:>9.1} per MB  {:<18} {first}", keyword.text);
            out += &if others > 0 { format!(" and {others} more\n") } else { "\n".to_owned() };
        }
        out
    }
}
