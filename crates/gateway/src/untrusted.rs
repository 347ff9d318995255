//! The two places where strangers' bytes meet the gateway's own state, each behind one function of bytes: what the
//! fuzzer calls, and what the tests call with its corpus. Neither may panic, let more through than it should, or keep
//! more than its bounds, whatever the bytes are.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bough_model::{BranchId, Cidrs, DatabaseName, PasswordId, PasswordRole, PasswordVerifiers, Secret};
use bough_mysql_wire::{Capabilities, Command, Framer, Status};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, watch};

use crate::commands::{Treatment, treatment};
use crate::directory::{Backend, BoxFuture, Credential, Directory, Unavailable};
use crate::gateway::Inner;
use crate::ids::{ClientId, ThreadId};
use crate::link::Link;
use crate::login::{Peer, log_in};
use crate::registry::Shared;
use crate::relay::{Relay, Stopped};
use crate::settings::{AHEAD_MAX, LOGIN_PACKET_MAX_BYTES, PIECE_BYTES, Settings};
use crate::tls::TlsConfig;

/// A function of bytes, by name.
pub type Entry = (&'static str, fn(&[u8]));

/// Both.
pub const ENTRIES: &[Entry] = &[("login", login), ("relay", relay)];

/// The most that a session may keep: a piece each way, a whole packet of a login, and answers of our own.
const KEPT_MAX_BYTES: usize = 3 * PIECE_BYTES + LOGIN_PACKET_MAX_BYTES + AHEAD_MAX * 128;
/// More polls than any input takes, for each of its parts.
const POLLS_MAX: usize = 1000;

/// A client that sends these bytes as its part of a login, and nothing more. The user name `user` exists; its secret is
/// known to nobody.
///
/// # Panics
/// When the client gets in, or the login does not come to an end.
pub fn login(bytes: &[u8]) {
    let stream = Pipe::default();
    stream.get().incoming.extend(bytes);
    stream.get().ended = true;
    let peer = Peer { address: ([127, 0, 0, 1], 1).into(), local: true };
    let inner = inner();
    let ended = {
        let mut logging_in = pin!(log_in(&inner, Link::new(stream.clone()), peer, ClientId::new(0, 1)));
        // Everything is there: it has no reason to wait.
        logging_in.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    };
    match ended {
        Poll::Ready(Err(_)) => {}
        Poll::Ready(Ok(_)) => panic!("a stranger got in"),
        Poll::Pending => panic!("it waits for what will not come"),
    }
}

/// A session whose two sides say what these bytes say: parts of one byte for what is done and one for the length.
///
/// # Panics
/// When something reaches the server that should not, or more is kept than may be.
pub fn relay(bytes: &[u8]) {
    // Parking sets a timer.
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
    });
    let _entered = runtime.enter();
    let Some((kind, mut rest)) = bytes.split_first() else { return };
    let mut capabilities = Capabilities::PROTOCOL_41;
    for (bit, one) in [Capabilities::DEPRECATE_EOF, Capabilities::CACHE_METADATA, Capabilities::PROGRESS]
        .into_iter()
        .enumerate()
    {
        if kind >> bit & 1 == 1 {
            capabilities = capabilities | one;
        }
    }
    let inner = inner();
    let (client, server) = (Pipe::default(), Pipe::default());
    let mut cx = Context::from_waker(Waker::noop());
    let wake = Arc::new(Notify::new());
    let credential = stranger();
    let branch = credential.branch.clone();
    let id = ClientId::new(0, 1);
    let shared = Shared::new(
        id,
        "user".to_owned(),
        &credential,
        [127, 0, 0, 1].into(),
        ThreadId(7),
        backend(),
        Arc::clone(&wake),
    );
    let _registered = inner.registry.enter(&shared, None);
    let Poll::Ready(member) = pin!(inner.gates.enter(&branch, id, wake)).poll(&mut cx) else {
        panic!("nobody has parked the branch")
    };
    let mut relay = Relay::new(
        Arc::clone(&inner),
        shared,
        member,
        Link::new(client.clone()),
        Link::new(server.clone()),
        capabilities,
        Status::AUTOCOMMIT,
    );
    let mut parking: Option<Pin<Box<dyn Future<Output = _>>>> = None;
    while let [what, len, more @ ..] = rest {
        let (part, left) = more.split_at(usize::from(*len).min(more.len()));
        rest = left;
        match what % 8 {
            0 | 1 => client.get().incoming.extend(part),
            2 | 3 => server.get().incoming.extend(part),
            4 => client.get().deaf ^= true,
            5 => server.get().deaf ^= true,
            6 if parking.is_none() => {
                let mut park = Box::pin(inner.gates.park(&branch, Duration::from_secs(60)));
                let _ = park.as_mut().poll(&mut cx).map(drop);
                parking = Some(park);
            }
            6 => parking = None,
            _ => relay.drain(),
        }
        let mut polls = 0;
        // Each poll does all that can be done; what it waits for comes with the next part.
        let stopped = {
            let mut running = pin!(relay.run());
            loop {
                polls += 1;
                assert!(polls < POLLS_MAX, "it goes round in circles");
                match running.as_mut().poll(&mut cx) {
                    Poll::Ready(stopped) => break Some(stopped),
                    Poll::Pending if polls > 1 => break None,
                    Poll::Pending => {}
                }
            }
        };
        assert!(relay.kept_bytes() <= KEPT_MAX_BYTES, "{} bytes are kept", relay.kept_bytes());
        match stopped {
            None => {}
            Some(Stopped::KillsElsewhere(_, _, sequence)) => relay.reply(sequence, &[0, 0, 0, 2, 0, 0, 0]),
            Some(_) => break,
        }
    }
    let said = server.get().outgoing.clone();
    only_what_is_served(&said);
}

/// Every command that reached the server is one that clients of a branch may send.
fn only_what_is_served(stream: &[u8]) {
    let mut framer = Framer::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (taken, payload) = framer.advance(rest);
        rest = &rest[taken..];
        if let Some(payload) = payload {
            let first = payload.prefix().first().copied();
            let served = first.and_then(Command::parse).is_some_and(|command| {
                !matches!(treatment(command), Treatment::Refuse | Treatment::ChangeUser)
            });
            assert!(served, "{first:?} has reached the server");
        }
    }
}

fn inner() -> Arc<Inner> {
    static TLS: OnceLock<TlsConfig> = OnceLock::new();
    let tls = TLS.get_or_init(|| {
        // No name has a certificate: every hello of TLS is read and refused.
        let nothing = Arc::new(rustls::server::ResolvesServerCertUsingSni::new());
        let config = rustls::ServerConfig::builder().with_no_client_auth().with_cert_resolver(nothing);
        TlsConfig::new(Arc::new(config))
    });
    let settings = Settings { plain_on_loopback: true, ..Settings::default() };
    Arc::new(Inner::new(Arc::new(OneStranger), tls.clone(), settings, Arc::new(|bytes| bytes.fill(7))))
}

fn stranger() -> Credential {
    Credential {
        password: PasswordId::from_random(&[1; 24]).expect("an id"),
        branch: BranchId::from_random(&[2; 24]).expect("an id"),
        role: PasswordRole::Reader,
        verifiers: PasswordVerifiers::from_bytes([3; 20], [4; 32]),
        cidrs: Cidrs::default(),
        expires_at: None,
    }
}

fn backend() -> Backend {
    Backend {
        socket: PathBuf::new(),
        account: PasswordRole::Reader.account(),
        secret: Secret::new(String::new()),
        schema: DatabaseName::parse("shop").expect("a name"),
    }
}

/// A directory with one password, whose secret nobody knows.
struct OneStranger;

impl Directory for OneStranger {
    fn credential(&self, username: &str) -> Result<Option<Credential>, Unavailable> {
        Ok((username == "user").then(stranger))
    }

    fn backend(&self, _: &BranchId, _: PasswordRole) -> BoxFuture<'_, Result<Backend, Unavailable>> {
        Box::pin(std::future::ready(Ok(backend())))
    }

    fn repair(&self, branch: &BranchId, role: PasswordRole) -> BoxFuture<'_, Result<Backend, Unavailable>> {
        self.backend(branch, role)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        watch::Sender::new(0).subscribe()
    }

    fn used(&self, _: &PasswordId, _: &BranchId) {}

    fn safe_migrations(&self, _: &BranchId) -> bool {
        true
    }
}

#[derive(Default)]
struct Ends {
    incoming: VecDeque<u8>,
    /// Nothing more will come.
    ended: bool,
    outgoing: Vec<u8>,
    /// It takes nothing.
    deaf: bool,
}

/// A stream in memory.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Ends>>);

impl Pipe {
    fn get(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut ends = self.get();
        if ends.incoming.is_empty() && !ends.ended {
            return Poll::Pending;
        }
        let len = to.remaining().min(ends.incoming.len());
        let bytes: Vec<u8> = ends.incoming.drain(..len).collect();
        to.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut ends = self.get();
        if ends.deaf {
            return Poll::Pending;
        }
        ends.outgoing.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use bough_testkit::Dice;

    use super::*;

    /// Made-up inputs for each entry.
    const INPUTS: u64 = 3_000;
    /// Bytes that mean something somewhere.
    const TELLING: [u8; 14] = [0, 1, 2, 3, 4, 5, 6, 7, 0x11, 0x16, 0x17, 0xfb, 0xfe, 0xff];

    #[test]
    fn the_corpus_and_made_up_bytes_do_no_harm() {
        for (name, entry) in ENTRIES {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
            let mut files: Vec<_> =
                fs::read_dir(&folder).expect("a corpus").map(|file| file.expect("a file").path()).collect();
            files.sort();
            let inputs: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).expect("a file")).collect();
            inputs.iter().for_each(|input| entry(input));
            for number in 0..INPUTS {
                let mut dice = Dice::numbered(9, number);
                let mut bytes = dice.pick(&inputs).clone();
                for _ in 0..=dice.below(8) {
                    let at = dice.below(bytes.len() + 1);
                    match dice.below(4) {
                        0 => bytes.insert(at, *dice.pick(&TELLING)),
                        1 if at < bytes.len() => bytes[at] = *dice.pick(&TELLING),
                        2 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
                        _ => {
                            let more = dice.pick(&inputs).clone();
                            bytes.extend(more);
                            bytes.truncate(2000);
                        }
                    }
                }
                entry(&bytes);
            }
        }
    }

    /// A relay whose client takes nothing, and whose server has said this in answer to a query.
    fn answered_to_who_takes_nothing(
        behind: &[u8],
        then: impl FnOnce(&mut Relay<Pipe, Pipe>) -> Option<Stopped>,
    ) -> (Option<Stopped>, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let _entered = runtime.enter();
        let (inner, client, server) = (inner(), Pipe::default(), Pipe::default());
        let (credential, wake) = (stranger(), Arc::new(Notify::new()));
        let id = ClientId::new(0, 1);
        let at = [127, 0, 0, 1].into();
        let name = "user".to_owned();
        let shared = Shared::new(id, name, &credential, at, ThreadId(7), backend(), Arc::clone(&wake));
        let member = runtime.block_on(inner.gates.enter(&credential.branch, id, wake));
        let (capabilities, status) = (Capabilities::PROTOCOL_41, Status::AUTOCOMMIT);
        let (links, served) = ((Link::new(client.clone()), Link::new(server.clone())), Arc::clone(&inner));
        let mut relay = Relay::new(served, shared, member, links.0, links.1, capabilities, status);
        client.get().deaf = true;
        client.get().incoming.extend(b"\x02\0\0\0\x03x");
        client.get().incoming.extend(behind);
        assert!(polled(&mut relay).is_none(), "it waits for the answer");
        server.get().incoming.extend(ANSWER);
        let early = then(&mut relay);
        assert!(early.is_none(), "the answer has not been taken: {early:?}");
        client.get().deaf = false;
        let stopped = polled(&mut relay);
        let said = client.get().outgoing.clone();
        (stopped, said)
    }

    fn polled(relay: &mut Relay<Pipe, Pipe>) -> Option<Stopped> {
        match pin!(relay.run()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(stopped) => Some(stopped),
            Poll::Pending => None,
        }
    }

    const ANSWER: &[u8] = b"\x07\0\0\x01\0\0\0\x02\0\0\0";

    #[test]
    fn a_gateway_that_stops_leaves_out_no_end_of_an_answer() {
        let (stopped, said) = answered_to_who_takes_nothing(b"", |relay| {
            let _ = polled(relay);
            relay.drain();
            polled(relay)
        });
        assert!(matches!(stopped, Some(Stopped::Drained)), "{stopped:?}");
        assert_eq!(said, ANSWER);
    }

    #[test]
    fn who_logs_in_anew_is_answered_first_what_was_asked_before() {
        let (stopped, said) = answered_to_who_takes_nothing(b"\x02\0\0\0\x11u", polled);
        assert!(matches!(stopped, Some(Stopped::ChangesUser(..))), "{stopped:?}");
        assert_eq!(said, ANSWER);
    }
}
