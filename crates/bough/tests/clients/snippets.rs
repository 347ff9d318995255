//! The texts that the Connect page shows to be copied, run as they stand there. Each must get in with the file of the
//! authority that the page offers, and must not with another one, nor where the server has another name.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bough_testkit::Bough;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Shown, ada, bough};
use crate::{FOLDER, have, html, installed, python};

/// The file that the page offers.
const AUTHORITY: &str = "bough-ca.pem";
/// What the page's lines of the environment are saved as.
const ENVIRONMENT: &str = ".env";
/// Where the gateway is here, which its certificate says.
const HOST: &str = "127.0.0.1";
/// Where its certificate does not say that it is.
const ELSEWHERE: &str = "127.0.0.2";
/// A name that its certificate does not have, for drivers of Node: they take every address for `localhost`.
const ANOTHER_NAME: &str = "elsewhere.test";
/// What that name leads to, for Node.
const NAMES: &str = "\
const dns = require('node:dns');
const { lookup } = dns;
dns.lookup = (name, ...rest) => lookup(name === 'elsewhere.test' ? '127.0.0.1' : name, ...rest);
";
/// Where the programs below ask for a line and print what it brings.
const QUESTION: &str = "SELECT 41 + 1";
/// The driver of npm that `make test` has, too.
const DRIVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway/tests/clients/drivers/node_modules");

/// A page with a password's lines, and a folder to try them in.
struct Copied {
    page: Shown,
    folder: TempDir,
    authority: String,
    address: String,
    _bough: Bough,
}

/// Takes connections elsewhere, at the same port, to an address: the server is there under another name.
fn forward(address: &str) {
    let (_, port) = address.rsplit_once(':').expect("a port");
    let listener = TcpListener::bind(format!("{ELSEWHERE}:{port}")).expect("a port");
    let address = address.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(&address).expect("the server");
            let again = |stream: &TcpStream| stream.try_clone().expect("a second handle");
            for (from, to) in [(again(&client), again(&server)), (server, client)] {
                std::thread::spawn(move || pour(from, to));
            }
        }
    });
}

fn pour(mut from: TcpStream, mut to: TcpStream) {
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

impl Copied {
    fn new() -> Self {
        let bough = bough();
        bough.database("shop");
        let admin = bough.admin();
        admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(201);
        bough.wait_branch("shop", "dev");
        let ada = ada(&bough);
        let action = "/acme/shop/dev/connect";
        let form = ada.get(action).expect(200);
        let page = ada.submit(&form, action, &[("name", "app"), ("role", "admin")]).expect(200);
        let authority = ada.get(&format!("{action}/{AUTHORITY}")).expect(200).html().to_owned();
        let (folder, address) = (tempfile::tempdir().expect("a folder"), bough.mysql_address());
        let copied = Self { page, folder, authority, address, _bough: bough };
        copied.write(ENVIRONMENT, &copied.text("env"));
        copied
    }

    /// What is copied.
    #[track_caller]
    fn text(&self, snippet: &str) -> String {
        let part = self.page.part(&format!("snippet-{snippet}"));
        let inside = part.split_once('>').and_then(|(_, rest)| rest.rsplit_once("</")).expect("an element").0;
        assert!(!inside.contains('<'), "{snippet}: text alone");
        html::unescaped(inside)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).expect("written");
    }

    /// Runs a program in the folder, with what stands in the page's file of the environment.
    fn run(&self, program: &Command, host: &str) -> Output {
        let mut shell = Command::new("sh");
        let moved = |text: &std::ffi::OsStr| text.to_string_lossy().replace(HOST, host);
        let environment = std::fs::read_to_string(self.path(ENVIRONMENT)).expect("it was written");
        self.write(ENVIRONMENT, &environment.replace(HOST, host));
        shell.current_dir(&self.folder).args(["-c", "set -a; . ./.env; set +a; exec \"$@\"", "sh"]);
        shell.arg(program.get_program()).args(program.get_args().map(moved));
        shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = shell.output().expect("a shell");
        self.write(ENVIRONMENT, &environment);
        output
    }

    /// The program gets its answer; and none from a server that another authority or another name stands for.
    #[track_caller]
    fn opens(&self, program: &Command, elsewhere: &str) {
        self.write(AUTHORITY, &self.authority);
        let output = self.run(program, HOST);
        let (said, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(said.lines().last().map(str::trim), Some("42"), "{said}\n{errors}");
        forward(&self.address);
        let elsewhere = self.run(program, elsewhere);
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned(), HOST.to_owned()]);
        self.write(AUTHORITY, &other.expect("a certificate").cert.pem());
        for (output, what) in [(elsewhere, "name"), (self.run(program, HOST), "authority")] {
            let answered = String::from_utf8_lossy(&output.stdout).lines().any(|line| line.trim() == "42");
            assert!(!output.status.success() && !answered, "another {what} is taken for the server's");
        }
    }

    /// As [`Self::opens`], for Node with the packages of a folder of npm: runs what is copied, and then this.
    #[track_caller]
    fn opens_in_node(&self, folder: &Path, snippet: &str, then: &str) {
        std::os::unix::fs::symlink(folder, self.path("node_modules")).expect("a link");
        self.write("snippet.mjs", &format!("{}\n\n{then}", self.text(snippet)));
        self.write("names.cjs", NAMES);
        self.opens(Command::new("node").args(["--require", "./names.cjs", "snippet.mjs"]), ANOTHER_NAME);
    }
}

/// Not for `make clients` alone: the driver is there for the gateway's tests, too.
#[test]
fn node() {
    if !Path::new(DRIVERS).join("mysql2").exists() {
        assert!(std::env::var_os("CI").is_none(), "mysql2 is missing: scripts/setup.sh test brings it");
        eprintln!("skipped: mysql2 is missing (scripts/setup.sh test brings it)");
        return;
    }
    let copied = Copied::new();
    let ask = format!(
        "const [[row]] = await connection.query('{QUESTION} AS answer');\n\
         console.log(row.answer);\nawait connection.end();\n"
    );
    copied.opens_in_node(Path::new(DRIVERS), "node", &ask);
}

#[test]
fn shells() {
    let copied = Copied::new();
    let ask = |line: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{line} -N -B -e '{QUESTION}'")]);
        shell
    };
    copied.opens(&ask(&copied.text("mariadb")), ELSEWHERE);
    // MariaDB's own program of that name does not know how MySQL's is asked for TLS.
    let version = Command::new("mysql").arg("--version").output();
    let is_mysql = version.is_ok_and(|output| {
        output.status.success() && !String::from_utf8_lossy(&output.stdout).contains("MariaDB")
    });
    if is_mysql {
        copied.opens(&ask(&copied.text("mysql")), ELSEWHERE);
    } else {
        eprintln!("skipped: the mysql shell of MySQL is missing");
    }
}

#[test]
fn django() {
    let Some(mut program) = python("django_client.py", "MySQLdb, django") else { return };
    let copied = Copied::new();
    copied.write("settings.py", &copied.text("django"));
    copied.write(
        "ask.py",
        &format!(
            "import django\nfrom django.db import connection\n\ndjango.setup()\nwith connection.cursor() as cursor:\n    \
             cursor.execute('{QUESTION}')\n    print(cursor.fetchone()[0])\n"
        ),
    );
    program = Command::new(program.get_program());
    copied.opens(program.arg("ask.py").env("DJANGO_SETTINGS_MODULE", "settings"), ELSEWHERE);
}

#[test]
fn go() {
    // What `make clients` has built shows that Go and the driver are there.
    if !have("go-sql-driver", &installed().join("go_client")) {
        return;
    }
    let copied = Copied::new();
    for file in ["go.mod", "go.sum"] {
        std::fs::copy(Path::new(FOLDER).join("go").join(file), copied.path(file)).expect("copied");
    }
    let imports = ["crypto/tls", "crypto/x509", "database/sql", "fmt", "log", "net", "os"];
    let imports: String = imports.iter().map(|name| format!("\t{name:?}\n")).collect();
    copied.write(
        "main.go",
        &format!(
            "package main\n\nimport (\n{imports}\n\t\"github.com/go-sql-driver/mysql\"\n)\n\nfunc main() {{\n{}\n\n\
             \tvar answer int\n\tif err := db.QueryRow(\"{QUESTION}\").Scan(&answer); err != nil {{\n\t\tlog.Fatal(err)\n\t}}\n\
             \tfmt.Println(answer)\n}}\n",
            copied.text("go")
        ),
    );
    copied.opens(Command::new("go").args(["run", "-mod=readonly", "."]), ELSEWHERE);
}

#[test]
fn jdbc() {
    let jar = installed().join("java/mariadb.jar");
    if !have("the JDBC driver mariadb", &jar) {
        return;
    }
    let copied = Copied::new();
    copied.write(
        "Ask.java",
        &format!(
            "class Ask {{\n  public static void main(String[] given) throws Exception {{\n    \
             try (var connection = java.sql.DriverManager.getConnection(given[0]);\n        \
             var rows = connection.createStatement().executeQuery(\"{QUESTION}\")) {{\n      \
             rows.next();\n      System.out.println(rows.getInt(1));\n    }}\n  }}\n}}\n"
        ),
    );
    copied
        .opens(Command::new("java").arg("-cp").arg(jar).args(["Ask.java", &copied.text("jdbc")]), ELSEWHERE);
}

#[test]
fn prisma_client() {
    let folder = installed().join("prisma");
    if !have("Prisma", &folder.join("installed")) {
        return;
    }
    let copied = Copied::new();
    let ask = format!(
        "const [row] = await prisma.$queryRawUnsafe('{QUESTION} AS answer');\n\
         console.log(Number(row.answer));\nawait prisma.$disconnect();\n"
    );
    copied.opens_in_node(&folder.join("node_modules"), "prisma-client", &ask);
}

#[test]
fn rust() {
    let built = installed().join("rust");
    if !have("sqlx", &built.join("installed")) {
        return;
    }
    let copied = Copied::new();
    let text = copied.text("rust");
    let (code, environment) = text.split_once("// .env\n").expect("its own environment");
    copied.write(ENVIRONMENT, environment);
    for file in ["Cargo.toml", "Cargo.lock"] {
        std::fs::copy(Path::new(FOLDER).join("rust").join(file), copied.path(file)).expect("copied");
    }
    std::fs::create_dir(copied.path("src")).expect("a folder");
    copied.write(
        "src/main.rs",
        &format!(
            "#[tokio::main]\nasync fn main() -> Result<(), Box<dyn std::error::Error>> {{\n{code}\n    \
             let answer: i64 = sqlx::query_scalar(\"{QUESTION}\").fetch_one(&pool).await?;\n    \
             println!(\"{{answer}}\");\n    Ok(())\n}}\n"
        ),
    );
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--locked", "--offline", "--target-dir"]).arg(built.join("target"));
    copied.opens(&cargo, ELSEWHERE);
}
