//! Names of what is in a schema. The server takes any characters in them, so they are quoted wherever they
//! go; which of them is what is told by the type.

use std::fmt;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text, without quotes.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self(name.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }
    )+};
}

names! {
    /// A table, view or sequence: they share one space of names. Upper and lower case differ.
    TableName,
    /// A column. Upper and lower case are alike: compare with [`ColumnName::is`].
    ColumnName,
    /// An index.
    IndexName,
    /// A foreign key or check.
    ConstraintName,
    /// A partition.
    PartitionName,
    /// A storage engine, as the server writes it.
    EngineName,
    /// A character set, as the server writes it.
    CharacterSet,
    /// A collation, as the server writes it.
    CollationName,
}

impl ColumnName {
    /// Whether both name the same column.
    pub fn is(&self, other: &Self) -> bool {
        self.0 == other.0 || self.0.to_lowercase() == other.0.to_lowercase()
    }
}

/// Appends a name in backticks, as the server prints it.
pub(crate) fn quote(out: &mut Vec<u8>, name: &str) {
    out.push(b'`');
    for byte in name.bytes() {
        if byte == b'`' {
            out.push(b'`');
        }
        out.push(byte);
    }
    out.push(b'`');
}
