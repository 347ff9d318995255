#!/usr/bin/env bash
# `make advisories`: known vulnerabilities of what Bough is built from. It needs the network for the
# database of them, so it is no part of `make lint`. Exit code 1 if there are any; 2 when it could
# not be measured, which is not the same as none.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/setup.sh lint
PATH=$ROOT/.tools/bin:$PATH
not_measured() {
    say "advisories: not measured: $*"
    exit 2
}
on_path cargo-deny || not_measured "cargo-deny is missing, see above."
# Nobody is asked for a password of a host that wants one.
export GIT_TERMINAL_PROMPT=0
if ! output=$(timeout 300 cargo deny fetch db 2>&1 </dev/null); then
    reason=$(printf '%s\n' "$output" | grep -m 1 '^fatal:' || printf '%s\n' "$output" | tail -n 1)
    not_measured "the advisory database could not be fetched (${reason:-no answer})"
fi
exec cargo deny check advisories
