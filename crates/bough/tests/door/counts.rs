//! What lists say of how many there are is counted as things come and go: after everything that brings
//! them and takes them away, and after what was refused, the counts are those of the rows.

use bough_testkit::{Bough, Client};
use serde_json::json;

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");

/// How many a list says that there are, and how many there are on all its pages.
fn said_and_seen(client: &Client, list: &str) -> (u64, u64) {
    let (mut seen, mut page) = (0, 1);
    loop {
        let answer = client.get(&client.org(&format!("{list}?per_page=3&page={page}"))).expect(200);
        seen += answer.data().len() as u64;
        if answer.json["next_page"].is_null() {
            return (answer.json["total_count"].as_u64().expect("a count"), seen);
        }
        page += 1;
    }
}

fn databases(client: &Client, expected: u64) {
    assert_eq!(said_and_seen(client, "/databases"), (expected, expected));
    let organization = client.get(&client.org("")).expect(200);
    assert_eq!(organization.json["database_count"], json!(expected));
}

fn tokens(client: &Client, expected: u64) {
    assert_eq!(said_and_seen(client, "/service-tokens"), (expected, expected));
}

#[test]
fn databases_are_counted_as_they_come_and_go() {
    let bough = Bough::start(BOUGH);
    let admin = bough.admin();
    let path = admin.org("/databases");
    databases(&admin, 0);
    for (name, so_far) in [("one", 1), ("two", 2), ("three", 3), ("four", 4)] {
        admin.post(&path, &json!({ "name": name })).expect(201);
        databases(&admin, so_far);
    }
    admin.post(&path, &json!({"name": "one"})).expect(422);
    admin.post(&path, &json!({"name": "NO"})).expect(422);
    databases(&admin, 4);
    let branches = admin.org("/databases/five/branches");
    admin.post(&branches, &json!({"name": "dev", "create_database_if_missing": true})).expect(201);
    databases(&admin, 5);
    admin.patch(&format!("{path}/two"), &json!({"new_name": "deux"})).expect(200);
    databases(&admin, 5);
    admin.delete(&format!("{path}/deux")).expect(204);
    admin.delete(&format!("{path}/deux")).expect(404);
    databases(&admin, 4);
    // With its last branch a database goes, too.
    admin.delete(&format!("{path}/one/branches/main")).expect(204);
    databases(&admin, 3);
    bough.foreign("globex");
    databases(&admin, 3);
}

#[test]
fn tokens_are_counted_as_they_come_and_go() {
    let bough = Bough::start(BOUGH);
    let admin = bough.admin();
    let path = admin.org("/service-tokens");
    // The one that it was set up with.
    tokens(&admin, 1);
    let parent = bough.token(&[("", &["write_service_tokens", "read_service_tokens"])]);
    let child = bough.client(&parent).post(&path, &json!({"name": "child"})).expect(200);
    bough.client(&parent).post(&path, &json!({"name": "second child"})).expect(200);
    tokens(&admin, 4);
    admin.post(&path, &json!({"ttl": -1})).expect(422);
    admin.post(&format!("{path}/{}/rotate", child.str("/id")), &json!({})).expect(200);
    tokens(&admin, 4);
    admin.delete(&format!("{path}/{}", child.str("/id"))).expect(204);
    admin.delete(&format!("{path}/{}", child.str("/id"))).expect(404);
    tokens(&admin, 3);
    // What it made goes with it.
    admin.delete(&format!("{path}/{}", parent.id)).expect(204);
    tokens(&admin, 1);
    let made = bough.run_json(&["admin", "token", "create", "--organization", "acme", "--json"]);
    tokens(&admin, 2);
    let id = made["id"].as_str().or(made["service_token"]["id"].as_str()).expect("its id").to_owned();
    assert!(bough.run(&["admin", "token", "delete", &id]).status.success());
    bough.foreign("globex");
    tokens(&admin, 1);
}
