//! `COM_CHANGE_USER`: a client that has logged in logs in anew.

use crate::capabilities::Capabilities;
use crate::command::Command;
use crate::handshake::plugin_and_attributes;
use crate::reader::{Malformed, Reader};

/// Who the client wants to be now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeUser {
    /// Its user name, as it was sent.
    pub user: Vec<u8>,
    /// Its answer to the nonce that it was given last.
    pub response: Vec<u8>,
    /// The database that it wants to begin in.
    pub database: Option<Vec<u8>>,
    /// Its collation; `None` when it said nothing.
    pub collation: Option<u16>,
    /// How it believes that it logs in. Empty when it said nothing.
    pub plugin: Vec<u8>,
    /// Its connection attributes, as they were sent.
    pub attributes: Option<Vec<u8>>,
}

impl ChangeUser {
    /// Reads a whole payload, its command byte included, of a client that logged in with these capabilities.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn parse(payload: &[u8], capabilities: Capabilities) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        if reader.u8()? != Command::ChangeUser.byte() {
            return Err(Malformed("no COM_CHANGE_USER"));
        }
        let user = reader.until_nul()?.to_vec();
        let response = if capabilities.has(Capabilities::SECURE_CONNECTION) {
            let len = reader.u8()?;
            reader.take(usize::from(len))?
        } else {
            reader.until_nul()?
        };
        let response = response.to_vec();
        let database = Some(reader.until_nul_or_end().to_vec()).filter(|name| !name.is_empty());
        let collation = if reader.is_empty() { None } else { Some(reader.u16()?) };
        let (plugin, attributes) = plugin_and_attributes(&mut reader, capabilities)?;
        Ok(Self { user, response, database, collation, plugin, attributes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_with_and_without_its_last_parts() {
        let capabilities = Capabilities::MARIADB_10_11;
        let mut payload = b"\x11user\0\x03abcshop\0".to_vec();
        let read = ChangeUser::parse(&payload, capabilities).expect("read");
        assert_eq!((read.user, read.response), (b"user".to_vec(), b"abc".to_vec()));
        assert_eq!((read.database, read.collation), (Some(b"shop".to_vec()), None));
        payload.extend_from_slice(b"\x2d\0mysql_native_password\0\x04\x01a\x01b");
        let read = ChangeUser::parse(&payload, capabilities).expect("read");
        assert_eq!((read.collation, read.plugin), (Some(45), b"mysql_native_password".to_vec()));
        assert_eq!(read.attributes, Some(b"\x01a\x01b".to_vec()));
        for len in 0..9 {
            assert!(ChangeUser::parse(&payload[..len], capabilities).is_err(), "{len} bytes");
        }
        assert!(ChangeUser::parse(&payload[..payload.len() - 1], capabilities).is_err());
    }
}
