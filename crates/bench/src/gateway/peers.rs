//! What is measured beside the gateway: HAProxy, and a server that speaks TLS by itself.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bough_engine::wait_until;
use bough_mysql_client::Connection;
use bough_testkit::Bough;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::bare_server::{Bare, Server};

/// Longest wait for a peer to listen, in seconds.
const LIMIT_SECONDS: u64 = 30;

/// A process that ends with this value.
pub struct Peer {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    _folder: TempDir,
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
            "global\n    nbthread 2\n    maxconn 1000\ndefaults\n    mode tcp\n    timeout connect 5s\n    timeout client 1h\n    \
             timeout server 1h\nlisten mysql\n    bind {address}\n    server branch {behind}\n"
        ),
    )?;
    let child = Command::new("haproxy")
        .args(["-db", "-q", "-f"])
        .arg(&file)
        .stdout(Stdio::null())
        // Why it cannot start is for whoever measures to read.
        .stderr(Stdio::inherit())
        .spawn()
        .context("haproxy does not start; Debian's package of that name brings it")?;
    let peer = Peer { child, address, _folder: folder };
    wait_listening(address)?;
    Ok(peer)
}

/// A server with TLS and a port of its own, with the options of a branch otherwise.
pub struct WithTls {
    server: Server,
    bare: Bare,
    root: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
}

impl WithTls {
    /// Starts it, like the branch in this folder, with this file for key and certificate.
    pub fn start(bough: &Bough, branch: &Path, pem: &Path) -> Result<Self> {
        let bare = Bare::like(branch)?;
        let address = free_port()?;
        let shown = bare.root("server").join("server.pem");
        let further = format!(
            "skip-networking=0\nbind-address=127.0.0.1\nport={}\nssl-cert={shown}\nssl-key={shown}\n",
            address.port(),
            shown = shown.display()
        );
        let root = bare.prepare("server", &further)?;
        fs::copy(pem, &shown)?;
        bare.own(&shown)?;
        bare.copy(&bare.template(bough)?, &root)?;
        let server = bare.start(&root)?;
        wait_listening(address)?;
        Ok(Self { server, bare, root, address })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// A session as the account that owns everything.
    pub fn as_owner(&self) -> Result<Connection> {
        self.bare.await_session(&self.root)
    }
}
