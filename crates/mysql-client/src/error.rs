//! What can go wrong between Bough and a database server, told apart by what the caller should do.
//!
//! A statement's text is never part of an error: it may hold a secret.

use std::io;
use std::time::Duration;

/// The server's error numbers that Bough's code asks about by name.
pub mod code {
    /// The server has no free connection.
    pub const TOO_MANY_CONNECTIONS: u16 = 1040;
    /// The account may not use that schema.
    pub const SCHEMA_ACCESS_DENIED: u16 = 1044;
    /// Wrong account or password.
    pub const ACCESS_DENIED: u16 = 1045;
    /// There is no such schema.
    pub const UNKNOWN_SCHEMA: u16 = 1049;
    /// There is such a table or view already.
    pub const TABLE_EXISTS: u16 = 1050;
    /// The server is on its way down.
    pub const SERVER_SHUTDOWN: u16 = 1053;
    /// There is no such session.
    pub const NO_SUCH_SESSION: u16 = 1094;
    /// There is no such column.
    pub const UNKNOWN_COLUMN: u16 = 1054;
    /// The statement cannot be parsed.
    pub const SYNTAX: u16 = 1064;
    /// There is no such table.
    pub const NO_SUCH_TABLE: u16 = 1146;
    /// A lock was not granted in time.
    pub const LOCK_WAIT_TIMEOUT: u16 = 1205;
    /// Waiting for each other; one gave way.
    pub const DEADLOCK: u16 = 1213;
    /// There is no such routine.
    pub const NO_SUCH_ROUTINE: u16 = 1305;
    /// A view points to something that is gone or that its definer may not read.
    pub const VIEW_INVALID: u16 = 1356;
    /// The account exists, but not for this operating system account.
    pub const ACCESS_DENIED_NO_PASSWORD: u16 = 1698;
}

/// Why a connection or a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers on the socket: the server does not run, or does not accept connections yet.
    #[error("no database server answers on {socket}: {why}")]
    NotReachable {
        /// The socket's path.
        socket: String,
        /// What the operating system said.
        why: String,
    },
    /// The server answers but does not let this account in.
    #[error("the database server refused account {user}: {message} (error {code})")]
    Refused {
        /// The account that asked.
        user: String,
        /// The server's error number.
        code: u16,
        /// The server's words.
        message: String,
    },
    /// The server refused a statement; the connection is still good.
    #[error("the database server refused a statement: {message} (error {code})")]
    Statement {
        /// The server's error number.
        code: u16,
        /// The server's words.
        message: String,
    },
    /// No answer within the limit; the connection is unusable from now on.
    #[error("the database server did not answer within {} ms", .limit.as_millis())]
    TimedOut {
        /// The limit that passed.
        limit: Duration,
    },
    /// The connection broke; whether the last statement took effect is not known.
    #[error("the connection to the database server was lost: {why}")]
    Lost {
        /// What happened.
        why: String,
    },
    /// The server answered something that this code does not expect.
    #[error("unexpected answer of the database server: {why}")]
    Unexpected {
        /// What was expected, and what came.
        why: String,
    },
    /// The address cannot be used.
    #[error("unusable socket address {path:?}: {why}")]
    Address {
        /// The path as given.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Error {
    /// The server's error number, where the server said one.
    pub const fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } | Self::Statement { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether the connection can still be used after this error.
    pub const fn keeps_connection(&self) -> bool {
        matches!(self, Self::Statement { .. } | Self::Unexpected { .. })
    }

    pub(crate) fn of_statement(error: mysql::Error, limit: Duration) -> Self {
        use mysql::Error as E;
        match error {
            E::MySqlError(refusal) => Self::Statement { code: refusal.code, message: refusal.message },
            E::IoError(io) => Self::of_io(&io, limit),
            E::CodecError(codec) => Self::of_codec(&codec, limit),
            other => Self::Lost { why: other.to_string() },
        }
    }

    pub(crate) fn of_open(error: mysql::Error, socket: &str, user: &str, limit: Duration) -> Self {
        match error {
            mysql::Error::MySqlError(refusal) => {
                Self::Refused { user: user.to_owned(), code: refusal.code, message: refusal.message }
            }
            mysql::Error::DriverError(mysql::DriverError::CouldNotConnect(detail)) => {
                let why = detail.map_or_else(|| "cannot connect".to_owned(), |(_, why, _)| why);
                Self::NotReachable { socket: socket.to_owned(), why }
            }
            other => match Self::of_statement(other, limit) {
                // A server that goes down while it greets is one that does not answer.
                Self::Lost { why } => Self::NotReachable { socket: socket.to_owned(), why },
                known => known,
            },
        }
    }

    /// The driver's packet reader wraps what the operating system said.
    fn of_codec(codec: &dyn std::error::Error, limit: Duration) -> Self {
        match codec.source().and_then(|inner| inner.downcast_ref::<io::Error>()) {
            Some(io) => Self::of_io(io, limit),
            None => Self::Lost { why: codec.to_string() },
        }
    }

    fn of_io(io: &io::Error, limit: Duration) -> Self {
        match io.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::TimedOut { limit },
            _ => Self::Lost { why: io.to_string() },
        }
    }
}
