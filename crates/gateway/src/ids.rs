//! The number in a greeting, which a client passes to `KILL`.

use std::fmt;

/// The first number: those below are thread ids of branch servers.
const FIRST: u32 = 1 << 31;
/// Bits that number the connections of one process.
const SERIAL_BITS: u32 = 24;
/// The largest number of a gateway process.
pub const PROCESS_MAX: u8 = 127;

/// The number that a client was given in its greeting. Never a branch server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(u32);

impl ClientId {
    /// Connection number `serial` of a process; the numbers begin anew after 2^24.
    pub(crate) const fn new(process: u8, serial: u32) -> Self {
        let process = (process & PROCESS_MAX) as u32;
        Self(FIRST | process << SERIAL_BITS | serial & ((1 << SERIAL_BITS) - 1))
    }

    /// A number that a client named; `None` when it is none of ours.
    pub const fn parse(number: u64) -> Option<Self> {
        if number >= FIRST as u64 && number <= u32::MAX as u64 { Some(Self(number as u32)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The gateway process that gave it.
    pub const fn process(self) -> u8 {
        (self.0 >> SERIAL_BITS) as u8 & PROCESS_MAX
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a connection on a branch server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadId(pub(crate) u32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_their_process() {
        let id = ClientId::new(PROCESS_MAX, 7);
        assert_eq!(id.get(), u32::MAX - (1 << SERIAL_BITS) + 1 + 7);
        assert_eq!(id.process(), PROCESS_MAX);
        assert_eq!(ClientId::parse(id.get().into()), Some(id));
        assert_eq!(ClientId::new(0, 1 << SERIAL_BITS), ClientId::new(0, 0));
        assert_eq!((ClientId::parse(5), ClientId::parse(1 << 32)), (None, None));
    }
}
