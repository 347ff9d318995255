//! A schema with everything in it, copied and compared with the server's own words.
#![allow(clippy::print_stderr, reason = "figures for whoever runs this by hand")]

mod support;

use std::time::Instant;

use bough_engine::{EngineError, Step};
use bough_model::Desired;
use support::printed::{printed, set_up, without_counters};
use support::{Rig, child_spec, converge, root_spec};

/// Statements that make the schema; `{own}` is Bough's own account.
const RICH: &[&str] = &[
    "ALTER DATABASE `shop_1` CHARACTER SET latin1 COLLATE latin1_swedish_ci COMMENT 'it''s \\\\ here'",
    "CREATE SEQUENCE s START WITH 100 INCREMENT BY 5 CACHE 10",
    "SELECT NEXTVAL(s)",
    "CREATE SEQUENCE `down` START WITH -1 INCREMENT BY -1 MINVALUE -1000 MAXVALUE -1 CYCLE NOCACHE",
    "CREATE TABLE a (id BIGINT NOT NULL DEFAULT NEXTVAL(s) PRIMARY KEY, b_id INT, t TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)",
    "CREATE TABLE b (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, a_id BIGINT, CONSTRAINT `to a` FOREIGN KEY (a_id) REFERENCES a (id) ON DELETE CASCADE) AUTO_INCREMENT = 7",
    "ALTER TABLE a ADD CONSTRAINT `to b` FOREIGN KEY (b_id) REFERENCES b (id) ON UPDATE SET NULL",
    "INSERT INTO b VALUES (NULL, NULL), (41, NULL)",
    "CREATE TABLE `odd ``name`` ü` (`col ``x``` INT COMMENT 'AUTO_INCREMENT=5 '' \\\\ \n new line', `select` VARCHAR(20) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin DEFAULT 'AUTO_INCREMENT=9', KEY `k ü` (`select`(5)) COMMENT ' AUTO_INCREMENT=3') COMMENT ' AUTO_INCREMENT=5 DEFAULT ) x'",
    "CREATE TABLE gen (a INT NOT NULL, b INT AS (a * 2) VIRTUAL, c INT AS (a + 1) PERSISTENT, d JSON, e ENUM('x','y''z') NOT NULL DEFAULT 'x', f SET('p','q'), g GEOMETRY NOT NULL, h BINARY(2) DEFAULT X'FF00', i VARCHAR(9) CHARACTER SET utf8mb4 DEFAULT 'héé', j BIT(3) DEFAULT b'101', k DECIMAL(10,2) UNSIGNED ZEROFILL, l UUID DEFAULT UUID(), m INET6, n INT INVISIBLE DEFAULT 3, CONSTRAINT pos CHECK (a > 0 AND e <> 'AUTO_INCREMENT=4'), UNIQUE KEY u (c DESC), SPATIAL KEY sp (g), FULLTEXT KEY ft (i), KEY ig (a) IGNORED) ROW_FORMAT=DYNAMIC",
    "CREATE TABLE part (id INT NOT NULL, d DATE NOT NULL, PRIMARY KEY (id, d)) PARTITION BY RANGE (YEAR(d)) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN (2000) COMMENT = 'AUTO_INCREMENT=1', PARTITION p1 VALUES LESS THAN MAXVALUE)",
    "CREATE TABLE hist (id INT PRIMARY KEY AUTO_INCREMENT, v INT, p DATE, q DATE, PERIOD FOR app (p, q)) WITH SYSTEM VERSIONING AUTO_INCREMENT=90",
    "CREATE TABLE old (d DATE NOT NULL DEFAULT '0000-00-00', ts TIMESTAMP NULL DEFAULT NULL) ENGINE=Aria TRANSACTIONAL=1 DEFAULT CHARSET=latin1",
    "CREATE TABLE myi (id INT AUTO_INCREMENT, PRIMARY KEY (id)) ENGINE=MyISAM AUTO_INCREMENT=12 PACK_KEYS=1 MAX_ROWS=1000",
    "CREATE TABLE packed (id INT PRIMARY KEY, t TEXT COMPRESSED) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8",
    "CREATE VIEW `z base` AS SELECT id, b_id FROM a",
    "CREATE VIEW `a on z` AS SELECT z.id, b.a_id FROM `z base` z JOIN b ON b.id = z.b_id WITH CASCADED CHECK OPTION",
    "CREATE FUNCTION twice(x INT) RETURNS INT DETERMINISTIC SQL SECURITY INVOKER COMMENT 'it''s' RETURN x * 2",
    "CREATE VIEW `0 calls` AS SELECT twice(id) AS d, 'DEFINER=`x`@`y`' AS e FROM `a on z`",
    "CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW plain AS SELECT 'é' AS e, 1 = 1 OR 0 AS f",
    "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,IGNORE_SPACE'",
    "CREATE DEFINER = \"{own}\"@\"localhost\" PROCEDURE \"p \"\"q\"(IN \"in\" VARCHAR(9), OUT o INT) BEGIN /* AUTO_INCREMENT=1 \\ */ SET @x = 'a\\' || \"in\"; SELECT @x; END",
    "SET sql_mode = 'ORACLE'",
    "CREATE PACKAGE pk AS FUNCTION f RETURN INT; END",
    "CREATE PACKAGE BODY pk AS FUNCTION f RETURN INT AS BEGIN RETURN 1; END; END",
    "SET sql_mode = ''",
    "SET character_set_client = latin1, collation_connection = latin1_german1_ci",
    // PROCEDURE lat: its text holds the byte E9, which is not UTF-8.
    "EXECUTE IMMEDIATE X'4352454154452050524f434544555245206c61742829202f2a20e9202a2f2053454c4543542027e92720415320e9'",
    "SET NAMES utf8mb4",
    "CREATE AGGREGATE FUNCTION agg(x INT) RETURNS INT BEGIN DECLARE s INT DEFAULT 0; DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s; LOOP FETCH GROUP NEXT ROW; SET s = s + x; END LOOP; END",
    "CREATE TRIGGER second BEFORE INSERT ON b FOR EACH ROW SET @a = 2",
    "CREATE TRIGGER first BEFORE INSERT ON b FOR EACH ROW PRECEDES second SET @a = 'DEFINER=`x`@`y` ü'",
    "CREATE TRIGGER third AFTER UPDATE ON `odd ``name`` ü` FOR EACH ROW BEGIN IF NEW.`select` = '''' THEN SET @b = 1; END IF; END",
    "SET time_zone = '+05:30'",
    "CREATE EVENT `e on` ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 10:00:00' DO SET @x = 1",
    "CREATE EVENT `e off` ON SCHEDULE EVERY 2 HOUR STARTS '2020-01-01 10:00:00' ENDS '2037-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE COMMENT 'é' DO BEGIN SELECT 1; SELECT 'ENABLE'; END",
    "CREATE EVENT once ON SCHEDULE AT '2037-06-01 00:00:00' DO DELETE FROM b",
    "SET time_zone = '+00:00'",
    "CREATE DEFINER = someone@'10.%' PROCEDURE theirs() SELECT 'DEFINER=`someone`@`10.%`'",
    "CREATE DEFINER = someone@'10.%' VIEW theirs_v AS SELECT 1 AS one",
    "CREATE DEFINER = someone@'10.%' TRIGGER theirs_t AFTER DELETE ON b FOR EACH ROW SET @c = 1",
    "CREATE DEFINER = someone@'10.%' EVENT theirs_e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 10:00:00' DISABLE DO SELECT 1",
];

#[test]
fn a_rich_schema_is_copied_word_by_word() {
    let rig = Rig::new();
    let parent = root_spec("richaaaaaaaa");
    let child = child_spec("richbbbbbbbb", "richaaaaaaaa");
    converge(&rig.engine, &parent, Desired::Running);
    let mut from = rig.engine.connect(&parent.id).expect("a session");
    let own = &rig.engine.account().own_name;
    let rich: Vec<String> = RICH.iter().map(|statement| statement.replace("{own}", own)).collect();
    set_up(&mut from, &rich.iter().map(String::as_str).collect::<Vec<_>>());
    for step in [Step::CopyTemplate, Step::StartServer, Step::PrepareAccounts] {
        rig.engine.execute(&child, step).expect("a step");
    }
    let begun = Instant::now();
    rig.engine.execute(&child, Step::CopySchema).expect("the copy");
    eprintln!("copied {} objects in {:?}", printed(&mut from).len() - 3, begun.elapsed());

    let mut to = rig.engine.connect(&child.id).expect("a session");
    let wanted = printed(&mut from);
    let copy = printed(&mut to);
    assert_eq!(wanted.keys().collect::<Vec<_>>(), copy.keys().collect::<Vec<_>>());
    for (name, text) in &wanted {
        let text = without_counters(text);
        let text = text
            .replace("DEFINER=`someone`@`10.%` ", "DEFINER=`planetscale-admin`@`localhost` ")
            .replace("DEFINER=\"someone\"@\"10.%\" ", "DEFINER=\"planetscale-admin\"@\"localhost\" ");
        assert_eq!(copy[name], text, "{name}");
    }
    assert!(
        wanted["PROCEDURE theirs"].contains("someone")
            && copy["PROCEDURE theirs"].contains("'DEFINER=`someone`")
    );

    // Counters begin anew, sequences at their start, and no row came along.
    to.execute("SET foreign_key_checks = 0").expect("set");
    to.execute("INSERT INTO b VALUES (NULL, NULL)").expect("a row");
    assert_eq!(
        to.query_one("SELECT COUNT(*) AS n, MAX(id) AS id FROM b").expect("row").u64("id").expect("n"),
        1
    );
    assert_eq!(to.query_one("SELECT NEXTVAL(s) AS n").expect("row").u64("n").expect("n"), 100);
    // Again does nothing: rows may be in it.
    rig.engine.execute(&child, Step::CopySchema).expect("done already");
    assert_eq!(to.query_one("SELECT COUNT(*) AS n FROM b").expect("row").u64("n").expect("n"), 1);
}

#[test]
fn what_cannot_be_copied_is_named() {
    let rig = Rig::new();
    let parent = root_spec("failaaaaaaaa");
    let child = child_spec("failbbbbbbbb", "failaaaaaaaa");
    converge(&rig.engine, &parent, Desired::Running);
    let mut from = rig.engine.connect(&parent.id).expect("a session");
    set_up(
        &mut from,
        &["CREATE TABLE t (a INT)", "CREATE VIEW `lost view` AS SELECT a FROM t", "DROP TABLE t"],
    );
    for step in [Step::CopyTemplate, Step::StartServer, Step::PrepareAccounts] {
        rig.engine.execute(&child, step).expect("a step");
    }
    let error = rig.engine.execute(&child, Step::CopySchema).expect_err("a view without its table");
    let EngineError::NotCopied { kind, name, why } = &error else { panic!("{error}") };
    assert_eq!((*kind, name.as_str()), ("VIEW", "lost view"));
    assert!(why.contains("1146"), "{why}");
    // Once the parent is mended, the same step goes through.
    set_up(&mut from, &["CREATE TABLE t (a INT)"]);
    rig.engine.execute(&child, Step::CopySchema).expect("mended");
    rig.engine.execute(&parent, Step::StopServer).expect("stopped");
    let other = child_spec("failcccccccc", "failaaaaaaaa");
    for step in [Step::CopyTemplate, Step::StartServer, Step::PrepareAccounts] {
        rig.engine.execute(&other, step).expect("a step");
    }
    let error = rig.engine.execute(&other, Step::CopySchema).expect_err("the parent sleeps");
    assert!(error.to_string().contains("does not run"), "{error}");
}

#[test]
fn a_hundred_tables() {
    let rig = Rig::new();
    let parent = root_spec("hundaaaaaaaa");
    let child = child_spec("hundbbbbbbbb", "hundaaaaaaaa");
    converge(&rig.engine, &parent, Desired::Running);
    let mut from = rig.engine.connect(&parent.id).expect("a session");
    from.execute("SET SESSION sql_log_bin = 0").expect("set");
    from.execute("USE `shop_1`").expect("the schema");
    for n in 0..100 {
        from.execute(format!("CREATE TABLE t{n} (id BIGINT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(100) NOT NULL, b DATETIME, c DECIMAL(10,2), KEY k (a), KEY l (b, c))")).expect("a table");
    }
    let begun = Instant::now();
    for step in [Step::CopyTemplate, Step::StartServer, Step::PrepareAccounts, Step::CopySchema] {
        let step_begun = Instant::now();
        rig.engine.execute(&child, step).expect("a step");
        eprintln!("{}: {:?}", step.name(), step_begun.elapsed());
    }
    converge(&rig.engine, &child, Desired::Running);
    let mut to = rig.engine.connect(&child.id).expect("a session");
    let row = to
        .query_one("SELECT COUNT(*) AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop_1'")
        .expect("row");
    assert_eq!(row.u64("n").expect("n"), 100);
    eprintln!("a child of 100 tables, create to first query: {:?}", begun.elapsed());
}
