//! Looking at an engine's directory, its servers and its programs, for the doctor.
//!
//! What it is: questions whose answers are values, each of which stands alone: it needs nothing to be in
//! order, and says what it could not see. [`ManagedEngine::open`](crate::ManagedEngine::open) would make
//! folders and mend modes, so none of this goes through it.
//! What it refuses: to change anything. Nothing is made, moved, signalled or recorded; the one exception is
//! the scratch file of [`shares_blocks`], which has no name where the filesystem allows that.

mod folders;
mod programs;
mod room;
mod servers;

use std::path::{Path, PathBuf};

use crate::layout::{self, EngineDir};
use crate::{EngineAccount, EngineError};

pub use folders::{FolderFault, PlaceSeen, Stage, Wrong};
pub use programs::{OLDEST_SERVER, ProgramSeen, ProgramState, examine_programs};
pub use room::{Footprint, Room, filesystem_of, room_of, shares_blocks};
pub use servers::{Answer, ServerSeen};

/// An engine's directory, looked at from outside; it need not be there.
#[derive(Debug)]
pub struct Checkup {
    dir: EngineDir,
    account: EngineAccount,
}

impl Checkup {
    /// Of the directory `path`, whose servers run as `account`.
    pub fn new(path: &Path, account: EngineAccount) -> Self {
        // As `EngineDir::open` names it: links in the way are resolved, the folder itself is none.
        let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
        let root = match (parent, path.file_name()) {
            (Some(parent), Some(name)) => parent.join(name),
            _ => path.to_owned(),
        };
        Self { dir: EngineDir::unopened(root, &account), account }
    }

    /// The directory, as the engine names it.
    pub fn root(&self) -> &Path {
        self.dir.root()
    }

    /// Why the path cannot be an engine's at all: characters that the option file cannot hold.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn check_path(&self) -> Result<(), EngineError> {
        layout::check_text(self.root())
    }

    /// Who runs the servers.
    pub const fn account(&self) -> &EngineAccount {
        &self.account
    }

    /// The folder of a branch, whether it is there or not.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.dir.branches().join(name)
    }
}

/// The folders down to `folder`, itself included, that keep out user `uid` with these groups, by owner and
/// mode; from above.
///
/// # Errors
/// [`EngineError::Io`] naming what cannot be looked at.
pub fn blockers(folder: &Path, uid: u32, groups: &[u32]) -> Result<Vec<PathBuf>, EngineError> {
    layout::blockers(folder, uid, groups)
}
