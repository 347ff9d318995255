//! The socket to a branch's server, watched for what it says and not for what it takes.
//!
//! The kernel tells who watches a Unix socket for writing each time the other side has read something, and so would wake a
//! thread of the gateway for each command, with nothing to do. Here it is watched for reading alone; for
//! writing only while the server does not take what it is sent, through a second descriptor of the same socket.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

#[derive(Debug)]
pub(crate) struct ServerStream {
    socket: AsyncFd<UnixStream>,
    /// While the server takes nothing: the same socket, watched for writing.
    full: Option<AsyncFd<UnixStream>>,
}

impl ServerStream {
    pub(crate) async fn connect(path: &Path) -> io::Result<Self> {
        Self::new(tokio::net::UnixStream::connect(path).await?.into_std()?)
    }

    /// The socket must not block.
    fn new(socket: UnixStream) -> io::Result<Self> {
        Ok(Self { socket: watch(socket, Interest::READABLE)?, full: None })
    }
}

#[expect(
    deprecated,
    reason = "its successor wants an unsafe block for what holds here: a UnixStream has one descriptor for as long as it lives"
)]
fn watch(socket: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    AsyncFd::with_interest(socket, interest)
}

impl AsyncRead for ServerStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.socket.poll_read_ready(cx))?;
            let room = to.initialize_unfilled();
            let wanted = room.len();
            match ready.get_inner().read(room) {
                Ok(read) => {
                    if 0 < read && read < wanted {
                        // There is no more, or the kernel tells when there is; that it has ended is not forgotten.
                        ready.clear_ready();
                    }
                    to.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for ServerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = match &self.full {
                Some(full) => Some(ready!(full.poll_write_ready(cx))?),
                None => None,
            };
            match self.socket.get_ref().write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => match &mut ready {
                    Some(ready) => ready.clear_ready(),
                    None => {
                        let again = self.socket.get_ref().try_clone()?;
                        self.full = Some(watch(again, Interest::WRITABLE)?);
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => {
                    self.full = None;
                    return Poll::Ready(written);
                }
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.get_ref().shutdown(Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn pair() -> (ServerStream, tokio::net::UnixStream) {
        let (ours, server) = tokio::net::UnixStream::pair().expect("a pair");
        (ServerStream::new(ours.into_std().expect("a socket")).expect("watched"), server)
    }

    #[tokio::test]
    async fn what_is_said_comes_and_then_the_end() {
        let (mut ours, mut server) = pair();
        for word in [&b"one"[..], b"two"] {
            server.write_all(word).await.expect("said");
            let mut heard = [0; 16];
            assert_eq!(ours.read(&mut heard).await.expect("heard"), word.len());
            assert_eq!(&heard[..word.len()], word);
        }
        server.write_all(b"last words").await.expect("said");
        drop(server);
        let mut rest = Vec::new();
        ours.read_to_end(&mut rest).await.expect("the end, after what was said before it");
        assert_eq!(rest, b"last words");
        ours.write_all(b"?").await.expect_err("nobody is there");
    }

    #[tokio::test]
    async fn what_is_not_taken_is_waited_for() {
        let (mut ours, mut server) = pair();
        let much: Vec<u8> = (0..4_u32 << 20).map(|at| (at % 251) as u8).collect();
        // As much as goes without anybody taking it.
        let mut sent = 0;
        let full = std::future::poll_fn(|cx| {
            loop {
                match Pin::new(&mut ours).poll_write(cx, &much[sent..]) {
                    Poll::Ready(written) => sent += written.expect("written"),
                    Poll::Pending => return Poll::Ready(()),
                }
            }
        });
        full.await;
        assert!(0 < sent && sent < much.len() && ours.full.is_some(), "{sent}");
        let mut taken = vec![0; much.len()];
        let (written, read) = tokio::join!(ours.write_all(&much[sent..]), server.read_exact(&mut taken));
        written.expect("the rest");
        read.expect("all of it");
        assert!(taken == much, "other bytes came than were sent");
        // It can be heard all the same, and is not watched for writing any more.
        assert!(ours.full.is_none());
        server.write_all(b"done").await.expect("said");
        let mut heard = [0; 4];
        ours.read_exact(&mut heard).await.expect("heard");
    }
}
