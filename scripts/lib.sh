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

# npm_packages DIR NAME: brings what DIR/package-lock.json says into a folder beside it. Sets "problem" where it cannot be.
# Two makes at once must not fill the same folder: the second waits for the lock called NAME, then finds it ready.
npm_ready() { cmp -s "$1/package-lock.json" "$1/node_modules/installed.json"; }
npm_install() { (cd "$1" && npm ci --ignore-scripts --no-progress --loglevel=error >/dev/null); }
npm_packages() {
    local dir=$1
    problem=
    npm_ready "$dir" && return
    if ! on_path npm; then
        problem="npm is missing (Debian: apt-get install npm)"
        return
    fi
    if on_path flock; then
        mkdir -p "$TARGET_DIR"
        exec 9>"$TARGET_DIR/$2.lock"
        flock -w 300 9 || die "Another process has been installing the packages of $dir for five minutes."
        npm_ready "$dir" && return
    fi
    say "Installing the packages of $dir/package-lock.json"
    # A registry that fails is asked once more.
    if npm_install "$dir" </dev/null 9>&- || { sleep 5; npm_install "$dir" </dev/null 9>&-; }; then
        cp "$dir/package-lock.json" "$dir/node_modules/installed.json"
    else
        rm -rf "$dir/node_modules"
        # shellcheck disable=SC2034
        problem="the packages of $dir/package-lock.json could not be installed: see above"
    fi
}
