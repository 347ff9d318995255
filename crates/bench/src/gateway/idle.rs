//! What idle connections cost the gateway, in memory.

use anyhow::Result;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::contestants::{Contestants, select};
use crate::machine::memory_mib;
use crate::server::from_env;
use crate::table::{Line, say};
use crate::wire::{Address, Way};

/// Idle connections, unless `BOUGH_BENCH_IDLE` says otherwise.
const IDLE: u64 = 5_000;
/// Files that a process needs besides.
const FILES_BESIDES: u64 = 500;
/// The gateway holds two sockets for each connection.
const FILES_EACH: u64 = 2;

/// With TLS and without, each time in a process that has held none before: what an allocator has had once it keeps.
pub fn measure(contestants: &mut Contestants) -> Result<Vec<Line>> {
    let wanted = from_env("BOUGH_BENCH_IDLE", IDLE)?;
    let (_, files) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let needed = wanted * FILES_EACH + FILES_BESIDES;
    if files < needed {
        let why = format!("it takes {needed} open files, and a process may have {files} (ulimit -Hn)");
        return Ok(vec![Line::not_measured("P7 memory of idle connections", &why)]);
    }
    setrlimit(Resource::RLIMIT_NOFILE, files, files)?;
    let mut lines = Vec::new();
    for (way, with) in
        [(contestants.plain.gateway.clone(), "without TLS"), (contestants.tls.gateway.clone(), "with TLS")]
    {
        contestants.bough.stop();
        contestants.bough.serve();
        let address = Address::Tcp(contestants.bough.mysql_address().parse()?);
        let pid = contestants.bough.pid();
        lines.push(of_way(&Way { address, ..way }, pid, wanted, with)?);
    }
    Ok(lines)
}

fn of_way(way: &Way, pid: u32, wanted: u64, with: &str) -> Result<Line> {
    // What the first connection needs once is not counted with each.
    let mut first = way.connect()?;
    first.point(&select(1))?;
    let before = memory_mib(pid)?;
    let mut held = (0..wanted).map(|_| way.connect()).collect::<Result<Vec<_>>>()?;
    let logged_in = memory_mib(pid)?;
    for client in &mut held {
        client.point(&select(1))?;
    }
    let asked = memory_mib(pid)?;
    say(&format!(
        "  {wanted} connections {with}: {before:.1} MiB before, {logged_in:.1} MiB when all have logged in, {asked:.1} MiB when each has \
         asked once"
    ));
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    let each = (asked - before) * 1024.0 / wanted as f64;
    Ok(Line {
        measure: format!("P7 memory of {wanted} idle connections, {with}"),
        goal: String::new(),
        ours: format!("{:.0} MiB more, {each:.1} KiB each", asked - before),
        beside: format!("the same process with one {before:.0} MiB"),
        ratio: String::new(),
        met: String::new(),
    }
    .for_context())
}
