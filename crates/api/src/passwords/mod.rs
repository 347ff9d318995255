//! Passwords of branches.

pub(crate) mod routes;
pub(crate) mod shape;
