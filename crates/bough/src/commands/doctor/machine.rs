//! The machine below: file system, room, descriptors, clock, control groups.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bough_engine::RESERVE_BYTES;
use bough_engine::checkup::{Footprint, Room, filesystem_of, room_of, shares_blocks};
use bough_model::Timestamp;
use bough_store::checkup::Examined;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::unistd::{AccessFlags, access, geteuid};

use super::programs::Installed;
use super::report::{Check, Level, Report, quoted, size};
use super::scene::{Kind, Scene};

/// With room for fewer new branches than this, the doctor warns.
const FEW_BRANCHES: u64 = 10;
/// Files that Bough has open besides connections: the store's readers, logs, branch servers' sockets.
const OWN_FILES: u64 = 256;
/// How far the clock may be behind before it counts: other machines' disks have clocks of their own.
const CLOCK_SLACK_SECONDS: u64 = 2;

pub fn check(scene: &Scene, installed: Option<&Installed>, report: &mut Report) {
    let engine =
        scene.engine.as_ref().map_or_else(|| scene.root().join("engine"), |engine| engine.root().to_owned());
    let folder = Scene::nearest(&engine);
    check_filesystem(scene, &folder, report);
    check_room(scene, installed, &folder, report);
    check_cgroup(scene, report);
}

fn check_filesystem(scene: &Scene, folder: &Path, report: &mut Report) {
    let named = filesystem_of(folder);
    let on = named.as_ref().map_or_else(
        || "its file system".to_owned(),
        |(kind, mount)| format!("{kind}, mounted at {}", mount.display()),
    );
    let account = scene
        .engine
        .as_ref()
        .filter(|engine| folder.starts_with(engine.root()))
        .map(|engine| engine.account());
    match shares_blocks(folder, account) {
        Ok(true) => {
            report.ok(Check::Filesystem, format!("{} is on {on}: copies share blocks", folder.display()))
        }
        Ok(false) => report.wrong(
            Check::Filesystem,
            Level::Note,
            format!(
                "{} is on {on}, which cannot share blocks: what a branch begins with is copied byte by byte",
                folder.display()
            ),
            "for branches with much data, put the data directory on XFS or btrfs",
        ),
        Err(error) => report.note(
            Check::Filesystem,
            format!(
                "{} is on {on}; whether copies share blocks could not be tried: {error}",
                folder.display()
            ),
        ),
    }
}

fn check_room(scene: &Scene, installed: Option<&Installed>, folder: &Path, report: &mut Report) {
    let flavor = installed.map(|installed| installed.version);
    let footprint = scene.engine.as_ref().map(|engine| engine.footprint(flavor));
    let room = match room_of(folder) {
        Ok(room) => room,
        Err(error) => {
            let what = format!("the free room of {} cannot be told: {error}", folder.display());
            return report.wrong(
                Check::Disk,
                Level::Warning,
                what,
                "see what the kernel's log says of that disk",
            );
        }
    };
    if let Some(footprint) = footprint {
        judge_room(folder, room, footprint, report);
        judge_inodes(folder, room, footprint, report);
    }
    // The metadata may be on another one.
    let root = Scene::nearest(scene.root());
    let other = |a: Option<(String, PathBuf)>, b| a.is_some() && a != b;
    if other(filesystem_of(&root), filesystem_of(folder))
        && let Ok(room) = room_of(&root)
        && room.free_bytes < RESERVE_BYTES
    {
        report.wrong(
            Check::Disk,
            Level::Failure,
            format!("{} has {} free, for the metadata", root.display(), size(room.free_bytes)),
            "make room, or every change is refused before long",
        );
    }
}

fn judge_room(folder: &Path, room: Room, footprint: Footprint, report: &mut Report) {
    let free = size(room.free_bytes);
    let each = size(footprint.bytes);
    let about = if footprint.measured { "" } else { "about " };
    let fit = room.free_bytes.saturating_sub(RESERVE_BYTES) / footprint.bytes.max(1);
    let reserve = size(RESERVE_BYTES);
    let what = format!(
        "{free} are free at {}: {about}{fit} more empty branches ({each} each to begin with, {reserve} kept free)",
        folder.display()
    );
    let mount = filesystem_of(folder).map_or_else(|| folder.to_owned(), |(_, mount)| mount);
    let mend = format!(
        "make room or delete branches; what takes it: du -xh -d 3 {} | sort -h | tail",
        quoted(&mount)
    );
    if room.free_bytes < RESERVE_BYTES {
        let what = format!(
            "only {free} are free at {}: no new branch, and those that run may soon fail to write",
            folder.display()
        );
        report.wrong(Check::Disk, Level::Failure, what, mend);
    } else if fit == 0 {
        report.wrong(Check::Disk, Level::Failure, what, mend);
    } else if fit < FEW_BRANCHES {
        report.wrong(Check::Disk, Level::Warning, what, mend);
    } else {
        report.ok(Check::Disk, what);
    }
}

fn judge_inodes(folder: &Path, room: Room, footprint: Footprint, report: &mut Report) {
    let Some(free) = room.free_files else {
        return report.ok(Check::Inodes, format!("{} has no limit of files", folder.display()));
    };
    let fit = free / footprint.files.max(1);
    let what = format!(
        "{free} files can be made at {}: {fit} more empty branches ({} each)",
        folder.display(),
        footprint.files
    );
    let mount = filesystem_of(folder).map_or_else(|| folder.to_owned(), |(_, mount)| mount);
    let mend = format!(
        "remove files, or make a file system with more inodes; where they are: du --inodes -x -d 3 {} | sort -n | tail",
        quoted(&mount)
    );
    match fit {
        0 => report.wrong(Check::Inodes, Level::Failure, what, mend),
        1..FEW_BRANCHES => report.wrong(Check::Inodes, Level::Warning, what, mend),
        _ => report.ok(Check::Inodes, what),
    }
}

/// Bough keeps a file open for each connection.
pub fn check_descriptors(scene: &Scene, examined: Option<&Examined>, report: &mut Report) {
    let branches = examined.and_then(|examined| examined.branches.as_ref().ok()).map_or(0, Vec::len) as u64;
    let connections = scene.config.server.connections_max as u64;
    let needed = connections.saturating_add(branches).saturating_add(OWN_FILES);
    let sum = format!("[server] connections_max {connections}, {branches} branches, {OWN_FILES} of its own");
    let mend = format!(
        "LimitNOFILE={0} in the unit, or before `bough serve`: ulimit -Hn {0}; or a smaller connections_max",
        needed.next_power_of_two()
    );
    if let Some(process) = scene.serving.process() {
        match process.files_max {
            Some(limit) if limit < needed => report.wrong(
                Check::Descriptors,
                Level::Warning,
                format!(
                    "Bough (process {}) may have {limit} files open, and may need {needed} ({sum})",
                    process.pid
                ),
                format!("{mend}; then start Bough again"),
            ),
            _ => report.ok(
                Check::Descriptors,
                format!("Bough may have as many files open as it may need ({needed})"),
            ),
        }
        return;
    }
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((_, hard)) if hard != RLIM_INFINITY && hard < needed => report.wrong(
            Check::Descriptors,
            Level::Warning,
            format!("a Bough started from here may have {hard} files open, and may need {needed} ({sum})"),
            mend,
        ),
        Ok(_) => report.ok(
            Check::Descriptors,
            format!("a Bough started from here may have as many files open as it may need ({needed})"),
        ),
        Err(error) => {
            report.note(Check::Descriptors, format!("the limit of open files cannot be told: {error}"))
        }
    }
}

/// Tokens end by the clock, and entries of the audit log are dated by it.
pub fn check_clock(scene: &Scene, examined: Option<&Examined>, report: &mut Report) {
    let now = Timestamp::from_system(SystemTime::now());
    let row = examined.and_then(|examined| *examined.newest.as_ref().ok()?);
    let mut newest = vec![("the newest row of the store".to_owned(), row)];
    let files = ["store.sqlite", "store.sqlite-wal", "audit-heads"].map(|name| scene.root().join(name));
    if scene.kind == Kind::Ours {
        newest.extend(
            files.iter().map(|path| (format!("the last change of {}", path.display()), changed(path))),
        );
    }
    let own = std::env::current_exe().ok();
    newest.push(("this program's own file".to_owned(), own.as_deref().and_then(changed)));
    let latest = newest.into_iter().filter_map(|(what, at)| Some((at?, what))).max();
    match latest {
        Some((at, what)) if at.since(now) > Duration::from_secs(CLOCK_SLACK_SECONDS) => report.wrong(
            Check::Clock,
            Level::Warning,
            format!("the clock says {now}, {} before {what} ({at}): it was set back, or is wrong", span(at.since(now))),
            "set it (timedatectl, chronyc tracking): until then expired tokens may work again, and new entries of the \
             audit log are dated before older ones",
        ),
        Some((_, what)) => report.ok(Check::Clock, format!("the clock says {now}, after {what}")),
        None => report.ok(Check::Clock, format!("the clock says {now}")),
    }
}

fn changed(path: &Path) -> Option<Timestamp> {
    Some(Timestamp::from_system(fs::metadata(path).ok()?.modified().ok()?))
}

/// A span of time for people.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// Whether limits of memory and processors could be set for each branch: nothing in this version does.
fn check_cgroup(scene: &Scene, report: &mut Report) {
    const NEEDED: [&str; 2] = ["cpu", "memory"];
    let pid = scene.serving.process().map_or_else(|| "self".to_owned(), |process| process.pid.to_string());
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mount =
        mounts.lines().find(|line| line.contains(" - cgroup2 ")).and_then(|line| line.split(' ').nth(4));
    let (Some(own), Some(mount)) = (own, mount) else {
        return report
            .note(Check::Cgroup, "there is no cgroup v2 here: limits for single branches could not be set");
    };
    let folder = match own.trim_matches('/') {
        "" => PathBuf::from(mount),
        own => Path::new(mount).join(own),
    };
    let offered = fs::read_to_string(folder.join("cgroup.controllers")).unwrap_or_default();
    let missing: Vec<&str> = NEEDED
        .into_iter()
        .filter(|name| !offered.split_ascii_whitespace().any(|offer| offer == *name))
        .collect();
    if !missing.is_empty() {
        return report.note(
            Check::Cgroup,
            format!(
                "{} has no controllers for {}: limits for single branches could not be set",
                folder.display(),
                missing.join(" and ")
            ),
        );
    }
    let writable = geteuid().is_root()
        || ["cgroup.procs", "cgroup.subtree_control"]
            .iter()
            .all(|name| access(&folder.join(name), AccessFlags::W_OK).is_ok());
    if writable {
        report.ok(
            Check::Cgroup,
            format!("{} could have groups with limits for single branches", folder.display()),
        );
    } else {
        report.wrong(
            Check::Cgroup,
            Level::Note,
            format!("{} is not delegated: limits for single branches could not be set", folder.display()),
            "Delegate=yes in the unit; nothing in this version needs it",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        let told = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(
            [told(5), told(65), told(3_700), told(90_000)],
            ["5 s", "1 min 5 s", "1 h 1 min", "1 d 1 h"]
        );
    }

    fn levels(room: Room) -> (Level, Level) {
        let footprint = Footprint { bytes: 20 << 20, files: 100, measured: true };
        let (mut disk, mut inodes) = (Report::default(), Report::default());
        judge_room(Path::new("/d"), room, footprint, &mut disk);
        judge_inodes(Path::new("/d"), room, footprint, &mut inodes);
        (disk.worst(), inodes.worst())
    }

    #[test]
    fn room_by_what_still_fits() {
        let room = |mib: u64, files| Room { free_bytes: mib << 20, free_files: files };
        assert_eq!(levels(room(64 + 200, Some(1_000))), (Level::Ok, Level::Ok));
        assert_eq!(levels(room(64 + 199, Some(999))), (Level::Warning, Level::Warning));
        assert_eq!(levels(room(64 + 19, Some(99))), (Level::Failure, Level::Failure));
        assert_eq!(levels(room(63, None)), (Level::Failure, Level::Ok));
    }
}
