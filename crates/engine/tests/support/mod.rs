//! What the tests against real servers share: a region in a temporary folder whose servers are stopped when
//! the test ends, however it ends.
#![allow(dead_code, clippy::print_stderr, reason = "each test file uses its part of this")]

pub mod printed;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::time::Duration;

use bough_engine::{
    Binaries, BranchSpec, EngineAccount, EngineConfig, ManagedEngine, Plan, RoleAccounts, STARTS_AT_ONCE,
    Seed, plan,
};
use bough_model::{
    BranchId, ClusterSize, ClusterSizeName, DatabaseName, Desired, PasswordRole, PasswordVerifiers, Secret,
};
use bough_mysql_client::{ConnectLimits, Connection, Error, SocketAddress, quote_ident};

/// More steps than any way from one state to another takes.
const STEPS_MAX: usize = 12;
/// How long a test's servers may take to stop, in seconds.
const STOP_LIMIT_S: u64 = 10;

/// A region of its own.
pub struct Rig {
    pub engine: ManagedEngine,
    pub folder: PathBuf,
    /// Removed last, after the servers were stopped. `None` when the folder is somebody else's.
    home: Option<tempfile::TempDir>,
}

impl Rig {
    pub fn new() -> Self {
        ensure_account();
        let home = tempfile::Builder::new().prefix("bough-eng").tempdir().expect("a temporary folder");
        let folder = home.path().to_owned();
        let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o711);
        std::fs::set_permissions(&folder, open).expect("permissions");
        Self { engine: open_engine(&folder.join("engine")), folder, home: Some(home) }
    }

    /// What a new Bough process does with a folder that is there: a second engine on it.
    pub fn again(folder: &Path) -> Self {
        Self { engine: open_engine(&folder.join("engine")), folder: folder.to_owned(), home: None }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if self.home.is_some() {
            let _ = self.engine.stop_all(Duration::from_secs(STOP_LIMIT_S));
        }
    }
}

/// An engine whose servers stop when the test ends.
pub struct StopAtEnd(pub ManagedEngine);

impl Drop for StopAtEnd {
    fn drop(&mut self) {
        let _ = self.0.stop_all(Duration::from_secs(STOP_LIMIT_S));
    }
}

/// How far buffer pools of these tests may grow, in bytes.
const POOL_MAX_BYTES: u64 = 1 << 30;

pub fn open_engine(dir: &Path) -> ManagedEngine {
    open_engine_with(dir, None)
}

/// With the server's programs of a folder of its own.
pub fn open_engine_with(dir: &Path, programs: Option<&Path>) -> ManagedEngine {
    let account = EngineAccount::resolve(None).expect("an account");
    let binaries = Binaries::find(programs).expect("mariadb-server-core is installed");
    let config = EngineConfig {
        dir: dir.to_owned(),
        account,
        binaries,
        starts_at_once: STARTS_AT_ONCE,
        pool_max_bytes: POOL_MAX_BYTES,
        local_infile: false,
        cgroup: None,
    };
    ManagedEngine::open(config).expect("an engine")
}

/// As root the servers need an account other than root.
pub fn ensure_account() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if nix::unistd::geteuid().is_root() && nix::unistd::User::from_name("bough").ok().flatten().is_none()
        {
            // Where this is not possible, `nobody` serves.
            let _ = Command::new("useradd")
                .args(["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "bough"])
                .status();
        }
    });
}

pub fn id(text: &str) -> BranchId {
    BranchId::parse(text).expect("an id of twelve characters")
}

pub fn schema() -> DatabaseName {
    DatabaseName::parse("shop_1").expect("a name")
}

pub fn size() -> ClusterSize {
    ClusterSize {
        name: ClusterSizeName::parse("PS_DEV").expect("a name"),
        cpu: "1/8".to_owned(),
        ram_bytes: 256 << 20,
        buffer_pool_bytes: 16 << 20,
        redo_log_bytes: 16 << 20,
        max_connections: 50,
        development: true,
        production: false,
    }
}

/// What a role's account is entered with on a branch of these tests.
pub fn secret(branch: &str, role: PasswordRole) -> String {
    format!("{branch} {}", role.as_str())
}

pub fn accounts(branch: &str, safe_migrations: bool) -> RoleAccounts {
    RoleAccounts::new(safe_migrations, |role| PasswordVerifiers::of(secret(branch, role).as_bytes()))
}

pub fn root_spec(name: &str) -> BranchSpec {
    let accounts = accounts(name, false);
    BranchSpec {
        id: id(name),
        schema: schema(),
        size: size(),
        seed: Seed::Empty,
        restarts: 0,
        accounts,
        asleep: false,
    }
}

pub fn child_spec(name: &str, parent: &str) -> BranchSpec {
    let seed = Seed::SchemaOf { parent: id(parent), parent_schema: schema() };
    BranchSpec { seed, ..root_spec(name) }
}

/// A session of a role on its branch's schema.
pub fn enter(engine: &ManagedEngine, branch: &BranchId, role: PasswordRole) -> Result<Connection, Error> {
    let path = engine.address(branch).path;
    let address = SocketAddress { path, user: role.account().to_owned() };
    let secret = Secret::new(secret(branch.as_str(), role));
    let mut conn = Connection::open_with(&address, Some(&secret), ConnectLimits::default())?;
    conn.execute(format!("USE {}", quote_ident(schema().as_str())))?;
    Ok(conn)
}

/// Observes, plans and executes until nothing is left to do.
pub fn converge(engine: &ManagedEngine, spec: &BranchSpec, desired: Desired) {
    for _ in 0..STEPS_MAX {
        let seen = engine.observe(&spec.id).expect("observed");
        match plan(desired, spec, &seen) {
            Plan::Settled => return,
            Plan::Do(step) => engine.execute(spec, step).unwrap_or_else(|error| panic!("{step:?}: {error}")),
            Plan::Blocked { why } => panic!("blocked: {why}"),
        }
    }
    panic!("{} does not settle: {:?}", spec.id, engine.observe(&spec.id));
}

/// The living servers that work in a branch's data directory, by the kernel's word alone.
pub fn servers_in(folder: &Path, branch: &BranchId) -> Vec<i32> {
    let data = folder.join("engine/branches").join(branch.as_str()).join("data");
    let data = data.display().to_string();
    let entries = std::fs::read_dir("/proc").expect("/proc");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let link = |what: &str| std::fs::read_link(format!("/proc/{pid}/{what}"));
        let cwd = link("cwd").map(|cwd| cwd.display().to_string()).unwrap_or_default();
        let exe = link("exe").map(|exe| exe.display().to_string()).unwrap_or_default();
        cwd.starts_with(&data) && exe.contains("mariadbd")
    })
    .collect()
}

/// Changes one of the records beside a branch's data, keeping its owner.
pub fn edit_record(
    folder: &Path,
    branch: &BranchId,
    name: &str,
    change: impl FnOnce(&mut serde_json::Value),
) {
    let path = folder.join("engine/branches").join(branch.as_str()).join(name);
    let text = std::fs::read_to_string(&path).expect("a record");
    let mut record = serde_json::from_str(&text).expect("JSON");
    change(&mut record);
    std::fs::write(&path, record.to_string()).expect("written");
}
