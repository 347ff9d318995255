//! A change of what a token may has acted when it is answered: no request that is sent afterwards meets
//! what was before, whatever is kept in memory, and whichever process made the change.
//!
//! A race: a token is given something and uses it all the time; it is taken away; from the moment in which
//! that was answered, whatever is sent must be refused. `BOUGH_RACES` says how many, `BOUGH_RACE_SEED` in
//! which order. `make race` runs 100,000.

mod ways;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bough_testkit::{Bough, Dice, Wire};

use ways::{Given, Lane, PROCESSES, REQUESTS, Way};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
/// Races when nobody says how many.
const RACES: u64 = 1_500;
/// In which order, when nobody says.
const SEED: u64 = 1;
/// Those who give and take away at once.
const LANES: usize = 4;
/// Of so many races in one the operator takes away, by a process of his own.
const OPERATOR_EVERY: usize = 60;
/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(60);
/// Most violations that are told.
const TOLD: usize = 20;

/// One race.
struct Race {
    number: u64,
    way: Way,
    given: Given,
    /// That it was taken away has been answered.
    revoked: AtomicBool,
    /// Whoever uses it shall end.
    over: AtomicBool,
}

/// Ends a race, also when whoever runs it fails.
struct Ends<'a>(&'a Race);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
    }
}

/// What came of all.
#[derive(Default)]
struct Figures {
    before: AtomicU64,
    during: AtomicU64,
    after: AtomicU64,
    by_way: Mutex<BTreeMap<Way, u64>>,
    violations: Mutex<Vec<String>>,
}

impl Figures {
    fn violation(&self, text: String) {
        self.violations.lock().expect("the violations").push(text);
    }
}

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}, but must be a number")))
}

fn say(line: &str) {
    #[allow(clippy::print_stdout, reason = "a run says what it did")]
    {
        println!("{line}");
    }
}

/// Uses what the token of each race has, all the time, and at least once after it was taken away.
fn hammer(bough: &Bough, races: &Receiver<Arc<Race>>, done: &Sender<()>, figures: &Figures) {
    let mut wire = Wire::to(bough.base(), LIMIT);
    for race in races {
        loop {
            let over = race.over.load(Ordering::SeqCst);
            let revoked = race.revoked.load(Ordering::SeqCst);
            let answer = wire.ask(&race.given.request).expect("an answer");
            let accepted = race.given.accepted.contains(&answer.status);
            let refused = race.given.refused.contains(&answer.status);
            let (number, way, status) = (race.number, race.way, answer.status);
            if revoked && !refused {
                figures.violation(format!("race {number}, {way:?}: {status} after it was taken away"));
            } else if !accepted && !refused {
                figures.violation(format!("race {number}, {way:?}: {status} {}", answer.text()));
            }
            let of = match (revoked, accepted) {
                (true, _) => &figures.after,
                (false, true) => &figures.before,
                // It was taken away, and the answer to whom did so was on its way.
                (false, false) => &figures.during,
            };
            of.fetch_add(1, Ordering::Relaxed);
            if over {
                break;
            }
        }
        if done.send(()).is_err() {
            return;
        }
    }
}

/// What runs races: all of one run.
struct Run<'a> {
    bough: &'a Bough,
    figures: &'a Figures,
    next: &'a AtomicU64,
    seed: u64,
    last: u64,
}

impl Run<'_> {
    /// Gives and takes away, one race after the other.
    fn races(&self, lane: &mut Lane<'_>, hammer: &Sender<Arc<Race>>, done: &Receiver<()>) {
        let mut kept = Wire::to(self.bough.base(), LIMIT);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.last {
                return;
            }
            let mut dice = Dice::numbered(self.seed, number);
            let of = if dice.below(OPERATOR_EVERY) == 0 { PROCESSES } else { REQUESTS };
            let way = *dice.pick(of);
            let given = lane.give(way);
            let first = kept.ask(&given.request).expect("an answer");
            if !given.accepted.contains(&first.status) {
                let (status, text) = (first.status, first.text());
                self.figures
                    .violation(format!("race {number}, {way:?}: {status} although it was given: {text}"));
            }
            let (revoked, over) = (AtomicBool::new(false), AtomicBool::new(false));
            let race = Arc::new(Race { number, way, given, revoked, over });
            let ends = Ends(&race);
            hammer.send(Arc::clone(&race)).expect("somebody uses it");
            lane.revoke(way, &race.given);
            race.revoked.store(true, Ordering::SeqCst);
            // On a connection of before, which may remember something, and on a new one.
            let mut fresh = Wire::to(self.bough.base(), LIMIT);
            for wire in [&mut kept, &mut fresh] {
                let answer = wire.ask(&race.given.request).expect("an answer");
                if !race.given.refused.contains(&answer.status) {
                    let status = answer.status;
                    self.figures
                        .violation(format!("race {number}, {way:?}: {status} after it was taken away"));
                }
                self.figures.after.fetch_add(1, Ordering::Relaxed);
            }
            drop(ends);
            done.recv().expect("nobody uses it any more");
            lane.restore(way);
            *self.figures.by_way.lock().expect("the ways").entry(way).or_default() += 1;
        }
    }
}

#[test]
fn nothing_is_allowed_after_a_revocation_was_answered() {
    let races = from_environment("BOUGH_RACES").unwrap_or(RACES);
    let seed = from_environment("BOUGH_RACE_SEED").unwrap_or(SEED);
    say(&format!("{races} races, seed {seed}, {LANES} at once"));
    let env = vec![("BOUGH_LOG_LEVEL".to_owned(), "warn".to_owned())];
    let bough = Bough::start_with(BOUGH, bough_testkit::Options { env, ..Default::default() });
    bough.database("shop");
    let mut lanes: Vec<Lane<'_>> = (0..LANES).map(|number| Lane::new(&bough, number)).collect();
    let (figures, next, started) = (Figures::default(), AtomicU64::new(0), Instant::now());
    let all = Run { bough: &bough, figures: &figures, next: &next, seed, last: races };
    std::thread::scope(|scope| {
        for lane in &mut lanes {
            let (to_hammer, from_lane) = channel();
            let (to_lane, from_hammer) = channel();
            let all = &all;
            scope.spawn(move || hammer(all.bough, &from_lane, &to_lane, all.figures));
            scope.spawn(move || all.races(lane, &to_hammer, &from_hammer));
        }
    });
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    let (before, during, after) = (count(&figures.before), count(&figures.during), count(&figures.after));
    let violations = figures.violations.into_inner().expect("the violations");
    let by_way = figures.by_way.into_inner().expect("the ways");
    say(&format!(
        "{} races in {:.0} s: {} violations. Beside them {before} requests were let through before, {during} were refused \
         while it was being taken away, {after} were sent after it. {by_way:?}",
        by_way.values().sum::<u64>(),
        started.elapsed().as_secs_f64(),
        violations.len(),
    ));
    let told: Vec<&str> = violations.iter().take(TOLD).map(String::as_str).collect();
    assert!(violations.is_empty(), "seed {seed}:\n{}", told.join("\n"));
    assert_eq!(by_way.values().sum::<u64>(), races);
    // Races in which nobody ran prove nothing.
    assert!(before > races / 10 && after > races / 2, "{before} before, {during} during, {after} after");
    let all = REQUESTS.iter().chain(PROCESSES);
    assert!(
        races < RACES || all.clone().all(|way| by_way.contains_key(way)),
        "ways that were not tried: {by_way:?}"
    );
}
