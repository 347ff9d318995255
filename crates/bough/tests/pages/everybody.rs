//! Every page and form of the table, tried by everybody: by nobody, by each role, by an administrator of
//! a database, and by a member of another organization. Who may is what the policy says, for the very
//! operation that the table names; and no form is taken that was not made here for that session.
//!
//! Forms are tried with a field that none of them has: who may is told so (400), and nothing is changed.

use std::collections::HashMap;

use bough_dashboard::{Entry, PAGES};
use bough_model::{
    Actor, BranchId, DatabaseId, OrganizationId, PasswordId, PasswordRole, Role, TokenId, UserId,
};
use bough_policy::{
    BranchAt, DatabaseAt, Denied, Located, MemberAt, Nowhere, OrganizationAt, PasswordAt, Place, Principal,
    Standing, TokenAt, Visibility, decide,
};
use bough_testkit::{Bough, Raw, Wire};
use serde_json::json;

use crate::html;
use crate::support::*;

/// Longest wait for the head of an answer.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(30);
/// Largest page, in bytes. What a page loads beside itself is kept by the browser.
const PAGE_MAX_BYTES: usize = 100 * 1024;
/// A field that no form has.
const NO_FIELD: &str = "no-such-field";
/// Ids that stand for the things of this test where the policy is asked.
const SOME: &str = "abcdefghijkl";
const OTHER: &str = "bcdefghijklm";

const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
         font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cache-control", "no-store"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Somebody, and what he is.
struct Somebody {
    who: &'static str,
    browser: Browser,
    id: String,
    principal: Principal,
}

/// What stands in the place of the parameters of a path.
#[derive(Clone)]
struct Names {
    organization: String,
    database: &'static str,
    branch: &'static str,
    token: String,
    member: String,
    /// A password of the branch, and what it may do.
    password: (String, PasswordRole),
}

impl Names {
    fn fill(&self, path: &str) -> String {
        let id = match path {
            path if path.contains("/members/{id}") => &self.member,
            path if path.contains("/passwords/{id}") => &self.password.0,
            _ => &self.token,
        };
        let path = path
            .replace("{organization}", &self.organization)
            .replace("{database}", self.database)
            .replace("{branch}", self.branch)
            .replace("{id}", id);
        assert!(!path.contains('{'), "a parameter of {path} is not known to this test");
        path
    }
}

fn organization() -> OrganizationId {
    OrganizationId::parse(SOME).expect("an id")
}

fn database(name: &str) -> DatabaseId {
    DatabaseId::parse(if name == "shop" { SOME } else { OTHER }).expect("an id")
}

/// What the policy says of a page, by what its path names.
fn decided(entry: &Entry, names: &Names, principal: &Principal) -> Result<(), Denied> {
    fn on<T: Place>(entry: &Entry, principal: &Principal, place: T) -> Result<(), Denied> {
        decide(principal, entry.operation, Located::new(place)).map(|_| ())
    }
    let (organization, database) = (organization(), database(names.database));
    if entry.path.contains("{branch}") {
        let branch = BranchId::parse(SOME).expect("an id");
        let production = names.branch == "main";
        let branch = BranchAt { organization, database, branch, production };
        if entry.path.contains("/passwords/{id}") {
            let password = PasswordId::parse(SOME).expect("an id");
            on(entry, principal, PasswordAt { branch, password, role: names.password.1 })
        } else {
            on(entry, principal, branch)
        }
    } else if entry.path.contains("{database}") {
        on(entry, principal, DatabaseAt { organization, database })
    } else if entry.path.contains("/members/{id}") {
        let user = UserId::parse(&names.member).expect("an id");
        on(entry, principal, MemberAt { organization, user })
    } else if entry.path.contains("/service-tokens/{id}") {
        on(entry, principal, TokenAt { organization, token: TokenId::parse(SOME).expect("an id") })
    } else if entry.path.contains("{organization}") {
        on(entry, principal, OrganizationAt { organization })
    } else {
        on(entry, principal, Nowhere)
    }
}

/// A page that stays open is asked for its head alone.
fn is_live(entry: &Entry) -> bool {
    entry.path.ends_with("/events")
}

fn try_it(entry: &Entry, address: &str, browser: &Browser, csrf: &str) -> Shown {
    match entry.method {
        "GET" if is_live(entry) => browser.send("HEAD", address, &[], None),
        "GET" => browser.get(address),
        _ => {
            let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            browser.post(address, &[field("csrf", csrf), field(NO_FIELD, "1")])
        }
    }
}

/// What every answer carries, and what no page has in it.
fn check_shown(shown: &Shown) {
    let what = &shown.address;
    for (name, value) in HEADERS {
        assert_eq!(shown.answer.header(name), Some(value), "{what}");
    }
    let is_html = shown.answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    if is_html {
        check_html(what, shown.html());
    }
}

fn check_html(what: &str, html: &str) {
    assert!(html.len() <= PAGE_MAX_BYTES, "{what} has {} bytes", html.len());
    let mut ids = std::collections::BTreeSet::new();
    for tag in html::tags(html) {
        assert_ne!(tag.name, "style", "{what}");
        assert!(tag.name != "script" || tag.attribute("src").is_some(), "{what} has script in it");
        for name in tag.attributes() {
            assert!(name != "style" && !name.starts_with("on"), "{what}: {name} on <{}>", tag.name);
        }
        for name in ["src", "href", "action"] {
            let elsewhere = tag.attribute(name).is_some_and(|to| to.contains("//") && tag.name != "a");
            assert!(!elsewhere, "{what}: <{}> leads elsewhere", tag.name);
        }
        if let Some(id) = tag.attribute("id") {
            assert!(ids.insert(id.to_owned()), "{what}: the id {id} stands twice");
        }
        if tag.name == "form" && tag.attribute("method") == Some("post") {
            let to = tag.attribute("action").unwrap_or_default();
            let fields = html::form(html, to).unwrap_or_default();
            let proved = fields.iter().any(|(name, value)| name == "csrf" && value.len() == 64);
            assert!(proved, "{what}: the form to {to} has no proof in it");
        }
    }
}

/// A page without what may differ between any two.
fn seen(shown: &Shown, address: &str) -> (u16, String) {
    let text = shown.html().replace(address, "…").replace(&address.replace('/', "&#47;"), "…");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.retain(|line| !line.contains("request <code>") && !line.contains("name=\"csrf\""));
    (shown.status, lines.join("\n"))
}

fn somebody(
    bough: &Bough,
    who: &'static str,
    role: Option<Role>,
    administers: &[&str],
    elsewhere: bool,
) -> Somebody {
    let email = if who == "ada" { ADA.to_owned() } else { format!("{who}@example.com") };
    let id = if who == "ada" { id_of(bough, ADA) } else { person(bough, &email, who) };
    let mut standings = HashMap::new();
    if let Some(role) = role {
        if who != "ada" {
            member(bough, &email, &bough.organization, role.as_str());
        }
        for name in administers {
            database_administrator(bough, &email, &bough.organization, name);
        }
        let administers = administers.iter().map(|name| database(name)).collect();
        standings.insert(organization(), Standing { role, administers });
    }
    if elsewhere {
        member(bough, &email, "globex", "admin");
        let own = OrganizationId::parse(OTHER).expect("an id");
        standings.insert(own, Standing { role: Role::Admin, administers: Vec::new() });
    }
    let actor = Actor::User(UserId::parse(&id).expect("an id"));
    let browser = Browser::new(bough);
    browser.log_in(&email, PASSWORD);
    Somebody { who, browser, id, principal: Principal::User { actor, standings } }
}

fn try_nobody(bough: &Bough, entry: &Entry, address: &str) {
    let nobody = Browser::new(bough);
    let shown = try_it(entry, address, &nobody, &"0".repeat(64));
    check_shown(&shown);
    if entry.method == "GET" && !is_live(entry) {
        assert_eq!(shown.status, 303, "{address} by nobody");
        assert!(shown.leads_to().starts_with("/login?next="), "{address} leads to {}", shown.leads_to());
    } else {
        assert_eq!(shown.status, 401, "{} {address} by nobody", entry.method);
    }
    // A cookie that is none of ours is no cookie.
    nobody.jar().insert("bough_session".to_owned(), "f".repeat(64));
    let again = try_it(entry, address, &nobody, &"0".repeat(64));
    assert_eq!(again.status, shown.status, "{address} with a cookie made up");
}

fn try_somebody(entry: &Entry, names: &Names, one: &Somebody, csrf: &str) {
    let address = names.fill(entry.path);
    let what = format!("{} {address} by {}", entry.method, one.who);
    let shown = try_it(entry, &address, &one.browser, csrf);
    check_shown(&shown);
    match decided(entry, names, &one.principal) {
        Ok(()) if entry.method == "POST" => {
            assert_eq!(shown.status, 400, "{what}: {}", shown.text());
            assert!(shown.text().contains(NO_FIELD), "{what}: {}", shown.text());
        }
        Ok(()) => {
            let on = shown.status == 303 && !shown.leads_to().starts_with("/login");
            assert!(shown.status == 200 || on, "{what}: {} {}", shown.status, shown.text());
        }
        Err(Denied { visibility: Visibility::Visible, missing, .. }) => {
            assert_eq!(shown.status, 403, "{what}: {}", shown.text());
            let text = shown.text();
            let told = is_live(entry) || missing.names().iter().any(|name| text.contains(name));
            assert!(told, "{what} does not say what is missing: {text}");
        }
        Err(Denied { visibility: Visibility::Hidden, .. }) => {
            assert_eq!(shown.status, 404, "{what}: {}", shown.text());
            let absent = Names { organization: "nowhere".to_owned(), ..names.clone() };
            let nowhere = absent.fill(entry.path);
            let other = try_it(entry, &nowhere, &one.browser, csrf);
            assert_eq!(seen(&shown, &address), seen(&other, &nowhere), "{what}, beside {nowhere}");
        }
    }
}

/// Forms that somebody may send, but that were not made here for his session.
fn try_forged(entry: &Entry, names: &Names, one: &Somebody, csrf: &str, foreign: &str) {
    let address = names.fill(entry.path);
    let field =
        |value: &str| vec![("csrf".to_owned(), value.to_owned()), (NO_FIELD.to_owned(), "1".to_owned())];
    let refused = |shown: Shown, how: &str| {
        check_shown(&shown);
        assert_eq!(shown.status, 403, "{address} {how}: {}", shown.text());
        assert!(shown.text().contains("nothing was changed"), "{address} {how}: {}", shown.text());
    };
    refused(one.browser.post(&address, &field("")[1..]), "without a proof");
    for (forged, how) in
        [("", "empty"), ("0", "short"), (&*"0".repeat(64), "made up"), (foreign, "another's")]
    {
        refused(one.browser.post(&address, &field(forged)), how);
    }
    for header in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        refused(one.browser.post_with(&address, &field(csrf), &[header]), header.1);
    }
    let json = one.browser.send("POST", &address, &[("content-type", "application/json")], Some(b"{}"));
    check_shown(&json);
    assert_eq!(json.status, 415, "{address} as JSON");
    let large = [("csrf".to_owned(), csrf.to_owned()), (NO_FIELD.to_owned(), "x".repeat(1 << 20))];
    let large = one.browser.post(&address, &large);
    check_shown(&large);
    assert_eq!(large.status, 413, "{address} with a field of 1 MiB");
}

#[test]
fn every_page_and_form_opens_to_exactly_those_whom_the_policy_names() {
    let bough = bough();
    bough.foreign("globex");
    let admin = bough.admin();
    for database in ["shop", "other"] {
        bough.database(database);
        admin
            .post(&admin.org(&format!("/databases/{database}/branches")), &json!({"name": "dev"}))
            .expect(201);
        bough.wait_branch(database, "dev");
    }
    let everybody = [
        somebody(&bough, "ada", Some(Role::Admin), &[], false),
        somebody(&bough, "member", Some(Role::Member), &[], true),
        somebody(&bough, "analyst", Some(Role::Analyst), &[], true),
        somebody(&bough, "keeper", Some(Role::Member), &["shop"], true),
        somebody(&bough, "stranger", None, &[], true),
    ];
    let target = person(&bough, "target@example.com", "Target");
    member(&bough, "target@example.com", &bough.organization, "member");
    let password = |database: &str, branch: &str, role: PasswordRole| {
        let path = admin.org(&format!("/databases/{database}/branches/{branch}/passwords"));
        let made = admin.post(&path, &json!({"role": role.as_str()})).expect(201);
        (made.str("/id").to_owned(), role)
    };
    let of_main = password("shop", "main", PasswordRole::Admin);
    let further = [
        ("shop", "main", password("shop", "main", PasswordRole::Reader)),
        ("shop", "dev", password("shop", "dev", PasswordRole::Admin)),
        ("shop", "dev", password("shop", "dev", PasswordRole::Reader)),
        ("other", "main", password("other", "main", PasswordRole::Reader)),
    ];
    let proofs: Vec<String> = everybody.iter().map(|one| one.browser.csrf()).collect();
    let mut tried = 0;
    for entry in PAGES {
        let names = Names {
            organization: bough.organization.clone(),
            database: "shop",
            branch: "main",
            token: bough.token(&[]).id,
            member: target.clone(),
            password: of_main.clone(),
        };
        let mut places = vec![names.clone()];
        if entry.path.contains("/passwords/{id}") {
            places.extend(further.iter().map(|(database, branch, password)| Names {
                database,
                branch,
                password: password.clone(),
                ..names.clone()
            }));
        } else if entry.path.contains("{branch}") {
            places.push(Names { branch: "dev", ..names.clone() });
        }
        if entry.path.contains("{database}") && !entry.path.contains("/passwords/{id}") {
            places.push(Names { database: "other", ..names.clone() });
        }
        try_nobody(&bough, entry, &names.fill(entry.path));
        for (one, csrf) in everybody.iter().zip(&proofs) {
            let own = Names { member: one.id.clone(), ..names.clone() };
            let own = entry.path.contains("/members/{id}").then_some(own);
            for place in places.iter().chain(&own) {
                try_somebody(entry, place, one, csrf);
                tried += 1;
            }
        }
        if entry.method == "POST" {
            try_forged(entry, &names, &everybody[0], &proofs[0], &proofs[1]);
        }
    }
    assert!(tried >= PAGES.len() * everybody.len(), "only {tried} were tried");
    // Nothing of all that was done: everybody is still signed in, and what there was is there.
    for one in &everybody {
        assert_eq!(one.browser.get("/").status, 303, "{}", one.who);
    }
    admin.get(&admin.org("/databases/other/branches/dev")).expect(200);
}

/// Addresses that no page has, and methods that a page does not take.
#[test]
fn what_is_no_page_is_answered_like_one() {
    let bough = bough();
    let ada = ada(&bough);
    let long = format!("/{}", "a".repeat(9_000));
    for address in ["/acme/shop/main/nothing/here", "/%ff", "/acme/%00", "/assets/none.css", &long] {
        let shown = ada.get(address).expect(404);
        check_shown(&shown);
        let nobody = Browser::new(&bough).get(address);
        check_shown(&nobody);
        assert!(matches!(nobody.status, 303 | 404), "{address}: {}", nobody.status);
    }
    let mut wire = Wire::to(bough.base(), LIMIT);
    for target in ["//evil.example/", "/\\evil.example", "/..%2f..%2fetc%2fpasswd"] {
        let answer = wire.ask(&Raw::new("GET", target)).expect("an answer");
        let location = answer.header("location").unwrap_or_default();
        assert!(location.is_empty() || location.starts_with("/login?next=%2F"), "{target}: {location}");
        assert!(matches!(answer.status, 303 | 400 | 404), "{target}: {}", answer.status);
    }
}
