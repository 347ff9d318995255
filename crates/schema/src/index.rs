//! An index of a table.

use crate::names::quote;
use crate::scan::{Read, Scanner};
use crate::{ColumnName, IndexName, Text};

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// What it is for.
    pub kind: IndexKind,
    /// Its name; the primary key has none.
    pub name: Option<IndexName>,
    /// What it is over, in order.
    pub parts: Vec<KeyPart>,
    /// All else that is said of it, in the server's order.
    pub options: Vec<IndexOption>,
}

/// What an index is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexKind {
    /// Tells the rows of the table apart.
    Primary,
    /// No two rows have the same values, as long as none is NULL.
    Unique,
    /// Finds rows.
    Plain,
    /// Finds words.
    Fulltext,
    /// Finds places.
    Spatial,
    /// Finds what is near.
    Vector,
}

const KINDS: &[(&str, IndexKind)] = &[
    ("PRIMARY KEY", IndexKind::Primary),
    ("UNIQUE KEY", IndexKind::Unique),
    ("KEY", IndexKind::Plain),
    ("FULLTEXT KEY", IndexKind::Fulltext),
    ("SPATIAL KEY", IndexKind::Spatial),
    ("VECTOR KEY", IndexKind::Vector),
];

/// What a part of an index is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keyed {
    /// A column, or a period of the table.
    Column(ColumnName),
    /// An expression, in parentheses.
    Expression(Text),
}

/// A part of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPart {
    /// What it is over.
    pub keyed: Keyed,
    /// How many characters or bytes of it, from its beginning; all when absent.
    pub prefix: Option<u32>,
    /// Whether the largest comes first.
    pub descending: bool,
    /// Whether it is a period, and those of rows that are alike otherwise may not overlap.
    pub without_overlaps: bool,
}

/// Something that is said of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexOption {
    /// How it is built: `BTREE`, `HASH`.
    Using(String),
    /// A comment, as a literal.
    Comment(Text),
    /// It is kept up to date, and no statement uses it.
    Ignored,
    /// Anything else, word for word.
    Other(Text),
}

impl Index {
    /// `None` when what comes next is no index.
    pub(crate) fn read(scanner: &mut Scanner<'_>) -> Read<Option<Self>> {
        let Some((_, kind)) = KINDS.iter().find(|(words, _)| scanner.take_words(words)) else {
            return Ok(None);
        };
        scanner.expect(" ")?;
        let mut name = None;
        if *kind != IndexKind::Primary {
            name = Some(scanner.name()?.into());
            scanner.expect(" ")?;
        }
        scanner.expect("(")?;
        let mut parts = vec![KeyPart::read(scanner)?];
        while scanner.take(",") {
            parts.push(KeyPart::read(scanner)?);
        }
        scanner.expect(")")?;
        let mut options = Vec::new();
        while scanner.take(" ") {
            options.push(IndexOption::read(scanner)?);
        }
        Ok(Some(Self { kind: *kind, name, parts, options }))
    }

    pub(crate) fn print(&self, out: &mut Vec<u8>) {
        let words = KINDS.iter().find(|(_, kind)| *kind == self.kind).map_or("", |(words, _)| words);
        out.extend_from_slice(words.as_bytes());
        out.push(b' ');
        if let Some(name) = &self.name {
            quote(out, name.as_str());
            out.push(b' ');
        }
        for (number, part) in self.parts.iter().enumerate() {
            out.push(if number == 0 { b'(' } else { b',' });
            part.print(out);
        }
        out.push(b')');
        for option in &self.options {
            out.push(b' ');
            option.print(out);
        }
    }

    /// Whether no statement uses it.
    pub fn is_ignored(&self) -> bool {
        self.options.contains(&IndexOption::Ignored)
    }

    /// Whether it keeps digests: it finds a value, and cannot be walked along in order.
    pub fn is_hash(&self) -> bool {
        self.options.iter().any(|option| matches!(option, IndexOption::Using(how) if how == "HASH"))
    }
}

impl KeyPart {
    /// The column that it is over.
    pub const fn column(&self) -> Option<&ColumnName> {
        match &self.keyed {
            Keyed::Column(name) => Some(name),
            Keyed::Expression(_) => None,
        }
    }

    fn read(scanner: &mut Scanner<'_>) -> Read<Self> {
        let keyed = match scanner.peek() {
            Some(b'(') => Keyed::Expression(scanner.group()?),
            _ => Keyed::Column(scanner.name()?.into()),
        };
        let mut prefix = None;
        if scanner.take("(") {
            let Ok(length) = scanner.word_text()?.parse() else {
                return scanner.wrong("a length was expected before this");
            };
            prefix = Some(length);
            scanner.expect(")")?;
        }
        let without_overlaps = scanner.take(" WITHOUT OVERLAPS");
        let descending = scanner.take(" DESC");
        Ok(Self { keyed, prefix, descending, without_overlaps })
    }

    fn print(&self, out: &mut Vec<u8>) {
        match &self.keyed {
            Keyed::Column(name) => quote(out, name.as_str()),
            Keyed::Expression(expression) => out.extend_from_slice(expression.as_bytes()),
        }
        if let Some(prefix) = self.prefix {
            out.extend_from_slice(format!("({prefix})").as_bytes());
        }
        if self.without_overlaps {
            out.extend_from_slice(b" WITHOUT OVERLAPS");
        }
        if self.descending {
            out.extend_from_slice(b" DESC");
        }
    }
}

impl IndexOption {
    fn read(scanner: &mut Scanner<'_>) -> Read<Self> {
        Ok(if scanner.take_words("IGNORED") {
            Self::Ignored
        } else if scanner.take("USING ") {
            Self::Using(scanner.word_text()?)
        } else if scanner.take("COMMENT ") {
            Self::Comment(Text::from(scanner.quoted()?))
        } else {
            Self::Other(scanner.value()?)
        })
    }

    fn print(&self, out: &mut Vec<u8>) {
        match self {
            Self::Using(how) => out.extend_from_slice(format!("USING {how}").as_bytes()),
            Self::Comment(comment) => {
                out.extend_from_slice(b"COMMENT ");
                out.extend_from_slice(comment.as_bytes());
            }
            Self::Ignored => out.extend_from_slice(b"IGNORED"),
            Self::Other(text) => out.extend_from_slice(text.as_bytes()),
        }
    }
}
