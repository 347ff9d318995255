//! Connecting to a branch: passwords are made, their secrets shown once, listed, changed, renewed, deleted.

use std::process::Command;
use std::time::Duration;

use bough_testkit::{Bough, wait_until};
use serde_json::{Value, json};

use crate::support::*;

/// Longest wait for what takes a second at most on a machine at rest.
const LIMIT: Duration = Duration::from_secs(60);

fn shop() -> Bough {
    let bough = bough();
    bough.database("shop");
    let admin = bough.admin();
    admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(201);
    bough
}

fn listed(bough: &Bough, branch: &str) -> Vec<Value> {
    let admin = bough.admin();
    let path = admin.org(&format!("/databases/shop/branches/{branch}/passwords?per_page=100"));
    admin.get(&path).expect(200).data().to_vec()
}

/// The value that a page shows to be copied.
fn copied(shown: &Shown, id: &str) -> String {
    crate::html::text(shown.part(id)).trim().to_owned()
}

#[test]
fn a_password_is_made_and_its_secret_is_shown_once() {
    let bough = shop();
    let ada = ada(&bough);
    let start = ada.get("/acme/shop/connect").expect(303);
    assert_eq!(start.leads_to(), "/acme/shop/main/connect");
    assert_eq!(ada.get("/acme/shop/connect?branch=dev").leads_to(), "/acme/shop/dev/connect");
    ada.get("/acme/shop/connect?branch=nothing").expect(404);
    let page = ada.get("/acme/shop/dev/connect").expect(200);
    let page = page.says(&["Connect to dev", "Read only", "Administrator", "bough-ca.pem"]);
    let action = "/acme/shop/dev/connect";
    // Wrong fields: said beside them, and what was typed is kept.
    let wrong = [
        ("name", "x\u{202e}"),
        ("cidrs", "10.0.0.0/8\nnowhere <b>"),
        ("role", "emperor"),
        ("lifetime", "soon"),
    ];
    let kept = ada.submit(&page, action, &wrong).expect(422);
    for field in ["name-error", "cidrs-error", "lifetime-error", "role-error"] {
        assert!(kept.html().contains(&format!("id=\"{field}\"")), "{field}");
    }
    assert!(kept.form(action).contains(&("cidrs".to_owned(), "10.0.0.0/8\nnowhere <b>".to_owned())));
    assert!(!kept.html().contains("nowhere <b>"));
    assert!(listed(&bough, "dev").is_empty());

    let hostile = "<b>app</b> '\"&amp; مرحبا {{7*7}}";
    let right =
        [("name", hostile), ("role", "reader"), ("lifetime", "3600"), ("cidrs", "10.0.0.0/8, 2001:db8::/32")];
    let made = ada.submit(&page, action, &right).expect(200);
    assert!(!made.html().contains("<b>app"));
    let made = made.says(&["where mysql is MariaDB's, as on Debian, take the line above"]);
    let (user, secret) = (copied(&made, "username"), copied(&made, "password"));
    assert!(secret.starts_with("pscale_pw_") && secret.len() == 53, "{secret}");
    let rows = listed(&bough, "dev");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["name"], json!(hostile));
    assert_eq!(rows[0]["role"], json!("reader"));
    assert_eq!(rows[0]["username"], json!(user));
    assert_eq!(rows[0]["ttl_seconds"], json!(3600));
    assert_eq!(rows[0]["cidrs"], json!(["10.0.0.0/8", "2001:db8::/32"]));
    // Each ready line has what it needs.
    for id in ["mariadb", "mysql", "env", "prisma", "laravel", "rust", "jdbc"] {
        let text = copied(&made, &format!("snippet-{id}"));
        assert!(text.contains(&secret) && text.contains(&user), "{id}: {text}");
        assert!(text.contains("bough-ca.pem"), "{id}: {text}");
    }
    for id in ["prisma-client", "django", "rails", "go", "node"] {
        let text = copied(&made, &format!("snippet-{id}"));
        assert!(text.contains("DATABASE_PASSWORD") && !text.contains(&secret), "{id}: {text}");
    }
    // Sent once more, it is not made once more; and the secret is nowhere afterwards.
    ada.submit(&page, action, &right).expect(409).says(&["shown only once"]);
    let id = rows[0]["id"].as_str().expect("an id");
    let lists = ["/acme/shop/passwords".to_owned(), "/acme/shop/dev/passwords".to_owned()];
    for address in lists.into_iter().chain([format!("/acme/shop/dev/passwords/{id}")]) {
        let shown = ada.get(&address).expect(200);
        assert!(!shown.html().contains(&secret), "{address}");
        shown.says(&[hostile, &user, "Read only", "10.0.0.0/8"]);
    }
    assert!(!bough.log().contains(&secret));
}

#[test]
fn who_is_connected_is_told_with_the_password() {
    let bough = shop();
    bough.wait_branch("shop", "dev");
    let ada = ada(&bough);
    let admin = bough.admin();
    let hostile = "<b>app</b>";
    let path = admin.org("/databases/shop/branches/dev/passwords");
    let made = admin.post(&path, &json!({"name": hostile, "role": "reader"})).expect(201);
    let line = format!("exec {} -e 'SELECT SLEEP(300)'", made.str("/connection_strings/mariadb"));
    let mut client = Command::new("sh").args(["-c", &line]).spawn().expect("a shell");
    let link = format!("href=\"/acme/shop/dev/passwords/{}\"", made.str("/id"));
    let shown = wait_until(LIMIT, "it is connected", || {
        let shown = ada.get("/acme/shop/dev/connections").expect(200);
        shown.html().contains("SLEEP(300)").then_some(shown)
    });
    client.kill().expect("it runs");
    client.wait().expect("it ends");
    assert!(shown.html().contains(&link) && !shown.html().contains(hostile), "{}", shown.html());
    shown.says(&[hostile, "127.0.0.1"]);
}

#[test]
fn the_file_of_the_authority_is_certificates_alone() {
    let bough = shop();
    let ada = ada(&bough);
    let file = ada.get("/acme/shop/dev/connect/bough-ca.pem").expect(200);
    assert!(file.html().starts_with("-----BEGIN CERTIFICATE-----"), "{}", file.html());
    assert!(!file.html().contains("PRIVATE KEY"));
    assert_eq!(file.answer.header("content-disposition"), Some("attachment; filename=\"bough-ca.pem\""));
    Browser::new(&bough).get("/acme/shop/dev/connect/bough-ca.pem").expect(303);
}

#[test]
fn a_password_is_renamed_narrowed_renewed_and_deleted() {
    let bough = shop();
    let ada = ada(&bough);
    let admin = bough.admin();
    let path = admin.org("/databases/shop/branches/dev/passwords");
    let id = admin.post(&path, &json!({"name": "app", "ttl": 600})).expect(201).str("/id").to_owned();
    let own = format!("/acme/shop/dev/passwords/{id}");
    let page = ada.get(&own).expect(200).says(&["it lives for 10 minutes from then on", "any address"]);

    let wrong = ada.submit(&page, &own, &[("name", ""), ("cidrs", "300.1.1.1")]).expect(422);
    assert!(wrong.html().contains("id=\"name-error\"") && wrong.html().contains("id=\"cidrs-error\""));
    assert!(wrong.form(&own).contains(&("cidrs".to_owned(), "300.1.1.1".to_owned())));
    let said = ada.submit(&page, &own, &[("name", "application"), ("cidrs", "10.0.0.0/8")]).expect(303);
    ada.follow(&said).says(&["Name and addresses are saved.", "application", "10.0.0.0/8"]);
    assert_eq!(listed(&bough, "dev")[0]["cidrs"], json!(["10.0.0.0/8"]));
    // Empty: from anywhere again.
    ada.submit(&page, &own, &[("name", "application"), ("cidrs", "")]).expect(303);
    assert_eq!(listed(&bough, "dev")[0]["cidrs"], Value::Null);

    let before = listed(&bough, "dev")[0]["expires_at"].clone();
    let renewed = ada.submit(&page, &format!("{own}/renew"), &[]).expect(303);
    ada.follow(&renewed).says(&["application is renewed"]);
    assert_ne!(listed(&bough, "dev")[0]["expires_at"], before);
    // One that never ends has nothing to renew.
    let ever = admin.post(&path, &json!({"name": "ever"})).expect(201).str("/id").to_owned();
    assert!(!ada.get(&format!("/acme/shop/dev/passwords/{ever}")).html().contains("/renew"));

    let delete = format!("{own}/delete");
    let kept = ada.submit(&page, &delete, &[("confirm", "other")]).expect(422);
    assert!(kept.form(&delete).contains(&("confirm".to_owned(), "other".to_owned())));
    kept.says(&["Nothing was deleted"]);
    let gone = ada.submit(&page, &delete, &[("confirm", "application")]).expect(303);
    assert_eq!(gone.leads_to(), "/acme/shop/dev/passwords");
    ada.follow(&gone).says(&["was deleted: it opens nothing any more"]);
    ada.get(&own).expect(404);
    // Of another branch it is nothing.
    ada.get(&format!("/acme/shop/main/passwords/{ever}")).expect(404);
}

#[test]
fn lists_are_narrowed_and_those_of_clients_do_not_drown_them() {
    let bough = shop();
    let ada = ada(&bough);
    let admin = bough.admin();
    ada.get("/acme/shop/dev/passwords").expect(200).says(&["No passwords yet"]);
    let path = admin.org("/databases/shop/branches/dev/passwords");
    for number in 0..30 {
        let name = format!("pscale-cli-connect-{number}");
        admin.post(&path, &json!({"name": name, "ttl": 300})).expect(201);
    }
    admin.post(&path, &json!({"name": "app"})).expect(201);
    let main = admin.org("/databases/shop/branches/main/passwords");
    admin.post(&main, &json!({"name": "reports", "role": "reader"})).expect(201);
    for address in ["/acme/shop/dev/passwords", "/acme/shop/passwords"] {
        let shown = ada.get(address).expect(200);
        shown.says(&["app", "30 more were made by clients"]).does_not_say(&["pscale-cli-connect"]);
        ada.get(&format!("{address}?show=clients")).says(&["pscale-cli-connect-29", "1–25 of 30"]);
        ada.get(&format!("{address}?show=expired")).says(&["No password matches."]);
        ada.get(&format!("{address}?show=active&q=ap")).says(&["app"]).does_not_say(&["reports"]);
    }
    ada.get("/acme/shop/passwords").says(&["reports", "main", "Production"]);
    ada.get("/acme/shop/dev/passwords").does_not_say(&["reports"]);
}

#[test]
fn who_may_not_is_told_for_each_role() {
    let bough = shop();
    let mel = signed_in(&bough, "mel@example.com", "Mel", "member");
    let ann = signed_in(&bough, "ann@example.com", "Ann", "analyst");
    // Development branches are everybody's.
    let page = mel.get("/acme/shop/dev/connect").expect(200);
    mel.submit(&page, "/acme/shop/dev/connect", &[("role", "admin")]).expect(200);
    // Production ones are not: a member may make none, an analyst those that only read.
    let page = mel.get("/acme/shop/main/connect").expect(200).says(&["connect_production_branch"]);
    assert!(page.html().contains("disabled"));
    let csrf = [("csrf".to_owned(), mel.csrf())];
    let made = filled(csrf.to_vec(), &[("role", "reader")]);
    mel.post("/acme/shop/main/connect", &made).expect(403);
    let page = ann.get("/acme/shop/main/connect").expect(200);
    assert!(page.form("/acme/shop/main/connect").contains(&("role".to_owned(), "reader".to_owned())));
    ann.submit(&page, "/acme/shop/main/connect", &[("role", "admin")])
        .expect(403)
        .says(&["connect_production_branch"]);
    ann.submit(&page, "/acme/shop/main/connect", &[("role", "reader")]).expect(200);
    assert_eq!(listed(&bough, "main").len(), 1);
}
