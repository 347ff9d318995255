//! The store: a pool of readers and one writer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use crate::StoreError;
use crate::connection::{Db, Reader, open, open_and_migrate};
use crate::row::change;

/// Most writes in one transaction.
const GROUP_MAX: usize = 256;
/// Idle readers kept open.
const READERS_KEPT: usize = 64;

/// A transaction that writes. What is done in it is durable, whole, once `Store::write` answers.
pub struct Tx<'a> {
    connection: &'a Connection,
}

impl Db for Tx<'_> {
    fn connection(&self) -> &Connection {
        self.connection
    }
}

impl Tx<'_> {
    /// Tells everybody who keeps tokens, grants, members or classes in memory to read them anew.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn bump_store_version(&self) -> Result<(), StoreError> {
        change(self, "UPDATE store_version SET version = version + 1 WHERE one = 1", [])?;
        Ok(())
    }
}

/// What remains to do once the transaction has ended, one way or the other.
type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A write on its way. With a transaction it runs in it and says whether to keep what it did; without
/// one it does not run. Either way there is somebody to be told the end.
type Job = Box<dyn FnOnce(Option<&Tx<'_>>) -> (bool, Finish) + Send>;

struct Shared {
    path: PathBuf,
    readers: Mutex<Vec<Reader>>,
}

/// The metadata database, open.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    // The writer's thread ends, after what is queued, when the last sender is gone.
    jobs: Sender<Job>,
}

impl Store {
    /// Opens the database at `path`, creates it when it is not there, brings it up to date.
    ///
    /// # Errors
    /// When it is of a newer version, damaged, locked or cannot be opened; nothing is changed then.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = open_and_migrate(path)?;
        let (jobs, queue) = channel::<Job>();
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run_writer(&connection, &queue))
            .map_err(|error| StoreError::Failed(format!("no thread for writing: {error}")))?;
        let shared = Shared { path: path.to_owned(), readers: Mutex::new(Vec::new()) };
        Ok(Self { shared: Arc::new(shared), jobs })
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Reads, on the calling thread.
    ///
    /// # Errors
    /// When the database cannot be read, or what `read` answers.
    pub fn read<T, E: From<StoreError>>(&self, read: impl FnOnce(&Reader) -> Result<T, E>) -> Result<T, E> {
        let kept = self.shared.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match kept {
            Some(reader) => reader,
            None => Reader::new(open(&self.shared.path)?),
        };
        let result = read(&reader);
        let mut readers = self.shared.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS_KEPT {
            readers.push(reader);
        }
        result
    }

    /// Writes: runs `write` on the writer's thread and waits until what it did is durable. When it
    /// answers an error, nothing of it stays.
    ///
    /// # Errors
    /// What `write` answers, or a failure of the database.
    pub fn write<T, E>(&self, write: impl FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = sync_channel::<Result<T, E>>(1);
        let job: Job = Box::new(move |tx| {
            let panicked = || StoreError::Failed("a write panicked; nothing of it was kept".to_owned());
            let result = tx.map(|tx| {
                catch_unwind(AssertUnwindSafe(|| write(tx))).unwrap_or_else(|_| Err(panicked().into()))
            });
            let keep = matches!(result, Some(Ok(_)));
            let finish: Finish = Box::new(move |ended| {
                let answered = match (ended, result) {
                    (Err(error), Some(Ok(_)) | None) => Err(error.into()),
                    (_, Some(result)) => result,
                    (Ok(()), None) => Err(StoreError::Failed("the write did not run".to_owned()).into()),
                };
                // Nobody listening any more is no reason to do anything else.
                let _ = answer.send(answered);
            });
            (keep, finish)
        });
        let gone = || StoreError::Failed("the store's writer has stopped".to_owned());
        self.jobs.send(job).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }
}

fn run_writer(connection: &Connection, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let mut finishes = Vec::new();
        let outcome = write_group(connection, first, queue, &mut finishes);
        if outcome.is_err() {
            // After a failed BEGIN or COMMIT there may be a transaction left; there may also be none.
            let _ = connection.execute_batch("ROLLBACK");
        }
        for finish in finishes {
            finish(match &outcome {
                Ok(()) => Ok(()),
                Err(error) => Err(copy_of(error)),
            });
        }
    }
}

/// Each waiting write gets the same failure; the error itself cannot be cloned.
fn copy_of(error: &StoreError) -> StoreError {
    match error {
        StoreError::Locked(detail) => StoreError::Locked(detail.clone()),
        StoreError::DiskFull => StoreError::DiskFull,
        other => StoreError::Failed(other.to_string()),
    }
}

fn write_group(
    connection: &Connection,
    first: Job,
    queue: &Receiver<Job>,
    finishes: &mut Vec<Finish>,
) -> Result<(), StoreError> {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        finishes.push(first(None).1);
        return Err(error.into());
    }
    let tx = Tx { connection };
    let mut next = Some(first);
    while let Some(job) = next {
        if let Err(error) = connection.execute_batch("SAVEPOINT job") {
            finishes.push(job(None).1);
            return Err(error.into());
        }
        let (keep, finish) = job(Some(&tx));
        finishes.push(finish);
        connection.execute_batch(if keep { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" })?;
        next = if finishes.len() < GROUP_MAX { queue.try_recv().ok() } else { None };
    }
    connection.execute_batch("COMMIT")?;
    Ok(())
}
