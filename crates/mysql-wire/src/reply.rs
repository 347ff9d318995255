//! How a server ends an answer: OK, end of rows, or an error.

use crate::reader::{Malformed, Reader, put_number};

/// First byte of an OK packet.
pub(crate) const OK: u8 = 0;
/// First byte of what ends a result set: an EOF packet, or an OK packet in its place.
pub(crate) const EOF: u8 = 0xfe;
/// First byte of an error.
pub(crate) const ERR: u8 = 0xff;
/// What ends a result set is shorter than any row that begins with the same byte.
pub(crate) const EOF_LEN_MAX: usize = 8;

/// A session's status flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Status(pub u16);

impl Status {
    /// A transaction is open.
    pub const IN_TRANSACTION: Self = Self(1);
    /// Each statement is its own transaction.
    pub const AUTOCOMMIT: Self = Self(2);
    /// Another result follows.
    pub const MORE_RESULTS: Self = Self(8);
    /// A cursor is open: its rows are fetched by commands of their own.
    pub const CURSOR_EXISTS: Self = Self(0x40);

    /// Whether all of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// An OK packet, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OkPacket {
    /// The session's status.
    pub status: Status,
}

impl OkPacket {
    /// Reads one from its first bytes, of which 23 suffice. Its first byte may be 0, or 0xfe at a result set's end.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        if !matches!(reader.u8()?, OK | EOF) {
            return Err(Malformed("no OK packet"));
        }
        reader.number()?;
        reader.number()?;
        Ok(Self { status: Status(reader.u16()?) })
    }

    /// As a payload: nothing was changed and nothing was to be warned of.
    pub fn to_payload(self) -> Vec<u8> {
        let mut bytes = vec![OK];
        put_number(&mut bytes, 0);
        put_number(&mut bytes, 0);
        bytes.extend_from_slice(&self.status.0.to_le_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes
    }
}

/// The status in an EOF packet.
///
/// # Errors
/// When it cannot be read.
pub fn eof_status(payload: &[u8]) -> Result<Status, Malformed> {
    let mut reader = Reader::new(payload);
    if reader.u8()? != EOF {
        return Err(Malformed("no EOF packet"));
    }
    reader.u16()?;
    Ok(Status(reader.u16()?))
}

/// An error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrPacket {
    /// MySQL's number of it.
    pub errno: u16,
    /// Five characters; none before the client's capabilities are known.
    pub sqlstate: Option<[u8; 5]>,
    /// A sentence.
    pub message: Vec<u8>,
}

impl ErrPacket {
    /// An error of our own.
    pub fn new(errno: u16, sqlstate: &[u8; 5], message: &str) -> Self {
        Self { errno, sqlstate: Some(*sqlstate), message: message.as_bytes().to_vec() }
    }

    /// As a payload.
    pub fn to_payload(&self) -> Vec<u8> {
        let mut bytes = vec![ERR];
        bytes.extend_from_slice(&self.errno.to_le_bytes());
        if let Some(state) = self.sqlstate {
            bytes.push(b'#');
            bytes.extend_from_slice(&state);
        }
        bytes.extend_from_slice(&self.message);
        bytes
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        if reader.u8()? != ERR {
            return Err(Malformed("no error packet"));
        }
        let errno = reader.u16()?;
        let rest = reader.rest();
        let (sqlstate, message) = match rest.split_first_chunk::<6>() {
            Some(([b'#', state @ ..], message)) => (Some(*state), message),
            _ => (None, rest),
        };
        Ok(Self { errno, sqlstate, message: message.to_vec() })
    }

    /// The number of an error whose first bytes these are.
    pub fn errno_of(prefix: &[u8]) -> Option<u16> {
        match prefix {
            [ERR, low, high, ..] => Some(u16::from_le_bytes([*low, *high])),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_as_written() {
        let ok = OkPacket { status: Status(Status::AUTOCOMMIT.0 | Status::IN_TRANSACTION.0) };
        assert_eq!(OkPacket::parse(&ok.to_payload()), Ok(ok));
        assert!(OkPacket::parse(&[0, 0, 0, 2]).is_err());
        assert_eq!(eof_status(&[EOF, 0, 0, 2, 0]), Ok(Status::AUTOCOMMIT));
        let err = ErrPacket::new(1045, b"28000", "no");
        assert_eq!(ErrPacket::parse(&err.to_payload()), Ok(err.clone()));
        let early = ErrPacket { sqlstate: None, ..err };
        assert_eq!(ErrPacket::parse(&early.to_payload()), Ok(early.clone()));
        assert_eq!(ErrPacket::errno_of(&early.to_payload()), Some(1045));
        assert!(ErrPacket::parse(&[ERR, 1]).is_err());
    }
}
