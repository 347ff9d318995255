#!/usr/bin/env bash
# Installs what is missing on this machine, and only that:
#
#   scripts/setup.sh build   a C compiler (SQLite is compiled in)
#   scripts/setup.sh run     that, and what runs branches: the MariaDB server and client, an account
#   scripts/setup.sh test    that, and the tools of `make lint` and `make test`, and a browser
#   scripts/setup.sh lint    a C compiler and the tools
#   scripts/setup.sh bench   what `run` needs, and HAProxy, to measure the gateway beside
#   scripts/setup.sh fuzz    a C and a C++ compiler
#
# Does nothing, quickly, when everything is there. The Debian packages are the "-core" ones: the
# programs alone, no system service is installed or started. Rust is the one thing it cannot bring.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WHAT=${1:-test}
PACKAGES=()
MISSING=()

# need PROGRAM PACKAGE...: notes both when the program is not on PATH.
need() {
    local program=$1
    shift
    on_path "$program" && return
    MISSING+=("$program")
    PACKAGES+=("$@")
}

check_rust() {
    local wanted found
    wanted=$(sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' Cargo.toml)
    if ! on_path cargo || ! on_path rustc; then
        die "Rust is missing: install version $wanted or newer with rustup (https://rustup.rs), then try again."
    fi
    found=$(rustc --version | cut -d' ' -f2 | sed 's/-.*//') || die "rustc does not run: see the message above."
    if [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
        die "Rust $found is too old: Bough needs $wanted or newer. With rustup: rustup update stable"
    fi
}

# Some images delete downloaded archives between steps, hence a folder of our own for them. A mirror
# that fails is asked once more.
apt_install() {
    become_root "Missing here: ${MISSING[*]}." \
        "%apt-get update && %apt-get install -y --no-install-recommends $*"
    say "Installing: $*"
    local archives status=0
    archives=$(mktemp -d "${TMPDIR:-/tmp}/bough-apt.XXXXXX")
    chmod 755 "$archives"
    # shellcheck disable=SC2016
    "${AS_ROOT[@]}" env DEBIAN_FRONTEND=noninteractive ARCHIVES="$archives" sh -c '
        exec </dev/null
        mkdir -p "$ARCHIVES/partial"
        get() { apt-get -q -y -o Dir::Cache::archives="$ARCHIVES" -o DPkg::Lock::Timeout=120 "$@"; }
        get update || get update
        get install --no-install-recommends "$@" || get install --no-install-recommends "$@"
        status=$?
        rm -rf "$ARCHIVES"
        exit $status' sh "$@" || status=$?
    [ "$status" = 0 ] || die "The packages could not be installed (see above): $*"
}

install_packages() {
    [ "${#MISSING[@]}" -gt 0 ] || return 0
    if ! on_path apt-get; then
        die "Missing here: ${MISSING[*]}. This is no Debian, so install them your way (mariadbd, mariadb-install-db and
mariadb come with MariaDB 10.11 or newer; a C compiler as cc), see that they are on PATH, and try again."
    fi
    apt_install "${PACKAGES[@]}"
    hash -r
    local program
    for program in "${MISSING[@]}"; do
        [ "$program" = "python3 with venv" ] || on_path "$program" || die "$program is still missing after installing ${PACKAGES[*]}."
    done
}

# As root, branch servers run under an account that owns nothing else. One account is enough.
make_account() {
    [ "$(id -u)" = 0 ] || return 0
    id -u mysql >/dev/null 2>&1 && return
    id -u bough >/dev/null 2>&1 && return
    if on_path useradd; then
        useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin bough
    elif on_path adduser; then
        adduser -S -D -H -h /nonexistent -s /sbin/nologin bough
    else
        say "No program makes accounts here: branch servers will run as \"nobody\"."
        return
    fi
    say "Made the system account \"bough\" for branch servers."
}

want_build() { need cc gcc libc6-dev; }
want_servers() {
    need mariadbd mariadb-server-core
    need mariadb-install-db mariadb-server-core
    need mariadb mariadb-client-core
}
# Dumping and loading through the gateway is tested; the "-core" package leaves the program out.
want_dump() { need mariadb-dump mariadb-client; }
# The tools come as Python wheels, and Debian keeps what makes a venv in a package of its own. Nobody
# is asked for sudo because of it: without the tools some lints are skipped, and say so.
want_tools() {
    if [ "$(id -u)" != 0 ] || ! on_path apt-get || scripts/tools.sh --ready; then return; fi
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        MISSING+=("python3 with venv")
        PACKAGES+=(python3 python3-venv)
    fi
}

# The browser tests are skipped where these cannot be had, and say so: nobody is asked for sudo because of
# them, and no archive that is out of reach fails the rest.
bring_browser() {
    local wanted=()
    on_path chromium || wanted+=(chromium)
    on_path node || on_path nodejs || wanted+=(nodejs)
    on_path npm || wanted+=(npm)
    # Without any font pages have no text.
    [ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || wanted+=(fonts-dejavu-core)
    if [ "${#wanted[@]}" -gt 0 ] && [ "$(id -u)" = 0 ] && on_path apt-get; then
        MISSING=("${wanted[@]}")
        (apt_install "${wanted[@]}") || true
        hash -r
    fi
    scripts/browser.sh
}

check_rust
case $WHAT in
    build) want_build ;;
    run) want_build; want_servers ;;
    test) want_build; want_servers; want_dump; want_tools ;;
    lint) want_build; want_tools ;;
    fuzz) want_build; need c++ g++ ;;
    bench) want_build; want_servers; need haproxy haproxy ;;
    *) die "usage: scripts/setup.sh build|run|test|lint|fuzz|bench" ;;
esac
if [ "${#PACKAGES[@]}" -gt 0 ]; then
    mapfile -t PACKAGES < <(printf '%s\n' "${PACKAGES[@]}" | sort -u)
fi
install_packages
case $WHAT in
    run | test | bench) make_account ;;
esac
case $WHAT in
    test | lint) scripts/tools.sh ;;
esac
case $WHAT in
    test) bring_browser; scripts/drivers.sh ;;
esac
