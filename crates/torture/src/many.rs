//! Many branches made at once by many clients, and kill -9 of Bough in the middle: in the end all are ready,
//! and none is there twice.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bough_testkit::{Bough, Client, Options};
use serde_json::json;

use crate::{check, rows, say};

/// Memory that a branch server takes, and some for the rest, in MiB.
const SERVER_MIB: u64 = 50;
const REST_MIB: u64 = 1_500;
/// Longest wait for all of them, in seconds, and for each of them besides, in milliseconds.
const LIMIT_S: u64 = 120;
const LIMIT_EACH_MS: u64 = 3_000;

/// Makes so many branches in as many databases as the limit of each asks for. Answers how long it took from
/// the new start to all being ready; `None` when this machine has too little memory.
///
/// # Errors
/// What is not as it must be.
///
/// # Panics
/// When Bough cannot be set up or started.
pub fn run(binary: &str, branches: usize, clients: usize) -> Result<Option<Duration>, String> {
    let needed = branches as u64 * SERVER_MIB + REST_MIB;
    let free = available_mib().unwrap_or(u64::MAX);
    if free < needed {
        say(&format!("skipped: {branches} branches at once need {needed} MiB of memory, {free} are free"));
        return Ok(None);
    }
    let mut bough = Bough::start_with(binary, Options::default());
    // A hundred development branches are what a database may have.
    let databases: Vec<String> = (0..branches.div_ceil(90).max(2)).map(|n| format!("d{n}")).collect();
    for database in &databases {
        bough.database(database);
        bough.sql(database, "main", rows::TABLE);
    }
    let names: Vec<(String, String)> =
        (0..branches).map(|n| (databases[n % databases.len()].clone(), format!("b{n}"))).collect();
    let answered = AtomicUsize::new(0);
    let begun = Instant::now();
    let acknowledged = std::thread::scope(|scope| {
        let admin = bough.admin();
        let (names, answered) = (&names, &answered);
        let threads: Vec<_> = (0..clients)
            .map(|client| {
                let admin = admin.clone();
                scope.spawn(move || {
                    let own = names.iter().skip(client).step_by(clients);
                    own.filter(|name| ask(&admin, name, answered)).cloned().collect::<Vec<_>>()
                })
            })
            .collect();
        while answered.load(Ordering::Relaxed) < branches / 2 {
            std::thread::sleep(Duration::from_millis(1));
        }
        bough.kill();
        threads.into_iter().flat_map(|thread| thread.join().expect("a client")).collect::<BTreeSet<_>>()
    });
    say(&format!(
        "{branches} branches, {clients} clients: killed after {} ms with {} acknowledged",
        begun.elapsed().as_millis(),
        acknowledged.len()
    ));
    let begun = Instant::now();
    bough.serve();
    // Those that got no answer ask once more; some were made all the same.
    let admin = bough.admin();
    for (database, name) in names.iter().filter(|name| !acknowledged.contains(name)) {
        let answer =
            admin.post(&admin.org(&format!("/databases/{database}/branches")), &json!({"name": name}));
        let taken = answer.text.contains("already been taken");
        if answer.status != 201 && !(answer.status == 422 && taken) {
            return Err(format!("{database}/{name}: {} {}", answer.status, answer.text));
        }
    }
    let limit = Duration::from_secs(LIMIT_S) + Duration::from_millis(LIMIT_EACH_MS * branches as u64);
    check::settle_within(&bough, begun, limit)?;
    let took = begun.elapsed();
    let mut found = Vec::new();
    for (database, rows) in check::shown(&bough)? {
        let name = |row: &serde_json::Value| row["name"].as_str().unwrap_or_default().to_owned();
        found
            .extend(rows.iter().map(name).filter(|name| name != "main").map(|name| (database.clone(), name)));
    }
    let once: BTreeSet<_> = found.iter().cloned().collect();
    if once.len() != found.len() || once != names.iter().cloned().collect() {
        return Err(format!("{} branches are there, {} of them different", found.len(), once.len()));
    }
    for (database, name) in names.iter().step_by(names.len().div_ceil(10)) {
        let tables = bough.sql(database, name, "SHOW TABLES");
        if tables != "kept\nkept_child\nkept_view" {
            return Err(format!("{database}/{name} has {tables:?}"));
        }
    }
    let report = bough.run_json(&["audit", "verify", "--json"]);
    if report["sound"] != json!(true) {
        return Err(format!("the audit log is not sound: {report}"));
    }
    say(&format!("all {branches} ready, each once, {} ms after the new start", took.as_millis()));
    Ok(Some(took))
}

/// Whether the branch was acknowledged.
fn ask(admin: &Client, (database, name): &(String, String), answered: &AtomicUsize) -> bool {
    let body = json!({ "name": name }).to_string().into_bytes();
    let path = admin.org(&format!("/databases/{database}/branches"));
    let asked = admin.try_send("POST", &path, &[("content-type", "application/json")], Some(&body));
    // Counted in any case: nobody may wait for one that was refused.
    answered.fetch_add(1, Ordering::Relaxed);
    asked.is_ok_and(|answer| answer.status == 201)
}

fn available_mib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}
