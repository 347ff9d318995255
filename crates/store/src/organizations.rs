//! Organizations.

use bough_model::{OrganizationId, OrganizationName, Timestamp};
use bough_policy::{Granted, Nowhere, OrganizationAt, Principal};
use rusqlite::{Row, params};

use crate::connection::Db;
use crate::row::{Page, all, change, first, number, parsed, time};
use crate::{Reader, StoreError, Tx};

/// An organization.
#[derive(Clone, Debug)]
pub struct OrganizationRow {
    /// Public id.
    pub id: OrganizationId,
    /// Name in paths.
    pub name: OrganizationName,
    /// Where notices about it go.
    pub billing_email: String,
    /// Databases that are not being deleted.
    pub database_count: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "o.id, o.name, o.billing_email, o.created_at, o.updated_at, o.live_databases";

fn read(row: &Row<'_>) -> Result<OrganizationRow, StoreError> {
    Ok(OrganizationRow {
        id: parsed(row, "id", OrganizationId::parse)?,
        name: parsed(row, "name", |name| OrganizationName::parse(name).ok())?,
        billing_email: row.get("billing_email")?,
        database_count: row.get("live_databases")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

pub(crate) fn by_id(db: &impl Db, id: &OrganizationId) -> Result<Option<OrganizationRow>, StoreError> {
    first(db, &format!("SELECT {COLUMNS} FROM organizations o WHERE o.id = ?"), params![id.as_str()], read)
}

/// What is counted as it comes and goes, because there may be a million of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counted {
    /// Databases that are not being deleted.
    Databases,
    /// Service tokens.
    ServiceTokens,
}

/// So many more of an organization, or fewer.
pub(crate) fn count(tx: &Tx<'_>, organization: &str, what: Counted, more: i64) -> Result<(), StoreError> {
    let sql = match what {
        Counted::Databases => "UPDATE organizations SET live_databases = live_databases + ? WHERE id = ?",
        Counted::ServiceTokens => "UPDATE organizations SET service_tokens = service_tokens + ? WHERE id = ?",
    };
    change(tx, sql, params![more, organization])?;
    Ok(())
}

/// How many there are.
pub(crate) fn counted(db: &impl Db, organization: &str, what: Counted) -> Result<i64, StoreError> {
    let sql = match what {
        Counted::Databases => "SELECT live_databases FROM organizations WHERE id = ?",
        Counted::ServiceTokens => "SELECT service_tokens FROM organizations WHERE id = ?",
    };
    number(db, sql, params![organization])
}

/// One organization.
///
/// # Errors
/// When the database fails.
pub fn get(
    reader: &Reader,
    granted: &Granted<OrganizationAt>,
) -> Result<Option<OrganizationRow>, StoreError> {
    by_id(reader, &granted.at().organization)
}

/// The organizations that a principal belongs to, newest first, and how many there are.
///
/// # Errors
/// When the database fails.
pub fn list(
    reader: &Reader,
    _granted: &Granted<Nowhere>,
    principal: &Principal,
    page: Page,
) -> Result<(Vec<OrganizationRow>, i64), StoreError> {
    let ids: Vec<&OrganizationId> = match principal {
        Principal::Token { organization, .. } => vec![organization],
        Principal::User { standings, .. } => standings.keys().collect(),
        Principal::Nobody { .. } => Vec::new(),
        Principal::Trusted { .. } => {
            let sql = format!(
                "SELECT {COLUMNS} FROM organizations o ORDER BY o.created_at DESC, o.id DESC LIMIT ? OFFSET ?"
            );
            let rows = all(reader, &sql, params![page.limit(), page.offset()], read)?;
            return Ok((rows, number(reader, "SELECT COUNT(*) FROM organizations", [])?));
        }
    };
    let mut rows = Vec::new();
    for id in &ids {
        rows.extend(by_id(reader, id)?);
    }
    rows.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    let total = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let from = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    Ok((rows.into_iter().skip(from).take(page.size as usize).collect(), total))
}

/// Makes an organization; `false` when the name is taken.
///
/// # Errors
/// When the database fails.
pub fn insert(
    tx: &Tx<'_>,
    _granted: &Granted<Nowhere>,
    id: &OrganizationId,
    name: &OrganizationName,
    billing_email: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if number(tx, "SELECT COUNT(*) FROM organizations WHERE name = ?", params![name.as_str()])? > 0 {
        return Ok(false);
    }
    change(
        tx,
        "INSERT INTO organizations (id, name, billing_email, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
        params![id.as_str(), name.as_str(), billing_email, now.as_micros(), now.as_micros()],
    )?;
    Ok(true)
}

/// One organization, within a write.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when it is gone.
pub fn get_for_write(tx: &Tx<'_>, granted: &Granted<OrganizationAt>) -> Result<OrganizationRow, StoreError> {
    by_id(tx, &granted.at().organization)?.ok_or(StoreError::Changed)
}

/// Changes where notices about an organization go.
///
/// # Errors
/// When the database fails.
pub fn update(
    tx: &Tx<'_>,
    granted: &Granted<OrganizationAt>,
    billing_email: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE organizations SET billing_email = ?, updated_at = ? WHERE id = ?",
        params![billing_email, now.as_micros(), granted.at().organization.as_str()],
    )?;
    Ok(())
}
