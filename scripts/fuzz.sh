#!/usr/bin/env bash
# `make fuzz`: coverage-guided fuzzing (libFuzzer) of every parser of foreign bytes, one after the other.
#
#   scripts/fuzz.sh [--seconds N] [--keep] [PARSER...]
#
# N seconds for each, 60 unless told; all parsers unless some are named. A failure leaves its input in
# target/fuzz/failures/ and says how to run it again. What was found to be new is kept in target/fuzz/corpus/ for the
# next run; with --keep, the least of it that reaches all that was reached goes into fuzz/corpus/, which the tests replay.
#
# The parsers are Rust without unsafe code, so there is nothing for a sanitizer to find: what instruments them for
# coverage is in stable Rust. A C++ compiler is needed for libFuzzer itself.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The largest input, in bytes, and the longest that one may take, in seconds.
LEN_MAX=2048
SLOW_S=5
SECONDS_EACH=60
KEEP=
PARSERS=()
while [ $# -gt 0 ]; do
    case $1 in
        --seconds) SECONDS_EACH=${2:?--seconds takes a number}; shift ;;
        --keep) KEEP=1 ;;
        -*) die "usage: scripts/fuzz.sh [--seconds N] [--keep] [PARSER...]" ;;
        *) PARSERS+=("$1") ;;
    esac
    shift
done
if [ "${#PARSERS[@]}" = 0 ]; then
    mapfile -t PARSERS < <(cd fuzz/corpus && printf '%s\n' *)
fi

scripts/setup.sh fuzz
HOST=$(rustc -vV | sed -n 's/^host: //p')
OUT=$TARGET_DIR/fuzz
# With a target named, build scripts and macros are built without these.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1" \
    cargo build --release --locked --manifest-path fuzz/Cargo.toml --target "$HOST" --target-dir "$OUT"
FUZZER=$OUT/$HOST/release/bough-fuzz

FAILED=()
for parser in "${PARSERS[@]}"; do
    [ -d "fuzz/corpus/$parser" ] || die "There is no parser $parser: $(cd fuzz/corpus && echo *)"
    mkdir -p "$OUT/corpus/$parser" "$OUT/failures"
    say "$parser: $SECONDS_EACH s"
    log=$OUT/$parser.log
    if BOUGH_FUZZ=$parser "$FUZZER" -max_total_time="$SECONDS_EACH" -max_len="$LEN_MAX" -timeout="$SLOW_S" \
        -artifact_prefix="$OUT/failures/$parser-" "$OUT/corpus/$parser" "fuzz/corpus/$parser" >"$log" 2>&1; then
        grep -E '^#[0-9]+.*DONE' "$log" >&2 || die "$parser did not run: see $log"
    else
        tail -n 40 "$log" >&2
        say "Again: BOUGH_FUZZ=$parser $FUZZER $OUT/failures/$parser-…"
        FAILED+=("$parser")
        continue
    fi
    if [ -n "$KEEP" ]; then
        BOUGH_FUZZ=$parser "$FUZZER" -set_cover_merge=1 -max_len="$LEN_MAX" "fuzz/corpus/$parser" "$OUT/corpus/$parser" >>"$log" 2>&1
    fi
done
[ "${#FAILED[@]}" = 0 ] || die "fuzz: failed: ${FAILED[*]}"
say "fuzz: nothing found in ${PARSERS[*]}"
