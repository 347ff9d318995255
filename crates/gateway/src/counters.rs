//! What is told of the gateway in figures.

use std::sync::atomic::{AtomicU64, Ordering};

/// What has been counted since the start, but for what is said to be of now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Connections open now, logged in or not.
    pub connections_open: u64,
    /// Sessions open now.
    pub sessions_open: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections turned away for want of a place.
    pub turned_away: u64,
    /// Logins refused: unknown user, wrong password, wrong address.
    pub logins_refused: u64,
    /// Logins that did not come to an end: unreadable, too slow, given up.
    pub logins_broken: u64,
    /// Sessions begun.
    pub sessions: u64,
    /// Sessions cut, for their password had ended.
    pub cut: u64,
    /// Branches that could not be reached for a client who had logged in.
    pub backends_unavailable: u64,
    /// Commands carried out.
    pub commands: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
}

/// A figure by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// As it is called where it is told, without a prefix.
    pub name: &'static str,
    /// Whether it only ever grows.
    pub grows: bool,
    /// What it says.
    pub help: &'static str,
    /// The figure.
    pub value: u64,
}

impl Figures {
    /// All of them by name.
    pub fn named(&self) -> [Named; 12] {
        let now = |name, help, value| Named { name, grows: false, help, value };
        let since = |name, help, value| Named { name, grows: true, help, value };
        [
            now("connections", "Connections of MySQL clients, logged in or not.", self.connections_open),
            now("sessions", "Sessions of MySQL clients.", self.sessions_open),
            since("accepted", "Connections accepted.", self.accepted),
            since("turned_away", "Connections turned away for want of a place.", self.turned_away),
            since("logins_refused", "Logins refused; the log says why.", self.logins_refused),
            since("logins_broken", "Logins that did not come to an end.", self.logins_broken),
            since("sessions_begun", "Sessions begun.", self.sessions),
            since("sessions_cut", "Sessions cut, for their password had ended.", self.cut),
            since(
                "backends_unavailable",
                "Branches that could not be reached for a client who had logged in.",
                self.backends_unavailable,
            ),
            since("commands", "Commands carried out.", self.commands),
            since("received_bytes", "Bytes from clients.", self.bytes_in),
            since("sent_bytes", "Bytes to clients.", self.bytes_out),
        ]
    }
}

/// The counters behind [`Figures`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: AtomicU64,
    pub(crate) turned_away: AtomicU64,
    pub(crate) logins_refused: AtomicU64,
    pub(crate) logins_broken: AtomicU64,
    pub(crate) sessions: AtomicU64,
    pub(crate) cut: AtomicU64,
    pub(crate) backends_unavailable: AtomicU64,
    /// Of sessions that have ended; open ones carry their own.
    pub(crate) commands: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
}

/// Counts one more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
