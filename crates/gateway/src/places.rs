//! Places: so many connections in all, for one address, for one password, and so many that have not logged in.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bough_model::{PasswordId, neighbourhood};
use tokio::sync::Notify;

/// Locks; what a panic has left behind is counts, which stay right.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts what is held for each key, up to so many.
#[derive(Debug)]
struct Counted<K> {
    max: usize,
    held: Mutex<HashMap<K, usize>>,
}

impl<K: Eq + Hash + Clone> Counted<K> {
    fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max: max.max(1), held: Mutex::default() })
    }

    fn take(self: &Arc<Self>, key: K) -> Option<Held<K>> {
        let mut held = lock(&self.held);
        let count = held.entry(key.clone()).or_insert(0);
        // One that is not there has just been made 0, and so many is at least 1: no empty entry stays.
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Held { of: Arc::clone(self), key })
    }
}

/// A place that is held until this is dropped.
#[derive(Debug)]
pub(crate) struct Held<K: Eq + Hash + Clone> {
    of: Arc<Counted<K>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Drop for Held<K> {
    fn drop(&mut self) {
        let mut held = lock(&self.of.held);
        if let Some(count) = held.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.key);
            }
        }
    }
}

/// All places.
#[derive(Debug)]
pub(crate) struct Places {
    open: Arc<AtomicUsize>,
    max: usize,
    addresses: Arc<Counted<IpAddr>>,
    passwords: Arc<Counted<PasswordId>>,
    logins: Arc<Logins>,
}

/// A connection's place among all.
#[derive(Debug)]
pub(crate) struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Places {
    pub(crate) fn new(max: usize, per_address: usize, per_password: usize, logins: usize) -> Self {
        Self {
            open: Arc::default(),
            max: max.max(1),
            addresses: Counted::new(per_address),
            passwords: Counted::new(per_password),
            logins: Arc::new(Logins { max: logins.max(1), waiting: Mutex::default() }),
        }
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// One among all connections.
    pub(crate) fn seat(&self) -> Option<Seat> {
        let taken = self.open.fetch_add(1, Ordering::AcqRel);
        let seat = Seat(Arc::clone(&self.open));
        (taken < self.max).then_some(seat)
    }

    /// One among those of an address.
    pub(crate) fn of_address(&self, address: IpAddr) -> Option<Held<IpAddr>> {
        self.addresses.take(neighbourhood(address))
    }

    /// One among those of a password.
    pub(crate) fn of_password(&self, password: &PasswordId) -> Option<Held<PasswordId>> {
        self.passwords.take(password.clone())
    }

    /// One among those who have not logged in. There always is one: whoever has been at it for longest gives way.
    pub(crate) fn login(&self) -> LoggingIn {
        self.logins.enter()
    }
}

#[derive(Debug)]
struct Logins {
    max: usize,
    /// In the order in which they came.
    waiting: Mutex<(u64, BTreeMap<u64, Arc<Notify>>)>,
}

/// A client that has not logged in.
#[derive(Debug)]
pub(crate) struct LoggingIn {
    of: Arc<Logins>,
    number: u64,
    give_way: Arc<Notify>,
}

impl Logins {
    fn enter(self: &Arc<Self>) -> LoggingIn {
        let give_way = Arc::new(Notify::new());
        let mut waiting = lock(&self.waiting);
        if waiting.1.len() >= self.max
            && let Some((_, first)) = waiting.1.pop_first()
        {
            first.notify_one();
        }
        waiting.0 += 1;
        let number = waiting.0;
        waiting.1.insert(number, Arc::clone(&give_way));
        LoggingIn { of: Arc::clone(self), number, give_way }
    }
}

impl LoggingIn {
    /// Resolves when somebody else needs the place.
    pub(crate) async fn must_give_way(&self) {
        self.give_way.notified().await;
    }
}

impl Drop for LoggingIn {
    fn drop(&mut self) {
        lock(&self.of.waiting).1.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let places = Places::new(2, 1, 1, 1);
        let first = places.seat().expect("a seat");
        let _second = places.seat().expect("a seat");
        assert!(places.seat().is_none());
        assert_eq!(places.open(), 2, "the one that was not given is not counted");
        drop(first);
        assert!(places.seat().is_some());
        let address = IpAddr::from([192, 0, 2, 1]);
        let held = places.of_address(address).expect("a place");
        assert!(places.of_address(address).is_none());
        assert!(places.of_address(IpAddr::from([192, 0, 2, 2])).is_some());
        drop(held);
        assert!(places.of_address(address).is_some());
        assert!(lock(&places.addresses.held).is_empty(), "nothing stays behind");
    }

    #[test]
    fn whoever_has_been_at_it_for_longest_gives_way() {
        let places = Places::new(9, 9, 9, 2);
        let (first, second) = (places.login(), places.login());
        let _third = places.login();
        let gives_way = |login: &LoggingIn| {
            let mut waiting = std::pin::pin!(login.must_give_way());
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            waiting.as_mut().poll(&mut cx).is_ready()
        };
        assert!(gives_way(&first) && !gives_way(&second));
        drop(second);
        let fourth = places.login();
        assert!(!gives_way(&fourth));
    }
}
