//! The gateway: what holds everything together, and what can be asked of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bough_model::{BranchId, PasswordRole, PasswordVerifiers};
use bough_mysql_wire::{Capabilities, Nonce};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};

use crate::backend;
use crate::counters::{Counters, Figures};
use crate::directory::{Directory, Kill, KillOutcome};
use crate::gate::{Gates, Parked, StillBusy};
use crate::ids::ClientId;
use crate::listener;
use crate::places::Places;
use crate::registry::{Order, Registry, SessionView, Target};
use crate::settings::{ENDINGS_AT_ONCE, FAREWELL_LIMIT_MS, Settings};
use crate::tls::TlsConfig;
use crate::watch::watch;

/// Fills with random bytes. They must come from the operating system: nonces are made of them.
pub type Entropy = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// What the tasks of a gateway share.
pub(crate) struct Inner {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) tls: TlsConfig,
    pub(crate) settings: Settings,
    pub(crate) places: Places,
    pub(crate) gates: Arc<Gates>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) counters: Counters,
    /// What a user name that does not exist is checked against.
    pub(crate) nobody: PasswordVerifiers,
    entropy: Entropy,
    /// Nothing is accepted any more.
    pub(crate) stopping: watch::Sender<bool>,
    /// Sessions end as they come to stand.
    pub(crate) draining: AtomicBool,
    /// Turns for ending threads of branch servers that have no place left.
    pub(crate) endings: Semaphore,
}

impl Inner {
    pub(crate) fn new(
        directory: Arc<dyn Directory>,
        tls: TlsConfig,
        settings: Settings,
        entropy: Entropy,
    ) -> Self {
        let mut nobody = [0; 52];
        entropy(&mut nobody);
        let (native, sha2) = nobody.split_at(20);
        let nobody = PasswordVerifiers::from_bytes(
            native.first_chunk().copied().unwrap_or_default(),
            sha2.first_chunk().copied().unwrap_or_default(),
        );
        let places = Places::new(
            settings.connections_max,
            settings.connections_per_address,
            settings.connections_per_password,
            settings.logins_max,
        );
        Self {
            directory,
            tls,
            places,
            gates: Arc::default(),
            registry: Arc::new(Registry::new(settings.process)),
            counters: Counters::default(),
            nobody,
            settings,
            entropy,
            stopping: watch::Sender::new(false),
            draining: AtomicBool::new(false),
            endings: Semaphore::new(ENDINGS_AT_ONCE),
        }
    }

    pub(crate) fn nonce(&self) -> Nonce {
        let mut random = [0; bough_mysql_wire::NONCE_LEN];
        (self.entropy)(&mut random);
        Nonce::from_random(&random)
    }

    /// What clients may ask for, TLS aside.
    pub(crate) fn announced(&self) -> Capabilities {
        if self.settings.local_infile {
            Capabilities::MARIADB_10_11 | Capabilities::LOCAL_FILES
        } else {
            Capabilities::MARIADB_10_11
        }
    }

    /// What a client that asks for these gets.
    pub(crate) fn granted(&self, asked: Capabilities) -> Capabilities {
        asked.and(self.announced() | Capabilities::MYSQL)
    }
}

/// One door for MySQL clients in front of all branches. Cheap to clone; all clones are the same gateway.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("figures", &self.figures()).finish_non_exhaustive()
    }
}

impl Gateway {
    /// A gateway that does not listen yet. It watches for passwords that end, on the runtime that this is called on.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(directory: Arc<dyn Directory>, tls: TlsConfig, settings: Settings, entropy: Entropy) -> Self {
        let inner = Arc::new(Inner::new(directory, tls, settings, entropy));
        tokio::spawn(watch(Arc::downgrade(&inner)));
        Self(inner)
    }

    /// Accepts clients until [`Self::drain`]. May be called for several listeners.
    pub async fn serve(&self, listener: TcpListener) {
        listener::serve(Arc::clone(&self.0), listener).await;
    }

    /// Keeps all sessions of a branch from beginning another command, and new ones from logging in at its server. Resolves when
    /// each stands at a boundary outside a transaction. Lets go when what is returned is dropped, and at
    /// `limit` from now at the latest.
    ///
    /// # Errors
    /// When some do not come to stand within `limit`. Nothing is parked then.
    pub async fn park(&self, branch: &BranchId, limit: Duration) -> Result<Parked, StillBusy> {
        self.0.gates.park(branch, limit).await
    }

    /// Accepts nothing more and ends each session as it comes to stand. After `limit`, or when `at_once` resolves, the
    /// rest is cut. Resolves when no session is left.
    pub async fn drain(&self, limit: Duration, at_once: impl Future<Output = ()>) {
        let mut at_once = std::pin::pin!(at_once);
        self.0.stopping.send_replace(true);
        self.0.draining.store(true, Ordering::Release);
        let registry = &self.0.registry;
        let deadline = Instant::now() + limit;
        let told = |order| registry.all(None).iter().for_each(|session| session.tell(order));
        let mut order = Order::Drain;
        let mut until = deadline;
        loop {
            let mut changed = std::pin::pin!(registry.changed.notified());
            changed.as_mut().enable();
            told(order);
            if registry.len() == 0 {
                return;
            }
            let over = tokio::select! {
                changed = timeout_at(until, changed) => changed.is_err(),
                () = &mut at_once, if order == Order::Drain => true,
            };
            if over {
                if order == Order::Stop {
                    return;
                }
                (order, until) = (Order::Stop, Instant::now() + Duration::from_millis(2 * FAREWELL_LIMIT_MS));
            }
        }
    }

    /// Accepts nothing more; open sessions go on.
    pub fn stop_accepting(&self) {
        self.0.stopping.send_replace(true);
    }

    /// Ends a connection of a branch, or what it runs, for a client of this role: what
    /// [`Directory::kill_elsewhere`] of another gateway process comes to.
    pub async fn kill(&self, branch: &BranchId, role: PasswordRole, id: ClientId, kill: Kill) -> KillOutcome {
        match self.0.registry.target(branch, role, id) {
            Target::Yours(session) => {
                if backend::kill(&session.backend, session.thread, kill).await == Some(true) {
                    KillOutcome::Killed
                } else {
                    KillOutcome::Unknown
                }
            }
            Target::NotYours => KillOutcome::NotYours,
            Target::Elsewhere | Target::Unknown => KillOutcome::Unknown,
        }
    }

    /// The open sessions, of all branches or of one.
    pub fn sessions(&self, branch: Option<&BranchId>) -> Vec<SessionView> {
        let view = |session: Arc<crate::registry::Shared>| SessionView {
            id: session.id,
            password: session.password.clone(),
            branch: session.branch.clone(),
            role: session.role,
            address: session.address,
            thread: session.thread.0,
            age: session.since.elapsed(),
            busy: session.busy.load(Ordering::Relaxed),
            commands: session.commands.load(Ordering::Relaxed),
            bytes_in: session.bytes_in.load(Ordering::Relaxed),
            bytes_out: session.bytes_out.load(Ordering::Relaxed),
        };
        self.0.registry.all(branch).into_iter().map(view).collect()
    }

    /// Ends a session of a branch now, with what it is running. False when there is none.
    pub fn end_session(&self, branch: &BranchId, id: ClientId) -> bool {
        let found = self.0.registry.find(id).filter(|session| session.branch == *branch);
        found.inspect(|session| session.tell(Order::End)).is_some()
    }

    /// What has been counted.
    pub fn figures(&self) -> Figures {
        let counters = &self.0.counters;
        let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let mut figures = Figures {
            connections_open: self.0.places.open() as u64,
            sessions_open: 0,
            accepted: get(&counters.accepted),
            turned_away: get(&counters.turned_away),
            logins_refused: get(&counters.logins_refused),
            logins_broken: get(&counters.logins_broken),
            sessions: get(&counters.sessions),
            cut: get(&counters.cut),
            backends_unavailable: get(&counters.backends_unavailable),
            commands: get(&counters.commands),
            bytes_in: get(&counters.bytes_in),
            bytes_out: get(&counters.bytes_out),
        };
        for session in self.0.registry.all(None) {
            figures.sessions_open += 1;
            figures.commands += get(&session.commands);
            figures.bytes_in += get(&session.bytes_in);
            figures.bytes_out += get(&session.bytes_out);
        }
        figures
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stopping.send_replace(true);
    }
}
