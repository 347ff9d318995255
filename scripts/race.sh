#!/usr/bin/env bash
# `make race`: 100,000 races of revoking against using, in all ways in which a token can lose something,
# a few at once against one real server, all built optimised. `make test` has a short run of the same
# (crates/bough/tests/revocation). Ends with the number of violations, which must be none.
#
#   make race ARGS='--races 5000'     another number
#   make race ARGS='--seed 7'         another order; else the clock chooses, and it is printed
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

RACES=100000
SEED=$(date +%s)
while [ $# -gt 0 ]; do
    case $1 in
        --races) RACES=${2:?} ;;
        --seed) SEED=${2:?} ;;
        *) die "usage: scripts/race.sh [--races N] [--seed N]" ;;
    esac
    shift 2
done
scripts/setup.sh run
export BOUGH_RACES=$RACES BOUGH_RACE_SEED=$SEED
exec cargo test "${LOCKED[@]}" --release --workspace --test revocation -- --nocapture
