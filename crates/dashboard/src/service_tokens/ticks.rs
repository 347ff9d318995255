//! What the form of accesses says: which boxes are ticked, at which scopes, and what they were when the
//! form was shown.

use bough_control::Error;
use bough_control::databases::DatabaseRow;
use bough_control::model::DatabaseId;
use bough_control::service_tokens::{GrantRow, GrantSet, WantedScope};
use bough_policy::{Access, AccessSet, GrantScope, Grants};

use super::accesses::Preset;
use crate::form::Form;

/// Most databases whose boxes are shown at a time.
pub(super) const OPEN_MAX: usize = 20;

/// A form of accesses as it was sent. Names that are no access are still in it: the action refuses them.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// What the token held when the form was shown.
    pub(super) etag: String,
    organization: Vec<String>,
    all: Vec<String>,
    /// Of databases by id.
    databases: Vec<(String, Vec<String>)>,
    /// What was held at each scope of the form when it was shown.
    was: Vec<(String, AccessSet)>,
    /// A database to show the boxes of as well, by name or id.
    pub(super) open: Option<String>,
    pub(super) preset: Option<&'static Preset>,
}

fn known(names: &[String]) -> AccessSet {
    names.iter().filter_map(|name| Access::parse(name)).collect()
}

impl Sent {
    /// Reads a form.
    ///
    /// # Errors
    /// When it has a field that it cannot have, or too many databases.
    pub(super) fn read(form: &Form) -> Result<Self, Error> {
        let names = |field: &str| form.all(field).map(str::to_owned).collect::<Vec<_>>();
        let ids = names("database");
        if ids.len() > OPEN_MAX {
            return Err(Error::Malformed(format!("a form has at most {OPEN_MAX} databases")));
        }
        let fields: Vec<String> = ids.iter().map(|id| format!("database-{id}")).collect();
        let mut many = vec!["organization", "all", "database", "was"];
        many.extend(fields.iter().map(String::as_str));
        form.only_and_many(&["etag", "open", "edit", "preset"], &many)?;
        let was = form.all("was").filter_map(|line| {
            let (scope, names) = line.split_once(' ')?;
            Some((scope.to_owned(), names.split(' ').filter_map(Access::parse).collect()))
        });
        Ok(Self {
            etag: form.get("etag").to_owned(),
            organization: names("organization"),
            all: names("all"),
            was: was.take(OPEN_MAX + 2).collect(),
            databases: ids.into_iter().zip(fields.iter().map(|field| names(field))).collect(),
            open: form.filled("edit").or_else(|| form.filled("open")).map(str::to_owned),
            preset: Preset::named(form.get("preset")),
        })
    }

    /// The databases in it, by id.
    pub(super) fn databases(&self) -> impl Iterator<Item = &str> {
        self.databases.iter().map(|(id, _)| id.as_str())
    }

    /// What it wants, for the action. Databases are named as the audit log shall name them.
    pub(super) fn wanted(&self, open: &[DatabaseRow]) -> Vec<GrantSet> {
        let mut sets = vec![
            GrantSet { scope: WantedScope::Organization, accesses: self.organization.clone() },
            GrantSet { scope: WantedScope::AllDatabases, accesses: self.all.clone() },
        ];
        for (id, accesses) in &self.databases {
            let name =
                open.iter().find(|row| row.id.as_str() == id).map_or(id.as_str(), |row| row.name.as_str());
            sets.push(GrantSet { scope: WantedScope::Database(name.to_owned()), accesses: accesses.clone() });
        }
        sets
    }

    /// What was held at a scope when the form was shown; `None` where it does not say.
    pub(super) fn was(&self, scope: &GrantScope) -> Option<AccessSet> {
        let name = scope_key(scope);
        self.was.iter().find(|(known, _)| known == name).map(|(_, set)| *set)
    }
}

/// A scope as forms name it.
pub(super) fn scope_key(scope: &GrantScope) -> &str {
    match scope {
        GrantScope::Organization => "organization",
        GrantScope::AllDatabases => "all",
        GrantScope::Database(id) => id.as_str(),
    }
}

/// What is held, as sets.
pub(super) fn held(rows: &[GrantRow]) -> Grants {
    let mut grants = Grants::default();
    rows.iter().for_each(|row| grants.insert(&row.scope, row.access));
    grants
}

/// What is ticked on a page.
#[derive(Debug)]
pub(super) struct Ticks {
    pub(super) organization: AccessSet,
    pub(super) all: AccessSet,
    /// Of the databases whose boxes are shown.
    pub(super) databases: Vec<(DatabaseRow, AccessSet)>,
    /// Whether it differs, or may differ, from what is held.
    pub(super) unsaved: bool,
}

impl Ticks {
    /// What is held.
    pub(super) fn of(grants: &Grants, open: Vec<DatabaseRow>) -> Self {
        let databases = open
            .into_iter()
            .map(|row| {
                let set = grants.at(&GrantScope::Database(row.id.clone()));
                (row, set)
            })
            .collect();
        Self { organization: grants.organization, all: grants.all_databases, databases, unsaved: false }
    }

    /// What was sent; a database that was not in the form as it is held.
    pub(super) fn sent(sent: &Sent, grants: &Grants, open: Vec<DatabaseRow>) -> Self {
        let mut ticks = Self::of(grants, open);
        ticks.organization = known(&sent.organization);
        ticks.all = known(&sent.all);
        for (row, set) in &mut ticks.databases {
            if let Some((_, names)) = sent.databases.iter().find(|(id, _)| id == row.id.as_str()) {
                *set = known(names);
            }
        }
        ticks.unsaved = true;
        ticks
    }

    /// Ticks just what a preset has: on the databases that are shown, or else on all.
    pub(super) fn preset(&mut self, preset: &Preset) {
        let level = |level| AccessSet::of_level(level).intersection(preset.set());
        self.organization = level(bough_policy::Level::Organization);
        let on_databases = level(bough_policy::Level::Database);
        if self.databases.is_empty() {
            self.all = on_databases;
        }
        self.databases.iter_mut().for_each(|(_, set)| *set = on_databases);
        self.unsaved = true;
    }

    /// All that the token would hold: what is ticked, and what is held on databases that are not shown.
    pub(super) fn grants(&self, held: &Grants) -> Grants {
        let mut grants = Grants {
            organization: self.organization,
            all_databases: self.all,
            databases: held.databases.clone(),
        };
        for (row, set) in &self.databases {
            grants.databases.insert(DatabaseId::clone(&row.id), *set);
        }
        grants
    }
}
