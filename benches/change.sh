#!/usr/bin/env bash
# CPU time of scans of a change, process start included: `benches/change.sh REPOSITORY QUELL [RUNS]`.
#
# Clones the repository, stages a one-line change, and runs quell on it and on the last ranges, 50 times by default.
set -euo pipefail
repository=$1 quell=$(realpath "$2") runs=${3:-50}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone -q "$repository" "$work/clone"
cd "$work/clone"
file=$(git ls-files -- '*.c' '*.rs' '*.go' '*.py' | sed -n 1p)
echo "one more line" >> "$file"
git add -A
measure() {
    local TIMEFORMAT='%U %S'
    { time for ((i = 0; i < runs; i++)); do "$quell" "$@" >/dev/null 2>&1 || [ $? -eq 1 ]; done; } 2>&1 |
        awk -v runs="$runs" -v what="$*" '{ printf "%7.2f ms CPU  %s\n", ($1 + $2) / runs * 1000, what }'
}
measure scan --staged
measure hook pre-commit
measure scan --unstaged
for back in 8 13 20; do
    printf '%4d commits: ' "$(git rev-list --count "HEAD~$back..HEAD")"
    measure scan --range "HEAD~$back..HEAD"
done
