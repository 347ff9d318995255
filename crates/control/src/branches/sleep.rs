//! Branches that nobody uses fall asleep: their servers are stopped, and started when somebody comes.
//!
//! ```text
//! ready -> sleep_in_progress -> (nobody there? stop) -> sleeping -> awakening -> (start) -> ready
//!                     \-> (somebody is there) -> ready
//! ```
//!
//! Nobody who has just been let in is cut. Whoever lets in has it noted first ([`ControlPlane::enter`]), and
//! notes it where no sleep is wished, or not at all; sleep for want of use is wished only where nothing was
//! noted for as long, and sessions are looked for once more after that. All of it stands in the store, so it
//! holds for every process that lets in. Whoever comes later wakes the branch, once, however many come.

use std::time::Duration;

use bough_model::{BranchId, BranchState, SleepWish, Timestamp};
use bough_policy::{BranchAt, Granted};
use bough_store::branches as branch_store;
use bough_store::reconcile::Wish;
use bough_store::sleep as store;
use serde_json::json;

use super::BranchRow;
use super::actions::record;
use crate::{Caller, ControlPlane, Error, Result};

/// Shortest time without use after which a branch falls asleep, in seconds. Of it, a quarter may have passed
/// when somebody is let in without that being noted anew: what is left must be enough for logging in.
pub const SLEEP_AFTER_MIN_SECONDS: u64 = 10;
/// Longest time that can be set, in seconds: a year.
pub const SLEEP_AFTER_MAX_SECONDS: u64 = 365 * 24 * 3600;
/// How often a branch that is used is noted to be, in seconds; less for one that soon falls asleep.
const NOTE_EVERY_SECONDS: u64 = 30;
/// Longest wait of an operator for a branch, in seconds.
const OPEN_LIMIT_SECONDS: u64 = 30;
/// Branches looked at in one go.
const AT_ONCE: u32 = 512;

/// Whether a branch may be set to fall asleep after so many seconds without use.
pub(super) fn check(seconds: u64, production: bool) -> Result<()> {
    if seconds == 0 {
        return Ok(());
    }
    if production {
        return Err(Error::Invalid(
            "a production branch does not sleep; leave sleep_after out, or demote the branch first"
                .to_owned(),
        ));
    }
    if (SLEEP_AFTER_MIN_SECONDS..=SLEEP_AFTER_MAX_SECONDS).contains(&seconds) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "sleep_after is {seconds} s, but must be 0 for never, or from {SLEEP_AFTER_MIN_SECONDS} to {SLEEP_AFTER_MAX_SECONDS} s"
    )))
}

impl ControlPlane {
    /// After how long without use a branch falls asleep; `None` for never.
    pub fn sleeps_after(&self, production: bool, set: Option<u64>) -> Option<Duration> {
        let after = set.map_or(self.settings.limits.sleep_after, Duration::from_secs);
        (!production && !after.is_zero()).then_some(after)
    }

    /// Waits until a branch's server can be used by the operator, and notes that it is; wakes it if need be.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such branch, [`Error::Unavailable`] when it is not ready in time
    /// or does not start.
    pub fn open_branch(&self, branch: &BranchId) -> Result<()> {
        self.enter(branch, Duration::from_secs(OPEN_LIMIT_SECONDS)).map(drop)
    }

    /// Stops a branch's server until somebody comes. Its connections are cut.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is a production branch, or not ready, or being changed.
    pub fn sleep_branch(&self, caller: &Caller, granted: &Granted<BranchAt>) -> Result<BranchRow> {
        if granted.at().production {
            return Err(Error::Invalid(
                "a production branch does not sleep; demote it to a development branch first".to_owned(),
            ));
        }
        let grant = granted.clone();
        let row = self.change(caller, move |change| {
            let before = branch_store::get_for_write(change.tx, &grant)?;
            if matches!(before.state, BranchState::Sleeping | BranchState::SleepInProgress) {
                return Ok(before);
            }
            if !store::wish_sleep(change.tx, &grant, change.now)? {
                return Err(Error::Invalid(format!(
                    "branch {} is {} or being changed; try again when that is done",
                    before.name,
                    before.state.as_str()
                )));
            }
            let row = branch_store::get_for_write(change.tx, &grant)?;
            record(change, grant.at(), "database_branch.slept", &row, &json!({}))?;
            Ok(row)
        })?;
        self.wish_recorded();
        Ok(row)
    }

    /// Starts the server of a branch that sleeps.
    ///
    /// # Errors
    /// When the branch is gone.
    pub fn wake_branch(&self, caller: &Caller, granted: &Granted<BranchAt>) -> Result<BranchRow> {
        let grant = granted.clone();
        let row = self.change(caller, move |change| {
            let before = branch_store::get_for_write(change.tx, &grant)?;
            if !store::wish_awake(change.tx, &before.id, change.now)? {
                return Ok(before);
            }
            let row = branch_store::get_for_write(change.tx, &grant)?;
            record(change, grant.at(), "database_branch.woken", &row, &json!({}))?;
            Ok(row)
        })?;
        self.wish_recorded();
        Ok(row)
    }

    /// Whether a branch can be entered now without more ado: it is ready, and will not fall asleep before
    /// whoever enters is seen.
    pub(super) fn is_open(&self, wish: &Wish) -> bool {
        if wish.state != BranchState::Ready || wish.sleep != SleepWish::No {
            return false;
        }
        let Some(after) = self.sleeps_after(wish.production, wish.sleep_after_s) else { return true };
        let noted = (after / 4).min(Duration::from_secs(NOTE_EVERY_SECONDS));
        let now = self.now();
        wish.used_at.is_some_and(|used| used <= now && now.since(used) < noted)
    }

    /// Waits until a branch's server can be used, and notes that it is: one that sleeps is woken, once,
    /// however many ask for it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such branch, [`Error::Unavailable`] when it is not ready in time
    /// or does not start.
    pub(super) fn enter(&self, branch: &BranchId, limit: Duration) -> Result<Wish> {
        let begun = std::time::Instant::now();
        loop {
            let wish = self.wish_of(branch)?;
            if self.is_open(&wish) {
                return Ok(wish);
            }
            let (id, now) = (branch.clone(), self.now());
            if wish.sleep != SleepWish::No {
                self.wake(branch)?;
            } else if wish.state == BranchState::Ready
                && self.store.write(move |tx| Ok::<_, Error>(store::enter(tx, &id, now)?))?
            {
                return Ok(wish);
            }
            let left = limit.saturating_sub(begun.elapsed());
            let stands = |wish: &Wish| wish.state == BranchState::Ready || wish.attempts > 0;
            let found = self.waiting.until(left, || self.wish_of(branch), stands)?;
            if found.state == BranchState::Ready && !limit.saturating_sub(begun.elapsed()).is_zero() {
                continue;
            }
            return Err(Error::Unavailable(if found.attempts > 0 {
                "the branch's server does not start; Bough tries again by itself, and the branch's last_error says why"
                    .to_owned()
            } else {
                format!(
                    "the branch's server is not ready after {} s (it is {}); try again in a moment",
                    limit.as_secs(),
                    found.state.as_str()
                )
            }));
        }
    }

    /// Wishes that a branch be awake. Nothing is written when that is wished already.
    pub(super) fn wake(&self, branch: &BranchId) -> Result<()> {
        let (id, now) = (branch.clone(), self.now());
        if self.store.write(move |tx| Ok::<_, Error>(store::wish_awake(tx, &id, now)?))? {
            tracing::info!(%branch, "a branch wakes");
            self.wish_recorded();
        }
        Ok(())
    }

    /// Wishes sleep for branches that nobody has used for as long as it takes.
    pub(super) fn put_to_sleep(&self) -> Result<()> {
        let mut from = String::new();
        loop {
            let since = self.now().minus(Duration::from_secs(SLEEP_AFTER_MIN_SECONDS));
            let page = self
                .store
                .read(|reader| Ok::<_, Error>(store::candidates(reader, since, &from, AT_ONCE)?))?;
            let Some(last) = page.last() else { return Ok(()) };
            from = last.id.to_string();
            for candidate in &page {
                let Some(after) = self.sleeps_after(false, candidate.sleep_after_s) else { continue };
                if self.now().since(candidate.used_at) >= after {
                    self.sleep_unless_used(&candidate.id, after)?;
                }
            }
        }
    }

    fn sleep_unless_used(&self, branch: &BranchId, after: Duration) -> Result<()> {
        let (id, now) = (branch.clone(), self.now());
        // One that does not answer shows by itself.
        let Ok(used) = self.engine()?.is_used(branch) else { return Ok(()) };
        if used {
            self.store.write(move |tx| store::note_use(tx, &id, now))?;
            return Ok(());
        }
        if self.store.write(move |tx| Ok::<_, Error>(store::wish_sleep_when_idle(tx, &id, after, now)?))? {
            tracing::info!(%branch, unused_s = after.as_secs(), "a branch falls asleep");
            self.wish_recorded();
        }
        Ok(())
    }

    /// Looks for sessions once more before a branch's server is stopped for want of use; `true` when there
    /// are some, and the branch stays awake.
    pub(super) fn is_used_after_all(&self, wish: &Wish) -> Result<bool> {
        if wish.sleep != SleepWish::WhenIdle || !self.engine()?.is_used(&wish.id).unwrap_or(true) {
            return Ok(false);
        }
        let (kept, now): (Wish, Timestamp) = (wish.clone(), self.now());
        self.store.write(move |tx| store::record_used(tx, &kept, now))?;
        self.waiting.tell();
        Ok(true)
    }
}
