//! How much of the machine a running server takes: read back from the server itself, and changed without
//! a restart.

use std::time::Duration;

use bough_model::{BranchId, ClusterSize, Flavor};
use bough_mysql_client::{Connection, Error};

use crate::managed::{ManagedEngine, brief_limits};
use crate::wait::wait_until;
use crate::{EngineError, cnf, killpoint};

/// Longest wait until a server has the size that it was told, in seconds: giving back memory means writing
/// changed pages first.
pub const RESIZE_LIMIT_S: u64 = 120;
/// Pause between two looks at a server that changes its size, in milliseconds.
const RESIZE_PAUSE_MS: u64 = 20;

/// What a server that answers says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// What it is.
    pub flavor: Flavor,
    /// InnoDB buffer pool, in bytes.
    pub buffer_pool_bytes: u64,
    /// InnoDB redo log, in bytes.
    pub redo_log_bytes: u64,
    /// Most connections at once.
    pub max_connections: u64,
}

impl Figures {
    /// Whether the server is as large as `size` says.
    pub fn fit(&self, size: &ClusterSize) -> bool {
        self.buffer_pool_bytes == cnf::buffer_pool_bytes(size)
            && self.redo_log_bytes == cnf::redo_log_bytes(size)
            && self.max_connections == u64::from(cnf::max_connections(size))
    }
}

impl ManagedEngine {
    /// What the branch's server says of itself.
    ///
    /// # Errors
    /// [`EngineError::Server`] when it does not answer.
    pub fn figures(&self, id: &BranchId) -> Result<Figures, EngineError> {
        let mut conn = self.connect_within(id, brief_limits())?;
        read(&mut conn).map_err(EngineError::server(id, "was asked for its size"))
    }
}

/// Asks a server for its figures.
///
/// # Errors
/// What the server refused; [`Error::Unexpected`] when it tells no version.
pub(crate) fn read(conn: &mut Connection) -> Result<Figures, Error> {
    let row = conn.query_one(
        "SELECT VERSION() AS version, @@innodb_buffer_pool_size AS pool, @@innodb_log_file_size AS redo, \
         @@max_connections AS connections",
    )?;
    let version = row.text("version")?;
    let flavor = Flavor::parse(version)
        .ok_or_else(|| Error::Unexpected { why: format!("the server calls its version {version:?}") })?;
    Ok(Figures {
        flavor,
        buffer_pool_bytes: row.u64("pool")?,
        redo_log_bytes: row.u64("redo")?,
        max_connections: row.u64("connections")?,
    })
}

/// Gives a running server another size, and waits until it has it.
///
/// # Errors
/// [`EngineError::Server`] when it refuses, [`EngineError::Refused`] when it takes another size than it
/// was told, or none within [`RESIZE_LIMIT_S`].
pub(crate) fn apply(id: &BranchId, conn: &mut Connection, size: &ClusterSize) -> Result<(), EngineError> {
    let failed = EngineError::server(id, "was resized");
    let pool = cnf::buffer_pool_bytes(size);
    conn.execute(format!("SET GLOBAL innodb_buffer_pool_size = {pool}")).map_err(&failed)?;
    killpoint::reach("resize.memory-changed");
    let redo = cnf::redo_log_bytes(size);
    conn.execute(format!("SET GLOBAL innodb_log_file_size = {redo}")).map_err(&failed)?;
    let connections = cnf::max_connections(size);
    conn.execute(format!("SET GLOBAL max_connections = {connections}")).map_err(&failed)?;
    let limit = Duration::from_secs(RESIZE_LIMIT_S);
    let mut told = None;
    // Older servers change the pool in the background.
    let fits = wait_until(limit, Duration::from_millis(RESIZE_PAUSE_MS), || match read(conn) {
        Ok(figures) => {
            told = Some(figures);
            figures.fit(size).then_some(Ok(()))
        }
        Err(error) => Some(Err(failed(error))),
    });
    fits.unwrap_or_else(|| {
        let why = match told {
            Some(figures) => format!(
                "its server has a buffer pool of {} bytes, a redo log of {} bytes and {} connections after {} s, and not \
                 {pool}, {redo} and {connections}; restart the branch, or choose another size",
                figures.buffer_pool_bytes, figures.redo_log_bytes, figures.max_connections, RESIZE_LIMIT_S
            ),
            None => "its server does not tell its size".to_owned(),
        };
        Err(EngineError::Refused { branch: id.clone(), why })
    })
}
