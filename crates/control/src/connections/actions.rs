//! What can be done with connections.

use std::collections::HashMap;
use std::net::IpAddr;

use bough_engine::{ClientSession, Kill};
use bough_model::{BranchId, BranchState, PasswordId, Timestamp};
use bough_policy::{BranchAt, Granted};
use bough_store::branches as branch_store;
use bough_store::reconcile;
use serde_json::json;

use crate::branches::record;
use crate::{Caller, ControlPlane, Error, Result};

/// What clients had open on a branch at a time.
#[derive(Clone, Debug)]
pub struct Connections {
    /// When that was.
    pub captured_at: Timestamp,
    /// The SQL schema on the branch's server.
    pub keyspace: String,
    /// One for each session, in the order of their numbers.
    pub sessions: Vec<ClientSession>,
    /// What is known of clients, by the numbers of their sessions. One that is missing is not known.
    pub clients: HashMap<u64, Client>,
}

/// What those who let clients in know of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Where it is.
    pub address: IpAddr,
    /// The password that it came with, as far as that is known.
    pub password: Option<PasswordId>,
}

/// Asks those who let clients in about those of a branch; bounded. What is not known is left out.
pub type AskForClients = Box<dyn Fn(&BranchId) -> HashMap<u64, Client> + Send + Sync>;

/// What is to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillKind {
    /// A connection.
    Connection,
    /// What a connection is doing; the connection stays.
    Query,
    /// A transaction, with its connection.
    Transaction,
}

impl KillKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Query => "query",
            Self::Transaction => "transaction",
        }
    }

    const fn of(self, number: u64) -> Kill {
        match self {
            Self::Connection => Kill::Session(number),
            Self::Query => Kill::Statement(number),
            Self::Transaction => Kill::Transaction(number),
        }
    }
}

/// What the engine says names paths of this machine, which are for its log.
fn unanswered(branch: &BranchId, error: &bough_engine::EngineError) -> Error {
    tracing::warn!(%branch, %error, "a branch's server was asked for its connections");
    Error::Unavailable("the branch's server does not answer; try again in a moment".to_owned())
}

impl ControlPlane {
    /// What clients have open on a branch; nothing on one that sleeps, falls asleep or wakes. Nobody wakes it by asking.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the branch is not ready.
    pub fn list_connections(&self, caller: &Caller, granted: &Granted<BranchAt>) -> Result<Connections> {
        let open = self.open_connections(caller, granted)?;
        // Asked after the server: who has come meanwhile is known, too.
        let ask = self.clients.get().filter(|_| !open.sessions.is_empty());
        let clients = ask.map(|ask| ask(&granted.at().branch)).unwrap_or_default();
        Ok(Connections { clients, ..open })
    }

    /// Ends a session of a client whose password has ended, by the server's number, whether or not the server has
    /// a place left for the role's account.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the server could not be told.
    pub fn end_session_of_client(&self, branch: &BranchId, session: u64) -> Result<()> {
        let killed = self.engine()?.kill(branch, Kill::Session(session));
        killed.map(drop).map_err(|error| Error::Unavailable(error.to_string()))
    }

    fn open_connections(&self, caller: &Caller, granted: &Granted<BranchAt>) -> Result<Connections> {
        let branch = self.get_branch(caller, granted)?;
        let id = branch.id.clone();
        let wish = self.store.read(|reader| Ok::<_, Error>(reconcile::wish(reader, &id)?))?;
        let keyspace = wish.ok_or(Error::NotFound)?.schema.as_str().to_owned();
        let sessions = match branch.state {
            // Its server is stopped, or about to cut whoever is left, or has let nobody in yet.
            BranchState::Sleeping | BranchState::SleepInProgress | BranchState::Awakening => Vec::new(),
            BranchState::Ready => {
                self.engine()?.client_sessions(&id).map_err(|error| unanswered(&id, &error))?
            }
            _ => {
                return Err(Error::Unavailable(format!(
                    "branch {} is not ready yet; try again when its `ready` is true",
                    branch.name
                )));
            }
        };
        Ok(Connections { captured_at: self.now(), keyspace, sessions, clients: HashMap::new() })
    }

    /// Ends something that a client has open on a branch, by its number. It is written down first.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such thing of a client; [`Error::Unavailable`] while the branch is
    /// not ready.
    pub fn kill_connection(
        &self,
        caller: &Caller,
        granted: &Granted<BranchAt>,
        kind: KillKind,
        number: &str,
    ) -> Result<()> {
        let number: u64 = number.parse().map_err(|_| Error::NotFound)?;
        let open = self.open_connections(caller, granted)?;
        let is_meant = |session: &ClientSession| match kind {
            KillKind::Connection => session.id == number,
            KillKind::Query => session.statement.as_ref().is_some_and(|running| running.id == number),
            KillKind::Transaction => {
                session.transaction.as_ref().is_some_and(|transaction| transaction.id == Some(number))
            }
        };
        let session = open.sessions.iter().find(|session| is_meant(session)).ok_or(Error::NotFound)?;
        let metadata = json!({"kind": kind.word(), "connection": session.id, "role": session.role.as_str()});
        let grant = granted.clone();
        self.change(caller, move |change| {
            let branch = branch_store::get_for_write(change.tx, &grant)?;
            record(change, grant.at(), "database_branch.killed_connection", &branch, &metadata)
        })?;
        let killed = self.engine()?.kill(&granted.at().branch, kind.of(number));
        // What has ended by itself meanwhile is as it shall be.
        killed.map(drop).map_err(|error| unanswered(&granted.at().branch, &error))
    }
}
