//! The only door to a MySQL or MariaDB server.
//!
//! What it is: a blocking [`Connection`] over a Unix socket, logged in as the operating system's own
//! account (`unix_socket`), with every wait bounded and every failure told apart by [`Error`].
//! Why: everything Bough does to a branch server goes through one place that sets the session up the
//! same way each time, so that `SHOW CREATE` prints alike everywhere.
//! A [`Console`] runs what somebody wrote, as the account of a role, and reads no more of the answers than
//! may be kept.
//! What it refuses: TCP, passwords, `LOAD DATA LOCAL`, sockets whose path no `connect` can take, and
//! the reuse of a connection whose protocol state is no longer known.

mod connection;
mod console;
mod error;
mod quote;
mod row;

pub use connection::{
    CONNECT_LIMIT_MS, ConnectLimits, Connection, LOCK_WAIT_LIMIT_S, OPENERS_MAX, READ_LIMIT_MS,
    SESSION_SQL_MODE, SOCKET_PATH_MAX_BYTES, SocketAddress, WRITE_LIMIT_MS,
};
pub use console::{
    Answer, Bounds, Cell, Column, ColumnKind, Console, Done, End, ROW_MAX_BYTES, Refusal, Rows, Run, Warning,
};
pub use error::{Error, code};
pub use quote::{quote_grant_schema, quote_ident, quote_str};
pub use row::{Row, Value};
