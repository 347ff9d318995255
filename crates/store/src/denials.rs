//! Refused requests and why: what an administrator looks at when a token does not work.

use bough_model::{DenialId, Timestamp, TokenId};
use bough_policy::{Granted, TokenAt};
use rusqlite::{Row, params};

use crate::row::{Page, all, change, number, parsed, time};
use crate::{Reader, StoreError, Tx};

/// Most denials kept for one token; the oldest go.
pub const KEPT_PER_TOKEN: i64 = 200;

/// A refusal that was recorded.
#[derive(Clone, Debug)]
pub struct DenialRow {
    /// Public id.
    pub id: DenialId,
    /// The operation's id.
    pub operation: String,
    /// The method.
    pub method: String,
    /// The path as it was asked for.
    pub path: String,
    /// What it names, below the organization.
    pub resource: String,
    /// The database's name in it, if it names one.
    pub database_name: Option<String>,
    /// The accesses of which any one would have been enough.
    pub missing: Vec<String>,
    /// How often.
    pub count: i64,
    /// The first time.
    pub first_at: Timestamp,
    /// The last time.
    pub last_at: Timestamp,
}

/// A refusal to be recorded.
#[derive(Clone, Debug)]
pub struct NewDenial {
    /// Public id, used when it is the first of its kind.
    pub id: DenialId,
    /// Who was refused.
    pub token: TokenId,
    /// The operation's id.
    pub operation: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path as it was asked for.
    pub path: String,
    /// What it names, below the organization.
    pub resource: String,
    /// The database's name in it.
    pub database_name: Option<String>,
    /// The accesses of which any one would have been enough.
    pub missing: Vec<&'static str>,
    /// When.
    pub at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<DenialRow, StoreError> {
    let missing: String = row.get("missing")?;
    Ok(DenialRow {
        id: parsed(row, "id", DenialId::parse)?,
        operation: row.get("operation")?,
        method: row.get("method")?,
        path: row.get("path")?,
        resource: row.get("resource")?,
        database_name: row.get("database_name")?,
        missing: missing.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        count: row.get("count")?,
        first_at: time(row, "first_at")?,
        last_at: time(row, "last_at")?,
    })
}

/// The denials of a token, latest first, and how many there are.
///
/// # Errors
/// When the database fails.
pub fn list(
    reader: &Reader,
    granted: &Granted<TokenAt>,
    page: Page,
) -> Result<(Vec<DenialRow>, i64), StoreError> {
    let token = granted.at().token.as_str();
    let rows = all(
        reader,
        "SELECT id, operation, method, path, resource, database_name, missing, count, first_at, last_at \
         FROM denials WHERE token_id = ? ORDER BY last_at DESC, id LIMIT ? OFFSET ?",
        params![token, page.limit(), page.offset()],
        read,
    )?;
    Ok((rows, number(reader, "SELECT COUNT(*) FROM denials WHERE token_id = ?", params![token])?))
}

/// Records a refusal: counts it with its like, or keeps it as the first.
///
/// # Errors
/// When the database fails.
pub fn record(tx: &Tx<'_>, denial: &NewDenial) -> Result<(), StoreError> {
    let missing = denial.missing.join(",");
    let token = denial.token.as_str();
    let known = change(
        tx,
        "UPDATE denials SET count = count + 1, last_at = ?, path = ?, method = ? \
         WHERE token_id = ? AND operation = ? AND resource = ? AND missing = ?",
        params![
            denial.at.as_micros(),
            denial.path,
            denial.method,
            token,
            denial.operation,
            denial.resource,
            missing
        ],
    )?;
    // The token may have been deleted meanwhile: then there is nothing to record.
    let lives = number(tx, "SELECT COUNT(*) FROM service_tokens WHERE id = ?", params![token])? > 0;
    if known > 0 || !lives {
        return Ok(());
    }
    change(
        tx,
        "INSERT INTO denials (id, token_id, operation, method, path, resource, database_name, missing, count, \
         first_at, last_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
        params![
            denial.id.as_str(),
            token,
            denial.operation,
            denial.method,
            denial.path,
            denial.resource,
            denial.database_name,
            missing,
            denial.at.as_micros(),
            denial.at.as_micros()
        ],
    )?;
    if number(tx, "SELECT COUNT(*) FROM denials WHERE token_id = ?", params![token])? <= KEPT_PER_TOKEN {
        return Ok(());
    }
    change(
        tx,
        "DELETE FROM denials WHERE token_id = ?1 AND id NOT IN \
         (SELECT id FROM denials WHERE token_id = ?1 ORDER BY last_at DESC, id LIMIT ?2)",
        params![token, KEPT_PER_TOKEN],
    )?;
    Ok(())
}
