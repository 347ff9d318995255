//! What is asked of the running server itself.

use bough_policy::{BranchAt, Granted};
use bough_store::reconcile;

use crate::{Caller, ControlPlane, Error, Result};

pub use bough_engine::SchemaObject;

impl ControlPlane {
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
        let wish = self.store.read(|reader| Ok::<_, Error>(reconcile::wish(reader, &id)?))?;
        let wish = wish.ok_or(Error::NotFound)?;
        if keyspace.is_some_and(|name| name != wish.schema.as_str()) {
            return Ok(Vec::new());
        }
        self.engine()?
            .read_schema(&id, &wish.schema)
            .map_err(|error| Error::Unavailable(format!("the branch's server does not answer: {error}")))
    }
}
