//! Reads a schema's objects in the server's own words.

use std::collections::HashSet;

use bough_model::DatabaseName;
use bough_mysql_client::{Connection, Error, Row, Value, code, quote_ident};

use super::text::without_auto_increment;
use super::{Failure, Kind, Object, Setting, hidden};

/// The server's warning that its catalogue leaves a table out, because somebody is changing it.
pub const TABLE_SKIPPED: u16 = 1684;

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
    /// How many more there are: those that did not fit.
    pub left_out: usize,
}

/// What of a schema is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of it, to make it again elsewhere.
    Everything,
    /// Tables, views and sequences, as many as fit, and what the server says of views that it cannot use.
    Definitions(Bounds),
}

/// How much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// At most so many objects.
    pub objects: usize,
    /// No further one when their texts have this length together, in bytes.
    pub bytes: usize,
}

/// The mode under which schemas are read: options of tables that the server does not know are shown as
/// options, not as comments.
const READ_SQL_MODE: &str = "NO_ENGINE_SUBSTITUTION,IGNORE_BAD_TABLE_OPTIONS";

/// Room for the objects of most schemas, so that they need not be moved while they are read.
const USUAL_OBJECTS: usize = 1_024;

/// Every account and role of a server, as (user, host); a role's host is empty.
pub fn accounts(conn: &mut Connection) -> Result<HashSet<(String, String)>, Error> {
    let rows = conn.query_rows("SELECT User AS user, Host AS host FROM mysql.global_priv")?;
    rows.iter().map(|row| Ok((row.text("user")?.to_owned(), row.text("host")?.to_owned()))).collect()
}

/// Reads `schema`, with what of it is in scope.
///
/// # Errors
/// What the server refused, with the object's name; `unknown schema` when it is not there.
pub fn read_database(
    conn: &mut Connection,
    schema: &DatabaseName,
    scope: Scope,
) -> Result<Database, Failure> {
    // Nothing that reading does belongs in the binary log.
    conn.execute(format!("SET SESSION sql_log_bin = 0, sql_mode = '{READ_SQL_MODE}'"))?;
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
    let mut listed = list_tables(conn, &named)?;
    if scope == Scope::Everything {
        listed.extend(list_programs(conn, &named)?);
        // A stable sort: triggers keep their order.
        listed.sort_by_key(|listed| listed.kind);
    }
    // Each text comes in its own character set, byte by byte.
    conn.execute("SET character_set_results = binary")?;
    let count = listed.len();
    let objects = show_all(conn, schema, listed, scope);
    conn.execute("SET character_set_results = utf8mb4")?;
    let objects = objects?;
    let left_out = count - objects.len();
    Ok(Database { character_set, collation, comment, objects, left_out })
}

fn show_all(
    conn: &mut Connection,
    schema: &DatabaseName,
    listed: Vec<Object>,
    scope: Scope,
) -> Result<Vec<Object>, Failure> {
    let (mut objects, mut bytes) = (Vec::with_capacity(listed.len().min(USUAL_OBJECTS)), 0);
    for object in listed {
        if let Scope::Definitions(bounds) = scope
            && (objects.len() >= bounds.objects || bytes >= bounds.bytes)
        {
            break;
        }
        let (kind, name) = (object.kind, object.name.clone());
        let object = match show(conn, schema, object, scope) {
            // One that it cannot even read: it is there, and cannot be used.
            Err(Error::Statement { code: code::VIEW_INVALID, message }) if scope != Scope::Everything => {
                Object { complaint: Some(message), ..of(kind, &name) }
            }
            object => object.map_err(|error| Failure::Object { kind, name, error })?,
        };
        bytes += object.create.len();
        objects.push(object);
    }
    Ok(objects)
}

/// What the server says of the view that it has just shown, where it cannot use it.
fn complaint(conn: &mut Connection) -> Result<Option<String>, Error> {
    let invalid = code::VIEW_INVALID.to_string();
    let warnings = conn.query_rows("SHOW WARNINGS")?;
    let said = warnings.iter().find(|row| row.text("Code").is_ok_and(|code| code == invalid));
    said.map(|row| Ok(row.text("Message")?.to_owned())).transpose()
}

fn of(kind: Kind, name: &str) -> Object {
    Object { kind, name: name.to_owned(), ..Object::default() }
}

/// Every table, view and sequence in the order of making, yet without its text.
fn list_tables(conn: &mut Connection, schema: &[Value; 1]) -> Result<Vec<Object>, Error> {
    let mut listed = Vec::new();
    let tables = listing(
        conn,
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
        listed.push(of(kind, row.text("name")?));
    }
    listed.sort_by_key(|listed| listed.kind);
    Ok(listed)
}

/// Every routine, trigger and event in the order of making, yet without its text.
fn list_programs(conn: &mut Connection, schema: &[Value; 1]) -> Result<Vec<Object>, Error> {
    let mut listed = Vec::new();
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
        listed.push(Object { stored, ..of(kind, row.text("name")?) });
    }
    // In the order in which they fire, which is the order in which they are to be made.
    let triggers = listing(
        conn,
        "SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ? \
         ORDER BY BINARY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
        schema,
    )?;
    for row in &triggers {
        listed.push(of(Kind::Trigger, row.text("name")?));
    }
    // One whose time has passed can only be made at an earlier time. One that is on is gone at its end, and
    // would be run at once for each time that it has missed.
    let events = conn.exec(
        "SELECT name AS name, MD5(body) AS stored, IF(status = 'ENABLED', NULL, UNIX_TIMESTAMP(created)) AS made_at \
         FROM mysql.event WHERE db = ? ORDER BY BINARY name",
        schema,
    )?;
    for row in &events {
        let stored = row.opt_text("stored")?.map(str::to_owned);
        let made_at = row.opt_text("made_at")?.and_then(|seconds| seconds.parse().ok());
        listed.push(Object { stored, made_at, ..of(Kind::Event, row.text("name")?) });
    }
    Ok(listed)
}

/// A question to the catalogue, which must not leave anything out: to a session that holds the server still,
/// the server leaves out what it would have to wait for.
fn listing(conn: &mut Connection, question: &str, schema: &[Value; 1]) -> Result<Vec<Row>, Error> {
    let rows = conn.exec(question, schema)?;
    let skipped = TABLE_SKIPPED.to_string();
    match conn
        .query_rows("SHOW WARNINGS")?
        .iter()
        .find(|row| row.text("Code").is_ok_and(|code| code == skipped))
    {
        Some(row) => Err(Error::Statement { code: TABLE_SKIPPED, message: row.text("Message")?.to_owned() }),
        None => Ok(rows),
    }
}

fn show(conn: &mut Connection, schema: &DatabaseName, listed: Object, scope: Scope) -> Result<Object, Error> {
    let kind = listed.kind;
    let row = conn.query_one(format!("SHOW CREATE {} {}", kind.words(), quote_ident(&listed.name)))?;
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
        why: format!("the server does not show {} {:?}", kind.words(), listed.name),
    })?;
    let (mut create, mut whole, mut stored) = (create.to_vec(), None, listed.stored.clone());
    if kind == Kind::Table {
        create = without_auto_increment(&create);
        if let Some(found) = hidden::read(conn, schema.as_str(), &listed.name, &create)? {
            (whole, stored) = (Some(found.statement), Some(found.stored));
        }
    }
    let setting = Setting {
        sql_mode: optional(&row, "sql_mode")?,
        time_zone: optional(&row, "time_zone")?,
        character_set_client: optional(&row, "character_set_client")?,
        collation_connection: optional(&row, "collation_connection")?,
        database_collation: optional(&row, "Database Collation")?,
    };
    let said = kind == Kind::View && scope != Scope::Everything;
    let complaint = if said { complaint(conn)? } else { None };
    Ok(Object { create, whole, setting, stored, complaint, ..listed })
}

fn optional(row: &Row, column: &str) -> Result<Option<String>, Error> {
    if !row.columns().iter().any(|name| name.eq_ignore_ascii_case(column)) {
        return Ok(None);
    }
    Ok(row.opt_text(column)?.map(str::to_owned))
}
