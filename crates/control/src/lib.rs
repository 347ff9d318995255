//! The control plane: what can be done with organizations, service tokens, databases and branches,
//! who may do it, and the work in the background that brings it about.
//!
//! A feature is a folder: `mod` says what the thing is, `actions` what can be done with it (a
//! transaction and a nudge each, no HTTP), `reconcile` brings wishes about. A feature calls another
//! through its actions only.

mod authentication;
mod background;
mod caller;
mod error;
mod keys;
mod once;
pub mod place;
mod random;
mod recorder;
mod settings;

pub mod audit;
pub mod branches;
pub mod connections;
pub mod console;
pub mod databases;
pub mod denials;
pub mod figures;
pub mod names;
pub mod organizations;
pub mod pages;
pub mod passwords;
pub mod people;
pub mod service_tokens;
pub mod setup;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::SystemTime;

use bough_engine::ManagedEngine;
use bough_model::{BranchId, DatabaseId, Timestamp, Username};
use bough_policy::{Located, MemberAt, PasswordAt, TokenAt};
use bough_store::locate;
use bough_store::{Mark, Memo, Store};

pub use authentication::{Authenticated, Refused};
pub use background::Background;
pub use bough_model as model;
pub use bough_store::Page;
pub use bough_store::idempotency::RequestKey;
pub use bough_store::locate::Found;
pub use caller::{Caller, Change};
pub use error::{Error, Result};
pub use keys::{Keys, MASTER_KEY_LEN};
pub use once::{Once, Replay};
pub use random::fill_random;
pub use recorder::Recorder;
pub use settings::{Addresses, Limits, OperatorCommand, SessionLimits, Settings};

use authentication::TokenCache;
use branches::reconcile::{Nudge, Waiting};
use once::InFlight;

/// The control plane. Cheap to share: all of it lies behind an [`Arc`].
pub struct ControlPlane {
    store: Store,
    engine: Option<Arc<ManagedEngine>>,
    settings: Settings,
    keys: Keys,
    cache: TokenCache,
    recorder: Recorder,
    in_flight: InFlight,
    entrance: people::Entrance,
    nudge: Nudge,
    waiting: Waiting,
    running: console::Running,
    /// The version of the server that is installed, as it was looked at last.
    installed: RwLock<String>,
    audit_heads: PathBuf,
    /// Where another process brings wishes about: what tells it that there is one.
    told: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Who knows where clients of branches are.
    clients: OnceLock<connections::AskForClients>,
    /// Held while somebody has an audit log checked.
    verifying: Mutex<()>,
    branches: Memo<(DatabaseId, BranchId), Arc<branches::BranchRow>>,
    credentials: Memo<Username, Option<passwords::Credential>>,
}

impl ControlPlane {
    /// Puts the parts together. Without an engine (`bough admin`) wishes are recorded and left to
    /// whoever has one. `audit_heads` is the file outside the store that the heads of the audit
    /// chains are noted in.
    pub fn new(
        store: Store,
        engine: Option<Arc<ManagedEngine>>,
        settings: Settings,
        keys: Keys,
        audit_heads: PathBuf,
    ) -> Arc<Self> {
        let recorder = Recorder::new();
        let installed = engine.as_ref().map(|engine| engine.flavor().to_string()).unwrap_or_default();
        Arc::new(Self {
            store,
            engine,
            settings,
            keys,
            cache: TokenCache::default(),
            recorder,
            in_flight: InFlight::default(),
            entrance: people::Entrance::default(),
            nudge: Nudge::default(),
            waiting: Waiting::default(),
            running: console::Running::default(),
            installed: RwLock::new(installed),
            audit_heads,
            told: OnceLock::new(),
            clients: OnceLock::new(),
            verifying: Mutex::new(()),
            branches: Memo::default(),
            credentials: Memo::default(),
        })
    }

    /// Has `tell` called for each wish that this process records: another one brings them about, and looks at
    /// once when it is told. Without it, that takes it up to a second.
    pub fn tell_of_wishes(&self, tell: Box<dyn Fn() + Send + Sync>) {
        self.waiting.for_another_process();
        // A second one would be told nothing that the first one is not.
        let _ = self.told.set(tell);
    }

    /// Has `ask` asked where the clients of a branch are and what they came with. Without it, nobody knows.
    pub fn learn_clients_from(&self, ask: connections::AskForClients) {
        // A second one would know nothing that the first one does not.
        let _ = self.clients.set(ask);
    }

    /// Another process has recorded a wish: the reconciler looks now.
    pub fn look_for_wishes(&self) {
        self.nudge.now();
    }

    /// The operator's settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_system(SystemTime::now())
    }

    /// What records refusals and usage.
    pub const fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Finds what `organization/database/branch` names.
    ///
    /// # Errors
    /// When the store fails.
    pub fn locate(
        &self,
        organization: &str,
        database: Option<&str>,
        branch: Option<&str>,
    ) -> Result<Option<Found>> {
        self.store.read(|reader| Ok(locate::path(reader, organization, database, branch)?))
    }

    /// The state that the store is in now, to be compared with a later one; `None` when that cannot be told.
    pub fn mark(&self) -> Option<Mark> {
        self.store.mark()
    }

    /// The state of the store that is looked at for a caller.
    pub(crate) fn mark_for(&self, caller: &Caller) -> Option<Mark> {
        caller.as_of.or_else(|| self.store.mark())
    }

    /// As [`ControlPlane::locate`], for a request of somebody for `path`. What a path names is remembered for
    /// each token by itself: how long an answer takes must not tell one of them what others ask for.
    ///
    /// # Errors
    /// When the store fails.
    pub fn locate_for(
        &self,
        caller: &Caller,
        path: &str,
        organization: &str,
        database: Option<&str>,
        branch: Option<&str>,
    ) -> Result<Option<Found>> {
        let (Some(who), Some(mark)) = (&caller.authenticated, self.mark_for(caller)) else {
            return self.locate(organization, database, branch);
        };
        if let Some(known) = who.place(mark, path) {
            return Ok(known);
        }
        let found = self.locate(organization, database, branch)?;
        who.keep_place(mark, path, found.clone());
        Ok(found)
    }

    /// Finds a service token of a located organization.
    ///
    /// # Errors
    /// When the store fails.
    pub fn locate_token(&self, found: &Found, id: &str) -> Result<Option<Located<TokenAt>>> {
        self.store.read(|reader| Ok(locate::token(reader, &found.organization, id)?))
    }

    /// Finds a password of a located branch.
    ///
    /// # Errors
    /// When the store fails.
    pub fn locate_password(&self, found: &Found, id: &str) -> Result<Option<Located<PasswordAt>>> {
        let branch = found.branch_at();
        let branch = branch.as_ref().map(Located::place);
        self.store.read(|reader| Ok(locate::password(reader, branch, id)?))
    }

    /// Finds a member of a located organization.
    ///
    /// # Errors
    /// When the store fails.
    pub fn locate_member(&self, found: &Found, id: &str) -> Result<Option<Located<MemberAt>>> {
        self.store.read(|reader| Ok(locate::member(reader, &found.organization, id)?))
    }

    /// An id for a request, to find it again in log and audit log.
    pub fn fresh_request_id(&self) -> String {
        random::fresh(bough_model::AuditEventId::from_random).to_string()
    }

    /// How many branches there are in each state.
    ///
    /// # Errors
    /// When the store fails.
    pub fn count_branches(&self) -> Result<Vec<(String, i64)>> {
        self.store.read(|reader| Ok(bough_store::reconcile::count_by_state(reader)?))
    }

    /// Whether the store answers; what `readyz` asks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn check_store(&self) -> Result<()> {
        self.store.read(|reader| {
            reader.store_version()?;
            Ok(())
        })
    }

    /// Whether a server of this version is not of the version that is installed.
    pub fn is_outdated(&self, version: &str) -> bool {
        let installed = self.installed.read().unwrap_or_else(PoisonError::into_inner);
        !installed.is_empty() && *installed != version
    }

    /// Looks at which version of the server is installed now.
    pub(crate) fn look_at_installed(&self) -> Result<String> {
        let now = self.engine()?.flavor().to_string();
        let mut known = self.installed.write().unwrap_or_else(PoisonError::into_inner);
        if *known != now {
            known.clone_from(&now);
        }
        Ok(now)
    }

    /// The engine, where this process has one.
    pub(crate) fn engine(&self) -> Result<&Arc<ManagedEngine>> {
        let missing = || Error::Unavailable("this process runs no branch servers".to_owned());
        self.engine.as_ref().ok_or_else(missing)
    }
}
