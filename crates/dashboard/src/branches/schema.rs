//! A branch's schema on its page: read from its server, within bounds, marked up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bough_control::Error;
use bough_control::branches::{BranchRow, Piece, SchemaObject, marked_up};
use bough_control::model::BranchState;
use bough_policy::{BranchAt, Operation};

use crate::visit::Visit;

/// Longest time that a page waits for a branch's server, in milliseconds.
const WAIT_LIMIT_MILLIS: u64 = 1_500;
/// Most servers that are waited for at a time, whichever pages ask: one that hangs holds up the others'
/// schemas, not their pages.
const WAITING_MAX: usize = 16;
/// Most SQL that a page shows, in bytes.
const SHOWN_MAX_BYTES: usize = 48 * 1024;

static WAITING: AtomicUsize = AtomicUsize::new(0);

/// A table or view.
pub(crate) struct Definition {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Marked up; every character of the SQL is escaped.
    pub(crate) html: String,
}

/// A schema, or why it is not here.
#[derive(Default)]
pub(crate) struct Schema {
    pub(crate) definitions: Vec<Definition>,
    /// Names of those that are not shown for want of room.
    pub(crate) others: Vec<String>,
    /// Why there is none.
    pub(crate) why: String,
    /// It is there, and has nothing in it.
    pub(crate) empty: bool,
}

impl Schema {
    fn none(why: impl Into<String>) -> Self {
        Self { why: why.into(), ..Self::default() }
    }

    /// A branch's schema. Whatever its server does, the page comes.
    pub(crate) fn of(visit: &Visit<'_>, row: &BranchRow) -> Self {
        if !row.schema_ready {
            return Self::none("The schema can be read once the branch is ready.");
        }
        match row.state {
            BranchState::Ready => {}
            // Reading would wake it: whoever only looks at the page does not.
            BranchState::Sleeping | BranchState::SleepInProgress => {
                return Self::none("The branch is asleep. Its schema is shown when it is awake.");
            }
            BranchState::Pending | BranchState::Awakening => {
                return Self::none(
                    "The server does not run at the moment. Its schema is shown when it does.",
                );
            }
        }
        match read(visit) {
            Ok(objects) => Self::shown(&objects),
            Err(Error::Refused(_) | Error::NotFound) => Self::none("You may not read its schema."),
            Err(error) => {
                tracing::warn!(branch = %row.id, %error, "a schema could not be shown");
                Self::none(format!("The schema could not be read: {error}."))
            }
        }
    }

    fn shown(objects: &[SchemaObject]) -> Self {
        let mut schema = Self { empty: objects.is_empty(), ..Self::default() };
        let mut room = SHOWN_MAX_BYTES;
        for (at, object) in objects.iter().enumerate() {
            match room.checked_sub(object.create.len()) {
                Some(left) if schema.others.is_empty() => {
                    room = left;
                    schema.definitions.push(Definition {
                        id: format!("object-{at}"),
                        name: object.name.clone(),
                        html: html(&object.create),
                    });
                }
                _ => schema.others.push(object.name.clone()),
            }
        }
        schema
    }
}

/// Counts who waits for a server.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let taken = WAITING.fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| {
            (waiting < WAITING_MAX).then_some(waiting + 1)
        });
        taken.ok().map(|_| Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::AcqRel);
    }
}

fn read(visit: &Visit<'_>) -> Result<Vec<SchemaObject>, Error> {
    let at =
        visit.may::<BranchAt>(Operation::GetBranchSchema).map_err(|missing| Error::Unavailable(missing.0))?;
    let Some(place) = Place::take() else {
        return Err(Error::Unavailable(
            "too many servers are waited for right now; load the page again".to_owned(),
        ));
    };
    let (sender, receiver) = mpsc::sync_channel(1);
    let (plane, caller) = (Arc::clone(&visit.house.plane), visit.caller.clone());
    let reading = move || {
        let _ = sender.send(plane.read_schema(&caller, &at, None));
        drop(place);
    };
    std::thread::Builder::new()
        .name("schema".to_owned())
        .spawn(reading)
        .map_err(|error| Error::Unavailable(format!("no thread to read it: {error}")))?;
    receiver.recv_timeout(Duration::from_millis(WAIT_LIMIT_MILLIS)).unwrap_or_else(|_| {
        Err(Error::Unavailable(format!(
            "the branch's server did not answer within {WAIT_LIMIT_MILLIS} ms; load the page again"
        )))
    })
}

const fn class(piece: Piece) -> Option<&'static str> {
    match piece {
        Piece::Plain => None,
        Piece::Keyword => Some("hl-keyword"),
        Piece::Name => Some("hl-name"),
        Piece::Text => Some("hl-string"),
        Piece::Number => Some("hl-number"),
        Piece::Comment => Some("hl-comment"),
    }
}

/// Marks up a definition.
fn html(sql: &str) -> String {
    marked_up(sql, class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_escaped_and_marked() {
        assert_eq!(
            html("CREATE TABLE `<b>` (a int DEFAULT '</pre><script>') /*&*/"),
            "<span class=\"hl-keyword\">CREATE</span> <span class=\"hl-keyword\">TABLE</span> \
             <span class=\"hl-name\">`&lt;b&gt;`</span> (a int <span class=\"hl-keyword\">DEFAULT</span> \
             <span class=\"hl-string\">&#39;&lt;/pre&gt;&lt;script&gt;&#39;</span>) <span class=\"hl-comment\">/*&amp;*/</span>"
        );
    }

    #[test]
    fn what_has_no_room_is_named() {
        let object = |name: &str, length: usize| SchemaObject {
            name: name.to_owned(),
            kind: bough_control::branches::SchemaObjectKind::Table,
            create: "x".repeat(length),
        };
        let schema = Schema::shown(&[object("a", 10), object("b", SHOWN_MAX_BYTES), object("c", 10)]);
        assert_eq!(schema.definitions.len(), 1);
        assert_eq!(schema.others, ["b", "c"]);
        assert!(Schema::shown(&[]).empty);
    }

    #[test]
    fn few_wait_at_a_time() {
        let places: Vec<Option<Place>> = (0..=WAITING_MAX).map(|_| Place::take()).collect();
        assert_eq!(places.iter().flatten().count(), WAITING_MAX);
        drop(places);
        assert!(Place::take().is_some());
    }
}
