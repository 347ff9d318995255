//! How a table is cut into parts.

use crate::names::quote;
use crate::scan::{Read, Scanner};
use crate::{EngineName, PartitionName, Text};

/// How a table is cut into parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partitioning {
    /// What stands before it, word for word: line and comment.
    lead: Text,
    /// By what.
    pub method: Method,
    /// By what, word for word, from `PARTITION BY` on, with how its parts are cut again.
    pub rule: Text,
    /// Whether its parts are cut again.
    pub is_subpartitioned: bool,
    /// Its parts; none where only their number is said.
    pub partitions: Vec<Partition>,
    /// What stands behind it, word for word.
    tail: Text,
}

/// What rows are put into parts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Where a value lies between bounds.
    Range,
    /// A value that is in a list.
    List,
    /// A number of the row.
    Hash,
    /// A digest of columns.
    Key,
    /// When a former row ceased to be valid.
    SystemTime,
}

const METHODS: &[(&str, Method)] = &[
    ("RANGE", Method::Range),
    ("LIST", Method::List),
    ("HASH", Method::Hash),
    ("LINEAR HASH", Method::Hash),
    ("KEY", Method::Key),
    ("LINEAR KEY", Method::Key),
    ("SYSTEM_TIME", Method::SystemTime),
];

impl Method {
    /// As SQL writes it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Range => "RANGE",
            Self::List => "LIST",
            Self::Hash => "HASH",
            Self::Key => "KEY",
            Self::SystemTime => "SYSTEM_TIME",
        }
    }
}

/// One of a table's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its name.
    pub name: PartitionName,
    /// Whether the server printed the name in quotes.
    is_quoted: bool,
    /// All else that is said of it, word for word.
    pub definition: Text,
}

/// Between two parts.
const BETWEEN: &str = ",\n PARTITION ";

impl Partitioning {
    /// `None` when what comes next is none.
    pub(crate) fn read(scanner: &mut Scanner<'_>) -> Read<Option<Self>> {
        const BY: &[u8] = b"PARTITION BY ";
        let mut ahead = scanner.clone();
        let mut lead = Vec::new();
        if ahead.take("\n") {
            lead.push(b'\n');
        }
        let versioned = ahead.take("/*!");
        if versioned {
            lead.extend_from_slice(b"/*!");
            lead.extend_from_slice(ahead.word());
        }
        if ahead.take(" ") {
            lead.push(b' ');
        }
        if !ahead.rest().starts_with(BY) {
            return Ok(None);
        }
        *scanner = ahead.clone();
        ahead.expect("PARTITION BY ")?;
        let Some((_, method)) = METHODS.iter().find(|(words, _)| ahead.take_words(words)) else {
            return ahead.wrong("a way of partitioning was expected");
        };
        let is_end = |at: &Scanner<'_>, byte: u8| {
            let rest = at.rest();
            (byte == b'\n' && rest.starts_with(b"\n(PARTITION ")) || rest.starts_with(b" */")
        };
        let rule = scanner.run(is_end)?;
        let mut partitions = Vec::new();
        if scanner.take("\n(PARTITION ") {
            partitions.push(Partition::read(scanner)?);
            while scanner.take(BETWEEN) {
                partitions.push(Partition::read(scanner)?);
            }
            scanner.expect(")")?;
        }
        let tail = if versioned { scanner.take_rest() } else { Text::default() };
        let words: Vec<&[u8]> = rule.as_bytes().split(u8::is_ascii_whitespace).collect();
        let is_subpartitioned = words.contains(&&b"SUBPARTITION"[..]);
        Ok(Some(Self { lead: lead.into(), method: *method, rule, is_subpartitioned, partitions, tail }))
    }

    pub(crate) fn print(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.lead.as_bytes());
        out.extend_from_slice(self.rule.as_bytes());
        for (number, partition) in self.partitions.iter().enumerate() {
            out.extend_from_slice(if number == 0 { "\n(PARTITION " } else { BETWEEN }.as_bytes());
            partition.print(out);
        }
        if !self.partitions.is_empty() {
            out.push(b')');
        }
        out.extend_from_slice(self.tail.as_bytes());
    }
}

impl Partition {
    fn read(scanner: &mut Scanner<'_>) -> Read<Self> {
        let is_quoted = scanner.peek() == Some(b'`');
        let name = if is_quoted { scanner.name()? } else { scanner.word_text()? };
        let definition = scanner.run(|_, byte| byte == b',')?;
        Ok(Self { name: name.into(), is_quoted, definition })
    }

    fn print(&self, out: &mut Vec<u8>) {
        if self.is_quoted {
            quote(out, self.name.as_str());
        } else {
            out.extend_from_slice(self.name.as_str().as_bytes());
        }
        out.extend_from_slice(self.definition.as_bytes());
    }

    /// What keeps its rows.
    pub fn engine(&self) -> Option<EngineName> {
        let mut scanner = Scanner::new(self.definition.as_bytes());
        while !scanner.is_at_end() {
            if scanner.take(" ENGINE = ") {
                return scanner.word_text().ok().map(EngineName::from);
            }
            match scanner.peek() {
                Some(b'(') => drop(scanner.group().ok()?),
                _ => scanner.piece().ok()?,
            }
        }
        None
    }
}
