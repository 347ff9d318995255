//! What is asked of the running server itself.

use std::time::Duration;

use bough_policy::{BranchAt, Granted};
use bough_store::branches::{self as store, ServerRow};

use crate::{Caller, ControlPlane, Error, Result};

pub use bough_engine::{SchemaObject, SchemaObjectKind, ServerReport};

/// Longest wait for a branch whose schema is to be read, in seconds.
const READ_LIMIT_SECONDS: u64 = 20;

/// A branch's server in figures.
#[derive(Clone, Copy, Debug)]
pub struct BranchServer {
    /// What is recorded of it.
    pub recorded: ServerRow,
    /// What the system says of the process; `None` when there is none, or no engine here.
    pub running: Option<ServerReport>,
}

impl ControlPlane {
    /// A branch's server in figures. The server itself is not asked: one that hangs holds up nobody.
    ///
    /// # Errors
    /// When the store fails, or the branch is gone.
    pub fn branch_server(&self, granted: &Granted<BranchAt>) -> Result<BranchServer> {
        let recorded = self.store.read(|reader| store::server(reader, granted)?.ok_or(Error::NotFound))?;
        let running =
            self.engine.as_ref().and_then(|engine| engine.server_report(&granted.at().branch).ok()?);
        Ok(BranchServer { recorded, running })
    }

    /// The definitions of a branch's tables and views, as its server prints them; none when another
    /// keyspace than the branch's one is asked for.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the branch is not ready.
    pub fn read_schema(
        &self,
        caller: &Caller,
        granted: &Granted<BranchAt>,
        keyspace: Option<&str>,
    ) -> Result<Vec<SchemaObject>> {
        let branch = self.get_branch(caller, granted)?;
        if !branch.schema_ready {
            return Err(Error::Unavailable(format!(
                "branch {} is not ready yet; try again when its `ready` is true",
                branch.name
            )));
        }
        let id = branch.id.clone();
        let wish = self.wish_of(&id)?;
        if keyspace.is_some_and(|name| name != wish.schema.as_str()) {
            return Ok(Vec::new());
        }
        self.enter(&id, Duration::from_secs(READ_LIMIT_SECONDS))?;
        self.engine()?
            .read_schema(&id, &wish.schema)
            .map_err(|error| Error::Unavailable(format!("the branch's server does not answer: {error}")))
    }
}
