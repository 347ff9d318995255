//! The reference of the API, made from our own description of it and from the policy's table. It is read
//! once, when the server starts.

mod fields;
mod needs;
mod read;
pub(crate) mod routes;
mod view;

pub(crate) use needs::is_for_people;
pub(crate) use read::Reference;
