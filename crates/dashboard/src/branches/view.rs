//! What the page of a branch shows.

use askama::Template;

use super::schema::Schema;
use crate::databases::Choice;
use crate::layout::{Page, When};

/// Why the viewer may not do something; empty where he may.
#[derive(Default)]
pub(crate) struct MayNot {
    pub(crate) branch: String,
    pub(crate) update: String,
    pub(crate) default: String,
    pub(crate) class: String,
    pub(crate) safe: String,
    pub(crate) resize: String,
    pub(crate) restart: String,
    pub(crate) sleep: String,
    pub(crate) delete: String,
}

/// What was wrong with a form, and which.
#[derive(Default)]
pub(crate) struct Errors {
    /// Of a form without a field.
    pub(crate) all: String,
    /// Its schema stands in the way.
    pub(crate) unfit: bool,
    pub(crate) name: String,
    pub(crate) lifetime: String,
    pub(crate) size: String,
    pub(crate) sleep_after: String,
    pub(crate) confirm: String,
}

/// A branch.
#[derive(Template)]
#[template(path = "branches/branch.html")]
#[allow(clippy::struct_excessive_bools, reason = "each is a mark of its own on the page")]
pub(crate) struct Branch {
    pub(crate) page: Page,
    pub(crate) root: String,
    pub(crate) database_root: String,
    pub(crate) live: String,
    /// Sent with what must not be done twice.
    pub(crate) once: String,
    /// `database/branch`.
    pub(crate) path: String,
    pub(crate) name: String,
    /// What the operator types on the machine.
    pub(crate) shell: String,
    pub(crate) id: String,
    pub(crate) state: &'static str,
    pub(crate) state_text: &'static str,
    pub(crate) production: bool,
    pub(crate) default: bool,
    pub(crate) safe: bool,
    pub(crate) protected: bool,
    pub(crate) last_error: String,
    pub(crate) advice: &'static str,
    pub(crate) base: String,
    pub(crate) base_href: String,
    pub(crate) created: When,
    pub(crate) creator: String,
    pub(crate) ends: Option<When>,
    pub(crate) region: String,
    pub(crate) size: String,
    pub(crate) version: String,
    pub(crate) outdated: bool,
    pub(crate) tables: i64,
    pub(crate) schema_changed: Option<When>,
    pub(crate) disk: String,
    pub(crate) memory: String,
    pub(crate) started: Option<When>,
    pub(crate) restarts: i64,
    pub(crate) crashes: i64,
    /// A change of its size that is under way.
    pub(crate) resizing: String,
    pub(crate) schema: Schema,
    /// Its server is stopped, or about to be, until somebody comes.
    pub(crate) asleep: bool,
    /// When it falls asleep by itself, in words.
    pub(crate) falls_asleep: String,
    pub(crate) sleep_choices: Vec<Choice>,
    pub(crate) may_not: MayNot,
    pub(crate) errors: Errors,
    /// What was typed to confirm that it be deleted, and whether with what was made from it.
    pub(crate) typed_path: String,
    pub(crate) descendants: bool,
    pub(crate) new_name: String,
    pub(crate) lifetimes: &'static [(&'static str, &'static str)],
    pub(crate) sizes: Vec<Choice>,
    /// Which branches were made from it; empty when there are none.
    pub(crate) children: String,
    /// What the dialog that changes its class is called.
    pub(crate) class_title: &'static str,
}

/// A page that asks before a branch changes its class.
#[derive(Template)]
#[template(path = "branches/class.html")]
pub(crate) struct ChangeClass {
    pub(crate) page: Page,
    pub(crate) root: String,
    pub(crate) name: String,
    pub(crate) production: bool,
    pub(crate) ends: Option<When>,
}
