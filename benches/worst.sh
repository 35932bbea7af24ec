#!/usr/bin/env bash
# The worst inputs beside plain text of the same size: CPU seconds, MB/s and peak memory of a whole process each.
# Usage: benches/worst.sh [MEGABYTES]   (default 100; needs GNU time, `cargo build --release` first)
set -euo pipefail
cd "$(dirname "$0")/.."
quell=${QUELL:-target/release/quell}
megabytes=${1:-100}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Repeats a text to the size that was asked for.
fill() (
    set +o pipefail # head ends the others
    yes -- "$1" | tr -d "$2" | head -c "$((megabytes * 1000000))"
)

plain='The quick brown fox jumps over the lazy dog, and then some more of it comes to fill this line up.'
case_of() {
    local name=$1
    /usr/bin/time -f '%U %S %M' -o "$dir/time" "$quell" scan --fail-on none --threads 1 "$dir/input" > /dev/null 2>&1 ||
        [ $? -eq 3 ] # more matches than are kept
    awk -v name="$name" -v mb="$megabytes" '{ cpu = $1 + $2; printf "%-44s %6.2f s %8.0f MB/s %6.0f MiB\n", name, cpu, mb / cpu, $3 / 1024 }' < <(tail -1 "$dir/time")
}

fill "$plain" '' > "$dir/input"; case_of 'plain text'
fill "$plain" '\n' > "$dir/input"; case_of 'plain text on one line'
fill 'password = filler x' '' > "$dir/input"; case_of 'a generic keyword every 20 bytes'
fill 'ghp_aaaaaaaaaaaaaaa' '' > "$dir/input"; case_of 'a token keyword every 20 bytes'
fill 'https://aaaaaaa:bbb' '' > "$dir/input"; case_of 'a URL keyword every 20 bytes'
fill 'secret: ${VARIABLE}' '' > "$dir/input"; case_of 'a reference every 20 bytes'
fill 'eyJ' '\n' > "$dir/input"; case_of 'eyJ repeated'
fill 'eyJhbGciOi.' '\n' > "$dir/input"; case_of 'eyJhbGciOi. repeated'
fill '-----BEGIN' '\n' > "$dir/input"; case_of '-----BEGIN repeated'
fill '-----BEGIN RSA PRIVATE KEY-----' '' > "$dir/input"; case_of '-----BEGIN RSA PRIVATE KEY----- repeated'

# Made against single rules: keywords that wake a rule whose match starts before them, or reads far on.
megabytes=$((megabytes / 10))
for text in ';password' '; password=' 'uid=a;password=' 'server=a;uid=b;password=' ' password=' 'host=a port=b password=' \
    '@tcp(' 'a:bbb@tcp(' '+ABa' '+ASt' 'T3BlbkFJ' 'sk-T3BlbkFJ' '.snowflakecomputing' 'https://sentry' 'password is ' \
    'identified by ' 'curl ' 'curl -u ' 'https://a:' '/https://a:@' 'postgres://a:b@' 'machine ' 'machine a login b ' \
    '-eyJhbGciOi' 'eyJhbGciOi.' 'eyJhbGciOi.eyJa.' 'Comment: -----BEGIN RSA PRIVATE KEY-----' 'Bearer ' \
    'Authorization: Basic ' 'password=' '"password": "' 'api_key' 'secret=a' '${PASSWORD:-' '--password '; do
    fill "$text" '\n' > "$dir/input"; case_of "$text on one line"
    fill "$text" '' > "$dir/input"; case_of "$text in lines"
done
