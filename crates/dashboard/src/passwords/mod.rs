//! Passwords of branches: connecting, the lists of a branch and of a database, and one's own page.

pub(crate) mod actions;
pub(crate) mod connect;
pub(crate) mod routes;
mod snippets;
mod view;

use bough_control::Error;
use bough_control::databases::DatabaseRow;
use bough_control::model::PasswordRole;
use bough_policy::{DatabaseAt, Operation};

use crate::visit::Visit;

/// Longest list of address ranges that is read, in characters; the ranges themselves are looked at after that.
const CIDRS_TEXT_MAX: usize = 20_000;

/// What a role is called, and what it may do.
pub(crate) const fn role_text(role: PasswordRole) -> (&'static str, &'static str) {
    match role {
        PasswordRole::Reader => ("Read only", "Reads rows. Changes nothing."),
        PasswordRole::Writer => {
            ("Write only", "Inserts, updates and deletes rows, and cannot read any, not even to find them.")
        }
        PasswordRole::ReadWriter => ("Read and write", "Reads and changes rows, not the schema."),
        PasswordRole::Admin => (
            "Administrator",
            "Changes the schema, too: tables, views, routines, triggers and events; not where safe migrations are on.",
        ),
    }
}

/// The database that a page's path names.
fn database(visit: &Visit<'_>) -> Result<DatabaseRow, Error> {
    let at = visit.may::<DatabaseAt>(Operation::GetDatabase).map_err(|_| Error::NotFound)?;
    visit.plane().get_database(&at)
}

/// Address ranges as people write them: one a line, or with commas between them.
fn ranges(text: &str) -> Vec<String> {
    let text: String = text.chars().take(CIDRS_TEXT_MAX).collect();
    let entries = text.split(['\n', ',']).map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(str::to_owned).collect()
}
