//! A gateway process: its number, and its answers.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bough_gateway::{ClientId, Gateway, Kill, KillOutcome, PROCESS_MAX};
use bough_model::{BranchId, PasswordRole};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use crate::ask::Neighbours;
use crate::exchange::{
    Answer, CLIENTS_MAX, ClientPlace, EXCHANGE_LIMIT, Lines, QUESTION_MAX_BYTES, Question,
};
use crate::park::{PARK_MAX, hold};

/// Exchanges that a process takes part in at once when others ask.
const EXCHANGES_AT_ONCE: usize = 32;
/// Parks that a process holds at once.
const PARKS_AT_ONCE: usize = 16;
/// Longest wait for branches to be let go before a process may start: each park is shorter.
const JOIN_LIMIT: Duration = PARK_MAX.saturating_mul(2);
/// How often it is tried meanwhile.
const JOIN_EVERY: Duration = Duration::from_millis(20);

/// This process among the gateways of the host.
#[derive(Debug)]
pub struct Member {
    neighbours: Neighbours,
    number: u8,
    /// Given back by the system when the process ends, however it does.
    _lock: File,
    /// Held until this process can be asked: whoever parks a branch in all processes must not miss one.
    joining: Mutex<Option<File>>,
}

/// Why a process cannot join.
#[derive(Debug, thiserror::Error)]
pub enum JoinFailed {
    /// A file or socket cannot be used.
    #[error("{path} cannot be {what}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What was to be done with it.
        what: &'static str,
        /// Why it cannot.
        error: io::Error,
    },
    /// There are as many as have a number.
    #[error("{0} gateway processes run for this directory already; stop one first")]
    Full(usize),
    /// Somebody keeps branches parked.
    #[error(
        "other gateway processes are starting, or branches are being held, for {} s now; start this one again",
        JOIN_LIMIT.as_secs()
    )]
    Held,
}

fn failed(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> JoinFailed {
    let path = path.to_owned();
    move |error| JoinFailed::File { path, what, error }
}

impl Member {
    /// Takes the first number that no other process has. Waits while a branch is parked in all processes: this one
    /// does not know of it.
    ///
    /// # Errors
    /// When the folder cannot be used, all numbers are taken, or branches are parked for too long.
    pub async fn join(run: &Path) -> Result<Self, JoinFailed> {
        let neighbours = Neighbours::of(run);
        let folder = neighbours.folder();
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed(folder, "made"))?;
        let path = neighbours.join_lock_file();
        let joining = neighbours.join_lock().map_err(failed(&path, "opened"))?;
        let deadline = Instant::now() + JOIN_LIMIT;
        loop {
            match joining.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(failed(&path, "locked")(error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return Err(JoinFailed::Held),
                Err(TryLockError::WouldBlock) => sleep(JOIN_EVERY).await,
            }
        }
        for number in 0..=PROCESS_MAX {
            let path = neighbours.lock_file(number);
            let opened = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path);
            let lock = opened.map_err(failed(&path, "opened"))?;
            match lock.try_lock() {
                Ok(()) => {
                    let joining = Mutex::new(Some(joining));
                    return Ok(Self { neighbours, number, _lock: lock, joining });
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed(&path, "locked")(error)),
            }
        }
        Err(JoinFailed::Full(usize::from(PROCESS_MAX) + 1))
    }

    /// This process's number.
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// Listens for what is asked of this process, on the runtime that this is called on.
    ///
    /// # Errors
    /// When it cannot.
    pub fn listen(&self, gateway: Gateway) -> Result<(), JoinFailed> {
        let path = self.neighbours.socket(self.number);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&path, "removed")(error));
            }
            _ => {}
        }
        // The folder lets nobody else in meanwhile.
        let listener = UnixListener::bind(&path).map_err(failed(&path, "listened on"))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed(&path, "given its mode"))?;
        tokio::spawn(serve(listener, gateway));
        self.joining.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }

    /// Asks the process that a client belongs to to end it, or what it runs.
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
        self.neighbours.kill(branch, role, client, kill).await
    }
}

async fn serve(listener: UnixListener, gateway: Gateway) {
    let exchanges = Arc::new(Semaphore::new(EXCHANGES_AT_ONCE));
    let parks = Arc::new(Semaphore::new(PARKS_AT_ONCE));
    loop {
        let Ok(place) = Arc::clone(&exchanges).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else { return };
        let (gateway, parks) = (gateway.clone(), Arc::clone(&parks));
        // Whoever asks sees that there is no answer.
        tokio::spawn(async move { drop(answer(stream, &gateway, place, parks).await) });
    }
}

async fn answer(
    stream: UnixStream,
    gateway: &Gateway,
    place: OwnedSemaphorePermit,
    parks: Arc<Semaphore>,
) -> io::Result<()> {
    let mut lines = Lines::new(stream);
    let asked = timeout(EXCHANGE_LIMIT, lines.read(QUESTION_MAX_BYTES)).await?;
    let answer = match asked {
        Ok(Question::Kill { client, only_query, branch, role }) => {
            let killed = killed(gateway, client, only_query, &branch, &role);
            timeout(EXCHANGE_LIMIT, killed).await?
        }
        Ok(Question::Clients { branch }) => match BranchId::parse(&branch) {
            Some(branch) => Answer::Clients(clients(gateway, &branch)),
            None => Answer::NotUnderstood,
        },
        Ok(Question::Figures) => {
            let named = gateway.figures().named();
            Answer::Figures(named.iter().map(|figure| (figure.name.to_owned(), figure.value)).collect())
        }
        Ok(Question::Park { branch, limit_ms }) => {
            if let (Some(branch), Ok(held)) = (BranchId::parse(&branch), parks.try_acquire_owned()) {
                // It may last, and others have something to ask.
                drop(place);
                hold(lines, gateway, &branch, Duration::from_millis(limit_ms)).await;
                drop(held);
                return Ok(());
            }
            Answer::NotUnderstood
        }
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(error),
        Err(_) => Answer::NotUnderstood,
    };
    timeout(EXCHANGE_LIMIT, lines.write(&answer)).await?
}

async fn killed(gateway: &Gateway, client: u32, only_query: bool, branch: &str, role: &str) -> Answer {
    let (Some(branch), Some(role), Some(client)) =
        (BranchId::parse(branch), PasswordRole::parse(role), ClientId::parse(client.into()))
    else {
        return Answer::NotUnderstood;
    };
    let kill = if only_query { Kill::Query } else { Kill::Connection };
    match gateway.kill(&branch, role, client, kill).await {
        KillOutcome::Killed => Answer::Killed,
        KillOutcome::Unknown => Answer::Unknown,
        KillOutcome::NotYours => Answer::NotYours,
    }
}

fn clients(gateway: &Gateway, branch: &BranchId) -> Vec<ClientPlace> {
    let sessions = gateway.sessions(Some(branch)).into_iter().take(CLIENTS_MAX);
    sessions
        .map(|session| ClientPlace {
            thread: session.thread,
            address: session.address.to_canonical(),
            password: Some(session.password),
        })
        .collect()
}
