//! Whether anybody uses a branch's server, so that it is not stopped under him.

use bough_model::BranchId;
use bough_mysql_client::Error;

use crate::EngineError;
use crate::managed::{ManagedEngine, brief_limits};

/// Sessions besides this one, those that are just being let in and Bough's own included; and events that are
/// still to run, which need a server that runs.
const USES: &str = "SELECT \
    (SELECT COUNT(*) FROM information_schema.PROCESSLIST \
     WHERE ID <> CONNECTION_ID() AND COMMAND <> 'Daemon' AND USER <> 'system user') AS sessions, \
    (SELECT COUNT(*) FROM mysql.event WHERE status = 'ENABLED' \
     AND IF(execute_at IS NULL, ends IS NULL OR ends > UTC_TIMESTAMP(), execute_at > UTC_TIMESTAMP())) AS events";

impl ManagedEngine {
    /// Whether the branch's server has sessions, or events that it is to run. What cannot be told counts as
    /// used.
    ///
    /// # Errors
    /// [`EngineError::Server`], [`EngineError::Stranger`] when the server does not answer as it should.
    pub fn is_used(&self, id: &BranchId) -> Result<bool, EngineError> {
        let mut conn = match self.connect_within(id, brief_limits()) {
            Ok(conn) => conn,
            // It answers that it is full.
            Err(EngineError::Server { source: Error::Refused { .. }, .. }) => return Ok(true),
            Err(error) => return Err(error),
        };
        let uses = conn.query_one(USES).and_then(|row| Ok(row.u64("sessions")? + row.u64("events")?));
        Ok(uses.map_err(EngineError::server(id, "was asked for its sessions"))? > 0)
    }
}
