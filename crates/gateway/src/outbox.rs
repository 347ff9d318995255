//! What is on its way to one side and has not been taken yet.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// At most one piece and what was put between: nothing is read from the other side until this is empty.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
    /// Written, but perhaps not handed to the kernel: TLS keeps records.
    unflushed: bool,
}

impl Outbox {
    pub(crate) const fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// Whether everything has been handed over.
    pub(crate) const fn is_done(&self) -> bool {
        self.is_empty() && !self.unflushed
    }

    /// What has not been taken, in bytes.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Sends what can be sent at once and keeps the rest.
    pub(crate) fn push<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
        bytes: &[u8],
    ) -> io::Result<()> {
        let mut rest = bytes;
        if self.is_empty() {
            while !rest.is_empty() {
                match Pin::new(&mut *to).poll_write(cx, rest)? {
                    Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(written) => rest = &rest[written..],
                    Poll::Pending => break,
                }
            }
            self.unflushed = true;
        }
        self.bytes.extend_from_slice(rest);
        Ok(())
    }

    /// Ready when everything has been handed over.
    pub(crate) fn poll_empty<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            match ready!(Pin::new(&mut *to).poll_write(cx, &self.bytes[self.sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.sent += written,
            }
            self.unflushed = true;
        }
        if !self.bytes.is_empty() {
            // An idle session keeps no buffer.
            (self.bytes, self.sent) = (Vec::new(), 0);
        }
        if self.unflushed {
            ready!(Pin::new(to).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}
