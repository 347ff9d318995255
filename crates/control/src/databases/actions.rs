//! What can be done with databases.

use std::collections::HashMap;
use std::time::Duration;

use bough_model::{
    Actor, ActorRef, BranchId, BranchName, ClusterSizeName, DatabaseId, DatabaseName, GrantId,
    OrganizationId, RegionSlug, holds_secret,
};
use bough_policy::{
    Access, BranchAt, DatabaseAt, Granted, Level, Located, Operation, OrganizationAt, Place, decide,
};
use bough_store::administrators;
use bough_store::branches::{self, NewBranch};
use bough_store::databases::{self as store, NewDatabase};
use bough_store::service_tokens;
use serde_json::json;

use super::{DatabaseRow, Settings};
use crate::audit::subject;
use crate::branches::BranchRow;
use crate::caller::read_back;
use crate::random::fresh;
use crate::{Caller, Change, ControlPlane, Error, Page, Result};

/// The name of a database's first branch.
pub(crate) const FIRST_BRANCH: &str = "main";

/// What is asked for in a new database.
#[derive(Clone, Debug, Default)]
pub struct CreateDatabase {
    /// Its name, as it was written.
    pub name: String,
    /// Where; the default region when absent.
    pub region: Option<String>,
    /// The size of its first branch; the default size when absent.
    pub cluster_size: Option<String>,
    /// Free text.
    pub notes: String,
}

/// What is to be changed in a database; what is absent stays as it is.
#[derive(Clone, Debug, Default)]
pub struct UpdateDatabase {
    /// Another name, as it was written.
    pub new_name: Option<String>,
    /// Another default branch, by name.
    pub default_branch: Option<String>,
    /// Changes the settings in place.
    pub settings: SettingsChange,
}

/// Settings to be changed.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each is the setting of the same name")]
pub struct SettingsChange {
    pub deletion_protected: Option<bool>,
    pub require_approval_for_deploy: Option<bool>,
    pub restrict_branch_region: Option<bool>,
    pub allow_data_branching: Option<bool>,
    pub foreign_keys_enabled: Option<bool>,
    pub insights_raw_queries: Option<bool>,
    pub production_branch_web_console: Option<bool>,
    pub automatic_migrations: Option<bool>,
    pub migration_framework: Option<String>,
    pub migration_table_name: Option<String>,
}

impl SettingsChange {
    fn apply(self, settings: &mut Settings) {
        let set = |to: &mut bool, from: Option<bool>| *to = from.unwrap_or(*to);
        set(&mut settings.deletion_protected, self.deletion_protected);
        set(&mut settings.require_approval_for_deploy, self.require_approval_for_deploy);
        set(&mut settings.restrict_branch_region, self.restrict_branch_region);
        set(&mut settings.allow_data_branching, self.allow_data_branching);
        set(&mut settings.foreign_keys_enabled, self.foreign_keys_enabled);
        set(&mut settings.insights_raw_queries, self.insights_raw_queries);
        set(&mut settings.production_branch_web_console, self.production_branch_web_console);
        settings.automatic_migrations = self.automatic_migrations.or(settings.automatic_migrations);
        settings.migration_framework = self.migration_framework.or(settings.migration_framework.take());
        settings.migration_table_name = self.migration_table_name.or(settings.migration_table_name.take());
    }
}

/// A database with its first branch, checked and ready to be written.
pub(crate) struct Plan {
    pub(crate) database: NewDatabase,
    pub(crate) main: NewBranch,
}

/// Longest notes, in characters.
const NOTES_MAX: usize = 2_000;
/// Longest name of a migration framework, in characters.
const FRAMEWORK_MAX: usize = 200;
/// Longest name of a migration table, in characters: that of any table.
const TABLE_NAME_MAX: usize = 64;

fn check_text(what: &str, text: &str, max: usize) -> Result<()> {
    if text.chars().count() > max {
        return Err(Error::Invalid(format!("{what} is too long (at most {max} characters)")));
    }
    if text.contains('\0') {
        return Err(Error::Invalid(format!("{what} may not hold NUL")));
    }
    if holds_secret(text) {
        return Err(Error::Invalid(format!(
            "{what} may not hold the secret of a service token, which would be kept and shown"
        )));
    }
    Ok(())
}

pub(crate) fn taken() -> Error {
    Error::Invalid("name has already been taken".to_owned())
}

impl ControlPlane {
    /// The databases of an organization that the caller can see.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_databases(
        &self,
        caller: &Caller,
        granted: &Granted<OrganizationAt>,
        search: &str,
        page: Page,
    ) -> Result<(Vec<DatabaseRow>, i64)> {
        let sees = |at: &DatabaseAt| {
            decide(&caller.principal, Operation::GetDatabase, Located::new(at.clone())).is_ok()
        };
        self.store.read(|reader| Ok(store::list(reader, granted, &caller.principal, search, page, sees)?))
    }

    /// The oldest production branch of each of some databases that the caller has been shown, by its name and
    /// id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn production_branches(
        &self,
        granted: &Granted<OrganizationAt>,
        databases: &[DatabaseId],
    ) -> Result<HashMap<DatabaseId, (BranchId, BranchName)>> {
        self.store.read(|reader| Ok(store::production_branches(reader, granted, databases)?))
    }

    /// One database.
    ///
    /// # Errors
    /// When the store fails, or it is gone.
    pub fn get_database(&self, granted: &Granted<DatabaseAt>) -> Result<DatabaseRow> {
        self.store.read(|reader| store::get(reader, granted)?.ok_or(Error::NotFound))
    }

    /// One database, as soon as its default branch is ready, or as it is after `limit`.
    ///
    /// # Errors
    /// When the store fails, or it is gone.
    pub fn await_database(&self, granted: &Granted<DatabaseAt>, limit: Duration) -> Result<DatabaseRow> {
        let ready = |row: &DatabaseRow| row.default_branch.state.takes_clients();
        self.waiting.until(limit, || self.get_database(granted), ready)
    }

    /// Makes a database with its first branch.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the name cannot be or is taken, or region or size do not exist.
    pub fn create_database(
        &self,
        caller: &Caller,
        granted: &Granted<OrganizationAt>,
        wanted: CreateDatabase,
    ) -> Result<DatabaseRow> {
        let plan = self.plan_database(caller, &wanted)?;
        let grant = granted.clone();
        let id = plan.database.id.clone();
        self.change(caller, move |change| insert(change, &grant, &plan))?;
        self.wish_recorded();
        let at = DatabaseAt { organization: granted.at().organization.clone(), database: id };
        self.get_database(&read_back(Operation::GetDatabase, at)?)
    }

    /// Checks what is asked for, before anything is changed.
    pub(crate) fn plan_database(&self, caller: &Caller, wanted: &CreateDatabase) -> Result<Plan> {
        check_text("notes", &wanted.notes, NOTES_MAX)?;
        let name = DatabaseName::parse(&wanted.name).map_err(|error| Error::Invalid(error.to_string()))?;
        let region = self.wanted_region(wanted.region.as_deref())?;
        let cluster_size = self.wanted_size(wanted.cluster_size.as_deref(), true)?;
        let main = fresh(BranchId::from_random);
        let first = BranchName::parse(FIRST_BRANCH).map_err(|error| Error::Internal(error.to_string()))?;
        let settings = Settings { foreign_keys_enabled: self.settings.foreign_keys, ..Settings::default() };
        Ok(Plan {
            database: NewDatabase {
                id: fresh(DatabaseId::from_random),
                name,
                region: region.clone(),
                cluster_size: cluster_size.clone(),
                notes: wanted.notes.clone(),
                settings,
                default_branch: main.clone(),
                actor: ActorRef::clone(&caller.actor),
            },
            main: NewBranch {
                id: main,
                name: first,
                parent: None,
                production: true,
                safe_migrations: false,
                deletion_protected: false,
                region,
                cluster_size,
                actor: ActorRef::clone(&caller.actor),
                expires_at: None,
            },
        })
    }

    /// The region that a request means.
    pub(crate) fn wanted_region(&self, slug: Option<&str>) -> Result<RegionSlug> {
        let Some(slug) = slug.filter(|slug| !slug.is_empty()) else {
            return Ok(self.settings.default_region().slug.clone());
        };
        let known =
            RegionSlug::parse(slug).filter(|slug| self.settings.region(slug).is_some_and(|r| r.enabled));
        known.ok_or_else(|| {
            let offered: Vec<&str> =
                self.settings.regions.iter().filter(|r| r.enabled).map(|r| r.slug.as_str()).collect();
            Error::Invalid(format!("region {slug:?} is not available; available are: {}", offered.join(", ")))
        })
    }

    /// The cluster size that a request means, in the spelling that is kept.
    pub(crate) fn wanted_size(&self, name: Option<&str>, production: bool) -> Result<ClusterSizeName> {
        let default =
            if production { &self.settings.default_size } else { &self.settings.default_development_size };
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(default.clone()) };
        let offers =
            |size: &&bough_model::ClusterSize| if production { size.production } else { size.development };
        let known = ClusterSizeName::parse(name).and_then(|name| self.settings.size(&name)).filter(offers);
        known.map(|size| size.name.clone()).ok_or_else(|| {
            let kind = if production { "production" } else { "development" };
            let offered: Vec<String> =
                self.settings.sizes.iter().filter(offers).map(|size| size.name.canonical()).collect();
            Error::Invalid(format!(
                "cluster_size {name:?} is not available for {kind} branches; available are: {}",
                offered.join(", ")
            ))
        })
    }

    /// Changes a database.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the new name cannot be or is taken, or the branch does not exist.
    pub fn update_database(
        &self,
        caller: &Caller,
        granted: &Granted<DatabaseAt>,
        wanted: UpdateDatabase,
    ) -> Result<DatabaseRow> {
        let texts = &wanted.settings;
        check_text("migration_framework", texts.migration_framework.as_deref().unwrap_or(""), FRAMEWORK_MAX)?;
        check_text(
            "migration_table_name",
            texts.migration_table_name.as_deref().unwrap_or(""),
            TABLE_NAME_MAX,
        )?;
        let new_name = wanted.new_name.as_deref().map(DatabaseName::parse).transpose();
        let new_name = new_name.map_err(|error| Error::Invalid(error.to_string()))?;
        let grant = granted.clone();
        self.change(caller, move |change| {
            let before = store::get_for_write(change.tx, &grant)?;
            let mut settings = before.settings.clone();
            wanted.settings.apply(&mut settings);
            let default_branch = match &wanted.default_branch {
                None => before.default_branch.id.clone(),
                Some(name) => {
                    let found = store::branch_by_name(change.tx, &grant, name)?;
                    let (id, _) = found
                        .ok_or_else(|| Error::Invalid(format!("default_branch {name:?} does not exist")))?;
                    id
                }
            };
            let name = new_name.clone().unwrap_or_else(|| before.name.clone());
            if !store::update(change.tx, &grant, &name, &settings, &default_branch, change.now)? {
                return Err(taken());
            }
            let mut changes = changed_settings(&before.settings, &settings);
            if name != before.name {
                changes.insert("name".to_owned(), json!([before.name.as_str(), name.as_str()]));
            }
            let (organization, target) =
                (&grant.at().organization, subject("Database", before.id.as_str(), name.as_str()));
            if default_branch != before.default_branch.id {
                let metadata =
                    json!({"from": before.default_branch.name.as_str(), "to": wanted.default_branch});
                change.audit(
                    organization,
                    "database.updated_default_branch",
                    target.clone(),
                    target.clone(),
                    &metadata,
                )?;
            }
            if !changes.is_empty() {
                let metadata = json!({ "changes": changes });
                change.audit(organization, "database.updated", target.clone(), target, &metadata)?;
            }
            Ok(())
        })?;
        self.get_database(granted)
    }

    /// Wishes a database gone, with all its branches.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it, or one of its branches, is protected against deletion.
    pub fn delete_database(&self, caller: &Caller, granted: &Granted<DatabaseAt>) -> Result<()> {
        let grant = granted.clone();
        self.change(caller, move |change| {
            let before = store::get_for_write(change.tx, &grant)?;
            refuse_if_protected(&before)?;
            if let Some(name) = store::protected_branch(change.tx, &grant)? {
                return Err(Error::Invalid(format!(
                    "branch {name} of this database is protected against deletion; switch its deletion_protected off first"
                )));
            }
            let branches = store::branch_names(change.tx, &grant)?;
            store::wish_gone(change.tx, &grant, change.now)?;
            record_deleted(change, &grant.at().organization, &before, &json!({ "branches": branches }))
        })?;
        self.wish_recorded();
        Ok(())
    }
}

pub(crate) fn refuse_if_protected(database: &DatabaseRow) -> Result<()> {
    if database.settings.deletion_protected {
        return Err(Error::Invalid(
            "this database is protected against deletion; switch its deletion_protected off first".to_owned(),
        ));
    }
    Ok(())
}

pub(crate) fn record_deleted(
    change: &Change<'_>,
    organization: &OrganizationId,
    database: &DatabaseRow,
    metadata: &serde_json::Value,
) -> Result<()> {
    let target = subject("Database", database.id.as_str(), database.name.as_str());
    change.audit(organization, "database.deleted", target.clone(), target, metadata)
}

fn changed_settings(before: &Settings, after: &Settings) -> serde_json::Map<String, serde_json::Value> {
    let mut changes = serde_json::Map::new();
    macro_rules! compare {
        ($($field:ident)+) => {$(
            if before.$field != after.$field {
                changes.insert(stringify!($field).to_owned(), json!([before.$field, after.$field]));
            }
        )+};
    }
    compare!(deletion_protected require_approval_for_deploy restrict_branch_region allow_data_branching
        foreign_keys_enabled insights_raw_queries production_branch_web_console automatic_migrations
        migration_framework migration_table_name);
    changes
}

/// Writes a database with its first branch, and what follows from making it: the token that made it
/// holds every database access on it, the person who made it administers it.
pub(crate) fn insert<P: Place>(change: &Change<'_>, granted: &Granted<P>, plan: &Plan) -> Result<BranchRow> {
    let (tx, now) = (change.tx, change.now);
    let organization = granted.at().scope().organization.ok_or(Error::NotFound)?;
    let database = &plan.database;
    if !store::insert(tx, granted, database, now)? {
        return Err(taken());
    }
    // Whoever may make a database may make what belongs to it.
    let own = belonging_to(organization, database)?;
    branches::insert(tx, &own, &plan.main, now)?;
    let target = subject("Database", database.id.as_str(), database.name.as_str());
    change.audit(organization, "database.created", target.clone(), target.clone(), &json!({}))?;
    let main = subject("DatabaseBranch", plan.main.id.as_str(), plan.main.name.as_str());
    change.audit(
        organization,
        "database_branch.created",
        target.clone(),
        main,
        &json!({"parent_branch": null}),
    )?;
    match change.caller.principal.actor() {
        Actor::Token(token) => {
            let accesses = Access::ALL.iter().copied().filter(|access| access.level() == Level::Database);
            let ids = accesses.clone().map(|access| (fresh(GrantId::from_random), access));
            service_tokens::grant_on_new_database(tx, &own, token, ids, now)?;
            let names: Vec<&str> = accesses.map(Access::name).collect();
            let metadata =
                json!({"database": database.name.as_str(), "added": names, "because": "create_databases"});
            let token = subject("ServiceToken", token.as_str(), &change.caller.actor.display_name);
            change.audit(
                organization,
                "service_token.updated_bulk_database_access",
                target,
                token,
                &metadata,
            )?;
        }
        Actor::User(user) => {
            administrators::add(tx, &own, user, now)?;
        }
        Actor::Operator(_) | Actor::System(_) => {}
    }
    let branch_at = BranchAt {
        organization: organization.clone(),
        database: database.id.clone(),
        branch: plan.main.id.clone(),
        production: true,
    };
    Ok(branches::get_for_write(tx, &read_back(Operation::GetBranch, branch_at)?)?)
}

/// The grant to make what belongs to a database that has just been made.
pub(crate) fn belonging_to(
    organization: &OrganizationId,
    database: &NewDatabase,
) -> Result<Granted<DatabaseAt>> {
    let at = DatabaseAt { organization: organization.clone(), database: database.id.clone() };
    Caller::system("making a database").grant(Operation::CreateBranch, at)
}
