//! The greeting, protocol version 10: what a server says first.

use crate::auth::{NATIVE, NONCE_LEN, Nonce};
use crate::capabilities::Capabilities;
use crate::reader::{Malformed, Reader, put_nul_ended};
use crate::reply::Status;

/// Protocol version.
const PROTOCOL: u8 = 10;
/// Bytes of the nonce's first part.
const FIRST_PART: usize = 8;
/// Bytes in the middle that mean nothing.
const FILLER: usize = 6;

/// What a server says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// As the client will show it.
    pub version: Vec<u8>,
    /// What the client passes to `KILL`.
    pub connection: u32,
    /// For its answer.
    pub nonce: Nonce,
    /// What it may ask for.
    pub capabilities: Capabilities,
    /// The server's collation.
    pub collation: u8,
    /// The status that a session begins with.
    pub status: Status,
    /// How it shall log in.
    pub plugin: Vec<u8>,
}

impl Greeting {
    /// As a payload. The packet's length byte for the nonce is that of the whole one and its NUL, 21.
    pub fn to_payload(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        bytes.push(PROTOCOL);
        put_nul_ended(&mut bytes, &self.version);
        bytes.extend_from_slice(&self.connection.to_le_bytes());
        let (first, second) = self.nonce.as_bytes().split_at(FIRST_PART);
        bytes.extend_from_slice(first);
        bytes.push(0);
        let lower = self.capabilities.lower().to_le_bytes();
        bytes.extend_from_slice(&lower[..2]);
        bytes.push(self.collation);
        bytes.extend_from_slice(&self.status.0.to_le_bytes());
        bytes.extend_from_slice(&lower[2..]);
        bytes.push(NONCE_LEN as u8 + 1);
        bytes.extend_from_slice(&[0; FILLER]);
        // MySQL has zeroes here. MariaDB's own flags are only read by who sees that it is not MySQL.
        bytes.extend_from_slice(&self.capabilities.upper().to_le_bytes());
        bytes.extend_from_slice(second);
        bytes.push(0);
        put_nul_ended(&mut bytes, &self.plugin);
        bytes
    }

    /// Reads a server's greeting. One without the protocol of 4.1 and its passwords is refused.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        if reader.u8()? != PROTOCOL {
            return Err(Malformed("the server's greeting has another protocol version"));
        }
        let version = reader.until_nul()?.to_vec();
        let connection = reader.u32()?;
        let mut nonce = reader.take(FIRST_PART)?.to_vec();
        reader.u8()?;
        let lower = reader.u16()?;
        let collation = reader.u8()?;
        let status = Status(reader.u16()?);
        let upper = reader.u16()?;
        let lower = u32::from(upper) << 16 | u32::from(lower);
        let nonce_len = usize::from(reader.u8()?);
        reader.take(FILLER)?;
        let own = reader.u32()?;
        let flags = Capabilities::from_halves(lower, 0);
        let capabilities =
            if flags.has(Capabilities::MYSQL) { flags } else { Capabilities::from_halves(lower, own) };
        if !capabilities.has(Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION) {
            return Err(Malformed("the server is older than protocol 4.1"));
        }
        nonce.extend_from_slice(reader.take(nonce_len.saturating_sub(FIRST_PART).max(13))?);
        let nonce = Nonce::from_server(&nonce).ok_or(Malformed("the server's nonce is too short"))?;
        let plugin = if capabilities.has(Capabilities::PLUGIN_AUTH) {
            reader.until_nul_or_end().to_vec()
        } else {
            NATIVE.to_vec()
        };
        Ok(Self { version, connection, nonce, capabilities, collation, status, plugin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_read_as_written() {
        let greeting = Greeting {
            version: b"5.5.5-10.11.19-MariaDB".to_vec(),
            connection: 1 << 31,
            nonce: Nonce::from_random(&[3; 20]),
            capabilities: Capabilities::MARIADB_10_11 | Capabilities::SSL,
            collation: 45,
            status: Status::AUTOCOMMIT,
            plugin: NATIVE.to_vec(),
        };
        let payload = greeting.to_payload();
        assert_eq!(Greeting::parse(&payload), Ok(greeting));
        for len in 0..payload.len() - NATIVE.len() - 1 {
            assert!(Greeting::parse(&payload[..len]).is_err(), "{len} bytes");
        }
    }
}
