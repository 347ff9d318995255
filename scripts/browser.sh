#!/usr/bin/env bash
# Brings what the browser tests need beside Debian's Chromium and node: two packages of npm, as their lock
# file says, into a folder beside them. Nothing of it is part of Bough.
#
# Without npm or network it says what will be skipped and is no failure, except in CI.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if ! on_path chromium && [ -z "${BOUGH_CHROMIUM:-}" ]; then
    problem="chromium is missing (Debian: apt-get install chromium)"
elif ! on_path node && ! on_path nodejs; then
    problem="node is missing (Debian: apt-get install nodejs)"
else
    npm_packages crates/bough/tests/browser browser
fi
[ -n "$problem" ] || exit 0
say "skipped: the browser tests, since $problem."
if in_ci; then exit 1; fi
