#!/usr/bin/env bash
# `make test-schemas`: fetches the schemas of well-known open-source applications (scripts/app-schemas.sh)
# and branches each of them. `make test` tries three of them.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/setup.sh test
scripts/app-schemas.sh
BOUGH_APP_SCHEMAS=all exec cargo test "${LOCKED[@]}" --workspace --test app_schemas -- --nocapture
