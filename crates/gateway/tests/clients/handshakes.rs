//! Logging in: what drivers need, and what strangers get.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use bough_gateway::Settings;
use bough_model::{Cidrs, PasswordRole};
use bough_mysql_wire::{
    AuthSwitch, CACHING_SHA2, Capabilities, ErrPacket, HandshakeResponse, Header, NATIVE, frame, ssl_request,
};

use mysql::prelude::Queryable as _;

use crate::support::raw::{PLAIN, Raw, read_packet, tcp};
use crate::support::{PASSWORD, Rig, settings, wait_until};

/// A client of TLS that trusts the rig's certificate.
fn trusting(rig: &Rig) -> Arc<rustls::ClientConfig> {
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    let certificate = rustls::pki_types::CertificateDer::from_pem_file(rig.ca.path()).expect("a certificate");
    roots.add(certificate).expect("a root");
    Arc::new(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

/// What a client that knows a secret answers by `caching_sha2_password`. Written anew here, for the tests to be the other side.
fn caching_sha2_response(secret: &str, nonce: &[u8; 20]) -> Vec<u8> {
    use sha2::{Digest as _, Sha256};
    let once = Sha256::digest(secret);
    let twice = Sha256::digest(once);
    let mask = Sha256::new().chain_update(twice).chain_update(nonce).finalize();
    once.iter().zip(mask).map(|(a, b)| a ^ b).collect()
}

#[test]
fn the_greeting_is_the_server_s_own() {
    let rig = Rig::new();
    let through = Raw::gateway(rig.address).greeting;
    let past = Raw::direct(&rig.server.socket()).greeting;
    assert!(through.version.starts_with(b"5.5.5-10.11.") && through.version.ends_with(b"-MariaDB"));
    assert_eq!(through.plugin, NATIVE);
    let kept = Capabilities::COMPRESS | Capabilities::LOCAL_FILES | Capabilities::SSL;
    assert_eq!(through.capabilities.without(kept), past.capabilities.without(kept));
    assert_eq!(through.capabilities.and(kept), Capabilities::SSL);
    assert_eq!((through.status, through.collation), (past.status, 45));
    assert!(through.connection >= 1 << 31);
    assert_ne!(Raw::gateway(rig.address).greeting.connection, through.connection);
}

#[test]
fn every_way_to_log_in_leads_in() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Reader);
    // Whatever a client claims is answered by an auth switch to what it can do everywhere.
    for plugin in
        ["mysql_native_password", "client_ed25519", "mysql_clear_password", "dialog", "sha256_password", ""]
    {
        for response in [false, true] {
            let mut raw = Raw::gateway(rig.address);
            let mut hello = raw.hello(&user, PASSWORD, PLAIN);
            hello.plugin = plugin.as_bytes().to_vec();
            if !response && plugin != "mysql_native_password" && !plugin.is_empty() {
                hello.response.clear();
            }
            raw.log_in_with(&hello, PASSWORD).unwrap_or_else(|error| panic!("{plugin}: {error:?}"));
            assert_eq!(raw.text("SELECT 'in'"), "in");
        }
    }
    // A client that knows no plugins.
    let mut raw = Raw::gateway(rig.address);
    let payload = {
        let hello = raw.hello(&user, PASSWORD, PLAIN);
        let mut bytes = ssl_request(PLAIN.without(Capabilities::PLUGIN_AUTH), 1 << 24, 45);
        bytes[1] &= !8; // No TLS.
        bytes.extend_from_slice(user.as_bytes());
        bytes.push(0);
        bytes.push(20);
        bytes.extend_from_slice(&hello.response);
        bytes
    };
    raw.send(&payload);
    raw.finish(PASSWORD).expect("in");
}

/// Logs in by `caching_sha2_password`: with a secret for the fast way, and one for the full way if that is asked for.
fn by_caching_sha2(raw: &mut Raw, user: &str, fast: &str, full: &str) -> Result<Vec<u8>, ErrPacket> {
    let mut hello = raw.hello(user, "", PLAIN);
    hello.plugin = CACHING_SHA2.to_vec();
    hello.response.clear();
    raw.capabilities = hello.capabilities;
    raw.send(&hello.to_payload());
    let switch = AuthSwitch::parse(&raw.receive().expect("a switch")).expect("a switch");
    assert_eq!(switch.plugin, CACHING_SHA2);
    raw.send(&caching_sha2_response(fast, switch.nonce.as_bytes()));
    let mut said = raw.receive().expect("a reply");
    let first = said.clone();
    if said == [1, 4] {
        raw.send(&[full.as_bytes(), b"\0"].concat());
        said = raw.receive().expect("a reply");
    } else if said == [1, 3] {
        said = raw.receive().expect("a reply");
    }
    ErrPacket::parse(&said).map_or(Ok(first), Err)
}

#[test]
fn caching_sha2_has_a_fast_way_and_inside_tls_a_full_one() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Reader);
    let tls = || Raw::in_tls(rig.address, trusting(&rig), PLAIN);
    assert_eq!(by_caching_sha2(&mut Raw::gateway(rig.address), &user, PASSWORD, "").expect("in"), [1, 3]);
    assert_eq!(by_caching_sha2(&mut tls(), &user, PASSWORD, "").expect("in"), [1, 3]);
    assert_eq!(by_caching_sha2(&mut tls(), &user, "wrong", PASSWORD).expect("in"), [1, 4]);
    for (user, full) in [(user.as_str(), "wrong"), (&user, ""), ("nobody00000000000000", PASSWORD)] {
        let error = by_caching_sha2(&mut tls(), user, "wrong", full).expect_err("out");
        assert_eq!(error.errno, 1045);
    }
    // In plain text nobody is asked for a password.
    let error = by_caching_sha2(&mut Raw::gateway(rig.address), &user, "wrong", PASSWORD).expect_err("out");
    assert_eq!((error.errno, error.sqlstate), (1045, Some(*b"28000")));
}

#[test]
fn an_unknown_user_and_a_wrong_password_read_alike() {
    let rig = Rig::new();
    let known = rig.user(PasswordRole::Reader);
    let elsewhere = rig.user(PasswordRole::Reader);
    rig.book
        .change(&elsewhere, |credential| credential.cidrs = Cidrs::parse(["192.0.2.0/24"]).expect("a range"));
    let steps = |user: &str, secret: &str, plugin: &str| {
        let mut raw = Raw::gateway(rig.address);
        let mut hello = raw.hello(user, secret, PLAIN);
        hello.plugin = plugin.as_bytes().to_vec();
        raw.send(&hello.to_payload());
        let mut said = Vec::new();
        while let Ok(payload) = raw.receive() {
            // A nonce is another one each time.
            said.push(if payload[0] == 0xfe { payload[..plugin.len()].to_vec() } else { payload.clone() });
            if payload[0] != 0xfe {
                break;
            }
            raw.send(&[1; 20]);
        }
        let text = String::from_utf8_lossy(&said.concat()).replace(user, "USER");
        (said.len(), text)
    };
    for plugin in ["mysql_native_password", "caching_sha2_password", "dialog"] {
        let expected = steps("nobody00000000000000", PASSWORD, plugin);
        assert!(
            expected.1.ends_with("#28000Access denied for user 'USER'@'127.0.0.1' (using password: YES)")
        );
        assert_eq!(steps(&known, "wrong", plugin), expected);
        assert_eq!(steps(&elsewhere, PASSWORD, plugin), expected);
    }
    // A name of 300 bytes, and one that is no text.
    assert_eq!(steps(&"x".repeat(300), "wrong", "dialog").0, 2);
    let mut raw = Raw::gateway(rig.address);
    let hello = HandshakeResponse { user: vec![0xc3, 0x28, 1, 0xff], ..raw.hello("", "x", PLAIN) };
    assert_eq!(raw.log_in_with(&hello, "x").expect_err("out").errno, 1045);
}

#[test]
fn plain_text_is_refused_unless_it_is_allowed() {
    let rig = Rig::with(Settings::default());
    let user = rig.user(PasswordRole::Reader);
    let error = Raw::gateway(rig.address).log_in(&user, PASSWORD, PLAIN).expect_err("out");
    assert_eq!(error.errno, 3159);
    let mut raw = Raw::in_tls(rig.address, trusting(&rig), PLAIN);
    raw.log_in(&user, PASSWORD, PLAIN).expect("in, though the hello of TLS came with the request for it");
    assert_eq!(raw.text("SELECT 'in'"), "in");
}

#[test]
fn another_certificate_holds_from_the_next_connection_on() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Reader);
    let mut open = Raw::in_tls(rig.address, trusting(&rig), PLAIN);
    open.log_in(&user, PASSWORD, PLAIN).expect("in");
    let other = crate::support::Certificate::new();
    rig.tls.replace(other.config);
    std::fs::write(rig.ca.path(), &other.pem).expect("written");
    Raw::in_tls(rig.address, trusting(&rig), PLAIN).log_in(&user, PASSWORD, PLAIN).expect("in");
    assert_eq!(open.text("SELECT 'still'"), "still");
}

/// Sends bytes behind the greeting, says no more, and reads to the end.
fn end_of(rig: &Rig, bytes: &[u8]) -> Vec<u8> {
    let mut stream = tcp(rig.address);
    read_packet(&mut stream).expect("a greeting");
    // The other side may have ended it by now: what it has said can be read all the same. A reset is an end, too.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    rest
}

fn errno_in(bytes: &[u8]) -> Option<u16> {
    ErrPacket::errno_of(bytes.get(4..)?)
}

#[test]
fn broken_handshakes_are_refused_and_nothing_reaches_the_server() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Admin);
    let mut root = rig.server.root();
    let mut connections = || -> (String, u64) {
        root.query_first("SHOW GLOBAL STATUS LIKE 'Connections'").expect("a row").expect("a figure")
    };
    let before = connections();
    let raw = Raw::gateway(rig.address);
    let whole = frame(1, &raw.hello(&user, "wrong", PLAIN | Capabilities::CONNECT_ATTRS).to_payload());
    for len in 0..whole.len() {
        assert_eq!(
            errno_in(&end_of(&rig, &whole[..len])),
            None,
            "{len} bytes: nothing is answered to half a packet"
        );
        // A packet that is whole, of a payload that is not.
        let cut =
            [&Header { len, sequence: 1 }.to_bytes()[..], &whole[4..][..len.min(whole.len() - 4)]].concat();
        if len < whole.len() - 4 {
            let said = errno_in(&end_of(&rig, &cut));
            assert!(matches!(said, Some(1043 | 1045) | None), "{len} bytes: {said:?}");
        }
    }
    // Numbers that are out of order, and lengths that are too large.
    for sequence in [0, 2, 255] {
        let mut reordered = whole.clone();
        reordered[3] = sequence;
        assert_eq!(errno_in(&end_of(&rig, &reordered)), Some(1156));
    }
    for len in [65_537, 1 << 20, 0xff_ffff] {
        let oversized = [&Header { len, sequence: 1 }.to_bytes()[..], &[0; 100]].concat();
        assert_eq!(errno_in(&end_of(&rig, &oversized)), Some(1043), "{len}");
    }
    // Older than protocol 4.1; without its passwords; TLS that is none; TLS asked for twice.
    assert_eq!(errno_in(&end_of(&rig, &frame(1, b"\x05\x00\x00\x00\x00user\0"))), Some(1043));
    let mut old = raw.hello(&user, PASSWORD, PLAIN).to_payload();
    old[1] &= !0x80;
    old[2] &= !0x20;
    assert!(matches!(errno_in(&end_of(&rig, &frame(1, &old))), Some(1251 | 1043)));
    let request = frame(1, &ssl_request(PLAIN, 1 << 24, 45));
    assert_eq!(errno_in(&end_of(&rig, &[&request[..], b"GET / HTTP/1.1\r\n\r\n"].concat())), None);
    let mut raw = Raw::in_tls(rig.address, trusting(&rig), PLAIN);
    raw.send(&ssl_request(PLAIN, 1 << 24, 45));
    let said = raw.receive().expect("a reply");
    assert_eq!(ErrPacket::errno_of(&said), Some(1043));
    // A random one.
    let mut dice = bough_testkit::Dice::new(5);
    for _ in 0..300 {
        let bytes: Vec<u8> = (0..dice.below(300)).map(|_| dice.next().to_le_bytes()[0]).collect();
        end_of(&rig, &bytes);
    }
    assert_eq!(connections(), before, "nobody has come to the server");
    Raw::gateway(rig.address).log_in(&user, PASSWORD, PLAIN).expect("others still get in");
    wait_until("all others are gone", || rig.gateway.figures().connections_open == 0);
}

#[test]
fn who_compresses_without_being_offered_it_is_told() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Reader);
    for compression in [Capabilities::COMPRESS, Capabilities::ZSTD_COMPRESS] {
        let error = Raw::gateway(rig.address).log_in(&user, PASSWORD, PLAIN | compression).expect_err("out");
        assert_eq!(error.errno, 1043);
        assert!(String::from_utf8_lossy(&error.message).contains("compression is not offered"));
    }
}

#[test]
fn who_never_answers_is_cut_off() {
    let rig = Rig::with(Settings { login_limit: Duration::from_millis(300), ..settings() });
    let user = rig.user(PasswordRole::Admin);
    let mut silent = Raw::gateway(rig.address);
    let mut slow = tcp(rig.address);
    read_packet(&mut slow).expect("a greeting");
    let mut switched = Raw::gateway(rig.address);
    let mut hello = switched.hello(&user, "", PLAIN);
    hello.plugin = b"dialog".to_vec();
    switched.send(&hello.to_payload());
    assert_eq!(switched.receive().expect("a switch")[0], 0xfe);
    let in_tls = {
        let mut stream = tcp(rig.address);
        read_packet(&mut stream).expect("a greeting");
        stream.write_all(&frame(1, &ssl_request(PLAIN, 1 << 24, 45))).expect("written");
        stream
    };
    // A byte now and then does not help.
    let mut byte = 0_u8;
    while slow.write_all(&[byte]).is_ok() {
        byte = byte.wrapping_add(1);
        std::thread::sleep(Duration::from_millis(20));
        if slow.set_nonblocking(true).is_ok() && matches!(slow.read(&mut [0; 1]), Ok(0)) {
            break;
        }
        slow.set_nonblocking(false).expect("blocking");
    }
    assert_eq!(silent.ends().unwrap_or_default(), b"");
    assert_eq!(switched.ends().unwrap_or_default(), b"");
    let mut in_tls = in_tls;
    let _ = in_tls.read_to_end(&mut Vec::new());
    wait_until("all are gone", || rig.gateway.figures().connections_open == 0);
    assert_eq!(rig.gateway.figures().logins_broken, 4);
}

#[test]
fn places_are_limited_and_who_waits_longest_gives_way() {
    let limits = Settings {
        connections_max: 6,
        connections_per_address: 5,
        connections_per_password: 2,
        logins_max: 2,
        ..settings()
    };
    let rig = Rig::with(limits);
    let user = rig.user(PasswordRole::Admin);
    let mut first = Raw::gateway(rig.address);
    let _second = Raw::gateway(rig.address);
    let _third = Raw::gateway(rig.address);
    assert_eq!(first.ends().unwrap_or_default(), b"", "it had been at it for longest");
    wait_until("its place is free", || rig.gateway.figures().connections_open == 2);
    let mut sessions: Vec<Raw> = (0..2)
        .map(|_| {
            let mut raw = Raw::gateway(rig.address);
            raw.log_in(&user, PASSWORD, PLAIN).expect("in");
            raw
        })
        .collect();
    let error = Raw::gateway(rig.address).log_in(&user, PASSWORD, PLAIN).expect_err("out");
    assert_eq!(error.errno, 1203);
    // Sessions do not give way to those who have not logged in.
    for _ in 0..5 {
        let _ = Raw::try_gateway(rig.address);
    }
    assert!(sessions.iter_mut().all(|raw| raw.text("SELECT 'in'") == "in"));
    wait_until("the others are gone", || rig.gateway.figures().connections_open <= 4);
    let other = rig.user(PasswordRole::Admin);
    wait_until("another password gets in", || {
        Raw::try_gateway(rig.address).ok().is_some_and(|mut raw| {
            let came_in = raw.log_in(&other, PASSWORD, PLAIN).is_ok();
            sessions.push(raw);
            came_in
        })
    });
    let fifth = rig.user(PasswordRole::Admin);
    let mut refused = None;
    wait_until("all places of the address are taken", || match Raw::try_gateway(rig.address) {
        Ok(mut raw) => {
            let _ = raw.log_in(&fifth, PASSWORD, PLAIN);
            sessions.push(raw);
            false
        }
        Err(error) => {
            refused = Some(error);
            true
        }
    });
    assert_eq!(refused.map(|error| (error.errno, error.sqlstate)), Some((1040, None)));
    sessions.clear();
    wait_until("all places are free", || rig.gateway.figures().connections_open <= 2);
}

#[test]
fn a_storm_of_strangers_keeps_nobody_out() {
    let rig = Rig::with(Settings { logins_max: 20, ..settings() });
    let user = rig.user(PasswordRole::Reader);
    let open: Vec<_> = (0..300)
        .map(|number| {
            let mut stream = tcp(rig.address);
            // Some say nothing, some begin and stop in the middle.
            if number % 3 == 0 {
                let _ = stream.write_all(&[200, 0, 0, 1, 5]);
            }
            stream
        })
        .collect();
    let mut raw = Raw::gateway(rig.address);
    raw.log_in(&user, PASSWORD, PLAIN).expect("in");
    wait_until("few are kept", || rig.gateway.figures().connections_open <= 20);
    assert_eq!(raw.text("SELECT 'in'"), "in");
    drop(open);
    wait_until("all others are gone", || rig.gateway.figures().connections_open == 1);
}

fn proxy_header(source: [u8; 4]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend_from_slice(&source);
    header.extend_from_slice(&[10, 0, 0, 1, 0x1f, 0x90, 0x0c, 0xea]);
    header
}

#[test]
fn behind_a_proxy_the_client_s_own_address_counts() {
    use bough_gateway::ProxyProtocol;
    let proxies = ProxyProtocol::From(Cidrs::parse(["127.0.0.0/8"]).expect("a range"));
    let rig = Rig::with(Settings { proxy_protocol: proxies, ..settings() });
    let user = rig.user(PasswordRole::Reader);
    rig.book.change(&user, |credential| credential.cidrs = Cidrs::parse(["127.0.0.9"]).expect("a range"));
    let mut raw = Raw::behind(rig.address, &proxy_header([127, 0, 0, 9]));
    raw.log_in(&user, PASSWORD, PLAIN).expect("in");
    assert_eq!(rig.gateway.sessions(None)[0].address.to_string(), "127.0.0.9");
    let error = Raw::behind(rig.address, &proxy_header([127, 0, 0, 8])).log_in(&user, PASSWORD, PLAIN);
    let message = String::from_utf8(error.expect_err("out").message).expect("text");
    assert!(message.contains("'@'127.0.0.8'"), "{message}");
    // A client that comes from elsewhere in the end may not do without TLS.
    let error = Raw::behind(rig.address, &proxy_header([192, 0, 2, 1])).log_in(&user, PASSWORD, PLAIN);
    assert_eq!(error.expect_err("out").errno, 3159);
    // No header, a wrong one, one that is too long: no greeting.
    for head in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\0",
    ] {
        let mut stream = tcp(rig.address);
        stream.write_all(head).expect("written");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert_eq!(rest, b"");
    }
}
