//! The console of a branch: statements are sent, and what they answer is shown. Nothing of either is kept.

pub(crate) mod routes;
mod shown;
mod view;
