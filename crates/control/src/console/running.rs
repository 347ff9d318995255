//! What runs in the console now: so many places, and the way to end a run.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use bough_model::{BranchId, ConsoleRunId, PasswordRole, Timestamp, UserId};

use crate::{Error, Result};

/// Runs of one person at once.
pub const AT_ONCE_PER_PERSON: usize = 2;
/// Runs on one branch at once.
pub const AT_ONCE_PER_BRANCH: usize = 4;
/// Runs at once in all: each holds a thread, and what it has read.
pub const AT_ONCE_IN_ALL: usize = 16;

/// A run, as the one who started it sees it.
#[derive(Clone, Debug)]
pub struct RunSeen {
    /// Its id.
    pub id: ConsoleRunId,
    /// The role that it is in.
    pub role: PasswordRole,
    /// Since when.
    pub since: Timestamp,
}

/// How far a run is.
#[derive(Default)]
struct State {
    cancelled: bool,
    over: bool,
}

/// A run.
pub(super) struct Run {
    seen: RunSeen,
    person: UserId,
    branch: BranchId,
    state: Mutex<State>,
    changed: Condvar,
}

impl Run {
    pub(super) fn is_cancelled(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).cancelled
    }

    /// There is nothing to end any more.
    pub(super) fn finish(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        self.changed.notify_all();
    }

    /// Waits for news, so long at most: that it is over, or to be ended. Whether it is over.
    pub(super) fn look(&self, limit: Duration) -> bool {
        self.wait(limit, |state| !state.over && !state.cancelled)
    }

    /// Waits until it is over, so long at most. Whether it is.
    pub(super) fn is_over_within(&self, limit: Duration) -> bool {
        self.wait(limit, |state| !state.over)
    }

    fn wait(&self, limit: Duration, waits: impl Fn(&State) -> bool) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(state, limit, |state| waits(state));
        waited.unwrap_or_else(PoisonError::into_inner).0.over
    }

    fn cancel(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).cancelled = true;
        self.changed.notify_all();
    }
}

/// All that run.
#[derive(Clone, Default)]
pub(crate) struct Running(Arc<Mutex<Vec<Arc<Run>>>>);

/// A place, until it is dropped.
pub(super) struct Place {
    run: Arc<Run>,
    all: Running,
}

impl Place {
    pub(super) fn run(&self) -> &Run {
        &self.run
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.run.finish();
        self.all.with(|runs| runs.retain(|run| !Arc::ptr_eq(run, &self.run)));
    }
}

fn full(what: &str, limit: usize) -> Error {
    Error::Unavailable(format!(
        "{what} ({limit} at once may): nothing was run; try again when one is done, or cancel one"
    ))
}

impl Running {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<Arc<Run>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A place for a run, if there is one.
    ///
    /// # Errors
    /// [`Error::Unavailable`], which says whose places are taken.
    pub(super) fn enter(&self, seen: RunSeen, person: UserId, branch: BranchId) -> Result<Place> {
        let run = Arc::new(Run { seen, person, branch, state: Mutex::default(), changed: Condvar::new() });
        self.with(|runs| {
            let own = || runs.iter().filter(|other| other.person == run.person);
            if own().any(|other| other.seen.id == run.seen.id) {
                return Err(Error::Unavailable(
                    "what this page has sent still runs: wait for it, or cancel it".to_owned(),
                ));
            }
            if own().count() >= AT_ONCE_PER_PERSON {
                return Err(full("statements of yours are running already", AT_ONCE_PER_PERSON));
            }
            if runs.iter().filter(|other| other.branch == run.branch).count() >= AT_ONCE_PER_BRANCH {
                return Err(full(
                    "others are running statements on this branch in the console",
                    AT_ONCE_PER_BRANCH,
                ));
            }
            if runs.len() >= AT_ONCE_IN_ALL {
                return Err(full("others are running statements in the console", AT_ONCE_IN_ALL));
            }
            runs.push(Arc::clone(&run));
            Ok(())
        })?;
        Ok(Place { run, all: self.clone() })
    }

    /// Runs of somebody on a branch, the oldest first.
    pub(super) fn of(&self, person: &UserId, branch: &BranchId) -> Vec<RunSeen> {
        self.with(|runs| {
            let own = runs.iter().filter(|run| run.person == *person && run.branch == *branch);
            own.map(|run| run.seen.clone()).collect()
        })
    }

    /// Has a run of somebody on a branch ended; `false` when there is none of that id.
    pub(super) fn cancel(&self, id: &ConsoleRunId, person: &UserId, branch: &BranchId) -> bool {
        self.with(|runs| {
            let mut own = runs.iter().filter(|run| run.person == *person && run.branch == *branch);
            own.find(|run| run.seen.id == *id).map(|run| run.cancel()).is_some()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(running: &Running, id: u8, person: &str, branch: u8) -> Result<Place> {
        let id = ConsoleRunId::from_random(&[id; 24]).expect("an id");
        let seen = RunSeen { id, role: PasswordRole::Reader, since: Timestamp::from_micros(0) };
        let person = UserId::parse(person).expect("an id");
        running.enter(seen, person, BranchId::from_random(&[branch; 24]).expect("an id"))
    }

    fn refused(place: Result<Place>) -> String {
        place.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn there_are_so_many_places_for_each_and_for_all() {
        let running = Running::default();
        let people = ["adaadaadaada", "benbenbenben", "cydcydcydcyd"];
        let first = enter(&running, 1, people[0], 1).expect("a place");
        assert!(refused(enter(&running, 1, people[0], 1)).contains("still runs"));
        let second = enter(&running, 2, people[0], 2).expect("a place");
        assert!(refused(enter(&running, 3, people[0], 3)).contains("of yours"));
        drop(second);
        let _held = [
            enter(&running, 3, people[0], 1).expect("a place"),
            enter(&running, 4, people[1], 1).expect("a place"),
            enter(&running, 5, people[1], 1).expect("a place"),
        ];
        assert!(refused(enter(&running, 6, people[2], 1)).contains("on this branch"));
        drop(first);
        assert!(enter(&running, 6, people[2], 1).is_ok());
        let mut all: Vec<Place> = Vec::new();
        let mut number = 10;
        let last = loop {
            let person = format!("person{number:06}");
            match enter(&running, number, &person, number) {
                Ok(place) => all.push(place),
                Err(error) => break error.to_string(),
            }
            number += 1;
        };
        assert!(last.contains("16 at once"), "{last}");
    }

    #[test]
    fn only_ones_own_runs_are_seen_and_ended() {
        let running = Running::default();
        let place = enter(&running, 1, "adaadaadaada", 1).expect("a place");
        let (ada, ben) = ("adaadaadaada", "benbenbenben");
        let id = |text| UserId::parse(text).expect("an id");
        let branch = |of: u8| BranchId::from_random(&[of; 24]).expect("an id");
        let own = running.of(&id(ada), &branch(1));
        assert_eq!(own.len(), 1);
        assert!(running.of(&id(ben), &branch(1)).is_empty() && running.of(&id(ada), &branch(2)).is_empty());
        assert!(!running.cancel(&own[0].id, &id(ben), &branch(1)));
        assert!(!running.cancel(&own[0].id, &id(ada), &branch(2)));
        assert!(!place.run().is_cancelled());
        assert!(running.cancel(&own[0].id, &id(ada), &branch(1)));
        assert!(place.run().is_cancelled());
        drop(place);
        assert!(running.of(&id(ada), &branch(1)).is_empty());
    }
}
