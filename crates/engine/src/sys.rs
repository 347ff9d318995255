//! The few calls that no safe library offers: what a child does between fork and exec, signals through a
//! pidfd, and sharing blocks between files.
//!
//! Why unsafe at all: a branch server must live in a session of its own and must not inherit a file of
//! Bough's, which only code between fork and exec can see to; and a signal by number may hit another
//! process when the number was given out again, which only a pidfd rules out. Sharing blocks is an ioctl.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::libc;
use nix::sys::signal::Signal;

/// Lets `to` share the blocks of `from`, whole.
///
/// # Errors
/// `EOPNOTSUPP` or the like where the filesystem has no shared blocks.
pub fn share_blocks(from: &File, to: &File) -> io::Result<()> {
    // SAFETY: the request takes a descriptor by value and no pointer; both files are open.
    let result = unsafe { libc::ioctl(to.as_raw_fd(), libc::FICLONE, from.as_raw_fd()) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The first descriptor after standard input, output and error.
const FIRST_OTHER_FD: libc::c_uint = 3;

/// Makes `command`'s process the leader of a session of its own, with none of Bough's files open and
/// files of its own readable by nobody else.
pub fn detach(command: &mut Command) {
    // SAFETY: the closure only makes system calls that are async-signal-safe, and touches no memory
    // but its own stack.
    unsafe {
        command.pre_exec(|| {
            if libc::setsid() == -1 {
                return Err(io::Error::last_os_error());
            }
            libc::umask(0o077);
            // Marked for closing rather than closed: std reports a failed exec through one of them.
            // A kernel before 5.11 refuses; std opens everything close-on-exec anyway.
            libc::syscall(
                libc::SYS_close_range,
                FIRST_OTHER_FD,
                libc::c_uint::MAX,
                libc::CLOSE_RANGE_CLOEXEC as libc::c_uint,
            );
            Ok(())
        });
    }
}

/// A handle on a process that never comes to mean another one.
#[derive(Debug)]
pub struct PidFd(OwnedFd);

impl PidFd {
    /// Takes hold of the process that has this number now; the caller then verifies that it is the one
    /// it means.
    ///
    /// # Errors
    /// `ESRCH` when there is none; `ENOSYS` before Linux 5.3.
    pub fn open(pid: i32) -> io::Result<Self> {
        // SAFETY: no pointers are passed; the descriptor returned is new and owned by nobody else.
        unsafe {
            let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            let fd = i32::try_from(fd).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            Ok(Self(OwnedFd::from_raw_fd(fd)))
        }
    }

    /// Sends a signal to that very process.
    ///
    /// # Errors
    /// `ESRCH` when it has ended and was reaped.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        // SAFETY: a null siginfo is allowed and means the same as kill(2).
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                signal as libc::c_int,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}
