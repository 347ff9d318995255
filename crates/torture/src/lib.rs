//! For tests only: a real Bough with databases and branches, several clients that do whatever comes to their
//! minds, and meanwhile processes that die or stand still. After each round everything that was acknowledged
//! must be there, once.
//!
//! A seed chooses all that is chosen: what is done, by whom, what dies, when. It does not choose how the
//! system schedules threads, so a replay does the same things and may not meet the same fate.

mod chance;
mod check;
mod disruptions;
pub mod full_disk;
pub mod many;
mod model;
mod operations;
mod rows;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bough_testkit::{Bough, Options as BoughOptions};

use chance::Chance;
use disruptions::DISRUPTIONS;
use model::{Item, World};
use operations::{OPERATIONS, Outcome, Turn};

/// Databases that all clients share.
const SHARED_DATABASES: [&str; 2] = ["d0", "d1"];
/// After how long without use branches fall asleep, in seconds: the shortest time that can be set.
const SLEEP_AFTER_S: u64 = 10;
/// Shortest and longest round, in milliseconds.
const ROUND_MS: (u64, u64) = (300, 2_500);
/// The goal: everything is as wished so long after the worst, in seconds.
pub const SETTLED_GOAL_S: u64 = 5;

/// How it is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Chooses what happens.
    pub seed: u64,
    /// When no further round begins.
    pub limit: Limit,
    /// How many do things at once.
    pub clients: usize,
    /// Whether each round is said while it runs.
    pub talkative: bool,
}

/// When it ends.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// After so many rounds.
    Rounds(usize),
    /// After so long.
    Time(Duration),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Rounds done.
    pub rounds: usize,
    /// Operations that were answered as they should.
    pub operations: usize,
    /// Operations that got no answer.
    pub unanswered: usize,
    /// Rows that a branch server acknowledged.
    pub rows: usize,
    /// The slowest way back, and the round that it was in.
    pub slowest: (Duration, String),
    /// Ways back that took longer than the goal.
    pub over_goal: usize,
    /// Disruptions by name, and how often.
    pub disruptions: std::collections::BTreeMap<String, usize>,
    /// What must not be, with seed and round.
    pub findings: Vec<String>,
}

#[allow(clippy::print_stdout, reason = "what this program is for")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// Runs until the limit. `binary` is Bough's.
///
/// # Panics
/// When Bough cannot be set up or started at all.
pub fn run(binary: &str, options: &Options) -> Report {
    say(&format!("torture: seed {}, {} clients", options.seed, options.clients));
    let mut chance = Chance::new(options.seed);
    // What nobody uses falls asleep in the middle of it, and wakes when somebody comes.
    let env = vec![("BOUGH_LIMITS_SLEEP_AFTER_S".to_owned(), SLEEP_AFTER_S.to_string())];
    let mut bough = Bough::start_with(binary, BoughOptions { env, ..BoughOptions::default() });
    let world = World::new(&bough, &SHARED_DATABASES);
    for database in SHARED_DATABASES {
        bough.database(database);
        bough.sql(database, "main", rows::TABLE);
    }
    let mut hands: Vec<Vec<Item>> = (0..options.clients).map(|_| Vec::new()).collect();
    let mut mains: Vec<Item> =
        SHARED_DATABASES.iter().map(|database| Item::main_of(&bough, database)).collect();
    let mut report = Report::default();
    let begun = Instant::now();
    loop {
        match options.limit {
            Limit::Rounds(rounds) if report.rounds >= rounds => break,
            Limit::Time(time) if begun.elapsed() >= time => break,
            _ => report.rounds += 1,
        }
        round(&mut bough, &world, &mut chance, &mut hands, &mut mains, &mut report, options);
    }
    summarize(&report, options, begun.elapsed());
    report
}

/// Everybody does things until something happens and the time is over; then everything is looked at.
fn round(
    bough: &mut Bough,
    world: &World,
    chance: &mut Chance,
    hands: &mut [Vec<Item>],
    mains: &mut [Item],
    report: &mut Report,
    options: &Options,
) {
    let number = report.rounds;
    let disruption = chance.weighted(DISRUPTIONS, |disruption| disruption.weight);
    let length = Duration::from_millis(chance.between(ROUND_MS.0, ROUND_MS.1));
    let mut scene = disruptions::Scene::new(bough, chance.fork(), length);
    let mut what = (disruption.prepare)(&mut scene);

    let stop = AtomicBool::new(false);
    let (answered, unanswered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let acknowledged = AtomicU64::new(0);
    let odd = Mutex::new(Vec::new());
    let shared = Mutex::new(mains.to_vec());
    std::thread::scope(|scope| {
        for (at, items) in hands.iter_mut().enumerate() {
            let (stop, answered, unanswered, odd) = (&stop, &answered, &unanswered, &odd);
            let (shared, acknowledged) = (&shared, &acknowledged);
            let (client, chance) = (scene.bough.admin(), chance.fork());
            scope.spawn(move || {
                let mut turn = Turn { world, client, chance, items, shared, hand: at, acknowledged };
                let mut bough_answers = true;
                while !stop.load(Ordering::Relaxed) {
                    // Without Bough, branches can still be written to.
                    let usable = OPERATIONS.iter().filter(|operation| bough_answers || !operation.asks_bough);
                    let usable: Vec<_> = usable.collect();
                    let operation = turn.chance.weighted(&usable, |operation| operation.weight);
                    match (operation.run)(&mut turn) {
                        Outcome::Done => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Outcome::Nothing => std::thread::yield_now(),
                        Outcome::Unanswered => {
                            unanswered.fetch_add(1, Ordering::Relaxed);
                            bough_answers = false;
                        }
                        Outcome::Odd(text) => {
                            let text = format!("{}: {text}", operation.name);
                            odd.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                        }
                    }
                }
            });
        }
        (disruption.run)(&mut scene, &mut what);
        scene.wait_for_the_end();
        scene.let_all_go_on();
        stop.store(true, Ordering::Relaxed);
    });
    mains.clone_from_slice(&shared.into_inner().unwrap_or_else(PoisonError::into_inner));

    let begun = Instant::now();
    if scene.is_bough_gone() {
        scene.bough.serve();
    }
    let mut findings = odd.into_inner().unwrap_or_else(PoisonError::into_inner);
    let settled = check::settle(scene.bough, begun);
    findings.extend(settled.err());
    let took = begun.elapsed();
    // Those that sleep have their rows, too.
    findings.extend(check::wake_all(scene.bough).err());
    findings.extend(check::everything(scene.bough, world, hands, mains));

    report.operations += answered.into_inner();
    report.unanswered += unanswered.load(Ordering::Relaxed);
    report.rows += usize::try_from(acknowledged.into_inner()).unwrap_or(usize::MAX);
    *report.disruptions.entry(what.clone()).or_default() += 1;
    if took > report.slowest.0 {
        report.slowest = (took, format!("round {number}: {what}"));
    }
    report.over_goal += usize::from(took > Duration::from_secs(SETTLED_GOAL_S));
    if options.talkative {
        let there: usize = hands.iter().map(Vec::len).sum();
        say(&format!(
            "round {number}: {what}; {there} things there; as wished after {} ms",
            took.as_millis()
        ));
    }
    for finding in findings {
        let finding = format!("seed {}, round {number} ({what}): {finding}", options.seed);
        say(&format!("FINDING: {finding}"));
        report.findings.push(finding);
    }
}

fn summarize(report: &Report, options: &Options, took: Duration) {
    say(&format!(
        "torture: seed {}, {} rounds in {} s, {} operations answered, {} unanswered, {} rows acknowledged",
        options.seed,
        report.rounds,
        took.as_secs(),
        report.operations,
        report.unanswered,
        report.rows
    ));
    for (what, count) in &report.disruptions {
        say(&format!("  {count:>4} x {what}"));
    }
    let (slowest, round) = &report.slowest;
    say(&format!(
        "the slowest way back: {} ms ({round}); {} of {} took more than {SETTLED_GOAL_S} s; {} findings",
        slowest.as_millis(),
        report.over_goal,
        report.rounds,
        report.findings.len()
    ));
}
