//! Signing in and out, and what anybody may do who is not signed in.

pub(crate) mod routes;
pub(crate) mod unsent;
mod view;
