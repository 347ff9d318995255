#!/usr/bin/env bash
# Brings the driver of npm that the gateway's tests connect with, as its lock file says, into a folder beside them.
# Nothing of it is part of Bough. The one of Python comes with the tools (scripts/tools.txt).
#
# Without npm or network it says what will be skipped and is no failure, except in CI.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

npm_packages crates/gateway/tests/clients/drivers drivers
[ -n "$problem" ] || exit 0
say "skipped: the gateway's test with mysql2, since $problem."
if in_ci; then exit 1; fi
