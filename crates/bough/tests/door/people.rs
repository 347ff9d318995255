//! People, by `bough admin` and by the API with tokens: accounts, members and their roles, removal, who
//! administers a database.

use bough_testkit::{Answer, Bough, Client};
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");

fn admin(bough: &Bough, args: &[&str]) -> Value {
    bough.run_json(&[&["admin"], args, &["--json"]].concat())
}

/// A command that is refused: what it says.
fn refused(bough: &Bough, args: &[&str]) -> String {
    let output = bough.run(&[&["admin"], args].concat());
    assert!(!output.status.success(), "{args:?} was done");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Makes somebody with an account and a place in `acme`; answers his id.
fn member(bough: &Bough, email: &str, role: &str) -> String {
    admin(bough, &["user", "create", email]);
    let made = admin(bough, &["member", "add", email, "--organization", "acme", "--role", role]);
    assert_eq!(made["role"], role);
    made["user"]["id"].as_str().expect("an id").to_owned()
}

fn at(client: &Client, id: &str) -> String {
    client.org(&format!("/members/{id}"))
}

fn set_role(client: &Client, id: &str, role: &str) -> Answer {
    client.patch(&at(client, id), &json!({"role": role}))
}

fn emails(client: &Client) -> Vec<String> {
    let members = client.get(&client.org("/members?per_page=100")).expect(200);
    members.data().iter().map(|one| one["user"]["email"].as_str().expect("an e-mail").to_owned()).collect()
}

#[test]
fn accounts_and_members_are_made_and_repaired_by_the_operator() {
    let bough = Bough::start(BOUGH);
    let grace = "grace@example.com";
    let made = admin(&bough, &["user", "create", " Grace@Example.com", "--name", "Grace"]);
    assert_eq!(
        (&made["email"], &made["name"], &made["disabled"]),
        (&json!(grace), &json!("Grace"), &json!(false))
    );
    assert_eq!(made["password"].as_str().map(str::len), Some(20));
    assert!(refused(&bough, &["user", "create", grace]).contains("has an account already"));
    assert!(refused(&bough, &["user", "create", "no address"]).contains("not an e-mail address"));
    let by_input = ["admin", "user", "set-password", grace, "--password-stdin"];
    for short in ["short\n", "\n", "elevenchars"] {
        let output = bough.try_with_input(&by_input, short);
        assert!(!output.status.success(), "{short:?} was taken");
    }
    let output = bough.run_with_input(&by_input, "a password of her own\n");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("of her own"), "what was given is not shown");
    let list = admin(&bough, &["user", "list"]);
    let known: Vec<&str> =
        list.as_array().expect("a list").iter().filter_map(|one| one["email"].as_str()).collect();
    assert_eq!(known, [grace, "ada@example.com"]);
    assert_eq!(admin(&bough, &["user", "disable", grace])["disabled"], true);
    assert_eq!(admin(&bough, &["user", "disable", grace])["disabled"], true);
    assert_eq!(admin(&bough, &["user", "enable", grace])["disabled"], false);
    assert!(refused(&bough, &["user", "disable", "nobody@example.com"]).contains("has no account"));

    let here = ["--organization", "acme"];
    let on = |verb: &[&'static str]| -> Vec<&'static str> {
        ["member"].iter().chain(verb).chain(&here).copied().collect()
    };
    assert!(refused(&bough, &on(&["set-role", grace, "admin"])).contains("not a member"));
    assert!(refused(&bough, &on(&["remove", grace])).contains("not a member"));
    assert_eq!(admin(&bough, &on(&["add", grace]))["role"], "member");
    assert_eq!(admin(&bough, &on(&["set-role", grace, "analyst"]))["role"], "analyst");
    assert_eq!(admin(&bough, &on(&["add", grace, "--role", "admin"]))["role"], "admin");
    let members = admin(&bough, &on(&["list"]));
    assert_eq!(members.as_array().map(Vec::len), Some(2));
    assert_eq!(admin(&bough, &on(&["set-role", "ada@example.com", "member"]))["role"], "member");
    assert!(refused(&bough, &on(&["set-role", grace, "member"])).contains("at least one administrator"));
    assert!(refused(&bough, &on(&["remove", grace])).contains("at least one administrator"));
    admin(&bough, &on(&["remove", "ada@example.com"]));
    assert_eq!(emails(&bough.admin()), [grace], "a server that runs knows at once");
    let log = bough.run(&["audit", "verify"]);
    assert!(log.status.success());
}

#[test]
fn roles_and_removal_through_the_api() {
    let bough = Bough::start(BOUGH);
    let setup = bough.admin();
    let ada = setup.get(&setup.org("/members")).expect(200).str("/data/0/user/id").to_owned();
    let grace = member(&bough, "grace@example.com", "member");
    let writer = bough.client(&bough.token(&[("", &["write_organization", "read_organization"])]));
    let reader = bough.client(&bough.token(&[("", &["read_organization"])]));

    let changed = set_role(&writer, &grace, "analyst").expect(200);
    assert_eq!((changed.str("/role"), changed.str("/user/id")), ("analyst", grace.as_str()));
    let membership = changed.str("/id").to_owned();
    assert_eq!(set_role(&writer, &membership, "member").expect(200).str("/role"), "member", "by either id");
    for role in ["", "owner", "Admin", "admin "] {
        let answer = set_role(&writer, &grace, role).expect(422);
        assert!(answer.str("/message").contains("member, analyst or admin"), "{}", answer.text);
    }
    for body in [json!({}), json!({"role": null}), json!({"role": 1})] {
        writer.patch(&at(&writer, &grace), &body).expect(400);
    }
    let answer = set_role(&reader, &grace, "admin").expect(403);
    assert!(answer.str("/message").contains("write_organization"), "{}", answer.text);
    set_role(&writer, "zzzzzzzzzzzz", "admin").expect(404);
    // Another organization's administrator is nobody here.
    let foreign = bough.client(&bough.foreign("globex"));
    let other = foreign.within("globex");
    let bob = other.get(&other.org("/members")).expect(200).str("/data/0/user/id").to_owned();
    set_role(&writer, &bob, "admin").expect(404);
    set_role(&foreign, &grace, "admin").expect(404);
    foreign.delete(&at(&foreign, &grace)).expect(404);

    for answer in [set_role(&writer, &ada, "member"), writer.delete(&at(&writer, &ada))] {
        let answer = answer.expect(422);
        assert!(answer.str("/message").contains("at least one administrator"), "{}", answer.text);
    }
    reader.delete(&at(&reader, &grace)).expect(403);
    let bad = format!("{}?delete_service_tokens=perhaps", at(&writer, &grace));
    writer.delete(&bad).expect(400);
    let both = "?delete_passwords=true&delete_service_tokens=true";
    writer.delete(&format!("{}{both}", at(&writer, &grace))).expect(204);
    writer.delete(&at(&writer, &grace)).expect(404);
    assert_eq!(emails(&setup), ["ada@example.com"]);
    let actions: Vec<String> = setup
        .get(&setup.org("/audit-log?limit=4"))
        .expect(200)
        .data()
        .iter()
        .map(|entry| entry["audit_action"].as_str().expect("an action").to_owned())
        .collect();
    assert_eq!(actions[0], "organization.removed_member");
    // What people alone may do, a token that holds everything may not.
    let answer = setup.patch(&setup.org(""), &json!({"billing_email": "x@example.com"})).expect(403);
    assert!(answer.str("/message").contains("write_organization_settings"), "{}", answer.text);
}

#[test]
fn administrators_of_a_database() {
    let bough = Bough::start(BOUGH);
    bough.database("shop");
    let setup = bough.admin();
    let path = setup.org("/databases/shop/administrators");
    assert_eq!(setup.get(&path).expect(200).json["total_count"], 0, "a token made it");
    let grace = member(&bough, "grace@example.com", "member");
    let of = ["--organization", "acme", "--database", "shop"];
    let on = |verb: &[&'static str]| -> Vec<&'static str> {
        ["administrator"].iter().chain(verb).chain(&of).copied().collect()
    };
    admin(&bough, &["user", "create", "eve@example.com"]);
    assert!(refused(&bough, &on(&["add", "eve@example.com"])).contains("not a member"));
    assert!(refused(&bough, &on(&["remove", "grace@example.com"])).contains("does not administer"));
    for _ in 0..2 {
        assert_eq!(admin(&bough, &on(&["add", "grace@example.com"]))["user"]["id"], json!(grace));
    }
    assert_eq!(admin(&bough, &on(&["list"])).as_array().map(Vec::len), Some(1));
    let reader = bough.client(&bough.token(&[("shop", &["read_database"])]));
    let listed = reader.get(&path).expect(200);
    assert_eq!((listed.str("/data/0/id"), listed.str("/data/0/role")), (grace.as_str(), "member"));
    assert!(!listed.text.contains("grace@example.com"), "addresses are told to who reads members");
    reader.post(&path, &json!({"user_id": grace})).expect(403);
    setup.post(&path, &json!({"user_id": grace})).expect(403);
    setup.delete(&format!("{path}/{grace}")).expect(403);
    bough.client(&bough.token(&[])).get(&path).expect(404);
    // Who is taken out of the organization administers nothing of it.
    setup.delete(&at(&setup, &grace)).expect(204);
    assert_eq!(setup.get(&path).expect(200).json["total_count"], 0);
}
