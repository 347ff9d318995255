//! Starts and stops server processes.
//!
//! A server outlives Bough: it has a session of its own, none of Bough's files, and is found again by
//! what `/proc` and the server itself say. No signal is sent to a process that is not proven to be the
//! branch's own at that moment.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;

use crate::layout::BranchPaths;
use crate::proc::{self, Identity};
use crate::sys::{self, PidFd};
use crate::wait::wait_until;
use crate::{EngineAccount, EngineError, files};

/// Longest wait for a server that was asked to stop, in seconds; then it is killed, which loses nothing
/// that was acknowledged.
pub const STOP_LIMIT_S: u64 = 30;
/// Longest wait for a killed process to be gone, in seconds.
pub const KILL_LIMIT_S: u64 = 10;
/// Pause between two looks at a process that is ending, in milliseconds.
const STOP_PAUSE_MS: u64 = 3;
/// An error log that is longer is put aside at the next start, in bytes.
const ERROR_LOG_MAX_BYTES: u64 = 16 << 20;
/// How much of an error log is searched for last words, in bytes.
const LAST_WORDS_SEARCHED_BYTES: u64 = 64 << 10;
/// Longest last words, in bytes.
pub const LAST_WORDS_MAX_BYTES: usize = 2 << 10;
/// The only `PATH` of the programs started here.
const CHILD_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A command that runs as the engine's account, in its own session, with an environment of its own.
pub fn command(program: &Path, account: &EngineAccount, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", CHILD_PATH)
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", folder);
    command.stdin(Stdio::null());
    if account.switch {
        command.uid(account.uid).gid(account.gid);
    }
    sys::detach(&mut command);
    command
}

/// Starts a branch's server, which then goes its own way.
pub fn spawn(mariadbd: &Path, account: &EngineAccount, paths: &BranchPaths) -> Result<Identity, EngineError> {
    let log = {
        let _own = account.own_files()?;
        let long =
            std::fs::symlink_metadata(&paths.error_log).is_ok_and(|meta| meta.len() > ERROR_LOG_MAX_BYTES);
        if long {
            let aside = paths.error_log.with_extension("log.old");
            std::fs::rename(&paths.error_log, &aside).map_err(EngineError::io("rename", &paths.error_log))?;
        }
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            // Not blocking: a pipe in its place, with nobody to read it, must not hold up a start.
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(&paths.error_log)
            .map_err(EngineError::io("open", &paths.error_log))?
    };
    if !log.metadata().is_ok_and(|meta| meta.is_file()) {
        let why = "is no file; remove it, it is made anew".to_owned();
        return Err(EngineError::Layout { path: paths.error_log.clone(), why });
    }
    let log_again = log.try_clone().map_err(EngineError::io("open", &paths.error_log))?;
    let mut command = command(mariadbd, account, &paths.data);
    // It must be the first argument.
    command.arg(format!("--defaults-file={}", paths.cnf.display()));
    command.stdout(log).stderr(log_again);
    // Not waited for here: it outlives this process, and `proc::living` reaps it when it ends first.
    #[allow(clippy::zombie_processes)]
    let child = command.spawn().map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound if !mariadbd.exists() => EngineError::MissingBinary {
            program: "mariadbd",
            looked_in: mariadbd.parent().unwrap_or(mariadbd).display().to_string(),
            package: "mariadb-server-core",
        },
        _ => EngineError::io("start", mariadbd)(source),
    })?;
    let pid = child.id().cast_signed();
    // It may have ended already; then the start that is recorded matches nothing, as it should.
    Ok(proc::living(pid).unwrap_or(Identity { pid, start_ticks: 0 }))
}

/// Sends a signal if the process is, now, the branch's own server. `false` when it is not.
pub fn signal(identity: Identity, data: &Path, uid: u32, signal: Signal) -> Result<bool, EngineError> {
    let failed = |source| EngineError::Io { what: "signal the server in", path: data.to_owned(), source };
    match PidFd::open(identity.pid) {
        Ok(handle) => {
            // First the handle, then the proof: what was proven is what the handle means.
            if !proc::is_ours(identity, data, uid) {
                return Ok(false);
            }
            match handle.signal(signal) {
                Ok(()) => Ok(true),
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(false),
                Err(error) => Err(failed(error)),
            }
        }
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(false),
        // No pidfd here (an old kernel, a sandbox): prove it right before.
        Err(_) if proc::is_ours(identity, data, uid) => match kill(Pid::from_raw(identity.pid), signal) {
            Ok(()) => Ok(true),
            Err(nix::errno::Errno::ESRCH) => Ok(false),
            Err(error) => Err(failed(error.into())),
        },
        Err(_) => Ok(false),
    }
}

/// Waits until the process is gone; `false` when it is not after `limit`.
pub fn wait_gone(identity: Identity, limit: Duration) -> bool {
    let pause = Duration::from_millis(STOP_PAUSE_MS);
    wait_until(limit, pause, || (!proc::is_alive(identity)).then_some(())).is_some()
}

/// Whether the process that listens on `socket` is `identity`, under account `uid`. `None` when nobody
/// listens.
pub fn listens(socket: &Path, identity: Identity, uid: u32) -> Option<bool> {
    let stream = UnixStream::connect(socket).ok()?;
    let peer = getsockopt(&stream, PeerCredentials).ok()?;
    Some(peer.pid() == identity.pid && peer.uid() == uid)
}

/// What the server writes for an event that has failed: words of whoever made the event, and values out of rows.
const OF_AN_EVENT: &str = "[ERROR] Event Scheduler: ";

/// The server's own last error lines since its last start, cut to [`LAST_WORDS_MAX_BYTES`]; `None` when
/// it said none. What it says for clients' events is not among them. The caller holds the account's file rights.
pub fn last_words(error_log: &Path) -> Option<String> {
    let tail = files::read_tail(error_log, LAST_WORDS_SEARCHED_BYTES).ok()?;
    let text = String::from_utf8_lossy(&tail);
    let mut errors: Vec<String> = Vec::new();
    for line in text.lines() {
        if line.contains("Starting MariaDB") {
            errors.clear();
        } else if line.contains("[ERROR]") && !line.contains(OF_AN_EVENT) {
            errors.push(line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect());
        }
    }
    let mut words = String::new();
    // The first error tells most; what is cut is the end of a long list.
    for line in &errors {
        if words.len() + line.len() + 1 > LAST_WORDS_MAX_BYTES {
            let room = LAST_WORDS_MAX_BYTES.saturating_sub(words.len() + 1);
            let cut = (0..=room.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
            words.push_str(&line[..cut]);
            break;
        }
        words.push_str(line);
        words.push('\n');
    }
    let words = words.trim_end();
    (!words.is_empty()).then(|| words.to_owned())
}

/// Runs a program to its end, with both outputs in `log`. `Ok(false)` when it failed; what hangs is killed
/// with all it started.
pub fn run(mut command: Command, log: &Path, limit: Duration) -> Result<bool, EngineError> {
    let open = || {
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(log)
            .map_err(EngineError::io("open", log))
    };
    command.stdout(open()?).stderr(open()?);
    let mut child: Child = command.spawn().map_err(EngineError::io("start a program for", log))?;
    let pause = Duration::from_millis(STOP_PAUSE_MS);
    let ended = wait_until(limit, pause, || child.try_wait().transpose());
    match ended {
        Some(Ok(status)) => Ok(status.success()),
        Some(Err(error)) => Err(EngineError::io("wait for a program for", log)(error)),
        None => {
            // The child leads a session, so its number is its group's, and it is not reaped yet.
            let _ = kill(Pid::from_raw(-child.id().cast_signed()), Signal::SIGKILL);
            let _ = child.wait();
            Ok(false)
        }
    }
}

/// What a failed program said, for an error's text: its lines that speak of an error, else its last lines.
pub fn failure_words(log: &Path) -> String {
    let tail = files::read_tail(log, LAST_WORDS_SEARCHED_BYTES).unwrap_or_default();
    let text = String::from_utf8_lossy(&tail);
    let telling: Vec<&str> = text.lines().filter(|line| line.contains("ERROR")).collect();
    let told = if telling.is_empty() { text.trim().to_owned() } else { telling.join("\n") };
    let cut = told.len().saturating_sub(LAST_WORDS_MAX_BYTES);
    let cut = (cut..=told.len()).find(|at| told.is_char_boundary(*at)).unwrap_or(0);
    told[cut..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_the_last_run_s_errors() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("error.log");
        assert_eq!(last_words(&log), None);
        let said = "1 [Note] Starting MariaDB 1\n1 [ERROR] old\n2 [Note] Starting MariaDB 2\n2 [ERROR] new\u{1b}[31m\n2 [Note] x\n";
        std::fs::write(&log, said).expect("written");
        assert_eq!(last_words(&log).as_deref(), Some("2 [ERROR] new [31m"));
        let of_an_event = "2 [Note] Starting MariaDB 2\n3 [ERROR] Event Scheduler: [planetscale-admin@localhost][shop.e] Duplicate entry 'a@b.example' for key 'u'\n";
        std::fs::write(&log, of_an_event).expect("written");
        assert_eq!(last_words(&log), None, "it may hold what is in rows");
        std::fs::write(&log, format!("{of_an_event}4 [ERROR] its own\n")).expect("written");
        assert_eq!(last_words(&log).as_deref(), Some("4 [ERROR] its own"));
        std::fs::write(&log, format!("[ERROR] {}", "ü".repeat(3000))).expect("written");
        assert!(last_words(&log).is_some_and(|words| words.len() <= LAST_WORDS_MAX_BYTES));
    }
}
