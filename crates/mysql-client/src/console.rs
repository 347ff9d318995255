//! Statements that somebody wrote, run as they are in a session of the role's own account, which ends with
//! them. What is read of their answers is bounded, whatever they answer.

use std::mem::ManuallyDrop;
use std::time::Duration;

use bough_model::{DatabaseName, Secret};
use mysql::consts::ColumnType;
use mysql::prelude::Queryable as _;

use crate::connection::{open_within, socket_path};
use crate::{ConnectLimits, Error, SocketAddress};

/// The largest row that is read, in bytes: what one run may cost at a time, beside what is kept.
pub const ROW_MAX_BYTES: usize = 8 << 20;
/// What a value counts beside its bytes, among those that are kept: what it costs to keep and to show it.
const CELL_BYTES: usize = 24;
/// Most warnings that are read.
const WARNINGS_MAX: u32 = 20;
/// The number of the character set of what is no text.
const BINARY: u16 = 63;

/// The driver's words for a row of more than [`ROW_MAX_BYTES`].
const PACKET_TOO_LARGE: &str = "Packet is larger than max_allowed_packet";

/// How much is read and kept of what a run answers.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Rows of each answer.
    pub rows: usize,
    /// Bytes kept of all answers.
    pub kept_bytes: usize,
    /// Bytes read of all answers.
    pub read_bytes: usize,
    /// Bytes kept of each value; the rest of it is counted.
    pub value_bytes: usize,
    /// Answers.
    pub answers: usize,
    /// Whether what may not be kept is read all the same, up to `read_bytes`: so that what else is run, or is
    /// changed on the way, is brought to its end. Else the run ends there.
    pub read_on: bool,
}

/// What a column holds, as far as it is shown differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text, and times.
    Text,
    /// A number.
    Number,
    /// Bytes that are no text.
    Binary,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// As the server calls it.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// A value: its beginning, and how long it is in all, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its first bytes.
    pub bytes: Vec<u8>,
    /// The length of all of it, in bytes.
    pub length: usize,
}

/// Rows that a statement answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each with a value for each column; `None` is `NULL`.
    pub rows: Vec<Vec<Option<Cell>>>,
    /// How many rows were read, those that were not kept among them.
    pub read: u64,
    /// Whether there are no more.
    pub whole: bool,
}

/// What a statement did that answers no rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Rows that it changed.
    pub affected: u64,
    /// The number that it gave to a row; `None` when it gave none.
    pub inserted_id: Option<u64>,
    /// How many warnings there were.
    pub warnings: u16,
    /// What the server says beside that.
    pub info: String,
}

/// The answer of one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Rows.
    Rows(Rows),
    /// Something else.
    Done(Done),
}

/// The server's refusal of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error's number.
    pub code: u16,
    /// The error's SQLSTATE.
    pub state: String,
    /// The error's words.
    pub message: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// All of it was run and read.
    Whole,
    /// No more may be kept, or read. The session was ended.
    Cut,
    /// The server refused a statement: nothing after it was run.
    Refused(Refusal),
    /// A row is larger than [`ROW_MAX_BYTES`]. The session was ended.
    RowTooLarge,
    /// The session broke, or was ended by somebody else.
    Lost(String),
}

/// A warning of the last statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// `Note`, `Warning` or `Error`.
    pub level: String,
    /// Its number.
    pub code: String,
    /// Its words.
    pub message: String,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// One answer for each statement that was run; a routine has several.
    pub answers: Vec<Answer>,
    /// How many answers more were read, and not kept.
    pub more: usize,
    /// How it ended.
    pub end: End,
    /// Warnings of the last statement, where it ended whole.
    pub warnings: Vec<Warning>,
}

/// A session for one run.
pub struct Console(mysql::Conn);

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl Console {
    /// Logs in as an account that shows a secret, into a schema, as any client does. The server ends a statement
    /// by itself that runs for longer than `statement_limit` (whole seconds), also when nobody is there any more
    /// to do it; whoever runs it may lift that, so it must not be relied on.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::NotReachable`], [`Error::Refused`], [`Error::TimedOut`].
    pub fn open(
        address: &SocketAddress,
        secret: &Secret<String>,
        schema: &DatabaseName,
        limits: ConnectLimits,
        statement_limit: Duration,
    ) -> Result<Self, Error> {
        let path = socket_path(address)?;
        let seconds = statement_limit.as_secs().max(1);
        let opts = mysql::OptsBuilder::new()
            .socket(Some(path))
            .user(Some(address.user.as_str()))
            .pass(Some(secret.expose()))
            .db_name(Some(schema.as_str()))
            .read_timeout(Some(limits.read))
            .write_timeout(Some(limits.write))
            .max_allowed_packet(Some(ROW_MAX_BYTES))
            .stmt_cache_size(Some(0))
            .init(vec![format!("SET NAMES utf8mb4, max_statement_time = {seconds}")]);
        open_within(opts, limits.connect, path, &address.user).map(Self)
    }

    /// The server's own number for the session.
    pub fn id(&self) -> u64 {
        u64::from(self.0.connection_id())
    }

    /// Runs one statement or several, one after the other, until one is refused or a bound is reached. Then `stop`
    /// is called, which ends the session from outside; whether it did is its answer.
    pub fn run(mut self, sql: &str, bounds: &Bounds, stop: &mut dyn FnMut() -> bool) -> Run {
        let mut reading = Reading { answers: Vec::new(), more: 0, kept: 0, read: 0, bounds };
        let end = match self.0.query_iter(sql) {
            Ok(result) => reading.all(result, stop),
            Err(error) => end_of(error),
        };
        let warnings = if end == End::Whole { self.warnings() } else { Vec::new() };
        Run { answers: reading.answers, more: reading.more, end, warnings }
    }

    fn warnings(&mut self) -> Vec<Warning> {
        let listed: Result<Vec<(String, String, Vec<u8>)>, _> =
            self.0.query(format!("SHOW WARNINGS LIMIT {WARNINGS_MAX}"));
        // A session in which even this fails has nothing more to say.
        let warning = |(level, code, message): (String, String, Vec<u8>)| Warning {
            level,
            code,
            message: String::from_utf8_lossy(&message).into_owned(),
        };
        listed.unwrap_or_default().into_iter().map(warning).collect()
    }
}

fn end_of(error: mysql::Error) -> End {
    match error {
        mysql::Error::MySqlError(refusal) => {
            End::Refused(Refusal { code: refusal.code, state: refusal.state, message: refusal.message })
        }
        // The driver does not name the type of this error.
        mysql::Error::CodecError(codec) if codec.to_string() == PACKET_TOO_LARGE => End::RowTooLarge,
        other => End::Lost(other.to_string()),
    }
}

fn column(column: &mysql::Column) -> Column {
    use ColumnType as T;
    let kind = match column.column_type() {
        T::MYSQL_TYPE_DECIMAL
        | T::MYSQL_TYPE_NEWDECIMAL
        | T::MYSQL_TYPE_TINY
        | T::MYSQL_TYPE_SHORT
        | T::MYSQL_TYPE_INT24
        | T::MYSQL_TYPE_LONG
        | T::MYSQL_TYPE_LONGLONG
        | T::MYSQL_TYPE_FLOAT
        | T::MYSQL_TYPE_DOUBLE
        | T::MYSQL_TYPE_YEAR => ColumnKind::Number,
        T::MYSQL_TYPE_BIT | T::MYSQL_TYPE_GEOMETRY => ColumnKind::Binary,
        T::MYSQL_TYPE_STRING
        | T::MYSQL_TYPE_VAR_STRING
        | T::MYSQL_TYPE_VARCHAR
        | T::MYSQL_TYPE_TINY_BLOB
        | T::MYSQL_TYPE_BLOB
        | T::MYSQL_TYPE_MEDIUM_BLOB
        | T::MYSQL_TYPE_LONG_BLOB
            if column.character_set() == BINARY =>
        {
            ColumnKind::Binary
        }
        _ => ColumnKind::Text,
    };
    Column { name: column.name_str().into_owned(), kind }
}

type Answers<'a> = mysql::QueryResult<'a, 'a, 'a, mysql::Text>;

/// Lets go of answers.
///
/// Dropped, they are read to their end: that comes soon only when the session is `over`. And where a connection
/// broke with more answers to come, the driver goes round for ever. So what is not at its end is not dropped; that
/// leaks the names of its columns, where the session could not be ended, and else an error.
fn leave(mut result: ManuallyDrop<Answers<'_>>, over: bool) {
    if !over {
        return;
    }
    while let Some(Ok(_)) = result.next() {}
    if result.iter().map(ManuallyDrop::new).is_none() {
        drop(ManuallyDrop::into_inner(result));
    }
}

/// What has been read so far.
struct Reading<'a> {
    answers: Vec<Answer>,
    more: usize,
    kept: usize,
    read: usize,
    bounds: &'a Bounds,
}

impl Reading<'_> {
    /// Reads all answers, as far as they may be.
    fn all(&mut self, result: Answers<'_>, stop: &mut dyn FnMut() -> bool) -> End {
        // Not dropped but in `leave`, which says why.
        let mut result = ManuallyDrop::new(result);
        let end = loop {
            let Some(set) = result.iter() else { break End::Whole };
            let mut set = ManuallyDrop::new(set);
            if self.answers.len() >= self.bounds.answers && !self.bounds.read_on {
                break End::Cut;
            }
            let columns: Vec<Column> = set.columns().as_ref().iter().map(column).collect();
            let ended = if columns.is_empty() {
                let done = Done {
                    affected: set.affected_rows(),
                    inserted_id: set.last_insert_id().filter(|id| *id != 0),
                    warnings: set.warnings(),
                    info: set.info_str().into_owned(),
                };
                match set.next() {
                    Some(Err(error)) => Some(end_of(error)),
                    Some(Ok(_)) | None => {
                        self.keep(Answer::Done(done));
                        None
                    }
                }
            } else {
                self.rows(columns, &mut *set)
            };
            if let Some(end) = ended {
                break end;
            }
        };
        let over = matches!(end, End::Whole | End::Refused(_)) || stop();
        leave(result, over);
        end
    }

    /// Keeps an answer, if there is room for it.
    fn keep(&mut self, answer: Answer) {
        if self.answers.len() < self.bounds.answers {
            self.answers.push(answer);
        } else {
            self.more += 1;
        }
    }

    /// Reads rows until there are no more, or there may be no more.
    fn rows(
        &mut self,
        columns: Vec<Column>,
        set: &mut dyn Iterator<Item = mysql::Result<mysql::Row>>,
    ) -> Option<End> {
        self.kept += columns.iter().map(|column| column.name.len() + CELL_BYTES).sum::<usize>();
        let (mut rows, mut read) = (Vec::new(), 0);
        let mut is_room = self.answers.len() < self.bounds.answers;
        let end = loop {
            let row = match set.next() {
                None => break None,
                Some(Err(error)) => break Some(end_of(error)),
                Some(Ok(row)) => row.unwrap_raw(),
            };
            read += 1;
            let length = |value: &Option<mysql::Value>| match value {
                Some(mysql::Value::Bytes(bytes)) => bytes.len(),
                _ => 0,
            };
            self.read += row.iter().map(|value| CELL_BYTES + length(value)).sum::<usize>();
            is_room &= rows.len() < self.bounds.rows && self.kept < self.bounds.kept_bytes;
            if self.read > self.bounds.read_bytes || (!is_room && !self.bounds.read_on) {
                break Some(End::Cut);
            }
            if is_room {
                rows.push(row.into_iter().map(|value| value.and_then(|value| self.cell(value))).collect());
            }
        };
        self.keep(Answer::Rows(Rows { columns, rows, read, whole: end.is_none() }));
        end
    }

    /// A value that is kept, cut.
    fn cell(&mut self, value: mysql::Value) -> Option<Cell> {
        self.kept += CELL_BYTES;
        let mysql::Value::Bytes(mut bytes) = value else { return None };
        let length = bytes.len();
        bytes.truncate(self.bounds.value_bytes);
        bytes.shrink_to_fit();
        self.kept += bytes.len();
        Some(Cell { bytes, length })
    }
}
