//! What one person may ask of the house at a time, so that nobody who hammers pages keeps others from
//! theirs: so many requests a minute, so many worked on at once, so many pages kept up to date.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bough_control::model::UserId;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests of one person that are worked on at once: as many as a browser sends at a time. More wait.
const AT_ONCE: usize = 6;
/// Longest wait for a turn, in seconds.
const WAIT_LIMIT_SECONDS: u64 = 10;
/// Pages of one person that are kept up to date at a time, each of which holds a connection.
const STREAMS_PER_PERSON: usize = 32;
/// Pages of all that are.
const STREAMS_MAX: usize = 256;
/// How many requests there are between two sweeps of those who have not been seen lately.
const REQUESTS_PER_SWEEP: u32 = 10_000;

/// One person's places.
struct Person {
    work: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

/// All turns.
pub(crate) struct Turns {
    limit: Option<DefaultKeyedRateLimiter<UserId>>,
    requests: AtomicU32,
    /// Those who have a turn or wait for one.
    people: Mutex<HashMap<UserId, Weak<Person>>>,
    streams: Arc<Semaphore>,
}

/// A turn, until it is dropped.
pub(crate) struct Turn {
    _place: OwnedSemaphorePermit,
    _among_all: Option<OwnedSemaphorePermit>,
    _person: Arc<Person>,
}

/// Why there is no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoTurn {
    /// Too many requests in a minute: the next may come after so many seconds.
    TooMany(u64),
    /// All of this person's turns are taken.
    Busy,
}

impl Turns {
    /// With so many requests in a minute; 0 lifts that limit.
    pub(crate) fn new(per_minute: u32) -> Self {
        Self {
            limit: NonZeroU32::new(per_minute).map(|limit| RateLimiter::keyed(Quota::per_minute(limit))),
            requests: AtomicU32::new(0),
            people: Mutex::new(HashMap::new()),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        }
    }

    /// Counts a request.
    pub(crate) fn count(&self, user: &UserId) -> Result<(), NoTurn> {
        let Some(limit) = &self.limit else { return Ok(()) };
        if self.requests.fetch_add(1, Ordering::Relaxed) % REQUESTS_PER_SWEEP == REQUESTS_PER_SWEEP - 1 {
            limit.retain_recent();
        }
        limit.check_key(user).map_err(|wait| {
            let wait = wait.wait_time_from(DefaultClock::default().now());
            NoTurn::TooMany(wait.as_secs() + 1)
        })
    }

    fn person(&self, user: &UserId) -> Arc<Person> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(person) = people.get(user).and_then(Weak::upgrade) {
            return person;
        }
        people.retain(|_, person| person.strong_count() > 0);
        let person = Arc::new(Person {
            work: Arc::new(Semaphore::new(AT_ONCE)),
            streams: Arc::new(Semaphore::new(STREAMS_PER_PERSON)),
        });
        people.insert(user.clone(), Arc::downgrade(&person));
        drop(people);
        person
    }

    /// A turn to be worked for; waits for it, some seconds at most.
    pub(crate) async fn work(&self, user: &UserId) -> Result<Turn, NoTurn> {
        let person = self.person(user);
        let limit = Duration::from_secs(WAIT_LIMIT_SECONDS);
        match tokio::time::timeout(limit, Arc::clone(&person.work).acquire_owned()).await {
            Ok(Ok(place)) => Ok(Turn { _place: place, _among_all: None, _person: person }),
            Ok(Err(_)) | Err(_) => Err(NoTurn::Busy),
        }
    }

    /// A place for a page that is kept up to date.
    pub(crate) fn stream(&self, user: &UserId) -> Result<Turn, NoTurn> {
        let person = self.person(user);
        let place = Arc::clone(&person.streams).try_acquire_owned().map_err(|_| NoTurn::Busy)?;
        let among_all = Arc::clone(&self.streams).try_acquire_owned().map_err(|_| NoTurn::Busy)?;
        Ok(Turn { _place: place, _among_all: Some(among_all), _person: person })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserId {
        UserId::parse(id).expect("an id")
    }

    fn wait<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(future)
    }

    #[test]
    fn one_person_has_so_many_turns_and_takes_none_of_others() {
        let (turns, ada, ben) = (Turns::new(0), user("adaadaadaada"), user("benbenbenben"));
        wait(async {
            let mut held = Vec::new();
            for _ in 0..AT_ONCE {
                held.push(turns.work(&ada).await.unwrap_or_else(|none| panic!("a turn, not {none:?}")));
            }
            let one_more = tokio::time::timeout(Duration::ZERO, turns.work(&ada)).await;
            assert!(one_more.is_err(), "it waits");
            assert!(turns.work(&ben).await.is_ok());
            drop(held.pop());
            assert!(turns.work(&ada).await.is_ok());
            held.clear();
            assert!(turns.work(&ben).await.is_ok());
            drop(turns.person(&user("cydcydcydcyd")));
            // Whoever has no turn is forgotten when somebody else comes.
            let _held = turns.person(&user("dandandandan"));
            assert_eq!(turns.people.lock().expect("whole").len(), 1);
        });
    }

    #[test]
    fn one_person_does_not_take_all_places_of_live_pages() {
        let (turns, ada, ben) = (Turns::new(0), user("adaadaadaada"), user("benbenbenben"));
        let held: Vec<_> = std::iter::from_fn(|| turns.stream(&ada).ok()).collect();
        assert_eq!(held.len(), STREAMS_PER_PERSON);
        assert!(turns.stream(&ben).is_ok());
        drop(held);
        assert!(turns.stream(&ada).is_ok());
    }

    #[test]
    fn requests_are_counted_for_each_person() {
        let (turns, ada, ben) = (Turns::new(3), user("adaadaadaada"), user("benbenbenben"));
        for _ in 0..3 {
            assert_eq!(turns.count(&ada), Ok(()));
        }
        assert!(matches!(turns.count(&ada), Err(NoTurn::TooMany(1..=21))));
        assert_eq!(turns.count(&ben), Ok(()));
        let without = Turns::new(0);
        assert!((0..1_000).all(|_| without.count(&ada).is_ok()));
    }
}
