//! When tokens and their accesses, and passwords, were last of use. Written in bulk, off the path of requests.

use bough_model::{DatabaseId, PasswordId, Timestamp, TokenId};
use bough_policy::{Access, GrantScope};
use rusqlite::params;

use crate::row::change;
use crate::{StoreError, Tx};

/// A token was used.
///
/// # Errors
/// When the database fails.
pub fn token_used(tx: &Tx<'_>, token: &TokenId, at: Timestamp) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE service_tokens SET last_used_at = ?1 WHERE id = ?2 AND (last_used_at IS NULL OR last_used_at < ?1)",
        params![at.as_micros(), token.as_str()],
    )?;
    Ok(())
}

/// Somebody logged in with a password, or was logged in with it: its branch was used, too.
///
/// # Errors
/// When the database fails.
pub fn password_used(tx: &Tx<'_>, password: &PasswordId, at: Timestamp) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE passwords SET last_used_at = ?1 WHERE id = ?2 AND (last_used_at IS NULL OR last_used_at < ?1)",
        params![at.as_micros(), password.as_str()],
    )?;
    change(
        tx,
        "UPDATE branches SET used_at = ?1 WHERE id = (SELECT branch_id FROM passwords WHERE id = ?2) \
         AND (used_at IS NULL OR used_at < ?1)",
        params![at.as_micros(), password.as_str()],
    )?;
    Ok(())
}

/// An access was needed, wherever it is held that covers `database` (`None`: the organization).
///
/// # Errors
/// When the database fails.
pub fn access_needed(
    tx: &Tx<'_>,
    token: &TokenId,
    access: Access,
    database: Option<&DatabaseId>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let scopes: Vec<GrantScope> = match database {
        None => vec![GrantScope::Organization],
        Some(id) => {
            vec![GrantScope::Organization, GrantScope::AllDatabases, GrantScope::Database(id.clone())]
        }
    };
    for scope in scopes {
        let (scope, database) = match &scope {
            GrantScope::Organization => ("organization", ""),
            GrantScope::AllDatabases => ("all", ""),
            GrantScope::Database(id) => ("database", id.as_str()),
        };
        change(
            tx,
            "UPDATE token_accesses SET last_needed_at = ? \
             WHERE token_id = ? AND scope = ? AND database_id = ? AND access = ?",
            params![at.as_micros(), token.as_str(), scope, database, access.name()],
        )?;
    }
    Ok(())
}
