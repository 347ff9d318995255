//! Passwords that end: how long they may live, how long they are still shown afterwards, and their removal.

use std::time::Duration;

use bough_model::{BranchId, Timestamp};
use bough_store::passwords::{self as store, Lifetime, PasswordRow};

use crate::{ControlPlane, Error, Result};

/// Longest life of a password that ends, in seconds: ten years.
const TTL_MAX_SECONDS: i64 = 10 * 366 * 24 * 3600;
/// One that has expired is shown, and can be renewed, for as long as it lived; at least so many seconds.
const SHOWN_MIN_SECONDS: i64 = 60;
/// And at most so many: a week. So there are never more that have expired than there were of such a life.
const SHOWN_MAX_SECONDS: i64 = 7 * 24 * 3600;
/// What clients name the passwords that they make for the time that they run (contract: conventions.md §8).
const CLIENT_PREFIX: &str = "pscale-cli-";
/// Longest life of such a one, in seconds.
const EPHEMERAL_MAX_SECONDS: i64 = 3600;
/// Passwords removed in one go.
const REMOVED_AT_ONCE: u32 = 500;
/// How often some are removed one after the other before other work gets a turn.
const REMOVALS_IN_A_ROW: u32 = 20;

/// How long a password is to live; `None` for ever.
///
/// # Errors
/// [`Error::Invalid`] when it is negative or longer than ten years.
pub(super) fn parse_ttl(ttl: Option<i64>) -> Result<Option<i64>> {
    match ttl {
        None | Some(0) => Ok(None),
        Some(seconds) if (1..=TTL_MAX_SECONDS).contains(&seconds) => Ok(Some(seconds)),
        Some(seconds) => Err(Error::Invalid(format!(
            "ttl is {seconds}, but must be between 0 (never ends) and {TTL_MAX_SECONDS} seconds (ten years)"
        ))),
    }
}

/// A life of so many seconds from now.
pub(super) fn lifetime(seconds: i64, now: Timestamp) -> Lifetime {
    let after = |seconds: i64| Duration::from_secs(seconds.unsigned_abs());
    let expires_at = now.plus(after(seconds));
    let shown = seconds.clamp(SHOWN_MIN_SECONDS, SHOWN_MAX_SECONDS);
    Lifetime { seconds, expires_at, removed_at: expires_at.plus(after(shown)) }
}

/// Whether a client makes it for the time that it runs.
pub(super) fn is_ephemeral(name: &str, ttl_seconds: Option<i64>) -> bool {
    name.starts_with(CLIENT_PREFIX) && ttl_seconds.is_some_and(|seconds| seconds <= EPHEMERAL_MAX_SECONDS)
}

/// Whether a password has expired: it opens nothing any more.
pub fn is_expired(password: &PasswordRow, now: Timestamp) -> bool {
    password.expires_at.is_some_and(|ends| ends <= now)
}

impl ControlPlane {
    /// Removes what is left of passwords that have expired some time ago, a few at a time.
    ///
    /// # Errors
    /// When the store fails.
    pub fn sweep_passwords(&self) -> Result<()> {
        for _ in 0..REMOVALS_IN_A_ROW {
            let now = self.now();
            if !self.store.read(|reader| Ok::<_, Error>(store::any_ended(reader, now)?))? {
                return Ok(());
            }
            self.store.write(move |tx| store::remove_ended(tx, now, REMOVED_AT_ONCE))?;
        }
        Ok(())
    }

    /// Removes what is left of the passwords of a branch that is to be gone, a few at a time.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn remove_passwords_of(&self, branch: &BranchId) -> Result<()> {
        loop {
            let id = branch.clone();
            let removed = self.store.write(move |tx| store::remove_of_gone(tx, &id, REMOVED_AT_ONCE))?;
            if removed < REMOVED_AT_ONCE as usize {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_have_bounds_and_so_has_what_is_left_of_them() {
        assert_eq!(parse_ttl(None).expect("none"), None);
        assert_eq!(parse_ttl(Some(0)).expect("for ever"), None);
        assert_eq!(parse_ttl(Some(300)).expect("five minutes"), Some(300));
        assert_eq!(parse_ttl(Some(TTL_MAX_SECONDS)).expect("ten years"), Some(TTL_MAX_SECONDS));
        for wrong in [-1, TTL_MAX_SECONDS + 1, 1_000_000_000_000, i64::MAX, i64::MIN] {
            assert!(parse_ttl(Some(wrong)).is_err(), "{wrong}");
        }
        let now = Timestamp::from_micros(0);
        let shown = |seconds| {
            let lifetime = lifetime(seconds, now);
            assert_eq!(lifetime.expires_at.since(now).as_secs(), seconds.unsigned_abs());
            lifetime.removed_at.since(lifetime.expires_at).as_secs()
        };
        assert_eq!((shown(1), shown(300), shown(TTL_MAX_SECONDS)), (60, 300, 604_800));
    }

    #[test]
    fn what_clients_make_for_themselves_is_told_by_name_and_life() {
        let name = "pscale-cli-connect-2024-05-01-abc123";
        assert!(is_ephemeral(name, Some(300)));
        assert!(
            !is_ephemeral(name, None) && !is_ephemeral(name, Some(86_400)) && !is_ephemeral("app", Some(300))
        );
    }
}
