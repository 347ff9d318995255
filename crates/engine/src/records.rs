//! The two small files that Bough keeps beside a branch's data: who its server is, and how far it is made.

use std::fmt;
use std::path::Path;

use bough_model::Flavor;
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::files;

/// Longest record, in bytes.
const RECORD_MAX_BYTES: u64 = 16 << 10;

/// `server.json`: the process that was started for a branch. It proves nothing by itself; every use is
/// checked against the running process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRecord {
    /// The process's number.
    pub pid: i32,
    /// When it started, in clock ticks since the machine did.
    pub start_ticks: u64,
    /// Which run of the machine that was.
    pub boot_id: String,
    /// The program.
    pub exe: String,
    /// The server's `@@server_id`.
    pub server_id: u32,
}

/// `stage.json`: how far a branch is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRecord {
    /// The run of the machine in which the template was copied.
    pub copied_in_boot: String,
    /// Whether the copy is known to be on the disk and not only in memory.
    pub synced: bool,
    /// Whether the schema and the accounts are made.
    pub accounts_ready: bool,
    /// Whether the parent's schema is copied.
    pub seeded: bool,
    /// Whether the accounts are being rewritten, and may be changed by anybody meanwhile.
    #[serde(default)]
    pub accounts_open: bool,
    /// How many of the wished restarts the last start has done.
    #[serde(default)]
    pub restarts: u32,
    /// The version of the server that the files were made for; absent in records of an older Bough.
    #[serde(default)]
    pub files_of: Option<FilesOf>,
}

/// The version of a server, as far as files depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FilesOf {
    /// Major version.
    pub major: u16,
    /// Minor version.
    pub minor: u16,
}

impl FilesOf {
    /// Older than any: whose files they are is not known.
    pub const UNKNOWN: Self = Self { major: 0, minor: 0 };

    /// What a server of this version makes.
    pub const fn version(flavor: Flavor) -> Self {
        Self { major: flavor.major, minor: flavor.minor }
    }
}

impl fmt::Display for FilesOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Reads a record; `None` when there is none, or none that can be read.
pub fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, EngineError> {
    let content = files::read_small(path, RECORD_MAX_BYTES)?;
    Ok(content.and_then(|content| match serde_json::from_slice(&content) {
        Ok(record) => Some(record),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a record cannot be read and counts as missing");
            None
        }
    }))
}

/// Writes a record as a whole.
pub fn write<T: Serialize>(path: &Path, record: &T, durable: bool) -> Result<(), EngineError> {
    let content = serde_json::to_vec(record).map_err(|error| EngineError::Layout {
        path: path.to_owned(),
        why: format!("cannot be written as JSON: {error}"),
    })?;
    files::replace_file(path, &content, durable)
}
