//! People: how they log in, their sessions.
//!
//! Nothing here tells anybody whether an e-mail address is known: an unknown one, a wrong password and a
//! closed account take the same steps and get the same answer.

mod forms;
mod passwords;
mod sessions;
mod throttle;

pub use bough_store::sessions::SessionRow;
pub use forms::FormOf;
pub(crate) use passwords::hash;
pub use passwords::new_password;
pub use sessions::{LogIn, LoggedIn, LoginRefused, Visitor};

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use bough_store::audit::installation;

use crate::audit::subject;
use crate::organizations::UserRow;
use crate::{Change, Result};
use throttle::Throttle;

/// What is kept in memory for people who log in.
#[derive(Default)]
pub(crate) struct Entrance {
    throttle: Mutex<Throttle>,
    hashing: passwords::Gate,
    /// Where sessions of before were begun from has been looked up.
    remembered: OnceLock<()>,
}

impl Entrance {
    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accounts belong to no organization: what happens to them stands in the installation's own log.
pub(crate) fn record_user(
    change: &Change<'_>,
    action: &'static str,
    user: &UserRow,
    metadata: &serde_json::Value,
) -> Result<()> {
    let id = installation();
    let target = subject("User", user.id.as_str(), &user.name);
    change.audit(&id, action, subject("Installation", id.as_str(), "installation"), target, metadata)
}
