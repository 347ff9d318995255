//! What is shown as curves: a token's requests and refusals, an organization's branches and what they take
//! on disk.

use std::time::Duration;

use bough_testkit::{Bough, Client, Token, wait_until};
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");

/// Longest wait for figures to show what has happened.
const LIMIT: Duration = Duration::from_secs(60);

fn of_token(reader: &Client, token: &Token, span: &str) -> Value {
    reader.get(&reader.org(&format!("/service-tokens/{}/figures?span={span}", token.id))).expect(200).json
}

/// Requests and refusals, all together.
fn counted(figures: &Value) -> (u64, u64) {
    let number = |key: &str| figures["total"][key].as_u64().expect("a count");
    (number("requests"), number("refusals"))
}

/// Waits until figures show so many requests and refusals.
#[track_caller]
fn wait_counted(reader: &Client, token: &Token, expected: (u64, u64)) -> Value {
    wait_until(LIMIT, &format!("{expected:?} requests and refusals"), || {
        let figures = of_token(reader, token, "day");
        (counted(&figures) == expected).then_some(figures)
    })
}

#[test]
fn requests_and_refusals_of_a_token() {
    let mut bough = Bough::start(BOUGH);
    let admin = bough.admin();
    bough.database("shop");
    let token = bough.token(&[("shop", &["read_branch"]), ("", &["write_service_tokens"])]);
    let idle = bough.token(&[]);
    let client = bough.client(&token);
    let branch = client.org("/databases/shop/branches/main");
    for _ in 0..7 {
        client.get(&branch).expect(200);
    }
    // Nothing of this is a refusal: there is no such branch, the body cannot be read.
    client.get(&client.org("/databases/shop/branches/absent")).expect(404);
    client.send("POST", &client.org("/service-tokens"), &[], Some(b"{")).expect(400);
    // All of this is one: told, hidden, of what does not exist, of what may not be handed on.
    client.patch(&branch, &json!({"new_name": "x"})).expect(403);
    client.get(&client.org("")).expect(404);
    client.get(&client.org("/databases/absent")).expect(404);
    let idle_access = client.org(&format!("/service-tokens/{}/access", idle.id));
    client.post(&idle_access, &json!({"access": ["read_organization"]})).expect(403);
    // Neither is known to be the token's, though it is named.
    client.with_authorization(Some(&format!("{}:{}", token.id, idle.secret))).get(&branch).expect(401);
    let figures = wait_counted(&admin, &token, (13, 4));

    let total = &figures["total"];
    let micros = |key: &str| total[key].as_u64().expect("microseconds");
    assert!(micros("latency_average_micros") <= micros("latency_max_micros"), "{total}");
    assert!(micros("latency_p95_micros") <= micros("latency_max_micros"), "{total}");
    assert!(micros("latency_max_micros") > 0, "{total}");
    let steps = figures["data"].as_array().expect("steps");
    assert_eq!((steps.len(), &figures["step_seconds"]), (24, &json!(3600)));
    assert!(steps[0]["from"].as_str() < steps[23]["from"].as_str(), "oldest first");
    // The hour may have ended meanwhile.
    let last: u64 = steps[22..].iter().map(|step| step["requests"].as_u64().expect("a count")).sum();
    assert_eq!(last, 13);
    assert_eq!(steps[0]["latency_p95_micros"], Value::Null);
    let month = of_token(&admin, &token, "month");
    assert_eq!((counted(&month), month["data"].as_array().map(Vec::len)), ((13, 4), Some(31)));
    assert_eq!(counted(&of_token(&admin, &idle, "day")), (0, 0));

    // What is read of a token anew, because what it holds has changed, goes on being counted.
    let access = admin.org(&format!("/service-tokens/{}/access", token.id));
    for database in ["shop", "*"] {
        client.get(&branch).expect(200);
        admin.post(&access, &json!({"database": database, "access": ["create_branch"]})).expect(200);
    }
    client.get(&branch).expect(200);
    wait_counted(&admin, &token, (16, 4));
    // What was not written yet is when Bough stops.
    client.get(&branch).expect(200);
    bough.stop();
    bough.serve();
    let admin = bough.admin();
    assert_eq!(counted(&of_token(&admin, &token, "day")), (17, 4));

    let path = admin.org(&format!("/service-tokens/{}/figures", token.id));
    assert_eq!(admin.get(&path).expect(200).json["span"], json!("day"));
    for wrong in ["week", "Day", "0"] {
        let answer = admin.get(&format!("{path}?span={wrong}")).expect(400);
        assert!(answer.str("/message").contains("must be day or month"), "{}", answer.text);
    }
    let stranger = bough.foreign("globex");
    bough.client(&stranger).get(&path).expect(404);
    let elsewhere = path.replace("/acme/", "/globex/");
    bough.client(&stranger).get(&elsewhere).expect(404);
    admin.delete(&admin.org(&format!("/service-tokens/{}", token.id))).expect(204);
    admin.get(&path).expect(404);
}

#[test]
fn branches_and_what_they_take_on_disk() {
    let bough = Bough::start(BOUGH);
    let admin = bough.admin();
    let now = |reader: &Client, span: &str| {
        let figures = reader.get(&reader.org(&format!("/figures?span={span}"))).expect(200).json;
        figures["data"].as_array().expect("steps").last().expect("a step").clone()
    };
    let wait = |what: &str, condition: &dyn Fn(&Value) -> bool| {
        wait_until(LIMIT, what, || Some(now(&admin, "day")).filter(condition))
    };
    wait("that there is nothing", &|step| step["branches"] == json!(0) && step["disk_bytes"] == json!(0));
    bough.database("shop");
    let megabytes = |step: &Value| step["disk_bytes"].as_u64().unwrap_or(0) >> 20;
    let one = wait("one branch, measured", &|step| step["running"] == json!(1) && megabytes(step) > 10);
    admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(201);
    bough.wait_branch("shop", "dev");
    let more = megabytes(&one) * 3 / 2;
    let two = wait("two branches, measured", &|step| step["running"] == json!(2) && megabytes(step) > more);
    assert_eq!((&two["branches"], &two["asleep"]), (&json!(2), &json!(0)));
    assert!(wait_until(LIMIT, "the same by day", || now(&admin, "month")["branches"].as_u64()) >= 1);
    admin.delete(&admin.org("/databases/shop/branches/dev")).expect(204);
    wait("one branch again", &|step| step["branches"] == json!(1) && megabytes(step) < more);

    let globex = bough.client(&bough.foreign("globex")).within("globex");
    let theirs = wait_until(LIMIT, "the other organization", || {
        Some(now(&globex, "day")).filter(|step| step["branches"].is_u64())
    });
    assert_eq!((&theirs["branches"], &theirs["disk_bytes"]), (&json!(0), &json!(0)), "nothing of another's");
    let first = &admin.get(&admin.org("/figures")).expect(200).json["data"][0];
    assert_eq!((&first["branches"], &first["disk_bytes"]), (&Value::Null, &Value::Null), "nobody looked");
    admin.get(&admin.org("/figures?span=year")).expect(400);
}
