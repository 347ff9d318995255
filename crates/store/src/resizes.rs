//! Changes of a branch's size: asked for, brought about by the reconciler, kept as a list.

use bough_model::{ActorRef, BranchId, ClusterSizeName, ResizeId, ResizeState, Timestamp};
use bough_policy::{BranchAt, Granted};
use rusqlite::{Row, params};

use crate::branches::get_for_write;
use crate::reconcile::Wish;
use crate::row::{Page, actor, all, change, cluster_size, first, number, parsed, time, time_opt};
use crate::{Reader, StoreError, Tx};

/// Changes that are kept of a branch, the latest; the audit log has them all. What looks for the one that is
/// not ended reads them.
const KEPT_PER_BRANCH: i64 = 200;

/// A change of a branch's size.
#[derive(Clone, Debug)]
pub struct ResizeRow {
    /// Public id.
    pub id: ResizeId,
    /// Where it is.
    pub state: ResizeState,
    /// The size that is wanted.
    pub cluster_size: ClusterSizeName,
    /// The size before: the last one that the branch was known to have.
    pub previous: ClusterSizeName,
    /// Who asked for it.
    pub actor: ActorRef,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "id, state, cluster_size, previous_cluster_size, actor_kind, actor_id, actor_name, \
    started_at, completed_at, created_at, updated_at";

fn read(row: &Row<'_>) -> Result<ResizeRow, StoreError> {
    Ok(ResizeRow {
        id: parsed(row, "id", ResizeId::parse)?,
        state: parsed(row, "state", ResizeState::parse)?,
        cluster_size: cluster_size(row)?,
        previous: parsed(row, "previous_cluster_size", ClusterSizeName::parse)?,
        actor: actor(row, "actor")?,
        started_at: time_opt(row, "started_at")?,
        completed_at: time_opt(row, "completed_at")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

/// The changes of a branch's size, newest first, and how many there are.
///
/// # Errors
/// When the database fails.
pub fn list(
    reader: &Reader,
    granted: &Granted<BranchAt>,
    page: Page,
) -> Result<(Vec<ResizeRow>, i64), StoreError> {
    let branch = granted.at().branch.as_str();
    let rows = all(
        reader,
        &format!(
            "SELECT {COLUMNS} FROM resizes WHERE branch_id = ? ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?"
        ),
        params![branch, page.limit(), page.offset()],
        read,
    )?;
    let total = number(reader, "SELECT COUNT(*) FROM resizes WHERE branch_id = ?", params![branch])?;
    Ok((rows, total))
}

/// One of them.
///
/// # Errors
/// When the database fails.
pub fn get(
    reader: &Reader,
    granted: &Granted<BranchAt>,
    id: &ResizeId,
) -> Result<Option<ResizeRow>, StoreError> {
    first(
        reader,
        &format!("SELECT {COLUMNS} FROM resizes WHERE branch_id = ? AND id = ?"),
        params![granted.at().branch.as_str(), id.as_str()],
        read,
    )
}

/// The one that is not ended.
///
/// # Errors
/// When the database fails.
pub fn open(tx: &Tx<'_>, branch: &BranchId) -> Result<Option<ResizeRow>, StoreError> {
    first(
        tx,
        &format!("SELECT {COLUMNS} FROM resizes WHERE branch_id = ? AND state IN ('pending', 'resizing')"),
        params![branch.as_str()],
        read,
    )
}

/// Wishes another size. One that is not ended is overtaken: the size before this one is the size before that.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when the branch is gone or of another class now.
pub fn wish(
    tx: &Tx<'_>,
    granted: &Granted<BranchAt>,
    id: &ResizeId,
    size: &ClusterSizeName,
    actor: &ActorRef,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = get_for_write(tx, granted)?;
    let previous = open(tx, &before.id)?.map_or(before.cluster_size, |overtaken| overtaken.previous);
    cancel_open(tx, &before.id, now)?;
    change(
        tx,
        "INSERT INTO resizes (id, branch_id, state, cluster_size, previous_cluster_size, actor_kind, actor_id, \
         actor_name, created_at, updated_at) VALUES (?1, ?2, 'pending', ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
        params![
            id.as_str(),
            before.id.as_str(),
            size.canonical(),
            previous.canonical(),
            actor.kind.as_str(),
            actor.id,
            actor.display_name,
            now.as_micros(),
        ],
    )?;
    forget_old(tx, &before.id)?;
    set_size(tx, &before.id, size, now)
}

fn forget_old(tx: &Tx<'_>, branch: &BranchId) -> Result<(), StoreError> {
    let branch = branch.as_str();
    if number(tx, "SELECT COUNT(*) FROM resizes WHERE branch_id = ?", params![branch])? <= KEPT_PER_BRANCH {
        return Ok(());
    }
    change(
        tx,
        "DELETE FROM resizes WHERE branch_id = ?1 AND state NOT IN ('pending', 'resizing') AND id NOT IN \
         (SELECT id FROM resizes WHERE branch_id = ?1 ORDER BY created_at DESC, id DESC LIMIT ?2)",
        params![branch, KEPT_PER_BRANCH],
    )?;
    Ok(())
}

/// Takes back one that has not begun, and wishes the size that the branch had before, and not one that was
/// overtaken on the way: what is canceled is not carried out.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when the branch is gone or of another class now.
pub fn cancel(
    tx: &Tx<'_>,
    granted: &Granted<BranchAt>,
    resize: &ResizeRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    let branch = get_for_write(tx, granted)?;
    cancel_open(tx, &branch.id, now)?;
    set_size(tx, &branch.id, &resize.previous, now)
}

fn cancel_open(tx: &Tx<'_>, branch: &BranchId, now: Timestamp) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE resizes SET state = 'canceled', completed_at = ?1, updated_at = ?1 \
         WHERE branch_id = ?2 AND state IN ('pending', 'resizing')",
        params![now.as_micros(), branch.as_str()],
    )?;
    Ok(())
}

fn set_size(
    tx: &Tx<'_>,
    branch: &BranchId,
    size: &ClusterSizeName,
    now: Timestamp,
) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE branches SET cluster_size = ?1, generation = generation + 1, attempts = 0, next_try_at = ?2, \
         updated_at = ?2 WHERE id = ?3",
        params![size.canonical(), now.as_micros(), branch.as_str()],
    )?;
    Ok(())
}

/// The server is being given its new size: from here on it is not taken back.
///
/// # Errors
/// When the database fails.
pub fn record_begun(tx: &Tx<'_>, wish: &Wish, now: Timestamp) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE resizes SET state = 'resizing', started_at = COALESCE(started_at, ?1), updated_at = ?1 \
         WHERE branch_id = ?2 AND state = 'pending' \
         AND (SELECT generation FROM branches WHERE id = ?2) = ?3",
        params![now.as_micros(), wish.id.as_str(), wish.generation],
    )?;
    Ok(())
}

/// The server has the size that was wished.
///
/// # Errors
/// When the database fails.
pub fn record_completed(tx: &Tx<'_>, wish: &Wish, now: Timestamp) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE resizes SET state = 'completed', started_at = COALESCE(started_at, ?1), completed_at = ?1, \
         updated_at = ?1 WHERE branch_id = ?2 AND state IN ('pending', 'resizing') \
         AND (SELECT generation FROM branches WHERE id = ?2) = ?3",
        params![now.as_micros(), wish.id.as_str(), wish.generation],
    )?;
    Ok(())
}
