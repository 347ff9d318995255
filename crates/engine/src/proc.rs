//! Reads `/proc`: who a process is, and which process works in a data directory.
//!
//! A process is taken for a branch's server only by what the kernel says about it (program, working
//! directory, owner, start), never by a number in a file.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::records::ServerRecord;

/// The names under which the server's program runs.
const SERVER_PROGRAMS: &[&str] = &["mariadbd", "mysqld"];
/// What the kernel appends to the name of a file that was removed, as an upgrade does to a program.
const REMOVED: &str = " (deleted)";
/// Clock ticks in a second where the system does not say.
const USUAL_TICKS_PER_S: u64 = 100;

/// A process, told apart from any other that ever has the same number in this run of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Its number.
    pub pid: i32,
    /// When it started, in clock ticks since the machine did.
    pub start_ticks: u64,
}

/// Who works in a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No database server.
    Nobody,
    /// A database server under the engine's account.
    Ours(Identity),
    /// A database server of somebody else.
    Stranger {
        /// How it differs.
        why: String,
    },
}

/// This run of the machine.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

struct Stat {
    state: char,
    parent: i32,
    start_ticks: u64,
}

/// Whether the process is stopped, by a signal or by a debugger, and does nothing.
pub fn is_stopped(pid: i32) -> bool {
    stat(pid).is_some_and(|stat| matches!(stat.state, 'T' | 't'))
}

/// A database server that works, or did, below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    /// The process.
    pub identity: Identity,
    /// The name below the folder: a branch's id, if all is as it should be.
    pub name: String,
    /// The account that it runs as.
    pub uid: u32,
    /// Its program, without the mark of one that was removed.
    pub program: PathBuf,
    /// Whether that program was removed or replaced since it started.
    pub replaced: bool,
    /// Where it works now.
    pub cwd: PathBuf,
    /// Whether its working directory was removed.
    pub removed: bool,
}

/// The database servers that were started for something below `root`: they work there, also under another
/// name (`known` has names and the identity of their data folders), or their options lie there.
pub fn servers_below(root: &Path, known: &[(String, (u64, u64))]) -> Vec<Below> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let mut found: Vec<Below> = pids.filter_map(|pid| below(pid, root, known)).collect();
    found.sort_by(|a, b| (&a.name, a.identity.pid).cmp(&(&b.name, b.identity.pid)));
    found
}

fn below(pid: i32, root: &Path, known: &[(String, (u64, u64))]) -> Option<Below> {
    if !is_server_program(pid) {
        return None;
    }
    let identity = living(pid)?;
    let (program, replaced) = without_mark(fs::read_link(format!("/proc/{pid}/exe")).ok()?);
    let link = format!("/proc/{pid}/cwd");
    let (cwd, removed) = without_mark(fs::read_link(&link).ok()?);
    let name = first_below(&cwd, root)
        .or_else(|| {
            let meta = fs::metadata(&link).ok()?;
            let here = (meta.dev(), meta.ino());
            known.iter().find(|(_, data)| *data == here).map(|(name, _)| name.clone())
        })
        .or_else(|| first_below(&options_of(pid)?, root))?;
    Some(Below { identity, name, uid: owner(pid)?, program, replaced, cwd, removed })
}

fn without_mark(link: PathBuf) -> (PathBuf, bool) {
    let bare = link.to_string_lossy().strip_suffix(REMOVED).map(PathBuf::from);
    bare.map_or((link, false), |bare| (bare, true))
}

fn first_below(path: &Path, root: &Path) -> Option<String> {
    let name = path.strip_prefix(root).ok()?.components().next()?;
    Some(name.as_os_str().to_string_lossy().into_owned())
}

/// The option file that a server was started with.
fn options_of(pid: i32) -> Option<PathBuf> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let told = line.split(|byte| *byte == 0).find_map(|arg| arg.strip_prefix(b"--defaults-file="))?;
    Some(PathBuf::from(String::from_utf8_lossy(told).into_owned()))
}

fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name is in parentheses and may hold anything; the fields start after the last one.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
    })
}

/// The process with that number if it lives. An ended child of this process is reaped on the way, so
/// that it does not stay as a zombie.
pub fn living(pid: i32) -> Option<Identity> {
    let stat = stat(pid)?;
    if matches!(stat.state, 'Z' | 'X' | 'x') {
        if stat.parent == Pid::this().as_raw() {
            let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
        }
        return None;
    }
    Some(Identity { pid, start_ticks: stat.start_ticks })
}

/// Whether that very process lives.
pub fn is_alive(identity: Identity) -> bool {
    living(identity.pid) == Some(identity)
}

fn is_server_program(pid: i32) -> bool {
    let Ok(exe) = fs::read_link(format!("/proc/{pid}/exe")) else { return false };
    let text = exe.to_string_lossy();
    let text = text.strip_suffix(REMOVED).unwrap_or(&text);
    Path::new(text).file_name().is_some_and(|name| SERVER_PROGRAMS.iter().any(|known| name == *known))
}

fn works_in(pid: i32, data: &Path) -> bool {
    let link = format!("/proc/{pid}/cwd");
    let Ok(cwd) = fs::read_link(&link) else { return false };
    if cwd == data || cwd.to_string_lossy().strip_suffix(REMOVED).is_some_and(|cwd| Path::new(cwd) == data) {
        return true;
    }
    // The same folder under another name, such as a bind mount's.
    match (fs::metadata(&link), fs::metadata(data)) {
        (Ok(theirs), Ok(ours)) => (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino()),
        _ => false,
    }
}

/// The owner by which the kernel checks the process's rights.
fn owner(pid: i32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn judge(pid: i32, data: &Path, uid: u32) -> Found {
    if !is_server_program(pid) || !works_in(pid, data) {
        return Found::Nobody;
    }
    let Some(identity) = living(pid) else { return Found::Nobody };
    match owner(pid) {
        Some(theirs) if theirs == uid => Found::Ours(identity),
        Some(theirs) => Found::Stranger {
            why: format!(
                "process {pid} runs a database server in {} as user number {theirs}",
                data.display()
            ),
        },
        None => Found::Nobody,
    }
}

/// Whether the process is, now, a server under account `uid` in `data`, and the one that `identity` says.
pub fn is_ours(identity: Identity, data: &Path, uid: u32) -> bool {
    judge(identity.pid, data, uid) == Found::Ours(identity)
}

/// Looks for the server of a data directory: where the record points if that holds, else among all
/// processes.
pub fn find(record: Option<&ServerRecord>, boot_id: &str, data: &Path, uid: u32) -> Found {
    if let Some(record) = record
        && record.boot_id == boot_id
    {
        let identity = Identity { pid: record.pid, start_ticks: record.start_ticks };
        if is_ours(identity, data, uid) {
            return Found::Ours(identity);
        }
    }
    let Ok(entries) = fs::read_dir("/proc") else { return Found::Nobody };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.map(|pid| judge(pid, data, uid)).find(|found| *found != Found::Nobody).unwrap_or(Found::Nobody)
}

/// The names of the folders below `root` that some process works in, also of folders that are gone.
pub fn worked_in(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let below = |entry: fs::DirEntry| {
        let folder = fs::read_link(entry.path().join("cwd")).ok()?;
        let name = folder.strip_prefix(root).ok()?.components().next()?;
        name.as_os_str().to_str().map(str::to_owned)
    };
    entries.filter_map(Result::ok).filter_map(below).collect()
}

/// The program of a process, as the kernel names it.
pub fn program(pid: i32) -> String {
    fs::read_link(format!("/proc/{pid}/exe")).map(|exe| exe.display().to_string()).unwrap_or_default()
}

/// The memory that a process holds, in bytes.
pub fn resident_bytes(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// When a process started, in microseconds since 1970.
pub fn started_at_micros(identity: Identity) -> Option<i64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let booted_s: u64 = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    let per_s = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|ticks| u64::try_from(ticks).ok());
    let per_s = per_s.filter(|ticks| *ticks > 0).unwrap_or(USUAL_TICKS_PER_S);
    let since_boot = identity.start_ticks.saturating_mul(1_000_000 / per_s);
    i64::try_from(booted_s.saturating_mul(1_000_000).saturating_add(since_boot)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_itself_and_no_stranger() {
        let me = Pid::this().as_raw();
        let identity = living(me).expect("this process lives");
        assert!(is_alive(identity));
        assert!(!is_alive(Identity { start_ticks: identity.start_ticks + 1, ..identity }));
        let here = std::env::current_dir().expect("a working directory");
        assert_eq!(judge(me, &here, 0), Found::Nobody, "a test is no database server");
        assert!(resident_bytes(me).is_some_and(|bytes| bytes > 0));
        assert!(started_at_micros(identity).is_some());
    }
}
