//! Reads a schema's objects in the server's own words.

use std::collections::HashSet;

use bough_model::DatabaseName;
use bough_mysql_client::{Connection, Error, Row, Value, quote_ident};

use super::text::{quoted_count, without_auto_increment};
use super::{Kind, Object, Setting};

/// A schema with everything in it, in an order in which it can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// The schema's own character set.
    pub character_set: String,
    /// The schema's own collation.
    pub collation: String,
    /// The schema's comment.
    pub comment: String,
    /// What is in it.
    pub objects: Vec<Object>,
}

/// An object that is yet to be read.
struct Listed {
    kind: Kind,
    name: String,
    stored: Option<String>,
}

/// Every account and role of a server, as (user, host); a role's host is empty.
pub fn accounts(conn: &mut Connection) -> Result<HashSet<(String, String)>, Error> {
    let rows = conn.query_rows("SELECT User AS user, Host AS host FROM mysql.global_priv")?;
    rows.iter().map(|row| Ok((row.text("user")?.to_owned(), row.text("host")?.to_owned()))).collect()
}

/// Reads `schema` with everything in it.
///
/// # Errors
/// What the server refused; `unknown schema` when it is not there.
pub fn read_database(conn: &mut Connection, schema: &DatabaseName) -> Result<Database, Error> {
    // Nothing that reading does belongs in the binary log.
    conn.execute("SET SESSION sql_log_bin = 0")?;
    conn.execute(format!("USE {}", quote_ident(schema.as_str())))?;
    let named = [Value::from(schema.as_str())];
    let rows = conn.exec(
        "SELECT DEFAULT_CHARACTER_SET_NAME AS cs, DEFAULT_COLLATION_NAME AS coll, SCHEMA_COMMENT AS comment \
         FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?",
        &named,
    )?;
    let row = rows.first().ok_or_else(|| Error::Unexpected { why: format!("no schema {schema}") })?;
    let (character_set, collation) = (row.text("cs")?.to_owned(), row.text("coll")?.to_owned());
    let comment = row.text("comment")?.to_owned();
    let listed = list(conn, &named)?;
    // Each text comes in its own character set, byte by byte.
    conn.execute("SET character_set_results = binary")?;
    let objects = listed.into_iter().map(|listed| show(conn, schema, listed)).collect::<Result<Vec<_>, _>>();
    conn.execute("SET character_set_results = utf8mb4")?;
    Ok(Database { character_set, collation, comment, objects: objects? })
}

fn list(conn: &mut Connection, schema: &[Value; 1]) -> Result<Vec<Listed>, Error> {
    let mut listed = Vec::new();
    let tables = conn.exec(
        "SELECT TABLE_NAME AS name, TABLE_TYPE AS type FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? \
         ORDER BY BINARY TABLE_NAME",
        schema,
    )?;
    for row in &tables {
        let kind = match row.text("type")? {
            "SEQUENCE" => Kind::Sequence,
            "VIEW" => Kind::View,
            "TEMPORARY" => continue,
            _ => Kind::Table,
        };
        listed.push(Listed { kind, name: row.text("name")?.to_owned(), stored: None });
    }
    let routines = conn.exec(
        "SELECT name AS name, type AS type, MD5(body) AS stored FROM mysql.proc WHERE db = ? ORDER BY BINARY name",
        schema,
    )?;
    for row in &routines {
        let kind = match row.text("type")? {
            "FUNCTION" => Kind::Function,
            "PROCEDURE" => Kind::Procedure,
            "PACKAGE" => Kind::Package,
            "PACKAGE BODY" => Kind::PackageBody,
            other => return Err(Error::Unexpected { why: format!("a routine of kind {other:?}") }),
        };
        let stored = row.opt_text("stored")?.map(str::to_owned);
        listed.push(Listed { kind, name: row.text("name")?.to_owned(), stored });
    }
    // In the order in which they fire, which is the order in which they are to be made.
    let triggers = conn.exec(
        "SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ? \
         ORDER BY BINARY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
        schema,
    )?;
    for row in &triggers {
        listed.push(Listed { kind: Kind::Trigger, name: row.text("name")?.to_owned(), stored: None });
    }
    let events = conn.exec(
        "SELECT name AS name, MD5(body) AS stored FROM mysql.event WHERE db = ? ORDER BY BINARY name",
        schema,
    )?;
    for row in &events {
        let stored = row.opt_text("stored")?.map(str::to_owned);
        listed.push(Listed { kind: Kind::Event, name: row.text("name")?.to_owned(), stored });
    }
    // A stable sort: triggers keep their order.
    listed.sort_by_key(|listed| listed.kind);
    Ok(listed)
}

fn show(conn: &mut Connection, schema: &DatabaseName, listed: Listed) -> Result<Object, Error> {
    let Listed { kind, name, stored } = listed;
    let row = conn.query_one(format!("SHOW CREATE {} {}", kind.words(), quote_ident(&name)))?;
    let column = match kind {
        Kind::Sequence | Kind::Table => "Create Table",
        Kind::Function => "Create Function",
        Kind::Procedure => "Create Procedure",
        Kind::Package => "Create Package",
        Kind::PackageBody => "Create Package Body",
        Kind::View => "Create View",
        Kind::Trigger => "SQL Original Statement",
        Kind::Event => "Create Event",
    };
    let create = row.bytes(column)?.ok_or_else(|| Error::Unexpected {
        why: format!("the server does not show {} {name:?}", kind.words()),
    })?;
    let create = if kind == Kind::Table { without_auto_increment(create) } else { create.to_vec() };
    let stored = if kind == Kind::Table && create.contains(&b'?') {
        Some(hidden_text(conn, schema, &name)?)
    } else {
        stored
    };
    let setting = Setting {
        sql_mode: optional(&row, "sql_mode")?,
        time_zone: optional(&row, "time_zone")?,
        character_set_client: optional(&row, "character_set_client")?,
        collation_connection: optional(&row, "collation_connection")?,
        database_collation: optional(&row, "Database Collation")?,
    };
    Ok(Object { kind, name, create, setting, stored })
}

/// What `SHOW CREATE TABLE` may print as `?`: the server keeps literal defaults and the values of ENUM and
/// SET in their column's character set, but prints them in one that lacks the rarer characters. Here they
/// are as they are, in hexadecimal, for the comparison.
fn hidden_text(conn: &mut Connection, schema: &DatabaseName, table: &str) -> Result<String, Error> {
    let columns = conn.exec(
        "SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type, COLUMN_DEFAULT AS literal FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND (COLUMN_DEFAULT LIKE '\\'%?%' \
         OR (DATA_TYPE IN ('enum', 'set') AND COLUMN_TYPE LIKE '%?%'))",
        &[Value::from(schema.as_str()), Value::from(table)],
    )?;
    let table = quote_ident(table);
    let mut text = String::new();
    for row in &columns {
        let (name, column_type) = (row.text("name")?, row.text("type")?);
        let column = quote_ident(name);
        // A default that is no literal may be another at each question.
        if row.opt_text("literal")?.is_some_and(|literal| literal.starts_with('\'')) {
            let row = conn.query_one(format!(
                "SELECT HEX(DEFAULT({column})) AS h FROM (SELECT 1) AS one LEFT JOIN {table} ON 0"
            ))?;
            text.push_str(&format!("{name} DEFAULT {};", row.opt_text("h")?.unwrap_or_default()));
        }
        let members = quoted_count(column_type.as_bytes());
        if members > 0 {
            // By number, every member can be had without its text.
            let number = |n: usize| if column_type.starts_with("set") { 1_u64 << n } else { n as u64 + 1 };
            let numbers: Vec<String> = (0..members).map(|n| format!("({})", number(n))).collect();
            let probe = quote_ident("bough probe");
            conn.execute(format!(
                "CREATE TEMPORARY TABLE {probe} AS SELECT {column} AS v FROM {table} LIMIT 0"
            ))?;
            conn.execute(format!("INSERT INTO {probe} VALUES {}", numbers.join(",")))?;
            let values = conn.query_rows(format!("SELECT HEX(v) AS h FROM {probe} ORDER BY v + 0"))?;
            conn.execute(format!("DROP TEMPORARY TABLE {probe}"))?;
            for value in &values {
                text.push_str(&format!("{name} VALUE {};", value.opt_text("h")?.unwrap_or_default()));
            }
        }
    }
    Ok(text)
}

fn optional(row: &Row, column: &str) -> Result<Option<String>, Error> {
    if !row.columns().iter().any(|name| name.eq_ignore_ascii_case(column)) {
        return Ok(None);
    }
    Ok(row.opt_text(column)?.map(str::to_owned))
}
