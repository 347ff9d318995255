//! What the console shows.

use askama::Template;

use crate::layout::{Page, When};

/// A role to choose.
pub(super) struct RoleChoice {
    pub(super) value: &'static str,
    pub(super) name: &'static str,
    pub(super) chosen: bool,
    /// Why the viewer may not choose it; empty where he may.
    pub(super) reason: String,
}

/// A run of the viewer's that goes on.
pub(super) struct Running {
    pub(super) id: String,
    pub(super) role: &'static str,
    pub(super) since: When,
}

/// What was wrong with the form.
#[derive(Default)]
pub(super) struct Errors {
    pub(super) all: String,
    pub(super) statement: String,
    pub(super) role: String,
}

impl Errors {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.statement.is_empty() && self.role.is_empty()
    }
}

/// A value.
pub(super) enum Cell {
    Null,
    /// Text, whole.
    Short(String),
    /// Its beginning, more of it, and how much there is in all, where that is not shown.
    Long(String, String, String),
}

/// A column.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) number: bool,
}

/// What a statement answered.
pub(super) enum Answer {
    /// What it is called, its columns, and its rows with their numbers.
    Table(String, Vec<Column>, Vec<(usize, Vec<Cell>)>),
    /// What was done.
    Done(String),
}

/// Where in what was written something is wrong.
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    /// In the letters that scripts count.
    pub(super) from: usize,
    pub(super) to: usize,
    /// The line around it.
    pub(super) before: String,
    pub(super) marked: String,
    pub(super) after: String,
}

/// What came of a run.
pub(super) struct Results {
    /// In a sentence.
    pub(super) said: String,
    /// Why it went no further; empty where it went to its end.
    pub(super) problem: String,
    /// What helps against that; empty where nothing is known.
    pub(super) hint: &'static str,
    pub(super) place: Option<Place>,
    /// What is not shown; empty where everything is.
    pub(super) cut: String,
    pub(super) answers: Vec<Answer>,
    /// Level, number, words.
    pub(super) warnings: Vec<(String, String, String)>,
}

/// The console.
#[derive(Template)]
#[template(path = "console/console.html")]
pub(super) struct Console {
    pub(super) page: Page,
    pub(super) script: String,
    pub(super) root: String,
    pub(super) settings: String,
    pub(super) connect: String,
    pub(super) production: bool,
    pub(super) safe: bool,
    /// It is off for this branch.
    pub(super) off: bool,
    /// The viewer may switch it on.
    pub(super) may_switch: bool,
    /// Why the viewer may run nothing.
    pub(super) may_not: String,
    pub(super) roles: Vec<RoleChoice>,
    /// The form's own id.
    pub(super) run: String,
    pub(super) statement: String,
    /// What the browser calls its history of this branch, in this session.
    pub(super) history: String,
    pub(super) running: Vec<Running>,
    pub(super) errors: Errors,
    pub(super) results: Option<Results>,
    pub(super) limits: String,
}
