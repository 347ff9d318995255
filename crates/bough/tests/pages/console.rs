//! The console of a branch: what is run, as whom, what is shown of it, and what ends it.

use std::time::Duration;

use bough_testkit::{Bough, Options, wait_until};
use serde_json::{Value, json};

use crate::support::*;

/// Longest wait for what others see.
const LIMIT: Duration = Duration::from_secs(30);
/// How much more memory bounded reading may take, in KiB: what is read, several times over.
const GROWTH_MAX_KIB: u64 = 128 * 1024;
const DEV: &str = "/acme/shop/dev/console";
const MAIN: &str = "/acme/shop/main/console";
/// Runs until it is ended.
const LONG: &str = "SELECT SLEEP(1000)";

fn shop_with(env: &[(&str, &str)]) -> Bough {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let options = Options { password: Some(PASSWORD.to_owned()), env, ..Options::default() };
    let bough = Bough::start_with(BOUGH, options);
    bough.database("shop");
    let admin = bough.admin();
    admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(201);
    bough.wait_branch("shop", "dev");
    bough
}

fn shop() -> Bough {
    shop_with(&[])
}

/// Runs something in the console as it is shown to a browser.
#[track_caller]
fn run(who: &Browser, console: &str, role: &str, statement: &str) -> Shown {
    let page = who.get(console).expect(200);
    who.submit(&page, console, &[("role", role), ("statement", statement)])
}

#[track_caller]
fn answered(who: &Browser, role: &str, statement: &str) -> Shown {
    run(who, DEV, role, statement).expect(200)
}

/// Runs of somebody on a branch, as he sees them.
fn running(who: &Browser, console: &str) -> usize {
    who.get(console).expect(200).html().matches("Cancel<span").count()
}

#[track_caller]
fn wait_running(who: &Browser, console: &str, wanted: usize) {
    wait_until(LIMIT, "the runs that there are", || (running(who, console) == wanted).then_some(()));
}

/// Sessions that run something on the branch's server, as the API tells them.
fn sessions(bough: &Bough) -> usize {
    let told = bough.sql(
        "shop",
        "dev",
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER LIKE 'planetscale%' AND COMMAND <> 'Sleep'",
    );
    told.parse().expect("a number")
}

#[track_caller]
fn wait_sessions(bough: &Bough, wanted: usize) {
    wait_until(LIMIT, "the sessions that there are", || (sessions(bough) == wanted).then_some(()));
}

#[test]
fn what_is_run_is_shown_as_it_is() {
    let bough = shop();
    let ada = ada(&bough);
    ada.get("/acme/shop/dev").expect(200).says(&["Console"]);
    let page =
        ada.get(DEV).expect(200).says(&["Console of dev", "Run as", "Read only", "At most 30 s for a run"]);
    // Reading is what is chosen at first.
    assert!(page.form(DEV).contains(&("role".to_owned(), "reader".to_owned())));

    let made = answered(
        &ada,
        "admin",
        "CREATE TABLE people (id INT PRIMARY KEY AUTO_INCREMENT, name TEXT, photo BLOB, tall DOUBLE)",
    );
    made.says(&["Done, no rows changed", "as administrator"]);
    let hostile = "<script>alert(1)</script> \"'&amp; {{7*7}} \u{202e}rtl \u{1}";
    let insert = format!(
        "INSERT INTO people (name, photo, tall) VALUES ('{}', X'00FF41', 1.5), (NULL, NULL, -2), ('', X'', 0)",
        hostile.replace('\'', "''")
    );
    answered(&ada, "readwriter", &insert).says(&[
        "3 rows changed",
        "the first new number is 1",
        "Records: 3",
    ]);
    let shown = answered(&ada, "reader", "SELECT * FROM people ORDER BY id");
    assert!(!shown.html().contains("<script>alert"), "{}", shown.html());
    let shown = shown.says(&[
        "3 rows",
        "<script>alert(1)</script> \"'&amp; {{7*7}} \u{fffd}rtl ␁",
        "0x00FF41",
        "NULL",
        "-2",
        "as read only",
    ]);
    // What was written stays in the form, with the role.
    let form = shown.form(DEV);
    assert!(
        form.contains(&("statement".to_owned(), "SELECT * FROM people ORDER BY id".to_owned())),
        "{form:?}"
    );
    assert!(form.contains(&("role".to_owned(), "reader".to_owned())));
    let html = shown.html();
    for part in [
        "<caption>3 rows</caption>",
        "<th scope=\"col\" class=\"num\"><bdi>id</bdi>",
        "<th scope=\"row\">1</th>",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }

    // Several statements are one session: what is not committed is gone with it.
    let several = answered(
        &ada,
        "readwriter",
        "SET @of = 7;\nSTART TRANSACTION;\r\nUPDATE people SET tall = @of;\nSELECT SUM(tall) FROM people;",
    );
    several.says(&["Result 3: 3 rows changed", "Rows matched: 3", "Result 4: 1 row", "21"]);
    answered(&ada, "reader", "SELECT SUM(tall), @of IS NULL AS fresh FROM people")
        .says(&["-0.5"])
        .does_not_say(&["21"]);
    answered(&ada, "reader", "USE information_schema; SELECT DATABASE()").says(&["information_schema"]);
    answered(&ada, "reader", "SELECT DATABASE()").says(&["shop"]).does_not_say(&["information_schema"]);

    // Long values, many columns, and none.
    answered(&ada, "reader", "SELECT REPEAT('ab', 1000000) AS long_one").says(&["The first 4 kB of 1.9 MB."]);
    answered(&ada, "reader", "SELECT 1 FROM people WHERE FALSE").says(&["No rows"]);
    let columns: Vec<String> = (0..300).map(|number| format!("{number} AS c{number}")).collect();
    answered(&ada, "reader", &format!("SELECT {}", columns.join(", "))).says(&["c299"]);
    answered(&ada, "readwriter", "UPDATE people SET tall = 1 WHERE id = 1; SELECT CAST('1x' AS INT) AS n")
        .says(&["Warnings of the last statement", "1292", "Truncated incorrect INTEGER value"]);
    // A routine may answer several times.
    answered(&ada, "admin", "CREATE PROCEDURE twice() BEGIN SELECT 'one'; SELECT 'two'; END");
    answered(&ada, "readwriter", "CALL twice()").says(&["Result 1: 1 row", "one", "Result 2: 1 row", "two"]);
}

#[test]
fn errors_say_where_they_are_and_keep_what_was_written() {
    let bough = shop();
    let ada = ada(&bough);
    let wrong = "SELECT 'ü',\n  1 FORM dual\nLIMIT <b>";
    let shown = answered(&ada, "reader", wrong);
    let shown = shown.says(&["Error 1064 (42000)", "Line 2, column 10:", "Not done, after"]);
    assert!(shown.html().contains("1 FORM <mark>dual</mark>"), "{}", shown.html());
    assert!(shown.html().contains("data-console-place=\"21 25\""), "{}", shown.html());
    assert!(shown.form(DEV).contains(&("statement".to_owned(), wrong.to_owned())));
    assert!(!shown.html().contains("LIMIT <b>"));
    answered(&ada, "reader", "SELECT 1;\n SELECT 2;\n SELEC 3")
        .says(&["Result 2: 1 row", "Line 3, column 2:"]);
    answered(&ada, "reader", "SELECT 1 FROM").says(&["Line 1, column 14:"]);
    answered(&ada, "reader", "SELECT nothing_like_this").says(&["Error 1054 (42S22)", "Line 1, column 8:"]);
    answered(&ada, "reader", "SELECT 1 FROM shop.absent").says(&["Error 1146 (42S02)", "Line 1, column 20:"]);
    answered(&ada, "reader", "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '<i>own</i>', MYSQL_ERRNO = 3000")
        .says(&["Error 3000 (45000): <i>own</i>"]);

    // What is refused before anything is run.
    let page = ada.get(DEV);
    for (role, text, said) in [
        ("reader", " ;\n; ", "Write a statement first."),
        ("emperor", "SELECT 1", "must be one of reader, readwriter, admin"),
        ("writer", "SELECT 1", "must be one of reader, readwriter, admin"),
        ("reader", &"x".repeat(17_000), "The text is 17000 bytes long"),
    ] {
        let kept = ada.submit(&page, DEV, &[("role", role), ("statement", text)]).expect(422);
        kept.says(&[said]);
    }
    for run in ["", "x", "../../../etc", "ABCDEFGHIJKL"] {
        let fields = [("statement", "SELECT 1"), ("role", "reader"), ("run", run)];
        ada.submit(&page, DEV, &fields).expect(400);
    }
}

#[test]
fn each_role_does_what_its_account_may_and_no_more() {
    let bough = shop();
    bough.sql("shop", "dev", "CREATE TABLE kept (id INT PRIMARY KEY); INSERT INTO kept VALUES (7)");
    let ada = ada(&bough);
    for statement in [
        "INSERT INTO kept VALUES (8)",
        "UPDATE kept SET id = 8",
        "DELETE FROM kept",
        "TRUNCATE kept",
        "DROP TABLE kept",
        "CREATE TABLE more (id INT)",
        "CREATE TEMPORARY TABLE more (id INT)",
        "SET SESSION transaction_read_only = 0; START TRANSACTION READ WRITE; DELETE FROM kept; COMMIT",
        "EXECUTE IMMEDIATE 'DELETE FROM kept'",
        "LOCK TABLES kept WRITE",
        "SET GLOBAL max_connections = 1",
        "SET PASSWORD = PASSWORD('x')",
        "SELECT * FROM mysql.global_priv",
        "SELECT 1 INTO OUTFILE '/tmp/bough-console-was-here'",
        "SET ROLE admin",
    ] {
        answered(&ada, "reader", statement).says(&["Not done", "Error 1"]);
    }
    // A client's own file is nobody's here.
    let loaded = answered(&ada, "admin", "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE kept");
    assert!(!loaded.text().contains("root:"), "{}", loaded.text());
    answered(&ada, "readwriter", "CREATE TABLE more (id INT)").says(&["Error 1142"]);
    answered(&ada, "admin", "KILL 1; SHUTDOWN").says(&["Not done"]);
    assert_eq!(bough.sql("shop", "dev", "SELECT id FROM kept; SHOW TABLES"), "7\nkept");

    // Safe migrations: the same words as for every client.
    let admin = bough.admin();
    admin.post(&admin.org("/databases/shop/branches/dev/safe-migrations"), &json!({})).expect(200);
    bough.wait_branch("shop", "dev");
    for statement in [
        "CREATE TABLE more (id INT PRIMARY KEY)",
        "DROP TABLE kept",
        "EXECUTE IMMEDIATE 'ALTER TABLE kept ADD x INT'",
    ] {
        answered(&ada, "admin", statement).says(&["Error 1105 (HY000): direct DDL is disabled"]);
    }
    answered(&ada, "admin", "CREATE TEMPORARY TABLE more (id INT)").says(&["Done"]);
    answered(&ada, "reader", "DELETE FROM kept").says(&["Error 1142", "Another role may be allowed to"]);
}

#[test]
fn production_is_closed_until_the_setting_is_on_and_opens_to_whom_a_password_would() {
    let bough = shop();
    let ada = ada(&bough);
    let mel = signed_in(&bough, "mel@example.com", "Mel", "member");
    let ann = signed_in(&bough, "ann@example.com", "Ann", "analyst");
    for who in [&ada, &mel, &ann] {
        let page = who
            .get(MAIN)
            .expect(200)
            .says(&["The console is off on production branches", "Web console on production branches"]);
        assert!(page.html().contains("href=\"/acme/shop/settings\""));
        assert!(page.html().contains("data-console-run disabled"));
    }
    run(&ada, MAIN, "reader", "SELECT 1").expect(403).says(&["The console is off", "settings"]);
    let settings = ada.get("/acme/shop/settings").expect(200);
    let on = [("production_branch_web_console", "on")];
    ada.submit(&settings, "/acme/shop/settings", &on).expect(303);
    run(&ada, MAIN, "admin", "CREATE TABLE seen (id INT PRIMARY KEY)").expect(200).says(&["Done"]);
    run(&ada, MAIN, "reader", "SELECT 41 + 1").expect(200).says(&["42"]);
    // An analyst reads, a member does nothing.
    let page =
        ann.get(MAIN).expect(200).says(&["connect_production_branch"]).does_not_say(&["The console is off"]);
    assert!(page.html().contains("<option value=\"admin\" disabled"));
    run(&ann, MAIN, "reader", "SELECT 41 + 1").expect(200).says(&["42"]);
    run(&ann, MAIN, "reader", "DELETE FROM seen").expect(200).says(&["Error 1142"]);
    run(&ann, MAIN, "admin", "SELECT 1").expect(403).says(&["connect_production_branch"]);
    run(&ann, MAIN, "readwriter", "SELECT 1").expect(403);
    assert!(mel.get(MAIN).expect(200).html().contains("data-console-run disabled"));
    run(&mel, MAIN, "reader", "SELECT 1").expect(403).says(&["connect_production_branch"]);
    run(&mel, DEV, "admin", "SELECT 41 + 1").expect(200).says(&["42"]);
    // Nobody sees it of another organization.
    bough.foreign("globex");
    person(&bough, "zoe@example.com", "Zoe");
    member(&bough, "zoe@example.com", "globex", "admin");
    let zoe = Browser::new(&bough);
    zoe.log_in("zoe@example.com", PASSWORD);
    zoe.get(DEV).expect(404);
    let csrf = zoe.csrf();
    let sent = |address: &str, fields: &[(&str, &str)]| {
        zoe.post(address, &filled(vec![("csrf".to_owned(), csrf.clone())], fields)).expect(404);
    };
    sent(DEV, &[("role", "reader"), ("statement", "SELECT 1"), ("run", "aaaaaaaaaaaa")]);
    sent(&format!("{DEV}/cancel"), &[("run", "aaaaaaaaaaaa")]);
    // Off again.
    let settings = ada.get("/acme/shop/settings").expect(200);
    ada.submit(&settings, "/acme/shop/settings", &[("production_branch_web_console", "off")]).expect(303);
    run(&ada, MAIN, "reader", "SELECT 1").expect(403);
}

/// Reading is bounded, whatever a statement answers, and so is the memory for it.
#[test]
fn what_is_too_much_is_not_read() {
    let bough = shop();
    let ada = ada(&bough);
    answered(&ada, "reader", "SELECT 1");
    let before = bough.resident_kib();
    let shown = answered(&ada, "reader", "SELECT seq, REPEAT('x', 40) FROM seq_1_to_10000000");
    let shown = shown.says(&[
        "The first 1,000 rows",
        "Only the first 1,000 rows are shown",
        "narrow it down with WHERE",
    ]);
    shown.does_not_say(&["is undone"]);
    wait_sessions(&bough, 0);
    answered(&ada, "reader", "SELECT seq FROM seq_1_to_1000")
        .says(&["1,000 rows"])
        .does_not_say(&["Only the first"]);
    answered(&ada, "reader", "SELECT REPEAT('x', 4000) FROM seq_1_to_1000").says(&["as fit into 1 MB"]);
    answered(&ada, "reader", "SELECT LENGTH(SHA2(seq, 256)), REPEAT('x', 6000000) FROM seq_1_to_900")
        .says(&["as fit into 1 MB"]);
    answered(&ada, "reader", "SELECT REPEAT('x', 9000000)").says(&["A row is larger than 8 MB"]);
    // What changes something is read to its end, and so is what comes after.
    let fill = "INSERT INTO kept SELECT seq FROM seq_1_to_5000";
    bough.sql("shop", "dev", &format!("CREATE TABLE kept (id INT PRIMARY KEY); {fill}"));
    let all = "DELETE FROM kept RETURNING id; CREATE TABLE after_it (id INT)";
    answered(&ada, "admin", all)
        .says(&["The first 1,000 of 5,000 rows", "Only the first 1,000 rows are shown"]);
    assert_eq!(bough.sql("shop", "dev", "SELECT COUNT(*) FROM kept; SHOW TABLES"), "0\nafter_it\nkept");
    // Unless it is far too much: then it is undone.
    bough.sql("shop", "dev", fill);
    let cut = "DELETE FROM kept RETURNING id, REPEAT('x', 50000); DROP TABLE after_it";
    let shown = answered(&ada, "admin", cut);
    shown.says(&["It answers more than 64 MB", "what came after may not have been run", "is undone"]);
    wait_sessions(&bough, 0);
    assert_eq!(bough.sql("shop", "dev", "SELECT COUNT(*) FROM kept; SHOW TABLES"), "5000\nafter_it\nkept");
    let many = "SELECT 1;".repeat(30);
    answered(&ada, "reader", &many).says(&["Result 20: 1 row", "Only the first 20 of 30 results are shown"]);
    // A set that breaks after others had come.
    answered(&ada, "reader", "SELECT 1; SELECT seq FROM seq_1_to_10000000; SELECT 2")
        .says(&["Result 2: The first 1,000 rows", "It answers more than 64 MB"]);
    answered(&ada, "reader", "SELECT 1; SELECT REPEAT('x', 9000000); SELECT 2")
        .says(&["A row is larger than 8 MB"]);
    wait_sessions(&bough, 0);
    let after = bough.resident_kib();
    assert!(after < before + GROWTH_MAX_KIB, "{before} KiB before, {after} KiB after");
}

#[test]
fn what_runs_is_cancelled_by_who_started_it_and_places_are_few() {
    let bough = shop();
    let (ada, mel) = (ada(&bough), signed_in(&bough, "mel@example.com", "Mel", "member"));
    std::thread::scope(|threads| {
        let started = || answered(&ada, "reader", LONG);
        let first = threads.spawn(started);
        wait_running(&ada, DEV, 1);
        let second = threads.spawn(started);
        wait_running(&ada, DEV, 2);
        wait_sessions(&bough, 2);
        // Two for each person.
        run(&ada, DEV, "reader", "SELECT 1")
            .expect(503)
            .says(&["Statements of yours are running already (2 at once may)"]);
        // Others are served, see nothing of it, and end nothing of it.
        answered(&mel, "reader", "SELECT 41 + 1").says(&["42"]);
        assert_eq!(running(&mel, DEV), 0);
        let page = ada.get(DEV);
        let cancel = format!("{DEV}/cancel");
        let own = page.form(&cancel);
        let run_id = own.iter().find(|(name, _)| name == "run").expect("an id").1.clone();
        let others = filled(vec![("csrf".to_owned(), mel.csrf())], &[("run", &run_id)]);
        let nothing = mel.post(&cancel, &others).expect(303);
        mel.follow(&nothing).says(&["It had ended already."]);
        // Nor is it ended from another branch.
        let elsewhere = filled(own.clone(), &[]);
        ada.post(&format!("{MAIN}/cancel"), &elsewhere).expect(303);
        wait_sessions(&bough, 2);
        // The very form that still runs is not run once more.
        let again = filled(ada.get(DEV).form(DEV), &[("statement", "SELECT 1"), ("run", &run_id)]);
        ada.post(DEV, &again).expect(503).says(&["What this page has sent still runs"]);

        let said = ada.post(&cancel, &own).expect(303);
        ada.follow(&said).says(&["It is being ended."]);
        wait_running(&ada, DEV, 1);
        let form = ada.get(DEV).form(&cancel);
        // The script tells of it in the page that it is in, and nothing is left for the next one.
        ada.post_with(&cancel, &form, &[("x-bough-fragment", "console")]).expect(303);
        ada.get(DEV).does_not_say(&["It is being ended."]);
        for run in [first, second] {
            run.join().expect("an answer").says(&["It was cancelled.", "Not done"]);
        }
    });
    wait_sessions(&bough, 0);
    assert_eq!(running(&ada, DEV), 0);
    answered(&ada, "reader", "SELECT 41 + 1").says(&["42"]);
}

#[test]
fn what_nobody_waits_for_takes_too_long_or_is_not_allowed_any_more_is_ended() {
    let bough = shop_with(&[("BOUGH_LIMITS_CONSOLE_RUN_S", "3")]);
    bough.sql("shop", "dev", "CREATE TABLE kept (id INT PRIMARY KEY)");
    let ada = ada(&bough);
    // Its time is over, also when it lifts the server's own limit; what it had begun is undone.
    let slow = "SET max_statement_time = 0; START TRANSACTION; INSERT INTO kept VALUES (1); SELECT SLEEP(1000); COMMIT";
    answered(&ada, "admin", slow).says(&[
        "It took longer than 3 s, and was ended.",
        "is undone",
        "Result 3: 1 row changed",
    ]);
    assert_eq!(bough.sql("shop", "dev", "SELECT COUNT(*) FROM kept"), "0");
    drop(bough);

    let bough = shop();
    let ada = self::ada(&bough);
    // Nobody waits for it any more: the browser has closed its connection.
    let page = ada.get(DEV);
    let fields = encoded(&filled(page.form(DEV), &[("statement", LONG)]));
    let cookies: Vec<String> = ada.jar().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = format!(
        "POST {DEV} HTTP/1.1\r\nhost: bough\r\ncookie: {}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{fields}",
        cookies.join("; "),
        fields.len()
    );
    let address = bough.base().trim_start_matches("http://").to_owned();
    let mut connection = std::net::TcpStream::connect(&address).expect("connected");
    std::io::Write::write_all(&mut connection, request.as_bytes()).expect("sent");
    wait_sessions(&bough, 1);
    drop(connection);
    wait_sessions(&bough, 0);
    wait_running(&ada, DEV, 0);

    // Whoever is removed, or signed out everywhere, runs nothing any more.
    for way in ["remove", "role", "sign out"] {
        let email = format!("{}@example.com", way.replace(' ', "-"));
        let who = signed_in(&bough, &email, "Somebody", "analyst");
        let console = if way == "role" { MAIN } else { DEV };
        if way == "role" {
            let admin = bough.admin();
            let setting = json!({"production_branch_web_console": true});
            admin.patch(&admin.org("/databases/shop"), &setting).expect(200);
        }
        std::thread::scope(|threads| {
            let run = threads.spawn(|| run(&who, console, "reader", LONG));
            wait_running(&who, console, 1);
            let of = ["--organization", &bough.organization, "--json"];
            match way {
                "remove" => drop(bough.run_json(&[&["admin", "member", "remove", &email][..], &of].concat())),
                "role" => {
                    drop(
                        bough.run_json(
                            &[&["admin", "member", "set-role", &email, "member"][..], &of].concat(),
                        ),
                    );
                }
                _ => {
                    let page = who.get("/account").expect(200);
                    who.submit(&page, "/logout", &[]).expect(303);
                }
            }
            let ended = run.join().expect("an answer");
            assert!(matches!(ended.status, 200 | 303 | 404), "{way}: {} {}", ended.status, ended.text());
            assert!(!ended.text().contains("1 row"), "{way}: {}", ended.text());
        });
        wait_sessions(&bough, 0);
    }
    // And nobody, when the setting is taken back.
    let admin = bough.admin();
    std::thread::scope(|threads| {
        let run = threads.spawn(|| run(&ada, MAIN, "reader", LONG).expect(200));
        wait_running(&ada, MAIN, 1);
        let setting = json!({"production_branch_web_console": false});
        admin.patch(&admin.org("/databases/shop"), &setting).expect(200);
        run.join().expect("an answer").says(&["you may not run this here any more"]);
    });
}

#[test]
fn what_is_run_stands_nowhere_and_that_it_was_is_written_down() {
    let bough = shop();
    let ada = ada(&bough);
    let canary = "zqcanaryzq4711";
    answered(&ada, "admin", &format!("CREATE TABLE t (name TEXT); INSERT INTO t VALUES ('{canary}')"));
    answered(&ada, "reader", &format!("SELECT '{canary}' FROM t")).says(&[canary]);
    answered(&ada, "reader", &format!("SELEC '{canary}'")).says(&["Error 1064"]);
    answered(&ada, "reader", &format!("SELECT {canary}")).says(&["Error 1054"]);
    let admin = bough.admin();
    let log = admin.get(&admin.org("/audit-log?per_page=100")).expect(200);
    let used: Vec<&Value> =
        log.data().iter().filter(|entry| entry["audit_action"] == "database_branch.used_console").collect();
    assert_eq!(used.len(), 4, "{}", log.text);
    assert_eq!(used[0]["metadata"], json!({"role": "reader"}));
    assert_eq!(used[3]["metadata"], json!({"role": "admin"}));
    assert_eq!(used[0]["target_display_name"], json!("dev"));
    assert!(!log.text.contains(canary));
    assert!(!bough.log().contains(canary), "{}", bough.log());
    // In no file beside the branch's own data.
    let mut folders = vec![bough.data_dir()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("engine") {
                folders.push(path);
            } else if path.is_file() {
                let bytes = std::fs::read(&path).expect("a file");
                let found = bytes.windows(canary.len()).any(|part| part == canary.as_bytes());
                assert!(!found, "it stands in {}", path.display());
            }
        }
    }
}

#[test]
fn a_branch_that_sleeps_wakes_for_it() {
    let bough = shop();
    let ada = ada(&bough);
    answered(&ada, "admin", "CREATE TABLE kept (id INT PRIMARY KEY); INSERT INTO kept VALUES (7)");
    let admin = bough.admin();
    let path = admin.org("/databases/shop/branches/dev");
    admin.post(&format!("{path}/sleep"), &json!({})).expect(200);
    wait_until(LIMIT, "it sleeps", || (admin.get(&path).json["state"] == "sleeping").then_some(()));
    // Looking at the page wakes nothing.
    ada.get(DEV).expect(200);
    assert_eq!(admin.get(&path).json["state"], "sleeping");
    answered(&ada, "reader", "SELECT id FROM kept").says(&["7", "1 row"]);
}

#[test]
fn the_palette_leads_there() {
    let bough = shop();
    let ada = ada(&bough);
    let found =
        ada.send("GET", "/acme/palette?q=shop%2Fdev+console", &[("accept", "application/json")], None);
    assert_eq!(found.answer.json["results"], json!([{"kind": "console", "name": "shop/dev", "href": DEV}]));
}
