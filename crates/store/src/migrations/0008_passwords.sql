-- Passwords of branches. A branch that shall be gone takes its passwords with it: they end with the wish,
-- and are removed a few at a time.

CREATE TABLE passwords (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL,
    database_id TEXT NOT NULL,
    branch_id TEXT NOT NULL REFERENCES branches (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    -- What MySQL clients log in with; it alone says which branch is meant.
    username TEXT NOT NULL UNIQUE,
    -- What the secret is verified with, encrypted with a key that the store does not hold.
    native BLOB NOT NULL,
    sha2 BLOB NOT NULL,
    -- Address ranges that may log in, comma-separated; null for any.
    cidrs TEXT,
    -- How long it lives each time it is renewed; null for ever. When it ends, and when it is removed then.
    ttl_seconds INTEGER,
    expires_at INTEGER,
    removed_at INTEGER,
    -- Made by a client for the time that it runs.
    ephemeral INTEGER NOT NULL,
    last_used_at INTEGER,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The orders of the two lists. Those that a client made for itself can be left out of both without being read.
CREATE INDEX passwords_by_branch ON passwords (branch_id, created_at, id);
CREATE INDEX passwords_by_database ON passwords (database_id, created_at, id);
CREATE INDEX passwords_kept_by_branch ON passwords (branch_id, created_at, id) WHERE ephemeral = 0;
CREATE INDEX passwords_kept_by_database ON passwords (database_id, created_at, id) WHERE ephemeral = 0;
CREATE INDEX passwords_ended ON passwords (removed_at) WHERE removed_at IS NOT NULL;
-- Whoever is removed may have his passwords deleted.
CREATE INDEX passwords_by_creator ON passwords (organization_id, actor_id);
