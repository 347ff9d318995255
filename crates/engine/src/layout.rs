//! What lies where in the engine's directory.
//!
//! `templates/FLAVOR/` what new branches are copied from; `branches/ID/` a branch: `data/`, `files/`
//! and `tmp/` for the server, `server.cnf`, `error.log`, `mysql.sock`, and Bough's own `server.json` and
//! `stage.json`; `trash/` what is being removed. A name that ends in `.new` is half-made. Everything is
//! 0700 and belongs to the engine's account.
//!
//! It refuses a directory of somebody else, one that the account cannot reach, and a path that cannot
//! stand in the server's option file.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bough_model::BranchId;
use bough_mysql_client::SOCKET_PATH_MAX_BYTES;

use crate::files::{self, FOLDER_MODE};
use crate::{EngineAccount, EngineError};

/// Ends the name of what is still being made.
pub(crate) const HALF_MADE: &str = ".new";
/// The socket's name in a branch's folder.
const SOCKET_NAME: &str = "mysql.sock";

/// The engine's directory, opened and found in order.
#[derive(Debug)]
pub struct EngineDir {
    root: PathBuf,
    short_sockets: Option<PathBuf>,
    trash_count: AtomicU64,
}

/// A branch's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchPaths {
    /// The branch's folder.
    pub folder: PathBuf,
    /// The same while it is being made.
    pub staged: PathBuf,
    /// The server's data directory.
    pub data: PathBuf,
    /// The only folder that the server's file functions may use.
    pub exchange: PathBuf,
    /// The server's temporary files.
    pub tmp: PathBuf,
    /// The server's option file.
    pub cnf: PathBuf,
    /// The server's error log.
    pub error_log: PathBuf,
    /// The server's own pid file.
    pub pid_file: PathBuf,
    /// The socket.
    pub socket: PathBuf,
    /// Who the running server is.
    pub server_record: PathBuf,
    /// How far the branch is made.
    pub stage_record: PathBuf,
}

/// Removes what is of no use any more. What cannot be removed is said, and keeps nobody from starting.
fn sweep_away(path: &Path) {
    if let Err(error) = files::remove_tree(path) {
        tracing::warn!(%error, "a leftover could not be removed; it is left where it is");
    }
}

impl EngineDir {
    /// Opens `path`, made if need be, and sees to its owner, mode and folders.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] naming the parent folder that keeps the account out,
    /// [`EngineError::Layout`], [`EngineError::Io`].
    pub fn open(path: &Path, account: &EngineAccount) -> Result<Self, EngineError> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let parent = parent.canonicalize().map_err(EngineError::io("find", parent))?;
        let name = path.file_name().ok_or_else(|| EngineError::Layout {
            path: path.to_owned(),
            why: "names no folder".to_owned(),
        })?;
        let root = parent.join(name);
        check_text(&root)?;
        check_reach(&parent, account)?;
        ensure_owned(&root, account)?;
        let folders = ["templates", "branches", "trash"];
        {
            let _own = account.own_files()?;
            for folder in folders {
                files::ensure_folder(&root.join(folder))?;
            }
        }
        let dir = Self::unopened(root, account);
        if let Some(folder) = &dir.short_sockets {
            ensure_owned(folder, account)?;
        }
        Ok(dir)
    }

    /// The paths in `root`, which has no links in it; nothing is looked at or made.
    pub(crate) fn unopened(root: PathBuf, account: &EngineAccount) -> Self {
        let longest = root.join("branches").join("x".repeat(bough_model::ID_LEN)).join(SOCKET_NAME);
        let short_sockets = (longest.as_os_str().len() > SOCKET_PATH_MAX_BYTES).then(|| {
            let base = if account.runner_is_root() && Path::new("/run").is_dir() { "/run" } else { "/tmp" };
            Path::new(base).join(format!("bough-{:016x}", hash(root.as_os_str().as_encoded_bytes())))
        });
        Self { root, short_sockets, trash_count: AtomicU64::new(0) }
    }

    /// The directory itself, without links in its path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of short socket paths, if the ordinary ones would be too long.
    pub fn short_sockets(&self) -> Option<&Path> {
        self.short_sockets.as_deref()
    }

    /// The folder that holds the branches.
    pub fn branches(&self) -> PathBuf {
        self.root.join("branches")
    }

    /// The folder that holds the templates.
    pub fn templates(&self) -> PathBuf {
        self.root.join("templates")
    }

    /// Where a branch's files are, whether they exist or not.
    pub fn branch(&self, id: &BranchId) -> BranchPaths {
        let folder = self.branches().join(id.as_str());
        let socket = match &self.short_sockets {
            Some(short) => short.join(format!("{id}.sock")),
            None => folder.join(SOCKET_NAME),
        };
        BranchPaths {
            staged: self.branches().join(format!("{id}{HALF_MADE}")),
            data: folder.join("data"),
            exchange: folder.join("files"),
            tmp: folder.join("tmp"),
            cnf: folder.join("server.cnf"),
            error_log: folder.join("error.log"),
            pid_file: folder.join("mysqld.pid"),
            socket,
            server_record: folder.join("server.json"),
            stage_record: folder.join("stage.json"),
            folder,
        }
    }

    /// A name in `templates/` under which one is made; never the same twice.
    pub fn half_made_template(&self, name: &str) -> PathBuf {
        let count = self.trash_count.fetch_add(1, Ordering::Relaxed);
        self.templates().join(format!("{name}.{}-{count}{HALF_MADE}", std::process::id()))
    }

    /// The templates that are whole. The caller holds the account's file rights.
    pub fn list_templates(&self) -> Result<Vec<PathBuf>, EngineError> {
        let templates = self.templates();
        let whole = names(&templates)?.into_iter().filter(|name| !name.ends_with(HALF_MADE));
        Ok(whole.map(|name| templates.join(name)).collect())
    }

    /// Takes a folder out of its place at once; `None` when there is none. What it returns is still to be
    /// removed, and is swept if that does not happen. The caller holds the account's file rights.
    pub fn to_trash(&self, folder: &Path) -> Result<Option<PathBuf>, EngineError> {
        if !files::is_folder(folder)? {
            return Ok(None);
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let count = self.trash_count.fetch_add(1, Ordering::Relaxed);
        let away = self.root.join("trash").join(format!("{name}.{}-{count}", std::process::id()));
        fs::rename(folder, &away).map_err(EngineError::io("move to trash", folder))?;
        Ok(Some(away))
    }

    /// Removes what an earlier process left half-made or half-removed. Only for the one process that
    /// holds the directory, before it starts anything. The caller holds the account's file rights.
    pub fn sweep(&self) -> Result<(), EngineError> {
        for folder in [self.branches(), self.templates()] {
            for name in names(&folder)?.iter().filter(|name| name.ends_with(HALF_MADE)) {
                sweep_away(&folder.join(name));
            }
        }
        let trash = self.root.join("trash");
        for name in names(&trash)? {
            sweep_away(&trash.join(name));
        }
        Ok(())
    }

    /// The branches that have a folder here, made or half-made, sorted. The caller holds the account's
    /// file rights.
    pub fn list_places(&self) -> Result<Vec<BranchId>, EngineError> {
        let mut ids: Vec<BranchId> = names(&self.branches())?
            .iter()
            .filter_map(|name| BranchId::parse(name.strip_suffix(HALF_MADE).unwrap_or(name)))
            .collect();
        ids.sort();
        ids.dedup();
        Ok(ids)
    }
}

fn names(folder: &Path) -> Result<Vec<String>, EngineError> {
    let entries = fs::read_dir(folder).map_err(EngineError::io("list", folder))?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
}

/// The FNV-1a hash, which stays the same for ever: names and server ids on disk depend on it.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The server's option file takes neither quotes nor control characters in a value, its installer no
/// spaces in a path.
pub(crate) fn check_text(root: &Path) -> Result<(), EngineError> {
    let fits = |text: &str| {
        !text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '"' | '\'' | '\\'))
    };
    if root.to_str().is_some_and(fits) {
        return Ok(());
    }
    let why = "may hold neither spaces, quotes, backslashes, control characters nor invalid UTF-8; choose another folder";
    Err(EngineError::Layout { path: root.to_owned(), why: why.to_owned() })
}

/// Whether the account may pass through every folder down to `folder`, by owner, group and mode.
fn check_reach(folder: &Path, account: &EngineAccount) -> Result<(), EngineError> {
    if !account.switch {
        return Ok(());
    }
    match blockers(folder, account.uid, &[account.gid])?.into_iter().next() {
        Some(folder) => Err(EngineError::Unreachable { account: account.name.clone(), folder }),
        None => Ok(()),
    }
}

/// The folders down to `folder`, itself included, that keep out user `uid` with these groups; from above.
pub(crate) fn blockers(folder: &Path, uid: u32, groups: &[u32]) -> Result<Vec<PathBuf>, EngineError> {
    let mut chain: Vec<&Path> = folder.ancestors().filter(|step| !step.as_os_str().is_empty()).collect();
    chain.reverse();
    let mut found = Vec::new();
    for step in chain {
        let meta = match fs::metadata(step) {
            Ok(meta) => meta,
            // Kept out of one that was found: what is below it is not seen.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied && !found.is_empty() => break,
            Err(error) => return Err(EngineError::io("look at", step)(error)),
        };
        let bit = match () {
            () if meta.uid() == uid => 0o100,
            () if groups.contains(&meta.gid()) => 0o010,
            () => 0o001,
        };
        if meta.mode() & bit == 0 {
            found.push(step.to_owned());
        }
    }
    Ok(found)
}

/// A folder that is there, is no link, belongs to the account and is shut to everybody else.
fn ensure_owned(folder: &Path, account: &EngineAccount) -> Result<(), EngineError> {
    let layout = |why: String| EngineError::Layout { path: folder.to_owned(), why };
    let mut made = false;
    if fs::symlink_metadata(folder).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        files::make_folder(folder)?;
        made = true;
    }
    let meta = fs::symlink_metadata(folder).map_err(EngineError::io("look at", folder))?;
    if !meta.is_dir() {
        return Err(layout("is not a folder; move it away".to_owned()));
    }
    if account.switch && meta.uid() == 0 && (made || is_empty(folder)?) {
        lchown(folder, Some(account.uid), Some(account.gid))
            .map_err(EngineError::io("change the owner of", folder))?;
    } else if meta.uid() != account.uid {
        let why = format!(
            "belongs to user number {}, not to {}; give it back, or remove it if nothing in it is needed",
            meta.uid(),
            account.name
        );
        return Err(layout(why));
    }
    if meta.mode() & 0o7777 != FOLDER_MODE {
        files::set_mode(folder, FOLDER_MODE)?;
    }
    Ok(())
}

fn is_empty(folder: &Path) -> Result<bool, EngineError> {
    Ok(fs::read_dir(folder).map_err(EngineError::io("list", folder))?.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn paths_that_the_option_file_cannot_hold() {
        for wrong in ["/a\"b", "/a\nb", "/a\\b", "/a'b", "/a b"] {
            assert!(check_text(Path::new(wrong)).is_err(), "{wrong:?}");
        }
        assert!(check_text(Path::new("/srv/bough-data#1/ü")).is_ok());
    }
}
