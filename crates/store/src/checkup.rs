//! Looking at a database that may be in any state, for the doctor: nothing is made, migrated or written,
//! nobody who uses it waits.
//!
//! It takes no grant: whoever asks can read the file itself.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bough_model::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::audit::AuditKey;
use crate::audit::verify::{Report, verify_as_read};
use crate::connection::{CHECKED_WHOLE_BYTES, Db as _, open_error, schema_of};
use crate::row::{all, number};
use crate::{NEWEST_SCHEMA, Reader, StoreError};

/// Longest wait for another process's lock, in seconds; readers hardly ever wait.
const BUSY_LIMIT_SECONDS: u64 = 2;
/// Damages told at most.
const DAMAGES_MAX: u32 = 20;
/// Looks at most, while somebody writes without a log that could be read along.
const LOOKS_MAX: u32 = 3;

/// A branch's record, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchSeen {
    /// Its id.
    pub id: String,
    /// Its organization's name.
    pub organization: String,
    /// Its database's name.
    pub database: String,
    /// Its name.
    pub name: String,
    /// `running` or `gone`.
    pub desired: String,
    /// What was observed last: `pending` or `ready`.
    pub state: String,
    /// Whether it ever was ready: then it may hold data.
    pub was_ready: bool,
    /// Why it is not ready.
    pub last_error: Option<String>,
    /// Failed tries in a row.
    pub attempts: i64,
    /// Its cluster size's name.
    pub cluster_size: String,
}

/// What was found. Each part may have failed by itself.
#[derive(Debug)]
pub struct Examined {
    /// The number of its schema.
    pub schema: usize,
    /// What SQLite finds damaged; nothing when it is whole.
    pub damage: Result<Vec<String>, StoreError>,
    /// The newest time that any row holds as past.
    pub newest: Result<Option<Timestamp>, StoreError>,
    /// How many organizations there are.
    pub organizations: Result<i64, StoreError>,
    /// The branches, sorted by name.
    pub branches: Result<Vec<BranchSeen>, StoreError>,
    /// The audit log; `None` without its key.
    pub audit: Option<Result<Report, StoreError>>,
}

/// How a database can be read without leaving a trace.
enum Way {
    /// Nobody has it open, and all is in the file.
    File,
    /// Beside others, or after them: the log and its index are there. The index is not written to; where
    /// nobody keeps it up, SQLite makes itself one in memory.
    Beside,
    /// The log is there and its index is not: made in memory, too, for which the file is locked.
    Log,
}

/// Looks at the database `path`; `audit` is the key of its log and the file of noted heads.
///
/// # Errors
/// When it cannot be read at all: [`StoreError::Newer`], [`StoreError::Corrupt`], [`StoreError::Locked`],
/// [`StoreError::Open`].
pub fn examine(path: &Path, audit: Option<(&AuditKey, &Path)>) -> Result<Examined, StoreError> {
    let unreadable =
        |error: std::io::Error| StoreError::Open { path: path.to_owned(), detail: error.to_string() };
    // SQLite takes the log for the one beside the file that a link leads to.
    let real = path.canonicalize().map_err(unreadable)?;
    fs::File::open(&real).map_err(unreadable)?;
    for _ in 1..LOOKS_MAX {
        let before = trace(&real);
        let found = examine_once(&real, audit);
        // Read without locks: what was written meanwhile would look like damage.
        if !matches!(way(&real), Way::File) || trace(&real) == before {
            return found;
        }
    }
    examine_once(&real, audit)
}

/// The branches' records as they are now; nothing else is looked at.
///
/// # Errors
/// When they cannot be read.
pub fn branches_now(path: &Path) -> Result<Vec<BranchSeen>, StoreError> {
    let unreadable =
        |error: std::io::Error| StoreError::Open { path: path.to_owned(), detail: error.to_string() };
    let real = path.canonicalize().map_err(unreadable)?;
    branches(&Reader::new(open(&real)?))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn way(path: &Path) -> Way {
    let log = fs::metadata(beside(path, "-wal"));
    let index = beside(path, "-shm").exists();
    match log {
        Ok(_) if index => Way::Beside,
        Ok(log) if log.len() > 0 => Way::Log,
        // Whoever has it open has made a log.
        _ => Way::File,
    }
}

/// What changes when somebody writes.
fn trace(path: &Path) -> Option<(u64, i64, i64, bool)> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.len(), meta.mtime(), meta.mtime_nsec(), beside(path, "-wal").exists()))
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error| open_error(path, error);
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    refuse_other_owners(path)?;
    let by_uri = |how: &str| {
        let uri = format!("file:{}?{how}", escaped(path));
        Connection::open_with_flags(uri, read_only | OpenFlags::SQLITE_OPEN_URI)
    };
    let connection = match way(path) {
        Way::File => by_uri("immutable=1"),
        Way::Beside => by_uri("readonly_shm=1"),
        Way::Log => Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        ),
    };
    let connection = connection.map_err(failed)?;
    // Closing must not move a leftover log into the file.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
    connection.busy_timeout(Duration::from_secs(BUSY_LIMIT_SECONDS)).map_err(failed)?;
    let alone = if matches!(way(path), Way::Log) { "PRAGMA locking_mode = EXCLUSIVE;" } else { "" };
    connection
        .execute_batch(&format!(
            "{alone} PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"
        ))
        .map_err(failed)?;
    Ok(connection)
}

/// As root, SQLite would give log and index to the owner of the file.
fn refuse_other_owners(path: &Path) -> Result<(), StoreError> {
    let owner = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.uid(), meta.gid()));
    let own = owner(path);
    for part in ["-wal", "-shm"].map(|ending| beside(path, ending)) {
        if owner(&part).is_some_and(|theirs| Some(theirs) != own) {
            let detail = format!("{} belongs to another account or group than it", part.display());
            return Err(StoreError::Open { path: path.to_owned(), detail });
        }
    }
    Ok(())
}

/// A path as a URI holds it.
fn escaped(path: &Path) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(byte);
    path.as_os_str()
        .as_bytes()
        .iter()
        .map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn examine_once(path: &Path, audit: Option<(&AuditKey, &Path)>) -> Result<Examined, StoreError> {
    let connection = open(path)?;
    let schema = schema_of(&connection, path)?;
    if schema > NEWEST_SCHEMA {
        return Err(StoreError::Newer { path: path.to_owned(), found: schema, known: NEWEST_SCHEMA });
    }
    let bytes = fs::metadata(path).map_or(0, |meta| meta.len());
    let reader = Reader::new(connection);
    let damage = damage(&reader, bytes);
    Ok(Examined {
        schema,
        newest: newest(&reader, schema),
        organizations: number(&reader, "SELECT COUNT(*) FROM organizations", []),
        branches: branches(&reader),
        audit: audit.map(|(key, heads)| verify_as_read(&reader, key, heads)),
        damage,
    })
}

/// A large file is checked less closely, without comparing indexes with their tables.
fn damage(reader: &Reader, bytes: u64) -> Result<Vec<String>, StoreError> {
    let check = if bytes > CHECKED_WHOLE_BYTES { "quick_check" } else { "integrity_check" };
    let mut said: Vec<String> =
        all(reader, &format!("PRAGMA {check}({DAMAGES_MAX})"), [], |row| Ok(row.get(0)?))?;
    said.retain(|line| line != "ok");
    Ok(said)
}

fn newest(reader: &Reader, schema: usize) -> Result<Option<Timestamp>, StoreError> {
    const PAST: &[(&str, &str)] = &[
        ("organizations", "updated_at"),
        ("users", "updated_at"),
        ("memberships", "updated_at"),
        ("service_tokens", "updated_at"),
        ("service_tokens", "last_used_at"),
        ("databases", "updated_at"),
        ("branches", "updated_at"),
        ("branches", "ready_at"),
        ("audit_events", "created_at"),
        ("denials", "last_at"),
        ("idempotency_keys", "created_at"),
    ];
    // Not there before the schema of this number.
    const LATER: (usize, (&str, &str)) = (4, ("sessions", "last_seen_at"));
    let later = (schema >= LATER.0).then_some(&LATER.1);
    let mut newest = None;
    for (table, column) in PAST.iter().chain(later) {
        let mut statement = reader.connection().prepare(&format!("SELECT MAX({column}) FROM {table}"))?;
        newest = newest.max(statement.query_row([], |row| row.get::<_, Option<i64>>(0))?);
    }
    Ok(newest.map(Timestamp::from_micros))
}

fn branches(reader: &Reader) -> Result<Vec<BranchSeen>, StoreError> {
    all(
        reader,
        "SELECT b.id, o.name AS organization, d.name AS database_name, b.name, b.desired, b.state, \
         b.ready_at IS NOT NULL AS was_ready, b.last_error, b.attempts, b.cluster_size FROM branches b \
         LEFT JOIN databases d ON d.id = b.database_id LEFT JOIN organizations o ON o.id = b.organization_id \
         ORDER BY o.name, d.name, b.name, b.id",
        [],
        |row| {
            Ok(BranchSeen {
                id: row.get("id")?,
                organization: row.get::<_, Option<String>>("organization")?.unwrap_or_default(),
                database: row.get::<_, Option<String>>("database_name")?.unwrap_or_default(),
                name: row.get("name")?,
                desired: row.get("desired")?,
                state: row.get("state")?,
                was_ready: row.get("was_ready")?,
                last_error: row.get("last_error")?,
                attempts: row.get("attempts")?,
                cluster_size: row.get("cluster_size")?,
            })
        },
    )
}
