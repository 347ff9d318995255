//! The thread through the whole house: a token, a curl, a running server.

use bough_testkit::Bough;
use serde_json::json;

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");

#[test]
fn a_token_makes_a_database_and_a_branch_that_is_a_running_server() {
    let bough = Bough::start(BOUGH);
    let token = bough.token(&[("", &["create_databases"])]);
    let client = bough.client(&token);
    let made = client.post(&client.org("/databases"), &json!({"name": "shop"})).expect(201);
    assert_eq!(made.str("/default_branch"), "main");
    let main = bough.wait_branch("shop", "main");
    assert_eq!((&main["production"], &main["state"]), (&json!(true), &json!("ready")));
    bough.sql("shop", "main", "CREATE TABLE parents (id INT PRIMARY KEY); INSERT INTO parents VALUES (1)");

    let branch = client.post(&client.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(201);
    assert_eq!(branch.str("/parent_branch"), "main");
    let started = std::time::Instant::now();
    let ready = client.get(&client.org("/databases/shop/branches/dev?wait=ready")).expect(200);
    assert_eq!(ready.str("/state"), "ready", "the answer waits");
    assert!(started.elapsed() < std::time::Duration::from_secs(60), "and not for its limit");
    client.get(&client.org("/databases/shop?wait=ready")).expect(200);
    client.get(&client.org("/databases/shop?wait=never")).expect(400);
    // What the Terraform provider sends after every create.
    let resizes = client.org("/databases/shop/branches/dev/resizes");
    let same =
        json!({"vtgate_autoscaling": false, "vtgate_count": 1, "vtgate_size": ready.str("/vtgate_name")});
    client.put(&resizes, &same).expect(204);
    client.put(&resizes, &json!({"vtgate_size": "VTG_320"})).expect(422);
    assert_eq!(bough.sql("shop", "dev", "SHOW TABLES"), "parents", "the parent's schema");
    assert_eq!(bough.sql("shop", "dev", "SELECT COUNT(*) FROM parents"), "0", "and none of its rows");
    assert_eq!(bough.branch_servers().len(), 2);

    // Asked for a shell at once, it waits for what has just been made.
    client.post(&client.org("/databases/shop/branches"), &json!({"name": "early"})).expect(201);
    let shell = bough.run(&["shell", "shop", "early", "--", "-N", "-e", "SHOW TABLES"]);
    assert_eq!(String::from_utf8_lossy(&shell.stdout).trim(), "parents", "{shell:?}");

    client.delete(&client.org("/databases/shop")).expect(204);
    client.get(&client.org("/databases/shop")).expect(404);
    bough_testkit::wait_until(std::time::Duration::from_secs(30), "nothing left", || {
        (bough.branch_servers().is_empty() && bough.branch_folders().is_empty()).then_some(())
    });
}

/// Most often it is the right command in the wrong folder.
#[test]
fn where_there_is_no_data_directory_it_is_named_in_full_with_how_to_name_another() {
    let folder = std::env::temp_dir().join("bough-is-not-here");
    let shell = std::process::Command::new(BOUGH)
        .args(["shell", "shop", "--data-dir"])
        .arg(&folder)
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&shell.stderr);
    assert!(!shell.status.success() && !folder.exists());
    assert!(said.contains(&*folder.to_string_lossy()) && said.contains("--data-dir"), "{said}");
}
