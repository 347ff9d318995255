-- People log in: where they are at home, their sessions; since when somebody administers a database.

-- The name of a time zone (IANA).
ALTER TABLE users ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
-- Null for those who were made before this was noted.
ALTER TABLE database_administrators ADD COLUMN added_at INTEGER;

-- What somebody may is read with each of his requests.
CREATE INDEX memberships_by_user ON memberships (user_id);
CREATE INDEX database_administrators_by_user ON database_administrators (user_id);
-- Whoever is removed may have his tokens deleted.
CREATE INDEX service_tokens_by_creator ON service_tokens (organization_id, creator_id);

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    -- The SHA-256 of its secret.
    digest BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    -- To within a minute.
    last_seen_at INTEGER NOT NULL,
    -- When it ends, however much it is used.
    ends_at INTEGER NOT NULL,
    remote_ip TEXT NOT NULL,
    -- What the browser called itself, cut.
    user_agent TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_end ON sessions (ends_at);
CREATE INDEX sessions_by_use ON sessions (last_seen_at);
