//! The open sessions: by id for `KILL`, by password for what ends it.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bough_model::{BranchId, PasswordId, PasswordRole, Timestamp};
use tokio::sync::Notify;

use crate::directory::{Backend, Credential};
use crate::ids::{ClientId, ThreadId};

/// What a session has been told to do. The larger one holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Order {
    /// To go on.
    Run,
    /// To end when it stands: the gateway is stopping.
    Drain,
    /// To end now: the gateway's time is over.
    Stop,
    /// To end now: somebody who may has said so.
    End,
    /// To end now: its password has ended.
    Cut,
}

/// A session, as everybody but its own task sees it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: ClientId,
    pub(crate) username: String,
    pub(crate) password: PasswordId,
    pub(crate) branch: BranchId,
    pub(crate) role: PasswordRole,
    pub(crate) address: IpAddr,
    pub(crate) thread: ThreadId,
    pub(crate) backend: Backend,
    pub(crate) since: Instant,
    pub(crate) wake: Arc<Notify>,
    order: AtomicU8,
    pub(crate) busy: AtomicBool,
    pub(crate) commands: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
}

impl Shared {
    pub(crate) fn new(
        id: ClientId,
        username: String,
        credential: &Credential,
        address: IpAddr,
        thread: ThreadId,
        backend: Backend,
        wake: Arc<Notify>,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            username,
            password: credential.password.clone(),
            branch: credential.branch.clone(),
            role: credential.role,
            address,
            thread,
            backend,
            since: Instant::now(),
            wake,
            order: AtomicU8::new(Order::Run as u8),
            busy: AtomicBool::new(false),
            commands: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
        })
    }

    /// Tells the session what to do.
    pub(crate) fn tell(&self, order: Order) {
        self.order.fetch_max(order as u8, Ordering::AcqRel);
        self.wake.notify_one();
    }

    /// What it has been told.
    pub(crate) fn order(&self) -> Order {
        match self.order.load(Ordering::Acquire) {
            0 => Order::Run,
            1 => Order::Drain,
            2 => Order::Stop,
            3 => Order::End,
            _ => Order::Cut,
        }
    }
}

/// An open session, as it is shown.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// Its number, for [`Gateway::end_session`](crate::Gateway::end_session).
    pub id: ClientId,
    /// The password that it came with.
    pub password: PasswordId,
    /// Its branch.
    pub branch: BranchId,
    /// Its role.
    pub role: PasswordRole,
    /// Where the client is.
    pub address: IpAddr,
    /// The branch server's number for it.
    pub thread: u32,
    /// How long it has been open.
    pub age: std::time::Duration,
    /// Whether it waits for an answer.
    pub busy: bool,
    /// Commands so far.
    pub commands: u64,
    /// Bytes from the client so far.
    pub bytes_in: u64,
    /// Bytes to the client so far.
    pub bytes_out: u64,
}

/// What a client's id leads to.
#[derive(Debug)]
pub(crate) enum Target {
    /// A session of the same branch and role.
    Yours(Arc<Shared>),
    /// One of another role of the branch.
    NotYours,
    /// Of another gateway process.
    Elsewhere,
    /// Nothing that this client may know of.
    Unknown,
}

/// A password with open sessions.
#[derive(Debug)]
struct Live {
    username: String,
    expires_at: Option<Timestamp>,
    sessions: HashSet<ClientId>,
}

#[derive(Debug, Default)]
struct Open {
    serial: u32,
    sessions: HashMap<ClientId, Arc<Shared>>,
    passwords: HashMap<PasswordId, Live>,
}

/// The open sessions.
#[derive(Debug)]
pub(crate) struct Registry {
    process: u8,
    open: Mutex<Open>,
    /// A password has come that may expire first, or a session has left.
    pub(crate) changed: Notify,
}

impl Registry {
    pub(crate) fn new(process: u8) -> Self {
        Self { process, open: Mutex::default(), changed: Notify::new() }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for another connection that no open session has.
    pub(crate) fn fresh_id(&self) -> ClientId {
        let mut open = self.open();
        // There are 2^24 numbers, and far fewer sessions: this ends.
        loop {
            open.serial = open.serial.wrapping_add(1);
            let id = ClientId::new(self.process, open.serial);
            if !open.sessions.contains_key(&id) {
                return id;
            }
        }
    }

    /// Adds a session. It leaves when what is returned is dropped.
    pub(crate) fn enter(
        self: &Arc<Self>,
        session: &Arc<Shared>,
        expires_at: Option<Timestamp>,
    ) -> Registered {
        let mut open = self.open();
        open.sessions.insert(session.id, Arc::clone(session));
        let live = open.passwords.entry(session.password.clone()).or_insert_with(|| Live {
            username: session.username.clone(),
            expires_at: None,
            sessions: HashSet::new(),
        });
        live.expires_at = expires_at;
        live.sessions.insert(session.id);
        self.changed.notify_waiters();
        Registered { registry: Arc::clone(self), session: Arc::clone(session) }
    }

    /// Where a `KILL` by a client of this branch and role leads.
    pub(crate) fn target(&self, branch: &BranchId, role: PasswordRole, id: ClientId) -> Target {
        if id.process() != self.process {
            return Target::Elsewhere;
        }
        match self.open().sessions.get(&id) {
            Some(session) if session.branch != *branch => Target::Unknown,
            Some(session) if session.role != role => Target::NotYours,
            Some(session) => Target::Yours(Arc::clone(session)),
            None => Target::Unknown,
        }
    }

    /// A session, whoever asks.
    pub(crate) fn find(&self, id: ClientId) -> Option<Arc<Shared>> {
        self.open().sessions.get(&id).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.open().sessions.len()
    }

    /// All sessions, or those of a branch.
    pub(crate) fn all(&self, branch: Option<&BranchId>) -> Vec<Arc<Shared>> {
        let open = self.open();
        let wanted =
            open.sessions.values().filter(|session| branch.is_none_or(|branch| session.branch == *branch));
        wanted.cloned().collect()
    }

    /// The passwords with open sessions, and their user names.
    pub(crate) fn passwords(&self) -> Vec<(PasswordId, String)> {
        let open = self.open();
        open.passwords.iter().map(|(id, live)| (id.clone(), live.username.clone())).collect()
    }

    /// When the first of them expires.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.open().passwords.values().filter_map(|live| live.expires_at).min()
    }

    /// Notes what is known of a password now, and returns its sessions.
    pub(crate) fn sessions_of(
        &self,
        password: &PasswordId,
        expires_at: Option<Timestamp>,
    ) -> Vec<Arc<Shared>> {
        let mut open = self.open();
        let Open { sessions, passwords, .. } = &mut *open;
        let Some(live) = passwords.get_mut(password) else { return Vec::new() };
        live.expires_at = expires_at;
        live.sessions.iter().filter_map(|id| sessions.get(id).cloned()).collect()
    }
}

/// A session's entry, until this is dropped.
#[derive(Debug)]
pub(crate) struct Registered {
    registry: Arc<Registry>,
    session: Arc<Shared>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut open = self.registry.open();
        // A session that has become another one keeps its id: only this one's own entry goes.
        if open.sessions.get(&self.session.id).is_some_and(|entry| Arc::ptr_eq(entry, &self.session)) {
            open.sessions.remove(&self.session.id);
        }
        if let Some(live) = open.passwords.get_mut(&self.session.password) {
            live.sessions.remove(&self.session.id);
            if live.sessions.is_empty() {
                open.passwords.remove(&self.session.password);
            }
        }
        self.registry.changed.notify_waiters();
    }
}
