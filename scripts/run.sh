#!/usr/bin/env bash
# `make run`: installs what is missing, builds Bough and serves in the foreground. `bough dev` makes
# ./bough-data on its first start and prints the URL, the login, a token and a curl line.
# Arguments go to it: make run ARGS='--http 127.0.0.1:9000'
#
# It builds the dev profile: the first build takes a fraction of a release build's time, password
# hashing, the store and the policy are optimised in it all the same (Cargo.toml), and `make test`
# uses what it has built. For speed that is measured or served to others: make run PROFILE=release
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PROFILE=${PROFILE:-dev}
case $PROFILE in
    dev) folder=debug ;;
    *) folder=$PROFILE ;;
esac

scripts/setup.sh run
# As root the branch servers run as another account, which must be able to pass to ./bough-data. Said
# before the build, which takes minutes.
if [ "$(id -u)" = 0 ] && ! [[ " $* " == *" --data-dir"* ]]; then
    parent=$PWD
    while [ "$parent" != / ]; do
        if ! [ $((0$(stat -c %a "$parent") & 1)) = 1 ]; then
            say "The account that runs the branch servers cannot enter $parent, where ./bough-data would be."
            say "Put the data elsewhere: make run ARGS='--data-dir /var/lib/bough'"
            exit 1
        fi
        parent=$(dirname "$parent")
    done
fi
if ! [ -x "$TARGET_DIR/$folder/bough" ]; then
    say "Building Bough; the first build takes a few minutes."
fi
# --workspace: the features of all crates, so that `make test` need not build dependencies again.
cargo build "${LOCKED[@]}" --workspace --bin bough --profile "$PROFILE"
exec "$TARGET_DIR/$folder/bough" dev "$@"
