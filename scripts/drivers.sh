#!/usr/bin/env bash
# Brings the driver of npm that the gateway's tests connect with, as its lock file says, into a folder beside them.
# Nothing of it is part of Bough. The one of Python comes with the tools (scripts/tools.txt).
#
# Without npm or network it says what will be skipped and is no failure, except in CI.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

DIR=crates/gateway/tests/clients/drivers
STAMP=$DIR/node_modules/installed.json

ready() { cmp -s "$DIR/package-lock.json" "$STAMP"; }

# Two makes at once must not fill the same folder: the second waits, then finds it ready.
lock() {
    on_path flock || return 0
    mkdir -p "$TARGET_DIR"
    exec 9>"$TARGET_DIR/drivers.lock"
    flock -w 300 9 || die "Another process has been installing the packages of $DIR for five minutes."
}

packages() { (cd "$DIR" && npm ci --ignore-scripts --no-progress --loglevel=error >/dev/null); }

ready && exit 0
problem=
if ! on_path npm; then
    problem="npm is missing (Debian: apt-get install npm)"
else
    lock
    ready && exit 0
    say "Installing the packages of $DIR/package-lock.json"
    # A registry that fails is asked once more.
    if packages </dev/null 9>&- || { sleep 5; packages </dev/null 9>&-; }; then
        cp "$DIR/package-lock.json" "$STAMP"
    else
        rm -rf "$DIR/node_modules"
        problem="the packages of $DIR/package-lock.json could not be installed: see above"
    fi
fi
[ -n "$problem" ] || exit 0
say "skipped: the gateway's test with mysql2, since $problem."
if in_ci; then exit 1; fi
