//! People on a real store: logging in, sessions, what they may and when that ends.

mod account;
mod logging_in;
mod members;
mod sessions;
mod support;
