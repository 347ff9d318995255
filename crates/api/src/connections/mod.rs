//! What clients have open on a branch.

pub(crate) mod routes;
pub(crate) mod shape;
