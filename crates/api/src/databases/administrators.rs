//! Who administers a database. Ours: the contract has no such paths.

use bough_control::Error;
use bough_control::model::ActorKind;
use bough_control::people::AdministratorRow;
use bough_policy::{DatabaseAt, Granted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dispatch::Ctx;
use crate::page::List;
use crate::respond::Reply;
use crate::shape::{Time, avatar_url, time};

/// Somebody who administers a database. His address is told with the members of the organization.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Administrator {
    /// The person's public id.
    id: String,
    /// `User`
    r#type: &'static str,
    /// Name for display.
    display_name: String,
    /// A picture.
    avatar_url: String,
    /// What the person is in the organization: `member`, `analyst` or `admin`.
    role: &'static str,
    /// Since when, where that is known.
    added_at: Option<Time>,
}

impl Administrator {
    fn new(ctx: &Ctx<'_>, row: &AdministratorRow) -> Self {
        Self {
            id: row.user.id.to_string(),
            r#type: ActorKind::User.as_str(),
            display_name: row.user.name.clone(),
            avatar_url: avatar_url(ctx, ActorKind::User, row.user.id.as_str()),
            role: row.role.as_str(),
            added_at: time(row.added_at),
        }
    }
}

/// Somebody to be made an administrator.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct AddAdministratorBody {
    /// The public id of a member of the organization.
    user_id: String,
}

pub(crate) fn list(ctx: &Ctx<'_>, at: Granted<DatabaseAt>) -> Result<Reply, Error> {
    let page = ctx.input.page()?;
    let (rows, total) = ctx.plane().list_database_administrators(&at, page)?;
    Reply::ok(&List::new(ctx, page, total, rows.iter().map(|row| Administrator::new(ctx, row)).collect()))
}

pub(crate) fn add(ctx: &Ctx<'_>, at: Granted<DatabaseAt>) -> Result<Reply, Error> {
    let body: AddAdministratorBody = ctx.input.json()?;
    let row = ctx.plane().add_database_administrator(ctx.caller, &at, &body.user_id)?;
    Reply::ok(&Administrator::new(ctx, &row))
}

pub(crate) fn remove(ctx: &Ctx<'_>, at: Granted<DatabaseAt>) -> Result<Reply, Error> {
    ctx.plane().remove_database_administrator(ctx.caller, &at, ctx.input.param("user"))?;
    Ok(Reply::no_content())
}
