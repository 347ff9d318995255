//! How often somebody may try to log in. Failures are counted for an account from an address, and for an
//! address whatever the account; never for an account from everywhere, for then anybody could lock anybody
//! out. After a few the next try has to wait, each time twice as long, up to a limit. Whoever comes from
//! an address that has no failures of its own is not made to wait by what others do, and whoever has
//! logged in from an address before is not made to wait by what others there do with other accounts.
//!
//! Pure: the time comes in. Memory is bounded; when it is full, those with the fewest failures go first.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use bough_model::{Digest, Timestamp, neighbourhood};

/// Failures for one account from one address before the next try has to wait.
const FREE_TRIES: u32 = 5;
/// As many again for who has logged in to it from there before.
const FREE_TRIES_KNOWN: u32 = 10;
/// Failures from one address, whatever the account. Many people may share it.
const FREE_TRIES_ADDRESS: u32 = 20;
/// Longest pause for an account from an address, in seconds.
const PAUSE_MAX_SECONDS: u64 = 900;
/// Longest pause for an address, in seconds: those who share it with somebody who guesses wait no longer.
const PAUSE_ADDRESS_MAX_SECONDS: u64 = 60;
/// Failures are forgotten when there was none for so long, in seconds. Longer than any pause.
const FORGOTTEN_AFTER_SECONDS: u64 = 3_600;
/// Most accounts-from-addresses, and most addresses, that failures are kept of.
const KEPT_MAX: usize = 50_000;
/// Most accounts-from-addresses that are known to have logged in.
const KNOWN_MAX: usize = 50_000;
/// When one of these is full, one in so many of it is forgotten.
const FORGOTTEN_AT_ONCE: usize = 10;

/// An account from an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attempt {
    /// What is kept of the e-mail address.
    account: [u8; 32],
    from: IpAddr,
}

impl Attempt {
    /// `email` as it is kept in the store.
    pub(super) fn new(email: &str, address: IpAddr) -> Self {
        Self { account: *Digest::of(email.as_bytes()).as_bytes(), from: neighbourhood(address) }
    }
}

/// Failures of one that is counted.
#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl Failures {
    fn are_forgotten(&self, now: Timestamp) -> bool {
        now.since(self.last) >= Duration::from_secs(FORGOTTEN_AFTER_SECONDS)
    }
}

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    accounts: HashMap<Attempt, Failures>,
    addresses: HashMap<IpAddr, Failures>,
    known: HashMap<Attempt, Timestamp>,
}

impl Throttle {
    /// Admits a try, or says how long to wait. What is admitted counts as failed until
    /// [`Throttle::succeeded`] or [`Throttle::not_tried`], so that many at once are counted, too.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn admit(&mut self, attempt: &Attempt, now: Timestamp) -> Result<(), Duration> {
        let known = self.knows(attempt);
        let free = if known { FREE_TRIES_KNOWN } else { FREE_TRIES };
        let account = wait(self.accounts.get(attempt), free, PAUSE_MAX_SECONDS, now);
        let address = match known {
            true => Duration::ZERO,
            false => {
                let failures = self.addresses.get(&attempt.from);
                wait(failures, FREE_TRIES_ADDRESS, PAUSE_ADDRESS_MAX_SECONDS, now)
            }
        };
        let longest = account.max(address);
        if !longest.is_zero() {
            return Err(longest);
        }
        count(&mut self.accounts, attempt.clone(), now);
        count(&mut self.addresses, attempt.from, now);
        Ok(())
    }

    /// It was the right password: what failed before for that account from there is forgotten. What failed
    /// from there with other accounts is not.
    pub(super) fn succeeded(&mut self, attempt: &Attempt, now: Timestamp) {
        self.accounts.remove(attempt);
        take_back(&mut self.addresses, &attempt.from);
        self.remember(attempt.clone(), now);
    }

    /// It was admitted, and did not come to be tried.
    pub(super) fn not_tried(&mut self, attempt: &Attempt) {
        take_back(&mut self.accounts, attempt);
        take_back(&mut self.addresses, &attempt.from);
    }

    /// Whether that account was logged in to from there before.
    pub(super) fn knows(&self, attempt: &Attempt) -> bool {
        self.known.contains_key(attempt)
    }

    /// That account was logged in to from there.
    pub(super) fn remember(&mut self, attempt: Attempt, at: Timestamp) {
        if self.known.len() >= KNOWN_MAX && !self.known.contains_key(&attempt) {
            drop_some(&mut self.known, |at| *at);
        }
        self.known.insert(attempt, at);
    }
}

/// How long somebody has to wait.
fn wait(failures: Option<&Failures>, free: u32, most_seconds: u64, now: Timestamp) -> Duration {
    let Some(failures) = failures.filter(|failures| !failures.are_forgotten(now)) else {
        return Duration::ZERO;
    };
    let Some(beyond) = failures.count.checked_sub(free) else { return Duration::ZERO };
    let seconds = 1_u64.checked_shl(beyond).unwrap_or(u64::MAX).min(most_seconds);
    // A clock that was put back makes nobody wait longer than that.
    Duration::from_secs(seconds).saturating_sub(now.since(failures.last))
}

fn count<K: Hash + Eq + Clone>(counted: &mut HashMap<K, Failures>, key: K, now: Timestamp) {
    if counted.len() >= KEPT_MAX && !counted.contains_key(&key) {
        counted.retain(|_, failures| !failures.are_forgotten(now));
        if counted.len() >= KEPT_MAX {
            drop_some(counted, |failures| (failures.count, failures.last));
        }
    }
    let failures = counted.entry(key).or_insert(Failures { count: 0, last: now });
    if failures.are_forgotten(now) {
        failures.count = 0;
    }
    *failures = Failures { count: failures.count.saturating_add(1), last: now };
}

fn take_back<K: Hash + Eq>(counted: &mut HashMap<K, Failures>, key: &K) {
    let Some(failures) = counted.get_mut(key) else { return };
    failures.count = failures.count.saturating_sub(1);
    if failures.count == 0 {
        counted.remove(key);
    }
}

/// Forgets the smallest ones.
fn drop_some<K: Hash + Eq + Clone, V, R: Ord>(kept: &mut HashMap<K, V>, rank: impl Fn(&V) -> R) {
    let mut ranked: Vec<(R, K)> = kept.iter().map(|(key, value)| (rank(value), key.clone())).collect();
    let some = (ranked.len() / FORGOTTEN_AT_ONCE).max(1).min(ranked.len());
    if some == 0 {
        return;
    }
    ranked.select_nth_unstable_by(some - 1, |(one, _), (other, _)| one.cmp(other));
    for (_, key) in &ranked[..some] {
        kept.remove(key);
    }
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
