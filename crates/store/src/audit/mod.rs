//! The audit log: one chain per organization. Each entry's MAC covers the entry and the MAC before
//! it, under a key that the store does not hold, so that no entry can be changed, taken out, put in or
//! moved without it showing ([`verify`]). Cutting off the end shows against the heads kept outside the
//! store ([`anchors`]).

pub mod anchors;
pub mod verify;

use std::collections::{BTreeSet, HashSet};

use bough_model::{ActorRef, AuditEventId, OrganizationId, Timestamp};
use bough_policy::{Granted, OrganizationAt};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rusqlite::{Row, params};
use sha2::Sha256;

use crate::connection::Db;
use crate::row::{actor, all, change, first, parsed, time};
use crate::{Reader, StoreError, Tx};

/// The key that authenticates entries.
#[derive(Clone)]
pub struct AuditKey([u8; 32]);

impl AuditKey {
    /// From the bytes derived from the master key.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The MAC of a list of fields: each goes in with its length, so that no two lists look alike.
    pub fn mac(&self, fields: &[&[u8]]) -> [u8; 32] {
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        for field in fields {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field);
        }
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuditKey([hidden])")
    }
}

/// A thing that an entry is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its kind, such as `DatabaseBranch`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name at the time.
    pub name: String,
}

/// An entry to be written.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Public id.
    pub id: AuditEventId,
    /// Who.
    pub actor: ActorRef,
    /// From where, if over the network.
    pub remote_ip: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// What, such as `database_branch.created`.
    pub action: &'static str,
    /// The thing that it belongs to.
    pub auditable: Subject,
    /// The thing that it was done to.
    pub target: Subject,
    /// More, as a JSON object.
    pub metadata: String,
}

/// An entry.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// Its place in the chain, from 1.
    pub seq: i64,
    /// Public id.
    pub id: AuditEventId,
    /// When.
    pub created_at: Timestamp,
    /// Who.
    pub actor: ActorRef,
    /// From where.
    pub remote_ip: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// What.
    pub action: String,
    /// The thing that it belongs to.
    pub auditable: Subject,
    /// The thing that it was done to.
    pub target: Subject,
    /// More, as a JSON object.
    pub metadata: String,
    /// What authenticates it.
    pub mac: [u8; 32],
}

const COLUMNS: &str = "seq, id, created_at, actor_kind, actor_id, actor_name, remote_ip, request_id, action, \
    auditable_type, auditable_id, auditable_name, target_type, target_id, target_name, metadata, mac";

fn subject(row: &Row<'_>, prefix: &str) -> Result<Subject, StoreError> {
    Ok(Subject {
        kind: row.get(format!("{prefix}_type").as_str())?,
        id: row.get(format!("{prefix}_id").as_str())?,
        name: row.get(format!("{prefix}_name").as_str())?,
    })
}

fn read(row: &Row<'_>) -> Result<EventRow, StoreError> {
    let mac: Vec<u8> = row.get("mac")?;
    Ok(EventRow {
        seq: row.get("seq")?,
        id: parsed(row, "id", AuditEventId::parse)?,
        created_at: time(row, "created_at")?,
        actor: actor(row, "actor")?,
        remote_ip: row.get("remote_ip")?,
        request_id: row.get("request_id")?,
        action: row.get("action")?,
        auditable: subject(row, "auditable")?,
        target: subject(row, "target")?,
        metadata: row.get("metadata")?,
        mac: mac.try_into().map_err(|_| StoreError::Unknown("a MAC that has not 32 bytes".to_owned()))?,
    })
}

impl EventRow {
    /// What its MAC should be, given the MAC before it.
    pub fn expected_mac(&self, key: &AuditKey, organization: &OrganizationId, before: &[u8; 32]) -> [u8; 32] {
        let optional = |text: &Option<String>| match text {
            None => vec![0],
            Some(text) => [&[1], text.as_bytes()].concat(),
        };
        key.mac(&[
            before,
            organization.as_str().as_bytes(),
            &self.seq.to_be_bytes(),
            self.id.as_str().as_bytes(),
            &self.created_at.as_micros().to_be_bytes(),
            self.actor.kind.as_str().as_bytes(),
            self.actor.id.as_bytes(),
            self.actor.display_name.as_bytes(),
            &optional(&self.remote_ip),
            &optional(&self.request_id),
            self.action.as_bytes(),
            self.auditable.kind.as_bytes(),
            self.auditable.id.as_bytes(),
            self.auditable.name.as_bytes(),
            self.target.kind.as_bytes(),
            self.target.id.as_bytes(),
            self.target.name.as_bytes(),
            self.metadata.as_bytes(),
        ])
    }
}

/// Where a chain ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whose chain.
    pub organization: OrganizationId,
    /// How many entries it has.
    pub count: i64,
    /// The MAC of the last one.
    pub mac: [u8; 32],
}

fn head_of(db: &impl Db, organization: &OrganizationId) -> Result<Head, StoreError> {
    let found = first(
        db,
        "SELECT seq, mac FROM audit_events WHERE organization_id = ? ORDER BY seq DESC LIMIT 1",
        params![organization.as_str()],
        |row| Ok((row.get::<_, i64>("seq")?, row.get::<_, Vec<u8>>("mac")?)),
    )?;
    let (count, mac) = found.unwrap_or((0, vec![0; 32]));
    let mac = mac.try_into().map_err(|_| StoreError::Unknown("a MAC that has not 32 bytes".to_owned()))?;
    Ok(Head { organization: organization.clone(), count, mac })
}

/// Where each organization's chain ends.
///
/// # Errors
/// When the database fails.
pub fn heads(reader: &Reader) -> Result<Vec<Head>, StoreError> {
    let mut heads =
        organizations(reader)?.iter().map(|id| head_of(reader, id)).collect::<Result<Vec<_>, _>>()?;
    heads.extend(Some(head_of(reader, &installation())?).filter(|head| head.count > 0));
    Ok(heads)
}

/// Whose chain takes what belongs to no organization, such as accounts. No organization has this id:
/// ids are drawn, and this one is not.
pub fn installation() -> OrganizationId {
    OrganizationId::parse("000000000000").expect("twelve characters of the alphabet")
}

fn organizations(reader: &Reader) -> Result<Vec<OrganizationId>, StoreError> {
    all(reader, "SELECT id FROM organizations", [], |row| parsed(row, "id", OrganizationId::parse))
}

/// Appends an entry to an organization's chain.
///
/// # Errors
/// When the database fails.
pub fn append(
    tx: &Tx<'_>,
    key: &AuditKey,
    organization: &OrganizationId,
    new: NewEvent,
    now: Timestamp,
) -> Result<(), StoreError> {
    let head = head_of(tx, organization)?;
    let mut event = EventRow {
        seq: head.count + 1,
        id: new.id,
        created_at: now,
        actor: new.actor,
        remote_ip: new.remote_ip,
        request_id: new.request_id,
        action: new.action.to_owned(),
        auditable: new.auditable,
        target: new.target,
        metadata: new.metadata,
        mac: [0; 32],
    };
    event.mac = event.expected_mac(key, organization, &head.mac);
    change(
        tx,
        &format!(
            "INSERT INTO audit_events (organization_id, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        ),
        params![
            organization.as_str(),
            event.seq,
            event.id.as_str(),
            event.created_at.as_micros(),
            event.actor.kind.as_str(),
            event.actor.id,
            event.actor.display_name,
            event.remote_ip,
            event.request_id,
            event.action,
            event.auditable.kind,
            event.auditable.id,
            event.auditable.name,
            event.target.kind,
            event.target.id,
            event.target.name,
            event.metadata,
            event.mac,
        ],
    )?;
    Ok(())
}

/// An entry as it lies in a chain, for checking: it may hold anything.
pub(crate) struct Link {
    /// Its place in the chain.
    pub(crate) seq: i64,
    /// The entry, or why it cannot be one of ours.
    pub(crate) event: Result<EventRow, StoreError>,
}

/// Entries of a chain from `from` on, oldest first.
pub(crate) fn links(
    reader: &Reader,
    organization: &str,
    from: i64,
    limit: u32,
) -> Result<Vec<Link>, StoreError> {
    all(
        reader,
        &format!(
            "SELECT {COLUMNS} FROM audit_events WHERE organization_id = ? AND seq >= ? ORDER BY seq LIMIT ?"
        ),
        params![organization, from, limit],
        |row| Ok(Link { seq: row.get("seq")?, event: read(row) }),
    )
}

/// Triggers and views: what is in the store that no version of ours puts there.
pub(crate) fn made_by_others(reader: &Reader) -> Result<Vec<(String, String)>, StoreError> {
    all(reader, "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view')", [], |row| {
        Ok((row.get("type")?, row.get("name")?))
    })
}

/// Whose chains there are, as it is written there.
pub(crate) fn owners(reader: &Reader) -> Result<Vec<String>, StoreError> {
    all(reader, "SELECT DISTINCT organization_id FROM audit_events", [], |row| {
        let owner = row.get_ref("organization_id")?.as_bytes().unwrap_or_default();
        Ok(String::from_utf8_lossy(owner).into_owned())
    })
}

/// Which part of the log is wanted, newest first.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    /// Entries older than this one.
    pub after: Option<AuditEventId>,
    /// Entries newer than this one.
    pub before: Option<AuditEventId>,
    /// Only these actions; all when empty.
    pub actions: Vec<String>,
    /// Only this actor.
    pub actor: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// A part of the log.
#[derive(Clone, Debug)]
pub struct CursorPage {
    /// Newest first.
    pub events: Vec<EventRow>,
    /// Older ones follow.
    pub has_next: bool,
    /// Newer ones precede.
    pub has_prev: bool,
}

fn seq_of(reader: &Reader, organization: &str, id: &AuditEventId) -> Result<Option<i64>, StoreError> {
    first(
        reader,
        "SELECT seq FROM audit_events WHERE id = ? AND organization_id = ?",
        params![id.as_str(), organization],
        |row| Ok(row.get("seq")?),
    )
}

/// The log of an organization, newest first. `None` when a cursor's entry does not exist.
///
/// # Errors
/// When the database fails.
pub fn list(
    reader: &Reader,
    granted: &Granted<OrganizationAt>,
    cursor: &Cursor,
) -> Result<Option<CursorPage>, StoreError> {
    let organization = granted.at().organization.as_str();
    let bound = |id: &Option<AuditEventId>, open: i64| match id {
        None => Ok(Some(open)),
        Some(id) => seq_of(reader, organization, id),
    };
    let (Some(below), Some(above)) = (bound(&cursor.after, i64::MAX)?, bound(&cursor.before, 0)?) else {
        return Ok(None);
    };
    let marks = vec!["?"; cursor.actions.len()].join(", ");
    let narrowed = if cursor.actions.is_empty() { String::new() } else { format!("AND action IN ({marks})") };
    let by_actor = if cursor.actor.is_some() { "AND actor_id = ?" } else { "" };
    // Towards the newer end the nearest ones are wanted, not the newest.
    let backwards = cursor.before.is_some() && cursor.after.is_none();
    let order = if backwards { "ASC" } else { "DESC" };
    let select = |columns: &str, below: i64, above: i64, limit: u32| {
        let sql = format!(
            "SELECT {columns} FROM audit_events WHERE organization_id = ? AND seq < ? AND seq > ? {narrowed} {by_actor} \
             ORDER BY seq {order} LIMIT ?"
        );
        let mut values: Vec<rusqlite::types::Value> =
            vec![organization.to_owned().into(), below.into(), above.into()];
        values.extend(cursor.actions.iter().cloned().map(Into::into));
        values.extend(cursor.actor.iter().cloned().map(Into::into));
        values.push(i64::from(limit).into());
        all(reader, &sql, rusqlite::params_from_iter(values), read)
    };
    let mut events = select(COLUMNS, below, above, cursor.limit + 1)?;
    let more = events.len() > cursor.limit as usize;
    events.truncate(cursor.limit as usize);
    if backwards {
        events.reverse();
    }
    let exists = |below: i64, above: i64| Ok::<_, StoreError>(!select(COLUMNS, below, above, 1)?.is_empty());
    let (has_next, has_prev) = match (events.first(), events.last()) {
        (Some(newest), Some(oldest)) if backwards => (exists(oldest.seq, 0)?, more && newest.seq > 0),
        (Some(newest), Some(_)) => (more, exists(i64::MAX, newest.seq)?),
        _ => (false, false),
    };
    Ok(Some(CursorPage { events, has_next, has_prev }))
}

/// Latest entries of a log that are looked at for who did what.
const LOOKED_AT: u32 = 5_000;

/// Who did something of late, and what was done: what a log can be narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// Who, latest first.
    pub actors: Vec<ActorRef>,
    /// What, in alphabetical order.
    pub actions: Vec<String>,
}

/// Who acted in the latest entries of a log, and how.
///
/// # Errors
/// When the database fails.
pub fn recent(reader: &Reader, granted: &Granted<OrganizationAt>) -> Result<Recent, StoreError> {
    let entries = all(
        reader,
        "SELECT actor_kind, actor_id, actor_name, action FROM audit_events WHERE organization_id = ? \
         ORDER BY seq DESC LIMIT ?",
        params![granted.at().organization.as_str(), LOOKED_AT],
        |row| Ok((actor(row, "actor")?, row.get::<_, String>("action")?)),
    )?;
    let (mut actors, mut known) = (Vec::new(), HashSet::new());
    let mut actions = BTreeSet::new();
    for (actor, action) in entries {
        if known.insert(actor.id.clone()) {
            actors.push(actor);
        }
        actions.insert(action);
    }
    Ok(Recent { actors, actions: actions.into_iter().collect() })
}

/// How many entries an organization's log has.
///
/// # Errors
/// When the database fails.
pub fn count(reader: &Reader, granted: &Granted<OrganizationAt>) -> Result<i64, StoreError> {
    Ok(head_of(reader, &granted.at().organization)?.count)
}
