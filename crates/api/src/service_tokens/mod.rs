//! Service tokens.

pub(crate) mod routes;
pub(crate) mod shape;
