-- Changes of a branch that runs: its size, restarts, an end that was set, and what its server says of
-- itself.

-- The wish that was fulfilled last; a ready branch of another generation is being changed.
ALTER TABLE branches ADD COLUMN settled_generation INTEGER NOT NULL DEFAULT 0;
UPDATE branches SET settled_generation = generation WHERE state = 'ready';
-- How often a restart was asked for.
ALTER TABLE branches ADD COLUMN restarts INTEGER NOT NULL DEFAULT 0;
-- What its server called its version when it was asked last.
ALTER TABLE branches ADD COLUMN server_version TEXT;
-- Ends of its server in a row, each soon after a start.
ALTER TABLE branches ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
-- When its server was last seen to answer after it had not.
ALTER TABLE branches ADD COLUMN up_since INTEGER;
-- When it is to be deleted, and when that was announced.
ALTER TABLE branches ADD COLUMN expires_at INTEGER;
ALTER TABLE branches ADD COLUMN expiry_announced_at INTEGER;

DROP INDEX branches_unsettled;
CREATE INDEX branches_unsettled ON branches (next_try_at)
    WHERE state NOT IN ('ready', 'sleeping') OR desired <> 'running' OR settled_generation <> generation;
CREATE INDEX branches_expiring ON branches (expires_at) WHERE expires_at IS NOT NULL AND desired = 'running';
CREATE INDEX branches_by_creator ON branches (organization_id, actor_id) WHERE desired = 'running' AND production = 0;

CREATE TABLE resizes (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id) ON DELETE CASCADE,
    -- 'pending', 'resizing', 'completed' or 'canceled'.
    state TEXT NOT NULL,
    cluster_size TEXT NOT NULL,
    previous_cluster_size TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    started_at INTEGER,
    completed_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX resizes_by_branch ON resizes (branch_id, created_at);
