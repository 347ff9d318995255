//! A blocking connection over a Unix socket, with every wait bounded.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use bough_model::{Flavor, Secret};
use mysql::prelude::Queryable as _;

use crate::{Error, Row, Value};

/// Longest wait for a connection to be accepted and greeted, in milliseconds.
pub const CONNECT_LIMIT_MS: u64 = 5_000;
/// Longest wait for the server's next bytes, in milliseconds.
pub const READ_LIMIT_MS: u64 = 30_000;
/// Longest wait for the server to take the next bytes, in milliseconds.
pub const WRITE_LIMIT_MS: u64 = 30_000;
/// Longest wait of a statement for another session's metadata lock, in seconds.
pub const LOCK_WAIT_LIMIT_S: u64 = 20;
/// Longest path of a Unix socket that the kernel takes, in bytes.
pub const SOCKET_PATH_MAX_BYTES: usize = 107;
/// Most connections being opened at once, in this process: a bound for threads that hang in a server
/// that accepts but does not greet.
pub const OPENERS_MAX: usize = 256;
/// The largest packet either side sends, in bytes.
const PACKET_MAX_BYTES: usize = 64 << 20;

/// The SQL mode of each of Bough's sessions, whatever the server's own default is.
pub const SESSION_SQL_MODE: &str = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";

static OPENERS: AtomicUsize = AtomicUsize::new(0);

/// Where a server listens, and as whom to log in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketAddress {
    /// The socket's path, at most [`SOCKET_PATH_MAX_BYTES`] long.
    pub path: PathBuf,
    /// The database account, named as the operating system account that this process runs as.
    pub user: String,
}

/// How long to wait for what. [`Default`] takes the named constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectLimits {
    /// For being accepted, greeted and let in.
    pub connect: Duration,
    /// For the server's next bytes.
    pub read: Duration,
    /// For the server to take the next bytes.
    pub write: Duration,
    /// For another session's metadata lock; whole seconds.
    pub lock_wait: Duration,
}

impl Default for ConnectLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(CONNECT_LIMIT_MS),
            read: Duration::from_millis(READ_LIMIT_MS),
            write: Duration::from_millis(WRITE_LIMIT_MS),
            lock_wait: Duration::from_secs(LOCK_WAIT_LIMIT_S),
        }
    }
}

/// A session on a database server. Not shared between threads; closed when dropped.
pub struct Connection {
    conn: mysql::Conn,
    limits: ConnectLimits,
    broken: bool,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("id", &self.conn.connection_id()).finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects, logs in and sets the session up: `utf8mb4`, [`SESSION_SQL_MODE`], UTC, bounded lock
    /// waits.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::NotReachable`], [`Error::Refused`], [`Error::TimedOut`].
    pub fn open(address: &SocketAddress, limits: ConnectLimits) -> Result<Self, Error> {
        Self::open_with(address, None, limits)
    }

    /// As [`Self::open`], for an account that has to show a secret.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        address: &SocketAddress,
        secret: Option<&Secret<String>>,
        limits: ConnectLimits,
    ) -> Result<Self, Error> {
        let path = socket_path(address)?;
        let session = format!(
            "SET NAMES utf8mb4, sql_mode = '{SESSION_SQL_MODE}', time_zone = '+00:00', lock_wait_timeout = {}, \
             sql_quote_show_create = 1",
            limits.lock_wait.as_secs().max(1)
        );
        let opts = mysql::OptsBuilder::new()
            .socket(Some(path))
            .user(Some(address.user.as_str()))
            .pass(secret.map(Secret::expose))
            .read_timeout(Some(limits.read))
            .write_timeout(Some(limits.write))
            // Given here, the driver does not spend a round trip on asking.
            .max_allowed_packet(Some(PACKET_MAX_BYTES))
            .stmt_cache_size(Some(0))
            .init(vec![session]);
        let conn = open_within(opts, limits.connect, path, &address.user)?;
        Ok(Self { conn, limits, broken: false })
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// [`Error::Statement`], or what ends the connection.
    pub fn query_rows(&mut self, sql: impl AsRef<str>) -> Result<Vec<Row>, Error> {
        self.run(|conn| {
            let mut answer = conn.query_iter(sql.as_ref())?;
            let columns = column_names(answer.columns());
            let mut rows = Vec::new();
            if let Some(set) = answer.iter() {
                for row in set {
                    rows.push(Row::new(columns.clone(), row?));
                }
            }
            Ok(rows)
        })
    }

    /// The one row of a query.
    ///
    /// # Errors
    /// As [`Self::query_rows`], and [`Error::Unexpected`] when there is none, or more than one.
    pub fn query_one(&mut self, sql: impl AsRef<str>) -> Result<Row, Error> {
        let mut rows = self.query_rows(sql)?;
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Ok(row),
            (None, _) => Err(Error::Unexpected { why: "no row where one was expected".to_owned() }),
            (Some(_), false) => {
                Err(Error::Unexpected { why: "several rows where one was expected".to_owned() })
            }
        }
    }

    /// Runs a statement, or several, whose rows do not matter.
    ///
    /// # Errors
    /// [`Error::Statement`] of the first that failed, or what ends the connection.
    pub fn execute(&mut self, sql: impl AsRef<str>) -> Result<(), Error> {
        self.run(|conn| {
            let mut answer = conn.query_iter(sql.as_ref())?;
            while let Some(set) = answer.iter() {
                set.into_iter().try_for_each(|row| row.map(drop))?;
            }
            Ok(())
        })
    }

    /// Runs a statement with `?` in place of values, and hands back its rows.
    ///
    /// # Errors
    /// [`Error::Statement`], or what ends the connection.
    pub fn exec(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let params: Vec<mysql::Value> = params.iter().cloned().map(Into::into).collect();
        self.run(|conn| {
            let statement = conn.prep(sql)?;
            let result = (|| {
                let mut answer = conn.exec_iter(&statement, mysql::Params::Positional(params))?;
                let columns = column_names(answer.columns());
                let mut rows = Vec::new();
                if let Some(set) = answer.iter() {
                    for row in set {
                        rows.push(Row::new(columns.clone(), row?));
                    }
                }
                Ok(rows)
            })();
            // Nothing is cached, so the server's copy goes at once.
            conn.close(statement)?;
            result
        })
    }

    /// Which server this is.
    ///
    /// # Errors
    /// As [`Self::query_one`], and [`Error::Unexpected`] when the version cannot be read.
    pub fn server_version(&mut self) -> Result<Flavor, Error> {
        let row = self.query_one("SELECT VERSION() AS version")?;
        let text = row.text("version")?;
        Flavor::parse(text).ok_or_else(|| Error::Unexpected { why: format!("version {text:?}") })
    }

    fn run<T>(&mut self, work: impl FnOnce(&mut mysql::Conn) -> mysql::Result<T>) -> Result<T, Error> {
        if self.broken {
            return Err(Error::Lost { why: "an earlier statement failed; open a new connection".to_owned() });
        }
        work(&mut self.conn).map_err(|error| {
            let error = Error::of_statement(error, self.limits.read);
            self.broken = !error.keeps_connection();
            error
        })
    }
}

/// The path of a socket, if one can connect to it.
pub(crate) fn socket_path(address: &SocketAddress) -> Result<&str, Error> {
    let wrong = |why| Error::Address { path: address.path.display().to_string(), why };
    let Some(path) = address.path.to_str() else { return Err(wrong("the path is not valid UTF-8")) };
    if path.len() > SOCKET_PATH_MAX_BYTES {
        return Err(wrong("the path is longer than a Unix socket's may be (107 bytes)"));
    }
    Ok(path)
}

fn column_names(columns: mysql::SetColumns<'_>) -> Arc<[String]> {
    columns.as_ref().iter().map(|column| column.name_str().into_owned()).collect()
}

/// Opens in a thread of its own: `connect` on a Unix socket whose backlog is full waits for ever, and a
/// greeting could come one byte at a time. What comes too late is closed.
pub(crate) fn open_within(
    opts: mysql::OptsBuilder,
    limit: Duration,
    path: &str,
    user: &str,
) -> Result<mysql::Conn, Error> {
    if OPENERS.fetch_add(1, Ordering::Relaxed) >= OPENERS_MAX {
        OPENERS.fetch_sub(1, Ordering::Relaxed);
        let why = "too many connections are being opened at once".to_owned();
        return Err(Error::NotReachable { socket: path.to_owned(), why });
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let opener = std::thread::Builder::new().name("mysql-open".to_owned()).spawn(move || {
        let result = mysql::Conn::new(opts);
        OPENERS.fetch_sub(1, Ordering::Relaxed);
        let _ = sender.send(result);
    });
    if let Err(error) = opener {
        OPENERS.fetch_sub(1, Ordering::Relaxed);
        return Err(Error::NotReachable { socket: path.to_owned(), why: error.to_string() });
    }
    match receiver.recv_timeout(limit) {
        Ok(result) => result.map_err(|error| Error::of_open(error, path, user, limit)),
        Err(_) => Err(Error::TimedOut { limit }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn address(path: PathBuf) -> SocketAddress {
        SocketAddress { path, user: "somebody".to_owned() }
    }

    #[test]
    fn nobody_there() {
        let error = Connection::open(&address("/nonexistent/mysql.sock".into()), ConnectLimits::default());
        assert!(matches!(error, Err(Error::NotReachable { .. })), "{error:?}");
        let error = Connection::open(&address("/x".repeat(54).into()), ConnectLimits::default());
        assert!(matches!(error, Err(Error::Address { .. })), "{error:?}");
    }

    /// Neither a server that never greets, nor one whose queue is full, holds a caller up.
    #[test]
    fn silent_servers_are_given_up() {
        let path = std::env::temp_dir().join(format!("bough-silent-{}.sock", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).expect("a socket");
        let limits = ConnectLimits { connect: Duration::from_millis(50), ..ConnectLimits::default() };
        let error = Connection::open(&address(path.clone()), limits);
        assert!(matches!(error, Err(Error::TimedOut { .. })), "{error:?}");
        // The opener that hangs is let go with its server.
        drop(listener);
        std::fs::remove_file(&path).expect("removed");
    }

    /// Bytes that are no greeting are an error, not a panic.
    #[test]
    fn noise_is_no_greeting() {
        use std::io::Write as _;
        let path = std::env::temp_dir().join(format!("bough-noise-{}.sock", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).expect("a socket");
        let noise: [&[u8]; 4] = [b"", b"\x00", b"\x05\x00\x00\x00hello", &[0xff; 64]];
        let server = std::thread::spawn(move || {
            for noise in noise {
                let (mut stream, _) = listener.accept().expect("a client");
                stream.write_all(noise).expect("written");
            }
        });
        for _ in 0..noise.len() {
            let limits = ConnectLimits { connect: Duration::from_millis(500), ..ConnectLimits::default() };
            assert!(Connection::open(&address(path.clone()), limits).is_err());
        }
        server.join().expect("the server ends");
        std::fs::remove_file(&path).expect("removed");
    }
}
