#!/usr/bin/env bash
# `make clients`: tries clients that people use on a real Bough, through its gateway (crates/bough/tests/clients):
# mysqlclient, mysql-connector-python, go-sql-driver, MySQL and MariaDB Connector/J, Django's migrations,
# SQLAlchemy with Alembic, Prisma; and the snippets of the Connect page for them and for sqlx. `make test` has the shell, PyMySQL, mysql2 and the drivers of Rust.
#
# They are installed by name through their languages' own clients into .tools/clients (some 600 MB, mostly Prisma's);
# nothing of them is part of Bough, each keeps its own licence. What is there already is kept; rm -r .tools/clients
# begins anew. One that cannot be had here (no Go, no Java, no network) is named, and the others are tried.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

DIR=$ROOT/.tools/clients
FROM=$ROOT/crates/bough/tests/clients
MYSQL_J=com.mysql:mysql-connector-j:9.7.0
MARIADB_J=org.mariadb.jdbc:mariadb-java-client:3.5.11

skip() { say "Skipped $1: $2"; }

# The C client library that mysqlclient is built on: the machine's, or Debian's own, unpacked beside the rest.
c_library() {
    pkg-config --exists libmariadb 2>/dev/null || on_path mysql_config && return
    on_path apt-get && on_path dpkg-deb || return 0
    local lib=$DIR/libmariadb folder package
    if [ ! -d "$lib" ]; then
        folder=$(mktemp -d "${TMPDIR:-/tmp}/bough-clients.XXXXXX")
        # The account that apt-get downloads as must be able to write here.
        chmod 777 "$folder"
        if ! (cd "$folder" && apt-get -qq download libmariadb-dev libmariadb3) >/dev/null 2>&1; then
            [ "$(id -u)" = 0 ] && apt-get -qq update >/dev/null 2>&1
            (cd "$folder" && apt-get -qq download libmariadb-dev libmariadb3) >/dev/null 2>&1 || { rm -rf "$folder"; return 0; }
        fi
        for package in "$folder"/*.deb; do dpkg-deb -x "$package" "$folder/x"; done
        mv "$folder/x" "$lib"
        rm -rf "$folder"
    fi
    local found
    found=$(dirname "$(find "$lib" -name libmariadb.so -print -quit)")
    export MYSQLCLIENT_CFLAGS="-I$lib/usr/include/mariadb" MYSQLCLIENT_LDFLAGS="-L$found -lmariadb -Wl,-rpath,$found"
}

python_clients() {
    cmp -s "$FROM/python/requirements.txt" "$DIR/python/installed.txt" && return
    python3 -c 'import ensurepip, venv' 2>/dev/null || { skip "the clients of Python" "python3 with venv is missing"; return; }
    say "Installing the clients of Python"
    c_library
    python3 -m venv "$DIR/python"
    if "$DIR/python/bin/python" -m pip install --quiet --no-deps -r "$FROM/python/requirements.txt"; then
        cp "$FROM/python/requirements.txt" "$DIR/python/installed.txt"
    else
        # mysqlclient is compiled, and the others are not.
        skip mysqlclient "see above; Django and Alembic need it"
        grep -v '^mysqlclient' "$FROM/python/requirements.txt" \
            | "$DIR/python/bin/python" -m pip install --quiet --no-deps -r /dev/stdin || skip "the clients of Python" "see above"
    fi
}

go_client() {
    on_path go || { skip go-sql-driver "Go is missing"; return; }
    (cd "$FROM/go" && go build -mod=readonly -o "$DIR/go_client" .) || skip go-sql-driver "see above"
}

jar() {
    [ -f "$DIR/java/$2.jar" ] && return
    say "Fetching $1"
    local into=$DIR/java/$2
    if mvn -B -q dependency:copy -Dartifact="$1" -DoutputDirectory="$into" </dev/null; then
        mv "$into"/*.jar "$DIR/java/$2.jar"
    else
        skip "$1" "see above"
    fi
    rm -rf "$into"
}
java_clients() {
    if ! on_path java || ! on_path keytool || ! on_path mvn; then
        skip "MySQL and MariaDB Connector/J" "a JDK (17 or newer) or Maven is missing"
        return
    fi
    mkdir -p "$DIR/java"
    jar "$MYSQL_J" mysql
    jar "$MARIADB_J" mariadb
}

# Prisma's package wants to download a program for migrations when it is installed and when the client is generated.
# Neither needs it; where it is told that there is one, it does not ask.
prisma_client() {
    cmp -s "$FROM/prisma/package-lock.json" "$DIR/prisma/installed" && cmp -s "$FROM/prisma/schema.prisma" "$DIR/prisma/schema.prisma" \
        && { cp "$FROM"/prisma/* "$DIR/prisma/"; return; }
    on_path npm || { skip Prisma "npm is missing"; return; }
    say "Installing Prisma"
    mkdir -p "$DIR/prisma"
    cp "$FROM"/prisma/* "$DIR/prisma/"
    if (cd "$DIR/prisma" && npm ci --ignore-scripts --no-progress --loglevel=error >/dev/null &&
        PRISMA_SCHEMA_ENGINE_BINARY=$(type -P true) CHECKPOINT_DISABLE=1 PRISMA_HIDE_UPDATE_MESSAGE=1 \
            node_modules/.bin/prisma generate >/dev/null); then
        cp "$FROM/prisma/package-lock.json" "$DIR/prisma/installed"
    else
        skip Prisma "see above"
        rm -rf "$DIR/prisma"
    fi
}

# Only what the snippet of the Connect page needs; the test puts that in.
rust_client() {
    cmp -s "$FROM/rust/Cargo.lock" "$DIR/rust/installed" && return
    say "Building the packages of the Rust snippet"
    mkdir -p "$DIR/rust/src"
    cp "$FROM"/rust/Cargo.* "$DIR/rust/"
    echo 'fn main() {}' >"$DIR/rust/src/main.rs"
    if (cd "$DIR/rust" && cargo build --quiet --locked --target-dir target); then
        cp "$FROM/rust/Cargo.lock" "$DIR/rust/installed"
    else
        skip sqlx "see above"
    fi
}

scripts/setup.sh test
mkdir -p "$DIR"
python_clients
go_client
java_clients
prisma_client
rust_client

export BOUGH_CLIENTS=all
PATH=$ROOT/.tools/bin:$PATH
if on_path cargo-nextest; then
    exec cargo nextest run "${LOCKED[@]}" --workspace -E 'package(bough) and binary(clients)' --status-level pass --success-output immediate "$@"
fi
exec cargo test "${LOCKED[@]}" -p bough --test clients -- --nocapture "$@"
