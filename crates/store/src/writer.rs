//! The store: a pool of readers and one writer.

use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use crate::StoreError;
use crate::connection::{Db, Reader, open, open_and_migrate};
use crate::memo::{Mark, Memo, Watch};
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
    /// Tells everybody who keeps tokens, grants, members, passwords or classes in memory to read them anew.
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
    watch: Watch,
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
        Self::with(path, open_and_migrate(path, false)?)
    }

    /// Opens the database at `path`, which holds something, and brings it up to date.
    ///
    /// # Errors
    /// As [`Store::open`], and [`StoreError::Lost`] when there is nothing in it.
    pub fn open_in_use(path: &Path) -> Result<Self, StoreError> {
        Self::with(path, open_and_migrate(path, true)?)
    }

    fn with(path: &Path, connection: Connection) -> Result<Self, StoreError> {
        let (jobs, queue) = channel::<Job>();
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run_writer(&connection, &queue))
            .map_err(|error| StoreError::Failed(format!("no thread for writing: {error}")))?;
        let watch = Watch::of(path);
        let shared = Shared { path: path.to_owned(), readers: Mutex::new(Vec::new()), watch };
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

    /// The state that the database is in now; `None` when that cannot be told without asking it.
    pub fn mark(&self) -> Option<Mark> {
        self.shared.watch.mark()
    }

    /// Reads, or answers what was read before for the same key in the state `mark`.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn recall<K: Eq + Hash, V: Clone, E: From<StoreError>>(
        &self,
        memo: &Memo<K, V>,
        mark: Option<Mark>,
        key: K,
        read: impl FnOnce(&Reader) -> Result<V, E>,
    ) -> Result<V, E> {
        let Some(mark) = mark else { return self.read(read) };
        if let Some(known) = memo.get(mark, &key) {
            return Ok(known);
        }
        let value = self.read(read)?;
        memo.put(mark, key, value.clone());
        Ok(value)
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
        let (job, answered) = job(write);
        let gone = || StoreError::Failed("the store's writer has stopped".to_owned());
        self.jobs.send(job).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }
}

/// A write as the writer's thread takes it, and where its end is told.
fn job<T, E>(write: impl FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static) -> (Job, Receiver<Result<T, E>>)
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
    (job, answered)
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
        StoreError::Failed(detail) => StoreError::Failed(detail.clone()),
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
        // Whoever waits behind a lock that was waited for to no end is told so now: one after the other
        // they would wait ever longer.
        finishes.extend(queue.try_iter().map(|job| job(None).1));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("store.sqlite")).expect("a store");
        store.write(|tx| run(tx, "CREATE TABLE bytes (n INTEGER PRIMARY KEY, b BLOB)")).expect("a table");
        (folder, store)
    }

    fn run(tx: &Tx<'_>, sql: &str) -> Result<(), StoreError> {
        Ok(tx.connection.execute_batch(sql)?)
    }

    fn count(store: &Store) -> i64 {
        store.read(|reader| crate::row::number(reader, "SELECT COUNT(*) FROM bytes", [])).expect("a count")
    }

    /// As a full disk: the file may not have another page.
    #[test]
    fn a_full_file_takes_nothing_back_that_was_acknowledged() {
        let (_folder, store) = store();
        store.write(|tx| run(tx, "INSERT INTO bytes VALUES (1, 'x')")).expect("written");
        store
            .write(|tx| {
                // The limit cannot be below what there is.
                let limit: i64 =
                    tx.connection.query_row("PRAGMA max_page_count = 1", [], |row| row.get(0))?;
                assert!(limit > 1);
                Ok::<_, StoreError>(())
            })
            .expect("a limit");
        let large = "INSERT INTO bytes VALUES (2, zeroblob(100000))";
        let refused = store.write(|tx| run(tx, large));
        assert!(matches!(refused, Err(StoreError::DiskFull)), "{refused:?}");
        assert!(refused.is_err_and(|error| error.to_string().contains("is full; nothing was changed")));
        assert_eq!(count(&store), 1);
        store.write(|tx| run(tx, "PRAGMA max_page_count = 100000")).expect("room again");
        store.write(move |tx| run(tx, large)).expect("written");
        assert_eq!(count(&store), 2);
    }

    /// Writes that all wait when the writer looks, so that they are one group: the first eight numbers, and
    /// `odd` after the fourth. What each of them is told, and the numbers that are there at the end.
    fn group(
        odd: impl FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> (Vec<Result<(), StoreError>>, Vec<i64>) {
        let (folder, store) = store();
        let path = folder.path().join("store.sqlite");
        let numbers = |path: &Path| {
            let connection = open(path).expect("a connection");
            let tx = Tx { connection: &connection };
            crate::row::all(&tx, "SELECT n FROM bytes ORDER BY n", [], |row| Ok(row.get("n")?)).expect("rows")
        };
        let (jobs, queue) = channel();
        let mut told = Vec::new();
        let mut odd = Some(odd);
        for number in 0..8 {
            let path = path.clone();
            let odd = if number == 3 { odd.take() } else { None };
            let (job, answered) = job(move |tx| {
                run(tx, &format!("INSERT INTO bytes VALUES ({number}, 'x')"))?;
                assert_eq!(numbers(&path), Vec::<i64>::new(), "one transaction: nothing is out yet");
                odd.map_or(Ok(()), |odd| odd(tx))
            });
            jobs.send(job).expect("queued");
            told.push(answered);
        }
        drop(jobs);
        run_writer(&open(&path).expect("a connection"), &queue);
        store.write(|tx| run(tx, "INSERT INTO bytes VALUES (100, 'x')")).expect("writing goes on");
        (told.iter().map(|told| told.recv().expect("told")).collect(), numbers(&path))
    }

    #[test]
    fn a_write_that_fails_takes_nothing_of_its_group_with_it() {
        let (told, there) = group(|_| Err(StoreError::Changed));
        for (number, told) in told.iter().enumerate() {
            assert_eq!(matches!(told, Err(StoreError::Changed)), number == 3, "{number}: {told:?}");
        }
        assert_eq!(there, [0, 1, 2, 4, 5, 6, 7, 100]);
    }

    #[test]
    fn a_write_that_panics_takes_nothing_of_its_group_with_it() {
        let (told, there) = group(|_| panic!("on purpose"));
        for (number, told) in told.iter().enumerate() {
            let panicked = matches!(told, Err(StoreError::Failed(why)) if why.contains("panicked"));
            assert_eq!(panicked, number == 3, "{number}: {told:?}");
        }
        assert_eq!(there, [0, 1, 2, 4, 5, 6, 7, 100]);
    }

    /// SQLite ends the whole transaction by itself after some failures; then nobody in it may be told
    /// that his write was kept.
    #[test]
    fn when_the_transaction_is_lost_everybody_in_it_is_told() {
        let (told, there) = group(|tx| run(tx, "ROLLBACK"));
        // Those behind it are a group of their own.
        for (number, told) in told.iter().enumerate() {
            assert_eq!(told.is_err(), number <= 3, "{number}: {told:?}");
        }
        assert_eq!(there, [4, 5, 6, 7, 100]);
    }
}
