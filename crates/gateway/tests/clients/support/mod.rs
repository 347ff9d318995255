//! What the tests of clients share: branch servers, a directory that is a map, a gateway in front of them.
#![allow(dead_code, reason = "each test file uses its part of this")]

pub mod raw;
pub mod server;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bough_gateway::{
    Backend, BoxFuture, ClientId, Credential, Directory, Gateway, Kill, KillOutcome, Settings, TlsConfig,
    Unavailable,
};
use bough_model::{BranchId, Cidrs, PasswordId, PasswordRole, PasswordVerifiers, Secret};
use mysql::prelude::Queryable as _;
use tokio::sync::watch;

pub use server::{Server, schema, secret};

/// How long a condition may take to come true.
const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// Waits for a condition.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        std::thread::sleep(POLL);
    }
}

/// A directory that is a map.
pub struct Book {
    credentials: Mutex<HashMap<String, Credential>>,
    backends: Mutex<HashMap<BranchId, PathBuf>>,
    changes: watch::Sender<u64>,
    made: AtomicU64,
    pub repairs: AtomicUsize,
    /// What `repair` does.
    pub mend: Mutex<Option<Box<dyn FnMut() + Send>>>,
    /// The secret that `backend` gives in the place of the right one, until a repair.
    pub wrong_secret: Mutex<Option<String>>,
    pub uses: AtomicUsize,
    pub safe: Mutex<Vec<BranchId>>,
    pub elsewhere: Mutex<Option<Gateway>>,
    /// Nothing can be looked up.
    pub away: std::sync::atomic::AtomicBool,
}

pub const PASSWORD: &str = "a-password-of-a-branch";

impl Book {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            credentials: Mutex::default(),
            backends: Mutex::default(),
            changes: watch::Sender::new(0),
            made: AtomicU64::new(0),
            repairs: AtomicUsize::new(0),
            mend: Mutex::default(),
            wrong_secret: Mutex::default(),
            uses: AtomicUsize::new(0),
            safe: Mutex::default(),
            elsewhere: Mutex::default(),
            away: false.into(),
        })
    }

    pub fn add_branch(&self, branch: &BranchId, server: &Server) {
        self.backends.lock().expect("lock").insert(branch.clone(), server.socket());
    }

    /// A password for a branch. Returns its user name; its secret is [`PASSWORD`].
    pub fn add(&self, branch: &BranchId, role: PasswordRole) -> String {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let username = format!("user{number:016}");
        let credential = Credential {
            password: PasswordId::parse(&format!("pass{number:08}")).expect("an id"),
            branch: branch.clone(),
            role,
            verifiers: PasswordVerifiers::of(PASSWORD.as_bytes()),
            cidrs: Cidrs::default(),
            expires_at: None,
        };
        self.credentials.lock().expect("lock").insert(username.clone(), credential);
        username
    }

    pub fn change(&self, username: &str, change: impl FnOnce(&mut Credential)) {
        change(self.credentials.lock().expect("lock").get_mut(username).expect("a password"));
        self.changes.send_modify(|version| *version += 1);
    }

    /// Whether a password's time is over.
    pub fn credential_expired(&self, username: &str) -> bool {
        let now = bough_model::Timestamp::from_system(std::time::SystemTime::now());
        let credentials = self.credentials.lock().expect("lock");
        credentials[username].expires_at.is_some_and(|at| at <= now)
    }

    pub fn delete(&self, username: &str) {
        self.credentials.lock().expect("lock").remove(username);
        self.changes.send_modify(|version| *version += 1);
    }

    fn find(
        &self,
        branch: &BranchId,
        role: PasswordRole,
        wrong: Option<String>,
    ) -> Result<Backend, Unavailable> {
        let backends = self.backends.lock().expect("lock");
        let socket = backends.get(branch).ok_or_else(|| Unavailable("there is no server".to_owned()))?;
        Ok(Backend {
            socket: socket.clone(),
            account: role.account(),
            secret: Secret::new(wrong.unwrap_or_else(|| secret(role))),
            schema: schema(),
        })
    }
}

impl Directory for Book {
    fn credential(&self, username: &str) -> Result<Option<Credential>, Unavailable> {
        if self.away.load(Ordering::Relaxed) {
            return Err(Unavailable("away".to_owned()));
        }
        Ok(self.credentials.lock().expect("lock").get(username).cloned())
    }

    fn backend(&self, branch: &BranchId, role: PasswordRole) -> BoxFuture<'_, Result<Backend, Unavailable>> {
        let wrong = self.wrong_secret.lock().expect("lock").clone();
        Box::pin(std::future::ready(self.find(branch, role, wrong)))
    }

    fn repair(&self, branch: &BranchId, role: PasswordRole) -> BoxFuture<'_, Result<Backend, Unavailable>> {
        self.repairs.fetch_add(1, Ordering::Relaxed);
        if let Some(mend) = &mut *self.mend.lock().expect("lock") {
            mend();
        }
        let wrong = self.wrong_secret.lock().expect("lock").clone();
        Box::pin(std::future::ready(self.find(branch, role, wrong)))
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn used(&self, _: &PasswordId, _: &BranchId) {
        self.uses.fetch_add(1, Ordering::Relaxed);
    }

    fn safe_migrations(&self, branch: &BranchId) -> bool {
        self.safe.lock().expect("lock").contains(branch)
    }

    fn end_thread(&self, branch: &BranchId, thread: u32) -> BoxFuture<'_, bool> {
        let socket = self.backends.lock().expect("lock").get(branch).cloned();
        Box::pin(async move {
            let ending = tokio::task::spawn_blocking(move || {
                server::root(&socket?).ok()?.query_drop(format!("KILL CONNECTION {thread}")).ok()
            });
            ending.await.is_ok_and(|ended| ended.is_some())
        })
    }

    fn kill_elsewhere(
        &self,
        branch: &BranchId,
        role: PasswordRole,
        connection: ClientId,
        kill: Kill,
    ) -> BoxFuture<'_, KillOutcome> {
        let branch = branch.clone();
        let other = self.elsewhere.lock().expect("lock").clone();
        Box::pin(async move {
            match other {
                Some(gateway) => gateway.kill(&branch, role, connection, kill).await,
                None => KillOutcome::Unknown,
            }
        })
    }
}

/// Nonces of a test need not be secret.
pub fn entropy() -> bough_gateway::Entropy {
    let counter = AtomicU64::new(u64::from(std::process::id()));
    Arc::new(move |bytes: &mut [u8]| {
        let mut dice = bough_testkit::Dice::numbered(7, counter.fetch_add(1, Ordering::Relaxed));
        bytes.iter_mut().for_each(|byte| *byte = dice.next().to_le_bytes()[0]);
    })
}

/// A certificate for this machine, and how TLS is spoken with it.
pub struct Certificate {
    pub config: Arc<rustls::ServerConfig>,
    pub pem: String,
}

impl Certificate {
    pub fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]);
        let made = made.expect("a certificate");
        let key =
            rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a configuration");
        Self { config: Arc::new(config), pem: made.cert.pem() }
    }
}

/// A gateway in front of one branch.
pub struct Rig {
    pub server: Server,
    pub branch: BranchId,
    pub book: Arc<Book>,
    pub gateway: Gateway,
    pub address: SocketAddr,
    pub tls: TlsConfig,
    pub ca: tempfile::NamedTempFile,
    pub runtime: tokio::runtime::Runtime,
}

pub fn branch(text: &str) -> BranchId {
    BranchId::parse(text).expect("an id")
}

/// What the tests run with: plain text is allowed, for not every client here speaks TLS.
pub fn settings() -> Settings {
    Settings { plain_on_loopback: true, ..Settings::default() }
}

impl Rig {
    pub fn new() -> Self {
        Self::with(settings())
    }

    pub fn with(settings: Settings) -> Self {
        Self::with_server(settings, Server::start())
    }

    pub fn with_server(settings: Settings, server: Server) -> Self {
        if std::env::var("BOUGH_LOG").is_ok() {
            let _ = tracing_subscriber::fmt().with_writer(std::io::stderr).try_init();
        }
        let book = Book::new();
        let branch = branch("branch000001");
        book.add_branch(&branch, &server);
        let certificate = Certificate::new();
        let ca = tempfile::Builder::new().suffix(".pem").tempfile().expect("a file");
        std::fs::write(ca.path(), &certificate.pem).expect("written");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let tls = TlsConfig::new(certificate.config);
        let (gateway, address) = runtime.block_on(async {
            let directory: Arc<dyn Directory> = Arc::<Book>::clone(&book);
            let gateway = Gateway::new(directory, tls.clone(), settings, entropy());
            let address = listen(&gateway).await;
            (gateway, address)
        });
        Self { server, branch, book, gateway, address, tls, ca, runtime }
    }

    /// Another gateway with the same directory, as another process would have it.
    pub fn another(&self, settings: Settings) -> (Gateway, SocketAddr) {
        self.runtime.block_on(async {
            let directory: Arc<dyn Directory> = Arc::<Book>::clone(&self.book);
            let gateway = Gateway::new(directory, self.tls.clone(), settings, entropy());
            let address = listen(&gateway).await;
            (gateway, address)
        })
    }

    /// A password of a role.
    pub fn user(&self, role: PasswordRole) -> String {
        self.book.add(&self.branch, role)
    }

    /// How the `mysql` driver connects, in plain text.
    pub fn options(&self, username: &str) -> mysql::OptsBuilder {
        mysql::OptsBuilder::new()
            .ip_or_hostname(Some("127.0.0.1"))
            .tcp_port(self.address.port())
            .prefer_socket(false)
            .user(Some(username))
            .pass(Some(PASSWORD))
            .db_name(Some("shop"))
    }

    pub fn connect(&self, username: &str) -> mysql::Conn {
        mysql::Conn::new(self.options(username)).expect("a session")
    }

    /// The error that keeps somebody out.
    pub fn refused(&self, options: mysql::OptsBuilder) -> (u16, String, String) {
        match mysql::Conn::new(options) {
            Err(mysql::Error::MySqlError(error)) => (error.code, error.state, error.message),
            other => panic!("a refusal is expected: {other:?}"),
        }
    }

    /// The `mariadb` shell, in TLS that is verified.
    pub fn shell(&self, username: &str) -> Command {
        let mut command = Command::new(server::program("mariadb"));
        command.args([
            "--no-defaults",
            "--protocol=TCP",
            "--host=127.0.0.1",
            "--default-character-set=utf8mb4",
        ]);
        command.arg(format!("--port={}", self.address.port()));
        command.arg(format!("--user={username}"));
        command.arg(format!("--password={PASSWORD}"));
        command.args(["--ssl", "--ssl-verify-server-cert"]);
        command.arg(format!("--ssl-ca={}", self.ca.path().display()));
        command
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.gateway.stop_accepting();
    }
}

/// A gateway on a free port.
pub async fn listen(gateway: &Gateway) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let gateway = gateway.clone();
    tokio::spawn(async move { gateway.serve(listener).await });
    address
}

/// What a program has printed.
pub fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
