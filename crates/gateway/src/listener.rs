//! Accepting: a place for each connection, and its real address.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bough_mysql_wire::{PROXY_HEADER_LEN, ProxyHeader, ProxyPreamble, frame};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout_at};

use crate::counters::count;
use crate::gateway::Inner;
use crate::link::Link;
use crate::login::{LoginFailed, Peer, log_in};
use crate::places::{LoggingIn, Seat};
use crate::refusal;
use crate::session;
use crate::settings::{ACCEPT_PAUSE_MS, KEEPALIVE_S, ProxyProtocol};

/// Accepts until the gateway stops.
pub(crate) async fn serve(inner: Arc<Inner>, listener: TcpListener) {
    let mut stopping = inner.stopping.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        match accepted {
            Ok((stream, address)) => {
                count(&inner.counters.accepted);
                match inner.places.seat() {
                    Some(seat) => {
                        // In the order of their coming: whoever came last is the last to give way.
                        let login = inner.places.login();
                        drop(tokio::spawn(connection(Arc::clone(&inner), stream, address, seat, login)));
                    }
                    None => turn_away(&inner, &stream),
                }
            }
            // Of one connection, not of the listener.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted");
                sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
            }
        }
    }
}

/// A few words into an empty buffer: they go at once or never.
fn turn_away(inner: &Inner, stream: &TcpStream) {
    count(&inner.counters.turned_away);
    let _ = stream.try_write(&frame(0, &refusal::too_many_connections().to_payload()));
}

async fn connection(inner: Arc<Inner>, stream: TcpStream, from: SocketAddr, seat: Seat, login: LoggingIn) {
    let deadline = Instant::now() + inner.settings.login_limit;
    prepare(&stream);
    let mut link = Link::new(stream);
    let logging_in = async {
        let address = real_address(&inner, &mut link, from).await?;
        let peer = Peer {
            address,
            local: from.ip().to_canonical().is_loopback() && address.ip().to_canonical().is_loopback(),
        };
        let Some(place) = inner.places.of_address(address.ip()) else {
            turn_away(&inner, &link.stream);
            return Err(LoginFailed::Broken("no place for its address"));
        };
        let id = inner.registry.fresh_id();
        Ok((log_in(&inner, link, peer, id).await?, peer, id, place))
    };
    let ended = tokio::select! {
        ended = timeout_at(deadline, logging_in) => ended.unwrap_or(Err(LoginFailed::Broken("too slow"))),
        () = login.must_give_way() => Err(LoginFailed::Broken("others needed the place")),
    };
    drop(login);
    match ended {
        Ok((client, peer, id, place)) => {
            session::run(inner, client, peer, id).await;
            drop((place, seat));
        }
        Err(LoginFailed::Denied(why, address)) => {
            count(&inner.counters.logins_refused);
            why.note(address);
        }
        Err(LoginFailed::Broken(why)) => {
            count(&inner.counters.logins_broken);
            // Not louder: whoever comes in storms would fill the log.
            tracing::debug!(address = %from, why, "a login was broken off");
        }
        Err(LoginFailed::Gone(why)) => {
            count(&inner.counters.logins_broken);
            tracing::debug!(address = %from, %why, "a client left before it had logged in");
        }
    }
}

/// Small packets go at once; a client that has vanished is noticed.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let keepalive = socket2::TcpKeepalive::new().with_time(Duration::from_secs(KEEPALIVE_S));
    let _ = socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

/// Where the client is: behind a proxy that we know, what that one says.
async fn real_address(
    inner: &Inner,
    link: &mut Link<TcpStream>,
    from: SocketAddr,
) -> Result<SocketAddr, LoginFailed> {
    let ProxyProtocol::From(proxies) = &inner.settings.proxy_protocol else { return Ok(from) };
    if !proxies.admits(from.ip()) {
        return Ok(from);
    }
    let unreadable = |_| LoginFailed::Broken("no PROXY header of version 2");
    let preamble = ProxyPreamble::parse(&link.head::<PROXY_HEADER_LEN>().await?).map_err(unreadable)?;
    let rest = link.bytes(preamble.len).await?;
    match preamble.finish(&rest).map_err(unreadable)? {
        ProxyHeader::Client(client) => Ok(client),
        ProxyHeader::Local => Ok(from),
        // Not taken for the proxy's own: where a password may be used from must not depend on it.
        ProxyHeader::Unknown => Err(LoginFailed::Broken("a PROXY header without an address")),
    }
}
