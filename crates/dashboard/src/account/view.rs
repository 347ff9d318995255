//! What the page of one's own account shows.

use askama::Template;

use crate::layout::{Page, When};

/// A time zone to choose.
pub(super) struct Zone {
    pub(super) name: String,
    pub(super) chosen: bool,
}

/// Zones of one part of the world.
pub(super) struct Part {
    pub(super) name: String,
    pub(super) zones: Vec<Zone>,
}

/// A session.
pub(super) struct Session {
    pub(super) id: String,
    pub(super) browser: String,
    pub(super) agent: String,
    pub(super) address: String,
    pub(super) begun: When,
    pub(super) used: When,
    pub(super) ends: When,
    /// It is the one that looks.
    pub(super) current: bool,
}

/// An organization that the viewer is a member of.
pub(super) struct Membership {
    pub(super) name: String,
    pub(super) role: &'static str,
}

/// What was wrong.
#[derive(Default)]
pub(super) struct Errors {
    pub(super) profile: String,
    pub(super) name: String,
    pub(super) time_zone: String,
    pub(super) password: String,
    pub(super) current_password: String,
    pub(super) new_password: String,
    pub(super) again: String,
}

/// One's own account.
#[derive(Template)]
#[template(path = "account/account.html")]
pub(super) struct Account {
    pub(super) page: Page,
    pub(super) email: String,
    /// As it is, or as it was typed.
    pub(super) name: String,
    pub(super) parts: Vec<Part>,
    /// The time there.
    pub(super) local: String,
    pub(super) errors: Errors,
    pub(super) sessions: Vec<Session>,
    /// How many sessions are not shown.
    pub(super) hidden: usize,
    pub(super) others: usize,
    pub(super) memberships: Vec<Membership>,
}
