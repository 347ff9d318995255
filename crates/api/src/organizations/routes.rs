//! Organizations, their members and what they offer.

use bough_control::Error;
use bough_control::model::Role;
use bough_control::organizations::UpdateOrganization;
use bough_control::people::RemoveMember;
use bough_policy::{BranchAt, DatabaseAt, Granted, MemberAt, Nowhere, OrganizationAt};

use super::shape::{
    Membership, Organization, RegionShape, Sku, UpdateMembershipBody, UpdateOrganizationBody, User,
};
use crate::dispatch::Ctx;
use crate::page::List;
use crate::respond::Reply;

pub(crate) fn list(ctx: &Ctx<'_>, at: Granted<Nowhere>) -> Result<Reply, Error> {
    let page = ctx.input.page()?;
    let (rows, total) = ctx.plane().list_organizations(ctx.caller, &at, page)?;
    Reply::ok(&List::new(ctx, page, total, rows.iter().map(Organization::new).collect()))
}

pub(crate) fn get(ctx: &Ctx<'_>, at: Granted<OrganizationAt>) -> Result<Reply, Error> {
    Reply::ok(&Organization::new(&ctx.plane().get_organization(&at)?))
}

pub(crate) fn update(ctx: &Ctx<'_>, at: Granted<OrganizationAt>) -> Result<Reply, Error> {
    let body: UpdateOrganizationBody = ctx.input.json()?;
    let wanted = UpdateOrganization { billing_email: body.billing_email };
    Reply::ok(&Organization::new(&ctx.plane().update_organization(ctx.caller, &at, &wanted)?))
}

pub(crate) fn list_members(ctx: &Ctx<'_>, at: Granted<OrganizationAt>) -> Result<Reply, Error> {
    let page = ctx.input.page()?;
    let (rows, total) = ctx.plane().list_members(&at, ctx.input.query("q").unwrap_or(""), page)?;
    let members = rows.iter().map(|row| Membership::new(ctx, row)).collect();
    Reply::ok(&List::new(ctx, page, total, members))
}

pub(crate) fn get_member(ctx: &Ctx<'_>, at: Granted<MemberAt>) -> Result<Reply, Error> {
    Reply::ok(&Membership::new(ctx, &ctx.plane().get_member(&at)?))
}

pub(crate) fn update_member(ctx: &Ctx<'_>, at: Granted<MemberAt>) -> Result<Reply, Error> {
    let body: UpdateMembershipBody = ctx.input.json()?;
    let role = Role::parse(&body.role).ok_or_else(|| {
        Error::Invalid(format!("role is {:?}, but must be member, analyst or admin", body.role))
    })?;
    Reply::ok(&Membership::new(ctx, &ctx.plane().set_role(ctx.caller, &at, role)?))
}

pub(crate) fn remove_member(ctx: &Ctx<'_>, at: Granted<MemberAt>) -> Result<Reply, Error> {
    let flag = |name| Ok::<_, Error>(ctx.input.flag(name)?.unwrap_or(false));
    let wanted = RemoveMember {
        delete_passwords: flag("delete_passwords")?,
        delete_service_tokens: flag("delete_service_tokens")?,
    };
    ctx.plane().remove_member(ctx.caller, &at, wanted)?;
    Ok(Reply::no_content())
}

/// The person who asks. Service tokens are none, and get the 404.
pub(crate) fn current_user(ctx: &Ctx<'_>, at: Granted<Nowhere>) -> Result<Reply, Error> {
    Reply::ok(&User::new(ctx, &ctx.plane().current_user(ctx.caller, &at)?))
}

fn regions(ctx: &Ctx<'_>) -> Result<Reply, Error> {
    let page = ctx.input.page()?;
    let all = &ctx.plane().settings().regions;
    let from = (page.number as usize - 1).saturating_mul(page.size as usize);
    let part = all.iter().skip(from).take(page.size as usize).map(RegionShape::new).collect();
    Reply::ok(&List::new(ctx, page, i64::try_from(all.len()).unwrap_or(i64::MAX), part))
}

pub(crate) fn list_public_regions(ctx: &Ctx<'_>, _: Granted<Nowhere>) -> Result<Reply, Error> {
    regions(ctx)
}

pub(crate) fn list_regions(ctx: &Ctx<'_>, _: Granted<OrganizationAt>) -> Result<Reply, Error> {
    regions(ctx)
}

pub(crate) fn list_database_regions(ctx: &Ctx<'_>, _: Granted<DatabaseAt>) -> Result<Reply, Error> {
    regions(ctx)
}

fn skus(ctx: &Ctx<'_>) -> Result<Reply, Error> {
    let rates = ctx.input.flag("rates")?.unwrap_or(false);
    let postgres = match ctx.input.query("engine") {
        None | Some("" | "mysql") => ctx.input.flag("postgresql")?.unwrap_or(false),
        Some("postgresql") => true,
        Some(other) => {
            return Err(Error::Malformed(format!("engine is {other:?}, but must be mysql or postgresql")));
        }
    };
    let region = ctx.input.query("region").filter(|slug| !slug.is_empty());
    let regions = &ctx.plane().settings().regions;
    let offered = region.is_none_or(|slug| regions.iter().any(|region| region.slug.as_str() == slug));
    // There is no Postgres here, and nothing in a region that does not exist.
    let sizes = if postgres || !offered { &[][..] } else { &ctx.plane().settings().sizes[..] };
    let skus: Vec<Sku> =
        sizes.iter().enumerate().map(|(order, size)| Sku::new(size, order + 1, rates)).collect();
    Reply::ok(&skus)
}

pub(crate) fn list_skus(ctx: &Ctx<'_>, _: Granted<OrganizationAt>) -> Result<Reply, Error> {
    skus(ctx)
}

pub(crate) fn list_branch_skus(ctx: &Ctx<'_>, _: Granted<BranchAt>) -> Result<Reply, Error> {
    skus(ctx)
}
