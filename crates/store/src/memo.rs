//! What was read is used again as long as nobody, in whatever process, has committed anything since.
//!
//! Asking SQLite whether that is so takes two locks of files and a statement. The shared index of its log
//! (`…-shm`) begins with a header that every commit changes, twice over, and that SQLite itself compares
//! for the same purpose (sqlite.org/walformat.html, "The WAL-Index Header"); reading it is one call of the
//! system. A header that is being written, or is not of the form known here, counts as changed.

use std::collections::HashMap;
use std::fs::File;
use std::hash::Hash;
use std::mem::ManuallyDrop;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

/// Bytes of one of the two copies of the header.
const HEADER_BYTES: usize = 48;
/// What a header begins with: the version of its form.
const HEADER_VERSION: u32 = 3_007_000;
/// Where in a header it says that it is in use.
const IN_USE_AT: usize = 12;
/// Most values that one memo keeps. When it is reached, all are forgotten and read again as they come.
const KEPT_MAX: usize = 50_000;

/// A state of the database: equal ones are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark([u8; HEADER_BYTES]);

/// Looks at the header.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Never closed: closing any descriptor of a file gives up all locks that this process has on it,
    /// SQLite's own among them.
    index: Option<ManuallyDrop<File>>,
}

impl Watch {
    /// Of a database that this process has open, and keeps open as long as this is used.
    pub(crate) fn of(database: &Path) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push("-shm");
        Self { index: File::open(name).ok().map(ManuallyDrop::new) }
    }

    /// The state that the database is in now; `None` when that cannot be told.
    pub(crate) fn mark(&self) -> Option<Mark> {
        let mut copies = [0; 2 * HEADER_BYTES];
        self.index.as_ref()?.read_exact_at(&mut copies, 0).ok()?;
        let (first, second) = copies.split_first_chunk::<HEADER_BYTES>()?;
        let known = first.starts_with(&HEADER_VERSION.to_ne_bytes()) && first[IN_USE_AT] != 0;
        (known && second == first).then_some(Mark(*first))
    }
}

/// Values that were read, by what they were read for, all in one state of the database.
#[derive(Debug)]
pub struct Memo<K, V>(RwLock<Option<(Mark, HashMap<K, V>)>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(RwLock::new(None))
    }
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    pub(crate) fn get(&self, mark: Mark, key: &K) -> Option<V> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(of, _)| *of == mark)?.1.get(key).cloned()
    }

    /// Keeps a value. `mark` is from before it was read: if something was committed meanwhile, the value
    /// is never used.
    pub(crate) fn put(&self, mark: Mark, key: K, value: V) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match &mut *kept {
            Some((of, values)) if *of == mark && values.len() < KEPT_MAX => {
                values.insert(key, value);
            }
            other => *other = Some((mark, HashMap::from([(key, value)]))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::{Store, StoreError};

    /// A store, and how often it was really read through the memo.
    struct Read {
        store: Store,
        memo: Memo<&'static str, i64>,
        times: Arc<AtomicU32>,
    }

    impl Read {
        fn value(&self) -> i64 {
            let read = self.store.recall(&self.memo, self.store.mark(), "a", |reader| {
                self.times.fetch_add(1, Ordering::Relaxed);
                crate::row::number(reader, "SELECT version FROM store_version", [])
            });
            read.expect("it can be read")
        }
    }

    #[test]
    fn a_commit_of_any_process_makes_it_read_again_and_nothing_else_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.sqlite");
        let read = Read {
            store: Store::open(&path).expect("a store"),
            memo: Memo::default(),
            times: Arc::default(),
        };
        assert_eq!((read.value(), read.value(), read.value()), (1, 1, 1));
        assert_eq!(read.times.load(Ordering::Relaxed), 1);

        read.store.write(|tx| tx.bump_store_version()).expect("written");
        assert_eq!((read.value(), read.value()), (2, 2));
        assert_eq!(read.times.load(Ordering::Relaxed), 2);

        let refused = read.store.write(|tx| {
            tx.bump_store_version()?;
            Err::<(), _>(StoreError::Changed)
        });
        assert!(refused.is_err());
        assert_eq!(read.value(), 2);

        // A second store on the same file is what another process is, but for the locks.
        let other = Store::open(&path).expect("a second one");
        for version in 3..50 {
            other.write(|tx| tx.bump_store_version()).expect("written");
            assert_eq!(read.value(), version);
        }
        drop(other);
        assert_eq!(read.value(), 49);
    }

    #[test]
    fn without_an_index_everything_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Watch::of(&folder.path().join("none")).mark(), None);
        let odd = folder.path().join("odd");
        for content in [vec![], vec![0; 200], vec![7; 200]] {
            std::fs::write(folder.path().join("odd-shm"), content).expect("written");
            assert_eq!(Watch::of(&odd).mark(), None);
        }
    }
}
