#!/usr/bin/env bash
# `make bench`: builds everything optimised and runs the benchmark program, which prints every
# measure as a ratio to something run beside it. Arguments go to it: make bench ARGS='P2'; what takes
# long is measured when it is named: make bench-scale
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ -f crates/bench/Cargo.toml ] || die "There is no benchmark program in this version (crates/bench)."
scripts/setup.sh bench
# All binaries: the program measures the release build of the server beside it.
cargo build "${LOCKED[@]}" --workspace --bins --release
# The peers that are crates take minutes to build, once, and nothing but P2 needs them.
PEERS=()
case " $* " in
    "  " | *" P2 "*) PEERS=(--features peers) ;;
esac
exec cargo run "${LOCKED[@]}" --release -p bough-bench "${PEERS[@]}" -- "$@"
