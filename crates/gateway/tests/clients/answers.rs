//! What comes through the gateway is what comes without it, byte by byte, whatever the client is capable of; and the
//! gateway knows where each answer ends, for a branch can be parked afterwards.

use std::time::Duration;

use bough_model::PasswordRole;
use bough_mysql_wire::{Asked, Capabilities, Command};
use mysql::prelude::Queryable as _;

use crate::support::raw::{PLAIN, Packet, Raw, shown};
use crate::support::{PASSWORD, Rig, secret};

/// Longer than a branch without a busy session takes to be parked.
const LONG: Duration = Duration::from_secs(20);

/// Every type of column, with values at the edges.
const TYPES: &[&str] = &[
    "CREATE TABLE numbers (a TINYINT, b SMALLINT UNSIGNED, c MEDIUMINT, d INT ZEROFILL, e BIGINT UNSIGNED, f DECIMAL(65,30),
     g FLOAT, h DOUBLE, i BIT(64), j BOOLEAN, k YEAR)",
    "INSERT INTO numbers VALUES (-128, 65535, -8388608, 7, 18446744073709551615, '-12345678901234567890.123456789', 1.5e-30, -1e300,
     b'1111000011110000', TRUE, 2155), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (127, 0, 8388607, 4294967295, 0, 0,
     0, 0, 0, FALSE, 1901)",
    "CREATE TABLE times (a DATE, b TIME(6), c DATETIME(6), d TIMESTAMP(3) NULL, e TIME, f DATETIME)",
    "INSERT INTO times VALUES ('1000-01-01', '-838:59:59.999999', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.999', '838:59:59',
     '1000-01-01 00:00:00'), (NULL, NULL, NULL, NULL, NULL, NULL), ('0001-01-01', '00:00:00.000001', '2026-02-28 00:00:00', NULL, '00:00:00', NULL)",
    "CREATE TABLE texts (a CHAR(10), b VARCHAR(200) COLLATE utf8mb4_bin, c TINYTEXT, d TEXT, e MEDIUMTEXT, f LONGTEXT, g ENUM('x','y'),
     h SET('p','q','r'), i JSON, j CHAR(5) CHARACTER SET latin1, k VARCHAR(9) CHARACTER SET utf16)",
    "INSERT INTO texts VALUES ('', 'ünïcødé 🦀', REPEAT('t', 255), REPEAT('x', 65535), 'm', REPEAT('long ', 20000), 'y', 'p,r', '{\"a\": [1, null]}',
     'caf\u{e9}', '𝄞'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "CREATE TABLE bytes (a BINARY(4), b VARBINARY(300), c TINYBLOB, d BLOB, e MEDIUMBLOB, f LONGBLOB, g GEOMETRY, h POINT, i INET6, j UUID)",
    "INSERT INTO bytes VALUES (X'00FF', X'FEFEFE', REPEAT(X'FF', 255), REPEAT(X'00', 65535), X'FB', REPEAT(X'FE', 100000),
     ST_GeomFromText('LINESTRING(0 0,1 1)'), POINT(1, 2), '2001:db8::1', '123e4567-e89b-12d3-a456-426655440000'),
     (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "CREATE TABLE none (a INT)",
    "CREATE PROCEDURE several() BEGIN SELECT 1 AS a; SELECT * FROM none; SELECT 2 AS b, 3 AS c; INSERT INTO none VALUES (1); DELETE FROM none; END",
    "CREATE PROCEDURE fails() BEGIN SELECT 1 AS a; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END",
    "CREATE PROCEDURE out_(OUT x INT) BEGIN SET x = 7; SELECT x; END",
];

const TABLES: [&str; 5] = ["numbers", "times", "texts", "bytes", "none"];

/// Statements whose answers have every form that there is.
const STATEMENTS: [&str; 17] = [
    "DO 1",
    "SELECT 1",
    "SELECT * FROM none",
    "SELECT",
    "INSERT INTO none VALUES (1), (2)",
    "DELETE FROM none",
    "SELECT 1; SELECT 2 AS b; DO 3; SELECT * FROM none; SELECT 4",
    "SELECT 1; SELECT nothing; SELECT 2",
    "CALL several()",
    "CALL fails()",
    "START TRANSACTION; INSERT INTO none VALUES (5); ROLLBACK",
    "SET NAMES latin1; SELECT * FROM texts; SET NAMES utf8mb4",
    "SELECT REPEAT('x', 16777200)",
    "SELECT REPEAT('x', 16777211), 7",
    "SELECT REPEAT('x', 16777206); SELECT 1",
    "EXPLAIN SELECT * FROM numbers",
    "SHOW WARNINGS",
];

/// What clients may be capable of that changes the form of answers.
fn kinds() -> Vec<Capabilities> {
    let multi = PLAIN | Capabilities::MULTI_STATEMENTS;
    let mariadb = Capabilities::MARIADB_10_11 | Capabilities::MULTI_STATEMENTS;
    vec![
        multi,
        multi | Capabilities::DEPRECATE_EOF,
        multi | Capabilities::DEPRECATE_EOF | Capabilities::SESSION_TRACK,
        mariadb,
        mariadb.without(Capabilities::DEPRECATE_EOF),
        mariadb.without(Capabilities::CACHE_METADATA),
    ]
}

struct Both {
    rig: Rig,
    through: Raw,
    past: Raw,
}

impl Both {
    fn new(rig: Rig, user: &str, capabilities: Capabilities) -> Self {
        let mut through = Raw::gateway(rig.address);
        through.log_in(user, PASSWORD, capabilities).expect("a session through the gateway");
        let mut past = Raw::direct(&rig.server.socket());
        let account = PasswordRole::Admin.account();
        past.log_in(account, &secret(PasswordRole::Admin), capabilities).expect("a session past the gateway");
        Self { rig, through, past }
    }

    /// Has the same asked through the gateway and past it, the whole of it one after the other, for both write into the
    /// same tables. Each answer has a name.
    fn compare(&mut self, ask: impl Fn(&mut Raw, &dyn Fn(&str)) -> Vec<(String, Vec<Packet>)>) {
        let (rig, branch) = (&self.rig, &self.rig.branch);
        let stands = |what: &str| {
            let parked = rig.runtime.block_on(rig.gateway.park(branch, LONG));
            parked.unwrap_or_else(|error| panic!("after {what}: {error}"));
        };
        let through = ask(&mut self.through, &stands);
        let past = ask(&mut self.past, &|_| {});
        assert_eq!(through.len(), past.len());
        for ((what, through), (_, past)) in through.iter().zip(&past) {
            assert_eq!(through.len(), past.len(), "{what}: packets");
            for (at, (through, past)) in through.iter().zip(past).enumerate() {
                let same = through == past;
                assert!(same, "{what}, packet {at}:\n{}\n{}", shown(&through.1), shown(&past.1));
            }
        }
    }
}

fn prepared() -> Rig {
    let rig = Rig::new();
    let mut root = rig.server.root();
    root.query_drop("USE shop").expect("the schema");
    for statement in TYPES {
        root.query_drop(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    rig
}

#[test]
fn statements_are_answered_as_without_it() {
    let mut rig = prepared();
    let user = rig.user(PasswordRole::Admin);
    for capabilities in kinds() {
        let mut both = Both::new(rig, &user, capabilities);
        both.compare(|raw, stands| {
            let tables = TABLES.map(|table| format!("SELECT * FROM {table}"));
            let statements = tables.into_iter().chain(STATEMENTS.map(str::to_owned));
            let ask = |statement: String| {
                let answer = raw.query(&statement);
                stands(&statement);
                (statement, answer)
            };
            statements.map(ask).collect()
        });
        rig = both.rig;
    }
}

/// The statement's number in the reply to prepare.
fn id_of(prepared: &[Packet]) -> [u8; 4] {
    assert_eq!(prepared[0].1[0], 0, "{}", shown(&prepared[0].1));
    prepared[0].1[1..5].try_into().expect("an id")
}

/// A refusal names that number, too.
fn forget_number(payload: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(payload);
    if payload[0] == 0xff
        && let Some((before, rest)) = text.split_once("The statement (")
        && let Some((_, after)) = rest.split_once(')')
    {
        *payload = format!("{before}The statement (…){after}").into_bytes();
    }
}

/// Executes a statement without parameters.
fn execute(id: &[u8], cursor: bool) -> Vec<u8> {
    [id, &[u8::from(cursor), 1, 0, 0, 0]].concat()
}

#[test]
fn prepared_statements_and_cursors_are_answered_as_without_it() {
    let mut rig = prepared();
    let user = rig.user(PasswordRole::Admin);
    let tables = TABLES.map(|table| format!("SELECT * FROM {table}"));
    let others =
        ["CALL several()", "CALL fails()", "INSERT INTO none VALUES (1)", "DELETE FROM none", "DO 1"];
    for capabilities in kinds() {
        let mut both = Both::new(rig, &user, capabilities);
        both.compare(|raw, stands| {
            let mut answers = Vec::new();
            let mut ask = |raw: &mut Raw, what: &str, command: Command, rest: &[u8], asked: Asked| {
                let answer = raw.ask(command, rest, asked);
                stands(what);
                let mut seen = answer.clone();
                // A server that takes up the thread of an earlier connection goes on counting statements where that was.
                if command == Command::StmtPrepare && seen[0].1[0] == 0 {
                    seen[0].1[1..5].fill(0);
                }
                seen.iter_mut().for_each(|(_, payload)| forget_number(payload));
                answers.push((format!("{what}, {}", command.name()), seen));
                answer
            };
            for statement in tables.iter().map(String::as_str).chain(others) {
                let id =
                    id_of(&ask(raw, statement, Command::StmtPrepare, statement.as_bytes(), Asked::Prepare));
                for _ in 0..2 {
                    ask(raw, statement, Command::StmtExecute, &execute(&id, false), Asked::Statement);
                }
                let opened = ask(raw, statement, Command::StmtExecute, &execute(&id, true), Asked::Statement);
                if statement.starts_with("SELECT") {
                    assert!(opened.len() > 1, "{statement}: a result set");
                    for rows in [1_u32, 1, 5] {
                        let fetch = [&id[..], &rows.to_le_bytes()].concat();
                        ask(raw, statement, Command::StmtFetch, &fetch, Asked::Rows);
                    }
                }
                ask(raw, statement, Command::StmtReset, &id, Asked::Packet);
                raw.command(Command::StmtClose, &id);
                stands(statement);
            }
            // Parameters, one of them sent in pieces.
            let statement = "SELECT ?, CHAR_LENGTH(?)";
            let id = id_of(&ask(raw, statement, Command::StmtPrepare, statement.as_bytes(), Asked::Prepare));
            for piece in ["a long ", "text"] {
                raw.command(Command::StmtSendLongData, &[&id[..], &[1, 0], piece.as_bytes()].concat());
            }
            let values = [&id[..], &[0, 1, 0, 0, 0, 0, 1, 0xfd, 0, 0xfc, 0, 3], b"abc"].concat();
            ask(raw, statement, Command::StmtExecute, &values, Asked::Statement);
            let fails = ask(raw, "half a statement", Command::StmtPrepare, b"SELECT", Asked::Prepare);
            assert_eq!(fails[0].1[0], 0xff);
            answers
        });
        rig = both.rig;
    }
}

#[test]
fn other_commands_are_answered_as_without_it() {
    let mut rig = prepared();
    let user = rig.user(PasswordRole::Admin);
    let commands: [(Command, &[u8], Asked); 10] = [
        (Command::Ping, b"", Asked::Packet),
        (Command::InitDb, b"shop", Asked::Packet),
        (Command::InitDb, b"nothing", Asked::Packet),
        (Command::FieldList, b"numbers\0%", Asked::Rows),
        (Command::FieldList, b"nothing\0%", Asked::Rows),
        (Command::SetOption, &[1, 0], Asked::Packet),
        (Command::Query, b"SELECT 1; SELECT 2", Asked::Statement),
        (Command::SetOption, &[0, 0], Asked::Packet),
        (Command::Query, b"SELECT 1; SELECT 2", Asked::Statement),
        (Command::ResetConnection, b"", Asked::Packet),
    ];
    for capabilities in kinds() {
        let mut both = Both::new(rig, &user, capabilities);
        both.compare(|raw, stands| {
            let mut answers = Vec::new();
            for (command, rest, asked) in commands {
                answers.push((command.name().to_owned(), raw.ask(command, rest, asked)));
                stands(command.name());
            }
            // What these say is never the same twice.
            let statistics = raw.ask(Command::Statistics, b"", Asked::Packet);
            assert!(statistics[0].1.starts_with(b"Uptime"), "{}", shown(&statistics[0].1));
            let list = raw.ask(Command::ProcessInfo, b"", Asked::Statement);
            assert!(list.len() > 10, "columns and rows: {}", list.len());
            stands("the list of processes");
            answers
        });
        rig = both.rig;
    }
}
