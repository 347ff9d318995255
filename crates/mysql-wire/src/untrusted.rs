//! Every parser of foreign bytes, each behind one function of bytes: what the fuzzer calls, and what the tests
//! call with the corpus and with bytes made up. None of them may panic, whatever the bytes are. What is read is
//! put to use, or the compiler would leave the reading out.

use std::hint::black_box;

use crate::{
    AnswerReader, Asked, AuthSwitch, Capabilities, ChangeUser, ClientHello, ErrPacket, Framer, Greeting,
    HandshakeResponse, OkPacket, PROXY_HEADER_LEN, PROXY_PAYLOAD_MAX, ProxyPreamble, eof_status, parse_kill,
};

/// A parser, by name.
pub type Entry = (&'static str, fn(&[u8]));

/// All of them.
pub const ENTRIES: &[Entry] = &[
    ("client_hello", client_hello),
    ("change_user", change_user),
    ("greeting", greeting),
    ("replies", replies),
    ("kill", kill),
    ("proxy", proxy),
    ("answer", answer),
];

/// A client's first packet. What was read is written again and must be read as the same.
///
/// # Panics
/// When it is read as something else.
pub fn client_hello(bytes: &[u8]) {
    let Ok(ClientHello::LogsIn(first)) = ClientHello::parse(bytes) else { return };
    let again = ClientHello::parse(&first.to_payload());
    let Ok(ClientHello::LogsIn(HandshakeResponse { user, response, database, attributes, .. })) = again
    else {
        panic!("what was written cannot be read: {again:?}")
    };
    assert!(user == first.user && response == first.response, "it is not the same client");
    assert!(database == first.database && attributes == first.attributes, "it does not want the same");
}

/// `COM_CHANGE_USER`, of clients of several kinds: the first byte says which.
pub fn change_user(bytes: &[u8]) {
    let Some((kind, payload)) = bytes.split_first() else { return };
    let mut capabilities = Capabilities::PROTOCOL_41;
    for (bit, one) in
        [Capabilities::SECURE_CONNECTION, Capabilities::PLUGIN_AUTH, Capabilities::CONNECT_ATTRS]
            .into_iter()
            .enumerate()
    {
        if kind >> bit & 1 == 1 {
            capabilities = capabilities | one;
        }
    }
    let _ = black_box(ChangeUser::parse(payload, capabilities));
}

/// A server's greeting.
///
/// # Panics
/// When what was read is read as something else once written.
pub fn greeting(bytes: &[u8]) {
    let Ok(first) = Greeting::parse(bytes) else { return };
    let again = Greeting::parse(&first.to_payload()).expect("what was written can be read");
    assert_eq!((again.version, again.connection), (first.version, first.connection));
}

/// What ends an answer or changes the way to log in.
pub fn replies(bytes: &[u8]) {
    let _ = black_box((OkPacket::parse(bytes), eof_status(bytes), AuthSwitch::parse(bytes)));
    if let Ok(error) = ErrPacket::parse(bytes) {
        assert_eq!(error.to_payload(), bytes, "an error is handed on as it came");
    }
}

/// A statement that may be a `KILL`.
///
/// # Panics
/// When the number is not where it is said to be.
pub fn kill(bytes: &[u8]) {
    if let Some(found) = parse_kill(bytes) {
        let number = str::from_utf8(&bytes[found.at]).expect("digits");
        let number = number.parse::<i128>().expect("a number");
        let expected = if number < 0 { number + (1 << 32) } else { number };
        assert_eq!(i128::from(found.connection), expected);
    }
}

/// A header of the PROXY protocol.
pub fn proxy(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_first_chunk::<PROXY_HEADER_LEN>() else { return };
    if let Ok(preamble) = ProxyPreamble::parse(head) {
        assert!(preamble.len <= PROXY_PAYLOAD_MAX, "a length that must not be waited for");
        let _ = black_box(preamble.finish(rest));
    }
}

/// A server's answer as it comes over the wire: the first byte says what was asked and with which capabilities,
/// the second how it is cut.
///
/// # Panics
/// When another cut is another answer.
pub fn answer(bytes: &[u8]) {
    let [kind, piece, stream @ ..] = bytes else { return };
    let asked = [Asked::Statement, Asked::Prepare, Asked::Rows, Asked::Packet][usize::from(kind & 3)];
    let mut capabilities = Capabilities::PROTOCOL_41;
    for (bit, one) in [Capabilities::DEPRECATE_EOF, Capabilities::CACHE_METADATA, Capabilities::PROGRESS]
        .into_iter()
        .enumerate()
    {
        if kind >> (bit + 2) & 1 == 1 {
            capabilities = capabilities | one;
        }
    }
    let follow = |piece: usize| {
        let mut framer = Framer::new();
        let mut reader = AnswerReader::new(capabilities);
        reader.begin(asked);
        let mut seen = Vec::new();
        for mut rest in stream.chunks(piece) {
            while !rest.is_empty() {
                let (taken, payload) = framer.advance(rest);
                assert!(taken > 0 || payload.is_some(), "it goes on");
                rest = &rest[taken..];
                seen.extend(payload.map(|payload| reader.payload(&payload)));
            }
        }
        seen
    };
    let whole = follow(stream.len().max(1));
    assert!(whole == follow(usize::from(*piece).max(1)), "the cut changes the answer");
}
