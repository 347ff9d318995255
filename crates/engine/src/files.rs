//! Files and folders: copies, atomic replacement, removal, sizes. Callers hold
//! [`crate::account::OwnFiles`] wherever the files belong to the engine's account.
//!
//! It follows no symbolic link, and refuses what is neither a file nor a folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use nix::libc;

use crate::EngineError;

/// Deepest nesting of folders that is copied or measured: a data directory has two levels.
const DEPTH_MAX_FOLDERS: usize = 8;
/// Mode of every folder of the engine's.
pub const FOLDER_MODE: u32 = 0o700;
/// Mode of every file that this crate writes.
const FILE_MODE: u32 = 0o600;

/// Makes a folder that only its owner can enter.
pub fn make_folder(path: &Path) -> Result<(), EngineError> {
    DirBuilder::new().mode(FOLDER_MODE).create(path).map_err(EngineError::io("make folder", path))
}

/// Makes a folder unless it is there already.
pub fn ensure_folder(path: &Path) -> Result<(), EngineError> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => Err(EngineError::Layout {
            path: path.to_owned(),
            why: "is not a folder; move it away".to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_folder(path),
        Err(error) => Err(EngineError::io("look at", path)(error)),
    }
}

/// Whether a folder (not a link to one) is there.
pub fn is_folder(path: &Path) -> Result<bool, EngineError> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(meta.is_dir()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(EngineError::io("look at", path)(error)),
    }
}

/// Replaces a small file as a whole: after a crash there is the old or the new one. With `durable`, the
/// new one also outlives a power failure once this returns.
pub fn replace_file(path: &Path, content: &[u8], durable: bool) -> Result<(), EngineError> {
    let staged = path.with_extension("part");
    remove_file(&staged)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .custom_flags(libc::O_NOFOLLOW)
        .open(&staged)
        .map_err(EngineError::io("create", &staged))?;
    file.write_all(content).map_err(EngineError::io("write", &staged))?;
    if durable {
        file.sync_all().map_err(EngineError::io("sync", &staged))?;
    }
    drop(file);
    fs::rename(&staged, path).map_err(EngineError::io("rename", &staged))?;
    if durable && let Some(folder) = path.parent() {
        sync_folder(folder)?;
    }
    Ok(())
}

/// Reads a small file; `None` when there is none.
///
/// # Errors
/// Also when it is longer than `max_bytes`.
pub fn read_small(path: &Path, max_bytes: u64) -> Result<Option<Vec<u8>>, EngineError> {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(EngineError::io("open", path)(error)),
    };
    let mut content = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut content).map_err(EngineError::io("read", path))?;
    if content.len() as u64 > max_bytes {
        let why = format!("is longer than {max_bytes} bytes");
        return Err(EngineError::Layout { path: path.to_owned(), why });
    }
    Ok(Some(content))
}

/// The last `max_bytes` of a file; empty when there is none.
pub fn read_tail(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(max_bytes)))?;
    let mut tail = Vec::new();
    file.take(max_bytes).read_to_end(&mut tail)?;
    Ok(tail)
}

/// Removes a file if it is there.
pub fn remove_file(path: &Path) -> Result<(), EngineError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(EngineError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a folder with all that is in it, if it is there.
pub fn remove_tree(path: &Path) -> Result<(), EngineError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(EngineError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Makes a folder's entries last.
pub fn sync_folder(path: &Path) -> Result<(), EngineError> {
    let folder = File::open(path).map_err(EngineError::io("open", path))?;
    folder.sync_all().map_err(EngineError::io("sync", path))
}

/// Calls `visit` for everything below `root`, folders before what is in them. Names that went away
/// meanwhile are passed over.
pub(crate) fn walk(
    root: &Path,
    depth: usize,
    visit: &mut dyn FnMut(&Path, &fs::Metadata) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    if depth > DEPTH_MAX_FOLDERS {
        let why = format!("is nested deeper than {DEPTH_MAX_FOLDERS} folders");
        return Err(EngineError::Layout { path: root.to_owned(), why });
    }
    for entry in fs::read_dir(root).map_err(EngineError::io("list", root))? {
        let path = entry.map_err(EngineError::io("list", root))?.path();
        let meta = match fs::symlink_metadata(&path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(EngineError::io("look at", &path)(error)),
        };
        visit(&path, &meta)?;
        if meta.is_dir() {
            walk(&path, depth + 1, visit)?;
        }
    }
    Ok(())
}

/// Copies a folder with all that is in it to `to`, which must not be there yet. The kernel shares the
/// blocks where the filesystem can. `each` is called after every file.
pub fn copy_tree(from: &Path, to: &Path, each: &mut dyn FnMut()) -> Result<(), EngineError> {
    make_folder(to)?;
    walk(from, 1, &mut |path, meta| {
        let relative = path.strip_prefix(from).unwrap_or(path);
        let target = to.join(relative);
        if meta.is_dir() {
            return make_folder(&target);
        }
        if !meta.is_file() {
            let why = "is neither a file nor a folder; a data directory holds nothing else".to_owned();
            return Err(EngineError::Layout { path: path.to_owned(), why });
        }
        fs::copy(path, &target).map_err(EngineError::io("copy", path))?;
        each();
        Ok(())
    })
}

/// Makes a folder last with all that is in it.
pub fn sync_tree(root: &Path) -> Result<(), EngineError> {
    walk(root, 1, &mut |path, meta| {
        if !meta.is_file() && !meta.is_dir() {
            return Ok(());
        }
        let opened =
            OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
        match opened {
            Ok(file) => file.sync_all().map_err(EngineError::io("sync", path)),
            // A running server removes temporary files of its own.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(EngineError::io("open", path)(error)),
        }
    })?;
    sync_folder(root)
}

/// What a folder takes on disk with all that is in it, in bytes; zero when it is not there.
pub fn disk_bytes(root: &Path) -> Result<u64, EngineError> {
    /// The unit of `st_blocks`, whatever the filesystem's own block is.
    const STAT_BLOCK_BYTES: u64 = 512;
    if !is_folder(root)? {
        return Ok(0);
    }
    let mut bytes = 0_u64;
    walk(root, 1, &mut |_, meta| {
        bytes = bytes.saturating_add(meta.blocks().saturating_mul(STAT_BLOCK_BYTES));
        Ok(())
    })?;
    Ok(bytes)
}

/// Sees to a folder's mode.
pub fn set_mode(path: &Path, mode: u32) -> Result<(), EngineError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(EngineError::io("set the mode of", path))
}
