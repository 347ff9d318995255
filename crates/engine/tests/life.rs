//! A branch's life on a real server: made, used, killed, found again, broken, removed.
#![allow(clippy::print_stderr, reason = "figures for whoever runs this by hand")]

mod support;

use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use bough_engine::{EngineAccount, EngineError, Place, ServerState, Step, wait_until};
use bough_model::{DatabaseName, Desired};
use bough_mysql_client::{ConnectLimits, Connection, Error, SocketAddress, code};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Rig, converge, id, root_spec, servers_in};

const SOON: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

#[test]
fn made_used_and_removed() {
    let rig = Rig::new();
    let spec = root_spec("lifeaaaaaaaa");
    rig.engine.prepare_template().expect("a template");
    let begun = Instant::now();
    converge(&rig.engine, &spec, Desired::Running);
    let mut conn = rig.engine.connect(&spec.id).expect("a session");
    conn.execute("CREATE TABLE `shop_1`.t (id INT PRIMARY KEY AUTO_INCREMENT, a TEXT)").expect("a table");
    eprintln!("create to first statement: {:?}", begun.elapsed());
    conn.exec("INSERT INTO `shop_1`.t (a) VALUES (?)", &["it's \\ \0 ü".into()]).expect("a row");
    let row = conn.query_one("SELECT a FROM `shop_1`.t").expect("the row");
    assert_eq!(row.text("a").expect("text"), "it's \\ \0 ü");

    // Nobody comes in but Bough and the roles, each with its secret; no other account is there.
    let accounts = conn
        .query_rows("SELECT CONCAT(User, '@', Host) AS who FROM mysql.global_priv ORDER BY 1")
        .expect("accounts");
    let accounts: Vec<&str> = accounts.iter().map(|row| row.text("who").expect("text")).collect();
    let own = format!("{}@localhost", rig.engine.account().own_name);
    let mut expected = [
        own.as_str(),
        "mariadb.sys@localhost",
        "planetscale-admin@localhost",
        "planetscale-reader@localhost",
        "planetscale-writer-only@localhost",
        "planetscale-writer@localhost",
    ];
    expected.sort_unstable();
    let mut accounts = accounts;
    accounts.sort_unstable();
    assert_eq!(accounts, expected);
    let grants = conn.query_rows("SHOW GRANTS FOR `planetscale-admin`@localhost").expect("grants");
    let grants: Vec<String> = grants
        .iter()
        .map(|row| format!("{:?}", row.values()[0].as_deref().map(String::from_utf8_lossy)))
        .collect();
    assert!(grants.iter().any(|grant| grant.contains("ON `shop\\\\_1`.*")), "no wildcard: {grants:?}");

    // What the server promises about itself.
    for (name, value) in [
        ("skip_networking", "1"),
        ("have_symlink", "DISABLED"),
        ("innodb_flush_log_at_trx_commit", "1"),
        ("sync_binlog", "1"),
        ("binlog_row_metadata", "FULL"),
        ("log_bin", "1"),
        ("binlog_format", "ROW"),
        ("performance_schema", "0"),
        ("local_infile", "0"),
        ("innodb_log_file_size", "16777216"),
    ] {
        let row = conn.query_one(format!("SELECT @@{name} AS v")).expect("a variable");
        assert_eq!(row.text("v").expect("text"), value, "{name}");
    }

    // Slow answers are given up, and the session with them.
    let brief = ConnectLimits { read: Duration::from_millis(100), ..ConnectLimits::default() };
    let mut slow = Connection::open(&rig.engine.address(&spec.id), brief).expect("a session");
    let error = slow.query_rows("SELECT SLEEP(2)").expect_err("too slow");
    assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
    assert!(matches!(slow.query_rows("SELECT 1"), Err(Error::Lost { .. })));
    let error = conn.execute("SELECT * FROM `shop_1`.nothing").expect_err("no such table");
    assert_eq!(error.code(), Some(code::NO_SUCH_TABLE));
    conn.query_one("SELECT 1").expect("a refused statement leaves the session whole");
    assert_eq!(conn.server_version().expect("a version"), rig.engine.flavor());
    let other = SocketAddress { user: "nobody-here".to_owned(), ..rig.engine.address(&spec.id) };
    let error = Connection::open(&other, ConnectLimits::default()).expect_err("an unknown account");
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");

    let report = rig.engine.server_report(&spec.id).expect("report").expect("running");
    let owner = std::fs::metadata(format!("/proc/{}", report.pid)).expect("the process").uid();
    assert_eq!(owner, rig.engine.account().uid);
    assert_ne!(owner, 0, "never root");
    assert!(report.rss_bytes > 10 << 20);
    assert!(rig.engine.disk_bytes(&spec.id).expect("bytes") > 10 << 20);
    eprintln!(
        "rss {} MB, disk {} MB",
        report.rss_bytes >> 20,
        rig.engine.disk_bytes(&spec.id).expect("bytes") >> 20
    );
    let session = std::fs::read_to_string(format!("/proc/{}/stat", report.pid)).expect("stat");
    let leader = session
        .rsplit_once(')')
        .expect("fields")
        .1
        .split_ascii_whitespace()
        .nth(3)
        .expect("a session")
        .to_owned();
    assert_eq!(leader, report.pid.to_string(), "a session of its own");
    let output = rig
        .engine
        .shell_command(&spec.id, &spec.schema)
        .expect("a client")
        .args(["-BNe", "SELECT COUNT(*) FROM t"])
        .output()
        .expect("ran");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "1", "{output:?}");

    let summary = rig.engine.schema_fingerprint(&spec.id, &spec.schema).expect("a fingerprint");
    assert_eq!(summary.table_count, 1);
    conn.execute("INSERT INTO `shop_1`.t (a) VALUES ('x')").expect("a row");
    assert_eq!(
        rig.engine.schema_fingerprint(&spec.id, &spec.schema).expect("again"),
        summary,
        "rows do not count"
    );
    conn.execute("ALTER TABLE `shop_1`.t ADD COLUMN b INT").expect("altered");
    assert_ne!(rig.engine.schema_fingerprint(&spec.id, &spec.schema).expect("again"), summary);
    let objects = rig.engine.read_schema(&spec.id, &spec.schema).expect("the schema");
    assert!(objects.len() == 1 && !objects[0].create.contains("AUTO_INCREMENT="), "{objects:?}");

    assert_eq!(rig.engine.list_places().expect("places"), std::slice::from_ref(&spec.id));
    let removing = Instant::now();
    converge(&rig.engine, &spec, Desired::Gone);
    eprintln!("removed in {:?}", removing.elapsed());
    assert!(!rig.engine.alive(&spec.id));
    assert!(rig.engine.list_places().expect("places").is_empty());
    for folder in ["branches", "trash"] {
        let left = std::fs::read_dir(rig.folder.join("engine").join(folder)).expect("a folder").count();
        assert_eq!(left, 0, "{folder} is empty");
    }
}

#[test]
fn killed_servers_are_started_and_running_ones_found_again() {
    let rig = Rig::new();
    let spec = root_spec("killaaaaaaaa");
    converge(&rig.engine, &spec, Desired::Running);
    let mut conn = rig.engine.connect(&spec.id).expect("a session");
    conn.execute("CREATE TABLE `shop_1`.t (a INT)").expect("a table");
    conn.execute("INSERT INTO `shop_1`.t VALUES (1)").expect("a row");
    let report = rig.engine.server_report(&spec.id).expect("report").expect("running");

    // A new Bough finds it by its record, and without.
    for without_record in [false, true] {
        if without_record {
            std::fs::remove_file(
                rig.folder.join("engine/branches").join(spec.id.as_str()).join("server.json"),
            )
            .expect("removed");
        }
        let again = Rig::again(&rig.folder);
        assert!(again.engine.alive(&spec.id));
        converge(&again.engine, &spec, Desired::Running);
        again.engine.execute(&spec, Step::StartServer).expect("there is nothing to start");
        assert_eq!(again.engine.server_report(&spec.id).expect("report").expect("running").pid, report.pid);
        assert_eq!(servers_in(&rig.folder, &spec.id), [report.pid]);
    }
    let record = rig.folder.join("engine/branches").join(spec.id.as_str()).join("server.json");
    assert!(record.exists(), "the record is written again");

    kill(Pid::from_raw(report.pid), Signal::SIGKILL).expect("killed");
    assert!(wait_until(SOON, PAUSE, || (!rig.engine.alive(&spec.id)).then_some(())).is_some());
    let seen = rig.engine.observe(&spec.id).expect("observed");
    assert!(matches!(seen.server, ServerState::NotRunning { .. }), "{seen:?}");
    assert_eq!(seen.place, Place::Present);

    // Its number now belongs to somebody else, who must come to no harm.
    let mut stranger = Command::new("sleep").arg("60").spawn().expect("a process");
    let text = std::fs::read_to_string(&record).expect("the record");
    let forged = text.replace(&format!("\"pid\":{}", report.pid), &format!("\"pid\":{}", stranger.id()));
    assert_ne!(forged, text);
    std::fs::write(&record, forged).expect("written");
    assert!(!rig.engine.alive(&spec.id));
    rig.engine.execute(&spec, Step::StopServer).expect("nothing to stop");
    assert!(stranger.try_wait().expect("asked").is_none(), "the stranger lives");
    std::fs::write(&record, b"{ not JSON").expect("written");
    let begun = Instant::now();
    converge(&rig.engine, &spec, Desired::Running);
    eprintln!("started after kill -9 in {:?}", begun.elapsed());
    assert!(stranger.try_wait().expect("asked").is_none(), "the stranger lives");
    stranger.kill().expect("killed");
    stranger.wait().expect("reaped");

    let mut conn = rig.engine.connect(&spec.id).expect("a session");
    assert_eq!(conn.query_one("SELECT a FROM `shop_1`.t").expect("the row").text("a").expect("text"), "1");
    assert_eq!(servers_in(&rig.folder, &spec.id).len(), 1);
}

#[test]
fn a_broken_data_directory_tells_its_last_words() {
    let rig = Rig::new();
    let spec = root_spec("brokaaaaaaaa");
    converge(&rig.engine, &spec, Desired::Running);
    rig.engine.execute(&spec, Step::StopServer).expect("stopped");
    let data = rig.folder.join("engine/branches").join(spec.id.as_str()).join("data");
    let control = std::fs::OpenOptions::new().write(true).open(data.join("ibdata1")).expect("opened");
    control.set_len(100).expect("cut");
    let error = rig.engine.execute(&spec, Step::StartServer).expect_err("it cannot start");
    assert!(matches!(&error, EngineError::Died { last_words: Some(_), .. }), "{error}");
    assert!(error.to_string().contains("[ERROR]"), "{error}");
    let seen = rig.engine.observe(&spec.id).expect("observed");
    let ServerState::NotRunning { last_words: Some(words) } = seen.server else { panic!("{seen:?}") };
    assert!(words.contains("[ERROR]") && words.len() <= bough_engine::LAST_WORDS_MAX_BYTES, "{words}");

    // A branch of which nobody knows how far it is made is left alone, but can be removed.
    std::fs::write(data.parent().expect("a parent").join("stage.json"), b"").expect("emptied");
    assert_eq!(rig.engine.observe(&spec.id).expect("observed").place, Place::Damaged);
    assert!(rig.engine.execute(&spec, Step::CopyTemplate).is_err());
    converge(&rig.engine, &spec, Desired::Gone);
    assert!(rig.engine.list_places().expect("places").is_empty());
}

#[test]
fn many_at_once_share_one_template() {
    let rig = Rig::new();
    let specs: Vec<_> = ["manyaaaaaaaa", "manybbbbbbbb", "manycccccccc"].map(root_spec).into();
    std::thread::scope(|scope| {
        for spec in &specs {
            scope.spawn(|| converge(&rig.engine, spec, Desired::Running));
        }
    });
    let templates = std::fs::read_dir(rig.folder.join("engine/templates")).expect("templates").count();
    assert_eq!(templates, 1);
    assert_eq!(rig.engine.stop_all(SOON).expect("stopped"), 3);
    assert!(specs.iter().all(|spec| !rig.engine.alive(&spec.id)));
}

#[test]
fn what_is_refused() {
    let rig = Rig::new();
    let mut spec = root_spec("refuaaaaaaaa");
    // The name's own type refuses it as well; this is the second line.
    if let Ok(name) = DatabaseName::parse("mysql") {
        spec.schema = name;
        let error = rig.engine.execute(&spec, Step::CopyTemplate).expect_err("the server's own schema");
        assert!(error.to_string().contains("choose another"), "{error}");
        assert!(rig.engine.list_places().expect("places").is_empty());
    }
    assert!(rig.engine.connect(&id("nobodyaaaaaa")).is_err());

    if EngineAccount::resolve(None).expect("an account").switch {
        let shut = rig.folder.join("shut");
        std::fs::create_dir(&shut).expect("a folder");
        let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700);
        std::fs::set_permissions(&shut, mode).expect("permissions");
        let config = bough_engine::EngineConfig {
            dir: shut.join("engine"),
            account: rig.engine.account().clone(),
            binaries: bough_engine::Binaries::find(None).expect("binaries"),
            starts_at_once: 1,
            pool_max_bytes: 0,
            local_infile: false,
            cgroup: None,
        };
        let error = bough_engine::ManagedEngine::open(config).expect_err("unreachable");
        assert!(matches!(&error, EngineError::Unreachable { folder, .. } if *folder == shut), "{error}");
    }
}

#[test]
fn long_paths_get_short_sockets() {
    let rig = Rig::new();
    let deep = rig.folder.join("d".repeat(100));
    std::fs::create_dir(&deep).expect("a folder");
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o711);
    std::fs::set_permissions(&deep, mode).expect("permissions");
    let deep = support::StopAtEnd(support::open_engine(&deep.join("engine")));
    let engine = &deep.0;
    let spec = root_spec("longaaaaaaaa");
    converge(engine, &spec, Desired::Running);
    let socket = engine.address(&spec.id).path;
    assert!(socket.as_os_str().len() <= 107 && socket.exists());
    engine.connect(&spec.id).expect("a session").query_one("SELECT 1").expect("an answer");
    converge(engine, &spec, Desired::Gone);
    assert!(!socket.exists());
    std::fs::remove_dir(socket.parent().expect("a folder")).expect("the short folder is empty");
}

/// A server that is asked to stop in its first moments may forget that it was, or hang for ever.
#[test]
fn a_server_that_is_just_starting_is_stopped() {
    let rig = Rig::new();
    let spec = root_spec("youngaaaaaaa");
    converge(&rig.engine, &spec, Desired::Running);
    for milliseconds in (0..40).step_by(5) {
        rig.engine.execute(&spec, Step::StopServer).expect("stopped");
        std::thread::scope(|scope| {
            let start = scope.spawn(|| rig.engine.execute(&spec, Step::StartServer));
            let spawned =
                wait_until(SOON, PAUSE, || (!servers_in(&rig.folder, &spec.id).is_empty()).then_some(()));
            assert!(spawned.is_some(), "it was spawned");
            std::thread::sleep(Duration::from_millis(milliseconds));
            // What another Bough on the same directory does, or `stop-branches`. With the patience for servers
            // that answer, one that hangs would outlast this test.
            rig.engine.stop_all(Duration::from_secs(3_600)).expect("stopped");
            assert!(servers_in(&rig.folder, &spec.id).is_empty(), "after {milliseconds} ms");
            let _ = start.join();
        });
    }
    converge(&rig.engine, &spec, Desired::Running);
}
