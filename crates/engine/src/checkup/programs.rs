//! The database server's programs: whether they are there, run, and are MariaDB's.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bough_model::{Flavor, Vendor};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait::wait_until;
use crate::{EngineAccount, binaries, process};

/// Longest time that a program may take to say its version, in seconds.
const SAY_LIMIT_S: u64 = 10;
/// Pause between two looks at it, in milliseconds.
const SAY_PAUSE_MS: u64 = 5;
/// How much of what it says is read, in bytes.
const SAID_MAX_BYTES: usize = 32 << 10;
/// How much of it is told, in characters.
const TOLD_MAX_CHARS: usize = 200;

/// The oldest server that Bough is made for: major and minor version.
pub const OLDEST_SERVER: (u16, u16) = (10, 11);

/// A program, looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramSeen {
    /// Its name.
    pub program: &'static str,
    /// The Debian package that holds it.
    pub package: &'static str,
    /// How it is.
    pub state: ProgramState,
}

/// How a program is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramState {
    /// Not in any of these folders.
    Missing {
        /// The folders that were searched.
        looked_in: Vec<PathBuf>,
    },
    /// It is there and does not run, or says nothing that can be understood.
    Broken {
        /// Where.
        path: PathBuf,
        /// What happened.
        why: String,
    },
    /// It is somebody else's.
    Foreign {
        /// Where.
        path: PathBuf,
        /// What it calls itself.
        says: String,
    },
    /// It runs, as the account that would run it.
    Fine {
        /// Where.
        path: PathBuf,
        /// What it calls itself; the installer, a script, does not say.
        version: Option<Flavor>,
    },
}

/// Looks at every program that a managed region uses, in `folder` alone if one is configured. As root the
/// server and its installer are tried as `account`, as they would run.
pub fn examine_programs(folder: Option<&Path>, account: Option<&EngineAccount>) -> Vec<ProgramSeen> {
    let folders = binaries::folders(folder);
    let server = "mariadb-server-core";
    let examine = |program, package, account, judge: fn(&str) -> Verdict, arg| {
        let state = match binaries::search(&folders, program, package) {
            Err(_) => ProgramState::Missing { looked_in: folders.clone() },
            Ok(path) => examine(path, account, judge, arg),
        };
        ProgramSeen { program, package, state }
    };
    vec![
        examine("mariadbd", server, account, by_version, "--version"),
        examine("mariadb-install-db", server, account, by_usage, "--help"),
        examine("mariadb", "mariadb-client-core", None, by_version, "--version"),
    ]
}

enum Verdict {
    Ours(Option<Flavor>),
    Foreign,
    Nonsense,
}

fn by_version(said: &str) -> Verdict {
    // `Ver 15.1 Distrib 10.11.19-MariaDB`, `Ver 10.11.19-MariaDB-0+deb12u1`, `from 11.4.2-MariaDB, client 15.2`.
    let words = said.split(|c: char| c.is_whitespace() || c == ',');
    let version = words
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .find_map(|word| Flavor::parse(word).map(|flavor| (word, flavor)));
    match version {
        Some((_, flavor)) if flavor.vendor == Vendor::MariaDb => Verdict::Ours(Some(flavor)),
        Some(_) => Verdict::Foreign,
        None => Verdict::Nonsense,
    }
}

/// The installer is a script that says no version, and ends with an error after it has said how to use it.
fn by_usage(said: &str) -> Verdict {
    if said.contains("--auth-root-socket-user") { Verdict::Ours(None) } else { Verdict::Nonsense }
}

fn examine(
    path: PathBuf,
    account: Option<&EngineAccount>,
    judge: fn(&str) -> Verdict,
    arg: &str,
) -> ProgramState {
    let said = match say(&path, account, arg) {
        Ok(said) => said,
        Err(why) => return ProgramState::Broken { path, why },
    };
    match judge(&said) {
        Verdict::Ours(version) => ProgramState::Fine { path, version },
        Verdict::Foreign => ProgramState::Foreign { path, says: told(&said) },
        Verdict::Nonsense if told(&said).is_empty() => {
            ProgramState::Broken { path, why: format!("{arg} says nothing") }
        }
        Verdict::Nonsense => ProgramState::Broken { path, why: format!("{arg} says: {}", told(&said)) },
    }
}

fn told(said: &str) -> String {
    said.lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default()
        .chars()
        .take(TOLD_MAX_CHARS)
        .collect()
}

/// Runs `path --no-defaults ARG`, bounded, and returns what it says on both outputs.
fn say(path: &Path, account: Option<&EngineAccount>, arg: &str) -> Result<String, String> {
    let mut command = match account {
        Some(account) => process::command(path, account, Path::new("/")),
        None => {
            let mut command = Command::new(path);
            command.env_clear().stdin(Stdio::null());
            crate::sys::detach(&mut command);
            command
        }
    };
    command.args(["--no-defaults", arg]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match account {
        Some(account) if account.switch => format!("account {} cannot start it: {error}", account.name),
        _ => format!("it cannot be started: {error}"),
    })?;
    let outputs = (child.stdout.take(), child.stderr.take());
    let limit = Duration::from_secs(SAY_LIMIT_S);
    let ended = wait_until(limit, Duration::from_millis(SAY_PAUSE_MS), || child.try_wait().transpose());
    if ended.is_none() {
        // It leads a session, so its number is its group's, and it is not reaped yet.
        let _ = kill(Pid::from_raw(-child.id().cast_signed()), Signal::SIGKILL);
        let _ = child.wait();
        return Err(format!("{arg} did not end within {SAY_LIMIT_S} s"));
    }
    let mut said = Vec::new();
    if let (Some(out), Some(err)) = outputs {
        said.extend(what_is_there(&out));
        said.extend(what_is_there(&err));
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// What a pipe holds now. Whatever the program has started may still have it open, so nobody waits for its
/// end.
fn what_is_there(pipe: &impl AsFd) -> Vec<u8> {
    let mut said = vec![0; SAID_MAX_BYTES];
    let mut length = 0;
    if fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).is_ok() {
        while let Ok(more @ 1..) = nix::unistd::read(pipe, &mut said[length..]) {
            length += more;
        }
    }
    said.truncate(length);
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(said: &str) -> Option<String> {
        match by_version(said) {
            Verdict::Ours(flavor) => flavor.map(|flavor| flavor.to_string()),
            Verdict::Foreign => Some("foreign".to_owned()),
            Verdict::Nonsense => None,
        }
    }

    #[test]
    fn versions_as_the_programs_say_them() {
        let ours = Some("mariadb-10.11.19".to_owned());
        let server = "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)";
        assert_eq!(version(server), ours);
        let client =
            "mariadb  Ver 15.1 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64) using  EditLine";
        assert_eq!(version(client), ours);
        let newer = "mariadb from 11.4.2-MariaDB, client 15.2 for debian-linux-gnu (x86_64)";
        assert_eq!(version(newer), Some("mariadb-11.4.2".to_owned()));
        assert_eq!(
            version("mysqld  Ver 8.4.3 for Linux on x86_64 (MySQL Community)"),
            Some("foreign".to_owned())
        );
        assert_eq!(version("error while loading shared libraries: libssl.so.3"), None);
    }
}
