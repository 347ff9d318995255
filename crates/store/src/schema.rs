//! What a branch's schema is judged by: the schema itself is on the branch's server.

use bough_model::{BranchId, DatabaseName};
use bough_policy::{BranchAt, DatabaseAt, Granted};
use rusqlite::params;

use crate::databases::branch_named;
use crate::row::{first, parsed};
use crate::{Reader, StoreError};

/// What must be known of a branch's database to judge the branch's schema.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The SQL schema on the branch's server.
    pub schema: DatabaseName,
    /// Whether foreign keys are allowed.
    pub foreign_keys_enabled: bool,
}

/// What a branch's schema is judged by.
///
/// # Errors
/// When the database fails.
pub fn rules(reader: &Reader, granted: &Granted<BranchAt>) -> Result<Option<Rules>, StoreError> {
    first(
        reader,
        "SELECT d.schema_name, d.foreign_keys_enabled FROM branches b JOIN databases d ON d.id = b.database_id \
         WHERE b.id = ? AND b.database_id = ? AND b.desired = 'running'",
        params![granted.at().branch.as_str(), granted.at().database.as_str()],
        |row| {
            Ok(Rules {
                schema: parsed(row, "schema_name", |name| DatabaseName::parse(name).ok())?,
                foreign_keys_enabled: row.get("foreign_keys_enabled")?,
            })
        },
    )
}

/// The branch whose schema a new one takes, by name, or the default branch; and whether it is a production
/// branch.
///
/// # Errors
/// When the database fails.
pub fn parent(
    reader: &Reader,
    granted: &Granted<DatabaseAt>,
    name: Option<&str>,
) -> Result<Option<(BranchId, bool)>, StoreError> {
    let database = &granted.at().database;
    if let Some(name) = name {
        return branch_named(reader, database, name);
    }
    first(
        reader,
        "SELECT b.id, b.production FROM databases d JOIN branches b ON b.id = d.default_branch_id WHERE d.id = ?",
        params![database.as_str()],
        |row| Ok((parsed(row, "id", BranchId::parse)?, row.get("production")?)),
    )
}
