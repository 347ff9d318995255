//! What was found, for who has no script.

use askama::Template;

use crate::layout::Page;

/// Something that was found.
pub(crate) struct Hit {
    /// `page`, `database`, `branch` or `token`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) href: String,
}

#[derive(Template)]
#[template(path = "palette/palette.html")]
pub(crate) struct Palette {
    pub(crate) page: Page,
    pub(crate) action: String,
    pub(crate) search: String,
    pub(crate) hits: Vec<Hit>,
    pub(crate) more: bool,
}
