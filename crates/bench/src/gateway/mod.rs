//! P7: point selects through the gateway, beside HAProxy in TCP mode and a direct connection, by 1, 8 and 64
//! connections, without TLS and with it; how fast connections are set up; what idle ones cost.

mod contestants;
mod idle;
mod peers;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::machine::{Machine, cpu_seconds};
use crate::numbers::Spread;
use crate::server::from_env;
use crate::table::{Line, met, say};
use crate::wire::Way;
use contestants::{Contestants, Ways, select, value_of};

/// Rows that are chosen from.
const ROWS: u64 = 10_000;
/// How many connections ask at once.
const CONNECTIONS: [usize; 3] = [1, 8, 64];
/// Rounds, unless `BOUGH_BENCH_ROUNDS` says otherwise; in each every contestant has its turn, in an order that changes.
const ROUNDS: u64 = 6;
/// How long one turn lasts, in milliseconds, and what comes before it.
const TURN_MILLIS: u64 = 1_500;
const WARM_UP_MILLIS: u64 = 200;
/// Threads that set up connections.
const SETTING_UP: usize = 8;
/// Queries a second and connections a second: at least so many times the peer's.
const RATE_GOAL: f64 = 1.0;

/// What one contestant did in one turn.
#[derive(Clone, Copy)]
struct Turn {
    per_second: f64,
    /// CPU of what stands in between, and of the database server, in microseconds each time.
    between_micros: f64,
    server_micros: f64,
}

/// CPU times of a way, from its making on.
struct Cpu<'a> {
    way: &'a Way,
    before: [f64; 2],
    started: Instant,
}

impl<'a> Cpu<'a> {
    fn now(way: &Way) -> [f64; 2] {
        [way.between, way.server].map(|pid| pid.map_or(f64::NAN, cpu_seconds))
    }

    fn count(way: &'a Way) -> Self {
        Self { way, before: Self::now(way), started: Instant::now() }
    }

    fn turn(&self, times: u64) -> Turn {
        let (now, took) = (Self::now(self.way), self.started.elapsed().as_secs_f64());
        #[allow(clippy::cast_precision_loss, reason = "hundreds of thousands")]
        let times = times.max(1) as f64;
        let each = |of: usize| (now[of] - self.before[of]) * 1e6 / times;
        Turn { per_second: times / took, between_micros: each(0), server_micros: each(1) }
    }
}

/// One turn: so many connections ask as fast as they are answered.
fn turn(way: &Way, connections: usize) -> Result<Turn> {
    let stop = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let ready = Arc::new(Barrier::new(connections + 1));
    let mut clients = (0..connections).map(|_| way.connect()).collect::<Result<Vec<_>>>()?;
    // Correctness first.
    for (client, id) in clients.iter_mut().zip(1..) {
        ensure!(client.point(&select(id))? == value_of(id), "{}: a wrong row", way.name);
    }
    let workers: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(number, mut client)| {
            let (stop, count, ready) = (Arc::clone(&stop), Arc::clone(&count), Arc::clone(&ready));
            std::thread::spawn(move || -> Result<()> {
                let mut random = number as u64 * 7_919 + 1;
                ready.wait();
                while !stop.load(Ordering::Relaxed) {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    client.point(&select(1 + (random >> 33) % ROWS))?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                client.quit()
            })
        })
        .collect();
    ready.wait();
    std::thread::sleep(Duration::from_millis(WARM_UP_MILLIS));
    let (cpu, before) = (Cpu::count(way), count.load(Ordering::Relaxed));
    std::thread::sleep(Duration::from_millis(TURN_MILLIS));
    let taken = cpu.turn(count.load(Ordering::Relaxed) - before);
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.join().map_err(|_| anyhow::anyhow!("a client broke off"))??;
    }
    Ok(taken)
}

/// Connections that are set up, ask once, and leave, one after the other in each thread.
fn set_up(way: &Way) -> Result<Turn> {
    let stop = Arc::new(AtomicBool::new(false));
    way.connect()?.quit()?;
    let cpu = Cpu::count(way);
    let workers: Vec<_> = (0..SETTING_UP)
        .map(|_| {
            let (way, stop) = (way.clone(), Arc::clone(&stop));
            std::thread::spawn(move || -> Result<u64> {
                let mut made = 0;
                while !stop.load(Ordering::Relaxed) {
                    let mut client = way.connect()?;
                    ensure!(client.point(&select(1))? == value_of(1), "{}: a wrong row", way.name);
                    client.quit()?;
                    made += 1;
                }
                Ok(made)
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(TURN_MILLIS));
    stop.store(true, Ordering::Relaxed);
    let mut made = 0;
    for worker in workers {
        made += worker.join().map_err(|_| anyhow::anyhow!("a client broke off"))??;
    }
    Ok(cpu.turn(made))
}

/// Every way in turn, in an order that is turned round each time: what each did, by its place in `ways`.
fn rounds(ways: &[&Way; 3], take: impl Fn(&Way) -> Result<Turn>) -> Result<[Vec<Turn>; 3]> {
    let mut taken: HashMap<usize, Vec<Turn>> = HashMap::new();
    for round in 0..from_env("BOUGH_BENCH_ROUNDS", ROUNDS)? {
        let mut order: Vec<usize> = (0..ways.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for at in order {
            taken.entry(at).or_default().push(take(ways[at])?);
        }
    }
    Ok([0, 1, 2].map(|at| taken.remove(&at).unwrap_or_default()))
}

fn spread(turns: &[Turn], of: impl Fn(&Turn) -> f64) -> Spread {
    Spread::of(&turns.iter().map(of).collect::<Vec<_>>())
}

/// How often, beside a peer, and the direct way for context.
fn rate_line(what: &str, unit: &str, taken: &[Vec<Turn>; 3], peer: (usize, &str)) -> Line {
    let rate = |of: usize| spread(&taken[of], |turn| turn.per_second);
    let ratio = rate(0).median / rate(peer.0).median;
    let direct = if peer.0 == 2 { String::new() } else { format!("; direct {:.0}", rate(2).median) };
    Line {
        measure: format!("P7 {what}"),
        goal: format!(">= {RATE_GOAL} x"),
        ours: rate(0).show(unit, 0),
        beside: format!("{} {}{direct}", peer.1, rate(peer.0).show(unit, 0)),
        ratio: format!("{ratio:.2}"),
        met: met(ratio >= RATE_GOAL),
    }
}

/// What stands in between costs at most what HAProxy does. With the servers for context: in one of the two ways they
/// have to do TLS.
fn cpu_line(what: &str, taken: &[Vec<Turn>; 3]) -> Line {
    let between = |of: usize| spread(&taken[of], |turn| turn.between_micros);
    let whole = |of: usize| spread(&taken[of], |turn| turn.between_micros + turn.server_micros).median;
    let ratio = between(0).median / between(1).median;
    Line {
        measure: format!("P7 {what}, CPU each"),
        goal: "<= 1 x".to_owned(),
        ours: format!("{}, with the server {:.1}", between(0).show("us", 1), whole(0)),
        beside: format!("HAProxy {}, with the server {:.1}", between(1).show("us", 1), whole(1)),
        ratio: format!("{ratio:.2}"),
        met: met(ratio <= 1.0),
    }
}

/// Takes the measure.
pub fn measure() -> Result<Vec<Line>> {
    let mut contestants = Contestants::start()?;
    let mut lines = Vec::new();
    for (ways, with) in [(&contestants.plain, "without TLS"), (&contestants.tls, "with TLS")] {
        let Ways { gateway, haproxy, direct } = ways;
        let ways = [gateway, haproxy, direct];
        for connections in CONNECTIONS {
            say(&format!("  {connections} connections {with}; before them: {}", Machine::look()));
            let taken = rounds(&ways, |way| turn(way, connections))?;
            let what = format!("point selects, {connections} connections, {with}");
            lines.push(rate_line(&what, "queries/s", &taken, (1, "HAProxy")));
            lines.push(cpu_line(&what, &taken));
        }
        say(&format!("  connections set up {with}; before them: {}", Machine::look()));
        let taken = rounds(&ways, set_up)?;
        let what = format!("connections set up, {with}");
        // The goal is beside a direct connection with TLS. Without TLS, HAProxy does no more than hand on.
        lines.push(if gateway.tls.is_some() {
            rate_line(&what, "a second", &taken, (2, "direct"))
        } else {
            rate_line(&what, "a second", &taken, (1, "HAProxy")).for_context()
        });
        lines.push(cpu_line(&what, &taken).for_context());
    }
    lines.extend(idle::measure(&mut contestants)?);
    Ok(lines)
}
