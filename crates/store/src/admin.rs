//! What `bough setup` and `bough admin` look up by name, as the operator.

use bough_model::{OrganizationName, TokenId};
use bough_policy::{Granted, Nowhere};
use rusqlite::params;

use crate::row::{first, number, parsed};
use crate::{Reader, StoreError};

/// How many organizations there are.
///
/// # Errors
/// When the database fails.
pub fn count_organizations(reader: &Reader, _granted: &Granted<Nowhere>) -> Result<i64, StoreError> {
    number(reader, "SELECT COUNT(*) FROM organizations", [])
}

/// The name of the organization that a token belongs to.
///
/// # Errors
/// When the database fails.
pub fn organization_of_token(
    reader: &Reader,
    _granted: &Granted<Nowhere>,
    token: &TokenId,
) -> Result<Option<OrganizationName>, StoreError> {
    first(
        reader,
        "SELECT o.name FROM service_tokens t JOIN organizations o ON o.id = t.organization_id WHERE t.id = ?",
        params![token.as_str()],
        |row| parsed(row, "name", |name| OrganizationName::parse(name).ok()),
    )
}
