#!/usr/bin/env bash
# `make lint`: everything that can be said of the code without running it, quickest first. All checks
# run, whatever fails; a check that passes says one line. What could not be checked says "skipped";
# in CI that is a failure, since nobody reads a green run for what is missing.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PATH=$ROOT/.tools/bin:$PATH
FAILED=()
SKIPPED=()

# check NAME COMMAND...: its output is shown when it fails.
check() {
    local name=$1 output start status=0
    shift
    start=$SECONDS
    output=$("$@" 2>&1) || status=$?
    if [ "$status" = 0 ]; then
        printf 'ok       %-28s %3d s\n' "$name" $((SECONDS - start))
    else
        printf '%s\nFAILED   %-28s %3d s   %s\n' "$output" "$name" $((SECONDS - start)) "$*"
        FAILED+=("$name")
    fi
}

# skip NAME WHY
skip() {
    printf 'skipped: %-28s %s\n' "$1" "$2"
    SKIPPED+=("$1")
}

scripts/setup.sh lint

if on_path python3; then
    check "house rules, tried" python3 scripts/house_test.py
    check "house rules" python3 scripts/house.py
else
    skip "house rules" "python3 is missing"
fi

if cargo fmt --version >/dev/null 2>&1; then
    check "format" cargo fmt --all --check
else
    skip "format" "rustfmt is missing: rustup component add rustfmt"
fi

# cargo-deny and cargo-shear read every crate's manifest, also those for other systems: brought here
# once, then both work offline.
fetched() { cargo metadata --offline --format-version 1 "${LOCKED[@]}" >/dev/null 2>&1; }
if on_path cargo-deny || on_path cargo-shear; then
    fetched || cargo fetch --quiet "${LOCKED[@]}" || true
fi
if on_path cargo-deny; then
    check "licences, bans, sources" cargo deny --offline "${LOCKED[@]}" check --hide-inclusion-graph licenses bans sources
else
    skip "licences, bans, sources" "cargo-deny is missing, see above"
fi
if on_path cargo-shear; then
    check "unused dependencies" cargo shear --offline "${LOCKED[@]}" --color never
else
    skip "unused dependencies" "cargo-shear is missing, see above"
fi

if cargo clippy --version >/dev/null 2>&1; then
    check "clippy" cargo clippy --quiet "${LOCKED[@]}" --workspace --all-targets -- -D warnings
else
    skip "clippy" "clippy is missing: rustup component add clippy"
fi

if [ "${#FAILED[@]}" -gt 0 ]; then
    printf 'lint: failed: %s\n' "$(printf '%s; ' "${FAILED[@]}" | sed 's/; $//')"
    exit 1
fi
if [ "${#SKIPPED[@]}" -gt 0 ]; then
    printf 'lint: nothing found; not measured: %s\n' "$(printf '%s; ' "${SKIPPED[@]}" | sed 's/; $//')"
    if in_ci; then exit 1; fi
    exit 0
fi
echo "lint: nothing found"
