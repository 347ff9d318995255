-- What is shown as curves. An hour is counted from 1970 (UTC).

-- The requests of a service token in an hour.
CREATE TABLE token_figures (
    token_id TEXT NOT NULL REFERENCES service_tokens (id) ON DELETE CASCADE,
    hour INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    -- Of these, refused for want of an access.
    refusals INTEGER NOT NULL,
    -- How long they took, from header to answer.
    micros_sum INTEGER NOT NULL,
    micros_max INTEGER NOT NULL,
    -- How many took at most the bound of the same number (LATENCY_BOUNDS_MICROS), and in the last one, longer.
    took_0 INTEGER NOT NULL,
    took_1 INTEGER NOT NULL,
    took_2 INTEGER NOT NULL,
    took_3 INTEGER NOT NULL,
    took_4 INTEGER NOT NULL,
    took_5 INTEGER NOT NULL,
    took_6 INTEGER NOT NULL,
    took_7 INTEGER NOT NULL,
    took_8 INTEGER NOT NULL,
    took_9 INTEGER NOT NULL,
    took_10 INTEGER NOT NULL,
    took_11 INTEGER NOT NULL,
    PRIMARY KEY (token_id, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX token_figures_by_age ON token_figures (hour);

-- An organization's branches in an hour, as they were looked at last in it.
CREATE TABLE organization_figures (
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    hour INTEGER NOT NULL,
    branches INTEGER NOT NULL,
    running INTEGER NOT NULL,
    asleep INTEGER NOT NULL,
    disk_bytes INTEGER NOT NULL,
    PRIMARY KEY (organization_id, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX organization_figures_by_age ON organization_figures (hour);

-- What a branch took on disk when it was measured last, and when that is due again.
ALTER TABLE branches ADD COLUMN disk_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE branches ADD COLUMN disk_due_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX branches_disk_due ON branches (disk_due_at) WHERE desired = 'running';
