//! A schema as the server prints it, read in another way than the engine does.

use std::collections::BTreeMap;

use bough_engine::{ManagedEngine, SchemaBounds, SchemaObjectKind};
use bough_model::BranchId;
use bough_mysql_client::{Connection, quote_ident};
use bough_schema::{Sequence, Table, View};

/// Runs statements in the schema.
pub fn set_up(conn: &mut Connection, statements: &[&str]) {
    conn.execute("USE `shop_1`").expect("the schema");
    let refused: Vec<String> = statements
        .iter()
        .filter_map(|statement| conn.execute(statement).err().map(|error| format!("{statement}: {error}")))
        .collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    conn.execute("SET NAMES utf8mb4").expect("reset");
}

/// Everything in the schema as the server prints it, read in another way than the engine does.
pub fn printed(conn: &mut Connection) -> BTreeMap<String, String> {
    conn.execute("USE `shop_1`").expect("the schema");
    let mut all = BTreeMap::new();
    let lists = [
        (
            "TABLE",
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop_1' AND TABLE_TYPE NOT IN ('VIEW', 'SEQUENCE')",
        ),
        (
            "SEQUENCE",
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop_1' AND TABLE_TYPE = 'SEQUENCE'",
        ),
        ("VIEW", "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = 'shop_1'"),
        (
            "PROCEDURE",
            "SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'shop_1' AND ROUTINE_TYPE = 'PROCEDURE'",
        ),
        (
            "FUNCTION",
            "SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'shop_1' AND ROUTINE_TYPE = 'FUNCTION'",
        ),
        ("PACKAGE", "SELECT name FROM mysql.proc WHERE db = 'shop_1' AND type = 'PACKAGE'"),
        ("PACKAGE BODY", "SELECT name FROM mysql.proc WHERE db = 'shop_1' AND type = 'PACKAGE BODY'"),
        ("TRIGGER", "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'shop_1'"),
        ("EVENT", "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'shop_1'"),
    ];
    for (kind, list) in lists {
        for row in conn.query_rows(list).expect("a list") {
            let name = String::from_utf8(row.values()[0].clone().expect("a name")).expect("UTF-8");
            let shown = conn.query_one(format!("SHOW CREATE {kind} {}", quote_ident(&name))).expect("shown");
            let mut text = String::new();
            for (column, value) in shown.columns().iter().zip(shown.values()) {
                if column != "Created" {
                    text.push_str(&format!(
                        "{column}: {}\n",
                        String::from_utf8_lossy(value.as_deref().unwrap_or(b"-"))
                    ));
                }
            }
            all.insert(format!("{kind} {name}"), text);
        }
    }
    let order = conn.query_rows("SELECT TRIGGER_NAME, ACTION_ORDER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'shop_1' ORDER BY 1").expect("triggers");
    all.insert("trigger order".to_owned(), order.iter().map(|row| format!("{:?}", row.values())).collect());
    let database = conn.query_one("SHOW CREATE DATABASE `shop_1`").expect("shown");
    all.insert(
        "database".to_owned(),
        format!(
            "{:?}",
            database.values().iter().map(|v| v.as_deref().map(String::from_utf8_lossy)).collect::<Vec<_>>()
        ),
    );
    let bodies = conn.query_rows("SELECT name, type, HEX(body), HEX(param_list), sql_mode, character_set_client, collation_connection, db_collation FROM mysql.proc WHERE db = 'shop_1' ORDER BY 1, 2").expect("bodies");
    all.insert("bodies".to_owned(), bodies.iter().map(|row| format!("{:?}", row.values())).collect());
    all
}

/// Room for all that a test makes.
const BOUNDS: SchemaBounds = SchemaBounds { objects: 100_000, bytes: 1 << 30 };

/// Reads every table, view and sequence into values, and sees them printed as they were: as the engine reads
/// them, hidden parts included, and as the server prints them. How many there are.
pub fn all_read_back(engine: &ManagedEngine, branch: &BranchId) -> usize {
    let read = engine.read_definitions(branch, &super::schema(), BOUNDS).expect("read");
    assert_eq!(read.left_out, 0);
    let mut conn = engine.connect(branch).expect("a session");
    conn.execute("USE `shop_1`").expect("the schema");
    for (kind, name, create) in &read.objects {
        let word = match kind {
            SchemaObjectKind::Table => "TABLE",
            SchemaObjectKind::View => "VIEW",
            SchemaObjectKind::Sequence => "SEQUENCE",
        };
        conn.execute("SET character_set_results = binary, sql_mode = 'IGNORE_BAD_TABLE_OPTIONS'")
            .expect("set");
        let row = conn.query_one(format!("SHOW CREATE {word} {}", quote_ident(name))).expect("shown");
        let shown = row.values()[1].clone().expect("a text");
        for text in [create, &shown] {
            let printed = match kind {
                SchemaObjectKind::Table => Table::read(text).map(|table| table.print()),
                SchemaObjectKind::View => View::read(text).map(|view| view.print()),
                SchemaObjectKind::Sequence => Sequence::read(text).map(|sequence| sequence.print()),
            };
            let printed = printed.unwrap_or_else(|why| panic!("{name}: {why}"));
            assert!(printed == *text, "{name} is printed otherwise");
        }
    }
    read.objects.len()
}

/// The same counters in the same places, taken out in a simple way: only table options stand after `ENGINE=`.
pub fn without_counters(text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        match line.find(") ENGINE=").and_then(|at| line[at..].find(" AUTO_INCREMENT=").map(|more| at + more))
        {
            Some(at) if !line[..at].contains("COMMENT=") => {
                let rest =
                    line[at + " AUTO_INCREMENT=".len()..].trim_start_matches(|c: char| c.is_ascii_digit());
                out.push_str(&line[..at]);
                out.push_str(rest);
            }
            _ => out.push_str(line),
        }
    }
    out
}

/// The server's own catalogue of the schema, less what says when and how full: it knows what `SHOW CREATE`
/// does not print.
pub fn catalogue(conn: &mut Connection) -> BTreeMap<String, Vec<String>> {
    const SOURCES: &[(&str, &str, &str)] = &[
        (
            "TABLES",
            "TABLE_SCHEMA",
            "TABLE_NAME, TABLE_TYPE, ENGINE, ROW_FORMAT, CREATE_OPTIONS, TABLE_COLLATION, TABLE_COMMENT, TEMPORARY",
        ),
        (
            "COLUMNS",
            "TABLE_SCHEMA",
            "TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, COLUMN_DEFAULT, IS_NULLABLE, COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME, DATETIME_PRECISION, COLUMN_KEY, EXTRA, COLUMN_COMMENT, IS_GENERATED, GENERATION_EXPRESSION",
        ),
        (
            "STATISTICS",
            "TABLE_SCHEMA",
            "TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE, COLLATION, SUB_PART, INDEX_TYPE, COMMENT, INDEX_COMMENT, IGNORED",
        ),
        ("TABLE_CONSTRAINTS", "CONSTRAINT_SCHEMA", "TABLE_NAME, CONSTRAINT_NAME, CONSTRAINT_TYPE"),
        ("CHECK_CONSTRAINTS", "CONSTRAINT_SCHEMA", "TABLE_NAME, CONSTRAINT_NAME, LEVEL, CHECK_CLAUSE"),
        (
            "REFERENTIAL_CONSTRAINTS",
            "CONSTRAINT_SCHEMA",
            "TABLE_NAME, CONSTRAINT_NAME, UNIQUE_CONSTRAINT_NAME, UPDATE_RULE, DELETE_RULE, REFERENCED_TABLE_NAME",
        ),
        (
            "KEY_COLUMN_USAGE",
            "CONSTRAINT_SCHEMA",
            "TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME",
        ),
        (
            "PARTITIONS",
            "TABLE_SCHEMA",
            "TABLE_NAME, PARTITION_NAME, SUBPARTITION_NAME, PARTITION_METHOD, SUBPARTITION_METHOD, PARTITION_EXPRESSION, SUBPARTITION_EXPRESSION, PARTITION_DESCRIPTION, PARTITION_COMMENT",
        ),
        ("GEOMETRY_COLUMNS", "G_TABLE_SCHEMA", "G_TABLE_NAME, G_GEOMETRY_COLUMN, GEOMETRY_TYPE, SRID"),
        (
            "VIEWS",
            "TABLE_SCHEMA",
            "TABLE_NAME, VIEW_DEFINITION, CHECK_OPTION, IS_UPDATABLE, SECURITY_TYPE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, ALGORITHM",
        ),
        (
            "ROUTINES",
            "ROUTINE_SCHEMA",
            "SPECIFIC_NAME, ROUTINE_TYPE, DTD_IDENTIFIER, ROUTINE_DEFINITION, IS_DETERMINISTIC, SQL_DATA_ACCESS, SECURITY_TYPE, SQL_MODE, ROUTINE_COMMENT, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, DATABASE_COLLATION",
        ),
        (
            "PARAMETERS",
            "SPECIFIC_SCHEMA",
            "SPECIFIC_NAME, ROUTINE_TYPE, ORDINAL_POSITION, PARAMETER_MODE, PARAMETER_NAME, DTD_IDENTIFIER, COLLATION_NAME",
        ),
        (
            "TRIGGERS",
            "TRIGGER_SCHEMA",
            "TRIGGER_NAME, EVENT_OBJECT_TABLE, EVENT_MANIPULATION, ACTION_TIMING, ACTION_ORDER, ACTION_STATEMENT, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, DATABASE_COLLATION",
        ),
        (
            "EVENTS",
            "EVENT_SCHEMA",
            "EVENT_NAME, TIME_ZONE, EVENT_DEFINITION, EVENT_TYPE, EXECUTE_AT, INTERVAL_VALUE, INTERVAL_FIELD, SQL_MODE, STARTS, ENDS, STATUS, ON_COMPLETION, EVENT_COMMENT, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, DATABASE_COLLATION",
        ),
    ];
    let read = |(source, schema, columns): &(&str, &str, &str)| {
        // A broken view is no reason to see nothing.
        let rows = conn
            .query_rows(format!(
                "SELECT {columns} FROM information_schema.{source} WHERE {schema} = 'shop_1'"
            ))
            .expect("the catalogue");
        let text = |value: &Option<Vec<u8>>| {
            value
                .as_deref()
                .map_or_else(|| "-".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        let mut rows: Vec<String> =
            rows.iter().map(|row| row.values().iter().map(text).collect::<Vec<_>>().join(" | ")).collect();
        rows.sort();
        ((*source).to_owned(), rows)
    };
    SOURCES.iter().map(read).collect()
}
