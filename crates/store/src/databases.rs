//! Databases.

use std::collections::HashMap;

use bough_model::{
    ActorRef, BranchId, BranchName, BranchState, ClusterSizeName, DatabaseId, DatabaseName, RegionSlug,
    Timestamp,
};
use bough_policy::{DatabaseAt, Granted, OrganizationAt, Place, Principal};
use rusqlite::{Row, params};

use crate::connection::Db;
use crate::organizations::{Counted, count, counted};
use crate::row::{
    Page, actor, all, change, cluster_size, first, like_anywhere, number, parsed, parsed_opt, region, time,
    time_opt,
};
use crate::{Reader, StoreError, Tx};

/// A database's settings (contract: update_database_settings).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Refuses deletion while set.
    pub deletion_protected: bool,
    /// Deploy requests need an approval.
    pub require_approval_for_deploy: bool,
    /// Branches only in the database's region.
    pub restrict_branch_region: bool,
    /// Branches may be made with data.
    pub allow_data_branching: bool,
    /// Foreign keys are allowed.
    pub foreign_keys_enabled: bool,
    /// Full query texts are kept.
    pub insights_raw_queries: bool,
    /// The web console works on production branches.
    pub production_branch_web_console: bool,
    /// The rows of the migration table are copied along.
    pub automatic_migrations: Option<bool>,
    /// The framework whose migrations those are.
    pub migration_framework: Option<String>,
    /// Their table.
    pub migration_table_name: Option<String>,
}

/// A database.
#[derive(Clone, Debug)]
pub struct DatabaseRow {
    /// Public id.
    pub id: DatabaseId,
    /// Name in paths.
    pub name: DatabaseName,
    /// The SQL schema on its branch servers.
    pub schema_name: DatabaseName,
    /// Where its branches run unless they say otherwise.
    pub region: RegionSlug,
    /// The size of its first branch.
    pub cluster_size: ClusterSizeName,
    /// Free text.
    pub notes: String,
    /// Its settings.
    pub settings: Settings,
    /// Who made it.
    pub actor: ActorRef,
    /// Its default branch.
    pub default_branch: DefaultBranch,
    /// Development branches.
    pub development_branches: i64,
    /// Production branches.
    pub production_branches: i64,
    /// Whether the size of one of its branches is being changed.
    pub resizing: bool,
    /// Whether the size of one of its branches is to be changed.
    pub resize_queued: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What of the default branch a database shows.
#[derive(Clone, Debug)]
pub struct DefaultBranch {
    /// Which.
    pub id: BranchId,
    /// Its name.
    pub name: BranchName,
    /// Its state.
    pub state: BranchState,
    /// Its tables.
    pub table_count: i64,
    /// When its schema changed last.
    pub schema_last_updated_at: Option<Timestamp>,
}

const COLUMNS: &str = "d.id, d.name, d.schema_name, d.region, d.cluster_size, d.notes, d.deletion_protected, \
    d.require_approval_for_deploy, d.restrict_branch_region, d.allow_data_branching, d.foreign_keys_enabled, \
    d.insights_raw_queries, d.production_branch_web_console, d.automatic_migrations, d.migration_framework, \
    d.migration_table_name, d.actor_kind, d.actor_id, d.actor_name, d.created_at, d.updated_at, \
    d.default_branch_id, b.name AS branch_name, b.state AS branch_state, b.table_count, b.schema_last_updated_at, \
    (SELECT COUNT(*) FROM branches x WHERE x.database_id = d.id AND x.desired = 'running' AND x.production = 0) \
      AS development_branches, \
    (SELECT COUNT(*) FROM branches x WHERE x.database_id = d.id AND x.desired = 'running' AND x.production = 1) \
      AS production_branches, \
    EXISTS (SELECT 1 FROM branches x JOIN resizes r ON r.branch_id = x.id WHERE x.database_id = d.id \
      AND x.desired = 'running' AND r.state = 'resizing') AS resizing, \
    EXISTS (SELECT 1 FROM branches x JOIN resizes r ON r.branch_id = x.id WHERE x.database_id = d.id \
      AND x.desired = 'running' AND r.state = 'pending') AS resize_queued";
const DEFAULT_BRANCH: &str = "JOIN branches b ON b.id = d.default_branch_id";

fn read(row: &Row<'_>) -> Result<DatabaseRow, StoreError> {
    Ok(DatabaseRow {
        id: parsed(row, "id", DatabaseId::parse)?,
        name: parsed(row, "name", |name| DatabaseName::parse(name).ok())?,
        schema_name: parsed(row, "schema_name", |name| DatabaseName::parse(name).ok())?,
        region: region(row)?,
        cluster_size: cluster_size(row)?,
        notes: row.get("notes")?,
        settings: Settings {
            deletion_protected: row.get("deletion_protected")?,
            require_approval_for_deploy: row.get("require_approval_for_deploy")?,
            restrict_branch_region: row.get("restrict_branch_region")?,
            allow_data_branching: row.get("allow_data_branching")?,
            foreign_keys_enabled: row.get("foreign_keys_enabled")?,
            insights_raw_queries: row.get("insights_raw_queries")?,
            production_branch_web_console: row.get("production_branch_web_console")?,
            automatic_migrations: row.get("automatic_migrations")?,
            migration_framework: row.get("migration_framework")?,
            migration_table_name: row.get("migration_table_name")?,
        },
        actor: actor(row, "actor")?,
        default_branch: DefaultBranch {
            id: parsed(row, "default_branch_id", BranchId::parse)?,
            name: parsed(row, "branch_name", |name| BranchName::parse(name).ok())?,
            state: parsed(row, "branch_state", BranchState::parse)?,
            table_count: row.get("table_count")?,
            schema_last_updated_at: time_opt(row, "schema_last_updated_at")?,
        },
        development_branches: row.get("development_branches")?,
        production_branches: row.get("production_branches")?,
        resizing: row.get("resizing")?,
        resize_queued: row.get("resize_queued")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

pub(crate) fn by_id(db: &impl Db, at: &DatabaseAt) -> Result<Option<DatabaseRow>, StoreError> {
    first(
        db,
        &format!(
            "SELECT {COLUMNS} FROM databases d {DEFAULT_BRANCH} WHERE d.id = ? AND d.organization_id = ? AND d.desired = 'running'"
        ),
        params![at.database.as_str(), at.organization.as_str()],
        read,
    )
}

/// One database.
///
/// # Errors
/// When the database fails.
pub fn get(reader: &Reader, granted: &Granted<DatabaseAt>) -> Result<Option<DatabaseRow>, StoreError> {
    by_id(reader, granted.at())
}

/// One database, within a write.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when it is gone.
pub fn get_for_write(tx: &Tx<'_>, granted: &Granted<DatabaseAt>) -> Result<DatabaseRow, StoreError> {
    by_id(tx, granted.at())?.ok_or(StoreError::Changed)
}

/// The databases of an organization that `principal` can see and whose name contains `search`,
/// newest first, and how many there are.
///
/// # Errors
/// When the database fails.
pub fn list(
    reader: &Reader,
    granted: &Granted<OrganizationAt>,
    principal: &Principal,
    search: &str,
    page: Page,
    sees: impl Fn(&DatabaseAt) -> bool,
) -> Result<(Vec<DatabaseRow>, i64), StoreError> {
    let organization = &granted.at().organization;
    let at = |database: DatabaseId| DatabaseAt { organization: organization.clone(), database };
    // Who holds something on single databases only is served from those; whoever sees any database
    // at all, from the whole list.
    let singles = match principal {
        Principal::Token { grants, .. } => {
            let probe = DatabaseId::parse("000000000000").map(&at);
            (!probe.is_some_and(|probe| sees(&probe)))
                .then(|| grants.databases.keys().cloned().collect::<Vec<_>>())
        }
        _ => None,
    };
    if let Some(ids) = singles {
        let mut rows = Vec::new();
        for id in ids.into_iter().filter(|id| sees(&at(id.clone()))) {
            rows.extend(
                by_id(reader, &at(id))?
                    .filter(|row| row.name.as_str().contains(&search.to_ascii_lowercase())),
            );
        }
        rows.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        let total = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let from = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        return Ok((rows.into_iter().skip(from).take(page.size as usize).collect(), total));
    }
    let organization = organization.as_str();
    let total = match search {
        "" => counted(reader, organization, Counted::Databases)?,
        search => number(
            reader,
            "SELECT COUNT(*) FROM databases WHERE organization_id = ? AND live_name LIKE ? ESCAPE '!'",
            params![organization, like_anywhere(search)],
        )?,
    };
    // Which they are first: what else is shown of them is counted for these alone.
    let rows = all(
        reader,
        &format!(
            "SELECT {COLUMNS} FROM (SELECT id AS of_page FROM databases WHERE organization_id = ?1 \
             AND desired = 'running' AND (?2 IS NULL OR live_name LIKE ?2 ESCAPE '!') \
             ORDER BY created_at DESC, id DESC LIMIT ?3 OFFSET ?4) \
             JOIN databases d ON d.id = of_page {DEFAULT_BRANCH} ORDER BY d.created_at DESC, d.id DESC"
        ),
        params![
            organization,
            (!search.is_empty()).then(|| like_anywhere(search)),
            page.limit(),
            page.offset()
        ],
        read,
    )?;
    Ok((rows, total))
}

/// The oldest production branch of each of some databases of an organization.
///
/// # Errors
/// When the database fails.
pub fn production_branches(
    reader: &Reader,
    granted: &Granted<OrganizationAt>,
    databases: &[DatabaseId],
) -> Result<HashMap<DatabaseId, (BranchId, BranchName)>, StoreError> {
    let mut found = HashMap::with_capacity(databases.len());
    for database in databases {
        let branch = first(
            reader,
            "SELECT id, name FROM branches INDEXED BY branches_by_class WHERE database_id = ? AND desired = 'running' \
             AND production = 1 AND organization_id = ? ORDER BY created_at, id LIMIT 1",
            params![database.as_str(), granted.at().organization.as_str()],
            |row| {
                let name = parsed(row, "name", |name| BranchName::parse(name).ok())?;
                Ok((parsed(row, "id", BranchId::parse)?, name))
            },
        )?;
        found.extend(branch.map(|branch| (database.clone(), branch)));
    }
    Ok(found)
}

/// A database to be made.
#[derive(Clone, Debug)]
pub struct NewDatabase {
    /// Public id.
    pub id: DatabaseId,
    /// Name; its SQL schema is called the same.
    pub name: DatabaseName,
    /// Where.
    pub region: RegionSlug,
    /// The size of its first branch.
    pub cluster_size: ClusterSizeName,
    /// Free text.
    pub notes: String,
    /// Its settings.
    pub settings: Settings,
    /// The branch that will be its default; the caller makes it in the same transaction.
    pub default_branch: BranchId,
    /// Who makes it.
    pub actor: ActorRef,
}

/// Whether a name is taken in the organization, as a name or as an id that paths could mean.
fn is_taken(tx: &Tx<'_>, organization: &str, name: &DatabaseName) -> Result<bool, StoreError> {
    let taken = number(
        tx,
        "SELECT COUNT(*) FROM databases WHERE organization_id = ?1 AND (live_name = ?2 OR (id = ?2 AND desired = 'running'))",
        params![organization, name.as_str()],
    )?;
    Ok(taken > 0)
}

/// Makes a database in the organization of the place that was granted; `false` when the name is taken.
///
/// # Errors
/// When the database fails.
pub fn insert<P: Place>(
    tx: &Tx<'_>,
    granted: &Granted<P>,
    new: &NewDatabase,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let organization = granted.at().scope().organization.ok_or(StoreError::Changed)?.as_str();
    if is_taken(tx, organization, &new.name)? {
        return Ok(false);
    }
    let settings = &new.settings;
    change(
        tx,
        "INSERT INTO databases (id, organization_id, name, live_name, schema_name, region, cluster_size, notes, \
         desired, default_branch_id, deletion_protected, require_approval_for_deploy, restrict_branch_region, \
         allow_data_branching, foreign_keys_enabled, insights_raw_queries, production_branch_web_console, \
         automatic_migrations, migration_framework, migration_table_name, actor_kind, actor_id, actor_name, \
         created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?3, ?3, ?4, ?5, ?6, 'running', ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
         ?18, ?19, ?20, ?21, ?21)",
        params![
            new.id.as_str(),
            organization,
            new.name.as_str(),
            new.region.as_str(),
            new.cluster_size.canonical(),
            new.notes,
            new.default_branch.as_str(),
            settings.deletion_protected,
            settings.require_approval_for_deploy,
            settings.restrict_branch_region,
            settings.allow_data_branching,
            settings.foreign_keys_enabled,
            settings.insights_raw_queries,
            settings.production_branch_web_console,
            settings.automatic_migrations,
            settings.migration_framework,
            settings.migration_table_name,
            new.actor.kind.as_str(),
            new.actor.id,
            new.actor.display_name,
            now.as_micros(),
        ],
    )?;
    count(tx, organization, Counted::Databases, 1)?;
    Ok(true)
}

/// Changes name, settings or default branch; `false` when the new name is taken.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when it is gone.
pub fn update(
    tx: &Tx<'_>,
    granted: &Granted<DatabaseAt>,
    name: &DatabaseName,
    settings: &Settings,
    default_branch: &BranchId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let at = granted.at();
    let before = get_for_write(tx, granted)?;
    if before.name != *name && is_taken(tx, at.organization.as_str(), name)? {
        return Ok(false);
    }
    change(
        tx,
        "UPDATE databases SET name = ?1, live_name = ?1, deletion_protected = ?2, require_approval_for_deploy = ?3, \
         restrict_branch_region = ?4, allow_data_branching = ?5, foreign_keys_enabled = ?6, \
         insights_raw_queries = ?7, production_branch_web_console = ?8, automatic_migrations = ?9, \
         migration_framework = ?10, migration_table_name = ?11, default_branch_id = ?12, updated_at = ?13 WHERE id = ?14",
        params![
            name.as_str(),
            settings.deletion_protected,
            settings.require_approval_for_deploy,
            settings.restrict_branch_region,
            settings.allow_data_branching,
            settings.foreign_keys_enabled,
            settings.insights_raw_queries,
            settings.production_branch_web_console,
            settings.automatic_migrations,
            settings.migration_framework,
            settings.migration_table_name,
            default_branch.as_str(),
            now.as_micros(),
            at.database.as_str(),
        ],
    )?;
    Ok(true)
}

/// Records the wish that a database be gone, with all its branches and every grant on it.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when it is gone already.
pub fn wish_gone(tx: &Tx<'_>, granted: &Granted<DatabaseAt>, now: Timestamp) -> Result<(), StoreError> {
    wish_gone_in(tx, granted.at(), now)
}

pub(crate) fn wish_gone_in(tx: &Tx<'_>, at: &DatabaseAt, now: Timestamp) -> Result<(), StoreError> {
    let changed = change(
        tx,
        "UPDATE databases SET desired = 'gone', live_name = NULL, updated_at = ? WHERE id = ? AND desired = 'running'",
        params![now.as_micros(), at.database.as_str()],
    )?;
    if changed == 0 {
        return Err(StoreError::Changed);
    }
    count(tx, at.organization.as_str(), Counted::Databases, -1)?;
    change(
        tx,
        "UPDATE branches SET desired = 'gone', live_name = NULL, generation = generation + 1, attempts = 0, \
         next_try_at = ?, updated_at = ? WHERE database_id = ? AND desired = 'running'",
        params![now.as_micros(), now.as_micros(), at.database.as_str()],
    )?;
    change(tx, "DELETE FROM token_accesses WHERE database_id = ?", params![at.database.as_str()])?;
    change(tx, "DELETE FROM database_administrators WHERE database_id = ?", params![at.database.as_str()])?;
    tx.bump_store_version()
}

/// The live branch of a database by name.
///
/// # Errors
/// When the database fails.
pub fn branch_by_name(
    tx: &Tx<'_>,
    granted: &Granted<DatabaseAt>,
    name: &str,
) -> Result<Option<(BranchId, bool)>, StoreError> {
    branch_named(tx, &granted.at().database, name)
}

pub(crate) fn branch_named(
    db: &impl Db,
    database: &DatabaseId,
    name: &str,
) -> Result<Option<(BranchId, bool)>, StoreError> {
    first(
        db,
        "SELECT id, production FROM branches WHERE database_id = ? AND live_name = ?",
        params![database.as_str(), name],
        |row| Ok((parsed(row, "id", BranchId::parse)?, row.get("production")?)),
    )
}

/// The name of the live database of an id, if the organization has it.
///
/// # Errors
/// When the database fails.
pub fn name_of(tx: &Tx<'_>, at: &DatabaseAt) -> Result<Option<DatabaseName>, StoreError> {
    let found = first(
        tx,
        "SELECT live_name FROM databases WHERE id = ? AND organization_id = ?",
        params![at.database.as_str(), at.organization.as_str()],
        |row| parsed_opt(row, "live_name", |name| DatabaseName::parse(name).ok()),
    )?;
    Ok(found.flatten())
}

/// The name of a live branch that is protected against deletion, if there is one.
///
/// # Errors
/// When the database fails.
pub fn protected_branch(
    tx: &Tx<'_>,
    granted: &Granted<DatabaseAt>,
) -> Result<Option<BranchName>, StoreError> {
    first(
        tx,
        "SELECT name FROM branches WHERE database_id = ? AND desired = 'running' AND deletion_protected = 1 \
         ORDER BY created_at LIMIT 1",
        params![granted.at().database.as_str()],
        |row| parsed(row, "name", |name| BranchName::parse(name).ok()),
    )
}

/// The names of a database's live branches, oldest first.
///
/// # Errors
/// When the database fails.
pub fn branch_names(tx: &Tx<'_>, granted: &Granted<DatabaseAt>) -> Result<Vec<String>, StoreError> {
    all(
        tx,
        "SELECT name FROM branches WHERE database_id = ? AND desired = 'running' ORDER BY created_at, id",
        params![granted.at().database.as_str()],
        |row| Ok(row.get("name")?),
    )
}
