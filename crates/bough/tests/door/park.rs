//! A branch that is parked in every gateway process at once: nobody is in a transaction, nobody begins anything, and
//! nobody is sent an error for having waited. Whatever ends, everybody is let go.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bough_model::BranchId;
use bough_peers::{Neighbours, PARK_MAX, ParkFailed, ParkedEverywhere};
use bough_testkit::{Bough, Options, wait_until};
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::clients::{Gateway, Login, SOON, Session, shop};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
/// Long enough for whoever does not wait to be seen; nothing fails when the machine is slower.
const MOMENT: Duration = Duration::from_millis(200);
/// What tells the other process which branch to park, and where.
const OWNER_OF: &str = "BOUGH_TEST_PARKS";

/// A branch with a table and two gateway processes in front of it.
struct Rig {
    bough: Bough,
    branch: BranchId,
    login: Login,
    first: Gateway,
    second: Gateway,
    neighbours: Neighbours,
    runtime: Runtime,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

impl Rig {
    fn new() -> Self {
        let env = vec![("BOUGH_GATEWAY_IN_SERVE".to_owned(), "false".to_owned())];
        let bough = Bough::start_with(BOUGH, Options { env, ..Options::default() });
        let admin = shop(&bough);
        let login = Login::make(&bough, &admin, "dev", &json!({"name": "p"}));
        let id = bough.wait_branch("shop", "dev")["id"].as_str().expect("an id").to_owned();
        bough.sql("shop", "dev", "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, side INT)");
        let (first, second) = (Gateway::start(&bough), Gateway::start(&bough));
        let neighbours = Neighbours::of(&bough.data_dir().join("run"));
        let branch = BranchId::parse(&id).expect("an id");
        Self { bough, branch, login, first, second, neighbours, runtime: runtime() }
    }

    /// A client of each process.
    fn clients(&self) -> [Session; 2] {
        [&self.first, &self.second].map(|gateway| self.login.at(&gateway.address).open())
    }

    fn park(&self, limit: Duration) -> JoinHandle<Result<ParkedEverywhere, ParkFailed>> {
        let (neighbours, branch) = (self.neighbours.clone(), self.branch.clone());
        self.runtime.spawn(async move { neighbours.park(&branch, limit).await })
    }

    fn outcome(
        &self,
        parking: JoinHandle<Result<ParkedEverywhere, ParkFailed>>,
    ) -> Result<ParkedEverywhere, ParkFailed> {
        self.runtime.block_on(parking).expect("no panic")
    }

    fn rows(&self) -> u64 {
        self.bough.sql("shop", "dev", "SELECT COUNT(*) FROM t").parse().expect("a number")
    }
}

const INSERT: &str = "INSERT INTO t (side) VALUES (1) RETURNING 'done'";

#[test]
fn transactions_end_first_and_then_nobody_begins_anything() {
    let rig = Rig::new();
    let [mut one, mut two] = rig.clients();
    let mut known = rig.runtime.block_on(rig.neighbours.clients(&rig.branch));
    known.dedup_by_key(|client| client.thread);
    let places: Vec<String> = known.iter().map(|client| client.address.to_string()).collect();
    assert_eq!(places, ["127.0.0.1", "127.0.0.1"], "both processes tell of their client");

    one.tell("BEGIN");
    assert_eq!(one.ask(INSERT), "done");
    let parking = rig.park(PARK_MAX);
    assert_eq!(one.ask(INSERT), "done", "its transaction goes on");
    std::thread::sleep(MOMENT);
    assert!(!parking.is_finished(), "one is in a transaction");
    one.tell("COMMIT");
    let parked = rig.outcome(parking).expect("all stand");
    assert!(parked.holds());
    let before = rig.rows();
    one.tell(INSERT);
    two.tell(INSERT);
    let newcomers: Vec<_> = [&rig.first, &rig.second]
        .map(|gateway| rig.login.at(&gateway.address))
        .map(|login| std::thread::spawn(move || login.says(INSERT)))
        .into();
    // A process that starts now does not know of it: it waits.
    let starting = std::thread::scope(|scope| {
        let starting = scope.spawn(|| Gateway::start(&rig.bough));
        std::thread::sleep(MOMENT);
        assert_eq!(rig.rows(), before, "neither old clients nor new ones begin anything");
        assert!(newcomers.iter().all(|newcomer| !newcomer.is_finished()));
        assert!(!starting.is_finished(), "no process starts meanwhile");
        drop(parked);
        starting.join().expect("it starts")
    });
    assert_eq!([one.heard(), two.heard()], ["done", "done"], "nobody is sent an error");
    for newcomer in newcomers {
        assert_eq!(newcomer.join().expect("it came in"), "done");
    }
    assert_eq!(rig.rows(), before + 4);

    // Whoever does not come to stand in time is told, and nobody is held.
    one.tell("BEGIN");
    assert_eq!(one.ask(INSERT), "done");
    let busy = rig.outcome(rig.park(25 * MOMENT)).expect_err("one is in a transaction");
    assert!(matches!(busy, ParkFailed::Busy { process: 0, sessions: 1 }), "{busy}");
    assert_eq!(two.ask(INSERT), "done");
    one.tell("ROLLBACK");
    // So is nobody whose limit is over.
    let parked = rig.outcome(rig.park(25 * MOMENT)).expect("all stand");
    assert_eq!(one.ask(INSERT), "done", "it goes on at the limit");
    assert!(!parked.holds());
    // One more process makes three that are asked.
    let third = rig.login.at(&starting.address);
    let parked = rig.outcome(rig.park(PARK_MAX)).expect("all stand");
    let late = std::thread::spawn(move || third.says(INSERT));
    std::thread::sleep(MOMENT);
    assert!(!late.is_finished());
    drop(parked);
    assert_eq!(late.join().expect("it came in"), "done");
}

#[test]
fn writers_of_two_processes_are_never_caught_in_the_middle() {
    let rig = Rig::new();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for mut client in rig.clients() {
            let over = &over;
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    client.tell("BEGIN");
                    assert_eq!(client.ask(INSERT), "done");
                    // Longer than it takes to look from outside.
                    client.tell("DO SLEEP(0.4)");
                    assert_eq!(client.ask(INSERT), "done");
                    client.tell("COMMIT");
                }
            });
        }
        let watched = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut last = 0;
            for _ in 0..5 {
                wait_until(SOON, "the writers to go on", || (rig.rows() > last + 4).then_some(()));
                let parked = rig.outcome(rig.park(PARK_MAX)).expect("all come to stand");
                let open = "SELECT COUNT(*) FROM information_schema.INNODB_TRX";
                assert_eq!(rig.bough.sql("shop", "dev", open), "0", "nobody is in a transaction");
                let found = rig.rows();
                assert_eq!(found % 2, 0, "no transaction is half done");
                std::thread::sleep(MOMENT);
                assert_eq!(rig.rows(), found, "nobody writes");
                assert!(parked.holds());
                last = found;
            }
        }));
        over.store(true, Ordering::Relaxed);
        watched.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

#[test]
fn a_process_that_dies_or_is_silent_ends_the_park() {
    let rig = Rig::new();
    let [mut one, two] = rig.clients();
    // Stopped, it has its sockets and says nothing: the park fails, and its neighbour's clients go on.
    rig.second.signal(Signal::SIGSTOP);
    let silent = rig.outcome(rig.park(PARK_MAX)).expect_err("one does not answer");
    assert!(matches!(silent, ParkFailed::Silent { process: 1 }), "{silent}");
    assert_eq!(one.ask(INSERT), "done");
    let told = rig.runtime.block_on(rig.neighbours.clients(&rig.branch));
    assert_eq!(told.len(), 1, "where its clients are is not known");
    rig.second.signal(Signal::SIGCONT);
    drop(two);
    // Killed while the branch is parked: everybody is let go.
    let begun = Instant::now();
    let parked = rig.outcome(rig.park(PARK_MAX)).expect("all stand");
    one.tell(INSERT);
    std::thread::sleep(MOMENT);
    assert!(parked.holds());
    rig.second.signal(Signal::SIGKILL);
    assert_eq!(one.heard(), "done");
    assert!(!parked.holds() && begun.elapsed() < PARK_MAX, "the limit, not its death, has let them go");
    // What is dead is not asked any more.
    drop(rig.outcome(rig.park(PARK_MAX)).expect("all stand"));
    assert_eq!(one.ask(INSERT), "done");
}

#[test]
fn an_owner_that_dies_lets_everybody_go() {
    let rig = Rig::new();
    let [mut one, mut two] = rig.clients();
    let mut owner = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "park::owner", "--nocapture"])
        .env(OWNER_OF, format!("{} {}", rig.bough.data_dir().join("run").display(), rig.branch))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the other process");
    let lines = std::io::BufRead::lines(std::io::BufReader::new(owner.stdout.take().expect("a pipe")));
    let said = lines.map_while(Result::ok).find(|line| line.contains("it is parked"));
    let begun = Instant::now();
    assert!(said.is_some(), "the other process parks");
    let before = rig.rows();
    one.tell(INSERT);
    two.tell(INSERT);
    std::thread::sleep(MOMENT);
    assert_eq!(rig.rows(), before);
    owner.kill().and_then(|()| owner.wait()).expect("killed");
    assert_eq!([one.heard(), two.heard()], ["done", "done"]);
    assert!(begun.elapsed() < PARK_MAX, "the limit, not its death, has let them go");
    drop(Gateway::start(&rig.bough));
}

/// Not a test by itself: what the other process does.
#[test]
fn owner() {
    let Ok(parks) = std::env::var(OWNER_OF) else { return };
    let (run, branch) = parks.split_once(' ').expect("where, and which");
    let branch = BranchId::parse(branch).expect("an id");
    let runtime = runtime();
    let parked = runtime.block_on(Neighbours::of(run.as_ref()).park(&branch, PARK_MAX)).expect("parked");
    #[allow(clippy::print_stdout, reason = "what the test waits for")]
    {
        println!("it is parked");
    }
    while parked.holds() {
        std::thread::sleep(MOMENT);
    }
}
