-- Times are microseconds since 1970 (UTC). Booleans are 0 or 1. Names are kept after deletion for
-- whoever refers to them; `live_name` is what must be unique, and is null once a thing shall be gone.

-- Bumped by every transaction that changes what a cache may hold: tokens, grants, members, a
-- branch's class. Processes compare it before each request.
CREATE TABLE store_version (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO store_version (one, version) VALUES (1, 1);

CREATE TABLE organizations (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    billing_email TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    disabled_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE memberships (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (organization_id, user_id)
) STRICT;

CREATE TABLE service_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name TEXT,
    digest BLOB NOT NULL,
    -- After a rotation, the secret before it and until when it still works.
    previous_digest BLOB,
    previous_until INTEGER,
    -- When it ends, and when it would end if no token had made it.
    expires_at INTEGER,
    own_expires_at INTEGER,
    last_used_at INTEGER,
    -- Address ranges it may come from, comma-separated; null for any.
    cidrs TEXT,
    creator_kind TEXT NOT NULL,
    creator_id TEXT NOT NULL,
    creator_name TEXT NOT NULL,
    -- The token that made it and that it ends with; null when a person did, or adopted it.
    parent_token_id TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX service_tokens_by_organization ON service_tokens (organization_id, created_at);
CREATE INDEX service_tokens_by_parent ON service_tokens (parent_token_id) WHERE parent_token_id IS NOT NULL;

CREATE TABLE token_accesses (
    token_id TEXT NOT NULL REFERENCES service_tokens (id) ON DELETE CASCADE,
    -- 'organization', 'all' (all databases) or 'database'.
    scope TEXT NOT NULL,
    -- Empty but for the scope 'database'.
    database_id TEXT NOT NULL,
    access TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    granted_at INTEGER NOT NULL,
    last_needed_at INTEGER,
    PRIMARY KEY (token_id, scope, database_id, access)
) STRICT, WITHOUT ROWID;
CREATE INDEX token_accesses_by_database ON token_accesses (database_id) WHERE database_id <> '';

CREATE TABLE databases (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    live_name TEXT,
    -- The SQL schema on its branch servers; a later rename of the database leaves it as it is.
    schema_name TEXT NOT NULL,
    region TEXT NOT NULL,
    cluster_size TEXT NOT NULL,
    notes TEXT NOT NULL,
    desired TEXT NOT NULL,
    default_branch_id TEXT NOT NULL,
    deletion_protected INTEGER NOT NULL,
    require_approval_for_deploy INTEGER NOT NULL,
    restrict_branch_region INTEGER NOT NULL,
    allow_data_branching INTEGER NOT NULL,
    foreign_keys_enabled INTEGER NOT NULL,
    insights_raw_queries INTEGER NOT NULL,
    production_branch_web_console INTEGER NOT NULL,
    automatic_migrations INTEGER,
    migration_framework TEXT,
    migration_table_name TEXT,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (organization_id, live_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE database_administrators (
    database_id TEXT NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (database_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE branches (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL,
    database_id TEXT NOT NULL REFERENCES databases (id),
    name TEXT NOT NULL,
    live_name TEXT,
    parent_id TEXT,
    production INTEGER NOT NULL,
    safe_migrations INTEGER NOT NULL,
    deletion_protected INTEGER NOT NULL,
    region TEXT NOT NULL,
    cluster_size TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    -- The wish, and how often it changed.
    desired TEXT NOT NULL,
    generation INTEGER NOT NULL,
    -- What was observed last.
    state TEXT NOT NULL,
    schema_ready INTEGER NOT NULL,
    last_error TEXT,
    attempts INTEGER NOT NULL,
    next_try_at INTEGER NOT NULL,
    table_count INTEGER NOT NULL,
    schema_fingerprint TEXT,
    schema_last_updated_at INTEGER,
    ready_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (database_id, live_name)
) STRICT, WITHOUT ROWID;
CREATE INDEX branches_by_parent ON branches (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX branches_unsettled ON branches (next_try_at) WHERE state <> 'ready' OR desired <> 'running';

CREATE TABLE audit_events (
    organization_id TEXT NOT NULL,
    -- 1, 2, 3 … without a gap.
    seq INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    remote_ip TEXT,
    request_id TEXT,
    -- Such as 'database_branch.created'.
    action TEXT NOT NULL,
    auditable_type TEXT NOT NULL,
    auditable_id TEXT NOT NULL,
    auditable_name TEXT NOT NULL,
    target_type TEXT NOT NULL,
    target_id TEXT NOT NULL,
    target_name TEXT NOT NULL,
    -- A JSON object.
    metadata TEXT NOT NULL,
    -- Authenticates this entry and, through the one before, all earlier ones.
    mac BLOB NOT NULL,
    PRIMARY KEY (organization_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_events_by_actor ON audit_events (organization_id, actor_id, seq);
CREATE INDEX audit_events_by_action ON audit_events (organization_id, action, seq);

CREATE TABLE denials (
    id TEXT NOT NULL PRIMARY KEY,
    token_id TEXT NOT NULL REFERENCES service_tokens (id) ON DELETE CASCADE,
    operation TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    -- What was asked for, as a path below the organization; names may be of nothing that exists.
    resource TEXT NOT NULL,
    database_name TEXT,
    -- Accesses of which any one would have been enough, comma-separated.
    missing TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    UNIQUE (token_id, operation, resource, missing)
) STRICT, WITHOUT ROWID;
CREATE INDEX denials_by_token ON denials (token_id, last_at);

CREATE TABLE idempotency_keys (
    principal TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    key TEXT NOT NULL,
    body_digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    -- Null until the answer is known; such a row after a crash says that the change was made.
    status INTEGER,
    answer TEXT,
    PRIMARY KEY (principal, method, path, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
