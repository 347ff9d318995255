//! People on a real store: logging in, sessions, what they may and when that ends.

mod logging_in;
mod sessions;
mod support;
