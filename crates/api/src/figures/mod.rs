//! Curves over the last day and month.

pub(crate) mod routes;
pub(crate) mod shape;
