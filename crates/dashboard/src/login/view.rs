//! The form to sign in.

use askama::Template;

use crate::layout::Page;

#[derive(Template)]
#[template(path = "login/log_in.html")]
pub(crate) struct LogInPage {
    pub(crate) page: Page,
    /// What was typed.
    pub(crate) email: String,
    /// Where to go on to.
    pub(crate) next: String,
    /// What was wrong.
    pub(crate) error: String,
}
