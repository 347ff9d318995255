//! Who administers a database.

use bough_model::{Role, Timestamp, UserId};
use bough_policy::{DatabaseAt, Granted};
use rusqlite::{Row, params};

use crate::row::{Page, all, change, first, number, parsed, time_opt};
use crate::users::{USER, UserRow, read_user, role_of};
use crate::{Reader, StoreError, Tx, databases};

/// Somebody who administers a database.
#[derive(Clone, Debug)]
pub struct AdministratorRow {
    /// Who.
    pub user: UserRow,
    /// What he is in the organization.
    pub role: Role,
    /// Since when, where that is known.
    pub added_at: Option<Timestamp>,
}

const CONDITION: &str = "FROM database_administrators a JOIN users u ON u.id = a.user_id \
    JOIN memberships m ON m.user_id = a.user_id AND m.organization_id = ?2 WHERE a.database_id = ?1";

fn read(row: &Row<'_>) -> Result<AdministratorRow, StoreError> {
    Ok(AdministratorRow {
        user: read_user(row)?,
        role: parsed(row, "role", Role::parse)?,
        added_at: time_opt(row, "added_at")?,
    })
}

/// What came of making somebody an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// He is one now.
    Added,
    /// He was one already.
    Already,
    /// He is no member of the organization.
    NoMember,
}

/// The administrators of a database, newest first, and how many there are.
///
/// # Errors
/// When the database fails.
pub fn list(
    reader: &Reader,
    granted: &Granted<DatabaseAt>,
    page: Page,
) -> Result<(Vec<AdministratorRow>, i64), StoreError> {
    let at = granted.at();
    let own = params![at.database.as_str(), at.organization.as_str()];
    let rows = all(
        reader,
        &format!(
            "SELECT a.added_at, m.role, {USER} {CONDITION} ORDER BY a.added_at DESC, u.id DESC LIMIT ?3 OFFSET ?4"
        ),
        params![at.database.as_str(), at.organization.as_str(), page.limit(), page.offset()],
        read,
    )?;
    Ok((rows, number(reader, &format!("SELECT COUNT(*) {CONDITION}"), own)?))
}

/// One administrator of a database, within a write.
///
/// # Errors
/// When the database fails.
pub fn get_for_write(
    tx: &Tx<'_>,
    granted: &Granted<DatabaseAt>,
    user: &UserId,
) -> Result<Option<AdministratorRow>, StoreError> {
    let at = granted.at();
    first(
        tx,
        &format!("SELECT a.added_at, m.role, {USER} {CONDITION} AND a.user_id = ?3"),
        params![at.database.as_str(), at.organization.as_str(), user.as_str()],
        read,
    )
}

/// Makes a member of the organization an administrator of its database.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when the database is gone.
pub fn add(
    tx: &Tx<'_>,
    granted: &Granted<DatabaseAt>,
    user: &UserId,
    now: Timestamp,
) -> Result<Added, StoreError> {
    let at = granted.at();
    databases::name_of(tx, at)?.ok_or(StoreError::Changed)?;
    if role_of(tx, &at.organization, user)?.is_none() {
        return Ok(Added::NoMember);
    }
    let key = params![at.database.as_str(), user.as_str()];
    let there = number(
        tx,
        "SELECT COUNT(*) FROM database_administrators WHERE database_id = ? AND user_id = ?",
        key,
    )?;
    if there > 0 {
        return Ok(Added::Already);
    }
    change(
        tx,
        "INSERT INTO database_administrators (database_id, user_id, added_at) VALUES (?, ?, ?)",
        params![at.database.as_str(), user.as_str(), now.as_micros()],
    )?;
    tx.bump_store_version()?;
    Ok(Added::Added)
}

/// Takes somebody out from among the administrators of a database; `false` when he is none.
///
/// # Errors
/// When the database fails.
pub fn remove(tx: &Tx<'_>, granted: &Granted<DatabaseAt>, user: &UserId) -> Result<bool, StoreError> {
    let gone = change(
        tx,
        "DELETE FROM database_administrators WHERE database_id = ? AND user_id = ?",
        params![granted.at().database.as_str(), user.as_str()],
    )?;
    tx.bump_store_version()?;
    Ok(gone > 0)
}
