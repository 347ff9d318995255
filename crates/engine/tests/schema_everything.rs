//! What MariaDB can have in a schema, kind by kind: all of it is copied, and the copy behaves like the
//! original.

mod support;

use bough_model::Desired;
use bough_mysql_client::Connection;
use support::printed::{all_read_back, catalogue, printed, set_up, without_counters};
use support::{Rig, child_spec, converge, root_spec};

/// Types, defaults, character sets, generated columns, checks.
const COLUMNS: &[&str] = &[
    "CREATE TABLE numbers (a TINYINT, b SMALLINT UNSIGNED, c MEDIUMINT(5) ZEROFILL, d INT(3) SIGNED, e BIGINT DEFAULT -1, f DECIMAL(65,30), g DECIMAL(5) UNSIGNED DEFAULT 1.5, h FLOAT(7,3), i DOUBLE ZEROFILL, j REAL, k BIT, l BIT(64) DEFAULT b'1011', m BOOLEAN DEFAULT TRUE, n SERIAL, o YEAR DEFAULT 1999, p FLOAT DEFAULT 1e-30)",
    "CREATE TABLE times (a DATE DEFAULT '1000-01-01', b TIME(6) DEFAULT '-838:59:59.999999', c DATETIME(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), d TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), e TIMESTAMP NULL DEFAULT '2001-02-03 04:05:06', f DATETIME DEFAULT (NOW() + INTERVAL 1 DAY), g DATE DEFAULT CURDATE())",
    "CREATE TABLE texts (a CHAR, b CHAR(0), c VARCHAR(0) DEFAULT '', d TINYTEXT, e TEXT(10) DEFAULT 'it''s \\\\ a \\n text', f MEDIUMTEXT, g LONGTEXT, h BINARY(3) DEFAULT 'a\\0', i VARBINARY(9) DEFAULT X'00FF27225C1A0A0D3F', j TINYBLOB, k BLOB DEFAULT X'FF27', l MEDIUMBLOB, m LONGBLOB, n JSON DEFAULT '{\"a\": [1, 2]}', o UUID DEFAULT UUID(), p INET6 DEFAULT '::ffff:1.2.3.4', q INET4 DEFAULT '1.2.3.4', r NATIONAL VARCHAR(5), s TEXT COMPRESSED, t VARBINARY(99) COMPRESSED=zlib DEFAULT 'x', u CHAR(4) BYTE)",
    "CREATE TABLE charsets (a VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_german2_ci DEFAULT 'ß', b VARCHAR(9) CHARACTER SET ucs2 DEFAULT 'ü?', c VARCHAR(9) CHARACTER SET utf16le DEFAULT '😀?', d VARCHAR(9) CHARACTER SET utf32 COLLATE utf32_bin DEFAULT '日本', e VARCHAR(9) CHARACTER SET sjis DEFAULT 'ソ表', f VARCHAR(9) CHARACTER SET gbk DEFAULT '縗', g VARCHAR(9) CHARACTER SET koi8r DEFAULT 'Я', h VARCHAR(9) COLLATE utf8mb4_unicode_520_nopad_ci, i VARCHAR(9) CHARACTER SET utf8mb4 COLLATE uca1400_as_cs, j CHAR(3) CHARACTER SET ascii DEFAULT '?', k VARCHAR(9) CHARACTER SET cp1251 COLLATE cp1251_ukrainian_ci, l TEXT CHARACTER SET eucjpms) DEFAULT CHARSET=hebrew",
    "CREATE TABLE members (a ENUM('it''s', 'a,b', '(c)', 'b\\\\s', '\"q\"', 'ü', '', '?') DEFAULT 'a,b', b SET('x', 'y''\\\\?', 'ß') DEFAULT 'x,ß', c ENUM('😀', '🎉''\\\\', 'x?') NOT NULL DEFAULT '🎉''\\\\', d SET('😀', 'a', '🎉') COLLATE utf8mb4_bin DEFAULT '😀,🎉', e ENUM('😀') CHARACTER SET utf16, f ENUM(X'FF', X'41', X'3F') CHARACTER SET binary DEFAULT X'FF', g ENUM('ソ', '表') CHARACTER SET sjis DEFAULT '表') CHARACTER SET utf8mb4",
    "CREATE TABLE rare (a VARCHAR(20) DEFAULT '😀?\\'\\\\\\n', b VARCHAR(20) NOT NULL DEFAULT ('🎉'), c VARCHAR(20) DEFAULT (CONCAT('😀', '?')), d TEXT DEFAULT '😀', e VARCHAR(20) AS (CONCAT('😀', a)) VIRTUAL, f VARCHAR(20) CHECK (f <> '😀'), g CHAR(3) DEFAULT '?', `col ``?, DEFAULT 'ü` VARCHAR(3) DEFAULT '' COMMENT 'DEFAULT \\'?\\'') CHARACTER SET utf8mb4",
    "CREATE TABLE generated (a INT, c INT AS (a * 2) STORED, b INT AS (z + c + 1) VIRTUAL, z INT, d INT AS (b + c) PERSISTENT UNIQUE, e VARCHAR(99) AS (CONCAT_WS(' ', a, CAST(c AS CHAR), JSON_VALUE(f, '$.\"x y\"'))) VIRTUAL INVISIBLE COMMENT 'it''s', f JSON, g INT INVISIBLE NOT NULL DEFAULT 4, h INT DEFAULT (g + a), i CHAR(5) AS (LEFT(e, 5)) VIRTUAL, KEY (b, d), KEY (i(3)))",
    "CREATE TABLE checks (a INT CHECK (a > 0), b INT COMMENT 'x' CHECK (b > 1 AND b NOT IN (5, 6)), CONSTRAINT `my ``check` CHECK (a < b OR a IS NULL), CHECK (a <> 7), CONSTRAINT c CHECK (`b` REGEXP '^[0-9]+\\\\.?$'), d VARCHAR(9) CHARACTER SET latin1 CHECK (d <> _latin1 X'E9' AND d <> 'é' COLLATE utf8mb4_bin), e DATE CHECK (e > DATE'2000-01-01' AND YEAR(e) < 3000), f JSON CHECK (JSON_EXISTS(f, '$.a')), g INT UNIQUE CHECK (g BETWEEN 1 AND 9))",
    "SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT,HIGH_NOT_PRECEDENCE,REAL_AS_FLOAT'",
    "CREATE TABLE \"made in modes\" (\"a\" VARCHAR(9) DEFAULT 'a\\b', b VARCHAR(9) CHECK (b <> 'a\\b' OR NOT b BETWEEN 'a' AND 'b'), c VARCHAR(9) AS (a || '\\') VIRTUAL, d VARCHAR(9) DEFAULT ('\\' || 'x'), e ENUM('\\', '''') DEFAULT '\\', f REAL) COMMENT 'c\\d'",
    "SET sql_mode = 'ORACLE'",
    "CREATE TABLE \"made in oracle\" (a VARCHAR2(9) DEFAULT 'x', b NUMBER(5,2), c DATE, d RAW(9), e CLOB, f BLOB, g NUMBER, CHECK (a || 'y' <> 'z'))",
    "SET sql_mode = 'MYSQL40,NO_FIELD_OPTIONS'",
    "CREATE TABLE `made in old modes` (a TIMESTAMP, b INT NOT NULL AUTO_INCREMENT PRIMARY KEY)",
    "SET sql_mode = 'IGNORE_BAD_TABLE_OPTIONS'",
    "CREATE TABLE unknown_options (a INT foo='it''s', KEY (a) qux=1) bar=7",
    "SET sql_mode = ''",
];

/// Keys of every kind, references, engines, options of tables.
const TABLES: &[&str] = &[
    "CREATE TABLE `keys` (a INT, b INT, c VARCHAR(999), d TEXT, e BLOB, g GEOMETRY NOT NULL, PRIMARY KEY (a DESC, b), UNIQUE KEY `u ``x` (b DESC, c(10)), KEY (c(5), d(20) DESC) COMMENT 'it''s\\n', FULLTEXT KEY ft (c, d), FULLTEXT KEY ft2 (d), SPATIAL KEY (g), KEY ign (b) IGNORED, UNIQUE KEY (e), UNIQUE KEY long_hash (d, e), KEY (b) USING BTREE)",
    "CREATE TABLE spatial_kinds (a GEOMETRY REF_SYSTEM_ID=4326 NOT NULL, b POINT REF_SYSTEM_ID=101 DEFAULT NULL, c LINESTRING, d POLYGON REF_SYSTEM_ID=3857 NOT NULL DEFAULT (POLYFROMTEXT('POLYGON((0 0,1 0,1 1,0 0))')) COMMENT 'point', e MULTIPOINT, f MULTILINESTRING REF_SYSTEM_ID=5, g MULTIPOLYGON, h GEOMETRYCOLLECTION REF_SYSTEM_ID=6, `point ``x` POINT REF_SYSTEM_ID=7, SPATIAL KEY (a))",
    "SET foreign_key_checks = 0",
    "CREATE TABLE fk_a (id INT PRIMARY KEY, b INT, up INT, CONSTRAINT FOREIGN KEY (b) REFERENCES fk_b (id) ON DELETE SET NULL ON UPDATE CASCADE, CONSTRAINT `self ref` FOREIGN KEY (up) REFERENCES fk_a (id) ON DELETE RESTRICT)",
    "CREATE TABLE fk_b (id INT PRIMARY KEY, c INT, FOREIGN KEY (c) REFERENCES fk_c (id) ON DELETE NO ACTION)",
    "CREATE TABLE fk_c (id INT PRIMARY KEY, a INT, x INT, y VARCHAR(9), UNIQUE KEY (x, y), FOREIGN KEY (a) REFERENCES fk_a (id) ON DELETE CASCADE)",
    "CREATE TABLE `fk d.` (x INT, y VARCHAR(9), w INT, z INT AS (w + 1) STORED, CONSTRAINT `two ``columns` FOREIGN KEY (x, y) REFERENCES fk_c (x, y) ON UPDATE CASCADE, CONSTRAINT gen FOREIGN KEY (z) REFERENCES fk_b (id))",
    "CREATE TABLE `fk to nowhere` (a INT, FOREIGN KEY (a) REFERENCES `not there` (id))",
    "SET foreign_key_checks = 1",
    "CREATE TABLE e_aria (a INT AUTO_INCREMENT, b INT, PRIMARY KEY (b, a)) ENGINE=Aria PAGE_CHECKSUM=0 ROW_FORMAT=PAGE",
    "CREATE TABLE e_myisam (a INT, b VARCHAR(9), KEY k (a) KEY_BLOCK_SIZE=4096 COMMENT 'it''s `x`\\n') ENGINE=MyISAM CHECKSUM=1 DELAY_KEY_WRITE=1 AVG_ROW_LENGTH=5 MIN_ROWS=4 MAX_ROWS=9 PACK_KEYS=0 ROW_FORMAT=FIXED CONNECTION='mysql://x' COMMENT='it''s\\n\\\\ \"x\" AUTO_INCREMENT=5'",
    "CREATE TABLE e_memory (a INT, b INT, KEY (a) USING BTREE, UNIQUE KEY k (b) USING HASH) ENGINE=MEMORY MAX_ROWS=100",
    "CREATE TABLE e_csv (a INT NOT NULL, b VARCHAR(9) NOT NULL DEFAULT 'x') ENGINE=CSV",
    "CREATE TABLE part_of_merge_1 (a INT NOT NULL, KEY (a)) ENGINE=MyISAM",
    "CREATE TABLE part_of_merge_2 LIKE part_of_merge_1",
    "CREATE TABLE a_merge (a INT NOT NULL, KEY (a)) ENGINE=MERGE UNION=(part_of_merge_1, part_of_merge_2) INSERT_METHOD=LAST",
    "CREATE TABLE o_stats (a INT) STATS_PERSISTENT=1 STATS_AUTO_RECALC=0 STATS_SAMPLE_PAGES=3 ROW_FORMAT=REDUNDANT",
    "CREATE TABLE o_compact (a INT) ROW_FORMAT=COMPACT COMMENT=''",
    "SET SESSION innodb_strict_mode = 0",
    "CREATE TABLE o_packed (a INT, KEY (a)) PAGE_COMPRESSED=1 PAGE_COMPRESSION_LEVEL=4 ENCRYPTED=NO ENCRYPTION_KEY_ID=3",
    "CREATE TABLE o_block (a INT) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=2",
    "CREATE TABLE o_wrong (a INT) ROW_FORMAT=DYNAMIC KEY_BLOCK_SIZE=16",
    "CREATE TABLE o_default (a INT) ROW_FORMAT=FIXED",
];

/// Partitions, histories, periods, counters.
const IN_PARTS: &[&str] = &[
    "CREATE SEQUENCE s_all START WITH 7 MINVALUE -5 MAXVALUE 900 INCREMENT BY 3 NOCACHE CYCLE ENGINE=Aria COMMENT='it''s'",
    "CREATE SEQUENCE `s ``odd.` INCREMENT BY 0",
    "ALTER SEQUENCE s_all RESTART 50",
    "CREATE TABLE uses_sequences (a BIGINT DEFAULT (NEXT VALUE FOR s_all), b BIGINT DEFAULT NEXTVAL(`s ``odd.`), c BIGINT DEFAULT (LASTVAL(s_all) + 1))",
    "CREATE TABLE p_range (a INT, b DATETIME NOT NULL) PARTITION BY RANGE (TO_DAYS(b)) (PARTITION `p ``0` VALUES LESS THAN (TO_DAYS('2020-01-01')) COMMENT 'it''s' MAX_ROWS=5, PARTITION p1 VALUES LESS THAN MAXVALUE)",
    "CREATE TABLE p_range_columns (a INT, b VARCHAR(9) CHARACTER SET utf8mb4, c DATE) PARTITION BY RANGE COLUMNS (a, b, c) (PARTITION p0 VALUES LESS THAN (1, 'ü''', '2020-01-01'), PARTITION p1 VALUES LESS THAN (5, MAXVALUE, MAXVALUE))",
    "CREATE TABLE p_list (a INT) PARTITION BY LIST (a MOD 7) (PARTITION p0 VALUES IN (0, 1, NULL), PARTITION p1 VALUES IN (2, 3), PARTITION p2 DEFAULT)",
    "CREATE TABLE p_list_columns (a VARCHAR(9) CHARACTER SET utf8mb4, b DATE) PARTITION BY LIST COLUMNS (a, b) (PARTITION p0 VALUES IN (('😀', '2020-01-01'), ('it''s', NULL)), PARTITION p1 VALUES IN (('é', '2021-01-01')))",
    "CREATE TABLE p_hash (a INT, b DATE) PARTITION BY HASH (YEAR(b)) PARTITIONS 4",
    "CREATE TABLE p_linear (a INT) PARTITION BY LINEAR HASH (a) (PARTITION x, PARTITION `y z`)",
    "CREATE TABLE p_key (a INT PRIMARY KEY, b VARCHAR(9)) PARTITION BY KEY () PARTITIONS 3",
    "CREATE TABLE p_key_51 (a VARCHAR(9)) PARTITION BY LINEAR KEY ALGORITHM=1 (a) PARTITIONS 2",
    "CREATE TABLE p_sub (a INT, b DATE) PARTITION BY RANGE (YEAR(b)) SUBPARTITION BY LINEAR KEY (a) (PARTITION p0 VALUES LESS THAN (2000) (SUBPARTITION `s 0` COMMENT 'x', SUBPARTITION s1), PARTITION p1 VALUES LESS THAN (2010) (SUBPARTITION s2, SUBPARTITION s3))",
    "CREATE TABLE p_aria (a INT) ENGINE=Aria PARTITION BY HASH (a) PARTITIONS 2",
    "CREATE TABLE h_plain (a INT, b INT WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING",
    "CREATE TABLE h_named (a INT, `from ``x` TIMESTAMP(6) GENERATED ALWAYS AS ROW START INVISIBLE, till TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (`from ``x`, till)) WITH SYSTEM VERSIONING",
    "CREATE TABLE h_trx (a INT, s BIGINT UNSIGNED GENERATED ALWAYS AS ROW START, e BIGINT UNSIGNED GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING",
    "CREATE TABLE h_keyed (id INT PRIMARY KEY, b INT UNIQUE, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, p DATE, q DATE, PERIOD FOR SYSTEM_TIME (s, e), PERIOD FOR app (p, q), CHECK (b > 1)) WITH SYSTEM VERSIONING",
    "CREATE TABLE h_limit (a INT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME LIMIT 100 (PARTITION p0 HISTORY, PARTITION p1 HISTORY COMMENT 'x', PARTITION pn CURRENT)",
    "CREATE TABLE h_interval (a INT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME INTERVAL 1 MONTH STARTS '2020-01-01 00:00:00' PARTITIONS 3",
    "CREATE TABLE h_auto (a INT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME INTERVAL 1 DAY AUTO PARTITIONS 2",
    "CREATE TABLE h_sub (a INT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME LIMIT 10 SUBPARTITION BY HASH (a) SUBPARTITIONS 2 (PARTITION p0 HISTORY, PARTITION pn CURRENT)",
    "CREATE TABLE period (id INT, s DATE, e DATE, PERIOD FOR `valid ``for` (s, e), PRIMARY KEY (id, `valid ``for` WITHOUT OVERLAPS))",
    "CREATE TABLE bitemporal (id INT, s DATETIME(3), e DATETIME(3), PERIOD FOR p (s, e), UNIQUE KEY k (id, p WITHOUT OVERLAPS)) WITH SYSTEM VERSIONING",
];

/// Views, routines, triggers, events.
const PROGRAMS: &[&str] = &[
    "CREATE FUNCTION `f ``1`(a INT, b ENUM('😀', 'x')) RETURNS VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_bin READS SQL DATA COMMENT 'it''s\\n' RETURN CONCAT(a, (SELECT COUNT(*) FROM `z view`))",
    "CREATE FUNCTION calls_1() RETURNS INT NOT DETERMINISTIC NO SQL BEGIN DECLARE v TYPE OF numbers.a DEFAULT 1; DECLARE r ROW TYPE OF times; FOR i IN REVERSE 3..1 DO SET v = i; END FOR; RETURN LENGTH(`f ``1`(v, 'x')); END",
    "CREATE FUNCTION returns_members(a SET('😀')) RETURNS ENUM('é', 'b') DETERMINISTIC RETURN 'é'",
    "CREATE AGGREGATE FUNCTION total(x DECIMAL(20,5)) RETURNS DECIMAL(30,5) DETERMINISTIC BEGIN DECLARE s DECIMAL(30,5) DEFAULT 0; DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s; LOOP FETCH GROUP NEXT ROW; SET s = s + x; END LOOP; END",
    "CREATE VIEW `z view` AS SELECT a, b FROM numbers",
    "CREATE VIEW `y of z` AS SELECT v.a, w.b FROM `z view` v JOIN `z view` w USING (a)",
    "CREATE ALGORITHM=TEMPTABLE VIEW `x of y` (`first col`, `it's`) AS SELECT calls_1(), total(a) FROM `y of z` GROUP BY b WITH ROLLUP",
    "CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW a_local AS SELECT a FROM numbers WHERE a > 0 WITH LOCAL CHECK OPTION",
    "CREATE VIEW a_cascaded AS SELECT a FROM a_local WHERE a < 9 WITH CASCADED CHECK OPTION",
    "CREATE VIEW a_recursive AS WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n, SUM(n) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS w FROM r",
    "CREATE VIEW a_union AS (SELECT '😀' AS `emoji ü`, _latin1 X'E9' AS l, 1 UNION SELECT 'b', 'c', 2 ORDER BY 1 LIMIT 3) EXCEPT SELECT '`y of z`', '', 3",
    "CREATE VIEW a_counter AS SELECT NEXTVAL(s_all) AS n, LASTVAL(`s ``odd.`) AS o",
    "CREATE VIEW a_series AS SELECT seq FROM seq_1_to_10 WHERE seq MOD 2 = 0",
    "CREATE VIEW a_history AS SELECT a FROM h_plain FOR SYSTEM_TIME ALL WHERE a > 1",
    "CREATE VIEW a_json AS SELECT j.* FROM JSON_TABLE('[1, 2]', '$[*]' COLUMNS (n FOR ORDINALITY, x INT PATH '$' DEFAULT '7' ON EMPTY)) AS j",
    "CREATE VIEW a_values AS VALUES (1, 'a'), (2, 'b')",
    "CREATE VIEW a_catalogue AS SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()",
    "CREATE VIEW a_partition AS SELECT * FROM p_list PARTITION (p0, p1)",
    "CREATE VIEW a_interval AS SELECT CAST('2020-01-01' AS DATE) + INTERVAL '1:2' HOUR_MINUTE AS i, a NOT LIKE 'x\\\\_%' ESCAPE '|' AS l, a <=> NULL AS n, CONVERT(a USING latin1) COLLATE latin1_bin AS c, MATCH (c) AGAINST ('x' IN BOOLEAN MODE) AS m FROM (SELECT a, 'x' AS q FROM texts) t JOIN `keys` k USING (a)",
    "CREATE VIEW a_shadow AS SELECT 1 AS `a`, 2 AS ` b`, 3 AS `c``d`, 4 AS `select`, 5 AS `e.f`",
    "CREATE PROCEDURE `p.q `` 'x\" %#`(IN a INT, OUT `b ``c` VARCHAR(9), INOUT d DECIMAL(5,2)) MODIFIES SQL DATA SQL SECURITY INVOKER COMMENT 'a''b' BEGIN -- a comment; with 'quotes\n /* AUTO_INCREMENT=5 DEFINER=`x`@`y` */ DECLARE EXIT HANDLER FOR SQLEXCEPTION, 1062 BEGIN END; # more ` of \" it\n CALL `late ``one`(); END",
    "CREATE PROCEDURE `late ``one`() SELECT /*! 1 + */ 1, /*M!100000 2, */ '*/', \"it's\"",
    "CREATE PROCEDURE empty_one() BEGIN END",
    "CREATE /*! DEFINER=CURRENT_USER */ /*!50003 PROCEDURE dumped(a INT) BEGIN SELECT 1; END */",
    "CREATE TRIGGER t_z BEFORE INSERT ON numbers FOR EACH ROW SET @z = 1",
    "CREATE TRIGGER t_a BEFORE INSERT ON numbers FOR EACH ROW FOLLOWS t_z SET @a = '😀'",
    "CREATE TRIGGER t_m BEFORE INSERT ON numbers FOR EACH ROW PRECEDES t_a SET @m = 'PRECEDES t_a'",
    "CREATE TRIGGER t_gone BEFORE INSERT ON numbers FOR EACH ROW SET @g = 1",
    "CREATE TRIGGER t_after_gone BEFORE INSERT ON numbers FOR EACH ROW FOLLOWS t_gone SET @g = 2",
    "DROP TRIGGER t_gone",
    "CREATE TRIGGER `t ``x.y` AFTER DELETE ON `keys` FOR EACH ROW BEGIN IF OLD.a > 1 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'it''s'; END IF; END",
    "CREATE OR REPLACE TRIGGER t_replaced AFTER UPDATE ON numbers FOR EACH ROW SET @r = NEW.a",
    "/*!50003 CREATE*/ /*!50017 DEFINER=CURRENT_USER*/ /*!50003 TRIGGER t_dumped AFTER INSERT ON numbers FOR EACH ROW BEGIN SET @d = 1; END */",
    "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE'",
    "CREATE FUNCTION \"in modes\"(\"a \"\"b\" INT) RETURNS VARCHAR(9) DETERMINISTIC RETURN 'a\\' || \"a \"\"b\"",
    "CREATE TRIGGER \"t in \"\"modes\" BEFORE UPDATE ON \"keys\" FOR EACH ROW SET @q = 'x\\' || NEW.\"a\"",
    "CREATE VIEW \"view in \"\"modes\" AS SELECT 'a\\' || \"a\" AS \"b \"\"c\", NOT 1 BETWEEN 0 AND 1 AS n FROM numbers",
    "CREATE EVENT \"e in \"\"modes\" ON SCHEDULE EVERY 1 DAY STARTS '2035-01-01 00:00:00' DISABLE DO SET @q = 'x\\' || \"y\"",
    "SET sql_mode = 'ORACLE'",
    "CREATE PACKAGE pk COMMENT 'it''s' AS FUNCTION f(a INT) RETURN INT; PROCEDURE p; END",
    "CREATE PACKAGE BODY pk AS v INT := 5; FUNCTION hidden RETURN INT AS BEGIN RETURN v; END; FUNCTION f(a INT) RETURN INT AS BEGIN RETURN hidden() + a; END; PROCEDURE p AS BEGIN NULL; END; BEGIN v := 6; END",
    "CREATE PACKAGE \"pk without body\" AS PROCEDURE p; END",
    "CREATE FUNCTION in_oracle(a VARCHAR2, b numbers.a%TYPE) RETURN VARCHAR2 AS r times%ROWTYPE; CURSOR c IS SELECT a FROM numbers; BEGIN FOR x IN c LOOP EXIT WHEN c%NOTFOUND; END LOOP; <<l>> WHILE 1 = 0 LOOP NULL; END LOOP; RETURN a || 'x'; EXCEPTION WHEN OTHERS THEN RETURN SQLERRM; END",
    "CREATE TRIGGER t_oracle AFTER UPDATE ON numbers FOR EACH ROW BEGIN IF :NEW.a > :OLD.a THEN NULL; END IF; END",
    "CREATE VIEW of_package AS SELECT pk.f(1) AS x, a || 'b' AS y FROM \"made in oracle\"",
    "SET sql_mode = ''",
    "SET character_set_client = sjis, collation_connection = sjis_japanese_ci",
    // FUNCTION sj, which answers the two bytes 83 5C: the second is a backslash elsewhere.
    "EXECUTE IMMEDIATE X'4352454154452046554E4354494F4E20736A28292052455455524E532056415243484152283929204E4F2053514C2052455455524E2027835C27'",
    // VIEW sjv with the same bytes.
    "EXECUTE IMMEDIATE X'435245415445205649455720736A762041532053454C4543542027835C2720415320612C2027915C272041532062'",
    "SET NAMES utf8mb4",
    "CREATE EVENT e_every ON SCHEDULE EVERY '1:30' HOUR_MINUTE STARTS '2035-01-01 00:00:00' ENDS '2036-01-01 00:00:00' ON COMPLETION PRESERVE ENABLE COMMENT 'it''s' DO CALL empty_one()",
    "CREATE EVENT e_slave ON SCHEDULE EVERY 2 WEEK STARTS '2035-01-01 00:00:00' DISABLE ON SLAVE DO BEGIN SET @a = '😀'; END",
    "CREATE EVENT e_once ON SCHEDULE AT '2036-06-01 00:00:00' ON COMPLETION NOT PRESERVE DO SET @x = 1",
    "CREATE EVENT e_kept ON SCHEDULE AT '2020-01-01 00:00:00' ON COMPLETION PRESERVE DO SET @x = 1",
    "SET timestamp = UNIX_TIMESTAMP('2020-01-01 00:00:00')",
    "CREATE EVENT `e past ``once` ON SCHEDULE AT '2020-02-01 00:00:00' DISABLE DO SET @x = 1",
    "CREATE EVENT e_past_ends ON SCHEDULE EVERY 1 DAY STARTS '2020-02-01 00:00:00' ENDS '2020-03-01 00:00:00' DISABLE ON SLAVE DO SET @x = 1",
    "SET timestamp = DEFAULT",
    "SET time_zone = '-03:30'",
    "CREATE EVENT e_zone ON SCHEDULE EVERY 1 MONTH STARTS '2035-01-01 01:30:00' DISABLE DO SET @x = 1",
    "SET time_zone = '+00:00'",
];

/// Names that need quotes.
const NAMES: &[&str] =
    &["a.b", "a b", "select", "per%cent", "ha#sh", "1e5", "-", "ü日本", "`", "'", "\"", "\\", "a/b", "$x"];

fn copied(statements: &[&str], check: impl Fn(&mut Connection, &mut Connection)) {
    let rig = Rig::new();
    let parent = root_spec("everaaaaaaaa");
    let child = child_spec("everbbbbbbbb", "everaaaaaaaa");
    converge(&rig.engine, &parent, Desired::Running);
    let mut from = rig.engine.connect(&parent.id).expect("a session");
    set_up(&mut from, statements);
    converge(&rig.engine, &child, Desired::Running);
    let mut to = rig.engine.connect(&child.id).expect("a session");
    let (wanted, copy) = (printed(&mut from), printed(&mut to));
    assert_eq!(wanted.keys().collect::<Vec<_>>(), copy.keys().collect::<Vec<_>>());
    for (name, text) in &wanted {
        assert_eq!(copy[name], without_counters(text), "{name}");
    }
    let (wanted, copy) = (catalogue(&mut from), catalogue(&mut to));
    for (source, rows) in &wanted {
        for (wanted, copy) in rows.iter().zip(&copy[source]) {
            assert_eq!(wanted, copy, "{source}");
        }
        assert_eq!(rows.len(), copy[source].len(), "{source}");
    }
    assert!(all_read_back(&rig.engine, &parent.id) > 5);
    check(&mut from, &mut to);
}

/// The answer of the same question on both sides.
fn same(from: &mut Connection, to: &mut Connection, question: &str) -> String {
    let [wanted, copy] = [from, to].map(|conn| {
        let rows = conn.query_rows(question).unwrap_or_else(|error| panic!("{question}: {error}"));
        rows.iter()
            .map(|row| {
                format!(
                    "{:?}",
                    row.values()
                        .iter()
                        .map(|value| value.as_deref().map(String::from_utf8_lossy))
                        .collect::<Vec<_>>()
                )
            })
            .collect::<Vec<_>>()
            .join("\n")
    });
    assert_eq!(wanted, copy, "{question}");
    wanted
}

#[test]
fn columns_of_every_kind() {
    copied(COLUMNS, |from, to| {
        // What the server prints as `?` is there all the same.
        for conn in [&mut *from, &mut *to] {
            conn.execute("INSERT INTO rare (e) VALUES (DEFAULT)").expect("a row");
            conn.execute("INSERT INTO charsets (k) VALUES (DEFAULT)").expect("a row");
        }
        let emoji = same(from, to, "SELECT HEX(a), HEX(b), HEX(c), HEX(d), g FROM rare");
        for kept in ["F09F98803F275C0A", "F09F8E89\"", "F09F98803F\"", "F09F9880\"", "\"?\""] {
            assert!(emoji.contains(kept), "{kept} in {emoji}");
        }
        let wide =
            same(from, to, "SELECT HEX(a), HEX(b), HEX(c), HEX(d), HEX(e), HEX(f), HEX(g), j FROM charsets");
        assert!(wide.contains("3DD800DE3F00"), "{wide}");
        for conn in [&mut *from, &mut *to] {
            conn.execute("INSERT INTO members (a, c, d, e, f) VALUES ('?', '😀', '😀,a', '😀', X'3F'), (DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT), (8, 3, 7, 1, 1)").expect("rows");
        }
        let members = same(
            from,
            to,
            "SELECT HEX(a), HEX(c), c + 0, HEX(d), d + 0, HEX(e), HEX(f) FROM members ORDER BY c + 0",
        );
        assert!(
            members.contains("F09F8E89275C") && members.contains("D83DDE00") && members.contains("FF"),
            "{members}"
        );
    });
}

#[test]
fn tables_of_every_kind() {
    copied(TABLES, |from, to| {
        let systems = same(
            from,
            to,
            "SELECT GROUP_CONCAT(SRID ORDER BY BINARY G_GEOMETRY_COLUMN) FROM information_schema.GEOMETRY_COLUMNS WHERE G_TABLE_NAME = 'spatial_kinds'",
        );
        assert!(systems.contains("4326,101,0,3857,0,5,0,6,7"), "{systems}");
    });
}

#[test]
fn partitions_histories_and_counters() {
    copied(IN_PARTS, |_, to| {
        to.execute("INSERT INTO uses_sequences (a, b) VALUES (DEFAULT, 1)").expect("a row");
        let first = to.query_one("SELECT a FROM uses_sequences").expect("it");
        assert_eq!(first.u64("a").expect("a number"), 7, "counters begin anew");
    });
}

#[test]
fn programs_of_every_kind() {
    let statements: Vec<&str> =
        COLUMNS.iter().chain(TABLES).chain(IN_PARTS).chain(PROGRAMS).copied().collect();
    copied(&statements, |from, to| {
        same(from, to, "SELECT * FROM a_union");
        same(from, to, "SELECT sj(), a, b FROM sjv");
        same(from, to, "SELECT x, y FROM of_package");
        same(from, to, "SELECT `in modes`(1), `b \"c` FROM `view in \"modes`");
    });
}

#[test]
fn names_of_every_kind() {
    let mut statements = Vec::new();
    let long = "ü".repeat(64);
    for name in NAMES.iter().copied().chain([long.as_str()]) {
        let quoted = format!("`{}`", name.replace('`', "``"));
        statements.extend([
            format!("CREATE TABLE {quoted} ({quoted} INT PRIMARY KEY, up INT, CONSTRAINT {quoted} FOREIGN KEY (up) REFERENCES {quoted} ({quoted}), KEY {quoted} (up), CHECK ({quoted} > 0))"),
            format!("CREATE TABLE `part {}` (a INT) PARTITION BY LIST (a) (PARTITION {quoted} VALUES IN (1))", statements.len()),
            format!("CREATE SEQUENCE `s {}`", statements.len()),
            format!("CREATE FUNCTION {quoted}({quoted} INT) RETURNS INT DETERMINISTIC RETURN {quoted}"),
            format!("CREATE PROCEDURE {quoted}({quoted} INT) SELECT 1 AS {quoted}"),
            format!("CREATE VIEW `view {}` AS SELECT {quoted} AS {quoted} FROM {quoted} AS {quoted}", statements.len()),
            format!("CREATE TRIGGER {quoted} BEFORE INSERT ON {quoted} FOR EACH ROW SET NEW.{quoted} = 1"),
            format!("CREATE EVENT {quoted} ON SCHEDULE EVERY 1 DAY STARTS '2035-01-01 00:00:00' DO SELECT 1 AS {quoted}"),
        ]);
    }
    copied(&statements.iter().map(String::as_str).collect::<Vec<_>>(), |_, _| {});
}
