//! The metadata database: SQLite, embedded. The only crate that knows SQL of ours.
//!
//! Reads run on the calling thread; writes run one after the other on one thread, several in a
//! transaction when several wait (group commit), and are durable before they are answered. A
//! function that reads or changes a thing takes a [`Granted`](bough_policy::Granted) of it, not a
//! bare id; what runs before a decision is in [`locate`] and [`principals`].
//!
//! The SQL keeps to what MySQL understands as well (`?` parameters, no RETURNING, no upsert), so that
//! a networked store can follow; the few exceptions are in [`connection`].

mod connection;
mod error;
mod memo;
mod row;
mod writer;

pub mod admin;
pub mod administrators;
pub mod audit;
pub mod branches;
pub mod checkup;
pub mod databases;
pub mod denials;
pub mod expiring;
pub mod figures;
pub mod idempotency;
pub mod locate;
pub mod names;
pub mod organizations;
pub mod passwords;
pub mod principals;
pub mod reconcile;
pub mod resizes;
pub mod schema;
pub mod service_tokens;
pub mod sessions;
pub mod sleep;
pub mod usage;
pub mod users;

pub use connection::{NEWEST_SCHEMA, Reader};
pub use error::StoreError;
pub use memo::{Mark, Memo};
pub use row::Page;
pub use writer::{Store, Tx};
