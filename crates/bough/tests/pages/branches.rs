//! Branches in the browser: made, looked at, changed, deleted, and followed while they change.

use std::io::{BufRead as _, BufReader};
use std::process::Command;
use std::time::Duration;

use bough_testkit::{Bough, Raw, Wire, wait_until};
use serde_json::{Value, json};

use crate::support::*;

/// Longest wait for an answer, and for a message of a page that is kept up to date.
const LIMIT: Duration = Duration::from_secs(60);

fn api(bough: &Bough, branch: &str) -> Value {
    let admin = bough.admin();
    let answer = admin.get(&admin.org(&format!("/databases/shop/branches/{branch}")));
    assert!(matches!(answer.status, 200 | 404), "{}", answer.text);
    answer.json
}

fn branch(bough: &Bough, body: &Value) {
    let admin = bough.admin();
    admin.post(&admin.org("/databases/shop/branches"), body).expect(201);
}

/// The messages of a page that is kept up to date, until one is the last that is wanted.
fn messages(bough: &Bough, browser: &Browser, address: &str, last: impl Fn(&Value) -> bool) -> Vec<Value> {
    let cookies: Vec<String> = browser.jar().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut wire = Wire::to(bough.base(), LIMIT);
    let request = Raw::new("GET", address).header("Cookie", &cookies.join("; "));
    wire.send(&request.bytes()).expect("it is sent");
    let mut told: Vec<Value> = Vec::new();
    for line in BufReader::new(wire.take().expect("its connection")).lines() {
        let line = line.expect("a line within the limit");
        let Some(message) = line.strip_prefix("data: ") else { continue };
        told.push(serde_json::from_str(message).expect("JSON"));
        if told.last().is_some_and(&last) {
            return told;
        }
    }
    panic!("{address} ended after {told:?}");
}

/// Where a page asks for its state.
fn live(page: &Shown) -> String {
    let html = page.html();
    let rest = html.split("data-live=\"").nth(1).expect("a page that is kept up to date");
    rest.split('"').next().expect("an address").replace("&#38;", "&").replace("&amp;", "&")
}

#[test]
fn a_branch_is_made_from_the_dialog_or_the_page_and_comes_up() {
    let bough = bough();
    bough.database("shop");
    let mel = signed_in(&bough, "mel@example.com", "Mel", "member");
    let page = mel.get("/acme/shop").expect(200);
    let action = "/acme/shop/branches/new";
    let make = |with: &[(&str, &str)]| mel.submit(&page, action, with);
    let wrong = make(&[("name", "Dev/1"), ("lifetime", "86400")]).expect(422);
    let wrong = wrong.says(&["Branch name may only contain"]);
    for typed in [("name", "Dev/1"), ("lifetime", "86400"), ("base", "main")] {
        let typed = (typed.0.to_owned(), typed.1.to_owned());
        assert!(wrong.form(action).contains(&typed), "{typed:?} of {:?}", wrong.form(action));
    }
    make(&[("name", "dev"), ("base", "nothing")])
        .expect(422)
        .says(&["parent_branch \"nothing\" does not exist"]);
    make(&[("name", "dev"), ("lifetime", "soon")]).expect(422).says(&["a lifetime is a number of seconds"]);
    make(&[("name", "dev"), ("lifetime", "99999999999")]).expect(422).says(&["at most"]);
    make(&[("name", "dev"), ("seed_data", "x")]).expect(400);
    make(&[("name", "dev"), ("csrf", "")]).expect(403);
    assert_eq!(api(&bough, "dev")["name"], json!(null), "nothing was made");

    let fields = filled(wrong.form(action), &[("name", "dev")]);
    let made = mel.post(action, &fields).expect(303);
    assert_eq!(made.leads_to(), "/acme/shop/dev");
    assert_eq!(mel.post(action, &fields).expect(303).leads_to(), "/acme/shop/dev", "sent twice, made once");
    assert!(api(&bough, "dev")["expires_at"].is_string());
    assert_eq!(api(&bough, "dev")["actor"]["display_name"], json!("Mel"));
    bough.wait_branch("shop", "dev");
    let page = mel.get("/acme/shop/dev").expect(200);
    let page = page.says(&["dev", "Ready", "Base branch", "main", "It deletes itself", "mariadb-"]);
    // The line for the operator runs as it stands there, in whatever folder.
    let line = crate::html::text(page.part("shell"));
    let pasted = format!("{} -- --skip-column-names -e 'SELECT \"runs\"'", line.trim());
    let ran = Command::new("sh").args(["-c", &pasted]).current_dir("/").output().expect("a shell");
    assert_eq!(
        (&*String::from_utf8_lossy(&ran.stdout), &*String::from_utf8_lossy(&ran.stderr)),
        ("runs\n", ""),
        "{pasted}"
    );
    mel.get("/acme/shop/branches/new?base=dev").expect(200).says(&["Base branch"]);
    // The tree: below its base, with the base's name for those who do not see lines.
    branch(&bough, &json!({"name": "below-dev", "parent_branch": "dev"}));
    let tree = mel.get("/acme/shop/branches").expect(200);
    let at =
        |name: &str| tree.html().find(&format!("<bdi>{name}</bdi></a>")).unwrap_or_else(|| panic!("{name}"));
    assert!(at("main") < at("dev") && at("dev") < at("below-dev"));
    assert!(tree.html().contains("data-depth=\"2\""), "{}", tree.html());
    mel.get("/acme/shop?q=below").expect(200).says(&["below-dev", "1–1 of 1"]);
}

#[test]
fn a_page_that_is_looked_at_is_told_what_happens() {
    let bough = bough();
    bough.database("shop");
    let ada = ada(&bough);
    branch(&bough, &json!({"name": "dev"}));
    let page = ada.get("/acme/shop/dev").expect(200);
    let ready = |message: &Value| message["text"]["state"] == json!("Ready");
    let told = messages(&bough, &ada, &live(&page), ready);
    let last = told.last().expect("a message");
    assert_eq!(last["attributes"]["state"]["data-state"], json!("ready"));
    if told.len() > 1 {
        assert_eq!(last["say"], json!("Branch dev is ready."));
        assert_eq!(last["reload"], json!(true), "there is a schema to be shown now");
    }
    // A page that is true is not told to load again, and nothing is said to who just came.
    let page = ada.get("/acme/shop/dev").expect(200);
    let told = messages(&bough, &ada, &live(&page), ready);
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["say"], &told[0]["reload"]), (&json!(null), &json!(null)), "{told:?}");
    let database = live(&ada.get("/acme/shop").expect(200));
    let told = messages(&bough, &ada, &database, |_| true);
    assert_eq!(told[0]["reload"], json!(null), "{told:?}");
    let id = api(&bough, "dev")["id"].as_str().expect("its id").to_owned();
    assert_eq!(told[0]["text"][format!("state-{id}")], json!("Ready"));
    branch(&bough, &json!({"name": "another"}));
    let told = messages(&bough, &ada, &database, |message| message["reload"] == json!(true));
    assert!(!told.is_empty());
    // Once it is gone, that is said, and it ends.
    let address = live(&page);
    let admin = bough.admin();
    let looked = std::cell::Cell::new(false);
    let told = messages(&bough, &ada, &address, |message| {
        // Not before somebody looks: a page that is not there has no state.
        if !looked.replace(true) {
            admin.delete(&admin.org("/databases/shop/branches/dev")).expect(204);
        }
        message["end"] == json!(true)
    });
    let last = told.last().expect("a message");
    assert_eq!(last["attributes"]["gone"], json!({"hidden": null}), "{told:?}");
    assert!(last["say"].as_str().is_some_and(|words| words.contains("gone")), "{told:?}");
}

#[test]
fn the_schema_is_shown_escaped_and_never_holds_up_the_page() {
    let bough = bough();
    bough.database("shop");
    let ada = ada(&bough);
    ada.get("/acme/shop/main").expect(200).says(&["No tables yet"]);
    bough.sql(
        "shop",
        "main",
        "CREATE TABLE `</code><script>alert(1)</script>` (id INT PRIMARY KEY COMMENT '\u{202E}<img src=x>')",
    );
    let page = ada.get("/acme/shop/main").expect(200).says(&["CREATE TABLE", "<script>alert(1)</script>"]);
    assert!(!page.html().contains("<script>alert") && !page.html().contains("<img"), "{}", page.html());
    assert!(page.html().contains("<span class=\"hl-keyword\">CREATE</span>"));
    branch(&bough, &json!({"name": "dev"}));
    // Whether it is ready yet or not, there is a page.
    ada.get("/acme/shop/dev").expect(200).says(&["dev", "Branch server"]);
    bough.wait_branch("shop", "dev");
    let admin = bough.admin();
    admin.post(&admin.org("/databases/shop/branches/dev/restart"), &json!({})).expect(200);
    ada.get("/acme/shop/dev").expect(200).says(&["Restarts", "1 asked for"]);
}

/// Its schema would have to be read from its server.
#[test]
fn looking_at_a_branch_that_sleeps_does_not_wake_it() {
    let bough = bough();
    bough.database("shop");
    branch(&bough, &json!({"name": "dev"}));
    bough.wait_branch("shop", "dev");
    let admin = bough.admin();
    admin.post(&admin.org("/databases/shop/branches/dev/sleep"), &json!({})).expect(200);
    let asleep = || (api(&bough, "dev")["state"] == json!("sleeping")).then_some(());
    wait_until(LIMIT, "it sleeps", asleep);
    let mel = signed_in(&bough, "mel@example.com", "Mel", "member");
    mel.get("/acme/shop/dev").expect(200).says(&["The branch is asleep."]);
    // A wake is recorded before anything is read.
    assert_eq!(api(&bough, "dev")["state"], json!("sleeping"));
}

#[test]
fn a_branch_is_changed_by_forms() {
    let bough = bough();
    bough.database("shop");
    branch(&bough, &json!({"name": "dev"}));
    bough.wait_branch("shop", "dev");
    let ada = ada(&bough);
    let send = |branch: &str, form: &str, with: &[(&str, &str)]| {
        let page = ada.get(&format!("/acme/shop/{branch}")).expect(200);
        ada.submit(&page, &format!("/acme/shop/{branch}/{form}"), with)
    };
    send("dev", "rename", &[("new_name", "main")]).expect(422).says(&["Name has already been taken."]);
    let wrong = send("dev", "rename", &[("new_name", "No <b>")]).expect(422);
    assert!(wrong.form("/acme/shop/dev/rename").contains(&("new_name".to_owned(), "No <b>".to_owned())));
    // Called as a page is: found by its id from then on.
    let renamed = send("dev", "rename", &[("new_name", "settings")]).expect(303);
    let id = api(&bough, "settings")["id"].as_str().expect("its id").to_owned();
    assert_eq!(renamed.leads_to(), format!("/acme/shop/{id}"));
    assert_eq!(api(&bough, "settings")["html_url"], json!(format!("{}/acme/shop/{id}", bough.base())));
    ada.follow(&renamed).expect(200).says(&["The branch is called settings now.", "Branch server"]);
    ada.get("/acme/shop/settings").expect(200).says(&["Delete this database"]);
    assert!(ada.get("/acme/shop").expect(200).html().contains(&format!("href=\"/acme/shop/{id}\"")));
    send(&id, "rename", &[("new_name", "dev")]).expect(303);

    send("dev", "lifetime", &[("lifetime", "3600")]).expect(303);
    assert!(api(&bough, "dev")["expires_at"].is_string());
    send("dev", "lifetime", &[("lifetime", "")]).expect(303);
    assert!(api(&bough, "dev")["expires_at"].is_null());
    send("dev", "protection", &[]).expect(303);
    assert_eq!(api(&bough, "dev")["deletion_protected"], json!(true));
    send("dev", "delete", &[("confirm", "shop/dev")]).expect(422).says(&["protected against deletion"]);
    send("dev", "protection", &[]).expect(303);
    assert_eq!(api(&bough, "dev")["deletion_protected"], json!(false));
    send("dev", "safe-migrations", &[]).expect(303);
    assert_eq!(api(&bough, "dev")["safe_migrations"], json!(true));
    send("dev", "safe-migrations", &[]).expect(303);
    assert_eq!(api(&bough, "dev")["safe_migrations"], json!(false));
    send("dev", "resize", &[("cluster_size", "PS_NONE")]).expect(422).says(&["is not available"]);
    send("dev", "resize", &[("cluster_size", "PS_10")]).expect(303);
    assert_eq!(api(&bough, "dev")["cluster_name"], json!("PS_10"));

    // Sent twice, the server is restarted once.
    let page = ada.get("/acme/shop/dev").expect(200);
    let fields = page.form("/acme/shop/dev/restart");
    ada.post("/acme/shop/dev/restart", &fields).expect(303);
    ada.post("/acme/shop/dev/restart", &fields).expect(303);
    ada.get("/acme/shop/dev").expect(200).says(&["1 asked for"]);

    // The last production branch stays one.
    let ask = ada.get("/acme/shop/main/demote").expect(200).says(&["members included"]);
    ada.submit(&ask, "/acme/shop/main/demote", &[]).expect(422).says(&["last production branch"]);
    let ask = ada
        .get("/acme/shop/dev/promote")
        .expect(200)
        .says(&["only by those who may do that", "go on opening it"]);
    let done = ada.submit(&ask, "/acme/shop/dev/promote", &[]).expect(303);
    ada.follow(&done).expect(200).says(&["dev is a production branch now.", "Production"]);
    send("dev", "default", &[]).expect(303);
    ada.get("/acme/shop").expect(200).says(&["Default"]);
    let ask = ada.get("/acme/shop/main/demote").expect(200);
    ada.submit(&ask, "/acme/shop/main/demote", &[]).expect(303);
    assert_eq!(api(&bough, "main")["production"], json!(false));
}

#[test]
fn a_branch_is_deleted_once_its_path_was_typed() {
    let bough = bough();
    bough.database("shop");
    branch(&bough, &json!({"name": "dev"}));
    branch(&bough, &json!({"name": "below", "parent_branch": "dev"}));
    let ada = ada(&bough);
    let delete = |branch: &str, with: &[(&str, &str)]| {
        let page = ada.get(&format!("/acme/shop/{branch}")).expect(200);
        ada.submit(&page, &format!("/acme/shop/{branch}/delete"), with)
    };
    for wrong in ["", "dev", "shop/main", "SHOP/DEV", "shop/dev/"] {
        delete("dev", &[("confirm", wrong)])
            .expect(422)
            .says(&["Type shop/dev to confirm; nothing was deleted."]);
    }
    let kept = delete("dev", &[("confirm", "shop/dev")]).expect(422);
    let typed = kept.form("/acme/shop/dev/delete");
    assert!(typed.contains(&("confirm".to_owned(), "shop/dev".to_owned())), "{typed:?}");
    kept.says(&["has branches made from it (below)", "tick the box above"])
        .does_not_say(&["delete_descendants"]);
    delete("main", &[("confirm", "shop/main")]).expect(422);
    assert_eq!(api(&bough, "dev")["name"], json!("dev"));
    let done = delete("dev", &[("confirm", "shop/dev"), ("descendants", "true")]).expect(303);
    assert_eq!(done.leads_to(), "/acme/shop");
    ada.follow(&done).expect(200).says(&["Branch dev was deleted."]).does_not_say(&["below"]);
    // With its last branch a database goes.
    let done = delete("main", &[("confirm", "shop/main")]).expect(303);
    assert_eq!(done.leads_to(), "/acme");
    ada.follow(&done).expect(200).says(&["and with it, as its last branch, database shop"]);
    ada.get("/acme/shop").expect(404);
}

#[test]
fn who_may_not_sees_the_reason_and_is_refused() {
    let bough = bough();
    bough.database("shop");
    branch(&bough, &json!({"name": "dev"}));
    let member = signed_in(&bough, "mel@example.com", "Mel", "member");
    let analyst = signed_in(&bough, "ann@example.com", "Ann", "analyst");
    bough.foreign("globex");
    person(&bough, "eve@example.com", "Eve");
    self::member(&bough, "eve@example.com", "globex", "admin");
    let eve = Browser::new(&bough);
    eve.log_in("eve@example.com", PASSWORD);
    let forms: [(&str, &[(&str, &str)]); 9] = [
        ("rename", &[("new_name", "other")]),
        ("lifetime", &[("lifetime", "3600")]),
        ("protection", &[("deletion_protected", "true")]),
        ("default", &[]),
        ("demote", &[]),
        ("safe-migrations", &[("safe_migrations", "true")]),
        ("resize", &[("cluster_size", "PS_20")]),
        ("restart", &[]),
        ("delete", &[("confirm", "shop/main")]),
    ];
    let before = api(&bough, "main");
    for browser in [&member, &analyst] {
        let page = browser.get("/acme/shop/main").expect(200);
        let page = page.says(&["write_database", "delete_production_branch", "demote_branches"]);
        assert!(!page.has_form("/acme/shop/main/delete") && !page.has_form("/acme/shop/main/demote"));
        let csrf = [("csrf".to_owned(), browser.csrf())];
        for (form, with) in forms {
            let action = format!("/acme/shop/main/{form}");
            browser.post(&action, &filled(csrf.to_vec(), with)).expect(403).says(&["may do this"]);
        }
        // Development branches are theirs.
        assert!(browser.get("/acme/shop/dev").expect(200).has_form("/acme/shop/dev/delete"));
    }
    let csrf = [("csrf".to_owned(), eve.csrf())];
    for (form, with) in forms {
        eve.post(&format!("/acme/shop/main/{form}"), &filled(csrf.to_vec(), with)).expect(404);
    }
    eve.get("/acme/shop/main").expect(404).does_not_say(&["main"]);
    eve.get("/acme/shop/main/events").expect(404);
    assert_eq!(api(&bough, "main"), before, "nothing was changed");
}

#[test]
fn a_branch_is_put_to_sleep_and_woken_and_looking_at_its_page_does_not_wake_it() {
    let bough = bough();
    bough.database("shop");
    branch(&bough, &json!({"name": "dev"}));
    bough.wait_branch("shop", "dev");
    let ada = ada(&bough);
    let page = ada.get("/acme/shop/dev").expect(200).says(&["Put to sleep", "falls asleep without use"]);
    let asleep = ada.submit(&page, "/acme/shop/dev/sleep", &[]).expect(303);
    ada.follow(&asleep).expect(200).says(&["Branch dev goes to sleep."]);
    bough_testkit::wait_until(LIMIT, "dev is asleep", || {
        (api(&bough, "dev")["state"] == json!("sleeping")).then_some(())
    });
    let page = ada.get("/acme/shop/dev").expect(200).says(&["Asleep", "The branch is asleep.", "Wake"]);
    assert_eq!(api(&bough, "dev")["state"], json!("sleeping"), "whoever looks wakes nobody");
    assert!(!page.has_form("/acme/shop/dev/sleep"));

    let after = "/acme/shop/dev/sleep-after";
    ada.submit(&page, after, &[("sleep_after", "3")]).expect(422).says(&["must be 0 for never"]);
    ada.submit(&page, after, &[("sleep_after", "soon")]).expect(422).says(&["Choose one of the list."]);
    let set = ada.submit(&page, after, &[("sleep_after", "3600")]).expect(303);
    ada.follow(&set).says(&["Branch dev falls asleep: after 1 hour."]);
    assert_eq!(api(&bough, "dev")["sleep_after"], json!(3600));

    ada.submit(&page, "/acme/shop/dev/wake", &[]).expect(303);
    bough_testkit::wait_until(LIMIT, "dev is awake", || {
        (api(&bough, "dev")["state"] == json!("ready")).then_some(())
    });
    ada.get("/acme/shop/dev").expect(200).says(&["Put to sleep"]);
    // Production does not sleep.
    let main = ada.get("/acme/shop/main").expect(200).says(&["A production branch does not sleep."]);
    assert!(!main.has_form("/acme/shop/main/sleep"));
    let csrf = [("csrf".to_owned(), ada.csrf())];
    ada.post("/acme/shop/main/sleep", &csrf).expect(422).says(&["does not sleep"]);
}
