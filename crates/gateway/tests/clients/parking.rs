//! A parked branch: nobody begins a command, transactions end first, nobody is sent an error.

use std::time::Duration;

use bough_gateway::{Parked, StillBusy};
use bough_model::PasswordRole;
use bough_mysql_wire::{Asked, Capabilities, Command, Status};
use mysql::prelude::Queryable as _;
use tokio::task::JoinHandle;

use crate::support::raw::{PLAIN, Raw};
use crate::support::{PASSWORD, Rig, wait_until};

/// Longer than a test takes.
const LONG: Duration = Duration::from_secs(60);
/// Long enough for whoever does not wait to be seen; nothing fails when the machine is slower.
const MOMENT: Duration = Duration::from_millis(100);

fn park(rig: &Rig, limit: Duration) -> JoinHandle<Result<Parked, StillBusy>> {
    let (gateway, branch) = (rig.gateway.clone(), rig.branch.clone());
    rig.runtime.spawn(async move { gateway.park(&branch, limit).await })
}

fn parked(rig: &Rig, parking: JoinHandle<Result<Parked, StillBusy>>) -> Parked {
    rig.runtime.block_on(parking).expect("no panic").expect("all stand")
}

fn session(rig: &Rig, user: &str) -> Raw {
    let mut raw = Raw::gateway(rig.address);
    raw.log_in(user, PASSWORD, PLAIN | Capabilities::MULTI_STATEMENTS).expect("a session");
    raw
}

fn prepared() -> (Rig, String, mysql::Conn) {
    let rig = Rig::new();
    let mut root = rig.server.root();
    root.query_drop("CREATE TABLE shop.t (a INT PRIMARY KEY)").expect("a table");
    let user = rig.user(PasswordRole::Admin);
    (rig, user, root)
}

fn rows(root: &mut mysql::Conn) -> u64 {
    root.query_first("SELECT COUNT(*) FROM shop.t").expect("a row").expect("a figure")
}

#[test]
fn transactions_end_first_and_commands_wait() {
    let (rig, user, mut root) = prepared();
    let mut idle = session(&rig, &user);
    let mut busy = session(&rig, &user);
    assert!(busy.run("BEGIN").status.has(Status::IN_TRANSACTION));
    busy.run("INSERT INTO t VALUES (1)");
    let parking = park(&rig, LONG);
    // Its transaction goes on, command by command.
    busy.run("INSERT INTO t VALUES (2)");
    busy.run("INSERT INTO t VALUES (3)");
    assert!(!parking.is_finished());
    busy.run("COMMIT");
    let parked = parked(&rig, parking);
    assert!(parked.holds());
    assert_eq!(rows(&mut root), 3);
    // What is asked now waits, in old sessions and in new ones.
    idle.command(Command::Query, b"INSERT INTO t VALUES (4)");
    busy.command(Command::Query, b"INSERT INTO t VALUES (5)");
    let other = user.clone();
    let address = rig.address;
    let newcomer = std::thread::spawn(move || {
        let mut raw = Raw::gateway(address);
        raw.log_in(&other, PASSWORD, PLAIN).expect("in, in the end");
        raw.run("INSERT INTO t VALUES (6)");
    });
    std::thread::sleep(MOMENT);
    assert_eq!(rows(&mut root), 3);
    assert!(!newcomer.is_finished());
    assert_eq!(rig.gateway.sessions(None).len(), 2);
    drop(parked);
    for raw in [&mut idle, &mut busy] {
        assert_eq!(raw.answer(Asked::Statement)[0].1[0], 0);
    }
    newcomer.join().expect("it came in");
    assert_eq!(rows(&mut root), 6);
}

#[test]
fn commands_sent_ahead_stop_between_two_of_them() {
    let (rig, user, mut root) = prepared();
    let mut raw = session(&rig, &user);
    raw.command(Command::Query, b"DO SLEEP(0.3)");
    for number in 0..100 {
        raw.command(Command::Query, format!("INSERT INTO t VALUES ({number})").as_bytes());
    }
    wait_until("it is running", || rig.gateway.sessions(None)[0].busy);
    let parked = parked(&rig, park(&rig, LONG));
    let before = rows(&mut root);
    std::thread::sleep(MOMENT);
    assert_eq!(rows(&mut root), before, "no command is under way");
    drop(parked);
    for _ in 0..=100 {
        assert_eq!(raw.answer(Asked::Statement)[0].1[0], 0);
    }
    assert_eq!(rows(&mut root), 100);
}

#[test]
fn after_an_error_the_server_is_asked() {
    let (rig, user, mut root) = prepared();
    root.query_drop("INSERT INTO shop.t VALUES (1)").expect("a row");
    // Outside a transaction: it stands.
    let mut outside = session(&rig, &user);
    assert_eq!(outside.fails("INSERT INTO t VALUES (1)").errno, 1062);
    drop(parked(&rig, park(&rig, LONG)));
    assert_eq!(outside.text("SELECT 'goes on'"), "goes on");
    // Inside one, however it began: it does not.
    let mut inside = session(&rig, &user);
    for begins in
        ["BEGIN; INSERT INTO t VALUES (1)", "SET autocommit = 0; SELECT * FROM t; INSERT INTO t VALUES (1)"]
    {
        let answer = inside.query(begins);
        assert_eq!(answer.last().expect("an answer").1[0], 0xff);
        let busy =
            rig.runtime.block_on(park(&rig, 10 * MOMENT)).expect("no panic").expect_err("it does not stand");
        assert_eq!(busy, StillBusy { sessions: 1 });
        inside.run("ROLLBACK");
        drop(parked(&rig, park(&rig, LONG)));
    }
    // What the error left behind is still there after the question: it was not seen.
    assert_eq!(outside.fails("SELECT nothing").errno, 1054);
    drop(parked(&rig, park(&rig, LONG)));
    let warnings = outside.query("SHOW ERRORS");
    assert_eq!(warnings.len(), 7, "{warnings:?}");
    // A deadlock's victim is outside: the server has rolled it back.
    inside.run("SET autocommit = 1");
    inside.run("BEGIN");
    inside.run("SAVEPOINT s");
    assert_eq!(inside.fails("ROLLBACK TO nothing").errno, 1305);
    let busy = rig.runtime.block_on(park(&rig, MOMENT)).expect("no panic");
    assert!(busy.is_err());
    inside.run("COMMIT");
    drop(parked(&rig, park(&rig, LONG)));
}

#[test]
fn the_limit_lets_everybody_go_on() {
    let (rig, user, mut root) = prepared();
    let mut raw = session(&rig, &user);
    let parked = parked(&rig, park(&rig, Duration::from_secs(2)));
    raw.command(Command::Query, b"INSERT INTO t VALUES (1)");
    assert_eq!(raw.answer(Asked::Statement)[0].1[0], 0, "it goes on at the limit");
    assert!(!parked.holds());
    assert_eq!(rows(&mut root), 1);
    drop(parked);
    raw.run("INSERT INTO t VALUES (2)");
    // Another branch has nothing to do with it.
    let other = crate::support::branch("branch000002");
    let elsewhere = rig.runtime.block_on(rig.gateway.park(&other, LONG)).expect("nobody is there");
    raw.run("INSERT INTO t VALUES (3)");
    drop(elsewhere);
}

#[test]
fn who_leaves_while_it_is_parked_is_no_longer_waited_for() {
    let (rig, user, _) = prepared();
    let idle = session(&rig, &user);
    let mut inside = session(&rig, &user);
    inside.run("BEGIN");
    let parking = park(&rig, LONG);
    drop(inside);
    let first = parked(&rig, parking);
    let second = parked(&rig, park(&rig, LONG));
    drop(first);
    assert!(second.holds());
    drop(idle);
    wait_until("it has left", || rig.gateway.sessions(None).is_empty());
}
