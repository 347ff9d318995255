//! A parent whose schema changes all the time while branches are made from it: each branch gets a schema that
//! the parent had at one moment.
#![allow(clippy::print_stderr, reason = "figures for whoever runs this by hand")]

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bough_engine::Step;
use bough_model::Desired;
use bough_mysql_client::Connection;
use support::printed::set_up;
use support::{Rig, child_spec, converge, root_spec};

const PARENT: &str = "moveaaaaaaaa";
const CHILD: &str = "movebbbbbbbb";
/// How often the schema is copied while it changes.
const COPIES: usize = 5;

/// Copies the parent's schema again and again while `change` runs in a session of its own, with the count of
/// what it did so far. `check` sees each copy.
fn copied_while(
    start: &[&str],
    change: impl Fn(&mut Connection, usize) + Sync,
    check: impl Fn(&mut Connection, usize),
) {
    let rig = Rig::new();
    let (parent, child) = (root_spec(PARENT), child_spec(CHILD, PARENT));
    converge(&rig.engine, &parent, Desired::Running);
    let mut from = rig.engine.connect(&parent.id).expect("a session");
    set_up(&mut from, start);
    // Something to read, so that changes fall into the reading.
    for n in 0..30 {
        from.execute(format!("CREATE TABLE `m{n}` (id INT PRIMARY KEY, g GEOMETRY)")).expect("a table");
    }
    for step in [Step::CopyTemplate, Step::StartServer, Step::PrepareAccounts] {
        rig.engine.execute(&child, step).expect("a step");
    }
    let stage = rig.folder.join("engine/branches").join(CHILD).join("stage.json");
    let before = std::fs::read(&stage).expect("the stage");
    let stop = AtomicBool::new(false);
    let made = Mutex::new(0);
    std::thread::scope(|scope| {
        let mut changing = rig.engine.connect(&parent.id).expect("a session");
        changing.execute("USE `shop_1`").expect("the schema");
        let (stop, made, change) = (&stop, &made, &change);
        scope.spawn(move || {
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                change(&mut changing, count);
                count += 1;
            }
            *made.lock().expect("the count") = count;
        });
        let copies = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut slowest = Duration::ZERO;
            for copy in 0..COPIES {
                // As after a crash before the copy was recorded.
                std::fs::write(&stage, &before).expect("the stage");
                let begun = Instant::now();
                rig.engine.execute(&child, Step::CopySchema).expect("the copy");
                slowest = slowest.max(begun.elapsed());
                let mut to = rig.engine.connect(&child.id).expect("a session");
                to.execute("USE `shop_1`").expect("the schema");
                check(&mut to, copy);
            }
            slowest
        }));
        stop.store(true, Ordering::Relaxed);
        match copies {
            Ok(slowest) => eprintln!("the slowest of {COPIES} copies: {slowest:?}"),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    let made = *made.lock().expect("the count");
    eprintln!("the parent changed {made} times");
    assert!(made > COPIES, "the parent changed while it was copied");
}

fn number(conn: &mut Connection, question: &str) -> i64 {
    let row = conn.query_one(question).unwrap_or_else(|error| panic!("{question}: {error}"));
    row.text("n").expect("n").parse().unwrap_or_else(|error| panic!("{question}: {error}"))
}

/// One kind of object after the other is brought to the next number: whatever a branch has, an earlier kind
/// is never behind a later one, and never ahead by more than one.
#[test]
fn a_branch_never_mixes_two_states() {
    let start = [
        "CREATE TABLE a (id INT) COMMENT '0'",
        "CREATE VIEW v AS SELECT 0 AS n",
        "CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 0",
        "CREATE TABLE x0 (id INT)",
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @t = 0",
        "CREATE SEQUENCE s START WITH 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2035-01-01 00:00:00' DISABLE COMMENT '0' DO SELECT 1",
        "CREATE TABLE z (id INT) COMMENT '0'",
    ];
    let change = |conn: &mut Connection, count: usize| {
        let (kind, n) = (count % 8, count / 8 + 1);
        let sql = match kind {
            0 => format!("ALTER TABLE a COMMENT = '{n}'"),
            1 => format!("CREATE OR REPLACE VIEW v AS SELECT {n} AS n"),
            2 => format!("CREATE OR REPLACE FUNCTION f() RETURNS INT DETERMINISTIC RETURN {n}"),
            3 => format!("RENAME TABLE x{} TO x{n}", n - 1),
            4 => format!("CREATE OR REPLACE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @t = {n}"),
            5 => format!("CREATE OR REPLACE SEQUENCE s START WITH {}", n + 1),
            6 => format!("ALTER EVENT e COMMENT '{n}'"),
            _ => format!("ALTER TABLE z COMMENT = '{n}'"),
        };
        conn.execute(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    };
    let questions = [
        "SELECT TABLE_COMMENT AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop_1' AND TABLE_NAME = 'a'",
        "SELECT n FROM v",
        "SELECT f() AS n",
        "SELECT SUBSTR(TABLE_NAME, 2) AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop_1' AND TABLE_NAME LIKE 'x%'",
        "SELECT REGEXP_SUBSTR(ACTION_STATEMENT, '[0-9]+') AS n FROM information_schema.TRIGGERS WHERE TRIGGER_NAME = 't'",
        "SELECT start_value - 1 AS n FROM s",
        "SELECT EVENT_COMMENT AS n FROM information_schema.EVENTS WHERE EVENT_NAME = 'e'",
        "SELECT TABLE_COMMENT AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop_1' AND TABLE_NAME = 'z'",
    ];
    copied_while(&start, change, |to, copy| {
        let numbers: Vec<i64> = questions.iter().map(|question| number(to, question)).collect();
        assert!(
            numbers.windows(2).all(|pair| pair[0] >= pair[1]) && numbers[0] - numbers[7] <= 1,
            "copy {copy}: {numbers:?}"
        );
    });
}

/// What comes and goes, again and again, and leaves no trace.
#[test]
fn a_branch_never_mixes_what_comes_and_goes() {
    let change = |conn: &mut Connection, count: usize| {
        let sql = match count % 8 {
            0 => "CREATE TABLE one (id INT)",
            1 => "CREATE VIEW two AS SELECT id FROM one",
            2 => "CREATE PROCEDURE three() SELECT id FROM two",
            3 => "ALTER TABLE one ADD more INT",
            4 => "DROP PROCEDURE three",
            5 => "DROP VIEW two",
            6 => "DROP TABLE one",
            _ => "CREATE OR REPLACE TABLE nothing (id INT)",
        };
        conn.execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    };
    copied_while(&["CREATE TABLE nothing (id INT)"], change, |to, copy| {
        let columns = number(
            to,
            "SELECT COUNT(*) AS n FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'shop_1' AND TABLE_NAME = 'one'",
        );
        let view =
            number(to, "SELECT COUNT(*) AS n FROM information_schema.VIEWS WHERE TABLE_SCHEMA = 'shop_1'");
        let procedure = number(to, "SELECT COUNT(*) AS n FROM mysql.proc WHERE db = 'shop_1'");
        let state = (columns, view, procedure);
        let real = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 1), (2, 1, 0), (2, 0, 0)];
        assert!(real.contains(&state), "copy {copy}: {state:?}");
    });
}

/// A statement that has a table to itself and waits for the reading to end must not make it fail for ever.
#[test]
fn a_table_that_is_altered_all_the_time_is_copied() {
    let change = |conn: &mut Connection, count: usize| {
        conn.execute(format!("ALTER TABLE a COMMENT = '{count}'")).expect("altered");
    };
    copied_while(&["CREATE TABLE a (id INT, e ENUM('😀')) COMMENT '-1'"], change, |to, copy| {
        let comment = "SELECT TABLE_COMMENT AS n FROM information_schema.TABLES WHERE TABLE_NAME = 'a'";
        assert!(number(to, comment) >= -1, "copy {copy}");
    });
}

/// A session that holds a lock on a table for long keeps nobody from making a branch.
#[test]
fn what_is_locked_can_be_copied() {
    let rig = Rig::new();
    let (parent, child) = (root_spec(PARENT), child_spec(CHILD, PARENT));
    converge(&rig.engine, &parent, Desired::Running);
    let mut from = rig.engine.connect(&parent.id).expect("a session");
    set_up(&mut from, &["CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b (id INT) ENGINE=MyISAM"]);
    from.execute("LOCK TABLES a WRITE, b WRITE").expect("locked");
    let mut writer = rig.engine.connect(&parent.id).expect("a session");
    set_up(&mut writer, &["CREATE TABLE c (id INT PRIMARY KEY)", "BEGIN", "INSERT INTO c VALUES (1)"]);
    converge(&rig.engine, &child, Desired::Running);
    let mut to = rig.engine.connect(&child.id).expect("a session");
    assert_eq!(
        number(&mut to, "SELECT COUNT(*) AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop_1'"),
        3
    );
}
