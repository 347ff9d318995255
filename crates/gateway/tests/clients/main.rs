//! Clients of the gateway in front of real branch servers.

mod answers;
mod commands;
mod ends;
mod first;
mod handshakes;
mod parking;
mod programs;
mod support;
