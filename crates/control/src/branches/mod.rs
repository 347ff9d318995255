//! Branches: each is a database server of its own.
//!
//! A request records a wish and answers; [`reconcile`] brings it about:
//!
//! ```text
//! create -> pending -> (copy template, start, accounts, parent's schema) -> ready
//! promote, enabling safe migrations -> (read the schema, lint it) -> done, or refused
//! delete -> hidden at once -> (stop, remove) -> no record
//! resize -> ready all the while -> (change the running server) -> done
//! restart -> pending -> (stop, start) -> ready
//! sleep -> sleep_in_progress -> (stop) -> sleeping; wake -> awakening -> (start) -> ready
//! ```
//!
//! A branch that is being deleted is gone for requests, and its name is free, from the moment the
//! wish is recorded. A development branch takes its parent's schema and no data.

mod actions;
mod backend;
mod changes;
mod deletion;
mod expiry;
mod lint;
mod live;
pub mod reconcile;
mod sleep;
mod sql;
mod upkeep;

pub(crate) use actions::record;
pub use actions::{CreateBranch, UpdateBranch};
pub use backend::{Backend, ENTER_LIMIT_SECONDS};
pub use bough_schema::lint::{About, Finding, RULES, Rule};
pub use bough_store::branches::{BranchRow, Filter, ServerRow};
pub use bough_store::resizes::ResizeRow;
pub use lint::Lint;
pub use live::{BranchServer, SchemaObject, SchemaObjectKind, ServerReport};
pub use sleep::{SLEEP_AFTER_MAX_SECONDS, SLEEP_AFTER_MIN_SECONDS};
pub use sql::{Piece, marked_up};
