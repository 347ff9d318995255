//! The PROXY protocol, version 2: in front of everything else, a proxy says on whose behalf it comes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::reader::{Malformed, Reader};

/// Bytes of the part that every header has.
pub const PROXY_HEADER_LEN: usize = 16;
/// Largest rest of a header that is taken, in bytes; a proxy's own additions are far smaller.
pub const PROXY_PAYLOAD_MAX: usize = 2048;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The part that every header has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyPreamble {
    local: bool,
    family: u8,
    /// Bytes of the rest, at most [`PROXY_PAYLOAD_MAX`].
    pub len: usize,
}

/// On whose behalf a proxy comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// On its own: it only looks whether we are there.
    Local,
    /// On that of this client.
    Client(SocketAddr),
    /// On that of somebody without an address that we know the form of.
    Unknown,
}

impl ProxyPreamble {
    /// Reads it.
    ///
    /// # Errors
    /// When it is no header of version 2, or one that is too long.
    pub fn parse(bytes: &[u8; PROXY_HEADER_LEN]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.array::<12>()? != *SIGNATURE {
            return Err(Malformed("no header of the PROXY protocol, version 2"));
        }
        let local = match reader.u8()? {
            0x20 => true,
            0x21 => false,
            _ => return Err(Malformed("a PROXY header of another version or command")),
        };
        let family = reader.u8()?;
        let len = usize::from(reader.array().map(u16::from_be_bytes)?);
        if len > PROXY_PAYLOAD_MAX {
            return Err(Malformed("a PROXY header that is too long"));
        }
        Ok(Self { local, family, len })
    }

    /// Reads the rest, of which there are [`Self::len`] bytes.
    ///
    /// # Errors
    /// When it is shorter than its family needs.
    pub fn finish(self, rest: &[u8]) -> Result<ProxyHeader, Malformed> {
        if self.local {
            return Ok(ProxyHeader::Local);
        }
        let mut reader = Reader::new(rest);
        let address: IpAddr = match self.family {
            0x11 => {
                let source = Ipv4Addr::from(reader.array::<4>()?);
                reader.take(4)?;
                source.into()
            }
            0x21 => {
                let source = Ipv6Addr::from(reader.array::<16>()?);
                reader.take(16)?;
                source.into()
            }
            _ => return Ok(ProxyHeader::Unknown),
        };
        let port = reader.array().map(u16::from_be_bytes)?;
        Ok(ProxyHeader::Client(SocketAddr::new(address, port)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &[u8], rest: &[u8]) -> Result<ProxyHeader, Malformed> {
        let mut bytes = [0; PROXY_HEADER_LEN];
        bytes[..12].copy_from_slice(SIGNATURE);
        bytes[12..14].copy_from_slice(head);
        bytes[14..].copy_from_slice(&u16::try_from(rest.len()).expect("short").to_be_bytes());
        ProxyPreamble::parse(&bytes)?.finish(rest)
    }

    #[test]
    fn the_client_s_address_is_read() {
        let four = [192, 0, 2, 7, 10, 0, 0, 1, 0x1f, 0x90, 0x0c, 0xea];
        let client = ProxyHeader::Client("192.0.2.7:8080".parse().expect("an address"));
        assert_eq!(read(&[0x21, 0x11], &four), Ok(client));
        let mut six = vec![0; 36];
        (six[0], six[1], six[15], six[33]) = (0x20, 1, 1, 9);
        let client = ProxyHeader::Client("[2001::1]:9".parse().expect("an address"));
        assert_eq!(read(&[0x21, 0x21], &six), Ok(client));
        assert_eq!(read(&[0x20, 0], &[]), Ok(ProxyHeader::Local));
        assert_eq!(read(&[0x21, 0x31], &[0; 216]), Ok(ProxyHeader::Unknown));
        assert!(read(&[0x21, 0x11], &four[..9]).is_err() && read(&[0x11, 0x11], &four).is_err());
        assert!(read(&[0x21, 0x11], &[0; PROXY_PAYLOAD_MAX + 1]).is_err());
        assert!(ProxyPreamble::parse(b"PROXY TCP4 1.2.3").is_err());
    }
}
