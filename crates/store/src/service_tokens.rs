//! Service tokens and what they hold.

use bough_model::{
    ActorRef, Cidrs, DatabaseId, DatabaseName, Digest, GrantId, Timestamp, TokenId, TokenName,
};
use bough_policy::{Access, DatabaseAt, GrantScope, Granted, Grants, OrganizationAt, TokenAt};
use rusqlite::{Row, params};

use crate::connection::Db;
use crate::organizations::{Counted, count};
use crate::principals::{cidrs, grants_of, scope};
use crate::row::{actor, all, change, first, number, parsed, parsed_opt, time, time_opt};
use crate::{Reader, StoreError, Tx};

mod lists;

pub use lists::{TokensShown, find, list, made_by};

/// A service token, without its digest.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// Public id.
    pub id: TokenId,
    /// Name, if it has one.
    pub name: Option<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it would end if no token had made it.
    pub own_expires_at: Option<Timestamp>,
    /// When it was used last, to within a minute.
    pub last_used_at: Option<Timestamp>,
    /// Where it may come from.
    pub cidrs: Cidrs,
    /// Who made it.
    pub creator: ActorRef,
    /// The token that made it, unless a person adopted it.
    pub parent: Option<TokenId>,
    /// Until when the secret before the last rotation works.
    pub previous_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// One access that a token holds.
#[derive(Clone, Debug)]
pub struct GrantRow {
    /// Public id.
    pub id: GrantId,
    /// Which access.
    pub access: Access,
    /// Where.
    pub scope: GrantScope,
    /// The database, where the scope is one: its name and times.
    pub database: Option<GrantedDatabase>,
    /// Since when.
    pub granted_at: Timestamp,
    /// When it was needed last, to within a minute.
    pub last_needed_at: Option<Timestamp>,
}

/// The database that a grant is on.
#[derive(Clone, Debug)]
pub struct GrantedDatabase {
    /// Its name.
    pub name: DatabaseName,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "id, name, expires_at, own_expires_at, last_used_at, cidrs, creator_kind, creator_id, \
    creator_name, parent_token_id, previous_until, created_at, updated_at";

fn read(row: &Row<'_>) -> Result<TokenRow, StoreError> {
    Ok(TokenRow {
        id: parsed(row, "id", TokenId::parse)?,
        name: row.get("name")?,
        expires_at: time_opt(row, "expires_at")?,
        own_expires_at: time_opt(row, "own_expires_at")?,
        last_used_at: time_opt(row, "last_used_at")?,
        cidrs: cidrs(row)?,
        creator: actor(row, "creator")?,
        parent: parsed_opt(row, "parent_token_id", TokenId::parse)?,
        previous_until: time_opt(row, "previous_until")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn by_id(db: &impl Db, at: &TokenAt) -> Result<Option<TokenRow>, StoreError> {
    first(
        db,
        &format!("SELECT {COLUMNS} FROM service_tokens WHERE id = ? AND organization_id = ?"),
        params![at.token.as_str(), at.organization.as_str()],
        read,
    )
}

/// One token.
///
/// # Errors
/// When the database fails.
pub fn get(reader: &Reader, granted: &Granted<TokenAt>) -> Result<Option<TokenRow>, StoreError> {
    by_id(reader, granted.at())
}

/// One token, within a write.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when it is gone.
pub fn get_for_write(tx: &Tx<'_>, granted: &Granted<TokenAt>) -> Result<TokenRow, StoreError> {
    by_id(tx, granted.at())?.ok_or(StoreError::Changed)
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Public id.
    pub id: TokenId,
    /// Name, if it has one.
    pub name: Option<TokenName>,
    /// The digest of its secret.
    pub digest: Digest,
    /// When it ends; what its maker's end does to it is already in.
    pub expires_at: Option<Timestamp>,
    /// When it would end if no token had made it.
    pub own_expires_at: Option<Timestamp>,
    /// Who makes it.
    pub creator: ActorRef,
    /// The token that makes it.
    pub parent: Option<TokenId>,
}

/// Makes a token. It holds nothing.
///
/// # Errors
/// When the database fails.
pub fn insert(
    tx: &Tx<'_>,
    granted: &Granted<OrganizationAt>,
    new: &NewToken,
    now: Timestamp,
) -> Result<TokenRow, StoreError> {
    change(
        tx,
        "INSERT INTO service_tokens (id, organization_id, name, digest, expires_at, own_expires_at, \
         creator_kind, creator_id, creator_name, parent_token_id, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            new.id.as_str(),
            granted.at().organization.as_str(),
            new.name.as_ref().map(TokenName::as_str),
            new.digest.as_bytes(),
            new.expires_at.map(Timestamp::as_micros),
            new.own_expires_at.map(Timestamp::as_micros),
            new.creator.kind.as_str(),
            new.creator.id,
            new.creator.display_name,
            new.parent.as_ref().map(TokenId::as_str),
            now.as_micros(),
            now.as_micros(),
        ],
    )?;
    count(tx, granted.at().organization.as_str(), Counted::ServiceTokens, 1)?;
    tx.bump_store_version()?;
    let at = TokenAt { organization: granted.at().organization.clone(), token: new.id.clone() };
    by_id(tx, &at)?.ok_or(StoreError::Changed)
}

/// Changes a token's name or addresses; `None` leaves as it is.
///
/// # Errors
/// When the database fails.
pub fn update(
    tx: &Tx<'_>,
    granted: &Granted<TokenAt>,
    name: Option<Option<&TokenName>>,
    cidrs: Option<&Cidrs>,
    now: Timestamp,
) -> Result<TokenRow, StoreError> {
    let id = granted.at().token.as_str();
    if let Some(name) = name {
        let name = name.map(TokenName::as_str);
        change(
            tx,
            "UPDATE service_tokens SET name = ?, updated_at = ? WHERE id = ?",
            params![name, now.as_micros(), id],
        )?;
    }
    if let Some(cidrs) = cidrs {
        let text = (!cidrs.is_any()).then(|| cidrs.to_texts().join(","));
        change(
            tx,
            "UPDATE service_tokens SET cidrs = ?, updated_at = ? WHERE id = ?",
            params![text, now.as_micros(), id],
        )?;
    }
    tx.bump_store_version()?;
    get_for_write(tx, granted)
}

/// Gives a token another secret. The one before works until `previous_until`, if that is given.
///
/// # Errors
/// When the database fails.
pub fn rotate(
    tx: &Tx<'_>,
    granted: &Granted<TokenAt>,
    digest: &Digest,
    previous_until: Option<Timestamp>,
    now: Timestamp,
) -> Result<TokenRow, StoreError> {
    change(
        tx,
        "UPDATE service_tokens SET previous_digest = CASE WHEN ?1 IS NULL THEN NULL ELSE digest END, \
         previous_until = ?1, digest = ?2, updated_at = ?3 WHERE id = ?4",
        params![
            previous_until.map(Timestamp::as_micros),
            digest.as_bytes(),
            now.as_micros(),
            granted.at().token.as_str()
        ],
    )?;
    tx.bump_store_version()?;
    get_for_write(tx, granted)
}

/// Cuts the tie to the token that made it: it no longer ends with that one.
///
/// # Errors
/// When the database fails.
pub fn adopt(tx: &Tx<'_>, granted: &Granted<TokenAt>, now: Timestamp) -> Result<TokenRow, StoreError> {
    change(
        tx,
        "UPDATE service_tokens SET parent_token_id = NULL, expires_at = own_expires_at, updated_at = ? WHERE id = ?",
        params![now.as_micros(), granted.at().token.as_str()],
    )?;
    tx.bump_store_version()?;
    get_for_write(tx, granted)
}

/// Deletes a token, and with it those that it made and that nobody adopted, and theirs. Answers all
/// that are gone, the asked-for one first.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when it is gone already.
pub fn delete(tx: &Tx<'_>, granted: &Granted<TokenAt>) -> Result<Vec<TokenRow>, StoreError> {
    let mut gone = vec![get_for_write(tx, granted)?];
    let mut next = 0;
    while next < gone.len() {
        let children = all(
            tx,
            &format!("SELECT {COLUMNS} FROM service_tokens WHERE parent_token_id = ?"),
            params![gone[next].id.as_str()],
            read,
        )?;
        gone.extend(children);
        next += 1;
    }
    for token in &gone {
        change(tx, "DELETE FROM service_tokens WHERE id = ?", params![token.id.as_str()])?;
        count(tx, granted.at().organization.as_str(), Counted::ServiceTokens, -1)?;
    }
    tx.bump_store_version()?;
    Ok(gone)
}

/// What a token holds, as sets.
///
/// # Errors
/// When the database fails.
pub fn grants(tx: &Tx<'_>, granted: &Granted<TokenAt>) -> Result<Grants, StoreError> {
    grants_of(tx, &granted.at().token)
}

/// As [`grants`], for reading.
///
/// # Errors
/// When the database fails.
pub fn read_grants(reader: &Reader, granted: &Granted<TokenAt>) -> Result<Grants, StoreError> {
    grants_of(reader, &granted.at().token)
}

/// What a token holds, access by access: the organization's first, then all databases', then by
/// database name.
///
/// # Errors
/// When the database fails.
pub fn list_accesses(reader: &Reader, granted: &Granted<TokenAt>) -> Result<Vec<GrantRow>, StoreError> {
    accesses(reader, &granted.at().token)
}

/// As [`list_accesses`], within a write.
///
/// # Errors
/// When the database fails.
pub fn list_accesses_for_write(tx: &Tx<'_>, granted: &Granted<TokenAt>) -> Result<Vec<GrantRow>, StoreError> {
    accesses(tx, &granted.at().token)
}

fn accesses(db: &impl Db, token: &TokenId) -> Result<Vec<GrantRow>, StoreError> {
    let mut rows = all(
        db,
        "SELECT a.id, a.access, a.scope, a.database_id, a.granted_at, a.last_needed_at, d.name AS database_name, \
         d.created_at AS database_created_at, d.updated_at AS database_updated_at \
         FROM token_accesses a LEFT JOIN databases d ON d.id = a.database_id WHERE a.token_id = ?",
        params![token.as_str()],
        |row| {
            let name = parsed_opt(row, "database_name", |name| DatabaseName::parse(name).ok())?;
            let database = match name {
                Some(name) => Some(GrantedDatabase {
                    name,
                    created_at: time(row, "database_created_at")?,
                    updated_at: time(row, "database_updated_at")?,
                }),
                None => None,
            };
            Ok(GrantRow {
                id: parsed(row, "id", GrantId::parse)?,
                access: parsed(row, "access", Access::parse)?,
                scope: scope(row)?,
                database,
                granted_at: time(row, "granted_at")?,
                last_needed_at: time_opt(row, "last_needed_at")?,
            })
        },
    )?;
    let rank = |scope: &GrantScope| match scope {
        GrantScope::Organization => 0,
        GrantScope::AllDatabases => 1,
        GrantScope::Database(_) => 2,
    };
    rows.sort_by_key(|row| {
        let name = row.database.as_ref().map(|database| database.name.clone());
        (rank(&row.scope), name, row.access)
    });
    Ok(rows)
}

fn scope_columns(scope: &GrantScope) -> (&'static str, &str) {
    match scope {
        GrantScope::Organization => ("organization", ""),
        GrantScope::AllDatabases => ("all", ""),
        GrantScope::Database(id) => ("database", id.as_str()),
    }
}

/// Gives an access; `false` when the token holds it there already.
///
/// # Errors
/// When the database fails.
pub fn grant(
    tx: &Tx<'_>,
    granted: &Granted<TokenAt>,
    id: &GrantId,
    scope: &GrantScope,
    access: Access,
    now: Timestamp,
) -> Result<bool, StoreError> {
    give(tx, &granted.at().token, id, scope, access, now)
}

pub(crate) fn give(
    tx: &Tx<'_>,
    token: &TokenId,
    id: &GrantId,
    scope: &GrantScope,
    access: Access,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (scope, database) = scope_columns(scope);
    let key = params![token.as_str(), scope, database, access.name()];
    let held = number(
        tx,
        "SELECT COUNT(*) FROM token_accesses WHERE token_id = ? AND scope = ? AND database_id = ? AND access = ?",
        key,
    )?;
    if held > 0 {
        return Ok(false);
    }
    change(
        tx,
        "INSERT INTO token_accesses (token_id, scope, database_id, access, id, granted_at) VALUES (?, ?, ?, ?, ?, ?)",
        params![token.as_str(), scope, database, access.name(), id.as_str(), now.as_micros()],
    )?;
    tx.bump_store_version()?;
    Ok(true)
}

/// Takes an access away; `false` when the token did not hold it there.
///
/// # Errors
/// When the database fails.
pub fn revoke(
    tx: &Tx<'_>,
    granted: &Granted<TokenAt>,
    scope: &GrantScope,
    access: Access,
) -> Result<bool, StoreError> {
    let (scope, database) = scope_columns(scope);
    let gone = change(
        tx,
        "DELETE FROM token_accesses WHERE token_id = ? AND scope = ? AND database_id = ? AND access = ?",
        params![granted.at().token.as_str(), scope, database, access.name()],
    )?;
    tx.bump_store_version()?;
    Ok(gone > 0)
}

/// The token that makes a database holds every database access on it from then on.
///
/// # Errors
/// When the database fails.
pub fn grant_on_new_database(
    tx: &Tx<'_>,
    granted: &Granted<DatabaseAt>,
    token: &TokenId,
    accesses: impl IntoIterator<Item = (GrantId, Access)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let scope = GrantScope::Database(granted.at().database.clone());
    for (id, access) in accesses {
        give(tx, token, &id, &scope, access, now)?;
    }
    Ok(())
}

/// Whether the organization has a live database of this id.
///
/// # Errors
/// When the database fails.
pub fn database_is_live(
    tx: &Tx<'_>,
    granted: &Granted<TokenAt>,
    id: &DatabaseId,
) -> Result<bool, StoreError> {
    let found = number(
        tx,
        "SELECT COUNT(*) FROM databases WHERE id = ? AND organization_id = ? AND desired = 'running'",
        params![id.as_str(), granted.at().organization.as_str()],
    )?;
    Ok(found > 0)
}
