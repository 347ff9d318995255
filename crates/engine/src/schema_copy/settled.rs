//! Reads a parent so that what is read belongs together, whatever others do to its schema meanwhile.
//!
//! The server has no snapshot of a schema. So it is read on the chance that nothing changes: the server
//! counts the statements that change schemas, those that were already running show in a second reading. A
//! schema that changes all the time is read while the server holds such changes back, for the one reading.

use bough_model::{BranchId, DatabaseName};
use bough_mysql_client::{Connection, Error, code};

use super::read::{Scope, TABLE_SKIPPED, read_database};
use super::{Database, Failure, not_copied, server_words};
use crate::EngineError;

/// How often a parent is read on the chance that nothing changes.
const CHANCES: usize = 3;
/// How often it is read while changes of schemas are held back. A statement that has a table to itself and
/// waits only for this to end makes the reading fail, and is let through before the next.
const STANDSTILLS: usize = 5;
/// Longest wait for the changes of a parent's schema that are under way, in seconds; new ones wait behind.
const STANDSTILL_LIMIT_S: u64 = 10;

/// Reads a schema as it is at one moment. Only to read everything, for a copy, are changes held back.
pub fn read_settled(
    id: &BranchId,
    conn: &mut Connection,
    schema: &DatabaseName,
    scope: Scope,
) -> Result<Database, EngineError> {
    let reading = EngineError::server(id, "had its schema read");
    let mut said = None;
    for _ in 0..CHANCES {
        match read_by_chance(conn, schema, scope) {
            Ok(Some(database)) => return Ok(database),
            Ok(None) => {}
            // What was listed may be gone, or be something else, when it is asked for.
            Err(failure) if failure.keeps_connection() => said = Some(server_words(failure.error())),
            Err(failure) => return Err(reading(failure.into_error())),
        }
    }
    if let Scope::Definitions(_) = scope {
        let said = said.map(|words| format!(" The server said: {words}.")).unwrap_or_default();
        let why =
            format!("its schema keeps changing while it is read; try again when it has come to rest.{said}");
        return Err(EngineError::Refused { branch: id.clone(), why });
    }
    conn.execute(format!("SET SESSION lock_wait_timeout = {STANDSTILL_LIMIT_S}")).map_err(&reading)?;
    let mut last = String::new();
    for still in [Still::SCHEMAS; STANDSTILLS].iter().chain([&Still::EVERYTHING]) {
        match read_at_standstill(conn, schema, still, scope) {
            Ok(database) => return Ok(database),
            Err(failure) if is_in_the_way(failure.error()) => last = server_words(failure.error()),
            Err(Failure::Object { kind, name, error }) if error.keeps_connection() => {
                return Err(not_copied(kind, &name, server_words(&error)));
            }
            Err(failure) => return Err(reading(failure.into_error())),
        }
    }
    let why = format!(
        "the parent's schema keeps changing while it is copied, and could not be held still; it is tried again: {last}"
    );
    Err(EngineError::Refused { branch: id.clone(), why })
}

/// A way to hold a server still.
struct Still {
    begin: &'static [&'static str],
    end: &'static str,
}

impl Still {
    /// Schemas stay; rows of transactional tables are written on.
    const SCHEMAS: Self = Self {
        begin: &["BACKUP STAGE START", "BACKUP STAGE FLUSH", "BACKUP STAGE BLOCK_DDL"],
        end: "BACKUP STAGE END",
    };
    /// Nothing is written either. The last resort: one table that is altered all the time is at each moment
    /// either being changed or waiting, and cannot be read among the former.
    const EVERYTHING: Self = Self { begin: &["FLUSH TABLES WITH READ LOCK"], end: "UNLOCK TABLES" };
}

/// Whether somebody else's statement is the reason.
fn is_in_the_way(error: &Error) -> bool {
    matches!(error.code(), Some(code::DEADLOCK | code::LOCK_WAIT_TIMEOUT | TABLE_SKIPPED))
}

/// Reads while the server is held still.
fn read_at_standstill(
    conn: &mut Connection,
    schema: &DatabaseName,
    still: &Still,
    scope: Scope,
) -> Result<Database, Failure> {
    let held = still.begin.iter().try_for_each(|statement| conn.execute(statement));
    let database = held.map_err(Failure::from).and_then(|()| read_database(conn, schema, scope));
    // Also where holding failed half-way, when this fails, too. A connection that is lost holds nothing.
    let ended = conn.execute(still.end);
    let database = database?;
    ended?;
    Ok(database)
}

/// `None` when something changed meanwhile.
fn read_by_chance(
    conn: &mut Connection,
    schema: &DatabaseName,
    scope: Scope,
) -> Result<Option<Database>, Failure> {
    let before = changes(conn)?;
    // After the count: what begins between the two is counted, what began earlier is seen.
    let is_quiet = is_quiet(conn)?;
    let database = read_database(conn, schema, scope)?;
    if !is_quiet && read_database(conn, schema, scope)? != database {
        return Ok(None);
    }
    Ok((changes(conn)? == before).then_some(database))
}

/// How many statements that change schemas were begun on this server, those inside of routines included.
fn changes(conn: &mut Connection) -> Result<String, Error> {
    let row = conn.query_one(
        "SELECT CAST(SUM(VARIABLE_VALUE) AS CHAR) AS changes FROM information_schema.GLOBAL_STATUS \
         WHERE VARIABLE_NAME REGEXP '^COM_(ALTER|CREATE|DROP|RENAME)_' AND VARIABLE_NAME NOT LIKE '%TEMPORARY%'",
    )?;
    Ok(row.text("changes")?.to_owned())
}

/// Whether no other session is at a statement, so that nothing is under way which was begun earlier.
fn is_quiet(conn: &mut Connection) -> Result<bool, Error> {
    let row = conn.query_one(
        "SELECT COUNT(*) AS busy FROM information_schema.PROCESSLIST \
         WHERE ID <> CONNECTION_ID() AND COMMAND NOT IN ('Sleep', 'Daemon')",
    )?;
    Ok(row.u64("busy")? == 0)
}
