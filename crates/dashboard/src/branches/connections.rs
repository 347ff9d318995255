//! Who is connected to a branch, with a button that ends that.

use std::collections::HashMap;
use std::net::IpAddr;

use askama::Template;
use bough_control::Error;
use bough_control::connections::{ClientSession, Connections, KillKind};
use bough_control::model::PasswordId;
use bough_policy::{BranchAt, Granted, Operation};

use super::routes::Place;
use crate::answer::Answer;
use crate::databases::{page, reason};
use crate::layout::{Page, When, counted, sentence};
use crate::passwords::role_text;
use crate::visit::Visit;

/// A connection.
struct Line {
    id: u64,
    /// Where its client is, as far as that is known.
    from: String,
    role: &'static str,
    /// The password that it came with, in the viewer's words: its name where he may see it.
    password: Option<Known>,
    /// What it does, and for how long.
    does: String,
    /// More about that, in the server's words.
    state: String,
    /// Since when it has been in a transaction.
    transaction: Option<When>,
    /// The connections that hold what it waits for.
    waits_for: String,
    statement: String,
}

/// A password that a client came with.
struct Known {
    /// Its name, else its id.
    name: String,
    /// Its page; empty where the viewer may not see it, or it is gone.
    href: String,
}

#[derive(Template)]
#[template(path = "branches/connections.html")]
struct ConnectionsPage {
    page: Page,
    root: String,
    connect: String,
    /// Why they cannot be told; empty where they are.
    why: String,
    lines: Vec<Line>,
    /// Why the viewer may end none.
    may_not: String,
}

fn line(visit: &Visit<'_>, open: ClientSession, from: Option<IpAddr>, password: Option<Known>) -> Line {
    let told = match open.elapsed_ms / 1_000 {
        seconds @ 0..60 => counted(seconds, "second"),
        seconds @ 60..3_600 => counted(seconds / 60, "minute"),
        seconds => counted(seconds / 3_600, "hour"),
    };
    // The server's word for a connection that waits for its client.
    let does = if open.command == "Sleep" { "Waits for its client" } else { open.command.as_str() };
    let numbers: Vec<String> = open.blocked_by.iter().map(ToString::to_string).collect();
    Line {
        id: open.id,
        from: from.map(|address| address.to_string()).unwrap_or_default(),
        role: role_text(open.role).0,
        password,
        does: format!("{does}, {told}"),
        state: open.state.unwrap_or_default(),
        transaction: open.transaction.map(|transaction| visit.when(transaction.since)),
        waits_for: numbers.join(", "),
        statement: open.statement.map(|running| running.text).unwrap_or_default(),
    }
}

/// Who is connected.
pub(crate) fn show(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let seen = visit.may::<BranchAt>(Operation::GetBranch).map_err(|_| Error::NotFound)?;
    let place = Place::of(visit, &seen)?;
    let name = place.branch.name.as_str();
    let (why, lines) = match visit.plane().list_connections(visit.caller, &at) {
        Ok(Connections { sessions, clients, .. }) => {
            let names = match visit.may::<BranchAt>(Operation::ListPasswords) {
                Ok(listed) => {
                    let used = clients.values().filter_map(|client| client.password.as_ref());
                    visit.plane().password_names(&listed, used)?
                }
                Err(_) => HashMap::new(),
            };
            let known = |id: &PasswordId| match names.get(id) {
                Some(name) => Known { name: name.clone(), href: format!("{}/passwords/{id}", place.root) },
                None => Known { name: id.to_string(), href: String::new() },
            };
            let lines = sessions.into_iter().map(|session| {
                let client = clients.get(&session.id);
                let password = client.and_then(|client| client.password.as_ref()).map(known);
                line(visit, session, client.map(|client| client.address), password)
            });
            (String::new(), lines.collect())
        }
        Err(Error::Unavailable(why)) => (sentence(&why), Vec::new()),
        Err(error) => return Err(error),
    };
    let below = [(name, place.root.clone()), ("Connections", String::new())];
    let mut page = page(visit, &place.database, format!("Connections to {name}"), &below)?;
    let params = [visit.organization(), place.database.name.as_str(), name];
    page.api_call = Some(visit.api_call(Operation::ListBranchConnections, &params, None));
    Answer::page(&ConnectionsPage {
        page,
        connect: format!("{}/connect", place.root),
        root: format!("{}/connections", place.root),
        why,
        lines,
        may_not: reason(visit.may::<BranchAt>(Operation::KillBranchConnection)),
    })
}

/// Ends one.
pub(crate) fn kill(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["connection"])?;
    let id = form.get("connection");
    let seen = visit.may::<BranchAt>(Operation::GetBranch).map_err(|_| Error::NotFound)?;
    let list = format!("{}/connections", Place::of(visit, &seen)?.root);
    match visit.plane().kill_connection(visit.caller, &at, KillKind::Connection, id) {
        Ok(()) => Ok(Answer::see(list).saying(format!("Connection {id} is ended."))),
        Err(Error::NotFound) => Ok(Answer::see(list).saying("That connection had ended already.")),
        Err(error) => Err(error),
    }
}
