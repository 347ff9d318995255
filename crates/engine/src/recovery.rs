//! A server that was killed while it stopped, between closing its binary log and writing InnoDB's last commits to the
//! disk, does not start again by itself: it finds transactions that are prepared, and a binary log that says that
//! all is well, so it does not look there for them.
//!
//! The log is closed when no session is left, so every one of them is in it, and may have been acknowledged: they are
//! committed. The server does that when told to, and ends.

use std::time::Duration;

use bough_model::BranchId;

use crate::layout::BranchPaths;
use crate::managed::ManagedEngine;
use crate::steps::ANSWER_LIMIT_S;
use crate::{EngineError, files, process};

/// What the server says then.
const PREPARED: &str = "prepared transactions! It means that server was not shut down properly";

/// Whether a start has failed for want of this.
pub(crate) fn is_needed(error: &EngineError) -> bool {
    matches!(error, EngineError::Died { last_words: Some(words), .. } if words.contains(PREPARED))
}

impl ManagedEngine {
    /// Has the server commit what it has found prepared. Transactions that clients prepared by name (`XA PREPARE`) stay
    /// as they are. Whether it went well, the next start says.
    pub(crate) fn commit_prepared(&self, id: &BranchId, paths: &BranchPaths) -> Result<(), EngineError> {
        tracing::warn!(branch = %id, "the server was killed while it stopped; its last transactions are committed now");
        let mut command = process::command(&self.binaries().mariadbd, &self.account, &paths.data);
        // It must be the first argument.
        command.arg(format!("--defaults-file={}", paths.cnf.display()));
        command.arg("--tc-heuristic-recover=COMMIT");
        let log = paths.folder.join("recovery.log");
        let _own = self.account.own_files()?;
        files::remove_file(&log)?;
        // It ends with a failure when it has done that, too.
        process::run(command, &log, Duration::from_secs(ANSWER_LIMIT_S)).map(drop)
    }
}
