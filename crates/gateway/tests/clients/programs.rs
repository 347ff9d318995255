//! Programs that people use: the shell, dump and load, drivers of other languages. `scripts/setup.sh test` brings
//! them. Where one cannot be had its test says so and passes, but in CI, where nobody reads what is missing, it fails.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bough_model::PasswordRole;
use mysql::prelude::Queryable as _;

use crate::support::{PASSWORD, Rig, Server, branch, printed, secret, server, wait_until};

/// What a dump must carry over.
const EVERYTHING: &str = "
CREATE TABLE parents (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50) NOT NULL DEFAULT 'x', big LONGBLOB, UNIQUE KEY (name)) COMMENT='ünï';
CREATE TABLE parts (id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 3;
CREATE TABLE children (id INT PRIMARY KEY, parent INT, twice INT AS (parent * 2) STORED, at TIMESTAMP(6) NULL,
  CONSTRAINT fk FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE, CHECK (id > 0));
CREATE SEQUENCE numbers START WITH 7;
CREATE VIEW both_ AS SELECT p.name, c.twice FROM parents p JOIN children c ON c.parent = p.id;
CREATE FUNCTION half(x INT) RETURNS INT DETERMINISTIC RETURN x / 2;
CREATE PROCEDURE all_of_them() READS SQL DATA SELECT * FROM both_;
CREATE TRIGGER before_children BEFORE INSERT ON children FOR EACH ROW SET NEW.at = COALESCE(NEW.at, '2026-01-01 00:00:00');
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 00:00:00' DO DELETE FROM children WHERE id < 0;
INSERT INTO parents (name, big) VALUES ('ünïcødé 🦀', CONCAT(X'00FF0A0D5C27', REPEAT(X'FE', 3000000))), ('''quoted\"', NULL);
INSERT INTO children (id, parent) VALUES (1, 1), (2, 2);
SELECT NEXTVAL(numbers);
";

/// Nothing is tested where it is missing; in CI that is a failure.
fn missing(what: &str) {
    assert!(std::env::var("CI").is_err(), "{what} is missing: scripts/setup.sh test brings it");
    let _ = writeln!(std::io::stderr(), "skipped: {what} is missing (scripts/setup.sh test brings it)");
}

fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn feed(command: &mut Command, text: &[u8]) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell");
    child.stdin.take().expect("its input").write_all(text).expect("written");
    printed(&child.wait_with_output().expect("its end"));
}

#[test]
fn a_schema_with_everything_in_it_is_dumped_and_loaded() {
    let Some(program) = server::find("mariadb-dump") else { return missing("mariadb-dump") };
    let rig = Rig::new();
    let other_branch = branch("branch000002");
    let other_server = Server::start();
    rig.book.add_branch(&other_branch, &other_server);
    let from = rig.user(PasswordRole::Admin);
    let to = rig.book.add(&other_branch, PasswordRole::Admin);
    feed(rig.shell(&from).arg("shop"), EVERYTHING.as_bytes());
    let dump = |user: &str| {
        let mut command = Command::new(&program);
        command.arg("--no-defaults").args(rig.shell(user).get_args().skip(1));
        command.args([
            "--routines",
            "--triggers",
            "--events",
            "--hex-blob",
            "--single-transaction",
            "--skip-dump-date",
            "shop",
        ]);
        printed(&command.output().expect("a dump"))
    };
    let first = dump(&from);
    for part in [
        "both_",
        "half",
        "all_of_them",
        "before_children",
        "nightly",
        "numbers",
        "DEFINER=`planetscale-admin`@`localhost`",
    ] {
        assert!(first.contains(part), "{part} is in the dump");
    }
    feed(rig.shell(&to).arg("shop"), first.as_bytes());
    assert!(dump(&to) == first, "what was loaded is what was dumped");
}

#[test]
fn ctrl_c_in_the_shell_ends_the_query() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Reader);
    let mut root = rig.server.root();
    let shell = rig
        .shell(&user)
        .args(["-e", "SELECT SLEEP(1000) FROM seq_1_to_9", "shop"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    wait_until("it is running", || {
        let statement = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(1000) FROM seq%'";
        root.query_first::<u64, _>(statement).expect("a row") == Some(1)
    });
    let interrupt = Command::new("kill").args(["-INT", &shell.id().to_string()]).status().expect("kill");
    assert!(interrupt.success());
    let output = shell.wait_with_output().expect("its end");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    // The shell has sent `KILL QUERY` with the number of its greeting, over another connection.
    // Ended while it opens the sequence, it fails with what that says.
    let ended = ["ERROR 1317 (70100)", "ERROR 1939 (HY000)"];
    assert!(ended.iter().any(|error| errors.contains(error)), "{errors}");
}

/// Runs a program of `drivers/` with what it needs to know.
fn drive(program: &Path, script: &str) {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Admin);
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/drivers"));
    let role = PasswordRole::Admin;
    let output = Command::new(program)
        .arg(folder.join(script))
        .arg(rig.address.port().to_string())
        .args([&user, PASSWORD])
        .args([rig.ca.path(), &rig.server.socket()])
        .args([role.account(), &secret(role)])
        .output()
        .expect("a driver");
    assert_eq!(printed(&output), "ok\n");
}

#[test]
fn pymysql_works_as_without_the_gateway() {
    let python = project().join(".tools/bin/python");
    let there = Command::new(&python)
        .args(["-c", "import pymysql"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !there {
        return missing("PyMySQL in .tools");
    }
    drive(&python, "pymysql_client.py");
}

#[test]
fn mysql2_works_as_without_the_gateway() {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/drivers/node_modules/mysql2");
    let node: Option<PathBuf> = ["node", "nodejs"].into_iter().find_map(server::find);
    match node {
        Some(node) if installed.exists() => drive(&node, "mysql2_client.mjs"),
        _ => missing("mysql2, or node"),
    }
}
