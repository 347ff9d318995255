//! A table.

use crate::constraint::Constraint;
use crate::names::quote;
use crate::scan::{Read, Scanner, Unreadable};
use crate::{
    CharacterSet, Check, CollationName, Column, ColumnName, DEFINITION_MAX_BYTES, EngineName, ForeignKey,
    Index, IndexKind, Partitioning, Period, TableName, TableOption,
};

/// A table as it is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// From when to when its rows are valid.
    pub periods: Vec<Period>,
    /// Its indexes, in the server's order: the primary key comes first.
    pub indexes: Vec<Index>,
    /// What it refers to.
    pub foreign_keys: Vec<ForeignKey>,
    /// What each row fulfils.
    pub checks: Vec<Check>,
    /// All else that is said of it, in the server's order.
    pub options: Vec<TableOption>,
    /// How it is cut into parts.
    pub partitioning: Option<Partitioning>,
}

impl Table {
    /// Reads what the server prints for `SHOW CREATE TABLE`.
    ///
    /// # Errors
    /// [`Unreadable`] when it is no such text, or would not be printed back as it is.
    pub fn read(create: &[u8]) -> Result<Self, Unreadable> {
        let scanner = Scanner::new(create);
        if create.len() > DEFINITION_MAX_BYTES {
            return scanner.wrong(format!("the definition is longer than {DEFINITION_MAX_BYTES} bytes"));
        }
        let table = Self::read_from(scanner)?;
        came_back(create, &table.print())?;
        Ok(table)
    }

    fn read_from(mut scanner: Scanner<'_>) -> Read<Self> {
        scanner.expect("CREATE TABLE ")?;
        let mut table = Self {
            name: scanner.name()?.into(),
            columns: Vec::new(),
            periods: Vec::new(),
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            options: Vec::new(),
            partitioning: None,
        };
        scanner.expect(" (\n")?;
        loop {
            scanner.expect("  ")?;
            table.read_item(&mut scanner)?;
            if !scanner.take(",\n") {
                break;
            }
        }
        scanner.expect("\n)")?;
        while scanner.peek() == Some(b' ') {
            scanner.expect(" ")?;
            table.options.push(TableOption::read(&mut scanner)?);
        }
        table.partitioning = Partitioning::read(&mut scanner)?;
        if !scanner.is_at_end() {
            return scanner.wrong("the end was expected");
        }
        Ok(table)
    }

    fn read_item(&mut self, scanner: &mut Scanner<'_>) -> Read<()> {
        if scanner.peek() == Some(b'`') {
            self.columns.push(Column::read(scanner)?);
        } else if let Some(period) = Period::read(scanner)? {
            self.periods.push(period);
        } else if let Some(index) = Index::read(scanner)? {
            self.indexes.push(index);
        } else {
            match Constraint::read(scanner)? {
                Some(Constraint::ForeignKey(key)) => self.foreign_keys.push(key),
                Some(Constraint::Check(check)) => self.checks.push(check),
                None => return scanner.wrong("a column, an index or a constraint was expected"),
            }
        }
        Ok(())
    }

    /// The text that it was read from.
    pub fn print(&self) -> Vec<u8> {
        let mut out = b"CREATE TABLE ".to_vec();
        quote(&mut out, self.name.as_str());
        out.extend_from_slice(b" (");
        let mut is_first = true;
        let mut next = |out: &mut Vec<u8>| {
            out.extend_from_slice(if is_first { b"\n  " } else { b",\n  " });
            is_first = false;
        };
        for column in &self.columns {
            next(&mut out);
            column.print(&mut out);
        }
        // That of system versioning stands behind the indexes, one of the application before them.
        let (named, unnamed): (Vec<_>, Vec<_>) =
            self.periods.iter().partition(|period| period.name.is_some());
        for period in named {
            next(&mut out);
            period.print(&mut out);
        }
        for index in &self.indexes {
            next(&mut out);
            index.print(&mut out);
        }
        for period in unnamed {
            next(&mut out);
            period.print(&mut out);
        }
        for key in &self.foreign_keys {
            next(&mut out);
            key.print(&mut out);
        }
        for check in &self.checks {
            next(&mut out);
            check.print(&mut out);
        }
        out.extend_from_slice(b"\n)");
        for option in &self.options {
            out.push(b' ');
            option.print(&mut out);
        }
        if let Some(partitioning) = &self.partitioning {
            partitioning.print(&mut out);
        }
        out
    }

    /// The column of a name.
    pub fn column(&self, name: &ColumnName) -> Option<&Column> {
        // The server prints the same letters wherever it names a column, so comparing is enough, mostly.
        let same = self.columns.iter().find(|column| column.name == *name);
        same.or_else(|| self.columns.iter().find(|column| column.name.is(name)))
    }

    /// The period of a name.
    pub fn period(&self, name: &ColumnName) -> Option<&Period> {
        self.periods.iter().find(|period| period.name.as_ref().is_some_and(|own| own.is(name)))
    }

    /// The primary key.
    pub fn primary_key(&self) -> Option<&Index> {
        self.indexes.iter().find(|index| index.kind == IndexKind::Primary)
    }

    /// What keeps its rows.
    pub fn engine(&self) -> Option<&EngineName> {
        self.options.iter().find_map(|option| match option {
            TableOption::Engine(name) => Some(name),
            _ => None,
        })
    }

    /// The character set of columns that name none.
    pub fn character_set(&self) -> Option<&CharacterSet> {
        self.options.iter().find_map(|option| match option {
            TableOption::CharacterSet(name) => Some(name),
            _ => None,
        })
    }

    /// The collation of columns that name none.
    pub fn collation(&self) -> Option<&CollationName> {
        self.options.iter().find_map(|option| match option {
            TableOption::Collate(name) => Some(name),
            _ => None,
        })
    }
}

/// Whether what was read is printed as it was.
pub(crate) fn came_back(read: &[u8], printed: &[u8]) -> Result<(), Unreadable> {
    if read == printed {
        return Ok(());
    }
    let at = read.iter().zip(printed).take_while(|(a, b)| a == b).count();
    Err(Unreadable::at(read, at, "this would not be printed as it was read"))
}
