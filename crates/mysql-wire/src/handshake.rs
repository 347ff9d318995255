//! A client's first packet: who it is and what it is capable of, or that it wants TLS first.

use crate::auth::NATIVE;
use crate::capabilities::Capabilities;
use crate::reader::{Malformed, Reader, put_counted, put_nul_ended};

/// Bytes of the part that an SSLRequest has, too.
const FIXED_LEN: usize = 32;
/// Bytes in it that mean nothing, before MariaDB's own flags.
const FILLER: usize = 19;

/// What a client's first packet can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientHello {
    /// TLS comes first, then another first packet.
    WantsTls,
    /// The client logs in.
    LogsIn(HandshakeResponse),
}

/// Who a client is and what it is capable of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeResponse {
    /// What it asks for.
    pub capabilities: Capabilities,
    /// The largest packet that it takes, in bytes.
    pub max_packet: u32,
    /// Its collation; the lower byte of what may be two.
    pub collation: u8,
    /// Its user name, as it was sent.
    pub user: Vec<u8>,
    /// Its answer to the nonce.
    pub response: Vec<u8>,
    /// The database that it wants to begin in.
    pub database: Option<Vec<u8>>,
    /// How it believes that it logs in. Empty when it said nothing.
    pub plugin: Vec<u8>,
    /// Its connection attributes, as they were sent: pairs of length-encoded texts.
    pub attributes: Option<Vec<u8>>,
}

impl ClientHello {
    /// Reads a client's first packet.
    ///
    /// # Errors
    /// When it cannot be read, or is of a client older than protocol 4.1.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        // Clients before 4.1 send two bytes of flags here.
        let lower = reader.u32()?;
        let flags = Capabilities::from_halves(lower, 0);
        if !flags.has(Capabilities::PROTOCOL_41) {
            return Err(Malformed("the client is older than protocol 4.1"));
        }
        let max_packet = reader.u32()?;
        let collation = reader.u8()?;
        reader.take(FILLER)?;
        let own = reader.u32()?;
        // Only a client of MariaDB means something by it.
        let capabilities =
            if flags.has(Capabilities::MYSQL) { flags } else { Capabilities::from_halves(lower, own) };
        if reader.is_empty() && capabilities.has(Capabilities::SSL) {
            return Ok(Self::WantsTls);
        }
        let user = reader.until_nul()?.to_vec();
        let response = if capabilities.has(Capabilities::PLUGIN_AUTH_LENENC) {
            reader.counted()?
        } else if capabilities.has(Capabilities::SECURE_CONNECTION) {
            let len = reader.u8()?;
            reader.take(usize::from(len))?
        } else {
            reader.until_nul()?
        };
        let response = response.to_vec();
        let database = (capabilities.has(Capabilities::CONNECT_WITH_DB) && !reader.is_empty())
            .then(|| reader.until_nul_or_end().to_vec())
            .filter(|name| !name.is_empty());
        let (plugin, attributes) = plugin_and_attributes(&mut reader, capabilities)?;
        let response = HandshakeResponse {
            capabilities,
            max_packet,
            collation,
            user,
            response,
            database,
            plugin,
            attributes,
        };
        Ok(Self::LogsIn(response))
    }
}

/// What a login and a change of user end with, as far as the client speaks of it: the method of authentication (""
/// when not), and connection attributes.
pub(crate) fn plugin_and_attributes(
    reader: &mut Reader<'_>,
    capabilities: Capabilities,
) -> Result<(Vec<u8>, Option<Vec<u8>>), Malformed> {
    let mut plugin = Vec::new();
    if capabilities.has(Capabilities::PLUGIN_AUTH) {
        plugin = reader.until_nul_or_end().to_vec();
    }
    let mut sent = None;
    if capabilities.has(Capabilities::CONNECT_ATTRS) && !reader.is_empty() {
        sent = Some(attributes(reader)?.to_vec());
    }
    Ok((plugin, sent))
}

/// Connection attributes: a length, then pairs. Those that do not come out even are refused, for they are
/// handed on.
fn attributes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let all = reader.counted()?;
    let mut pairs = Reader::new(all);
    while !pairs.is_empty() {
        pairs.counted()?;
        pairs.counted()?;
    }
    Ok(all)
}

/// The payload of an SSLRequest.
pub fn ssl_request(capabilities: Capabilities, max_packet: u32, collation: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FIXED_LEN);
    put_fixed(&mut bytes, capabilities | Capabilities::SSL, max_packet, collation);
    bytes
}

fn put_fixed(to: &mut Vec<u8>, capabilities: Capabilities, max_packet: u32, collation: u8) {
    to.extend_from_slice(&capabilities.lower().to_le_bytes());
    to.extend_from_slice(&max_packet.to_le_bytes());
    to.push(collation);
    to.extend_from_slice(&[0; FILLER]);
    to.extend_from_slice(&capabilities.upper().to_le_bytes());
}

impl HandshakeResponse {
    /// As a payload. The flags that say how it is laid out are set as it is; the others are as they stand.
    pub fn to_payload(&self) -> Vec<u8> {
        let layout = Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION | Capabilities::PLUGIN_AUTH;
        let optional =
            Capabilities::PLUGIN_AUTH_LENENC | Capabilities::CONNECT_WITH_DB | Capabilities::CONNECT_ATTRS;
        let mut capabilities =
            self.capabilities.without(optional) | layout | Capabilities::PLUGIN_AUTH_LENENC;
        if self.database.is_some() {
            capabilities = capabilities | Capabilities::CONNECT_WITH_DB;
        }
        if self.attributes.is_some() {
            capabilities = capabilities | Capabilities::CONNECT_ATTRS;
        }
        let mut bytes = Vec::with_capacity(256);
        put_fixed(&mut bytes, capabilities, self.max_packet, self.collation);
        put_nul_ended(&mut bytes, &self.user);
        put_counted(&mut bytes, &self.response);
        if let Some(database) = &self.database {
            put_nul_ended(&mut bytes, database);
        }
        put_nul_ended(&mut bytes, if self.plugin.is_empty() { NATIVE } else { &self.plugin });
        if let Some(attributes) = &self.attributes {
            put_counted(&mut bytes, attributes);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response() -> HandshakeResponse {
        let mut attributes = Vec::new();
        put_counted(&mut attributes, b"_client_name");
        put_counted(&mut attributes, &[b'x'; 300]);
        HandshakeResponse {
            capabilities: Capabilities::MARIADB_10_11,
            max_packet: 1 << 30,
            collation: 45,
            user: b"abcdefghijklmnopqrst".to_vec(),
            response: vec![5; 20],
            database: Some(b"shop".to_vec()),
            plugin: NATIVE.to_vec(),
            attributes: Some(attributes),
        }
    }

    #[test]
    fn a_response_is_read_as_written() {
        let whole = response();
        let ClientHello::LogsIn(read) = ClientHello::parse(&whole.to_payload()).expect("read") else {
            panic!("not an SSLRequest")
        };
        assert_eq!(read, whole);
        let bare = HandshakeResponse { database: None, attributes: None, user: Vec::new(), ..whole };
        let ClientHello::LogsIn(read) = ClientHello::parse(&bare.to_payload()).expect("read") else {
            panic!("not an SSLRequest")
        };
        assert_eq!((read.database, read.attributes, read.user), (None, None, Vec::new()));
    }

    #[test]
    fn an_ssl_request_is_told_from_a_login() {
        let request = ssl_request(Capabilities::MARIADB_10_11, 1 << 24, 45);
        assert_eq!(request.len(), FIXED_LEN);
        assert_eq!(ClientHello::parse(&request), Ok(ClientHello::WantsTls));
        assert!(ClientHello::parse(&request[..31]).is_err());
    }

    #[test]
    fn what_is_cut_off_or_lies_about_lengths_is_refused() {
        let payload = response().to_payload();
        let plugin_at = payload.windows(NATIVE.len()).position(|part| part == NATIVE).expect("the plugin");
        for len in 0..payload.len() {
            // The database and the plugin may lack their end, and attributes may be missing altogether.
            let complete = len >= plugin_at - b"shop\0".len() && len <= plugin_at + NATIVE.len() + 1;
            assert!(complete || ClientHello::parse(&payload[..len]).is_err(), "{len} bytes");
        }
        let mut lying = payload;
        let at = FIXED_LEN + 21;
        lying[at] = 0xfe;
        assert!(ClientHello::parse(&lying).is_err());
        let mut old = response().to_payload();
        old[1] &= !2;
        assert_eq!(ClientHello::parse(&old), Err(Malformed("the client is older than protocol 4.1")));
    }

    #[test]
    fn long_names_are_read_whole() {
        let long = HandshakeResponse { user: vec![b'u'; 300], ..response() };
        let ClientHello::LogsIn(read) = ClientHello::parse(&long.to_payload()).expect("read") else {
            panic!("not an SSLRequest")
        };
        assert_eq!(read.user.len(), 300);
    }
}
