//! Organizations, their members, regions and cluster sizes.

pub(crate) mod routes;
pub(crate) mod shape;
