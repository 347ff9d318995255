//! Bringing wishes about: observe, plan, one step, record; again until there is nothing left to do.
//!
//! Every wish whose next try is due is taken up by a worker. A worker knows nothing but the wish and
//! what it observes; a crash anywhere loses nothing but time. A nudge only makes it sooner. What
//! fails is tried again after a pause that grows; the reason stands in the branch's record.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bough_engine::killpoint;
use bough_engine::{BranchSpec, ManagedEngine, Observation, Plan, RoleAccounts, Seed, Step, plan};
use bough_model::{BranchId, DatabaseId, Desired, PasswordVerifiers, SleepWish};
use bough_store::reconcile::{self as store, Wish};
use bough_store::{resizes, sleep};

use crate::{ControlPlane, Error, Result};

/// Longest time between two looks at the wishes, in milliseconds: nobody relies on nudges.
const LOOK_EVERY_MILLIS: u64 = 1_000;
/// Most wishes looked at in one go.
const WISHES_AT_ONCE: u32 = 512;
/// Places that one database leaves to others, where there are that many.
const PLACES_FOR_OTHERS: usize = 2;
/// Most steps for one wish in one go; a plan that never ends is a fault of ours.
const STEPS_MAX: u32 = 32;
/// Pause while a parent is not ready, in milliseconds.
const PARENT_PAUSE_MILLIS: u64 = 100;
/// First pause after a failure, in milliseconds; doubled with each failure in a row.
const RETRY_FIRST_MILLIS: u64 = 250;
/// Longest pause after a failure, in milliseconds.
const RETRY_LONGEST_MILLIS: u64 = 30_000;
/// Pause after a failure that could not even be recorded, in milliseconds.
const UNRECORDED_PAUSE_MILLIS: u64 = 1_000;

/// Most requests that wait for a branch at once; further ones are answered with what there is.
const WAITING_MAX: usize = 128;
/// Longest pause between two looks of somebody who waits, in milliseconds: other processes nudge nobody.
const WAIT_LOOK_MILLIS: u64 = 500;
/// The same where another process brings about what is waited for, in milliseconds.
const WAIT_LOOK_ELSEWHERE_MILLIS: u64 = 20;

/// Says to those who wait that a branch may have changed.
#[derive(Default)]
pub(crate) struct Waiting {
    count: AtomicUsize,
    changes: Mutex<u64>,
    changed: Condvar,
    /// Another process brings wishes about: nobody here says that something has changed.
    elsewhere: AtomicBool,
}

impl Waiting {
    pub(crate) fn for_another_process(&self) {
        self.elsewhere.store(true, Ordering::Relaxed);
    }

    pub(super) fn tell(&self) {
        *self.changes.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }

    /// Looks again and again until `look` says that it is enough, or `limit` is over.
    pub(crate) fn until<T>(
        &self,
        limit: Duration,
        look: impl Fn() -> Result<T>,
        enough: impl Fn(&T) -> bool,
    ) -> Result<T> {
        let started = Instant::now();
        let crowded = self.count.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX;
        let result = loop {
            let seen = *self.changes.lock().unwrap_or_else(PoisonError::into_inner);
            let found = look();
            let left = limit.saturating_sub(started.elapsed());
            if crowded || left.is_zero() || found.as_ref().map_or(true, &enough) {
                break found;
            }
            let elsewhere = self.elsewhere.load(Ordering::Relaxed);
            let pause = if elsewhere { WAIT_LOOK_ELSEWHERE_MILLIS } else { WAIT_LOOK_MILLIS };
            let pause = left.min(Duration::from_millis(pause));
            let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
            drop(self.changed.wait_timeout_while(changes, pause, |now| *now == seen));
        };
        self.count.fetch_sub(1, Ordering::Relaxed);
        result
    }
}

/// Says that there is something to do.
#[derive(Default)]
pub(crate) struct Nudge {
    pending: Mutex<bool>,
    changed: Condvar,
}

impl Nudge {
    /// Look now.
    pub(crate) fn now(&self) {
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn wait(&self, longest: Duration) {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(pending, longest, |pending| !*pending);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// The wishes being worked on, each with its database.
#[derive(Default)]
struct Busy(Mutex<HashMap<BranchId, DatabaseId>>);

impl Busy {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<BranchId, DatabaseId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a wish up, if there is a place for it. One database never has all places: what it asks for may
    /// take minutes, and others come meanwhile.
    fn take(&self, wish: &Wish, places: usize) -> Taken {
        let mut working = self.lock();
        if working.len() >= places {
            return Taken::Full;
        }
        let of_one = places.saturating_sub(PLACES_FOR_OTHERS.min(places / 2)).max(1);
        let own = working.values().filter(|database| **database == wish.database).count();
        if own >= of_one || working.contains_key(&wish.id) {
            return Taken::NotNow;
        }
        working.insert(wish.id.clone(), wish.database.clone());
        Taken::Now
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Taken {
    Now,
    NotNow,
    Full,
}

/// How long to wait before the next try after so many failures.
pub(super) fn retry_pause(attempts: u32) -> Duration {
    let doubled = RETRY_FIRST_MILLIS.saturating_mul(1 << attempts.min(16));
    Duration::from_millis(doubled.min(RETRY_LONGEST_MILLIS))
}

impl ControlPlane {
    /// Brings wishes about until `stopped` says to end. Runs on a thread of its own and starts one per
    /// wish, up to the operator's limit at once.
    pub(crate) fn run_reconciler(self: &Arc<Self>, stopped: impl Fn() -> bool) {
        let busy = Arc::new(Busy::default());
        while !stopped() {
            if let Err(error) = self.take_up(&busy) {
                tracing::error!(%error, "the wishes could not be read");
            }
            self.nudge.wait(self.next_look());
        }
    }

    /// A wish is durable: somebody should look.
    pub(crate) fn wish_recorded(&self) {
        killpoint::reach("wish.recorded");
        self.nudge.now();
        if let Some(tell) = self.told.get() {
            tell();
        }
    }

    /// Wakes the reconciler, also so that it notices that it shall end.
    pub(crate) fn wake_reconciler(&self) {
        self.nudge.now();
    }

    fn next_look(&self) -> Duration {
        let due = self.store.read(|reader| Ok::<_, Error>(store::next_due(reader)?)).ok().flatten();
        let longest = Duration::from_millis(LOOK_EVERY_MILLIS);
        // What is due already is being worked on, or waits for a worker, who will nudge.
        let soon = due.map(|due| due.since(self.now())).filter(|pause| !pause.is_zero());
        soon.map_or(longest, |pause| pause.min(longest))
    }

    fn take_up(self: &Arc<Self>, busy: &Arc<Busy>) -> Result<()> {
        let now = self.now();
        let wishes =
            self.store.read(|reader| Ok::<_, Error>(store::unsettled(reader, now, WISHES_AT_ONCE)?))?;
        for wish in wishes {
            match busy.take(&wish, self.settings.limits.reconciled_at_once) {
                Taken::Now => {}
                Taken::NotNow => continue,
                Taken::Full => break,
            }
            let (plane, done) = (Arc::clone(self), Arc::clone(busy));
            let id = wish.id.clone();
            let worker = std::thread::Builder::new().name(format!("branch-{id}")).spawn(move || {
                plane.settle(&wish);
                done.lock().remove(&wish.id);
                plane.nudge.now();
            });
            if let Err(error) = worker {
                tracing::error!(%error, "no thread for a branch");
                busy.lock().remove(&id);
            }
        }
        Ok(())
    }

    /// Works on one wish until it is fulfilled or cannot go on for now.
    fn settle(&self, wish: &Wish) {
        // A fault of ours holds up this branch, not its worker's place.
        let tried = catch_unwind(AssertUnwindSafe(|| self.try_to_settle(wish)));
        let outcome =
            tried.unwrap_or_else(|_| Err(Error::Internal("working on it panicked; see the log".to_owned())));
        let (why, pause, counts) = match outcome {
            Ok(Outcome::Settled) => return,
            Ok(Outcome::Waits(why)) => (why, Duration::from_millis(PARENT_PAUSE_MILLIS), false),
            Err(error) => {
                let pause = retry_pause(wish.attempts);
                tracing::warn!(branch = %wish.id, %error, pause_ms = pause.as_millis(), "a branch is not as it should be; trying again");
                (error.to_string(), pause, true)
            }
        };
        let (wish, now) = (wish.clone(), self.now());
        let id = wish.id.clone();
        let recorded = self.store.write(move |tx| store::record_failure(tx, &wish, &why, pause, counts, now));
        if let Err(error) = recorded {
            tracing::error!(branch = %id, %error, "a failure could not be recorded");
            // Its next try is still due: without this it would be taken up again at once, for ever.
            std::thread::sleep(Duration::from_millis(UNRECORDED_PAUSE_MILLIS));
        }
        self.waiting.tell();
    }

    fn try_to_settle(&self, wish: &Wish) -> Result<Outcome> {
        let engine = self.engine()?;
        let spec = self.spec(wish)?;
        if wish.desired == Desired::Running
            && wish.parent.is_some()
            && !wish.parent_ready
            && !wish.schema_ready
        {
            if let Some(parent) = &wish.parent {
                self.wake(parent)?;
            }
            return Ok(Outcome::Waits("waiting for the parent branch to be ready".to_owned()));
        }
        for _ in 0..STEPS_MAX {
            // A wish that has changed meanwhile is somebody else's next look.
            let now = self.store.read(|reader| Ok::<_, Error>(store::wish(reader, &wish.id)?))?;
            if now.is_none_or(|now| now.generation != wish.generation) {
                return Ok(Outcome::Settled);
            }
            let seen = engine.observe(&spec.id).map_err(|error| Error::Unavailable(error.to_string()))?;
            match plan(wish.desired, &spec, &seen) {
                Plan::Settled => {
                    self.record_settled(wish, engine, &seen)?;
                    return Ok(Outcome::Settled);
                }
                Plan::Blocked { why } => return Err(Error::Unavailable(why)),
                // It had rows: a disk that is not mounted must not turn it into an empty branch.
                Plan::Do(Step::CopyTemplate) if wish.schema_ready => {
                    let folder = engine.directory().join("branches").join(wish.id.as_str());
                    return Err(Error::Unavailable(format!(
                        "its files are missing: put {} back, or delete the branch",
                        folder.display()
                    )));
                }
                Plan::Do(Step::StopServer) if spec.asleep && self.is_used_after_all(wish)? => {
                    return Ok(Outcome::Settled);
                }
                Plan::Do(step) => {
                    if step == Step::StopServer && spec.asleep {
                        killpoint::reach("sleep.looked");
                    }
                    if step == Step::Resize {
                        let (wish, now) = (wish.clone(), self.now());
                        self.store.write(move |tx| resizes::record_begun(tx, &wish, now))?;
                        killpoint::reach("resize.begun");
                    }
                    tracing::debug!(branch = %wish.id, step = step.name(), "next step");
                    engine.execute(&spec, step).map_err(|error| Error::Unavailable(error.to_string()))?;
                }
            }
        }
        Err(Error::Internal(format!("no end after {STEPS_MAX} steps")))
    }

    fn spec(&self, wish: &Wish) -> Result<BranchSpec> {
        let size = self.settings.size(&wish.cluster_size).ok_or_else(|| {
            Error::Unavailable(format!(
                "cluster size {} is not configured any more",
                wish.cluster_size.canonical()
            ))
        })?;
        let seed = match &wish.parent {
            Some(parent) if !wish.schema_ready => {
                Seed::SchemaOf { parent: parent.clone(), parent_schema: wish.schema.clone() }
            }
            _ => Seed::Empty,
        };
        Ok(BranchSpec {
            id: wish.id.clone(),
            schema: wish.schema.clone(),
            size: size.clone(),
            seed,
            restarts: wish.restarts,
            accounts: RoleAccounts::new(wish.safe_migrations, |role| {
                PasswordVerifiers::of(self.keys.role_secret(&wish.id, role).expose().as_bytes())
            }),
            asleep: wish.sleep != SleepWish::No,
        })
    }

    fn record_settled(&self, wish: &Wish, engine: &ManagedEngine, seen: &Observation) -> Result<()> {
        let (wish, now) = (wish.clone(), self.now());
        match wish.desired {
            Desired::Gone => {
                killpoint::reach("gone.observed");
                self.remove_passwords_of(&wish.id)?;
                self.store.write(move |tx| store::record_gone(tx, &wish))?;
            }
            Desired::Running if wish.sleep != SleepWish::No => {
                killpoint::reach("asleep.observed");
                self.store.write(move |tx| {
                    resizes::record_completed(tx, &wish, now)?;
                    sleep::record_asleep(tx, &wish)
                })?;
            }
            Desired::Running => {
                // The schema's first look belongs to becoming ready: what is shown then is true.
                let summary = engine.schema_fingerprint(&wish.id, &wish.schema);
                let figures = seen.figures.ok_or_else(|| {
                    Error::Unavailable("its server does not tell its version and size".to_owned())
                })?;
                let version = figures.flavor.to_string();
                killpoint::reach("ready.observed");
                self.store.write(move |tx| {
                    if let Ok(summary) = &summary {
                        store::record_schema(tx, &wish.id, summary.table_count, &summary.fingerprint, now)?;
                    }
                    resizes::record_completed(tx, &wish, now)?;
                    store::record_ready(tx, &wish, &version, now)
                })?;
            }
        }
        self.waiting.tell();
        Ok(())
    }
}

enum Outcome {
    /// There is nothing left to do, or somebody else does it.
    Settled,
    /// Something else must be ready first.
    Waits(String),
}

#[cfg(test)]
mod tests {
    use bough_model::{BranchState, ClusterSizeName, DatabaseName, OrganizationId, RegionSlug};

    use super::*;

    fn wish(id: &str, database: &str) -> Wish {
        Wish {
            id: BranchId::parse(id).expect("an id"),
            organization: OrganizationId::parse("organization").expect("an id"),
            database: DatabaseId::parse(database).expect("an id"),
            schema: DatabaseName::parse("shop").expect("a name"),
            parent: None,
            parent_ready: false,
            region: RegionSlug::parse("local").expect("a slug"),
            cluster_size: ClusterSizeName::parse("PS_DEV").expect("a size"),
            desired: Desired::Running,
            generation: 1,
            state: BranchState::Pending,
            schema_ready: false,
            attempts: 0,
            restarts: 0,
            safe_migrations: false,
            sleep: SleepWish::No,
            sleep_after_s: None,
            production: false,
            used_at: None,
        }
    }

    #[test]
    fn one_database_does_not_take_all_places() {
        let busy = Busy::default();
        let (one, other) = ("aaaaaaaaaaaa", "bbbbbbbbbbbb");
        for id in ["branchaaaaa1", "branchaaaaa2", "branchaaaaa3", "branchaaaaa4"] {
            assert_eq!(busy.take(&wish(id, one), 6), Taken::Now);
        }
        assert_eq!(busy.take(&wish("branchaaaaa5", one), 6), Taken::NotNow, "two are for others");
        assert_eq!(busy.take(&wish("branchbbbbb1", other), 6), Taken::Now);
        assert_eq!(busy.take(&wish("branchbbbbb1", other), 6), Taken::NotNow, "once");
        assert_eq!(busy.take(&wish("branchbbbbb2", other), 6), Taken::Now);
        assert_eq!(busy.take(&wish("branchbbbbb3", other), 6), Taken::Full);
        // Where there is one place only, whoever comes takes it.
        assert_eq!(Busy::default().take(&wish("branchaaaaa1", one), 1), Taken::Now);
    }

    #[test]
    fn pauses_grow_and_are_bounded() {
        assert_eq!(retry_pause(0), Duration::from_millis(250));
        assert_eq!(retry_pause(1), Duration::from_millis(500));
        assert_eq!(retry_pause(60), Duration::from_secs(30));
    }
}
