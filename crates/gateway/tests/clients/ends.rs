//! How sessions end: by the client, by the server, by what becomes of the password, by the gateway's own end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bough_model::{Cidrs, PasswordRole, Timestamp};
use bough_mysql_wire::{Asked, Capabilities, Command, ErrPacket};
use mysql::prelude::Queryable as _;

use crate::support::raw::{PLAIN, Raw};
use crate::support::{PASSWORD, Rig, Server, wait_until};

fn session(rig: &Rig, user: &str) -> Raw {
    let mut raw = Raw::gateway(rig.address);
    raw.log_in(user, PASSWORD, PLAIN).expect("a session");
    raw
}

/// The error that a session ends with.
fn last_word(raw: &mut Raw) -> u16 {
    let said = raw.receive().expect("a last word");
    let errno = ErrPacket::errno_of(&said).expect("an error");
    assert_eq!(raw.ends().unwrap_or_default(), b"");
    errno
}

fn threads(root: &mut mysql::Conn) -> u64 {
    let count = "SELECT COUNT(*) FROM information_schema.processlist WHERE user LIKE 'planetscale%'";
    root.query_first(count).expect("a row").expect("a figure")
}

#[test]
fn a_password_that_ends_cuts_its_sessions() {
    let rig = Rig::new();
    let mut root = rig.server.root();
    let others = rig.user(PasswordRole::Admin);
    let mut untouched = session(&rig, &others);
    type End = fn(&Rig, &str);
    let ends: [(&str, End); 3] = [
        ("deleted", |rig, user| rig.book.delete(user)),
        ("narrowed", |rig, user| {
            rig.book
                .change(user, |password| password.cidrs = Cidrs::parse(["192.0.2.0/24"]).expect("a range"));
        }),
        ("expired", |rig, user| {
            rig.book.change(user, |password| password.expires_at = Some(Timestamp::from_micros(1)));
        }),
    ];
    for (how, end) in ends {
        let user = rig.user(PasswordRole::Admin);
        let mut idle = session(&rig, &user);
        let mut inside = session(&rig, &user);
        inside.run("BEGIN");
        let mut busy = session(&rig, &user);
        busy.command(Command::Query, b"SELECT SLEEP(1000)");
        wait_until("it is running", || {
            rig.gateway.sessions(None).iter().filter(|session| session.busy).count() == 1
        });
        end(&rig, &user);
        for raw in [&mut idle, &mut inside, &mut busy] {
            assert_eq!(last_word(raw), 1927, "{how}");
        }
        wait_until("its query has ended on the server, too", || threads(&mut root) == 1);
        assert_eq!(untouched.text("SELECT 'untouched'"), "untouched");
        if how == "expired" {
            continue;
        }
        let error = Raw::gateway(rig.address).log_in(&user, PASSWORD, PLAIN).expect_err("out");
        assert_eq!(error.errno, 1045);
    }
    assert_eq!(rig.gateway.figures().cut, 9);
}

#[test]
fn a_password_that_expires_by_itself_is_noticed() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Reader);
    let now = || Timestamp::from_system(std::time::SystemTime::now());
    rig.book.change(&user, |password| password.expires_at = Some(now().plus(Duration::from_millis(1500))));
    let mut raw = session(&rig, &user);
    // It is renewed before it ends.
    rig.book.change(&user, |password| password.expires_at = Some(now().plus(Duration::from_secs(3))));
    assert_eq!(last_word(&mut raw), 1927);
    assert!(rig.book.credential_expired(&user), "not before its time");
}

#[test]
fn nothing_is_cut_while_nothing_can_be_looked_up() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Reader);
    let mut raw = session(&rig, &user);
    rig.book.away.store(true, Ordering::Relaxed);
    rig.book.change(&user, |_| {});
    let error = Raw::gateway(rig.address).log_in(&user, PASSWORD, PLAIN).expect_err("out");
    assert_eq!((error.errno, error.sqlstate), (1105, Some(*b"08004")));
    assert_eq!(raw.text("SELECT 'goes on'"), "goes on");
    rig.book.delete(&user);
    rig.book.away.store(false, Ordering::Relaxed);
    assert_eq!(last_word(&mut raw), 1927, "it is noticed later");
}

#[test]
fn somebody_may_end_a_session() {
    let rig = Rig::new();
    let mut root = rig.server.root();
    let user = rig.user(PasswordRole::Reader);
    let mut raw = session(&rig, &user);
    raw.command(Command::Query, b"SELECT SLEEP(1000)");
    wait_until("it is running", || {
        rig.gateway.sessions(Some(&rig.branch)).iter().any(|session| session.busy)
    });
    let id = rig.gateway.sessions(None)[0].id;
    assert_eq!(id.get(), raw.greeting.connection);
    assert!(!rig.gateway.end_session(&crate::support::branch("branch000002"), id), "of another branch");
    assert!(rig.gateway.end_session(&rig.branch, id));
    assert_eq!(last_word(&mut raw), 1927);
    wait_until("it has ended on the server", || threads(&mut root) == 0);
}

#[test]
fn a_server_that_dies_in_the_middle_ends_the_session() {
    let mut rig = Rig::new();
    let user = rig.user(PasswordRole::Reader);
    let mut reading = session(&rig, &user);
    reading.command(Command::Query, b"SELECT REPEAT('x', 1000) FROM seq_1_to_1000000");
    reading.receive().expect("the beginning");
    let mut waiting = session(&rig, &user);
    waiting.command(Command::Query, b"SELECT SLEEP(1000)");
    wait_until("both are running", || {
        rig.gateway.sessions(None).iter().filter(|session| session.busy).count() == 2
    });
    rig.server.kill();
    let rest = reading.ends().unwrap_or_default();
    assert!(rest.len() < 1_000_000_000);
    assert_eq!(waiting.ends().unwrap_or_default(), b"");
    let error = Raw::gateway(rig.address).log_in(&user, PASSWORD, PLAIN).expect_err("out");
    assert_eq!((error.errno, error.sqlstate), (1105, Some(*b"08004")));
    assert!(String::from_utf8_lossy(&error.message).starts_with("The branch cannot be reached: "));
    rig.server.again();
    assert_eq!(session(&rig, &user).text("SELECT 'back'"), "back");
    wait_until("the dead are gone", || rig.gateway.figures().sessions_open == 0);
}

#[test]
fn accounts_that_the_server_refuses_are_repaired_once() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Reader);
    *rig.book.wrong_secret.lock().expect("lock") = Some("not it".to_owned());
    let error = Raw::gateway(rig.address).log_in(&user, PASSWORD, PLAIN).expect_err("out");
    assert_eq!((error.errno, rig.book.repairs.load(Ordering::Relaxed)), (1105, 1));
    let account = PasswordRole::Reader.account();
    let mut root = rig.server.root();
    *rig.book.mend.lock().expect("lock") = Some(Box::new(move || {
        root.query_drop(format!("ALTER USER '{account}'@localhost IDENTIFIED BY 'not it'")).expect("mended");
    }));
    assert_eq!(session(&rig, &user).text("SELECT 'in'"), "in");
    assert_eq!(rig.book.repairs.load(Ordering::Relaxed), 2);
}

#[test]
fn a_client_that_leaves_takes_its_backend_with_it() {
    let rig = Rig::new();
    let mut root = rig.server.root();
    let user = rig.user(PasswordRole::Reader);
    let goodbye = {
        let mut raw = session(&rig, &user);
        raw.command(Command::Quit, b"");
        raw
    };
    let dropped = session(&rig, &user);
    drop(dropped);
    let mut in_the_middle = session(&rig, &user);
    in_the_middle.write(&[200, 0, 0, 0, 3]).expect("written");
    drop(in_the_middle);
    wait_until("all have left", || threads(&mut root) == 0 && rig.gateway.figures().sessions_open == 0);
    drop(goodbye);
    assert_eq!(rig.book.uses.load(Ordering::Relaxed), 6, "each has begun and ended");
}

/// What it has asked for goes on without it, as at a server; but not longer than the password.
#[test]
fn what_a_client_that_has_left_still_runs_ends_with_its_password() {
    let rig = Rig::new();
    let mut root = rig.server.root();
    root.query_drop("CREATE TABLE shop.t (id INT)").expect("a table");
    let endless = b"BEGIN NOT ATOMIC WHILE TRUE DO INSERT INTO t VALUES (1); DELETE FROM t; END WHILE; END";
    let leaves = |user: &str, statement: &[u8], more: &[u8]| {
        let mut raw = session(&rig, user);
        raw.command(Command::Query, statement);
        raw.write(more).expect("written");
        wait_until("it is running", || rig.gateway.sessions(None).iter().any(|session| session.busy));
    };
    // It is done, all of it, and then the session ends by itself.
    let user = rig.user(PasswordRole::Admin);
    leaves(&user, b"INSERT INTO t SELECT 2 WHERE SLEEP(0.5) = 0", b"\x17\0\0\0\x03INSERT INTO t VALUES (3)");
    wait_until("it has left", || threads(&mut root) == 0 && rig.gateway.figures().sessions_open == 0);
    let done: Vec<u8> = root.query("SELECT id FROM shop.t ORDER BY id").expect("rows");
    assert!(done.contains(&2), "{done:?}");
    // What answers more than anybody will hear ends before its time.
    leaves(&user, b"SELECT REPEAT('x', 1000) FROM seq_1_to_1000000000", b"");
    wait_until("it has ended", || threads(&mut root) == 0 && rig.gateway.figures().sessions_open == 0);
    leaves(&user, endless, b"");
    leaves(&user, endless, b"\x01\0\0\0\x01");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(threads(&mut root), 2, "as at a server");
    let parked = rig.runtime.block_on(rig.gateway.park(&rig.branch, Duration::from_millis(200)));
    assert_eq!(parked.expect_err("they run").sessions, 2);
    rig.book.delete(&user);
    wait_until("it has ended on the server", || threads(&mut root) == 0);
    wait_until("nothing is kept", || rig.gateway.figures().sessions_open == 0);
    assert_eq!(rig.gateway.figures().cut, 2);
}

/// Its sessions hold all places, so nobody gets in to end them by the same account.
#[test]
fn a_password_that_ends_frees_a_server_that_it_has_filled() {
    const PLACES: usize = 12;
    let rig = Rig::with_server(crate::support::settings(), Server::start_with(&["--max-connections=12"]));
    let mut root = rig.server.root();
    root.query_drop("CREATE TABLE shop.t (id INT PRIMARY KEY, n INT)").expect("a table");
    root.query_drop("INSERT INTO shop.t VALUES (1, 0)").expect("a row");
    root.query_drop("START TRANSACTION").expect("a transaction");
    root.query_drop("UPDATE shop.t SET n = 1").expect("a lock");
    let user = rig.user(PasswordRole::Admin);
    // Nothing wakes who waits for a row but its being free, and a KILL.
    let waiting: Vec<Raw> = (1..PLACES)
        .map(|_| {
            let mut raw = session(&rig, &user);
            raw.run("SET innodb_lock_wait_timeout = 100000");
            raw.command(Command::Query, b"UPDATE t SET n = n + 1");
            raw
        })
        .collect();
    let mut last = Raw::gateway(rig.address);
    assert_eq!(last.log_in(&user, PASSWORD, PLAIN).expect_err("full").errno, 1040);
    wait_until("all are running", || rig.gateway.sessions(None).iter().all(|session| session.busy));
    rig.book.delete(&user);
    wait_until("all have ended on the server", || threads(&mut root) == 0);
    drop(waiting);
    assert_eq!(session(&rig, &rig.user(PasswordRole::Reader)).text("SELECT 'in'"), "in");
}

#[test]
fn a_client_that_does_not_read_is_not_read_from() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Admin);
    let mut raw = session(&rig, &user);
    // 200 MB that nobody takes; and commands that go on coming.
    raw.command(Command::Query, b"SELECT REPEAT('x', 100000) FROM seq_1_to_2000");
    let sessions = || rig.gateway.sessions(None)[0].bytes_out;
    wait_until("it is under way", || sessions() > 100_000);
    let mut before = 0;
    wait_until("it stops", || {
        let now = sessions();
        let stopped = now == before;
        before = now;
        std::thread::sleep(Duration::from_millis(200));
        stopped
    });
    assert!(sessions() < 50_000_000, "what is not taken is not kept: {}", sessions());
    assert_eq!(raw.answer(Asked::Statement).len(), 2004);
    assert_eq!(raw.text("SELECT 'goes on'"), "goes on");
}

/// What the gateway answers by itself waits for the client like everything else.
#[test]
fn a_client_that_does_not_read_refusals_is_not_read_from_either() {
    const SENT_BYTES: usize = 40_000_000;
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Reader);
    let mut raw = session(&rig, &user);
    let refused = [1, 0, 0, 0, Command::Debug.byte()].repeat(10_000);
    let writing = std::thread::spawn(move || {
        // Ends with an error when the session is ended.
        let all = (0..SENT_BYTES / refused.len()).all(|_| raw.write(&refused).is_ok());
        (all, raw)
    });
    let taken = || rig.gateway.sessions(None)[0].bytes_in;
    wait_until("it is under way", || taken() > 100_000);
    let mut before = 0;
    wait_until("it stops", || {
        let now = taken();
        let stopped = now == before;
        before = now;
        std::thread::sleep(Duration::from_millis(200));
        stopped
    });
    assert!(taken() < 10_000_000, "what is answered and not taken is not kept: {} bytes were read", taken());
    let session = rig.gateway.sessions(None).remove(0);
    assert!(rig.gateway.end_session(&session.branch, session.id));
    assert!(!writing.join().expect("it wrote").0, "not all was taken");
}

#[test]
fn large_packets_pass_both_ways() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Admin);
    let mut raw = session(&rig, &user);
    let whole = 0xff_ffff;
    for len in [whole - 9, whole - 8, whole - 7, 2 * whole - 8, 64 << 20, 65 << 20] {
        // "SELECT ''" and the command make ten bytes.
        let statement = format!("SELECT '{}'", "y".repeat(len - 1));
        raw.command(Command::Query, statement.as_bytes());
        let answer = raw.answer(Asked::Statement);
        let row = &answer[3].1;
        assert_eq!(row.len(), len - 1 + if len - 1 < 1 << 24 { 4 } else { 9 }, "{len}");
        assert!(row.ends_with(b"yyyy"));
    }
    // Larger than the server takes: its own error, and the end.
    raw.sequence = 0;
    let mut bytes = Vec::new();
    bough_mysql_wire::append_packets(&mut bytes, 0, &[&[3][..], &vec![b' '; 90 << 20]].concat());
    let _ = raw.write(&bytes);
    let said = raw.ends().unwrap_or_default();
    assert!(said.is_empty() || ErrPacket::errno_of(&said[4..]) == Some(1153), "{said:?}");
    assert_eq!(session(&rig, &user).text("SELECT 'others'"), "others");
}

#[test]
fn a_gateway_that_stops_lets_transactions_end() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Admin);
    let mut idle = session(&rig, &user);
    let mut failed = session(&rig, &user);
    assert_eq!(failed.fails("SELECT nothing").errno, 1054);
    let mut inside = session(&rig, &user);
    inside.run("BEGIN");
    let mut stuck = session(&rig, &user);
    stuck.run("BEGIN");
    let gateway = rig.gateway.clone();
    let draining =
        rig.runtime.spawn(async move { gateway.drain(Duration::from_secs(3), std::future::pending()).await });
    assert_eq!((last_word(&mut idle), last_word(&mut failed)), (1053, 1053));
    assert_eq!(inside.text("SELECT 'goes on'"), "goes on");
    inside.run("COMMIT");
    assert_eq!(last_word(&mut inside), 1053);
    assert!(!draining.is_finished());
    assert_eq!(last_word(&mut stuck), 1053, "at the limit");
    rig.runtime.block_on(draining).expect("no panic");
    wait_until("nobody listens any more", || std::net::TcpStream::connect(rig.address).is_err());
}

#[test]
fn a_report_of_progress_is_no_end() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Admin);
    let mut raw = Raw::gateway(rig.address);
    raw.log_in(&user, PASSWORD, Capabilities::MARIADB_10_11).expect("in");
    raw.run("CREATE TABLE big AS SELECT seq AS a, REPEAT('x', 200) AS b FROM seq_1_to_200000");
    raw.run("SET SESSION progress_report_time = 1");
    let answer = raw.query("ALTER TABLE big FORCE, ALGORITHM = COPY");
    assert_eq!(answer.last().expect("an answer").1[0], 0);
    let parked = rig.runtime.block_on(rig.gateway.park(&rig.branch, Duration::from_secs(20)));
    drop(parked.expect("it stands"));
    assert_eq!(raw.text("SELECT COUNT(*) FROM big"), "200000");
}
