#!/usr/bin/env bash
# CPU time and peak memory of quell on work trees, beside ripgrep reading the same files and the peers that are installed
# (kingfisher, betterleaks, gitleaks, detect-secrets). Network checks of peers are off.
# Usage: benches/peers.sh TREE...   (needs GNU time and rg; `cargo build --release` first)
set -euo pipefail
quell=${QUELL:-$(dirname "$0")/../target/release/quell}
runs=${RUNS:-5}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# measure NAME COMMAND...: the median of the runs, after one that warms the caches.
measure() {
    local name=$1
    shift
    "$@" >/dev/null 2>&1 || true
    : >"$log"
    for ((i = 0; i < runs; i++)); do
        /usr/bin/time -f '%U %S %M' -a -o "$log" "$@" >/dev/null 2>&1 || true
    done
    # A command that ends with findings has a line of its own about its exit code.
    grep -E '^[0-9.]+ [0-9.]+ [0-9]+$' "$log" | awk '{ print $1 + $2, $3 }' | sort -n |
        awk -v name="$name" '{ cpu[NR] = $1; if ($2 > mem) mem = $2 }
            END { printf "  %-16s %8.3f s CPU  %6.0f MiB\n", name, cpu[int((NR + 1) / 2)], mem / 1024 }'
}

for tree in "$@"; do
    echo "$tree"
    measure 'rg -uuu -F' rg -uuu -F absent-string "$tree"
    measure quell "$quell" scan --fail-on none "$tree"
    if command -v kingfisher >/dev/null; then
        measure kingfisher kingfisher scan --no-validate --git-history none --no-update-check "$tree"
    fi
    if command -v betterleaks >/dev/null; then
        measure betterleaks betterleaks "$tree" --exit-code 0 --silent
    fi
    if command -v gitleaks >/dev/null; then
        measure gitleaks gitleaks dir "$tree" --exit-code 0 --no-banner
    fi
    if command -v detect-secrets >/dev/null; then
        measure detect-secrets detect-secrets -C "$tree" scan --all-files --no-verify .
    fi
done
