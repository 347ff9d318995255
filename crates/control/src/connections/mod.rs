//! What clients have open on a branch: told, and ended. It is looked up on the branch's server when somebody
//! asks; nothing of it is kept.

mod actions;

pub use actions::{AskForClients, Client, Connections, KillKind};
pub use bough_engine::{ClientSession, Running, Transaction};
