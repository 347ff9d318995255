//! Makes a schema's objects on the child.

use std::fmt::Write as _;

use bough_model::DatabaseName;
use bough_mysql_client::{Connection, Error, SESSION_SQL_MODE, quote_ident, quote_str};

use super::{Database, Failure, Kind, Object, Setting, order};
use crate::killpoint;

/// The mode under which tables are made: definitions that were valid once must be again, options that the
/// server does not know included, but no engine is replaced by another.
const TABLE_SQL_MODE: &str = "NO_ENGINE_SUBSTITUTION,IGNORE_BAD_TABLE_OPTIONS";

/// Removes the schema with what an interrupted copy left in it, and makes it anew, empty.
pub fn make_empty(conn: &mut Connection, schema: &DatabaseName, like: &Database) -> Result<(), Error> {
    conn.execute("SET SESSION sql_log_bin = 0, foreign_key_checks = 0, innodb_strict_mode = 0")?;
    let ident = quote_ident(schema.as_str());
    conn.execute(format!("DROP DATABASE IF EXISTS {ident}"))?;
    killpoint::reach("copy-schema.dropped");
    let (cs, coll) = (quote_str(&like.character_set), quote_str(&like.collation));
    conn.execute(format!("CREATE DATABASE {ident} CHARACTER SET {cs} COLLATE {coll}"))?;
    if !like.comment.is_empty() {
        execute_text(
            conn,
            format!("ALTER DATABASE {ident} COMMENT = {}", plain_quoted(&like.comment)).as_bytes(),
        )?;
    }
    conn.execute(format!("USE {ident}"))
}

/// A text as a plain string literal under this crate's own SQL mode, for where the grammar takes no other.
fn plain_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// Makes everything in `database` in the schema that [`make_empty`] made.
pub fn make_all(conn: &mut Connection, schema: &DatabaseName, database: &Database) -> Result<(), Failure> {
    let mut writer =
        Writer { conn, schema, home: &database.collation, now: None, collation: database.collation.clone() };
    for group in database.objects.chunk_by(|a, b| a.kind == b.kind) {
        // Whatever needs another of its kind comes after it, however many rounds that takes.
        let mut waiting: Vec<&Object> = match group {
            [Object { kind: Kind::View, .. }, ..] => order::by_what_they_read(group),
            _ => group.iter().collect(),
        };
        while !waiting.is_empty() {
            let mut failed: Vec<(&Object, Error)> = Vec::new();
            let round = waiting.len();
            for (done, object) in waiting.drain(..).enumerate() {
                match writer.make(object) {
                    Ok(()) => {}
                    Err(error) if error.keeps_connection() => failed.push((object, error)),
                    Err(error) => return Err(error.into()),
                }
                if done == round / 2 && object.kind == Kind::Table {
                    killpoint::reach("copy-schema.half-copied");
                }
            }
            if failed.len() == round {
                let (object, error) = failed.swap_remove(0);
                return Err(Failure::Object { kind: object.kind, name: object.name.clone(), error });
            }
            waiting = failed.into_iter().map(|(object, _)| object).collect();
        }
    }
    writer.finish()?;
    Ok(())
}

struct Writer<'a> {
    conn: &'a mut Connection,
    schema: &'a DatabaseName,
    /// The schema's own collation.
    home: &'a str,
    /// The session's setting, once one was made.
    now: Option<Setting>,
    /// The schema's collation at the moment.
    collation: String,
}

impl Writer<'_> {
    fn make(&mut self, object: &Object) -> Result<(), Error> {
        if self.now.as_ref() != Some(&object.setting) {
            self.take_on(&object.setting)?;
        }
        let statement = object.whole.as_deref().unwrap_or(&object.create);
        let Some(made_at) = object.made_at else { return execute_text(self.conn, statement) };
        self.conn.execute(format!("SET timestamp = {made_at}"))?;
        let made = execute_text(self.conn, statement);
        self.conn.execute("SET timestamp = DEFAULT")?;
        made
    }

    /// Programs remember the session and the schema they were made in.
    fn take_on(&mut self, setting: &Setting) -> Result<(), Error> {
        self.now = None;
        let wanted = setting.database_collation.as_deref().unwrap_or(self.home);
        if self.collation != wanted {
            let ident = quote_ident(self.schema.as_str());
            self.conn.execute(format!("ALTER DATABASE {ident} COLLATE {}", quote_str(wanted)))?;
            wanted.clone_into(&mut self.collation);
        }
        let client = setting.character_set_client.as_deref().unwrap_or("utf8mb4");
        let connection = setting.collation_connection.as_deref().unwrap_or("utf8mb4_general_ci");
        self.conn.execute(format!(
            "SET character_set_client = {}, collation_connection = {}, sql_mode = {}, time_zone = {}",
            quote_str(client),
            quote_str(connection),
            quote_str(setting.sql_mode.as_deref().unwrap_or(TABLE_SQL_MODE)),
            quote_str(setting.time_zone.as_deref().unwrap_or("+00:00")),
        ))?;
        self.now = Some(setting.clone());
        Ok(())
    }

    /// The session and the schema as they were.
    fn finish(mut self) -> Result<(), Error> {
        self.take_on(&Setting::default())?;
        self.conn
            .execute(format!("SET NAMES utf8mb4, sql_mode = '{SESSION_SQL_MODE}', foreign_key_checks = 1"))
    }
}

/// Runs a statement that is not UTF-8, or not in the session's character set: the server takes a
/// hexadecimal literal's bytes as they are, for text in `character_set_client`.
fn execute_text(conn: &mut Connection, text: &[u8]) -> Result<(), Error> {
    let mut sql = String::with_capacity(text.len() * 2 + 32);
    sql.push_str("EXECUTE IMMEDIATE X'");
    for byte in text {
        // Writing into a String cannot fail.
        let _ = write!(sql, "{byte:02X}");
    }
    sql.push('\'');
    conn.execute(sql)
}
