#!/usr/bin/env bash
# Who consumes which secret: CPU time and peak memory of `quell ci` on 5,000 workflows, and of `quell deps` beside a scan of the same tree.
# Usage: benches/consumers.sh WORKFLOWS [TREE...]   (needs GNU time; `cargo build --release` first)
#
# WORKFLOWS is a folder with real files of GitHub Actions anywhere below it; they are copied under other names until there are 5,000.
set -euo pipefail
quell=$(realpath "${QUELL:-$(dirname "$0")/../target/release/quell}")
runs=${RUNS:-7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/tree/.github/workflows"
mapfile -t files < <(find "$1" -path '*/.github/workflows/*' \( -name '*.yml' -o -name '*.yaml' \) | sort)
if [ ${#files[@]} -eq 0 ]; then
    echo "there are no workflows below $1" >&2
    exit 2
fi
for ((i = 0; i < 5000; i++)); do
    cp "${files[i % ${#files[@]}]}" "$work/tree/.github/workflows/w$i.yml"
done

# once COMMAND...: its CPU seconds and its peak memory in KiB.
once() {
    /usr/bin/time -f '%U %S %M' -o "$work/time" "$@" >/dev/null 2>&1 || true
    grep -E '^[0-9.]+ [0-9.]+ [0-9]+$' "$work/time" | awk '{ print $1 + $2, $3 }'
}

# median: of the first column, with the most of the second.
median() {
    sort -n | awk '{ cpu[NR] = $1; if ($2 > most) most = $2 } END { printf "%.3f %.1f\n", cpu[int((NR + 1) / 2)], most / 1024 }'
}

bytes=$(du -sb "$work/tree" | cut -f1)
once "$quell" ci --fail-on none "$work/tree" >/dev/null
for ((i = 0; i < runs; i++)); do once "$quell" ci --fail-on none "$work/tree"; done | median |
    awk -v bytes="$bytes" -v of="${#files[@]}" '{ printf "5,000 workflows (%.1f MB, made of %d): %.3f s CPU, %.1f MiB\n", bytes / 1e6, of, $1, $2 }'

shift
for tree in "$@"; do
    once "$quell" scan --fail-on none "$tree" >/dev/null
    for ((i = 0; i < runs; i++)); do
        scan=$(once "$quell" scan --fail-on none "$tree")
        deps=$(once "$quell" deps NO_SUCH_NAME_ANYWHERE "$tree")
        echo "${scan% *} ${deps% *} ${deps#* }"
    done | awk '{ print $2 / $1, $1, $2, $3 / 1024 }' | sort -n | awk -v tree="$tree" '
        { ratio[NR] = $1; scan[NR] = $2; deps[NR] = $3; if ($4 > most) most = $4 }
        END { middle = int((NR + 1) / 2)
              printf "%s: scan %.3f s CPU, with consumers %.3f s, ratio %.2f (the median pair), %.1f MiB\n",
                  tree, scan[middle], deps[middle], ratio[middle], most }'
done
