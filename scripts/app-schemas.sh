#!/usr/bin/env bash
# Fetches the MySQL schemas of well-known open-source applications out of their Debian packages into
# .tools/app-schemas/NAME.sql, for crates/engine/tests/app_schemas.rs. Nothing is installed, nothing of a
# package is run, and nothing of it enters the project: each keeps its own licence.
#
#   scripts/app-schemas.sh          all of them (some 80 MB of packages)
#   scripts/app-schemas.sh few      the small ones that `make test` tries (1 MB)
#
# What is there already is kept. Where a package cannot be had it says so and goes on: the test then says
# which applications it did not try.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WHAT=${1:-all}
DIR=.tools/app-schemas

# NAME PACKAGE FILE...: the files in the order in which they are to be loaded, as patterns.
SCHEMAS='
bacula bacula-director-mysql usr/share/dbconfig-common/data/bacula-director-mysql/install/mysql
icinga2 icinga2-ido-mysql usr/share/icinga2-ido-mysql/schema/mysql.sql
kea kea-admin usr/share/kea/scripts/mysql/dhcpdb_create.mysql
cacti cacti usr/share/doc/cacti/cacti.sql
ejabberd ejabberd usr/share/ejabberd/sql/mysql.sql
ejabberd-new ejabberd usr/share/ejabberd/sql/mysql.new.sql
freeradius freeradius-config etc/freeradius/3.0/mods-config/sql/main/mysql/schema.sql etc/freeradius/3.0/mods-config/sql/cui/mysql/schema.sql etc/freeradius/3.0/mods-config/sql/ippool/mysql/schema.sql etc/freeradius/3.0/mods-config/sql/ippool/mysql/procedure.sql
gammu gammu-smsd usr/share/doc/gammu-smsd/examples/mysql.sql
icingadb icingadb usr/share/icingadb/schema/mysql/schema.sql
icingaweb icingaweb2 usr/share/icingaweb2/schema/mysql.schema.sql
kamailio kamailio-mysql-modules usr/share/kamailio/mysql/standard-create.sql usr/share/kamailio/mysql/[!is]*-create.sql
mediawiki mediawiki usr/share/mediawiki/maintenance/tables-generated.sql usr/share/mediawiki/maintenance/tables.sql
opendmarc opendmarc usr/share/dbconfig-common/data/opendmarc/install/mysql
phpmyadmin phpmyadmin usr/share/dbconfig-common/data/phpmyadmin/install/mysql
powerdns pdns-backend-mysql usr/share/pdns-backend-mysql/schema/schema.mysql.sql usr/share/pdns-backend-mysql/schema/enable-foreign-keys.mysql.sql
prelude libpreludedb7-mysql usr/share/libpreludedb/classic/mysql.sql
request-tracker request-tracker5 usr/share/request-tracker5/etc/schema.mysql
roundcube roundcube-core usr/share/dbconfig-common/data/roundcube/install/mysql
rsyslog rsyslog-mysql usr/share/dbconfig-common/data/rsyslog-mysql/install/mysql
tango tango-db usr/share/tango-db/create_db_tables.sql usr/share/tango-db/stored_proc.sql
zabbix zabbix-server-mysql usr/share/zabbix-server-mysql/schema.sql.gz
zoneminder zoneminder usr/share/zoneminder/db/zm_create.sql
'
FEW='bacula icinga2 kea'

# Package lists may be missing on a fresh machine; they are brought once, where that is allowed.
UPDATED=
get() {
    local package=$1 into=$2
    (cd "$into" && apt-get -qq download "$package") >/dev/null 2>&1 && return
    if [ -z "$UPDATED" ] && [ "$(id -u)" = 0 ]; then
        UPDATED=1
        apt-get -qq update >/dev/null 2>&1 || true
        (cd "$into" && apt-get -qq download "$package") >/dev/null 2>&1 && return
    fi
    return 1
}

# Files one after the other. A file that makes a database of its own, names it, or names other files to be
# read, is made to fit in the one that it is loaded into.
plain() {
    local root=$1 name=$2 file pattern
    shift 2
    for pattern in "$@"; do
        for file in "$root"/$pattern; do
            [ -f "$file" ] || return 1
            case $file in
                *.gz) gzip -dc "$file" ;;
                *) cat "$file" ;;
            esac | sed -E -e '/^(CREATE DATABASE|USE|create database|use) /d' -e "s/(^|[ ,(])$name\\./\\1/g" | with_sources "$root"
            echo
        done
    done
}
with_sources() {
    local root=$1 line named
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
            source\ /*)
                named=${line#source /}
                cat "$root/${named%;}"
                echo
                ;;
            *) printf '%s\n' "$line" ;;
        esac
    done
}

fetch() {
    local name=$1 package=$2
    shift 2
    [ -f "$DIR/$name.sql" ] && return
    local work
    work=$(mktemp -d "${TMPDIR:-/tmp}/bough-app.XXXXXX")
    # The account that apt-get downloads as must be able to write here.
    chmod 777 "$work"
    if ! get "$package" "$work"; then
        say "Skipped $name: the package $package is not to be had here."
    elif ! dpkg-deb -x "$work"/*.deb "$work/x" || ! plain "$work/x" "$name" "$@" >"$work/all.sql"; then
        say "Skipped $name: the package $package does not hold the files that are known of it."
    else
        mv "$work/all.sql" "$DIR/$name.sql"
    fi
    rm -rf "$work"
}

if ! on_path apt-get || ! on_path dpkg-deb; then
    say "Skipped the schemas of applications: they come out of Debian's packages, and this is no Debian."
    exit 0
fi
mkdir -p "$DIR"
while read -r name package files; do
    [ -n "$name" ] || continue
    [ "$WHAT" = all ] || [[ " $FEW " == *" $name "* ]] || continue
    # shellcheck disable=SC2086
    set -f; set -- $files; set +f
    fetch "$name" "$package" "$@"
done <<<"$SCHEMAS"
