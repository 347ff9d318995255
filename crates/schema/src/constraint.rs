//! What rows must fulfil: foreign keys, checks; and the periods of a table.

use crate::names::quote;
use crate::scan::{Read, Scanner};
use crate::{ColumnName, ConstraintName, TableName, Text};

/// Values that another table has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// Its name.
    pub name: Option<ConstraintName>,
    /// The columns that refer.
    pub columns: Vec<ColumnName>,
    /// The table that has the values.
    pub parent: Parent,
    /// The columns that are referred to.
    pub parent_columns: Vec<ColumnName>,
    /// What becomes of a row when the one that it refers to goes; refused when nothing is said.
    pub on_delete: Option<Action>,
    /// What becomes of it when the value changes; refused when nothing is said.
    pub on_update: Option<Action>,
    /// All else that is said of it, word for word.
    pub others: Vec<Text>,
}

/// The table that a foreign key refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its schema, where it is another than that of the foreign key.
    pub schema: Option<String>,
    /// Its name.
    pub table: TableName,
}

/// What a foreign key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The change is refused.
    Restrict,
    /// The change is refused.
    NoAction,
    /// The row goes, or changes along.
    Cascade,
    /// The columns are made NULL.
    SetNull,
    /// The columns take their defaults.
    SetDefault,
}

const ACTIONS: &[(&str, Action)] = &[
    ("RESTRICT", Action::Restrict),
    ("NO ACTION", Action::NoAction),
    ("CASCADE", Action::Cascade),
    ("SET NULL", Action::SetNull),
    ("SET DEFAULT", Action::SetDefault),
];

impl Action {
    const fn words(self) -> &'static str {
        match self {
            Self::Restrict => "RESTRICT",
            Self::NoAction => "NO ACTION",
            Self::Cascade => "CASCADE",
            Self::SetNull => "SET NULL",
            Self::SetDefault => "SET DEFAULT",
        }
    }

    fn read(scanner: &mut Scanner<'_>) -> Read<Self> {
        match ACTIONS.iter().find(|(words, _)| scanner.take_words(words)) {
            Some((_, action)) => Ok(*action),
            None => scanner.wrong("an action of a foreign key was expected"),
        }
    }
}

/// A condition that each row fulfils.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: Option<ConstraintName>,
    /// The condition, in parentheses.
    pub condition: Text,
    /// All else that is said of it, word for word.
    pub others: Vec<Text>,
}

/// Two columns that say from when to when a row is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its name; `None` for `SYSTEM_TIME`.
    pub name: Option<ColumnName>,
    /// The column of the beginning.
    pub start: ColumnName,
    /// The column of the end.
    pub end: ColumnName,
}

/// A constraint as it stands in a table.
pub(crate) enum Constraint {
    ForeignKey(ForeignKey),
    Check(Check),
}

impl Constraint {
    /// `None` when what comes next is none.
    pub(crate) fn read(scanner: &mut Scanner<'_>) -> Read<Option<Self>> {
        let mut name = None;
        if scanner.take("CONSTRAINT ") {
            name = Some(ConstraintName::from(scanner.name()?));
            scanner.expect(" ")?;
        }
        if scanner.take("CHECK ") {
            let condition = scanner.group()?;
            return Ok(Some(Self::Check(Check { name, condition, others: others(scanner)? })));
        }
        if scanner.take("FOREIGN KEY ") {
            return Ok(Some(Self::ForeignKey(ForeignKey::read(name, scanner)?)));
        }
        if name.is_some() {
            return scanner.wrong("a foreign key or a check was expected");
        }
        Ok(None)
    }
}

fn others(scanner: &mut Scanner<'_>) -> Read<Vec<Text>> {
    let mut others = Vec::new();
    while scanner.take(" ") {
        others.push(scanner.value()?);
    }
    Ok(others)
}

fn print_start(out: &mut Vec<u8>, name: Option<&ConstraintName>) {
    if let Some(name) = name {
        out.extend_from_slice(b"CONSTRAINT ");
        quote(out, name.as_str());
        out.push(b' ');
    }
}

fn print_others(out: &mut Vec<u8>, others: &[Text]) {
    for other in others {
        out.push(b' ');
        out.extend_from_slice(other.as_bytes());
    }
}

fn print_names(out: &mut Vec<u8>, names: &[ColumnName]) {
    for (number, name) in names.iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"(" } else { b", " });
        quote(out, name.as_str());
    }
    out.push(b')');
}

impl ForeignKey {
    fn read(name: Option<ConstraintName>, scanner: &mut Scanner<'_>) -> Read<Self> {
        let columns = scanner.names()?;
        scanner.expect(" REFERENCES ")?;
        let first = scanner.name()?;
        let parent = if scanner.take(".") {
            Parent { schema: Some(first), table: scanner.name()?.into() }
        } else {
            Parent { schema: None, table: first.into() }
        };
        scanner.expect(" ")?;
        let parent_columns = scanner.names()?;
        let on_delete = scanner.take(" ON DELETE ").then(|| Action::read(scanner)).transpose()?;
        let on_update = scanner.take(" ON UPDATE ").then(|| Action::read(scanner)).transpose()?;
        Ok(Self { name, columns, parent, parent_columns, on_delete, on_update, others: others(scanner)? })
    }

    pub(crate) fn print(&self, out: &mut Vec<u8>) {
        print_start(out, self.name.as_ref());
        out.extend_from_slice(b"FOREIGN KEY ");
        print_names(out, &self.columns);
        out.extend_from_slice(b" REFERENCES ");
        if let Some(schema) = &self.parent.schema {
            quote(out, schema);
            out.push(b'.');
        }
        quote(out, self.parent.table.as_str());
        out.push(b' ');
        print_names(out, &self.parent_columns);
        for (words, action) in [("ON DELETE", self.on_delete), ("ON UPDATE", self.on_update)] {
            if let Some(action) = action {
                out.extend_from_slice(format!(" {words} {}", action.words()).as_bytes());
            }
        }
        print_others(out, &self.others);
    }
}

impl Check {
    pub(crate) fn print(&self, out: &mut Vec<u8>) {
        print_start(out, self.name.as_ref());
        out.extend_from_slice(b"CHECK ");
        out.extend_from_slice(self.condition.as_bytes());
        print_others(out, &self.others);
    }
}

impl Period {
    /// `None` when what comes next is no period.
    pub(crate) fn read(scanner: &mut Scanner<'_>) -> Read<Option<Self>> {
        if !scanner.take("PERIOD FOR ") {
            return Ok(None);
        }
        let name = match scanner.take_words("SYSTEM_TIME") {
            true => None,
            false => Some(scanner.name()?.into()),
        };
        scanner.expect(" (")?;
        let start = scanner.name()?.into();
        scanner.expect(", ")?;
        let end = scanner.name()?.into();
        scanner.expect(")")?;
        Ok(Some(Self { name, start, end }))
    }

    pub(crate) fn print(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"PERIOD FOR ");
        match &self.name {
            Some(name) => quote(out, name.as_str()),
            None => out.extend_from_slice(b"SYSTEM_TIME"),
        }
        out.extend_from_slice(b" (");
        quote(out, self.start.as_str());
        out.extend_from_slice(b", ");
        quote(out, self.end.as_str());
        out.push(b')');
    }
}
