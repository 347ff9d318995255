//! Branches whose set end has come and that are still there: what is said of them, and that they are in
//! nobody's way.

use std::time::Duration;

use bough_testkit::{Bough, Options, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
/// Longest wait for what is waited for; a machine that builds at the same time is slow.
const LIMIT: Duration = Duration::from_secs(60);
/// More branches than are looked at in one go.
const MANY: usize = 520;
/// How long they are to live, in seconds: until they are protected.
const TTL: u64 = 10;

fn start(more: &[(&str, &str)]) -> Bough {
    let quick = [("BOUGH_LIMITS_CHECK_EVERY_MS", "100")];
    let env = quick.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Bough::start_with(BOUGH, Options { env: env.collect(), ..Options::default() })
}

/// Why a branch is still there is said as long as it is so, and no longer.
#[test]
fn what_kept_a_branch_is_not_said_of_one_that_may_stay() {
    let bough = start(&[]);
    bough.database("shop");
    let admin = bough.admin();
    let branches = admin.org("/databases/shop/branches");
    let parent = format!("{branches}/parent");
    let promote = format!("{parent}/promote");
    admin.post(&branches, &json!({"name": "parent"})).expect(201);
    admin.post(&branches, &json!({"name": "child", "parent_branch": "parent"})).expect(201);
    bough.wait_branch("shop", "child");
    let kept = || {
        admin.patch(&parent, &json!({"ttl": 1})).expect(200);
        wait_until(LIMIT, "the parent says why it is still there", || {
            let words = admin.get(&parent).expect(200).json["last_error"].clone();
            words.as_str().is_some_and(|words| words.contains("child")).then_some(())
        });
    };
    kept();
    let longer = admin.patch(&parent, &json!({"ttl": 3600})).expect(200);
    assert_eq!(longer.json["last_error"], Value::Null, "its end is far");
    kept();
    let for_ever = admin.patch(&parent, &json!({"ttl": 0})).expect(200);
    assert_eq!(for_ever.json["last_error"], Value::Null, "it has none");
    kept();
    let promoted = admin.send("POST", &promote, &[], None).expect(200);
    assert_eq!(promoted.json["last_error"], Value::Null, "a production branch has none");
    assert_eq!(admin.get(&parent).expect(200).json["last_error"], Value::Null);
}

/// However many branches cannot go, the others do.
#[test]
fn branches_that_cannot_go_are_in_nobody_s_way() {
    let bough = start(&[("BOUGH_LIMITS_DEVELOPMENT_BRANCHES", "1000")]);
    bough.database("shop");
    let admin = bough.admin();
    let branches = admin.org("/databases/shop/branches");
    // Its server hangs, so that what is made from it, and what is made from that, waits: rows alone.
    let [server] = bough.branch_servers()[..] else { panic!("one server") };
    let server = Pid::from_raw(i32::try_from(server).expect("a pid"));
    kill(server, Signal::SIGSTOP).expect("signalled");
    admin.post(&branches, &json!({"name": "parent"})).expect(201);
    for number in 0..MANY {
        let name = format!("kept{number}");
        admin.post(&branches, &json!({"name": name, "parent_branch": "parent", "ttl": TTL})).expect(201);
        admin.patch(&format!("{branches}/{name}"), &json!({"deletion_protected": true})).expect(200);
    }
    admin.post(&branches, &json!({"name": "free", "parent_branch": "parent", "ttl": TTL})).expect(201);
    let free = format!("{branches}/free");
    wait_until(LIMIT, "the one that can go is gone", || (admin.get(&free).status == 404).then_some(()));
    let list = admin.get(&format!("{branches}?per_page=1")).expect(200);
    assert_eq!(list.json["total_count"], json!(MANY + 2), "nothing else went");
    kill(server, Signal::SIGCONT).expect("signalled");
}
