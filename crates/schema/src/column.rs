//! A column of a table.

use crate::names::quote;
use crate::scan::{Read, Scanner};
use crate::{CharacterSet, CollationName, ColumnName, Text};

/// A column's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: ColumnName,
    /// What it holds.
    pub data_type: DataType,
    /// All that is said of it, in the server's order.
    pub attributes: Vec<Attribute>,
}

/// A column's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataType {
    /// `int`, `varchar`, `enum`; in lower case as the server prints it.
    pub name: String,
    /// What stands behind it in parentheses, with them.
    pub arguments: Option<Text>,
}

/// Where the values of a generated column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Nowhere: they are computed when they are read.
    Virtual,
    /// In the row.
    Stored,
}

/// One thing that is said of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// No negative numbers.
    Unsigned,
    /// Numbers are shown with leading zeros.
    Zerofill,
    /// The character set, where it is not the table's.
    CharacterSet(CharacterSet),
    /// The collation, where it is not the table's.
    Collate(CollationName),
    /// Its value is computed by the expression, which is kept without the parentheses around it.
    Generated(Text, Storage),
    /// When the row began to be valid (system versioning).
    RowStart,
    /// When the row ceased to be valid (system versioning).
    RowEnd,
    /// It always has a value.
    NotNull,
    /// It may have none: printed where that is not what the type begins with.
    Null,
    /// `SELECT *` leaves it out.
    Invisible,
    /// Its changes make no history.
    WithoutSystemVersioning,
    /// The value of a row that names none.
    Default(Text),
    /// The value that each change of the row gives it.
    OnUpdate(Text),
    /// The next number is its value.
    AutoIncrement,
    /// A comment, as a literal.
    Comment(Text),
    /// A condition, in parentheses.
    Check(Text),
    /// Anything else, word for word.
    Other(Text),
}

/// Types of texts and bytes of any length.
const BLOBS: &[&str] =
    &["tinyblob", "blob", "mediumblob", "longblob", "tinytext", "text", "mediumtext", "longtext"];

impl Column {
    pub(crate) fn read(scanner: &mut Scanner<'_>) -> Read<Self> {
        let name = scanner.name()?.into();
        scanner.expect(" ")?;
        let type_name = scanner.word_text()?;
        let arguments = if scanner.peek() == Some(b'(') { Some(scanner.group()?) } else { None };
        let mut attributes = Vec::new();
        while scanner.take(" ") {
            attributes.push(Attribute::read(scanner)?);
        }
        Ok(Self { name, data_type: DataType { name: type_name, arguments }, attributes })
    }

    pub(crate) fn print(&self, out: &mut Vec<u8>) {
        quote(out, self.name.as_str());
        out.push(b' ');
        out.extend_from_slice(self.data_type.name.as_bytes());
        if let Some(arguments) = &self.data_type.arguments {
            out.extend_from_slice(arguments.as_bytes());
        }
        for attribute in &self.attributes {
            out.push(b' ');
            attribute.print(out);
        }
    }

    /// Whether a row may have no value in it. What begins or ends a row's validity always has one.
    pub fn is_nullable(&self) -> bool {
        !self
            .attributes
            .iter()
            .any(|each| matches!(each, Attribute::NotNull | Attribute::RowStart | Attribute::RowEnd))
    }

    /// Its character set, where it is not its table's.
    pub fn character_set(&self) -> Option<&CharacterSet> {
        self.attributes.iter().find_map(|each| match each {
            Attribute::CharacterSet(name) => Some(name),
            _ => None,
        })
    }

    /// Its collation, where it is not its table's.
    pub fn collation(&self) -> Option<&CollationName> {
        self.attributes.iter().find_map(|each| match each {
            Attribute::Collate(name) => Some(name),
            _ => None,
        })
    }
}

impl DataType {
    /// Whether it holds texts or bytes of any length, BLOB or TEXT.
    pub fn is_blob(&self) -> bool {
        BLOBS.contains(&self.name.as_str())
    }

    /// The values of an ENUM or SET; none for other types, and for a list that is none of literals.
    pub fn members(&self) -> Vec<Text> {
        if !matches!(self.name.as_str(), "enum" | "set") {
            return Vec::new();
        }
        let Some([b'(', inner @ .., b')']) = self.arguments.as_ref().map(Text::as_bytes) else {
            return Vec::new();
        };
        let mut scanner = Scanner::new(inner);
        let mut members = Vec::new();
        while let Ok(member) = scanner.value() {
            members.extend(member.literal());
            if !scanner.take(",") {
                break;
            }
        }
        members
    }
}

impl Attribute {
    fn read(scanner: &mut Scanner<'_>) -> Read<Self> {
        const PLAIN: &[(&str, Attribute)] = &[
            ("unsigned", Attribute::Unsigned),
            ("zerofill", Attribute::Zerofill),
            ("GENERATED ALWAYS AS ROW START", Attribute::RowStart),
            ("GENERATED ALWAYS AS ROW END", Attribute::RowEnd),
            ("NOT NULL", Attribute::NotNull),
            ("NULL", Attribute::Null),
            ("INVISIBLE", Attribute::Invisible),
            ("WITHOUT SYSTEM VERSIONING", Attribute::WithoutSystemVersioning),
            ("AUTO_INCREMENT", Attribute::AutoIncrement),
        ];
        if let Some((_, attribute)) = PLAIN.iter().find(|(words, _)| scanner.take_words(words)) {
            return Ok(attribute.clone());
        }
        let ahead = scanner.clone();
        if let Some(attribute) = Self::read_valued(scanner)? {
            return Ok(attribute);
        }
        *scanner = ahead;
        Ok(Self::Other(scanner.value()?))
    }

    /// `None` where the words are known, and what follows them is not.
    fn read_valued(scanner: &mut Scanner<'_>) -> Read<Option<Self>> {
        Ok(Some(if scanner.take("CHARACTER SET ") {
            Self::CharacterSet(scanner.word_text()?.into())
        } else if scanner.take("COLLATE ") {
            Self::Collate(scanner.word_text()?.into())
        } else if scanner.take("GENERATED ALWAYS AS (") {
            let expression = scanner.run(|_, _| false)?;
            if scanner.take(") VIRTUAL") {
                Self::Generated(expression, Storage::Virtual)
            } else if scanner.take(") STORED") {
                Self::Generated(expression, Storage::Stored)
            } else {
                return Ok(None);
            }
        } else if scanner.take("DEFAULT ") {
            Self::Default(scanner.value()?)
        } else if scanner.take("ON UPDATE ") {
            Self::OnUpdate(scanner.value()?)
        } else if scanner.take("COMMENT ") {
            Self::Comment(Text::from(scanner.quoted()?))
        } else if scanner.take("CHECK ") {
            Self::Check(scanner.group()?)
        } else {
            return Ok(None);
        }))
    }

    fn print(&self, out: &mut Vec<u8>) {
        let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
        match self {
            Self::Unsigned => put(&[b"unsigned"]),
            Self::Zerofill => put(&[b"zerofill"]),
            Self::CharacterSet(name) => put(&[b"CHARACTER SET ", name.as_str().as_bytes()]),
            Self::Collate(name) => put(&[b"COLLATE ", name.as_str().as_bytes()]),
            Self::Generated(expression, Storage::Virtual) => {
                put(&[b"GENERATED ALWAYS AS (", expression.as_bytes(), b") VIRTUAL"]);
            }
            Self::Generated(expression, Storage::Stored) => {
                put(&[b"GENERATED ALWAYS AS (", expression.as_bytes(), b") STORED"]);
            }
            Self::RowStart => put(&[b"GENERATED ALWAYS AS ROW START"]),
            Self::RowEnd => put(&[b"GENERATED ALWAYS AS ROW END"]),
            Self::NotNull => put(&[b"NOT NULL"]),
            Self::Null => put(&[b"NULL"]),
            Self::Invisible => put(&[b"INVISIBLE"]),
            Self::WithoutSystemVersioning => put(&[b"WITHOUT SYSTEM VERSIONING"]),
            Self::Default(value) => put(&[b"DEFAULT ", value.as_bytes()]),
            Self::OnUpdate(value) => put(&[b"ON UPDATE ", value.as_bytes()]),
            Self::AutoIncrement => put(&[b"AUTO_INCREMENT"]),
            Self::Comment(comment) => put(&[b"COMMENT ", comment.as_bytes()]),
            Self::Check(condition) => put(&[b"CHECK ", condition.as_bytes()]),
            Self::Other(text) => put(&[text.as_bytes()]),
        }
    }
}
