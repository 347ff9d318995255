//! People: how they log in, their sessions and accounts, and what they are in organizations and databases.
//!
//! Nothing here tells anybody whether an e-mail address is known: an unknown one, a wrong password and a
//! closed account take the same steps and get the same answer.

mod account;
mod administrators;
mod forms;
mod members;
mod operator;
mod passwords;
mod sessions;
mod throttle;

pub use account::UpdateAccount;
pub use bough_store::administrators::AdministratorRow;
pub use bough_store::sessions::SessionRow;
pub use forms::FormOf;
pub use members::RemoveMember;
pub(crate) use passwords::hash;
pub use passwords::new_password;
pub use sessions::{LogIn, LoggedIn, LoginRefused, Visitor};

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use bough_model::holds_secret;
use bough_policy::{Granted, Nowhere};
use bough_store::audit::installation;
use bough_store::users;

use crate::audit::{organization, subject};
use crate::organizations::UserRow;
use crate::{Change, Error, Result};
use throttle::Throttle;

/// Longest e-mail address, in bytes.
const EMAIL_MAX_BYTES: usize = 254;
/// Longest name of a person, in characters.
const NAME_MAX: usize = 200;

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

/// As [`record_user`], and in the log of each organization that he belongs to.
fn record_user_everywhere(
    change: &Change<'_>,
    anywhere: &Granted<Nowhere>,
    action: &'static str,
    user: &UserRow,
    metadata: &serde_json::Value,
) -> Result<()> {
    record_user(change, action, user, metadata)?;
    let target = subject("User", user.id.as_str(), &user.name);
    for (id, name) in users::organizations_of(change.tx, anywhere, &user.id)? {
        change.audit(&id, action, organization(&id, name.as_str()), target.clone(), metadata)?;
    }
    Ok(())
}

/// An e-mail address as it is kept, if it looks like one.
pub(crate) fn check_email(email: &str) -> Result<String> {
    let email = sessions::as_kept(email);
    let plausible = email.len() <= EMAIL_MAX_BYTES
        && !email.chars().any(|c| c.is_control() || c.is_whitespace())
        && email
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'));
    let plausible = plausible && !holds_secret(&email);
    if plausible { Ok(email) } else { Err(Error::Invalid(format!("{email:.300?} is not an e-mail address"))) }
}

/// What somebody is called, if it can be.
fn check_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(Error::Invalid(format!("a person's name has 1 to {NAME_MAX} printable characters")));
    }
    if holds_secret(name) {
        return Err(Error::Invalid("a person's name must not hold the secret of a service token".to_owned()));
    }
    Ok(name.to_owned())
}
