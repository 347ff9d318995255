//! Databases: list, create, read, change, delete.

use bough_control::Error;
use bough_control::databases::{CreateDatabase, SettingsChange, UpdateDatabase};
use bough_policy::{DatabaseAt, Granted, OrganizationAt};

use super::shape::{CreateDatabaseBody, Database, UpdateDatabaseBody};
use crate::dispatch::Ctx;
use crate::input::WAIT_LIMIT;
use crate::page::List;
use crate::respond::Reply;

pub(crate) fn list(ctx: &Ctx<'_>, at: Granted<OrganizationAt>) -> Result<Reply, Error> {
    let page = ctx.input.page()?;
    let search = ctx.input.query("q").unwrap_or("");
    let (rows, total) = ctx.plane().list_databases(ctx.caller, &at, search, page)?;
    Reply::ok(&List::new(ctx, page, total, rows.iter().map(|row| Database::new(ctx, row)).collect()))
}

/// Refuses Postgres, and says so.
pub(crate) fn check_kind(kind: Option<&str>) -> Result<(), Error> {
    match kind {
        None | Some("" | "mysql") => Ok(()),
        Some("postgresql") => {
            Err(Error::Invalid("kind postgresql is not available here; use mysql".to_owned()))
        }
        Some(other) => Err(Error::Invalid(format!("kind {other:?} does not exist; use mysql"))),
    }
}

pub(crate) fn create(ctx: &Ctx<'_>, at: Granted<OrganizationAt>) -> Result<Reply, Error> {
    let body: CreateDatabaseBody = ctx.input.json()?;
    check_kind(body.kind.as_deref())?;
    if body.replicas.is_some_and(|replicas| replicas != 0) {
        return Err(Error::Invalid("replicas are not available here; leave it out, or send 0".to_owned()));
    }
    let wanted = CreateDatabase {
        name: body.name,
        region: body.region,
        cluster_size: body.cluster_size,
        notes: body.notes.unwrap_or_default(),
    };
    Reply::created(&Database::new(ctx, &ctx.plane().create_database(ctx.caller, &at, wanted)?))
}

pub(crate) fn get(ctx: &Ctx<'_>, at: Granted<DatabaseAt>) -> Result<Reply, Error> {
    let database = if ctx.input.waits()? {
        ctx.plane().await_database(&at, WAIT_LIMIT)?
    } else {
        ctx.plane().get_database(&at)?
    };
    Reply::ok(&Database::new(ctx, &database))
}

pub(crate) fn update(ctx: &Ctx<'_>, at: Granted<DatabaseAt>) -> Result<Reply, Error> {
    let body: UpdateDatabaseBody = ctx.input.json()?;
    let wanted = UpdateDatabase {
        new_name: body.new_name,
        default_branch: body.default_branch,
        settings: SettingsChange {
            deletion_protected: body.deletion_protected,
            require_approval_for_deploy: body.require_approval_for_deploy,
            restrict_branch_region: body.restrict_branch_region,
            allow_data_branching: body.allow_data_branching,
            foreign_keys_enabled: body.allow_foreign_key_constraints,
            insights_raw_queries: body.insights_raw_queries,
            production_branch_web_console: body.production_branch_web_console,
            automatic_migrations: body.automatic_migrations,
            migration_framework: body.migration_framework,
            migration_table_name: body.migration_table_name,
        },
    };
    Reply::ok(&Database::new(ctx, &ctx.plane().update_database(ctx.caller, &at, wanted)?))
}

pub(crate) fn delete(ctx: &Ctx<'_>, at: Granted<DatabaseAt>) -> Result<Reply, Error> {
    ctx.plane().delete_database(ctx.caller, &at)?;
    Ok(Reply::no_content())
}
