//! The form to log in, and what had been typed when a session ended.

use askama::Template;

use crate::layout::Page;

/// The form.
#[derive(Default)]
pub(crate) struct LogIn {
    pub(crate) csrf: String,
    /// What was typed.
    pub(crate) email: String,
    /// Where to go on to.
    pub(crate) next: String,
    /// What was wrong.
    pub(crate) error: String,
    /// The fields of a form that was sent when the session had ended; empty when there is none.
    pub(crate) unsent: String,
    /// Where that form was sent.
    pub(crate) unsent_to: String,
}

#[derive(Template)]
#[template(path = "login/log_in.html")]
pub(crate) struct LogInPage {
    pub(crate) page: Page,
    pub(crate) log_in: LogIn,
}

/// A form came when its session had ended.
#[derive(Template)]
#[template(path = "login/ended.html")]
pub(crate) struct EndedPage {
    pub(crate) page: Page,
    pub(crate) log_in: LogIn,
    pub(crate) typed: Vec<(String, String)>,
}

/// The same, for the script.
#[derive(Template)]
#[template(path = "login/ended_part.html")]
pub(crate) struct EndedPart {
    pub(crate) log_in: LogIn,
    pub(crate) typed: Vec<(String, String)>,
}

/// What had not been sent, to be sent now.
#[derive(Template)]
#[template(path = "login/unsent.html")]
pub(crate) struct UnsentPage {
    pub(crate) page: Page,
    /// It comes from a page of another session than the one that is open.
    pub(crate) another_session: bool,
    pub(crate) action: String,
    pub(crate) once: String,
    pub(crate) next: String,
    /// What people see of it.
    pub(crate) typed: Vec<(String, String)>,
    pub(crate) fields: Vec<(String, String)>,
}
