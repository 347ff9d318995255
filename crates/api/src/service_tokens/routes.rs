//! Service tokens: list, create, read, change, rotate, adopt, delete; what they hold, were refused,
//! made use of, and could do.

use axum::http::{StatusCode, header};
use bough_control::Error;
use bough_control::organizations::OrganizationRow;
use bough_control::service_tokens::{
    CreateToken, GrantRow, GrantSet, NewSecret, Question, UpdateToken, WantedScope, WantedTokens, etag,
};
use bough_policy::{Granted, OrganizationAt, TokenAt};

use super::shape::{
    AccessBody, AccessShape, CreateTokenBody, Denial, ExplainBody, ExplanationShape, GrantShape,
    ReplaceGrantsBody, RotateBody, ServiceToken, ServiceTokenWithAccesses, UpdateTokenBody, Usage,
};
use crate::dispatch::Ctx;
use crate::page::List;
use crate::respond::Reply;

pub(crate) fn list(ctx: &Ctx<'_>, at: Granted<OrganizationAt>) -> Result<Reply, Error> {
    let page = ctx.input.page()?;
    let wanted = match (ctx.input.flag("unused")?, ctx.input.flag("expires_soon")?) {
        (Some(true), Some(true)) => {
            return Err(Error::Malformed("unused and expires_soon cannot both be asked for".to_owned()));
        }
        (Some(true), _) => WantedTokens::Unused,
        (_, Some(true)) => WantedTokens::EndingSoon,
        _ => WantedTokens::All,
    };
    let search = ctx.input.query("q").unwrap_or("").trim();
    let (rows, total) = ctx.plane().find_tokens(&at, wanted, search, page)?;
    Reply::ok(&List::new(ctx, page, total, rows.iter().map(|row| ServiceToken::new(ctx, row)).collect()))
}

/// The answer that carries a secret, and the same without it, for keeping.
fn with_secret(
    ctx: &Ctx<'_>,
    made: &NewSecret,
    accesses: impl Fn() -> Vec<AccessShape>,
) -> Result<Reply, Error> {
    let without = ServiceToken::new(ctx, &made.token);
    let with = without.clone().with_secret(made.secret.expose());
    Reply::secret(
        StatusCode::OK,
        &ServiceTokenWithAccesses { token: with, service_token_accesses: accesses() },
        &ServiceTokenWithAccesses { token: without, service_token_accesses: accesses() },
    )
}

pub(crate) fn create(ctx: &Ctx<'_>, at: Granted<OrganizationAt>) -> Result<Reply, Error> {
    let body: CreateTokenBody = ctx.input.json()?;
    let wanted = CreateToken { name: body.name, ttl: body.ttl };
    let made = ctx.plane().create_token(ctx.caller, &at, wanted)?;
    with_secret(ctx, &made, Vec::new)
}

fn accesses(ctx: &Ctx<'_>, at: &Granted<TokenAt>) -> Result<(OrganizationRow, Vec<GrantRow>), Error> {
    let rows = ctx.plane().list_token_accesses(at)?;
    Ok((ctx.plane().organization_of(at)?, rows))
}

fn answer_token(ctx: &Ctx<'_>, at: &Granted<TokenAt>) -> Result<Reply, Error> {
    let token = ServiceToken::new(ctx, &ctx.plane().get_token(at)?);
    let (organization, rows) = accesses(ctx, at)?;
    let service_token_accesses = rows.iter().map(|row| AccessShape::new(&organization, row)).collect();
    Reply::ok(&ServiceTokenWithAccesses { token, service_token_accesses })
}

pub(crate) fn get(ctx: &Ctx<'_>, at: Granted<TokenAt>) -> Result<Reply, Error> {
    answer_token(ctx, &at)
}

pub(crate) fn update(ctx: &Ctx<'_>, at: Granted<TokenAt>) -> Result<Reply, Error> {
    let body: UpdateTokenBody = ctx.input.json()?;
    ctx.plane().update_token(ctx.caller, &at, UpdateToken { name: body.name, cidrs: body.cidrs })?;
    answer_token(ctx, &at)
}

pub(crate) fn rotate(ctx: &Ctx<'_>, at: Granted<TokenAt>) -> Result<Reply, Error> {
    let body: RotateBody = ctx.input.json()?;
    let made = ctx.plane().rotate_token(ctx.caller, &at, body.overlap_seconds.unwrap_or(0))?;
    let (organization, rows) = accesses(ctx, &at)?;
    with_secret(ctx, &made, || rows.iter().map(|row| AccessShape::new(&organization, row)).collect())
}

pub(crate) fn adopt(ctx: &Ctx<'_>, at: Granted<TokenAt>) -> Result<Reply, Error> {
    ctx.plane().adopt_token(ctx.caller, &at)?;
    answer_token(ctx, &at)
}

pub(crate) fn delete(ctx: &Ctx<'_>, at: Granted<TokenAt>) -> Result<Reply, Error> {
    ctx.plane().delete_token(ctx.caller, &at)?;
    Ok(Reply::no_content())
}

fn answer_accesses(ctx: &Ctx<'_>, at: &Granted<TokenAt>, rows: &[GrantRow]) -> Result<Reply, Error> {
    let organization = ctx.plane().organization_of(at)?;
    Reply::ok(&List::whole(rows.iter().map(|row| AccessShape::new(&organization, row)).collect()))
}

pub(crate) fn list_accesses(ctx: &Ctx<'_>, at: Granted<TokenAt>) -> Result<Reply, Error> {
    let rows = ctx.plane().list_token_accesses(&at)?;
    answer_accesses(ctx, &at, &rows)
}

fn scope(database: Option<String>) -> WantedScope {
    match database.as_deref() {
        None | Some("") => WantedScope::Organization,
        Some("*") => WantedScope::AllDatabases,
        Some(name) => WantedScope::Database(name.to_owned()),
    }
}

fn access_set(ctx: &Ctx<'_>) -> Result<GrantSet, Error> {
    let body: AccessBody = ctx.input.json()?;
    if body.access.is_empty() {
        return Err(Error::Invalid("access is empty: name at least one access".to_owned()));
    }
    Ok(GrantSet { scope: scope(body.database), accesses: body.access })
}

pub(crate) fn add_accesses(ctx: &Ctx<'_>, at: Granted<TokenAt>) -> Result<Reply, Error> {
    let set = access_set(ctx)?;
    let rows = ctx.plane().add_accesses(ctx.caller, ctx.organization(), &at, &set)?;
    answer_accesses(ctx, &at, &rows)
}

pub(crate) fn remove_accesses(ctx: &Ctx<'_>, at: Granted<TokenAt>) -> Result<Reply, Error> {
    let set = access_set(ctx)?;
    ctx.plane().remove_accesses(ctx.caller, ctx.organization(), &at, &set)?;
    Ok(Reply::no_content())
}

fn answer_grants(ctx: &Ctx<'_>, at: &Granted<TokenAt>, rows: &[GrantRow]) -> Result<Reply, Error> {
    let organization = ctx.plane().organization_of(at)?;
    let list = List::whole(GrantShape::group(&organization, rows));
    Ok(Reply::ok(&list)?.with_header(header::ETAG, &etag(rows)))
}

pub(crate) fn list_grants(ctx: &Ctx<'_>, at: Granted<TokenAt>) -> Result<Reply, Error> {
    let rows = ctx.plane().list_token_accesses(&at)?;
    answer_grants(ctx, &at, &rows)
}

pub(crate) fn replace_grants(ctx: &Ctx<'_>, at: Granted<TokenAt>) -> Result<Reply, Error> {
    let body: ReplaceGrantsBody = ctx.input.json()?;
    let wanted: Vec<GrantSet> = body
        .grants
        .into_iter()
        .map(|grant| GrantSet { scope: scope(grant.database), accesses: grant.accesses })
        .collect();
    let expected = ctx.input.if_match.clone().filter(|tag| tag != "*");
    let rows = ctx.plane().replace_grants(ctx.caller, ctx.organization(), &at, &wanted, expected)?;
    answer_grants(ctx, &at, &rows)
}

pub(crate) fn list_denials(ctx: &Ctx<'_>, at: Granted<TokenAt>) -> Result<Reply, Error> {
    let page = ctx.input.page()?;
    let (rows, total) = ctx.plane().list_denials(ctx.caller, ctx.organization(), &at, page)?;
    Reply::ok(&List::new(ctx, page, total, rows.iter().map(Denial::new).collect()))
}

pub(crate) fn usage(ctx: &Ctx<'_>, at: Granted<TokenAt>) -> Result<Reply, Error> {
    let (organization, rows) = accesses(ctx, &at)?;
    Reply::ok(&List::whole(rows.iter().map(|row| Usage::new(&organization, row)).collect()))
}

pub(crate) fn explain(ctx: &Ctx<'_>, at: Granted<TokenAt>) -> Result<Reply, Error> {
    let body: ExplainBody = ctx.input.json()?;
    let resource = body.resource.unwrap_or_default();
    let question = Question {
        operation: body.operation,
        database: resource.database,
        branch: resource.branch,
        id: resource.id,
        role: resource.role,
    };
    let explanation = ctx.plane().explain(ctx.caller, ctx.organization(), &at, &question)?;
    Reply::ok(&ExplanationShape::new(explanation))
}
