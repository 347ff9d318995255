//! P1: an authenticated and authorized GET of a branch through the real binary, with a million tokens in
//! the metadata file, against a bare axum route.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bough_testkit::Bough;

use crate::bare_route::BareRoute;
use crate::fill::{self, Made, Tokens};
use crate::load::{self, Window};
use crate::machine;
use crate::numbers::{Spread, percentile};
use crate::server::{Apart, address_of, bough_binary, from_env, get, measured};
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
    let wanted = Tokens {
        count: tokens,
        grants,
        on_organization: &[],
        all_read: Some(fill::database_id(&file, "shop")?),
        databases: fill::others(),
    };
    fill::fill(&file, &bough.organization, &wanted)?;
    #[allow(clippy::cast_precision_loss, reason = "for people")]
    let gigabytes = std::fs::metadata(&file)?.len() as f64 / 1e9;
    say(&format!(
        "  {tokens} tokens and {grants} grants loaded in {:.0} s: the metadata file has {gigabytes:.1} GB",
        filling.elapsed().as_secs_f64()
    ));
    let starting = Instant::now();
    bough.serve();
    say(&format!("  bough serve ready after {:.2} s", starting.elapsed().as_secs_f64()));

    let address = address_of(&bough)?;
    let path = bough.admin().org("/databases/shop/branches/main");
    let body = bough.admin().get(&path).expect(200).text;
    let bare = BareRoute::start(&body)?;
    let asking: Vec<Made> = fill::some(tokens, ASKING).into_iter().filter(|made| made.may_read).collect();
    check(address, &path, &body, &asking, tokens)?;
    let apart = Apart::keep(&[bough.pid(), bare.pid()]);
    say(&format!("  {}", apart.says()));
    let requests: Vec<Vec<u8>> = asking.iter().map(|made| get(&path, &made.authorization)).collect();

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
        let with_id = |id: &str| get(path, &made.authorization.replacen(&made.id, id, 1));
        let other = &asking[(at + 1) % asking.len()].id;
        sample.push((with_id(&made.id), 200));
        sample.push((with_id("zzzzzzzzzzzz"), 401));
        sample.push((with_id(other), if *other == made.id { 200 } else { 401 }));
    }
    let outsiders = fill::outsiders(tokens, SAMPLE);
    sample.extend(outsiders.iter().map(|made| (get(path, &made.authorization), 404)));
    let requests: Vec<Vec<u8>> = sample.iter().map(|(request, _)| request.clone()).collect();
    for (answer, (_, expected)) in load::sample(address, &requests)?.iter().zip(&sample) {
        ensure!(answer.status == *expected, "{} instead of {expected}", answer.status);
        ensure!((answer.body == body.as_bytes()) == (*expected == 200), "another body than expected");
    }
    Ok(())
}
