//! What is said of a table as a whole, behind its closing parenthesis.

use crate::scan::{Read, Scanner};
use crate::{CharacterSet, CollationName, EngineName, Text};

/// Something that is said of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableOption {
    /// What keeps its rows.
    Engine(EngineName),
    /// The character set of columns that name none.
    CharacterSet(CharacterSet),
    /// The collation of columns that name none.
    Collate(CollationName),
    /// A comment, as a literal.
    Comment(Text),
    /// Its former rows are kept.
    SystemVersioning,
    /// Anything else, word for word.
    Other(Text),
}

impl TableOption {
    pub(crate) fn read(scanner: &mut Scanner<'_>) -> Read<Self> {
        Ok(if scanner.take("ENGINE=") {
            Self::Engine(scanner.word_text()?.into())
        } else if scanner.take("DEFAULT CHARSET=") {
            Self::CharacterSet(scanner.word_text()?.into())
        } else if scanner.take("COLLATE=") {
            Self::Collate(scanner.word_text()?.into())
        } else if scanner.take("COMMENT=") {
            Self::Comment(Text::from(scanner.quoted()?))
        } else if scanner.take_words("WITH SYSTEM VERSIONING") {
            Self::SystemVersioning
        } else {
            Self::Other(scanner.value()?)
        })
    }

    pub(crate) fn print(&self, out: &mut Vec<u8>) {
        let mut put = |word: &str, value: &[u8]| {
            out.extend_from_slice(word.as_bytes());
            out.extend_from_slice(value);
        };
        match self {
            Self::Engine(name) => put("ENGINE=", name.as_str().as_bytes()),
            Self::CharacterSet(name) => put("DEFAULT CHARSET=", name.as_str().as_bytes()),
            Self::Collate(name) => put("COLLATE=", name.as_str().as_bytes()),
            Self::Comment(comment) => put("COMMENT=", comment.as_bytes()),
            Self::SystemVersioning => put("WITH SYSTEM VERSIONING", b""),
            Self::Other(text) => put("", text.as_bytes()),
        }
    }
}
