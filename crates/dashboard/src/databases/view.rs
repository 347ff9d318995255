//! What the pages of databases show.

use askama::Template;

use crate::branches::NewBranchForm;
use crate::chart::Chart;
use crate::layout::{Page, Pages, When};

/// A database in the overview.
pub(crate) struct DatabaseLine {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) state: &'static str,
    pub(crate) state_text: &'static str,
    pub(crate) default: String,
    pub(crate) default_href: String,
    pub(crate) branches: i64,
    /// Its oldest production branch, or empty.
    pub(crate) production: String,
    pub(crate) production_href: String,
    /// How many more production branches it has.
    pub(crate) more_production: i64,
    pub(crate) region: String,
    pub(crate) created: When,
    pub(crate) creator: String,
}

/// The databases of an organization.
#[derive(Template)]
#[template(path = "databases/overview.html")]
pub(crate) struct Overview {
    pub(crate) page: Page,
    pub(crate) root: String,
    pub(crate) search: String,
    pub(crate) rows: Vec<DatabaseLine>,
    pub(crate) pages: Pages,
    /// Why the viewer may not make one.
    pub(crate) may_not: String,
    /// Branches and disk use over time; none on further pages.
    pub(crate) charts: Vec<Chart>,
    /// The charts show a month.
    pub(crate) month: bool,
}

/// A choice of a list.
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) text: String,
    pub(crate) chosen: bool,
}

/// What was wrong with the form of a new database.
#[derive(Default)]
pub(crate) struct NewDatabaseErrors {
    pub(crate) all: String,
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) size: String,
}

/// The form of a new database.
#[derive(Template)]
#[template(path = "databases/new.html")]
pub(crate) struct NewDatabase {
    pub(crate) page: Page,
    pub(crate) root: String,
    pub(crate) once: String,
    /// The name, as it was typed.
    pub(crate) typed: String,
    pub(crate) regions: Vec<Choice>,
    pub(crate) sizes: Vec<Choice>,
    pub(crate) errors: NewDatabaseErrors,
}

/// A branch in the tree of its database.
pub(crate) struct BranchLine {
    pub(crate) depth: usize,
    pub(crate) guides: Vec<&'static str>,
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) production: bool,
    pub(crate) default: bool,
    pub(crate) safe: bool,
    pub(crate) state: &'static str,
    pub(crate) state_text: &'static str,
    pub(crate) state_id: String,
    /// The branch it was made from, or empty.
    pub(crate) base: String,
    pub(crate) region: String,
    pub(crate) created: When,
    pub(crate) creator: String,
    /// When it deletes itself.
    pub(crate) ends: Option<When>,
}

/// A page of a database's branches.
#[derive(Default)]
pub(crate) struct Branches {
    pub(crate) lines: Vec<BranchLine>,
    pub(crate) pages: Pages,
    pub(crate) search: String,
    /// What is said of branches that are not here.
    pub(crate) capped: String,
    /// Why the viewer may not see any.
    pub(crate) may_not: String,
}

/// A database.
#[derive(Template)]
#[template(path = "databases/database.html")]
pub(crate) struct Database {
    pub(crate) page: Page,
    pub(crate) root: String,
    pub(crate) live: String,
    pub(crate) state: &'static str,
    pub(crate) state_text: &'static str,
    pub(crate) default: String,
    pub(crate) default_href: String,
    pub(crate) region: String,
    pub(crate) size: String,
    pub(crate) schema: String,
    pub(crate) development: i64,
    pub(crate) production: i64,
    pub(crate) protected: bool,
    pub(crate) created: When,
    pub(crate) creator: String,
    pub(crate) id: String,
    pub(crate) branches: Branches,
    pub(crate) making: NewBranchForm,
    /// Where the databases are.
    pub(crate) overview: String,
}

/// What was wrong with a database's settings.
#[derive(Default)]
pub(crate) struct SettingsErrors {
    pub(crate) all: String,
    pub(crate) new_name: String,
    pub(crate) default_branch: String,
    pub(crate) migration_framework: String,
    pub(crate) migration_table_name: String,
    pub(crate) confirm: String,
    pub(crate) user: String,
}

/// A setting that is on or off.
pub(crate) struct Switch {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) on: bool,
}

/// Somebody who administers a database.
pub(crate) struct Administrator {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: &'static str,
    pub(crate) since: Option<When>,
}

/// Those who administer a database.
#[derive(Default)]
pub(crate) struct Administrators {
    pub(crate) rows: Vec<Administrator>,
    /// How many are not shown.
    pub(crate) more: i64,
    /// Members who are none yet; empty when there are too many to list.
    pub(crate) members: Vec<Choice>,
    /// Every member is one.
    pub(crate) all: bool,
    /// Who was chosen, or typed.
    pub(crate) typed: String,
    /// Why the viewer may not see them, or change who they are.
    pub(crate) may_not_see: String,
    pub(crate) may_not_change: String,
}

/// A database's settings.
#[derive(Template)]
#[template(path = "databases/settings.html")]
pub(crate) struct Settings {
    pub(crate) page: Page,
    pub(crate) root: String,
    pub(crate) name: String,
    pub(crate) new_name: String,
    pub(crate) branches: Vec<Choice>,
    pub(crate) effective: Vec<Switch>,
    pub(crate) kept: Vec<Switch>,
    pub(crate) migration_framework: String,
    pub(crate) migration_table_name: String,
    pub(crate) errors: SettingsErrors,
    /// Why the viewer may not change them, or delete it.
    pub(crate) may_not_change: String,
    pub(crate) may_not_delete: String,
    /// How many branches go with it.
    pub(crate) branch_count: i64,
    /// What was typed to confirm that it be deleted.
    pub(crate) typed_name: String,
    pub(crate) administrators: Administrators,
}
