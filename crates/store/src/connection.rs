//! Opening the file, bringing it up to date, and connections that notice other processes' changes.

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use crate::StoreError;

/// How long a connection waits for another process's write, in seconds.
const BUSY_LIMIT_SECONDS: u64 = 10;
/// Prepared statements kept per connection.
const STATEMENTS_KEPT: usize = 128;

/// Largest file, in bytes, that is checked whole when it is opened.
pub(crate) const CHECKED_WHOLE_BYTES: u64 = 64 * 1024 * 1024;

/// One after the other. Those that a database lacks run in one transaction, together with the note that
/// they ran: an interruption leaves it as it was before.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("migrations/0001_first.sql")),
    M::up(include_str!("migrations/0002_branch_changes.sql")),
    M::up(include_str!("migrations/0003_counts_and_orders.sql")),
    M::up(include_str!("migrations/0004_people.sql")),
    M::up(include_str!("migrations/0005_figures.sql")),
    M::up(include_str!("migrations/0006_token_lists.sql")),
    M::up(include_str!("migrations/0007_names.sql")),
    M::up(include_str!("migrations/0008_passwords.sql")),
    M::up(include_str!("migrations/0009_sleep.sql")),
];

/// The number of the newest schema that this version knows.
pub const NEWEST_SCHEMA: usize = MIGRATIONS.len();

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(BUSY_LIMIT_SECONDS))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // FULL: a commit is on disk before it returns, also in WAL mode.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;",
    )
}

pub(crate) fn open_error(path: &Path, error: rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StoreError::Corrupt { path: path.to_owned(), detail: error.to_string() }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull) => error.into(),
        _ => StoreError::Open { path: path.to_owned(), detail: error.to_string() },
    }
}

/// Opens a connection to a database that exists and is up to date.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| open_error(path, error))?;
    configure(&connection).map_err(|error| open_error(path, error))?;
    Ok(connection)
}

/// A small file is read through before it is used; a large one would keep everybody waiting, and a
/// damaged page of it shows when it is read.
fn check_for_damage(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if size > CHECKED_WHOLE_BYTES {
        return Ok(());
    }
    let damage: String = connection
        .pragma_query_value(None, "quick_check", |row| row.get(0))
        .map_err(|error| open_error(path, error))?;
    if damage == "ok" {
        return Ok(());
    }
    Err(StoreError::Corrupt { path: path.to_owned(), detail: damage })
}

pub(crate) fn schema_of(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|error| open_error(path, error))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let Err(error) = Migrations::from_slice(MIGRATIONS).to_latest(connection) else { return Ok(()) };
    // Another process may have done it at the same moment; then there is nothing left to do.
    if schema_of(connection, path)? == NEWEST_SCHEMA {
        return Ok(());
    }
    // Only what SQLite says: the text of a whole migration helps nobody.
    let detail = match error {
        rusqlite_migration::Error::RusqliteError {
            err: rusqlite::Error::SqlInputError { msg, .. }, ..
        } => msg,
        rusqlite_migration::Error::RusqliteError { err, .. } => match StoreError::from(err) {
            StoreError::Failed(detail) => detail,
            known => return Err(known),
        },
        other => other.to_string(),
    };
    Err(StoreError::Migration { path: path.to_owned(), detail })
}

/// Opens the database, creating it when it is not there, and brings it up to date. One that was `in_use` is
/// never begun anew.
pub(crate) fn open_and_migrate(path: &Path, in_use: bool) -> Result<Connection, StoreError> {
    // Asked before it is opened: SQLite removes the log of an empty file, and all may be in that log.
    if in_use && std::fs::metadata(path).is_ok_and(|file| file.len() == 0) {
        return Err(StoreError::Lost { path: path.to_owned() });
    }
    let mut connection = Connection::open(path).map_err(|error| open_error(path, error))?;
    // What cannot be used is left as it is: closing it must not move a leftover log into the file.
    let keep_log = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(keep_log, true).map_err(|error| open_error(path, error))?;
    let found = schema_of(&connection, path)?;
    if found > NEWEST_SCHEMA {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: NEWEST_SCHEMA });
    }
    if in_use && found == 0 {
        return Err(StoreError::Lost { path: path.to_owned() });
    }
    configure(&connection).map_err(|error| open_error(path, error))?;
    check_for_damage(&connection, path)?;
    migrate(&mut connection, path)?;
    connection.set_db_config(keep_log, false).map_err(|error| open_error(path, error))?;
    Ok(connection)
}

/// A connection for reading. Before each use it notices whether anybody, in whatever process, has
/// changed the database.
pub struct Reader {
    connection: Connection,
    data_version: Cell<i64>,
    store_version: Cell<i64>,
}

impl Reader {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, data_version: Cell::new(-1), store_version: Cell::new(-1) }
    }

    /// The number that grows whenever tokens, grants, members, passwords or a branch's class change. Whoever
    /// keeps such things in memory compares it: what was read under an older one is not to be used.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn store_version(&self) -> Result<i64, StoreError> {
        let data_version: i64 =
            self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if data_version != self.data_version.get() {
            let version = self
                .connection
                .prepare_cached("SELECT version FROM store_version WHERE one = 1")?
                .query_row([], |row| row.get(0))?;
            self.store_version.set(version);
            self.data_version.set(data_version);
        }
        Ok(self.store_version.get())
    }

    /// Runs several reads on one and the same state of the database.
    ///
    /// # Errors
    /// When the database cannot be read, or what `read` answers.
    pub fn consistently<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.connection.execute_batch("BEGIN DEFERRED").map_err(StoreError::from)?;
        let result = read(self);
        let ended = self.connection.execute_batch("COMMIT");
        match (result, ended) {
            (Ok(value), Ok(())) => Ok(value),
            (Ok(_), Err(error)) => Err(StoreError::from(error).into()),
            (Err(error), _) => Err(error),
        }
    }
}

/// Whatever statements can be run on: a reader, or a transaction that writes.
pub(crate) trait Db {
    fn connection(&self) -> &Connection;
}

impl Db for Reader {
    fn connection(&self) -> &Connection {
        &self.connection
    }
}
