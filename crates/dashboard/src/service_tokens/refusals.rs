//! What a token was refused, and what it holds and never needed.

use std::collections::HashMap;

use bough_control::Error;
use bough_control::Page as Rows;
use bough_control::databases::DatabaseRow;
use bough_control::denials::DenialRow;
use bough_control::service_tokens::{GrantRow, TokenRow};
use bough_policy::{Access, GrantScope, Granted, Grants, Level, Operation, TokenAt};

use super::accesses::{breadth, reason};
use super::preview::in_words;
use super::token::{find_database, scope_text};
use crate::layout::When;
use crate::visit::Visit;

/// Most refusals that are shown.
const REFUSALS_SHOWN: u32 = 10;
/// Most accesses without use that are shown.
const UNUSED_SHOWN: usize = 10;

/// A refusal.
pub(crate) struct Refusal {
    pub(crate) title: String,
    /// What it was on: a database's name, or words.
    pub(crate) on: String,
    /// Whether that is a name that somebody chose.
    pub(crate) on_name: bool,
    pub(crate) method: String,
    /// In lower case, for its colour.
    pub(crate) method_class: String,
    /// Empty where the viewer may not see what it names.
    pub(crate) path: String,
    /// `once`, `3 times`.
    pub(crate) count: String,
    pub(crate) first: When,
    pub(crate) last: When,
    /// The access that would be granted, the narrowest that is enough.
    pub(crate) access: String,
    /// The field `database` of the form that grants it.
    pub(crate) database: String,
    /// The others that would do as well.
    pub(crate) others: String,
    /// It is held by now.
    pub(crate) granted: bool,
    /// Shown unfolded: the latest that is not.
    pub(crate) open: bool,
    /// Why it cannot be granted; empty when it can.
    pub(crate) reason: String,
}

/// An access that is held and was never needed.
pub(crate) struct Unused {
    pub(crate) access: &'static str,
    pub(crate) on: String,
    pub(crate) on_name: bool,
    /// The field `database` of the form that takes it away.
    pub(crate) database: String,
    pub(crate) granted: When,
    /// Why the viewer may not take it away; empty when he may.
    pub(crate) reason: String,
}

fn times(count: i64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

pub(super) struct Around<'a> {
    pub(super) visit: &'a Visit<'a>,
    pub(super) at: &'a Granted<TokenAt>,
    pub(super) token: &'a TokenRow,
    pub(super) grants: &'a Grants,
    /// Why the viewer may grant nothing at all; empty when he may.
    pub(super) closed: &'a str,
}

impl Around<'_> {
    fn reason(&self, scope: &GrantScope, access: Access) -> String {
        if !self.closed.is_empty() {
            return self.closed.to_owned();
        }
        let principal = &self.visit.caller.principal;
        reason(principal, &self.at.at().organization, self.token.expires_at, scope, access)
    }

    fn refusal(&self, row: DenialRow, database: Option<&DatabaseRow>) -> Refusal {
        let mut enough: Vec<Access> = row.missing.iter().filter_map(|name| Access::parse(name)).collect();
        enough.sort_by_key(|access| breadth(*access));
        let held = |access: &Access| {
            let here = database.map(|row| self.grants.at(&GrantScope::Database(row.id.clone())));
            let on_databases = self.grants.all_databases.union(here.unwrap_or_default());
            self.grants.organization.contains(*access)
                || (row.database_name.is_some() && on_databases.contains(*access))
        };
        let granted = enough.iter().any(held);
        // Where each would be granted, and why it cannot be.
        let offers: Vec<(Access, String, String)> = enough
            .iter()
            .map(|access| match (access.level(), database) {
                (Level::Organization, _) => {
                    (*access, String::new(), self.reason(&GrantScope::Organization, *access))
                }
                (Level::Database, Some(row)) => {
                    let scope = GrantScope::Database(row.id.clone());
                    (*access, row.name.to_string(), self.reason(&scope, *access))
                }
                (Level::Database, None) => {
                    let reason = "There is no such database, or you may not see it.";
                    (*access, String::new(), reason.to_owned())
                }
                (Level::People, _) => {
                    (*access, String::new(), "Only people can do this, whatever a token holds.".to_owned())
                }
            })
            .collect();
        let best = offers.iter().find(|(.., reason)| reason.is_empty()).or_else(|| offers.first());
        let (access, database_field, reason) = match best {
            Some((access, database, reason)) => (access.name().to_owned(), database.clone(), reason.clone()),
            None => (String::new(), String::new(), "No access of service tokens opens this.".to_owned()),
        };
        let others: Vec<&str> =
            enough.iter().map(|other| other.name()).filter(|name| *name != access).collect();
        let (on, on_name) = match (&row.database_name, row.path.is_empty()) {
            (Some(name), _) => (name.clone(), true),
            (None, true) => ("something that you may not see".to_owned(), false),
            (None, false) => ("the organization".to_owned(), false),
        };
        Refusal {
            title: Operation::parse(&row.operation).map_or(row.operation, |known| in_words(known.id())),
            on,
            on_name,
            method_class: row.method.to_ascii_lowercase(),
            method: row.method,
            path: row.path,
            count: times(row.count),
            first: self.visit.when(row.first_at),
            last: self.visit.when(row.last_at),
            access,
            database: database_field,
            others: others.join(", "),
            granted,
            open: false,
            reason,
        }
    }

    /// The latest refusals, and how many more are kept.
    pub(super) fn refusals(&self) -> Result<(Vec<Refusal>, i64), Error> {
        let (plane, organization) = (self.visit.plane(), self.visit.organization());
        let first = Rows { number: 1, size: REFUSALS_SHOWN };
        let (rows, total) = plane.list_denials(self.visit.caller, organization, self.at, first)?;
        let mut databases: HashMap<String, Option<DatabaseRow>> = HashMap::new();
        let mut refusals = Vec::with_capacity(rows.len());
        for row in rows {
            let named = match row.database_name.clone() {
                None => None,
                Some(name) => {
                    if !databases.contains_key(&name) {
                        let found = find_database(self.visit, &name)?;
                        databases.insert(name.clone(), found);
                    }
                    databases.get(&name).and_then(Option::as_ref)
                }
            };
            refusals.push(self.refusal(row, named));
        }
        if let Some(first) = refusals.iter_mut().find(|refusal| !refusal.granted) {
            first.open = true;
        }
        let more = total - i64::try_from(refusals.len()).unwrap_or(total);
        Ok((refusals, more))
    }

    /// What was never needed, and how much more there is of it.
    pub(super) fn unused(&self, rows: &[GrantRow]) -> (Vec<Unused>, usize) {
        let never: Vec<&GrantRow> = rows.iter().filter(|row| row.last_needed_at.is_none()).collect();
        let shown = never.iter().take(UNUSED_SHOWN).map(|row| {
            let (on, on_name) = scope_text(row);
            Unused {
                access: row.access.name(),
                database: match row.scope {
                    GrantScope::Organization => String::new(),
                    GrantScope::AllDatabases => "*".to_owned(),
                    GrantScope::Database(_) => on.clone(),
                },
                on,
                on_name,
                granted: self.visit.when(row.granted_at),
                reason: self.reason(&row.scope, row.access),
            }
        });
        (shown.collect(), never.len().saturating_sub(UNUSED_SHOWN))
    }
}
