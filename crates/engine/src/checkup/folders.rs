//! The engine's folders: whether they are folders, whose, how open; and what lies in them.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bough_model::BranchId;

use super::Checkup;
use crate::EngineError;
use crate::files::{self, FOLDER_MODE};
use crate::layout::HALF_MADE;
use crate::records::{self, StageRecord};

/// Most entries of a branch's data that are looked at for their owner.
const ENTRIES_MAX: usize = 20_000;
/// The rights of group and others.
const OTHERS: u32 = 0o077;

/// A file or folder of the engine's that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderFault {
    /// Which.
    pub path: PathBuf,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// There is a link in its place.
    Link {
        /// Where it leads.
        to: PathBuf,
    },
    /// There is something else in its place.
    NoFolder,
    /// It belongs to somebody else.
    Owner {
        /// To whom.
        uid: u32,
    },
    /// It is more open than 0700, or not open to its owner.
    Mode {
        /// Its mode.
        mode: u32,
    },
    /// Things in it belong to somebody else.
    OwnersInside {
        /// How many.
        count: usize,
        /// One of them.
        example: PathBuf,
        /// Whose that is.
        uid: u32,
    },
    /// Things in it are neither files nor folders.
    OddInside {
        /// How many.
        count: usize,
        /// One of them.
        example: PathBuf,
    },
    /// It is missing, although what it is in is there.
    Missing,
    /// It cannot be looked at.
    Unseen {
        /// What the system says.
        why: String,
    },
}

/// How far a branch's folder says it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It says so.
    Recorded,
    /// Its record is missing or cannot be read.
    Damaged,
    /// The record cannot be looked at.
    Unseen {
        /// What the system says.
        why: String,
    },
}

/// Something in the folder of branches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceSeen {
    /// Its name; what is not UTF-8 is replaced.
    pub name: String,
    /// Whose place it is, if the name is one.
    pub branch: Option<BranchId>,
    /// Whether it is half-made.
    pub half_made: bool,
    /// Whether it is a folder, and no link to one.
    pub folder: bool,
    /// How far it is made; only of whole ones.
    pub stage: Option<Stage>,
    /// The identity of its data folder.
    pub(crate) data: Option<(u64, u64)>,
}

fn unseen(error: &std::io::Error) -> Wrong {
    Wrong::Unseen { why: error.to_string() }
}

fn is_open(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.mode() & OTHERS != 0)
}

/// What is too open, or somebody else's, below what is so, too, is one fault: all of it is mended together.
/// `above` are the folders above that were looked at before.
fn drop_covered(found: &mut Vec<FolderFault>, above: &[&Path]) {
    let owner = |path: &Path| fs::symlink_metadata(path).ok().map(|meta| meta.uid());
    let mut folders: Vec<PathBuf> = above.iter().map(|path| (*path).to_owned()).collect();
    folders.extend(found.iter().map(|fault| fault.path.clone()));
    found.retain(|fault| {
        let inside = matches!(fault.wrong, Wrong::OwnersInside { .. });
        let holds = |folder: &&PathBuf| fault.path.starts_with(folder) && (inside || fault.path != **folder);
        !folders.iter().filter(holds).any(|folder| match fault.wrong {
            Wrong::Mode { mode } => mode & 0o700 == 0o700 && is_open(folder),
            Wrong::Owner { uid } | Wrong::OwnersInside { uid, .. } => owner(folder) == Some(uid),
            _ => false,
        })
    });
}

impl Checkup {
    /// Whether the engine's directory is there; something else in its place counts.
    pub fn exists(&self) -> bool {
        !fs::symlink_metadata(self.root()).is_err_and(|error| error.kind() == ErrorKind::NotFound)
    }

    /// What is wrong with the engine's own folders and with the folder of short sockets, if there is one.
    pub fn folder_faults(&self) -> Vec<FolderFault> {
        let mut found = Vec::new();
        if !self.must_be_own(self.root(), false, &mut found) {
            return found;
        }
        for folder in ["templates", "branches", "trash"] {
            self.must_be_own(&self.root().join(folder), false, &mut found);
        }
        if let Some(short) = self.dir.short_sockets() {
            self.must_be_own(short, false, &mut found);
        }
        drop_covered(&mut found, &[]);
        found
    }

    /// What is wrong with the files of a branch that has a folder.
    pub fn branch_faults(&self, place: &PlaceSeen) -> Vec<FolderFault> {
        let folder = self.folder(&place.name);
        let mut found = Vec::new();
        if !self.must_be_own(&folder, true, &mut found) {
            return found;
        }
        let whole =
            ["data", "files", "tmp"].map(|name| self.must_be_own(&folder.join(name), true, &mut found));
        if whole[0] {
            self.look_inside(&folder.join("data"), &mut found);
        }
        drop_covered(&mut found, &[self.root(), &self.dir.branches()]);
        found
    }

    /// Notes what is wrong with a folder; whether there is one to look into.
    fn must_be_own(&self, path: &Path, needed: bool, found: &mut Vec<FolderFault>) -> bool {
        let mut note = |wrong| found.push(FolderFault { path: path.to_owned(), wrong });
        let meta = match fs::symlink_metadata(path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if needed {
                    note(Wrong::Missing);
                }
                return false;
            }
            Err(error) => {
                note(unseen(&error));
                return false;
            }
        };
        if meta.is_symlink() {
            note(Wrong::Link { to: fs::read_link(path).unwrap_or_default() });
            return false;
        }
        if !meta.is_dir() {
            note(Wrong::NoFolder);
            return false;
        }
        if meta.uid() != self.account.uid {
            note(Wrong::Owner { uid: meta.uid() });
        }
        let mode = meta.mode() & 0o7777;
        if mode != FOLDER_MODE {
            note(Wrong::Mode { mode });
        }
        true
    }

    /// Whose the files below a branch's data folder are.
    fn look_inside(&self, data: &Path, found: &mut Vec<FolderFault>) {
        let (mut entries, mut others, mut odd) = (0, Vec::new(), Vec::new());
        let walked = files::walk(data, 1, &mut |path, meta| {
            entries += 1;
            if entries > ENTRIES_MAX {
                return Ok(());
            }
            if meta.uid() != self.account.uid {
                others.push((path.to_owned(), meta.uid()));
            }
            if !meta.is_dir() && !meta.is_file() {
                odd.push(path.to_owned());
            }
            Ok(())
        });
        let mut note = |wrong| found.push(FolderFault { path: data.to_owned(), wrong });
        match walked {
            // A server that runs removes folders of its own.
            Err(EngineError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
            Err(EngineError::Io { source, .. }) => note(unseen(&source)),
            Err(error) => note(Wrong::Unseen { why: error.to_string() }),
            Ok(()) => {}
        }
        if let Some((example, uid)) = others.first().cloned() {
            note(Wrong::OwnersInside { count: others.len(), example, uid });
        }
        if let Some(example) = odd.first().cloned() {
            note(Wrong::OddInside { count: odd.len(), example });
        }
    }

    /// What lies in the folder of branches, sorted by name; nothing when there is no such folder.
    ///
    /// # Errors
    /// [`EngineError::Io`] when it cannot be listed.
    pub fn places(&self) -> Result<Vec<PlaceSeen>, EngineError> {
        let branches = self.dir.branches();
        // Not through a link: what lies elsewhere is none of the engine's.
        if !files::is_folder(self.root())? || !files::is_folder(&branches)? {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(&branches).map_err(EngineError::io("list", &branches))? {
            let entry = entry.map_err(EngineError::io("list", &branches))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let half_made = name.ends_with(HALF_MADE);
            let branch = BranchId::parse(name.strip_suffix(HALF_MADE).unwrap_or(&name));
            let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let whole = folder && branch.is_some() && !half_made;
            let data = fs::symlink_metadata(entry.path().join("data")).ok().filter(fs::Metadata::is_dir);
            found.push(PlaceSeen {
                stage: whole.then(|| self.stage(&entry.path())),
                data: data.map(|data| (data.dev(), data.ino())),
                name,
                branch,
                half_made,
                folder,
            });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn stage(&self, folder: &Path) -> Stage {
        let read = self
            .account
            .own_files()
            .and_then(|_own| records::read::<StageRecord>(&folder.join("stage.json")));
        match read {
            Ok(Some(_)) => Stage::Recorded,
            Ok(None) => Stage::Damaged,
            Err(EngineError::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => {
                Stage::Unseen { why: source.to_string() }
            }
            Err(_) => Stage::Damaged,
        }
    }

    /// The identities of the branches' data folders, by name.
    pub(super) fn data_folders(&self, places: &[PlaceSeen]) -> Vec<(String, (u64, u64))> {
        places.iter().filter_map(|place| Some((place.name.clone(), place.data?))).collect()
    }

    /// Whether the folder of a branch is there.
    pub fn has_folder(&self, name: &str) -> bool {
        fs::symlink_metadata(self.folder(name)).is_ok_and(|meta| meta.is_dir())
    }
}
