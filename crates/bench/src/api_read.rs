//! P1: an authenticated and authorized GET of a branch through the real binary, with a million tokens in
//! the metadata file, against a bare axum route.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bough_testkit::{Bough, Options};

use crate::bare_route::BareRoute;
use crate::fill::{self, Made};
use crate::load::{self, Window};
use crate::machine;
use crate::numbers::{Spread, percentile};
use crate::table::{Line, met, say};

/// Tokens in the metadata file unless `BOUGH_BENCH_TOKENS` says otherwise.
const TOKENS: u64 = 1_000_000;
/// Grants, unless `BOUGH_BENCH_GRANTS` does.
const GRANTS: u64 = 10_000_000;
/// Different tokens that ask.
const ASKING: u64 = 4_000;
/// Connections at once.
const CONNECTIONS: usize = 8;
/// Rounds of A B B A: each contestant has two windows in each.
const ROUNDS: u64 = 5;
/// One window, in milliseconds.
const WINDOW_MILLIS: u64 = 2_500;
/// Warming up, in milliseconds: long enough for every token that asks to have been read once.
const WARM_UP_MILLIS: u64 = 4_000;
/// Requests of the mixed sample that must be answered right before anything is timed.
const SAMPLE: u64 = 200;
/// CPU per request, at most so many times the bare route's.
const CPU_GOAL: f64 = 1.35;
/// The 99th percentile, at most so many times the bare route's.
const P99_GOAL: f64 = 1.5;

/// The release build of Bough beside this program.
pub fn bough_binary() -> Result<String> {
    let beside = std::env::current_exe()?.with_file_name("bough");
    ensure!(beside.exists(), "{} is missing: cargo build --release --bins", beside.display());
    Ok(beside.display().to_string())
}

/// Bough as it is measured: a log that only warns, no limit of requests.
pub fn measured() -> Options {
    Options { env: vec![("BOUGH_LOG_LEVEL".to_owned(), "warn".to_owned())], ..Options::default() }
}

fn from_env(name: &str, default: u64) -> Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.replace('_', "").parse().with_context(|| format!("{name} = {text:?} is no number")),
        Err(_) => Ok(default),
    }
}

fn request(path: &str, authorization: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\nAccept: application/json\r\n\
         User-Agent: bough-bench\r\n\r\n"
    )
    .into_bytes()
}

/// One contestant's windows.
#[derive(Default)]
struct Taken {
    cpu_micros: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    per_second: Vec<f64>,
    failed: usize,
}

impl Taken {
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    fn add(&mut self, window: &Window, cpu_seconds: f64) {
        let count = window.micros.len() as f64;
        self.cpu_micros.push(cpu_seconds * 1e6 / count);
        self.p50.push(percentile(&window.micros, 0.5));
        self.p99.push(percentile(&window.micros, 0.99));
        self.per_second.push(count / window.seconds);
        self.failed += window.failed;
    }
}

/// Takes the measure.
pub fn measure() -> Result<Vec<Line>> {
    let (tokens, grants) = (from_env("BOUGH_BENCH_TOKENS", TOKENS)?, from_env("BOUGH_BENCH_GRANTS", GRANTS)?);
    let mut bough = Bough::set_up(&bough_binary()?, measured());
    bough.serve();
    bough.database("shop");
    bough.stop();
    let filling = Instant::now();
    let file = bough.data_dir().join("store.sqlite");
    fill::fill(&file, &bough.organization, "shop", tokens, grants)?;
    #[allow(clippy::cast_precision_loss, reason = "for people")]
    let gigabytes = std::fs::metadata(&file)?.len() as f64 / 1e9;
    say(&format!(
        "  {tokens} tokens and {grants} grants loaded in {:.0} s: the metadata file has {gigabytes:.1} GB",
        filling.elapsed().as_secs_f64()
    ));
    let starting = Instant::now();
    bough.serve();
    say(&format!("  bough serve ready after {:.2} s", starting.elapsed().as_secs_f64()));

    let address: SocketAddr = bough.base().trim_start_matches("http://").parse()?;
    let path = bough.admin().org("/databases/shop/branches/main");
    let body = bough.admin().get(&path).expect(200).text;
    let bare = BareRoute::start(&body)?;
    let asking: Vec<Made> = fill::some(tokens, ASKING).into_iter().filter(|made| made.may_read).collect();
    check(address, &path, &body, &asking, tokens)?;
    let apart = Apart::keep(&[bough.pid(), bare.pid()]);
    say(&format!("  {}", apart.says()));
    let requests: Vec<Vec<u8>> = asking.iter().map(|made| request(&path, &made.authorization)).collect();

    let window = |address, millis, seed| {
        let length = Duration::from_millis(millis);
        load::window(address, &requests, body.as_bytes(), CONNECTIONS, length, seed)
    };
    for warmed in [address, bare.address] {
        let warm = window(warmed, WARM_UP_MILLIS, 1)?;
        ensure!(warm.failed == 0, "{} answers were wrong while warming up", warm.failed);
    }
    let (mut ours, mut beside) = (Taken::default(), Taken::default());
    let mut seed = 100;
    for _ in 0..ROUNDS {
        for is_ours in [true, false, false, true] {
            let (at, pid, taken) = match is_ours {
                true => (address, bough.pid(), &mut ours),
                false => (bare.address, bare.pid(), &mut beside),
            };
            seed += 100;
            let before = machine::cpu_seconds(pid);
            let taken_now = window(at, WINDOW_MILLIS, seed)?;
            taken.add(&taken_now, machine::cpu_seconds(pid) - before);
        }
    }
    say(&format!(
        "  {} tokens ask in turn on {CONNECTIONS} connections; the answer has {} bytes; bough holds {:.0} MiB, the bare \
         server {:.0} MiB",
        requests.len(),
        body.len(),
        machine::resident_mib(bough.pid()),
        machine::resident_mib(bare.pid())
    ));
    for (name, taken) in [("bough", &ours), ("bare route", &beside)] {
        say(&format!(
            "  {name}: {} requests/s, p50 {}",
            Spread::of(&taken.per_second).show("", 0),
            Spread::of(&taken.p50).show("us", 0)
        ));
        ensure!(
            taken.failed == 0,
            "{name}: {} answers under load were wrong, so it has no number",
            taken.failed
        );
    }
    let line = |what: &str, goal: f64, decimals: usize, ours: &[f64], beside: &[f64]| {
        let (ours, beside) = (Spread::of(ours), Spread::of(beside));
        let ratio = ours.median / beside.median;
        Line {
            measure: format!("P1 GET branch, {what}, {tokens} tokens, {grants} grants"),
            goal: format!("<= {goal} x"),
            ours: ours.show("us", decimals),
            beside: format!("bare axum route {}", beside.show("us", decimals)),
            ratio: format!("{ratio:.2}"),
            met: met(ratio <= goal),
        }
    };
    Ok(vec![
        line("CPU per request", CPU_GOAL, 1, &ours.cpu_micros, &beside.cpu_micros),
        line("p99", P99_GOAL, 0, &ours.p99, &beside.p99),
    ])
}

/// A mixed sample: who may, who may not, who is nobody.
fn check(address: SocketAddr, path: &str, body: &str, asking: &[Made], tokens: u64) -> Result<()> {
    let mut sample: Vec<(Vec<u8>, u16)> = Vec::new();
    for (at, made) in asking.iter().step_by(asking.len() / usize::try_from(SAMPLE)? + 1).enumerate() {
        let with_id = |id: &str| request(path, &made.authorization.replacen(&made.id, id, 1));
        let other = &asking[(at + 1) % asking.len()].id;
        sample.push((with_id(&made.id), 200));
        sample.push((with_id("zzzzzzzzzzzz"), 401));
        sample.push((with_id(other), if *other == made.id { 200 } else { 401 }));
    }
    let outsiders = fill::outsiders(tokens, SAMPLE);
    sample.extend(outsiders.iter().map(|made| (request(path, &made.authorization), 404)));
    let requests: Vec<Vec<u8>> = sample.iter().map(|(request, _)| request.clone()).collect();
    for ((status, got), (_, expected)) in load::sample(address, &requests)?.iter().zip(&sample) {
        ensure!(status == expected, "{status} instead of {expected}");
        ensure!((got == body.as_bytes()) == (*status == 200), "another body than expected");
    }
    Ok(())
}

/// Has the generator, which is this program, on the first CPU and the servers on the last one, so that no
/// contestant waits for the load that it is under. Ends when dropped.
struct Apart {
    last: usize,
    works: bool,
}

impl Apart {
    fn keep(servers: &[u32]) -> Self {
        let last = std::thread::available_parallelism().map_or(1, usize::from) - 1;
        let mut apart = Self { last, works: last > 0 };
        apart.works = apart.works
            && servers.iter().all(|pid| pin(*pid, &last.to_string()))
            && pin(std::process::id(), "0");
        apart
    }

    fn says(&self) -> String {
        match (self.works, self.last) {
            (true, last) => format!("the generator has CPU 0, the server that is measured CPU {last}"),
            (false, 0) => "one CPU for all: generator and servers disturb each other".to_owned(),
            (false, _) => "taskset does not work here: generator and servers disturb each other".to_owned(),
        }
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // What this program starts later has all CPUs again.
        pin(std::process::id(), &format!("0-{}", self.last));
    }
}

fn pin(pid: u32, cpus: &str) -> bool {
    let mut command = Command::new("taskset");
    command.args(["--all-tasks", "--cpu-list", "--pid", cpus, &pid.to_string()]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
