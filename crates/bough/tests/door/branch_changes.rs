//! Changes of branches that run, through the front door: sizes, restarts, set ends, quotas; servers that end
//! again and again; databases that ask for much at once.

use std::time::Duration;

use bough_testkit::{Bough, Options, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
/// Longest wait for what is waited for; a machine that builds at the same time is slow.
const LIMIT: Duration = Duration::from_secs(60);
const MIB: u64 = 1024 * 1024;

fn with(env: &[(&str, &str)]) -> Bough {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Bough::start_with(BOUGH, Options { env, ..Options::default() })
}

/// The actions in the audit log on what has this name, newest first.
fn actions(bough: &Bough, target: &str) -> Vec<String> {
    let admin = bough.admin();
    let log = admin.get(&admin.org("/audit-log?limit=100")).expect(200);
    let of_target = |entry: &&Value| entry["target_display_name"] == json!(target);
    let action = |entry: &Value| entry["audit_action"].as_str().expect("an action").to_owned();
    log.data().iter().filter(of_target).map(action).collect()
}

#[test]
fn sizes_are_changed_while_the_server_runs() {
    let bough = Bough::start(BOUGH);
    bough.database("shop");
    let admin = bough.admin();
    let branch = admin.org("/databases/shop/branches/main");
    let resizes = format!("{branch}/resizes");
    let pool =
        || bough.sql("shop", "main", "SELECT @@innodb_buffer_pool_size").parse::<u64>().expect("a number");
    let servers = bough.branch_servers();
    assert_eq!((admin.get(&branch).str("/cluster_name"), pool()), ("PS_10", 128 * MIB));
    assert_eq!(admin.get(&resizes).expect(200).data().len(), 0);
    admin.delete(&resizes).expect(422);

    admin.patch(&format!("{branch}/cluster"), &json!({"cluster_size": "PS_11"})).expect(422);
    admin.patch(&format!("{branch}/cluster"), &json!({})).expect(400);
    admin.patch(&format!("{branch}/cluster"), &json!({"cluster_size": "ps-20"})).expect(204);
    assert_eq!(admin.get(&branch).expect(200).str("/cluster_name"), "PS_20", "as it was asked for, at once");
    let done = wait_until(LIMIT, "the new size", || {
        assert_eq!(admin.get(&branch).json["ready"], json!(true), "it serves all the while");
        let list = admin.get(&resizes).expect(200);
        (list.str("/data/0/state") == "completed").then_some(list)
    });
    assert_eq!(pool(), 512 * MIB);
    assert_eq!(bough.sql("shop", "main", "SELECT @@max_connections"), "500");
    assert_eq!(
        (done.str("/data/0/previous_cluster_size"), done.str("/data/0/cluster_size")),
        ("PS_10", "PS_20")
    );
    let id = done.str("/data/0/id");
    let one = admin.get(&format!("{resizes}/{id}")).expect(200);
    assert!(one.json["completed_at"].is_string() && one.json["started_at"].is_string(), "{}", one.text);

    // As Terraform does: what it read before.
    let vtgates = json!({"vtgate_size": "VTG_5", "vtgate_count": 1, "vtgate_autoscaling": false});
    admin.put(&resizes, &vtgates).expect(204);
    admin.put(&resizes, &json!({"cluster_size": "PS_20"})).expect(204);
    let back = admin.put(&resizes, &json!({"cluster_size": "PS_10", "vtgate_size": "VTG_5"})).expect(200);
    assert!(["pending", "resizing", "completed"].contains(&back.str("/state")), "{}", back.text);
    wait_until(LIMIT, "the old size", || (pool() == 128 * MIB).then_some(()));
    assert_eq!(bough.branch_servers(), servers, "the server was never restarted");
    assert_eq!(
        actions(&bough, "main")[..2],
        ["database_branch.updated_cluster_size", "database_branch.updated_cluster_size"]
    );
    admin.get(&format!("{resizes}/zzzzzzzzzzzz")).expect(404);
    // Development sizes are for development branches.
    admin.put(&resizes, &json!({"cluster_size": "PS_DEV"})).expect(422);
}

#[test]
fn a_resize_waits_for_its_server_and_can_be_taken_back() {
    let mut bough = Bough::start(BOUGH);
    bough.database("shop");
    let admin = bough.admin();
    let branch = admin.org("/databases/shop/branches/main");
    let resizes = format!("{branch}/resizes");
    // The server hangs: nothing can be changed on it.
    let server = bough.branch_servers()[0];
    signal(server, Signal::SIGSTOP);
    let asked = admin.put(&resizes, &json!({"cluster_size": "PS_40"})).expect(200);
    assert_eq!((asked.str("/state"), asked.str("/cluster_size")), ("pending", "PS_40"));
    assert_eq!(admin.get(&admin.org("/databases/shop")).json["resize_queued"], json!(true));
    let newer = admin.put(&resizes, &json!({"cluster_size": "PS_20"})).expect(200);
    let list = admin.get(&resizes).expect(200);
    assert_eq!(
        (list.str("/data/0/id"), list.str("/data/1/state"), list.data().len()),
        (newer.str("/id"), "canceled", 2),
        "a newer one overtakes it"
    );
    admin.delete(&resizes).expect(204);
    assert_eq!(admin.get(&resizes).str("/data/0/state"), "canceled");
    assert_eq!(admin.get(&branch).str("/cluster_name"), "PS_10", "what was canceled is not carried out");
    assert_eq!(list.str("/data/0/previous_cluster_size"), "PS_10", "the size that it has");
    // What is asked for now is not lost when Bough ends.
    admin.put(&resizes, &json!({"cluster_size": "PS_20"})).expect(200);
    admin.put(&resizes, &json!({"cluster_size": "PS_40"})).expect(200);
    bough.kill();
    signal(server, Signal::SIGCONT);
    bough.serve();
    let pool = || bough.sql("shop", "main", "SELECT @@innodb_buffer_pool_size DIV 1048576");
    wait_until(LIMIT, "the size that is left", || (pool() == "2048").then_some(()));
    let again = bough.admin();
    wait_until(LIMIT, "it is recorded as done", || {
        (again.get(&resizes).str("/data/0/state") == "completed").then_some(())
    });
}

/// Whoever asks for other sizes without end does not make the store grow, nor every further one slower.
#[test]
fn of_many_resizes_the_latest_are_kept() {
    let bough = Bough::start(BOUGH);
    bough.database("shop");
    let admin = bough.admin();
    let resizes = admin.org("/databases/shop/branches/main/resizes");
    let mut last = String::new();
    for number in 0..210 {
        let size = ["PS_20", "PS_10"][number % 2];
        let asked = admin.put(&resizes, &json!({"cluster_size": size})).expect(200);
        asked.str("/id").clone_into(&mut last);
    }
    let list = admin.get(&resizes).expect(200);
    assert_eq!((list.json["total_count"].as_i64(), list.str("/data/0/id")), (Some(200), last.as_str()));
}

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), signal).expect("signalled");
}

#[test]
fn a_restart_brings_back_a_server_that_hangs() {
    let bough = Bough::start(BOUGH);
    bough.database("shop");
    let admin = bough.admin();
    let branch = admin.org("/databases/shop/branches/main");
    bough.sql("shop", "main", "CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
    let before = bough.branch_servers();
    let asked = admin.post(&format!("{branch}/restart"), &json!({})).expect(200);
    assert_eq!(asked.json["ready"], json!(false), "its connections are about to be cut");
    bough.wait_branch("shop", "main");
    let after = bough.branch_servers();
    assert_ne!(after, before);
    assert_eq!(bough.sql("shop", "main", "SELECT COUNT(*) FROM t"), "1");
    assert_eq!(actions(&bough, "main")[0], "database_branch.restarted");
    let shown = admin.get(&branch).expect(200);
    assert!(shown.str("/server_version").starts_with("mariadb-"), "{}", shown.text);
    assert_eq!(shown.json["server_outdated"], json!(false));
}

#[test]
fn a_server_that_ends_again_and_again_is_shown_and_waited_for() {
    let bough = with(&[("BOUGH_LIMITS_CHECK_EVERY_MS", "100")]);
    bough.database("shop");
    let admin = bough.admin();
    let branch = admin.org("/databases/shop/branches/main");
    let mut last = None;
    wait_until(LIMIT, "it says what happens", || {
        let shown = admin.get(&branch).expect(200);
        if shown.json["last_error"].as_str().is_some_and(|words| words.contains("in a row")) {
            return Some(());
        }
        if let [server] = bough.branch_servers()[..]
            && last != Some(server)
            && shown.json["ready"] == json!(true)
        {
            signal(server, Signal::SIGKILL);
            last = Some(server);
        }
        None
    });
    wait_until(LIMIT, "it is started again", || {
        let [server] = bough.branch_servers()[..] else { return None };
        (last != Some(server) && admin.get(&branch).json["ready"] == json!(true)).then_some(())
    });
    let shown = admin.get(&branch).expect(200);
    let words = shown.str("/last_error");
    assert!(words.contains("times in a row") && words.contains("pause"), "{words}");
    let other = admin.get(&admin.org("/databases/shop")).expect(200);
    assert_eq!(other.json["ready"], json!(true), "{}", other.text);
}

#[test]
fn branches_with_a_set_end_delete_themselves() {
    let bough = with(&[("BOUGH_LIMITS_CHECK_EVERY_MS", "100"), ("BOUGH_LIMITS_EXPIRY_NOTICE_S", "3600")]);
    bough.database("shop");
    let admin = bough.admin();
    let branches = admin.org("/databases/shop/branches");
    let of = |name: &str| format!("{branches}/{name}");
    admin.post(&branches, &json!({"name": "wrong", "ttl": -1})).expect(400);
    admin.post(&branches, &json!({"name": "wrong", "ttl": 400_000_000_000_u64})).expect(422);
    admin.post(&branches, &json!({"name": "wrong", "ttl": 60, "deletion_protected": true})).expect(422);
    admin.patch(&of("main"), &json!({"ttl": 60})).expect(422);
    let made = admin.post(&branches, &json!({"name": "short", "ttl": 4})).expect(201);
    assert!(made.json["expires_at"].is_string(), "{}", made.text);
    admin.post(&branches, &json!({"name": "kept", "ttl": 4})).expect(201);
    admin.post(&branches, &json!({"name": "parent", "ttl": 4})).expect(201);
    admin.post(&branches, &json!({"name": "promoted", "ttl": 4})).expect(201);
    admin.post(&branches, &json!({"name": "always"})).expect(201);
    admin.post(&branches, &json!({"name": "child", "parent_branch": "parent"})).expect(201);
    // Extended; made what does not go.
    let longer = admin.patch(&of("kept"), &json!({"ttl": 86_400})).expect(200);
    assert!(longer.str("/expires_at") > made.str("/expires_at"));
    let promoted = admin.send("POST", &format!("{}/promote", of("promoted")), &[], None).expect(200);
    assert_eq!(promoted.json["expires_at"], Value::Null, "production does not go by itself");

    wait_until(LIMIT, "short is gone", || (admin.get(&of("short")).status == 404).then_some(()));
    let words = wait_until(LIMIT, "the parent says why it is still there", || {
        admin.get(&of("parent")).expect(200).json["last_error"].as_str().map(str::to_owned)
    });
    assert!(words.contains("child"), "{words}");
    assert_eq!(
        actions(&bough, "short"),
        ["database_branch.deleted", "database_branch.expires_soon", "database_branch.created"],
        "announced, then deleted"
    );
    for name in ["kept", "promoted", "always", "main"] {
        admin.get(&of(name)).expect(200);
    }
    assert_eq!(admin.patch(&of("kept"), &json!({"ttl": 0})).expect(200).json["expires_at"], Value::Null);
    admin.delete(&of("child")).expect(204);
    wait_until(LIMIT, "the parent is gone", || (admin.get(&of("parent")).status == 404).then_some(()));
}

#[test]
fn one_creator_makes_so_many_branches_and_no_more() {
    let bough = with(&[("BOUGH_LIMITS_BRANCHES_PER_CREATOR", "2")]);
    bough.database("shop");
    bough.database("other");
    let (ci, dev) = (
        bough.client(&bough.token(&[("*", &["create_branch", "delete_branch", "read_branch"])])),
        bough.client(&bough.token(&[("*", &["create_branch"])])),
    );
    let make = |client: &bough_testkit::Client, database: &str, name: &str| {
        client.post(&client.org(&format!("/databases/{database}/branches")), &json!({"name": name}))
    };
    make(&ci, "shop", "a").expect(201);
    make(&ci, "other", "b").expect(201);
    let refused = make(&ci, "shop", "c").expect(422);
    assert!(refused.str("/message").contains("limit for one user or token"), "{}", refused.text);
    make(&dev, "shop", "c").expect(201);
    ci.delete(&ci.org("/databases/shop/branches/a")).expect(204);
    make(&ci, "shop", "d").expect(201);
}

#[test]
fn a_limit_that_came_later_is_told_with_what_is_there() {
    let mut bough = Bough::start(BOUGH);
    bough.database("shop");
    let admin = bough.admin();
    let branches = admin.org("/databases/shop/branches");
    for name in ["a", "b", "c"] {
        admin.post(&branches, &json!({"name": name})).expect(201);
    }
    bough.kill();
    let settings = bough.data_dir().join("bough.toml");
    for (limit, words) in [
        ("branches_per_creator", "has made 3 development branches"),
        ("development_branches", "has 3 development branches"),
    ] {
        std::fs::write(&settings, format!("[limits]\n{limit} = 2\n")).expect("written");
        bough.serve();
        let admin = bough.admin();
        let refused = admin.post(&branches, &json!({"name": "d"})).expect(422);
        let message = refused.str("/message");
        assert!(message.contains(words) && message.contains("is 2; delete 2 first"), "{message}");
        bough.kill();
    }
}

/// A database whose branches all hang in the making does not keep another one's waiting.
#[test]
fn databases_take_turns() {
    let bough = with(&[
        ("BOUGH_LIMITS_RECONCILED_AT_ONCE", "4"),
        ("BOUGH_ENGINE_STARTS_AT_ONCE", "16"),
        ("BOUGH_LIMITS_CHECK_EVERY_MS", "60000"),
    ]);
    bough.database("greedy");
    bough.database("modest");
    let admin = bough.admin();
    // What copies a schema from a server that hangs waits for it.
    let main = admin.get(&admin.org("/databases/greedy/branches/main")).expect(200);
    let folder = bough.data_dir().join("engine/branches").join(main.str("/id"));
    let server = bough.branch_servers().into_iter().find(|pid| {
        std::fs::read_link(format!("/proc/{pid}/cwd"))
            .is_ok_and(|cwd| cwd.starts_with(std::fs::canonicalize(&folder).expect("a folder")))
    });
    let server = server.expect("the server of the greedy one");
    signal(server, Signal::SIGSTOP);
    for number in 0..12 {
        let body = json!({"name": format!("b{number}")});
        admin.post(&admin.org("/databases/greedy/branches"), &body).expect(201);
    }
    wait_until(LIMIT, "they are being made", || (bough.branch_servers().len() >= 4).then_some(()));
    admin.post(&admin.org("/databases/modest/branches"), &json!({"name": "dev"})).expect(201);
    bough.wait_branch("modest", "dev");
    let list = admin.get(&admin.org("/databases/greedy/branches?per_page=100")).expect(200);
    let ready = list.data().iter().filter(|branch| branch["ready"] == json!(true)).count();
    assert_eq!(ready, 1, "main alone: the others cannot be ready yet");
    signal(server, Signal::SIGCONT);
    for number in 0..12 {
        bough.wait_branch("greedy", &format!("b{number}"));
    }
}
