//! What is sent by hand and by nobody's browser, and too much of it.

use std::fs;
use std::io::{BufRead as _, BufReader};

use bough_testkit::{Bough, Options, Raw, Wire, wait_until};

use crate::support::*;

/// Longest wait for anything.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);
const TOKENS: &str = "/acme/settings/service-tokens";

fn with_env(env: &[(&str, &str)]) -> Bough {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Bough::start_with(BOUGH, Options { env, password: Some(PASSWORD.to_owned()), ..Options::default() })
}

fn tokens(bough: &Bough) -> usize {
    bough.admin().get("/v1/organizations/acme/service-tokens?per_page=100").expect(200).data().len()
}

#[test]
fn a_form_has_each_of_its_fields_once_and_as_text() {
    let bough = bough();
    let ada = ada(&bough);
    let before = tokens(&bough);
    let csrf = ada.csrf();
    let send = |body: &str| {
        let kind = [("Content-Type", "application/x-www-form-urlencoded")];
        ada.send("POST", TOKENS, &kind, Some(body.as_bytes()))
    };
    // Which of two would count is nobody's to guess.
    for twice in ["name=a&name=b", "name=a&expires=&expires=", &format!("name=a&csrf={csrf}")] {
        send(&format!("csrf={csrf}&{twice}")).expect(400).says(&["only one field"]);
    }
    send(&format!("csrf={csrf}&name=a&colour=red")).expect(400).says(&["no field \"colour\""]);
    // What is no text must not become other text in silence.
    for no_text in ["name=%ff", "name=%C3%28", "%ff=a"] {
        send(&format!("csrf={csrf}&{no_text}")).expect(400).says(&["is no text"]);
    }
    assert_eq!(tokens(&bough), before);
    // What is repeated where that is meant, is.
    let page = ada.get(TOKENS).expect(200);
    ada.submit(&page, TOKENS, &[("name", "für %zz €")]).expect(200);
    assert_eq!(tokens(&bough), before + 1);
}

#[test]
fn an_address_that_is_used_in_another_way_is_answered_by_a_page() {
    let bough = bough();
    let ada = ada(&bough);
    for (method, address) in [
        ("GET", "/logout"),
        ("GET", "/acme/shop/main/delete"),
        ("GET", "/account/password"),
        ("POST", "/acme/palette"),
        ("PUT", "/acme"),
        ("DELETE", "/account"),
        ("PATCH", "/login"),
        ("POST", "/docs"),
    ] {
        let shown = ada.send(method, address, &[], None).expect(405);
        assert!(shown.answer.header("allow").is_some(), "{method} {address}");
        assert_eq!(shown.answer.header("x-frame-options"), Some("DENY"), "{method} {address}");
        shown.says(&["cannot be used in this way", "Go to the start"]);
    }
    ada.get("/account").expect(200);
}

#[test]
fn whoever_asks_for_too_many_pages_waits_and_nobody_else() {
    let bough = with_env(&[("BOUGH_API_RATE_LIMIT_PER_MINUTE", "40")]);
    let ada = ada(&bough);
    let ben = signed_in(&bough, "ben@example.com", "Ben", "member");
    let refused = (0..60).find_map(|_| Some(ada.get("/account")).filter(|shown| shown.status != 200));
    let refused = refused.expect("an end").expect(429);
    let seconds: u64 = refused.answer.header("retry-after").expect("it").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    refused.says(&["more pages than anybody may in a minute", "Try again in"]);
    // Another session of hers is hers.
    let again = Browser::new(&bough);
    again.log_in(ADA, PASSWORD);
    again.get("/account").expect(429);
    ben.get("/account").expect(200);
    Browser::new(&bough).get("/login").expect(200);
    Browser::new(&bough).get("/docs").expect(200);
}

#[test]
fn a_page_that_is_only_looked_at_does_not_keep_a_session_alive() {
    let bough = with_env(&[("BOUGH_DASHBOARD_SESSION_IDLE_S", "4")]);
    bough.database("shop");
    let ada = ada(&bough);
    let cookies: Vec<String> = ada.jar().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut wire = Wire::to(bough.base(), LIMIT);
    let request = Raw::new("GET", "/acme/shop/events").header("Cookie", &cookies.join("; "));
    wire.send(&request.bytes()).expect("it is sent");
    // The first is the state; it ends by itself, though nothing changes, once nobody did anything for so long.
    let mut lines = BufReader::new(wire.take().expect("its connection")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("data: ")), "the state");
    assert!(lines.any(|line| line.starts_with("data: ") && line.contains("not open to you any more")));
    ada.get("/account").expect(303);
}

#[test]
fn what_was_typed_when_a_session_had_ended_is_sent_after_logging_in_again() {
    let bough = bough();
    let ada = ada(&bough);
    let page = ada.get("/acme/settings").expect(200);
    let hostile = "o'neil+\"><script>alert(1)</script>@example.com";
    ada.post("/logout", &[("csrf".to_owned(), ada.csrf())]).expect(303);
    let ended = ada.submit(&page, "/acme/settings", &[("billing_email", hostile)]).expect(401);
    assert!(!ended.html().contains("<script>alert"));
    let ended = ended.says(&["Your session has ended", "billing email", hostile]);
    // A wrong password loses nothing either.
    let wrong = ada.submit(&ended, "/login", &[("email", ADA), ("password", "wrong")]).expect(422);
    let again = ada.submit(&wrong, "/login", &[("email", ADA), ("password", PASSWORD)]).expect(200);
    let again = again.says(&["You are logged in again", hostile, "Send it now"]);
    assert!(!again.html().contains("<script>alert"));
    ada.submit(&again, "/acme/settings", &[]).expect(303);
    let kept = ada.get("/acme/settings").expect(200).form("/acme/settings");
    assert!(kept.contains(&("billing_email".to_owned(), hostile.to_owned())), "{kept:?}");
    // Somebody else's form is not taken along, and leads nowhere else.
    let stranger = Browser::new(&bough);
    let form = [("billing_email".to_owned(), "x@example.com".to_owned())];
    let shown = stranger.post_with("/acme/settings", &form, &[("Origin", "http://evil.example")]);
    shown.expect(401).does_not_say(&["x@example.com", "what you had typed is kept"]);
    let login = stranger.get("/login").expect(200);
    let elsewhere = [
        ("email", ADA),
        ("password", PASSWORD),
        ("unsent", "a=b"),
        ("unsent_to", "//evil.example/"),
        ("next", "//evil.example/"),
    ];
    assert_eq!(stranger.submit(&login, "/login", &elsewhere).expect(303).leads_to(), "/");
}

#[test]
fn a_form_of_an_earlier_session_is_shown_and_sent_only_when_that_is_wanted() {
    let bough = bough();
    let ada = ada(&bough);
    let page = ada.get("/acme/settings").expect(200);
    let hostile = "o'neil+\"><script>alert(1)</script>@example.com";
    let form = filled(page.form("/acme/settings"), &[("billing_email", hostile)]);
    ada.post("/logout", &[("csrf".to_owned(), ada.csrf())]).expect(303);
    let login = ada.get("/login").expect(200);
    ada.submit(&login, "/login", &[("email", ADA), ("password", PASSWORD)]).expect(303);
    // Only where the browser says that the form is ours: shown elsewhere, somebody could be talked into it.
    let send = |fetched: &[(&str, &str)]| ada.post_with("/acme/settings", &form, fetched).expect(403);
    send(&[]).does_not_say(&[hostile, "Send it now"]).says(&["was not made for your session"]);
    send(&[("Sec-Fetch-Site", "cross-site")]).does_not_say(&[hostile, "Send it now"]).says(&["another site"]);
    let shown =
        send(&[("Sec-Fetch-Site", "same-origin")]).says(&["nothing was changed", hostile, "Send it now"]);
    assert!(!shown.html().contains("<script>alert"));
    let billed = || ada.get("/acme/settings").expect(200).form("/acme/settings");
    let typed = ("billing_email".to_owned(), hostile.to_owned());
    assert!(!billed().contains(&typed), "not by itself");
    ada.submit(&shown, "/acme/settings", &[]).expect(303);
    assert!(billed().contains(&typed));
}

#[test]
fn an_entry_of_the_audit_log_that_cannot_be_read_leaves_the_page() {
    let mut bough = bough();
    let browser = ada(&bough);
    browser.get("/acme/settings/audit-log").expect(200).says(&["created organization acme"]);
    bough.stop();
    let store = bough.data_dir().join("store.sqlite");
    drop(bough_store::Store::open(&store).expect("it opens"));
    let log = store.with_file_name("store.sqlite-wal");
    wait_until(LIMIT, "the store's log is in its file", || (!log.exists()).then_some(()));
    // The kind of an actor becomes one that there is not, in every entry of setup.
    let bytes = fs::read(&store).expect("the store");
    let changed = replaced(&bytes, b"Operator", b"Oqerator");
    assert!(bytes != changed, "something is changed");
    fs::write(&store, changed).expect("written");
    bough.serve();
    bough.wait_ready();
    let ada = ada(&bough);
    let log = ada.get("/acme/settings/audit-log").expect(200);
    let log = log.says(&["cannot be read", "bough audit verify"]).does_not_say(&["Oqerator"]);
    // The chain says which entries they are.
    let told = ada.submit(&log, "/acme/settings/audit-log", &[]).expect(200);
    told.says(&["is not what was written", "Entry 1 was changed"]);
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let found: Vec<usize> =
        bytes.windows(from.len()).enumerate().filter(|(_, part)| *part == from).map(|(at, _)| at).collect();
    for at in found {
        changed[at..at + to.len()].copy_from_slice(to);
    }
    changed
}
