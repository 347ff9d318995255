//! How much room there is, what a new branch takes, and whether files can share blocks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bough_model::Flavor;
use nix::errno::Errno;
use nix::libc;

use super::Checkup;
use crate::{EngineAccount, EngineError, files, sys};

/// What a new branch takes on disk where no template is there to be measured, in bytes.
const USUAL_BYTES: u64 = 21 << 20;
/// And how many files and folders.
const USUAL_FILES: u64 = 100;
/// How much is written to the scratch file, in bytes: more than a block of any filesystem.
const SCRATCH_BYTES: usize = 64 << 10;

/// The free room of a filesystem, for those who are not root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Free, in bytes.
    pub free_bytes: u64,
    /// Files that can still be made; `None` where the filesystem does not count them.
    pub free_files: Option<u64>,
}

/// What a new branch takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// On disk, in bytes.
    pub bytes: u64,
    /// Files and folders.
    pub files: u64,
    /// Whether the template was measured; else it is what is usual.
    pub measured: bool,
}

/// The free room of the filesystem that holds `path`.
///
/// # Errors
/// What the system says.
pub fn room_of(path: &Path) -> io::Result<Room> {
    let room = nix::sys::statvfs::statvfs(path)?;
    Ok(Room {
        free_bytes: room.blocks_available().saturating_mul(room.fragment_size()),
        free_files: (room.files() > 0).then(|| room.files_available()),
    })
}

/// The type of the filesystem that holds `path`, such as `ext4`, and where it is mounted.
pub fn filesystem_of(path: &Path) -> Option<(String, PathBuf)> {
    let path = path.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mut best: Option<(String, PathBuf)> = None;
    for line in mounts.lines() {
        // 36 35 98:0 /root /mount/point options - type source options
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let (Some(point), Some(kind)) = (left.split(' ').nth(4), right.split(' ').next()) else { continue };
        let point = unescape(point);
        // Of two that fit the longer; of two mounts in one place the later.
        let longer = |found: &(String, PathBuf)| point.as_os_str().len() >= found.1.as_os_str().len();
        if path.starts_with(&point) && best.as_ref().is_none_or(longer) {
            best = Some((kind.to_owned(), point));
        }
    }
    best
}

/// The kernel writes spaces and the like in a path as `\040`.
fn unescape(text: &str) -> PathBuf {
    let bytes = text.as_bytes();
    let (mut plain, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let octal = bytes.get(at + 1..at + 4).and_then(|digits| str::from_utf8(digits).ok());
        match octal.filter(|_| bytes[at] == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                plain.push(byte);
                at += 4;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(plain))
}

/// Whether files in `folder` can share blocks, so that a copy takes neither time nor room. Tried with two
/// scratch files, which are gone when this returns; `account` is who makes them, as root.
///
/// # Errors
/// When no file can be made there, or the system says something else than yes or no.
pub fn shares_blocks(folder: &Path, account: Option<&EngineAccount>) -> Result<bool, EngineError> {
    let _own = account.map(EngineAccount::own_files).transpose()?;
    let failed = |what| EngineError::io(what, folder);
    let mut from = scratch(folder, "a").map_err(failed("make a scratch file in"))?;
    let to = scratch(folder, "b").map_err(failed("make a scratch file in"))?;
    from.write_all(&vec![b'x'; SCRATCH_BYTES]).map_err(failed("write a scratch file in"))?;
    match sys::share_blocks(&from, &to) {
        Ok(()) => Ok(true),
        Err(error) => match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EOPNOTSUPP | Errno::ENOTTY | Errno::EINVAL | Errno::EXDEV | Errno::ENOSYS) => {
                Ok(false)
            }
            _ => Err(failed("share blocks in")(error)),
        },
    }
}

/// A file without a name; where the filesystem knows none such, one whose name is gone at once.
fn scratch(folder: &Path, which: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    let nameless = options.clone().custom_flags(libc::O_TMPFILE).open(folder);
    let unknown = |error: &io::Error| {
        matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR | libc::ENOENT | libc::EINVAL))
    };
    match nameless {
        Err(error) if unknown(&error) && folder.is_dir() => {
            let path = folder.join(format!(".bough-doctor-{}-{which}.new", std::process::id()));
            let file = options.create_new(true).custom_flags(libc::O_NOFOLLOW).open(&path)?;
            fs::remove_file(&path)?;
            Ok(file)
        }
        done => done,
    }
}

impl Checkup {
    /// What a new branch takes: the template of this server's version if it is there, else another one,
    /// else what is usual.
    pub fn footprint(&self, flavor: Option<Flavor>) -> Footprint {
        let usual = Footprint { bytes: USUAL_BYTES, files: USUAL_FILES, measured: false };
        let templates = self.dir.templates();
        if !matches!(files::is_folder(&templates), Ok(true)) {
            return usual;
        }
        let own = flavor.map(|flavor| templates.join(flavor.to_string()).join("data"));
        let any = || {
            let entries = fs::read_dir(&templates).into_iter().flatten().filter_map(Result::ok);
            entries
                .map(|entry| entry.path().join("data"))
                .find(|data| files::is_folder(data).unwrap_or(false))
        };
        let Some(data) = own.filter(|data| data.is_dir()).or_else(any) else { return usual };
        let mut entries = 0;
        let counted = files::walk(&data, 1, &mut |_, _| {
            entries += 1;
            Ok(())
        });
        match (counted, files::disk_bytes(&data)) {
            (Ok(()), Ok(bytes)) if bytes > 0 => Footprint { bytes, files: entries, measured: true },
            _ => usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_as_the_kernel_writes_them() {
        assert_eq!(unescape("/mnt/a\\040b\\134c"), Path::new("/mnt/a b\\c"));
        assert_eq!(unescape("/mnt/x\\04"), Path::new("/mnt/x\\04"));
        assert!(filesystem_of(Path::new("/proc/self")).is_some_and(|(kind, _)| kind == "proc"));
    }

    #[test]
    fn a_scratch_file_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        shares_blocks(folder.path(), None).expect("tried");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0);
        assert!(shares_blocks(Path::new("/nonexistent"), None).is_err());
    }
}
