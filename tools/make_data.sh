#!/bin/sh
# Runs each data/<study>/make_data.py whose script, generator, lock or written files are not those of its last run.
# data/<study>/.made lists their hashes, in the form that "sha256sum --check" reads.
set -eu
CDPATH='' cd -P -- "$(dirname -- "$0")/.."

hashes() {
    if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

for script in data/*/make_data.py; do
    [ -e "$script" ] || continue
    study=${script%/make_data.py}
    made=$study/.made
    if [ -s "$made" ] && hashes --check --status "$made" 2>/dev/null; then
        continue
    fi
    rm -f "$made"
    begun=$(mktemp)
    trap 'rm -f "$begun"' EXIT
    .venv/bin/python "$script"
    {
        printf '%s\n' "$script" requirements.lock
        [ ! -d evidence_lib/rehearsal ] || find evidence_lib/rehearsal -type f \( -name '*.py' -o -name '*.csv' \)
        find "$study" -type f -newer "$begun" ! -name '.made*' ! -path '*/__pycache__/*' ! -path "$study/out/*"
    } | while IFS= read -r file; do hashes "$file"; done >"$made.tmp"
    mv "$made.tmp" "$made"
    rm -f "$begun"
done
