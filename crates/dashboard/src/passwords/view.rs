//! What the pages of passwords show.

use askama::Template;
use bough_control::passwords::{PasswordRow, is_expired};

use super::role_text;
use super::snippets::Snippet;
use crate::layout::{Link, Page, Pages, When};
use crate::visit::{Visit, branch_part};

/// A password as lists and headings show it.
pub(crate) struct Password {
    pub(crate) id: String,
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) role: &'static str,
    pub(crate) username: String,
    pub(crate) branch: String,
    pub(crate) branch_href: String,
    pub(crate) production: bool,
    pub(crate) creator: String,
    pub(crate) created: When,
    pub(crate) used: Option<When>,
    pub(crate) expires: Option<When>,
    pub(crate) expired: bool,
    /// Address ranges that it may come from; none for any.
    pub(crate) ranges: Vec<String>,
    /// A client made it for the time that it runs.
    pub(crate) ephemeral: bool,
}

impl Password {
    pub(super) fn new(visit: &Visit<'_>, database_root: &str, row: &PasswordRow) -> Self {
        let branch = &row.branch;
        let branch_href =
            format!("{database_root}/{}", branch_part(branch.name.as_str(), branch.id.as_str()));
        Self {
            id: row.id.to_string(),
            href: format!("{branch_href}/passwords/{}", row.id),
            name: row.name.clone(),
            role: role_text(row.role).0,
            username: row.username.as_str().to_owned(),
            branch: branch.name.to_string(),
            branch_href,
            production: branch.production,
            creator: row.actor.display_name.clone(),
            created: visit.when(row.created_at),
            used: row.last_used_at.map(|at| visit.when(at)),
            expires: row.expires_at.map(|at| visit.when(at)),
            expired: is_expired(row, visit.plane().now()),
            ranges: if row.cidrs.is_any() { Vec::new() } else { row.cidrs.to_texts() },
            ephemeral: row.ephemeral,
        }
    }
}

/// The passwords of a branch or of a database.
#[derive(Template)]
#[template(path = "passwords/list.html")]
pub(crate) struct List {
    pub(crate) page: Page,
    pub(crate) root: String,
    /// Where one is made.
    pub(crate) connect: String,
    /// Why the viewer may make none here; empty where he may, or where it depends on the branch.
    pub(crate) may_not: String,
    /// The branch; empty for the whole database.
    pub(crate) branch: String,
    pub(crate) filters: Vec<Link>,
    pub(crate) show: String,
    pub(crate) search: String,
    pub(crate) narrowed: bool,
    pub(crate) rows: Vec<Password>,
    pub(crate) pages: Pages,
    /// Passwords that clients made for themselves and that are not listed.
    pub(crate) hidden: i64,
    pub(crate) all_href: String,
}

/// A role to choose.
pub(crate) struct RoleChoice {
    pub(crate) value: &'static str,
    pub(crate) name: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) chosen: bool,
    /// Why the viewer may not choose it.
    pub(crate) reason: String,
}

/// What was wrong with a form, and in which field.
#[derive(Default)]
pub(crate) struct Errors {
    pub(crate) all: String,
    pub(crate) role: String,
    pub(crate) name: String,
    pub(crate) lifetime: String,
    pub(crate) ranges: String,
    pub(crate) confirm: String,
}

impl Errors {
    pub(super) fn is_empty(&self) -> bool {
        [&self.all, &self.role, &self.name, &self.lifetime, &self.ranges, &self.confirm]
            .iter()
            .all(|error| error.is_empty())
    }
}

/// Connecting to a branch.
#[derive(Template)]
#[template(path = "passwords/connect.html")]
pub(crate) struct Connect {
    pub(crate) page: Page,
    pub(crate) database_root: String,
    pub(crate) root: String,
    pub(crate) once: String,
    pub(crate) branch: String,
    pub(crate) production: bool,
    /// Branches to choose from; none when there are too many.
    pub(crate) branches: Vec<String>,
    /// `host:port`.
    pub(crate) address: String,
    pub(crate) authority: bool,
    pub(crate) may_not: String,
    pub(crate) roles: Vec<RoleChoice>,
    pub(crate) lifetimes: &'static [(&'static str, &'static str)],
    pub(crate) name: String,
    pub(crate) lifetime: String,
    pub(crate) ranges: String,
    pub(crate) errors: Errors,
}

/// A password and its secret, once.
#[derive(Template)]
#[template(path = "passwords/secret.html")]
pub(crate) struct SecretPage {
    pub(crate) page: Page,
    pub(crate) password: Password,
    pub(crate) hint: &'static str,
    pub(crate) list: String,
    pub(crate) host: String,
    pub(crate) port: String,
    pub(crate) schema: String,
    pub(crate) secret: String,
    /// Where the authority's file is; empty where there is none of ours.
    pub(crate) authority: String,
    pub(crate) snippets: Vec<Snippet>,
}

/// One password.
#[derive(Template)]
#[template(path = "passwords/password.html")]
pub(crate) struct PasswordPage {
    pub(crate) page: Page,
    pub(crate) password: Password,
    pub(crate) hint: &'static str,
    pub(crate) address: String,
    pub(crate) schema: String,
    pub(crate) authority: String,
    /// How long it lives each time that it is renewed, in words; empty for ever.
    pub(crate) life: String,
    pub(crate) typed_name: String,
    pub(crate) typed_ranges: String,
    pub(crate) typed_confirm: String,
    pub(crate) may_not_change: String,
    pub(crate) may_not_delete: String,
    pub(crate) errors: Errors,
}
