//! From the server to the client: where answers end, and what they tell of the session.

use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bough_model::{is_direct_ddl, may_be_direct_ddl};
use bough_mysql_wire::{ErrPacket, HEADER_LEN, Header, Progress, frame};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Due, PIECE, Relay, Stopped, Transaction, poll_fill, up};
use crate::refusal;

/// The largest error that may be rewritten, in bytes; the server's are far smaller.
const ERROR_MAX_BYTES: usize = 4096;
/// First byte of an error.
const ERROR: u8 = 0xff;

/// What is to be done with a packet that begins.
enum Beginning {
    /// It is handed on.
    Pass,
    /// More of it is needed to tell.
    Undecided,
    /// So many bytes of it are replaced by these.
    Replace(usize, Vec<u8>),
}

impl<C, B> Relay<C, B>
where
    C: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn poll_down(&mut self, cx: &mut Context<'_>) -> Poll<Stopped> {
        loop {
            match self.to_client.poll_empty(cx, &mut self.client.stream) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Stopped::ClientLeft),
                Poll::Pending => return Poll::Pending,
            }
            // Only once everything before has been taken: a client that asks and does not read waits for itself.
            if matches!(self.due.front(), Some(Due::Ours(_))) {
                if self.say_ours(cx).is_err() {
                    return Poll::Ready(Stopped::ClientLeft);
                }
                continue;
            }
            let read = PIECE.with_borrow_mut(|piece| match poll_fill(cx, &mut self.backend.stream, piece) {
                Poll::Pending => None,
                Poll::Ready(Err(_) | Ok(0)) => {
                    Some(Err(if self.quits { Stopped::ClientLeft } else { Stopped::ServerLeft }))
                }
                Poll::Ready(Ok(read)) => Some(self.take_answers(cx, &piece[..read])),
            });
            match read {
                None => return Poll::Pending,
                Some(Ok(())) => {}
                Some(Err(stopped)) => return Poll::Ready(stopped),
            }
        }
    }

    /// Answers of our own that are next.
    fn say_ours(&mut self, cx: &mut Context<'_>) -> std::io::Result<()> {
        while let Some(Due::Ours(_)) = self.due.front() {
            if let Some(Due::Ours(packets)) = self.due.pop_front() {
                self.send_down(cx, &packets)?;
            }
            self.next_is_due();
        }
        Ok(())
    }

    fn send_down(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> std::io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.shared.bytes_out.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.to_client.push(cx, &mut self.client.stream, bytes)
    }

    fn take_answers(&mut self, cx: &mut Context<'_>, read: &[u8]) -> Result<(), Stopped> {
        let mut joined = std::mem::take(&mut self.undecided);
        let input = if joined.is_empty() {
            read
        } else {
            joined.extend_from_slice(read);
            &joined
        };
        let gone = |_| Stopped::ClientLeft;
        // What lies between these goes to the client and has not gone yet.
        let (mut from, mut at) = (0, 0);
        while at < input.len() {
            if self.packets.at_boundary() {
                match self.packet_comes(&input[at..]) {
                    Beginning::Pass => {}
                    Beginning::Undecided => {
                        self.undecided = input[at..].to_vec();
                        break;
                    }
                    Beginning::Replace(len, packet) => {
                        self.send_down(cx, &input[from..at]).map_err(gone)?;
                        self.send_down(cx, &packet).map_err(gone)?;
                        at += len;
                        from = at;
                        self.answered(None);
                        self.say_ours(cx).map_err(gone)?;
                        continue;
                    }
                }
            }
            let silent = matches!(self.due.front(), Some(Due::Probe));
            let (taken, payload) = self.packets.advance(&input[at..]);
            if silent {
                self.send_down(cx, &input[from..at]).map_err(gone)?;
                from = at + taken;
            }
            at += taken;
            let Some(payload) = payload else { continue };
            // What is said without being asked is handed on: a server that ends a connection may say why.
            if self.due.is_empty() {
                continue;
            }
            self.last_sequence = Some(payload.sequence);
            match self.answer.payload(&payload) {
                Ok(Progress::More) => continue,
                Ok(Progress::WantsFile) => {
                    if !self.local_files {
                        return Err(Stopped::Broken("the server wants a file that may not be sent"));
                    }
                    if self.due.len() > 1 || self.commands != up::Phase::Between {
                        return Err(Stopped::Broken("commands were sent ahead of a file"));
                    }
                    self.sends_file = true;
                    continue;
                }
                Ok(Progress::Done(status)) => {
                    if let Some(status) = status {
                        self.status = status;
                        self.transaction = Transaction::of(status);
                    }
                    self.answered(Some(()));
                }
                Ok(Progress::Failed) => self.answered(None),
                Err(error) => self.lose(&error),
            }
            if matches!(self.due.front(), Some(Due::Ours(_))) {
                self.send_down(cx, &input[from..at]).map_err(gone)?;
                from = at;
                self.say_ours(cx).map_err(gone)?;
            }
        }
        self.send_down(cx, &input[from..at]).map_err(gone)
    }

    /// The answer that was due first is complete. `None`: with an error, so the status is not known.
    fn answered(&mut self, told: Option<()>) {
        let due = self.due.pop_front();
        if told.is_none() {
            // A server that does not even answer our own question is not asked again.
            let asked_by_us = matches!(due, Some(Due::Probe));
            self.transaction = if asked_by_us { Transaction::Open } else { Transaction::Unknown };
        }
        self.next_is_due();
    }

    fn next_is_due(&mut self) {
        self.last_sequence = None;
        match self.due.pop_front() {
            Some(next) => {
                self.begin(&next);
                self.due.push_front(next);
            }
            None => self.shared.busy.store(false, Ordering::Relaxed),
        }
    }

    fn lose(&mut self, error: &bough_mysql_wire::Malformed) {
        tracing::warn!(branch = %self.shared.branch, %error, "an answer of the branch server cannot be followed");
        self.lost = true;
        self.due.retain(|due| matches!(due, Due::Ours(_)));
    }

    /// Looks at the first bytes of a packet for an error that may have to be rewritten.
    fn packet_comes(&self, rest: &[u8]) -> Beginning {
        if self.due.is_empty() {
            return Beginning::Pass;
        }
        let header = match rest {
            [a, b, c, d, ERROR, ..] => Header::parse([*a, *b, *c, *d]),
            [_, _, _, _, _, ..] | [0, 0, 0, _] => return Beginning::Pass,
            _ => return Beginning::Undecided,
        };
        let body = &rest[HEADER_LEN..];
        if header.len > ERROR_MAX_BYTES || header.len < 3 {
            return Beginning::Pass;
        }
        match ErrPacket::errno_of(body) {
            None => return Beginning::Undecided,
            Some(errno) if !may_be_direct_ddl(errno) => return Beginning::Pass,
            Some(_) => {}
        }
        let Some(whole) = body.get(..header.len) else { return Beginning::Undecided };
        let Ok(error) = ErrPacket::parse(whole) else { return Beginning::Pass };
        let schema = &self.shared.backend.schema;
        if is_direct_ddl(error.errno, &error.message, schema)
            && self.inner.directory.safe_migrations(&self.shared.branch)
        {
            let packet = frame(header.sequence, &refusal::direct_ddl_disabled().to_payload());
            return Beginning::Replace(HEADER_LEN + header.len, packet);
        }
        Beginning::Pass
    }
}
