//! The lint of a branch's schema through the front door, and what it guards: promoting, enabling safe
//! migrations. What it finds in which definition is `crates/schema/tests/lint.rs`.

use bough_testkit::{Answer, Bough, Client};
use serde_json::json;

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");

/// One thing wrong of every kind that a server lets happen.
const UNFIT: &str = "
    CREATE TABLE logs (line VARCHAR(99), at DATETIME);
    CREATE TABLE texts (body TEXT, PRIMARY KEY (body(20)));
    CREATE TABLE mails (address VARCHAR(99), PRIMARY KEY (address(10)));
    CREATE TABLE old (id INT PRIMARY KEY, a VARCHAR(9) CHARACTER SET utf16) ENGINE=Aria;
    CREATE TABLE parts (id INT PRIMARY KEY) PARTITION BY LIST (id) (PARTITION p0 VALUES IN (1), PARTITION p1 DEFAULT);
    SET sql_mode = '';
    CREATE TABLE twice (id INT PRIMARY KEY, e ENUM('a', 'b', 'A'));
    CREATE TABLE emoji (id INT PRIMARY KEY, e ENUM('😀', '🎉'));
    SET foreign_key_checks = 0;
    CREATE TABLE eggs (id INT PRIMARY KEY, hen INT, FOREIGN KEY (hen) REFERENCES hens (id));
    CREATE TABLE hens (id INT PRIMARY KEY, egg INT, FOREIGN KEY (egg) REFERENCES eggs (id));
    CREATE TABLE omelettes (id INT PRIMARY KEY, egg INT, FOREIGN KEY (egg) REFERENCES eggs (id));
    CREATE TABLE lost (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES nowhere (id));
    CREATE TABLE gone (id INT PRIMARY KEY, a INT);
    CREATE VIEW of_table AS SELECT id FROM gone;
    DROP TABLE gone;
    CREATE TABLE shrunk (id INT PRIMARY KEY, a INT);
    CREATE VIEW of_column AS SELECT id, a FROM shrunk;
    ALTER TABLE shrunk DROP COLUMN a;
    CREATE FUNCTION one() RETURNS INT RETURN 1;
    CREATE VIEW of_function AS SELECT one() AS one;
    DROP FUNCTION one;
";

const MENDING: &str = "
    ALTER TABLE logs ADD COLUMN id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY;
    ALTER TABLE texts DROP PRIMARY KEY, ADD COLUMN id INT PRIMARY KEY;
    ALTER TABLE mails DROP PRIMARY KEY, ADD PRIMARY KEY (address);
    ALTER TABLE old ENGINE=InnoDB, MODIFY a VARCHAR(9) CHARACTER SET utf8mb4;
    ALTER TABLE parts REMOVE PARTITIONING;
    ALTER TABLE twice MODIFY e ENUM('a', 'b');
    ALTER TABLE hens DROP FOREIGN KEY hens_ibfk_1;
    CREATE TABLE nowhere (id INT PRIMARY KEY);
    CREATE TABLE gone (id INT PRIMARY KEY);
    ALTER TABLE shrunk ADD COLUMN a INT;
    DROP VIEW of_function;
";

fn branch(client: &Client, name: &str) -> String {
    client.org(&format!("/databases/shop/branches/{name}"))
}

fn lint(client: &Client, name: &str, query: &str) -> Answer {
    client.get(&format!("{}/schema/lint{query}", branch(client, name))).expect(200)
}

fn found(answer: &Answer) -> Vec<(&str, &str)> {
    answer
        .data()
        .iter()
        .map(|row| (row["table_name"].as_str().expect("a name"), row["lint_error"].as_str().expect("a code")))
        .collect()
}

#[test]
fn a_schema_is_mended_then_safe_migrations_are_enabled_and_it_is_promoted() {
    let bough = Bough::start(BOUGH);
    bough.database("shop");
    let admin = bough.admin();
    admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(201);
    // Not ready yet, maybe: it is waited for, and an empty schema has no findings.
    let safe = format!("{}/safe-migrations", branch(&admin, "dev"));
    assert_eq!(admin.send("POST", &safe, &[], None).expect(200).json["safe_migrations"], json!(true));
    let clean = lint(&admin, "dev", "");
    assert_eq!((clean.json["data"].clone(), clean.json["total_count"].clone()), (json!([]), json!(0)));
    admin.delete(&safe).expect(200);

    bough.sql("shop", "dev", UNFIT);
    let unfit = lint(&admin, "dev", "?per_page=100");
    assert_eq!(
        found(&unfit),
        [
            ("eggs", "FOREIGN_KEYS_CIRCULAR_DEPENDENCY"),
            ("hens", "FOREIGN_KEYS_CIRCULAR_DEPENDENCY"),
            ("logs", "NO_UNIQUE_KEY"),
            ("lost", "FOREIGN_KEYS_NONEXISTENT_TABLE"),
            ("mails", "PARTIAL_KEY_IN_UNIQUE_KEY"),
            ("of_column", "INVALID_COLUMN_REFERENCED_IN_VIEW"),
            ("of_function", "UNSPECIFIED"),
            ("of_table", "INVALID_TABLE_REFERENCED_IN_VIEW"),
            ("old", "INVALID_CHARSET"),
            ("old", "UNSUPPORTED_FEATURE"),
            ("omelettes", "FOREIGN_KEYS_UNRESOLVED"),
            ("parts", "UNSUPPORTED_PARTITIONING_FEATURE"),
            ("texts", "BLOB_IN_UNIQUE_KEY"),
            ("twice", "DUPLICATE_ENUM_VALUE"),
        ]
    );
    shape(&bough, &admin, &unfit);
    refused(&bough, &admin);

    bough.sql("shop", "dev", MENDING);
    assert_eq!(lint(&admin, "dev", "").json["data"], json!([]), "all is mended");
    assert_eq!(
        admin.put(&safe, &json!({"safe_migrations": true})).expect(200).json["safe_migrations"],
        json!(true)
    );
    let promote = format!("{}/promote", branch(&admin, "dev"));
    assert_eq!(admin.send("POST", &promote, &[], None).expect(200).json["production"], json!(true));
}

/// Every field of the contract, and pages.
fn shape(bough: &Bough, admin: &Client, unfit: &Answer) {
    let row = unfit.data().iter().find(|row| row["table_name"] == json!("lost")).expect("a finding");
    let empty = |key: &str| row[key] == json!("");
    for key in ["column_name", "charset_name", "engine_name", "vindex_name", "json_path", "enum_value"] {
        assert!(empty(key), "{key} in {row}");
    }
    for key in ["check_constraint_name", "partitioning_type", "partition_name"] {
        assert!(empty(key), "{key} in {row}");
    }
    assert_eq!(row["type"], json!("SchemaLintError"));
    assert_eq!((&row["keyspace_name"], &row["subject_type"]), (&json!("shop"), &json!("table")));
    assert_eq!(row["foreign_key_column_names"], json!(["a"]));
    assert_eq!(row["auto_increment_column_names"], json!([]));
    let text = |key: &str| row[key].as_str().expect("a text").to_owned();
    assert!(text("error_description").contains("nowhere"), "{row}");
    // Where each code is explained, to everybody.
    assert!(text("docs_url").ends_with("/docs/schema-lint#FOREIGN_KEYS_NONEXISTENT_TABLE"), "{row}");
    let explained = bough.anonymous().get("/docs/schema-lint").expect(200).text;
    for row in unfit.data() {
        let url = row["docs_url"].as_str().expect("an address");
        let (page, code) = url.split_once('#').expect("a place on the page");
        assert!(page.starts_with("http://") && page.ends_with("/docs/schema-lint"), "{url}");
        assert!(explained.contains(&format!("<h2 id=\"{code}\"")), "{code}");
    }

    let page = lint(admin, "dev", "?per_page=5&page=3");
    assert_eq!(found(&page), found(unfit)[10..]);
    assert_eq!((&page.json["total_count"], &page.json["next_page"]), (&json!(14), &json!(null)));
    assert_eq!(page.json["prev_page"], json!(2));
    assert_eq!(lint(admin, "dev", "?page=4000000000&per_page=100").json["data"], json!([]));
    admin.get(&format!("{}/schema/lint?page=0", branch(admin, "dev"))).expect(400);
}

/// Nothing is done to a branch whose schema has findings, in whatever way it is asked for.
fn refused(bough: &Bough, admin: &Client) {
    let dev = branch(admin, "dev");
    let (safe, promote) = (format!("{dev}/safe-migrations"), format!("{dev}/promote"));
    let before = admin.get(&dev).expect(200).json;
    let on = json!({"safe_migrations": true});
    for answer in [
        admin.send("POST", &safe, &[], None),
        admin.put(&safe, &on),
        admin.send("POST", &promote, &[], None),
        admin.post(
            &admin.org("/databases/shop/branches"),
            &json!({"name": "child", "parent_branch": "dev", "safe_migrations": true}),
        ),
    ] {
        let answer = answer.expect(422);
        // The word on which the official client fetches the lint.
        assert_eq!(answer.str("/code"), "unprocessable", "{}", answer.text);
        let message = answer.str("/message");
        assert!(message.contains("14 findings"), "{message}");
        assert!(message.contains("FOREIGN_KEYS_CIRCULAR_DEPENDENCY in \"eggs\""), "{message}");
        assert!(message.contains("and 9 more") && message.contains("schema/lint"), "{message}");
    }
    assert_eq!(admin.get(&dev).expect(200).json, before, "nothing changed");
    assert_eq!(admin.get(&branch(admin, "child")).status, 404);
    // What is so already is not looked at.
    admin.put(&safe, &json!({"safe_migrations": false})).expect(200);
    admin.delete(&safe).expect(200);
    admin.send("POST", &format!("{}/promote", branch(admin, "main")), &[], None).expect(200);

    // Who may not know of the branch learns nothing of its schema; and reading does not make one able to.
    let stranger = bough.client(&bough.token(&[("", &["read_organization"])]));
    let absent = |path: &str| stranger.get(&stranger.org(path)).expect(404).text;
    assert_eq!(
        absent("/databases/shop/branches/dev/schema/lint"),
        absent("/databases/shop/branches/none/schema/lint")
    );
    let reader = bough.client(&bough.token(&[("shop", &["read_branch"])]));
    assert_eq!(lint(&reader, "dev", "").json["total_count"], json!(14));
    let told = reader.send("POST", &promote, &[], None).expect(403);
    assert!(!told.text.contains("eggs"), "{}", told.text);
    let wanting = bough.client(&bough.token(&[("shop", &["promote_branches"])]));
    wanting.get(&format!("{dev}/schema/lint")).expect(404);
}

#[test]
fn foreign_keys_are_allowed_or_not_by_the_databases_setting() {
    let bough = Bough::start(BOUGH);
    bough.database("shop");
    let admin = bough.admin();
    bough.sql(
        "shop",
        "main",
        "CREATE TABLE a (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES a (id) ON DELETE SET NULL)",
    );
    let database = admin.org("/databases/shop");
    let safe = format!("{}/safe-migrations", branch(&admin, "main"));
    admin.patch(&database, &json!({"allow_foreign_key_constraints": false})).expect(200);
    let unfit = lint(&admin, "main", "");
    assert_eq!(found(&unfit), [("a", "FOREIGN_KEYS_DISALLOWED")]);
    let description = unfit.str("/data/0/error_description");
    assert!(description.contains("allow_foreign_key_constraints"), "{description}");
    admin.send("POST", &safe, &[], None).expect(422);
    admin.patch(&database, &json!({"allow_foreign_key_constraints": true})).expect(200);
    assert_eq!(lint(&admin, "main", "").json["data"], json!([]));
    admin.send("POST", &safe, &[], None).expect(200);
}

/// A server that does not answer is no clean schema.
#[test]
fn what_cannot_be_read_is_not_taken_for_clean() {
    let bough = Bough::start(BOUGH);
    bough.database("shop");
    let admin = bough.admin();
    let id = admin.get(&branch(&admin, "main")).expect(200).str("/id").to_owned();
    let folder = bough.data_dir().join("engine/branches").join(id);
    std::fs::rename(folder.join("mysql.sock"), folder.join("away.sock")).expect("the socket is moved");
    let lint_path = format!("{}/schema/lint", branch(&admin, "main"));
    let away = admin.get(&lint_path).expect(503);
    assert!(away.str("/message").contains("cannot be read"), "{}", away.text);
    std::fs::rename(folder.join("away.sock"), folder.join("mysql.sock")).expect("it is put back");
    admin.get(&lint_path).expect(200);
}
