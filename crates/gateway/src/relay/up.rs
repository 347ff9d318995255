//! From the client to the server: where commands begin, and which of them pass.

use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bough_mysql_wire::{Asked, Command, ErrPacket, HEADER_LEN, Header, PAYLOAD_MAX, frame, parse_kill};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Due, PIECE, Relay, Stopped, poll_fill};
use crate::commands::{KILL_MAX_BYTES, Treatment, treatment};
use crate::directory::Kill;
use crate::ids::{ClientId, ThreadId};
use crate::refusal;
use crate::registry::Target;
use crate::settings::LOGIN_PACKET_MAX_BYTES;

/// Bytes of `COM_PROCESS_KILL`.
const PROCESS_KILL_LEN: usize = 5;

/// Where in the client's stream we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// In front of a packet that begins a command or a piece of a file.
    Between,
    /// In a payload: bytes left of this packet, whether another packet follows, whether it goes to the server.
    Within { left: usize, goes_on: bool, passes: bool },
}

/// What is to be done with the next bytes.
enum Step {
    /// So many of them go to the server.
    Pass(usize),
    /// So many of them go nowhere.
    Skip(usize),
    /// These go in the place of so many.
    Replace(usize, Vec<u8>),
    /// More is needed to tell.
    More,
    /// They may not go on now.
    Hold,
    /// So many are for somebody else to see to.
    Stop(usize, Stopped),
}

impl<C, B> Relay<C, B>
where
    C: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn poll_up(&mut self, cx: &mut Context<'_>) -> Poll<Stopped> {
        while !self.deaf {
            match self.to_backend.poll_empty(cx, &mut self.backend.stream) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    self.deaf = true;
                    break;
                }
                Poll::Pending => break,
            }
            let stopped = if self.held {
                if !self.may_go_on() {
                    break;
                }
                self.held = false;
                self.take_unread(cx)
            } else {
                let read =
                    PIECE.with_borrow_mut(|piece| match poll_fill(cx, &mut self.client.stream, piece) {
                        Poll::Pending => None,
                        Poll::Ready(Err(_) | Ok(0)) => Some(Some(Stopped::ClientLeft)),
                        Poll::Ready(Ok(read)) => Some(self.take_read(cx, &piece[..read])),
                    });
                match read {
                    None => break,
                    Some(stopped) => stopped,
                }
            };
            if let Some(stopped) = stopped {
                return Poll::Ready(stopped);
            }
        }
        Poll::Pending
    }

    fn take_read(&mut self, cx: &mut Context<'_>, read: &[u8]) -> Option<Stopped> {
        self.shared.bytes_in.fetch_add(read.len() as u64, Ordering::Relaxed);
        if !self.client.unread.is_empty() {
            self.client.unread.extend_from_slice(read);
            return self.take_unread(cx);
        }
        let (taken, stopped) = self.take(cx, read);
        self.client.unread.extend_from_slice(&read[taken..]);
        stopped
    }

    fn take_unread(&mut self, cx: &mut Context<'_>) -> Option<Stopped> {
        let unread = std::mem::take(&mut self.client.unread);
        let (taken, stopped) = self.take(cx, &unread);
        // What is left is copied, so that a waiting session does not keep what it once needed.
        self.client.unread = unread[taken..].to_vec();
        stopped
    }

    /// Deals with bytes of the client's; returns how many it has used.
    fn take(&mut self, cx: &mut Context<'_>, input: &[u8]) -> (usize, Option<Stopped>) {
        // What lies between these goes to the server and has not gone yet.
        let (mut from, mut at) = (0, 0);
        let mut stopped = None;
        while at < input.len() {
            let mut instead = None;
            let skipped = match self.step(&input[at..]) {
                Step::Pass(len) => {
                    at += len;
                    continue;
                }
                Step::Skip(len) => len,
                Step::Replace(len, bytes) => {
                    instead = Some(bytes);
                    len
                }
                Step::Stop(len, why) => {
                    stopped = Some(why);
                    len
                }
                Step::More => break,
                Step::Hold => {
                    self.held = true;
                    break;
                }
            };
            self.send_up(cx, &input[from..at]);
            at += skipped;
            from = at;
            self.send_up(cx, &instead.unwrap_or_default());
            if stopped.is_some() {
                break;
            }
        }
        self.send_up(cx, &input[from..at]);
        (at, stopped)
    }

    fn send_up(&mut self, cx: &mut Context<'_>, bytes: &[u8]) {
        if !bytes.is_empty() && self.to_backend.push(cx, &mut self.backend.stream, bytes).is_err() {
            self.deaf = true;
        }
    }

    fn step(&mut self, rest: &[u8]) -> Step {
        let (used, goes_on, passes) = match self.commands {
            Phase::Between => return self.packet_begins(rest),
            Phase::Within { left, goes_on, passes } if left > 0 => {
                let used = left.min(rest.len());
                self.within(left - used, goes_on, passes);
                return if passes { Step::Pass(used) } else { Step::Skip(used) };
            }
            Phase::Within { goes_on, passes, .. } => (HEADER_LEN, goes_on, passes),
        };
        debug_assert!(goes_on, "a payload that has ended is left");
        let Some(header) = rest.first_chunk().copied().map(Header::parse) else { return Step::More };
        self.command_sequence = header.sequence;
        self.within(header.len, header.len == PAYLOAD_MAX, passes);
        if passes { Step::Pass(used) } else { Step::Skip(used) }
    }

    /// So many bytes of this packet are left.
    fn within(&mut self, left: usize, goes_on: bool, passes: bool) {
        if left > 0 || goes_on {
            self.commands = Phase::Within { left, goes_on, passes };
            return;
        }
        self.commands = Phase::Between;
        if let Some(error) = self.refused.take() {
            self.reply(self.command_sequence, &error.to_payload());
        }
    }

    /// The packet goes to the server, its header first.
    fn pass(&mut self, header: Header) -> Step {
        self.command_sequence = header.sequence;
        self.within(header.len, header.len == PAYLOAD_MAX, true);
        Step::Pass(HEADER_LEN)
    }

    fn refuse(&mut self, header: Header, error: ErrPacket) -> Step {
        self.command_sequence = header.sequence;
        self.refused = Some(error);
        self.within(header.len, header.len == PAYLOAD_MAX, false);
        Step::Skip(HEADER_LEN)
    }

    fn packet_begins(&mut self, rest: &[u8]) -> Step {
        let Some(header) = rest.first_chunk().copied().map(Header::parse) else { return Step::More };
        if self.sends_file {
            self.sends_file = header.len > 0;
            return self.pass(header);
        }
        let command = rest.get(HEADER_LEN).copied();
        if command.is_none() && header.len > 0 {
            return Step::More;
        }
        let command = command.filter(|_| header.len > 0).and_then(Command::parse);
        let treatment = command.map_or(Treatment::Refuse, treatment);
        if treatment != Treatment::Quit && !self.may_go_on() {
            return Step::Hold;
        }
        let whole = rest.get(HEADER_LEN..HEADER_LEN + header.len);
        let step = match treatment {
            Treatment::Pass(asked) => {
                self.await_answer(Due::Server(asked));
                self.pass(header)
            }
            Treatment::Unanswered => self.pass(header),
            Treatment::Quit => {
                self.quits = true;
                self.pass(header)
            }
            Treatment::Statement if header.len <= KILL_MAX_BYTES => match whole {
                Some(whole) => self.short_statement(header, whole),
                None => Step::More,
            },
            Treatment::Statement => {
                self.await_answer(Due::Server(Asked::Statement));
                self.pass(header)
            }
            Treatment::Kill if header.len == PROCESS_KILL_LEN => match whole {
                Some(whole) => self.process_kill(header, whole),
                None => Step::More,
            },
            Treatment::ChangeUser if header.len <= LOGIN_PACKET_MAX_BYTES => match whole {
                Some(_) if !self.is_alone() => Step::Hold,
                Some(whole) => {
                    Step::Stop(HEADER_LEN + header.len, Stopped::ChangesUser(whole.to_vec(), header.sequence))
                }
                None => Step::More,
            },
            Treatment::Refuse | Treatment::ChangeUser | Treatment::Kill => {
                self.refuse(header, refusal::not_served(command))
            }
        };
        if !matches!(step, Step::More | Step::Hold) {
            self.shared.commands.fetch_add(1, Ordering::Relaxed);
        }
        step
    }

    /// Whether everything before has been answered, and handed over; if not, what comes now waits for that.
    fn is_alone(&mut self) -> bool {
        self.wants_alone = !self.all_is_said();
        !self.wants_alone
    }

    fn short_statement(&mut self, header: Header, whole: &[u8]) -> Step {
        let kill = whole.get(1..).and_then(parse_kill);
        let Some((kill, id)) = kill.and_then(|kill| ClientId::parse(kill.connection).map(|id| (kill, id)))
        else {
            self.await_answer(Due::Server(Asked::Statement));
            return self.pass(header);
        };
        let what = if kill.query_only { Kill::Query } else { Kill::Connection };
        self.kill(header, id, what, Asked::Statement, |thread| {
            let statement = &whole[1..];
            let number = thread.0.to_string();
            let parts =
                [&whole[..1], &statement[..kill.at.start], number.as_bytes(), &statement[kill.at.end..]];
            parts.concat()
        })
    }

    fn process_kill(&mut self, header: Header, whole: &[u8]) -> Step {
        let number = whole.last_chunk().copied().map_or(0, u32::from_le_bytes);
        let Some(id) = ClientId::parse(number.into()) else {
            self.await_answer(Due::Server(Asked::Packet));
            return self.pass(header);
        };
        self.kill(header, id, Kill::Connection, Asked::Packet, |thread| {
            [&whole[..1], &thread.0.to_le_bytes()[..]].concat()
        })
    }

    /// A `KILL` of a client id: the server gets it with the thread id in its place.
    fn kill(
        &mut self,
        header: Header,
        id: ClientId,
        what: Kill,
        asked: Asked,
        with: impl FnOnce(ThreadId) -> Vec<u8>,
    ) -> Step {
        let len = HEADER_LEN + header.len;
        match self.inner.registry.target(&self.shared.branch, self.shared.role, id) {
            Target::Yours(session) => {
                self.await_answer(Due::Server(asked));
                Step::Replace(len, frame(header.sequence, &with(session.thread)))
            }
            Target::Elsewhere if !self.is_alone() => Step::Hold,
            Target::Elsewhere => Step::Stop(len, Stopped::KillsElsewhere(id, what, header.sequence)),
            Target::NotYours => self.refuse(header, refusal::not_the_owner(id)),
            Target::Unknown => self.refuse(header, refusal::no_such_connection(id)),
        }
    }
}
