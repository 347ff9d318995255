//! Passwords of branches through the front door: making, reading, listing, changing, renewing, deleting; who
//! may, and what those are told who may not; what bad input gets.

use std::collections::BTreeSet;
use std::time::Duration;

use bough_testkit::{Answer, Bough, Client, Options, wait_until};
use serde_json::{Value, json};

use super::shapes::{check, contract, shared, written};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
const LIMIT: Duration = Duration::from_secs(60);
/// What the clients read of a password. `?`: may be null.
const PASSWORD: &str = "id:string type:string name:string role:string cidrs:array? created_at:timestamp \
    deleted_at:timestamp? expires_at:timestamp? last_used_at:timestamp? expired:boolean direct_vtgate:boolean \
    direct_vtgate_addresses:array ttl_seconds:integer? access_host_url:string access_host_regional_url:string \
    access_host_regional_urls:array actor:object region:object username:string plain_text:string? replica:boolean \
    renewable:boolean database_branch:object database_branch.name:string database_branch.id:string \
    database_branch.production:boolean database_branch.mysql_edge_address:string mysql_address:string \
    connection_strings:object";

fn shop(branch: &str) -> String {
    format!("/databases/shop/branches/{branch}/passwords")
}

/// A Bough with the database `shop` and its branches `main` and `dev`.
fn furnished() -> (Bough, Client) {
    let bough = Bough::start(BOUGH);
    bough.database("shop");
    let admin = bough.admin();
    admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(201);
    bough.wait_branch("shop", "dev");
    (bough, admin)
}

fn names(list: &Answer) -> Vec<&str> {
    list.data().iter().map(|one| one["name"].as_str().expect("a name")).collect()
}

#[test]
fn clients_elsewhere_are_told_of_a_file_that_they_can_fetch() {
    let strings = |bough: &Bough| {
        bough.database("shop");
        let admin = bough.admin();
        let made = admin.post(&admin.org(&shop("main")), &json!({})).expect(201);
        made.json["connection_strings"].as_object().expect("strings").clone()
    };
    // On this machine the file is there already.
    let here = Bough::start(BOUGH);
    let file = here.data_dir().join("tls/ca.pem");
    let path = file.display().to_string();
    let line = strings(&here)["mariadb"].as_str().expect("a line").to_owned();
    assert!(line.contains(&format!("--ssl-ca={path} ")), "{line}");
    // Nobody has to say who he is to fetch it.
    let fetched = here.anonymous().get("/bough-ca.pem").expect(200);
    assert_eq!(fetched.text, std::fs::read_to_string(&file).expect("the authority"));
    assert_eq!(fetched.header("content-type"), Some("application/x-pem-file"));

    let env = vec![("BOUGH_GATEWAY_PUBLIC_ADDRESS".to_owned(), "db.example.com:3316".to_owned())];
    let mut public = Bough::start_with(BOUGH, Options { env, ..Options::default() });
    let folder = public.data_dir().display().to_string();
    for (client, text) in strings(&public) {
        let text = text.as_str().expect("a string");
        assert!(!text.contains(&folder), "{client}: {text}");
        let takes_it_elsewhere = ["url", "go", "node"].contains(&client.as_str());
        assert_eq!(text.contains("bough-ca.pem"), !takes_it_elsewhere, "{client}: {text}");
    }

    // The operator's own certificate is verified by authorities that clients know.
    let tls = public.data_dir().join("tls");
    public.stop();
    // Key and certificate are in one file.
    let both = tls.join("server.pem").display().to_string();
    let own = [("BOUGH_GATEWAY_TLS_CERTIFICATE", &*both), ("BOUGH_GATEWAY_TLS_KEY", &*both)];
    public.serve_with_env(&own);
    public.wait_ready();
    public.anonymous().get("/bough-ca.pem").expect(404);
}

#[test]
fn a_password_is_made_and_its_secret_is_told_once() {
    let (bough, admin) = furnished();
    let mut fields = vec![written(PASSWORD)];
    if let Some(objects) = shared() {
        fields.push(
            contract(&objects.join("DatabaseBranchPassword.fields.md")).expect("the contract's password"),
        );
    }
    let check = |what: &str, object: &Value| fields.iter().for_each(|fields| check(what, object, fields));
    let path = admin.org(&shop("dev"));
    let made = admin.post(&path, &json!({})).expect(201);
    check("one just made", &made.json);
    let secret = made.str("/plain_text");
    let body = secret.strip_prefix("pscale_pw_").expect("the prefix");
    assert!(
        body.len() == 43 && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)),
        "{secret}"
    );
    let username = made.str("/username");
    assert!(username.len() == 20 && username.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    for (pointer, wanted) in [
        ("/role", json!("admin")),
        ("/cidrs", Value::Null),
        ("/expires_at", Value::Null),
        ("/ttl_seconds", Value::Null),
        ("/renewable", json!(false)),
        ("/expired", json!(false)),
        ("/database_branch/name", json!("dev")),
        ("/database_branch/production", json!(false)),
        ("/actor/id", json!(bough.setup_token().id)),
        ("/region/slug", json!("local")),
    ] {
        assert_eq!(made.json.pointer(pointer), Some(&wanted), "{pointer}");
    }
    assert!(made.str("/name").starts_with("password-20"), "{}", made.text);
    // Clients go where the branch says, too.
    let branch = admin.get(&admin.org("/databases/shop/branches/dev")).expect(200).json;
    assert_eq!(made.json["access_host_url"], branch["access_host_url"]);
    assert_eq!(made.json["database_branch"]["mysql_edge_address"], branch["mysql_edge_address"]);
    assert_eq!(made.json["database_branch"]["id"], branch["id"]);
    assert_eq!(made.json["mysql_address"], branch["mysql_address"]);
    let strings = made.json["connection_strings"].as_object().expect("strings");
    assert!(strings.len() >= 10);
    for (client, text) in strings {
        let text = text.as_str().expect("a string");
        assert!(
            text.contains(username) && text.contains(secret) && text.contains("shop"),
            "{client}: {text}"
        );
    }
    // Afterwards nobody is told, wherever he looks.
    let own = format!("{path}/{}", made.str("/id"));
    let later = [
        admin.get(&own).expect(200).json,
        admin.get(&path).expect(200).json["data"][0].clone(),
        admin.get(&admin.org("/databases/shop/passwords")).expect(200).json["data"][0].clone(),
        admin.patch(&own, &json!({"name": "app"})).expect(200).json,
    ];
    for one in &later {
        check("one read later", one);
        assert_eq!((&one["id"], &one["plain_text"]), (&made.json["id"], &Value::Null));
        assert!(!one.to_string().contains(body), "{one}");
        for (client, text) in one["connection_strings"].as_object().expect("strings") {
            assert!(text.as_str().is_some_and(|text| text.contains("PASSWORD")), "{client}: {text}");
        }
    }
    let short = admin.post(&path, &json!({"short_secret": true, "role": "reader"})).expect(201);
    assert_eq!((short.str("/plain_text").len(), short.str("/role")), (32, "reader"));
    admin.delete(&own).expect(204);
    for answer in [admin.get(&own), admin.delete(&own), admin.patch(&own, &json!({"name": "x"}))] {
        answer.expect(404);
    }
    assert_eq!(admin.get(&path).expect(200).json["total_count"], json!(1));
}

#[test]
fn a_key_carries_a_creation_out_once_and_keeps_no_secret() {
    let (_bough, admin) = furnished();
    let path = admin.org(&shop("dev"));
    let headers = [("content-type", "application/json"), ("idempotency-key", "one")];
    let ask = |body: &str| admin.send("POST", &path, &headers, Some(body.as_bytes()));
    let first = ask(r#"{"name":"app"}"#).expect(201);
    let again = ask(r#"{"name":"app"}"#).expect(201);
    assert_eq!(again.header("idempotent-replay"), Some("true"));
    assert_eq!((&again.json["id"], &again.json["plain_text"]), (&first.json["id"], &Value::Null));
    assert!(!again.text.contains(first.str("/plain_text")));
    ask(r#"{"name":"other"}"#).expect(422);
    assert_eq!(admin.get(&path).expect(200).json["total_count"], json!(1));
}

#[test]
fn what_cannot_be_is_refused_and_says_which_field() {
    let (_bough, admin) = furnished();
    let path = admin.org(&shop("dev"));
    let long = "x".repeat(201);
    let secret = format!("pscale_pw_{}", "a".repeat(43));
    let many: Vec<String> = (0..=100).map(|n| format!("10.0.{n}.0/24")).collect();
    for (body, field) in [
        (json!({"ttl": -1}), "ttl"),
        (json!({"ttl": 1_000_000_000_000_i64}), "ttl"),
        (json!({"ttl": i64::MIN}), "ttl"),
        (json!({"role": "root"}), "role"),
        (json!({"role": "Admin"}), "role"),
        (json!({"name": long}), "name"),
        (json!({"name": "a\u{0}b"}), "name"),
        (json!({"name": "a\u{202e}b"}), "name"),
        (json!({"name": secret}), "name"),
        (json!({"cidrs": ["10.0.0.0/33"]}), "cidrs"),
        (json!({"cidrs": ["10.0.0.0/8", "localhost"]}), "cidrs"),
        (json!({"cidrs": [""]}), "cidrs"),
        (json!({"cidrs": ["::/129"]}), "cidrs"),
        (json!({"cidrs": many}), "cidrs"),
        (json!({"replica": true}), "replica"),
        (json!({"read_only_region_id": "zzzzzzzzzzzz"}), "read_only_region_id"),
        (json!({"direct_vtgate": true}), "direct_vtgate"),
    ] {
        let answer = admin.post(&path, &body).expect(422);
        assert_eq!(answer.str("/code"), "unprocessable_entity");
        assert!(answer.str("/message").contains(field), "{body}: {}", answer.text);
        assert!(!answer.text.contains(&secret), "{}", answer.text);
    }
    for (body, field) in
        [(r#"{"ttl":1e30}"#, "ttl"), (r#"{"cidrs":"10.0.0.0/8"}"#, "cidrs"), (r#"{"role":1}"#, "role")]
    {
        let answer =
            admin.send("POST", &path, &[("content-type", "application/json")], Some(body.as_bytes()));
        assert!(answer.expect(400).str("/message").starts_with(field), "{body}");
    }
    assert_eq!(admin.get(&path).expect(200).json["total_count"], json!(0), "nothing was made");
    // What means nothing is not refused, and no more is what people write in names.
    let name = "<b>'; DROP TABLE passwords;-- 日本 👩‍💻";
    let odd = json!({"name": name, "replica": false, "direct_vtgate": false, "read_only_region_id": "", "ttl": 0,
                     "cidrs": [" 10.1.2.3/8 ", "2001:db8::/32", "192.0.2.1"], "unknown": [1]});
    let made = admin.post(&path, &odd).expect(201);
    assert_eq!((made.str("/name"), &made.json["expires_at"]), (name, &Value::Null));
    assert_eq!(made.json["cidrs"], json!(["10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"]));

    let own = format!("{path}/{}", made.str("/id"));
    for (body, field) in [
        (json!({"role": "reader"}), "role"),
        (json!({"ttl": 60}), "ttl"),
        (json!({"name": ""}), "name"),
        (json!({"name": "x", "cidrs": ["x"]}), "cidrs"),
    ] {
        let answer = admin.patch(&own, &body).expect(422);
        assert!(answer.str("/message").contains(field), "{body}: {}", answer.text);
    }
    let same = admin.get(&own).expect(200).json;
    assert_eq!((&same["name"], &same["cidrs"]), (&made.json["name"], &made.json["cidrs"]), "all or nothing");
    // A whole object that was read may be sent back.
    admin.patch(&own, &json!({"name": name, "role": "admin", "cidrs": null})).expect(200);
    let open = admin.patch(&own, &json!({"cidrs": []})).expect(200);
    assert_eq!(open.json["cidrs"], Value::Null);
}

#[test]
fn lists_are_narrowed_and_paged() {
    let (_bough, admin) = furnished();
    let make = |branch: &str, body: &Value| admin.post(&admin.org(&shop(branch)), body).expect(201);
    make("main", &json!({"name": "billing"}));
    make("dev", &json!({"name": "app", "ttl": 3_600}));
    let brief = make("dev", &json!({"name": "brief", "ttl": 1}));
    make("dev", &json!({"name": "pscale-cli-connect-2026-11-29-abc123", "ttl": 300}));
    make("dev", &json!({"name": "100%_a"}));
    let brief = admin.org(&format!("{}/{}", shop("dev"), brief.str("/id")));
    wait_until(LIMIT, "it expires", || {
        (admin.get(&brief).expect(200).json["expired"] == json!(true)).then_some(())
    });
    let list = |path: &str| admin.get(&admin.org(path)).expect(200);
    let dev = |query: &str| list(&format!("{}{query}", shop("dev")));
    let all = ["100%_a", "pscale-cli-connect-2026-11-29-abc123", "brief", "app"];
    assert_eq!(names(&dev("")), all, "newest first");
    for (query, wanted) in [
        ("?status=active", &[all[0], all[1], all[3]][..]),
        ("?status=renewable", &[all[1], all[2], all[3]]),
        ("?status=expired", &[all[2]]),
        ("?status=", &all),
        ("?ephemeral=false", &[all[0], all[2], all[3]]),
        ("?ephemeral=true", &[all[1]]),
        ("?ephemeral=false&status=active", &[all[0], all[3]]),
        ("?q=app", &[all[3]]),
        ("?q=AB", &[all[1]]),
        ("?q=%25", &[all[0]]),
        ("?q=_", &[all[0]]),
        ("?q=zzz", &[]),
        ("?read_only_region_id=zzzzzzzzzzzz", &[]),
        ("?read_only_region_id=", &all),
    ] {
        let found = dev(query);
        assert_eq!(
            (names(&found), &found.json["total_count"]),
            (wanted.to_vec(), &json!(wanted.len())),
            "{query}"
        );
    }
    let by_username = dev(&format!("?q={}", dev("").str("/data/3/username")));
    assert_eq!(names(&by_username), ["app"]);
    let everywhere = list("/databases/shop/passwords");
    assert_eq!(names(&everywhere), [&all[..], &["billing"]].concat());
    assert_eq!(everywhere.str("/data/4/database_branch/name"), "main");
    let page = dev("?per_page=3&page=2");
    assert_eq!((names(&page), &page.json["total_pages"]), (vec!["app"], &json!(2)));
    assert_eq!((&page.json["prev_page"], &page.json["next_page"]), (&json!(1), &Value::Null));
    assert_eq!(names(&dev("?page=9")), Vec::<&str>::new(), "beyond the end");
    for wrong in ["?status=any", "?ephemeral=perhaps", "?page=0"] {
        admin.get(&admin.org(&format!("{}{wrong}", shop("dev")))).expect(400);
    }
}

#[test]
fn one_that_ends_is_renewed_and_one_that_does_not_is_not() {
    let (_bough, admin) = furnished();
    let path = admin.org(&shop("dev"));
    let made = admin.post(&path, &json!({"ttl": 1})).expect(201);
    assert_eq!((&made.json["ttl_seconds"], &made.json["renewable"]), (&json!(1), &json!(true)));
    let own = format!("{path}/{}", made.str("/id"));
    let expired = || admin.get(&own).expect(200).json["expired"] == json!(true);
    wait_until(LIMIT, "it expires", || expired().then_some(()));
    let renew = || admin.send("POST", &format!("{own}/renew"), &[], None);
    let renewed = renew().expect(200);
    assert_eq!((&renewed.json["plain_text"], &renewed.json["ttl_seconds"]), (&Value::Null, &json!(1)));
    assert!(renewed.str("/expires_at") > made.str("/expires_at"), "{}", renewed.text);
    assert_eq!(renewed.json["username"], made.json["username"]);
    // As often as one likes.
    let again = renew().expect(200);
    assert!(again.str("/expires_at") >= renewed.str("/expires_at"));
    let endless = admin.post(&path, &json!({"ttl": 0})).expect(201);
    let answer = admin.send("POST", &format!("{path}/{}/renew", endless.str("/id")), &[], None).expect(422);
    assert!(answer.str("/message").contains("never ends"), "{}", answer.text);
    admin.send("POST", &format!("{path}/zzzzzzzzzzzz/renew"), &[], None).expect(404);
}

/// What a token that may open development branches is told of the production branch, and what one may that
/// reads there.
#[test]
fn who_may_depends_on_the_branch_and_on_the_role() {
    let (bough, admin) = furnished();
    let dev_only = bough.token(&[("shop", &["connect_branch"])]);
    let client = bough.client(&dev_only);
    let made = client.post(&client.org(&shop("dev")), &json!({"role": "writer"})).expect(201);
    assert_eq!(made.str("/actor/id"), dev_only.id);
    for body in [json!({}), json!({"role": "reader"}), json!({"role": "nonsense", "ttl": -1})] {
        let refused = client.post(&client.org(&shop("main")), &body).expect(403);
        assert!(refused.str("/message").contains("connect_production_branch"), "{}", refused.text);
    }
    let denials = admin.org(&format!("/service-tokens/{}/denials", dev_only.id));
    let denial = wait_until(LIMIT, "the refusal is written down", || {
        let list = admin.get(&denials).expect(200);
        list.data().first().cloned()
    });
    assert_eq!(
        (&denial["operation"], &denial["resource"], &denial["missing"]),
        (
            &json!("create_password"),
            &json!("databases/shop/branches/main"),
            &json!(["connect_production_branch"])
        )
    );
    // Deleting takes an access of its own.
    let own = client.org(&format!("{}/{}", shop("dev"), made.str("/id")));
    let refused = client.delete(&own).expect(403);
    assert!(refused.str("/message").contains("delete_branch_password"), "{}", refused.text);

    // It cannot read branches as such, so others' passwords of main are all it sees there.
    let reads = bough.token(&[("shop", &["connect_production_read_only_branch"])]);
    let reader = bough.client(&reads);
    let main = reader.org(&shop("main"));
    let made = reader.post(&main, &json!({"role": "reader"})).expect(201);
    let own = format!("{main}/{}", made.str("/id"));
    reader.patch(&own, &json!({"name": "report"})).expect(200);
    reader.get(&own).expect(200);
    // It does not see the branch, so what it lacks for the branch is not told.
    reader.post(&main, &json!({"role": "admin"})).expect(404);
    reader.post(&main, &json!({})).expect(404);
    reader.post(&reader.org(&shop("dev")), &json!({"role": "reader"})).expect(404);
    let mighty = admin.post(&admin.org(&shop("main")), &json!({"role": "readwriter"})).expect(201);
    let mighty = format!("{main}/{}", mighty.str("/id"));
    reader.get(&mighty).expect(200);
    let refused = reader.patch(&mighty, &json!({"cidrs": []})).expect(403);
    let told = refused.str("/message");
    assert!(told.contains("connect_production_branch") && !told.contains("read_only"), "{told}");
    reader.delete(&own).expect(403);

    let deletes = bough
        .client(&bough.token(&[("shop", &["delete_production_read_only_branch_password", "read_branch"])]));
    deletes.delete(&mighty).expect(403);
    deletes.delete(&own).expect(204);

    explained(&bough, &admin, &dev_only.id, &reads.id);
    // What was of use, and no more: the role tells.
    let both = ["connect_production_branch", "connect_production_read_only_branch"];
    let both = bough.token(&[("shop", &both)]);
    let client = bough.client(&both);
    client.post(&client.org(&shop("main")), &json!({"role": "admin"})).expect(201);
    let needed = |token: &str| {
        let list = admin.get(&admin.org(&format!("/service-tokens/{token}/usage"))).expect(200);
        let needed = list.data().iter().filter(|row| row["last_needed_at"].is_string());
        needed.map(|row| row["access"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    wait_until(LIMIT, "the use is written down", || (!needed(&both.id).is_empty()).then_some(()));
    assert_eq!(needed(&both.id), ["connect_production_branch"]);
    assert_eq!(needed(&dev_only.id), ["connect_branch"]);
}

fn explained(_bough: &Bough, admin: &Client, dev_only: &str, reads: &str) {
    let ask = |token: &str, operation: &str, resource: Value| {
        let path = admin.org(&format!("/service-tokens/{token}/explain"));
        admin.post(&path, &json!({"operation": operation, "resource": resource})).expect(200).json
    };
    let at = |branch: &str, role: Value| json!({"database": "shop", "branch": branch, "role": role});
    let missing = json!(["connect_production_branch"]);
    assert_eq!(ask(dev_only, "create_password", at("dev", Value::Null))["allowed"], json!(true));
    let answer = ask(dev_only, "create_password", at("main", Value::Null));
    assert_eq!((&answer["status"], &answer["missing"]), (&json!(403), &missing));
    // Of what would do for a reader all is named: also what opens no more than that.
    let answer = ask(dev_only, "create_password", at("main", json!("reader")));
    let either = json!(["connect_production_branch", "connect_production_read_only_branch"]);
    assert_eq!((&answer["status"], &answer["missing"]), (&json!(403), &either));
    assert_eq!(ask(reads, "create_password", at("main", json!("reader")))["allowed"], json!(true));
    let answer = ask(reads, "create_password", at("main", Value::Null));
    assert_eq!((&answer["status"], &answer["missing"]), (&json!(404), &missing), "admin, as for making one");
    let password = admin.post(&admin.org(&shop("main")), &json!({"role": "reader"})).expect(201);
    let of = json!({"database": "shop", "branch": "main", "id": password.str("/id")});
    assert_eq!(ask(reads, "renew_password", of.clone())["allowed"], json!(true));
    assert_eq!(ask(dev_only, "delete_password", of)["status"], json!(403));
    let path = admin.org(&format!("/service-tokens/{reads}/explain"));
    let nothing = json!({"operation": "get_password", "resource": {"database": "shop", "branch": "main", "id": "zzzzzzzzzzzz"}});
    admin.post(&path, &nothing).expect(404);
    admin
        .post(&path, &json!({"operation": "create_password", "resource": at("main", json!("root"))}))
        .expect(422);
}

/// What becomes of passwords when their branch is promoted, renamed, deleted, and when their maker is gone.
#[test]
fn passwords_stay_with_their_branch_and_go_with_it() {
    let (bough, admin) = furnished();
    let maker = bough.token(&[("shop", &["connect_branch", "read_branch"])]);
    let client = bough.client(&maker);
    let made = client.post(&client.org(&shop("dev")), &json!({"name": "app"})).expect(201);
    let id = made.str("/id");
    admin.delete(&admin.org(&format!("/service-tokens/{}", maker.id))).expect(204);
    let dev = admin.org("/databases/shop/branches/dev");
    let kept = admin.get(&format!("{dev}/passwords/{id}")).expect(200);
    assert_eq!(kept.json["actor"]["id"], json!(maker.id), "it stays, and says who made it");
    admin.send("POST", &format!("{dev}/promote"), &[], None).expect(200);
    let now = admin.get(&format!("{dev}/passwords/{id}")).expect(200);
    assert_eq!(now.json["database_branch"]["production"], json!(true));
    assert_eq!(now.json["username"], made.json["username"]);
    admin.send("POST", &format!("{dev}/demote"), &[], None).expect(200);
    admin.patch(&dev, &json!({"new_name": "next"})).expect(200);
    let next = admin.org(&format!("/databases/shop/branches/next/passwords/{id}"));
    assert_eq!(admin.get(&next).expect(200).str("/database_branch/name"), "next");
    admin.delete(&admin.org("/databases/shop/branches/next")).expect(204);
    admin.get(&next).expect(404);
    assert_eq!(admin.get(&admin.org("/databases/shop/passwords")).expect(200).json["total_count"], json!(0));
    let folders = || bough.branch_folders().len();
    wait_until(LIMIT, "the branch is gone", || (folders() == 1).then_some(()));
    let log = admin.get(&admin.org("/audit-log?limit=100")).expect(200);
    let actions: BTreeSet<&str> =
        log.data().iter().filter_map(|entry| entry["audit_action"].as_str()).collect();
    assert!(actions.contains("database_branch_password.created"));
    assert!(!log.text.contains(made.str("/plain_text")) && !bough.log().contains(made.str("/plain_text")));
}
