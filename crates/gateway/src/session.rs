//! A session: from a client that has logged in to its end.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bough_model::PasswordId;
use bough_mysql_wire::{ChangeUser, ErrPacket, HandshakeResponse, Nonce, OkPacket};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::backend::{self, Connected, Failure, Wanted};
use crate::counters::count;
use crate::directory::{Backend, Credential, KillOutcome};
use crate::gate::Member;
use crate::gateway::Inner;
use crate::ids::ClientId;
use crate::link::Link;
use crate::login::{Claim, LoggedIn, Peer, prove};
use crate::places::Held;
use crate::refusal;
use crate::registry::{Order, Registered, Shared};
use crate::relay::{Relay, Stopped};
use crate::server_stream::ServerStream;
use crate::settings::{FAREWELL_LIMIT_MS, KILL_LIMIT_S, UNHEARD_MAX_BYTES};
use crate::stream::ClientStream;
use crate::watch::look_again;

/// How a session ends that its client has left.
const LEFT: &str = "the client left";
/// Read at once of what nobody hears, in bytes.
const UNHEARD_PIECE_BYTES: usize = 4 << 10;

/// A client that has logged in, from one `COM_CHANGE_USER` to the next.
struct Session {
    relay: Relay<ClientStream, ServerStream>,
    shared: Arc<Shared>,
    /// Left in this order when the session ends.
    _registered: Registered,
    _place: Held<PasswordId>,
}

/// What stays the same when a client logs in anew.
struct Client {
    inner: Arc<Inner>,
    id: ClientId,
    peer: Peer,
    hello: HandshakeResponse,
    nonce: Nonce,
    wake: Arc<Notify>,
}

/// Runs a session to its end.
pub(crate) async fn run(inner: Arc<Inner>, client: LoggedIn<TcpStream>, peer: Peer, id: ClientId) {
    let LoggedIn { link, credential, username, hello, nonce, sequence } = client;
    let wanted = Wanted {
        capabilities: hello.capabilities,
        max_packet: hello.max_packet,
        collation: hello.collation,
        database: hello.database.clone(),
        attributes: hello.attributes.clone(),
    };
    let mut client = Client { inner, id, peer, hello, nonce, wake: Arc::new(Notify::new()) };
    let mut next = client.begin(link, credential, username, &wanted, sequence).await;
    while let Some(session) = next {
        next = client.go_on(session).await;
    }
}

impl Client {
    /// Finds the session its place and its backend, and tells the client that it has logged in. `None` when it has not:
    /// it has been told why.
    async fn begin(
        &self,
        mut link: Link<ClientStream>,
        credential: Credential,
        username: String,
        wanted: &Wanted,
        sequence: u8,
    ) -> Option<Session> {
        let attached = self.attach(&credential, &username, wanted).await;
        let (place, member, backend, connected) = match attached {
            Ok(attached) => attached,
            Err(error) => {
                tracing::info!(
                    password = %credential.password, branch = %credential.branch, address = %self.peer.address.ip(),
                    errno = error.errno, "a client that has logged in got no session"
                );
                farewell(&mut link, Some(bough_mysql_wire::frame(sequence, &error.to_payload()))).await;
                return None;
            }
        };
        let Connected { link: backend_link, thread, welcome, status } = connected;
        let address = self.peer.address.ip();
        let wake = Arc::clone(&self.wake);
        let shared = Shared::new(self.id, username, &credential, address, thread, backend, wake);
        let registered = self.inner.registry.enter(&shared, credential.expires_at);
        // What was true of the password at the login may have ended since; from here on changes reach it.
        look_again(&self.inner, &shared);
        if self.inner.draining.load(Ordering::Acquire) {
            shared.tell(Order::Drain);
        }
        count(&self.inner.counters.sessions);
        self.inner.directory.used(&shared.password, &shared.branch);
        // Who logs in anew may have stopped reading.
        let told = timeout(self.inner.settings.login_limit, link.send(sequence, &welcome)).await;
        if !matches!(told, Ok(Ok(()))) {
            self.ended(&shared, LEFT);
            return None;
        }
        let relay = Relay::new(
            Arc::clone(&self.inner),
            Arc::clone(&shared),
            member,
            link,
            backend_link,
            self.hello.capabilities,
            status,
        );
        Some(Session { relay, shared, _registered: registered, _place: place })
    }

    async fn attach(
        &self,
        credential: &Credential,
        username: &str,
        wanted: &Wanted,
    ) -> Result<(Held<PasswordId>, Member, Backend, Connected), ErrPacket> {
        let inner = &self.inner;
        if *inner.stopping.borrow() {
            return Err(refusal::stopping());
        }
        let place = inner.places.of_password(&credential.password);
        let place = place.ok_or_else(|| refusal::too_many_of_password(username))?;
        let limit = inner.settings.backend_limit;
        let attaching = async {
            let member = inner.gates.enter(&credential.branch, self.id, Arc::clone(&self.wake)).await;
            let opened =
                backend::open(&*inner.directory, &credential.branch, credential.role, wanted, limit).await;
            (member, opened)
        };
        match timeout(limit, attaching).await {
            Ok((member, Ok((backend, connected)))) => Ok((place, member, backend, connected)),
            Ok((_, Err(Failure::Refused(error)))) => Err(error),
            Ok((_, Err(failure))) => {
                count(&inner.counters.backends_unavailable);
                let why = match failure {
                    Failure::Unreachable(why) => why,
                    Failure::Account | Failure::Refused(_) => {
                        "its server refuses the role's account".to_owned()
                    }
                };
                tracing::warn!(branch = %credential.branch, why, "a branch cannot be reached");
                Err(refusal::unavailable(&why))
            }
            Err(_) => {
                count(&inner.counters.backends_unavailable);
                Err(refusal::unavailable(&format!("it was not ready within {} s", limit.as_secs())))
            }
        }
    }

    /// Relays until the session ends, or becomes another one.
    async fn go_on(&mut self, mut session: Session) -> Option<Session> {
        let inner = Arc::clone(&self.inner);
        let (why, word) = loop {
            let order = session.shared.order();
            match order {
                Order::Run => {}
                Order::Drain => session.relay.drain(),
                Order::Stop => break ("the gateway stopped", Some(refusal::stopping())),
                Order::End => break ("it was ended", Some(refusal::ended_by_operator())),
                Order::Cut => break ("its password ended", Some(refusal::password_ended())),
            }
            let stopped = tokio::select! {
                biased;
                stopped = session.relay.run() => stopped,
                () = self.wake.notified() => continue,
            };
            match stopped {
                Stopped::ClientLeft => break (LEFT, None),
                Stopped::ServerLeft => break ("the branch server ended it", None),
                Stopped::Drained => break ("the gateway stopped", Some(refusal::stopping())),
                Stopped::Broken(what) => break (what, None),
                Stopped::ChangesUser(payload, sequence) => {
                    return self.change_user(session, &payload, sequence).await;
                }
                Stopped::KillsElsewhere(id, kill, sequence) => {
                    let Shared { branch, role, .. } = &*session.shared;
                    let asked = inner.directory.kill_elsewhere(branch, *role, id, kill);
                    let outcome = timeout(Duration::from_secs(KILL_LIMIT_S), asked).await;
                    let payload = match outcome {
                        Ok(KillOutcome::Killed) => OkPacket { status: session.relay.status() }.to_payload(),
                        Ok(KillOutcome::NotYours) => refusal::not_the_owner(id).to_payload(),
                        Ok(KillOutcome::Unknown) | Err(_) => refusal::no_such_connection(id).to_payload(),
                    };
                    session.relay.reply(sequence, &payload);
                }
            }
        };
        let Session { relay, shared, _registered, _place } = session;
        let (busy, left) = (relay.is_busy(), why == LEFT);
        if busy && word.is_some() {
            // Closing the connection is noticed by the server only when it next looks at it.
            self.end_thread(&shared);
        }
        let word = word.and_then(|error| relay.last_word(&error));
        let (mut link, server, member) = relay.into_parts();
        if busy && left {
            farewell(&mut link, None).await;
            drop(link);
            let why = self.outlast(server, &shared).await;
            drop(member);
            self.ended(&shared, why);
            return None;
        }
        drop((server, member));
        self.ended(&shared, why);
        farewell(&mut link, word).await;
        None
    }

    fn end_thread(&self, shared: &Arc<Shared>) {
        let (inner, shared) = (Arc::clone(&self.inner), Arc::clone(shared));
        tokio::spawn(async move { backend::end(&inner, &shared).await });
    }

    /// The client has left, and the server still runs what it has asked for, as it would without us: this goes on to its
    /// end, but not longer than its password lives. How it ended.
    async fn outlast(&self, mut server: Link<ServerStream>, shared: &Arc<Shared>) -> &'static str {
        // Nothing more will be asked: the server looks for that while it waits for something, and in the end.
        if server.stream.shutdown().await.is_err() {
            return LEFT;
        }
        let (mut unheard, mut piece) = (0, vec![0; UNHEARD_PIECE_BYTES]);
        let why = loop {
            match shared.order() {
                Order::Run => {}
                Order::Drain | Order::Stop => return LEFT,
                Order::End => break "it was ended",
                Order::Cut => break "its password ended",
            }
            tokio::select! {
                read = server.stream.read(&mut piece) => match read {
                    Ok(read) if read > 0 && unheard < UNHEARD_MAX_BYTES => unheard += read,
                    // Nobody will hear the rest of it.
                    Ok(read) if read > 0 => break LEFT,
                    _ => return LEFT,
                },
                () = self.wake.notified() => {}
            }
        };
        self.end_thread(shared);
        why
    }

    /// `COM_CHANGE_USER`: a new session for the same client. Like a server, whoever fails is cut off.
    async fn change_user(&mut self, session: Session, payload: &[u8], sequence: u8) -> Option<Session> {
        let Session { relay, shared, _registered, _place } = session;
        let mut link = relay.into_client();
        self.ended(&shared, "the client logs in anew");
        drop((_registered, _place));
        let mut sequence = sequence.wrapping_add(1);
        let change = match ChangeUser::parse(payload, self.hello.capabilities) {
            Ok(change) => change,
            Err(error) => {
                let error = refusal::unreadable(&error.to_string());
                farewell(&mut link, Some(bough_mysql_wire::frame(sequence, &error.to_payload()))).await;
                return None;
            }
        };
        let claim = Claim {
            user: &change.user,
            response: &change.response,
            plugin: &change.plugin,
            changes_user: true,
        };
        let proving = prove(
            &self.inner,
            &mut link,
            &claim,
            self.hello.capabilities,
            self.nonce,
            &mut sequence,
            self.peer,
        );
        let (credential, nonce) = match timeout(self.inner.settings.login_limit, proving).await {
            Ok(Ok(Ok(proved))) => proved,
            Ok(Ok(Err((error, why)))) => {
                count(&self.inner.counters.logins_refused);
                farewell(&mut link, Some(bough_mysql_wire::frame(sequence, &error.to_payload()))).await;
                why.note(self.peer.address);
                return None;
            }
            Ok(Err(_)) | Err(_) => {
                count(&self.inner.counters.logins_broken);
                return None;
            }
        };
        self.nonce = nonce;
        let wanted = Wanted {
            capabilities: self.hello.capabilities,
            max_packet: self.hello.max_packet,
            collation: change.collation.map_or(self.hello.collation, |collation| collation.to_le_bytes()[0]),
            database: change.database,
            attributes: change.attributes,
        };
        let username = String::from_utf8_lossy(&change.user).into_owned();
        self.begin(link, credential, username, &wanted, sequence).await
    }

    /// One line in the log, and what was counted.
    fn ended(&self, shared: &Shared, why: &str) {
        let counters = &self.inner.counters;
        let [commands, bytes_in, bytes_out] = [
            (&shared.commands, &counters.commands),
            (&shared.bytes_in, &counters.bytes_in),
            (&shared.bytes_out, &counters.bytes_out),
        ]
        .map(|(own, all)| {
            let own = own.swap(0, Ordering::Relaxed);
            all.fetch_add(own, Ordering::Relaxed);
            own
        });
        let address: IpAddr = shared.address;
        let seconds = Duration::from_millis(shared.since.elapsed().as_millis() as u64).as_secs_f64();
        tracing::info!(
            password = %shared.password, branch = %shared.branch, role = shared.role.as_str(), %address,
            connection = %self.id, seconds, commands, bytes_in, bytes_out, why,
            "a session ended"
        );
        self.inner.directory.used(&shared.password, &shared.branch);
    }
}

/// The last packets, if the client takes them, and the end.
async fn farewell(link: &mut Link<ClientStream>, word: Option<Vec<u8>>) {
    let saying = async {
        if let Some(word) = word {
            link.stream.write_all(&word).await?;
            link.stream.flush().await?;
        }
        link.stream.shutdown().await
    };
    // Nobody waits for a client that does not listen.
    let _ = timeout(Duration::from_millis(FAREWELL_LIMIT_MS), saying).await;
}
