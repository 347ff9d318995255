-- What the list of service tokens can be narrowed to: without an index each look at ten thousand reads all of them.

CREATE INDEX service_tokens_unused ON service_tokens (organization_id, created_at, id) WHERE last_used_at IS NULL;
CREATE INDEX service_tokens_ending ON service_tokens (organization_id, expires_at, id) WHERE expires_at IS NOT NULL;
-- A search for a part of a name reads this index alone, in the order of the list.
DROP INDEX service_tokens_by_organization;
CREATE INDEX service_tokens_by_organization ON service_tokens (organization_id, created_at, id, name);
