//! What clients have open on a branch's server is told and ended, and nothing else is.

mod support;

use std::sync::mpsc::channel;
use std::time::Duration;

use bough_engine::{ClientSession, Kill, ManagedEngine, wait_until};
use bough_model::{BranchId, Desired, PasswordRole};
use support::{Rig, converge, enter, root_spec};

const LIMIT: Duration = Duration::from_secs(30);
/// Longer than the 100 ms within which InnoDB answers every further question about transactions and locks with what
/// it found for the one before.
const PAUSE: Duration = Duration::from_millis(150);

fn sessions(engine: &ManagedEngine, id: &BranchId) -> Vec<ClientSession> {
    engine.client_sessions(id).expect("its sessions")
}

/// Waits for a session of which something is so.
#[track_caller]
fn wait(
    engine: &ManagedEngine,
    id: &BranchId,
    what: &str,
    fits: impl Fn(&ClientSession) -> bool,
) -> ClientSession {
    let look = || sessions(engine, id).into_iter().find(|session| fits(session));
    wait_until(LIMIT, PAUSE, look).unwrap_or_else(|| panic!("in vain: {what}: {:?}", sessions(engine, id)))
}

fn until(so: impl FnMut() -> bool) -> bool {
    let mut so = so;
    wait_until(LIMIT, PAUSE, || so().then_some(())).is_some()
}

#[track_caller]
fn kill(engine: &ManagedEngine, id: &BranchId, what: Kill) -> bool {
    engine.kill(id, what).unwrap_or_else(|error| panic!("{what:?}: {error}"))
}

#[test]
fn sessions_of_clients_are_told_and_ended() {
    let rig = Rig::new();
    let engine = &rig.engine;
    let spec = root_spec("branchroot01");
    converge(engine, &spec, Desired::Running);
    let id = &spec.id;
    assert_eq!(sessions(engine, id), [], "Bough's own are not among them");

    let mut admin = enter(engine, id, PasswordRole::Admin).expect("let in");
    admin.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT)").expect("a table");
    admin.execute("INSERT INTO t VALUES (1, 1)").expect("a row");
    let idle = wait(engine, id, "the idle one", |one| one.command == "Sleep");
    assert_eq!((idle.role, &idle.statement, &idle.transaction), (PasswordRole::Admin, &None, &None));
    assert!(idle.blocked_by.is_empty());

    // One waits for what the other holds.
    admin.execute("BEGIN").expect("begun");
    admin.execute("UPDATE t SET n = 2").expect("changed");
    let mut writer = enter(engine, id, PasswordRole::ReadWriter).expect("let in");
    let text = format!("UPDATE t SET n = 3 /* {} é */", "x".repeat(5_000));
    let (told, ended) = channel();
    let thread = std::thread::spawn(move || {
        told.send(writer.execute(text)).expect("somebody listens");
        let again = writer.query_one("SELECT 1 AS one");
        told.send(again.map(|_| ())).expect("somebody listens");
        writer
    });
    let blocked = wait(engine, id, "one that waits", |one| !one.blocked_by.is_empty());
    assert_eq!((blocked.role, &blocked.blocked_by), (PasswordRole::ReadWriter, &vec![idle.id]));
    let statement = blocked.statement.as_ref().expect("a statement");
    assert!(statement.text.starts_with("UPDATE t SET n = 3") && statement.text.chars().count() == 1_024);
    let holds =
        wait(engine, id, "one in a transaction", |one| one.id == idle.id && one.transaction.is_some());
    let transaction = holds.transaction.as_ref().and_then(|transaction| transaction.id).expect("its number");

    // What is no client's, or not there, is not ended.
    for what in [
        Kill::Session(u64::MAX),
        Kill::Session(1),
        Kill::Statement(u64::MAX),
        Kill::Statement(0),
        Kill::Transaction(u64::MAX),
        Kill::Transaction(0),
    ] {
        assert!(!kill(engine, id, what), "{what:?}");
    }
    let own = engine
        .connect(id)
        .expect("Bough's own")
        .query_one("SELECT CONNECTION_ID() AS id")
        .expect("its number");
    assert!(!kill(engine, id, Kill::Session(own.u64("id").expect("a number"))));

    // A statement, and its session stays.
    assert!(kill(engine, id, Kill::Statement(statement.id)));
    assert!(ended.recv_timeout(LIMIT).expect("it ended").is_err(), "interrupted");
    ended.recv_timeout(LIMIT).expect("it answers").expect("and is still there");
    assert!(!kill(engine, id, Kill::Statement(statement.id)), "once");
    let mut writer = thread.join().expect("it ended");

    // A transaction with its session, which is undone.
    assert!(kill(engine, id, Kill::Transaction(transaction)));
    assert!(until(|| admin.query_one("SELECT 1").is_err()));
    writer.execute("UPDATE t SET n = n + 10").expect("nothing holds it any more");
    let n = writer.query_one("SELECT n FROM t").expect("a row").u64("n").expect("a number");
    assert_eq!(n, 11, "what the other had changed is undone");

    // A session.
    let last = wait(engine, id, "the last one", |one| one.role == PasswordRole::ReadWriter);
    assert!(kill(engine, id, Kill::Session(last.id)));
    assert!(until(|| sessions(engine, id).is_empty()));
    assert!(writer.query_one("SELECT 1").is_err());
    assert!(!kill(engine, id, Kill::Session(last.id)), "once");
}
