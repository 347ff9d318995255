//! What logging in to MySQL is checked against. Quick, and exact: nothing is answered that was so before the
//! last commit of any process.

use bough_model::{BranchId, Cidrs, PasswordId, PasswordRole, PasswordVerifiers, Timestamp, Username};
use bough_store::principals;

use crate::{ControlPlane, Error, Result};

/// A live password. From where it may come and when it ends is for whoever logs somebody in to see to.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Which.
    pub password: PasswordId,
    /// The branch that it opens.
    pub branch: BranchId,
    /// What it may do there.
    pub role: PasswordRole,
    /// What its secret is verified with.
    pub verifiers: PasswordVerifiers,
    /// Where it may come from.
    pub cidrs: Cidrs,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Stands for what cannot be a user name: the same is done for it as for one that could be.
const NO_NAME: &str = "00000000000000000000";

impl ControlPlane {
    /// The live password of a user name, as of now. `None` when there is none, it is deleted or has expired, or
    /// its branch is gone; these take the same steps.
    ///
    /// # Errors
    /// When the store fails.
    pub fn credential(&self, username: &str) -> Result<Option<Credential>> {
        let asked = Username::parse(username);
        let could_be = asked.is_some();
        let Some(asked) = asked.or_else(|| Username::parse(NO_NAME)) else { return Ok(None) };
        let mark = self.store.mark();
        let found = self.store.recall(&self.credentials, mark, asked.clone(), |reader| {
            let nearest = principals::nearest_password(reader, &asked)?;
            let opened = nearest.map(|(fits, record)| {
                let credential = Credential {
                    verifiers: self.keys.open_verifiers(&record.id, &record.verifiers),
                    password: record.id,
                    branch: record.branch,
                    role: record.role,
                    cidrs: record.cidrs,
                    expires_at: record.expires_at,
                };
                (fits, credential)
            });
            Ok::<_, Error>(opened.filter(|(fits, _)| *fits).map(|(_, credential)| credential))
        })?;
        let now = self.now();
        Ok(found.filter(|found| could_be & found.expires_at.is_none_or(|ends| now < ends)))
    }

    /// The number that grows with every change of what a password opens, whichever process makes it; with other
    /// changes of what somebody may, too.
    ///
    /// # Errors
    /// When the store fails.
    pub fn credentials_version(&self) -> Result<i64> {
        self.current_version(self.store.mark())
    }

    /// Notes that a password was used, now. It is written down by another thread, within seconds.
    pub fn note_password_used(&self, password: &PasswordId) {
        self.recorder.password_used(password.clone(), self.now());
    }
}
