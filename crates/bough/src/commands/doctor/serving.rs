//! Whether a Bough serves the directory, and which process that is. Nothing is asked of it but what the
//! kernel and its files say.

use std::fs::{self, File, TryLockError};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Longest file of addresses that is read, in bytes.
const ADDRESSES_MAX_BYTES: u64 = 4 << 10;

/// Who serves the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serving {
    /// Nobody.
    Nobody,
    /// This process.
    Process(Process),
    /// Somebody whom this process cannot see, as in another container.
    Hidden,
    /// It cannot be told.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// The process that serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// The account that it runs as.
    pub uid: u32,
    /// Whether it is stopped by a signal.
    pub stopped: bool,
    /// Whether its program was removed or replaced since it started.
    pub replaced: bool,
    /// How many files it may have open; `None` where that cannot be read, or is without limit.
    pub files_max: Option<u64>,
    /// Where it listens, once it does.
    pub http: Option<SocketAddr>,
    /// Where it takes MySQL clients, if it does.
    pub mysql: Option<SocketAddr>,
}

impl Serving {
    /// Looks at the directory `root`.
    pub fn of(root: &Path) -> Self {
        let lock = root.join("run/lock");
        let addresses = root.join("run/addresses.json");
        let meta = match fs::symlink_metadata(&lock) {
            Ok(meta) => meta,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Self::Nobody,
            Err(error) => return Self::Unknown { why: format!("{}: {error}", lock.display()) },
        };
        let holders = holders(&meta, &lock);
        let seen = holders.iter().flatten().find_map(|pid| process(*pid, &listening(&addresses)));
        if let Some(process) = seen {
            return Self::Process(process);
        }
        // The kernel lists no holder that this process could see. Only where something speaks for one is the
        // lock itself tried, and for a moment: a Bough that starts in that moment would be turned away.
        if holders.is_some() && !addresses.exists() {
            return Self::Nobody;
        }
        match File::open(&lock).map(|lock| lock.try_lock_shared()) {
            Ok(Ok(())) => Self::Nobody,
            Ok(Err(TryLockError::WouldBlock)) => Self::Hidden,
            Ok(Err(TryLockError::Error(error))) | Err(error) => {
                Self::Unknown { why: format!("{}: {error}", lock.display()) }
            }
        }
    }

    /// The process that serves, if it is known.
    pub const fn process(&self) -> Option<&Process> {
        if let Self::Process(process) = self { Some(process) } else { None }
    }

    /// Whether it is possible that somebody serves.
    pub const fn is_possible(&self) -> bool {
        !matches!(self, Self::Nobody)
    }
}

/// The processes that hold an exclusive lock on a file; `None` where the kernel does not say.
fn holders(meta: &fs::Metadata, path: &Path) -> Option<Vec<i32>> {
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let mut found = Vec::new();
    for line in locks.lines() {
        // 3: FLOCK  ADVISORY  WRITE 25410 fe:00:5677058 0 EOF
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", pid, place, ..] = fields[..] else { continue };
        let place: Vec<&str> = place.split(':').collect();
        let [major, minor, inode] = place[..] else { continue };
        let (Ok(pid), Ok(inode)) = (pid.parse::<i32>(), inode.parse::<u64>()) else { continue };
        if inode != meta.ino() || pid <= 0 {
            continue;
        }
        let device = u64::from_str_radix(major, 16).ok().zip(u64::from_str_radix(minor, 16).ok());
        let same = device == Some((nix::sys::stat::major(meta.dev()), nix::sys::stat::minor(meta.dev())));
        // Some filesystems (btrfs, overlays) tell programs another device than the one in this list.
        if same || has_open(pid, path) {
            found.push(pid);
        }
    }
    Some(found)
}

fn has_open(pid: i32, path: &Path) -> bool {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().filter_map(Result::ok);
    files.filter_map(|file| fs::read_link(file.path()).ok()).any(|open| open == real)
}

/// What the kernel says of a process; `None` when it has ended.
fn process(pid: i32, addresses: &Value) -> Option<Process> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}"));
    let status = read("status").ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let address = |of: &str| addresses.get(of)?.as_str()?.parse().ok();
    let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    Some(Process {
        pid,
        uid: field("Uid:").get(1)?.parse().ok()?,
        stopped: field("State:").first().is_some_and(|state| state == "T" || state == "t"),
        replaced: exe.to_string_lossy().ends_with(" (deleted)"),
        files_max: read("limits").unwrap_or_default().lines().find_map(|line| {
            // Max open files            20000                20000                files
            line.strip_prefix("Max open files")?.split_ascii_whitespace().next()?.parse().ok()
        }),
        http: address("http"),
        mysql: address("mysql"),
    })
}

/// The file of addresses; null where there is none, or what is there is no such file.
fn listening(path: &Path) -> Value {
    let read = || {
        let meta = fs::symlink_metadata(path).ok().filter(|meta| meta.is_file())?;
        let text = (meta.len() <= ADDRESSES_MAX_BYTES).then(|| fs::read_to_string(path).ok())??;
        serde_json::from_str(&text).ok()
    };
    read().unwrap_or_default()
}

/// The process that listens on a port, as far as this one may see: its number and name.
pub fn listener(address: SocketAddr) -> Option<(i32, String)> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| table.lines().filter_map(|line| listens(line, address)).collect::<Vec<_>>())
        .collect();
    if inodes.is_empty() {
        return None;
    }
    let sockets: Vec<PathBuf> = inodes.iter().map(|inode| format!("socket:[{inode}]").into()).collect();
    let pids =
        fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    for pid in pids {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().filter_map(Result::ok);
        if files.filter_map(|file| fs::read_link(file.path()).ok()).any(|open| sockets.contains(&open)) {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            return Some((pid, name.trim().to_owned()));
        }
    }
    None
}

/// The socket of a line of `/proc/net/tcp` that listens on the port, on that address or on all.
fn listens(line: &str, wanted: SocketAddr) -> Option<String> {
    // sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (_, port) = local.rsplit_once(':')?;
    let same = *state == "0A" && u16::from_str_radix(port, 16).ok()? == wanted.port();
    same.then(|| (*inode).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernel_s_table() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0";
        let wanted = "127.0.0.1:8080".parse().expect("an address");
        assert_eq!(listens(line, wanted), Some("4711".to_owned()));
        assert_eq!(listens(&line.replace(" 0A ", " 01 "), wanted), None, "a connection");
        assert_eq!(listens(line, "127.0.0.1:8081".parse().expect("an address")), None);
        assert_eq!(listens("  sl  local_address rem_address   st", wanted), None);
    }

    #[test]
    fn a_lock_is_seen_by_who_holds_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::create_dir(root.join("run")).expect("a folder");
        assert_eq!(Serving::of(root), Serving::Nobody);
        let lock = File::create(root.join("run/lock")).expect("a file");
        assert_eq!(Serving::of(root), Serving::Nobody, "nobody holds it");
        lock.try_lock().expect("locked");
        let seen = Serving::of(root);
        assert_eq!(seen.process().map(|process| process.pid), i32::try_from(std::process::id()).ok());
    }
}
