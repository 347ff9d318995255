//! Sealing: the server's own account may not write the files of a system table, so the server opens the
//! table for reading only, and every statement that would change it fails (error 1036).
//!
//! `global_priv` is sealed always, or any client could lock out all others of its role with `SET PASSWORD`.
//! Recovery after a crash passes over files that it cannot open, so they are brought to the disk before
//! they are sealed, and are left open while they are being rewritten.
//! `event` is sealed where nobody may change the schema directly. A server that cannot write it does not
//! start, so each start opens it; its consequence is that an event that runs once stays listed until then.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::libc;

use crate::EngineError;
use crate::layout::BranchPaths;

/// The table of accounts.
pub(super) const ACCOUNTS: &str = "global_priv";
/// The table of events.
pub(super) const EVENTS: &str = "event";
/// Data and index of a system table.
const EXTENSIONS: [&str; 2] = ["MAD", "MAI"];
/// What the server makes its files with.
const OPEN_MODE: u32 = 0o660;
/// Nobody writes.
const SEALED_MODE: u32 = 0o440;

fn files_of(paths: &BranchPaths, table: &str) -> [PathBuf; 2] {
    EXTENSIONS.map(|extension| paths.data.join("mysql").join(table).with_extension(extension))
}

fn open(path: &Path) -> Result<File, EngineError> {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    opened.map_err(EngineError::io("open", path))
}

/// Sees to the mode of a table's files; what was written before is on the disk then. The caller holds the
/// account's file rights.
fn set_mode(paths: &BranchPaths, table: &str, mode: u32) -> Result<(), EngineError> {
    for path in files_of(paths, table) {
        let file = open(&path)?;
        let now = file.metadata().map_err(EngineError::io("look at", &path))?.permissions().mode() & 0o7777;
        if now != mode {
            file.sync_all().map_err(EngineError::io("sync", &path))?;
            file.set_permissions(Permissions::from_mode(mode))
                .map_err(EngineError::io("set the mode of", &path))?;
        }
    }
    Ok(())
}

/// Shuts a table against writing. It is shut once the server opens it anew.
pub(super) fn seal(paths: &BranchPaths, table: &str) -> Result<(), EngineError> {
    set_mode(paths, table, SEALED_MODE)
}

/// Opens a table for writing, from when the server opens it anew.
pub(super) fn unseal(paths: &BranchPaths, table: &str) -> Result<(), EngineError> {
    set_mode(paths, table, OPEN_MODE)
}

/// Whether the server's account may not write a table's files. The caller holds the account's file rights.
pub(super) fn is_sealed(paths: &BranchPaths, table: &str) -> Result<bool, EngineError> {
    for path in files_of(paths, table) {
        match std::fs::symlink_metadata(&path) {
            Ok(meta) if meta.permissions().mode() & 0o222 == 0 => {}
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(EngineError::io("look at", &path)(error)),
        }
    }
    Ok(true)
}

/// What a start needs: the server writes the table of events while it starts, and that of accounts when its
/// rewriting was interrupted. The caller holds the account's file rights.
pub(crate) fn open_for_start(paths: &BranchPaths, accounts_open: bool) -> Result<(), EngineError> {
    let tables = if accounts_open { &[EVENTS, ACCOUNTS][..] } else { &[EVENTS][..] };
    tables.iter().try_for_each(|table| unseal(paths, table))
}
