#!/usr/bin/env bash
# `make screenshots`: a picture of every page in both themes and four widths, of a Bough of its own that looks
# lived in: target/screenshots/PAGE-WIDTH-THEME.png. Which pages: crates/bough/tests/browser/pages.mjs.
# An argument narrows it to pages whose name contains it: make screenshots ARGS=token
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/setup.sh test
OUT=$ROOT/target/screenshots
mkdir -p "$OUT"
rm -f "$OUT"/*"${1:-}"*.png
export BOUGH_SCREENSHOTS=$OUT BOUGH_PAGES=${1:-}
status=0
cargo test --quiet "${LOCKED[@]}" --workspace --test browser -- --exact pages || status=$?
say "$(find "$OUT" -name '*.png' | wc -l) pictures in $OUT"
exit "$status"
