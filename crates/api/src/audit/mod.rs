//! The audit log.

pub(crate) mod routes;
pub(crate) mod shape;
