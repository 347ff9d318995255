//! Values on their way in and rows on their way out.

use std::sync::Arc;

use crate::Error;

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `NULL`.
    Null,
    /// A number with a sign.
    Int(i64),
    /// A number without a sign.
    UInt(u64),
    /// Text or bytes.
    Bytes(Vec<u8>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Bytes(text.into_bytes())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::UInt(number)
    }
}

impl From<Value> for mysql::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Int(number) => Self::Int(number),
            Value::UInt(number) => Self::UInt(number),
            Value::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}

/// One row of an answer; every value is text or bytes as the server prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Option<Vec<u8>>>,
}

impl Row {
    pub(crate) fn new(columns: Arc<[String]>, row: mysql::Row) -> Self {
        let values = row.unwrap_raw().into_iter().map(|value| value.and_then(printed)).collect();
        Self { columns, values }
    }

    /// The columns' names, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The values, in the columns' order; `None` is `NULL`.
    pub fn values(&self) -> &[Option<Vec<u8>>] {
        &self.values
    }

    /// The bytes of the named column; `None` is `NULL`. Upper and lower case count as alike.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when there is no such column.
    pub fn bytes(&self, column: &str) -> Result<Option<&[u8]>, Error> {
        let at = self
            .columns
            .iter()
            .position(|name| name.eq_ignore_ascii_case(column))
            .ok_or_else(|| Error::Unexpected { why: format!("no column {column:?} in the answer") })?;
        Ok(self.values.get(at).and_then(Option::as_deref))
    }

    /// The text of the named column; `None` is `NULL`.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when there is no such column or it does not hold UTF-8.
    pub fn opt_text(&self, column: &str) -> Result<Option<&str>, Error> {
        let bytes = self.bytes(column)?;
        bytes
            .map(std::str::from_utf8)
            .transpose()
            .map_err(|_| Error::Unexpected { why: format!("column {column:?} is not valid UTF-8") })
    }

    /// The text of the named column.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when there is no such column, it is `NULL` or not UTF-8.
    pub fn text(&self, column: &str) -> Result<&str, Error> {
        let text = self.opt_text(column)?;
        text.ok_or_else(|| Error::Unexpected { why: format!("column {column:?} is NULL") })
    }

    /// The number in the named column.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when there is no such column, or no number without sign in it.
    pub fn u64(&self, column: &str) -> Result<u64, Error> {
        self.text(column)?
            .parse()
            .map_err(|_| Error::Unexpected { why: format!("column {column:?} is not a whole number") })
    }
}

fn printed(value: mysql::Value) -> Option<Vec<u8>> {
    use mysql::Value as V;
    match value {
        V::NULL => None,
        V::Bytes(bytes) => Some(bytes),
        V::Int(number) => Some(number.to_string().into_bytes()),
        V::UInt(number) => Some(number.to_string().into_bytes()),
        V::Float(number) => Some(number.to_string().into_bytes()),
        V::Double(number) => Some(number.to_string().into_bytes()),
        V::Date(y, mo, d, h, mi, s, us) => {
            Some(format!("{y:04}-{mo:02}-{d:02} {h:02}:{mi:02}:{s:02}.{us:06}").into_bytes())
        }
        V::Time(negative, d, h, mi, s, us) => {
            let sign = if negative { "-" } else { "" };
            let hours = u64::from(d) * 24 + u64::from(h);
            Some(format!("{sign}{hours:02}:{mi:02}:{s:02}.{us:06}").into_bytes())
        }
    }
}
