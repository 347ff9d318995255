//! What a taken-over branch server, or somebody with patience, could try.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bough_testkit::{Bough, Token, wait_until};
use serde_json::json;

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn another_servers_socket_in_a_branchs_place_is_told_nothing() {
    let bough = Bough::start(BOUGH);
    bough.database("shop");
    bough.database("other");
    bough.sql("other", "main", "CREATE TABLE precious (id INT PRIMARY KEY)");
    let admin = bough.admin();
    let id = |database: &str| {
        let path = admin.org(&format!("/databases/{database}/branches/main"));
        admin.get(&path).expect(200).str("/id").to_owned()
    };
    let folder = |database: &str| bough.data_dir().join("engine/branches").join(id(database));
    let (own, foreign) = (folder("shop"), folder("other").join("mysql.sock"));
    std::fs::rename(own.join("mysql.sock"), own.join("real.sock")).expect("the socket is moved");
    symlink(&foreign, own.join("mysql.sock")).expect("another one's is put there");

    let schema = admin.org("/databases/shop/branches/main/schema");
    let answer = admin.get(&schema).expect(503);
    assert!(!answer.text.contains("precious"), "{}", answer.text);
    let shell = bough.run(&["shell", "shop", "main", "--", "-e", "SELECT @@datadir"]);
    assert!(!shell.status.success() && shell.stdout.is_empty(), "{shell:?}");

    std::fs::rename(own.join("real.sock"), own.join("mysql.sock")).expect("the socket is put back");
    assert_eq!(admin.get(&schema).expect(200).data().len(), 0);
}

#[test]
fn a_record_that_leads_nowhere_keeps_no_branch_alive() {
    let bough = Bough::start(BOUGH);
    bough.database("shop");
    let admin = bough.admin();
    let id = admin.get(&admin.org("/databases/shop/branches/main")).expect(200).str("/id").to_owned();
    let record = bough.data_dir().join("engine/branches").join(id).join("server.json");
    std::fs::remove_file(&record).expect("the record is taken away");
    symlink("/nonexistent", &record).expect("a link is put there");
    admin.delete(&admin.org("/databases/shop")).expect(204);
    wait_until(LIMIT, "nothing left", || {
        (bough.branch_servers().is_empty() && bough.branch_folders().is_empty()).then_some(())
    });
}

#[test]
fn no_token_outlives_the_one_that_makes_it() {
    let bough = Bough::start(BOUGH);
    let admin = bough.admin();
    for _ in 0..10 {
        let parent = bough.token(&[("", &["write_service_tokens", "read_service_tokens"])]);
        let child_of = |parent: &Token| {
            let client = bough.client(parent);
            let made = client.post(&client.org("/service-tokens"), &json!({}));
            assert!(matches!(made.status, 200 | 401), "{}", made.text);
            made.status == 200
        };
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut made = 0;
                    while child_of(&parent) && !over.load(Ordering::Relaxed) {
                        made += 1;
                    }
                    made
                });
            }
            assert!(child_of(&parent));
            admin.delete(&admin.org(&format!("/service-tokens/{}", parent.id))).expect(204);
            over.store(true, Ordering::Relaxed);
        });
        let left = admin.get(&admin.org("/service-tokens?per_page=100")).expect(200);
        let orphans = left.data().iter().filter(|token| token["parent_token_id"] == json!(parent.id)).count();
        assert_eq!(orphans, 0, "children of a deleted token");
    }
}

#[test]
fn endless_names_cost_nothing_and_secrets_in_paths_are_not_kept() {
    let bough = Bough::start(BOUGH);
    let token = bough.token(&[]);
    let client = bough.client(&token);
    let long = "x".repeat(9_000);
    client.get(&client.org(&format!("/databases/{long}"))).expect(414);
    let name = "y".repeat(4_000);
    client.get(&client.org(&format!("/databases/{name}"))).expect(404);
    client.get(&client.org(&format!("/databases/{}", token.secret))).expect(404);
    let admin = bough.admin();
    let path = admin.org(&format!("/service-tokens/{}/denials", token.id));
    let denials = wait_until(LIMIT, "two refusals are recorded", || {
        let denials = admin.get(&path).expect(200);
        (denials.data().len() == 2).then_some(denials)
    });
    assert!(denials.text.len() < 4_000, "{}", denials.text.len());
    assert!(!denials.text.contains(&token.secret));
    assert!(!bough.log().contains(&token.secret), "nor in the log");
}
