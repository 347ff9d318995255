//! A real branch server for one test, with the accounts that the gateway logs in with.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bough_model::{DatabaseName, PasswordRole};
use mysql::prelude::Queryable as _;

/// How long a server may take to start, and to stop.
const LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// The schema of every branch here.
pub fn schema() -> DatabaseName {
    DatabaseName::parse("shop").expect("a name")
}

/// The secret of a role's account on a server.
pub fn secret(role: PasswordRole) -> String {
    format!("secret-of-{}", role.as_str())
}

pub struct Server {
    process: Child,
    folder: tempfile::TempDir,
}

fn account() -> Option<&'static str> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt as _;
        own.uid() == 0
    });
    let known = |name: &&str| {
        fs::read_to_string("/etc/passwd")
            .unwrap_or_default()
            .lines()
            .any(|line| line.starts_with(&format!("{name}:")))
    };
    is_root.then(|| ["mysql", "bough", "nobody"].into_iter().find(known).expect("an account for servers"))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn own(path: &Path) {
    if let Some(account) = account() {
        run(Command::new("chown").args(["-R", account]).arg(path));
    }
}

/// The data directory of a new server, made once for all tests.
fn template() -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let ready = tmp.join("gateway-template");
    if ready.join("made").exists() {
        return ready;
    }
    let making = tempfile::Builder::new().prefix("gateway-making").tempdir().expect("a folder");
    let data = making.path().join("data");
    fs::create_dir(&data).expect("a folder");
    fs::set_permissions(making.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
    own(&data);
    let mut install = Command::new("mariadb-install-db");
    install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
    install.args(DATA_FILES);
    install.arg(format!("--datadir={}", data.display()));
    if let Some(account) = account() {
        install.arg(format!("--user={account}"));
    }
    run(&mut install);
    let copy = tempfile::Builder::new().prefix("gateway-template").tempdir_in(tmp).expect("a folder");
    run(Command::new("cp").arg("-a").arg(data.join(".")).arg(copy.path()));
    fs::write(copy.path().join("made"), "").expect("written");
    // Whoever is second finds it there, and uses it.
    if fs::rename(copy.path(), &ready).is_ok() {
        std::mem::forget(copy);
    }
    ready
}

const DATA_FILES: [&str; 5] = [
    "--innodb-log-file-size=8M",
    "--innodb-data-file-path=ibdata1:4M:autoextend",
    "--innodb-autoextend-increment=1",
    "--innodb-undo-tablespaces=0",
    "--innodb-temp-data-file-path=ibtmp1:4M:autoextend",
];

impl Server {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(options: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("bough-gw").tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        let data = folder.path().join("data");
        run(Command::new("cp").arg("-a").arg(template()).arg(&data));
        fs::create_dir(folder.path().join("tmp")).expect("a folder");
        own(folder.path());
        let server = Self { process: Self::spawn(folder.path(), options), folder };
        let mut root = server.root();
        root.query_drop("CREATE DATABASE shop").expect("a schema");
        for role in PasswordRole::ALL {
            let (account, secret) = (role.account(), secret(role));
            root.query_drop(format!(
                "CREATE USER '{account}'@localhost IDENTIFIED VIA mysql_native_password USING PASSWORD('{secret}')"
            ))
            .expect("an account");
            let rights = match role {
                PasswordRole::Reader => "SELECT, EXECUTE",
                PasswordRole::Writer => "INSERT, UPDATE, DELETE",
                PasswordRole::ReadWriter => {
                    "SELECT, INSERT, UPDATE, DELETE, EXECUTE, CREATE TEMPORARY TABLES, LOCK TABLES"
                }
                PasswordRole::Admin => "ALL PRIVILEGES",
            };
            root.query_drop(format!("GRANT {rights} ON shop.* TO '{account}'@localhost")).expect("rights");
        }
        server
    }

    fn spawn(folder: &Path, options: &[&str]) -> Child {
        let mut command = Command::new(program("mariadbd"));
        command.arg("--no-defaults").args(DATA_FILES);
        command.args([
            "--skip-networking",
            "--skip-name-resolve",
            "--max-allowed-packet=80M",
            "--performance-schema=OFF",
            "--innodb-buffer-pool-size=16M",
            "--innodb-flush-log-at-trx-commit=0",
            "--character-set-server=utf8mb4",
            "--log-bin-trust-function-creators=1",
            "--event-scheduler=OFF",
            "--key-buffer-size=1M",
            "--max-connections=200",
        ]);
        command.arg(format!("--datadir={}", folder.join("data").display()));
        // Of its own: a server that starts removes what others keep in a common one.
        command.arg(format!("--tmpdir={}", folder.join("tmp").display()));
        command.arg(format!("--socket={}", folder.join("s").display()));
        command.arg(format!("--pid-file={}", folder.join("data/pid").display()));
        command.arg(format!("--log-error={}", folder.join("data/error.log").display()));
        command.args(options);
        if let Some(account) = account() {
            command.arg(format!("--user={account}"));
        }
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().expect("mariadbd starts");
        let begun = Instant::now();
        while std::os::unix::net::UnixStream::connect(folder.join("s")).is_err() {
            let ended = process.try_wait().expect("a child");
            let log = || fs::read_to_string(folder.join("data/error.log")).unwrap_or_default();
            assert!(ended.is_none(), "the server ended: {}", log());
            assert!(begun.elapsed() < LIMIT, "the server does not start: {}", log());
            std::thread::sleep(POLL);
        }
        process
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// The number of the server's process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// A session of the server's administrator, past the gateway.
    pub fn root(&self) -> mysql::Conn {
        root(&self.socket()).expect("a direct session")
    }

    /// A session of a role's account, past the gateway.
    pub fn direct_as(&self, role: PasswordRole) -> mysql::Conn {
        self.direct(role.account(), &secret(role), Some("shop"))
    }

    fn direct(&self, user: &str, secret: &str, schema: Option<&str>) -> mysql::Conn {
        enter(&self.socket(), user, secret, schema).expect("a direct session")
    }

    /// Kills it, as a power failure would.
    pub fn kill(&mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("ended");
    }

    /// Starts it again after [`Self::kill`].
    pub fn again(&mut self) {
        let _ = fs::remove_file(self.socket());
        self.process = Self::spawn(self.folder.path(), &[]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn enter(socket: &Path, user: &str, secret: &str, schema: Option<&str>) -> mysql::Result<mysql::Conn> {
    let options = mysql::OptsBuilder::new()
        .socket(Some(socket.display().to_string()))
        .user(Some(user))
        .pass(Some(secret))
        .db_name(schema);
    mysql::Conn::new(options)
}

/// A session of the administrator of the server with this socket.
pub fn root(socket: &Path) -> mysql::Result<mysql::Conn> {
    enter(socket, "root", "", None)
}

/// A program on PATH; Debian keeps servers out of an ordinary user's.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.find_map(|folder: PathBuf| Some(folder.join(name)).filter(|file| file.exists()))
}

/// One that must be there.
pub fn program(name: &str) -> PathBuf {
    find(name).unwrap_or_else(|| panic!("{name} is missing"))
}
