//! The gateway's own login at a branch's server.

use std::io;
use std::time::Duration;

use bough_model::{BranchId, PasswordRole};
use bough_mysql_wire::{
    AuthSwitch, Capabilities, Command, ErrPacket, Greeting, HandshakeResponse, NATIVE, Nonce, OkPacket,
    Status, native_response,
};
use tokio::time::{sleep, timeout};

use crate::directory::{Backend, Directory, Kill};
use crate::gateway::Inner;
use crate::ids::ThreadId;
use crate::link::Link;
use crate::registry::Shared;
use crate::server_stream::ServerStream;
use crate::settings::{BACKEND_LOGIN_LIMIT_S, END_PAUSE_MS, END_TRIES, KILL_LIMIT_S, LOGIN_PACKET_MAX_BYTES};

/// Steps of a login: more than any way to log in takes.
const STEPS_MAX: usize = 4;
/// How often a login waits for a server that could be reached a moment ago: it may end once more as it is entered.
const REACH_TRIES: usize = 3;
/// The server refuses an account with these.
const ACCOUNT_REFUSED: [u16; 2] = [1045, 1698];

/// What a client wants of its session.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) capabilities: Capabilities,
    pub(crate) max_packet: u32,
    pub(crate) collation: u8,
    pub(crate) database: Option<Vec<u8>>,
    pub(crate) attributes: Option<Vec<u8>>,
}

/// A session on a branch's server.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) link: Link<ServerStream>,
    pub(crate) thread: ThreadId,
    /// What the server said in the end: handed on to the client as it is.
    pub(crate) welcome: Vec<u8>,
    pub(crate) status: Status,
}

/// Why there is none.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server's own error, for the client to read.
    Refused(ErrPacket),
    /// It does not take the role's account.
    Account,
    /// It cannot be reached, or does not speak as it should.
    Unreachable(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(format!("its server does not answer ({})", error.kind()))
    }
}

/// A session on the server of a branch. The accounts are repaired once if they are refused; a server that cannot be
/// reached is waited for, for it may just have fallen asleep, or have ended and be started again. No statement has
/// been sent by then.
pub(crate) async fn open(
    directory: &dyn Directory,
    branch: &BranchId,
    role: PasswordRole,
    wanted: &Wanted,
    limit: Duration,
) -> Result<(Backend, Connected), Failure> {
    let unavailable = |error: crate::directory::Unavailable| Failure::Unreachable(error.0);
    let opening = async {
        let mut backend = directory.backend(branch, role).await.map_err(unavailable)?;
        let (mut repaired, mut reached) = (false, 0);
        loop {
            let again = match connect(&backend, wanted).await {
                Ok(connected) => return Ok((backend, connected)),
                Err(Failure::Account) if !repaired => {
                    repaired = true;
                    directory.repair(branch, role).await
                }
                Err(Failure::Unreachable(_)) if reached < REACH_TRIES => {
                    reached += 1;
                    directory.reach(branch, role).await
                }
                Err(failure) => return Err(failure),
            };
            backend = again.map_err(unavailable)?;
        }
    };
    timeout(limit, opening)
        .await
        .unwrap_or_else(|_| Err(Failure::Unreachable(format!("no answer within {} s", limit.as_secs()))))
}

async fn connect(backend: &Backend, wanted: &Wanted) -> Result<Connected, Failure> {
    timeout(Duration::from_secs(BACKEND_LOGIN_LIMIT_S), log_in(backend, wanted)).await.unwrap_or_else(|_| {
        Err(Failure::Unreachable(format!("its server did not answer within {BACKEND_LOGIN_LIMIT_S} s")))
    })
}

async fn log_in(backend: &Backend, wanted: &Wanted) -> Result<Connected, Failure> {
    let malformed = |error: bough_mysql_wire::Malformed| Failure::Unreachable(error.to_string());
    let mut link = Link::new(ServerStream::connect(&backend.socket).await?);
    let (sequence, payload) = link.packet(LOGIN_PACKET_MAX_BYTES).await?;
    if let Ok(error) = ErrPacket::parse(&payload) {
        return Err(Failure::Refused(error));
    }
    let greeting = Greeting::parse(&payload).map_err(malformed)?;
    let capabilities = wanted.capabilities.and(greeting.capabilities | Capabilities::MYSQL);
    if capabilities.and(Capabilities::SHAPING) != wanted.capabilities.and(Capabilities::SHAPING) {
        return Err(Failure::Unreachable(
            "its server lacks a capability that clients were told of".to_owned(),
        ));
    }
    let secret = backend.secret.expose().as_bytes();
    let answer = |nonce: &Nonce| native_response(secret, nonce).to_vec();
    let response = HandshakeResponse {
        capabilities,
        max_packet: wanted.max_packet,
        collation: wanted.collation,
        user: backend.account.as_bytes().to_vec(),
        response: answer(&greeting.nonce),
        database: wanted.database.clone(),
        plugin: NATIVE.to_vec(),
        attributes: wanted.attributes.clone(),
    };
    link.send(sequence.wrapping_add(1), &response.to_payload()).await?;
    for _ in 0..STEPS_MAX {
        let (sequence, payload) = link.packet(LOGIN_PACKET_MAX_BYTES).await?;
        if let Ok(error) = ErrPacket::parse(&payload) {
            let account = ACCOUNT_REFUSED.contains(&error.errno);
            return Err(if account { Failure::Account } else { Failure::Refused(error) });
        }
        if let Ok(switch) = AuthSwitch::parse(&payload) {
            if switch.plugin != NATIVE {
                return Err(Failure::Account);
            }
            link.send(sequence.wrapping_add(1), &answer(&switch.nonce)).await?;
            continue;
        }
        let status = OkPacket::parse(&payload).map_err(malformed)?.status;
        let thread = ThreadId(greeting.connection);
        return Ok(Connected { link, thread, welcome: payload, status });
    }
    Err(Failure::Unreachable("its server does not finish the login".to_owned()))
}

/// Ends what a thread of a branch server runs, or the thread, through a session of its own by the same account.
/// Whether the server has said yes; it says no when the thread is gone. `None`: it could not be told.
pub(crate) async fn kill(backend: &Backend, thread: ThreadId, kill: Kill) -> Option<bool> {
    let wanted = Wanted {
        capabilities: Capabilities::PROTOCOL_41 | Capabilities::TRANSACTIONS,
        max_packet: 1 << 24,
        collation: UTF8MB4,
        database: None,
        attributes: None,
    };
    let killing = async {
        let mut link = connect(backend, &wanted).await.ok()?.link;
        let what = match kill {
            Kill::Query => "QUERY",
            Kill::Connection => "CONNECTION",
        };
        let mut statement = vec![Command::Query.byte()];
        statement.extend_from_slice(format!("KILL {what} {}", thread.0).as_bytes());
        link.send(0, &statement).await.ok()?;
        let (_, reply) = link.packet(LOGIN_PACKET_MAX_BYTES).await.ok()?;
        Some(OkPacket::parse(&reply).is_ok())
    };
    timeout(Duration::from_secs(KILL_LIMIT_S), killing).await.ok().flatten()
}

/// Ends a thread of a branch server with what it runs, and does not give up when all places there are taken, be it by
/// threads that are to end likewise.
pub(crate) async fn end(inner: &Inner, session: &Shared) {
    for _ in 0..END_TRIES {
        if kill(&session.backend, session.thread, Kill::Connection).await.is_some() {
            return;
        }
        if let Ok(_turn) = inner.endings.acquire().await
            && inner.directory.end_thread(&session.branch, session.thread.0).await
        {
            return;
        }
        // Where no server listens there is nothing that could run.
        if ServerStream::connect(&session.backend.socket).await.is_err_and(|error| {
            matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
        }) {
            return;
        }
        sleep(Duration::from_millis(END_PAUSE_MS)).await;
    }
    tracing::warn!(branch = %session.branch, "what a session ran could not be ended on the branch's server");
}

/// The collation `utf8mb4_general_ci`.
pub(crate) const UTF8MB4: u8 = 45;
