#!/usr/bin/env bash
# `make fuzz-api`: requests made up from the served description, by several people at once, against a
# real server, all built optimised: 100,000 of them, which takes a few minutes. `make test` has a short
# run of the same (crates/bough/tests/fuzz_api). Ends with a summary: statuses by operation, faults.
#
#   make fuzz-api ARGS='--cases 5000'                  another number of requests
#   make fuzz-api ARGS='--seed 7'                      other ones; else the clock chooses, and it is printed
#   make fuzz-api ARGS='--seed 7 --first 123 --cases 1'   one that was reported, again
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CASES=100000
SEED=$(date +%s)
FIRST=0
while [ $# -gt 0 ]; do
    case $1 in
        --cases) CASES=${2:?} ;;
        --seed) SEED=${2:?} ;;
        --first) FIRST=${2:?} ;;
        *) die "usage: scripts/fuzz_api.sh [--cases N] [--seed N] [--first N]" ;;
    esac
    shift 2
done
scripts/setup.sh run
export BOUGH_FUZZ_CASES=$CASES BOUGH_FUZZ_SEED=$SEED BOUGH_FUZZ_FIRST=$FIRST
exec cargo test "${LOCKED[@]}" --release --workspace --test fuzz_api -- --nocapture
