//! One door for MySQL clients in front of all branches: authenticates, routes, relays, parks.
//!
//! What it is: a [`Gateway`] takes listeners, asks a [`Directory`] who a user name is and where its branch's server
//! is, logs in there as the role's account, and from then on copies packets. `docs/gateway.md` follows a connection
//! from accept to close.
//! Why so: it lives in a failure domain of its own. Any number of gateways may run on a host, and outlive what
//! manages the branches.
//! What it refuses: a byte to a branch server before its client has logged in; to send a statement twice; to look into
//! rows; to keep more of a connection in memory than one piece on its way.

mod backend;
mod commands;
mod counters;
mod directory;
mod gate;
mod gateway;
mod ids;
mod link;
mod listener;
mod login;
mod outbox;
mod places;
mod refusal;
mod registry;
mod relay;
mod server_stream;
mod session;
mod settings;
mod stream;
mod tls;
#[cfg(any(test, feature = "fuzz"))]
pub mod untrusted;
mod verify;
mod watch;

pub use counters::{Figures, Named};
pub use directory::{Backend, BoxFuture, Credential, Directory, Kill, KillOutcome, Unavailable};
pub use gate::{Parked, StillBusy};
pub use gateway::{Entropy, Gateway};
pub use ids::{ClientId, PROCESS_MAX};
pub use registry::SessionView;
pub use settings::{ProxyProtocol, Settings};
pub use tls::TlsConfig;
