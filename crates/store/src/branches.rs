//! Branches, as requests see them. What the reconciler does with them is in [`crate::reconcile`].

use bough_model::{
    ActorRef, BranchId, BranchName, BranchState, ClusterSizeName, DatabaseId, RegionSlug, Timestamp,
};
use bough_policy::{BranchAt, DatabaseAt, Granted};
use rusqlite::{Row, params};

use crate::connection::Db;
use crate::row::{
    Page, actor, all, change, cluster_size, first, like_anywhere, number, parsed, parsed_opt, region, time,
    time_opt,
};
use crate::sleep::seconds;
use crate::{Reader, StoreError, Tx};

/// A branch.
#[derive(Clone, Debug)]
pub struct BranchRow {
    /// Public id.
    pub id: BranchId,
    /// Its database.
    pub database: DatabaseId,
    /// Name in paths.
    pub name: BranchName,
    /// The name of the branch it came from.
    pub parent: Option<BranchName>,
    /// The branch it came from, which may be gone.
    pub parent_id: Option<BranchId>,
    /// Whether it is a production branch.
    pub production: bool,
    /// Whether direct DDL is refused on it.
    pub safe_migrations: bool,
    /// Refuses deletion while set.
    pub deletion_protected: bool,
    /// Where it runs.
    pub region: RegionSlug,
    /// How much of the machine it gets.
    pub cluster_size: ClusterSizeName,
    /// Who made it.
    pub actor: ActorRef,
    /// Where it is in its life.
    pub state: BranchState,
    /// Whether the parent's schema is in it.
    pub schema_ready: bool,
    /// Why it does not get ready, or why its server ends again and again, in the server's or the engine's
    /// own words.
    pub last_error: Option<String>,
    /// What its server called its version when it was asked last.
    pub server_version: Option<String>,
    /// When it is to be deleted.
    pub expires_at: Option<Timestamp>,
    /// After how many seconds without use it falls asleep, if that is set for it; 0 for never.
    pub sleep_after_s: Option<u64>,
    /// When it was known to be used last.
    pub used_at: Option<Timestamp>,
    /// When its schema changed last.
    pub schema_last_updated_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "b.id, b.database_id, b.name, p.name AS parent_name, b.parent_id, b.production, \
    b.safe_migrations, b.deletion_protected, b.region, b.cluster_size, b.actor_kind, b.actor_id, b.actor_name, b.state, \
    b.schema_ready, b.last_error, b.server_version, b.expires_at, b.sleep_after_s, b.used_at, \
    b.schema_last_updated_at, b.created_at, b.updated_at";
const FROM: &str = "FROM branches b LEFT JOIN branches p ON p.id = b.parent_id";

fn read(row: &Row<'_>) -> Result<BranchRow, StoreError> {
    Ok(BranchRow {
        id: parsed(row, "id", BranchId::parse)?,
        database: parsed(row, "database_id", DatabaseId::parse)?,
        name: parsed(row, "name", |name| BranchName::parse(name).ok())?,
        parent: parsed_opt(row, "parent_name", |name| BranchName::parse(name).ok())?,
        parent_id: parsed_opt(row, "parent_id", BranchId::parse)?,
        production: row.get("production")?,
        safe_migrations: row.get("safe_migrations")?,
        deletion_protected: row.get("deletion_protected")?,
        region: region(row)?,
        cluster_size: cluster_size(row)?,
        actor: actor(row, "actor")?,
        state: parsed(row, "state", BranchState::parse)?,
        schema_ready: row.get("schema_ready")?,
        last_error: row.get("last_error")?,
        server_version: row.get("server_version")?,
        expires_at: time_opt(row, "expires_at")?,
        sleep_after_s: seconds(row.get("sleep_after_s")?),
        used_at: time_opt(row, "used_at")?,
        schema_last_updated_at: time_opt(row, "schema_last_updated_at")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

pub(crate) fn by_id(db: &impl Db, at: &BranchAt) -> Result<Option<BranchRow>, StoreError> {
    first(
        db,
        &format!("SELECT {COLUMNS} {FROM} WHERE b.id = ? AND b.database_id = ? AND b.desired = 'running'"),
        params![at.branch.as_str(), at.database.as_str()],
        read,
    )
}

/// One branch.
///
/// # Errors
/// When the database fails.
pub fn get(reader: &Reader, granted: &Granted<BranchAt>) -> Result<Option<BranchRow>, StoreError> {
    by_id(reader, granted.at())
}

/// What is recorded of a branch's server.
#[derive(Clone, Copy, Debug)]
pub struct ServerRow {
    /// Tables of its schema.
    pub table_count: i64,
    /// What it takes on disk, as it was measured last; 0 before that.
    pub disk_bytes: i64,
    /// How often it was restarted because somebody asked for that.
    pub restarts: i64,
    /// Ends in a row, each soon after a start.
    pub crashes: i64,
}

/// What is recorded of a branch's server.
///
/// # Errors
/// When the database fails.
pub fn server(reader: &Reader, granted: &Granted<BranchAt>) -> Result<Option<ServerRow>, StoreError> {
    first(
        reader,
        "SELECT table_count, disk_bytes, restarts, crashes FROM branches \
         WHERE id = ? AND database_id = ? AND desired = 'running'",
        params![granted.at().branch.as_str(), granted.at().database.as_str()],
        |row| {
            Ok(ServerRow {
                table_count: row.get("table_count")?,
                disk_bytes: row.get("disk_bytes")?,
                restarts: row.get("restarts")?,
                crashes: row.get("crashes")?,
            })
        },
    )
}

/// One branch, within a write: its class must still be what the decision was made on.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when it is gone or of another class now.
pub fn get_for_write(tx: &Tx<'_>, granted: &Granted<BranchAt>) -> Result<BranchRow, StoreError> {
    let row = by_id(tx, granted.at())?.ok_or(StoreError::Changed)?;
    if row.production == granted.at().production { Ok(row) } else { Err(StoreError::Changed) }
}

/// What a list of branches is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of the name.
    pub search: String,
    /// Only production branches, or only others.
    pub production: Option<bool>,
    /// Only those with safe migrations, or only others.
    pub safe_migrations: Option<bool>,
    /// Oldest first instead of newest first.
    pub ascending: bool,
}

/// The branches of a database, and how many there are.
///
/// # Errors
/// When the database fails.
pub fn list(
    reader: &Reader,
    granted: &Granted<DatabaseAt>,
    filter: &Filter,
    page: Page,
) -> Result<(Vec<BranchRow>, i64), StoreError> {
    let condition = "WHERE b.database_id = ?1 AND b.desired = 'running' AND b.name LIKE ?2 ESCAPE '!' \
                     AND (?3 IS NULL OR b.production = ?3) AND (?4 IS NULL OR b.safe_migrations = ?4)";
    // The first branch is older than one that was made in the same transaction.
    let order = if filter.ascending {
        "b.created_at, b.parent_id IS NOT NULL, b.id"
    } else {
        "b.created_at DESC, b.parent_id IS NOT NULL DESC, b.id DESC"
    };
    let like = like_anywhere(&filter.search);
    let database = granted.at().database.as_str();
    let rows = all(
        reader,
        &format!("SELECT {COLUMNS} {FROM} {condition} ORDER BY {order} LIMIT ?5 OFFSET ?6"),
        params![database, like, filter.production, filter.safe_migrations, page.limit(), page.offset()],
        read,
    )?;
    let total = number(
        reader,
        &format!("SELECT COUNT(*) FROM branches b {condition}"),
        params![database, like, filter.production, filter.safe_migrations],
    )?;
    Ok((rows, total))
}

/// A branch to be made.
#[derive(Clone, Debug)]
pub struct NewBranch {
    /// Public id.
    pub id: BranchId,
    /// Name.
    pub name: BranchName,
    /// The branch that it takes its schema from.
    pub parent: Option<BranchId>,
    /// Whether it is a production branch.
    pub production: bool,
    /// Whether direct DDL is refused on it.
    pub safe_migrations: bool,
    /// Refuses deletion while set.
    pub deletion_protected: bool,
    /// Where it runs.
    pub region: RegionSlug,
    /// How much of the machine it gets.
    pub cluster_size: ClusterSizeName,
    /// Who makes it.
    pub actor: ActorRef,
    /// When it is to be deleted.
    pub expires_at: Option<Timestamp>,
}

/// Records the wish for a branch; `false` when the name is taken, or is another branch's id.
///
/// # Errors
/// When the database fails.
pub fn insert(
    tx: &Tx<'_>,
    granted: &Granted<DatabaseAt>,
    new: &NewBranch,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let at = granted.at();
    if is_taken(tx, &at.database, &new.name)? {
        return Ok(false);
    }
    change(
        tx,
        "INSERT INTO branches (id, organization_id, database_id, name, live_name, parent_id, production, \
         safe_migrations, deletion_protected, region, cluster_size, actor_kind, actor_id, actor_name, desired, \
         generation, state, schema_ready, attempts, next_try_at, table_count, created_at, updated_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 'running', 1, 'pending', 0, 0, ?14, 0, \
         ?14, ?14, ?15)",
        params![
            new.id.as_str(),
            at.organization.as_str(),
            at.database.as_str(),
            new.name.as_str(),
            new.parent.as_ref().map(BranchId::as_str),
            new.production,
            new.safe_migrations,
            new.deletion_protected,
            new.region.as_str(),
            new.cluster_size.canonical(),
            new.actor.kind.as_str(),
            new.actor.id,
            new.actor.display_name,
            now.as_micros(),
            new.expires_at.map(Timestamp::as_micros),
        ],
    )?;
    Ok(true)
}

fn is_taken(tx: &Tx<'_>, database: &DatabaseId, name: &BranchName) -> Result<bool, StoreError> {
    let taken = number(
        tx,
        "SELECT COUNT(*) FROM branches WHERE database_id = ?1 AND (live_name = ?2 OR (id = ?2 AND desired = 'running'))",
        params![database.as_str(), name.as_str()],
    )?;
    Ok(taken > 0)
}

/// How many development branches a database has.
///
/// # Errors
/// When the database fails.
pub fn count_development(tx: &Tx<'_>, granted: &Granted<DatabaseAt>) -> Result<i64, StoreError> {
    let at = granted.at();
    number(
        tx,
        "SELECT COUNT(*) FROM branches WHERE database_id = ? AND desired = 'running' AND production = 0",
        params![at.database.as_str()],
    )
}

/// How many development branches somebody has made that are still there, in the whole organization.
///
/// # Errors
/// When the database fails.
pub fn count_made_by(
    tx: &Tx<'_>,
    granted: &Granted<DatabaseAt>,
    actor: &ActorRef,
) -> Result<i64, StoreError> {
    number(
        tx,
        "SELECT COUNT(*) FROM branches WHERE organization_id = ? AND actor_id = ? AND actor_kind = ? \
         AND desired = 'running' AND production = 0",
        params![granted.at().organization.as_str(), actor.id, actor.kind.as_str()],
    )
}

/// How many live branches a database has.
///
/// # Errors
/// When the database fails.
pub fn count_all(tx: &Tx<'_>, granted: &Granted<BranchAt>) -> Result<i64, StoreError> {
    number(
        tx,
        "SELECT COUNT(*) FROM branches WHERE database_id = ? AND desired = 'running'",
        params![granted.at().database.as_str()],
    )
}

/// How many production branches a branch's database has.
///
/// # Errors
/// When the database fails.
pub fn count_production(tx: &Tx<'_>, granted: &Granted<BranchAt>) -> Result<i64, StoreError> {
    number(
        tx,
        "SELECT COUNT(*) FROM branches WHERE database_id = ? AND desired = 'running' AND production = 1",
        params![granted.at().database.as_str()],
    )
}

/// A branch of which there is nothing to say but, after its set end, why it is still there.
const ALL_IS_WELL: &str =
    "(state IN ('ready', 'sleeping') AND settled_generation = generation AND crashes <= 1)";

/// What a branch's own fields become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// Its name.
    pub name: BranchName,
    /// Whether it refuses deletion.
    pub deletion_protected: bool,
    /// When it is to be deleted. Another time is announced anew.
    pub expires_at: Option<Timestamp>,
    /// After how many seconds without use it falls asleep, if that is set for it; 0 for never.
    pub sleep_after_s: Option<u64>,
}

/// Changes a branch's own fields; `false` when the new name is taken.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when it is gone or of another class now.
pub fn update(
    tx: &Tx<'_>,
    granted: &Granted<BranchAt>,
    fields: &Fields,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let name = &fields.name;
    let before = get_for_write(tx, granted)?;
    if before.name != *name && is_taken(tx, &before.database, name)? {
        return Ok(false);
    }
    change(
        tx,
        &format!(
            "UPDATE branches SET name = ?1, live_name = ?1, deletion_protected = ?2, \
         expiry_announced_at = CASE WHEN expires_at IS ?5 THEN expiry_announced_at END, expires_at = ?5, \
         last_error = CASE WHEN expires_at IS ?5 OR NOT {ALL_IS_WELL} THEN last_error END, sleep_after_s = ?6, \
         updated_at = ?3 WHERE id = ?4"
        ),
        params![
            name.as_str(),
            fields.deletion_protected,
            now.as_micros(),
            before.id.as_str(),
            fields.expires_at.map(Timestamp::as_micros),
            fields.sleep_after_s.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX)),
        ],
    )?;
    Ok(true)
}

/// Wishes that a branch's server be stopped and started.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when it is gone or of another class now.
pub fn wish_restart(tx: &Tx<'_>, granted: &Granted<BranchAt>, now: Timestamp) -> Result<(), StoreError> {
    let row = get_for_write(tx, granted)?;
    change(
        tx,
        "UPDATE branches SET restarts = restarts + 1, generation = generation + 1, state = 'pending', sleep = 'no', attempts = 0, \
         crashes = 0, next_try_at = ?1, updated_at = ?1 WHERE id = ?2",
        params![now.as_micros(), row.id.as_str()],
    )?;
    Ok(())
}

/// Makes a branch a production branch, or a development branch. One that serves production does not go
/// away by itself.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when it is gone or of another class now.
pub fn set_production(
    tx: &Tx<'_>,
    granted: &Granted<BranchAt>,
    production: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = get_for_write(tx, granted)?;
    change(
        tx,
        &format!(
            "UPDATE branches SET production = ?1, updated_at = ?2, \
             expires_at = CASE WHEN ?1 THEN NULL ELSE expires_at END, \
             last_error = CASE WHEN expires_at IS NULL OR NOT ?1 OR NOT {ALL_IS_WELL} THEN last_error END WHERE id = ?3"
        ),
        params![production, now.as_micros(), row.id.as_str()],
    )?;
    tx.bump_store_version()
}

/// Switches safe migrations.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when it is gone or of another class now.
pub fn set_safe_migrations(
    tx: &Tx<'_>,
    granted: &Granted<BranchAt>,
    safe_migrations: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = get_for_write(tx, granted)?;
    change(
        tx,
        "UPDATE branches SET safe_migrations = ?1, generation = generation + 1, attempts = 0, next_try_at = ?2, \
         updated_at = ?2 WHERE id = ?3",
        params![safe_migrations, now.as_micros(), row.id.as_str()],
    )?;
    Ok(())
}

/// The live descendants of a branch, nearest first.
///
/// # Errors
/// When the database fails.
pub fn descendants(tx: &Tx<'_>, granted: &Granted<BranchAt>) -> Result<Vec<BranchRow>, StoreError> {
    let mut found = Vec::new();
    let mut parents = vec![granted.at().branch.clone()];
    while let Some(parent) = parents.pop() {
        let children = all(
            tx,
            &format!(
                "SELECT {COLUMNS} {FROM} WHERE b.parent_id = ? AND b.desired = 'running' ORDER BY b.created_at"
            ),
            params![parent.as_str()],
            read,
        )?;
        parents.extend(children.iter().map(|child| child.id.clone()));
        found.extend(children);
    }
    Ok(found)
}

/// Records the wish that a branch be gone, if it still is of the class that was decided on.
///
/// # Errors
/// When the database fails.
pub fn wish_gone(tx: &Tx<'_>, granted: &Granted<BranchAt>, now: Timestamp) -> Result<(), StoreError> {
    let changed = change(
        tx,
        "UPDATE branches SET desired = 'gone', live_name = NULL, generation = generation + 1, attempts = 0, \
         next_try_at = ?1, updated_at = ?1 WHERE id = ?2 AND desired = 'running' AND production = ?3",
        params![now.as_micros(), granted.at().branch.as_str(), granted.at().production],
    )?;
    if changed == 0 {
        return Err(StoreError::Changed);
    }
    tx.bump_store_version()
}
