//! From the greeting to knowing who it is. Everything here is said to somebody unknown.

use std::io;
use std::net::SocketAddr;

use bough_mysql_wire::{
    AuthSwitch, CACHING_SHA2, Capabilities, ClientHello, ErrPacket, FAST_AUTH_OK, FULL_AUTH_WANTED, Greeting,
    HandshakeResponse, NATIVE, Nonce, Status, auth_more_data,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use crate::backend::UTF8MB4;
use crate::directory::Credential;
use crate::gateway::Inner;
use crate::ids::ClientId;
use crate::link::Link;
use crate::refusal;
use crate::settings::LOGIN_PACKET_MAX_BYTES;
use crate::stream::ClientStream;
use crate::verify::{Claimant, Proof, WhyNot};

/// A client that is who it says.
pub(crate) struct LoggedIn<S> {
    pub(crate) link: Link<ClientStream<S>>,
    pub(crate) credential: Credential,
    pub(crate) username: String,
    pub(crate) hello: HandshakeResponse,
    /// The nonce that it was given last: `COM_CHANGE_USER` is answered with it.
    pub(crate) nonce: Nonce,
    /// The number of the next packet to it.
    pub(crate) sequence: u8,
}

/// Why a client did not log in. What it should read has been sent.
#[derive(Debug)]
pub(crate) enum LoginFailed {
    /// Unknown user, wrong password, wrong address.
    Denied(WhyNot, SocketAddr),
    /// It cannot be read, is too old, or does not want TLS.
    Broken(&'static str),
    /// It left, or the network did.
    Gone(io::ErrorKind),
}

impl From<io::Error> for LoginFailed {
    fn from(error: io::Error) -> Self {
        Self::Gone(error.kind())
    }
}

/// Where a client is, and whether it came over the loopback.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) local: bool,
}

pub(crate) async fn log_in<S: AsyncRead + AsyncWrite + Unpin>(
    inner: &Inner,
    mut link: Link<S>,
    peer: Peer,
    id: ClientId,
) -> Result<LoggedIn<S>, LoginFailed> {
    let nonce = inner.nonce();
    let greeting = Greeting {
        version: inner.settings.version.clone().into_bytes(),
        connection: id.get(),
        nonce,
        capabilities: inner.announced() | Capabilities::SSL,
        collation: UTF8MB4,
        status: Status::AUTOCOMMIT,
        plugin: NATIVE.to_vec(),
    };
    link.send(0, &greeting.to_payload()).await?;

    let (mut sequence, mut hello) = read_hello(&mut link, 1).await?;
    let tls = matches!(hello, ClientHello::WantsTls);
    let mut link = if tls {
        let acceptor = TlsAcceptor::from(inner.tls.current());
        let stream = acceptor.accept(link.stream).await?;
        let mut link = Link::new(ClientStream::Tls(Box::new(stream)));
        (sequence, hello) = read_hello(&mut link, 2).await?;
        link
    } else {
        Link::new(ClientStream::Plain(link.stream))
    };
    sequence = sequence.wrapping_add(1);
    let ClientHello::LogsIn(mut hello) = hello else {
        return Err(broken(
            &mut link,
            sequence,
            &refusal::unreadable("TLS was asked for twice"),
            "TLS twice",
        )
        .await);
    };
    let may_be_plain = inner.settings.plain_on_loopback && peer.local;
    if !tls && !may_be_plain {
        return Err(broken(&mut link, sequence, &refusal::tls_wanted(), "plain text").await);
    }
    if !hello.capabilities.has(Capabilities::SECURE_CONNECTION) {
        return Err(broken(&mut link, sequence, &refusal::too_old(), "too old").await);
    }
    // A client that compresses without being offered it would not be understood: better said than waited for.
    if hello.capabilities.has(Capabilities::COMPRESS) || hello.capabilities.has(Capabilities::ZSTD_COMPRESS) {
        return Err(broken(&mut link, sequence, &refusal::no_compression(), "compression").await);
    }
    hello.capabilities = inner.granted(hello.capabilities);

    let claim =
        Claim { user: &hello.user, response: &hello.response, plugin: &hello.plugin, changes_user: false };
    let capabilities = hello.capabilities;
    match prove(inner, &mut link, &claim, capabilities, nonce, &mut sequence, peer).await? {
        Ok((credential, nonce)) => {
            let username = String::from_utf8_lossy(&hello.user).into_owned();
            Ok(LoggedIn { link, credential, username, hello, nonce, sequence })
        }
        Err((refused, why)) => {
            link.send(sequence, &refused.to_payload()).await?;
            Err(LoginFailed::Denied(why, peer.address))
        }
    }
}

/// Reads a client's first packet, which must have this number.
async fn read_hello<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    expected: u8,
) -> Result<(u8, ClientHello), LoginFailed> {
    let (sequence, payload) = match link.packet(LOGIN_PACKET_MAX_BYTES).await {
        Ok(packet) => packet,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let refused = refusal::unreadable("the packet is too large");
            return Err(broken(link, expected.wrapping_add(1), &refused, "too large").await);
        }
        Err(error) => return Err(error.into()),
    };
    let next = sequence.wrapping_add(1);
    if sequence != expected {
        return Err(broken(link, next, &refusal::out_of_order(), "out of order").await);
    }
    match ClientHello::parse(&payload) {
        Ok(hello) => Ok((sequence, hello)),
        Err(error) => Err(broken(link, next, &refusal::unreadable(&error.to_string()), "unreadable").await),
    }
}

async fn broken<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    sequence: u8,
    error: &ErrPacket,
    why: &'static str,
) -> LoginFailed {
    match link.send(sequence, &error.to_payload()).await {
        Ok(()) => LoginFailed::Broken(why),
        Err(error) => error.into(),
    }
}

/// Who a client says that it is, and how it shows it.
pub(crate) struct Claim<'a> {
    pub(crate) user: &'a [u8],
    pub(crate) response: &'a [u8],
    pub(crate) plugin: &'a [u8],
    /// It is logged in already: its answer may be to a nonce that we know nothing of, so one that does not fit is asked
    /// for again.
    pub(crate) changes_user: bool,
}

/// Checks a claim. Unknown users take the same steps as wrong passwords. The refusal is not sent yet.
pub(crate) async fn prove<S: AsyncRead + AsyncWrite + Unpin + InTls>(
    inner: &Inner,
    link: &mut Link<S>,
    claim: &Claim<'_>,
    capabilities: Capabilities,
    nonce: Nonce,
    sequence: &mut u8,
    peer: Peer,
) -> io::Result<Result<(Credential, Nonce), (ErrPacket, WhyNot)>> {
    // A name that cannot be one is nobody's.
    let found = match str::from_utf8(claim.user) {
        Ok(user) => inner.directory.credential(user),
        Err(_) => Ok(None),
    };
    let Ok(found) = found else {
        let why = WhyNot { password: None, reason: "the passwords cannot be read" };
        return Ok(Err((refusal::directory_unavailable(), why)));
    };
    let claimant = Claimant::new(found, &inner.nobody, peer.address.ip());
    let can_switch = capabilities.has(Capabilities::PLUGIN_AUTH);
    let mut exchange = Exchange { inner, link, sequence, nonce };
    let mut with_password = !claim.response.is_empty();
    let native = !can_switch || claim.plugin.is_empty() || claim.plugin == NATIVE;
    let mut knows = native && claimant.knows(&Proof::Native(&exchange.nonce, claim.response));
    if can_switch && claim.plugin == CACHING_SHA2 {
        let response = exchange.switch(CACHING_SHA2).await?;
        // An empty password is an empty answer, or a NUL.
        with_password = response.iter().any(|byte| *byte != 0);
        knows = claimant.knows(&Proof::CachingSha2(&exchange.nonce, &response));
        if knows {
            exchange.send(&auth_more_data(FAST_AUTH_OK)).await?;
        } else if with_password && exchange.link.stream.in_tls() {
            exchange.send(&auth_more_data(FULL_AUTH_WANTED)).await?;
            let password = exchange.receive().await?;
            knows = claimant.knows(&Proof::Password(password.strip_suffix(b"\0").unwrap_or(&password)));
        }
    } else if !native || (claim.changes_user && can_switch && !knows) {
        let response = exchange.switch(NATIVE).await?;
        with_password = !response.is_empty();
        knows = claimant.knows(&Proof::Native(&exchange.nonce, &response));
    }
    let nonce = exchange.nonce;
    let denied = || refusal::denied(claim.user, peer.address.ip(), with_password);
    Ok(claimant.admit(knows).map(|credential| (credential, nonce)).map_err(|why| (denied(), why)))
}

/// Whether nobody can listen.
pub(crate) trait InTls {
    fn in_tls(&self) -> bool;
}

impl<S> InTls for ClientStream<S> {
    fn in_tls(&self) -> bool {
        self.is_tls()
    }
}

struct Exchange<'a, S> {
    inner: &'a Inner,
    link: &'a mut Link<S>,
    sequence: &'a mut u8,
    nonce: Nonce,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Exchange<'_, S> {
    async fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let sequence = *self.sequence;
        *self.sequence = sequence.wrapping_add(1);
        self.link.send(sequence, payload).await
    }

    async fn receive(&mut self) -> io::Result<Vec<u8>> {
        let (sequence, payload) = self.link.packet(LOGIN_PACKET_MAX_BYTES).await?;
        if sequence != *self.sequence {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "packets out of order"));
        }
        *self.sequence = sequence.wrapping_add(1);
        Ok(payload)
    }

    /// Asks for an answer by this plugin to a new nonce.
    async fn switch(&mut self, plugin: &[u8]) -> io::Result<Vec<u8>> {
        self.nonce = self.inner.nonce();
        let switch = AuthSwitch { plugin: plugin.to_vec(), nonce: self.nonce };
        self.send(&switch.to_payload()).await?;
        self.receive().await
    }
}
