//! Reading the audit log.

use bough_control::Error;
use bough_control::audit::Cursor;
use bough_control::model::AuditEventId;
use bough_policy::{Granted, OrganizationAt};

use super::shape::AuditLogEvent;
use crate::dispatch::Ctx;
use crate::input::Input;
use crate::page::CursorList;
use crate::respond::Reply;

/// Most filters in one request.
const FILTERS_MAX: usize = 50;

fn cursor_id(input: &Input, name: &str) -> Result<Option<AuditEventId>, Error> {
    match input.query(name) {
        None | Some("") => Ok(None),
        Some(text) => AuditEventId::parse(text)
            .map(Some)
            .ok_or_else(|| Error::Malformed(format!("{name} is {text:?}, which is no id of an entry"))),
    }
}

pub(crate) fn list(ctx: &Ctx<'_>, at: Granted<OrganizationAt>) -> Result<Reply, Error> {
    let mut cursor = Cursor {
        after: cursor_id(ctx.input, "starting_after")?,
        before: cursor_id(ctx.input, "ending_before")?,
        limit: ctx.input.limit()?,
        ..Cursor::default()
    };
    for filter in ctx.input.query_all("filters[]").filter(|filter| !filter.is_empty()) {
        match filter.split_once(':') {
            Some(("audit_action", action)) if cursor.actions.len() < FILTERS_MAX => {
                cursor.actions.push(action.to_owned());
            }
            Some(("actor_id", actor)) if cursor.actor.is_none() => cursor.actor = Some(actor.to_owned()),
            _ => {
                return Err(Error::Malformed(format!(
                    "filters[] is {filter:?}, but must be audit_action:NAME (repeatable, at most {FILTERS_MAX}) or one \
                     actor_id:ID"
                )));
            }
        }
    }
    let page = ctx.plane().list_audit_events(&at, cursor)?;
    let data: Vec<AuditLogEvent> = page.events.iter().map(AuditLogEvent::new).collect();
    Reply::ok(&CursorList {
        r#type: "list",
        has_next: page.has_next,
        has_prev: page.has_prev,
        cursor_start: page.events.first().map(|event| event.id.to_string()),
        cursor_end: page.events.last().map(|event| event.id.to_string()),
        data,
    })
}
