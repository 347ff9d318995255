//! What clients have open on a branch's server, and ending it. Bough's own sessions and the server's threads
//! are not among it, and are not ended this way.

use std::collections::HashMap;

use bough_model::{BranchId, PasswordRole, Timestamp};
use bough_mysql_client::{Connection, Error, Row, Value};

use crate::EngineError;
use crate::managed::ManagedEngine;

/// Most sessions that are told of, and most waits between them: a server has fewer connections.
const SESSIONS_MAX: u32 = 10_000;
/// Most of a statement that is told, in characters.
pub const STATEMENT_MAX_CHARS: u32 = 1_024;

/// A session of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSession {
    /// The server's own number for it.
    pub id: u64,
    /// The role that it is in.
    pub role: PasswordRole,
    /// The schema that it uses.
    pub schema: Option<String>,
    /// What the server is doing for it, in the server's words: `Query`, `Sleep`, …
    pub command: String,
    /// How far that is, in the server's words.
    pub state: Option<String>,
    /// For how long, in milliseconds.
    pub elapsed_ms: u64,
    /// The statement that runs, if one does.
    pub statement: Option<Running>,
    /// The transaction that it is in, if it has begun to read or write rows.
    pub transaction: Option<Transaction>,
    /// The sessions that hold what it waits for.
    pub blocked_by: Vec<u64>,
}

/// A statement that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The server's own number for it.
    pub id: u64,
    /// Its text, cut.
    pub text: String,
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The server's own number for it; `None` as long as it only reads.
    pub id: Option<u64>,
    /// Since when.
    pub since: Timestamp,
}

/// What is to be ended, by the server's own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// A session.
    Session(u64),
    /// A statement; the session stays.
    Statement(u64),
    /// A transaction that has changed something, with its session: it is rolled back.
    Transaction(u64),
}

fn accounts() -> Vec<Value> {
    PasswordRole::ALL.into_iter().map(|role| Value::from(role.account())).collect()
}

fn number(row: &Row, column: &str) -> Result<Option<u64>, Error> {
    // Times come with fractions.
    let whole = row.opt_text(column)?.map(|text| text.split('.').next().unwrap_or_default());
    whole
        .map(|text| text.parse())
        .transpose()
        .map_err(|_| Error::Unexpected { why: format!("column {column:?} is not a number") })
}

fn read(row: &Row, blocked_by: &HashMap<u64, Vec<u64>>) -> Result<ClientSession, Error> {
    let id = row.u64("id")?;
    let user = row.text("user")?;
    let role = PasswordRole::ALL.into_iter().find(|role| role.account() == user);
    let owned = |column| Ok::<_, Error>(row.opt_text(column)?.map(str::to_owned));
    let text = row.bytes("info")?.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let since = number(row, "trx_since_micros")?.and_then(|micros| i64::try_from(micros).ok());
    Ok(ClientSession {
        id,
        role: role.ok_or_else(|| Error::Unexpected { why: "a session of another account".to_owned() })?,
        schema: owned("db")?,
        command: row.text("command")?.to_owned(),
        state: owned("state")?.filter(|state| !state.is_empty()),
        elapsed_ms: number(row, "time_ms")?.unwrap_or_default(),
        statement: text.zip(number(row, "query_id")?).map(|(text, id)| Running { id, text }),
        transaction: match since {
            Some(micros) => Some(Transaction {
                id: number(row, "trx_id")?.filter(|id| *id != 0),
                since: Timestamp::from_micros(micros),
            }),
            None => None,
        },
        blocked_by: blocked_by.get(&id).cloned().unwrap_or_default(),
    })
}

fn list(conn: &mut Connection) -> Result<Vec<ClientSession>, Error> {
    let waits = conn.query_rows(format!(
        "SELECT r.trx_mysql_thread_id AS waits, b.trx_mysql_thread_id AS holds \
         FROM information_schema.INNODB_LOCK_WAITS w \
         JOIN information_schema.INNODB_TRX r ON r.trx_id = w.requesting_trx_id \
         JOIN information_schema.INNODB_TRX b ON b.trx_id = w.blocking_trx_id LIMIT {SESSIONS_MAX}"
    ))?;
    let mut blocked_by: HashMap<u64, Vec<u64>> = HashMap::new();
    for row in &waits {
        blocked_by.entry(row.u64("waits")?).or_default().push(row.u64("holds")?);
    }
    let rows = conn.exec(
        &format!(
            "SELECT p.ID AS id, p.USER AS user, p.DB AS db, p.COMMAND AS command, p.STATE AS state, \
             p.TIME_MS AS time_ms, p.QUERY_ID AS query_id, LEFT(p.INFO, {STATEMENT_MAX_CHARS}) AS info, t.trx_id, \
             CAST(UNIX_TIMESTAMP(t.trx_started) * 1000000 AS UNSIGNED) AS trx_since_micros \
             FROM information_schema.PROCESSLIST p \
             LEFT JOIN information_schema.INNODB_TRX t ON t.trx_mysql_thread_id = p.ID \
             WHERE p.USER IN (?, ?, ?, ?) ORDER BY p.ID LIMIT {SESSIONS_MAX}"
        ),
        &accounts(),
    )?;
    rows.iter().map(|row| read(row, &blocked_by)).collect()
}

/// Whose session it is that is meant, if it is a client's.
fn find(conn: &mut Connection, column: &str, number: u64) -> Result<Option<u64>, Error> {
    let mut params = vec![Value::from(number)];
    params.extend(accounts());
    let rows = conn.exec(
        &format!(
            "SELECT p.ID AS id FROM information_schema.PROCESSLIST p \
             LEFT JOIN information_schema.INNODB_TRX t ON t.trx_mysql_thread_id = p.ID \
             WHERE {column} = ? AND p.USER IN (?, ?, ?, ?) LIMIT 1"
        ),
        &params,
    )?;
    rows.first().map(|row| row.u64("id")).transpose()
}

/// Ends it; `false` when there is no such thing of a client (any more).
fn kill(conn: &mut Connection, what: Kill) -> Result<bool, Error> {
    let (column, number) = match what {
        Kill::Session(id) => ("p.ID", id),
        Kill::Statement(id) => ("p.INFO IS NOT NULL AND p.QUERY_ID", id),
        Kill::Transaction(0) => return Ok(false),
        Kill::Transaction(id) => ("t.trx_id", id),
    };
    let Some(session) = find(conn, column, number)? else { return Ok(false) };
    let statement = match what {
        // By its own number: the session's next one is not meant.
        Kill::Statement(id) => format!("KILL QUERY ID {id}"),
        Kill::Session(_) | Kill::Transaction(_) => format!("KILL CONNECTION {session}"),
    };
    match conn.execute(statement) {
        Ok(()) => Ok(true),
        // It ended by itself meanwhile.
        Err(error) if error.code().is_some_and(|code| NO_SUCH_THREAD.contains(&code)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The server's words for: there is no session, or no statement, of that number.
const NO_SUCH_THREAD: [u16; 2] = [1094, 1957];

impl ManagedEngine {
    /// What clients have open on the branch's server.
    ///
    /// # Errors
    /// [`EngineError::Server`] when the server does not run or refuses.
    pub fn client_sessions(&self, id: &BranchId) -> Result<Vec<ClientSession>, EngineError> {
        let reading = EngineError::server(id, "was asked for its sessions");
        let mut conn = self.connect(id)?;
        list(&mut conn).map_err(reading)
    }

    /// Ends what a client has open on the branch's server; `false` when there is no such thing.
    ///
    /// # Errors
    /// [`EngineError::Server`] when the server does not run or refuses.
    pub fn kill(&self, id: &BranchId, what: Kill) -> Result<bool, EngineError> {
        let killing = EngineError::server(id, "was to end a session");
        let mut conn = self.connect(id)?;
        kill(&mut conn, what).map_err(killing)
    }
}
