//! The relay: copies packets between a client and its backend, and knows at any time what has been asked, what has been
//! answered, and whether a transaction is open.
//!
//! One task polls both directions. What was read goes out at once from a buffer that all sessions of a
//! thread share; only what the other side does not take is kept, and then nothing more is read. So a
//! session that waits costs no buffer, and one whose client does not read costs one piece.

mod down;
mod up;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bough_mysql_wire::{AnswerReader, Asked, Capabilities, Command, ErrPacket, Framer, Status, frame};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::directory::Kill;
use crate::gate::Member;
use crate::gateway::Inner;
use crate::ids::ClientId;
use crate::link::Link;
use crate::outbox::Outbox;
use crate::registry::Shared;
use crate::settings::{AHEAD_MAX, PIECE_BYTES};

thread_local! {
    /// What is being read. Used within one poll, never across.
    static PIECE: RefCell<Vec<u8>> = RefCell::new(vec![0; PIECE_BYTES]);
}

/// Whether a transaction is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    None,
    Open,
    /// An error came, which does not tell.
    Unknown,
}

impl Transaction {
    const fn of(status: Status) -> Self {
        if status.has(Status::IN_TRANSACTION) { Self::Open } else { Self::None }
    }
}

/// An answer that is due, in the order of the commands.
#[derive(Debug)]
enum Due {
    /// From the server.
    Server(Asked),
    /// From the server, to a question of our own.
    Probe,
    /// From us: these packets.
    Ours(Vec<u8>),
}

/// Why the relay has stopped.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The client said goodbye, or just left.
    ClientLeft,
    /// The server ended the connection.
    ServerLeft,
    /// It stands, and was told to end then.
    Drained,
    /// It broke the protocol in a way that cannot be handed on.
    Broken(&'static str),
    /// The client logs in anew: the whole payload and the number of its packet.
    ChangesUser(Vec<u8>, u8),
    /// The client wants to end a connection of another gateway process. The number of its packet.
    KillsElsewhere(ClientId, Kill, u8),
}

/// See the module.
pub(crate) struct Relay<C, B> {
    pub(crate) client: Link<C>,
    pub(crate) backend: Link<B>,
    pub(crate) shared: Arc<Shared>,
    inner: Arc<Inner>,
    member: Member,
    to_backend: Outbox,
    to_client: Outbox,
    commands: up::Phase,
    /// Something was read from the client that may not go on now.
    held: bool,
    /// It must wait until everything before it has been answered.
    wants_alone: bool,
    /// The command that is passed over, and what is answered to it.
    refused: Option<ErrPacket>,
    /// The number of the client's last packet.
    command_sequence: u8,
    due: VecDeque<Due>,
    packets: Framer,
    answer: AnswerReader,
    /// Read from the server and not handed on: the beginning of what may have to be rewritten.
    undecided: Vec<u8>,
    /// The number of the last packet of the answer that is under way; `None` before its first.
    last_sequence: Option<u8>,
    /// The client may send files.
    local_files: bool,
    /// The client sends a file.
    sends_file: bool,
    status: Status,
    transaction: Transaction,
    /// It ends when it stands.
    draining: bool,
    /// The server has said what does not fit what was asked: where answers end is unknown.
    lost: bool,
    /// The server takes nothing more; what it has said before is still read.
    deaf: bool,
    quits: bool,
}

impl<C, B> Relay<C, B>
where
    C: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    pub(crate) fn new(
        inner: Arc<Inner>,
        shared: Arc<Shared>,
        member: Member,
        client: Link<C>,
        backend: Link<B>,
        capabilities: Capabilities,
        status: Status,
    ) -> Self {
        Self {
            client,
            backend,
            shared,
            inner,
            member,
            to_backend: Outbox::default(),
            to_client: Outbox::default(),
            commands: up::Phase::Between,
            // What came behind a login is looked at first.
            held: true,
            wants_alone: false,
            refused: None,
            command_sequence: 0,
            due: VecDeque::new(),
            packets: Framer::new(),
            answer: AnswerReader::new(capabilities),
            undecided: Vec::new(),
            last_sequence: None,
            local_files: capabilities.has(Capabilities::LOCAL_FILES),
            sends_file: false,
            status,
            transaction: Transaction::of(status),
            draining: false,
            lost: false,
            deaf: false,
            quits: false,
        }
    }

    /// Copies until something else is to be done. May be dropped and called again at any time.
    pub(crate) async fn run(&mut self) -> Stopped {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// From now on the session ends as soon as it stands.
    pub(crate) const fn drain(&mut self) {
        self.draining = true;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Stopped> {
        loop {
            if let Poll::Ready(stopped) = self.poll_up(cx) {
                return Poll::Ready(stopped);
            }
            if let Poll::Ready(stopped) = self.poll_down(cx) {
                return Poll::Ready(stopped);
            }
            if let Err(stopped) = self.settle(cx) {
                return Poll::Ready(stopped);
            }
            // An answer that has just ended may have been what a command waited for. While the server does not take
            // what it has been sent, that is what is waited for.
            if !self.held || !self.may_go_on() || self.deaf || !self.to_backend.is_done() {
                return Poll::Pending;
            }
        }
    }

    /// Whether another command may begin.
    fn may_go_on(&self) -> bool {
        if self.due.len() >= AHEAD_MAX || (self.wants_alone && !self.all_is_said()) {
            return false;
        }
        // One in a transaction goes on, command by command, until that ends.
        !self.must_settle() || self.lost || (self.due.is_empty() && self.transaction == Transaction::Open)
    }

    /// Whether somebody waits for this session to stand.
    fn must_settle(&self) -> bool {
        self.draining || self.member.parked()
    }

    /// Between two commands, everything asked and answered.
    fn at_boundary(&self) -> bool {
        self.commands == up::Phase::Between && self.due.is_empty() && !self.lost && self.packets.at_boundary()
    }

    /// Everything asked is answered, and the client has been handed all of it.
    fn all_is_said(&self) -> bool {
        self.due.is_empty() && self.to_client.is_done()
    }

    /// While a branch is parked or the gateway stops: says that the session stands, ends it, or asks the server
    /// whether it is in a transaction.
    fn settle(&mut self, cx: &mut Context<'_>) -> Result<(), Stopped> {
        if !self.must_settle() || !self.at_boundary() {
            return Ok(());
        }
        match self.transaction {
            Transaction::Open => Ok(()),
            Transaction::Unknown => {
                let ping = frame(0, &[Command::Ping.byte()]);
                self.to_backend.push(cx, &mut self.backend.stream, &ping).map_err(|_| Stopped::ServerLeft)?;
                self.await_answer(Due::Probe);
                // From here on its answer is waited for; it may be there already.
                match self.poll_down(cx) {
                    Poll::Ready(stopped) => Err(stopped),
                    Poll::Pending => self.settle(cx),
                }
            }
            Transaction::None if self.draining && self.all_is_said() => Err(Stopped::Drained),
            // What the client has not taken is not left out; it is looked at again when it has.
            Transaction::None if self.draining => Ok(()),
            Transaction::None => {
                self.member.stand();
                Ok(())
            }
        }
    }

    fn await_answer(&mut self, due: Due) {
        // Where nothing is known of answers, only ours are counted: they go at once.
        if self.lost && !matches!(due, Due::Ours(_)) {
            return;
        }
        if self.due.is_empty() {
            self.begin(&due);
            self.shared.busy.store(true, Ordering::Relaxed);
        }
        self.due.push_back(due);
    }

    fn begin(&mut self, due: &Due) {
        match due {
            Due::Server(asked) => self.answer.begin(*asked),
            Due::Probe => self.answer.begin(Asked::Packet),
            Due::Ours(_) => {}
        }
    }

    /// Answers a command in the server's place, when those before it have been answered.
    pub(crate) fn reply(&mut self, command_sequence: u8, payload: &[u8]) {
        self.await_answer(Due::Ours(frame(command_sequence.wrapping_add(1), payload)));
    }

    /// Whether the server is busy with something of this session's.
    pub(crate) fn is_busy(&self) -> bool {
        !self.due.is_empty() || self.lost || self.commands != up::Phase::Between
    }

    /// What is kept of this session's bytes.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn kept_bytes(&self) -> usize {
        let due = self.due.iter().map(|due| if let Due::Ours(packets) = due { packets.len() } else { 0 });
        let waiting = self.client.unread.len() + self.undecided.len() + due.sum::<usize>();
        waiting + self.to_backend.len() + self.to_client.len()
    }

    /// The status that the server told last.
    pub(crate) const fn status(&self) -> Status {
        self.status
    }

    /// Packets with an error for a client that is about to be cut off; `None` when it is in the middle of a packet.
    pub(crate) fn last_word(&self, error: &ErrPacket) -> Option<Vec<u8>> {
        let between = self.packets.at_boundary() && self.undecided.is_empty() && self.to_client.is_empty();
        let sequence = self.last_sequence.map_or(1, |last| last.wrapping_add(1));
        between.then(|| frame(sequence, &error.to_payload()))
    }

    /// Gives the client back. The backend ends, and the gate is left.
    pub(crate) fn into_client(self) -> Link<C> {
        self.client
    }

    /// Gives both back, and the place at the gate: whoever parks the branch waits for what still runs.
    pub(crate) fn into_parts(self) -> (Link<C>, Link<B>, Member) {
        (self.client, self.backend, self.member)
    }
}

/// Reads what is there, at most one piece.
fn poll_fill<S: AsyncRead + Unpin>(
    cx: &mut Context<'_>,
    stream: &mut S,
    piece: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(piece);
    Pin::new(stream).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
}
