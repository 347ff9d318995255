//! Parking a branch in all gateway processes.
//!
//! ```text
//! owner                                   each gateway process
//! takes join.lock, shared                 (nobody can start now)
//! Park { branch, limit } ---------------> parks the branch: nobody begins a command
//!                        <--------------- Parking, at once
//!                        <--------------- Parked, when every session stands
//! ... all have said so: it is parked ...
//! ends the connections   ---------------> lets go
//! ```
//!
//! The park is over as soon as anything of it is: a process that ends or lets go, the limit, the owner's end. Then
//! everybody is let go. The owner's clock starts first, so its limit is over before anybody else's.

use std::fs::{File, TryLockError};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bough_gateway::Gateway;
use bough_model::BranchId;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::ask::Neighbours;
use crate::exchange::{ANSWER_MAX_BYTES, Answer, EXCHANGE_LIMIT, Lines, Question};

/// Longest time that a branch can be parked, waiting for its sessions to stand included.
pub const PARK_MAX: Duration = Duration::from_secs(30);
/// Longest wait for a process to say that it has begun: one that is stuck must not hold up the others' clients.
const BEGIN_LIMIT: Duration = Duration::from_secs(3);
/// Longest wait for a word of a process when the time for its sessions to stand is over.
const WORD_LIMIT: Duration = Duration::from_secs(1);
/// How often it is looked whether processes that are starting have started.
const STARTING_EVERY: Duration = Duration::from_millis(20);

/// Why a branch is not parked. Nobody is held any more.
#[derive(Debug, thiserror::Error)]
pub enum ParkFailed {
    /// Sessions of a process did not come to stand.
    #[error(
        "{sessions} sessions of gateway process {process} were still in a transaction or waited for an answer"
    )]
    Busy {
        /// Its number.
        process: u8,
        /// How many.
        sessions: usize,
    },
    /// All sessions stood when there was no time left.
    #[error("the sessions came to stand too late")]
    Late,
    /// A process has not answered, or has ended.
    #[error("gateway process {process} does not answer")]
    Silent {
        /// Its number.
        process: u8,
    },
    /// A process kept on starting.
    #[error("a gateway process was starting all the time")]
    Starting,
    /// The folder of the processes cannot be read.
    #[error("the gateway processes cannot be found: {0}")]
    Folder(#[from] io::Error),
}

impl Neighbours {
    /// Keeps all sessions of a branch, in every gateway process, from beginning another command, and new ones from
    /// logging in. Resolves when each stands at a boundary outside a transaction. `limit` is for all of it, waiting
    /// included, and at most [`PARK_MAX`]. No gateway process starts meanwhile.
    ///
    /// # Errors
    /// When sessions do not come to stand in time, or a process does not answer: everybody has been let go.
    pub async fn park(&self, branch: &BranchId, limit: Duration) -> Result<ParkedEverywhere, ParkFailed> {
        let limit = limit.min(PARK_MAX);
        let deadline = Instant::now() + limit;
        let started = self.nobody_starts(deadline).await?;
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let mut asked = JoinSet::new();
        for process in self.running()? {
            let (neighbours, branch) = (self.clone(), branch.as_str().to_owned());
            let question = Question::Park { branch, limit_ms };
            asked.spawn(async move {
                let asking = neighbours.park_one(process, &question);
                timeout_at(deadline + WORD_LIMIT, asking).await.unwrap_or(Err(ParkFailed::Silent { process }))
            });
        }
        let mut held = Vec::new();
        while let Some(answered) = asked.join_next().await {
            // Whoever has said yes is let go with `held`, whoever has not said anything with `asked`.
            held.push(answered.map_err(io::Error::other)??);
        }
        let parked = ParkedEverywhere::new(held, started, deadline);
        if parked.holds() { Ok(parked) } else { Err(ParkFailed::Late) }
    }

    /// Waits until no gateway process is starting, and lets none start as long as the answer is kept.
    async fn nobody_starts(&self, deadline: Instant) -> Result<Option<File>, ParkFailed> {
        let lock = match self.join_lock() {
            Ok(lock) => lock,
            // No gateway process has ever run here.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        loop {
            match lock.try_lock_shared() {
                Ok(()) => return Ok(Some(lock)),
                Err(TryLockError::Error(error)) => return Err(error.into()),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(ParkFailed::Starting);
                }
                Err(TryLockError::WouldBlock) => sleep(STARTING_EVERY).await,
            }
        }
    }

    async fn park_one(&self, process: u8, question: &Question) -> Result<Lines, ParkFailed> {
        let silent = || ParkFailed::Silent { process };
        let beginning = async {
            let mut lines = self.connect(process).await?;
            lines.write(question).await?;
            let answer: Answer = lines.read(ANSWER_MAX_BYTES).await?;
            Ok::<_, io::Error>((lines, answer))
        };
        let begun = timeout(BEGIN_LIMIT, beginning).await.map_err(|_| silent())?;
        let (mut lines, answer) = begun.map_err(|_| silent())?;
        if !matches!(answer, Answer::Parking) {
            return Err(silent());
        }
        match lines.read(ANSWER_MAX_BYTES).await {
            Ok(Answer::Parked) => Ok(lines),
            Ok(Answer::Busy(sessions)) => Err(ParkFailed::Busy { process, sessions }),
            Ok(_) | Err(_) => Err(silent()),
        }
    }
}

/// A branch that is parked in every gateway process. Dropping it lets go.
#[derive(Debug)]
pub struct ParkedEverywhere {
    over: Arc<AtomicBool>,
    deadline: Instant,
    holding: AbortHandle,
}

impl ParkedEverywhere {
    fn new(held: Vec<Lines>, started: Option<File>, deadline: Instant) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let holding = tokio::spawn(async move {
            let mut ended = JoinSet::new();
            for mut lines in held {
                ended.spawn(async move { lines.ended().await });
            }
            tokio::select! {
                () = sleep_until(deadline) => {}
                Some(_) = ended.join_next() => {}
            }
            // Said before anybody is let go.
            ends.store(true, Ordering::Release);
            drop((ended, started));
        });
        Self { over, deadline, holding: holding.abort_handle() }
    }

    /// Whether it still is parked: false once the limit is over, or a process has ended.
    pub fn holds(&self) -> bool {
        !self.over.load(Ordering::Acquire) && Instant::now() < self.deadline
    }
}

impl Drop for ParkedEverywhere {
    fn drop(&mut self) {
        self.holding.abort();
    }
}

/// A gateway process's part: parks, says so, and lets go when whoever asked does, or ends.
pub(crate) async fn hold(mut lines: Lines, gateway: &Gateway, branch: &BranchId, limit: Duration) {
    let limit = limit.min(PARK_MAX);
    let deadline = Instant::now() + limit;
    let parking = gateway.park(branch, limit);
    if !matches!(timeout(EXCHANGE_LIMIT, lines.write(&Answer::Parking)).await, Ok(Ok(()))) {
        return;
    }
    let parked = tokio::select! {
        parked = parking => parked,
        () = lines.ended() => return,
    };
    let answer = match &parked {
        Ok(_) => Answer::Parked,
        Err(busy) => Answer::Busy(busy.sessions),
    };
    let said = timeout(EXCHANGE_LIMIT, lines.write(&answer)).await;
    if parked.is_ok() && matches!(said, Ok(Ok(()))) {
        let _ = timeout_at(deadline, lines.ended()).await;
    }
    drop(parked);
}
