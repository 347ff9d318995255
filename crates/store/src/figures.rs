//! What is shown as curves: a service token's requests and an organization's branches, hour by hour.
//! Written in bulk, off the path of requests; rows go when they are old.

use bough_model::{BranchId, BranchState, OrganizationId, Timestamp, TokenId};
use bough_policy::{Granted, OrganizationAt, TokenAt};
use rusqlite::{Row, params, params_from_iter};

use crate::row::{all, change, number, parsed};
use crate::{Reader, StoreError, Tx};

/// Upper bounds of the latency's classes, in microseconds; what is longer is in one more class.
pub const LATENCY_BOUNDS_MICROS: [u32; 11] =
    [100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000];
/// Classes of latency.
pub const LATENCY_CLASSES: usize = LATENCY_BOUNDS_MICROS.len() + 1;

/// Microseconds of an hour.
const HOUR_MICROS: i64 = 3_600_000_000;

/// An hour, counted from 1970 (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub i64);

impl Hour {
    /// The hour that a time lies in.
    pub const fn of(at: Timestamp) -> Self {
        Self(at.as_micros().div_euclid(HOUR_MICROS))
    }

    /// When it begins.
    pub const fn begins(self) -> Timestamp {
        Timestamp::from_micros(self.0.saturating_mul(HOUR_MICROS))
    }
}

/// Requests, counted together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// How many were answered.
    pub count: u64,
    /// How many were refused for want of an access.
    pub refusals: u64,
    /// How long they took together, in microseconds.
    pub micros_sum: u64,
    /// How long the longest took, in microseconds.
    pub micros_max: u64,
    /// How many of them in each class of latency.
    pub took: [u64; LATENCY_CLASSES],
}

/// An organization's branches at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Branches {
    /// How many there are; those that are being deleted are none.
    pub count: u64,
    /// How many of them run.
    pub running: u64,
    /// How many of them are asleep.
    pub asleep: u64,
    /// What they take on disk together, in bytes.
    pub disk_bytes: u64,
}

fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn loaded(row: &Row<'_>, column: &str) -> Result<u64, StoreError> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

/// Adds requests of a token to those of the hour. The token may have been deleted meanwhile: then there is
/// nothing to add to.
///
/// # Errors
/// When the database fails.
pub fn add_requests(tx: &Tx<'_>, token: &TokenId, hour: Hour, requests: &Requests) -> Result<(), StoreError> {
    let mut values = vec![requests.count, requests.refusals, requests.micros_sum, requests.micros_max];
    values.extend(requests.took);
    let values: Vec<i64> = values.into_iter().map(stored).collect();
    // The numbered parameters: ?1 token, ?2 hour, ?3 and on as they stand in the table.
    let known = change(
        tx,
        "UPDATE token_figures SET requests = requests + ?3, refusals = refusals + ?4, micros_sum = micros_sum + ?5, \
         micros_max = CASE WHEN micros_max < ?6 THEN ?6 ELSE micros_max END, took_0 = took_0 + ?7, took_1 = took_1 + ?8, took_2 = took_2 + ?9, \
         took_3 = took_3 + ?10, took_4 = took_4 + ?11, took_5 = took_5 + ?12, took_6 = took_6 + ?13, \
         took_7 = took_7 + ?14, took_8 = took_8 + ?15, took_9 = took_9 + ?16, took_10 = took_10 + ?17, \
         took_11 = took_11 + ?18 WHERE token_id = ?1 AND hour = ?2",
        numbered(token, hour, &values),
    )?;
    let lives = || number(tx, "SELECT COUNT(*) FROM service_tokens WHERE id = ?", params![token.as_str()]);
    if known == 0 && lives()? > 0 {
        change(
            tx,
            "INSERT INTO token_figures (token_id, hour, requests, refusals, micros_sum, micros_max, took_0, took_1, \
             took_2, took_3, took_4, took_5, took_6, took_7, took_8, took_9, took_10, took_11) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            numbered(token, hour, &values),
        )?;
    }
    Ok(())
}

fn numbered<'a>(
    token: &'a TokenId,
    hour: Hour,
    values: &'a [i64],
) -> rusqlite::ParamsFromIter<impl Iterator<Item = rusqlite::types::Value> + 'a> {
    use rusqlite::types::Value;
    let first = [Value::from(token.as_str().to_owned()), Value::from(hour.0)];
    params_from_iter(first.into_iter().chain(values.iter().map(|value| Value::from(*value))))
}

/// A token's requests from an hour on, oldest first; hours without any have none.
///
/// # Errors
/// When the database fails.
pub fn requests(
    reader: &Reader,
    granted: &Granted<TokenAt>,
    from: Hour,
) -> Result<Vec<(Hour, Requests)>, StoreError> {
    let at = granted.at();
    all(
        reader,
        "SELECT f.* FROM token_figures f JOIN service_tokens t ON t.id = f.token_id \
         WHERE f.token_id = ? AND f.hour >= ? AND t.organization_id = ? ORDER BY f.hour",
        params![at.token.as_str(), from.0, at.organization.as_str()],
        |row| {
            let mut took = [0; LATENCY_CLASSES];
            for (class, count) in took.iter_mut().enumerate() {
                *count = loaded(row, &format!("took_{class}"))?;
            }
            let requests = Requests {
                count: loaded(row, "requests")?,
                refusals: loaded(row, "refusals")?,
                micros_sum: loaded(row, "micros_sum")?,
                micros_max: loaded(row, "micros_max")?,
                took,
            };
            Ok((Hour(row.get("hour")?), requests))
        },
    )
}

/// An organization's branches from an hour on, oldest first; hours in which nobody looked have none.
///
/// # Errors
/// When the database fails.
pub fn branches(
    reader: &Reader,
    granted: &Granted<OrganizationAt>,
    from: Hour,
) -> Result<Vec<(Hour, Branches)>, StoreError> {
    all(
        reader,
        "SELECT hour, branches, running, asleep, disk_bytes FROM organization_figures \
         WHERE organization_id = ? AND hour >= ? ORDER BY hour",
        params![granted.at().organization.as_str(), from.0],
        |row| {
            let branches = Branches {
                count: loaded(row, "branches")?,
                running: loaded(row, "running")?,
                asleep: loaded(row, "asleep")?,
                disk_bytes: loaded(row, "disk_bytes")?,
            };
            Ok((Hour(row.get("hour")?), branches))
        },
    )
}

/// Every organization's branches as they are now. Reads each branch's row.
///
/// # Errors
/// When the database fails.
pub fn count_branches(reader: &Reader) -> Result<Vec<(OrganizationId, Branches)>, StoreError> {
    reader.consistently(|reader| {
        let organization = |row: &Row<'_>, column| parsed(row, column, OrganizationId::parse);
        let none =
            all(reader, "SELECT id FROM organizations ORDER BY id", [], |row| organization(row, "id"))?;
        let mut counted: Vec<_> = none.into_iter().map(|id| (id, Branches::default())).collect();
        let some = all(
            reader,
            "SELECT organization_id, COUNT(*) AS branches, SUM(state = 'ready') AS running, \
             SUM(state IN ('sleep_in_progress', 'sleeping')) AS asleep, SUM(disk_bytes) AS disk_bytes \
             FROM branches WHERE desired = 'running' GROUP BY organization_id",
            [],
            |row| {
                let branches = Branches {
                    count: loaded(row, "branches")?,
                    running: loaded(row, "running")?,
                    asleep: loaded(row, "asleep")?,
                    disk_bytes: loaded(row, "disk_bytes")?,
                };
                Ok((organization(row, "organization_id")?, branches))
            },
        )?;
        for (id, branches) in some {
            if let Ok(at) = counted.binary_search_by(|(known, _)| known.cmp(&id)) {
                counted[at].1 = branches;
            }
        }
        Ok(counted)
    })
}

/// Notes how an organization's branches are, in place of what was noted in the same hour.
///
/// # Errors
/// When the database fails.
pub fn record_branches(
    tx: &Tx<'_>,
    organization: &OrganizationId,
    hour: Hour,
    branches: &Branches,
) -> Result<(), StoreError> {
    let values = params![
        organization.as_str(),
        hour.0,
        stored(branches.count),
        stored(branches.running),
        stored(branches.asleep),
        stored(branches.disk_bytes)
    ];
    let known = change(
        tx,
        "UPDATE organization_figures SET branches = ?3, running = ?4, asleep = ?5, disk_bytes = ?6 \
         WHERE organization_id = ?1 AND hour = ?2",
        values,
    )?;
    if known == 0 {
        change(
            tx,
            "INSERT INTO organization_figures (organization_id, hour, branches, running, asleep, disk_bytes) \
             SELECT id, ?2, ?3, ?4, ?5, ?6 FROM organizations WHERE id = ?1",
            values,
        )?;
    }
    Ok(())
}

/// A branch whose size is to be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub id: BranchId,
    /// What was observed of it last.
    pub state: BranchState,
}

/// The branches whose size was measured longest ago, of those that are due.
///
/// # Errors
/// When the database fails.
pub fn due(reader: &Reader, now: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
    all(
        reader,
        "SELECT id, state FROM branches INDEXED BY branches_disk_due \
         WHERE desired = 'running' AND disk_due_at <= ? ORDER BY disk_due_at LIMIT ?",
        params![now.as_micros(), limit],
        |row| {
            let state = parsed(row, "state", BranchState::parse)?;
            Ok(Due { id: parsed(row, "id", BranchId::parse)?, state })
        },
    )
}

/// A branch was measured. Without a size, the one before stays.
///
/// # Errors
/// When the database fails.
pub fn record_size(
    tx: &Tx<'_>,
    id: &BranchId,
    bytes: Option<u64>,
    due_again: Timestamp,
) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE branches SET disk_bytes = COALESCE(?, disk_bytes), disk_due_at = ? WHERE id = ?",
        params![bytes.map(stored), due_again.as_micros(), id.as_str()],
    )?;
    Ok(())
}

/// Takes away figures from before an hour, at most so many of each kind, oldest first; answers how many.
///
/// # Errors
/// When the database fails.
pub fn sweep(tx: &Tx<'_>, before: Hour, limit: u32) -> Result<usize, StoreError> {
    let tokens = change(
        tx,
        "DELETE FROM token_figures WHERE (token_id, hour) IN \
         (SELECT token_id, hour FROM token_figures WHERE hour < ? ORDER BY hour LIMIT ?)",
        params![before.0, limit],
    )?;
    let organizations = change(
        tx,
        "DELETE FROM organization_figures WHERE (organization_id, hour) IN \
         (SELECT organization_id, hour FROM organization_figures WHERE hour < ? ORDER BY hour LIMIT ?)",
        params![before.0, limit],
    )?;
    Ok(tokens + organizations)
}

/// Whether there are figures from before an hour.
///
/// # Errors
/// When the database fails.
pub fn has_before(reader: &Reader, before: Hour) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM token_figures WHERE hour < ?1) \
               OR EXISTS (SELECT 1 FROM organization_figures WHERE hour < ?1)";
    Ok(number(reader, sql, params![before.0])? > 0)
}
