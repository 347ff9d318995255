//! Branches: list, create, read, change, promote, demote, delete; their schema.

use bough_control::Error;
use bough_control::branches::{CreateBranch, Filter, UpdateBranch};
use bough_control::place::MayMakeBranch;
use bough_policy::{BranchAt, DatabaseAt, Granted};

use super::shape::{
    Branch, ClusterBody, CreateBranchBody, Resize, ResizeBody, SafeMigrationsBody, Schema, SchemaLintError,
    UpdateBranchBody,
};
use crate::databases::routes::check_kind;
use crate::dispatch::Ctx;
use crate::input::WAIT_LIMIT;
use crate::organizations::shape::VTGATE;
use crate::page::{Data, List};
use crate::respond::Reply;

pub(crate) fn list(ctx: &Ctx<'_>, at: Granted<DatabaseAt>) -> Result<Reply, Error> {
    let page = ctx.input.page()?;
    let ascending = match ctx.input.query("order") {
        None | Some("" | "desc") => false,
        Some("asc") => true,
        Some(other) => return Err(Error::Malformed(format!("order is {other:?}, but must be asc or desc"))),
    };
    let filter = Filter {
        search: ctx.input.query("q").unwrap_or("").to_owned(),
        production: ctx.input.flag("production")?,
        safe_migrations: ctx.input.flag("safe_migrations")?,
        ascending,
    };
    let (rows, total) = ctx.plane().list_branches(&at, &filter, page)?;
    Reply::ok(&List::new(ctx, page, total, rows.iter().map(|row| Branch::new(ctx, row)).collect()))
}

pub(crate) fn create(ctx: &Ctx<'_>, may: MayMakeBranch) -> Result<Reply, Error> {
    let body: CreateBranchBody = match (&may, ctx.input.json()) {
        // Whether the database may be made depends on the body: one that cannot be read asks for none.
        (MayMakeBranch::WithDatabase(_), Err(Error::Malformed(_))) => return Err(Error::NotFound),
        (_, body) => body?,
    };
    let with_database = body.create_database_if_missing == Some(true);
    let wanted = CreateBranch {
        name: body.name,
        parent_branch: body.parent_branch,
        region: body.region,
        cluster_size: body.cluster_size,
        deletion_protected: body.deletion_protected.unwrap_or(false),
        safe_migrations: body.safe_migrations.unwrap_or(false),
        backup_id: body.backup_id,
        seed_data: body.seed_data,
        ttl: body.ttl,
    };
    let branch = match may {
        MayMakeBranch::Existing(at) => {
            check_kind(body.kind.as_deref())?;
            ctx.plane().create_branch(ctx.caller, at, wanted)?
        }
        MayMakeBranch::WithDatabase(at) if with_database => {
            check_kind(body.kind.as_deref())?;
            ctx.plane().create_branch_with_database(ctx.caller, &at, ctx.database(), wanted)?
        }
        MayMakeBranch::WithDatabase(_) => return Err(Error::NotFound),
    };
    Reply::created(&Branch::new(ctx, &branch))
}

pub(crate) fn get(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    if ctx.input.waits()? {
        return Reply::ok(&Branch::new(ctx, &ctx.plane().await_branch(&at, WAIT_LIMIT)?));
    }
    Reply::ok(&Branch::new(ctx, &*ctx.plane().get_branch(ctx.caller, &at)?))
}

pub(crate) fn update(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    let body: UpdateBranchBody = ctx.input.json()?;
    let wanted = UpdateBranch {
        new_name: body.new_name,
        deletion_protected: body.deletion_protected,
        ttl: body.ttl,
        sleep_after: body.sleep_after,
    };
    Reply::ok(&Branch::new(ctx, &ctx.plane().update_branch(ctx.caller, &at, wanted)?))
}

pub(crate) fn delete(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    let descendants = ctx.input.flag("delete_descendants")?.unwrap_or(false);
    ctx.plane().delete_branch(ctx.caller, &at, descendants)?;
    Ok(Reply::no_content())
}

pub(crate) fn promote(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    Reply::ok(&Branch::new(ctx, &ctx.plane().promote_branch(ctx.caller, &at)?))
}

pub(crate) fn demote(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    Reply::ok(&Branch::new(ctx, &ctx.plane().demote_branch(ctx.caller, &at)?))
}

fn safe_migrations(ctx: &Ctx<'_>, at: &Granted<BranchAt>, on: bool) -> Result<Reply, Error> {
    Reply::ok(&Branch::new(ctx, &ctx.plane().set_safe_migrations(ctx.caller, at, on)?))
}

pub(crate) fn enable_safe_migrations(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    safe_migrations(ctx, &at, true)
}

pub(crate) fn disable_safe_migrations(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    safe_migrations(ctx, &at, false)
}

pub(crate) fn update_safe_migrations(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    let body: SafeMigrationsBody = ctx.input.json()?;
    safe_migrations(ctx, &at, body.safe_migrations)
}

pub(crate) fn update_cluster(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    let body: ClusterBody = ctx.input.json()?;
    ctx.plane().resize_branch(ctx.caller, &at, &body.cluster_size)?;
    Ok(Reply::no_content())
}

pub(crate) fn restart(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    Reply::ok(&Branch::new(ctx, &ctx.plane().restart_branch(ctx.caller, &at)?))
}

pub(crate) fn sleep(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    Reply::ok(&Branch::new(ctx, &ctx.plane().sleep_branch(ctx.caller, &at)?))
}

pub(crate) fn wake(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    Reply::ok(&Branch::new(ctx, &ctx.plane().wake_branch(ctx.caller, &at)?))
}

pub(crate) fn list_resizes(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    let page = ctx.input.page()?;
    let (rows, total) = ctx.plane().list_resizes(&at, page)?;
    Reply::ok(&List::new(ctx, page, total, rows.iter().map(|row| Resize::new(ctx, row)).collect()))
}

pub(crate) fn get_resize(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    Reply::ok(&Resize::new(ctx, &ctx.plane().get_resize(&at, ctx.input.param("resize"))?))
}

pub(crate) fn cancel_resize(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    ctx.plane().cancel_resize(ctx.caller, &at)?;
    Ok(Reply::no_content())
}

/// A branch's size is its cluster size. There are no VTGates here: whoever asks for those that a branch
/// says it has is done, whoever asks for others is told (contract: observed.md, Terraform sends this
/// after every create).
pub(crate) fn resize(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    let body: ResizeBody = ctx.input.json()?;
    let same_size = |name: &String| name.replace('-', "_").eq_ignore_ascii_case(VTGATE);
    let nothing_changes = body.vtgate_size.as_ref().is_none_or(same_size)
        && body.vtgate_count.is_none_or(|count| count == 1)
        && body.vtgate_max_count.is_none_or(|count| (0..=1).contains(&count))
        && body.vtgate_autoscaling != Some(true)
        && body.vtgate_target_cpu_utilization.is_none_or(|target| target == 0);
    if !nothing_changes {
        return Err(Error::Invalid(format!(
            "there are no VTGates here: vtgate_size is always {VTGATE}, vtgate_count 1, and nothing scales by itself; \
             to give the branch another size, send cluster_size"
        )));
    }
    let Some(size) = body.cluster_size.filter(|size| !size.is_empty()) else {
        return Ok(Reply::no_content());
    };
    match ctx.plane().resize_branch(ctx.caller, &at, &size)? {
        Some(resize) => Reply::ok(&Resize::new(ctx, &resize)),
        None => Ok(Reply::no_content()),
    }
}

pub(crate) fn schema(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    // A branch has one keyspace; `namespace` belongs to Postgres and narrows nothing here.
    let keyspace = ctx.input.query("keyspace").filter(|name| !name.is_empty());
    let objects = ctx.plane().read_schema(ctx.caller, &at, keyspace)?;
    Reply::ok(&Data { data: objects.iter().map(Schema::new).collect() })
}

pub(crate) fn lint(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    let page = ctx.input.page()?;
    let lint = ctx.plane().lint_branch(&at)?;
    let total = i64::try_from(lint.findings.len()).unwrap_or(i64::MAX);
    let [before, size] = [page.number.saturating_sub(1), page.size].map(|count| count as usize);
    let listed = lint.findings.iter().skip(before.saturating_mul(size)).take(size);
    let data = listed.map(|finding| SchemaLintError::new(ctx, &lint.keyspace, finding)).collect();
    Reply::ok(&List::new(ctx, page, total, data))
}
