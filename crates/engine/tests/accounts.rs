//! What each role may do on a branch's server, with safe migrations and without: the whole table, printed by
//! the server itself.
//!
//! `golden/rights.txt` is reviewed. Where it differs, review the difference, then write it anew with
//! `BOUGH_UPDATE_GOLDEN=1`.

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bough_engine::{BranchSpec, wait_until};
use bough_model::{Desired, PasswordRole};
use bough_mysql_client::{Connection, Error};
use support::printed::printed;
use support::{Rig, accounts, converge, enter, root_spec};

/// What is there when a statement is tried: made by `admin` before anything is refused to it.
const WORLD: &[&str] = &[
    "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, n INT DEFAULT 0, KEY n (n))",
    "CREATE TABLE log (what VARCHAR(80))",
    "CREATE TABLE versioned (id INT) WITH SYSTEM VERSIONING",
    "CREATE TABLE parted (id INT) PARTITION BY HASH (id) PARTITIONS 2",
    "CREATE SEQUENCE numbers",
    "CREATE VIEW v AS SELECT id, n FROM t",
    "CREATE TRIGGER tr AFTER DELETE ON t FOR EACH ROW INSERT INTO log VALUES ('trigger')",
    "CREATE FUNCTION f() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM t)",
    "CREATE PROCEDURE peek() SELECT COUNT(*) FROM t",
    "CREATE PROCEDURE ddl() CREATE TABLE made (id INT)",
    "CREATE PROCEDURE says(s TEXT) EXECUTE IMMEDIATE s",
    "CREATE PROCEDURE says_as_caller(s TEXT) SQL SECURITY INVOKER EXECUTE IMMEDIATE s",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DO INSERT INTO log VALUES ('event')",
    "INSERT INTO t VALUES (1, 1), (2, 2)",
];

/// Removes what a statement may have made. Done by Bough.
const AFTERWARDS: &[&str] = &[
    "DROP DATABASE IF EXISTS another",
    "DROP DATABASE IF EXISTS shopx1",
    "DROP DATABASE IF EXISTS `SHOP_1`",
];

/// Groups of statements, each tried on a fresh schema and session.
const TABLE: &[(&str, &[&str])] = &[
    (
        "reading",
        &[
            "SELECT n FROM t",
            "SELECT n FROM v",
            "SELECT f()",
            "CALL peek()",
            "SHOW CREATE TABLE t",
            "SHOW CREATE VIEW v",
            "SHOW CREATE PROCEDURE peek",
            "SHOW EVENTS",
            "SHOW TRIGGERS",
            "HANDLER t OPEN",
            "CHECKSUM TABLE t",
            "EXPLAIN SELECT n FROM t",
            "ANALYZE SELECT n FROM t",
            "SELECT n FROM t FOR UPDATE",
            "LOCK TABLES t READ",
        ],
    ),
    (
        "writing",
        &[
            "INSERT INTO t (n) VALUES (3)",
            "INSERT INTO t (n) VALUES (3) RETURNING id",
            "UPDATE t SET n = 3",
            "UPDATE t SET n = 3 WHERE id = 1",
            "UPDATE v SET n = 4 WHERE id = 1",
            "DELETE FROM t",
            "DELETE FROM t WHERE id = 1",
            "REPLACE INTO t VALUES (1, 5)",
            "INSERT INTO t (n) SELECT n FROM t",
            "SELECT NEXT VALUE FOR numbers",
            "LOCK TABLES t WRITE",
            "CALL says('DELETE FROM t')",
            "CALL says_as_caller('DELETE FROM t')",
        ],
    ),
    (
        "temporary tables, and care for tables",
        &[
            "CREATE TEMPORARY TABLE x AS SELECT 1 AS a; ALTER TABLE x ADD b INT; CREATE INDEX a ON x (a); TRUNCATE x; DROP TEMPORARY TABLE x",
            "CREATE TEMPORARY TABLE x LIKE t",
            "CREATE OR REPLACE TEMPORARY TABLE t (id INT); DROP TABLE t",
            "ANALYZE TABLE t",
            "OPTIMIZE TABLE t",
            "CHECK TABLE t",
            "REPAIR TABLE t",
        ],
    ),
    (
        "tables",
        &[
            "CREATE TABLE x (id INT)",
            "CREATE OR REPLACE TABLE t (id INT)",
            "CREATE TABLE IF NOT EXISTS t (id INT)",
            "CREATE TABLE x LIKE t",
            "CREATE TABLE x SELECT 1 AS a",
            "CREATE TABLE x (id INT, FOREIGN KEY (id) REFERENCES t (id))",
            "CREATE TABLE x (id INT) ENGINE=MyISAM DATA DIRECTORY='/tmp' INDEX DIRECTORY='/tmp'",
            "ALTER TABLE t ADD x INT",
            "ALTER TABLE t ADD x INT, ALGORITHM=INSTANT",
            "ALTER TABLE t RENAME TO x",
            "ALTER TABLE t ENGINE=InnoDB",
            "ALTER TABLE t AUTO_INCREMENT=100",
            "ALTER TABLE t COMMENT='x'",
            "ALTER TABLE t DISABLE KEYS",
            "ALTER TABLE t DISCARD TABLESPACE",
            "ALTER TABLE parted ADD PARTITION PARTITIONS 1",
            "ALTER TABLE parted TRUNCATE PARTITION p0",
            "RENAME TABLE t TO x",
            "DROP TABLE t",
            "TRUNCATE TABLE t",
            "CREATE INDEX x ON t (n)",
            "DROP INDEX n ON t",
            "CREATE SEQUENCE x",
            "ALTER SEQUENCE numbers RESTART 5",
            "DROP SEQUENCE numbers",
            "DELETE HISTORY FROM versioned",
        ],
    ),
    (
        "views, routines, triggers, events",
        &[
            "CREATE VIEW x AS SELECT 1",
            "CREATE OR REPLACE VIEW v AS SELECT 1",
            "ALTER VIEW v AS SELECT 1",
            "DROP VIEW v",
            "CREATE FUNCTION x() RETURNS INT RETURN 1",
            "CREATE PROCEDURE x() SELECT 1",
            "ALTER PROCEDURE peek COMMENT 'x'",
            "ALTER PROCEDURE says_as_caller SQL SECURITY DEFINER",
            "DROP FUNCTION f",
            "DROP PROCEDURE peek",
            "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET NEW.n = 1",
            "CREATE OR REPLACE TRIGGER tr AFTER DELETE ON t FOR EACH ROW SET @x = 1",
            "DROP TRIGGER tr",
            "CREATE EVENT x ON SCHEDULE EVERY 1 DAY DO SELECT 1",
            "ALTER EVENT e DISABLE",
            "ALTER EVENT e RENAME TO x",
            "DROP EVENT e",
            "SET sql_mode = 'ORACLE'; CREATE PACKAGE x AS PROCEDURE y(); END",
        ],
    ),
    (
        "changes of the schema by other ways",
        &[
            "CALL ddl()",
            "CALL says('CREATE TABLE x (id INT)')",
            "CALL says('CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET NEW.n = 1')",
            "CALL says('DROP TRIGGER tr')",
            "CALL says('CREATE EVENT x ON SCHEDULE EVERY 1 DAY DO SELECT 1')",
            "CALL says('DROP EVENT e')",
            "CALL says('DROP PROCEDURE peek')",
            "CALL says('CREATE VIEW x AS SELECT 1')",
            "CALL says_as_caller('CREATE TABLE x (id INT)')",
            "EXECUTE IMMEDIATE 'CREATE TABLE x (id INT)'",
            "PREPARE s FROM 'CREATE TABLE x (id INT)'; EXECUTE s",
            "SELECT 1; CREATE TABLE x (id INT)",
            "BEGIN NOT ATOMIC CREATE TABLE x (id INT); END",
            "SET STATEMENT max_statement_time = 5 FOR CREATE TABLE x (id INT)",
            "/*!50000 CREATE TABLE x (id INT) */",
            "CREATE TABLE shop_1.x (id INT)",
        ],
    ),
    (
        "schemas",
        &[
            "DROP DATABASE shop_1; CREATE DATABASE shop_1 CHARACTER SET utf8mb4",
            "ALTER DATABASE shop_1 CHARACTER SET latin1",
            "CREATE DATABASE another",
            "CREATE DATABASE shopx1",
            "CREATE DATABASE `SHOP_1`",
            "USE mysql",
            "SHOW DATABASES",
        ],
    ),
];

/// The groups whose statements change no schema, whoever says them.
const UNCHANGING: &[&str] = &["reading", "writing", "temporary tables, and care for tables"];

/// The schema as Bough sees it: every definition, and which schemas there are.
fn everything(rig: &Rig, spec: &BranchSpec) -> (BTreeMap<String, String>, Vec<String>) {
    let mut bough = rig.engine.connect(&spec.id).expect("a session");
    let schemas = bough.query_rows("SHOW DATABASES").expect("schemas");
    let schemas: Vec<String> =
        schemas.iter().map(|row| row.text("Database").expect("a name").to_owned()).collect();
    let printed =
        if schemas.iter().any(|name| name == "shop_1") { printed(&mut bough) } else { BTreeMap::new() };
    let plain = |text: String| text.lines().filter(|line| !line.contains("AUTO_INCREMENT=")).collect();
    (printed.into_iter().map(|(name, text)| (name, plain(text))).collect(), schemas)
}

fn configured(spec: &BranchSpec, safe_migrations: bool) -> BranchSpec {
    BranchSpec { accounts: accounts(spec.id.as_str(), safe_migrations), ..spec.clone() }
}

/// A schema as if nobody had done anything yet; made by `admin`, who owns it all.
fn fresh_world(rig: &Rig, spec: &BranchSpec) {
    converge(&rig.engine, &configured(spec, false), Desired::Running);
    let mut bough = rig.engine.connect(&spec.id).expect("a session");
    bough.execute("DROP DATABASE IF EXISTS shop_1").expect("dropped");
    for statement in AFTERWARDS {
        bough.execute(statement).expect("removed");
    }
    bough.execute("CREATE DATABASE shop_1 CHARACTER SET utf8mb4").expect("made");
    let mut admin = enter(&rig.engine, &spec.id, PasswordRole::Admin).expect("admin");
    for statement in WORLD {
        admin.execute(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// What the server says: `ok`, or its error's number.
fn tried(conn: &mut Connection, sql: &str) -> String {
    match conn.execute(sql) {
        Ok(()) => "ok".to_owned(),
        Err(Error::Statement { code, .. }) => code.to_string(),
        Err(other) => panic!("{sql}: {other}"),
    }
}

fn compare(name: &str, printed: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var("BOUGH_UPDATE_GOLDEN").is_ok() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, printed).expect("written");
    }
    let reviewed = std::fs::read_to_string(&path).unwrap_or_default();
    for (at, (now, then)) in printed.lines().zip(reviewed.lines()).enumerate() {
        assert_eq!(now, then, "{name}, line {}: review, then BOUGH_UPDATE_GOLDEN=1", at + 1);
    }
    assert_eq!(printed.len(), reviewed.len(), "{name} differs in length: review, then BOUGH_UPDATE_GOLDEN=1");
}

#[test]
fn what_each_role_may_do() {
    let rig = Rig::new();
    let spec = root_spec("rightsaaaaaa");
    converge(&rig.engine, &spec, Desired::Running);
    let columns = [
        (PasswordRole::Reader, false),
        (PasswordRole::Writer, false),
        (PasswordRole::ReadWriter, false),
        (PasswordRole::ReadWriter, true),
        (PasswordRole::Admin, false),
        (PasswordRole::Admin, true),
    ];
    let mut answers: Vec<Vec<Vec<String>>> =
        TABLE.iter().map(|(_, statements)| vec![Vec::new(); statements.len()]).collect();
    for (role, safe) in columns {
        for ((group, statements), answers) in TABLE.iter().zip(&mut answers) {
            fresh_world(&rig, &spec);
            converge(&rig.engine, &configured(&spec, safe), Desired::Running);
            let before = everything(&rig, &spec);
            for (statement, answers) in statements.iter().zip(answers) {
                let mut conn = enter(&rig.engine, &spec.id, role).expect("a session");
                answers.push(tried(&mut conn, statement));
                drop(conn);
                let after = everything(&rig, &spec);
                if after == before {
                    continue;
                }
                assert!(!safe, "{role:?} changed the schema in spite of safe migrations: {statement}");
                assert!(!UNCHANGING.contains(group), "{role:?}: {statement}");
                fresh_world(&rig, &spec);
                converge(&rig.engine, &configured(&spec, safe), Desired::Running);
            }
        }
    }
    let mut printed = String::from(
        "reader  writer  readwriter  readwriter  admin  admin\n                            (safe)             (safe)\n",
    );
    for ((group, statements), answers) in TABLE.iter().zip(&answers) {
        let _ = writeln!(printed, "\n# {group}");
        for (statement, cells) in statements.iter().zip(answers) {
            let _ = writeln!(
                printed,
                "{:<8}{:<8}{:<12}{:<12}{:<7}{:<8}{statement}",
                cells[0], cells[1], cells[2], cells[3], cells[4], cells[5]
            );
        }
    }
    compare("rights.txt", &printed);
}

/// Whoever tries without pause to change his own account must not find it open when rights change.
#[test]
fn rights_change_while_clients_try_to_change_their_accounts() {
    let rig = Rig::new();
    let spec = root_spec("hammeraaaaaa");
    converge(&rig.engine, &spec, Desired::Running);
    let (over, tried, won) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for role in [PasswordRole::Reader, PasswordRole::Writer, PasswordRole::ReadWriter] {
            let mut conn = enter(&rig.engine, &spec.id, role).expect("a session");
            let (over, tried, won) = (&over, &tried, &won);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    tried.fetch_add(1, Ordering::Relaxed);
                    match conn.execute("SET PASSWORD = PASSWORD('mine')") {
                        Ok(()) => _ = won.fetch_add(1, Ordering::Relaxed),
                        Err(Error::Statement { .. }) => {}
                        Err(_) => return,
                    }
                }
            });
        }
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0..6 {
                let before = tried.load(Ordering::Relaxed);
                let more = || (tried.load(Ordering::Relaxed) > before + 100).then_some(());
                assert_eq!(
                    wait_until(Duration::from_secs(10), Duration::from_millis(5), more),
                    Some(()),
                    "they try"
                );
                let wished = if round % 2 == 0 { configured(&spec, true) } else { spec.clone() };
                converge(&rig.engine, &wished, Desired::Running);
                assert_eq!(won.load(Ordering::Relaxed), 0, "round {round}");
                for role in PasswordRole::ALL {
                    drop(enter(&rig.engine, &spec.id, role).expect("a session"));
                }
            }
        }));
        over.store(true, Ordering::Relaxed);
        if let Err(failed) = done {
            std::panic::resume_unwind(failed);
        }
    });
}
