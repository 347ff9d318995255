//! Asking other gateway processes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bough_gateway::{ClientId, Kill, KillOutcome, PROCESS_MAX};
use bough_model::{BranchId, PasswordRole};
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::exchange::{ANSWER_MAX_BYTES, Answer, ClientPlace, EXCHANGE_LIMIT, Lines, Question};

/// Longest wait for a gateway process to tell where its clients are: a page waits for it.
const CLIENTS_LIMIT: Duration = Duration::from_secs(2);

/// Longest wait for a gateway process to tell its figures.
const FIGURES_LIMIT: Duration = Duration::from_secs(2);

/// The gateway processes of a data directory, for whoever wants something of them.
#[derive(Clone, Debug)]
pub struct Neighbours {
    folder: PathBuf,
}

impl Neighbours {
    /// Those that have their sockets below this folder, `DIR/run`.
    pub fn of(run: &Path) -> Self {
        Self { folder: run.join("gateways") }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn lock_file(&self, number: u8) -> PathBuf {
        self.folder.join(format!("{number}.lock"))
    }

    pub(crate) fn join_lock_file(&self) -> PathBuf {
        self.folder.join("join.lock")
    }

    pub(crate) fn socket(&self, number: u8) -> PathBuf {
        self.folder.join(format!("{number}.sock"))
    }

    /// The numbers of those that run.
    ///
    /// # Errors
    /// When their folder cannot be read.
    pub fn running(&self) -> io::Result<Vec<u8>> {
        let mut running = Vec::new();
        for number in 0..=PROCESS_MAX {
            let lock = match File::open(self.lock_file(number)) {
                Ok(lock) => lock,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            // Shared, so that two who look at once do not take each other for a process; given back at once.
            match lock.try_lock_shared() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => running.push(number),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(running)
    }

    pub(crate) async fn connect(&self, number: u8) -> io::Result<Lines> {
        Ok(Lines::new(UnixStream::connect(self.socket(number)).await?))
    }

    async fn ask(&self, number: u8, question: &Question) -> io::Result<Answer> {
        let mut lines = self.connect(number).await?;
        lines.write(question).await?;
        lines.read(ANSWER_MAX_BYTES).await
    }

    /// Asks the process that a client belongs to to end it, or what it runs.
    pub async fn kill(
        &self,
        branch: &BranchId,
        role: PasswordRole,
        client: ClientId,
        kill: Kill,
    ) -> KillOutcome {
        let question = Question::Kill {
            client: client.get(),
            only_query: kill == Kill::Query,
            branch: branch.as_str().to_owned(),
            role: role.as_str().to_owned(),
        };
        match timeout(EXCHANGE_LIMIT, self.ask(client.process(), &question)).await {
            Ok(Ok(Answer::Killed)) => KillOutcome::Killed,
            Ok(Ok(Answer::NotYours)) => KillOutcome::NotYours,
            // Nobody there: what it had ended with it.
            Ok(Ok(_) | Err(_)) | Err(_) => KillOutcome::Unknown,
        }
    }

    /// Where the clients of a branch are. A process that does not answer in time is left out, so nothing follows from
    /// a client that is not among them.
    pub async fn clients(&self, branch: &BranchId) -> Vec<ClientPlace> {
        let mut asked = JoinSet::new();
        for number in self.running().unwrap_or_default() {
            let (neighbours, branch) = (self.clone(), branch.as_str().to_owned());
            asked.spawn(async move {
                let question = Question::Clients { branch };
                match timeout(CLIENTS_LIMIT, neighbours.ask(number, &question)).await {
                    Ok(Ok(Answer::Clients(clients))) => clients,
                    Ok(Ok(_) | Err(_)) | Err(_) => Vec::new(),
                }
            });
        }
        asked.join_all().await.concat()
    }

    /// The figures of all processes, each with its number. One that does not answer in time is left out.
    pub async fn figures(&self) -> Vec<(u8, Vec<(String, u64)>)> {
        let mut asked = JoinSet::new();
        for number in self.running().unwrap_or_default() {
            let neighbours = self.clone();
            asked.spawn(async move {
                match timeout(FIGURES_LIMIT, neighbours.ask(number, &Question::Figures)).await {
                    Ok(Ok(Answer::Figures(figures))) => Some((number, figures)),
                    Ok(Ok(_) | Err(_)) | Err(_) => None,
                }
            });
        }
        let mut all: Vec<_> = asked.join_all().await.into_iter().flatten().collect();
        all.sort();
        all
    }

    /// Opens the lock that keeps processes from starting, making it where it is missing.
    pub(crate) fn join_lock(&self) -> io::Result<File> {
        use std::os::unix::fs::OpenOptionsExt as _;
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.join_lock_file())
    }
}
