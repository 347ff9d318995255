//! What `SHOW CREATE TABLE` does not say of a table.
//!
//! The server prints the whole text in a character set that lacks the rarer characters (an emoji), so a
//! literal default, or the values of an ENUM or SET, may come out as `?`. Of a spatial column it leaves the
//! reference system out. Both are read in other ways here, and written into the statement that makes the
//! copy.

use bough_mysql_client::{Connection, Error, Value, quote_ident};

use super::columns::{Column, columns, replaced};
use super::text::quoted_count;

/// Types whose columns have a reference system.
const SPATIAL: &[&[u8]] = &[
    b"geometry",
    b"point",
    b"linestring",
    b"polygon",
    b"multipoint",
    b"multilinestring",
    b"multipolygon",
    b"geometrycollection",
];

/// A table's hidden parts.
pub struct Hidden {
    /// All of them, for comparison.
    pub stored: String,
    /// The statement with them in it.
    pub statement: Vec<u8>,
}

/// What `create` hides; `None` when that is nothing.
pub fn read(
    conn: &mut Connection,
    schema: &str,
    table: &str,
    create: &[u8],
) -> Result<Option<Hidden>, Error> {
    let (mut stored, mut parts) = (String::new(), Vec::new());
    let columns = columns(create);
    let is_spatial = |column: &Column| SPATIAL.contains(&&create[column.type_word(create)]);
    if columns.iter().any(is_spatial) {
        let rows = conn.exec(
            "SELECT G_GEOMETRY_COLUMN AS name, SRID AS srid FROM information_schema.GEOMETRY_COLUMNS \
             WHERE G_TABLE_SCHEMA = ? AND G_TABLE_NAME = ? AND SRID <> 0 ORDER BY BINARY G_GEOMETRY_COLUMN",
            &[Value::from(schema), Value::from(table)],
        )?;
        for row in &rows {
            let (name, srid) = (row.text("name")?, row.u64("srid")?);
            let column = columns.iter().find(|column| column.name == name.as_bytes());
            let end = column.map_or(0, |column| column.type_word(create).end);
            if end > 0 {
                parts.push((end..end, format!(" REF_SYSTEM_ID={srid}").into_bytes()));
                stored.push_str(&format!("{name} SRID {srid};"));
            }
        }
    }
    for column in &columns {
        if let Some(range) = column.literal_default(create)
            && create[range.clone()].contains(&b'?')
            && !matches!(&create[column.type_word(create)], b"binary" | b"varbinary")
        {
            let name = String::from_utf8_lossy(&column.name);
            for value in kept(conn, table, &name, &["DEFAULT".to_owned()])? {
                stored.push_str(&format!("{name} DEFAULT {};", value.raw));
                parts.push((range.clone(), value.literal()));
            }
        }
        if let Some(range) = column.members(create)
            && create[range.clone()].contains(&b'?')
        {
            let name = String::from_utf8_lossy(&column.name);
            let is_set = &create[column.type_word(create)] == b"set";
            let values = kept(conn, table, &name, &numbers(is_set, quoted_count(&create[range.clone()])))?;
            let literals: Vec<Vec<u8>> = values.iter().map(Text::literal).collect();
            for value in values {
                stored.push_str(&format!("{name} VALUE {};", value.raw));
            }
            parts.push((range, literals.join(&b',')));
        }
    }
    let hides = !parts.is_empty();
    Ok(hides.then(|| Hidden { stored, statement: replaced(create, parts) }))
}

/// A text that the server keeps.
struct Text {
    /// As it is kept, in hexadecimal.
    raw: String,
    /// In utf8mb4; `None` where it is bytes without a character set.
    utf8: Option<Vec<u8>>,
}

impl Text {
    /// As it stands in a statement under the modes that tables are made in.
    fn literal(&self) -> Vec<u8> {
        let Some(utf8) = &self.utf8 else { return format!("X'{}'", self.raw).into_bytes() };
        let mut literal = vec![b'\''];
        for byte in utf8 {
            match byte {
                b'\'' => literal.extend_from_slice(b"''"),
                b'\\' => literal.extend_from_slice(b"\\\\"),
                0 => literal.extend_from_slice(b"\\0"),
                byte => literal.push(*byte),
            }
        }
        literal.push(b'\'');
        literal
    }
}

/// The two forms in which a text `v` is asked for; the session takes every answer as bytes.
const FORMS: &str = "HEX(v) AS raw, IF(CHARSET(v) = 'binary', NULL, CONVERT(v USING utf8mb4)) AS utf8";

fn text_of(row: &bough_mysql_client::Row) -> Result<Text, Error> {
    let raw = row.opt_text("raw")?.unwrap_or_default().to_owned();
    Ok(Text { raw, utf8: row.bytes("utf8")?.map(<[u8]>::to_vec) })
}

/// What the column keeps when each of `values` is put into it: `DEFAULT`, or a member by its number.
fn kept(conn: &mut Connection, table: &str, column: &str, values: &[String]) -> Result<Vec<Text>, Error> {
    let (table, column, probe) = (quote_ident(table), quote_ident(column), quote_ident("bough probe"));
    let rows: Vec<String> = values.iter().enumerate().map(|(n, value)| format!("({value},{n})")).collect();
    // A copy of the one column, its default included: the table itself may have no row, or no room for one.
    conn.execute(format!(
        "CREATE TEMPORARY TABLE {probe} AS SELECT {column} AS v, 0 AS n FROM {table} LIMIT 0"
    ))?;
    let found = (|| {
        conn.execute(format!("INSERT INTO {probe} (v, n) VALUES {}", rows.join(",")))?;
        conn.query_rows(format!("SELECT {FORMS} FROM {probe} ORDER BY n"))
    })();
    conn.execute(format!("DROP TEMPORARY TABLE {probe}"))?;
    found?.iter().map(text_of).collect()
}

/// The numbers of an ENUM's or SET's members, as it keeps them.
fn numbers(is_set: bool, count: usize) -> Vec<String> {
    (0..count).map(|n| if is_set { 1_u64 << n.min(63) } else { n as u64 + 1 }.to_string()).collect()
}
