//! Branches.

mod highlight;
pub(crate) mod routes;
pub(crate) mod shape;
