//! Between rows and values of the model.

use bough_model::{ActorKind, ActorRef, ClusterSizeName, RegionSlug, Timestamp};
use rusqlite::{OptionalExtension as _, Params, Row};

use crate::StoreError;
use crate::connection::Db;

/// Which part of a list: numbers from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Which page, from 1.
    pub number: u32,
    /// Rows per page.
    pub size: u32,
}

impl Page {
    pub(crate) fn limit(self) -> i64 {
        i64::from(self.size)
    }

    pub(crate) fn offset(self) -> i64 {
        i64::from(self.number.saturating_sub(1)) * i64::from(self.size)
    }
}

/// Every row of a query.
pub(crate) fn all<T>(
    db: &impl Db,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = db.connection().prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// The first row of a query.
pub(crate) fn first<T>(
    db: &impl Db,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut statement = db.connection().prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    match rows.next()? {
        Some(row) => read(row).map(Some),
        None => Ok(None),
    }
}

/// A count or another single number.
pub(crate) fn number(db: &impl Db, sql: &str, params: impl Params) -> Result<i64, StoreError> {
    let found = db.connection().prepare_cached(sql)?.query_row(params, |row| row.get(0)).optional()?;
    Ok(found.unwrap_or(0))
}

/// Runs a statement that changes rows; answers how many.
pub(crate) fn change(db: &impl Db, sql: &str, params: impl Params) -> Result<usize, StoreError> {
    Ok(db.connection().prepare_cached(sql)?.execute(params)?)
}

/// Reads a text column through a `parse` of the model.
pub(crate) fn parsed<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, StoreError> {
    let value = row.get_ref(column)?;
    let text = value.as_str().map_err(|_| StoreError::Unknown(format!("{column} is not text")))?;
    parse(text).ok_or_else(|| StoreError::Unknown(format!("{column} = {text:?}")))
}

/// As [`parsed`], for a column that may be null.
pub(crate) fn parsed_opt<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| parse(&text).ok_or_else(|| StoreError::Unknown(format!("{column} = {text:?}"))))
        .transpose()
}

pub(crate) fn time(row: &Row<'_>, column: &str) -> Result<Timestamp, StoreError> {
    Ok(Timestamp::from_micros(row.get(column)?))
}

pub(crate) fn time_opt(row: &Row<'_>, column: &str) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}

pub(crate) fn region(row: &Row<'_>) -> Result<RegionSlug, StoreError> {
    parsed(row, "region", RegionSlug::parse)
}

pub(crate) fn cluster_size(row: &Row<'_>) -> Result<ClusterSizeName, StoreError> {
    parsed(row, "cluster_size", ClusterSizeName::parse)
}

/// The three columns in which an actor outlives itself.
pub(crate) fn actor(row: &Row<'_>, prefix: &str) -> Result<ActorRef, StoreError> {
    Ok(ActorRef {
        kind: parsed(row, &format!("{prefix}_kind"), ActorKind::parse)?,
        id: row.get(format!("{prefix}_id").as_str())?,
        display_name: row.get(format!("{prefix}_name").as_str())?,
    })
}

/// Text with the wildcards of LIKE taken literally, as part of a pattern with `ESCAPE '!'`.
pub(crate) fn like_anywhere(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
