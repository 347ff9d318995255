//! Everything that a client may try against the account that it shares with others, against the server and
//! against what is Bough's; and accounts that are not as they should be, which are mended.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use bough_engine::{BranchSpec, Plan, Step, plan, wait_until};
use bough_model::{BranchId, Desired, PasswordRole};
use bough_mysql_client::{Connection, Error};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Rig, accounts, converge, enter, root_spec, servers_in};

const SOON: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

/// Each is refused to every role.
const REFUSED: &[&str] = &[
    // The account's secret, its state, and everybody's rights.
    "SET PASSWORD = PASSWORD('x')",
    "SET PASSWORD = ''",
    "SET PASSWORD FOR CURRENT_USER() = PASSWORD('x')",
    "SET PASSWORD FOR 'planetscale-reader'@'localhost' = PASSWORD('x')",
    "SET PASSWORD FOR 'planetscale-writer-only'@'localhost' = PASSWORD('x')",
    "SET PASSWORD FOR 'planetscale-writer'@'localhost' = PASSWORD('x')",
    "SET PASSWORD FOR 'planetscale-admin'@'localhost' = PASSWORD('x')",
    "SET PASSWORD FOR 'planetscale-admin'@'localhost' = '*14E65567ABDB5135D0CFD9A70B3032C179A49EE7'",
    "SET STATEMENT max_statement_time = 5 FOR SET PASSWORD = ''",
    "PREPARE s FROM \"SET PASSWORD = ''\"; EXECUTE s",
    "ALTER USER CURRENT_USER() IDENTIFIED BY 'x'",
    "ALTER USER CURRENT_USER() IDENTIFIED VIA unix_socket",
    "ALTER USER CURRENT_USER() PASSWORD EXPIRE",
    "ALTER USER CURRENT_USER() ACCOUNT LOCK",
    "ALTER USER CURRENT_USER() REQUIRE SSL",
    "ALTER USER CURRENT_USER() WITH MAX_QUERIES_PER_HOUR 1",
    "ALTER USER 'planetscale-reader'@'localhost' IDENTIFIED BY 'x'",
    "SET DEFAULT ROLE NONE",
    "SET DEFAULT ROLE NONE FOR CURRENT_USER()",
    "SET ROLE x",
    "GRANT USAGE ON *.* TO CURRENT_USER() IDENTIFIED BY 'x'",
    "GRANT USAGE ON *.* TO CURRENT_USER() WITH MAX_QUERIES_PER_HOUR 1",
    "GRANT ALL PRIVILEGES ON *.* TO CURRENT_USER()",
    "GRANT SELECT ON shop_1.* TO 'planetscale-writer-only'@'localhost'",
    "GRANT SELECT ON shop_1.t TO 'planetscale-writer-only'@'localhost'",
    "GRANT SELECT (id) ON shop_1.t TO 'planetscale-writer-only'@'localhost'",
    "GRANT EXECUTE ON PROCEDURE shop_1.p TO 'planetscale-reader'@'localhost'",
    "GRANT PROXY ON CURRENT_USER() TO 'planetscale-reader'@'localhost'",
    "GRANT PROXY ON 'planetscale-admin'@'localhost' TO CURRENT_USER()",
    "GRANT SELECT ON shop_1.* TO PUBLIC",
    "REVOKE ALL PRIVILEGES, GRANT OPTION FROM CURRENT_USER()",
    "REVOKE SELECT ON shop_1.* FROM 'planetscale-reader'@'localhost'",
    "CREATE USER x",
    "CREATE OR REPLACE USER 'planetscale-reader'@'localhost'",
    "DROP USER 'planetscale-reader'@'localhost'",
    "RENAME USER 'planetscale-reader'@'localhost' TO y",
    "CREATE ROLE r",
    "DROP ROLE r",
    // Others' accounts and the server's own tables.
    "SHOW CREATE USER 'mariadb.sys'@'localhost'",
    "SHOW GRANTS FOR 'mariadb.sys'@'localhost'",
    "SELECT * FROM mysql.global_priv",
    "SELECT * FROM mysql.user",
    "SELECT * FROM mysql.db",
    "SELECT * FROM mysql.proc",
    "SELECT * FROM mysql.event",
    "SELECT * FROM mysql.general_log",
    "INSERT INTO mysql.db SELECT * FROM mysql.db",
    "UPDATE mysql.global_priv SET Priv = '{}'",
    "HANDLER mysql.global_priv OPEN",
    "SHOW CREATE TABLE mysql.global_priv",
    "ANALYZE TABLE mysql.global_priv",
    "REPAIR TABLE mysql.global_priv",
    "CREATE TABLE mysql.x (id INT)",
    "CREATE TABLE shop_1.x LIKE mysql.global_priv",
    "CALL mysql.AddGeometryColumn('', '', '', '', 1)",
    "SELECT * FROM performance_schema.threads",
    "SELECT * FROM information_schema.INNODB_TRX",
    "SELECT * FROM information_schema.INNODB_SYS_TABLESPACES",
    // Files, plugins, other servers.
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE t",
    "LOAD DATA INFILE 'mysql/global_priv.MAD' INTO TABLE t",
    "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t",
    "LOAD XML INFILE '/etc/passwd' INTO TABLE t",
    "SELECT 1 INTO OUTFILE 'x'",
    "SELECT 1 INTO DUMPFILE 'x'",
    "CREATE TABLE x (id INT) ENGINE=FEDERATED CONNECTION='mysql://x@127.0.0.1/x/x'",
    "CREATE TABLE x (id INT) ENGINE=CONNECT",
    "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'x')",
    "INSTALL PLUGIN x SONAME 'x.so'",
    "INSTALL SONAME 'x'",
    "UNINSTALL PLUGIN unix_socket",
    "CREATE FUNCTION y RETURNS STRING SONAME 'x.so'",
    // Replication, the binary log, backups.
    "CHANGE MASTER TO MASTER_HOST='x'",
    "START SLAVE",
    "STOP SLAVE",
    "RESET MASTER",
    "RESET SLAVE",
    "SHOW SLAVE STATUS",
    "SHOW MASTER STATUS",
    "SHOW BINARY LOGS",
    "SHOW BINLOG EVENTS",
    "PURGE BINARY LOGS TO 'x'",
    "BINLOG 'x'",
    "SET SESSION sql_log_bin = 0",
    "SET SESSION binlog_format = 'STATEMENT'",
    "SET SESSION gtid_domain_id = 7",
    "SET SESSION server_id = 9",
    "SET SESSION gtid_seq_no = 100",
    "BACKUP STAGE START",
    "FLUSH TABLES",
    "FLUSH TABLES t WITH READ LOCK",
    "FLUSH PRIVILEGES",
    "FLUSH STATUS",
    "FLUSH BINARY LOGS",
    // The server as a whole.
    "SHUTDOWN",
    "SHOW ENGINE INNODB STATUS",
    "SET GLOBAL max_connections = 1",
    "SET GLOBAL event_scheduler = OFF",
    "SET GLOBAL read_only = 1",
    "SET GLOBAL general_log = 1",
    "SET GLOBAL general_log_file = 'x'",
    "SET GLOBAL local_infile = 1",
    "SET GLOBAL secure_auth = 0",
    "SET GLOBAL log_bin_trust_function_creators = 1",
    "SET GLOBAL sql_mode = ''",
    "SET GLOBAL init_connect = 'x'",
    "SET SESSION pseudo_thread_id = 1",
    // Acting as somebody else.
    "CREATE DEFINER='mariadb.sys'@'localhost' VIEW x AS SELECT 1",
    "CREATE DEFINER='mariadb.sys'@'localhost' PROCEDURE x() SELECT 1",
    "CREATE DEFINER='mariadb.sys'@'localhost' TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET @x = 1",
    "CREATE DEFINER='mariadb.sys'@'localhost' EVENT x ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    "CREATE DEFINER='planetscale-nobody'@'localhost' PROCEDURE x() SELECT 1",
];

fn world(rig: &Rig, spec: &BranchSpec) {
    converge(&rig.engine, spec, Desired::Running);
    let mut admin = enter(&rig.engine, &spec.id, PasswordRole::Admin).expect("admin");
    admin.execute("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, n INT)").expect("a table");
    admin.execute("CREATE PROCEDURE p() SELECT 1").expect("a procedure");
}

fn safe(spec: &BranchSpec) -> BranchSpec {
    BranchSpec { accounts: accounts(spec.id.as_str(), true), ..spec.clone() }
}

/// The server's own words, and its tables', on everybody: they must not change by what clients try.
fn state(rig: &Rig, branch: &BranchId) -> Vec<String> {
    let mut bough = rig.engine.connect(branch).expect("a session");
    let mut all = Vec::new();
    for role in PasswordRole::ALL {
        for show in ["SHOW CREATE USER", "SHOW GRANTS FOR"] {
            let rows = bough.query_rows(format!("{show} `{}`@localhost", role.account())).expect("shown");
            all.extend(rows.iter().map(|row| format!("{:?}", row.values())));
        }
    }
    for table in [
        "global_priv",
        "db",
        "tables_priv",
        "columns_priv",
        "procs_priv",
        "proxies_priv",
        "roles_mapping",
        "plugin",
        "servers",
        "func",
    ] {
        let rows = bough.query_rows(format!("SELECT * FROM mysql.{table}")).expect("rows");
        all.extend(rows.iter().map(|row| format!("{table} {:?}", row.values())));
    }
    let settings = bough
        .query_rows("SELECT * FROM information_schema.GLOBAL_VARIABLES WHERE VARIABLE_NAME NOT LIKE 'GTID%' ORDER BY 1")
        .expect("settings");
    all.extend(settings.iter().map(|row| format!("{:?}", row.values())));
    all
}

fn everybody_enters(rig: &Rig, branch: &BranchId) {
    for role in PasswordRole::ALL {
        let entered = enter(&rig.engine, branch, role);
        assert!(entered.is_ok(), "{role:?}: {:?}", entered.err());
    }
}

#[test]
fn no_client_changes_an_account_or_the_server() {
    let rig = Rig::new();
    let spec = root_spec("attackaaaaaa");
    world(&rig, &spec);
    let own = rig.engine.account().own_name.clone();
    let mut bough = rig.engine.connect(&spec.id).expect("a session");
    let bough_id =
        bough.query_one("SELECT CONNECTION_ID() AS id").expect("an id").u64("id").expect("a number");
    for wished in [spec.clone(), safe(&spec)] {
        converge(&rig.engine, &wished, Desired::Running);
        let before = state(&rig, &spec.id);
        for role in PasswordRole::ALL {
            let more = [
                format!("KILL {bough_id}"),
                format!("KILL QUERY {bough_id}"),
                format!("SET PASSWORD FOR '{own}'@'localhost' = PASSWORD('x')"),
                format!("CREATE DEFINER='{own}'@'localhost' PROCEDURE x() SELECT 1"),
                format!("SHOW CREATE USER '{own}'@'localhost'"),
            ];
            let mut conn = enter(&rig.engine, &spec.id, role).expect("a session");
            for statement in REFUSED.iter().copied().chain(more.iter().map(String::as_str)) {
                match conn.execute(statement) {
                    Err(Error::Statement { .. }) => {}
                    other => panic!("{role:?}: {statement}: {other:?}"),
                }
            }
            // These say nothing, and do nothing.
            conn.execute(format!("KILL USER '{own}'")).expect("it ends no session of others");
            for nothing in
                ["SELECT LOAD_FILE('/etc/passwd') AS v", "SELECT LOAD_FILE('mysql/global_priv.MAD') AS v"]
            {
                assert_eq!(
                    conn.query_one(nothing).expect("a row").opt_text("v").expect("text"),
                    None,
                    "{role:?}"
                );
            }
            drop(conn);
            everybody_enters(&rig, &spec.id);
            assert_eq!(state(&rig, &spec.id), before, "{role:?}");
        }
        let seen = rig.engine.observe(&spec.id).expect("observed");
        assert_eq!(plan(Desired::Running, &wished, &seen), Plan::Settled);
    }
    bough.query_one("SELECT 1 AS one").expect("Bough's own session is alive");
}

/// What `admin` says where a table's files are to be is passed over, and nothing comes to be there.
#[test]
fn no_file_is_made_outside_of_the_data_directory() {
    let rig = Rig::new();
    let spec = root_spec("outsideaaaaa");
    world(&rig, &spec);
    let outside = rig.folder.join("engine/outside");
    std::fs::create_dir(&outside).expect("a folder");
    std::fs::set_permissions(&outside, std::fs::Permissions::from_mode(0o777)).expect("permissions");
    let mut admin = enter(&rig.engine, &spec.id, PasswordRole::Admin).expect("admin");
    for (name, engine) in [("a", "InnoDB"), ("b", "MyISAM"), ("c", "Aria")] {
        let _ = admin.execute(format!(
            "CREATE TABLE {name} (id INT) ENGINE={engine} DATA DIRECTORY='{0}' INDEX DIRECTORY='{0}'",
            outside.display()
        ));
    }
    assert_eq!(std::fs::read_dir(&outside).expect("listed").count(), 0);
}

#[test]
fn the_secret_of_one_branch_opens_no_other() {
    let rig = Rig::new();
    let (one, other) = (root_spec("oneaaaaaaaaa"), root_spec("otheraaaaaaa"));
    converge(&rig.engine, &one, Desired::Running);
    converge(&rig.engine, &other, Desired::Running);
    let mixed = BranchSpec { accounts: one.accounts.clone(), ..other.clone() };
    everybody_enters(&rig, &other.id);
    // As if the one had the other's socket: the other branch's server with the one's secrets.
    converge(&rig.engine, &mixed, Desired::Running);
    for role in PasswordRole::ALL {
        assert!(
            matches!(enter(&rig.engine, &other.id, role), Err(Error::Refused { code: 1045, .. })),
            "{role:?}"
        );
    }
    // Another secret is another wish, and is brought about.
    converge(&rig.engine, &other, Desired::Running);
    everybody_enters(&rig, &other.id);
}

/// Accounts are opened for rewriting, and that fails: until the next try nobody changes his own.
#[test]
fn what_fails_while_accounts_are_open_leaves_them_sealed() {
    let rig = Rig::new();
    let spec = root_spec("failingaaaaa");
    world(&rig, &spec);
    let other = BranchSpec { accounts: accounts("another", false), ..spec.clone() };
    let mut bough = rig.engine.connect(&spec.id).expect("a session");
    let mut client = enter(&rig.engine, &spec.id, PasswordRole::Reader).expect("reader");
    bough.execute("RENAME TABLE mysql.db TO mysql.elsewhere").expect("renamed");
    rig.engine.execute(&other, Step::SealAccounts).expect_err("it needs that table");
    match client.execute("SET PASSWORD = ''") {
        Err(Error::Statement { code: 1036, .. }) => {}
        other => panic!("an account that is open: {other:?}"),
    }
    bough.execute("RENAME TABLE mysql.elsewhere TO mysql.db").expect("renamed");
    converge(&rig.engine, &spec, Desired::Running);
    everybody_enters(&rig, &spec.id);
}

fn count(conn: &mut Connection, what: &str) -> u64 {
    let row = conn.query_one(format!("SELECT COUNT(*) AS n FROM shop_1.log WHERE what = '{what}'"));
    row.expect("a count").u64("n").expect("a number")
}

/// Sessions keep the rights that they had when they chose their schema: taking rights ends them. Triggers,
/// events, routines and views go on.
#[test]
fn safe_migrations_hold_for_sessions_that_are_open_and_break_nothing_that_is_there() {
    let rig = Rig::new();
    let spec = root_spec("narrowaaaaaa");
    world(&rig, &spec);
    let mut open = enter(&rig.engine, &spec.id, PasswordRole::Admin).expect("admin");
    let mut reader = enter(&rig.engine, &spec.id, PasswordRole::Reader).expect("reader");
    for statement in [
        "CREATE TABLE log (what VARCHAR(80))",
        "CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW INSERT INTO log VALUES ('trigger')",
        "CREATE FUNCTION f() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM t)",
        "CREATE PROCEDURE writes() INSERT INTO t (n) VALUES (f())",
        "CREATE VIEW v AS SELECT id, f() AS f FROM t",
        "CREATE EVENT works ON SCHEDULE EVERY 1 SECOND DO INSERT INTO log VALUES ('event')",
        "CREATE EVENT changes ON SCHEDULE EVERY 1 SECOND DO EXECUTE IMMEDIATE 'CREATE TABLE by_event (id INT)'",
        "CREATE EVENT plants ON SCHEDULE EVERY 1 SECOND DO EXECUTE IMMEDIATE 'CREATE EVENT planted ON SCHEDULE EVERY 1 DAY DO SELECT 1'",
    ] {
        open.execute(statement).expect(statement);
    }
    let mut bough = rig.engine.connect(&spec.id).expect("a session");
    converge(&rig.engine, &safe(&spec), Desired::Running);

    assert!(matches!(open.execute("CREATE TABLE too_late (id INT)"), Err(Error::Lost { .. })), "it is cut");
    reader.execute("SELECT * FROM t").expect("others are not cut");
    bough.execute("DROP TABLE IF EXISTS shop_1.by_event").expect("dropped");
    bough.execute("DELETE FROM shop_1.log").expect("emptied");

    let mut admin = enter(&rig.engine, &spec.id, PasswordRole::Admin).expect("admin");
    admin.execute("CALL writes()").expect("a routine");
    admin.execute("SELECT * FROM v").expect("a view");
    assert_eq!(count(&mut bough, "trigger"), 1);
    let twice = || (count(&mut bough, "event") >= 2).then_some(());
    assert_eq!(wait_until(SOON, PAUSE, twice), Some(()), "events run");
    let tables = bough.query_rows("SHOW TABLES FROM shop_1 LIKE 'by_event'").expect("tables");
    assert!(tables.is_empty(), "an event changes no schema");
    let rows = bough.query_rows("SELECT name FROM mysql.event WHERE name = 'planted'").expect("events");
    let planted_before = !rows.is_empty();

    // A start of the server changes none of it.
    drop((admin, reader));
    rig.engine.execute(&safe(&spec), Step::StopServer).expect("stopped");
    converge(&rig.engine, &safe(&spec), Desired::Running);
    let mut admin = enter(&rig.engine, &spec.id, PasswordRole::Admin).expect("admin");
    for (statement, code) in [
        ("CREATE TABLE x (id INT)", 1142),
        ("DROP TRIGGER tr", 1419),
        ("DROP EVENT works", 1036),
        ("ALTER EVENT changes DISABLE", 1036),
    ] {
        assert!(
            matches!(admin.execute(statement), Err(Error::Statement { code: found, .. }) if found == code),
            "{statement}"
        );
    }
    let mut bough = rig.engine.connect(&spec.id).expect("a session");
    bough.execute("DELETE FROM shop_1.log").expect("emptied");
    let twice = || (count(&mut bough, "event") >= 2).then_some(());
    assert_eq!(wait_until(SOON, PAUSE, twice), Some(()), "events run");
    let rows = bough.query_rows("SELECT name FROM mysql.event WHERE name = 'planted'").expect("events");
    assert!(planted_before || rows.is_empty(), "an event makes no event");

    // Off again: open sessions are not cut, new ones have all rights.
    converge(&rig.engine, &spec, Desired::Running);
    admin.execute("SELECT 1").expect("it is not cut");
    let mut admin = enter(&rig.engine, &spec.id, PasswordRole::Admin).expect("admin");
    for statement in ["DROP TRIGGER tr", "DROP EVENT works", "DROP EVENT changes", "CREATE TABLE x (id INT)"]
    {
        admin.execute(statement).expect(statement);
    }
}

/// Where the server keeps its accounts.
fn system_file(rig: &Rig, branch: &BranchId, name: &str) -> std::path::PathBuf {
    rig.folder.join("engine/branches").join(branch.as_str()).join("data/mysql").join(name)
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
}

/// Whoever breaks the seal from outside has one step to mend it, whatever was done meanwhile.
#[test]
fn accounts_that_were_changed_are_mended() {
    let rig = Rig::new();
    let spec = root_spec("mendaaaaaaaa");
    world(&rig, &spec);
    let open = || {
        for name in ["global_priv.MAD", "global_priv.MAI"] {
            set_mode(&system_file(&rig, &spec.id, name), 0o660);
        }
        let mut bough = rig.engine.connect(&spec.id).expect("a session");
        bough.execute("FLUSH TABLES mysql.global_priv").expect("opened");
        bough
    };
    let mended = |what: &str| {
        let seen = rig.engine.observe(&spec.id).expect("observed");
        assert_eq!(plan(Desired::Running, &spec, &seen), Plan::Do(Step::SealAccounts), "{what}");
        converge(&rig.engine, &spec, Desired::Running);
        everybody_enters(&rig, &spec.id);
        assert!(!rig.engine.are_accounts_changeable(&spec.id), "{what}");
        let mut reader = enter(&rig.engine, &spec.id, PasswordRole::Reader).expect("reader");
        let refused = reader.execute("SET PASSWORD = ''");
        assert!(matches!(refused, Err(Error::Statement { code: 1036, .. })), "{what}: {refused:?}");
    };
    drop(open());
    assert!(rig.engine.are_accounts_changeable(&spec.id));
    let mut reader = enter(&rig.engine, &spec.id, PasswordRole::Reader).expect("reader");
    reader.execute("SET PASSWORD = PASSWORD('mine')").expect("that is what the seal is for");
    assert!(enter(&rig.engine, &spec.id, PasswordRole::Reader).is_err());
    mended("a client's own password");
    for statement in [
        "DROP USER 'planetscale-writer'@'localhost'",
        "ALTER USER 'planetscale-admin'@'localhost' ACCOUNT LOCK",
        "ALTER USER 'planetscale-reader'@'localhost' PASSWORD EXPIRE",
        "ALTER USER 'planetscale-reader'@'localhost' REQUIRE SSL",
        "ALTER USER 'planetscale-reader'@'localhost' WITH MAX_USER_CONNECTIONS 1",
        "ALTER USER 'planetscale-reader'@'localhost' IDENTIFIED VIA unix_socket",
        "GRANT SELECT ON mysql.* TO 'planetscale-reader'@'localhost'",
        "GRANT INSERT ON shop_1.t TO 'planetscale-reader'@'localhost'",
        "GRANT SELECT (id) ON shop_1.t TO 'planetscale-writer-only'@'localhost'",
        "GRANT EXECUTE ON PROCEDURE shop_1.p TO 'planetscale-reader'@'localhost'",
        "GRANT FILE ON *.* TO 'planetscale-admin'@'localhost'",
        "GRANT USAGE ON *.* TO 'planetscale-admin'@'localhost' WITH GRANT OPTION",
        "GRANT SELECT ON `shop\\_1`.* TO 'planetscale-reader'@'localhost' WITH GRANT OPTION",
        "REVOKE DROP ON `shop\\_1`.* FROM 'planetscale-admin'@'localhost'",
        "CREATE USER stranger@localhost IDENTIFIED BY 'x'",
        "CREATE ROLE r; GRANT r TO 'planetscale-reader'@'localhost'",
        "SET GLOBAL max_allowed_packet = 1048576",
        "SET GLOBAL log_bin_trust_function_creators = OFF",
    ] {
        open().execute(statement).expect(statement);
        mended(statement);
    }
}

/// A branch that an earlier Bough made: one account, locked, and nothing sealed.
#[test]
fn a_branch_of_an_earlier_version_is_brought_up_to_date() {
    let rig = Rig::new();
    let spec = root_spec("earlieraaaaa");
    world(&rig, &spec);
    rig.engine.execute(&spec, Step::StopServer).expect("stopped");
    for name in ["global_priv.MAD", "global_priv.MAI"] {
        set_mode(&system_file(&rig, &spec.id, name), 0o660);
    }
    support::edit_record(&rig.folder, &spec.id, "stage.json", |stage| {
        stage.as_object_mut().expect("an object").remove("accounts_open");
    });
    rig.engine.execute(&spec, Step::StartServer).expect("started");
    let mut bough = rig.engine.connect(&spec.id).expect("a session");
    for statement in [
        "DROP USER 'planetscale-reader'@'localhost', 'planetscale-writer-only'@'localhost', 'planetscale-writer'@'localhost'",
        "CREATE OR REPLACE USER 'planetscale-admin'@'localhost' IDENTIFIED VIA mysql_native_password USING 'invalid' ACCOUNT LOCK",
        "GRANT ALL PRIVILEGES ON `shop\\_1`.* TO 'planetscale-admin'@'localhost'",
        "SET GLOBAL max_allowed_packet = 67108864",
    ] {
        bough.execute(statement).expect(statement);
    }
    drop(bough);
    assert!(rig.engine.are_accounts_changeable(&spec.id));
    converge(&rig.engine, &spec, Desired::Running);
    everybody_enters(&rig, &spec.id);
    let mut admin = enter(&rig.engine, &spec.id, PasswordRole::Admin).expect("admin");
    admin.execute("CALL p()").expect("what it owned is its own");
}

/// The server dies right after its accounts were rewritten: what it recovers is what was sealed.
#[test]
fn accounts_outlive_the_death_of_the_server() {
    let rig = Rig::new();
    let spec = root_spec("deathaaaaaaa");
    world(&rig, &spec);
    let mut wished = spec.clone();
    for round in 0..4 {
        wished.accounts = accounts(spec.id.as_str(), round % 2 == 0);
        converge(&rig.engine, &wished, Desired::Running);
        let before = state(&rig, &spec.id);
        for pid in servers_in(&rig.folder, &spec.id) {
            kill(Pid::from_raw(pid), Signal::SIGKILL).expect("killed");
        }
        let gone = || servers_in(&rig.folder, &spec.id).is_empty().then_some(());
        wait_until(SOON, PAUSE, gone).expect("it is gone");
        converge(&rig.engine, &wished, Desired::Running);
        everybody_enters(&rig, &spec.id);
        assert_eq!(state(&rig, &spec.id), before, "round {round}");
    }
}
