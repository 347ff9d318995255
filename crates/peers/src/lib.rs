//! The gateway processes of a host: each with a number, and what is asked of all of them.
//!
//! ```text
//! DIR/run/gateways/   0700   N.lock      held by gateway process N as long as it runs
//!                     0600   N.sock      what it is asked through
//!                            join.lock   held by a process that is starting; shared by who has parked a branch
//! ```
//!
//! What it is: a gateway process is a [`Member`]; whoever wants something of all of them has [`Neighbours`]. One
//! line of JSON goes each way, but for a park: that holds for as long as its connection.
//! Why so: locks and connections are given back by the system, however a process ends, so nothing has to be cleaned
//! up after one that was killed.
//! What it refuses: to take silence for a yes; to wait without a limit.

mod ask;
mod exchange;
mod member;
mod park;

pub use ask::Neighbours;
pub use exchange::ClientPlace;
pub use member::{JoinFailed, Member};
pub use park::{PARK_MAX, ParkFailed, ParkedEverywhere};
