//! Changes of a branch that runs: its name, its class, its size, a restart, an upgrade of its system tables.

use bough_engine::{Step, killpoint};
use bough_testkit::{Bough, Client};
use serde_json::{Value, json};

use crate::BOUGH;
use crate::shop::{Shop, Wish, tidy_up};

/// What is asked of Bough when it dies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    Rename,
    Promote,
    Demote,
    Resize,
    Restart,
    /// A restart, after which the system tables are brought to a newer version.
    Upgrade,
}

const ALL: &[Change] = &[Change::Rename, Change::Promote, Change::Demote, Change::Resize, Change::Restart];

fn points_of(steps: &[Step]) -> impl Iterator<Item = String> {
    let of_steps = |point: &String| steps.iter().any(|step| point.starts_with(&format!("{}.", step.name())));
    killpoint::all_points().into_iter().filter(of_steps).collect::<Vec<_>>().into_iter()
}

/// Every point on the way of each change.
pub fn cases() -> Vec<(String, Change)> {
    let mut cases = Vec::new();
    for change in ALL {
        cases.extend(["change.made", "change.committed"].map(|point| (point.to_owned(), *change)));
    }
    let resize = points_of(&[Step::Resize])
        .chain(["wish.recorded", "resize.begun", "ready.observed"].map(str::to_owned));
    cases.extend(resize.map(|point| (point, Change::Resize)));
    let restart = points_of(&[Step::StopServer, Step::StartServer])
        .chain(["wish.recorded", "ready.observed"].map(str::to_owned));
    cases.extend(restart.map(|point| (point, Change::Restart)));
    cases.extend(points_of(&[Step::UpgradeTables]).map(|point| (point, Change::Upgrade)));
    cases
}

/// A branch as far as changes touch it.
#[derive(Debug, PartialEq)]
struct Seen {
    name: String,
    production: bool,
    size: String,
    pool_bytes: String,
}

/// Whether its one change of size is told as done.
pub fn is_resized(shop: &Shop, id: &str) -> bool {
    let resizes = shop.get(&format!("/databases/shop/branches/{id}/resizes")).expect(200);
    assert_eq!(resizes.data().len(), 1, "{}", resizes.text);
    resizes.str("/data/0/state") == "completed"
}

fn see(shop: &Shop, id: &str) -> Option<Seen> {
    let branch = shop.get(&format!("/databases/shop/branches/{id}")).expect(200).json;
    if branch["ready"] != json!(true) {
        return None;
    }
    let text = |key: &str| branch[key].as_str().expect("a text").to_owned();
    Some(Seen {
        name: text("name"),
        production: branch["production"] == json!(true),
        size: text("cluster_name"),
        pool_bytes: shop.bough.sql("shop", id, "SELECT @@innodb_buffer_pool_size"),
    })
}

pub fn ask(admin: &Client, change: Change, branch: &str) -> Result<u16, String> {
    let path = |what: &str| admin.org(&format!("/databases/shop/branches/{branch}{what}"));
    let (method, path, body) = match change {
        Change::Rename => ("PATCH", path(""), json!({"new_name": format!("{branch}-renamed")})),
        Change::Promote => ("POST", path("/promote"), Value::Null),
        Change::Demote => ("POST", path("/demote"), Value::Null),
        Change::Resize => ("PATCH", path("/cluster"), json!({"cluster_size": "PS_20"})),
        Change::Restart | Change::Upgrade => ("POST", path("/restart"), Value::Null),
    };
    let bytes = (body != Value::Null).then(|| body.to_string().into_bytes());
    let headers: &[(&str, &str)] = &[("content-type", "application/json")];
    admin.try_send(method, &path, headers, bytes.as_deref()).map(|answer| answer.status)
}

/// As if an older server had made its files.
pub fn make_older(shop: &Shop, id: &str) {
    let path = shop.bough.data_dir().join("engine/branches").join(id).join("stage.json");
    let text = std::fs::read_to_string(&path).expect("a record");
    let mut stage: Value = serde_json::from_str(&text).expect("JSON");
    stage["files_of"] = json!({"major": 10, "minor": 6});
    std::fs::write(&path, stage.to_string()).expect("written");
}

fn action(change: Change) -> &'static str {
    match change {
        Change::Rename => "database_branch.updated",
        Change::Promote => "database_branch.promoted",
        Change::Demote => "database_branch.demoted",
        Change::Resize => "database_branch.updated_cluster_size",
        Change::Restart | Change::Upgrade => "database_branch.restarted",
    }
}

#[test]
fn what_is_being_changed_when_bough_dies_is_changed_once() {
    let mut shop = Shop::new(Bough::start(BOUGH));
    for (number, (point, change)) in cases().into_iter().enumerate() {
        let name = format!("changed-{number}");
        assert_eq!(shop.ask(Wish::Branch, &name), Ok(201));
        let id = shop.bough.wait_branch("shop", &name)["id"].as_str().expect("an id").to_owned();
        if change == Change::Demote {
            ask(&shop.bough.admin(), Change::Promote, &name).expect("promoted");
        }
        if change == Change::Upgrade {
            make_older(&shop, &id);
        }
        shop.bough.sql("shop", &name, "INSERT INTO parents VALUES (7, 'kept')");
        let before = see(&shop, &id).expect("it is ready");
        let servers = shop.bough.branch_servers();

        shop.bough.kill();
        shop.bough.serve_with_env(&[(killpoint::KILL_AT, &point)]);
        shop.bough.wait_ready();
        let answered = ask(&shop.bough.admin(), change, &name);
        shop.died(&point);
        let what = format!("{point} ({change:?})");
        let acknowledged = answered.is_ok_and(|status| status < 300);
        let made = point != "change.made";
        assert!(made || !acknowledged, "{what}: acknowledged and not committed");

        let wanted = match (made, change) {
            (false, _) | (_, Change::Restart | Change::Upgrade) => before,
            (_, Change::Rename) => Seen { name: format!("{name}-renamed"), ..before },
            (_, Change::Promote) => Seen { production: true, ..before },
            (_, Change::Demote) => Seen { production: false, ..before },
            (_, Change::Resize) => {
                Seen { size: "PS_20".to_owned(), pool_bytes: (512_u64 << 20).to_string(), ..before }
            }
        };
        let resized = change == Change::Resize && made;
        shop.recover(&what, |shop| {
            let is_wanted = see(shop, &id).is_some_and(|seen| seen == wanted);
            is_wanted && (!resized || is_resized(shop, &id)) && shop.is_tidy()
        });
        shop.assert_tidy(&what);
        let rows = shop.bough.sql("shop", &id, "SELECT name FROM parents");
        assert_eq!(rows, "kept", "{what}");
        let log =
            shop.get(&format!("/audit-log?limit=100&filters[]=audit_action:{}", action(change))).expect(200);
        let told = log.data().iter().filter(|entry| entry["target_id"] == json!(id)).count();
        assert_eq!(told, usize::from(made), "{what}: entries of the audit log");
        let restarted = made && matches!(change, Change::Restart | Change::Upgrade);
        let same = shop.bough.branch_servers() == servers;
        assert_eq!(same, !restarted, "{what}: only a restart restarts, and does");
        shop.check_rows(&what);
        tidy_up(&shop, Wish::Branch, &id);
    }
    shop.say_times("changed");
}
