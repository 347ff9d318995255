//! Passwords: list, create, read, change, renew, delete.

use axum::http::StatusCode;
use bough_control::Error;
use bough_control::passwords::{CreatePassword, PasswordFilter, PasswordRow, PasswordStatus, UpdatePassword};
use bough_policy::{BranchAt, DatabaseAt, Granted, PasswordAt};

use super::shape::{CreatePasswordBody, Password, UpdatePasswordBody};
use crate::dispatch::Ctx;
use crate::page::List;
use crate::respond::Reply;

/// What a list is narrowed to; `None` where nothing can be in it.
fn filter(ctx: &Ctx<'_>) -> Result<Option<PasswordFilter>, Error> {
    let status = match ctx.input.query("status") {
        None | Some("") => None,
        Some("active") => Some(PasswordStatus::Active(ctx.plane().now())),
        Some("renewable") => Some(PasswordStatus::Renewable),
        Some("expired") => Some(PasswordStatus::Expired(ctx.plane().now())),
        Some(other) => {
            return Err(Error::Malformed(format!(
                "status is {other:?}, but must be active, renewable or expired"
            )));
        }
    };
    let search = ctx.input.query("q").unwrap_or("").trim().to_owned();
    let filter = PasswordFilter { search, status, ephemeral: ctx.input.flag("ephemeral")? };
    // There are no read-only regions, so no password is of one.
    let elsewhere = ctx.input.query("read_only_region_id").is_some_and(|id| !id.is_empty());
    Ok((!elsewhere).then_some(filter))
}

type Listed = (Vec<PasswordRow>, i64);

fn answer_list(
    ctx: &Ctx<'_>,
    list: impl FnOnce(&PasswordFilter, bough_control::Page) -> Result<Listed, Error>,
) -> Result<Reply, Error> {
    let page = ctx.input.page()?;
    let (rows, total) = match filter(ctx)? {
        Some(filter) => list(&filter, page)?,
        None => (Vec::new(), 0),
    };
    let rows = rows.iter().map(|row| Password::new(ctx, row, None)).collect();
    Reply::ok(&List::new(ctx, page, total, rows))
}

pub(crate) fn list(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    answer_list(ctx, |filter, page| ctx.plane().list_passwords(&at, filter, page))
}

pub(crate) fn list_of_database(ctx: &Ctx<'_>, at: Granted<DatabaseAt>) -> Result<Reply, Error> {
    answer_list(ctx, |filter, page| ctx.plane().list_database_passwords(&at, filter, page))
}

pub(crate) fn create(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    let body: CreatePasswordBody = ctx.input.json()?;
    let wanted = CreatePassword {
        name: body.name,
        role: body.role,
        ttl: body.ttl,
        cidrs: body.cidrs.unwrap_or_default(),
        replica: body.replica.unwrap_or(false),
        read_only_region_id: body.read_only_region_id,
        direct_vtgate: body.direct_vtgate.unwrap_or(false),
        short_secret: body.short_secret.unwrap_or(false),
    };
    let made = ctx.plane().create_password(ctx.caller, at, &wanted)?;
    Reply::secret(
        StatusCode::CREATED,
        &Password::new(ctx, &made.password, Some(&made.secret)),
        &Password::new(ctx, &made.password, None),
    )
}

fn answer(ctx: &Ctx<'_>, row: &PasswordRow) -> Result<Reply, Error> {
    Reply::ok(&Password::new(ctx, row, None))
}

pub(crate) fn get(ctx: &Ctx<'_>, at: Granted<PasswordAt>) -> Result<Reply, Error> {
    answer(ctx, &ctx.plane().get_password(&at)?)
}

pub(crate) fn update(ctx: &Ctx<'_>, at: Granted<PasswordAt>) -> Result<Reply, Error> {
    let body: UpdatePasswordBody = ctx.input.json()?;
    let wanted = UpdatePassword { name: body.name, cidrs: body.cidrs, role: body.role, ttl: body.ttl };
    answer(ctx, &ctx.plane().update_password(ctx.caller, &at, &wanted)?)
}

pub(crate) fn renew(ctx: &Ctx<'_>, at: Granted<PasswordAt>) -> Result<Reply, Error> {
    answer(ctx, &ctx.plane().renew_password(ctx.caller, &at)?)
}

pub(crate) fn delete(ctx: &Ctx<'_>, at: Granted<PasswordAt>) -> Result<Reply, Error> {
    ctx.plane().delete_password(ctx.caller, &at)?;
    Ok(Reply::no_content())
}
