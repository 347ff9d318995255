//! Branches that nobody uses fall asleep, and wake when somebody comes: by themselves, by request, and what
//! else is asked of them meanwhile.

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use bough_engine::killpoint;
use bough_testkit::{Bough, Client, Options, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
const LIMIT: Duration = Duration::from_secs(60);
/// The shortest time that there is.
const SOON: (&str, &str) = ("BOUGH_LIMITS_SLEEP_AFTER_S", "10");

fn options(env: &[(&str, &str)]) -> Options {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Options { env, ..Options::default() }
}

/// A Bough with the database `shop` and its branches `main` and those of these names.
fn furnished(env: &[(&str, &str)], branches: &[&str]) -> (Bough, Client) {
    let bough = Bough::start_with(BOUGH, options(env));
    bough.database("shop");
    let admin = bough.admin();
    for name in branches {
        admin.post(&admin.org("/databases/shop/branches"), &json!({"name": name})).expect(201);
    }
    for name in branches {
        bough.wait_branch("shop", name);
        bough.sql("shop", name, "CREATE TABLE kept (id INT PRIMARY KEY); INSERT INTO kept VALUES (7)");
    }
    (bough, admin)
}

fn path(admin: &Client, branch: &str) -> String {
    admin.org(&format!("/databases/shop/branches/{branch}"))
}

fn get(admin: &Client, branch: &str) -> Value {
    admin.get(&path(admin, branch)).expect(200).json
}

#[track_caller]
fn await_state(admin: &Client, branch: &str, state: &str) -> Value {
    wait_until(LIMIT, &format!("{branch} is {state}"), || {
        let row = get(admin, branch);
        (row["state"] == json!(state)).then_some(row)
    })
}

fn sleep(admin: &Client, branch: &str) {
    admin.post(&format!("{}/sleep", path(admin, branch)), &json!({})).expect(200);
    await_state(admin, branch, "sleeping");
}

/// The server of a branch.
fn server(bough: &Bough, id: &str) -> Option<u32> {
    let serves = |pid: &u32| {
        let cwd = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        cwd.components().any(|part| part.as_os_str() == id)
    };
    bough.branch_servers().into_iter().find(serves)
}

#[test]
fn what_nobody_uses_falls_asleep_and_wakes_when_somebody_comes() {
    let (bough, admin) = furnished(&[SOON], &["dev", "lively", "timed"]);
    admin.patch(&path(&admin, "lively"), &json!({"sleep_after": 0})).expect(200);
    bough.sql("shop", "timed", "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO INSERT INTO kept VALUES (8)");
    let dev = get(&admin, "dev");
    assert_eq!((&dev["sleep_after"], &dev["sleeps_after"]), (&json!(null), &json!(10)));
    let id = dev["id"].as_str().expect("an id");

    let asleep = await_state(&admin, "dev", "sleeping");
    // Who connects is served, so clients may connect.
    assert_eq!((&asleep["ready"], &asleep["schema_ready"]), (&json!(true), &json!(true)), "{asleep}");
    assert!(asleep["used_at"].is_string() && asleep["last_error"].is_null(), "{asleep}");
    assert_eq!(server(&bough, id), None, "its server is stopped");
    assert_eq!(bough.branch_servers().len(), 3, "production, one that is told not to, and one with an event");
    let waited = admin.get(&format!("{}?wait=ready", path(&admin, "dev"))).expect(200);
    assert_eq!(waited.str("/state"), "sleeping", "waiting for it wakes nobody");
    for (branch, after) in [("main", json!(null)), ("lively", json!(null)), ("timed", json!(10))] {
        let row = get(&admin, branch);
        assert_eq!((&row["state"], &row["sleeps_after"]), (&json!("ready"), &after), "{branch}");
    }

    // Whoever reads the schema wakes it, and so does whoever comes for its rows.
    let schema = admin.get(&format!("{}/schema", path(&admin, "dev"))).expect(200);
    assert_eq!(schema.str("/data/0/name"), "kept");
    assert_eq!(get(&admin, "dev")["state"], json!("ready"));
    await_state(&admin, "dev", "sleeping");
    std::thread::scope(|scope| {
        let comers: Vec<_> =
            (0..12).map(|_| scope.spawn(|| bough.sql("shop", "dev", "SELECT id FROM kept"))).collect();
        for comer in comers {
            assert_eq!(comer.join().expect("it came"), "7", "however many come");
        }
    });
    assert_eq!(bough.log().matches("a branch wakes").count(), 1, "the schema's reader, in this process");
    let row = get(&admin, "dev");
    assert_eq!((&row["state"], &row["last_error"]), (&json!("ready"), &json!(null)));
}

#[test]
fn what_can_be_set() {
    let (bough, admin) = furnished(&[], &["dev"]);
    let row = get(&admin, "dev");
    assert_eq!((&row["sleep_after"], &row["sleeps_after"]), (&json!(null), &json!(600)), "ten minutes");
    let dev = path(&admin, "dev");
    for wrong in [json!(9), json!(31_536_001)] {
        let refused = admin.patch(&dev, &json!({"sleep_after": wrong})).expect(422);
        assert!(refused.str("/message").contains("from 10 to 31536000 s"), "{}", refused.text);
    }
    for malformed in [json!(-1), json!("60"), json!(1.5), json!(1e30)] {
        admin.patch(&dev, &json!({"sleep_after": malformed})).expect(400);
    }
    let set = |value: Value| admin.patch(&dev, &json!({"sleep_after": value})).expect(200).json;
    for (value, after) in [(json!(60), json!(60)), (json!(0), json!(null)), (json!(null), json!(600))] {
        let row = set(value.clone());
        assert_eq!((&row["sleep_after"], &row["sleeps_after"]), (&value, &after));
        assert_eq!(
            &admin.patch(&dev, &json!({})).expect(200).json["sleep_after"],
            &value,
            "absent changes nothing"
        );
    }
    let log = admin.get(&admin.org("/audit-log?limit=1")).expect(200);
    assert_eq!(log.json.pointer("/data/0/metadata/sleep_after"), Some(&json!([0, null])), "{}", log.text);
    // Production never sleeps.
    let main = path(&admin, "main");
    admin.patch(&main, &json!({"sleep_after": 60})).expect(422);
    admin.patch(&main, &json!({"sleep_after": 0})).expect(200);
    let refused = admin.post(&format!("{main}/sleep"), &json!({})).expect(422);
    assert!(refused.str("/message").contains("demote it"), "{}", refused.text);
    drop(bough);
}

#[test]
fn one_that_sleeps_takes_every_wish() {
    let (bough, admin) = furnished(&[], &["dev"]);
    let dev = path(&admin, "dev");
    let id = get(&admin, "dev")["id"].as_str().expect("an id").to_owned();
    let asked = admin.post(&format!("{dev}/sleep"), &json!({})).expect(200);
    assert_eq!(asked.str("/state"), "sleep_in_progress");
    await_state(&admin, "dev", "sleeping");
    admin.post(&format!("{dev}/sleep"), &json!({})).expect(200);
    assert_eq!(get(&admin, "dev")["state"], json!("sleeping"), "asked twice, done once");
    let woken = admin.post(&format!("{dev}/wake"), &json!({})).expect(200);
    assert_eq!((woken.str("/state"), &woken.json["ready"]), ("awakening", &json!(false)));
    let ready = admin.get(&format!("{dev}?wait=ready")).expect(200);
    assert_eq!(ready.str("/state"), "ready");
    assert_eq!(admin.post(&format!("{dev}/wake"), &json!({})).expect(200).str("/state"), "ready");

    // A child of one that sleeps: the parent is woken for it.
    sleep(&admin, "dev");
    let child = json!({"name": "child", "parent_branch": "dev"});
    admin.post(&admin.org("/databases/shop/branches"), &child).expect(201);
    bough.wait_branch("shop", "child");
    assert_eq!(bough.sql("shop", "child", "SHOW TABLES"), "kept");
    await_state(&admin, "dev", "ready");

    // Sizes and names count from its next start.
    sleep(&admin, "dev");
    admin.patch(&format!("{dev}/cluster"), &json!({"cluster_size": "PS_20"})).expect(204);
    admin.patch(&dev, &json!({"new_name": "renamed"})).expect(200);
    let dev = path(&admin, "renamed");
    let resizes = format!("{dev}/resizes");
    wait_until(LIMIT, "the size", || (admin.get(&resizes).str("/data/0/state") == "completed").then_some(()));
    assert_eq!(get(&admin, "renamed")["state"], json!("sleeping"), "none of it wakes it");
    assert_eq!(server(&bough, &id), None);
    assert_eq!(bough.sql("shop", "renamed", "SELECT @@innodb_buffer_pool_size DIV 1048576"), "512");
    // What has to read its schema wakes it.
    sleep(&admin, "renamed");
    admin.post(&format!("{dev}/safe-migrations"), &json!({})).expect(200);
    assert_eq!(get(&admin, "renamed")["state"], json!("ready"));
    let trusts = || bough.sql("shop", "renamed", "SELECT @@log_bin_trust_function_creators");
    assert_eq!(trusts(), "0", "safe migrations");
    sleep(&admin, "renamed");
    admin.delete(&format!("{dev}/safe-migrations")).expect(200);
    assert_eq!(get(&admin, "renamed")["state"], json!("sleeping"), "what has not does not");
    assert_eq!(trusts(), "1");

    // A restart starts it, and promoting does: production is awake.
    sleep(&admin, "renamed");
    admin.post(&format!("{dev}/restart"), &json!({})).expect(200);
    await_state(&admin, "renamed", "ready");
    sleep(&admin, "renamed");
    admin.post(&format!("{dev}/promote"), &json!({})).expect(200);
    await_state(&admin, "renamed", "ready");
    admin.post(&format!("{dev}/demote"), &json!({})).expect(200);

    // The doctor finds nothing wrong with one that sleeps, and nor does a start.
    sleep(&admin, "renamed");
    let report = bough.run_json(&["doctor", "--json"]);
    let wrong =
        |finding: &&Value| ["warning", "failure"].contains(&finding["level"].as_str().unwrap_or_default());
    let about =
        |finding: &&Value| finding["check"].as_str().is_some_and(|check| check.starts_with("branch-"));
    let findings: Vec<_> =
        report["findings"].as_array().expect("findings").iter().filter(wrong).filter(about).collect();
    assert!(findings.is_empty(), "{findings:?}");
    let mut bough = bough;
    bough.stop();
    bough.serve();
    bough.wait_ready();
    let admin = bough.admin();
    wait_until(LIMIT, "the others", || (get(&admin, "main")["state"] == json!("ready")).then_some(()));
    assert_eq!(get(&admin, "renamed")["state"], json!("sleeping"), "and stays asleep");

    admin.delete(&format!("{}?delete_descendants=true", path(&admin, "renamed"))).expect(204);
    wait_until(LIMIT, "gone", || (!bough.branch_folders().contains(&id)).then_some(()));
}

/// The client program on a branch's own socket, as Bough's account: nobody is asked.
fn client(bough: &Bough, id: &str, sql: &str) -> Child {
    let socket = bough.data_dir().join("engine/branches").join(id).join("mysql.sock");
    Command::new("mariadb")
        .args(["--no-defaults", "--batch", "--skip-column-names", "--execute", sql])
        .arg(format!("--socket={}", socket.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the client program")
}

fn said(client: Child) -> Output {
    client.wait_with_output().expect("it ended")
}

/// Sleep for want of use is wished, and before sessions are looked for once more somebody is in: he stays.
#[test]
fn whoever_gets_in_at_the_last_moment_is_not_cut() {
    let (mut bough, admin) = furnished(&[SOON], &["dev"]);
    let id = get(&admin, "dev")["id"].as_str().expect("an id").to_owned();
    bough.kill();
    bough.serve_with_env(&[(killpoint::STOP_AT, "wish.recorded"), SOON]);
    bough.wait_ready();
    let pid = Pid::from_raw(i32::try_from(bough.pid()).expect("a pid"));
    let stopped = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T')).then_some(())
    };
    wait_until(LIMIT, "the wish for sleep", stopped);
    let guest = client(&bough, &id, "SELECT GET_LOCK('in', 0); SELECT IS_FREE_LOCK('go') + SLEEP(3)");
    let there = client(&bough, &id, "SELECT 1");
    assert!(said(there).status.success(), "the server runs");
    let is_in = || {
        let looked = said(client(&bough, &id, "SELECT IS_USED_LOCK('in') IS NOT NULL"));
        (looked.stdout == b"1\n").then_some(())
    };
    wait_until(LIMIT, "the guest is in", is_in);
    kill(pid, Signal::SIGCONT).expect("it goes on");
    let admin = bough.admin();
    await_state(&admin, "dev", "ready");
    let output = said(guest);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Once nobody is in, it sleeps.
    await_state(&admin, "dev", "sleeping");
}

/// A wake that fails is said, to whoever waits and on the branch; and made up for.
#[test]
fn a_server_that_does_not_start_is_told() {
    let (bough, admin) = furnished(&[], &["dev"]);
    let id = get(&admin, "dev")["id"].as_str().expect("an id").to_owned();
    sleep(&admin, "dev");
    let folder = bough.data_dir().join("engine/branches").join(&id);
    let log = folder.join("data/ib_logfile0");
    let away = folder.join("away");
    std::fs::rename(&log, &away).expect("taken away");
    std::fs::create_dir(&log).expect("something else in its place");
    let refused = admin.get(&format!("{}/schema", path(&admin, "dev"))).expect(503);
    assert!(refused.str("/message").contains("does not start"), "{}", refused.text);
    let row = get(&admin, "dev");
    assert_eq!(row["ready"], json!(false), "{row}");
    assert!(row["last_error"].is_string(), "{row}");
    std::fs::remove_dir(&log).expect("removed");
    std::fs::rename(&away, &log).expect("put back");
    await_state(&admin, "dev", "ready");
    assert_eq!(bough.sql("shop", "dev", "SELECT id FROM kept"), "7");
}
