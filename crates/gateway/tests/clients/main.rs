//! Clients of the gateway in front of real branch servers.

mod first;
mod support;
