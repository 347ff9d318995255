//! What is measured beside the gateway: HAProxy, and a server that speaks TLS by itself.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bough_engine::{Binaries, EngineAccount, wait_until};
use bough_mysql_client::{ConnectLimits, Connection, SocketAddress};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Longest wait for a peer to listen, in seconds.
const LIMIT_SECONDS: u64 = 30;

/// A process that ends with this value.
pub struct Peer {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    _folder: Option<TempDir>,
}

impl Peer {
    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.child.wait();
    }
}

fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn wait_listening(address: SocketAddr) -> Result<()> {
    let (limit, pause) = (Duration::from_secs(LIMIT_SECONDS), Duration::from_millis(10));
    wait_until(limit, pause, || std::net::TcpStream::connect(address).ok())
        .with_context(|| format!("nobody listens on {address}"))?;
    Ok(())
}

/// HAProxy in TCP mode, with two threads, in front of `behind`: `unix@PATH` or `HOST:PORT`.
pub fn haproxy(behind: &str) -> Result<Peer> {
    let folder = TempDir::with_prefix_in("haproxy-", "/tmp")?;
    let address = free_port()?;
    let file = folder.path().join("haproxy.cfg");
    fs::write(
        &file,
        format!(
            "global\n    nbthread 2\n    maxconn 12000\ndefaults\n    mode tcp\n    timeout connect 5s\n    timeout client 1h\n    \
             timeout server 1h\nlisten mysql\n    bind {address}\n    server branch {behind} maxconn 12000\n"
        ),
    )?;
    let child = Command::new("haproxy")
        .args(["-db", "-q", "-f"])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("haproxy does not start; Debian's package of that name brings it")?;
    let peer = Peer { child, address, _folder: Some(folder) };
    wait_listening(address)?;
    Ok(peer)
}

/// A server with TLS and a port of its own, made as a branch's is: a copy of the template, the same options.
pub fn server_with_tls(options: &str, branch: &Path, template: &Path, pem: &Path) -> Result<(Peer, PathBuf)> {
    let (account, binaries) = (EngineAccount::resolve(None)?, Binaries::find(None)?);
    let folder = TempDir::with_prefix_in("tls-", "/tmp")?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
    let root = folder.path().join("server");
    for made in [root.clone(), root.join("files"), root.join("tmp")] {
        fs::DirBuilder::new().mode(0o700).create(&made)?;
        own(&account, &made)?;
    }
    let as_account = |program: &Path| {
        let mut command = Command::new(program);
        if account.switch {
            command.uid(account.uid).gid(account.gid);
        }
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    as_account(Path::new("cp")).arg("-a").arg(template).arg(root.join("data")).status()?;
    // One file holds key and certificate.
    let shown = root.join("server.pem");
    fs::copy(pem, &shown)?;
    own(&account, &shown)?;
    let address = free_port()?;
    let file = root.join("server.cnf");
    let options = options.replace(&branch.display().to_string(), &root.display().to_string());
    let options =
        options.lines().filter(|line| !line.contains("skip-networking") && !line.contains("skip_networking"));
    let options = options.collect::<Vec<_>>().join("\n");
    let shown = shown.display();
    fs::write(
        &file,
        format!(
            "{options}\nbind-address=127.0.0.1\nport={}\nssl-cert={shown}\nssl-key={shown}\n",
            address.port()
        ),
    )?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
    let child = as_account(&binaries.mariadbd).arg(format!("--defaults-file={}", file.display())).spawn()?;
    let peer = Peer { child, address, _folder: Some(folder) };
    wait_listening(address)?;
    Ok((peer, root.join("mysql.sock")))
}

/// A session as the account that owns everything, on a server's socket.
pub fn as_owner(socket: PathBuf) -> Result<Connection> {
    let account = EngineAccount::resolve(None)?;
    Ok(Connection::open(&SocketAddress { path: socket, user: account.own_name }, ConnectLimits::default())?)
}

fn own(account: &EngineAccount, path: &Path) -> Result<()> {
    if account.switch {
        chown(path, Some(account.uid), Some(account.gid))?;
    }
    Ok(())
}
