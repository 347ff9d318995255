//! The role accounts of a branch's server: who clients are there, and what that lets them do.
//!
//! What it is: one account for each [`PasswordRole`], with a secret that only the control plane can derive
//! and rights on the branch's one schema. The server itself enforces them ([`rights`]). Every client of a
//! role shares its account, so no client may change it: the accounts are sealed ([`seal`]), which a server
//! that does not run as root cannot undo.
//! Why so: whatever way a statement takes (prepared, in a routine, in an event), it is the server that
//! judges it, and nothing that has to understand SQL.
//! What it refuses: to call anything done that the server does not say itself ([`seen`]).

mod apply;
mod rights;
mod seal;
mod seen;

use std::fmt;

use bough_model::{DatabaseName, PasswordRole, PasswordVerifiers};
use bough_mysql_client::quote_ident;

use crate::prepare::ROLE_HOST;

pub use apply::CUT_LIMIT_S;
pub(crate) use seal::open_for_start;
pub use seen::AccountsSeen;

/// What the role accounts of a branch's server shall be.
#[derive(Clone, PartialEq, Eq)]
pub struct RoleAccounts {
    /// `SHA1(SHA1(secret))` of each role's secret, in the order of [`PasswordRole::ALL`].
    natives: [[u8; 20]; PasswordRole::ALL.len()],
    /// Whether nobody may change the schema directly.
    pub safe_migrations: bool,
}

impl RoleAccounts {
    /// Accounts that are entered with the secrets that `verifiers` are of.
    pub fn new(safe_migrations: bool, verifiers: impl Fn(PasswordRole) -> PasswordVerifiers) -> Self {
        Self { natives: PasswordRole::ALL.map(|role| *verifiers(role).native()), safe_migrations }
    }

    /// What the server compares a client's proof with, as it writes it.
    fn hash(&self, role: PasswordRole) -> String {
        let at = PasswordRole::ALL.iter().position(|other| *other == role).unwrap_or_default();
        let digits: String = self.natives[at].iter().map(|byte| format!("{byte:02X}")).collect();
        format!("*{digits}")
    }
}

impl fmt::Debug for RoleAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleAccounts").field("safe_migrations", &self.safe_migrations).finish_non_exhaustive()
    }
}

/// What a branch's server is compared with.
#[derive(Clone, Copy, Debug)]
struct Wished<'a> {
    accounts: &'a RoleAccounts,
    schema: &'a DatabaseName,
}

/// A role's account written as SQL, which is also how the server prints it.
fn account(role: PasswordRole) -> String {
    format!("{}@{}", quote_ident(role.account()), quote_ident(ROLE_HOST))
}
