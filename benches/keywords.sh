#!/usr/bin/env bash
# How often the keywords of the rules stand in a tree, in all and the most frequent: `benches/keywords.sh TREE [RULES]`.
#
# Without a tree, in what tests/it/keywords.rs holds to its budget. RULES is a directory of rule files, added to those that
# are built in. Only files that are UTF-8 are read, and neither `.git` nor `target`.
set -euo pipefail
tree=${1:+$(realpath "$1")} rules=${2:+$(realpath "$2")}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
QUELL_BENCH_TREE=$tree QUELL_BENCH_RULES=$rules \
    cargo test --quiet --locked --test it -- --ignored --exact --nocapture keywords::counted_in_a_tree
