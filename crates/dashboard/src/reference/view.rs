//! The pages of the reference.

use askama::Template;

use bough_control::branches::Rule;

use super::read::{Group, Reference};
use crate::layout::Page;

/// All operations, to find one.
#[derive(Template)]
#[template(path = "reference/index.html")]
pub(super) struct Index<'a> {
    pub(super) page: Page,
    pub(super) reference: &'a Reference,
}

/// What the lint of schemas looks for, code by code.
#[derive(Template)]
#[template(path = "reference/schema_lint.html")]
pub(super) struct SchemaLint {
    pub(super) page: Page,
    pub(super) rules: &'static [Rule],
}

/// The operations about one kind of thing.
#[derive(Template)]
#[template(path = "reference/group.html")]
pub(super) struct OfGroup<'a> {
    pub(super) page: Page,
    pub(super) reference: &'a Reference,
    pub(super) group: &'a Group,
}

impl OfGroup<'_> {
    /// The list at the side: what is on this page first.
    fn listed(&self) -> impl Iterator<Item = &Group> {
        let others = self.reference.groups.iter().filter(|other| other.slug != self.group.slug);
        std::iter::once(self.group).chain(others)
    }
}
