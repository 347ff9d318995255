//! What authentication needs to know of a service token, read whole in one consistent look.

use std::sync::Arc;

use bough_model::{Actor, Cidrs, DatabaseId, Digest, OrganizationId, Timestamp, TokenId};
use bough_policy::{Access, GrantScope, Grants, Principal};
use rusqlite::{Row, params};

use crate::connection::Db;
use crate::row::{all, first, parsed, time_opt};
use crate::{Reader, StoreError, Tx};

/// A service token as authentication sees it.
#[derive(Clone, Debug)]
pub struct TokenRecord {
    /// Which.
    pub id: TokenId,
    /// Its organization.
    pub organization: OrganizationId,
    /// Name for display.
    pub display_name: String,
    /// What it is known by.
    pub secrets: Secrets,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Where it may come from.
    pub cidrs: Cidrs,
    /// What it may do.
    pub principal: Arc<Principal>,
}

/// What a service token is known by.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The digest of its secret.
    pub digest: Digest,
    /// After a rotation: the digest before it, and until when that still counts.
    pub previous: Option<(Digest, Timestamp)>,
}

pub(crate) fn digest(row: &Row<'_>, column: &str) -> Result<Option<Digest>, StoreError> {
    let bytes: Option<Vec<u8>> = row.get(column)?;
    bytes
        .map(|bytes| {
            let bytes =
                bytes.try_into().map_err(|_| StoreError::Unknown(format!("{column} has not 32 bytes")))?;
            Ok(Digest::from_bytes(bytes))
        })
        .transpose()
}

pub(crate) fn cidrs(row: &Row<'_>) -> Result<Cidrs, StoreError> {
    let text: Option<String> = row.get("cidrs")?;
    Cidrs::parse(text.iter().flat_map(|text| text.split(','))).map_err(StoreError::Unknown)
}

/// The columns `scope` and `database_id` of a grant.
pub(crate) fn scope(row: &Row<'_>) -> Result<GrantScope, StoreError> {
    match row.get_ref("scope")?.as_str() {
        Ok("organization") => Ok(GrantScope::Organization),
        Ok("all") => Ok(GrantScope::AllDatabases),
        Ok("database") => Ok(GrantScope::Database(parsed(row, "database_id", DatabaseId::parse)?)),
        other => Err(StoreError::Unknown(format!("scope = {other:?}"))),
    }
}

/// What a token holds.
pub(crate) fn grants_of(db: &impl Db, token: &TokenId) -> Result<Grants, StoreError> {
    let mut grants = Grants::default();
    all(
        db,
        "SELECT scope, database_id, access FROM token_accesses WHERE token_id = ?",
        params![token.as_str()],
        |row| {
            grants.insert(&scope(row)?, parsed(row, "access", Access::parse)?);
            Ok(())
        },
    )?;
    Ok(grants)
}

/// The secrets to compare a credential with: those of the token of that id, or of the token whose id
/// follows. Whoever asks with a wrong secret must not learn from the clock whether there is such a token.
///
/// # Errors
/// When the database fails.
pub fn nearest_secrets(reader: &Reader, id: &TokenId) -> Result<Option<(TokenId, Secrets)>, StoreError> {
    first(
        reader,
        "SELECT id, digest, previous_digest, previous_until FROM service_tokens WHERE id >= ? ORDER BY id LIMIT 1",
        params![id.as_str()],
        |row| Ok((parsed(row, "id", TokenId::parse)?, secrets(row)?)),
    )
}

fn secrets(row: &Row<'_>) -> Result<Secrets, StoreError> {
    let missing = || StoreError::Unknown("a token without a digest".to_owned());
    Ok(Secrets {
        digest: digest(row, "digest")?.ok_or_else(missing)?,
        previous: digest(row, "previous_digest")?.zip(time_opt(row, "previous_until")?),
    })
}

/// A service token with all that it holds, and the store version that this was read under.
///
/// # Errors
/// When the database fails.
pub fn token(reader: &Reader, id: &TokenId) -> Result<(i64, Option<TokenRecord>), StoreError> {
    reader.consistently(|reader| {
        let version = reader.store_version()?;
        let record = first(
            reader,
            "SELECT organization_id, name, digest, previous_digest, previous_until, expires_at, cidrs \
             FROM service_tokens WHERE id = ?",
            params![id.as_str()],
            |row| {
                let organization = parsed(row, "organization_id", OrganizationId::parse)?;
                let expires_at = time_opt(row, "expires_at")?;
                Ok(TokenRecord {
                    id: id.clone(),
                    display_name: row.get::<_, Option<String>>("name")?.unwrap_or_else(|| id.to_string()),
                    secrets: secrets(row)?,
                    expires_at,
                    cidrs: cidrs(row)?,
                    principal: Arc::new(Principal::Token {
                        actor: Actor::Token(id.clone()),
                        organization: organization.clone(),
                        expires_at,
                        grants: grants_of(reader, id)?,
                    }),
                    organization,
                })
            },
        )?;
        Ok((version, record))
    })
}

/// Whether a principal may still what it was read to may: within a write, so that nothing that has been
/// revoked meanwhile is used, and nothing is made by a token that is gone.
///
/// # Errors
/// When the database fails.
pub fn still_holds(tx: &Tx<'_>, principal: &Principal) -> Result<bool, StoreError> {
    let Principal::Token { actor: Actor::Token(id), organization, expires_at, grants } = principal else {
        return Ok(true);
    };
    let now = first(
        tx,
        "SELECT expires_at FROM service_tokens WHERE id = ? AND organization_id = ?",
        params![id.as_str(), organization.as_str()],
        |row| time_opt(row, "expires_at"),
    )?;
    Ok(now == Some(*expires_at) && grants_of(tx, id)? == *grants)
}
