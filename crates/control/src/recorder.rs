//! Writes down refusals, usage and figures, off the path of requests: a request that is refused must not
//! take longer, or shorter, for being recorded. What waits is bounded; when too much waits, the newest
//! is dropped and counted.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, PoisonError};
use std::time::Duration;

use bough_model::{DatabaseId, PasswordId, SessionId, Timestamp, TokenId};
use bough_policy::{Access, AccessSet};
use bough_store::denials::NewDenial;
use bough_store::{Store, StoreError, denials, sessions, usage};

use crate::figures::Counting;

/// How often what waits is written, in milliseconds. A first use shows within five seconds.
const WRITE_EVERY_MILLIS: u64 = 1_000;
/// Every how many of these figures are written: each writing has everybody look anew at the store.
const FIGURES_EVERY_WRITES: u64 = 5;
/// Most refusals that wait.
const DENIALS_MAX: usize = 2_000;
/// Refusals written in one go.
const DENIALS_AT_ONCE: usize = 50;
/// Most uses that wait.
const USES_MAX: usize = 100_000;
/// Most sessions whose use waits.
const SEEN_MAX: usize = 10_000;
/// Most passwords whose use waits.
const PASSWORDS_MAX: usize = 100_000;
/// Uses of passwords written in one go.
const PASSWORDS_AT_ONCE: usize = 500;

type Use = (TokenId, Option<DatabaseId>);

#[derive(Default)]
struct Waiting {
    denials: Vec<NewDenial>,
    uses: HashMap<Use, (AccessSet, Timestamp)>,
    seen: HashMap<SessionId, Timestamp>,
    passwords: HashMap<PasswordId, Timestamp>,
}

/// What waits to be written down.
#[derive(Clone)]
pub struct Recorder {
    waiting: Arc<(Mutex<Waiting>, Condvar)>,
    dropped: Arc<AtomicU64>,
    stopping: Arc<AtomicBool>,
    counting: Arc<Counting>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Arc::default(),
            dropped: Arc::default(),
            stopping: Arc::default(),
            counting: Arc::default(),
        }
    }

    pub(crate) fn used(&self, token: TokenId, database: Option<DatabaseId>, used: AccessSet, now: Timestamp) {
        let mut waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.uses.len() >= USES_MAX {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let entry = waiting.uses.entry((token, database)).or_insert((AccessSet::EMPTY, now));
        *entry = (entry.0.union(used), now);
    }

    pub(crate) fn seen(&self, session: SessionId, now: Timestamp) {
        let mut waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.seen.len() >= SEEN_MAX {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.seen.insert(session, now);
    }

    pub(crate) fn password_used(&self, password: PasswordId, now: Timestamp) {
        let mut waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.passwords.len() >= PASSWORDS_MAX {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.passwords.insert(password, now);
    }

    pub(crate) fn denied(&self, denial: NewDenial) {
        let mut waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.denials.len() >= DENIALS_MAX {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.denials.push(denial);
    }

    pub(crate) fn counting(&self) -> &Counting {
        &self.counting
    }

    /// How many refusals, uses and counts of requests were dropped because too many waited.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed) + self.counting.dropped()
    }

    /// Writes what waits, again and again, until [`Recorder::stop`]. Runs on a thread of its own; `now` tells
    /// the time.
    pub fn run(&self, store: &Store, now: impl Fn() -> Timestamp) {
        let mut writes: u64 = 0;
        loop {
            let stopping = self.stopping.load(Ordering::Acquire);
            if let Err(error) = self.flush(store) {
                tracing::warn!(%error, "refusals and usage could not be written; they are dropped");
            }
            writes += 1;
            if (stopping || writes.is_multiple_of(FIGURES_EVERY_WRITES))
                && let Err(error) = self.counting.add(store, now())
            {
                tracing::warn!(%error, "figures of requests could not be written; they are dropped");
            }
            if stopping {
                return;
            }
            let waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
            let pause = Duration::from_millis(WRITE_EVERY_MILLIS);
            drop(
                self.waiting.1.wait_timeout_while(waiting, pause, |_| !self.stopping.load(Ordering::Acquire)),
            );
        }
    }

    /// Ends [`Recorder::run`] after one last write.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.waiting.1.notify_all();
    }

    fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let taken = {
            let mut waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        // A few at a time: nobody's write waits behind all of them.
        let mut passwords: Vec<(PasswordId, Timestamp)> = taken.passwords.into_iter().collect();
        while !passwords.is_empty() {
            let rest = passwords.split_off(passwords.len().min(PASSWORDS_AT_ONCE));
            store.write(move |tx| {
                passwords.iter().try_for_each(|(id, at)| usage::password_used(tx, id, *at))
            })?;
            passwords = rest;
        }
        if taken.denials.is_empty() && taken.uses.is_empty() && taken.seen.is_empty() {
            return Ok(());
        }
        let mut denials = taken.denials;
        while !denials.is_empty() {
            let rest = denials.split_off(denials.len().min(DENIALS_AT_ONCE));
            store.write(move |tx| denials.iter().try_for_each(|denial| denials::record(tx, denial)))?;
            denials = rest;
        }
        store.write(move |tx| {
            for (session, at) in &taken.seen {
                sessions::seen(tx, session, *at)?;
            }
            let mut written: HashSet<&TokenId> = HashSet::new();
            for ((token, database), (used, at)) in &taken.uses {
                if written.insert(token) {
                    usage::token_used(tx, token, *at)?;
                }
                let accesses: Vec<Access> = used.iter().collect();
                for access in accesses {
                    usage::access_needed(tx, token, access, database.as_ref(), *at)?;
                }
            }
            Ok(())
        })
    }
}
