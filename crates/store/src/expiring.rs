//! Branches whose set end is near or has come, as Bough itself sees them.

use bough_model::{BranchId, DatabaseId, OrganizationId, Timestamp};
use bough_policy::BranchAt;
use rusqlite::params;

use crate::row::{all, change, parsed, time};
use crate::{Reader, StoreError, Tx};

/// A branch whose set end is near or has come.
#[derive(Clone, Debug)]
pub struct Expiring {
    /// Where it is.
    pub at: BranchAt,
    /// When it is to be deleted.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether its end was announced.
    pub announced: bool,
    /// What is shown as its last error.
    pub last_error: Option<String>,
}

/// The branches that end before `until`, next first, some of them at a time: those that come `after` one.
///
/// # Errors
/// When the database fails.
pub fn expiring(
    reader: &Reader,
    until: Timestamp,
    after: Option<&Expiring>,
    limit: u32,
) -> Result<Vec<Expiring>, StoreError> {
    let (end, id) =
        after.map_or((i64::MIN, ""), |after| (after.expires_at.as_micros(), after.at.branch.as_str()));
    all(
        reader,
        "SELECT id, organization_id, database_id, production, expires_at, created_at, \
         expiry_announced_at IS NOT NULL AS announced, last_error FROM branches \
         WHERE expires_at IS NOT NULL AND desired = 'running' AND expires_at <= ?1 \
         AND expires_at >= ?2 AND (expires_at > ?2 OR id > ?3) ORDER BY expires_at, id LIMIT ?4",
        params![until.as_micros(), end, id, limit],
        |row| {
            Ok(Expiring {
                at: BranchAt {
                    organization: parsed(row, "organization_id", OrganizationId::parse)?,
                    database: parsed(row, "database_id", DatabaseId::parse)?,
                    branch: parsed(row, "id", BranchId::parse)?,
                    production: row.get("production")?,
                },
                expires_at: time(row, "expires_at")?,
                created_at: time(row, "created_at")?,
                announced: row.get("announced")?,
                last_error: row.get("last_error")?,
            })
        },
    )
}

/// The end of a branch was announced.
///
/// # Errors
/// When the database fails.
pub fn record_announced(tx: &Tx<'_>, id: &BranchId, now: Timestamp) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE branches SET expiry_announced_at = ? WHERE id = ?",
        params![now.as_micros(), id.as_str()],
    )?;
    Ok(())
}

/// A branch's end has come and it cannot be deleted; `why` is shown until it can, or has another end.
///
/// # Errors
/// When the database fails.
pub fn record_kept(tx: &Tx<'_>, id: &BranchId, end: Timestamp, why: &str) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE branches SET last_error = ? WHERE id = ? AND expires_at = ?",
        params![why, id.as_str(), end.as_micros()],
    )?;
    Ok(())
}
