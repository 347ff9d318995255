//! A sequence: a counter with a name.

use crate::names::quote;
use crate::scan::{Read, Scanner, Unreadable};
use crate::table::came_back;
use crate::{DEFINITION_MAX_BYTES, TableName, Text};

/// A sequence as it is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Its name.
    pub name: TableName,
    /// How it counts, word for word.
    pub settings: Text,
}

impl Sequence {
    /// Reads what the server prints for `SHOW CREATE SEQUENCE`.
    ///
    /// # Errors
    /// [`Unreadable`] when it is no such text, or would not be printed back as it is.
    pub fn read(create: &[u8]) -> Result<Self, Unreadable> {
        let scanner = Scanner::new(create);
        if create.len() > DEFINITION_MAX_BYTES {
            return scanner.wrong(format!("the definition is longer than {DEFINITION_MAX_BYTES} bytes"));
        }
        let sequence = Self::read_from(scanner)?;
        came_back(create, &sequence.print())?;
        Ok(sequence)
    }

    fn read_from(mut scanner: Scanner<'_>) -> Read<Self> {
        scanner.expect("CREATE SEQUENCE ")?;
        let name = scanner.name()?.into();
        scanner.expect(" ")?;
        Ok(Self { name, settings: scanner.take_rest() })
    }

    /// The text that it was read from.
    pub fn print(&self) -> Vec<u8> {
        let mut out = b"CREATE SEQUENCE ".to_vec();
        quote(&mut out, self.name.as_str());
        out.push(b' ');
        out.extend_from_slice(self.settings.as_bytes());
        out
    }
}
