# shellcheck shell=bash
# What the scripts beside this file share: where they are, how they speak, how they become root.
# Sourced, not run: what it sets, the others use. Every script works from any folder and changes to the repository's root.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT" || exit 1

# Debian keeps servers and account tools out of an ordinary user's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

# shellcheck disable=SC2034
TARGET_DIR=${CARGO_TARGET_DIR:-target}

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
on_path() { command -v "$1" >/dev/null 2>&1; }
in_ci() { [ "${CI:-}" = true ] || [ "${CI:-}" = 1 ]; }

# In CI nobody looks at a lock file that changed under the build; elsewhere it may follow Cargo.toml.
LOCKED=()
# shellcheck disable=SC2034
if in_ci; then LOCKED=(--locked); fi

# become_root WHY SHOWN (with "%" where sudo would stand): afterwards "${AS_ROOT[@]}" before a command runs it as root. Asks before sudo.
# Where nobody can be asked it prints the command SHOWN and gives up: better than a build that fails.
AS_ROOT=()
become_root() {
    local why=$1 shown=$2 answer
    [ "$(id -u)" != 0 ] || return 0
    on_path sudo || die "$why As root, run this, then try again:
    ${shown//%/}"
    shown=${shown//%/sudo }
    if [ "${BOUGH_YES:-}" != 1 ]; then
        if in_ci || ! [ -t 0 ] || ! [ -t 2 ]; then
            die "$why Run this, then try again (or set BOUGH_YES=1, which uses sudo without asking):
    $shown"
        fi
        say "$why"
        printf 'Run "%s"? [y/N] ' "$shown" >&2
        read -r answer || answer=
        case $answer in
            y | Y | yes) ;;
            *) die "Nothing was installed." ;;
        esac
    fi
    # shellcheck disable=SC2034
    AS_ROOT=(sudo)
}
