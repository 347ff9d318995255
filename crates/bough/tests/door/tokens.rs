//! Service tokens through the front door: making, reading, changing, granting, rotating, deleting;
//! what a credential has to look like; what is kept of refusals and uses. How soon a change acts is
//! `revocation.rs`.

use std::time::Duration;

use bough_testkit::{Answer, Bough, Client, Token, wait_until};
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
const TEN_YEARS: i64 = 10 * 366 * 24 * 3600;

fn tokens(client: &Client) -> String {
    client.org("/service-tokens")
}

fn below(client: &Client, token: &str, path: &str) -> String {
    client.org(&format!("/service-tokens/{token}{path}"))
}

fn made(answer: &Answer) -> Token {
    Token { id: answer.str("/id").to_owned(), secret: answer.str("/token").to_owned() }
}

fn make(client: &Client, body: &Value) -> Token {
    made(&client.post(&tokens(client), body).expect(200))
}

/// What an answer says, without what differs between any two.
fn said(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text.clone())
}

fn status(client: &Client) -> u16 {
    client.get("/v1/organizations").status
}

#[test]
fn making_listing_and_changing() {
    let bough = Bough::start(BOUGH);
    let admin = bough.admin();
    let path = tokens(&admin);

    let answer = admin.post(&path, &json!({"name": "  ci <b> ü ", "unknown": [1]})).expect(200);
    let first = made(&answer);
    assert_eq!((first.id.len(), answer.str("/name"), answer.str("/type")), (12, "ci <b> ü", "ServiceToken"));
    let body = first.secret.strip_prefix("pscale_tkn_").expect("the contract's prefix");
    assert!(body.len() == 43 && body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
    assert_eq!(
        (&answer.json["service_token_accesses"], &answer.json["expires_at"]),
        (&json!([]), &Value::Null)
    );
    assert_eq!(answer.str("/actor_id"), bough.setup_token().id);
    let secret = &first.secret[11..];
    for path in [&path, &below(&admin, &first.id, ""), &below(&admin, &first.id, "/access")] {
        let later = admin.get(path).expect(200);
        assert!(!later.text.contains(secret), "the secret is shown again by {path}");
    }
    assert_eq!(admin.get(&below(&admin, &first.id, "")).json["token"], Value::Null);

    let json_type = [("content-type", "application/json")];
    admin.send("POST", &path, &json_type, None).expect(200);
    admin.send("POST", &path, &[], None).expect(200);
    for body in [
        json!({"name": null, "ttl": null}),
        json!({"name": "ci <b> ü", "ttl": 0}),
        json!({"name": "ü".repeat(200)}),
        json!({"name": "   "}),
        json!({"ttl": 60}),
        json!({"ttl": TEN_YEARS}),
    ] {
        let answer = admin.post(&path, &body).expect(200);
        let ends = body["ttl"].as_i64().is_some_and(|ttl| ttl > 0);
        assert_eq!(answer.json["expires_at"].is_string(), ends, "{body}");
    }
    for (body, status) in [
        (json!({"name": "ü".repeat(201)}), 422),
        (json!({"name": "a\nb"}), 422),
        (json!({"name": "a\u{0}"}), 422),
        (json!({"name": 5}), 400),
        (json!({"ttl": -1}), 422),
        (json!({"ttl": 1_000_000_000_000_i64}), 422),
        (json!({"ttl": TEN_YEARS + 1}), 422),
        (json!({"ttl": 1.5}), 400),
        (json!({"ttl": 1e40}), 400),
        (json!({"ttl": "60"}), 400),
        (json!([]), 400),
    ] {
        let answer = admin.post(&path, &body).expect(status);
        assert!(answer.json["code"].is_string() && answer.json["message"].is_string(), "{body}");
    }

    let all = admin.get(&format!("{path}?per_page=1000")).expect(200);
    let count = all.data().len();
    assert_eq!((&all.json["per_page"], &all.json["total_count"], count), (&json!(100), &json!(10), 10));
    assert_eq!(all.str("/data/9/id"), bough.setup_token().id, "newest first");
    assert_eq!(all.str("/data/8/id"), first.id);
    let second = admin.get(&format!("{path}?per_page=4&page=2")).expect(200);
    assert_eq!(second.data(), &all.data()[4..8]);
    for (key, value) in [("current_page", 2), ("prev_page", 1), ("next_page", 3), ("total_pages", 3)] {
        assert_eq!(second.json[key], json!(value), "{key}");
    }
    let next = second.str("/next_page_url").strip_prefix(bough.base()).expect("an address of ours");
    assert_eq!(admin.get(next).expect(200).data(), &all.data()[8..]);
    let beyond = admin.get(&format!("{path}?page=99")).expect(200);
    assert_eq!((&beyond.json["data"], &beyond.json["total_count"]), (&json!([]), &json!(10)));
    for wrong in ["page=0", "page=-1", "page=x", "per_page=0", "per_page=-1", "per_page=", "per_page=1.5"] {
        admin.get(&format!("{path}?{wrong}")).expect(400);
    }

    let own = below(&admin, &first.id, "");
    assert_eq!(admin.patch(&own, &json!({"name": " deploy "})).expect(200).str("/name"), "deploy");
    assert_eq!(admin.patch(&own, &json!({})).expect(200).str("/name"), "deploy");
    assert_eq!(admin.patch(&own, &json!({"name": null})).expect(200).json["name"], Value::Null);
    admin.patch(&own, &json!({"name": "x".repeat(201)})).expect(422);
    for wrong in [json!(["10.0.0.0/33"]), json!(["x"]), json!([""]), json!(vec!["10.0.0.1/32"; 101])] {
        admin.patch(&own, &json!({"cidrs": wrong})).expect(422);
    }
    let client = bough.client(&first);
    assert_eq!(status(&client), 200);
    let elsewhere = admin.patch(&own, &json!({"cidrs": ["10.0.0.0/8", "::1/128"]})).expect(200);
    assert_eq!(elsewhere.json["cidrs"], json!(["10.0.0.0/8", "::1/128"]));
    let wrong = admin.with_authorization(Some(&format!("{}:{}", first.id, bough.setup_token().secret)));
    let refused = client.get("/v1/organizations");
    assert_eq!(
        said(&refused),
        said(&wrong.get("/v1/organizations").expect(401)),
        "a wrong address tells nothing"
    );
    admin.patch(&own, &json!({"cidrs": ["10.0.0.0/8", "127.0.0.1"]})).expect(200);
    assert_eq!(status(&client), 200);
    admin.patch(&own, &json!({"cidrs": []})).expect(200);
    assert_eq!(status(&client), 200);
}

#[test]
fn credentials() {
    let bough = Bough::start(BOUGH);
    let admin = bough.admin();
    let Token { id, secret } = make(&admin, &json!({}));
    let with = |value: &str| bough.anonymous().with_authorization(Some(value)).get("/v1/organizations");
    for right in [format!("{id}:{secret}"), format!("token {id}:{secret}"), format!("Token {id}:{secret}")] {
        let answer = with(&right).expect(200);
        assert_eq!((answer.data().len(), answer.str("/data/0/name")), (1, bough.organization.as_str()));
    }
    let mut typo = secret.clone();
    typo.replace_range(20..21, if &secret[20..21] == "A" { "B" } else { "A" });
    for (value, helps) in [
        (format!("{secret}:{id}"), "swapped"),
        (id.clone(), "incomplete"),
        (secret.clone(), "incomplete"),
        (format!("{id}:"), "incomplete"),
        (format!(":{secret}"), "incomplete"),
        (format!("{id}:{typo}"), "typing error"),
        (format!("{id}:{secret}x"), "typing error"),
        (format!("Bearer {secret}"), "scheme"),
        (format!("Basic {id}:{secret}"), "scheme"),
        (String::new(), "does not hold a service token"),
    ] {
        let answer = with(&value).expect(401);
        let message = answer.str("/message");
        assert!(message.contains(helps) && answer.str("/code") == "unauthorized", "{helps}: {message}");
        assert!(!answer.text.contains(&secret), "the secret is repeated");
    }
    let twice = [("authorization", &*format!("{id}:{secret}")), ("authorization", "x")];
    bough.anonymous().send("GET", "/v1/organizations", &twice, None).expect(401);

    // Wrong, unknown, expired, deleted, rotated away: one and the same answer.
    let setup = bough.setup_token().clone();
    let wrong = said(&with(&format!("{id}:{}", setup.secret)).expect(401));
    assert_eq!(said(&with(&format!("zzzzzzzzzzzz:{}", setup.secret))), wrong);
    let short = bough.client(&make(&admin, &json!({"ttl": 1})));
    wait_until(Duration::from_secs(10), "the end of the token", || (status(&short) == 401).then_some(()));
    assert_eq!(said(&short.get("/v1/organizations")), wrong);
    let deleted = make(&admin, &json!({}));
    let client = bough.client(&deleted);
    assert_eq!(status(&client), 200);
    admin.delete(&below(&admin, &deleted.id, "")).expect(204);
    assert_eq!(said(&client.get("/v1/organizations")), wrong);
    admin.delete(&below(&admin, &deleted.id, "")).expect(404);
    let client = bough.client(&Token { id: id.clone(), secret: secret.clone() });
    assert_eq!(status(&client), 200);
    let output = bough.run(&["admin", "token", "delete", &id]);
    assert!(output.status.success());
    assert_eq!(said(&client.get("/v1/organizations")), wrong, "deleted by another process");
    assert_eq!(said(&client.get("/v1/regions")), wrong, "a wrong credential is refused on public routes too");
}

#[test]
fn what_a_token_holds() {
    let bough = Bough::start(BOUGH);
    let admin = bough.admin();
    for name in ["shop", "vault"] {
        admin.post(&admin.org("/databases"), &json!({"name": name})).expect(201);
    }
    let token = make(&admin, &json!({"name": "held"}));
    let (access, grants) = (below(&admin, &token.id, "/access"), below(&admin, &token.id, "/grants"));
    let held = || -> Vec<(String, String)> {
        let list = admin.get(&access).expect(200);
        let text = |row: &Value, key: &str| row[key].as_str().expect(key).to_owned();
        let place = |row: &Value| {
            if row["all_databases"] == json!(true) { "*".to_owned() } else { text(row, "resource_name") }
        };
        list.data().iter().map(|row| (place(row), text(row, "access"))).collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(place, access)| ((*place).to_owned(), (*access).to_owned())).collect()
    };
    let add = |body: Value| admin.post(&access, &body);
    let remove = |body: Value| admin.json("DELETE", &access, &body);
    assert_eq!(held(), []);
    add(json!({"database": "shop", "access": ["read_branch", "create_branch", "read_branch"]})).expect(200);
    add(json!({"access": ["read_organization"]})).expect(200);
    let answer = add(json!({"database": "*", "access": ["read_branch"]})).expect(200);
    let everything = pairs(&[
        ("acme", "read_organization"),
        ("*", "read_branch"),
        ("shop", "create_branch"),
        ("shop", "read_branch"),
    ]);
    assert_eq!(held(), everything);
    assert_eq!(
        (answer.str("/data/1/resource_type"), answer.str("/data/1/type")),
        ("Organization", "DatabaseAccess")
    );
    assert_eq!(answer.str("/data/2/resource/name"), "shop");

    for (body, status, says) in [
        (json!({"database": "shop", "access": ["read_branch", "nonsense"]}), 422, "nonsense"),
        (
            json!({"database": "shop", "access": ["write_database", "read_organization"]}),
            422,
            "read_organization",
        ),
        (json!({"database": "*", "access": ["create_databases"]}), 422, "create_databases"),
        (json!({"access": ["read_branch"]}), 422, "read_branch"),
        (json!({"access": ["read_user"]}), 422, "read_user"),
        (json!({"access": []}), 422, "access"),
        (json!({"database": "shop"}), 400, "access"),
        (json!({"database": "shop", "access": "read_branch"}), 400, "access"),
        (json!({"database": 5, "access": ["read_branch"]}), 400, "database"),
        (json!({"database": "nothing", "access": ["read_branch"]}), 404, "Not Found"),
        (json!({"database": "No such/name", "access": ["read_branch"]}), 404, "Not Found"),
    ] {
        for answer in [add(body.clone()), remove(body.clone())] {
            assert!(
                answer.status == status && answer.str("/message").contains(says),
                "{body}: {}",
                answer.text
            );
        }
    }
    assert_eq!(held(), everything, "all or nothing");
    remove(json!({"database": "shop", "access": ["create_branch", "write_database"]})).expect(204);
    remove(json!({"database": "shop", "access": ["read_branch"]})).expect(204);
    assert_eq!(held(), pairs(&[("acme", "read_organization"), ("*", "read_branch")]));
    let client = bough.client(&token);
    client.get(&client.org("/databases/shop/branches/main")).expect(200);

    // The whole set, on the condition that nobody changed it meanwhile.
    let list = admin.get(&grants).expect(200);
    let etag = list.header("etag").expect("an ETag").to_owned();
    assert_eq!(
        (list.str("/data/1/resource_type"), &list.json["data"][1]["all_databases"]),
        ("Organization", &json!(true))
    );
    let whole = json!({"grants": [{"database": "shop", "accesses": ["write_database"]}, {"database": null, "accesses": []}]});
    let put = |tag: &str| {
        let headers = [("content-type", "application/json"), ("if-match", tag)];
        admin.send("PUT", &grants, &headers, Some(whole.to_string().as_bytes()))
    };
    let after = put(&etag).expect(200);
    assert_eq!(held(), pairs(&[("shop", "write_database")]));
    assert_eq!(after.header("etag"), admin.get(&grants).header("etag"));
    assert_eq!(put(&etag).expect(412).str("/code"), "precondition_failed");
    put("*").expect(200);
    for (body, status) in [
        (json!({}), 400),
        (
            json!({"grants": [{"database": "shop", "accesses": ["read_branch"]}, {"database": "nothing", "accesses": ["read_branch"]}]}),
            404,
        ),
        (
            json!({"grants": [{"database": "shop", "accesses": ["read_branch"]}, {"accesses": ["read_branch"]}]}),
            422,
        ),
    ] {
        admin.put(&grants, &body).expect(status);
    }
    assert_eq!(held(), pairs(&[("shop", "write_database")]), "all or nothing");
    admin.put(&grants, &json!({"grants": []})).expect(200);
    assert_eq!(held(), []);
    let setup = admin.get(&below(&admin, &bough.setup_token().id, "/access")).expect(200);
    assert!(setup.data().len() > 40 && setup.json["total_count"] == json!(setup.data().len()), "never cut");
    delegate(&bough);
}

/// Tokens that make and grant to tokens.
fn delegate(bough: &Bough) {
    let admin = bough.admin();
    let maker = make(&admin, &json!({"name": "maker", "ttl": 3600}));
    for (database, accesses) in [
        ("", &["read_service_tokens", "write_service_tokens", "delete_service_tokens"][..]),
        ("shop", &["read_database", "connect_production_branch"][..]),
    ] {
        admin
            .post(&below(&admin, &maker.id, "/access"), &json!({"database": database, "access": accesses}))
            .expect(200);
    }
    let client = bough.client(&maker);
    let answer = client.post(&tokens(&client), &json!({"name": "child"})).expect(200);
    let child = made(&answer);
    assert_eq!((answer.str("/parent_token_id"), answer.str("/actor_id")), (&*maker.id, &*maker.id));
    let ends = admin.get(&below(&admin, &maker.id, "")).json["expires_at"].clone();
    assert!(ends.is_string() && answer.json["expires_at"] == ends, "a token ends with the one that made it");
    let grant = |token: &Token, database: &str, accesses: &[&str]| {
        client.post(&below(&client, &token.id, "/access"), &json!({"database": database, "access": accesses}))
    };
    grant(&child, "shop", &["read_database", "connect_production_branch"]).expect(200);
    grant(&child, "", &["write_service_tokens"]).expect(200);
    for (database, accesses) in [
        ("shop", &["write_database"][..]),
        ("shop", &["read_database", "write_database"][..]),
        ("*", &["read_database"][..]),
        ("", &["create_databases"][..]),
        ("", &["read_organization", "read_service_tokens"][..]),
    ] {
        let answer = grant(&child, database, accesses).expect(403);
        assert!(answer.str("/message").contains("may not grant"), "{}", answer.text);
    }
    assert_eq!(admin.get(&below(&admin, &child.id, "/access")).data().len(), 3);
    // What is hidden from the granting token, and what does not exist, are the same.
    let hidden = grant(&child, "vault", &["read_database"]).expect(404);
    assert_eq!(said(&hidden), said(&grant(&child, "nothing", &["read_database"])));
    // Only to tokens that do not outlive it.
    let (eternal, brief) = (make(&admin, &json!({})), make(&admin, &json!({"ttl": 60})));
    grant(&eternal, "shop", &["read_database"]).expect(403);
    grant(&brief, "shop", &["read_database"]).expect(200);
    // Adding and removing alike.
    let remove = |access: &str| {
        client.json(
            "DELETE",
            &below(&client, &brief.id, "/access"),
            &json!({"database": "shop", "access": [access]}),
        )
    };
    admin
        .post(
            &below(&admin, &brief.id, "/access"),
            &json!({"database": "shop", "access": ["write_database"]}),
        )
        .expect(200);
    remove("write_database").expect(403);
    remove("read_database").expect(204);
    remove("read_database").expect(204);
    // Whoever rotates takes over the power: of the child yes, of what holds more no.
    client.post(&below(&client, &brief.id, "/rotate"), &json!({})).expect(403);
    client.patch(&below(&client, &brief.id, ""), &json!({"cidrs": []})).expect(403);
    client.post(&below(&client, &child.id, "/rotate"), &json!({"overlap_seconds": -1})).expect(422);
    client.post(&below(&client, &child.id, "/rotate"), &json!({"overlap_seconds": 604_801})).expect(422);
    let answer =
        client.post(&below(&client, &child.id, "/rotate"), &json!({"overlap_seconds": 4})).expect(200);
    let renewed = made(&answer);
    assert!(renewed.id == child.id && renewed.secret != child.secret);
    assert!(answer.json["previous_token_valid_until"].is_string());
    let (old, new) = (bough.client(&child), bough.client(&renewed));
    assert_eq!((status(&old), status(&new)), (200, 200), "both work while they overlap");
    wait_until(Duration::from_secs(10), "the end of the overlap", || (status(&old) == 401).then_some(()));
    let again = made(&client.post(&below(&client, &child.id, "/rotate"), &json!({})).expect(200));
    assert_eq!((status(&new), status(&bough.client(&again))), (401, 200), "no overlap");
    let overlap = made(
        &client.post(&below(&client, &child.id, "/rotate"), &json!({"overlap_seconds": 600})).expect(200),
    );
    // A grandchild, and the end of them all.
    let (again, overlap) = (bough.client(&again), bough.client(&overlap));
    let grandchild = bough.client(&make(&overlap, &json!({})));
    assert_eq!((status(&again), status(&overlap), status(&grandchild)), (200, 200, 200));
    client.delete(&below(&client, &maker.id, "")).expect(204);
    let all = [&client, &again, &overlap, &grandchild].map(status);
    assert_eq!(all, [401; 4], "what a token made ends with it, whichever secret");
    admin.get(&below(&admin, &child.id, "")).expect(404);
}

/// What administrators see of refusals and uses, and what they can ask.
#[test]
fn refusals_uses_and_questions() {
    let bough = Bough::start(BOUGH);
    let admin = bough.admin();
    for name in ["shop", "vault"] {
        admin.post(&admin.org("/databases"), &json!({"name": name})).expect(201);
    }
    let token = bough.token(&[
        ("", &["read_organization"]),
        ("shop", &["read_branch", "read_database", "write_database"]),
    ]);
    let client = bough.client(&token);
    let list = |reader: &Client| reader.get(&below(reader, &token.id, "/denials?per_page=100")).expect(200);
    for _ in 0..3 {
        client.post(&client.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(403);
    }
    for path in ["/databases/vault", "/databases/nothing", "/databases/vault/branches/main"] {
        client.get(&client.org(path)).expect(404);
    }
    client.get(&client.org("/service-tokens")).expect(403);
    let denials = wait_until(Duration::from_secs(10), "five refusals", || {
        Some(list(&admin)).filter(|list| list.data().len() == 5 && list.text.contains("\"count\":3"))
    });
    let of = |list: &Answer, operation: &str, resource: &str| {
        let found = list
            .data()
            .iter()
            .find(|row| row["operation"] == json!(operation) && row["resource"] == json!(resource));
        found.unwrap_or_else(|| panic!("{operation} {resource} in {}", list.text)).clone()
    };
    let row = of(&denials, "create_branch", "databases/shop");
    assert_eq!((&row["count"], &row["method"]), (&json!(3), &json!("POST")));
    assert_eq!(row["path"], json!(client.org("/databases/shop/branches")));
    assert!(row["missing"].as_array().expect("a list").contains(&json!("create_branch")));
    assert!(row["first_at"].as_str() < row["last_at"].as_str());
    of(&denials, "get_database", "databases/vault");
    of(&denials, "get_database", "databases/nothing");
    of(&denials, "get_branch", "databases/vault/branches/main");
    assert_eq!(
        of(&denials, "list_service_tokens", "service-tokens")["missing"],
        json!(["read_service_tokens"])
    );
    // A reader who sees only the shop.
    let reader = bough.client(&bough.token(&[("", &["read_service_tokens"]), ("shop", &["read_comment"])]));
    let seen = list(&reader);
    assert!(
        seen.data().len() == 5 && !seen.text.contains("vault") && !seen.text.contains("nothing"),
        "{}",
        seen.text
    );
    of(&seen, "create_branch", "databases/shop");
    for number in 0..210 {
        client.get(&client.org(&format!("/databases/d{number}"))).expect(404);
    }
    wait_until(Duration::from_secs(10), "at most 200 refusals are kept, the newest", || {
        let list = list(&admin);
        (list.json["total_count"] == json!(200) && list.text.contains("databases/d209")).then_some(())
    });

    // Uses: whichever of several accesses would have done counts.
    let fresh = bough.client(&make(&admin, &json!({})));
    let id = admin.get(&tokens(&admin)).str("/data/0/id").to_owned();
    let last_used = |id: &str| admin.get(&below(&admin, id, "")).json["last_used_at"].clone();
    assert_eq!(last_used(&id), Value::Null);
    assert_eq!(status(&fresh), 200);
    wait_until(Duration::from_secs(5), "the first use shows", || last_used(&id).is_string().then_some(()));
    let user = bough.token(&[("shop", &["read_branch", "delete_branch", "write_backups"])]);
    let client = bough.client(&user);
    client.get(&client.org("/databases/shop/branches/main")).expect(200);
    let needed = wait_until(Duration::from_secs(5), "use of accesses shows", || {
        let usage = admin.get(&below(&admin, &user.id, "/usage")).expect(200);
        let needed: Vec<String> = usage
            .data()
            .iter()
            .filter(|row| row["last_needed_at"].is_string())
            .map(|row| row["access"].as_str().expect("an access").to_owned())
            .collect();
        assert_eq!((usage.data().len(), usage.str("/data/0/resource/name")), (3, "shop"));
        (!needed.is_empty()).then_some(needed)
    });
    assert_eq!(needed, ["read_branch", "delete_branch"]);

    // Questions have the answer that the request would have.
    let ask = |asker: &Client, operation: &str, resource: Value| {
        asker
            .post(&below(asker, &user.id, "/explain"), &json!({"operation": operation, "resource": resource}))
    };
    let main = json!({"database": "shop", "branch": "main"});
    let yes = ask(&admin, "get_branch", main.clone()).expect(200);
    assert_eq!(
        (&yes.json["allowed"], &yes.json["status"], &yes.json["missing"]),
        (&json!(true), &Value::Null, &json!([]))
    );
    let no = ask(&admin, "delete_branch", main.clone()).expect(200);
    assert_eq!((&no.json["allowed"], &no.json["status"]), (&json!(false), &json!(403)));
    assert_eq!(no.json["missing"], json!(["delete_production_branch"]));
    assert_eq!(
        ask(&admin, "get_database", json!({"database": "vault"})).expect(200).json["status"],
        json!(404)
    );
    assert_eq!(ask(&admin, "get_organization", json!({})).expect(200).json["status"], json!(404));
    ask(&admin, "nonsense", json!({})).expect(422);
    ask(&admin, "get_branch", json!({"database": "shop"})).expect(422);
    let absent = ask(&admin, "get_database", json!({"database": "nothing"})).expect(404);
    assert_eq!(
        said(&ask(&reader, "get_database", json!({"database": "vault"}))),
        said(&absent),
        "hidden from the asker"
    );
    ask(&reader, "get_database", json!({"database": "shop"})).expect(200);
}
