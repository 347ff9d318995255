//! MySQL clients of branches: who gets in through the gateway, as what, and until when. The client is the shell.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bough_testkit::{Answer, Bough, Client, Options, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::clients::{Gateway, Login, SOON, shop};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");

fn missing(answer: &Answer) -> Vec<String> {
    let items = answer.json["data"].as_array().expect("a page");
    let names = items.iter().flat_map(|item| item["missing"].as_array().expect("a list"));
    names.map(|name| name.as_str().expect("a name").to_owned()).collect()
}

#[test]
fn a_token_that_may_connect_to_development_branches_only() {
    let bough = Bough::start(BOUGH);
    let admin = shop(&bough);
    let token = bough.token(&[("shop", &["connect_branch"])]);
    let client = bough.client(&token);
    let passwords = |branch: &str| client.org(&format!("/databases/shop/branches/{branch}/passwords"));
    let made = client.post(&passwords("dev"), &json!({"name": "ci"})).expect(201);
    // The line as it is printed, pasted into a terminal.
    let line = made.str("/connection_strings/mariadb");
    let pasted =
        Command::new("sh").args(["-c", &format!("{line} --batch -N -e 'SELECT DATABASE(), 6 * 7'")]).output();
    let pasted = pasted.expect("a shell");
    assert_eq!(
        String::from_utf8_lossy(&pasted.stdout),
        "shop\t42\n",
        "{}",
        String::from_utf8_lossy(&pasted.stderr)
    );

    client.post(&passwords("main"), &json!({"name": "ci"})).expect(403);
    let denials = admin.org(&format!("/service-tokens/{}/denials", token.id));
    wait_until(SOON, "the refusal to be written down", || {
        let found = missing(&admin.get(&denials).expect(200));
        found.iter().any(|name| name == "connect_production_branch").then_some(())
    });
}

#[test]
fn a_password_that_ends_ends_its_sessions() {
    let bough = Bough::start(BOUGH);
    let admin = shop(&bough);
    let make = |body: Value| Login::make(&bough, &admin, "dev", &body);

    // Deleted, at a boundary and in the middle of a statement.
    let deleted = make(json!({"name": "deleted"}));
    let (quiet, mut busy) = (deleted.open(), deleted.open());
    busy.tell("SELECT SLEEP(300)");
    let other = make(json!({"name": "other"}));
    let mut undisturbed = other.open();
    let running = || {
        bough.sql(
            "shop",
            "dev",
            "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%' AND state = 'User sleep'",
        )
    };
    wait_until(SOON, "the statement to run", || (running() == "1").then_some(()));
    admin.delete(&deleted.path).expect(204);
    let error = deleted.error("SELECT 1");
    assert!(error.starts_with("ERROR 1045 (28000)"), "{error}");
    let said = busy.ended("the busy session to be cut");
    assert!(said.contains("ERROR 1927"), "{said}");
    wait_until(SOON, "the statement to end on the server", || (running() == "0").then_some(()));
    drop(quiet);
    assert_eq!(undisturbed.ask("SELECT 7"), "7");

    // Narrowed to other addresses.
    let narrowed = make(json!({"name": "narrowed", "cidrs": ["127.0.0.0/8"]}));
    let mut session = narrowed.open();
    session.tell("SELECT SLEEP(300)");
    admin.patch(&narrowed.path, &json!({"cidrs": ["10.0.0.0/8"]})).expect(200);
    let said = session.ended("the session to be cut");
    assert!(said.contains("ERROR 1927"), "{said}");
    assert!(narrowed.error("SELECT 1").starts_with("ERROR 1045"), "from elsewhere only");
    admin.patch(&narrowed.path, &json!({"cidrs": []})).expect(200);
    assert_eq!(narrowed.says("SELECT 1"), "1");

    // Expired.
    let short = make(json!({"name": "short", "ttl": 5}));
    let mut session = short.open();
    session.tell("SELECT SLEEP(300)");
    let said = session.ended("the session to be cut");
    assert!(said.contains("ERROR 1927"), "{said}");
    assert!(short.error("SELECT 1").starts_with("ERROR 1045"));

    // Its branch gone.
    let mut session = undisturbed;
    session.tell("SELECT SLEEP(300)");
    admin.delete(&admin.org("/databases/shop/branches/dev")).expect(204);
    session.ended("the session to be cut");
    assert!(other.error("SELECT 1").starts_with("ERROR 1045"));
}

#[test]
fn roles_and_safe_migrations_as_a_client_sees_them() {
    let bough = Bough::start(BOUGH);
    let admin = shop(&bough);
    let of = |role: &str| Login::make(&bough, &admin, "dev", &json!({"name": role, "role": role}));
    let (all, reads, writes) = (of("admin"), of("reader"), of("writer"));
    all.says(
        "CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 1); CREATE VIEW v AS SELECT id FROM t; \
         CREATE PROCEDURE p() MODIFIES SQL DATA CREATE TABLE made_by_p (id INT)",
    );
    assert_eq!(reads.says("SELECT * FROM v"), "1");
    assert!(reads.error("INSERT INTO t VALUES (2, 2)").starts_with("ERROR 1142 (42000)"));
    assert_eq!(writes.says("INSERT INTO t VALUES (2, 2); SELECT ROW_COUNT()"), "1");
    assert!(writes.error("SELECT * FROM t").starts_with("ERROR 1142"));
    for attack in
        ["SET PASSWORD = PASSWORD('x')", "CREATE USER x", "SET GLOBAL max_connections = 1", "SHUTDOWN"]
    {
        let error = all.error(attack);
        assert!(!error.contains("1064"), "{attack} is not even understood: {error}");
    }
    assert_eq!(all.says("SELECT 1"), "1", "nobody is locked out");

    let safe = admin.org("/databases/shop/branches/dev/safe-migrations");
    admin.send("POST", &safe, &[], None).expect(200);
    let refused = [
        "CREATE TABLE x (id INT)",
        "ALTER TABLE t ADD c INT",
        "DROP TABLE t",
        "CREATE TABLE x SELECT * FROM t",
        "TRUNCATE t",
        "CREATE INDEX i ON t (n)",
        "DROP DATABASE shop",
        "PREPARE s FROM 'CREATE TABLE x (id INT)'; EXECUTE s",
        "EXECUTE IMMEDIATE 'DROP VIEW v'",
        "CALL p()",
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "SELECT 1; DROP TABLE t",
    ];
    for sql in refused {
        let error = all.error(sql);
        assert_eq!(error.split(" at line").next(), Some("ERROR 1105 (HY000)"), "{sql}: {error}");
        assert!(error.ends_with("direct DDL is disabled"), "{sql}: {error}");
    }
    assert_eq!(
        all.says("INSERT INTO t VALUES (3, 3); CREATE TEMPORARY TABLE tmp (id INT); SELECT COUNT(*) FROM t"),
        "3"
    );
    admin.delete(&safe).expect(200);
    all.says("CREATE TABLE x (id INT)");

    // Whoever may change everything may remove the schema, too: then there is an empty one.
    all.says("DROP DATABASE shop");
    let answered = || {
        let output = all.run("SHOW TABLES");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    assert_eq!(wait_until(SOON, "an empty schema", answered), "");
    all.says("CREATE TABLE x (id INT)");
}

#[test]
fn nobody_gets_in_who_should_not() {
    let mut bough = Bough::start(BOUGH);
    let admin = shop(&bough);
    let login = Login::make(&bough, &admin, "dev", &json!({"name": "p", "role": "reader"}));
    let plain = |login: &Login| {
        let output = login
            .shell_without_tls()
            .args(["--skip-ssl", "-e", "SELECT 1"])
            .output()
            .expect("the shell runs");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(plain(&login).contains("ERROR 3159"), "plain text: {}", plain(&login));
    let wrong = Login { secret: format!("{}x", login.secret), ..login.clone() };
    let nobody = Login { user: "n".repeat(20), ..login.clone() };
    let long = Login { user: "n".repeat(300), ..login.clone() };
    let errors = [&wrong, &nobody, &long].map(|login| login.error("SELECT 1").replace(&login.user, "USER"));
    for error in &errors {
        assert!(error.starts_with("ERROR 1045 (28000): Access denied for user '"), "{error}");
    }
    assert_eq!(errors[0], errors[1], "a wrong secret and a wrong name look alike");
    let elsewhere = Login { schema: "mysql".to_owned(), ..login.clone() };
    assert!(elsewhere.error("SELECT 1").starts_with("ERROR 1044"), "{}", elsewhere.error("SELECT 1"));
    // The client is not told why; whoever runs Bough is.
    let narrow = Login::make(&bough, &admin, "dev", &json!({"name": "q", "cidrs": ["192.0.2.0/24"]}));
    assert!(narrow.error("SELECT 1").starts_with("ERROR 1045"));
    let log = bough.log();
    for (of, reason) in [
        (format!("password={}", login.id), "the secret is another"),
        (format!("password={}", narrow.id), "it may not be used from this address"),
        ("a login was refused".to_owned(), "there is no such user name"),
    ] {
        let told = |line: &str| line.contains(&of) && line.contains(reason);
        assert!(log.lines().any(told), "{of}: {reason}: {log}");
    }
    assert!(
        !log.contains(&login.secret) && !log.contains(&"n".repeat(20)),
        "neither secrets nor what strangers say"
    );
    // Only by setting, and only on this machine.
    bough.stop();
    bough.serve_with_env(&[("BOUGH_GATEWAY_PLAIN_TEXT_FROM_LOOPBACK", "true")]);
    bough.wait_ready();
    let login = login.at(&bough.mysql_address());
    assert_eq!(plain(&login), "");
    let last_used = || admin_of(&bough).get(&login.path).expect(200).json["last_used_at"].clone();
    wait_until(SOON, "the use to be written down", || (!last_used().is_null()).then_some(()));
    assert!(!login.id.is_empty());
}

/// What the gateway greets with, up to its first zero byte.
fn greeting(address: &str) -> String {
    let mut greeting = [0; 64];
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.read_exact(&mut greeting).expect("a greeting");
    let version: Vec<u8> = greeting[5..].iter().copied().take_while(|byte| *byte != 0).collect();
    String::from_utf8(version).expect("text")
}

#[test]
fn a_dump_through_the_gateway_is_that_of_the_server() {
    let bough = Bough::start(BOUGH);
    let admin = shop(&bough);
    let login = Login::make(&bough, &admin, "dev", &json!({"name": "dump"}));
    let version = bough.sql("shop", "dev", "SELECT SUBSTRING_INDEX(VERSION(), '-MariaDB', 1)");
    let process = Gateway::start(&bough);
    for address in [&login.address, &process.address] {
        assert_eq!(greeting(address), format!("5.5.5-{version}-MariaDB"));
    }
    for statement in [
        "CREATE TABLE t (id INT PRIMARY KEY, word VARCHAR(20)) DEFAULT CHARSET = utf8mb4",
        "CREATE TRIGGER shout BEFORE INSERT ON t FOR EACH ROW SET NEW.word = UPPER(NEW.word)",
        "CREATE PROCEDURE words() SELECT word FROM t",
        "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM t",
        "INSERT INTO t VALUES (1, 'zürich')",
    ] {
        login.says(statement);
    }
    let whole = ["--routines", "--events", "--triggers", "--single-transaction", "--skip-dump-date"];
    let dumped = login.program("mariadb-dump").args(whole).arg(&login.schema).output().expect("a dump");
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    let dump = String::from_utf8(dumped.stdout).expect("text");
    for part in ["SET NAMES utf8mb4", "TRIGGER shout", "PROCEDURE `words`", "EVENT `nightly`", "'ZÜRICH'"] {
        assert!(dump.contains(part), "{part} is in {dump}");
    }
    let other = Login::make(&bough, &admin, "main", &json!({"name": "load"}));
    let mut load =
        other.program("mariadb").arg(&other.schema).stdin(Stdio::piped()).spawn().expect("a shell");
    load.stdin.take().expect("a pipe").write_all(dump.as_bytes()).expect("it reads");
    assert!(load.wait().expect("its end").success());
    let triggers =
        "SELECT GROUP_CONCAT(trigger_name) FROM information_schema.triggers WHERE trigger_schema = 'shop'";
    assert_eq!(bough.sql("shop", "main", triggers), "shout");
}

fn admin_of(bough: &Bough) -> Client {
    bough.admin()
}

#[test]
fn a_gateway_process_outlives_what_serves_the_api() {
    let env = vec![("BOUGH_GATEWAY_IN_SERVE".to_owned(), "false".to_owned())];
    let mut bough = Bough::start_with(BOUGH, Options { env, ..Options::default() });
    let admin = shop(&bough);
    let login = Login::make(&bough, &admin, "dev", &json!({"name": "p"}));
    let (mut first, second) = (Gateway::start(&bough), Gateway::start(&bough));
    let (one, two) = (login.at(&first.address), login.at(&second.address));
    let (mut session, mut busy) = (one.open(), two.open());
    session.tell("SET @kept = 'kept'");

    // What one process's client was told ends through the other one, too.
    busy.tell("SELECT SLEEP(300)");
    let running = || {
        bough.sql(
            "shop",
            "dev",
            "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%' AND state = 'User sleep'",
        )
    };
    wait_until(SOON, "the statement to run", || (running() == "1").then_some(()));
    let of_second = (1_u32 << 31) + (1 << 24);
    for serial in 0..4 {
        one.run(&format!("KILL QUERY {}", of_second + serial));
    }
    assert!(busy.ended("the statement to be interrupted").contains("ERROR 1317"));
    let mut busy = two.open();

    // Each process has its figures.
    let figures = bough.anonymous().get("/metrics").expect(200).text;
    for line in [
        "bough_gateway_sessions{process=\"0\"} 1",
        "bough_gateway_sessions{process=\"1\"} 1",
        "bough_gateway_sessions_begun_total{process=\"1\"} 2",
    ] {
        assert!(figures.lines().any(|told| told == line), "{line} in {figures}");
    }

    // The API goes, by force; sessions go on, and new ones come in.
    bough.kill();
    assert_eq!(session.ask("SELECT @kept"), "kept");
    assert_eq!(one.says("SELECT 'without it'"), "without it");
    bough.serve();
    assert_eq!(session.ask("SELECT @kept"), "kept", "nor does its start cut anybody");

    // What is deleted through the API ends in every process.
    let admin = bough.admin();
    busy.tell("SELECT SLEEP(300)");
    session.tell("SELECT SLEEP(300)");
    admin.delete(&login.path).expect(204);
    assert!(busy.ended("the session of one process to be cut").contains("ERROR 1927"));
    assert!(session.ended("the session of the other to be cut").contains("ERROR 1927"));

    // Told to stop, it lets a transaction come to its end.
    let login = Login::make(&bough, &admin, "dev", &json!({"name": "q"})).at(&first.address);
    login.says("CREATE TABLE t (id INT PRIMARY KEY)");
    let mut session = login.open();
    session.tell("BEGIN");
    assert_eq!(session.ask("INSERT INTO t VALUES (1) RETURNING id"), "1");
    first.signal(Signal::SIGTERM);
    wait_until(SOON, "nobody to be let in", || (!login.run("SELECT 1").status.success()).then_some(()));
    assert_eq!(session.ask("SELECT COUNT(*) FROM t"), "1");
    session.tell("COMMIT");
    let status = wait_until(SOON, "the gateway to end", || first.child.try_wait().expect("it can be asked"));
    assert!(status.success(), "{status}");
    assert_eq!(bough.sql("shop", "dev", "SELECT COUNT(*) FROM t"), "1");
}

fn folder(bough: &Bough, branch: &str) -> PathBuf {
    let id = bough.wait_branch("shop", branch)["id"].as_str().expect("an id").to_owned();
    bough.data_dir().join("engine/branches").join(id)
}

/// Ends a branch's server by force.
fn kill_server(bough: &Bough, branch: &str) {
    let record = folder(bough, branch).join("server.json");
    let record: Value =
        serde_json::from_str(&std::fs::read_to_string(record).expect("a record")).expect("JSON");
    let pid = i32::try_from(record["pid"].as_i64().expect("a pid")).expect("a pid");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it can be killed");
}

#[test]
fn a_server_that_dies_takes_its_sessions_along_and_nothing_else() {
    let bough = Bough::start(BOUGH);
    let admin = shop(&bough);
    let login = Login::make(&bough, &admin, "dev", &json!({"name": "p"}));
    let main = Login::make(&bough, &admin, "main", &json!({"name": "p"}));
    let (mut session, mut other) = (login.open(), main.open());
    session.tell("SELECT SLEEP(300)");
    kill_server(&bough, "dev");
    let said = session.ended("the session to end");
    assert!(said.contains("ERROR 2013") || said.contains("ERROR 2006"), "{said}");
    assert_eq!(other.ask("SELECT 'there'"), "there");
    // It is started again, and who comes meanwhile waits, through whichever process.
    assert_eq!(login.says("SELECT 'again'"), "again");
    let beside = Gateway::start(&bough);
    for login in [login.at(&beside.address), login] {
        kill_server(&bough, "dev");
        assert_eq!(login.says("SELECT 'again'"), "again");
    }

    // One that does not come back is told of, and not waited for without end.
    let log = folder(&bough, "dev").join("data/ib_logfile0");
    let away = log.with_extension("away");
    std::fs::rename(&log, &away).expect("taken away");
    std::fs::create_dir(&log).expect("something else in its place");
    kill_server(&bough, "dev");
    let login = Login::make(&bough, &admin, "dev", &json!({"name": "q"}));
    let said = login.error("SELECT 1");
    assert!(said.contains("ERROR 1105") && said.contains("does not start"), "{said}");
    std::fs::remove_dir(&log).expect("removed");
    std::fs::rename(&away, &log).expect("put back");
    wait_until(SOON, "it comes back", || login.run("SELECT 1").status.success().then_some(()));
}

#[test]
fn who_is_told_to_stop_says_what_he_waits_for_and_waits_no_longer_when_told_again() {
    // Nobody would see the end of this.
    let long = ("BOUGH_GATEWAY_DRAIN_LIMIT_MS".to_owned(), "3600000".to_owned());
    let mut bough = Bough::start_with(BOUGH, Options { env: vec![long], ..Options::default() });
    let admin = shop(&bough);
    let login = Login::make(&bough, &admin, "dev", &json!({"name": "p"}));
    let mut session = login.open();
    session.tell("BEGIN");
    assert_eq!(session.ask("SELECT 'inside'"), "inside");
    let tell = |bough: &Bough, signal| {
        kill(Pid::from_raw(i32::try_from(bough.pid()).expect("a pid")), signal).expect("it can be told");
    };
    tell(&bough, Signal::SIGTERM);
    let words = "waiting up to 3600 s for 1 session of MySQL clients; once more cuts them";
    wait_until(SOON, "it to say so", || bough.log().contains(words).then_some(()));
    assert_eq!(session.ask("SELECT 'still inside'"), "still inside");
    tell(&bough, Signal::SIGINT);
    let status = bough.wait_ended(SOON);
    assert!(status.success(), "{status}");
    session.tell("SELECT 1");
    let said = session.ended("the session to be cut");
    assert!(["1053", "2006", "2013"].iter().any(|errno| said.contains(errno)), "{said}");
}

#[test]
fn files_of_clients_are_asked_for_only_where_that_is_set() {
    let set = |value: &str| ("BOUGH_GATEWAY_LOCAL_INFILE".to_owned(), value.to_owned());
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "one\ntwo\n").expect("written");
    let load = format!("LOAD DATA LOCAL INFILE '{}' INTO TABLE t", file.path().display());
    for (value, rows) in [("false", "0"), ("true", "2")] {
        let bough = Bough::start_with(BOUGH, Options { env: vec![set(value)], ..Options::default() });
        let admin = shop(&bough);
        let login = Login::make(&bough, &admin, "dev", &json!({"name": "p"}));
        login.says("CREATE TABLE t (a TEXT)");
        let loaded = login.shell().args(["--local-infile=1", "-e", &load]).output().expect("a shell");
        let said = String::from_utf8_lossy(&loaded.stderr).into_owned();
        assert_eq!(loaded.status.success(), value == "true", "{value}: {said}");
        assert!(loaded.status.success() || said.contains("ERROR 4166"), "{said}");
        assert_eq!(login.says("SELECT COUNT(*) FROM t"), rows, "{value}");
    }
}
