//! The operating system account that branch servers run as, and work done on files in its name.
//!
//! Bough may run as root; a branch server never does, because whoever is `admin` in it could then write
//! any file. The engine's files belong to that account, and even root touches them only with that
//! account's rights ([`EngineAccount::own_files`]): a link that a taken-over server leaves in its
//! directory leads root nowhere that the account could not go by itself. This crate makes no accounts.

use std::marker::PhantomData;

use nix::unistd::{Gid, Uid, User, geteuid, setfsgid, setfsuid};

use crate::EngineError;

/// Accounts that root takes if none is configured, in order of preference.
const DEFAULT_ACCOUNTS: &[&str] = &["mysql", "bough", "nobody"];

/// Who runs the branch servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineAccount {
    /// The account's name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its main group's number.
    pub gid: u32,
    /// Whether Bough is root and changes to this account for what belongs to it.
    pub switch: bool,
    /// The account that Bough itself runs as, and logs in to its servers as.
    pub own_name: String,
}

impl EngineAccount {
    /// Decides on the account. As root: the configured one, else the first of `mysql`, `bough` and
    /// `nobody` that exists. Otherwise the own one.
    ///
    /// # Errors
    /// [`EngineError::Account`] when the configured account does not exist, is root, or is another than
    /// the own one without being root.
    pub fn resolve(configured: Option<&str>) -> Result<Self, EngineError> {
        Self::resolve_for(geteuid().as_raw(), configured)
    }

    /// As [`EngineAccount::resolve`], for a Bough that runs as user number `runner`: what the doctor asks,
    /// who may be another.
    ///
    /// # Errors
    /// [`EngineError::Account`], as for that Bough.
    pub fn resolve_for(runner: u32, configured: Option<&str>) -> Result<Self, EngineError> {
        let refuse =
            |name: &str, why: &str| EngineError::Account { name: name.to_owned(), why: why.to_owned() };
        let runner = Uid::from_raw(runner);
        let own = User::from_uid(runner).ok().flatten().ok_or_else(|| {
            let why = "this user number has no name in /etc/passwd; add one, because the servers know accounts by name";
            refuse(&runner.to_string(), why)
        })?;
        let find = |name: &str| User::from_name(name).ok().flatten();
        let user = match (runner.is_root(), configured) {
            (true, Some(name)) => find(name)
                .ok_or_else(|| refuse(name, "no such account; make it with: useradd --system NAME"))?,
            (true, None) => DEFAULT_ACCOUNTS.iter().find_map(|name| find(name)).ok_or_else(|| {
                refuse(
                    DEFAULT_ACCOUNTS[0],
                    "no unprivileged account exists; make one with: useradd --system bough",
                )
            })?,
            (false, Some(name)) if name != own.name => {
                return Err(refuse(
                    name,
                    "only root can run servers as another account; leave the setting out",
                ));
            }
            (false, _) => own.clone(),
        };
        if user.uid.is_root() {
            return Err(refuse(&user.name, "servers never run as root; name an unprivileged account"));
        }
        Ok(Self {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            switch: geteuid().is_root(),
            own_name: own.name,
        })
    }

    /// Whether the Bough that this is resolved for runs as root: only then are the two accounts different.
    pub(crate) fn runner_is_root(&self) -> bool {
        self.name != self.own_name
    }

    /// From here until the guard is dropped, this thread's file accesses count as the account's own:
    /// new files belong to it, and what it may not open stays shut.
    ///
    /// # Errors
    /// [`EngineError::Account`] when the kernel does not let this process change over.
    pub fn own_files(&self) -> Result<OwnFiles, EngineError> {
        if !self.switch {
            return Ok(OwnFiles { before: None, on_this_thread: PhantomData });
        }
        let gid = setfsgid(Gid::from_raw(self.gid));
        let uid = setfsuid(Uid::from_raw(self.uid));
        let guard = OwnFiles { before: Some((uid, gid)), on_this_thread: PhantomData };
        // The call tells no failure; asking again tells who we are now.
        if setfsuid(Uid::from_raw(self.uid)).as_raw() != self.uid
            || setfsgid(Gid::from_raw(self.gid)).as_raw() != self.gid
        {
            let why = "cannot take over its file rights; run Bough with CAP_SETUID and CAP_SETGID".to_owned();
            return Err(EngineError::Account { name: self.name.clone(), why });
        }
        Ok(guard)
    }
}

/// While this lives, its thread acts on files as the engine's account.
#[derive(Debug)]
pub struct OwnFiles {
    before: Option<(Uid, Gid)>,
    /// The right is the thread's; the guard must not move to another.
    on_this_thread: PhantomData<*const ()>,
}

impl Drop for OwnFiles {
    fn drop(&mut self) {
        if let Some((uid, gid)) = self.before {
            setfsuid(uid);
            setfsgid(gid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_no_engine_account() {
        if geteuid().is_root() {
            assert!(EngineAccount::resolve(Some("root")).is_err());
            let account = EngineAccount::resolve(Some("nobody")).expect("nobody exists everywhere");
            assert!(account.switch && account.uid != 0 && account.own_name == "root");
        } else {
            let account = EngineAccount::resolve(None).expect("the own account");
            assert!(!account.switch && account.name == account.own_name);
            assert!(EngineAccount::resolve(Some("root")).is_err());
        }
        assert!(EngineAccount::resolve(Some("no-such-account-here")).is_err());
    }
}
