//! What can be set, and the limits that cannot.

use std::time::Duration;

use bough_model::Cidrs;

/// The largest packet before and within a login, in bytes.
pub(crate) const LOGIN_PACKET_MAX_BYTES: usize = 64 << 10;
/// One piece on its way from one side to the other, in bytes.
pub(crate) const PIECE_BYTES: usize = 64 << 10;
/// Commands of one session that may wait for their answers.
pub(crate) const AHEAD_MAX: usize = 256;
/// How long the login at a branch server may take, in seconds.
pub(crate) const BACKEND_LOGIN_LIMIT_S: u64 = 10;
/// How long a `KILL` at a branch server may take, in seconds.
pub(crate) const KILL_LIMIT_S: u64 = 5;
/// How often a thread that is to end is told so at most, when its server has no place for whoever tells it.
pub(crate) const END_TRIES: usize = 100;
/// The pause between, in milliseconds.
pub(crate) const END_PAUSE_MS: u64 = 50;
/// Of these, how many ask the directory at once.
pub(crate) const ENDINGS_AT_ONCE: usize = 4;
/// Longest answer that is passed over for a client that has left, in bytes.
pub(crate) const UNHEARD_MAX_BYTES: usize = 256 << 10;
/// How long a last word to a client may take, in milliseconds.
pub(crate) const FAREWELL_LIMIT_MS: u64 = 500;
/// How long nothing is accepted after it has failed (no more files, no memory), in milliseconds.
pub(crate) const ACCEPT_PAUSE_MS: u64 = 100;
/// After so long without a byte the kernel asks whether the client is there, in seconds.
pub(crate) const KEEPALIVE_S: u64 = 120;

/// What can be set. Limits are never zero: a zero counts as one.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The version in the greeting: that of the servers behind it, `5.5.5-` in front of MariaDB's.
    pub version: String,
    /// Connections at once.
    pub connections_max: usize,
    /// Connections at once from one address; of IPv6, from one /64.
    pub connections_per_address: usize,
    /// Connections at once with one password.
    pub connections_per_password: usize,
    /// Connections at once that have not logged in.
    pub logins_max: usize,
    /// From accept to the end of the login.
    pub login_limit: Duration,
    /// From the login until the branch has answered, a wake included.
    pub backend_limit: Duration,
    /// Clients on the loopback may do without TLS.
    pub plain_on_loopback: bool,
    /// Clients may send local files, if the branch server takes them.
    pub local_infile: bool,
    /// Whether proxies stand in front.
    pub proxy_protocol: ProxyProtocol,
    /// The number of this process among the gateways of the host, at most [`PROCESS_MAX`](crate::PROCESS_MAX).
    pub process: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: "5.5.5-10.11.19-MariaDB".to_owned(),
            connections_max: 10_000,
            connections_per_address: 2_000,
            connections_per_password: 1_000,
            logins_max: 512,
            login_limit: Duration::from_secs(10),
            backend_limit: Duration::from_secs(60),
            plain_on_loopback: false,
            local_infile: false,
            proxy_protocol: ProxyProtocol::Off,
            process: 0,
        }
    }
}

/// Whether connections begin with a header of the PROXY protocol, version 2.
#[derive(Clone, Debug, Default)]
pub enum ProxyProtocol {
    /// None does.
    #[default]
    Off,
    /// Those from these addresses must. An empty list stands for all.
    From(Cidrs),
}
