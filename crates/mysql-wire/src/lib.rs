//! The MySQL protocol as bytes and values: packets, the handshake, replies, and what tells where an answer ends.
//!
//! What it is: parsers and writers without any I/O, each of them for both sides, since a gateway is a server to
//! its clients and a client to its servers. Random bytes come in as values.
//! Why so: whatever a stranger sends is read here and nowhere else, and can be tried without a network.
//! What it refuses: to panic on any bytes, to trust a length that it was told, to look into rows.
//!
//! The protocol is MariaDB's and MySQL's 4.1 one; compression and the old ways to log in are not part of it.

mod answer;
mod auth;
mod capabilities;
mod change_user;
mod command;
mod greeting;
mod handshake;
mod kill;
mod packet;
mod proxy;
mod reader;
mod reply;
mod switch;
pub mod untrusted;

pub use answer::{AnswerReader, Asked, Progress};
pub use auth::{
    CACHING_SHA2, NATIVE, NONCE_LEN, Nonce, fits_caching_sha2, fits_native, fits_password, native_response,
};
pub use capabilities::Capabilities;
pub use change_user::ChangeUser;
pub use command::Command;
pub use greeting::Greeting;
pub use handshake::{ClientHello, HandshakeResponse, ssl_request};
pub use kill::{KillStatement, parse_kill};
pub use packet::{Framer, HEADER_LEN, Header, PAYLOAD_MAX, PREFIX_LEN, Payload, append_packets, frame};
pub use proxy::{PROXY_HEADER_LEN, PROXY_PAYLOAD_MAX, ProxyHeader, ProxyPreamble};
pub use reader::Malformed;
pub use reply::{ErrPacket, OkPacket, Status, eof_status};
pub use switch::{AuthSwitch, FAST_AUTH_OK, FULL_AUTH_WANTED, auth_more_data};
