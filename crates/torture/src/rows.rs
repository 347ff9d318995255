//! Rows in branches, straight from and to their servers: what a server acknowledges it must keep.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use bough_mysql_client::{ConnectLimits, Connection, Error, SocketAddress, quote_ident};

use crate::model::Item;

/// The table that every branch has from its parent.
pub const TABLE: &str = "CREATE TABLE kept (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, pad CHAR(100) NOT NULL DEFAULT 'x'); \
                         CREATE TABLE kept_child (id BIGINT UNSIGNED PRIMARY KEY, FOREIGN KEY (id) REFERENCES kept (id)); \
                         CREATE VIEW kept_view AS SELECT id FROM kept; \
                         CREATE TRIGGER kept_trigger BEFORE INSERT ON kept FOR EACH ROW SET NEW.pad = UPPER(NEW.pad)";

/// Longest wait for a branch's server, in seconds: it may stand still for a while.
const WAIT_LIMIT_S: u64 = 5;

/// A session on a branch's server, in its schema.
pub fn open(branches: &Path, item: &Item) -> Option<Connection> {
    let id = item.id.as_deref()?;
    open_in(&branches.join(id).join("mysql.sock"), &item.database).ok()
}

/// A session on the server behind a socket.
pub fn open_in(socket: &Path, schema: &str) -> Result<Connection, Error> {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
    let user = user.map_or_else(|| "root".to_owned(), |user| user.name);
    let wait = Duration::from_secs(WAIT_LIMIT_S);
    let limits = ConnectLimits { connect: wait, read: wait, write: wait, lock_wait: wait };
    let mut conn = Connection::open(&SocketAddress { path: socket.to_owned(), user }, limits)?;
    conn.execute(format!("USE {}", quote_ident(schema)))?;
    Ok(conn)
}

/// Writes one row.
pub fn write(conn: &mut Connection, id: u64) -> Result<(), Error> {
    conn.execute(format!("INSERT INTO kept (id) VALUES ({id})"))
}

/// The server's buffer pool.
pub fn pool_mib(conn: &mut Connection) -> Result<u64, Error> {
    conn.query_one("SELECT @@innodb_buffer_pool_size DIV 1048576 AS mib")?.u64("mib")
}

/// Every row that is there.
pub fn read(conn: &mut Connection) -> Result<BTreeSet<u64>, Error> {
    conn.query_rows("SELECT id FROM kept")?.iter().map(|row| row.u64("id")).collect()
}
