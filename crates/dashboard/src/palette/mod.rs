//! The command palette: jump to a database, a branch, a token or a page by its name.

pub(crate) mod routes;
mod view;
