//! A Bough with a database, which dies and comes back, and what must be true after it.

use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use bough_engine::killpoint;
use bough_testkit::{Bough, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// Longest wait for a point to be reached, and for everything to be settled after it.
pub const LIMIT: Duration = Duration::from_secs(60);

/// What is asked of Bough when it dies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wish {
    /// A development branch, which gets its parent's schema.
    Branch,
    /// A database with its first branch.
    Database,
    /// A branch of a database that does not exist yet.
    Both,
    DeleteBranch,
    DeleteDatabase,
}

fn parent_sql() -> &'static str {
    "CREATE TABLE parents (id INT PRIMARY KEY, name VARCHAR(20));
     CREATE TABLE children (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parents (id));
     CREATE VIEW named AS SELECT id, name FROM parents;
     INSERT INTO parents VALUES (0, 'first')"
}

/// A Bough with a database `shop`, whose branch `main` has a schema and rows.
pub struct Shop {
    pub bough: Bough,
    /// Rows of `parents` that were acknowledged.
    pub rows: usize,
    /// From the new start to settled, by point.
    pub times: Vec<(Duration, String)>,
}

impl Shop {
    pub fn new(mut bough: Bough) -> Self {
        if bough.base().is_empty() {
            bough.serve();
        }
        let admin = bough.admin();
        if admin.get(&admin.org("/databases/shop")).status == 404 {
            bough.database("shop");
        }
        bough.sql("shop", "main", parent_sql());
        Self { bough, rows: 1, times: Vec::new() }
    }

    pub fn get(&self, path: &str) -> bough_testkit::Answer {
        let admin = self.bough.admin();
        admin.get(&admin.org(path))
    }

    /// Asks for something and may get no answer.
    pub fn ask(&self, wish: Wish, name: &str) -> Result<u16, String> {
        let admin = self.bough.admin();
        let (method, path, body) = match wish {
            Wish::Branch => ("POST", "/databases/shop/branches".to_owned(), json!({"name": name})),
            Wish::Database => ("POST", "/databases".to_owned(), json!({"name": name})),
            Wish::Both => (
                "POST",
                format!("/databases/{name}/branches"),
                json!({"name": "dev", "create_database_if_missing": true}),
            ),
            Wish::DeleteBranch => ("DELETE", format!("/databases/shop/branches/{name}"), Value::Null),
            Wish::DeleteDatabase => ("DELETE", format!("/databases/{name}"), Value::Null),
        };
        let bytes = (body != Value::Null).then(|| body.to_string().into_bytes());
        let headers: &[(&str, &str)] = &[("content-type", "application/json")];
        admin.try_send(method, &admin.org(&path), headers, bytes.as_deref()).map(|answer| answer.status)
    }

    /// Bough runs, is asked, and dies at the point.
    pub fn die_at(&mut self, point: &str, wish: Wish, name: &str) {
        self.bough.serve_with_env(&[(killpoint::KILL_AT, point)]);
        self.bough.wait_ready();
        let answered = self.ask(wish, name);
        let deletes = matches!(wish, Wish::DeleteBranch | Wish::DeleteDatabase);
        match answered {
            Ok(status) => {
                assert_eq!(status, if deletes { 204 } else { 201 }, "{point}, {name}");
                let unanswered = ["change.made", "change.committed", "wish.recorded"];
                assert!(!unanswered.contains(&point), "{point}, {name}: dead before it could answer");
            }
            // What follows an answer can overtake it.
            Err(error) => assert!(!error.is_empty(), "{point}"),
        }
        self.died(point);
    }

    pub fn died(&mut self, point: &str) {
        let status = wait_until(LIMIT, &format!("{point} is reached"), || self.bough.ended());
        assert_eq!(status.signal(), Some(9), "{point} is not reached: {status}");
    }

    /// Starts without a kill point, waits until `settled`, and keeps the time.
    pub fn recover(&mut self, point: &str, settled: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        self.bough.serve();
        wait_until(LIMIT, &format!("settled after {point}"), || settled(self).then_some(()));
        self.times.push((started.elapsed(), point.to_owned()));
    }

    /// The branches of a database by name, each with its id; none when there is no such database.
    pub fn branches(&self, database: &str) -> Vec<(String, String)> {
        let answer = self.get(&format!("/databases/{database}/branches?per_page=100"));
        if answer.status == 404 {
            return Vec::new();
        }
        let list = answer.expect(200);
        assert_eq!(list.json["total_count"], json!(list.data().len()), "{}", list.text);
        let text = |branch: &Value, key: &str| branch[key].as_str().expect("a text").to_owned();
        list.data().iter().map(|branch| (text(branch, "name"), text(branch, "id"))).collect()
    }

    pub fn databases(&self) -> Vec<String> {
        let list = self.get("/databases?per_page=100").expect(200);
        list.data().iter().map(|database| database["name"].as_str().expect("a name").to_owned()).collect()
    }

    pub fn is_ready(&self, database: &str, branch: &str) -> bool {
        let answer = self.get(&format!("/databases/{database}/branches/{branch}"));
        answer.status == 200 && answer.json["ready"] == json!(true)
    }

    /// Names of what is in a folder of the engine.
    pub fn names_in(&self, folder: &str) -> Vec<String> {
        let path = self.bough.data_dir().join("engine").join(folder);
        let entries = std::fs::read_dir(path).expect("a folder of the engine");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    /// The branch ids in whose folders servers run, one for each server, sorted.
    pub fn served(&self) -> Vec<String> {
        let id_of = |pid: &u32| {
            let data = std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
            Some(data.parent()?.file_name()?.to_string_lossy().into_owned())
        };
        let mut ids: Vec<_> = self.bough.branch_servers().iter().filter_map(id_of).collect();
        ids.sort();
        ids
    }

    /// Exactly one folder for each branch that the API shows, one server for each but those that sleep, and
    /// nothing else.
    pub fn is_tidy(&self) -> bool {
        let (mut ids, mut awake) = (Vec::new(), Vec::new());
        for database in self.databases() {
            for (_, id) in self.branches(&database) {
                let branch = self.get(&format!("/databases/{database}/branches/{id}"));
                if branch.status != 200 || branch.json["state"] != json!("sleeping") {
                    awake.push(id.clone());
                }
                ids.push(id);
            }
        }
        ids.sort();
        awake.sort();
        self.bough.branch_folders() == ids && self.served() == awake && self.names_in("trash").is_empty()
    }

    pub fn assert_tidy(&self, point: &str) {
        assert!(
            self.is_tidy(),
            "{point}: folders {:?}, servers of {:?}, trash {:?}, databases {:?}",
            self.bough.branch_folders(),
            self.served(),
            self.names_in("trash"),
            self.databases()
        );
        assert_eq!(self.names_in("templates").len(), 1, "{point}: one template");
    }

    /// No acknowledged row is lost, and another is acknowledged.
    pub fn check_rows(&mut self, point: &str) {
        let counted = self.bough.sql("shop", "main", "SELECT COUNT(*) FROM parents");
        assert_eq!(counted, self.rows.to_string(), "{point}");
        self.bough.sql("shop", "main", &format!("INSERT INTO parents VALUES ({}, 'more')", self.rows));
        self.rows += 1;
    }

    /// The log is sound and has exactly one entry of this action on a target of this name.
    pub fn check_audit(&self, point: &str, action: &str, name: &str) {
        let path = format!("/audit-log?limit=100&filters[]=audit_action:{action}");
        let log = self.get(&path).expect(200);
        let found = log.data().iter().filter(|entry| entry["target_display_name"] == json!(name)).count();
        assert_eq!(found, 1, "{point}: entries {action} of {name}");
        let report = self.bough.run_json(&["audit", "verify", "--json"]);
        assert_eq!(report["sound"], json!(true), "{point}: {report}");
    }

    pub fn say_times(&mut self, what: &str) {
        self.times.sort();
        #[allow(clippy::print_stderr, reason = "what a measurement has to say")]
        for (time, point) in &self.times {
            eprintln!("{what}: {:>5} ms: {point}", time.as_millis());
        }
    }
}

/// Takes away again what a case has made, and waits: servers take memory.
pub fn tidy_up(shop: &Shop, wish: Wish, name: &str) {
    let delete = if wish == Wish::Branch { Wish::DeleteBranch } else { Wish::DeleteDatabase };
    assert_eq!(shop.ask(delete, name), Ok(204), "{name}");
    wait_until(LIMIT, &format!("{name} is gone"), || shop.is_tidy().then_some(()));
}

pub fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), signal).expect("it can be signalled");
}
