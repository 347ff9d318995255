//! A view.

use crate::names::quote;
use crate::scan::{Read, Scanner, Unreadable};
use crate::table::came_back;
use crate::{ColumnName, DEFINITION_MAX_BYTES, TableName, Text};

/// A view as it is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// How its rows are found: `UNDEFINED`, `MERGE`, `TEMPTABLE`.
    pub algorithm: String,
    /// Whose it is, as the server prints it.
    pub definer: Text,
    /// With whose rights it reads: `DEFINER`, `INVOKER`.
    pub security: String,
    /// Its name.
    pub name: TableName,
    /// The names of its columns, where they are not those of the query.
    pub columns: Vec<ColumnName>,
    /// The query, and what is checked of rows that are put in, word for word.
    pub query: Text,
}

impl View {
    /// Reads what the server prints for `SHOW CREATE VIEW`.
    ///
    /// # Errors
    /// [`Unreadable`] when it is no such text, or would not be printed back as it is.
    pub fn read(create: &[u8]) -> Result<Self, Unreadable> {
        let scanner = Scanner::new(create);
        if create.len() > DEFINITION_MAX_BYTES {
            return scanner.wrong(format!("the definition is longer than {DEFINITION_MAX_BYTES} bytes"));
        }
        let view = Self::read_from(scanner)?;
        came_back(create, &view.print())?;
        Ok(view)
    }

    fn read_from(mut scanner: Scanner<'_>) -> Read<Self> {
        scanner.expect("CREATE ALGORITHM=")?;
        let algorithm = scanner.word_text()?;
        scanner.expect(" DEFINER=")?;
        let definer = scanner.value()?;
        scanner.expect(" SQL SECURITY ")?;
        let security = scanner.word_text()?;
        scanner.expect(" VIEW ")?;
        let name = scanner.name()?.into();
        scanner.expect(" ")?;
        let mut columns = Vec::new();
        if scanner.peek() == Some(b'(') {
            columns = scanner.names()?;
            scanner.expect(" ")?;
        }
        scanner.expect("AS ")?;
        Ok(Self { algorithm, definer, security, name, columns, query: scanner.take_rest() })
    }

    /// The text that it was read from.
    pub fn print(&self) -> Vec<u8> {
        let mut out = format!("CREATE ALGORITHM={} DEFINER=", self.algorithm).into_bytes();
        out.extend_from_slice(self.definer.as_bytes());
        out.extend_from_slice(format!(" SQL SECURITY {} VIEW ", self.security).as_bytes());
        quote(&mut out, self.name.as_str());
        for (number, column) in self.columns.iter().enumerate() {
            out.extend_from_slice(if number == 0 { b" (" } else { b"," });
            quote(&mut out, column.as_str());
        }
        if !self.columns.is_empty() {
            out.push(b')');
        }
        out.extend_from_slice(b" AS ");
        out.extend_from_slice(self.query.as_bytes());
        out
    }
}
