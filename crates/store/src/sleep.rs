//! Branches that fall asleep and wake.
//!
//! Two rules keep a client that has just been let in from being cut, whichever processes let in and put to
//! sleep: whoever lets in has the use noted first ([`enter`]), which succeeds only where no sleep is wished;
//! and sleep for want of use is wished only where no use was noted for as long ([`wish_sleep_when_idle`]).

use std::time::Duration;

use bough_model::{BranchId, Timestamp};
use bough_policy::{BranchAt, Granted};
use rusqlite::params;

use crate::branches::get_for_write;
use crate::reconcile::Wish;
use crate::row::{all, change, parsed, time, time_opt};
use crate::{Reader, StoreError, Tx};

/// A branch that runs as wished, and may fall asleep.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which.
    pub id: BranchId,
    /// After how many seconds without use, if that is set for it; 0 for never.
    pub sleep_after_s: Option<u64>,
    /// When it was known to be used last, or its server began to answer.
    pub used_at: Timestamp,
}

/// Nothing of it is known from after the second parameter.
const UNUSED_SINCE: &str =
    "(used_at IS NULL OR used_at <= ?2) AND (up_since IS NULL OR up_since <= ?2) AND created_at <= ?2";
/// A branch whose children take their schema from it now is used.
const NO_CHILD_WAITS: &str = "NOT EXISTS (SELECT 1 FROM branches c WHERE c.parent_id = branches.id \
    AND c.desired = 'running' AND c.schema_ready = 0)";

/// The development branches that run as wished and were not known to be used after `since`, some of them at a
/// time, in order of id.
///
/// # Errors
/// When the database fails.
pub fn candidates(
    reader: &Reader,
    since: Timestamp,
    after: &str,
    limit: u32,
) -> Result<Vec<Candidate>, StoreError> {
    all(
        reader,
        &format!(
            "SELECT id, sleep_after_s, created_at, up_since, used_at FROM branches INDEXED BY branches_ready WHERE id > ?1 AND state = 'ready' AND desired = 'running' \
             AND production = 0 AND settled_generation = generation \
             AND {UNUSED_SINCE} AND {NO_CHILD_WAITS} \
             ORDER BY id LIMIT ?3"
        ),
        params![after, since.as_micros(), limit],
        |row| {
            Ok(Candidate {
                id: parsed(row, "id", BranchId::parse)?,
                sleep_after_s: seconds(row.get("sleep_after_s")?),
                used_at: [time_opt(row, "up_since")?, time_opt(row, "used_at")?]
                    .into_iter()
                    .flatten()
                    .fold(time(row, "created_at")?, Timestamp::max),
            })
        },
    )
}

pub(crate) fn seconds(stored: Option<i64>) -> Option<u64> {
    stored.map(|seconds| u64::try_from(seconds).unwrap_or(0))
}

/// Notes that a branch is about to be used; `false` when it is not ready, or shall sleep.
///
/// # Errors
/// When the database fails.
pub fn enter(tx: &Tx<'_>, id: &BranchId, now: Timestamp) -> Result<bool, StoreError> {
    let noted = change(
        tx,
        "UPDATE branches SET used_at = CASE WHEN used_at > ?1 THEN used_at ELSE ?1 END \
         WHERE id = ?2 AND state = 'ready' AND desired = 'running' AND sleep = 'no'",
        params![now.as_micros(), id.as_str()],
    )?;
    Ok(noted > 0)
}

/// Wishes that a branch sleep unless somebody uses it; `false` when it does not run as wished, or was used
/// less than `unused` ago.
///
/// # Errors
/// When the database fails.
pub fn wish_sleep_when_idle(
    tx: &Tx<'_>,
    id: &BranchId,
    unused: Duration,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let wished = change(
        tx,
        &format!(
            "UPDATE branches SET sleep = 'when_idle', state = 'sleep_in_progress', generation = generation + 1, \
             attempts = 0, next_try_at = ?1 WHERE id = ?3 AND state = 'ready' AND desired = 'running' AND production = 0 \
             AND settled_generation = generation AND {UNUSED_SINCE} AND {NO_CHILD_WAITS}"
        ),
        params![now.as_micros(), now.minus(unused).as_micros(), id.as_str()],
    )?;
    Ok(wished > 0)
}

/// Wishes that a branch sleep, whoever uses it; `false` when it is not ready, or is being changed.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when it is gone or of another class now.
pub fn wish_sleep(tx: &Tx<'_>, granted: &Granted<BranchAt>, now: Timestamp) -> Result<bool, StoreError> {
    let row = get_for_write(tx, granted)?;
    let wished = change(
        tx,
        "UPDATE branches SET sleep = 'asked', state = 'sleep_in_progress', generation = generation + 1, \
         attempts = 0, next_try_at = ?1 WHERE id = ?2 AND state = 'ready' AND settled_generation = generation",
        params![now.as_micros(), row.id.as_str()],
    )?;
    Ok(wished > 0)
}

/// Wishes that a branch be awake; `false` when it is wished already.
///
/// # Errors
/// When the database fails.
pub fn wish_awake(tx: &Tx<'_>, id: &BranchId, now: Timestamp) -> Result<bool, StoreError> {
    let wished = change(
        tx,
        "UPDATE branches SET sleep = 'no', state = 'awakening', generation = generation + 1, attempts = 0, \
         next_try_at = ?1, used_at = CASE WHEN used_at > ?1 THEN used_at ELSE ?1 END WHERE id = ?2 AND desired = 'running' AND sleep <> 'no'",
        params![now.as_micros(), id.as_str()],
    )?;
    Ok(wished > 0)
}

/// A branch sleeps, as it was wished. Another size counts from its next start.
///
/// # Errors
/// When the database fails.
pub fn record_asleep(tx: &Tx<'_>, wish: &Wish) -> Result<bool, StoreError> {
    let changed = change(
        tx,
        "UPDATE branches SET state = 'sleeping', settled_generation = generation, attempts = 0, crashes = 0, \
         last_error = NULL WHERE id = ? AND generation = ? AND desired = 'running' AND sleep <> 'no'",
        params![wish.id.as_str(), wish.generation],
    )?;
    Ok(changed > 0)
}

/// A branch that was to sleep if nobody used it is used: it stays awake, as if nothing had been wished.
///
/// # Errors
/// When the database fails.
pub fn record_used(tx: &Tx<'_>, wish: &Wish, now: Timestamp) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE branches SET sleep = 'no', state = 'ready', settled_generation = generation, \
         used_at = CASE WHEN used_at > ?1 THEN used_at ELSE ?1 END \
         WHERE id = ?2 AND generation = ?3 AND desired = 'running' AND sleep = 'when_idle'",
        params![now.as_micros(), wish.id.as_str(), wish.generation],
    )?;
    Ok(())
}

/// A branch that runs was seen to be used.
///
/// # Errors
/// When the database fails.
pub fn note_use(tx: &Tx<'_>, id: &BranchId, now: Timestamp) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE branches SET used_at = CASE WHEN used_at > ?1 THEN used_at ELSE ?1 END WHERE id = ?2",
        params![now.as_micros(), id.as_str()],
    )?;
    Ok(())
}
