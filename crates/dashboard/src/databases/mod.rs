//! Databases: the overview, a new one, its page and its settings.

pub(crate) mod routes;
pub(crate) mod settings;
pub(crate) mod tree;
mod view;

pub(crate) use view::Choice;

use bough_control::databases::DatabaseRow;
use bough_control::model::{BranchState, RegionSlug};

use crate::layout::{Crumb, Link, Page};
use crate::visit::{Missing, Visit};

/// Why something may not be done; empty where it may.
pub(crate) fn reason<T>(may: Result<T, Missing>) -> String {
    may.err().map(|missing| missing.0).unwrap_or_default()
}

/// A state in the contract's word and in one for people.
pub(crate) const fn state(state: BranchState, failed: bool) -> (&'static str, &'static str) {
    match state {
        BranchState::Pending if failed => ("failed", "Failed"),
        BranchState::Pending => ("pending", "Starting"),
        BranchState::Ready => ("ready", "Ready"),
        BranchState::SleepInProgress => ("sleep_in_progress", "Going to sleep"),
        BranchState::Sleeping => ("sleeping", "Asleep"),
        BranchState::Awakening => ("awakening", "Waking"),
    }
}

/// A region as people call it.
pub(crate) fn region(visit: &Visit<'_>, slug: &RegionSlug) -> String {
    visit
        .plane()
        .settings()
        .region(slug)
        .map_or_else(|| slug.to_string(), |region| region.display_name.clone())
}

/// The surroundings of a page of a database. `below` is the way from the database to the page.
pub(crate) fn page(
    visit: &Visit<'_>,
    database: &DatabaseRow,
    title: impl Into<String>,
    below: &[(&str, String)],
) -> Result<Page, bough_control::Error> {
    let mut page = visit.page(title)?;
    let root = visit.database_address(database.name.as_str(), database.id.as_str());
    page.crumbs.push(Crumb::new(database.name.as_str(), root.clone()));
    for (text, href) in below {
        page.crumbs.push(Crumb::new(*text, href.as_str()));
    }
    if let Some(last) = page.crumbs.last_mut() {
        last.href.clear();
    }
    let (settings, passwords) = (format!("{root}/settings"), format!("{root}/passwords"));
    let is_here = |tab: &str| below.first().is_some_and(|(text, href)| *text == tab && href.is_empty());
    // No branch is called so: names of branches are lower-case.
    let of_passwords = below.iter().any(|(text, _)| ["Passwords", "Connect", "Password made"].contains(text));
    page.tabs = vec![
        Link::new("Branches", root, below.is_empty()).around(!of_passwords && !is_here("Settings")),
        Link::new("Passwords", passwords, is_here("Passwords")).around(of_passwords),
        Link::new("Settings", settings, is_here("Settings")),
    ];
    page.tabs_label = database.name.to_string();
    Ok(page)
}
