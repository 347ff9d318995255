//! Commands that the gateway itself has to do with, and those that it does not let through.

use bough_model::PasswordRole;
use bough_mysql_wire::{Asked, Capabilities, Command, NATIVE, OkPacket, native_response};
use mysql::prelude::Queryable as _;

use crate::support::raw::{PLAIN, Raw, error_of};
use crate::support::{PASSWORD, Rig, Server, branch, settings, wait_until};

fn session(rig: &Rig, user: &str, capabilities: Capabilities) -> Raw {
    let mut raw = Raw::gateway(rig.address);
    raw.log_in(user, PASSWORD, capabilities).expect("a session");
    raw
}

#[test]
fn what_is_not_for_clients_of_a_branch_is_refused_and_the_session_goes_on() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Admin);
    let mut raw = session(&rig, &user, PLAIN);
    let served = [
        Command::Quit,
        Command::InitDb,
        Command::Query,
        Command::FieldList,
        Command::Statistics,
        Command::ProcessInfo,
        Command::ProcessKill,
        Command::Ping,
        Command::ChangeUser,
        Command::StmtPrepare,
        Command::StmtExecute,
        Command::StmtSendLongData,
        Command::StmtClose,
        Command::StmtReset,
        Command::SetOption,
        Command::StmtFetch,
        Command::ResetConnection,
        Command::StmtBulkExecute,
    ];
    let unknown = [0x20, 0x50, 0xf9, 0xfd, 0xff];
    let refused =
        Command::ALL.iter().filter(|command| !served.contains(command)).map(|command| command.byte());
    for byte in refused.chain(unknown) {
        raw.sequence = 0;
        raw.send(&[byte, 0, 0, 0, 0]);
        let error = error_of(&raw.answer(Asked::Packet));
        assert_eq!((error.errno, error.sqlstate), (1047, Some(*b"08S01")), "{byte:#x}");
    }
    raw.sequence = 0;
    raw.send(&[]);
    assert_eq!(error_of(&raw.answer(Asked::Packet)).errno, 1047, "nothing is no command");
    // One that is large: it is passed over whole.
    raw.sequence = 0;
    raw.send(&vec![Command::BinlogDump.byte(); 0xff_ffff + 10]);
    let answer = raw.answer(Asked::Packet);
    assert_eq!((error_of(&answer).errno, answer[0].0), (1047, 2));
    assert_eq!(raw.text("SELECT 'goes on'"), "goes on");
}

#[test]
fn commands_that_are_sent_ahead_are_answered_in_their_order() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Admin);
    let mut raw = session(&rig, &user, PLAIN);
    for number in 0..600 {
        raw.command(Command::Query, format!("SELECT {number}").as_bytes());
        if number % 3 == 0 {
            raw.command(Command::Debug, b"");
        }
        raw.command(Command::StmtClose, &[9, 0, 0, 0]);
    }
    for number in 0..600 {
        let rows = raw.answer(Asked::Statement);
        assert_eq!(rows[rows.len() - 2].1[1..], *number.to_string().as_bytes());
        if number % 3 == 0 {
            assert_eq!(error_of(&raw.answer(Asked::Packet)).errno, 1047);
        }
    }
    assert_eq!(raw.text("SELECT 'done'"), "done");
}

/// Runs a statement that takes long, and says how it ended.
fn sleeps(rig: &Rig, user: &str) -> (u32, std::thread::JoinHandle<Raw>) {
    let mut raw = session(rig, user, PLAIN);
    let id = raw.greeting.connection;
    raw.command(Command::Query, b"SELECT SLEEP(1000)");
    (id, std::thread::spawn(move || raw))
}

fn running(root: &mut mysql::Conn) -> usize {
    let list: Vec<String> = root
        .query("SELECT info FROM information_schema.processlist WHERE info = 'SELECT SLEEP(1000)' AND state = 'User sleep'")
        .expect("a list");
    list.len()
}

#[test]
fn kill_takes_the_ids_that_clients_know() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Admin);
    let other_branch = branch("branch000002");
    let other_server = Server::start();
    rig.book.add_branch(&other_branch, &other_server);
    let stranger = rig.book.add(&other_branch, PasswordRole::Admin);
    let reader = rig.user(PasswordRole::Reader);
    let mut killer = session(&rig, &user, PLAIN);
    let mut root = rig.server.root();

    // What is running ends, and the session goes on.
    let (id, sleeper) = sleeps(&rig, &user);
    wait_until("it is running", || running(&mut root) == 1);
    for nobody in
        [session(&rig, &stranger, PLAIN), session(&rig, &reader, PLAIN)].iter_mut().zip([1094, 1095])
    {
        let (raw, errno) = nobody;
        assert_eq!(raw.fails(&format!("KILL QUERY {id}")).errno, errno);
        raw.command(Command::ProcessKill, &id.to_le_bytes());
        assert_eq!(error_of(&raw.answer(Asked::Packet)).errno, errno);
    }
    assert_eq!(running(&mut root), 1);
    killer.run(&format!("KILL QUERY {id}"));
    let mut slept = sleeper.join().expect("no panic");
    let answer = slept.answer(Asked::Statement);
    assert!(answer.len() > 1, "SLEEP ends early: {answer:?}");
    assert_eq!(slept.text("SELECT 'goes on'"), "goes on");

    // The connection ends, by either way.
    for by_command in [true, false] {
        let (id, sleeper) = sleeps(&rig, &user);
        wait_until("it is running", || running(&mut root) == 1);
        if by_command {
            killer.command(Command::ProcessKill, &id.to_le_bytes());
            OkPacket::parse(&killer.answer(Asked::Packet)[0].1).expect("an OK");
        } else {
            killer.run(&format!("  kill connection {id} ; "));
        }
        let mut slept = sleeper.join().expect("no panic");
        let _ = slept.ends();
        wait_until("it has ended", || running(&mut root) == 0);
        assert_eq!(killer.fails(&format!("KILL {id}")).errno, 1094);
    }

    // A driver that takes the number for a signed one.
    let (id, sleeper) = sleeps(&rig, &user);
    wait_until("it is running", || running(&mut root) == 1);
    killer.run(&format!("KILL QUERY {}", id.cast_signed()));
    let mut slept = sleeper.join().expect("no panic");
    assert!(slept.answer(Asked::Statement).len() > 1);

    // The server's own numbers work, too; and nobody's do not.
    let thread = killer.text("SELECT CONNECTION_ID()");
    assert!(thread.parse::<u32>().expect("a number") < 1 << 31);
    assert_eq!(killer.fails("KILL QUERY 4000000000").errno, 1094);
    assert_eq!(killer.fails("KILL QUERY 2000000000").errno, 1094, "as the server says");
    let own = killer.greeting.connection;
    assert_eq!(killer.fails(&format!("KILL QUERY {own}")).errno, 1317, "one's own");
}

#[test]
fn kill_reaches_other_gateway_processes() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Admin);
    let (other, address) = rig.another(bough_gateway::Settings { process: 1, ..settings() });
    *rig.book.elsewhere.lock().expect("lock") = Some(other);
    let mut root = rig.server.root();
    let mut sleeper = Raw::gateway(address);
    sleeper.log_in(&user, PASSWORD, PLAIN).expect("in");
    let id = sleeper.greeting.connection;
    sleeper.command(Command::Query, b"SELECT SLEEP(1000)");
    wait_until("it is running", || running(&mut root) == 1);
    let mut killer = session(&rig, &user, PLAIN);
    let reader = rig.user(PasswordRole::Reader);
    assert_eq!(session(&rig, &reader, PLAIN).fails(&format!("KILL QUERY {id}")).errno, 1095);
    killer.command(Command::Query, b"SELECT 1");
    killer.command(Command::Query, format!("KILL QUERY {id}").as_bytes());
    assert_eq!(killer.answer(Asked::Statement).len(), 5);
    OkPacket::parse(&killer.answer(Asked::Statement)[0].1).expect("an OK");
    assert!(sleeper.answer(Asked::Statement).len() > 1);
    assert_eq!(killer.fails(&format!("KILL QUERY {}", id + 1000)).errno, 1094);
    assert_eq!(killer.text("SELECT 'goes on'"), "goes on");
}

/// `COM_CHANGE_USER`; the answer is what `finish` says.
fn change_user(raw: &mut Raw, user: &str, response: &[u8], plugin: &[u8], schema: &str) {
    let mut rest =
        [user.as_bytes(), b"\0", &[u8::try_from(response.len()).expect("short")], response].concat();
    rest.extend_from_slice(&[schema.as_bytes(), b"\0\x2d\0", plugin, b"\0"].concat());
    raw.command(Command::ChangeUser, &rest);
}

#[test]
fn a_client_may_become_another_user_of_any_branch() {
    let rig = Rig::new();
    let other_branch = branch("branch000002");
    let other_server = Server::start();
    other_server.root().query_drop("CREATE TABLE shop.only_here (a INT)").expect("a table");
    rig.book.add_branch(&other_branch, &other_server);
    let admin = rig.user(PasswordRole::Admin);
    let reader = rig.user(PasswordRole::Reader);
    let stranger = rig.book.add(&other_branch, PasswordRole::ReadWriter);

    let mut raw = session(&rig, &admin, PLAIN);
    raw.run("SET @x = 7");
    raw.run("CREATE TEMPORARY TABLE t (a INT)");
    // By the nonce of the greeting.
    let response = native_response(PASSWORD.as_bytes(), &raw.nonce);
    change_user(&mut raw, &reader, &response, NATIVE, "shop");
    raw.finish("no switch is needed").expect("changed");
    assert_eq!(raw.text("SELECT CURRENT_USER()"), "planetscale-reader@localhost");
    assert_eq!(raw.text("SELECT CONCAT(COALESCE(@x, 'none'), DATABASE())"), "noneshop");
    assert_eq!(raw.fails("SELECT * FROM t").errno, 1146);
    // Without an answer, or with one to another nonce: by an auth switch. Commands may follow at once.
    change_user(&mut raw, &stranger, b"", b"", "");
    raw.finish(PASSWORD).expect("changed");
    assert_eq!(raw.text("SELECT CURRENT_USER()"), "planetscale-writer@localhost");
    assert_eq!(raw.text("SELECT COUNT(*) FROM shop.only_here"), "0");
    let response = native_response(PASSWORD.as_bytes(), &raw.nonce);
    change_user(&mut raw, &admin, &response, NATIVE, "shop");
    raw.finish("no switch is needed").expect("the nonce of the switch holds");
    // The id is the same, and is known to the gateway as what it is now.
    let id = raw.greeting.connection;
    assert_eq!(session(&rig, &stranger, PLAIN).fails(&format!("KILL QUERY {id}")).errno, 1094);
    session(&rig, &admin, PLAIN).run(&format!("KILL QUERY {id}"));
    assert_eq!(raw.text("SELECT 'goes on'"), "goes on");
    wait_until("the others have left", || rig.gateway.figures().sessions_open == 1);
    // Whoever fails is cut off, as by a server.
    for (user, secret) in [("nobody00000000000000", PASSWORD), (&*reader, "wrong")] {
        let mut raw = session(&rig, &admin, PLAIN);
        change_user(&mut raw, user, b"", NATIVE, "shop");
        assert_eq!(raw.finish(secret).expect_err("not changed").errno, 1045);
        assert_eq!(raw.ends().unwrap_or_default(), b"");
    }
    let mut raw = session(&rig, &admin, PLAIN);
    raw.command(Command::ChangeUser, b"half");
    assert_eq!(raw.finish("").expect_err("not changed").errno, 1043);
}

#[test]
fn drivers_reset_and_change_users() {
    let rig = Rig::new();
    let admin = rig.user(PasswordRole::Admin);
    let reader = rig.user(PasswordRole::Reader);
    let mut connection = rig.connect(&admin);
    connection.query_drop("SET @x = 7").expect("set");
    connection.reset().expect("reset");
    let row: Option<Option<u64>> = connection.query_first("SELECT @x").expect("a row");
    assert_eq!(row, Some(None));
    let options = mysql::ChangeUserOpts::new().with_user(Some(reader)).with_pass(Some(PASSWORD.to_owned()));
    connection.change_user(options).expect("changed");
    let row: Option<String> = connection.query_first("SELECT CURRENT_USER()").expect("a row");
    assert_eq!(row.as_deref(), Some("planetscale-reader@localhost"));
}

#[test]
fn the_session_is_what_the_client_asked_for() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Admin);
    // Several statements only where they were asked for.
    assert_eq!(session(&rig, &user, PLAIN).fails("SELECT 1; SELECT 2").errno, 1064);
    let mut multi = session(&rig, &user, PLAIN | Capabilities::MULTI_STATEMENTS);
    assert_eq!(multi.query("SELECT 1; SELECT 2").len(), 10);
    // Rows found, not rows changed; the collation; the database.
    let mut raw = Raw::gateway(rig.address);
    let mut hello = raw.hello(&user, PASSWORD, PLAIN | Capabilities::FOUND_ROWS);
    hello.collation = 8;
    raw.log_in_with(&hello, PASSWORD).expect("in");
    assert_eq!(raw.text("SELECT @@collation_connection"), "latin1_swedish_ci");
    assert_eq!(raw.query("SELECT DATABASE()")[3].1, [0xfb]);
    raw.run("CREATE TEMPORARY TABLE shop.t (a INT)");
    raw.run("INSERT INTO shop.t VALUES (1)");
    assert_eq!(raw.query("UPDATE shop.t SET a = 1")[0].1[1], 1);
    // What the server says at the login goes to the client as it is.
    let mut raw = Raw::gateway(rig.address);
    let mut hello = raw.hello(&user, PASSWORD, PLAIN);
    hello.database = Some(b"nothing".to_vec());
    let error = raw.log_in_with(&hello, PASSWORD).expect_err("no such schema");
    assert_eq!((error.errno, error.sqlstate), (1044, Some(*b"42000")));
    // Local files are off, whatever the client says.
    let mut raw = session(&rig, &user, PLAIN | Capabilities::LOCAL_FILES);
    raw.run("CREATE TABLE lined (a TEXT)");
    let error = raw.fails("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE lined");
    assert!(matches!(error.errno, 1148 | 4166), "{error:?}");
}

#[test]
fn local_files_pass_where_they_are_switched_on() {
    let settings = bough_gateway::Settings { local_infile: true, ..settings() };
    let rig = Rig::with_server(settings, Server::start_with(&["--local-infile=1"]));
    let user = rig.user(PasswordRole::Admin);
    let mut raw = session(&rig, &user, PLAIN | Capabilities::LOCAL_FILES);
    raw.run("CREATE TABLE lined (a TEXT)");
    for pieces in [&[&b"one\ntwo\n"[..], b"three\n"][..], &[]] {
        let wants = raw.query("LOAD DATA LOCAL INFILE 'file' INTO TABLE lined");
        assert_eq!(wants[0].1, b"\xfbfile");
        raw.sequence = wants[0].0.wrapping_add(1);
        for piece in pieces {
            raw.send(piece);
        }
        raw.send(b"");
        let done = raw.answer(Asked::Statement);
        assert_eq!(done[0].1[0], 0, "{done:?}");
    }
    // A command's byte within a file is none.
    let wants = raw.query("LOAD DATA LOCAL INFILE 'file' INTO TABLE lined");
    raw.sequence = wants[0].0.wrapping_add(1);
    raw.send(&[Command::Shutdown.byte(), b'\n']);
    raw.send(b"");
    raw.answer(Asked::Statement);
    assert_eq!(raw.text("SELECT COUNT(*) FROM lined"), "4");
}

#[test]
fn only_on_branches_with_safe_migrations_direct_ddl_reads_otherwise() {
    let rig = Rig::new();
    let mut root = rig.server.root();
    root.query_drop("CREATE TABLE shop.t (a INT)").expect("a table");
    root.query_drop("CREATE PROCEDURE shop.p() SELECT 1").expect("a procedure");
    let account = PasswordRole::Admin.account();
    root.query_drop(format!("REVOKE ALL ON shop.* FROM '{account}'@localhost")).expect("revoked");
    root.query_drop(format!("GRANT SELECT, INSERT, EXECUTE ON shop.* TO '{account}'@localhost"))
        .expect("granted");
    let user = rig.user(PasswordRole::Admin);
    let multi = PLAIN | Capabilities::MULTI_STATEMENTS;
    let mut raw = session(&rig, &user, multi);
    let statements = [
        ("ALTER TABLE t ADD b INT", 1142),
        ("DROP TABLE t", 1142),
        ("CREATE TABLE u AS SELECT * FROM t", 1142),
        ("CREATE INDEX i ON t (a)", 1142),
        ("CREATE VIEW v AS SELECT 1", 1142),
        ("TRUNCATE t", 1142),
        ("CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET @a = 1", 1142),
        ("CREATE PROCEDURE q() SELECT 1", 1044),
        ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1", 1044),
        ("DROP DATABASE shop", 1044),
        ("ALTER PROCEDURE p COMMENT 'x'", 1370),
        ("DROP PROCEDURE p", 1370),
        ("EXECUTE IMMEDIATE 'DROP TABLE t'", 1142),
        ("BEGIN NOT ATOMIC DROP TABLE t; END", 1142),
        ("SELECT 1; DROP TABLE t", 1142),
    ];
    for (statement, errno) in statements {
        assert_eq!(raw.fails(statement).errno, errno, "{statement}");
    }
    rig.book.safe.lock().expect("lock").push(rig.branch.clone());
    for (statement, _) in statements {
        let error = raw.fails(statement);
        assert_eq!((error.errno, error.sqlstate), (1105, Some(*b"HY000")), "{statement}");
        assert_eq!(error.message, b"direct DDL is disabled");
    }
    let prepared = raw.ask(Command::StmtPrepare, b"DROP TABLE t", Asked::Prepare);
    let failed = if prepared[0].1[0] == 0xff {
        prepared
    } else {
        raw.ask(Command::StmtExecute, &[&prepared[0].1[1..5], &[0, 1, 0, 0, 0]].concat(), Asked::Statement)
    };
    assert_eq!(error_of(&failed).errno, 1105);
    // Everything else reads as it is, and the session goes on.
    assert_eq!(raw.fails("DELETE FROM t").errno, 1142);
    assert_eq!(raw.fails("USE mysql").errno, 1044);
    assert_eq!(raw.text("SELECT 'goes on'"), "goes on");
}
