//! Errors of the gateway's own: number, SQLSTATE and a sentence. Listed in docs/gateway.md.

use std::net::IpAddr;

use bough_model::{DIRECT_DDL_ERRNO, DIRECT_DDL_MESSAGE};
use bough_mysql_wire::{Command, ErrPacket};

use crate::ids::ClientId;

/// A client's user name is shown to it, but not all of one that is too long, in characters.
const USER_SHOWN_MAX: usize = 64;

/// The client's name as it may be shown to it.
fn shown(user: &[u8]) -> String {
    String::from_utf8_lossy(user).chars().filter(|letter| !letter.is_control()).take(USER_SHOWN_MAX).collect()
}

/// Before the greeting nothing is known of the client: the form without SQLSTATE is the one that all read.
pub(crate) fn too_many_connections() -> ErrPacket {
    ErrPacket { sqlstate: None, ..ErrPacket::new(1040, b"08004", "Too many connections") }
}

pub(crate) fn stopping() -> ErrPacket {
    ErrPacket::new(1053, b"08S01", "The gateway is stopping: connect again")
}

pub(crate) fn unreadable(what: &str) -> ErrPacket {
    ErrPacket::new(1043, b"08S01", &format!("Bad handshake: {what}"))
}

pub(crate) fn too_old() -> ErrPacket {
    ErrPacket::new(
        1251,
        b"08004",
        "The client does not speak protocol 4.1 with its passwords: use a newer client",
    )
}

pub(crate) fn no_compression() -> ErrPacket {
    unreadable("compression is not offered here: switch it off in the client")
}

pub(crate) fn out_of_order() -> ErrPacket {
    ErrPacket::new(1156, b"08S01", "Got packets out of order")
}

/// One answer to whatever keeps a client out.
pub(crate) fn denied(user: &[u8], address: IpAddr, with_password: bool) -> ErrPacket {
    let using = if with_password { "YES" } else { "NO" };
    let user = shown(user);
    ErrPacket::new(
        1045,
        b"28000",
        &format!("Access denied for user '{user}'@'{address}' (using password: {using})"),
    )
}

pub(crate) fn tls_wanted() -> ErrPacket {
    ErrPacket::new(
        3159,
        b"HY000",
        "Connections using insecure transport are refused: switch TLS on in the client",
    )
}

pub(crate) fn too_many_of_password(user: &str) -> ErrPacket {
    ErrPacket::new(
        1203,
        b"42000",
        &format!("User {user} already has more than 'max_user_connections' active connections"),
    )
}

pub(crate) fn unavailable(why: &str) -> ErrPacket {
    ErrPacket::new(1105, b"08004", &format!("The branch cannot be reached: {why}"))
}

pub(crate) fn directory_unavailable() -> ErrPacket {
    ErrPacket::new(1105, b"08004", "Passwords cannot be checked now: try again")
}

pub(crate) fn not_served(command: Option<Command>) -> ErrPacket {
    let what = command.map_or("This command", Command::name);
    ErrPacket::new(1047, b"08S01", &format!("{what} is not served to clients of a branch"))
}

pub(crate) fn no_such_connection(id: ClientId) -> ErrPacket {
    ErrPacket::new(1094, b"HY000", &format!("Unknown thread id: {id}"))
}

pub(crate) fn not_the_owner(id: ClientId) -> ErrPacket {
    ErrPacket::new(1095, b"HY000", &format!("You are not owner of thread {id}"))
}

pub(crate) fn password_ended() -> ErrPacket {
    ErrPacket::new(
        1927,
        b"70100",
        "Connection was killed: its password has ended, or may not be used from here",
    )
}

pub(crate) fn ended_by_operator() -> ErrPacket {
    ErrPacket::new(1927, b"70100", "Connection was killed")
}

pub(crate) fn direct_ddl_disabled() -> ErrPacket {
    ErrPacket::new(DIRECT_DDL_ERRNO, b"HY000", DIRECT_DDL_MESSAGE)
}
