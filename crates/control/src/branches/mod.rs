//! Branches: each is a database server of its own.
//!
//! A request records a wish and answers; [`reconcile`] brings it about:
//!
//! ```text
//! create -> pending -> (copy template, start, accounts, parent's schema) -> ready
//! delete -> hidden at once -> (stop, remove) -> no record
//! ```
//!
//! A branch that is being deleted is gone for requests, and its name is free, from the moment the
//! wish is recorded. A development branch takes its parent's schema and no data.

mod actions;
mod live;
pub mod reconcile;

pub use actions::{CreateBranch, UpdateBranch};
pub use bough_store::branches::{BranchRow, Filter};
pub use live::SchemaObject;
