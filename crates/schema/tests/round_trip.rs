//! What is read is printed back as it was; whatever else comes in is refused, and harms nothing.
//!
//! `definitions/mariadb.txt` is what a MariaDB 10.11 prints for all that `crates/engine/tests/
//! schema_everything.rs` makes (which tries the same on the running server, with the schemas of
//! well-known applications); `definitions/mysql.txt` is of the forms that MySQL 8 and TiDB print.

use bough_schema::{
    Attribute, Column, DEFINITION_MAX_BYTES, Index, IndexOption, Method, Sequence, Table, TableOption, Text,
    View,
};

const MARIADB: &str = include_str!("definitions/mariadb.txt");
const MYSQL: &str = include_str!("definitions/mysql.txt");

fn definitions() -> Vec<&'static str> {
    let split = |all: &'static str| all.trim_end_matches('\n').split("\n----\n");
    split(MARIADB).chain(split(MYSQL)).collect()
}

/// Read and printed again; the reader itself says whether that is the same.
fn again(create: &[u8]) -> Result<Vec<u8>, String> {
    let text = String::from_utf8_lossy(create);
    if text.starts_with("CREATE TABLE") {
        Table::read(create).map(|table| table.print()).map_err(|error| error.to_string())
    } else if text.starts_with("CREATE SEQUENCE") {
        Sequence::read(create).map(|sequence| sequence.print()).map_err(|error| error.to_string())
    } else {
        View::read(create).map(|view| view.print()).map_err(|error| error.to_string())
    }
}

#[test]
fn every_definition_comes_back() {
    let all = definitions();
    assert!(all.len() > 90, "{}", all.len());
    for definition in all {
        let printed = again(definition.as_bytes()).unwrap_or_else(|why| panic!("{why} in\n{definition}"));
        assert_eq!(String::from_utf8_lossy(&printed), definition);
    }
}

fn table(name: &str) -> Table {
    let begin = format!("CREATE TABLE `{name}` (");
    let found = definitions().into_iter().find(|text| text.starts_with(&begin));
    Table::read(found.unwrap_or_else(|| panic!("no {name}")).as_bytes()).expect("a table")
}

fn column(table: &Table, name: &str) -> Column {
    table.columns.iter().find(|column| column.name.as_str() == name).expect("a column").clone()
}

fn index(table: &Table, name: &str) -> Index {
    let named = |index: &&Index| index.name.as_ref().is_some_and(|own| own.as_str() == name);
    table.indexes.iter().find(named).expect("an index").clone()
}

/// Of MariaDB's definitions nothing stays a text that there is a value for.
#[test]
fn what_is_read_is_known() {
    let mut unknown: Vec<String> = Vec::new();
    for create in definitions().into_iter().filter(|text| MARIADB.contains(*text)) {
        let Ok(table) = Table::read(create.as_bytes()) else { continue };
        for each in table.columns.iter().flat_map(|column| &column.attributes) {
            if let Attribute::Other(text) = each {
                unknown.push(text.to_string());
            }
        }
        for each in table.indexes.iter().flat_map(|index| &index.options) {
            if let IndexOption::Other(text) = each {
                unknown.push(text.to_string());
            }
        }
        for each in &table.options {
            if let TableOption::Other(text) = each {
                unknown.push(text.to_string().split('=').next().unwrap_or_default().to_owned());
            }
        }
        unknown.extend(table.foreign_keys.iter().flat_map(|key| &key.others).map(ToString::to_string));
        unknown.extend(table.checks.iter().flat_map(|check| &check.others).map(ToString::to_string));
    }
    unknown.sort();
    unknown.dedup();
    let options = [
        "/*M!100301 COMPRESSED*/",
        "AVG_ROW_LENGTH",
        "CHECKSUM",
        "CONNECTION",
        "DELAY_KEY_WRITE",
        "INSERT_METHOD",
        "KEY_BLOCK_SIZE",
        "KEY_BLOCK_SIZE=4096",
        "MAX_ROWS",
        "MIN_ROWS",
        "PACK_KEYS",
        "PAGE_CHECKSUM",
        "ROW_FORMAT",
        "STATS_AUTO_RECALC",
        "STATS_PERSISTENT",
        "STATS_SAMPLE_PAGES",
        "UNION",
        "`ENCRYPTED`",
        "`ENCRYPTION_KEY_ID`",
        "`PAGE_COMPRESSED`",
        "`PAGE_COMPRESSION_LEVEL`",
        "`bar`",
        "`foo`='it''s'",
        "`qux`='1'",
    ];
    assert_eq!(unknown, options);
}

#[test]
fn values_are_what_they_say() {
    let generated = table("generated");
    // The first of that name is MariaDB's.
    assert!(matches!(column(&generated, "c").attributes[..], [Attribute::Generated(..)]));
    assert!(column(&generated, "c").is_nullable() && !column(&generated, "g").is_nullable());
    assert_eq!(index(&generated, "i").parts[0].prefix, Some(3));

    let keyed = table("h_keyed");
    assert_eq!(keyed.primary_key().expect("a key").parts.len(), 2);
    assert!(!column(&keyed, "e").is_nullable(), "the end of a row's validity");
    assert_eq!((keyed.periods.len(), keyed.checks.len()), (2, 1));

    let keys = table("keys");
    assert!(keys.primary_key().expect("a key").parts[0].descending);
    assert!(index(&keys, "ign").is_ignored() && index(&keys, "long_hash").is_hash());

    let parts = table("p_range");
    let partitioning = parts.partitioning.as_ref().expect("partitions");
    assert_eq!((partitioning.method, partitioning.is_subpartitioned), (Method::Range, false));
    assert_eq!(partitioning.partitions[0].name.as_str(), "p `0");
    assert_eq!(partitioning.partitions[0].engine().expect("an engine").as_str(), "InnoDB");
    assert!(table("p_sub").partitioning.expect("partitions").is_subpartitioned);
    assert_eq!(table("h_auto").partitioning.expect("partitions").method, Method::SystemTime);
    assert_eq!(table("p_linear").partitioning.expect("partitions").method, Method::Hash);
    let commented = table("range_parts").partitioning.expect("partitions in a comment");
    assert_eq!(commented.partitions[1].name.as_str(), "p1");

    let two = table("fk d.");
    let key = &two.foreign_keys[1];
    assert_eq!(key.name.as_ref().expect("a name").as_str(), "two `columns");
    assert_eq!((key.columns.len(), key.parent.table.as_str()), (2, "fk_c"));
    assert_eq!(table("checked").foreign_keys[1].parent.schema.as_deref(), Some("other`s"));
    assert_eq!(table("charsets").character_set().expect("one").as_str(), "hebrew");
    assert_eq!(table("e_myisam").engine().expect("one").as_str(), "MyISAM");
}

#[test]
fn members_are_decoded() {
    let create = br"CREATE TABLE `t` (
  `a` enum('it''s','a,b','(c)','b\\s','','X') NOT NULL,
  `b` set(X'F09F9880','x') DEFAULT X'F09F9880',
  `c` varchar(3) DEFAULT NULL
) ENGINE=InnoDB";
    let table = Table::read(create).expect("a table");
    let members = |name: &str| -> Vec<String> {
        column(&table, name).data_type.members().iter().map(Text::to_string).collect()
    };
    assert_eq!(members("a"), ["it's", "a,b", "(c)", r"b\s", "", "X"]);
    assert_eq!(members("b"), ["😀", "x"]);
    assert_eq!(members("c"), [""; 0]);
}

/// The server prints the default of a binary column as the bytes are.
#[test]
fn texts_need_not_be_utf8() {
    let create = b"CREATE TABLE `t` (\n  `a` varbinary(9) DEFAULT '\\0\xff''\"\\\\\\n\x1a' COMMENT '\xe9'\n) ENGINE=InnoDB COMMENT='\xfe'";
    assert_eq!(Table::read(create).expect("a table").print(), create);
    let name = b"CREATE TABLE `t\xff` (\n  `a` int(11) DEFAULT NULL\n) ENGINE=InnoDB";
    assert!(Table::read(name).expect_err("names are UTF-8").to_string().contains("UTF-8"));
}

/// Whatever comes in is read as it is, or refused; here each definition is cut, and has its bytes changed.
#[test]
fn hostile_texts_are_refused_or_kept() {
    // A generator of numbers that is the same each time (Knuth's constants).
    let mut state = 0x5eed_u64;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or_default() % below
    };
    let nasty: &[&[u8]] = &[
        b"`",
        b"'",
        b"\"",
        b"(",
        b")",
        b",",
        b"\n",
        b" ",
        b"/*",
        b"*/",
        b"\\",
        b"\xff",
        b"\0",
        b",\n  ",
        b"\n)",
        b" PARTITION BY ",
        b"CHECK ",
        b"DEFAULT ",
        b"KEY `x` (",
        b"COMMENT '",
    ];
    let mut kept = 0;
    for definition in definitions() {
        let bytes = definition.as_bytes();
        for _ in 0..200 {
            let mut text = bytes.to_vec();
            for _ in 0..=next(3) {
                let at = next(text.len() + 1);
                match next(3) {
                    0 => text.truncate(at),
                    1 => drop(text.splice(at..at, nasty[next(nasty.len())].iter().copied())),
                    _ => {
                        let end = (at + 1 + next(4)).min(text.len());
                        drop(text.splice(at..end, nasty[next(nasty.len())].iter().copied()));
                    }
                }
                if text.is_empty() {
                    break;
                }
            }
            let results = [
                Table::read(&text).map(|value| value.print()),
                View::read(&text).map(|value| value.print()),
                Sequence::read(&text).map(|value| value.print()),
            ];
            for printed in results.into_iter().flatten() {
                assert_eq!(printed, text);
                kept += 1;
            }
        }
    }
    assert!(kept > 100, "some are definitions all the same: {kept}");
}

#[test]
fn length_and_depth_are_bounded() {
    let long = "x".repeat(DEFINITION_MAX_BYTES + 1);
    let error = Table::read(long.as_bytes()).expect_err("too long");
    assert!(error.to_string().contains("longer than") && error.excerpt.len() < 100, "{error}");
    // No recursion: parentheses may be as deep as the text is long.
    let deep = format!(
        "CREATE TABLE `t` (\n  `a` int(11) DEFAULT {}1{}\n) ENGINE=InnoDB",
        "(".repeat(1_000_000),
        ")".repeat(1_000_000)
    );
    assert_eq!(Table::read(deep.as_bytes()).expect("a table").print(), deep.as_bytes());
}
