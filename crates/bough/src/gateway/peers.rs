//! The gateway processes of a host, each with a number and a socket on which the others reach it.
//!
//! ```text
//! DIR/run/gateways/   0700   N.lock   held by gateway process N as long as it runs
//!                     0600   N.sock   what other gateway processes ask it
//! ```
//!
//! A client's number tells which process it belongs to: that one is asked to end it. One line of JSON goes each way.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bough_gateway::{ClientId, Gateway, Kill, KillOutcome, PROCESS_MAX};
use bough_model::{BranchId, PasswordRole};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Longest exchange with another gateway process, in seconds.
const EXCHANGE_LIMIT_SECONDS: u64 = 8;
/// Longest line of one, in bytes.
const LINE_MAX_BYTES: u64 = 1024;
/// Exchanges that a process takes part in at once when others ask.
const EXCHANGES_AT_ONCE: usize = 32;

/// This process among the gateways of the host.
pub struct Peers {
    folder: PathBuf,
    number: u8,
    /// Given back by the system when the process ends, however it does.
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Question {
    kill: u32,
    only_query: bool,
    branch: String,
    role: String,
}

#[derive(Serialize, Deserialize)]
enum Answer {
    Killed,
    Unknown,
    NotYours,
}

impl Peers {
    /// Takes the first number that no other process has.
    pub fn join(run: &Path) -> Result<Self> {
        let folder = run.join("gateways");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        for number in 0..=PROCESS_MAX {
            let path = folder.join(format!("{number}.lock"));
            let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
            let lock = opened.with_context(|| format!("{} cannot be opened", path.display()))?;
            match lock.try_lock() {
                Ok(()) => return Ok(Self { folder, number, _lock: lock }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("{} cannot be locked", path.display()));
                }
            }
        }
        bail!(
            "{} gateway processes run for this directory already; stop one first",
            u16::from(PROCESS_MAX) + 1
        )
    }

    /// This process's number.
    pub const fn number(&self) -> u8 {
        self.number
    }

    fn socket(&self, number: u8) -> PathBuf {
        self.folder.join(format!("{number}.sock"))
    }

    /// Listens for what other gateway processes ask, on the runtime that this is called on.
    pub fn listen(&self, gateway: Gateway) -> Result<()> {
        let path = self.socket(self.number);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{} cannot be removed", path.display()));
            }
            _ => {}
        }
        // The folder lets nobody else in meanwhile.
        let listener =
            UnixListener::bind(&path).with_context(|| format!("{} cannot be listened on", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .with_context(|| format!("the mode of {} cannot be set", path.display()))?;
        let places = Arc::new(Semaphore::new(EXCHANGES_AT_ONCE));
        tokio::spawn(async move {
            loop {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let Ok((stream, _)) = listener.accept().await else { return };
                let gateway = gateway.clone();
                tokio::spawn(async move {
                    let limit = Duration::from_secs(EXCHANGE_LIMIT_SECONDS);
                    // Whoever asks sees that there is no answer.
                    let _ = timeout(limit, answer(stream, &gateway)).await;
                    drop(place);
                });
            }
        });
        Ok(())
    }

    /// Asks the process that a client belongs to to end it.
    pub async fn kill(
        &self,
        branch: &BranchId,
        role: PasswordRole,
        client: ClientId,
        kill: Kill,
    ) -> KillOutcome {
        if client.process() == self.number {
            return KillOutcome::Unknown;
        }
        let question = Question {
            kill: client.get(),
            only_query: kill == Kill::Query,
            branch: branch.as_str().to_owned(),
            role: role.as_str().to_owned(),
        };
        let limit = Duration::from_secs(EXCHANGE_LIMIT_SECONDS);
        match timeout(limit, ask(self.socket(client.process()), &question)).await {
            Ok(Ok(Answer::Killed)) => KillOutcome::Killed,
            Ok(Ok(Answer::NotYours)) => KillOutcome::NotYours,
            // Nobody there: what it had ended with it.
            Ok(Ok(Answer::Unknown) | Err(_)) | Err(_) => KillOutcome::Unknown,
        }
    }
}

async fn ask(path: PathBuf, question: &Question) -> Result<Answer> {
    let mut stream = UnixStream::connect(path).await?;
    let line = serde_json::to_string(question)? + "\n";
    stream.write_all(line.as_bytes()).await?;
    Ok(serde_json::from_str(&line_of(stream).await?.0)?)
}

async fn answer(stream: UnixStream, gateway: &Gateway) -> Result<()> {
    let (line, mut stream) = line_of(stream).await?;
    let question: Question = serde_json::from_str(&line)?;
    let (Some(branch), Some(role), Some(client)) = (
        BranchId::parse(&question.branch),
        PasswordRole::parse(&question.role),
        ClientId::parse(question.kill.into()),
    ) else {
        bail!("the question of another gateway process makes no sense")
    };
    let kill = if question.only_query { Kill::Query } else { Kill::Connection };
    let answer = match gateway.kill(&branch, role, client, kill).await {
        KillOutcome::Killed => Answer::Killed,
        KillOutcome::Unknown => Answer::Unknown,
        KillOutcome::NotYours => Answer::NotYours,
    };
    let line = serde_json::to_string(&answer)? + "\n";
    stream.write_all(line.as_bytes()).await?;
    Ok(())
}

async fn line_of(stream: UnixStream) -> Result<(String, UnixStream)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    (&mut reader).take(LINE_MAX_BYTES).read_line(&mut line).await?;
    Ok((line, reader.into_inner()))
}
