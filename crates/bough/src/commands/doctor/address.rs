//! The addresses that the API is served on, and that MySQL clients are taken on.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6, bind, setsockopt, socket, sockopt,
};
use nix::unistd::geteuid;

use super::report::{Check, Level, Report, quoted};
use super::scene::Scene;
use super::serving::{Serving, listener};

/// Longest wait for the serving Bough to take a connection, in seconds.
const CONNECT_LIMIT_SECONDS: u64 = 2;
/// Below it ports are for root, where the kernel does not say.
const USUAL_FIRST_PORT: u16 = 1024;

pub fn check(scene: &Scene, report: &mut Report) {
    match &scene.serving {
        Serving::Process(process) => match process.http {
            Some(address) => check_served(Check::Address, address, process.pid, report),
            None => report.note(
                Check::Address,
                format!("Bough (process {}) does not listen: it starts or ends at the moment", process.pid),
            ),
        },
        // Whose port it is cannot be told then.
        Serving::Hidden | Serving::Unknown { .. } => {}
        Serving::Nobody => {
            let server = &scene.config.server;
            check_free(scene, report, &server.http, "http", "127.0.0.1:8080");
            if scene.config.gateway.in_serve {
                check_free(scene, report, &server.mysql, "mysql", "127.0.0.1:3316");
            }
        }
    }
}

/// Whether a process listens where it says.
pub fn check_served(check: Check, address: SocketAddr, pid: i32, report: &mut Report) {
    let mut reach = address;
    if address.ip().is_unspecified() {
        let loopback =
            if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        reach.set_ip(loopback);
    }
    match TcpStream::connect_timeout(&reach, Duration::from_secs(CONNECT_LIMIT_SECONDS)) {
        Ok(_) => report.ok(check, format!("Bough listens on {address}")),
        Err(error) => report.wrong(
            check,
            Level::Failure,
            format!("Bough (process {pid}) should listen on {address}, but takes no connection: {error}"),
            "see its log; if it says nothing more, stop and start it: branch servers go on meanwhile",
        ),
    }
}

/// Whether the address `told` by `[server] key` can be listened on.
fn check_free(scene: &Scene, report: &mut Report, told: &str, key: &str, example: &str) {
    let Ok(address) = told.parse::<SocketAddr>() else {
        return report.wrong(
            Check::Address,
            Level::Failure,
            format!("[server] {key} = {told:?} is no address to listen on"),
            format!("[server] {key} = {example:?}, a number and a port"),
        );
    };
    if address.port() == 0 {
        return report.ok(Check::Address, format!("{address} takes any free port"));
    }
    let settings = quoted(&scene.root().join("bough.toml"));
    let other = format!("or serve elsewhere: [server] {key} in {settings}, or bough serve --{key} ADDR");
    match try_to_bind(address) {
        Ok(()) => {
            let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
            let first = first.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(USUAL_FIRST_PORT);
            if address.port() < first && geteuid().is_root() && scene.runner.uid != 0 {
                report.wrong(
                    Check::Address,
                    Level::Note,
                    format!(
                        "{address} is free; whether {} may have a port below {first} was not tried",
                        scene.runner.name
                    ),
                    "AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit",
                );
            } else {
                report.ok(Check::Address, format!("{address} is free"));
            }
        }
        Err(Errno::EADDRINUSE) => {
            let (who, mend) = match listener(address) {
                Some((pid, name)) => (
                    format!("process {pid} ({name})"),
                    format!("stop that process, {other}; who it is: ps -fp {pid}"),
                ),
                None => (
                    "a process that cannot be seen from here".to_owned(),
                    format!("find it as root: ss -tlnp sport = :{}; {other}", address.port()),
                ),
            };
            report.wrong(
                Check::Address,
                Level::Failure,
                format!("{address} is taken by {who}, and nobody serves this directory"),
                mend,
            );
        }
        Err(Errno::EADDRNOTAVAIL) => report.wrong(
            Check::Address,
            Level::Failure,
            format!("no interface of this machine has the address of {address}"),
            format!("see `ip address`, {other}"),
        ),
        Err(Errno::EACCES) => report.wrong(
            Check::Address,
            Level::Failure,
            format!("{} may not listen on {address}", scene.runner.name),
            format!("AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, {other}"),
        ),
        Err(error) => report.wrong(
            Check::Address,
            Level::Failure,
            format!("{address} cannot be listened on: {error}"),
            format!("see `ip address`, {other}"),
        ),
    }
}

/// Takes the address without listening on it, and gives it back: a Bough that starts in that moment can take
/// it as well.
fn try_to_bind(address: SocketAddr) -> Result<(), Errno> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    match address {
        SocketAddr::V4(address) => bind(socket.as_raw_fd(), &SockaddrIn::from(address)),
        SocketAddr::V6(address) => bind(socket.as_raw_fd(), &SockaddrIn6::from(address)),
    }
}
