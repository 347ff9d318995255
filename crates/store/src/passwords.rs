//! Passwords of branches. What logging in needs of them is in [`crate::principals`].

use bough_model::{
    ActorRef, BranchId, BranchName, Cidrs, DatabaseName, PasswordId, PasswordName, PasswordRole, RegionSlug,
    Timestamp, UserId, Username,
};
use bough_policy::{BranchAt, DatabaseAt, Granted, OrganizationAt, PasswordAt};
use rusqlite::{Row, ToSql, params};

use crate::connection::Db;
use crate::principals::cidrs;
use crate::row::{Page, actor, all, change, first, like_anywhere, number, parsed, region, time, time_opt};
use crate::{Reader, StoreError, Tx};

/// A password, without what its secret is verified with.
#[derive(Clone, Debug)]
pub struct PasswordRow {
    /// Public id.
    pub id: PasswordId,
    /// Name.
    pub name: String,
    /// What it may do.
    pub role: PasswordRole,
    /// What MySQL clients log in with.
    pub username: Username,
    /// From where.
    pub cidrs: Cidrs,
    /// How long it lives each time it is renewed; `None` for ever.
    pub ttl_seconds: Option<i64>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// A client made it for the time that it runs.
    pub ephemeral: bool,
    /// When it was used last.
    pub last_used_at: Option<Timestamp>,
    /// Who made it.
    pub actor: ActorRef,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// The branch that it opens.
    pub branch: PasswordBranch,
}

/// The branch that a password opens.
#[derive(Clone, Debug)]
pub struct PasswordBranch {
    /// Which.
    pub id: BranchId,
    /// Its name.
    pub name: BranchName,
    /// Whether it is a production branch.
    pub production: bool,
    /// Where it runs.
    pub region: RegionSlug,
    /// The SQL schema on its server.
    pub schema: DatabaseName,
}

const COLUMNS: &str = "p.id, p.name, p.role, p.username, p.cidrs, p.ttl_seconds, p.expires_at, p.ephemeral, \
    p.last_used_at, p.actor_kind, p.actor_id, p.actor_name, p.created_at, p.updated_at, b.id AS branch_id, \
    b.name AS branch_name, b.production, b.region, d.schema_name";
/// Live ones: those of branches that shall be there.
const FROM: &str = "FROM passwords p JOIN branches b ON b.id = p.branch_id AND b.desired = 'running' \
    JOIN databases d ON d.id = p.database_id";

fn read(row: &Row<'_>) -> Result<PasswordRow, StoreError> {
    Ok(PasswordRow {
        id: parsed(row, "id", PasswordId::parse)?,
        name: row.get("name")?,
        role: parsed(row, "role", PasswordRole::parse)?,
        username: parsed(row, "username", Username::parse)?,
        cidrs: cidrs(row)?,
        ttl_seconds: row.get("ttl_seconds")?,
        expires_at: time_opt(row, "expires_at")?,
        ephemeral: row.get("ephemeral")?,
        last_used_at: time_opt(row, "last_used_at")?,
        actor: actor(row, "actor")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        branch: PasswordBranch {
            id: parsed(row, "branch_id", BranchId::parse)?,
            name: parsed(row, "branch_name", |name| BranchName::parse(name).ok())?,
            production: row.get("production")?,
            region: region(row)?,
            schema: parsed(row, "schema_name", |name| DatabaseName::parse(name).ok())?,
        },
    })
}

fn by_id(db: &impl Db, branch: &BranchAt, password: &PasswordId) -> Result<Option<PasswordRow>, StoreError> {
    first(
        db,
        &format!("SELECT {COLUMNS} {FROM} WHERE p.id = ? AND p.branch_id = ? AND p.database_id = ?"),
        params![password.as_str(), branch.branch.as_str(), branch.database.as_str()],
        read,
    )
}

/// One password.
///
/// # Errors
/// When the database fails.
pub fn get(reader: &Reader, granted: &Granted<PasswordAt>) -> Result<Option<PasswordRow>, StoreError> {
    by_id(reader, &granted.at().branch, &granted.at().password)
}

/// What one of a branch's passwords is called.
///
/// # Errors
/// When the database fails.
pub fn name_of(
    reader: &Reader,
    granted: &Granted<BranchAt>,
    password: &PasswordId,
) -> Result<Option<String>, StoreError> {
    first(
        reader,
        "SELECT name FROM passwords WHERE id = ? AND branch_id = ?",
        params![password.as_str(), granted.at().branch.as_str()],
        |row| Ok(row.get("name")?),
    )
}

/// One password, within a write: its branch's class must still be what the decision was made on.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when it or its branch is gone, or of another class now.
pub fn get_for_write(tx: &Tx<'_>, granted: &Granted<PasswordAt>) -> Result<PasswordRow, StoreError> {
    let at = granted.at();
    let row = by_id(tx, &at.branch, &at.password)?.ok_or(StoreError::Changed)?;
    let as_decided = row.branch.production == at.branch.production && row.role == at.role;
    if as_decided { Ok(row) } else { Err(StoreError::Changed) }
}

/// Of which state passwords are wanted, at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordStatus {
    /// Those that have not expired.
    Active(Timestamp),
    /// Those that end and can be renewed, also when they have expired.
    Renewable,
    /// Those that have expired.
    Expired(Timestamp),
}

/// What a list of passwords is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct PasswordFilter {
    /// Part of the name, or of the user name.
    pub search: String,
    /// Only those of a state.
    pub status: Option<PasswordStatus>,
    /// Only those that a client made for the time that it runs, or only others.
    pub ephemeral: Option<bool>,
}

/// The passwords of a branch, newest first, and how many there are.
///
/// # Errors
/// When the database fails.
pub fn list_of_branch(
    reader: &Reader,
    granted: &Granted<BranchAt>,
    filter: &PasswordFilter,
    page: Page,
) -> Result<(Vec<PasswordRow>, i64), StoreError> {
    list(reader, "p.branch_id", granted.at().branch.as_str(), filter, page)
}

/// The passwords of all branches of a database, newest first, and how many there are.
///
/// # Errors
/// When the database fails.
pub fn list_of_database(
    reader: &Reader,
    granted: &Granted<DatabaseAt>,
    filter: &PasswordFilter,
    page: Page,
) -> Result<(Vec<PasswordRow>, i64), StoreError> {
    list(reader, "p.database_id", granted.at().database.as_str(), filter, page)
}

fn list(
    reader: &Reader,
    of: &str,
    id: &str,
    filter: &PasswordFilter,
    page: Page,
) -> Result<(Vec<PasswordRow>, i64), StoreError> {
    let (status, at) = match filter.status {
        None => ("?3 IS NULL", None),
        Some(PasswordStatus::Active(now)) => ("(p.expires_at IS NULL OR p.expires_at > ?3)", Some(now)),
        Some(PasswordStatus::Renewable) => ("p.ttl_seconds IS NOT NULL AND ?3 IS NULL", None),
        Some(PasswordStatus::Expired(now)) => ("p.expires_at <= ?3", Some(now)),
    };
    // In the words of the index that leaves those of clients out.
    let kind = match filter.ephemeral {
        None => "1",
        Some(true) => "p.ephemeral = 1",
        Some(false) => "p.ephemeral = 0",
    };
    let words = match filter.search.is_empty() {
        true => "?2 IS NULL",
        false => "(p.name LIKE ?2 ESCAPE '!' OR p.username LIKE ?2 ESCAPE '!')",
    };
    let condition = format!("WHERE {of} = ?1 AND {kind} AND {words} AND {status}");
    let like = (!filter.search.is_empty()).then(|| like_anywhere(&filter.search));
    let at = at.map(Timestamp::as_micros);
    let rows = all(
        reader,
        &format!(
            "SELECT {COLUMNS} {FROM} {condition} ORDER BY p.created_at DESC, p.id DESC LIMIT ?4 OFFSET ?5"
        ),
        params![id, like, at, page.limit(), page.offset()],
        read,
    )?;
    let total = number(reader, &format!("SELECT COUNT(*) {FROM} {condition}"), params![id, like, at])?;
    Ok((rows, total))
}

/// What a password's secret is verified with, encrypted.
#[derive(Clone, Copy)]
pub struct SealedVerifiers {
    /// For `mysql_native_password`.
    pub native: [u8; 20],
    /// For `caching_sha2_password`.
    pub sha2: [u8; 32],
}

impl std::fmt::Debug for SealedVerifiers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedVerifiers([hidden])")
    }
}

/// How long a password lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Seconds, each time it is renewed.
    pub seconds: i64,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When nothing of it is kept any more.
    pub removed_at: Timestamp,
}

/// A password to be made.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// Public id.
    pub id: PasswordId,
    /// Name.
    pub name: PasswordName,
    /// What it may do.
    pub role: PasswordRole,
    /// What MySQL clients log in with.
    pub username: Username,
    /// What its secret is verified with.
    pub verifiers: SealedVerifiers,
    /// From where.
    pub cidrs: Cidrs,
    /// How long; `None` for ever.
    pub lifetime: Option<Lifetime>,
    /// A client makes it for the time that it runs.
    pub ephemeral: bool,
    /// Who makes it.
    pub actor: ActorRef,
}

fn cidrs_text(cidrs: &Cidrs) -> Option<String> {
    (!cidrs.is_any()).then(|| cidrs.to_texts().join(","))
}

/// Makes a password of a branch, if that still is of the class that was decided on.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when the branch is gone or of another class now.
pub fn insert(
    tx: &Tx<'_>,
    granted: &Granted<BranchAt>,
    new: &NewPassword,
    now: Timestamp,
) -> Result<PasswordRow, StoreError> {
    crate::branches::get_for_write(tx, granted)?;
    let at = granted.at();
    let lifetime = new.lifetime.as_ref();
    change(
        tx,
        "INSERT INTO passwords (id, organization_id, database_id, branch_id, name, role, username, native, sha2, cidrs, \
         ttl_seconds, expires_at, removed_at, ephemeral, actor_kind, actor_id, actor_name, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?18)",
        params![
            new.id.as_str(),
            at.organization.as_str(),
            at.database.as_str(),
            at.branch.as_str(),
            new.name.as_str(),
            new.role.as_str(),
            new.username.as_str(),
            new.verifiers.native,
            new.verifiers.sha2,
            cidrs_text(&new.cidrs),
            lifetime.map(|lifetime| lifetime.seconds),
            lifetime.map(|lifetime| lifetime.expires_at.as_micros()),
            lifetime.map(|lifetime| lifetime.removed_at.as_micros()),
            new.ephemeral,
            new.actor.kind.as_str(),
            new.actor.id,
            new.actor.display_name,
            now.as_micros(),
        ],
    )?;
    tx.bump_store_version()?;
    by_id(tx, at, &new.id)?.ok_or(StoreError::Changed)
}

/// How many passwords a branch has.
///
/// # Errors
/// When the database fails.
pub fn count_of_branch(tx: &Tx<'_>, granted: &Granted<BranchAt>) -> Result<i64, StoreError> {
    let branch = granted.at().branch.as_str();
    number(tx, "SELECT COUNT(*) FROM passwords WHERE branch_id = ?", params![branch])
}

fn set(
    tx: &Tx<'_>,
    granted: &Granted<PasswordAt>,
    what: &str,
    values: &[&dyn ToSql],
) -> Result<(), StoreError> {
    let id = granted.at().password.as_str();
    let values: Vec<&dyn ToSql> = values.iter().copied().chain([&id as &dyn ToSql]).collect();
    change(tx, &format!("UPDATE passwords SET {what} WHERE id = ?"), values.as_slice())?;
    Ok(())
}

/// Changes a password's name or addresses; `None` leaves as it is.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] as [`get_for_write`].
pub fn update(
    tx: &Tx<'_>,
    granted: &Granted<PasswordAt>,
    name: Option<&PasswordName>,
    cidrs: Option<&Cidrs>,
    now: Timestamp,
) -> Result<PasswordRow, StoreError> {
    get_for_write(tx, granted)?;
    if let Some(name) = name {
        set(tx, granted, "name = ?, updated_at = ?", &[&name.as_str(), &now.as_micros()])?;
    }
    if let Some(cidrs) = cidrs {
        set(tx, granted, "cidrs = ?, updated_at = ?", &[&cidrs_text(cidrs), &now.as_micros()])?;
        tx.bump_store_version()?;
    }
    get_for_write(tx, granted)
}

/// Gives a password another life.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] as [`get_for_write`].
pub fn renew(
    tx: &Tx<'_>,
    granted: &Granted<PasswordAt>,
    lifetime: &Lifetime,
    now: Timestamp,
) -> Result<PasswordRow, StoreError> {
    get_for_write(tx, granted)?;
    let (ends, removed) = (lifetime.expires_at.as_micros(), lifetime.removed_at.as_micros());
    set(
        tx,
        granted,
        "ttl_seconds = ?, expires_at = ?, removed_at = ?, updated_at = ?",
        &[&lifetime.seconds, &ends, &removed, &now.as_micros()],
    )?;
    tx.bump_store_version()?;
    get_for_write(tx, granted)
}

/// Deletes a password; answers what it was.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] as [`get_for_write`].
pub fn delete(tx: &Tx<'_>, granted: &Granted<PasswordAt>) -> Result<PasswordRow, StoreError> {
    let gone = get_for_write(tx, granted)?;
    change(tx, "DELETE FROM passwords WHERE id = ?", params![gone.id.as_str()])?;
    tx.bump_store_version()?;
    Ok(gone)
}

/// The passwords of an organization that a person has made, at most so many.
///
/// # Errors
/// When the database fails.
pub fn made_by(
    tx: &Tx<'_>,
    granted: &Granted<OrganizationAt>,
    user: &UserId,
    most: u32,
) -> Result<Vec<PasswordAt>, StoreError> {
    let organization = &granted.at().organization;
    all(
        tx,
        "SELECT p.id, p.role, p.branch_id, p.database_id, b.production FROM passwords p \
         JOIN branches b ON b.id = p.branch_id AND b.desired = 'running' \
         WHERE p.organization_id = ? AND p.actor_id = ? AND p.actor_kind = 'User' LIMIT ?",
        params![organization.as_str(), user.as_str(), most],
        |row| {
            Ok(PasswordAt {
                branch: BranchAt {
                    organization: organization.clone(),
                    database: parsed(row, "database_id", bough_model::DatabaseId::parse)?,
                    branch: parsed(row, "branch_id", BranchId::parse)?,
                    production: row.get("production")?,
                },
                password: parsed(row, "id", PasswordId::parse)?,
                role: parsed(row, "role", PasswordRole::parse)?,
            })
        },
    )
}

/// Whether there is anything left of passwords that has to be removed.
///
/// # Errors
/// When the database fails.
pub fn any_ended(reader: &Reader, now: Timestamp) -> Result<bool, StoreError> {
    let found = first(
        reader,
        "SELECT 1 FROM passwords WHERE removed_at <= ? LIMIT 1",
        params![now.as_micros()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Removes what is left of passwords that have expired, at most so many; answers how many. They opened
/// nothing any more, so this changes nothing that a request decides on.
///
/// # Errors
/// When the database fails.
pub fn remove_ended(tx: &Tx<'_>, now: Timestamp, most: u32) -> Result<usize, StoreError> {
    change(
        tx,
        "DELETE FROM passwords WHERE id IN (SELECT id FROM passwords WHERE removed_at <= ? ORDER BY removed_at LIMIT ?)",
        params![now.as_micros(), most],
    )
}

/// Removes what is left of the passwords of a branch that is to be gone, at most so many; answers how many.
/// They opened nothing any more from the wish on.
///
/// # Errors
/// When the database fails.
pub fn remove_of_gone(tx: &Tx<'_>, branch: &BranchId, most: u32) -> Result<usize, StoreError> {
    change(
        tx,
        "DELETE FROM passwords WHERE id IN (SELECT p.id FROM passwords p \
         JOIN branches b ON b.id = p.branch_id AND b.desired = 'gone' WHERE p.branch_id = ? LIMIT ?)",
        params![branch.as_str(), most],
    )
}
