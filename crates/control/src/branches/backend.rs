//! The way from the gateway to a branch's server: where it listens, who clients are there, and making that
//! right again.

use std::path::PathBuf;
use std::time::Duration;

use bough_model::{BranchId, BranchState, DatabaseName, Desired, PasswordRole, Secret};
use bough_store::reconcile::{self as store, Wish};

use crate::{ControlPlane, Error, Result};

/// Longest wait of a connection for a branch that is not ready, in seconds.
const BACKEND_LIMIT_SECONDS: u64 = 20;
/// Longest wait for accounts that are looked at on request, in seconds.
const REPAIR_LIMIT_SECONDS: u64 = 20;

/// What somebody needs to enter a branch's server in a role.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Where the server listens.
    pub socket: PathBuf,
    /// The role's account.
    pub account: &'static str,
    /// What the account is entered with.
    pub secret: Secret<String>,
    /// The one schema that the account has rights on.
    pub schema: DatabaseName,
    /// Whether the server refuses direct changes of the schema.
    pub safe_migrations: bool,
}

impl ControlPlane {
    /// Where a branch's server is and how a role enters it. One that is on its way is waited for, for a
    /// bounded time. Only what is ready is named: its accounts then are as wished, safe migrations included.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such branch, [`Error::Unavailable`] when it is not ready in time.
    pub fn backend(&self, branch: &BranchId, role: PasswordRole) -> Result<Backend> {
        let limit = Duration::from_secs(BACKEND_LIMIT_SECONDS);
        let look = || self.wish_of(branch);
        let wish = self.waiting.until(limit, look, |wish| wish.state == BranchState::Ready)?;
        if wish.state != BranchState::Ready {
            return Err(Error::Unavailable(
                "the branch's server is not ready; try again in a moment, and see the branch's page for what it waits for"
                    .to_owned(),
            ));
        }
        self.way_in(branch, role, wish)
    }

    /// The same, without waiting: `None` when the branch is not ready now.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such branch.
    pub fn backend_now(&self, branch: &BranchId, role: PasswordRole) -> Result<Option<Backend>> {
        let wish = self.wish_of(branch)?;
        if wish.state != BranchState::Ready {
            return Ok(None);
        }
        self.way_in(branch, role, wish).map(Some)
    }

    fn way_in(&self, branch: &BranchId, role: PasswordRole, wish: Wish) -> Result<Backend> {
        Ok(Backend {
            socket: self.engine()?.address(branch).path,
            account: role.account(),
            secret: self.keys.role_secret(branch, role),
            schema: wish.schema,
            safe_migrations: wish.safe_migrations,
        })
    }

    /// Has a branch's accounts looked at and made right, whatever happened to them, and waits for that.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such branch, [`Error::Unavailable`] when it takes too long.
    pub fn repair_accounts(&self, branch: &BranchId) -> Result<()> {
        self.wish_of(branch)?;
        self.look_again(branch)?;
        let limit = Duration::from_secs(REPAIR_LIMIT_SECONDS);
        let settled = || self.store.read(|reader| Ok::<_, Error>(store::is_settled(reader, branch)?));
        if self.waiting.until(limit, settled, |settled| *settled)? {
            return Ok(());
        }
        Err(Error::Unavailable(
            "the branch's accounts are being made right; try again in a moment".to_owned(),
        ))
    }

    /// Has a branch looked at that was as wished, and may not be any more.
    pub(crate) fn look_again(&self, branch: &BranchId) -> Result<()> {
        let (id, now) = (branch.clone(), self.now());
        self.store.write(move |tx| store::look_again(tx, &id, now))?;
        self.wish_recorded();
        Ok(())
    }

    fn wish_of(&self, branch: &BranchId) -> Result<Wish> {
        let wish = self.store.read(|reader| Ok::<_, Error>(store::wish(reader, branch)?))?;
        wish.filter(|wish| wish.desired == Desired::Running).ok_or(Error::NotFound)
    }
}
