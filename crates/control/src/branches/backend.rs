//! The way from the gateway to a branch's server: where it listens, who clients are there, and making that
//! right again.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bough_model::{BranchId, BranchState, DatabaseName, Desired, PasswordRole, Secret, SleepWish};
use bough_store::reconcile::{self as store, Wish};

use crate::{ControlPlane, Error, Result};

/// Longest wait of a connection for a branch that is not ready, in seconds.
const BACKEND_LIMIT_SECONDS: u64 = 20;
/// Within which whoever was told of a server has entered it, in seconds: for so long, at least, it is not
/// stopped for want of use.
pub const ENTER_LIMIT_SECONDS: u64 = 7;
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
    /// Where a branch's server is and how a role enters it. One that sleeps is woken, and one that is on its
    /// way is waited for, for a bounded time. Whoever is told this enters within
    /// [`ENTER_LIMIT_SECONDS`]. Only what is ready is named: its accounts then are as wished, safe migrations included.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such branch, [`Error::Unavailable`] when it is not ready in time.
    pub fn backend(&self, branch: &BranchId, role: PasswordRole) -> Result<Backend> {
        let wish = self.enter(branch, Duration::from_secs(BACKEND_LIMIT_SECONDS))?;
        self.way_in(branch, role, wish)
    }

    /// The same, without waiting: `None` when the branch is not ready now, or that somebody enters is to be
    /// noted first. [`Self::backend`] sees to both.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such branch.
    pub fn backend_now(&self, branch: &BranchId, role: PasswordRole) -> Result<Option<Backend>> {
        let wish = self.wish_of(branch)?;
        if !self.is_open(&wish) {
            return Ok(None);
        }
        self.way_in(branch, role, wish).map(Some)
    }

    /// The same for somebody whom a server that he was told of has not let in: waits until it can be reached, for
    /// the same bounded time. One that has ended is started again now, without waiting for the next look at it, and
    /// one that ends again and again after its pause.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such branch, [`Error::Unavailable`] when it is not ready in time
    /// or does not start.
    pub fn reach(&self, branch: &BranchId) -> Result<()> {
        let begun = Instant::now();
        let limit = Duration::from_secs(BACKEND_LIMIT_SECONDS);
        let engine = self.engine()?;
        // One that is just ending lives, and takes nobody any more.
        let settled = |wish: &Wish| {
            let wished = wish.state == BranchState::Ready && wish.sleep == SleepWish::No;
            !wished || !engine.alive(branch) || engine.connect(branch).is_ok()
        };
        let wish = self.waiting.until(limit, || self.wish_of(branch), settled)?;
        if wish.state == BranchState::Ready && wish.sleep == SleepWish::No && !engine.alive(branch) {
            self.start_again(branch)?;
            self.wish_recorded();
        }
        self.enter(branch, limit.saturating_sub(begun.elapsed())).map(drop)
    }

    /// Whether a branch's server refuses direct changes of the schema. What cannot be told counts as no.
    pub fn has_safe_migrations(&self, branch: &BranchId) -> bool {
        self.wish_of(branch).is_ok_and(|wish| wish.safe_migrations)
    }

    /// The schema of a branch whose server refuses direct changes of it.
    pub(crate) fn safe_schema(&self, branch: &BranchId) -> Option<DatabaseName> {
        self.wish_of(branch).ok().filter(|wish| wish.safe_migrations).map(|wish| wish.schema)
    }

    /// Whether it is a production branch now.
    pub(crate) fn is_production(&self, branch: &BranchId) -> Result<bool> {
        self.wish_of(branch).map(|wish| wish.production)
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

    pub(super) fn wish_of(&self, branch: &BranchId) -> Result<Wish> {
        let wish = self.store.read(|reader| Ok::<_, Error>(store::wish(reader, branch)?))?;
        wish.filter(|wish| wish.desired == Desired::Running).ok_or(Error::NotFound)
    }
}
