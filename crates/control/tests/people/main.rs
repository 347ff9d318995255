//! People on a real store: logging in, sessions, what they may and when that ends; and the passwords of branches
//! that they make.

mod account;
mod branch_passwords;
mod logging_in;
mod members;
mod sessions;
mod support;
