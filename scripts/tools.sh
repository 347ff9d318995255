#!/usr/bin/env bash
# Puts the pinned tools of `make lint` and `make test` (scripts/tools.txt) into .tools/, a Python
# venv of their own. The wheels carry ready programs: seconds, where `cargo install` takes minutes.
#
#   scripts/tools.sh           installs them unless they are there; without Python or network it says
#                              what will be skipped and is no failure, except in CI
#   scripts/tools.sh --ready   only says by its exit code whether they are there
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

DIR=.tools
STAMP=$DIR/installed.txt

ready() { cmp -s scripts/tools.txt "$STAMP"; }

# Two makes at once must not build the same venv: the second waits, then finds it ready.
lock() {
    on_path flock || return 0
    mkdir -p "$TARGET_DIR"
    exec 9>"$TARGET_DIR/tools.lock"
    flock -w 300 9 || die "Another process has been installing tools into $DIR for five minutes."
}

wheels() {
    "$DIR/bin/python" -m pip install --quiet --retries 2 --no-deps --only-binary :all: --require-hashes \
        -r scripts/tools.txt
}

install() {
    # A registry that fails is asked once more, but nobody waits for it for ever.
    export PIP_DEFAULT_TIMEOUT=${PIP_DEFAULT_TIMEOUT:-60} PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
    rm -rf "$DIR"
    python3 -m venv "$DIR" || return 1
    wheels || { sleep 5; wheels; } || return 1
    cp scripts/tools.txt "$STAMP"
}

if [ "${1:-}" = --ready ]; then
    ready
    exit
fi
ready && exit 0
problem=
if ! on_path python3; then
    problem="python3 is missing"
elif ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    problem="this python3 cannot make a venv (Debian: apt-get install python3-venv)"
else
    lock
    ready && exit 0
    say "Installing the tools of scripts/tools.txt into $DIR/"
    if ! install </dev/null 9>&-; then
        rm -rf "$DIR"
        problem="the wheels of scripts/tools.txt could not be installed: see above"
    fi
fi
[ -n "$problem" ] || exit 0
say "No tools in $DIR/: $problem."
if in_ci; then exit 1; fi
say "Going on without them: lints that need them are skipped, and \"cargo test\" runs the tests."
