//! The machine that it runs on, and how busy others keep it. Linux only, as Bough's engine is.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use bough_engine::Binaries;

use crate::table::say;

/// How long others are watched before a measure, in milliseconds.
const WATCHED_MILLIS: u64 = 1_000;
/// How often it is looked again while the machine is busy, before it is measured anyway.
const PATIENCE: usize = 60;
/// From which share of all CPUs that others use a machine counts as busy.
const BUSY_SHARE: f64 = 0.15;

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn field(text: &str, name: &str) -> String {
    let value =
        text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':').map(|(_, value)| value));
    value.unwrap_or("?").trim().to_owned()
}

/// The filesystem that a path lies on, by the longest mount point above it.
fn filesystem(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mounts = read("/proc/self/mounts");
    let above = mounts.lines().filter_map(|line| {
        let mut parts = line.split(' ');
        let (device, point, kind) = (parts.next()?, parts.next()?, parts.next()?);
        path.starts_with(point).then(|| (point.len(), format!("{kind} ({device} on {point})")))
    });
    above.max_by_key(|(length, _)| *length).map_or_else(|| "?".to_owned(), |(_, text)| text)
}

/// Says on what, and of what, the figures are.
pub fn introduce() {
    let cpuinfo = read("/proc/cpuinfo");
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    say(&format!(
        "bough {}, built with optimisation: {}",
        env!("CARGO_PKG_VERSION"),
        !cfg!(debug_assertions)
    ));
    say(&format!("kernel {}", read("/proc/sys/kernel/osrelease").trim()));
    say(&format!("{cpus} CPUs: {}", field(&cpuinfo, "model name")));
    say(&format!("memory {}", field(&read("/proc/meminfo"), "MemTotal")));
    say(&format!("filesystem of /tmp, where all data lies: {}", filesystem(Path::new("/tmp"))));
    match Binaries::find(None) {
        Ok(found) => say(&format!("branch servers: {}", found.flavor)),
        Err(error) => say(&format!("branch servers: {error}")),
    }
    say(&format!("metadata: SQLite {}", rusqlite::version()));
}

/// CPU time of the machine so far, in ticks.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    busy: u64,
    stolen: u64,
    all: u64,
}

impl Ticks {
    /// Until now.
    pub fn now() -> Self {
        let stat = read("/proc/stat");
        let line = stat.lines().next().unwrap_or_default();
        let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|text| text.parse().ok()).collect();
        let at = |index: usize| ticks.get(index).copied().unwrap_or(0);
        let idle = at(3) + at(4);
        let all: u64 = ticks.iter().take(8).sum();
        Self { busy: all - idle - at(7), stolen: at(7), all }
    }

    #[allow(clippy::cast_precision_loss, reason = "ticks of minutes")]
    fn shares(self, later: Self) -> (f64, f64) {
        let all = (later.all - self.all).max(1) as f64;
        ((later.busy - self.busy) as f64 / all, (later.stolen - self.stolen) as f64 / all)
    }

    /// What a virtual machine's host took away since then.
    pub fn since(self) -> String {
        let (_, stolen) = self.shares(Self::now());
        format!("the host took {:.1} % of the CPU time away meanwhile", stolen * 100.0)
    }
}

/// How busy the machine is while this program does nothing.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    load: f64,
    others: f64,
}

impl Machine {
    /// Waits about a minute, at most, for others to be quiet.
    pub fn await_quiet() -> Self {
        let mut seen = Self::look();
        for _ in 1..PATIENCE {
            if seen.others < BUSY_SHARE {
                break;
            }
            seen = Self::look();
        }
        seen
    }

    /// Watches for a second.
    pub fn look() -> Self {
        let before = Ticks::now();
        std::thread::sleep(Duration::from_millis(WATCHED_MILLIS));
        let (others, _) = before.shares(Ticks::now());
        let load = read("/proc/loadavg").split(' ').next().and_then(|text| text.parse().ok());
        Self { load: load.unwrap_or(f64::NAN), others }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.others < BUSY_SHARE { "quiet" } else { "BUSY: figures are unreliable" };
        write!(f, "load {:.2}, others use {:.0} % of the CPUs: {verdict}", self.load, self.others * 100.0)
    }
}

/// CPU time of a process so far, user and system, in seconds.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = read(&format!("/proc/{pid}/stat"));
    // The name, in parentheses, may hold anything; fields 14 and 15 of the whole line.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks = |index: usize| after.split_whitespace().nth(index).and_then(|text| text.parse::<f64>().ok());
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    #[allow(clippy::cast_precision_loss, reason = "100")]
    let per_second = per_second as f64;
    ticks(11).zip(ticks(12)).map_or(f64::NAN, |(user, system)| (user + system) / per_second)
}

/// Memory that a process holds, in MiB.
pub fn resident_mib(pid: u32) -> f64 {
    let status = read(&format!("/proc/{pid}/status"));
    let kib = field(&status, "VmRSS").split(' ').next().and_then(|text| text.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}

/// Memory that a process holds, its part of what it shares with others included, in MiB.
pub fn memory_mib(pid: u32) -> anyhow::Result<f64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("{path}: it takes the rights of root"))?;
    let kib = field(&text, "Pss").split(' ').next().and_then(|text| text.parse::<f64>().ok());
    Ok(kib.with_context(|| format!("{path}: no Pss"))? / 1024.0)
}

/// Memory that could be had, in MiB.
pub fn available_mib() -> f64 {
    let kib = field(&read("/proc/meminfo"), "MemAvailable")
        .split(' ')
        .next()
        .and_then(|text| text.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}

/// Bytes that the files of a folder take on the disk, and how long they are.
pub fn bytes_on_disk(folder: &Path) -> std::io::Result<(u64, u64)> {
    let mut sum = (0, 0);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let (allocated, long) = match metadata.is_dir() {
            true => bytes_on_disk(&entry.path())?,
            false => (metadata.blocks() * 512, metadata.len()),
        };
        sum = (sum.0 + allocated, sum.1 + long);
    }
    Ok(sum)
}
