#!/usr/bin/env bash
# `make test`: installs what the tests need, lints, then runs every test of the workspace and ends
# with the runner's own summary. Arguments go to the runner: make test ARGS='-p bough-policy'
#
# The runner is cargo-nextest where it is there (scripts/tools.txt), else `cargo test`.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/setup.sh test
scripts/lint.sh
scripts/app-schemas.sh few

# Examples in documentation are tests that nextest does not run; without any, rustdoc is not started.
if grep -rqsE '^\s*//[/!] ```(rust|should_panic|no_run|edition.*)?\s*$' crates/*/src; then
    echo "examples in the documentation:"
    cargo test --quiet "${LOCKED[@]}" --workspace --doc
fi

PATH=$ROOT/.tools/bin:$PATH
if on_path cargo-nextest; then
    exec cargo nextest run "${LOCKED[@]}" --workspace "$@"
fi
exec cargo test "${LOCKED[@]}" --workspace --no-fail-fast --lib --bins --tests "$@"
