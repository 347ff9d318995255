//! Who is connected to a branch, with a button that ends that.

use askama::Template;
use bough_control::Error;
use bough_control::branches::ServerConnection;
use bough_policy::{BranchAt, Granted, Operation};

use super::routes::Place;
use crate::answer::Answer;
use crate::databases::{page, reason};
use crate::layout::{Page, counted, sentence};
use crate::passwords::role_text;
use crate::visit::Visit;

/// A connection.
struct Line {
    id: u64,
    role: &'static str,
    command: String,
    since: String,
    state: String,
    statement: String,
}

#[derive(Template)]
#[template(path = "branches/connections.html")]
struct Connections {
    page: Page,
    root: String,
    connect: String,
    /// Why they cannot be told; empty where they are.
    why: String,
    lines: Vec<Line>,
    /// Why the viewer may end none.
    may_not: String,
}

fn line(open: ServerConnection) -> Line {
    let since = match open.seconds {
        seconds @ 0..60 => counted(seconds, "second"),
        seconds @ 60..3_600 => counted(seconds / 60, "minute"),
        seconds => counted(seconds / 3_600, "hour"),
    };
    Line {
        id: open.id,
        role: role_text(open.role).0,
        // The server's word for a connection that waits for its client.
        command: if open.command == "Sleep" { "Waits".to_owned() } else { open.command },
        since,
        state: open.state,
        statement: open.statement,
    }
}

/// Who is connected.
pub(crate) fn show(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let seen = visit.may::<BranchAt>(Operation::GetBranch).map_err(|_| Error::NotFound)?;
    let place = Place::of(visit, &seen)?;
    let name = place.branch.name.as_str();
    let (why, open) = match visit.plane().list_connections(visit.caller, &at) {
        Ok(open) => (String::new(), open),
        Err(Error::Unavailable(why)) => (sentence(&why), Vec::new()),
        Err(error) => return Err(error),
    };
    let below = [(name, place.root.clone()), ("Connections", String::new())];
    let page = page(visit, &place.database, format!("Connections to {name}"), &below)?;
    Answer::page(&Connections {
        page,
        connect: format!("{}/connect", place.root),
        root: format!("{}/connections", place.root),
        why,
        lines: open.into_iter().map(line).collect(),
        may_not: reason(visit.may::<BranchAt>(Operation::KillBranchConnection)),
    })
}

/// Ends one.
pub(crate) fn kill(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["connection"])?;
    let wrong = || Error::Malformed("the number of a connection is missing".to_owned());
    let id: u64 = form.get("connection").parse().map_err(|_| wrong())?;
    let seen = visit.may::<BranchAt>(Operation::GetBranch).map_err(|_| Error::NotFound)?;
    let list = format!("{}/connections", Place::of(visit, &seen)?.root);
    let ended = visit.plane().kill_connection(visit.caller, &at, id)?;
    Ok(Answer::see(list).saying(if ended {
        format!("Connection {id} is ended.")
    } else {
        format!("Connection {id} had ended already.")
    }))
}
