-- Finding things of an organization by how their name begins, and reading through the names alone.

CREATE INDEX branches_by_name ON branches (organization_id, live_name, database_id) WHERE desired = 'running';
CREATE INDEX service_tokens_by_name ON service_tokens (organization_id, name COLLATE NOCASE);
