//! Counting requests where they end: a lock that hardly anybody else holds, and a few additions. What was
//! counted waits to be added to the rows; how much waits is bounded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bough_model::{Timestamp, TokenId};
use bough_store::figures::{self as store, Hour, LATENCY_BOUNDS_MICROS, Requests};
use bough_store::{Store, StoreError};

use crate::{Authenticated, ControlPlane};

/// Most tokens whose requests wait to be added.
const WAITING_MAX: usize = 100_000;
/// Tokens whose requests are added in one go: nobody's write waits behind all of them.
const ADDED_AT_ONCE: usize = 200;

/// The requests of a service token that are not in its rows yet.
#[derive(Debug)]
pub struct Counter {
    token: TokenId,
    requests: Mutex<Requests>,
}

impl Counter {
    pub(crate) fn new(token: TokenId) -> Arc<Self> {
        Arc::new(Self { token, requests: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Requests {
        std::mem::take(&mut *self.lock())
    }
}

fn class(micros: u64) -> usize {
    LATENCY_BOUNDS_MICROS
        .iter()
        .position(|bound| micros <= u64::from(*bound))
        .unwrap_or(LATENCY_BOUNDS_MICROS.len())
}

/// The counters that hold something.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    waiting: Mutex<Vec<Arc<Counter>>>,
    dropped: AtomicU64,
}

impl Counting {
    fn answered(&self, counter: &Arc<Counter>, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut requests = counter.lock();
        let first = requests.count == 0;
        requests.count += 1;
        requests.micros_sum = requests.micros_sum.saturating_add(micros);
        requests.micros_max = requests.micros_max.max(micros);
        requests.took[class(micros)] += 1;
        drop(requests);
        // Once for all requests until they are added.
        if first {
            self.wait_for(counter);
        }
    }

    fn wait_for(&self, counter: &Arc<Counter>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING_MAX {
            waiting.push(Arc::clone(counter));
            return;
        }
        drop(waiting);
        self.dropped.fetch_add(counter.take().count, Ordering::Relaxed);
    }

    /// How many requests were not counted because too many tokens waited, or the store failed.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Adds what waits to the rows of the hour. A request that ended just before the hour did may be added to
    /// the next one.
    pub(crate) fn add(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let hour = Hour::of(now);
        let mut failed = Ok(());
        for some in waiting.chunks(ADDED_AT_ONCE) {
            let counted: Vec<_> =
                some.iter().map(|counter| (counter.token.clone(), counter.take())).collect();
            let count: u64 = counted.iter().map(|(_, requests)| requests.count).sum();
            let added = store.write(move |tx| {
                counted
                    .iter()
                    .try_for_each(|(token, requests)| store::add_requests(tx, token, hour, requests))
            });
            if let Err(error) = added {
                self.dropped.fetch_add(count, Ordering::Relaxed);
                failed = Err(error);
            }
        }
        failed
    }
}

impl ControlPlane {
    /// Counts a request of a service token that is being answered.
    pub fn count_answer(&self, counter: &Arc<Counter>, took: Duration) {
        self.recorder.counting().answered(counter, took);
    }

    /// Counts that a request was refused for want of an access; the request itself is counted when it is
    /// answered.
    pub fn count_refusal(&self, who: &Authenticated) {
        who.counter().lock().refusals += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(name: &str) -> Arc<Counter> {
        Counter::new(TokenId::parse(name).expect("an id"))
    }

    #[test]
    fn classes_begin_above_their_lower_bound() {
        assert_eq!(
            [class(0), class(100), class(101), class(10_000_000), class(10_000_001)],
            [0, 0, 1, 10, 11]
        );
    }

    #[test]
    fn a_counter_waits_once_until_it_is_taken() {
        let (counting, one) = (Counting::default(), counter("tokenaaaaaaa"));
        for micros in [50, 200, 7] {
            counting.answered(&one, Duration::from_micros(micros));
        }
        assert_eq!(counting.waiting.lock().expect("no panic").len(), 1);
        let taken = one.take();
        assert_eq!((taken.count, taken.micros_sum, taken.micros_max), (3, 257, 200));
        assert_eq!(taken.took[..2], [2, 1]);
        counting.answered(&one, Duration::MAX);
        assert_eq!(counting.waiting.lock().expect("no panic").len(), 2);
        assert_eq!(one.take().took[LATENCY_BOUNDS_MICROS.len()], 1);
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_dropped_is_counted() {
        let (counting, one) = (Counting::default(), counter("tokenaaaaaaa"));
        counting.waiting.lock().expect("no panic").resize(WAITING_MAX, Arc::clone(&one));
        let late = counter("tokenbbbbbbb");
        counting.answered(&late, Duration::ZERO);
        counting.answered(&late, Duration::ZERO);
        assert_eq!(counting.dropped(), 2);
        assert_eq!(late.take(), Requests::default(), "nothing is kept that nobody will take");
        assert_eq!(counting.waiting.lock().expect("no panic").len(), WAITING_MAX);
    }
}
