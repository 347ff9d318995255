//! At every kill point: the process dies there, a new one takes over, and everything is as it should be.
//!
//! The process that dies is this test's own program, started anew with [`victim`] as its only test.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use bough_engine::{BranchSpec, Step, killpoint};
use bough_model::{Desired, PasswordRole};
use support::{Rig, child_spec, converge, enter, root_spec, servers_in};

const FOLDER: &str = "BOUGH_TEST_FOLDER";
const BRANCH: &str = "BOUGH_TEST_BRANCH";
const WISH: &str = "BOUGH_TEST_WISH";
const PARENT: &str = "parentaaaaaa";

/// Not a test by itself: what the killed process does. Run without its variables it does nothing.
#[test]
fn victim() {
    let (Ok(folder), Ok(branch), Ok(wish)) =
        (std::env::var(FOLDER), std::env::var(BRANCH), std::env::var(WISH))
    else {
        return;
    };
    let rig = Rig::again(Path::new(&folder));
    let spec = child_spec(&branch, PARENT);
    match wish.as_str() {
        "await" => rig.engine.execute(&spec, Step::AwaitAnswer).expect("it answers"),
        "safe" => converge(&rig.engine, &safe(spec), Desired::Running),
        "gone" => converge(&rig.engine, &spec, Desired::Gone),
        "changed" => converge(&rig.engine, &changed(spec), Desired::Running),
        _ => converge(&rig.engine, &spec, Desired::Running),
    }
}

/// Runs the victim; whether it died by SIGKILL.
fn run_victim(folder: &Path, branch: &str, wish: &str, point: &str) -> bool {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "victim", "--nocapture"])
        .env(FOLDER, folder)
        .env(BRANCH, branch)
        .env(WISH, wish)
        .env(killpoint::KILL_AT, point)
        .output()
        .expect("the victim ran");
    let killed = output.status.signal() == Some(9);
    assert!(killed || output.status.success(), "{point}: {}", String::from_utf8_lossy(&output.stdout));
    killed
}

fn is_about_removal(point: &str) -> bool {
    [Step::StopServer, Step::RemoveDirectory].iter().any(|step| point.starts_with(step.name()))
}

fn is_about_change(point: &str) -> bool {
    [Step::UpgradeTables, Step::Resize].iter().any(|step| point.starts_with(step.name()))
}

/// The same branch, larger and to be restarted once.
fn changed(spec: BranchSpec) -> BranchSpec {
    let mut size = spec.size;
    size.buffer_pool_bytes *= 2;
    size.redo_log_bytes *= 2;
    size.max_connections += 10;
    BranchSpec { size, restarts: 1, ..spec }
}

/// The same branch, whose schema nobody may change directly.
fn safe(spec: BranchSpec) -> BranchSpec {
    BranchSpec { accounts: support::accounts(spec.id.as_str(), true), ..spec }
}

fn leftovers(folder: &Path) -> Vec<String> {
    let mut left = Vec::new();
    for part in ["branches", "trash", "templates"] {
        for entry in std::fs::read_dir(folder.join("engine").join(part)).expect("a folder") {
            left.push(entry.expect("an entry").file_name().to_string_lossy().into_owned());
        }
    }
    left.retain(|name| name != PARENT && !name.starts_with("mariadb-"));
    left
}

fn parent(rig: &Rig) {
    let spec = root_spec(PARENT);
    converge(&rig.engine, &spec, Desired::Running);
    let mut conn = rig.engine.connect(&spec.id).expect("a session");
    for sql in [
        "USE `shop_1`",
        "CREATE TABLE a (id INT PRIMARY KEY)",
        "CREATE TABLE b (id INT)",
        "CREATE VIEW v AS SELECT id FROM a",
    ] {
        conn.execute(sql).expect("a statement");
    }
}

#[test]
fn creation_survives_death_at_every_point() {
    let rig = Rig::new();
    parent(&rig);
    let points = killpoint::engine_points();
    let points = points.iter().filter(|point| {
        !is_about_removal(point) && !is_about_change(point) && !point.starts_with("template.")
    });
    for (n, point) in points.enumerate() {
        let branch = format!("kill{n:08}");
        let spec = child_spec(&branch, PARENT);
        if point.starts_with(Step::AwaitAnswer.name()) {
            assert!(run_victim(&rig.folder, &branch, "running", "start-server.spawned"), "{point}");
            assert!(run_victim(&rig.folder, &branch, "await", point), "{point} is reached");
        } else {
            assert!(run_victim(&rig.folder, &branch, "running", point), "{point} is reached");
        }
        // Whoever takes over gets through what is left half-made, also without having swept.
        let next = Rig::again(&rig.folder);
        converge(&next.engine, &spec, Desired::Running);
        assert_eq!(servers_in(&rig.folder, &spec.id).len(), 1, "{point}: one server");
        let schema = next.engine.read_schema(&spec.id, &spec.schema).expect("the schema");
        assert_eq!(
            schema.iter().map(|object| object.name.as_str()).collect::<Vec<_>>(),
            ["a", "b", "v"],
            "{point}"
        );
        converge(&next.engine, &spec, Desired::Gone);
        next.engine.sweep().expect("swept");
        assert_eq!(servers_in(&rig.folder, &spec.id).len(), 0, "{point}: no server");
        assert_eq!(leftovers(&rig.folder), Vec::<String>::new(), "{point}");
    }
}

#[test]
fn removal_survives_death_at_every_point() {
    let rig = Rig::new();
    parent(&rig);
    let points = killpoint::engine_points();
    for (n, point) in points.iter().filter(|point| is_about_removal(point)).enumerate() {
        let branch = format!("gone{n:08}");
        let spec = child_spec(&branch, PARENT);
        converge(&rig.engine, &spec, Desired::Running);
        assert!(run_victim(&rig.folder, &branch, "gone", point), "{point} is reached");
        let next = Rig::again(&rig.folder);
        next.engine.sweep().expect("swept");
        converge(&next.engine, &spec, Desired::Gone);
        assert_eq!(servers_in(&rig.folder, &spec.id).len(), 0, "{point}: no server");
        assert_eq!(leftovers(&rig.folder), Vec::<String>::new(), "{point}");
    }
}

/// A restart, an upgrade of the system tables and a resize, all asked for at once.
#[test]
fn changes_survive_death_at_every_point() {
    let rig = Rig::new();
    parent(&rig);
    let on_the_way = |point: &&String| {
        let of_a_restart = [Step::StopServer, Step::StartServer];
        is_about_change(point) || of_a_restart.iter().any(|step| point.starts_with(step.name()))
    };
    let branch = "changeaaaaaa";
    let spec = child_spec(branch, PARENT);
    for point in killpoint::engine_points().iter().filter(on_the_way) {
        converge(&rig.engine, &spec, Desired::Running);
        let mut conn = rig.engine.connect(&spec.id).expect("a session");
        conn.execute("INSERT INTO `shop_1`.a VALUES (1)").expect("a row");
        drop(conn);
        // As if an older server had made its files; upgrading takes seconds.
        let upgrades = point.starts_with(Step::UpgradeTables.name());
        support::edit_record(&rig.folder, &spec.id, "stage.json", |stage| {
            if upgrades {
                stage["files_of"] = serde_json::json!({"major": 10, "minor": 6});
            }
        });
        assert!(run_victim(&rig.folder, branch, "changed", point), "{point} is reached");
        let next = Rig::again(&rig.folder);
        converge(&next.engine, &changed(spec.clone()), Desired::Running);
        assert_eq!(servers_in(&rig.folder, &spec.id).len(), 1, "{point}: one server");
        let seen = next.engine.observe(&spec.id).expect("observed");
        assert_eq!(seen.stage.restarts, 1, "{point}");
        assert_eq!(seen.stage.files_of, Some(seen.installed), "{point}");
        assert!(
            seen.figures.is_some_and(|figures| figures.fit(&changed(spec.clone()).size)),
            "{point}: {seen:?}"
        );
        let mut conn = next.engine.connect(&spec.id).expect("a session");
        let rows = conn.query_one("SELECT COUNT(*) AS rows_there FROM `shop_1`.a").expect("a count");
        assert_eq!(rows.u64("rows_there").expect("a number"), 1, "{point}: no row is lost");
        let accounts = "SELECT COUNT(*) AS others FROM mysql.global_priv WHERE User NOT IN ('mariadb.sys', \
                        SUBSTRING_INDEX(CURRENT_USER(), '@', 1)) AND User NOT LIKE 'planetscale-%'";
        let others = conn.query_one(accounts).expect("accounts").u64("others").expect("a number");
        assert_eq!(others, 0, "{point}: nobody who upgraded is left");
        drop(conn);
        converge(&next.engine, &spec, Desired::Gone);
    }
}

/// Rights are taken from `admin` while it has a session open.
#[test]
fn taken_rights_are_gone_after_death_at_every_point() {
    let rig = Rig::new();
    parent(&rig);
    let branch = "rightsaaaaaa";
    let spec = child_spec(branch, PARENT);
    for point in killpoint::engine_points() {
        if !point.starts_with(Step::SealAccounts.name()) {
            continue;
        }
        converge(&rig.engine, &spec, Desired::Running);
        let mut open = enter(&rig.engine, &spec.id, PasswordRole::Admin).expect("a session");
        if point == "seal-accounts.opened" {
            // Rights alone change without opening the accounts; those that are open are rewritten.
            let folder = rig.folder.join("engine/branches").join(branch).join("data/mysql");
            for name in ["global_priv.MAD", "global_priv.MAI"] {
                let mode = std::fs::Permissions::from_mode(0o660);
                std::fs::set_permissions(folder.join(name), mode).expect("opened");
            }
        }
        assert!(run_victim(&rig.folder, branch, "safe", &point), "{point} is reached");
        let next = Rig::again(&rig.folder);
        converge(&next.engine, &safe(spec.clone()), Desired::Running);
        assert!(open.execute("CREATE TABLE too_late (id INT)").is_err(), "{point}: sessions from before");
        let mut admin = enter(&next.engine, &spec.id, PasswordRole::Admin).expect("a session");
        for refused in
            ["CREATE TABLE too_late (id INT)", "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1"]
        {
            assert!(admin.execute(refused).is_err(), "{point}: {refused}");
        }
        assert!(!next.engine.are_accounts_changeable(&spec.id), "{point}");
    }
}

#[test]
fn a_half_made_template_is_made_again() {
    let rig = Rig::new();
    assert!(run_victim(&rig.folder, "tempaaaaaaaa", "running", "template.installed"), "the point is reached");
    let next = Rig::again(&rig.folder);
    next.engine.sweep().expect("swept");
    assert_eq!(leftovers(&rig.folder), Vec::<String>::new());
    parent(&next);
    // The victim of another point is the last: whoever comes after an end without a kill finds all done.
    assert!(!run_victim(&rig.folder, "tempaaaaaaaa", "running", "no-such-point"));
    converge(&next.engine, &child_spec("tempaaaaaaaa", PARENT), Desired::Running);
}
