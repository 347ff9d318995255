//! P4: a branch with a parent of 100 tables, from the POST to its first answered query, against the bare
//! cost: copy the template, start the same server with the same options, first query, and the tables
//! made by the `mariadb` client in one go.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bough_engine::{Binaries, EngineAccount, wait_until};
use bough_mysql_client::{ConnectLimits, Connection, SocketAddress};
use bough_testkit::{Bough, Client};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::machine::cpu_seconds;
use crate::numbers::{Spread, percentile};
use crate::server::{bough_binary, measured};
use crate::table::{Line, met, say};

/// Tables of the parent.
const TABLES: usize = 100;
/// Rounds of A B B A: each contestant makes two branches in each.
const ROUNDS: usize = 8;
/// Branches that each makes before anything is timed.
const WARM_UP: usize = 2;
/// Pause between two looks, as Bough's engine makes it, in milliseconds.
const PAUSE_MILLIS: u64 = 2;
/// Longest wait for anything, in seconds.
const LIMIT_SECONDS: u64 = 60;
/// At most so many times the bare cost.
const RATIO_GOAL: f64 = 1.5;
/// The 99th percentile, in milliseconds.
const P99_GOAL_MILLIS: f64 = 600.0;

fn table(number: usize) -> String {
    format!(
        "CREATE TABLE t{number:03} (\n  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,\n  owner_id BIGINT UNSIGNED NOT NULL,\n  \
         name VARCHAR(191) NOT NULL DEFAULT '',\n  state ENUM('new','open','done') NOT NULL DEFAULT 'new',\n  \
         amount DECIMAL(12,2) DEFAULT NULL,\n  body TEXT DEFAULT NULL,\n  \
         created_at DATETIME(3) NOT NULL DEFAULT current_timestamp(3),\n  PRIMARY KEY (id),\n  \
         UNIQUE KEY by_name (name),\n  KEY by_owner (owner_id, created_at)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n"
    )
}

fn tables() -> String {
    (0..TABLES).map(table).collect()
}

/// The query that is waited for: it needs the last table.
fn first_query(conn: &mut Connection) -> Result<()> {
    let row = conn.query_one(format!("SELECT COUNT(*) AS rows_in FROM shop.t{:03}", TABLES - 1))?;
    ensure!(row.u64("rows_in")? == 0, "a new branch has no rows");
    Ok(())
}

fn wait<T>(what: &str, condition: impl FnMut() -> Option<T>) -> Result<T> {
    let (limit, pause) = (Duration::from_secs(LIMIT_SECONDS), Duration::from_millis(PAUSE_MILLIS));
    wait_until(limit, pause, condition).with_context(|| format!("not within {LIMIT_SECONDS} s: {what}"))
}

/// All tables as the server prints them.
fn definitions(conn: &mut Connection) -> Result<Vec<String>> {
    let read = |number| {
        let row = conn.query_one(format!("SHOW CREATE TABLE shop.t{number:03}"))?;
        Ok(row.text("Create Table")?.to_owned())
    };
    (0..TABLES).map(read).collect()
}

/// One branch made by one contestant.
struct Made {
    millis: f64,
    server_cpu_millis: f64,
    definitions: Vec<String>,
}

/// What both need.
struct Bench {
    bough: Bough,
    admin: Client,
    account: EngineAccount,
    binaries: Binaries,
    folder: TempDir,
    template: PathBuf,
    /// The option file of a branch made by Bough, and that branch's folder, which stands in it.
    options: (String, String),
    schema_file: PathBuf,
}

impl Bench {
    fn prepare() -> Result<Self> {
        let mut bough = Bough::set_up(&bough_binary()?, measured());
        bough.serve();
        bough.database("shop");
        bough.sql("shop", "main", &tables());
        let admin = bough.admin();
        let account = EngineAccount::resolve(None)?;
        let binaries = Binaries::find(None)?;
        let folder = TempDir::with_prefix_in("bare-", "/tmp")?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        let schema_file = folder.path().join("schema.sql");
        fs::write(
            &schema_file,
            format!("CREATE DATABASE shop CHARACTER SET utf8mb4;\nUSE shop;\n{}", tables()),
        )?;
        let template =
            bough.data_dir().join("engine/templates").join(binaries.flavor.to_string()).join("data");
        ensure!(template.is_dir(), "no template at {}", template.display());
        let mut bench = Self {
            bough,
            admin,
            account,
            binaries,
            folder,
            template,
            options: (String::new(), String::new()),
            schema_file,
        };
        let made = bench.admin.post(&bench.branches(), &json!({"name": "options"})).expect(201);
        let branch = bench.bough.wait_branch("shop", "options");
        let of_branch = bench.branch_folder(made.str("/id"));
        bench.options = (fs::read_to_string(of_branch.join("server.cnf"))?, of_branch.display().to_string());
        bench.delete("options", branch["id"].as_str().unwrap_or_default())?;
        Ok(bench)
    }

    fn branches(&self) -> String {
        self.admin.org("/databases/shop/branches")
    }

    fn branch_folder(&self, id: &str) -> PathBuf {
        self.bough.data_dir().join("engine/branches").join(id)
    }

    fn connect(&self, socket: PathBuf) -> Option<Connection> {
        let address = SocketAddress { path: socket, user: self.account.own_name.clone() };
        Connection::open(&address, ConnectLimits::default()).ok()
    }

    fn delete(&self, name: &str, id: &str) -> Result<()> {
        self.admin.delete(&format!("{}/{name}", self.branches())).expect(204);
        let folder = self.branch_folder(id);
        wait("the branch's folder to be gone", || (!folder.exists()).then_some(()))
    }

    /// Through the API: POST, asked until it is ready, first query through the server's socket.
    fn with_bough(&self) -> Result<Made> {
        let path = format!("{}/timed", self.branches());
        let started = Instant::now();
        let made = self.admin.post(&self.branches(), &json!({"name": "timed"})).expect(201);
        wait("the branch to be ready", || {
            (self.admin.get(&path).expect(200).json["ready"] == json!(true)).then_some(())
        })?;
        let id = made.str("/id");
        let folder = self.branch_folder(id);
        let mut conn =
            self.connect(folder.join("mysql.sock")).context("the branch's server does not answer")?;
        first_query(&mut conn)?;
        let millis = started.elapsed().as_secs_f64() * 1e3;
        let record: Value = serde_json::from_str(&fs::read_to_string(folder.join("server.json"))?)?;
        let pid = record["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).context("no pid")?;
        let made =
            Made { millis, server_cpu_millis: cpu_seconds(pid) * 1e3, definitions: definitions(&mut conn)? };
        drop(conn);
        self.delete("timed", id)?;
        Ok(made)
    }

    fn as_account(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if self.account.switch {
            command.uid(self.account.uid).gid(self.account.gid);
        }
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    fn bare_folders(&self) -> Result<PathBuf> {
        let root = self.folder.path().join("branch");
        for folder in [root.clone(), root.join("files"), root.join("tmp")] {
            fs::DirBuilder::new().mode(0o700).create(&folder)?;
            if self.account.switch {
                chown(&folder, Some(self.account.uid), Some(self.account.gid))?;
            }
        }
        let (options, branch) = &self.options;
        let file = root.join("server.cnf");
        fs::write(&file, options.replace(branch, &root.display().to_string()))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
        Ok(root)
    }

    /// A script doing just that, without the shell.
    fn bare(&self) -> Result<Made> {
        let client = self.binaries.client.as_ref().context("the mariadb client is missing")?;
        let root = self.bare_folders()?;
        let socket = root.join("mysql.sock");
        let started = Instant::now();
        let copied =
            self.as_account(Path::new("cp")).arg("-a").arg(&self.template).arg(root.join("data")).status()?;
        ensure!(copied.success(), "cp failed");
        let mut server = Server(
            self.as_account(&self.binaries.mariadbd)
                .arg(format!("--defaults-file={}", root.join("server.cnf").display()))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?,
        );
        let mut conn = wait("the bare server to answer", || self.connect(socket.clone()))?;
        conn.query_one("SELECT 1 AS one")?;
        let mut apply = Command::new(client);
        apply.args(["--no-defaults", "--protocol=socket"]).arg(format!("--socket={}", socket.display()));
        apply.arg(format!("--user={}", self.account.own_name)).stdin(fs::File::open(&self.schema_file)?);
        ensure!(apply.status()?.success(), "the tables could not be made");
        first_query(&mut conn)?;
        let millis = started.elapsed().as_secs_f64() * 1e3;
        let made = Made {
            millis,
            server_cpu_millis: cpu_seconds(server.0.id()) * 1e3,
            definitions: definitions(&mut conn)?,
        };
        drop(conn);
        server.stop()?;
        fs::remove_dir_all(&root)?;
        Ok(made)
    }
}

/// A bare server; it does not outlive this program's interest in it.
struct Server(Child);

impl Server {
    fn stop(&mut self) -> Result<()> {
        kill(Pid::from_raw(i32::try_from(self.0.id())?), Signal::SIGTERM)?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Takes the measure.
pub fn measure() -> Result<Vec<Line>> {
    let bench = Bench::prepare()?;
    let mut parent = Vec::new();
    for _ in 0..WARM_UP {
        let (ours, beside) = (bench.with_bough()?, bench.bare()?);
        ensure!(ours.definitions == beside.definitions, "the two have different tables");
        parent = ours.definitions;
    }
    let (mut ours, mut beside) = (Vec::new(), Vec::new());
    let before = cpu_seconds(bench.bough.pid());
    for _ in 0..ROUNDS {
        for is_ours in [true, false, false, true] {
            let (made, taken) = match is_ours {
                true => (bench.with_bough()?, &mut ours),
                false => (bench.bare()?, &mut beside),
            };
            ensure!(made.definitions == parent, "a branch has other tables than its parent");
            taken.push(made);
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "tens")]
    let own_cpu = (cpu_seconds(bench.bough.pid()) - before) * 1e3 / ours.len() as f64;
    let millis = |taken: &[Made]| taken.iter().map(|made| made.millis).collect::<Vec<_>>();
    let cpu = |taken: &[Made]| {
        Spread::of(&taken.iter().map(|made| made.server_cpu_millis).collect::<Vec<_>>()).show("ms", 0)
    };
    say(&format!(
        "  {} branches each; CPU of the branch server: bough {}, bare {}; CPU of bough itself per branch, its deletion \
         included: {own_cpu:.0} ms",
        ours.len(),
        cpu(&ours),
        cpu(&beside)
    ));
    say("  there is no gateway yet: the first query goes through the branch server's own socket");
    let (ours, beside) = (millis(&ours), millis(&beside));
    let ratio = Spread::of(&ours).median / Spread::of(&beside).median;
    let p99 = (percentile(&ours, 0.99), percentile(&beside, 0.99));
    Ok(vec![
        Line {
            measure: format!(
                "P4 create a branch of {TABLES} tables, POST to first query (socket, no gateway yet)"
            ),
            goal: format!("<= {RATIO_GOAL} x"),
            ours: Spread::of(&ours).show("ms", 0),
            beside: format!("cp, mariadbd, mariadb < schema {}", Spread::of(&beside).show("ms", 0)),
            ratio: format!("{ratio:.2}"),
            met: met(ratio <= RATIO_GOAL),
        },
        Line {
            measure: format!("P4 p99 of {} branches (the slowest)", ours.len()),
            goal: format!("< {P99_GOAL_MILLIS} ms"),
            ours: format!("{:.0} ms", p99.0),
            beside: format!("the same, bare {:.0} ms", p99.1),
            ratio: format!("{:.2}", p99.0 / p99.1),
            met: met(p99.0 < P99_GOAL_MILLIS),
        },
    ])
}
