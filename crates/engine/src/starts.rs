//! A bound for servers that start at once: each start costs a processor and bursts of disk writes, and a
//! hundred at once would all be late.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Counts the free places.
#[derive(Debug)]
pub struct Starts {
    free: Mutex<usize>,
    one_free: Condvar,
}

/// A place among the starting servers; given back when dropped.
#[derive(Debug)]
pub struct StartPermit<'a>(&'a Starts);

impl Starts {
    /// With room for `at_once`, at least one.
    pub fn new(at_once: usize) -> Self {
        Self { free: Mutex::new(at_once.max(1)), one_free: Condvar::new() }
    }

    /// Waits for a place, `limit` at most; `None` when none came free.
    pub fn take(&self, limit: Duration) -> Option<StartPermit<'_>> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut free, _) = self
            .one_free
            .wait_timeout_while(free, limit, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        if *free == 0 {
            return None;
        }
        *free -= 1;
        Some(StartPermit(self))
    }
}

impl Drop for StartPermit<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.one_free.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_back_who_comes_too_many() {
        let starts = Starts::new(1);
        let first = starts.take(Duration::ZERO).expect("a place");
        assert!(starts.take(Duration::from_millis(1)).is_none());
        drop(first);
        assert!(starts.take(Duration::ZERO).is_some());
    }
}
