//! Databases.

pub(crate) mod routes;
pub(crate) mod shape;
