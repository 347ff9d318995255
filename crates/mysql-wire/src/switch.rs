//! What goes to and fro when the way to log in is changed, or takes more than one step.

use crate::auth::Nonce;
use crate::reader::{Malformed, Reader, put_nul_ended};

/// First byte of a request to log in another way.
const SWITCH: u8 = 0xfe;
/// First byte of what a plugin has to say to the other side.
const MORE_DATA: u8 = 1;
/// [`auth_more_data`] of `caching_sha2_password`: the answer fits, an OK follows.
pub const FAST_AUTH_OK: u8 = 3;
/// [`auth_more_data`] of `caching_sha2_password`: the password itself is wanted.
pub const FULL_AUTH_WANTED: u8 = 4;

/// A request to log in another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthSwitch {
    /// How.
    pub plugin: Vec<u8>,
    /// With which nonce.
    pub nonce: Nonce,
}

impl AuthSwitch {
    /// As a payload.
    pub fn to_payload(&self) -> Vec<u8> {
        let mut bytes = vec![SWITCH];
        put_nul_ended(&mut bytes, &self.plugin);
        bytes.extend_from_slice(self.nonce.as_bytes());
        bytes.push(0);
        bytes
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it cannot be read, or is the bare one of servers before 4.1.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        if reader.u8()? != SWITCH {
            return Err(Malformed("no request to log in another way"));
        }
        let plugin = reader.until_nul()?.to_vec();
        let nonce = Nonce::from_server(reader.rest()).ok_or(Malformed("the server's nonce is too short"))?;
        Ok(Self { plugin, nonce })
    }
}

/// The payload with which a plugin says something to the client's.
pub const fn auth_more_data(what: u8) -> [u8; 2] {
    [MORE_DATA, what]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_read_as_written() {
        let switch =
            AuthSwitch { plugin: b"caching_sha2_password".to_vec(), nonce: Nonce::from_random(&[9; 20]) };
        let payload = switch.to_payload();
        assert_eq!(AuthSwitch::parse(&payload), Ok(switch));
        assert!(AuthSwitch::parse(&payload[..payload.len() - 2]).is_err());
        assert!(AuthSwitch::parse(&[SWITCH]).is_err() && AuthSwitch::parse(&[]).is_err());
    }
}
