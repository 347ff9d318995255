//! Service tokens in the browser: making one, saying what it may do, and who may say it.

use std::time::Duration;

use bough_testkit::{Client, Token, wait_until};
use serde_json::{Value, json};

use crate::html;
use crate::support::{Browser, Shown, ada, bough, signed_in};

const LIST: &str = "/acme/settings/service-tokens";
/// Longest wait for a refusal to be written down.
const WRITTEN: Duration = Duration::from_secs(20);

fn field(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// A form with boxes ticked beside those that are.
fn ticked(shown: &Shown, action: &str, boxes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut fields = shown.form(action);
    fields.extend(boxes.iter().map(|(scope, access)| field(scope, access)));
    fields
}

/// Whether a box is on the page, whether it is ticked, and whether it can be changed.
fn the_box(shown: &Shown, scope: &str, access: &str) -> (bool, bool) {
    let id = format!("{scope}-{access}");
    let tags = html::tags(shown.html());
    let tag = tags.iter().find(|tag| tag.attribute("id") == Some(&id));
    let tag = tag.unwrap_or_else(|| panic!("no box {id} on {}", shown.address));
    (tag.attribute("checked").is_some(), tag.attribute("disabled").is_none())
}

/// The text of an element.
fn part(shown: &Shown, id: &str) -> String {
    html::text(shown.part(id))
}

/// Makes a token by the form. Answers it, and the page that shows it.
#[track_caller]
fn make(browser: &Browser, name: &str) -> (Token, Shown) {
    let page = browser.get(&format!("{LIST}/new")).expect(200);
    let shown = browser.submit(&page, LIST, &[("name", name)]).expect(200);
    let token = Token { id: part(&shown, "token-id"), secret: part(&shown, "token-secret") };
    (token, shown)
}

fn address(id: &str) -> String {
    format!("{LIST}/{id}")
}

fn database_id(admin: &Client, name: &str) -> String {
    admin.get(&admin.org(&format!("/databases/{name}"))).expect(200).str("/id").to_owned()
}

/// What a token holds, as the API tells it.
fn grants(admin: &Client, id: &str) -> Vec<String> {
    let listed = admin.get(&admin.org(&format!("/service-tokens/{id}/access"))).expect(200);
    let of = |row: &Value| {
        let on =
            if row["all_databases"] == json!(true) { "*" } else { row["resource_name"].as_str().unwrap() };
        format!("{on} {}", row["access"].as_str().unwrap())
    };
    listed.data().iter().map(of).collect()
}

fn grant(admin: &Client, id: &str, database: Value, accesses: &[&str]) {
    let body = json!({"database": database, "access": accesses});
    admin.post(&admin.org(&format!("/service-tokens/{id}/access")), &body).expect(200);
}

#[test]
fn a_token_is_made_told_what_it_may_and_used() {
    let bough = bough();
    bough.database("shop");
    let (admin, browser) = (bough.admin(), ada(&bough));
    let shop = database_id(&admin, "shop");

    // Made, and shown once.
    let page = browser.get(LIST).expect(200).says(&["New service token", "setup"]);
    let fields = crate::support::filled(page.form(LIST), &[("name", "ci <b>&amp; more")]);
    let made =
        browser.post(LIST, &fields).expect(200).says(&["Copy the token now", "Edit token permissions"]);
    let token = Token { id: part(&made, "token-id"), secret: part(&made, "token-secret") };
    assert_eq!(
        part(&made, "token-export"),
        format!("export BOUGH_TOKEN_ID={} BOUGH_TOKEN={}", token.id, token.secret)
    );
    let curl = part(&made, "token-curl");
    assert!(curl.ends_with(&format!("{}/v1/organizations", bough.base())), "{curl}");
    let own = bough.client(&token);
    own.get("/v1/organizations").expect(200);

    // The same form again makes no other, and shows nothing.
    let again = browser.post(LIST, &fields).expect(409).says(&["shown only once"]);
    assert!(!again.html().contains(&token.secret));
    let listed = browser.get(LIST).expect(200).says(&["ci <b>&amp; more", &token.id]);
    assert_eq!(listed.html().matches(&format!("href=\"{}\"", address(&token.id))).count(), 1);
    assert!(!listed.html().contains(&token.secret));

    // Ticked on the organization and on a database, and saved.
    let base = address(&token.id);
    let (save, preview) = (format!("{base}/grants"), format!("{base}/preview"));
    let page = browser.get(&base).expect(200).says(&["Recently refused", "What this token can do"]);
    assert!(!page.html().contains(&token.secret));
    let mut fields = ticked(&page, &save, &[("organization", "read_organization")]);
    fields.retain(|(name, _)| name != "open");
    fields.push(field("open", "shop"));
    let page = browser.post(&preview, &fields).expect(200).says(&["is not saved yet", "Access to shop"]);
    assert_eq!(the_box(&page, "organization", "read_organization"), (true, true));
    assert_eq!(grants(&admin, &token.id), Vec::<String>::new(), "looking at it saves nothing");
    let scope = format!("database-{shop}");
    let fields = ticked(&page, &save, &[(&scope, "create_branch"), (&scope, "read_branch")]);
    let saved = browser.post(&save, &fields).expect(303);
    let page = browser.follow(&saved).says(&["The permissions are saved."]);
    assert_eq!(the_box(&page, &scope, "create_branch"), (true, true));
    assert_eq!(
        grants(&admin, &token.id),
        ["acme read_organization", "shop create_branch", "shop read_branch"]
    );

    // Used; what is refused is shown, and works after one click.
    let branches = own.org("/databases/shop/branches");
    own.post(&branches, &json!({"name": "dev"})).expect(201);
    own.delete(&format!("{branches}/dev")).expect(403);
    let page = wait_until(WRITTEN, "the refusal is shown", || {
        let page = browser.get(&base).expect(200);
        page.has_form(&format!("{base}/allow")).then_some(page)
    })
    .says(&["Delete branch on shop, once", "It needs delete_branch"]);
    let allowed = browser.submit(&page, &format!("{base}/allow"), &[]).expect(303);
    browser.follow(&allowed).says(&["Granted: delete_branch on shop.", "Granted by now"]);
    own.delete(&format!("{branches}/dev")).expect(204);

    // How often it asked, and how long that took, is drawn.
    let page = wait_until(WRITTEN, "its requests are counted", || {
        let page = browser.get(&base).expect(200);
        page.text().contains("Requests in a day 4, 1 refused").then_some(page)
    });
    assert!(page.html().contains(&format!("href=\"{base}/requests\"")));
    let charts = browser.get(&format!("{base}/requests")).expect(200).says(&["Last day", "Last month"]);
    assert_eq!(charts.html().matches("<figure class=\"chart\">").count(), 4);

    // What it never needed goes in one click, too.
    let page = wait_until(WRITTEN, "its uses are written down", || {
        let page = browser.get(&base).expect(200);
        let offered = page.form(&format!("{base}/remove"));
        offered.contains(&field("access", "read_organization")).then_some(page)
    });
    let removed = browser.submit(&page, &format!("{base}/remove"), &[]).expect(303);
    browser.follow(&removed).says(&["Removed: read_organization on the organization."]);
    assert_eq!(grants(&admin, &token.id), ["shop create_branch", "shop read_branch", "shop delete_branch"]);
}

#[test]
fn nobody_grants_by_hand_what_he_may_not() {
    let bough = bough();
    bough.database("shop");
    let globex = bough.foreign("globex");
    let theirs = bough.client(&globex).within("globex");
    let other = theirs.post(&theirs.org("/databases"), &json!({"name": "theirs"})).expect(201);
    let (admin, token) = (bough.admin(), bough.token(&[]));
    let shop = database_id(&admin, "shop");
    let base = address(&token.id);
    let save = format!("{base}/grants");
    let scope = format!("database-{shop}");
    grant(&admin, &token.id, json!("shop"), &["read_branch"]);
    let before = grants(&admin, &token.id);

    let member = signed_in(&bough, "mem@example.com", "Mem", "member");
    let analyst = signed_in(&bough, "ana@example.com", "Ana", "analyst");
    for browser in [&member, &analyst] {
        let page = browser.get(&base).expect(200).says(&["Only administrators can grant it."]);
        for (scope, access) in [
            ("organization", "create_databases"),
            ("all", "read_branch"),
            (scope.as_str(), "delete_production_branch"),
        ] {
            assert_eq!(the_box(&page, scope, access), (false, false), "{scope} {access}");
            let sent = browser.post(&save, &ticked(&page, &save, &[(scope, access)]));
            sent.expect(403).says(&["Nothing was saved. You may not grant or revoke", access]);
        }
        for (access, database) in
            [("create_databases", ""), ("read_branch", "*"), ("connect_production_branch", "shop")]
        {
            let fields =
                [field("csrf", &browser.csrf()), field("access", access), field("database", database)];
            browser
                .post(&format!("{base}/allow"), &fields)
                .expect(403)
                .says(&["Nothing was changed.", access]);
        }
        assert_eq!(the_box(&page, &scope, "create_branch"), (false, true));
    }
    // Nor what there is not, wherever it is sent.
    let browser = ada(&bough);
    let page = browser.get(&base).expect(200);
    let sent = |boxes: &[(&str, &str)]| browser.post(&save, &ticked(&page, &save, boxes));
    sent(&[("organization", "fly")]).expect(422).says(&["Nothing was saved. Unknown access: fly."]);
    sent(&[("organization", "read_user")]).expect(422).says(&["Unknown access: read_user."]);
    sent(&[("organization", "read_branch")]).expect(422).says(&["read_branch is a database access"]);
    sent(&[("database", other.str("/id"))]).expect(422).says(&["one of the databases is not there"]);
    sent(&[("database-zzzzzzzzzzzz", "read_branch")]).expect(400).says(&["has no field"]);
    sent(&[("more", "1")]).expect(400).says(&["has no field"]);
    let mut without = page.form(&save);
    without.retain(|(name, _)| name != "etag");
    browser.post(&save, &without).expect(400).says(&["does not say what it changes"]);
    let fields = [field("csrf", &browser.csrf()), field("access", "fly"), field("database", "")];
    browser.post(&format!("{base}/allow"), &fields).expect(422).says(&["Unknown access: fly."]);
    assert_eq!(grants(&admin, &token.id), before, "nothing was changed");

    // Other organizations' tokens are not there, and ours are not for members of others.
    let address_of_other = address(&globex.id);
    browser.get(&address_of_other).expect(404);
    let stranger = Browser::new(&bough);
    crate::support::person(&bough, "stranger@example.com", "Stranger");
    crate::support::member(&bough, "stranger@example.com", "globex", "admin");
    stranger.log_in("stranger@example.com", crate::support::PASSWORD);
    for path in [LIST.to_owned(), format!("{LIST}/new"), base.clone(), format!("{base}/rotate")] {
        stranger.get(&path).expect(404);
    }
    let proof = [field("csrf", &stranger.csrf())];
    for path in ["", "/grants", "/preview", "/allow", "/remove", "/rotate", "/adopt", "/delete"] {
        stranger.post(&format!("{base}{path}"), &proof).expect(404);
    }
    assert_eq!(grants(&admin, &token.id), before, "nothing was changed");
}

#[test]
fn who_may_grant_less_saves_the_rest() {
    let bough = bough();
    bough.database("shop");
    let (admin, token) = (bough.admin(), bough.token(&[]));
    let shop = database_id(&admin, "shop");
    let scope = format!("database-{shop}");
    grant(&admin, &token.id, json!("shop"), &["delete_production_branch", "read_branch"]);
    grant(&admin, &token.id, json!(""), &["create_databases"]);
    grant(&admin, &token.id, json!("*"), &["read_branch"]);
    let member = signed_in(&bough, "mem@example.com", "Mem", "member");
    let base = address(&token.id);
    let save = format!("{base}/grants");

    let page = member.get(&base).expect(200);
    assert_eq!(the_box(&page, &scope, "delete_production_branch"), (true, false), "held, and locked");
    assert_eq!(the_box(&page, "organization", "create_databases"), (true, false));
    assert_eq!(the_box(&page, &scope, "read_branch"), (true, false), "held on all databases");
    assert_eq!(the_box(&page, &scope, "create_branch"), (false, true));
    let fields = ticked(&page, &save, &[(&scope, "create_branch"), ("organization", "read_databases")]);
    member.post(&save, &fields).expect(303);
    assert_eq!(
        grants(&admin, &token.id),
        [
            "acme read_databases",
            "acme create_databases",
            "* read_branch",
            "shop create_branch",
            "shop read_branch",
            "shop delete_production_branch",
        ]
    );
    // What is locked cannot be taken away by leaving it out.
    let page = member.get(&base).expect(200);
    let mut fields = page.form(&save);
    fields.retain(|(_, value)| value != "delete_production_branch");
    member.post(&save, &fields).expect(403).says(&["Nothing was saved.", "delete_production_branch"]);
    // Nor can the token's power be taken over.
    member.get(&base).expect(200).says(&["This hands over all that the token holds"]);
    let rotate = format!("{base}/rotate");
    let proof = member.csrf();
    member.get(&rotate).expect(200).says(&["This hands over all that the token holds"]);
    member.post(&rotate, &[field("csrf", &proof), field("overlap", "0")]).expect(403);
    bough.client(&token).get("/v1/organizations").expect(200);
    let fields = [field("csrf", &proof), field("name", "mine"), field("cidrs", "10.0.0.0/8")];
    member.post(&base, &fields).expect(403).says(&["This hands over all that the token holds"]);
    let same = admin.get(&admin.org(&format!("/service-tokens/{}", token.id))).expect(200);
    assert_eq!((same.str("/name"), &same.json["cidrs"]), ("test", &json!([])));
    // Its name is free, with the form as it stands there.
    let page = member.get(&base).expect(200);
    member.submit(&page, &base, &[("name", "ours")]).expect(303);
    let same = admin.get(&admin.org(&format!("/service-tokens/{}", token.id))).expect(200);
    assert_eq!(same.str("/name"), "ours");
}

#[test]
fn what_somebody_changed_meanwhile_is_not_overwritten() {
    let bough = bough();
    bough.database("shop");
    bough.database("blog");
    let (admin, token) = (bough.admin(), bough.token(&[("shop", &["read_branch"])]));
    let (shop, browser) = (database_id(&admin, "shop"), ada(&bough));
    let scope = format!("database-{shop}");
    let base = address(&token.id);
    let save = format!("{base}/grants");
    let page = browser.get(&base).expect(200);
    let fields = ticked(&page, &save, &[(&scope, "delete_branch")]);
    grant(&admin, &token.id, json!("shop"), &["create_branch"]);
    grant(&admin, &token.id, json!("blog"), &["read_branch"]);
    let remove = admin.org(&format!("/service-tokens/{}/access", token.id));
    let body = json!({"database": "shop", "access": ["read_branch"]}).to_string();
    admin.send("DELETE", &remove, &[("content-type", "application/json")], Some(body.as_bytes())).expect(204);

    let shown = browser.post(&save, &fields).expect(412).says(&[
        "Nothing was saved, because somebody changed",
        "On shop: granted create_branch and removed read_branch.",
    ]);
    assert_eq!(grants(&admin, &token.id), ["blog read_branch", "shop create_branch"]);
    assert_eq!(the_box(&shown, &scope, "delete_branch"), (true, true), "what was ticked is kept");
    assert_eq!(the_box(&shown, &scope, "create_branch"), (false, true));
    // Seen, and saved on purpose; what is not in the form stays.
    browser.post(&save, &shown.form(&save)).expect(303);
    assert_eq!(grants(&admin, &token.id), ["blog read_branch", "shop read_branch", "shop delete_branch"]);
}

#[test]
fn what_it_could_do_is_told_before_it_is_saved() {
    let bough = bough();
    bough.database("shop");
    let (admin, token, browser) = (bough.admin(), bough.token(&[]), ada(&bough));
    let base = address(&token.id);
    let (save, preview) = (format!("{base}/grants"), format!("{base}/preview"));
    let page = browser.get(&format!("{base}?database=shop")).expect(200).says(&["On every database: 0 of"]);
    let scope = format!("database-{}", database_id(&admin, "shop"));
    let fields = ticked(&page, &save, &[("all", "delete_branch"), (&scope, "delete_production_branch")]);
    let told = browser.post_with(&preview, &fields, &[("x-bough-fragment", "preview")]).expect(200);
    assert!(told.html().starts_with("<div data-fragment=\"preview\">"), "a part of the page alone");
    told.says(&[
        "Delete branch DELETE …/branches/{branch} development only; production needs delete_production_branch",
        "Delete branch DELETE …/branches/{branch} Get branch",
        "POST /service-tokens/{id}/adopt only people can do this",
    ])
    // Only what there is a route for.
    .does_not_say(&["deploy request", "backup"]);
    // Without script it is a page of its own, with the boxes as they were.
    let page = browser.post(&preview, &fields).expect(200).says(&["is not saved yet"]);
    assert_eq!(the_box(&page, &scope, "delete_branch"), (true, false), "locked by all databases");
    // A preset ticks what it has: on the database that is shown, not on all.
    let mut preset = page.form(&save);
    preset.push(field("preset", "ci-branch"));
    let page = browser.post(&preview, &preset).expect(200);
    assert_eq!(the_box(&page, &scope, "create_branch"), (true, true));
    assert_eq!(the_box(&page, "all", "create_branch"), (false, true));
    let page = browser.get(&format!("{base}?preset=read-only")).expect(200);
    assert_eq!(the_box(&page, "all", "read_database"), (true, true));
    assert_eq!(the_box(&page, "organization", "read_databases"), (true, true));
    // A database that there is not is said beside its field.
    let mut none = page.form(&save);
    none.retain(|(name, _)| name != "open");
    none.push(field("open", "<nope>"));
    browser
        .post(&preview, &none)
        .expect(200)
        .says(&["There is no database \"<nope>\", or you may not see it."]);
    assert_eq!(grants(&admin, &token.id), Vec::<String>::new());
}

#[test]
fn the_list_is_searched_and_narrowed() {
    let bough = bough();
    let (admin, browser) = (bough.admin(), ada(&bough));
    let path = admin.org("/service-tokens");
    for number in 0..30 {
        admin.post(&path, &json!({"name": format!("robot {number}")})).expect(200);
    }
    let soon =
        admin.post(&path, &json!({"name": "100% soon", "ttl": 3600})).expect(200).str("/id").to_owned();
    admin.post(&path, &json!({"name": "later", "ttl": 90 * 24 * 3600})).expect(200);
    let names = |shown: &Shown| -> Vec<String> {
        let tags = html::tags(shown.html());
        let is_link = |href: &str| href.strip_prefix(LIST).is_some_and(|rest| rest.len() == 13);
        tags.iter()
            .filter_map(|tag| tag.attribute("href"))
            .filter(|href| is_link(href))
            .map(str::to_owned)
            .collect()
    };
    let first = browser.get(LIST).expect(200).says(&["1–25 of 33"]);
    assert_eq!(names(&first).len(), 25);
    assert_eq!(names(&browser.get(&format!("{LIST}?page=2")).expect(200).says(&["26–33 of 33"])).len(), 8);
    let ending = browser.get(&format!("{LIST}?show=expiring")).expect(200).says(&["100% soon", "1–1 of 1"]);
    assert_eq!(names(&ending), [address(&soon)]);
    // A sign of the query language is a letter like others.
    browser.get(&format!("{LIST}?q=100%25")).expect(200).says(&["1–1 of 1"]);
    browser.get(&format!("{LIST}?q=%25")).expect(200).says(&["1–1 of 1"]);
    browser.get(&format!("{LIST}?q={}", &soon[2..9])).expect(200).says(&["1–1 of 1", "100% soon"]);
    browser.get(&format!("{LIST}?q=ROBOT+1&page=1")).expect(200).says(&["1–11 of 11"]);
    browser.get(&format!("{LIST}?q=nothing")).expect(200).says(&["No token matches.", "Show all"]);
    browser.get(&format!("{LIST}?page=99")).expect(200).says(&["There is nothing on this page."]);
    // The one that is used is not among the unused.
    wait_until(WRITTEN, "the use is written down", || {
        let unused = browser.get(&format!("{LIST}?show=unused")).expect(200);
        unused.text().contains("of 32").then_some(())
    });
    browser.get(&format!("{LIST}?show=unused&q=setup")).expect(200).says(&["No token matches."]);
    // The API can do the same.
    let listed = |query: &str| admin.get(&format!("{path}?{query}")).expect(200).data().len();
    assert_eq!((listed("q=robot+1"), listed("expires_soon=true"), listed("unused=true")), (11, 1, 25));
    admin.get(&format!("{path}?unused=true&expires_soon=true")).expect(400);
}

#[test]
fn a_form_that_is_refused_keeps_what_was_typed() {
    let bough = bough();
    let (browser, token) = (ada(&bough), bough.token(&[]));
    let new = browser.get(&format!("{LIST}/new")).expect(200);
    let long = "x".repeat(201);
    for (name, expires, said) in [
        ("ci", "2001-01-01", "This day is over"),
        ("ci", "2026-02-30", "is no day of the calendar"),
        ("ci", "2999-01-01", "ten years at most"),
        (long.as_str(), "", "at most 200 characters"),
    ] {
        let shown =
            browser.submit(&new, LIST, &[("name", name), ("expires", expires)]).expect(422).says(&[said]);
        let form = shown.form(LIST);
        assert!(form.contains(&field("name", name)) && form.contains(&field("expires", expires)));
    }
    browser.submit(&new, LIST, &[("name", "fine")]).expect(200);
    // Its last day is in it.
    let new = browser.get(&format!("{LIST}/new")).expect(200);
    let made = browser.submit(&new, LIST, &[("expires", "2030-06-30")]).expect(200);
    let id = part(&made, "token-id");
    browser.get(&address(&id)).expect(200);
    let admin = bough.admin();
    let row = admin.get(&admin.org(&format!("/service-tokens/{id}"))).expect(200);
    assert!(row.str("/expires_at").starts_with("2030-06-30T23:59:5"), "{}", row.text);

    let base = address(&token.id);
    let page = browser.get(&base).expect(200);
    let with = [("name", "a"), ("cidrs", "10.0.0.0/8\n10.0.0.0/80")];
    let shown =
        browser.submit(&page, &base, &with).expect(422).says(&["\"10.0.0.0/80\" is not an address range"]);
    assert!(shown.form(&base).contains(&field("cidrs", with[1].1)));
    browser.submit(&page, &base, &[("name", "a"), ("cidrs", "127.0.0.0/8\n::1")]).expect(303);
    browser.get(&base).expect(200).says(&["127.0.0.0/8, ::1/128"]);
    bough.client(&token).get("/v1/organizations").expect(200);
}

#[test]
fn a_secret_is_rotated_and_a_token_deleted() {
    let bough = bough();
    let (browser, old) = (ada(&bough), bough.token(&[]));
    let base = address(&old.id);
    let rotate = format!("{base}/rotate");
    let page = browser.get(&rotate).expect(200);
    let fields = page.form(&rotate);
    browser.submit(&page, &rotate, &[("overlap", "soon")]).expect(422).says(&["Choose how long"]);
    browser.submit(&page, &rotate, &[("overlap", "604801")]).expect(422).says(&["overlap_seconds is 604801"]);
    let shown = browser.post(&rotate, &fields).expect(200).says(&["The old secret works until"]);
    let new = Token { id: old.id.clone(), secret: part(&shown, "token-secret") };
    assert_ne!(new.secret, old.secret);
    bough.client(&new).get("/v1/organizations").expect(200);
    bough.client(&old).get("/v1/organizations").expect(200);
    // Sent twice it is rotated once.
    browser.post(&rotate, &fields).expect(409).says(&["shown only once"]);
    bough.client(&new).get("/v1/organizations").expect(200);
    let page = browser.get(&base).expect(200).says(&["Old secret works until"]);
    assert!(!page.html().contains(&new.secret));
    browser.submit(&page, &rotate, &[("overlap", "0")]).expect(200).says(&["refused from now on"]);
    bough.client(&new).get("/v1/organizations").expect(401);

    let delete = format!("{base}/delete");
    let page = browser.get(&base).expect(200);
    browser.submit(&page, &delete, &[("confirm", "shop")]).expect(422).says(&["neither the token's ID"]);
    browser.submit(&page, &delete, &[]).expect(422);
    browser.get(&base).expect(200);
    let gone = browser.submit(&page, &delete, &[("confirm", "test")]).expect(303);
    browser.follow(&gone).says(&["The service token test is deleted."]).does_not_say(&[&old.id]);
    browser.get(&base).expect(404);
}

#[test]
fn a_token_of_a_token_is_adopted() {
    let bough = bough();
    let maker = bough.token(&[("", &["write_service_tokens"])]);
    let own = bough.client(&maker);
    let made = own.post(&own.org("/service-tokens"), &json!({"name": "child"})).expect(200);
    let child = made.str("/id").to_owned();
    let browser = ada(&bough);
    let base = address(&child);
    let page = browser.get(&base).expect(200).says(&["with which it ends", "Adopt this token"]);
    let adopted = browser.submit(&page, &format!("{base}/adopt"), &[]).expect(303);
    browser.follow(&adopted).says(&["The token is adopted"]).does_not_say(&["Adopt this token"]);
    let admin = bough.admin();
    admin.delete(&admin.org(&format!("/service-tokens/{}", maker.id))).expect(204);
    browser.get(&base).expect(200);
    let (other, _) = make(&browser, "");
    browser.get(&address(&other.id)).expect(200).does_not_say(&["Adopt this token"]);
}
