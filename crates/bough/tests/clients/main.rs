//! Clients that people use, on a real Bough, through its gateway: drivers of several languages, migrations of Django,
//! Alembic, Prisma. What each does stands in a program of its own, which ends with "ok" when all was as it should be.
//!
//! `make clients` installs them into `.tools/clients` and runs this. Otherwise most of these tests do nothing and say so: they
//! take hundreds of megabytes of other people's programs. A client that cannot be had is named and passed over, but in
//! CI, where nobody reads what is missing.
#![allow(clippy::print_stderr, reason = "what was tried, and what was not")]

// A browser without script, which makes a password on the page.
#[allow(dead_code, reason = "most of it is for the tests of pages")]
#[path = "../pages/html.rs"]
mod html;
mod snippets;
#[allow(dead_code, reason = "most of it is for the tests of pages")]
#[path = "../pages/support.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use bough_testkit::Bough;
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");
/// Set by `make clients`.
const WANTED: &str = "BOUGH_CLIENTS";
/// Of the store of certificates that one driver reads.
const STORE_PASSWORD: &str = "changeit";

fn installed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/clients")
}

/// A branch, and who may enter it.
struct Shop {
    bough: Bough,
    environment: Vec<(&'static str, String)>,
}

impl Shop {
    fn open() -> Self {
        let bough = Bough::start(BOUGH);
        bough.database("shop");
        let admin = bough.admin();
        admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(201);
        bough.wait_branch("shop", "dev");
        let password = |role: &str| {
            let path = admin.org("/databases/shop/branches/dev/passwords");
            let made = admin.post(&path, &json!({"role": role, "name": role})).expect(201);
            (made.str("/username").to_owned(), made.str("/plain_text").to_owned())
        };
        let ((user, secret), (reader, reader_secret)) = (password("admin"), password("reader"));
        let address = bough.mysql_address();
        let (host, port) = address.rsplit_once(':').expect("host and port");
        let authority = bough.data_dir().join("tls/ca.pem").display().to_string();
        let environment = vec![
            ("BOUGH_HOST", host.to_owned()),
            ("BOUGH_PORT", port.to_owned()),
            ("BOUGH_USER", user),
            ("BOUGH_PASSWORD", secret),
            ("BOUGH_READER", reader),
            ("BOUGH_READER_PASSWORD", reader_secret),
            ("BOUGH_DATABASE", "shop".to_owned()),
            ("BOUGH_CA", authority),
        ];
        Self { bough, environment }
    }

    /// Runs a program to its end.
    fn drive(&self, command: &mut Command) {
        let output = command.envs(self.environment.iter().cloned()).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        let ended_well = output.status.success() && said.lines().last() == Some("ok");
        assert!(ended_well, "{}\n{said}\n{errors}\n{}", output.status, self.log_end());
        for (name, secret) in self.environment.iter().filter(|(name, _)| name.ends_with("PASSWORD")) {
            assert!(!self.bough.log().contains(secret.as_str()), "{name} is in the log");
        }
    }

    fn log_end(&self) -> String {
        let log = self.bough.log();
        log.lines().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// What a framework has made can have safe migrations, and then nobody changes it directly.
    fn becomes_safe(&self, table: &str) {
        let admin = self.bough.admin();
        let dev = admin.org("/databases/shop/branches/dev");
        let lint = admin.get(&format!("{dev}/schema/lint")).expect(200);
        assert_eq!(lint.json["data"], json!([]), "{}", lint.text);
        let safe =
            admin.put(&format!("{dev}/safe-migrations"), &json!({"safe_migrations": true})).expect(200);
        assert_eq!(safe.json["safe_migrations"], Value::Bool(true));
        let given = |name: &str| {
            let found = self.environment.iter().find(|(key, _)| *key == name);
            found.expect("it is given").1.clone()
        };
        let output = Command::new("mariadb")
            .arg("--no-defaults")
            .args(["--protocol=tcp", "--ssl-verify-server-cert"])
            .arg(format!("--host={}", given("BOUGH_HOST")))
            .arg(format!("--port={}", given("BOUGH_PORT")))
            .arg(format!("--user={}", given("BOUGH_USER")))
            .arg(format!("--ssl-ca={}", given("BOUGH_CA")))
            .env("MYSQL_PWD", given("BOUGH_PASSWORD"))
            .args(["shop", "-e", &format!("ALTER TABLE `{table}` ADD COLUMN no INT")])
            .output()
            .expect("the shell");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("ERROR 1105 (HY000)"), "{errors}");
    }
}

/// Whether a client is there and wanted; says so when not.
fn have(client: &str, file: &Path) -> bool {
    if std::env::var_os(WANTED).is_none() {
        eprintln!("skipped: only `make clients` tries {client}");
        return false;
    }
    if file.exists() {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "{client} is missing: scripts/clients.sh brings it");
    eprintln!("skipped: {client} is missing; scripts/clients.sh says why");
    false
}

/// `None` when it is not there or not wanted.
fn python(script: &str, needs: &str) -> Option<Command> {
    let program = installed().join("python/bin/python");
    if !have(needs, &program) {
        return None;
    }
    let there = Command::new(&program).args(["-c", &format!("import {needs}")]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        have(needs, Path::new("nowhere"));
        return None;
    }
    let mut command = Command::new(program);
    command.arg(Path::new(FOLDER).join("python").join(script));
    Some(command)
}

#[test]
fn mysqlclient() {
    let Some(mut program) = python("dbapi_client.py", "MySQLdb") else { return };
    Shop::open().drive(program.arg("mysqlclient"));
}

#[test]
fn mysql_connector_python() {
    let Some(mut program) = python("dbapi_client.py", "mysql.connector") else { return };
    Shop::open().drive(program.arg("mysql-connector"));
}

#[test]
fn django_migrates() {
    let Some(mut program) = python("django_client.py", "MySQLdb, django") else { return };
    let shop = Shop::open();
    shop.drive(&mut program);
    shop.becomes_safe("store_book");
}

#[test]
fn alembic_migrates() {
    let Some(mut program) = python("alembic_client.py", "MySQLdb, sqlalchemy, alembic") else { return };
    let shop = Shop::open();
    shop.drive(&mut program);
    shop.becomes_safe("sa_book");
}

#[test]
fn go_sql_driver() {
    let program = installed().join("go_client");
    if have("go-sql-driver", &program) {
        Shop::open().drive(&mut Command::new(program));
    }
}

fn connector_j(driver: &str) {
    let jar = installed().join(format!("java/{driver}.jar"));
    if !have(&format!("the JDBC driver {driver}"), &jar) {
        return;
    }
    let mut shop = Shop::open();
    let home = tempfile::tempdir().expect("a folder");
    let store = home.path().join("store.p12");
    let authority = shop.bough.data_dir().join("tls/ca.pem");
    let made = Command::new("keytool")
        .args([
            "-importcert",
            "-noprompt",
            "-alias",
            "bough",
            "-storetype",
            "PKCS12",
            "-storepass",
            STORE_PASSWORD,
        ])
        .args([Path::new("-file"), &authority, Path::new("-keystore"), &store])
        .output()
        .expect("keytool");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    shop.environment.push(("BOUGH_STORE", store.display().to_string()));
    let mut program = Command::new("java");
    program.env("BOUGH_STORE_PASSWORD", STORE_PASSWORD).arg("-cp").arg(jar);
    shop.drive(program.arg(Path::new(FOLDER).join("java/Client.java")).arg(driver));
}

#[test]
fn mysql_connector_j() {
    connector_j("mysql");
}

#[test]
fn mariadb_connector_j() {
    connector_j("mariadb");
}

#[test]
fn prisma() {
    let folder = installed().join("prisma");
    if !have("Prisma", &folder.join("installed")) {
        return;
    }
    let shop = Shop::open();
    shop.drive(Command::new("node").arg(folder.join("client.mjs")));
    shop.becomes_safe("Book");
}
