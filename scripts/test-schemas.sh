#!/usr/bin/env bash
# `make test-schemas`: fetches the schemas of well-known open-source applications (scripts/app-schemas.sh)
# and branches each of them, and a schema of a thousand tables. `make test` tries three of them, and fewer tables.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/setup.sh test
scripts/app-schemas.sh
export BOUGH_APP_SCHEMAS=all BOUGH_SCHEMA_TABLES=1000
exec cargo test "${LOCKED[@]}" --workspace --test app_schemas --test schema_many -- --nocapture
