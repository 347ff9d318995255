//! Passwords of branches: what MySQL clients log in with.
//!
//! A password belongs to one branch and has one role, both for good. Its user name alone says which branch is
//! meant; of its secret only verifiers are kept, encrypted under a key that the store does not hold. One with a
//! time to live ends by the clock, can be renewed for a while after that, and is then removed. Clients make
//! thousands of these for the time that they run; lists can leave them out.

mod actions;
mod credentials;
mod expiry;
mod strings;

pub use actions::{CreatePassword, NewPasswordSecret, UpdatePassword};
pub use bough_store::passwords::{PasswordBranch, PasswordFilter, PasswordRow, PasswordStatus};
pub use credentials::Credential;
pub use expiry::is_expired;
pub use strings::{AUTHORITY_FILE, PASSWORD_PLACE, connection_strings};

pub(crate) use actions::record;
pub(crate) use strings::quoted;
