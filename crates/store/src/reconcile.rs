//! Branches as the reconciler sees them: wishes, and what was observed. It acts as Bough itself, so
//! these take no grant; they change nothing that a request decides on.

use std::time::Duration;

use bough_model::{
    BranchId, BranchState, ClusterSizeName, DatabaseId, DatabaseName, Desired, OrganizationId, RegionSlug,
    SleepWish, Timestamp,
};
use bough_policy::BranchAt;
use rusqlite::{Row, params};

use crate::connection::Db;
use crate::row::{all, change, cluster_size, first, number, parsed, parsed_opt, region, time_opt};
use crate::sleep::seconds;
use crate::{Reader, StoreError, Tx};

/// What is wished for a branch.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Which.
    pub id: BranchId,
    /// Its organization.
    pub organization: OrganizationId,
    /// Its database.
    pub database: DatabaseId,
    /// The SQL schema on its server.
    pub schema: DatabaseName,
    /// The branch that it takes its schema from.
    pub parent: Option<BranchId>,
    /// Whether that branch has its own schema already, and its server answers.
    pub parent_ready: bool,
    /// Where.
    pub region: RegionSlug,
    /// How large.
    pub cluster_size: ClusterSizeName,
    /// Whether it shall be there.
    pub desired: Desired,
    /// How often the wish changed.
    pub generation: i64,
    /// What was observed last.
    pub state: BranchState,
    /// Whether the parent's schema is in it.
    pub schema_ready: bool,
    /// Failed tries in a row.
    pub attempts: u32,
    /// How often it was asked to be restarted.
    pub restarts: u32,
    /// Whether nobody may change its schema directly.
    pub safe_migrations: bool,
    /// Whether its server shall be stopped.
    pub sleep: SleepWish,
    /// After how many seconds without use it falls asleep, if that is set for it; 0 for never.
    pub sleep_after_s: Option<u64>,
    /// Whether it is a production branch.
    pub production: bool,
    /// When it was known to be used last.
    pub used_at: Option<Timestamp>,
}

const SELECT: &str = "SELECT b.id, b.organization_id, b.database_id, d.schema_name, b.parent_id, \
    COALESCE(p.schema_ready AND p.state = 'ready', 0) AS parent_ready, b.region, b.cluster_size, b.desired, b.generation, b.state, \
    b.schema_ready, b.attempts, b.restarts, b.safe_migrations, b.sleep, b.sleep_after_s, \
    b.production, b.used_at FROM branches b JOIN databases d ON d.id = b.database_id \
    LEFT JOIN branches p ON p.id = b.parent_id";

fn read(row: &Row<'_>) -> Result<Wish, StoreError> {
    Ok(Wish {
        id: parsed(row, "id", BranchId::parse)?,
        organization: parsed(row, "organization_id", OrganizationId::parse)?,
        database: parsed(row, "database_id", DatabaseId::parse)?,
        schema: parsed(row, "schema_name", |name| DatabaseName::parse(name).ok())?,
        parent: parsed_opt(row, "parent_id", BranchId::parse)?,
        parent_ready: row.get("parent_ready")?,
        region: region(row)?,
        cluster_size: cluster_size(row)?,
        desired: parsed(row, "desired", Desired::parse)?,
        generation: row.get("generation")?,
        state: parsed(row, "state", BranchState::parse)?,
        schema_ready: row.get("schema_ready")?,
        attempts: u32::try_from(row.get::<_, i64>("attempts")?).unwrap_or(u32::MAX),
        restarts: u32::try_from(row.get::<_, i64>("restarts")?).unwrap_or(u32::MAX),
        safe_migrations: row.get("safe_migrations")?,
        sleep: parsed(row, "sleep", SleepWish::parse)?,
        sleep_after_s: seconds(row.get("sleep_after_s")?),
        production: row.get("production")?,
        used_at: time_opt(row, "used_at")?,
    })
}

/// Of which the index `branches_unsettled` is made: these words, and no others, so that it is used.
const UNSETTLED: &str =
    "(state NOT IN ('ready', 'sleeping') OR desired <> 'running' OR settled_generation <> generation)";

/// The wishes that are not known to be fulfilled and whose next try is due. Databases take turns: the most
/// urgent wish of each comes before the second of any.
///
/// # Errors
/// When the database fails.
pub fn unsettled(reader: &Reader, now: Timestamp, limit: u32) -> Result<Vec<Wish>, StoreError> {
    all(
        reader,
        &format!(
            "WITH due AS (SELECT id AS due_id, next_try_at AS due_at, \
             ROW_NUMBER() OVER (PARTITION BY database_id ORDER BY next_try_at, id) AS turn \
             FROM branches INDEXED BY branches_unsettled WHERE {UNSETTLED} AND next_try_at <= ?1) \
             {SELECT} JOIN due ON due.due_id = b.id ORDER BY due.turn, due.due_at LIMIT ?2"
        ),
        params![now.as_micros(), limit],
        read,
    )
}

/// When the next try of an unfulfilled wish is due.
///
/// # Errors
/// When the database fails.
pub fn next_due(reader: &Reader) -> Result<Option<Timestamp>, StoreError> {
    first(
        reader,
        &format!(
            "SELECT MIN(next_try_at) AS due FROM branches INDEXED BY branches_unsettled WHERE {UNSETTLED}"
        ),
        [],
        |row| Ok(row.get::<_, Option<i64>>("due")?.map(Timestamp::from_micros)),
    )
    .map(Option::flatten)
}

/// One wish, as it is now.
///
/// # Errors
/// When the database fails.
pub fn wish(reader: &Reader, id: &BranchId) -> Result<Option<Wish>, StoreError> {
    first(reader, &format!("{SELECT} WHERE b.id = ?"), params![id.as_str()], read)
}

/// The branches that are recorded as ready, some of them at a time, in order of id.
///
/// # Errors
/// When the database fails.
pub fn ready_after(reader: &Reader, after: &str, limit: u32) -> Result<Vec<BranchId>, StoreError> {
    all(
        reader,
        "SELECT id FROM branches INDEXED BY branches_ready WHERE id > ? AND state = 'ready' AND desired = 'running' ORDER BY id LIMIT ?",
        params![after, limit],
        |row| parsed(row, "id", BranchId::parse),
    )
}

/// Whether there is any record of a branch.
///
/// # Errors
/// When the database fails.
pub fn is_recorded(reader: &Reader, id: &BranchId) -> Result<bool, StoreError> {
    Ok(number(reader, "SELECT COUNT(*) FROM branches WHERE id = ?", params![id.as_str()])? > 0)
}

/// A branch serves queries, as it was wished. One whose server ended again and again keeps saying so until
/// it has stayed up ([`record_steady`]).
///
/// # Errors
/// When the database fails.
pub fn record_ready(
    tx: &Tx<'_>,
    wish: &Wish,
    server_version: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = change(
        tx,
        "UPDATE branches SET up_since = CASE WHEN state = 'ready' THEN up_since ELSE ?1 END, state = 'ready', \
         schema_ready = 1, disk_due_at = CASE WHEN state = 'ready' THEN disk_due_at ELSE 0 END, \
         last_error = CASE WHEN crashes > 1 THEN last_error END, attempts = 0, \
         settled_generation = generation, server_version = ?4, ready_at = COALESCE(ready_at, ?1), \
         schema_last_updated_at = COALESCE(schema_last_updated_at, ?1), \
         updated_at = CASE WHEN ready_at IS NULL THEN ?1 ELSE updated_at END \
         WHERE id = ?2 AND generation = ?3 AND desired = 'running'",
        params![now.as_micros(), wish.id.as_str(), wish.generation, server_version],
    )?;
    Ok(changed > 0)
}

/// A branch whose server has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Ends in a row, each soon after a start; this one included.
    pub crashes: u32,
}

/// How a branch has been up, as far as it is recorded as ready.
///
/// # Errors
/// When the database fails.
pub fn uptime(db: &Tx<'_>, id: &BranchId) -> Result<Option<(u32, Option<Timestamp>)>, StoreError> {
    first(
        db,
        "SELECT crashes, up_since FROM branches WHERE id = ? AND state = 'ready' AND desired = 'running'",
        params![id.as_str()],
        |row| {
            let crashes = u32::try_from(row.get::<_, i64>("crashes")?).unwrap_or(u32::MAX);
            Ok((crashes, time_opt(row, "up_since")?))
        },
    )
}

/// A branch that served queries does not any more; it is started again after `pause`.
///
/// # Errors
/// When the database fails.
pub fn record_lost(
    tx: &Tx<'_>,
    id: &BranchId,
    lost: Lost,
    why: Option<&str>,
    pause: Duration,
    now: Timestamp,
) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE branches SET state = 'pending', crashes = ?, last_error = ?, next_try_at = ? \
         WHERE id = ? AND state = 'ready'",
        params![lost.crashes, why, now.plus(pause).as_micros(), id.as_str()],
    )?;
    Ok(())
}

/// The branches that had crashed and have stayed up since before `since`.
///
/// # Errors
/// When the database fails.
pub fn steady(reader: &Reader, since: Timestamp) -> Result<Vec<BranchId>, StoreError> {
    all(
        reader,
        "SELECT id FROM branches INDEXED BY branches_ready WHERE crashes > 0 AND state = 'ready' AND desired = 'running' AND up_since <= ?",
        params![since.as_micros()],
        |row| parsed(row, "id", BranchId::parse),
    )
}

/// A branch that had crashed is as any other again.
///
/// # Errors
/// When the database fails.
pub fn record_steady(tx: &Tx<'_>, id: &BranchId) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE branches SET crashes = 0, last_error = NULL WHERE id = ? AND state = 'ready'",
        params![id.as_str()],
    )?;
    Ok(())
}

/// The ready branches whose server is of another version than the one installed, oldest start first.
///
/// # Errors
/// When the database fails.
pub fn of_another_version(reader: &Reader, installed: &str, limit: u32) -> Result<Vec<BranchId>, StoreError> {
    all(
        reader,
        "SELECT id FROM branches INDEXED BY branches_ready WHERE state = 'ready' AND desired = 'running' AND server_version <> ? \
         ORDER BY up_since LIMIT ?",
        params![installed, limit],
        |row| parsed(row, "id", BranchId::parse),
    )
}

/// The ready branches of which it is not known what their server is.
///
/// # Errors
/// When the database fails.
pub fn without_version(reader: &Reader, limit: u32) -> Result<Vec<BranchId>, StoreError> {
    all(
        reader,
        "SELECT id FROM branches INDEXED BY branches_ready WHERE server_version IS NULL AND state = 'ready' AND desired = 'running' LIMIT ?",
        params![limit],
        |row| parsed(row, "id", BranchId::parse),
    )
}

/// What a branch's server is.
///
/// # Errors
/// When the database fails.
pub fn record_version(tx: &Tx<'_>, id: &BranchId, version: &str) -> Result<(), StoreError> {
    change(tx, "UPDATE branches SET server_version = ? WHERE id = ?", params![version, id.as_str()])?;
    Ok(())
}

/// Whether a branch is on its way from a server of another version, and has not come back.
///
/// # Errors
/// When the database fails.
pub fn is_upgrade_unfinished(reader: &Reader, installed: &str) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM branches INDEXED BY branches_unsettled WHERE {UNSETTLED} \
         AND desired = 'running' AND server_version <> ?)"
    );
    Ok(number(reader, &sql, params![installed])? > 0)
}

/// What Bough itself needs to act on a branch: where it is.
///
/// # Errors
/// When the database fails.
pub fn place(reader: &Reader, id: &BranchId) -> Result<Option<BranchAt>, StoreError> {
    first(
        reader,
        "SELECT organization_id, database_id, production FROM branches WHERE id = ? AND desired = 'running'",
        params![id.as_str()],
        |row| {
            Ok(BranchAt {
                organization: parsed(row, "organization_id", OrganizationId::parse)?,
                database: parsed(row, "database_id", DatabaseId::parse)?,
                branch: id.clone(),
                production: row.get("production")?,
            })
        },
    )
}

/// A try failed, or cannot go on yet; the next one is due after `pause`.
///
/// # Errors
/// When the database fails.
pub fn record_failure(
    tx: &Tx<'_>,
    wish: &Wish,
    error: &str,
    pause: Duration,
    counts: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE branches SET last_error = ?, attempts = attempts + ?, next_try_at = ? \
         WHERE id = ? AND generation = ?",
        params![error, counts, now.plus(pause).as_micros(), wish.id.as_str(), wish.generation],
    )?;
    Ok(())
}

/// A branch is gone: its record goes, and its database's with the last one.
///
/// # Errors
/// When the database fails.
pub fn record_gone(tx: &Tx<'_>, wish: &Wish) -> Result<(), StoreError> {
    let gone = change(
        tx,
        "DELETE FROM branches WHERE id = ? AND generation = ? AND desired = 'gone'",
        params![wish.id.as_str(), wish.generation],
    )?;
    if gone > 0 {
        change(
            tx,
            "DELETE FROM databases WHERE id = ?1 AND desired = 'gone' \
             AND NOT EXISTS (SELECT 1 FROM branches WHERE database_id = ?1)",
            params![wish.database.as_str()],
        )?;
    }
    Ok(())
}

/// A branch that was as wished may not be any more: it is to be looked at, and what differs is to be mended.
/// Nothing changes for one that is being looked at anyway.
///
/// # Errors
/// When the database fails.
pub fn look_again(tx: &Tx<'_>, id: &BranchId, now: Timestamp) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE branches SET generation = generation + 1, attempts = 0, next_try_at = ?1 \
         WHERE id = ?2 AND state = 'ready' AND desired = 'running' AND settled_generation = generation",
        params![now.as_micros(), id.as_str()],
    )?;
    Ok(())
}

/// Whether a branch is known to be as it is wished.
///
/// # Errors
/// When the database fails.
pub fn is_settled(reader: &Reader, id: &BranchId) -> Result<bool, StoreError> {
    let settled = number(
        reader,
        "SELECT COUNT(*) FROM branches WHERE id = ? AND settled_generation = generation",
        params![id.as_str()],
    )?;
    Ok(settled > 0)
}

/// What a branch's schema looks like now.
///
/// # Errors
/// When the database fails.
pub fn record_schema(
    tx: &Tx<'_>,
    id: &BranchId,
    table_count: u64,
    fingerprint: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let known = fingerprint_of(tx, id)?;
    let changed_at = (known.as_deref() != Some(fingerprint)).then_some(now.as_micros());
    change(
        tx,
        "UPDATE branches SET table_count = ?, schema_fingerprint = ?, \
         schema_last_updated_at = COALESCE(?, schema_last_updated_at) WHERE id = ?",
        params![i64::try_from(table_count).unwrap_or(i64::MAX), fingerprint, changed_at, id.as_str()],
    )?;
    Ok(())
}

fn fingerprint_of(db: &impl Db, id: &BranchId) -> Result<Option<String>, StoreError> {
    let found =
        first(db, "SELECT schema_fingerprint FROM branches WHERE id = ?", params![id.as_str()], |row| {
            Ok(row.get::<_, Option<String>>("schema_fingerprint")?)
        })?;
    Ok(found.flatten())
}

/// What a branch's schema looked like when it was observed last.
///
/// # Errors
/// When the database fails.
pub fn schema_fingerprint(reader: &Reader, id: &BranchId) -> Result<Option<String>, StoreError> {
    fingerprint_of(reader, id)
}

/// How many branches there are in each state, for the metrics.
///
/// # Errors
/// When the database fails.
pub fn count_by_state(reader: &Reader) -> Result<Vec<(String, i64)>, StoreError> {
    all(
        reader,
        "SELECT CASE WHEN desired = 'gone' THEN 'deleting' ELSE state END AS state, COUNT(*) AS count \
         FROM branches GROUP BY 1",
        [],
        |row| Ok((row.get("state")?, row.get("count")?)),
    )
}
