//! What can be done with branches.

use std::sync::Arc;

use std::time::Duration;

use bough_model::{ActorRef, BranchId, BranchName, BranchState, Timestamp};
use bough_policy::{BranchAt, DatabaseAt, Facet, Granted, NewDatabaseAt, Operation};
use bough_store::branches::{self as store, Fields, Filter, NewBranch};
use bough_store::databases as database_store;
use bough_store::reconcile as wishes;
use bough_store::sleep as sleeping;
use serde_json::json;

use super::lint::Before;
use super::{BranchRow, expiry, sleep};
use crate::audit::subject;
use crate::caller::read_back;
use crate::databases::CreateDatabase;
use crate::databases::actions::{self as databases, FIRST_BRANCH, taken};
use crate::random::fresh;
use crate::{Caller, Change, ControlPlane, Error, Page, Result};

/// Longest wait for a branch's server to take up other rights, in seconds.
const RIGHTS_LIMIT_SECONDS: u64 = 60;

/// What is asked for in a new branch.
#[derive(Clone, Debug, Default)]
pub struct CreateBranch {
    /// Its name, as it was written.
    pub name: String,
    /// The branch to take the schema from, by name; the default branch when absent or empty.
    pub parent_branch: Option<String>,
    /// Where; its database's region when absent.
    pub region: Option<String>,
    /// How large; the default for development branches when absent.
    pub cluster_size: Option<String>,
    /// Refuses deletion.
    pub deletion_protected: bool,
    /// Refuses direct DDL.
    pub safe_migrations: bool,
    /// A backup to restore.
    pub backup_id: Option<String>,
    /// Data to begin with.
    pub seed_data: Option<String>,
    /// How long it is to live, in seconds; absent or 0 for ever.
    pub ttl: Option<u64>,
}

/// What is to be changed in a branch; what is absent stays as it is.
#[derive(Clone, Debug, Default)]
pub struct UpdateBranch {
    /// Another name, as it was written.
    pub new_name: Option<String>,
    /// Refuses deletion.
    pub deletion_protected: Option<bool>,
    /// How long it is to live from now, in seconds; 0 for ever.
    pub ttl: Option<u64>,
    /// After how many seconds without use it falls asleep: 0 for never, `Some(None)` for what the operator
    /// has set.
    pub sleep_after: Option<Option<u64>>,
}

/// How many branches there may be.
#[derive(Clone, Copy)]
struct Room {
    in_database: i64,
    by_creator: i64,
}

impl ControlPlane {
    /// The branches of a database.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_branches(
        &self,
        granted: &Granted<DatabaseAt>,
        filter: &Filter,
        page: Page,
    ) -> Result<(Vec<BranchRow>, i64)> {
        self.store.read(|reader| Ok(store::list(reader, granted, filter, page)?))
    }

    /// One branch.
    ///
    /// # Errors
    /// When the store fails, or it is gone.
    pub fn get_branch(&self, caller: &Caller, granted: &Granted<BranchAt>) -> Result<Arc<BranchRow>> {
        let key = (granted.at().database.clone(), granted.at().branch.clone());
        self.store.recall(&self.branches, self.mark_for(caller), key, |reader| {
            store::get(reader, granted)?.map(Arc::new).ok_or(Error::NotFound)
        })
    }

    /// One branch, as soon as it is ready, or as it is after `limit`. One that sleeps is: whoever connects wakes
    /// it.
    ///
    /// # Errors
    /// When the store fails, or it is gone.
    pub fn await_branch(&self, granted: &Granted<BranchAt>, limit: Duration) -> Result<BranchRow> {
        // What was remembered when the request came in is not what is waited for.
        let look = || self.store.read(|reader| store::get(reader, granted)?.ok_or(Error::NotFound));
        self.waiting.until(limit, look, |branch| branch.state.takes_clients())
    }

    /// Makes a branch from its parent's schema.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the name cannot be or is taken, the parent does not exist, region or
    /// size do not, or there are too many branches; [`Error::Forbidden`] when the body asks for more
    /// than the caller may; [`Error::SchemaUnfit`] when it shall have safe migrations and the parent's
    /// schema has findings.
    pub fn create_branch(
        &self,
        caller: &Caller,
        granted: Granted<DatabaseAt>,
        wanted: CreateBranch,
    ) -> Result<BranchRow> {
        let granted = self.refine_create(caller, granted, &wanted)?;
        let name = BranchName::parse(&wanted.name).map_err(|error| Error::Invalid(error.to_string()))?;
        let cluster_size = self.wanted_size(wanted.cluster_size.as_deref(), false)?;
        let wanted_region = wanted.region.as_deref().filter(|slug| !slug.is_empty());
        let region = wanted_region.map(|slug| self.wanted_region(Some(slug))).transpose()?;
        let room = self.room();
        let expires_at = expiry::end(wanted.ttl, self.now())?;
        if expires_at.is_some() {
            expiry::refuse_end(false, wanted.deletion_protected)?;
        }
        if wanted.safe_migrations {
            let parent = wanted.parent_branch.as_deref().filter(|name| !name.is_empty());
            self.refuse_unfit_parent(&granted, parent)?;
        }
        let branch = self.change(caller, move |change| {
            let database = database_store::get_for_write(change.tx, &granted)?;
            let parent = match wanted.parent_branch.as_deref().filter(|name| !name.is_empty()) {
                None => database.default_branch.id.clone(),
                Some(name) => {
                    let found = database_store::branch_by_name(change.tx, &granted, name)?;
                    found.ok_or_else(|| Error::Invalid(format!("parent_branch {name:?} does not exist")))?.0
                }
            };
            let region = region.unwrap_or_else(|| database.region.clone());
            if database.settings.restrict_branch_region && region != database.region {
                return Err(Error::Invalid(format!(
                    "branches of this database are restricted to its region {}",
                    database.region
                )));
            }
            let new = NewBranch {
                id: fresh(BranchId::from_random),
                name,
                parent: Some(parent),
                production: false,
                safe_migrations: wanted.safe_migrations,
                deletion_protected: wanted.deletion_protected,
                region,
                cluster_size,
                actor: ActorRef::clone(&change.caller.actor),
                expires_at,
            };
            insert(change, &granted, &new, room)
        })?;
        self.wish_recorded();
        Ok(branch)
    }

    /// Makes a branch of a database that does not exist yet, and the database with its first branch
    /// (contract: observed.md, `create_database_if_missing`).
    ///
    /// # Errors
    /// As [`ControlPlane::create_branch`] and [`ControlPlane::create_database`].
    pub fn create_branch_with_database(
        &self,
        caller: &Caller,
        granted: &Granted<NewDatabaseAt>,
        database_name: &str,
        wanted: CreateBranch,
    ) -> Result<BranchRow> {
        refuse_restoring(&wanted)?;
        let name = BranchName::parse(&wanted.name).map_err(|error| Error::Invalid(error.to_string()))?;
        let is_first = name.as_str() == FIRST_BRANCH;
        if let Some(parent) =
            wanted.parent_branch.as_deref().filter(|name| !name.is_empty() && *name != FIRST_BRANCH)
        {
            return Err(Error::Invalid(format!(
                "parent_branch {parent:?} does not exist: a new database has only the branch {FIRST_BRANCH}"
            )));
        }
        let cluster_size = self.wanted_size(wanted.cluster_size.as_deref(), is_first)?;
        let asked = CreateDatabase {
            name: database_name.to_owned(),
            region: wanted.region.clone(),
            cluster_size: is_first.then(|| cluster_size.canonical()),
            notes: String::new(),
        };
        let mut plan = self.plan_database(caller, &asked)?;
        if is_first {
            plan.main.safe_migrations = wanted.safe_migrations;
            plan.main.deletion_protected = wanted.deletion_protected;
        }
        let expires_at = expiry::end(wanted.ttl, self.now())?;
        if expires_at.is_some() {
            expiry::refuse_end(is_first, wanted.deletion_protected)?;
        }
        let grant = granted.clone();
        let room = self.room();
        let branch = self.change(caller, move |change| {
            let main = databases::insert(change, &grant, &plan)?;
            if is_first {
                return Ok(main);
            }
            let own = databases::belonging_to(&grant.at().organization, &plan.database)?;
            let new = NewBranch {
                id: fresh(BranchId::from_random),
                name,
                parent: Some(main.id),
                production: false,
                safe_migrations: wanted.safe_migrations,
                deletion_protected: wanted.deletion_protected,
                region: plan.database.region.clone(),
                cluster_size,
                actor: ActorRef::clone(&change.caller.actor),
                expires_at,
            };
            insert(change, &own, &new, room)
        })?;
        self.wish_recorded();
        Ok(branch)
    }

    fn room(&self) -> Room {
        let limits = &self.settings.limits;
        Room { in_database: limits.development_branches, by_creator: limits.branches_per_creator }
    }

    fn refine_create(
        &self,
        caller: &Caller,
        granted: Granted<DatabaseAt>,
        wanted: &CreateBranch,
    ) -> Result<Granted<DatabaseAt>> {
        if wanted.backup_id.is_none() && wanted.seed_data.is_none() {
            return self.refine(caller, granted, Facet::FromParent);
        }
        // There is no backup whose class could decide, so the weaker access is asked for.
        self.refine(caller, granted, Facet::FromBackup { production: false })?;
        Err(refuse_restoring(wanted).err().unwrap_or(Error::NotFound))
    }

    /// Renames a branch, or changes its protection or its set end.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the new name cannot be or is taken, or the end cannot be set.
    pub fn update_branch(
        &self,
        caller: &Caller,
        granted: &Granted<BranchAt>,
        wanted: UpdateBranch,
    ) -> Result<BranchRow> {
        let new_name = wanted.new_name.as_deref().map(BranchName::parse).transpose();
        let new_name = new_name.map_err(|error| Error::Invalid(error.to_string()))?;
        if let Some(Some(seconds)) = wanted.sleep_after {
            sleep::check(seconds, granted.at().production)?;
        }
        let grant = granted.clone();
        self.change(caller, move |change| {
            let before = store::get_for_write(change.tx, &grant)?;
            let name = new_name.unwrap_or_else(|| before.name.clone());
            let protected = wanted.deletion_protected.unwrap_or(before.deletion_protected);
            let expires_at = match wanted.ttl {
                None => before.expires_at,
                ttl => expiry::end(ttl, change.now)?,
            };
            if wanted.ttl.is_some() && expires_at.is_some() {
                expiry::refuse_end(before.production, protected)?;
            }
            let sleep_after_s = wanted.sleep_after.unwrap_or(before.sleep_after_s);
            let fields = Fields { name, deletion_protected: protected, expires_at, sleep_after_s };
            let known = Fields {
                name: before.name.clone(),
                deletion_protected: before.deletion_protected,
                expires_at: before.expires_at,
                sleep_after_s: before.sleep_after_s,
            };
            if fields == known {
                return Ok(before);
            }
            if !store::update(change.tx, &grant, &fields, change.now)? {
                return Err(taken());
            }
            let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
            let metadata = json!({
                "name": [known.name.as_str(), fields.name.as_str()],
                "deletion_protected": [known.deletion_protected, fields.deletion_protected],
                "expires_at": [time(known.expires_at), time(fields.expires_at)],
                "sleep_after": [known.sleep_after_s, fields.sleep_after_s],
            });
            let after = store::get_for_write(change.tx, &grant)?;
            record(change, grant.at(), "database_branch.updated", &after, &metadata)?;
            Ok(after)
        })
    }

    /// Makes a branch a production branch.
    ///
    /// # Errors
    /// When it is gone; [`Error::SchemaUnfit`] when its schema has findings; [`Error::Unavailable`] when that
    /// cannot be told.
    pub fn promote_branch(&self, caller: &Caller, granted: &Granted<BranchAt>) -> Result<BranchRow> {
        if !self.get_branch(caller, granted)?.production {
            self.refuse_unfit(granted, Before::Promotion)?;
        }
        self.set_production(caller, granted, true)
    }

    /// Makes a production branch a development branch.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is the database's last production branch.
    pub fn demote_branch(&self, caller: &Caller, granted: &Granted<BranchAt>) -> Result<BranchRow> {
        self.set_production(caller, granted, false)
    }

    fn set_production(
        &self,
        caller: &Caller,
        granted: &Granted<BranchAt>,
        production: bool,
    ) -> Result<BranchRow> {
        let grant = granted.clone();
        let row = self.change(caller, move |change| {
            let before = store::get_for_write(change.tx, &grant)?;
            if before.production == production {
                return Ok(before);
            }
            if !production && store::count_production(change.tx, &grant)? <= 1 {
                return Err(Error::Invalid(
                    "this is the database's last production branch and cannot be demoted; promote another branch first"
                        .to_owned(),
                ));
            }
            store::set_production(change.tx, &grant, production, change.now)?;
            if production {
                // One that serves production does not sleep.
                sleeping::wish_awake(change.tx, &before.id, change.now)?;
            }
            let action = if production { "database_branch.promoted" } else { "database_branch.demoted" };
            record(change, grant.at(), action, &before, &json!({}))?;
            let now_at = BranchAt { production, ..grant.at().clone() };
            Ok(store::get_for_write(change.tx, &read_back(Operation::GetBranch, now_at)?)?)
        })?;
        self.wish_recorded();
        Ok(row)
    }

    /// Switches safe migrations. When it answers, the branch's server obeys, or nobody can reach it before
    /// it does: sessions with the rights from before are over.
    ///
    /// # Errors
    /// When the branch is gone; to enable, [`Error::SchemaUnfit`] when its schema has findings;
    /// [`Error::Unavailable`] when that cannot be told, or its server does not obey in time.
    pub fn set_safe_migrations(
        &self,
        caller: &Caller,
        granted: &Granted<BranchAt>,
        safe_migrations: bool,
    ) -> Result<BranchRow> {
        if safe_migrations && !self.get_branch(caller, granted)?.safe_migrations {
            self.refuse_unfit(granted, Before::SafeMigrations)?;
        }
        let grant = granted.clone();
        let row = self.change(caller, move |change| {
            let before = store::get_for_write(change.tx, &grant)?;
            if before.safe_migrations == safe_migrations {
                return Ok(before);
            }
            store::set_safe_migrations(change.tx, &grant, safe_migrations, change.now)?;
            let action = if safe_migrations {
                "database_branch.enabled_safe_migrations"
            } else {
                "database_branch.disabled_safe_migrations"
            };
            record(change, grant.at(), action, &before, &json!({}))?;
            Ok(BranchRow { safe_migrations, updated_at: change.now, ..before })
        })?;
        self.wish_recorded();
        self.await_rights(&row)?;
        Ok(row)
    }

    /// Waits until a branch that can be entered has the rights that are wished.
    fn await_rights(&self, row: &BranchRow) -> Result<()> {
        let look = || {
            self.store.read(|reader| {
                let state = wishes::wish(reader, &row.id)?.map(|wish| wish.state);
                Ok::<_, Error>(state != Some(BranchState::Ready) || wishes::is_settled(reader, &row.id)?)
            })
        };
        let limit = Duration::from_secs(RIGHTS_LIMIT_SECONDS);
        if self.engine.is_none() || self.waiting.until(limit, look, |obeys| *obeys)? {
            return Ok(());
        }
        Err(Error::Unavailable(format!(
            "safe migrations are recorded as {} for branch {}, and its server does not obey yet; ask again to wait \
             longer, and see the branch's `last_error` if it stays so",
            if row.safe_migrations { "on" } else { "off" },
            row.name
        )))
    }
}

/// Writes the wish for a branch, and the audit entry with it.
fn insert(
    change: &Change<'_>,
    granted: &Granted<DatabaseAt>,
    new: &NewBranch,
    room: Room,
) -> Result<BranchRow> {
    let at = granted.at();
    let there = store::count_development(change.tx, granted)?;
    if there >= room.in_database {
        return Err(Error::Invalid(format!(
            "this database has {there} development branches, and the limit is {}; delete {} first",
            room.in_database,
            there - room.in_database + 1
        )));
    }
    let made = if room.by_creator > 0 { store::count_made_by(change.tx, granted, &new.actor)? } else { 0 };
    if room.by_creator > 0 && made >= room.by_creator {
        return Err(Error::Invalid(format!(
            "{} has made {made} development branches that are still there, and the limit for one user or token is {}; \
             delete {} first",
            new.actor.display_name,
            room.by_creator,
            made - room.by_creator + 1
        )));
    }
    if !store::insert(change.tx, granted, new, change.now)? {
        return Err(taken());
    }
    let place = BranchAt {
        organization: at.organization.clone(),
        database: at.database.clone(),
        branch: new.id.clone(),
        production: new.production,
    };
    let row = store::get_for_write(change.tx, &read_back(Operation::GetBranch, place.clone())?)?;
    record(
        change,
        &place,
        "database_branch.created",
        &row,
        &json!({"parent_branch": row.parent.as_ref().map(BranchName::as_str)}),
    )?;
    Ok(row)
}

pub(crate) fn record(
    change: &Change<'_>,
    at: &BranchAt,
    action: &'static str,
    branch: &BranchRow,
    metadata: &serde_json::Value,
) -> Result<()> {
    let place = DatabaseAt { organization: at.organization.clone(), database: at.database.clone() };
    let name = database_store::name_of(change.tx, &place)?;
    let name = name.as_ref().map_or("", |name| name.as_str());
    change.audit(
        &at.organization,
        action,
        subject("Database", at.database.as_str(), name),
        subject("DatabaseBranch", branch.id.as_str(), branch.name.as_str()),
        metadata,
    )
}

fn refuse_restoring(wanted: &CreateBranch) -> Result<()> {
    if let Some(id) = &wanted.backup_id {
        return Err(Error::Invalid(format!(
            "backup_id {id:?} names no backup: this version does not make backups yet"
        )));
    }
    if wanted.seed_data.is_some() {
        return Err(Error::Invalid(
            "seed_data needs a successful backup, and this version does not make backups yet; leave it out to branch \
             from the parent's schema"
                .to_owned(),
        ));
    }
    Ok(())
}
