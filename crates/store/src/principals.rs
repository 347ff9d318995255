//! What authentication needs to know of a service token, of a person and his session, or of a branch's
//! password, read whole in one consistent look.

use std::collections::HashMap;
use std::sync::Arc;

use bough_model::{
    Actor, BranchId, Cidrs, DatabaseId, Digest, OrganizationId, PasswordId, PasswordRole, Role, Secret,
    SessionId, Timestamp, TokenId, UserId, Username,
};
use bough_policy::{Access, GrantScope, Grants, Principal, Standing};
use rusqlite::{Row, params};

use crate::connection::Db;
use crate::passwords::SealedVerifiers;
use crate::row::{all, first, parsed, time_opt};
use crate::sessions::{self, SessionRow};
use crate::users::{self, UserRow};
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

/// A branch's password as logging in to MySQL sees it.
#[derive(Clone, Debug)]
pub struct PasswordRecord {
    /// Which.
    pub id: PasswordId,
    /// The branch that it opens.
    pub branch: BranchId,
    /// What it may do there.
    pub role: PasswordRole,
    /// What its secret is verified with.
    pub verifiers: SealedVerifiers,
    /// Where it may come from.
    pub cidrs: Cidrs,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// The first password whose user name is this one or follows, and whether it is this one's and its branch
/// shall be there. Whoever asks for a name must not learn from the clock whether there is such a password:
/// what is done with one that is there is to be done with the one that stands for it, too.
///
/// # Errors
/// When the database fails.
pub fn nearest_password(
    reader: &Reader,
    username: &Username,
) -> Result<Option<(bool, PasswordRecord)>, StoreError> {
    first(
        reader,
        "SELECT p.id, p.branch_id, p.role, p.native, p.sha2, p.cidrs, p.expires_at, \
         p.username = ?1 AND b.desired = 'running' AS fits FROM passwords p JOIN branches b ON b.id = p.branch_id \
         WHERE p.username >= ?1 ORDER BY p.username LIMIT 1",
        params![username.as_str()],
        |row| {
            let record = PasswordRecord {
                id: parsed(row, "id", PasswordId::parse)?,
                branch: parsed(row, "branch_id", BranchId::parse)?,
                role: parsed(row, "role", PasswordRole::parse)?,
                verifiers: SealedVerifiers { native: row.get("native")?, sha2: row.get("sha2")? },
                cidrs: cidrs(row)?,
                expires_at: time_opt(row, "expires_at")?,
            };
            Ok((row.get("fits")?, record))
        },
    )
}

/// What logging in is checked against.
#[derive(Clone, Debug)]
pub struct LoginRecord {
    /// Who.
    pub user: UserId,
    /// The hash of his password.
    pub password_hash: Secret<String>,
    /// The account is closed.
    pub disabled: bool,
}

/// The account of an e-mail address. An address that has none costs the same as one that has: the first
/// account at or after it is read, and only then compared.
///
/// # Errors
/// When the database fails.
pub fn login(reader: &Reader, email: &str) -> Result<Option<LoginRecord>, StoreError> {
    let nearest = first(
        reader,
        "SELECT id, email = ?1 AS fits, password_hash, disabled_at FROM users WHERE email >= ?1 \
         ORDER BY email LIMIT 1",
        params![email],
        |row| {
            let record = LoginRecord {
                user: parsed(row, "id", UserId::parse)?,
                password_hash: Secret::new(row.get("password_hash")?),
                disabled: time_opt(row, "disabled_at")?.is_some(),
            };
            Ok((row.get::<_, bool>("fits")?, record))
        },
    )?;
    Ok(nearest.filter(|(fits, _)| *fits).map(|(_, record)| record))
}

/// A session as authentication sees it.
#[derive(Clone, Debug)]
pub struct SessionRecord {
    /// The session itself.
    pub session: SessionRow,
    /// Whose it is.
    pub user: UserRow,
    /// What he may do.
    pub principal: Arc<Principal>,
}

/// Which session is meant.
#[derive(Clone, Copy, Debug)]
pub enum SessionKey<'a> {
    /// The one whose secret has this digest.
    Digest(&'a Digest),
    /// The one of this id.
    Id(&'a SessionId),
}

/// A session, whose it is and all that he may do. `None` too when his account is closed. Whether its time
/// is over is for the caller to see.
///
/// # Errors
/// When the database fails.
pub fn session(reader: &Reader, key: SessionKey<'_>) -> Result<Option<SessionRecord>, StoreError> {
    reader.consistently(|reader| {
        let find = |condition, key: &dyn rusqlite::ToSql| {
            let sql = format!("SELECT {} FROM sessions s WHERE {condition}", sessions::COLUMNS);
            first(reader, &sql, params![key], sessions::read)
        };
        let session = match key {
            SessionKey::Digest(digest) => find("s.digest = ?", digest.as_bytes())?,
            SessionKey::Id(id) => find("s.id = ?", &id.as_str())?,
        };
        let Some(session) = session else { return Ok(None) };
        let user = users::open_account(reader, &session.user)?;
        let Some(user) = user else { return Ok(None) };
        let principal = Arc::new(Principal::User {
            actor: Actor::User(session.user.clone()),
            standings: standings(reader, &session.user)?,
        });
        Ok(Some(SessionRecord { session, user, principal }))
    })
}

/// What a person is in each of his organizations.
pub(crate) fn standings(
    db: &impl Db,
    user: &UserId,
) -> Result<HashMap<OrganizationId, Standing>, StoreError> {
    let mut standings = HashMap::new();
    all(
        db,
        "SELECT organization_id, role FROM memberships WHERE user_id = ?",
        params![user.as_str()],
        |row| {
            let organization = parsed(row, "organization_id", OrganizationId::parse)?;
            let role = parsed(row, "role", Role::parse)?;
            standings.insert(organization, Standing { role, administers: Vec::new() });
            Ok(())
        },
    )?;
    all(
        db,
        "SELECT d.organization_id, d.id FROM database_administrators a JOIN databases d ON d.id = a.database_id \
         WHERE a.user_id = ? ORDER BY d.id",
        params![user.as_str()],
        |row| {
            let organization = parsed(row, "organization_id", OrganizationId::parse)?;
            // Who is no member administers nothing.
            if let Some(standing) = standings.get_mut(&organization) {
                standing.administers.push(parsed(row, "id", DatabaseId::parse)?);
            }
            Ok(())
        },
    )?;
    Ok(standings)
}

/// Whether a principal may still what it was read to may: within a write, so that nothing that has been
/// revoked meanwhile is used, and nothing is made by a token or in a session that is gone.
///
/// # Errors
/// When the database fails.
pub fn still_holds(
    tx: &Tx<'_>,
    principal: &Principal,
    session: Option<&SessionId>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    match principal {
        Principal::Token { actor: Actor::Token(id), organization, expires_at, grants } => {
            let ends = first(
                tx,
                "SELECT expires_at FROM service_tokens WHERE id = ? AND organization_id = ?",
                params![id.as_str(), organization.as_str()],
                |row| time_opt(row, "expires_at"),
            )?;
            Ok(ends == Some(*expires_at) && grants_of(tx, id)? == *grants)
        }
        Principal::User { actor: Actor::User(user), standings: read } => {
            let lasts = match session {
                Some(session) => sessions::lasts(tx, user, session, now)?,
                None => true,
            };
            Ok(lasts && users::open_account(tx, user)?.is_some() && standings(tx, user)? == *read)
        }
        _ => Ok(true),
    }
}
