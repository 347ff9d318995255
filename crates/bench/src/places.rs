//! Fills a metadata file with databases and branches, as copies of rows that Bough made itself: whatever
//! columns there are, they hold what they hold in a real row. The branches are asleep and not due for
//! anything, so that nobody starts their servers. Only while no Bough has the file open.

use std::path::Path;

use anyhow::{Result, ensure};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::fill::{COUNT, MADE_AT, id_of, unsafe_but_fast};

/// No try is due before that, in microseconds since 1970: the year 2100.
const NOT_DUE: i64 = 4_102_444_800_000_000;
/// Where ids of databases and of branches begin.
const FIRST_DATABASE: u64 = 1 << 40;
const FIRST_BRANCH: u64 = 1 << 41;

/// The name of the database of a number. Names that differ in their last letter are taken and free.
pub fn database_name(number: u64) -> String {
    format!("scale-{number:06}a")
}

/// The id of the database of a number.
pub fn database_id(number: u64) -> String {
    id_of(FIRST_DATABASE + number)
}

/// A name of the same form that no database has.
pub fn free_name(number: u64) -> String {
    format!("scale-{number:06}b")
}

/// The name of a database's nth branch besides `main`.
pub fn branch_name(nth: u64) -> String {
    format!("work-{nth:02}a")
}

/// A name of the same form that no branch has.
pub fn free_branch_name(nth: u64) -> String {
    format!("work-{nth:02}b")
}

/// A row by column, and the statement that puts such a row in.
struct Template {
    columns: Vec<String>,
    values: Vec<Value>,
    insert: String,
}

impl Template {
    fn of(db: &Connection, table: &str, id: &str) -> Result<Self> {
        let mut statement = db.prepare(&format!("SELECT * FROM {table} WHERE id = ?"))?;
        let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let values = statement.query_row([id], |row| {
            (0..columns.len()).map(|at| row.get::<_, Value>(at)).collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let marks = vec!["?"; columns.len()].join(", ");
        let insert = format!("INSERT INTO {table} ({}) VALUES ({marks})", columns.join(", "));
        Ok(Self { columns, values, insert })
    }

    /// Puts a copy in that differs in these columns.
    fn put(&self, db: &Connection, differs: &[(&str, Value)]) -> Result<()> {
        let mut values = self.values.clone();
        for (column, value) in differs {
            let at = self.columns.iter().position(|known| known == column);
            let Some(at) = at else { anyhow::bail!("there is no column {column}") };
            values[at] = value.clone();
        }
        db.prepare_cached(&self.insert)?.execute(params_from_iter(values))?;
        Ok(())
    }
}

/// Adds `databases` databases with `branches` branches each, the first of which is a production branch, to
/// the organization of the database `like`, which has a branch `main` and one other.
pub fn fill(file: &Path, like: &str, databases: u64, branches: u64) -> Result<()> {
    ensure!(branches >= 1, "a database has a branch");
    let db = Connection::open(file)?;
    unsafe_but_fast(&db)?;
    let text = |sql: &str, param: &str| db.query_row(sql, [param], |row| row.get::<_, String>(0));
    let id = text("SELECT id FROM databases WHERE live_name = ?", like)?;
    let main = text("SELECT id FROM branches WHERE database_id = ? AND live_name = 'main'", &id)?;
    let other = text("SELECT id FROM branches WHERE database_id = ? AND live_name <> 'main' LIMIT 1", &id)?;
    let database = Template::of(&db, "databases", &id)?;
    let (main, other) = (Template::of(&db, "branches", &main)?, Template::of(&db, "branches", &other)?);
    db.execute_batch("BEGIN")?;
    for number in 0..databases {
        let (id, name) = (database_id(number), database_name(number));
        let at = MADE_AT + i64::try_from(number)?;
        let branch_id = |nth| id_of(FIRST_BRANCH + number * branches + nth);
        database.put(
            &db,
            &[
                ("id", id.clone().into()),
                ("name", name.clone().into()),
                ("live_name", name.into()),
                ("default_branch_id", branch_id(0).into()),
                ("created_at", at.into()),
                ("updated_at", at.into()),
            ],
        )?;
        for nth in 0..branches {
            let name = if nth == 0 { "main".to_owned() } else { branch_name(nth) };
            let parent = if nth == 0 { Value::Null } else { branch_id(0).into() };
            let at = at + i64::try_from(nth)?;
            let template = if nth == 0 { &main } else { &other };
            template.put(
                &db,
                &[
                    ("id", branch_id(nth).into()),
                    ("database_id", id.clone().into()),
                    ("name", name.clone().into()),
                    ("live_name", name.into()),
                    ("parent_id", parent),
                    ("state", "sleeping".to_owned().into()),
                    ("next_try_at", NOT_DUE.into()),
                    ("created_at", at.into()),
                    ("updated_at", at.into()),
                ],
            )?;
        }
    }
    db.execute_batch(&format!("{COUNT}; COMMIT; PRAGMA journal_mode = WAL;"))?;
    Ok(())
}
