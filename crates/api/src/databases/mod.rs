//! Databases.

pub(crate) mod administrators;
pub(crate) mod routes;
pub(crate) mod shape;
