//! Passwords: how they are hashed and compared, and how many at once. The only place that hashes them.

use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use bough_model::Secret;

use crate::random::bytes;
use crate::{Error, Result};

/// Shortest password, in characters.
const PASSWORD_MIN: usize = 12;
/// Longest password, in bytes; hashing a longer one would only cost time.
const PASSWORD_MAX: usize = 1_024;
/// Hashes that are computed at once for whoever comes: each takes a processor and 19 MiB for a while.
const HASHES_AT_ONCE: usize = 2;
/// How many more for those who have logged in before from where they are.
const HASHES_FOR_KNOWN: usize = 1;
/// Most who wait for their turn.
const WAITING_MAX: usize = 32;
/// Longest wait for a turn, in seconds.
pub(super) const WAIT_LIMIT_SECONDS: u64 = 3;

/// What unknown people's passwords are compared with, so that it takes as long as with known ones.
static NOBODYS: LazyLock<String> = LazyLock::new(|| {
    hash(&new_password()).unwrap_or_else(|error| panic!("a password can be hashed: {error}"))
});

/// A password that nobody has chosen: 20 characters, 100 random bits, no letter that looks like
/// another.
pub fn new_password() -> Secret<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789A";
    let random: [u8; 20] = bytes();
    Secret::new(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect())
}

/// The hash of a password that somebody wants to have.
///
/// # Errors
/// [`Error::Invalid`] when the password cannot be.
pub(crate) fn hash(password: &Secret<String>) -> Result<String> {
    check(password)?;
    let hashed = Argon2::default().hash_password(password.expose().as_bytes());
    hashed.map(|hash| hash.to_string()).map_err(|error| Error::Internal(format!("hashing failed: {error}")))
}

/// Whether a password can be one that somebody wants to have.
///
/// # Errors
/// [`Error::Invalid`] when it cannot.
pub(super) fn check(password: &Secret<String>) -> Result<()> {
    let text = password.expose();
    if text.chars().count() < PASSWORD_MIN {
        return Err(Error::Invalid(format!("a password has {PASSWORD_MIN} characters or more")));
    }
    if text.len() > PASSWORD_MAX {
        return Err(Error::Invalid(format!("a password has at most {PASSWORD_MAX} bytes")));
    }
    Ok(())
}

/// Whether a password is the one of a hash; of nobody's where there is none, which it never is.
pub(super) fn fits(password: &Secret<String>, of: Option<&str>) -> bool {
    let text = password.expose().as_bytes();
    // What is too long was never accepted. It takes as long as another all the same.
    let (text, whole) = if text.len() > PASSWORD_MAX { (&text[..PASSWORD_MAX], false) } else { (text, true) };
    let same = Argon2::default().verify_password(text, of.unwrap_or(&NOBODYS)).is_ok();
    same & whole & of.is_some()
}

/// Makes what [`fits`] compares unknown people's passwords with, if it is not there yet: the first of them
/// shall not wait longer than the others.
pub(super) fn prepare() {
    LazyLock::force(&NOBODYS);
}

/// Lets so many hash at once. Others wait, not too many and not too long.
#[derive(Default)]
pub(super) struct Gate {
    inside: Mutex<Inside>,
    freed: Condvar,
}

#[derive(Default)]
struct Inside {
    hashing: usize,
    waiting: usize,
}

/// The right to hash. Ends when it is dropped.
pub(super) struct Turn<'a>(&'a Gate);

impl Gate {
    /// A turn, now or soon; `None` when too many wait, or it took too long.
    pub(super) fn enter(&self, known: bool) -> Option<Turn<'_>> {
        self.enter_within(known, Duration::from_secs(WAIT_LIMIT_SECONDS))
    }

    fn enter_within(&self, known: bool, limit: Duration) -> Option<Turn<'_>> {
        let most = if known { HASHES_AT_ONCE + HASHES_FOR_KNOWN } else { HASHES_AT_ONCE };
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if inside.hashing >= most {
            // Those who are known find a place to wait in, too, however many others do.
            if inside.waiting >= WAITING_MAX && !known || inside.waiting >= 2 * WAITING_MAX {
                return None;
            }
            inside.waiting += 1;
            let waited = self.freed.wait_timeout_while(inside, limit, |inside| inside.hashing >= most);
            inside = waited.unwrap_or_else(PoisonError::into_inner).0;
            inside.waiting -= 1;
            if inside.hashing >= most {
                return None;
            }
        }
        inside.hashing += 1;
        Some(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.inside.lock().unwrap_or_else(PoisonError::into_inner).hashing -= 1;
        // Not one alone: it could be one who may not come in yet.
        self.0.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn passwords_fit_their_own_hash_alone() {
        let own = secret("correct horse battery");
        let hashed = hash(&own).expect("a hash");
        assert!(fits(&own, Some(&hashed)));
        for wrong in ["correct horse batter", "Correct horse battery", "", "correct horse battery "] {
            assert!(!fits(&secret(wrong), Some(&hashed)), "{wrong:?}");
        }
        assert!(!fits(&own, None) && !fits(&own, Some("")) && !fits(&own, Some("no hash")));
        assert_ne!(hash(&own).expect("another"), hashed, "with a salt of its own");
    }

    #[test]
    fn passwords_that_cannot_be() {
        let longest = "é".repeat(PASSWORD_MAX / 2);
        let hashed = hash(&secret(&longest)).expect("as long as may be");
        assert!(fits(&secret(&longest), Some(&hashed)));
        assert!(!fits(&secret(&format!("{longest}x")), Some(&hashed)), "cut, it would be the same");
        assert!(hash(&secret(&format!("{longest}x"))).is_err());
        assert!(hash(&secret("elevenchars")).is_err() && hash(&secret("twelve chars")).is_ok());
    }

    #[test]
    fn so_many_hash_at_once_and_one_place_is_kept_for_who_is_known() {
        let gate = Gate::default();
        let enter = |known| gate.enter_within(known, Duration::ZERO);
        let turns: Vec<_> = (0..HASHES_AT_ONCE).map(|_| enter(false).expect("a turn")).collect();
        assert!(enter(false).is_none(), "no more at once");
        let known = enter(true).expect("kept for him");
        assert!(enter(true).is_none());
        drop(turns);
        assert!(enter(false).is_some());
        drop(known);
        assert_eq!(gate.inside.lock().expect("nobody inside").hashing, 0);
    }

    #[test]
    fn who_waits_comes_in_when_another_goes() {
        let gate = Gate::default();
        let mut turns: Vec<_> = (0..HASHES_AT_ONCE).map(|_| gate.enter(false).expect("a turn")).collect();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| gate.enter_within(false, Duration::from_secs(60)).is_some());
            while gate.inside.lock().expect("a look").waiting == 0 {
                std::thread::yield_now();
            }
            turns.pop();
            assert!(waits.join().expect("it ends"));
        });
    }
}
