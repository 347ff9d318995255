//! The audit log: who did what, to what, when, from where.
//!
//! Entries are written by [`Change::audit`](crate::Change::audit) in the transaction of the change
//! itself. Each organization's entries form a chain; its head is noted outside the store every few
//! seconds ([`anchors`]), so that cutting off the end shows too ([`verify`]).

mod actions;
pub mod anchors;

pub use bough_store::audit::verify;
pub use bough_store::audit::verify::ChainReport;
pub use bough_store::audit::{Cursor, CursorPage, EventRow, Recent, Subject};

/// An organization as the subject of an entry.
pub(crate) fn organization(id: &bough_model::OrganizationId, name: &str) -> Subject {
    subject("Organization", id.as_str(), name)
}

/// Any subject of an entry.
pub(crate) fn subject(kind: &str, id: &str, name: &str) -> Subject {
    Subject { kind: kind.to_owned(), id: id.to_owned(), name: name.to_owned() }
}
