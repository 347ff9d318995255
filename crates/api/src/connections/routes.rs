//! Connections: list, end.

use bough_control::Error;
use bough_control::connections::KillKind;
use bough_policy::{BranchAt, Granted};

use super::shape::Connections;
use crate::dispatch::Ctx;
use crate::respond::Reply;

pub(crate) fn list(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    let mut open = ctx.plane().list_connections(ctx.caller, &at)?;
    // A branch has one keyspace, and that one shard.
    let named = |name: &str| ctx.input.query(name).filter(|value| !value.is_empty());
    let elsewhere = named("keyspace").is_some_and(|name| name != open.keyspace)
        || named("shard").is_some_and(|shard| shard != "-");
    if elsewhere {
        open.sessions.clear();
    }
    Reply::ok(&Connections::new(&at, &open))
}

fn kill(ctx: &Ctx<'_>, at: &Granted<BranchAt>, kind: KillKind) -> Result<Reply, Error> {
    ctx.plane().kill_connection(ctx.caller, at, kind, ctx.input.param("id"))?;
    Ok(Reply::no_content())
}

pub(crate) fn kill_connection(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    kill(ctx, &at, KillKind::Connection)
}

pub(crate) fn kill_query(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    kill(ctx, &at, KillKind::Query)
}

pub(crate) fn kill_transaction(ctx: &Ctx<'_>, at: Granted<BranchAt>) -> Result<Reply, Error> {
    kill(ctx, &at, KillKind::Transaction)
}
