//! What can go wrong with the metadata database, in words for its operator.

use std::path::PathBuf;

/// A failure of the metadata database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A newer Bough wrote it.
    #[error(
        "the metadata database {path} was written by a newer version of Bough (its schema is {found}, this \
         version knows up to {known}); nothing was changed. Start that version, or restore a backup"
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its schema's number.
        found: usize,
        /// The newest that this program knows.
        known: usize,
    },
    /// It is not a database, or damaged.
    #[error(
        "the metadata database {path} is damaged or not a database ({detail}); nothing was changed. Keep a \
         copy of the file and restore a backup"
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// What was in it is gone.
    #[error(
        "the metadata database {path} is empty, or its log {path}-wal is missing or was cut, although this directory \
         was in use; nothing was changed. Put both back, or restore a backup"
    )]
    Lost {
        /// The database file.
        path: PathBuf,
    },
    /// Another program holds it.
    #[error(
        "the metadata database is locked by another program ({0}); nothing was changed. End that program \
         (a database browser, a backup) and try again"
    )]
    Locked(String),
    /// There is no room.
    #[error(
        "the disk that holds the metadata database is full; nothing was changed. Make room and try again"
    )]
    DiskFull,
    /// It cannot be opened.
    #[error("the metadata database {path} cannot be opened: {detail}")]
    Open {
        /// The database file.
        path: PathBuf,
        /// What the system says.
        detail: String,
    },
    /// Bringing it up to date failed; what was there before is untouched.
    #[error("the metadata database {path} could not be brought up to date: {detail}. It is as it was before")]
    Migration {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// What the decision was made on has changed since: decide again.
    #[error("what was asked for has changed meanwhile; try again")]
    Changed,
    /// A row holds what no version of ours writes.
    #[error("the metadata database holds a value that this version does not know: {0}")]
    Unknown(String),
    /// Any other failure.
    #[error("the metadata database failed: {0}")]
    Failed(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked(error.to_string()),
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            _ => Self::Failed(error.to_string()),
        }
    }
}
