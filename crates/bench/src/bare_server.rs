//! A server as a branch's is, started by hand: the same program with the same options, in a folder of its own.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bough_engine::{Binaries, EngineAccount, wait_until};
use bough_mysql_client::{ConnectLimits, Connection, SocketAddress};
use bough_testkit::Bough;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Pause between two looks, as Bough's engine makes it, in milliseconds.
const PAUSE_MILLIS: u64 = 2;
/// Longest wait for anything, in seconds.
const LIMIT_SECONDS: u64 = 60;

/// Waits for a condition as Bough's engine does.
pub fn wait<T>(what: &str, condition: impl FnMut() -> Option<T>) -> Result<T> {
    let (limit, pause) = (Duration::from_secs(LIMIT_SECONDS), Duration::from_millis(PAUSE_MILLIS));
    wait_until(limit, pause, condition).with_context(|| format!("not within {LIMIT_SECONDS} s: {what}"))
}

/// What servers are made of, and the folder below which they are.
pub struct Bare {
    /// The programs.
    pub binaries: Binaries,
    account: EngineAccount,
    /// The option file of a branch made by Bough, and that branch's folder, which stands in it.
    options: String,
    branch: String,
    folder: TempDir,
}

impl Bare {
    /// With the options of the branch that lies in this folder.
    pub fn like(branch: &Path) -> Result<Self> {
        let folder = TempDir::with_prefix_in("bare-", "/tmp")?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        Ok(Self {
            binaries: Binaries::find(None)?,
            account: EngineAccount::resolve(None)?,
            options: fs::read_to_string(branch.join("server.cnf"))?,
            branch: branch.display().to_string(),
            folder,
        })
    }

    /// The data directory that Bough copies for new branches.
    pub fn template(&self, bough: &Bough) -> Result<PathBuf> {
        let of_all = bough.data_dir().join("engine/templates");
        let template = of_all.join(self.binaries.flavor.to_string()).join("data");
        ensure!(template.is_dir(), "no template at {}", template.display());
        Ok(template)
    }

    /// The folder of this name, where a server is prepared.
    pub fn root(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Everything but the data: folders, and the option file with this behind what branches have.
    pub fn prepare(&self, name: &str, further: &str) -> Result<PathBuf> {
        let root = self.root(name);
        for folder in [root.clone(), root.join("files"), root.join("tmp")] {
            fs::DirBuilder::new().mode(0o700).create(&folder)?;
            self.own(&folder)?;
        }
        let file = root.join("server.cnf");
        let options = self.options.replace(&self.branch, &root.display().to_string());
        fs::write(&file, format!("{options}\n{further}"))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
        Ok(root)
    }

    /// Gives a file to the account that servers run as.
    pub fn own(&self, path: &Path) -> Result<()> {
        if self.account.switch {
            chown(path, Some(self.account.uid), Some(self.account.gid))?;
        }
        Ok(())
    }

    /// Copies a data directory.
    pub fn copy(&self, data: &Path, root: &Path) -> Result<()> {
        let copied = self.command(Path::new("cp")).arg("-a").arg(data).arg(root.join("data")).status()?;
        ensure!(copied.success(), "cp failed");
        Ok(())
    }

    /// Starts the server in a folder; does not wait.
    pub fn start(&self, root: &Path) -> Result<Server> {
        let mut command = self.command(&self.binaries.mariadbd);
        command.arg(format!("--defaults-file={}", root.join("server.cnf").display()));
        Ok(Server(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }

    /// Where the server in a folder listens.
    pub fn socket(root: &Path) -> PathBuf {
        root.join("mysql.sock")
    }

    /// A session as the account that owns everything, if the server is there.
    pub fn connect(&self, socket: &Path) -> Option<Connection> {
        let address = SocketAddress { path: socket.to_owned(), user: self.account.own_name.clone() };
        Connection::open(&address, ConnectLimits::default()).ok()
    }

    /// Waits for a server that is starting.
    pub fn await_session(&self, root: &Path) -> Result<Connection> {
        let socket = Self::socket(root);
        wait("the bare server to answer", || self.connect(&socket))
    }

    /// The command-line client at a socket.
    pub fn client(&self, root: &Path) -> Result<Command> {
        let client = self.binaries.client.as_ref().context("the mariadb client is missing")?;
        let mut command = Command::new(client);
        command.args(["--no-defaults", "--protocol=socket"]);
        command.arg(format!("--socket={}", Self::socket(root).display()));
        command.arg(format!("--user={}", self.account.own_name));
        Ok(command)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if self.account.switch {
            command.uid(self.account.uid).gid(self.account.gid);
        }
        command.current_dir("/").stdin(Stdio::null());
        command
    }
}

/// A bare server; it does not outlive this program's interest in it.
pub struct Server(Child);

impl Server {
    /// Its number.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Stops it cleanly.
    pub fn stop(&mut self) -> Result<()> {
        kill(Pid::from_raw(i32::try_from(self.0.id())?), Signal::SIGTERM)?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
