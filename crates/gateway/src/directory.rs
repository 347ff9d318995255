//! What the gateway asks of whoever manages passwords and branches. It knows nothing else of it.

use std::path::PathBuf;
use std::pin::Pin;

use bough_model::{
    BranchId, Cidrs, DatabaseName, PasswordId, PasswordRole, PasswordVerifiers, Secret, Timestamp,
};

use crate::ids::ClientId;

/// A future in a box.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Passwords and branches, as the gateway needs to know them.
pub trait Directory: Send + Sync + 'static {
    /// The live password with this user name, as of now. `None`: there is none, it was deleted, has expired, or
    /// its branch is gone. Quick: memory or one indexed read.
    ///
    /// # Errors
    /// When it cannot be told.
    fn credential(&self, username: &str) -> Result<Option<Credential>, Unavailable>;

    /// Where the branch's server is. Wakes it when it sleeps, and waits, bounded. Slow only then.
    fn backend(&self, branch: &BranchId, role: PasswordRole) -> BoxFuture<'_, Result<Backend, Unavailable>>;

    /// The server has refused the role's account (1045, 1698): makes the accounts right again, then as `backend`.
    fn repair(&self, branch: &BranchId, role: PasswordRole) -> BoxFuture<'_, Result<Backend, Unavailable>>;

    /// The server that was named could not be reached, though the branch is ready: waits, bounded, until it can be,
    /// or has been started again, then as `backend`.
    fn reach(&self, branch: &BranchId, role: PasswordRole) -> BoxFuture<'_, Result<Backend, Unavailable>> {
        self.backend(branch, role)
    }

    /// Grows whenever a credential may have changed (made, narrowed, expired, deleted, branch gone), within
    /// 250 ms, whichever process changed it.
    fn changes(&self) -> tokio::sync::watch::Receiver<u64>;

    /// A session of this password has begun or ended.
    fn used(&self, password: &PasswordId, branch: &BranchId);

    /// Whether the branch takes schema changes by deploy request only. Asked when its server has refused
    /// something, not for every statement. Quick.
    fn safe_migrations(&self, branch: &BranchId) -> bool;

    /// Ends a thread of a branch's server from outside of the roles' accounts: the server has no place for those.
    /// False when the server could not be told.
    fn end_thread(&self, _branch: &BranchId, _thread: u32) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(false))
    }

    /// A client of this branch and role wants to end a connection of another gateway process: hands it to that
    /// process's [`Gateway::kill`](crate::Gateway::kill). Nobody knows of it where there is only one process.
    fn kill_elsewhere(
        &self,
        _branch: &BranchId,
        _role: PasswordRole,
        _connection: ClientId,
        _kill: Kill,
    ) -> BoxFuture<'_, KillOutcome> {
        Box::pin(std::future::ready(KillOutcome::Unknown))
    }
}

/// A live password.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its id.
    pub password: PasswordId,
    /// The branch that it opens.
    pub branch: BranchId,
    /// What may be done with it.
    pub role: PasswordRole,
    /// What its secret is checked with.
    pub verifiers: PasswordVerifiers,
    /// Where it may be used from.
    pub cidrs: Cidrs,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// How a branch's server is reached.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Its Unix socket.
    pub socket: PathBuf,
    /// The role's account on it.
    pub account: &'static str,
    /// That account's secret.
    pub secret: Secret<String>,
    /// The one schema of the branch.
    pub schema: DatabaseName,
}

/// Why a question has no answer now: a sentence for the client to read, without anything secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// What a `KILL` is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// What the connection is running.
    Query,
    /// The connection.
    Connection,
}

/// What came of a `KILL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillOutcome {
    /// It was handed to the server.
    Killed,
    /// There is no such connection of the branch.
    Unknown,
    /// It is of another role.
    NotYours,
}
