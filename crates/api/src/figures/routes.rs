//! Reading figures.

use bough_control::Error;
use bough_control::figures::Span;
use bough_policy::{Granted, OrganizationAt, TokenAt};

use super::shape::{OrganizationFigures, TokenFigures};
use crate::dispatch::Ctx;
use crate::respond::Reply;

fn span(ctx: &Ctx<'_>) -> Result<Span, Error> {
    match ctx.input.query("span") {
        None | Some("") => Ok(Span::Day),
        Some(name) => Span::parse(name)
            .ok_or_else(|| Error::Malformed(format!("span is {name:?}, but must be day or month"))),
    }
}

pub(crate) fn of_token(ctx: &Ctx<'_>, at: Granted<TokenAt>) -> Result<Reply, Error> {
    Reply::ok(&TokenFigures::new(&ctx.plane().token_figures(&at, span(ctx)?)?))
}

pub(crate) fn of_organization(ctx: &Ctx<'_>, at: Granted<OrganizationAt>) -> Result<Reply, Error> {
    Reply::ok(&OrganizationFigures::new(&ctx.plane().organization_figures(&at, span(ctx)?)?))
}
