//! A whole schema.

use bough_model::DatabaseName;

use crate::{Sequence, Table, TableName, Unreadable, View};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A table.
    Table,
    /// A view.
    View,
    /// A sequence.
    Sequence,
}

impl ObjectKind {
    /// In a sentence.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::Sequence => "sequence",
        }
    }
}

/// An object in the server's own words.
#[derive(Clone, Copy, Debug)]
pub struct Definition<'a> {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: &'a str,
    /// What `SHOW CREATE` prints.
    pub create: &'a [u8],
}

/// An object that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: TableName,
    /// Why not.
    pub why: Unreadable,
}

/// The tables, views and sequences of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Its name.
    pub name: DatabaseName,
    /// Its tables.
    pub tables: Vec<Table>,
    /// Its views.
    pub views: Vec<View>,
    /// Its sequences.
    pub sequences: Vec<Sequence>,
    /// What of it is not known.
    pub unread: Vec<Unread>,
}

impl Schema {
    /// Reads definitions, in the order in which they are to be kept. Nothing is refused: what cannot be read
    /// is listed.
    pub fn read<'a>(name: DatabaseName, definitions: impl IntoIterator<Item = Definition<'a>>) -> Self {
        let mut schema =
            Self { name, tables: Vec::new(), views: Vec::new(), sequences: Vec::new(), unread: Vec::new() };
        for Definition { kind, name, create } in definitions {
            let read = match kind {
                ObjectKind::Table => Table::read(create).map(|table| schema.tables.push(table)),
                ObjectKind::View => View::read(create).map(|view| schema.views.push(view)),
                ObjectKind::Sequence => {
                    Sequence::read(create).map(|sequence| schema.sequences.push(sequence))
                }
            };
            if let Err(why) = read {
                schema.unread.push(Unread { kind, name: name.to_owned().into(), why });
            }
        }
        schema
    }

    /// The table of a name.
    pub fn table(&self, name: &TableName) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// The view of a name.
    pub fn view(&self, name: &TableName) -> Option<&View> {
        self.views.iter().find(|view| view.name == *name)
    }
}
