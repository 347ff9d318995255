//! The audit log through the front door: every change is in it, by whoever it was made, once, and what
//! changed nothing is not; it can be read in parts and filtered.

use bough_testkit::{Answer, Bough, Client, Token};
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
/// Another name for what is longest.
const GRANTS: &str = "service_token.updated_bulk_database_access";

/// What an entry is about, in short.
fn short(entry: &Value) -> (String, String) {
    let text = |key: &str| entry[key].as_str().unwrap_or_else(|| panic!("{key} in {entry}")).to_owned();
    (text("audit_action"), text("target_display_name"))
}

struct Log<'a> {
    bough: &'a Bough,
    admin: Client,
    last: String,
}

impl Log<'_> {
    /// The entries that came since this was asked last, oldest first.
    fn news(&mut self) -> Vec<Value> {
        let path = format!("/audit-log?limit=100&ending_before={}", self.last);
        let list = self.admin.get(&self.admin.org(&path)).expect(200);
        let mut entries = list.data().to_vec();
        entries.reverse();
        if let Some(last) = entries.last() {
            self.last = last["id"].as_str().expect("an id").to_owned();
        }
        entries
    }

    /// Sends a request and checks what it left: actions and the names of what they were done to.
    #[track_caller]
    fn request(
        &mut self,
        method: &str,
        path: &str,
        body: &Value,
        status: u16,
        left: &[(&str, &str)],
    ) -> Answer {
        let answer = self.admin.json(method, &self.admin.org(path), body).expect(status);
        let request_id = answer.header("x-request-id").expect("an id").to_owned();
        let entries = self.news();
        for entry in &entries {
            assert_eq!(entry["actor_id"], json!(self.bough.setup_token().id), "{entry}");
            assert_eq!(
                (&entry["actor_type"], &entry["actor_display_name"]),
                (&json!("ServiceToken"), &json!("setup"))
            );
            assert_eq!(
                (&entry["remote_ip"], &entry["request_id"]),
                (&json!("127.0.0.1"), &json!(request_id))
            );
        }
        Self::check(&format!("{method} {path} {body}"), &entries, left);
        answer
    }

    /// Runs `bough admin` and checks likewise.
    #[track_caller]
    fn admin(&mut self, args: &[&str], left: &[(&str, &str)]) -> Value {
        let args: Vec<&str> = ["admin"].iter().chain(args).chain(&["--json"]).copied().collect();
        let said = self.bough.run_json(&args);
        let entries = self.news();
        for entry in &entries {
            assert_eq!(
                (&entry["actor_type"], &entry["remote_ip"]),
                (&json!("Operator"), &Value::Null),
                "{entry}"
            );
            assert!(entry["actor_id"].as_str().is_some_and(|id| !id.is_empty()), "{entry}");
        }
        Self::check(&args.join(" "), &entries, left);
        said
    }

    #[track_caller]
    fn check(what: &str, entries: &[Value], left: &[(&str, &str)]) {
        let expected: Vec<(String, String)> =
            left.iter().map(|(action, name)| ((*action).to_owned(), (*name).to_owned())).collect();
        assert_eq!(entries.iter().map(short).collect::<Vec<_>>(), expected, "{what}");
    }
}

fn verified(bough: &Bough) -> Value {
    let report = bough.run_json(&["audit", "verify", "--json"]);
    assert_eq!((&report["sound"], &report["problems"]), (&json!(true), &json!([])), "{report}");
    report
}

#[test]
fn every_change_leaves_its_entry() {
    let mut bough = Bough::start(BOUGH);
    let admin = bough.admin();
    let first = admin.get(&admin.org("/audit-log")).expect(200);
    let actions: Vec<String> = first.data().iter().rev().map(|entry| short(entry).0).collect();
    assert_eq!(
        actions[..4],
        ["organization.created", "organization_membership.created", "service_token.created", GRANTS]
    );
    let mut log = Log { bough: &bough, admin: bough.admin(), last: first.str("/data/0/id").to_owned() };
    tokens(&mut log);
    databases(&mut log);
    passwords(&mut log);
    operator(&mut log);
    reading(&admin);

    // Another organization has a log of its own.
    let foreign = bough.client(&bough.foreign("globex"));
    let other = foreign.get("/v1/organizations/globex/audit-log").expect(200);
    assert!(other.data().iter().all(|entry| !first.data().contains(entry)));
    foreign.get(&admin.org("/audit-log")).expect(404);
    let cursor = format!("/v1/organizations/globex/audit-log?starting_after={}", first.str("/data/0/id"));
    foreign.get(&cursor).expect(400);

    // Two organizations, and the installation with its accounts.
    assert_eq!(verified(&bough)["chains"], json!(3));
    bough.stop();
    let report = verified(&bough);
    assert_eq!(report["anchored"], report["entries"], "at the stop, the heads of all chains are noted");
}

fn passwords(log: &mut Log<'_>) {
    log.bough.database("vault");
    log.news();
    let path = "/databases/vault/branches/main/passwords";
    let (made, gone) = ("database_branch_password.created", "database_branch_password.deleted");
    let answer = log.request("POST", path, &json!({"name": "app", "ttl": 60}), 201, &[(made, "app")]);
    let own = format!("{path}/{}", answer.str("/id"));
    log.request("POST", path, &json!({"ttl": -1}), 422, &[]);
    let narrowed = ("database_branch_password.updated_ip_restrictions", "app");
    log.request("PATCH", &own, &json!({"cidrs": ["10.0.0.0/8"]}), 200, &[narrowed]);
    log.request("PATCH", &own, &json!({"cidrs": ["10.0.0.0/8"]}), 200, &[]);
    let renamed = ("database_branch_password.updated", "web");
    log.request("PATCH", &own, &json!({"name": "web"}), 200, &[renamed]);
    // Clients do it all the time.
    log.request("POST", &format!("{own}/renew"), &Value::Null, 200, &[]);
    log.request("DELETE", &own, &Value::Null, 204, &[(gone, "web")]);
    log.request("DELETE", &own, &Value::Null, 404, &[]);
}

fn tokens(log: &mut Log<'_>) {
    let made =
        log.request("POST", "/service-tokens", &json!({"name": "t"}), 200, &[("service_token.created", "t")]);
    let own = format!("/service-tokens/{}", made.str("/id"));
    let access = format!("{own}/access");
    log.request("PATCH", &own, &json!({"name": "u"}), 200, &[("service_token.updated", "u")]);
    log.request("PATCH", &own, &json!({"name": "u", "cidrs": []}), 200, &[]);
    log.request("PATCH", &own, &json!({}), 200, &[]);
    log.request("PATCH", &own, &json!({"cidrs": ["x"]}), 422, &[]);
    let held = json!({"access": ["read_organization"]});
    log.request("POST", &access, &held, 200, &[(GRANTS, "u")]);
    log.request("POST", &access, &held, 200, &[]);
    log.request("POST", &access, &json!({"access": ["nonsense"]}), 422, &[]);
    log.request("DELETE", &access, &held, 204, &[(GRANTS, "u")]);
    log.request("DELETE", &access, &held, 204, &[]);
    let both = json!({"grants": [{"accesses": ["write_service_tokens"]}, {"database": "*", "accesses": ["read_branch"]}]});
    log.request("PUT", &format!("{own}/grants"), &both, 200, &[(GRANTS, "u"), (GRANTS, "u")]);
    log.request("PUT", &format!("{own}/grants"), &both, 200, &[]);
    log.request("POST", &format!("{own}/explain"), &json!({"operation": "list_organizations"}), 200, &[]);
    let rotated =
        log.request("POST", &format!("{own}/rotate"), &json!({}), 200, &[("service_token.rotated", "u")]);
    let client = log
        .bough
        .client(&Token { id: rotated.str("/id").to_owned(), secret: rotated.str("/token").to_owned() });
    client.post(&client.org("/service-tokens"), &json!({"name": "child"})).expect(200);
    let entry = &log.news()[0];
    assert_eq!(
        (&entry["actor_id"], &entry["actor_display_name"]),
        (&rotated.json["id"], &json!("u")),
        "{entry}"
    );
    client.post(&client.org("/databases"), &json!({"name": "no"})).expect(404);
    let deleted = "service_token.deleted";
    log.request("DELETE", &own, &Value::Null, 204, &[(deleted, "u"), (deleted, "child")]);
    log.request("DELETE", &own, &Value::Null, 404, &[]);
}

fn databases(log: &mut Log<'_>) {
    let created = [("database.created", "shop"), ("database_branch.created", "main"), (GRANTS, "setup")];
    log.request("POST", "/databases", &json!({"name": "shop"}), 201, &created);
    log.request("POST", "/databases", &json!({"name": "shop"}), 422, &[]);
    let shop = "/databases/shop";
    log.request("PATCH", shop, &json!({"insights_raw_queries": true}), 200, &[("database.updated", "shop")]);
    log.request("PATCH", shop, &json!({"insights_raw_queries": true, "default_branch": "main"}), 200, &[]);
    let branches = "/databases/shop/branches";
    for name in ["dev", "two"] {
        log.request("POST", branches, &json!({ "name": name }), 201, &[("database_branch.created", name)]);
    }
    log.request("POST", branches, &json!({"name": "Dev"}), 422, &[]);
    let changed = [("database.updated_default_branch", "shop")];
    log.request("PATCH", shop, &json!({"default_branch": "two"}), 200, &changed);
    log.request("PATCH", shop, &json!({"default_branch": "main"}), 200, &changed);
    let dev = "/databases/shop/branches/dev";
    log.request("PATCH", dev, &json!({"new_name": "work"}), 200, &[("database_branch.updated", "work")]);
    let work = "/databases/shop/branches/work";
    log.request("PATCH", work, &json!({"deletion_protected": false}), 200, &[]);
    let none = Value::Null;
    for (method, verb, action) in [
        ("POST", "promote", "promoted"),
        ("POST", "demote", "demoted"),
        ("POST", "safe-migrations", "enabled_safe_migrations"),
        ("DELETE", "safe-migrations", "disabled_safe_migrations"),
    ] {
        let (path, action) = (format!("{work}/{verb}"), format!("database_branch.{action}"));
        log.request(method, &path, &none, 200, &[(&action, "work")]);
        log.request(method, &path, &none, 200, &[]);
    }
    let child = json!({"name": "child", "parent_branch": "work"});
    log.request("POST", branches, &child, 201, &[("database_branch.created", "child")]);
    log.request("DELETE", work, &none, 422, &[]);
    let gone = [("database_branch.deleted", "child"), ("database_branch.deleted", "work")];
    log.request("DELETE", &format!("{work}?delete_descendants=true"), &none, 204, &gone);
    log.request("DELETE", shop, &none, 204, &[("database.deleted", "shop")]);
    let with = json!({"name": "dev", "create_database_if_missing": true});
    let created = [
        ("database.created", "new"),
        ("database_branch.created", "main"),
        (GRANTS, "setup"),
        ("database_branch.created", "dev"),
    ];
    log.request("POST", "/databases/new/branches", &with, 201, &created);
    log.request("DELETE", "/databases/new/branches/dev", &none, 204, &[("database_branch.deleted", "dev")]);
    let last = [("database_branch.deleted", "main"), ("database.deleted", "new")];
    log.request("DELETE", "/databases/new/branches/main", &none, 204, &last);
}

fn operator(log: &mut Log<'_>) {
    let create = ["token", "create", "--organization", "acme", "--name", "ops"];
    let made = log.admin(&create, &[("service_token.created", "ops")]);
    let id = made["id"].as_str().expect("an id");
    log.admin(&["token", "grant", id, "read_organization"], &[(GRANTS, "ops")]);
    log.admin(&["token", "grant", id, "read_organization"], &[]);
    log.admin(&["token", "grant", id, "read_branch", "--all-databases"], &[(GRANTS, "ops")]);
    log.admin(&["token", "revoke", id, "read_organization"], &[(GRANTS, "ops")]);
    log.admin(&["token", "rotate", id], &[("service_token.rotated", "ops")]);
    log.admin(&["token", "list", "--organization", "acme"], &[]);
    log.admin(&["token", "delete", id], &[("service_token.deleted", "ops")]);
    let email = "grace@example.com";
    // An account alone belongs to no organization, so no organization's log tells of it.
    log.admin(&["user", "create", email, "--name", "Grace"], &[]);
    let here = ["--organization", "acme"];
    let member = |verb: &[&'static str]| -> Vec<&'static str> {
        ["member"].iter().chain(verb).chain(&here).copied().collect()
    };
    let added = log.admin(&member(&["add", email]), &[("organization_membership.created", "Grace")]);
    let grace = format!("/members/{}", added["user"]["id"].as_str().expect("an id"));
    log.admin(&member(&["set-role", email, "analyst"]), &[("organization_membership.updated_role", "Grace")]);
    let updated = [("organization_membership.updated_role", "Grace")];
    log.request("PATCH", &grace, &json!({"role": "member"}), 200, &updated);
    log.request("PATCH", &grace, &json!({"role": "member"}), 200, &[]);
    log.request("DELETE", &grace, &json!({}), 204, &[("organization.removed_member", "Grace")]);
    log.admin(&member(&["add", email]), &[("organization_membership.created", "Grace")]);
    log.admin(&["user", "set-password", email], &[("user.updated_password", "Grace")]);
    log.admin(&["user", "disable", email], &[("user.disabled", "Grace")]);
    log.admin(&member(&["remove", email]), &[("organization.removed_member", "Grace")]);
    let only = log.bough.run(&["admin", "member", "remove", "ada@example.com", "--organization", "acme"]);
    assert!(!only.status.success() && log.news().is_empty(), "the last administrator stays");
}

/// Parts, filters, the form of an entry.
fn reading(admin: &Client) {
    let at = |query: &str| admin.org(&format!("/audit-log?{query}"));
    let all = admin.get(&at("limit=1000")).expect(200);
    let ids = |answer: &Answer| -> Vec<String> {
        answer.data().iter().map(|entry| entry["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(
        (&all.json["has_next"], &all.json["has_prev"], &all.json["type"]),
        (&json!(false), &json!(false), &json!("list"))
    );
    let all = ids(&all);
    assert!(all.len() > 40, "only {} entries", all.len());
    assert_eq!(ids(&admin.get(&admin.org("/audit-log")).expect(200)), all[..25]);
    let (mut walked, mut query) = (Vec::new(), String::new());
    loop {
        let part = admin.get(&at(&format!("limit=7{query}"))).expect(200);
        assert_eq!(
            (part.json["has_prev"].as_bool(), ids(&part).is_empty()),
            (Some(!walked.is_empty()), false)
        );
        walked.extend(ids(&part));
        assert_eq!(part.str("/cursor_end"), walked.last().expect("an id"));
        if part.json["has_next"] == json!(false) {
            break;
        }
        query = format!("&starting_after={}", part.str("/cursor_end"));
    }
    assert_eq!(walked, all);
    let before = admin.get(&at(&format!("limit=3&ending_before={}", all[10]))).expect(200);
    assert_eq!(ids(&before), all[7..10]);
    assert_eq!((&before.json["has_next"], &before.json["has_prev"]), (&json!(true), &json!(true)));
    let before = admin.get(&at(&format!("limit=50&ending_before={}", all[2]))).expect(200);
    assert_eq!((ids(&before), &before.json["has_prev"]), (all[..2].to_vec(), &json!(false)));
    let end = admin.get(&at(&format!("starting_after={}", all[all.len() - 1]))).expect(200);
    assert_eq!(
        (&end.json["data"], &end.json["cursor_start"], &end.json["has_next"]),
        (&json!([]), &Value::Null, &json!(false))
    );
    for wrong in ["limit=0", "limit=-1", "limit=x", "starting_after=zzzzzzzzzzzz", "ending_before=x"] {
        admin.get(&at(wrong)).expect(400);
    }
    let filtered = |query: &str| admin.get(&at(&format!("limit=100&{query}"))).expect(200).data().to_vec();
    let new = filtered("filters%5B%5D=audit_action:database_branch.created");
    assert_eq!(new.len(), 7);
    assert!(new.iter().all(|entry| entry["audit_action"] == json!("database_branch.created")));
    assert_eq!(filtered("filters%5B%5D=audit_action%3Abranch.created"), new, "an older name");
    let both =
        filtered("filters%5B%5D=audit_action:branch.created&filters%5B%5D=audit_action:database.deleted");
    assert_eq!(both.len(), new.len() + 2);
    assert!(!filtered("filters%5B%5D=audit_action:service_token.granted_access").is_empty());
    assert_eq!(filtered("filters%5B%5D=audit_action:nonsense"), [Value::Null; 0]);
    admin.get(&at("filters%5B%5D=colour:red")).expect(400);
    let entry = &new[0];
    for key in [
        "id",
        "type",
        "actor_id",
        "actor_type",
        "actor_display_name",
        "auditable_id",
        "auditable_type",
        "auditable_display_name",
        "target_id",
        "target_type",
        "target_display_name",
        "audit_action",
        "action",
        "remote_ip",
        "created_at",
        "updated_at",
        "request_id",
    ] {
        assert!(entry[key].is_string(), "{key} in {entry}");
    }
    assert_eq!(
        (&entry["auditable_type"], &entry["target_type"], &entry["action"]),
        (&json!("Database"), &json!("DatabaseBranch"), &json!("created"))
    );
    assert!(entry["metadata"].is_object() && entry.get("location") == Some(&Value::Null), "{entry}");
}
