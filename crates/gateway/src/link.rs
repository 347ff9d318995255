//! A stream of packets, for the parts of a connection in which packets are read one by one.

use std::io;

use bough_mysql_wire::{HEADER_LEN, Header, PAYLOAD_MAX, frame};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Taken from the stream at once, in bytes, when a packet claims to be longer.
const STEP_BYTES: usize = 4096;

/// A stream, and what was read from it and not used yet.
#[derive(Debug)]
pub(crate) struct Link<S> {
    pub(crate) stream: S,
    pub(crate) unread: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// Reads exactly so many bytes, and not one further: what follows may be TLS.
    async fn exactly(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes: Vec<u8> = self.unread.drain(..len.min(self.unread.len())).collect();
        // A length that is only claimed takes no memory.
        while bytes.len() < len {
            let have = bytes.len();
            bytes.resize(have + (len - have).min(STEP_BYTES), 0);
            self.stream.read_exact(&mut bytes[have..]).await?;
        }
        Ok(bytes)
    }

    /// Reads one packet of at most `max` bytes: its number and its payload.
    pub(crate) async fn packet(&mut self, max: usize) -> io::Result<(u8, Vec<u8>)> {
        let header = self.exactly(HEADER_LEN).await?;
        let header = Header::parse(header.first_chunk().copied().unwrap_or_default());
        if header.len > max || header.len == PAYLOAD_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the packet is too large for a login"));
        }
        Ok((header.sequence, self.exactly(header.len).await?))
    }

    /// Writes one payload.
    pub(crate) async fn send(&mut self, sequence: u8, payload: &[u8]) -> io::Result<()> {
        self.stream.write_all(&frame(sequence, payload)).await?;
        self.stream.flush().await
    }

    /// Reads so many bytes in front of everything else.
    pub(crate) async fn head<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let bytes = self.exactly(N).await?;
        Ok(bytes.first_chunk().copied().unwrap_or([0; N]))
    }

    /// Reads so many more.
    pub(crate) async fn bytes(&mut self, len: usize) -> io::Result<Vec<u8>> {
        self.exactly(len).await
    }
}
