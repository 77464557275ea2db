#!/bin/sh
# Builds .venv from requirements.lock with the project in it, or does nothing when both are in step.
# Built as .venv.tmp and renamed when complete, so that an interrupted set-up never looks like a finished one.
set -eu
CDPATH='' cd -P -- "$(dirname -- "$0")/.."
here=$PWD

stop() {
    printf 'make: %s\n' "$1" >&2
    exit 1
}

hash_of() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

new_enough() {
    "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        if new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
}

can_make_environments() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

# Debian and Ubuntu keep ensurepip in a package of its own.
install_venv_package() {
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    by_hand="$1 cannot make environments. Type this once, then run make again:  sudo apt-get install $package"
    command -v apt-get >/dev/null || stop "$1 cannot make environments: its ensurepip or venv module is missing."
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        stop "$by_hand"
    fi
    echo "Installing $package ..."
    { $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package"; } \
        >/dev/null || stop "$by_hand"
    can_make_environments "$1" || stop "$by_hand"
}

install_project() {
    "$1" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
}

# pip writes the environment's absolute path into its scripts: they must name the place the folder is renamed to.
settle_paths() {
    .venv.tmp/bin/python - <<'SETTLE'
import os
from pathlib import Path

built, final = os.fsencode(os.path.abspath(".venv.tmp")), os.fsencode(os.path.abspath(".venv"))
for file in [Path(".venv.tmp/pyvenv.cfg"), *Path(".venv.tmp/bin").iterdir()]:
    if file.is_file() and not file.is_symlink():
        text = file.read_bytes()
        if built in text and b"\0" not in text:
            file.write_bytes(text.replace(built, final))
SETTLE
}

# A stamp names the folder too: a copied or moved environment has the old folder's paths in it.
environment="$(hash_of requirements.lock) $here"
project=$(hash_of pyproject.toml)

if [ "$(cat .venv/.environment 2>/dev/null)" != "$environment" ] || ! .venv/bin/python -c '' 2>/dev/null; then
    python=$(find_python)
    [ -n "$python" ] || stop "Python 3.11 or later is needed${PYTHON:+ ($PYTHON is not)}; on Debian or Ubuntu: sudo apt-get install python3 python3-venv"
    can_make_environments "$python" || install_venv_package "$python"
    echo "Setting up .venv with $("$python" --version) (once; a few minutes) ..."
    rm -rf .venv.tmp
    trap 'rm -rf .venv.tmp' EXIT
    trap 'exit 130' INT TERM HUP
    "$python" -m venv --prompt evidence-lib .venv.tmp
    .venv.tmp/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --use-pep517 \
        --requirement requirements.lock
    install_project .venv.tmp/bin/python
    settle_paths
    printf '%s\n' "$environment" >.venv.tmp/.environment
    printf '%s\n' "$project" >.venv.tmp/.project
    rm -rf .venv
    mv .venv.tmp .venv
elif [ "$(cat .venv/.project 2>/dev/null)" != "$project" ]; then
    install_project .venv/bin/python
    printf '%s\n' "$project" >.venv/.project
fi
