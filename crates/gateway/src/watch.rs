//! Watching for passwords that end: sessions are cut within a second.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use bough_model::Timestamp;
use tokio::time::{Instant, sleep_until};

use crate::counters::count;
use crate::gateway::Inner;
use crate::registry::{Order, Shared};

/// From one look at all live passwords to the next, at least: many changes at once cost one look, in milliseconds.
const LOOK_PAUSE_MS: u64 = 50;
/// Where a look takes long, so many times as long; but never longer than this, in milliseconds, so that
/// sessions are cut within a second all the same.
const LOOK_PAUSE_TIMES: u32 = 4;
const LOOK_PAUSE_MAX_MS: u64 = 400;
/// A look that could not be had is tried again after so long, in milliseconds.
const RETRY_MS: u64 = 500;
/// Without any change all is looked at after so long, in seconds: a clock may be set.
const LOOK_AT_LEAST_S: u64 = 60;

pub(crate) fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

/// Runs until the gateway is gone.
pub(crate) async fn watch(gateway: Weak<Inner>) {
    let Some(inner) = gateway.upgrade() else { return };
    let mut changes = inner.directory.changes();
    let mut stopping = inner.stopping.subscribe();
    let registry = Arc::clone(&inner.registry);
    drop(inner);
    let mut directory_is_gone = false;
    loop {
        changes.mark_unchanged();
        let began = Instant::now();
        let Some(inner) = gateway.upgrade() else { return };
        // The directory may have to read from a disk.
        let looked = tokio::task::spawn_blocking(move || look(&inner)).await.unwrap_or(false);
        let pause = (began.elapsed() * LOOK_PAUSE_TIMES)
            .clamp(Duration::from_millis(LOOK_PAUSE_MS), Duration::from_millis(LOOK_PAUSE_MAX_MS));
        let next =
            if looked { Duration::from_secs(LOOK_AT_LEAST_S) } else { Duration::from_millis(RETRY_MS) };
        loop {
            let mut entered = std::pin::pin!(registry.changed.notified());
            entered.as_mut().enable();
            let expires = registry.next_expiry().map(|at| at.since(now()));
            let wake = Instant::now() + expires.map_or(next, |expires| expires.min(next));
            tokio::select! {
                changed = changes.changed(), if !directory_is_gone => {
                    directory_is_gone = changed.is_err();
                    break;
                }
                () = sleep_until(wake) => break,
                // Only when the next password expires may be another time now.
                () = entered => {}
                _ = stopping.changed() => {
                    if gateway.strong_count() == 0 {
                        return;
                    }
                }
            }
        }
        sleep_until(began + pause).await;
    }
}

/// Looks every live password up and cuts what it does not hold any more. False when one could not be looked up.
fn look(inner: &Inner) -> bool {
    let mut whole = true;
    for (password, username) in inner.registry.passwords() {
        let Ok(found) = inner.directory.credential(&username) else {
            whole = false;
            continue;
        };
        let found = found.filter(|found| found.password == password);
        let expires_at = found.as_ref().and_then(|found| found.expires_at);
        for session in inner.registry.sessions_of(&password, expires_at) {
            if !holds(found.as_ref(), &session) && session.order() < Order::Cut {
                cut(inner, &session);
            }
        }
    }
    whole
}

/// Looks the password of one session up; one that cannot be looked up is left to the next look.
pub(crate) fn look_again(inner: &Inner, session: &Shared) {
    if let Ok(found) = inner.directory.credential(&session.username)
        && !holds(found.as_ref(), session)
    {
        cut(inner, session);
    }
}

fn cut(inner: &Inner, session: &Shared) {
    count(&inner.counters.cut);
    session.tell(Order::Cut);
}

/// Whether a session may go on with what is known of its password now.
fn holds(found: Option<&crate::directory::Credential>, session: &Shared) -> bool {
    found.is_some_and(|found| {
        let same = found.password == session.password
            && found.branch == session.branch
            && found.role == session.role;
        let expired = found.expires_at.is_some_and(|at| at <= now());
        same && !expired && found.cidrs.admits(session.address)
    })
}
