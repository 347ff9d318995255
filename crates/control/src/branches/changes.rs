//! Changes of a branch that runs: its size, and restarts.

use bough_model::{ResizeId, ResizeState};
use bough_policy::{BranchAt, Granted};
use bough_store::branches as branch_store;
use bough_store::resizes::{self as store, ResizeRow};
use serde_json::json;

use super::BranchRow;
use super::actions::record;
use crate::random::fresh;
use crate::{Caller, ControlPlane, Error, Page, Result};

impl ControlPlane {
    /// The changes of a branch's size, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_resizes(&self, granted: &Granted<BranchAt>, page: Page) -> Result<(Vec<ResizeRow>, i64)> {
        self.store.read(|reader| Ok(store::list(reader, granted, page)?))
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the branch has none of that id.
    pub fn get_resize(&self, granted: &Granted<BranchAt>, id: &str) -> Result<ResizeRow> {
        let id = ResizeId::parse(id).ok_or(Error::NotFound)?;
        self.store.read(|reader| store::get(reader, granted, &id)?.ok_or(Error::NotFound))
    }

    /// Wishes another size for a branch: memory and limits of its server, which are changed while it runs.
    /// `None` when it has that size, or is about to.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such size, or not for branches of its kind.
    pub fn resize_branch(
        &self,
        caller: &Caller,
        granted: &Granted<BranchAt>,
        size: &str,
    ) -> Result<Option<ResizeRow>> {
        let size = self.wanted_size(Some(size), granted.at().production)?;
        let grant = granted.clone();
        let id = fresh(ResizeId::from_random);
        let wished = self.change(caller, move |change| {
            let before = branch_store::get_for_write(change.tx, &grant)?;
            if before.cluster_size == size {
                return Ok(None);
            }
            store::wish(change.tx, &grant, &id, &size, &change.caller.actor, change.now)?;
            let metadata = json!({"cluster_size": [before.cluster_size.canonical(), size.canonical()]});
            record(change, grant.at(), "database_branch.updated_cluster_size", &before, &metadata)?;
            Ok(store::open(change.tx, &before.id)?)
        })?;
        if wished.is_some() {
            self.wish_recorded();
        }
        Ok(wished)
    }

    /// Takes back a change of size that has not begun.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is none, or it has begun.
    pub fn cancel_resize(&self, caller: &Caller, granted: &Granted<BranchAt>) -> Result<()> {
        let grant = granted.clone();
        self.change(caller, move |change| {
            let branch = branch_store::get_for_write(change.tx, &grant)?;
            let Some(open) = store::open(change.tx, &branch.id)? else {
                return Err(Error::Invalid(
                    "no resize of this branch is pending; ask for the size that it shall have instead"
                        .to_owned(),
                ));
            };
            if open.state == ResizeState::Resizing {
                return Err(Error::Invalid(format!(
                    "the resize to {} has begun; ask for {} to go back",
                    open.cluster_size.canonical(),
                    open.previous.canonical()
                )));
            }
            store::cancel(change.tx, &grant, &open, change.now)?;
            let metadata =
                json!({"cluster_size": [open.cluster_size.canonical(), open.previous.canonical()]});
            record(change, grant.at(), "database_branch.canceled_resize", &branch, &metadata)
        })?;
        self.wish_recorded();
        Ok(())
    }

    /// Has a branch's server stopped and started: it takes up a newer version that is installed, or comes
    /// back from hanging. Its connections are cut.
    ///
    /// # Errors
    /// When the branch is gone.
    pub fn restart_branch(&self, caller: &Caller, granted: &Granted<BranchAt>) -> Result<BranchRow> {
        let grant = granted.clone();
        let row = self.change(caller, move |change| {
            branch_store::wish_restart(change.tx, &grant, change.now)?;
            let row = branch_store::get_for_write(change.tx, &grant)?;
            record(change, grant.at(), "database_branch.restarted", &row, &json!({}))?;
            Ok(row)
        })?;
        self.wish_recorded();
        Ok(row)
    }
}
