#!/usr/bin/env bash
# `make torture`: a real Bough, several clients that do whatever comes to their minds, and meanwhile
# processes that die or stand still; after each round everything that was acknowledged must be there, once.
#
#   make torture ARGS='--minutes 10'         the seed is drawn and printed
#   make torture ARGS='--rounds 30 --seed 7' the same choices again
#   make torture ARGS='many'                 200 branches at once by 20 clients, kill -9 in the middle (12 GiB)
#   make torture ARGS='full-disk'            a disk that fills up (root, mkfs.ext4 and a loop device)
#
# A finding is printed with its seed and round, and makes the exit code 1.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/setup.sh run
cargo build "${LOCKED[@]}" --workspace --bins
exec "$TARGET_DIR/debug/bough-torture" --binary "$TARGET_DIR/debug/bough" "$@"
