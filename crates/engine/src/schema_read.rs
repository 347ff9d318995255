//! Reads a branch's schema: as statements for people and for comparison, and as a cheap fingerprint that
//! tells whether it changed.

use std::fmt::Write as _;

use bough_model::{BranchId, DatabaseName};
use bough_mysql_client::{Connection, Error, Value, code, quote_ident};

use crate::layout::hash;
use crate::managed::ManagedEngine;
use crate::schema_copy::{Bounds, Kind, Scope, read_settled, without_auto_increment};
use crate::{EngineError, prepare};

/// What an object of a schema is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaObjectKind {
    /// A table.
    Table,
    /// A view.
    View,
    /// A sequence.
    Sequence,
}

/// A table or view as the server prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaObject {
    /// Its name.
    pub name: String,
    /// Table or view.
    pub kind: SchemaObjectKind,
    /// The statement that makes it, without the counter's value.
    pub create: String,
}

/// Every table, view and sequence of a schema at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definitions {
    /// What each is, its name, and the statement that makes it as it is, whatever the server leaves out of what
    /// it prints: see `schema_copy`. Bytes, since a default of a binary column may hold any.
    pub objects: Vec<(SchemaObjectKind, String, Vec<u8>)>,
    /// Views that cannot be used. The server may not show the text of one, then it is not among the objects.
    pub complaints: Vec<ViewComplaint>,
    /// How many objects were not read, since there are too many, or too much text.
    pub left_out: usize,
}

/// A view that the server cannot use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewComplaint {
    /// The view.
    pub view: String,
    /// What the server says.
    pub words: String,
}

/// A schema in brief.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaSummary {
    /// How many tables there are, views and sequences not counted.
    pub table_count: u64,
    /// Changes when a table or view does; otherwise stays the same, also over a restart.
    pub fingerprint: String,
}

impl ManagedEngine {
    /// The tables and views of a branch's schema, sorted by name.
    ///
    /// # Errors
    /// [`EngineError::Server`] when the server does not run or refuses.
    pub fn read_schema(
        &self,
        id: &BranchId,
        schema: &DatabaseName,
    ) -> Result<Vec<SchemaObject>, EngineError> {
        let reading = EngineError::server(id, "had its schema read");
        let mut conn = self.connect(id)?;
        read(&mut conn, schema).map_err(reading)
    }

    /// The tables, views and sequences of a branch's schema as they are at one moment, within bounds. Holds up
    /// nobody: a schema that changes all the time is not read.
    ///
    /// # Errors
    /// [`EngineError::Server`] when the server does not run or refuses; [`EngineError::Refused`] when the
    /// schema keeps changing.
    pub fn read_definitions(
        &self,
        id: &BranchId,
        schema: &DatabaseName,
        bounds: Bounds,
    ) -> Result<Definitions, EngineError> {
        let mut conn = self.connect(id)?;
        let database = read_settled(id, &mut conn, schema, Scope::Definitions(bounds))?;
        let mut complaints = Vec::new();
        let mut objects = Vec::with_capacity(database.objects.len());
        for object in database.objects {
            let kind = match object.kind {
                Kind::Sequence => SchemaObjectKind::Sequence,
                Kind::View => SchemaObjectKind::View,
                _ => SchemaObjectKind::Table,
            };
            if let Some(words) = object.complaint {
                complaints.push(ViewComplaint { view: object.name.clone(), words });
            }
            let create = object.whole.unwrap_or(object.create);
            if !create.is_empty() {
                objects.push((kind, object.name, create));
            }
        }
        Ok(Definitions { objects, complaints, left_out: database.left_out })
    }

    /// A branch's schema in brief, from the server's catalogue.
    ///
    /// # Errors
    /// [`EngineError::Server`] when the server does not run or refuses.
    pub fn schema_fingerprint(
        &self,
        id: &BranchId,
        schema: &DatabaseName,
    ) -> Result<SchemaSummary, EngineError> {
        let reading = EngineError::server(id, "had its schema read");
        let mut conn = self.connect(id)?;
        summarize(&mut conn, schema).map_err(reading)
    }

    /// Whether a branch's server has its schema. Whoever may change everything in it may remove it, too.
    ///
    /// # Errors
    /// [`EngineError::Server`] when the server does not run or refuses.
    pub fn has_schema(&self, id: &BranchId, schema: &DatabaseName) -> Result<bool, EngineError> {
        let mut conn = self.connect(id)?;
        let question = "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?";
        let rows = conn.exec(question, &[Value::from(schema.as_str())]);
        Ok(!rows.map_err(EngineError::server(id, "was asked for its schema"))?.is_empty())
    }

    /// Makes a branch's schema, empty, where there is none.
    ///
    /// # Errors
    /// [`EngineError::Server`] when the server does not run or refuses.
    pub fn make_missing_schema(&self, id: &BranchId, schema: &DatabaseName) -> Result<(), EngineError> {
        let mut conn = self.connect(id)?;
        prepare::make_schema(&mut conn, schema).map_err(EngineError::server(id, "had its schema made"))
    }
}

fn read(conn: &mut Connection, schema: &DatabaseName) -> Result<Vec<SchemaObject>, Error> {
    conn.execute(format!("USE {}", quote_ident(schema.as_str())))?;
    let rows = conn.exec(
        "SELECT TABLE_NAME AS name, TABLE_TYPE AS type FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? \
         AND TABLE_TYPE NOT IN ('SEQUENCE', 'TEMPORARY') ORDER BY BINARY TABLE_NAME",
        &[Value::from(schema.as_str())],
    )?;
    let mut objects = Vec::with_capacity(rows.len());
    for row in &rows {
        let name = row.text("name")?;
        let (kind, word, column) = match row.text("type")? {
            "VIEW" => (SchemaObjectKind::View, "VIEW", "Create View"),
            _ => (SchemaObjectKind::Table, "TABLE", "Create Table"),
        };
        let shown = match conn.query_one(format!("SHOW CREATE {word} {}", quote_ident(name))) {
            Ok(shown) => shown,
            // Dropped since the list was read.
            Err(error) if error.code() == Some(code::NO_SUCH_TABLE) => continue,
            Err(error) => return Err(error),
        };
        let create = shown.bytes(column)?.unwrap_or_default();
        let create = match kind {
            SchemaObjectKind::Table => without_auto_increment(create),
            _ => create.to_vec(),
        };
        // A default of a binary column may hold any byte.
        let create = String::from_utf8_lossy(&create).into_owned();
        objects.push(SchemaObject { name: name.to_owned(), kind, create });
    }
    Ok(objects)
}

/// The catalogue's questions; each names the schema once. Creation times tell most changes; columns and
/// indexes tell those of the same second.
const CATALOGUE: &[&str] = &[
    "SELECT TABLE_NAME, TABLE_TYPE, CREATE_TIME, ENGINE, TABLE_COLLATION, CREATE_OPTIONS, TABLE_COMMENT \
     FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE <> 'TEMPORARY' ORDER BY BINARY TABLE_NAME",
    "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLUMN_DEFAULT, IS_NULLABLE, COLLATION_NAME, EXTRA, \
     GENERATION_EXPRESSION, COLUMN_COMMENT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? \
     ORDER BY BINARY TABLE_NAME, ORDINAL_POSITION",
    "SELECT TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE, SUB_PART, INDEX_TYPE, INDEX_COMMENT \
     FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? \
     ORDER BY BINARY TABLE_NAME, BINARY INDEX_NAME, SEQ_IN_INDEX",
    "SELECT TABLE_NAME, MD5(VIEW_DEFINITION), CHECK_OPTION, SECURITY_TYPE FROM information_schema.VIEWS \
     WHERE TABLE_SCHEMA = ? ORDER BY BINARY TABLE_NAME",
];

fn summarize(conn: &mut Connection, schema: &DatabaseName) -> Result<SchemaSummary, Error> {
    let named = [Value::from(schema.as_str())];
    let mut table_count = 0;
    let mut fingerprint = String::new();
    for (at, question) in CATALOGUE.iter().enumerate() {
        let mut text = Vec::new();
        for row in conn.exec(question, &named)? {
            if at == 0 && !matches!(row.text("TABLE_TYPE")?, "VIEW" | "SEQUENCE") {
                table_count += 1;
            }
            for value in row.values() {
                // A length before each value: ("a", "bc") and ("ab", "c") differ.
                let (length, bytes) = value.as_ref().map_or((u64::MAX, &[][..]), |v| (v.len() as u64, v));
                text.extend_from_slice(&length.to_le_bytes());
                text.extend_from_slice(bytes);
            }
        }
        // Writing into a String cannot fail.
        let _ = write!(fingerprint, "{:016x}", hash(&text));
    }
    Ok(SchemaSummary { table_count, fingerprint })
}
