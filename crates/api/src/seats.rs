//! Places for connections: so many in all, and so many for one address. Whoever comes when they are
//! taken gets the place of the connection that has waited longest for its client: for a request, for
//! the rest of its header, or for the answer to be taken. So those who hold connections and say
//! nothing can never keep others out. A connection whose request is being served gives way to nobody.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bough_control::model::neighbourhood;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// A request is being served.
const SERVING: u64 = 0;
/// The place was given to somebody else.
const GIVEN_AWAY: u64 = u64::MAX;
/// All places.
pub(crate) struct Seats {
    max: usize,
    per_address: usize,
    taken: Mutex<Taken>,
    crowd: Arc<Crowd>,
    given_up: AtomicU64,
    refused: AtomicU64,
}

/// What all places share.
#[derive(Debug, Default)]
struct Crowd {
    /// Which client has been waited for longer than another: counted, for that costs less than a clock.
    turns: AtomicU64,
    /// Those who found every place being served.
    outside: AtomicUsize,
    freed: Notify,
}

impl Crowd {
    /// Somebody may find a place now.
    fn freed(&self) {
        if self.outside.load(Ordering::SeqCst) > 0 {
            self.freed.notify_one();
        }
    }
}

#[derive(Default)]
struct Taken {
    total: usize,
    last: u64,
    by_address: HashMap<IpAddr, HashMap<u64, Arc<Seat>>>,
    /// Who gives way next, of one address or of all, as it was when it was looked at last: to look at
    /// everybody for each that comes would be what costs most.
    next: HashMap<Option<IpAddr>, VecDeque<Waiting>>,
}

/// A connection whose client is waited for, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiting {
    address: IpAddr,
    number: u64,
    since: u64,
}

/// One connection's place.
#[derive(Debug)]
pub(crate) struct Seat {
    crowd: Arc<Crowd>,
    /// In which turn its client began to be waited for; or one of the words above.
    waiting_since: AtomicU64,
    /// Ends the connection.
    end: OnceLock<AbortHandle>,
}

/// A place that is held until this is dropped, or given to somebody else.
pub(crate) struct Held {
    seats: Arc<Seats>,
    address: IpAddr,
    number: u64,
    pub(crate) seat: Arc<Seat>,
}

/// What is told of the places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) open: usize,
    pub(crate) given_up: u64,
    pub(crate) refused: u64,
}

/// What came of asking for a place.
enum Asked {
    Seated(Held),
    /// All those of the same address are being served.
    Refused,
    /// All there are are being served.
    Full,
}

impl Seat {
    /// A request has come whole. False when the place was given away: its answer would reach nobody.
    pub(crate) fn serving(&self) -> bool {
        let since = self.waiting_since.load(Ordering::Acquire);
        let held = |since| {
            self.waiting_since.compare_exchange(since, SERVING, Ordering::SeqCst, Ordering::Acquire).is_ok()
        };
        since != GIVEN_AWAY && held(since)
    }

    /// Its answer is ready: the client is waited for.
    pub(crate) fn answered(&self) {
        let turn = self.crowd.turns.fetch_add(1, Ordering::Relaxed) + 1;
        let _ = self.waiting_since.compare_exchange(SERVING, turn, Ordering::SeqCst, Ordering::Acquire);
        self.crowd.freed();
    }

    /// What ends the connection when its place is given to somebody else.
    pub(crate) fn ends_with(&self, end: AbortHandle) {
        let end = self.end.get_or_init(|| end);
        fence(Ordering::SeqCst);
        if self.waiting_since.load(Ordering::SeqCst) == GIVEN_AWAY {
            end.abort();
        }
    }

    /// Gives the place away, unless it is being served or has changed since `since`.
    fn give_away(&self, since: u64) -> bool {
        let given =
            self.waiting_since.compare_exchange(since, GIVEN_AWAY, Ordering::SeqCst, Ordering::Acquire);
        // Either this sees what ends it, or whoever brings that sees that the place is given away.
        fence(Ordering::SeqCst);
        if let (Ok(_), Some(end)) = (given, self.end.get()) {
            end.abort();
        }
        given.is_ok()
    }
}

impl Taken {
    fn held_by(&self, address: IpAddr) -> usize {
        self.by_address.get(&address).map_or(0, HashMap::len)
    }

    fn add(&mut self, address: IpAddr, seat: Arc<Seat>) -> u64 {
        self.last += 1;
        self.total += 1;
        self.by_address.entry(address).or_default().insert(self.last, seat);
        self.last
    }

    fn remove(&mut self, address: IpAddr, number: u64) -> bool {
        let Some(own) = self.by_address.get_mut(&address) else { return false };
        let removed = own.remove(&number).is_some();
        if own.is_empty() {
            self.by_address.remove(&address);
            self.next.remove(&Some(address));
        }
        self.total -= usize::from(removed);
        removed
    }

    /// Those whose clients are waited for, the longest first; of all, those of who holds most before others.
    fn waiting(&self, of: Option<IpAddr>) -> VecDeque<Waiting> {
        let among = self.by_address.iter().filter(|(address, _)| of.is_none_or(|of| of == **address));
        let mut waiting: Vec<(usize, Waiting)> = among
            .flat_map(|(address, own)| {
                own.iter().filter_map(move |(number, seat)| {
                    let since = seat.waiting_since.load(Ordering::SeqCst);
                    let waiting = Waiting { address: *address, number: *number, since };
                    (since != SERVING && since != GIVEN_AWAY).then_some((own.len(), waiting))
                })
            })
            .collect();
        waiting.sort_unstable_by_key(|(held, waiting)| (std::cmp::Reverse(*held), waiting.since));
        waiting.into_iter().map(|(_, waiting)| waiting).collect()
    }

    /// Frees the place of whoever has waited longest; not so when all are being served.
    fn make_room(&mut self, of: Option<IpAddr>) -> bool {
        loop {
            // One that has been served since it was looked at is passed over: it has waited less long.
            while let Some(waiting) = self.next.get_mut(&of).and_then(VecDeque::pop_front) {
                let Waiting { address, number, since } = waiting;
                let seat = self.by_address.get(&address).and_then(|own| own.get(&number));
                if seat.is_some_and(|seat| seat.give_away(since)) {
                    return self.remove(address, number);
                }
            }
            let waiting = self.waiting(of);
            if waiting.is_empty() {
                return false;
            }
            self.next.insert(of, waiting);
        }
    }
}

impl Seats {
    /// So many in all, and so many for one address; 0 for as many as there are.
    pub(crate) fn new(max: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            max: max.max(1),
            per_address: if per_address == 0 { usize::MAX } else { per_address },
            taken: Mutex::default(),
            crowd: Arc::default(),
            given_up: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(self: &Arc<Self>, address: IpAddr) -> Asked {
        let mut taken = self.taken();
        let of = if taken.held_by(address) >= self.per_address {
            Some(Some(address))
        } else if taken.total >= self.max {
            Some(None)
        } else {
            None
        };
        if let Some(of) = of {
            if !taken.make_room(of) {
                return if of.is_some() { Asked::Refused } else { Asked::Full };
            }
            self.given_up.fetch_add(1, Ordering::Relaxed);
        }
        let seat = Arc::new(Seat {
            crowd: Arc::clone(&self.crowd),
            waiting_since: AtomicU64::new(SERVING),
            end: OnceLock::new(),
        });
        seat.answered();
        let number = taken.add(address, Arc::clone(&seat));
        Asked::Seated(Held { seats: Arc::clone(self), address, number, seat })
    }

    /// A place for a connection from an address. `None` when its address has all that it may have, and
    /// all of them are being served. Waits while every place there is is being served.
    pub(crate) async fn take(self: &Arc<Self>, address: IpAddr) -> Option<Held> {
        let address = neighbourhood(address);
        let mut outside = None;
        loop {
            match self.ask(address) {
                Asked::Seated(held) => return Some(held),
                Asked::Refused => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    return None;
                }
                // Those who free a place are told first that somebody waits, and then asked once more: so
                // none is missed that is freed meanwhile.
                Asked::Full if outside.is_none() => outside = Some(Outside::of(&self.crowd)),
                Asked::Full => self.crowd.freed.notified().await,
            }
        }
    }

    /// What is told of them.
    pub(crate) fn figures(&self) -> Figures {
        Figures {
            open: self.taken().total,
            given_up: self.given_up.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.seats.taken().remove(self.address, self.number);
        self.seats.crowd.freed();
    }
}

/// Somebody who waits for a place.
struct Outside(Arc<Crowd>);

impl Outside {
    fn of(crowd: &Arc<Crowd>) -> Self {
        crowd.outside.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(crowd))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.0.outside.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn from(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// What comes of asking without waiting: a place, or a refusal; `None` for a wait.
    fn take(seats: &Arc<Seats>, address: IpAddr) -> Option<Option<Held>> {
        let mut asking = pin!(seats.take(address));
        match asking.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(held) => Some(held),
            Poll::Pending => None,
        }
    }

    fn seated(seats: &Arc<Seats>, address: IpAddr) -> Held {
        take(seats, address).flatten().expect("a place")
    }

    fn gone(held: &Held) -> bool {
        held.seat.waiting_since.load(Ordering::Acquire) == GIVEN_AWAY
    }

    #[test]
    fn the_one_that_has_waited_longest_gives_way() {
        let seats = Seats::new(100, 3);
        let held: Vec<Held> = (0..3).map(|_| seated(&seats, from(1))).collect();
        assert!(held[0].seat.serving() && !gone(&held[0]));
        let others: Vec<Held> = (0..3).map(|_| seated(&seats, from(2))).collect();
        let fourth = seated(&seats, from(1));
        assert_eq!(
            held.iter().map(gone).collect::<Vec<_>>(),
            [false, true, false],
            "not the one being served"
        );
        assert!(!others.iter().any(gone), "nobody of another address");
        assert!(!held[1].seat.serving(), "what comes on it now is not carried out");
        held[0].seat.answered();
        let fifth = seated(&seats, from(1));
        assert!(gone(&held[2]) && !gone(&held[0]) && !gone(&fourth));
        assert_eq!(seats.figures(), Figures { open: 6, given_up: 2, refused: 0 });
        drop((held, others, fourth, fifth));
        assert_eq!(seats.figures().open, 0);
    }

    #[test]
    fn where_all_are_served_one_address_is_refused_and_all_others_wait() {
        let seats = Seats::new(3, 2);
        let own: Vec<Held> = (0..2).map(|_| seated(&seats, from(1))).collect();
        assert!(own.iter().all(|held| held.seat.serving()));
        assert!(take(&seats, from(1)).expect("no wait").is_none(), "refused");
        let other = seated(&seats, from(2));
        assert!(other.seat.serving());
        assert!(take(&seats, from(3)).is_none(), "waits");
        own[0].seat.answered();
        let third = seated(&seats, from(3));
        assert!(gone(&own[0]), "it had most places, and its client is waited for");
        drop(other);
        let fourth = seated(&seats, from(4));
        assert!(!gone(&third) && !gone(&own[1]) && !gone(&fourth));
        assert_eq!(seats.figures(), Figures { open: 3, given_up: 1, refused: 1 });
    }

    #[test]
    fn those_who_hold_most_give_way_first() {
        let seats = Seats::new(5, 0);
        let first = seated(&seats, from(1));
        let many: Vec<Held> = (0..4).map(|_| seated(&seats, from(2))).collect();
        let another = seated(&seats, from(3));
        assert!(gone(&many[0]) && !gone(&first) && !gone(&another));
    }
}
