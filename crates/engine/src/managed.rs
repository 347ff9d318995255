//! A managed region: one MariaDB server for each branch on this machine.
//!
//! What it is: the executor of [`crate::plan()`]'s steps and the answers to questions about branches. Each
//! step can be repeated after a crash at any point; what a step leaves half-done is either invisible or
//! found by the next one.
//! What it refuses: two steps on one branch at once, a second server on one data directory, signals to
//! processes that are not proven to be a branch's own, and schemas that belong to the server itself.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bough_model::{BranchId, ClusterSize, DatabaseName, Flavor, Timestamp};
use bough_mysql_client::{ConnectLimits, Connection, SocketAddress};

use crate::accounts::RoleAccounts;
use crate::binaries::Binaries;
use crate::cgroup::Cgroups;
use crate::layout::{BranchPaths, EngineDir};
use crate::plan::{Seed, Step};
use crate::proc::{self, Found, Identity};
use crate::records::{self, ServerRecord, StageRecord};
use crate::starts::Starts;
use crate::template::Templates;
use crate::{EngineAccount, EngineError, files, killpoint, prepare};

/// Servers that may start at once unless configured.
pub const STARTS_AT_ONCE: usize = 4;

/// What a managed region needs to know.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The engine's directory, `DIR/engine`; its parent must exist.
    pub dir: PathBuf,
    /// Who runs the servers.
    pub account: EngineAccount,
    /// The database server's programs.
    pub binaries: Binaries,
    /// How many servers may start at once.
    pub starts_at_once: usize,
    /// How far the buffer pool of a running server may grow, in bytes: that of the largest cluster size.
    pub pool_max_bytes: u64,
    /// Whether servers may ask clients for their files (`LOAD DATA LOCAL INFILE`); from the next start of each on.
    pub local_infile: bool,
    /// A cgroup v2 folder that is delegated to Bough, for hard limits.
    pub cgroup: Option<PathBuf>,
}

/// What a branch shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchSpec {
    /// Its id, which names its folder.
    pub id: BranchId,
    /// Its schema's name: the database's.
    pub schema: DatabaseName,
    /// How much of the machine it gets.
    pub size: ClusterSize,
    /// What it begins with.
    pub seed: Seed,
    /// How often it was asked to be restarted; a server that was started for fewer is.
    pub restarts: u32,
    /// Who may do what on its server.
    pub accounts: RoleAccounts,
    /// Whether its server shall be stopped, and everything kept.
    pub asleep: bool,
}

/// A running server, in figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerReport {
    /// The process's number.
    pub pid: i32,
    /// The memory it holds, in bytes.
    pub rss_bytes: u64,
    /// When it started.
    pub started_at: Timestamp,
}

/// A managed region. Shared between threads.
#[derive(Debug)]
pub struct ManagedEngine {
    pub(crate) dir: EngineDir,
    pub(crate) account: EngineAccount,
    binaries: Mutex<Arc<Binaries>>,
    pub(crate) templates: Templates,
    pub(crate) starts: Starts,
    pub(crate) pool_max_bytes: u64,
    pub(crate) local_infile: bool,
    pub(crate) cgroups: Cgroups,
    pub(crate) boot_id: String,
    /// Servers whose socket was proven to be theirs.
    pub(crate) proven: Mutex<HashMap<BranchId, Identity>>,
    busy: Mutex<HashSet<BranchId>>,
}

/// A branch that a step works on; free again when dropped.
struct Busy<'a> {
    engine: &'a ManagedEngine,
    id: &'a BranchId,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.engine.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(self.id);
    }
}

impl ManagedEngine {
    /// Opens the region's directory, made if need be. Starts nothing.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`], [`EngineError::Layout`], [`EngineError::Io`].
    pub fn open(config: EngineConfig) -> Result<Self, EngineError> {
        let dir = EngineDir::open(&config.dir, &config.account)?;
        Ok(Self {
            dir,
            account: config.account,
            binaries: Mutex::new(Arc::new(config.binaries)),
            pool_max_bytes: config.pool_max_bytes,
            local_infile: config.local_infile,
            cgroups: Cgroups::open(config.cgroup)?,
            templates: Templates::default(),
            starts: Starts::new(config.starts_at_once),
            boot_id: proc::boot_id(),
            proven: Mutex::new(HashMap::new()),
            busy: Mutex::new(HashSet::new()),
        })
    }

    /// Removes what an earlier process left half-made or half-removed. Only for the one process that holds
    /// the directory, before its first step.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn sweep(&self) -> Result<(), EngineError> {
        let _own = self.account.own_files()?;
        self.dir.sweep()
    }

    /// Prepares the template ahead of the first branch, which otherwise waits for it.
    ///
    /// # Errors
    /// [`EngineError::Template`].
    pub fn prepare_template(&self) -> Result<(), EngineError> {
        self.templates.ensure(&self.dir, &self.account, &self.binaries()).map(drop)
    }

    /// The programs that are installed now: an upgrade of the package while Bough runs is noticed here.
    pub(crate) fn binaries(&self) -> Arc<Binaries> {
        let mut known = self.binaries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(newer) = known.refreshed() {
            tracing::info!(before = %known.flavor, now = %newer.flavor, "the database server's program has changed");
            *known = Arc::new(newer);
        }
        Arc::clone(&known)
    }

    /// Which server starts when a branch starts now.
    pub fn flavor(&self) -> Flavor {
        self.binaries().flavor
    }

    /// Who runs the servers.
    pub const fn account(&self) -> &EngineAccount {
        &self.account
    }

    /// Does one step. A step that is done already does nothing.
    ///
    /// # Errors
    /// Any of [`EngineError`]; the branch can then be observed and planned for anew.
    pub fn execute(&self, spec: &BranchSpec, step: Step) -> Result<(), EngineError> {
        if prepare::is_server_schema(&spec.schema) {
            let why = format!("schema {} is the server's own; choose another database name", spec.schema);
            return Err(EngineError::Refused { branch: spec.id.clone(), why });
        }
        let _busy = self.take(&spec.id)?;
        killpoint::reach_around(step, "before");
        match step {
            Step::CopyTemplate => self.copy_template(&spec.id)?,
            Step::StartServer => self.start_server(spec)?,
            Step::AwaitAnswer => self.await_answer(&spec.id)?,
            Step::PrepareAccounts => self.prepare_accounts(spec)?,
            Step::CopySchema => self.copy_schema(spec)?,
            Step::UpgradeTables => self.upgrade_tables(spec)?,
            Step::SealAccounts => self.seal_accounts(spec)?,
            Step::Resize => self.resize(spec)?,
            Step::StopServer => self.stop_server(&spec.id)?,
            Step::RemoveDirectory => self.remove_directory(&spec.id)?,
        }
        killpoint::reach_around(step, "after");
        Ok(())
    }

    fn take<'a>(&'a self, id: &'a BranchId) -> Result<Busy<'a>, EngineError> {
        if self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone()) {
            return Ok(Busy { engine: self, id });
        }
        let why = "another step is being done on it".to_owned();
        Err(EngineError::Refused { branch: id.clone(), why })
    }

    /// The branches that have a folder here, made or half-made, sorted.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn list_places(&self) -> Result<Vec<BranchId>, EngineError> {
        let _own = self.account.own_files()?;
        self.dir.list_places()
    }

    /// Whether the branch's server process lives, and has its files. Asks the kernel only.
    pub fn alive(&self, id: &BranchId) -> bool {
        let has_files = self.dir.branch(id).data.is_dir();
        has_files && self.look(id).is_ok_and(|(_, found)| matches!(found, Found::Ours(_)))
    }

    /// What the branch takes on disk, in bytes; zero when it has no folder.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn disk_bytes(&self, id: &BranchId) -> Result<u64, EngineError> {
        let paths = self.dir.branch(id);
        let _own = self.account.own_files()?;
        files::disk_bytes(&paths.folder)
    }

    /// The branch's running server in figures; `None` when there is none.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn server_report(&self, id: &BranchId) -> Result<Option<ServerReport>, EngineError> {
        let (_, Found::Ours(identity)) = self.look(id)? else { return Ok(None) };
        let report = proc::resident_bytes(identity.pid).zip(proc::started_at_micros(identity));
        Ok(report.map(|(rss_bytes, micros)| ServerReport {
            pid: identity.pid,
            rss_bytes,
            started_at: Timestamp::from_micros(micros),
        }))
    }

    /// Where the branch's server listens, and Bough's own account on it.
    pub fn address(&self, id: &BranchId) -> SocketAddress {
        SocketAddress { path: self.dir.branch(id).socket, user: self.account.own_name.clone() }
    }

    /// A session on the branch's server as Bough's own account.
    ///
    /// # Errors
    /// [`EngineError::Server`].
    pub fn connect(&self, id: &BranchId) -> Result<Connection, EngineError> {
        self.connect_within(id, ConnectLimits::default())
    }

    pub(crate) fn connect_within(
        &self,
        id: &BranchId,
        limits: ConnectLimits,
    ) -> Result<Connection, EngineError> {
        let connecting = EngineError::server(id, "was connected to");
        let prove = || {
            let mut conn = Connection::open(&self.address(id), limits)?;
            let row = conn.query_one("SELECT @@server_id AS server_id, @@datadir AS datadir")?;
            let proof = (row.u64("server_id")?, row.text("datadir")?.to_owned());
            Ok((conn, proof))
        };
        let (conn, (server_id, datadir)) = prove().map_err(connecting)?;
        // Whoever owns the branch's folder could have put another server's socket in its place: nothing
        // is said to a server that is not the branch's own.
        if server_id != u64::from(crate::cnf::server_id(id))
            || !crate::observe::same_datadir(&datadir, &self.dir.branch(id))
        {
            let why = "another server answers in its place".to_owned();
            return Err(EngineError::Stranger { branch: id.clone(), why });
        }
        Ok(conn)
    }

    /// The command-line client on the branch's schema, as Bough's own account, ready to run.
    ///
    /// # Errors
    /// [`EngineError::MissingBinary`] when the client is not installed.
    pub fn shell_command(&self, id: &BranchId, schema: &DatabaseName) -> Result<Command, EngineError> {
        let binaries = self.binaries();
        let client = binaries.client.as_ref().ok_or_else(|| EngineError::MissingBinary {
            program: "mariadb",
            looked_in: "PATH and the usual folders".to_owned(),
            package: "mariadb-client-core",
        })?;
        let address = self.address(id);
        let mut command = Command::new(client);
        command.arg("--no-defaults").arg("--protocol=socket").arg("--local-infile=0");
        command.arg(format!("--socket={}", address.path.display()));
        command.arg(format!("--user={}", address.user)).arg("--default-character-set=utf8mb4");
        command.arg(format!("--database={schema}"));
        Ok(command)
    }

    /// The branch's files, and who works in them. Only the kernel is asked.
    pub(crate) fn look(&self, id: &BranchId) -> Result<(Option<ServerRecord>, Found), EngineError> {
        let paths = self.dir.branch(id);
        let record = {
            let _own = self.account.own_files()?;
            // A record that cannot be read proves nothing, as one that is missing: the processes tell.
            records::read::<ServerRecord>(&paths.server_record).unwrap_or_default()
        };
        let found = proc::find(record.as_ref(), &self.boot_id, &paths.data, self.account.uid);
        Ok((record, found))
    }

    /// How far the branch is made. The caller holds the account's file rights.
    pub(crate) fn stage(&self, paths: &BranchPaths) -> Result<Option<StageRecord>, EngineError> {
        records::read::<StageRecord>(&paths.stage_record)
    }

    pub(crate) fn set_stage(
        &self,
        id: &BranchId,
        paths: &BranchPaths,
        change: impl FnOnce(&mut StageRecord),
    ) -> Result<(), EngineError> {
        let _own = self.account.own_files()?;
        let mut stage = self.stage(paths)?.ok_or_else(|| self.no_stage(id))?;
        change(&mut stage);
        records::write(&paths.stage_record, &stage, true)
    }

    pub(crate) fn no_stage(&self, id: &BranchId) -> EngineError {
        let why = "its stage.json is missing or unreadable; restore it, or delete the branch".to_owned();
        EngineError::Refused { branch: id.clone(), why }
    }

    /// Keeps what is known of a process for the next Bough.
    pub(crate) fn record(
        &self,
        id: &BranchId,
        paths: &BranchPaths,
        identity: Identity,
    ) -> Result<(), EngineError> {
        let record = ServerRecord {
            pid: identity.pid,
            start_ticks: identity.start_ticks,
            boot_id: self.boot_id.clone(),
            exe: proc::program(identity.pid),
            server_id: crate::cnf::server_id(id),
        };
        let _own = self.account.own_files()?;
        // It means nothing after the machine's next start, so it need not outlive a power failure.
        records::write(&paths.server_record, &record, false)
    }

    pub(crate) fn forget(&self, id: &BranchId) {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// The engine's directory.
    pub fn directory(&self) -> &Path {
        self.dir.root()
    }
}

/// Limits for a question that must not hold up the one who asks.
pub(crate) fn brief_limits() -> ConnectLimits {
    /// Longest wait for a greeting, in milliseconds.
    const BRIEF_CONNECT_LIMIT_MS: u64 = 2_000;
    /// Longest wait for an answer, in milliseconds.
    const BRIEF_READ_LIMIT_MS: u64 = 5_000;
    ConnectLimits {
        connect: Duration::from_millis(BRIEF_CONNECT_LIMIT_MS),
        read: Duration::from_millis(BRIEF_READ_LIMIT_MS),
        ..ConnectLimits::default()
    }
}
