//! What must be true after each round.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bough_testkit::Bough;
use serde_json::{Value, json};

use crate::model::{Doubt, Item, World};
use crate::rows;

/// Longest wait for everything to be as wished, in seconds.
const SETTLED_LIMIT_S: u64 = 90;
/// Buffer pools of the cluster sizes that are used here, in MiB.
const SIZES: &[(&str, u64)] = &[("PS_DEV", 32), ("PS_10", 128), ("PS_20", 512)];
/// Pause between two looks, in milliseconds.
const LOOK_PAUSE_MS: u64 = 20;

/// The branches that Bough shows, by database.
pub type Shown = BTreeMap<String, Vec<Value>>;

/// Everything that Bough shows.
pub fn shown(bough: &Bough) -> Result<Shown, String> {
    let admin = bough.admin();
    let all = |path: &str| {
        let mut rows = Vec::new();
        for page in 1.. {
            let path = admin.org(&format!("{path}?per_page=100&page={page}"));
            let answer = admin.try_send("GET", &path, &[], None)?;
            let data = answer.json["data"].as_array().cloned();
            let data = data.ok_or_else(|| format!("GET {path}: {} {}", answer.status, answer.text))?;
            let last = data.is_empty();
            rows.extend(data);
            if last {
                break;
            }
        }
        Ok::<_, String>(rows)
    };
    let mut shown = Shown::new();
    for database in all("/databases")? {
        let name = database["name"].as_str().unwrap_or_default().to_owned();
        let branches = all(&format!("/databases/{name}/branches"))?;
        if shown.insert(name.clone(), branches).is_some() {
            return Err(format!("two databases are called {name}"));
        }
    }
    Ok(shown)
}

/// What is not as wished; `None` when everything is.
fn unsettled(bough: &Bough) -> Option<String> {
    let shown = match shown(bough) {
        Ok(shown) => shown,
        Err(why) => return Some(why),
    };
    if let Some(resizing) = resizing(bough) {
        return Some(resizing);
    }
    let (mut ids, mut awake) = (Vec::new(), Vec::new());
    for (database, branches) in &shown {
        for branch in branches {
            if branch["ready"] != json!(true) {
                return Some(format!(
                    "{database}/{} is {}: {}",
                    branch["name"], branch["state"], branch["last_error"]
                ));
            }
            let id = branch["id"].as_str().map(str::to_owned);
            if branch["state"] == json!("sleep_in_progress") {
                return Some(format!("{database}/{} is about to sleep", branch["name"]));
            }
            if branch["state"] != json!("sleeping") {
                awake.extend(id.clone());
            }
            ids.extend(id);
        }
    }
    ids.sort();
    awake.sort();
    let engine = bough.data_dir().join("engine");
    let names = |folder: &str| {
        let entries = std::fs::read_dir(engine.join(folder)).into_iter().flatten().filter_map(Result::ok);
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    let (folders, served) = (bough.branch_folders(), served(bough));
    let (trash, templates) = (names("trash"), names("templates"));
    let is_tidy = folders == ids && served == awake && trash.is_empty() && templates.len() == 1;
    (!is_tidy).then(|| {
        format!("branches {ids:?}, awake {awake:?}, folders {folders:?}, servers of {served:?}, trash {trash:?}, templates {templates:?}")
    })
}

/// A branch is ready while its size changes; its database tells.
fn resizing(bough: &Bough) -> Option<String> {
    let admin = bough.admin();
    let answer = admin.try_send("GET", &admin.org("/databases?per_page=100"), &[], None);
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return Some(why),
    };
    let rows = answer.json["data"].as_array().cloned().unwrap_or_default();
    let changing =
        rows.iter().find(|row| row["resizing"] == json!(true) || row["resize_queued"] == json!(true));
    changing.map(|row| format!("a branch of {} is being resized", row["name"]))
}

/// The branches in whose folders servers run, one for each server.
fn served(bough: &Bough) -> Vec<String> {
    let id_of = |pid: &u32| {
        let data = std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
        Some(data.parent()?.file_name()?.to_string_lossy().into_owned())
    };
    let mut ids: Vec<_> = bough.branch_servers().iter().filter_map(id_of).collect();
    ids.sort();
    ids
}

/// Waits until every branch is ready, with one folder and one server, and nothing else is there.
pub fn settle(bough: &Bough, begun: Instant) -> Result<(), String> {
    settle_within(bough, begun, Duration::from_secs(SETTLED_LIMIT_S))
}

/// As [`settle`], with another limit.
pub fn settle_within(bough: &Bough, begun: Instant, limit: Duration) -> Result<(), String> {
    loop {
        let Some(why) = unsettled(bough) else { return Ok(()) };
        if begun.elapsed() > limit {
            return Err(format!("not as wished within {} s: {why}", limit.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(LOOK_PAUSE_MS));
    }
}

/// Wakes every branch that sleeps, and waits for them.
pub fn wake_all(bough: &Bough) -> Result<(), String> {
    let admin = bough.admin();
    for (database, branches) in shown(bough)? {
        for branch in branches.iter().filter(|branch| branch["state"] == json!("sleeping")) {
            let name = branch["name"].as_str().unwrap_or_default();
            let path = admin.org(&format!("/databases/{database}/branches/{name}/wake"));
            match admin.try_send("POST", &path, &[], None) {
                Ok(answer) if answer.status == 200 => {}
                other => return Err(format!("POST {path}: {other:?}")),
            }
        }
    }
    settle(bough, Instant::now())
}

/// Compares what is there with what must be, and takes over what was open.
pub fn everything(bough: &Bough, world: &World, hands: &mut [Vec<Item>], mains: &mut [Item]) -> Vec<String> {
    let mut findings = Vec::new();
    let shown = match shown(bough) {
        Ok(shown) => shown,
        Err(why) => return vec![why],
    };
    let mut known: BTreeSet<(String, String)> = BTreeSet::new();
    for items in hands.iter_mut() {
        let mut kept = Vec::new();
        for mut item in std::mem::take(items) {
            let found = find(&shown, &item, &mut findings);
            let is_wanted = compare(&mut item, found, &mut findings);
            if is_wanted {
                known.insert((item.database.clone(), item.branch.clone()));
                kept.push(item);
            }
        }
        adopt_parents(&shown, &mut kept);
        *items = kept;
    }
    for main in mains.iter() {
        known.insert((main.database.clone(), main.branch.clone()));
    }
    for (database, branches) in &shown {
        for branch in branches {
            let name = branch["name"].as_str().unwrap_or_default().to_owned();
            if !known.contains(&(database.clone(), name.clone())) {
                findings.push(format!("{database}/{name} is there and must not be"));
            }
        }
    }
    for item in hands.iter_mut().flatten().chain(mains.iter_mut()).filter(|item| !item.whole_database) {
        findings.extend(rows_of(bough, world, item).err());
    }
    for item in hands.iter_mut().flatten().filter(|item| !item.whole_database) {
        findings.extend(passwords_of(bough, item).err());
    }
    findings.extend(audit(bough, hands));
    findings
}

fn find<'a>(shown: &'a Shown, item: &Item, findings: &mut Vec<String>) -> Option<&'a Value> {
    let branches = shown.get(&item.database)?;
    let found: Vec<&Value> = branches
        .iter()
        .filter(|branch| branch["name"].as_str().is_some_and(|name| item.names().contains(&name)))
        .collect();
    if found.len() > 1 {
        findings.push(format!("{}/{} is there {} times", item.database, item.branch, found.len()));
    }
    found.first().copied()
}

/// Whether it is there, and may be.
fn compare(item: &mut Item, found: Option<&Value>, findings: &mut Vec<String>) -> bool {
    let called = format!("{}/{}", item.database, item.branch);
    let Some(found) = found else {
        if !matches!(item.doubt, Some(Doubt::Made | Doubt::Gone)) {
            findings.push(format!("{called} was acknowledged and is not there"));
        }
        return false;
    };
    if item.id.is_some() && found["id"].as_str() != item.id.as_deref() {
        findings.push(format!("{called} has the id {} instead of {:?}", found["id"], item.id));
    }
    let was = (item.production, item.safe, item.size.clone());
    let doubt = item.doubt.take();
    item.learn(found);
    if item.production != was.0 && !matches!(doubt, Some(Doubt::Class | Doubt::Made)) {
        findings.push(format!("{called}: production is {}, {} was acknowledged", item.production, was.0));
    }
    if item.safe != was.1 && !matches!(doubt, Some(Doubt::Safe | Doubt::Made)) {
        findings.push(format!("{called}: safe migrations are {}, {} was acknowledged", item.safe, was.1));
    }
    if was.2.is_some() && item.size != was.2 && !matches!(doubt, Some(Doubt::Size | Doubt::Made)) {
        findings.push(format!("{called}: its size is {:?}, {:?} was acknowledged", item.size, was.2));
    }
    if doubt == Some(Doubt::Made) {
        item.is_new = true;
    }
    if let Some(name) = found["name"].as_str() {
        name.clone_into(&mut item.branch);
    }
    true
}

/// A parent may have got another name that was open.
fn adopt_parents(shown: &Shown, items: &mut [Item]) {
    for item in items.iter_mut().filter(|item| item.parent.is_some()) {
        let branches = shown.get(&item.database).map(Vec::as_slice).unwrap_or_default();
        let row = branches.iter().find(|branch| branch["name"].as_str() == Some(&item.branch));
        item.parent = row.and_then(|row| row["parent_branch"].as_str()).map(str::to_owned);
    }
}

/// Every acknowledged row is there, and none that nobody sent.
fn rows_of(bough: &Bough, world: &World, item: &mut Item) -> Result<(), String> {
    let called = format!("{}/{}", item.database, item.branch);
    let mut conn = match rows::open(&world.branches, item) {
        Some(conn) => conn,
        // It has fallen asleep since all were woken.
        None => {
            settle(bough, Instant::now())?;
            wake_all(bough)?;
            rows::open(&world.branches, item).ok_or_else(|| format!("{called} does not answer"))?
        }
    };
    let found = rows::read(&mut conn).map_err(|error| format!("{called}: {error}"))?;
    let pool = rows::pool_mib(&mut conn).map_err(|error| format!("{called}: {error}"))?;
    let wanted = SIZES.iter().find(|(name, _)| item.size.as_deref() == Some(*name));
    if wanted.is_some_and(|(_, mib)| *mib != pool) {
        return Err(format!("{called}: its size is {:?}, and its server has {pool} MiB", item.size));
    }
    let lost: Vec<_> = item.acknowledged.difference(&found).take(5).collect();
    let strange: Vec<_> = found.difference(&item.sent).take(5).collect();
    let wrong = format!("{called}: acknowledged and lost: {lost:?}; there and never sent: {strange:?}");
    let is_right = lost.is_empty() && strange.is_empty();
    // What got no answer and is there is there to stay. What is wrong is said once.
    item.acknowledged.clone_from(&found);
    item.sent = found;
    if is_right { Ok(()) } else { Err(wrong) }
}

/// Every acknowledged password is there, and none that nobody asked for, or that was deleted.
fn passwords_of(bough: &Bough, item: &mut Item) -> Result<(), String> {
    let called = format!("{}/{}", item.database, item.branch);
    let admin = bough.admin();
    let path = format!("/databases/{}/branches/{}/passwords?per_page=100", item.database, item.branch);
    let answer = admin.try_send("GET", &admin.org(&path), &[], None)?;
    let rows = answer.json["data"].as_array();
    let rows = rows.ok_or_else(|| format!("passwords of {called}: {} {}", answer.status, answer.text))?;
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let found: BTreeMap<String, String> =
        rows.iter().map(|row| (text(row, "name"), text(row, "id"))).collect();
    let lost: Vec<_> = item.passwords.iter().filter(|(name, id)| found.get(*name) != Some(id)).collect();
    let known = |name: &String| item.passwords.contains_key(name) || item.passwords_in_doubt.contains(name);
    let strange: Vec<_> = found.keys().filter(|name| !known(name)).collect();
    let wrong =
        format!("passwords of {called}: acknowledged and lost: {lost:?}; there and must not be: {strange:?}");
    let is_right = lost.is_empty() && strange.is_empty() && found.len() == rows.len();
    item.passwords = found;
    item.passwords_in_doubt.clear();
    if is_right { Ok(()) } else { Err(wrong) }
}

/// The log is sound, and what was made since the last look has exactly one entry.
fn audit(bough: &Bough, hands: &mut [Vec<Item>]) -> Vec<String> {
    let mut findings = Vec::new();
    let report = bough.run_json(&["audit", "verify", "--json"]);
    if report["sound"] != json!(true) {
        findings.push(format!("the audit log is not sound: {report}"));
    }
    let admin = bough.admin();
    let path = admin.org("/audit-log?limit=100&filters[]=audit_action:database_branch.created");
    let newest = match admin.try_send("GET", &path, &[], None) {
        Ok(answer) if answer.status == 200 => answer.json["data"].as_array().cloned().unwrap_or_default(),
        other => {
            findings.push(format!("GET {path}: {other:?}"));
            return findings;
        }
    };
    for item in hands.iter_mut().flatten().filter(|item| item.is_new) {
        item.is_new = false;
        // A database's first branch has its entry beside the database's.
        let is_its = |entry: &&Value| entry["target_id"].as_str() == item.id.as_deref();
        let entries = newest.iter().filter(is_its).count();
        if entries != 1 {
            findings.push(format!("{}/{} has {entries} entries of its making", item.database, item.branch));
        }
    }
    findings
}
