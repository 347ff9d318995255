//! For tests only: a real Bough with real branch servers in a directory of its own, actors that call
//! it over HTTP, and waiting for conditions.
//!
//! What a test started ends with the test, also when it fails: dropping a [`Bough`] kills the process,
//! stops its branch servers and removes its directory.

mod client;
mod dice;
mod server;
mod wire;

pub use client::{Answer, Client};
pub use dice::Dice;
pub use server::{Bough, Options, Token};
pub use wire::{Raw, RawAnswer, Wire};

use std::time::{Duration, Instant};

/// Waits until `condition` answers something, looking every 20 ms.
///
/// # Panics
/// When it does not within `limit`; `what` says what was waited for.
pub fn wait_until<T>(limit: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(started.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
