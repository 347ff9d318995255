//! An organization's settings: general, regions and sizes, members, the audit log.

pub(crate) mod audit;
pub(crate) mod members;
pub(crate) mod routes;

mod view;

use bough_control::Error;

use crate::layout::{Crumb, Link, Page};
use crate::visit::Visit;

/// The pages of the settings: below which path, and what they are called.
const SECTIONS: [(&str, &str); 5] = [
    ("", "General"),
    ("/members", "Members"),
    ("/service-tokens", "Service tokens"),
    ("/regions", "Regions and sizes"),
    ("/audit-log", "Audit log"),
];

/// The surroundings of a page of the settings: of a section itself, or of a page `below` it.
pub(crate) fn around(visit: &Visit<'_>, section: &str, below: Option<&str>) -> Result<Page, Error> {
    let settings = format!("/{}/settings", visit.organization());
    let (path, name) = SECTIONS.into_iter().find(|(path, _)| *path == section).unwrap_or(SECTIONS[0]);
    let own = format!("{settings}{path}");
    let mut page = visit.page(below.unwrap_or(if path.is_empty() { "Settings" } else { name }))?;
    let mut crumbs = vec![("Settings", settings.as_str())];
    if !path.is_empty() {
        crumbs.push((name, own.as_str()));
    }
    crumbs.extend(below.map(|title| (title, "")));
    page.crumbs.extend(crumbs.into_iter().map(|(text, href)| Crumb::new(text, href)));
    if let Some(last) = page.crumbs.last_mut() {
        last.href.clear();
    }
    let link = |(path, name): (&str, &str)| Link::new(name, format!("{settings}{path}"), path == section);
    page.tabs = SECTIONS.into_iter().map(link).collect();
    page.tabs_label = "Settings".to_owned();
    page.tabs_side = true;
    Ok(page)
}
