//! Requests that carry an `Idempotency-Key`: what they were, and what was answered.

use std::time::Duration;

use bough_model::{Digest, Timestamp};
use rusqlite::params;

use crate::principals::digest;
use crate::row::{change, first, time};
use crate::{Reader, StoreError, Tx};

/// How long a key is kept, in hours.
const KEPT_HOURS: u64 = 24;

/// What identifies a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// Who asks.
    pub principal: String,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The digest of the key that came with it, as text.
    pub key: String,
}

/// A request that was carried out before.
#[derive(Clone, Debug)]
pub struct Carried {
    /// The digest of its body.
    pub body: Digest,
    /// What was answered; `None` when Bough ended before the answer was known.
    pub answer: Option<(u16, String)>,
}

/// What is known of a request.
///
/// # Errors
/// When the database fails.
pub fn find(reader: &Reader, key: &RequestKey, now: Timestamp) -> Result<Option<Carried>, StoreError> {
    let found = first(
        reader,
        "SELECT body_digest, created_at, status, answer FROM idempotency_keys \
         WHERE principal = ? AND method = ? AND path = ? AND key = ?",
        params![key.principal, key.method, key.path, key.key],
        |row| {
            let missing = || StoreError::Unknown("a key without a digest".to_owned());
            let status: Option<u16> = row.get("status")?;
            let answer: Option<String> = row.get("answer")?;
            let carried = Carried {
                body: digest(row, "body_digest")?.ok_or_else(missing)?,
                answer: status.map(|status| (status, answer.unwrap_or_default())),
            };
            Ok((time(row, "created_at")?, carried))
        },
    )?;
    let kept = Duration::from_secs(KEPT_HOURS * 3600);
    Ok(found.filter(|(created_at, _)| now.since(*created_at) < kept).map(|(_, carried)| carried))
}

/// Records, in the transaction that carries a request out, that it was carried out.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when another request did the same meanwhile.
pub fn claim(tx: &Tx<'_>, key: &RequestKey, body: &Digest, now: Timestamp) -> Result<(), StoreError> {
    let oldest = now.as_micros() - i64::try_from(KEPT_HOURS * 3_600_000_000).unwrap_or(i64::MAX);
    change(tx, "DELETE FROM idempotency_keys WHERE created_at < ?", params![oldest])?;
    let inserted = change(
        tx,
        "INSERT INTO idempotency_keys (principal, method, path, key, body_digest, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        params![key.principal, key.method, key.path, key.key, body.as_bytes(), now.as_micros()],
    );
    inserted.map(|_| ()).map_err(|_| StoreError::Changed)
}

/// Records what was answered.
///
/// # Errors
/// When the database fails.
pub fn answered(tx: &Tx<'_>, key: &RequestKey, status: u16, answer: &str) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE idempotency_keys SET status = ?, answer = ? WHERE principal = ? AND method = ? AND path = ? AND key = ?",
        params![status, answer, key.principal, key.method, key.path, key.key],
    )?;
    Ok(())
}
