//! Service tokens: the list, making one, and the page of one with what it may do.

pub(crate) mod forms;
pub(crate) mod routes;

mod accesses;
mod preview;
mod refusals;
mod ticks;
mod token;
mod view;

pub(crate) use preview::served;
