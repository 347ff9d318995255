-- What grows with the number of things and was done for each request, or every other second.

-- Lists say how many there are: counting a million takes as long as a thousand pages.
ALTER TABLE organizations ADD COLUMN live_databases INTEGER NOT NULL DEFAULT 0;
ALTER TABLE organizations ADD COLUMN service_tokens INTEGER NOT NULL DEFAULT 0;
UPDATE organizations SET
    live_databases = (SELECT COUNT(*) FROM databases d WHERE d.organization_id = organizations.id AND d.desired = 'running'),
    service_tokens = (SELECT COUNT(*) FROM service_tokens t WHERE t.organization_id = organizations.id);

-- The order of the list of databases.
CREATE INDEX databases_by_age ON databases (organization_id, created_at, id) WHERE desired = 'running';
-- The branches that are looked after, among all that are asleep.
CREATE INDEX branches_ready ON branches (id) WHERE state = 'ready' AND desired = 'running';
-- A list of databases says of each how many branches it has, of either class.
CREATE INDEX branches_by_class ON branches (database_id, desired, production);
