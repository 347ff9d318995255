//! One's own account: the profile, the password, the sessions, the theme.

pub(crate) mod routes;

mod agent;
mod view;
