//! People's sessions. What opens one is known by its digest only.

use bough_model::{Digest, SessionId, Timestamp, UserId};
use bough_policy::{Granted, Nowhere};
use rusqlite::{Row, params};

use crate::row::{all, change, first, number, parsed, time};
use crate::{Reader, StoreError, Tx};

/// A session as its owner sees it.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Public id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was used last, to within a minute.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub ends_at: Timestamp,
    /// The address that it was begun from.
    pub remote_ip: String,
    /// What the browser called itself.
    pub user_agent: String,
}

pub(crate) const COLUMNS: &str =
    "s.id, s.user_id, s.created_at, s.last_seen_at, s.ends_at, s.remote_ip, s.user_agent";

pub(crate) fn read(row: &Row<'_>) -> Result<SessionRow, StoreError> {
    Ok(SessionRow {
        id: parsed(row, "id", SessionId::parse)?,
        user: parsed(row, "user_id", UserId::parse)?,
        created_at: time(row, "created_at")?,
        last_seen_at: time(row, "last_seen_at")?,
        ends_at: time(row, "ends_at")?,
        remote_ip: row.get("remote_ip")?,
        user_agent: row.get("user_agent")?,
    })
}

/// Begins a session.
///
/// # Errors
/// When the database fails.
pub fn insert(
    tx: &Tx<'_>,
    _granted: &Granted<Nowhere>,
    new: &SessionRow,
    digest: &Digest,
) -> Result<(), StoreError> {
    change(
        tx,
        "INSERT INTO sessions (id, user_id, digest, created_at, last_seen_at, ends_at, remote_ip, user_agent) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            new.id.as_str(),
            new.user.as_str(),
            digest.as_bytes(),
            new.created_at.as_micros(),
            new.last_seen_at.as_micros(),
            new.ends_at.as_micros(),
            new.remote_ip,
            new.user_agent,
        ],
    )?;
    Ok(())
}

/// The sessions of a person, the one that was used last first.
///
/// # Errors
/// When the database fails.
pub fn list(
    reader: &Reader,
    _granted: &Granted<Nowhere>,
    user: &UserId,
) -> Result<Vec<SessionRow>, StoreError> {
    all(
        reader,
        &format!(
            "SELECT {COLUMNS} FROM sessions s WHERE s.user_id = ? ORDER BY s.last_seen_at DESC, s.id DESC"
        ),
        params![user.as_str()],
        read,
    )
}

/// Ends a session of a person; `false` when he has none of that id.
///
/// # Errors
/// When the database fails.
pub fn end(
    tx: &Tx<'_>,
    _granted: &Granted<Nowhere>,
    user: &UserId,
    id: &SessionId,
) -> Result<bool, StoreError> {
    let gone =
        change(tx, "DELETE FROM sessions WHERE id = ? AND user_id = ?", params![id.as_str(), user.as_str()])?;
    Ok(gone > 0)
}

/// Ends the session of a secret, whosever it is.
///
/// # Errors
/// When the database fails.
pub fn end_by_digest(tx: &Tx<'_>, _granted: &Granted<Nowhere>, digest: &Digest) -> Result<(), StoreError> {
    change(tx, "DELETE FROM sessions WHERE digest = ?", params![digest.as_bytes()])?;
    Ok(())
}

/// Ends all sessions of a person, but the one to be kept. Answers how many.
///
/// # Errors
/// When the database fails.
pub fn end_all(
    tx: &Tx<'_>,
    _granted: &Granted<Nowhere>,
    user: &UserId,
    kept: Option<&SessionId>,
) -> Result<usize, StoreError> {
    change(
        tx,
        "DELETE FROM sessions WHERE user_id = ? AND id <> ?",
        params![user.as_str(), kept.map_or("", SessionId::as_str)],
    )
}

/// Ends the oldest sessions of a person, so that so many are left.
///
/// # Errors
/// When the database fails.
pub fn keep_newest(
    tx: &Tx<'_>,
    _granted: &Granted<Nowhere>,
    user: &UserId,
    most: i64,
) -> Result<(), StoreError> {
    let there = number(tx, "SELECT COUNT(*) FROM sessions WHERE user_id = ?", params![user.as_str()])?;
    if there <= most {
        return Ok(());
    }
    let oldest = all(
        tx,
        "SELECT id FROM sessions WHERE user_id = ? ORDER BY created_at, id LIMIT ?",
        params![user.as_str(), there - most],
        |row| parsed(row, "id", SessionId::parse),
    )?;
    for id in oldest {
        change(tx, "DELETE FROM sessions WHERE id = ?", params![id.as_str()])?;
    }
    Ok(())
}

/// Whether a session is still there and does not end by itself before `now`.
pub(crate) fn lasts(tx: &Tx<'_>, user: &UserId, id: &SessionId, now: Timestamp) -> Result<bool, StoreError> {
    let ends = first(
        tx,
        "SELECT ends_at FROM sessions WHERE id = ? AND user_id = ?",
        params![id.as_str(), user.as_str()],
        |row| time(row, "ends_at"),
    )?;
    Ok(ends.is_some_and(|ends| now < ends))
}

/// Notes that a session was used. One that has ended meanwhile stays so.
///
/// # Errors
/// When the database fails.
pub fn seen(tx: &Tx<'_>, id: &SessionId, at: Timestamp) -> Result<(), StoreError> {
    let at = at.as_micros();
    change(
        tx,
        "UPDATE sessions SET last_seen_at = ? WHERE id = ? AND last_seen_at < ?",
        params![at, id.as_str(), at],
    )?;
    Ok(())
}

/// Sessions that have ended by now, or that nobody has used since: at most so many of each.
///
/// # Errors
/// When the database fails.
pub fn over(
    reader: &Reader,
    now: Timestamp,
    unused_since: Timestamp,
    most: u32,
) -> Result<Vec<SessionId>, StoreError> {
    let find = |sql, time: Timestamp| {
        all(reader, sql, params![time.as_micros(), most], |row| parsed(row, "id", SessionId::parse))
    };
    let mut ids = find("SELECT id FROM sessions WHERE ends_at <= ? ORDER BY ends_at LIMIT ?", now)?;
    ids.extend(find(
        "SELECT id FROM sessions WHERE last_seen_at <= ? ORDER BY last_seen_at LIMIT ?",
        unused_since,
    )?);
    Ok(ids)
}

/// Removes sessions that are over, as [`over`] found them; one that has been used meanwhile stays.
///
/// # Errors
/// When the database fails.
pub fn sweep(
    tx: &Tx<'_>,
    ids: &[SessionId],
    now: Timestamp,
    unused_since: Timestamp,
) -> Result<usize, StoreError> {
    let mut gone = 0;
    for id in ids {
        gone += change(
            tx,
            "DELETE FROM sessions WHERE id = ? AND (ends_at <= ? OR last_seen_at <= ?)",
            params![id.as_str(), now.as_micros(), unused_since.as_micros()],
        )?;
    }
    Ok(gone)
}

/// The e-mail addresses and the addresses that sessions of theirs were begun from, the newest at most so
/// many.
///
/// # Errors
/// When the database fails.
pub fn begun_from(reader: &Reader, most: u32) -> Result<Vec<(String, String)>, StoreError> {
    all(
        reader,
        "SELECT u.email, s.remote_ip FROM sessions s JOIN users u ON u.id = s.user_id \
         ORDER BY s.last_seen_at DESC LIMIT ?",
        params![most],
        |row| Ok((row.get("email")?, row.get("remote_ip")?)),
    )
}
