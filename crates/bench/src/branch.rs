//! P4: a branch with a parent of 100 tables, from the POST to its first query answered through the gateway, against
//! the bare cost: copy the template, start the same server with the same options, first query, and the tables
//! made by the `mariadb` client in one go.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use bough_mysql_client::Connection;
use bough_testkit::{Bough, Client};
use rustls::ClientConfig;
use serde_json::json;

use crate::bare_server::{Bare, wait};
use crate::machine::cpu_seconds;
use crate::numbers::{Spread, percentile};
use crate::server::{bough_binary, folder_of, measured, pid_of_server};
use crate::table::{Line, met, say};
use crate::wire::{Way, client_tls};

/// Tables of the parent.
const TABLES: usize = 100;
/// Rounds of A B B A: each contestant makes two branches in each.
const ROUNDS: usize = 8;
/// Branches that each makes before anything is timed.
const WARM_UP: usize = 2;
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

/// The query that is waited for: it needs the last table, and finds nothing in it.
fn first_query() -> String {
    format!("SELECT COUNT(*) AS rows_in FROM shop.t{:03}", TABLES - 1)
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
    tls: Arc<ClientConfig>,
    bare: Bare,
    template: PathBuf,
    schema_file: tempfile::NamedTempFile,
}

impl Bench {
    fn prepare() -> Result<Self> {
        let mut bough = Bough::set_up(&bough_binary()?, measured());
        bough.serve();
        bough.database("shop");
        bough.sql("shop", "main", &tables());
        let admin = bough.admin();
        let schema_file = tempfile::NamedTempFile::with_prefix_in("bare-", "/tmp")?;
        let schema = format!("CREATE DATABASE shop CHARACTER SET utf8mb4;\nUSE shop;\n{}", tables());
        fs::write(schema_file.path(), schema)?;
        // The options of a development branch.
        let branches = admin.org("/databases/shop/branches");
        let made = admin.post(&branches, &json!({"name": "options"})).expect(201);
        bough.wait_branch("shop", "options");
        let bare = Bare::like(&folder_of(&bough, made.str("/id")))?;
        let (template, tls) = (bare.template(&bough)?, client_tls(&bough)?);
        let bench = Self { bough, admin, tls, bare, template, schema_file };
        bench.delete("options", made.str("/id"))?;
        Ok(bench)
    }

    fn branches(&self) -> String {
        self.admin.org("/databases/shop/branches")
    }

    fn delete(&self, name: &str, id: &str) -> Result<()> {
        self.admin.delete(&format!("{}/{name}", self.branches())).expect(204);
        let folder = folder_of(&self.bough, id);
        wait("the branch's folder to be gone", || (!folder.exists()).then_some(()))
    }

    /// POST of the branch, POST of a password for it, and a connection through the gateway, which waits for the
    /// branch: nobody looks whether it is ready.
    fn with_bough(&self) -> Result<Made> {
        let started = Instant::now();
        let made = self.admin.post(&self.branches(), &json!({"name": "timed"})).expect(201);
        let way = Way::through_gateway(&self.bough, &self.admin, "timed")?;
        let mut client = Way { tls: Some(Arc::clone(&self.tls)), ..way }.connect()?;
        let found = client.point(&first_query())?;
        let millis = started.elapsed().as_secs_f64() * 1e3;
        ensure!(found == b"0", "a new branch has no rows");
        client.quit()?;
        let id = made.str("/id");
        let folder = folder_of(&self.bough, id);
        let socket = Bare::socket(&folder);
        let mut conn = self.bare.connect(&socket).context("the branch's server does not answer")?;
        let server_cpu_millis = cpu_seconds(pid_of_server(&folder)?) * 1e3;
        let made = Made { millis, server_cpu_millis, definitions: definitions(&mut conn)? };
        drop(conn);
        self.delete("timed", id)?;
        Ok(made)
    }

    /// A script doing just that, without the shell.
    fn bare(&self) -> Result<Made> {
        let bare = &self.bare;
        let root = bare.prepare("branch", "")?;
        let started = Instant::now();
        bare.copy(&self.template, &root)?;
        let mut server = bare.start(&root)?;
        let mut conn = bare.await_session(&root)?;
        conn.query_one("SELECT 1 AS one")?;
        let applied = bare.client(&root)?.stdin(fs::File::open(self.schema_file.path())?).status()?;
        ensure!(applied.success(), "the tables could not be made");
        let row = conn.query_one(first_query())?;
        let millis = started.elapsed().as_secs_f64() * 1e3;
        ensure!(row.u64("rows_in")? == 0, "a new branch has no rows");
        let server_cpu_millis = cpu_seconds(server.pid()) * 1e3;
        let made = Made { millis, server_cpu_millis, definitions: definitions(&mut conn)? };
        drop(conn);
        server.stop()?;
        fs::remove_dir_all(&root)?;
        Ok(made)
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
    let (ours, beside) = (millis(&ours), millis(&beside));
    let ratio = Spread::of(&ours).median / Spread::of(&beside).median;
    let p99 = (percentile(&ours, 0.99), percentile(&beside, 0.99));
    Ok(vec![
        Line {
            measure: format!(
                "P4 create a branch of {TABLES} tables, POST to first query through the gateway, TLS"
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
