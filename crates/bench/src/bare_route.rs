//! What P1 is measured against: one axum route that answers JSON, and nothing else. It is a process of
//! its own (this program again), with the server set up as Bough's is.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio::net::TcpListener;

/// The argument that makes this program the bare server.
pub const COMMAND: &str = "bare-route";
/// As Bough's.
const HEADER_LIMIT_SECONDS: u64 = 30;
/// As Bough's.
const HEADER_BUFFER_BYTES: usize = 128 * 1024;

/// The bare server, running.
pub struct BareRoute {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl BareRoute {
    /// Starts it; it answers `body`, written anew from its parts for each request.
    pub fn start(body: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([COMMAND, body]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the bare server cannot be started")?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().parse().with_context(|| format!("the bare server said {line:?}"));
        match address {
            Ok(address) => Ok(Self { child, address }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for BareRoute {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the bare server until it is killed.
pub fn run(body: &str) -> ExitCode {
    match serve(body) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(body: &str) -> Result<()> {
    let value: Arc<Value> = Arc::new(serde_json::from_str(body)?);
    let route = get(move || {
        let value = Arc::clone(&value);
        async move {
            let mut response = Response::new(Body::from(serde_json::to_vec(&*value).unwrap_or_default()));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
    });
    let path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}";
    let app = Router::new().route(path, route);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
        std::io::stdout().flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = TowerToHyperService::new(app.clone());
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(HEADER_LIMIT_SECONDS))
                .max_buf_size(HEADER_BUFFER_BYTES)
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    })
}
