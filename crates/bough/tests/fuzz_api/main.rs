//! The API under requests that are made up from its own description, by several people at once: whatever
//! is sent, the answer is described, is no failure, and shows nobody what is not his.
//!
//! `BOUGH_FUZZ_CASES` says how many requests, `BOUGH_FUZZ_SEED` which ones. With a failure stand seed and
//! number; `BOUGH_FUZZ_FIRST` begins at a number, so that
//! `BOUGH_FUZZ_SEED=7 BOUGH_FUZZ_FIRST=123 BOUGH_FUZZ_CASES=1` makes that request again. What was made
//! before it is not there then: where that matters, begin earlier.

mod body;
mod check;
mod generate;
mod hostile;
mod schema;
mod sequences;
mod world;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bough_testkit::{Dice, Raw, RawAnswer, Wire};
use serde_json::json;

use check::{Checker, Fault, Tally};
use generate::{Case, Generator};
use schema::Description;
use world::{Kind, World};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
/// Requests when nobody says how many.
const CASES: u64 = 6_000;
/// Which ones, when nobody says.
const SEED: u64 = 1;
/// Those who ask at once.
const WORKERS: usize = 3;
/// Longest wait for an answer: one may wait for a branch for a minute.
const LIMIT: Duration = Duration::from_secs(90);
/// One in so many is a sequence.
const SEQUENCE_EVERY: u64 = 40;
/// Most kinds of faults that are told in full.
const TOLD: usize = 20;
/// Databases, branches and tokens that may be there at once beside those that stay.
const DATABASES: usize = 3;
const BRANCHES: usize = 6;
const TOKENS: usize = 100;
/// Passwords that are remembered.
const PASSWORDS: usize = 30;
/// What no service token may, whatever it holds.
const PEOPLE_ONLY: &[&str] = &[
    "get_current_user",
    "adopt_service_token",
    "update_organization",
    "add_database_administrator",
    "remove_database_administrator",
    "list_branch_connections",
    "kill_branch_connection",
    "kill_branch_query",
    "kill_branch_transaction",
];
/// Tokens that there are at least.
const TOKENS_LEAST: usize = 5;

/// All of one run.
struct Run<'a> {
    world: &'a World,
    description: &'a Description,
    seed: u64,
    tally: Mutex<Tally>,
    faults: Mutex<BTreeMap<String, String>>,
    found: AtomicU64,
}

/// One of those who ask.
struct Worker<'a> {
    run: &'a Run<'a>,
    wire: Wire,
    number: u64,
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

impl Run<'_> {
    fn report(&self, number: u64, case: &Case, answer: &Result<RawAnswer, String>, faults: &[Fault]) {
        for fault in faults {
            self.found.fetch_add(1, Ordering::Relaxed);
            // Of each kind, the first.
            let kind: String = fault.to_string().chars().filter(|c| !c.is_ascii_digit()).take(80).collect();
            self.faults.lock().expect("the faults").entry(kind).or_insert_with(|| {
                format!(
                    "seed {} number {number}, {}: {}\n    {}\n    answered {}",
                    self.seed,
                    self.world.principals[case.principal].name,
                    cut(&fault.to_string()),
                    shown(&case.request),
                    answer.as_ref().map_or_else(Clone::clone, |answer| format!(
                        "{} {}",
                        answer.status,
                        cut(&answer.text())
                    ))
                )
            });
        }
    }
}

fn cut(text: &str) -> String {
    let short: String = text.chars().take(240).collect();
    short.escape_debug().to_string()
}

/// A request for a reader, without its credential.
fn shown(request: &Raw) -> String {
    let headers: Vec<String> = request
        .headers
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("authorization"))
        .map(|(name, value)| format!("{name}: {}", cut(value)))
        .collect();
    let body = request.body.as_ref().map(|body| cut(&String::from_utf8_lossy(body)));
    format!(
        "{} {} [{}] {}",
        request.method,
        cut(&request.target),
        headers.join(", "),
        body.unwrap_or_default()
    )
}

impl Worker<'_> {
    /// Asks, and checks the answer.
    fn ask(&mut self, case: &Case) -> Result<RawAnswer, String> {
        let answer = self.wire.ask(&case.request);
        if case.malformed || answer.is_err() {
            self.wire.end();
        }
        let checker = Checker { world: self.run.world, description: self.run.description };
        let faults = checker.check(case, &answer);
        self.run.report(self.number, case, &answer, &faults);
        let operation = case.operation.map_or("none", |at| self.run.description.operations[at].id.as_str());
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        self.run.tally.lock().expect("the tally").count(operation, status);
        answer
    }

    /// A request of the administrator that means no harm.
    fn manage(
        &mut self,
        id: &str,
        path: &[&str],
        body: Option<&serde_json::Value>,
    ) -> Result<RawAnswer, String> {
        let operations = &self.run.description.operations;
        let at = operations.iter().position(|operation| operation.id == id).expect("an operation");
        let mut target = operations[at].path.clone();
        for piece in [&[self.run.world.organization.as_str()], path].concat() {
            let (from, to) = (target.find('{').expect("a parameter"), target.find('}').expect("a parameter"));
            target.replace_range(from..=to, piece);
        }
        let who = &self.run.world.principals[0];
        let mut request = Raw::new(&operations[at].method, &format!("/v1{target}"))
            .header("authorization", who.authorization.as_deref().unwrap_or(""));
        if let Some(body) = body {
            request = request.json(body);
        }
        let on_shop = path.first() == Some(&self.run.world.shop.handle.as_str());
        let (operation, own) = (Some(at), true);
        self.ask(&Case { principal: 0, operation, request, own, on_shop, malformed: false, spoilt: false })
    }

    /// Keeps in mind what has been made, and removes what is too much.
    fn keep(&mut self, case: &Case, answer: &RawAnswer) {
        let world = self.run.world;
        let id = case.operation.map_or("", |at| self.run.description.operations[at].id.as_str());
        let told = answer.json();
        let name = told["name"].as_str().unwrap_or("").to_owned();
        let pieces: Vec<&str> =
            case.request.target.split(['/', '?']).filter(|piece| !piece.is_empty()).collect();
        let at = |number: usize| pieces.get(number).copied().unwrap_or("").to_owned();
        match (id, answer.status) {
            ("create_database" | "update_database_settings", 200..300) if case.own => {
                world.loose(|loose| loose.databases.push(name.clone()));
                world.loose(|loose| loose.branches.push((name, "main".to_owned())));
            }
            ("create_branch" | "update_branch", 200..300) if case.own => {
                let database = at(4);
                world.loose(|loose| {
                    let stays = world.shop.handle == database;
                    if !stays && !loose.databases.contains(&database) {
                        loose.databases.push(database.clone());
                    }
                    loose.branches.push((database, name));
                });
            }
            ("create_service_token", 200) if case.own => {
                world.loose(|loose| loose.tokens.push(told["id"].as_str().unwrap_or("").to_owned()));
            }
            ("create_password", 201) if case.own => world.loose(|loose| {
                loose.passwords.push((at(4), at(6), told["id"].as_str().unwrap_or("").to_owned()));
                let too_many = loose.passwords.len().saturating_sub(PASSWORDS);
                loose.passwords.drain(..too_many);
            }),
            (_, 404) if case.own && world.principals[case.principal].kind == Kind::Admin => {
                world.loose(|loose| {
                    let (database, branch, token, password) = (at(4), at(6), at(4), at(8));
                    loose.passwords.retain(|(_, _, one)| *one != password);
                    loose
                        .branches
                        .retain(|(of, name)| !(*of == database && (branch.is_empty() || *name == branch)));
                    if branch.is_empty() {
                        loose.databases.retain(|one| *one != database);
                    }
                    loose.tokens.retain(|one| *one != token);
                });
            }
            _ => {}
        }
        self.tidy();
    }

    fn tidy(&mut self) {
        let world = self.run.world;
        if world.loose(|loose| loose.tokens.len() < TOKENS_LEAST) {
            let made = self.manage("create_service_token", &[], None).map(|answer| answer.json());
            let id = made.ok().and_then(|token| token["id"].as_str().map(str::to_owned));
            world.loose(|loose| loose.tokens.extend(id));
        }
        if world.loose(|loose| loose.databases.is_empty()) {
            let name = world.fresh_name();
            if self.manage("create_database", &[], Some(&json!({"name": name}))).is_ok() {
                world.loose(|loose| {
                    loose.databases.push(name.clone());
                    loose.branches.push((name, "main".to_owned()));
                });
            }
        }
        let unprotected = json!({"deletion_protected": false});
        let too_many = world.loose(|loose| {
            loose.databases.sort();
            loose.databases.dedup();
            (loose.databases.len() > DATABASES).then(|| loose.databases.remove(0))
        });
        if let Some(database) = too_many {
            let branches = world.loose(|loose| {
                let (own, others) =
                    std::mem::take(&mut loose.branches).into_iter().partition(|(of, _)| *of == database);
                loose.branches = others;
                let own: Vec<(String, String)> = own;
                own
            });
            let _ = self.manage("update_database_settings", &[&database], Some(&unprotected));
            for (_, branch) in branches {
                let _ = self.manage("update_branch", &[&database, &branch], Some(&unprotected));
            }
            let _ = self.manage("delete_database", &[&database], None);
        }
        let too_many = world.loose(|loose| {
            loose.branches.dedup();
            let at = loose.branches.iter().position(|(_, name)| name != "main")?;
            let count = loose.branches.iter().filter(|(_, name)| name != "main").count();
            (count > BRANCHES).then(|| loose.branches.remove(at))
        });
        if let Some((database, branch)) = too_many {
            let _ = self.manage("update_branch", &[&database, &branch], Some(&unprotected));
            let _ = self.manage("delete_branch", &[&database, &branch], None);
        }
        let too_many = world.loose(|loose| {
            loose.tokens.retain(|id| !world.is_principal(id));
            (loose.tokens.len() > TOKENS).then(|| loose.tokens.remove(0))
        });
        if let Some(token) = too_many {
            let _ = self.manage("delete_service_token", &[&token], None);
        }
    }
}

fn work(run: &Run<'_>, next: &AtomicU64, last: u64) {
    let mut worker = Worker { run, wire: Wire::to(run.world.bough.base(), LIMIT), number: 0 };
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= last || run.tally.lock().expect("the tally").total() >= last {
            return;
        }
        worker.number = number;
        let dice = Dice::numbered(run.seed, number);
        if number % SEQUENCE_EVERY == SEQUENCE_EVERY - 1 {
            sequences::play(&mut worker, dice);
            continue;
        }
        let case = Generator { world: run.world, description: run.description, dice }.case();
        if let Ok(answer) = worker.ask(&case) {
            worker.keep(&case, &answer);
        }
    }
}

#[test]
fn whatever_is_sent_the_answer_is_described_and_shows_nobody_what_is_not_his() {
    let cases = from_environment("BOUGH_FUZZ_CASES").unwrap_or(CASES);
    let seed = from_environment("BOUGH_FUZZ_SEED").unwrap_or(SEED);
    let first = from_environment("BOUGH_FUZZ_FIRST").unwrap_or(0);
    say(&format!("{cases} requests, seed {seed}, from number {first}"));
    let world = World::new(BOUGH, seed);
    let description = Description::read(world.bough.anonymous().get("/v1/openapi.json").expect(200).json);
    let run = Run {
        world: &world,
        description: &description,
        seed,
        tally: Mutex::default(),
        faults: Mutex::default(),
        found: AtomicU64::new(0),
    };
    let started = Instant::now();
    let next = AtomicU64::new(first);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS.min(usize::try_from(cases).unwrap_or(WORKERS)) {
            scope.spawn(|| work(&run, &next, first + cases));
        }
    });
    let tally = run.tally.into_inner().expect("the tally");
    let found = run.found.into_inner();
    say(&format!(
        "{} requests in {:.0} s, {found} faults; answers by status: {:?}",
        tally.total(),
        started.elapsed().as_secs_f64(),
        tally.by_status
    ));
    for (operation, statuses) in &tally.by_operation {
        say(&format!("  {operation:36} {statuses:?}"));
    }
    let faults = run.faults.into_inner().expect("the faults");
    let told: Vec<&str> = faults.values().take(TOLD).map(String::as_str).collect();
    assert!(found == 0, "{found} faults of {} kinds, the first of each:\n{}", faults.len(), told.join("\n"));
    if cases >= CASES {
        // Each operation was carried out, unless it is for people only.
        let mut never = Vec::new();
        for operation in description.operations.iter().filter(|one| !PEOPLE_ONLY.contains(&one.id.as_str())) {
            let statuses = tally.by_operation.get(&operation.id);
            let done =
                statuses.is_some_and(|statuses| statuses.keys().any(|status| (200..300).contains(status)));
            if !done {
                never.push(&operation.id);
            }
        }
        assert!(never.is_empty(), "never succeeded, so little of it was tried: {never:?}");
    }
    world.check_principals();
    let log = world.bough.log();
    for word in ["panicked", " ERROR "] {
        let line = log.lines().find(|line| line.contains(word));
        assert!(line.is_none(), "in the log: {}", line.unwrap_or_default());
    }
    let sound = world.bough.run(&["audit", "verify"]);
    assert!(sound.status.success(), "the audit log is not sound: {}", String::from_utf8_lossy(&sound.stdout));
}
