//! Finding things of an organization by their name. What begins with what is looked for comes first, from
//! an index; then, while there is room, what has it elsewhere, for which the names alone are read through,
//! and of very many only the first.

use bough_model::{BranchId, BranchName, DatabaseId, DatabaseName, TokenId};
use bough_policy::{Granted, OrganizationAt};
use rusqlite::{Row, params};

use crate::row::{all, first, like_anywhere, parsed};
use crate::{Reader, StoreError};

/// Most names that are read through for one search, of each kind.
pub const SCANNED_MAX: u32 = 100_000;
/// From how many characters on an id is looked for by its beginning.
const ID_FROM: usize = 6;

/// A database that was found.
#[derive(Clone, Debug)]
pub struct DatabaseNamed {
    /// Public id.
    pub id: DatabaseId,
    /// Name.
    pub name: DatabaseName,
}

/// A branch that was found.
#[derive(Clone, Debug)]
pub struct BranchNamed {
    /// Public id.
    pub id: BranchId,
    /// Name.
    pub name: BranchName,
    /// Whether it is a production branch.
    pub production: bool,
    /// Its database.
    pub database: DatabaseNamed,
}

/// A service token that was found.
#[derive(Clone, Debug)]
pub struct TokenNamed {
    /// Public id.
    pub id: TokenId,
    /// Name, if it has one.
    pub name: Option<String>,
}

/// The end of the range of names that begin with a text: all that may follow in a name sorts before it.
fn after(text: &str) -> String {
    format!("{text}\u{10FFFF}")
}

fn database(row: &Row<'_>) -> Result<DatabaseNamed, StoreError> {
    Ok(DatabaseNamed {
        id: parsed(row, "database_id", DatabaseId::parse)?,
        name: parsed(row, "database_name", |name| DatabaseName::parse(name).ok())?,
    })
}

fn branch(row: &Row<'_>) -> Result<BranchNamed, StoreError> {
    Ok(BranchNamed {
        id: parsed(row, "id", BranchId::parse)?,
        name: parsed(row, "name", |name| BranchName::parse(name).ok())?,
        production: row.get("production")?,
        database: database(row)?,
    })
}

fn token(row: &Row<'_>) -> Result<TokenNamed, StoreError> {
    Ok(TokenNamed { id: parsed(row, "id", TokenId::parse)?, name: row.get("name")? })
}

/// First from the index, then, while there is room, from reading through.
fn both<T>(
    limit: u32,
    begins: impl FnOnce() -> Result<Vec<T>, StoreError>,
    has: impl FnOnce(u32) -> Result<Vec<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut found = begins()?;
    let room = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(limit));
    if room > 0 {
        found.extend(has(room)?);
    }
    Ok(found)
}

/// Databases with a text in their name.
///
/// # Errors
/// When the database fails.
pub fn databases(
    reader: &Reader,
    granted: &Granted<OrganizationAt>,
    text: &str,
    limit: u32,
) -> Result<Vec<DatabaseNamed>, StoreError> {
    let organization = granted.at().organization.as_str();
    both(
        limit,
        || {
            all(
                reader,
                "SELECT id AS database_id, live_name AS database_name FROM databases WHERE organization_id = ? \
                 AND live_name >= ? AND live_name < ? ORDER BY live_name LIMIT ?",
                params![organization, text, after(text), limit],
                database,
            )
        },
        |room| {
            all(
                reader,
                "SELECT id AS database_id, live_name AS database_name FROM \
                 (SELECT id, live_name FROM databases WHERE organization_id = ?1 AND live_name IS NOT NULL \
                  ORDER BY live_name LIMIT ?5) \
                 WHERE live_name LIKE ?2 ESCAPE '!' AND NOT (live_name >= ?3 AND live_name < ?4) LIMIT ?6",
                params![organization, like_anywhere(text), text, after(text), SCANNED_MAX, room],
                database,
            )
        },
    )
}

/// Branches with a text in their name, or, of `database/branch`, with names that begin like that.
///
/// # Errors
/// When the database fails.
pub fn branches(
    reader: &Reader,
    granted: &Granted<OrganizationAt>,
    text: &str,
    limit: u32,
) -> Result<Vec<BranchNamed>, StoreError> {
    const OF: &str =
        "SELECT b.id, b.live_name AS name, b.production, d.id AS database_id, d.live_name AS database_name";
    const WITH: &str = "JOIN databases d ON d.id = b.database_id AND d.desired = 'running'";
    let organization = granted.at().organization.as_str();
    if let Some((database, text)) = text.split_once('/') {
        return all(
            reader,
            &format!(
                "{OF} FROM databases d CROSS JOIN branches b ON b.database_id = d.id AND b.live_name >= ?4 \
                 AND b.live_name < ?5 WHERE d.organization_id = ?1 AND d.live_name >= ?2 AND d.live_name < ?3 \
                 ORDER BY d.live_name, b.live_name LIMIT ?6"
            ),
            params![organization, database, after(database), text, after(text), limit],
            branch,
        );
    }
    both(
        limit,
        || {
            all(
                reader,
                &format!(
                    "{OF} FROM (SELECT id AS of_page FROM branches INDEXED BY branches_by_name WHERE organization_id = ? \
                     AND live_name >= ? AND live_name < ? AND desired = 'running' ORDER BY live_name, database_id LIMIT ?) \
                     JOIN branches b ON b.id = of_page {WITH} ORDER BY b.live_name, d.live_name"
                ),
                params![organization, text, after(text), limit],
                branch,
            )
        },
        |room| {
            all(
                reader,
                &format!(
                    "{OF} FROM (SELECT id AS of_page FROM (SELECT id, live_name FROM branches INDEXED BY branches_by_name \
                     WHERE organization_id = ?1 AND desired = 'running' ORDER BY live_name LIMIT ?5) \
                     WHERE live_name LIKE ?2 ESCAPE '!' AND NOT (live_name >= ?3 AND live_name < ?4) LIMIT ?6) \
                     JOIN branches b ON b.id = of_page {WITH} ORDER BY b.live_name, d.live_name"
                ),
                params![organization, like_anywhere(text), text, after(text), SCANNED_MAX, room],
                branch,
            )
        },
    )
}

/// Service tokens with a text in their name, or whose id begins with it.
///
/// # Errors
/// When the database fails.
pub fn tokens(
    reader: &Reader,
    granted: &Granted<OrganizationAt>,
    text: &str,
    limit: u32,
) -> Result<Vec<TokenNamed>, StoreError> {
    let organization = granted.at().organization.as_str();
    let by_id = if text.len() >= ID_FROM {
        first(
            reader,
            "SELECT id, name FROM service_tokens WHERE id >= ? AND id < ? AND organization_id = ? ORDER BY id LIMIT 1",
            params![text, after(text), organization],
            token,
        )?
    } else {
        None
    };
    let mut found = both(
        limit,
        || {
            all(
                reader,
                "SELECT id, name FROM service_tokens INDEXED BY service_tokens_by_name WHERE organization_id = ? \
                 AND name >= ? COLLATE NOCASE AND name < ? COLLATE NOCASE ORDER BY name COLLATE NOCASE, id LIMIT ?",
                params![organization, text, after(text), limit],
                token,
            )
        },
        |room| {
            all(
                reader,
                "SELECT id, name FROM (SELECT id, name FROM service_tokens INDEXED BY service_tokens_by_name \
                 WHERE organization_id = ?1 AND name IS NOT NULL ORDER BY name COLLATE NOCASE LIMIT ?5) \
                 WHERE name LIKE ?2 ESCAPE '!' \
                 AND NOT (name >= ?3 COLLATE NOCASE AND name < ?4 COLLATE NOCASE) LIMIT ?6",
                params![organization, like_anywhere(text), text, after(text), SCANNED_MAX, room],
                token,
            )
        },
    )?;
    if let Some(row) = by_id.filter(|row| found.iter().all(|known| known.id != row.id)) {
        found.insert(0, row);
        found.truncate(limit as usize);
    }
    Ok(found)
}
