//! Databases and branches through the front door: making, listing, changing, renaming, promoting,
//! deleting; what cannot be; who wins a race. The shapes of answers are `shapes.rs`.

use bough_testkit::{Answer, Bough, Client, Options};
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
const TAKEN: &str = "name has already been taken";

fn database(client: &Client, name: &str) -> String {
    client.org(&format!("/databases/{name}"))
}

fn branches(client: &Client, database: &str) -> String {
    client.org(&format!("/databases/{database}/branches"))
}

fn branch(client: &Client, database: &str, name: &str) -> String {
    client.org(&format!("/databases/{database}/branches/{name}"))
}

fn names(list: &Answer) -> Vec<&str> {
    list.data().iter().map(|row| row["name"].as_str().expect("a name")).collect()
}

fn make(client: &Client, database: &str, body: &Value) -> Answer {
    client.post(&branches(client, database), body)
}

/// Names that neither a database nor a branch can have.
fn wrong_names() -> Vec<String> {
    let fixed =
        ["", "Shop", "a/b", "a b", "a'; DROP TABLE x;--", "<b>x</b>", "a\0b", "-a", "a.b", "é", "..", "%2e"];
    fixed.iter().map(|name| (*name).to_owned()).chain(["a".repeat(64), "a".repeat(10_000)]).collect()
}

#[test]
fn databases() {
    let bough = Bough::start(BOUGH);
    let admin = bough.admin();
    let path = admin.org("/databases");
    let made = admin.post(&path, &json!({"name": "shop", "Organization": "x", "notes": "n"})).expect(201);
    let id = made.str("/id").to_owned();
    assert_eq!((made.str("/notes"), made.str("/default_branch")), ("n", "main"));
    for name in wrong_names().iter().map(String::as_str).chain(["mysql", "information_schema"]) {
        let refused = admin.post(&path, &json!({ "name": name })).expect(422);
        assert!(refused.str("/message").contains("name"), "{name:?}: {}", refused.text);
    }
    for (body, status) in [
        (json!({}), 400),
        (json!({"name": null}), 400),
        (json!({"name": ["shop"]}), 400),
        (json!({"name": "x", "kind": "postgresql"}), 422),
        (json!({"name": "x", "kind": "oracle"}), 422),
        (json!({"name": "x", "region": "moon"}), 422),
        (json!({"name": "x", "cluster_size": "PS_9999999"}), 422),
        (json!({"name": "x", "replicas": 2}), 422),
        (json!({"name": "x", "notes": "x".repeat(2_001)}), 422),
        (json!({"name": "x", "notes": "a\u{0}b"}), 422),
    ] {
        admin.post(&path, &body).expect(status);
    }
    assert_eq!(admin.post(&path, &json!({"name": "shop"})).expect(422).str("/message"), TAKEN);
    assert_eq!(admin.post(&path, &json!({"name": id})).expect(422).str("/message"), TAKEN, "an id is a name");
    let long = "a".repeat(63);
    admin
        .post(&path, &json!({"name": long, "cluster_size": "ps-10", "replicas": 0, "kind": "mysql"}))
        .expect(201);

    let list = admin.get(&path).expect(200);
    assert_eq!((names(&list), &list.json["total_count"]), (vec![&*long, "shop"], &json!(2)), "newest first");
    assert_eq!(names(&admin.get(&format!("{path}?q=ho")).expect(200)), ["shop"]);
    assert_eq!(names(&admin.get(&format!("{path}?q=_")).expect(200)), [""; 0], "not a pattern");
    assert_eq!(names(&admin.get(&format!("{path}?per_page=1&page=2")).expect(200)), ["shop"]);
    assert_eq!(admin.get(&format!("{path}?page=9")).expect(200).json["data"], json!([]));
    assert_eq!(admin.get(&database(&admin, &id)).expect(200).str("/name"), "shop");

    let own = database(&admin, "shop");
    let changed =
        admin.patch(&own, &json!({"insights_raw_queries": true, "migration_framework": "rails"})).expect(200);
    assert_eq!(
        (&changed.json["insights_raw_queries"], changed.str("/migration_framework")),
        (&json!(true), "rails")
    );
    admin.patch(&own, &json!({"insights_raw_queries": "yes"})).expect(400);
    admin.patch(&own, &json!({"default_branch": "nothing"})).expect(422);
    assert_eq!(admin.patch(&own, &json!({"new_name": long})).expect(422).str("/message"), TAKEN);
    for name in wrong_names() {
        admin.patch(&own, &json!({ "new_name": name })).expect(422);
    }
    let renamed = admin.patch(&own, &json!({"new_name": "store"})).expect(200);
    assert_eq!(
        (renamed.str("/name"), renamed.str("/id"), renamed.str("/schema_name")),
        ("store", &*id, "shop")
    );
    admin.get(&own).expect(404);
    let own = database(&admin, "store");
    admin.get(&own).expect(200);

    admin.patch(&own, &json!({"deletion_protected": true})).expect(200);
    assert!(admin.delete(&own).expect(422).str("/message").contains("protected"));
    admin.patch(&own, &json!({"deletion_protected": false})).expect(200);
    admin.patch(&branch(&admin, "store", "main"), &json!({"deletion_protected": true})).expect(200);
    assert!(admin.delete(&own).expect(422).str("/message").contains("main"));
    admin.patch(&branch(&admin, "store", "main"), &json!({"deletion_protected": false})).expect(200);
    admin.delete(&own).expect(204);
    for gone in [&own, &database(&admin, &id), &branches(&admin, "store")] {
        admin.get(gone).expect(404);
    }
    admin.delete(&own).expect(404);
    assert_eq!(names(&admin.get(&path).expect(200)), [&*long]);
    let again = admin.post(&path, &json!({"name": "store"})).expect(201);
    assert_ne!(again.str("/id"), id, "a name is free at once, an id is never used again");
    makers(&bough, &long);
    race(&admin, &path, "database");
    race(&admin, &branches(&admin, "store"), "branch");
}

/// What somebody with `create_databases` alone can do, and on what.
fn makers(bough: &Bough, hidden: &str) {
    let admin = bough.admin();
    let maker = bough.client(&bough.token(&[("", &["create_databases"])]));
    let path = maker.org("/databases");
    assert_eq!(maker.get(&path).expect(200).json["data"], json!([]));
    let taken = maker.post(&path, &json!({ "name": hidden })).expect(422);
    assert_eq!(taken.str("/message"), TAKEN, "the one thing that cannot be hidden");
    maker.post(&path, &json!({"name": "mine"})).expect(201);
    assert_eq!(names(&maker.get(&path).expect(200)), ["mine"]);
    maker.patch(&database(&maker, "mine"), &json!({"insights_raw_queries": true})).expect(200);
    make(&maker, "mine", &json!({"name": "dev"})).expect(201);
    maker.post(&format!("{}/promote", branch(&maker, "mine", "dev")), &json!({})).expect(200);
    maker.get(&database(&maker, hidden)).expect(404);

    // `create_database_if_missing`.
    let with = |name: &str| json!({"name": name, "create_database_if_missing": true, "parent_branch": "main", "safe_migrations": true});
    let text = |answer: &Answer| (answer.status, answer.text.clone());
    let absent = text(&make(&maker, "new", &json!({"name": "dev"})).expect(404));
    let no = json!({"name": "dev", "create_database_if_missing": false});
    assert_eq!(text(&make(&maker, "new", &no)), absent, "not asked for");
    assert_eq!(text(&make(&maker, hidden, &with("dev"))), absent, "it exists and is hidden");
    let bad = maker.send("POST", &branches(&maker, "new"), &[], Some(b"{"));
    assert_eq!(text(&bad), absent, "a body that cannot be read asks for nothing");
    let stranger = bough.client(&bough.token(&[]));
    assert_eq!(text(&make(&stranger, "new", &with("dev"))), absent);
    for (database, body) in [
        ("new", json!({"name": "Dev", "create_database_if_missing": true})),
        ("New", json!({"name": "dev", "create_database_if_missing": true})),
        ("new", json!({"name": "dev", "create_database_if_missing": true, "parent_branch": "trunk"})),
        ("new", json!({"name": "dev", "create_database_if_missing": true, "backup_id": "x"})),
        ("new", json!({"name": "dev", "create_database_if_missing": true, "kind": "postgresql"})),
    ] {
        make(&maker, database, &body).expect(422);
    }
    maker.get(&database(&maker, "new")).expect(404);
    let dev = make(&maker, "new", &with("dev")).expect(201);
    assert_eq!((dev.str("/name"), dev.str("/parent_branch")), ("dev", "main"));
    assert_eq!((&dev.json["production"], &dev.json["safe_migrations"]), (&json!(false), &json!(true)));
    assert_eq!(names(&maker.get(&branches(&maker, "new")).expect(200)), ["dev", "main"]);
    assert_eq!(make(&maker, "new", &with("dev")).expect(422).str("/message"), TAKEN);
    make(&maker, "new", &with("more")).expect(201);
    let main = make(&maker, "newer", &with("main")).expect(201);
    assert_eq!((&main.json["production"], &main.json["parent_branch"]), (&json!(true), &Value::Null));
    assert_eq!(main.json["safe_migrations"], json!(true));
    for name in ["mine", "new", "newer"] {
        admin.delete(&database(&admin, name)).expect(204);
    }
}

/// Twenty at once for one name: one has it.
fn race(admin: &Client, path: &str, what: &str) {
    const RUNNERS: usize = 20;
    let line = std::sync::Barrier::new(RUNNERS);
    let run = || {
        line.wait();
        let answer = admin.post(path, &json!({"name": "raced"}));
        assert!(answer.status == 201 || answer.str("/message") == TAKEN, "{what}: {}", answer.text);
        answer.status
    };
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let runners: Vec<_> = (0..RUNNERS).map(|_| scope.spawn(run)).collect();
        runners.into_iter().map(|runner| runner.join().expect("an answer")).collect()
    });
    let won = statuses.iter().filter(|status| **status == 201).count();
    let lost = statuses.iter().filter(|status| **status == 422).count();
    assert_eq!((won, lost), (1, RUNNERS - 1), "{what}");
    let list = admin.get(path).expect(200);
    assert_eq!(names(&list).iter().filter(|name| **name == "raced").count(), 1, "{what}");
}

#[test]
fn branches_of_a_database() {
    let bough = Bough::start(BOUGH);
    let admin = bough.admin();
    bough.database("shop");
    bough.sql(
        "shop",
        "main",
        "CREATE TABLE tags (id INT PRIMARY KEY, html VARCHAR(9) DEFAULT '<b>&\"') COMMENT 'x'",
    );
    let path = branches(&admin, "shop");
    for name in wrong_names().iter().map(String::as_str).chain(["a_b"]) {
        make(&admin, "shop", &json!({ "name": name })).expect(422);
    }
    let missing = make(&admin, "shop", &json!({"name": "dev", "parent_branch": "nothing"})).expect(422);
    assert!(missing.str("/message").contains("parent_branch"), "{}", missing.text);
    for (body, status) in [
        (json!({}), 400),
        (json!({"name": 5}), 400),
        (json!({"name": "x", "deletion_protected": "yes"}), 400),
        (json!({"name": "x", "region": "moon"}), 422),
        (json!({"name": "x", "cluster_size": "huge"}), 422),
        (json!({"name": "x", "seed_data": "last_successful_backup"}), 422),
        (json!({"name": "x", "backup_id": "x"}), 422),
        (json!({"name": "main"}), 422),
    ] {
        make(&admin, "shop", &body).expect(status);
    }
    let dev = make(&admin, "shop", &json!({"name": "dev", "parent_branch": "", "safe_migrations": true}))
        .expect(201);
    let id = dev.str("/id").to_owned();
    assert_eq!(dev.str("/parent_branch"), "main");
    let own = branch(&admin, "shop", "dev");
    assert_eq!(admin.get(&branch(&admin, "shop", &id)).expect(200).str("/name"), "dev", "by its id, at once");
    assert_eq!(make(&admin, "shop", &json!({"name": "dev"})).expect(422).str("/message"), TAKEN);
    assert_eq!(make(&admin, "shop", &json!({ "name": id })).expect(422).str("/message"), TAKEN);
    bough.wait_branch("shop", "dev");

    let schema = admin.get(&format!("{own}/schema")).expect(200);
    assert_eq!((schema.data().len(), schema.str("/data/0/name")), (1, "tags"));
    let (raw, html) = (schema.str("/data/0/raw"), schema.str("/data/0/html"));
    assert!(raw.starts_with("CREATE TABLE") && raw.contains("<b>&"), "{raw}");
    assert!(html.contains("&lt;b&gt;&amp;") && html.contains("<span") && !html.contains("<b>"), "{html}");

    make(&admin, "shop", &json!({"name": "child", "parent_branch": "dev"})).expect(201);
    for (query, expected) in [
        ("", &["child", "dev", "main"][..]),
        ("?order=asc", &["main", "dev", "child"]),
        ("?order=desc&per_page=2", &["child", "dev"]),
        ("?production=true", &["main"]),
        ("?production=false", &["child", "dev"]),
        ("?safe_migrations=true", &["dev"]),
        ("?safe_migrations=false&production=false", &["child"]),
        ("?q=ai", &["main"]),
        ("?q=%25", &[]),
        ("?page=7", &[]),
    ] {
        assert_eq!(names(&admin.get(&format!("{path}{query}")).expect(200)), expected, "{query}");
    }
    for wrong in ["order=up", "production=maybe", "safe_migrations=2", "page=0", "per_page=-1"] {
        admin.get(&format!("{path}?{wrong}")).expect(400);
    }

    assert_eq!(admin.patch(&own, &json!({"new_name": "main"})).expect(422).str("/message"), TAKEN);
    for name in wrong_names() {
        admin.patch(&own, &json!({ "new_name": name })).expect(422);
    }
    let renamed = admin.patch(&own, &json!({"new_name": "work"})).expect(200);
    assert_eq!((renamed.str("/name"), renamed.str("/id")), ("work", &*id));
    admin.get(&own).expect(404);
    assert_eq!(admin.get(&branch(&admin, "shop", &id)).expect(200).str("/name"), "work");
    assert_eq!(admin.get(&branch(&admin, "shop", "child")).expect(200).str("/parent_branch"), "work");

    let safe = format!("{}/safe-migrations", branch(&admin, "shop", "work"));
    assert_eq!(
        admin.put(&safe, &json!({"safe_migrations": false})).expect(200).json["safe_migrations"],
        json!(false)
    );
    assert_eq!(admin.send("POST", &safe, &[], None).expect(200).json["safe_migrations"], json!(true));
    assert_eq!(admin.delete(&safe).expect(200).json["safe_migrations"], json!(false));
    admin.put(&safe, &json!({})).expect(400);
    classes(&bough);
    deletions(&bough);
}

/// Promoting and demoting change at once what a token may do.
fn classes(bough: &Bough) {
    let admin = bough.admin();
    let cleaner = bough.client(&bough.token(&[("shop", &["delete_branch"])]));
    let promote = |name: &str| admin.post(&format!("{}/promote", branch(&admin, "shop", name)), &json!({}));
    let demote = |name: &str| admin.post(&format!("{}/demote", branch(&admin, "shop", name)), &json!({}));
    assert!(demote("main").expect(422).str("/message").contains("last production branch"));
    make(&admin, "shop", &json!({"name": "one"})).expect(201);
    assert_eq!(promote("one").expect(200).json["production"], json!(true));
    promote("one").expect(200);
    let refused = cleaner.delete(&branch(&cleaner, "shop", "one")).expect(403);
    assert!(refused.str("/message").contains("delete_production_branch"), "{}", refused.text);
    assert_eq!(
        demote("main").expect(200).json["production"],
        json!(false),
        "the default need not be production"
    );
    demote("one").expect(422);
    promote("main").expect(200);
    assert_eq!(demote("one").expect(200).json["production"], json!(false));
    demote("one").expect(200);
    cleaner.delete(&branch(&cleaner, "shop", "one")).expect(204);
    cleaner.delete(&branch(&cleaner, "shop", "one")).expect(404);
}

/// From `main`, `work` (of main) and `child` (of work) to nothing.
fn deletions(bough: &Bough) {
    let admin = bough.admin();
    let cleaner = bough.client(&bough.token(&[("shop", &["delete_branch"])]));
    let at = |name: &str| branch(&admin, "shop", name);
    let left =
        |expected: &[&str]| assert_eq!(names(&admin.get(&branches(&admin, "shop")).expect(200)), expected);
    let refused = |path: &str, says: &str| {
        let answer = admin.delete(path).expect(422);
        assert!(answer.str("/message").contains(says), "{path}: {}", answer.text);
    };
    let with_descendants = format!("{}?delete_descendants=true", at("work"));
    refused(&at("work"), "child");
    admin.delete(&format!("{}?delete_descendants=maybe", at("work"))).expect(400);
    admin.patch(&at("child"), &json!({"deletion_protected": true})).expect(200);
    refused(&with_descendants, "child is protected");
    refused(&at("child"), "protected");
    admin.patch(&at("child"), &json!({"deletion_protected": false})).expect(200);
    admin.post(&format!("{}/promote", at("child")), &json!({})).expect(200);
    assert!(
        cleaner.delete(&with_descendants).expect(403).str("/message").contains("delete_production_branch")
    );
    left(&["child", "work", "main"]);
    admin.post(&format!("{}/demote", at("child")), &json!({})).expect(200);
    make(&admin, "shop", &json!({"name": "grand", "parent_branch": "child"})).expect(201);
    cleaner.delete(&with_descendants).expect(204);
    left(&["main"]);

    for name in ["one", "two"] {
        make(&admin, "shop", &json!({ "name": name })).expect(201);
    }
    refused(&at("main"), "one");
    let shop = database(&admin, "shop");
    assert_eq!(
        admin.patch(&shop, &json!({"default_branch": "two"})).expect(200).str("/default_branch"),
        "two"
    );
    refused(&at("two"), "is the default branch");
    admin.post(&format!("{}/promote", at("one")), &json!({})).expect(200);
    admin.post(&format!("{}/demote", at("main")), &json!({})).expect(200);
    refused(&at("one"), "at least one production branch");
    admin.post(&format!("{}/promote", at("main")), &json!({})).expect(200);
    admin.patch(&shop, &json!({"default_branch": "main"})).expect(200);
    admin.delete(&at("one")).expect(204);
    admin.delete(&at("two")).expect(204);

    admin.patch(&shop, &json!({"deletion_protected": true})).expect(200);
    refused(&at("main"), "database is protected");
    admin.patch(&shop, &json!({"deletion_protected": false})).expect(200);
    cleaner.delete(&branch(&cleaner, "shop", "main")).expect(403);
    let remover = bough.client(&bough.token(&[("shop", &["delete_production_branch"])]));
    remover.delete(&branch(&remover, "shop", "main")).expect(204);
    admin.get(&shop).expect(404);
}

#[test]
fn the_limit_of_development_branches() {
    let env = vec![("BOUGH_LIMITS_DEVELOPMENT_BRANCHES".to_owned(), "2".to_owned())];
    let bough = Bough::start_with(BOUGH, Options { env, ..Options::default() });
    let admin = bough.admin();
    let at_limit =
        || admin.get(&database(&admin, "shop")).expect(200).json["at_development_branch_usage_limit"].clone();
    make(&admin, "shop", &json!({"name": "one", "create_database_if_missing": true})).expect(201);
    assert_eq!(at_limit(), json!(false));
    make(&admin, "shop", &json!({"name": "two"})).expect(201);
    assert_eq!(at_limit(), json!(true));
    let refused = make(&admin, "shop", &json!({"name": "three"})).expect(422);
    assert!(refused.str("/message").contains("limit"), "{}", refused.text);
    admin.post(&format!("{}/promote", branch(&admin, "shop", "one")), &json!({})).expect(200);
    make(&admin, "shop", &json!({"name": "three"})).expect(201);
    make(&admin, "shop", &json!({"name": "four"})).expect(422);
    admin.delete(&branch(&admin, "shop", "two")).expect(204);
    make(&admin, "shop", &json!({"name": "two"})).expect(201);
}
