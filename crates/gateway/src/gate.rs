//! Parking a branch: nobody begins another command, and who parks it is told when everybody stands.
//!
//! A session asks [`Member::parked`] before each command, which reads one flag. Everything else happens only while
//! a branch is parked: each session says itself that it stands, in its own task, so it cannot have moved on.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bough_model::BranchId;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::ids::ClientId;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The gates of branches that have sessions or are parked.
#[derive(Debug, Default)]
pub(crate) struct Gates(Mutex<HashMap<BranchId, Arc<Gate>>>);

#[derive(Debug, Default)]
struct Gate {
    parked: AtomicBool,
    state: Mutex<State>,
    /// Somebody stands or has left, or the branch is let go.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    parks: usize,
    /// Which parking this is: who stood in an earlier one does not stand in this.
    turn: u64,
    standing: usize,
    members: HashMap<ClientId, Arc<Notify>>,
}

/// Somebody who has to do with a branch's gate. A gate that nobody has to do with is forgotten.
#[derive(Debug)]
struct Visit {
    gates: Arc<Gates>,
    branch: BranchId,
    gate: Arc<Gate>,
}

impl Gates {
    fn visit(self: &Arc<Self>, branch: &BranchId) -> Visit {
        let mut gates = lock(&self.0);
        let gate = Arc::clone(gates.entry(branch.clone()).or_default());
        Visit { gates: Arc::clone(self), branch: branch.clone(), gate }
    }

    /// Joins the sessions of a branch; waits while it is parked. `wake` is told when it is parked or let go.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        branch: &BranchId,
        id: ClientId,
        wake: Arc<Notify>,
    ) -> Member {
        let visit = self.visit(branch);
        loop {
            let mut changed = pin!(visit.gate.changed.notified());
            changed.as_mut().enable();
            {
                let mut state = lock(&visit.gate.state);
                if state.parks == 0 {
                    state.members.insert(id, wake);
                    break;
                }
            }
            changed.await;
        }
        Member { visit, id, stood: None }
    }

    /// Parks a branch, see [`Gateway::park`](crate::Gateway::park).
    pub(crate) async fn park(
        self: &Arc<Self>,
        branch: &BranchId,
        limit: Duration,
    ) -> Result<Parked, StillBusy> {
        let deadline = Instant::now() + limit;
        let parking = Arc::new(Parking { visit: self.visit(branch), over: AtomicBool::new(false) });
        let gate = &parking.visit.gate;
        let mut busy = {
            let mut state = lock(&gate.state);
            state.parks += 1;
            gate.parked.store(true, Ordering::Release);
            state.members.values().for_each(|wake| wake.notify_one());
            state.members.len() - state.standing
        };
        let ends = {
            let parking = Arc::clone(&parking);
            tokio::spawn(async move {
                sleep_until(deadline).await;
                parking.let_go();
            })
        };
        let parked = Parked { parking: Arc::clone(&parking), ends: ends.abort_handle() };
        loop {
            let mut changed = pin!(gate.changed.notified());
            changed.as_mut().enable();
            {
                let state = lock(&gate.state);
                // At the limit everybody is let go, and nobody stands any more.
                if !parked.holds() {
                    return Err(StillBusy { sessions: busy });
                }
                busy = state.members.len() - state.standing;
            }
            if busy == 0 {
                return Ok(parked);
            }
            if timeout_at(deadline, changed).await.is_err() {
                return Err(StillBusy { sessions: busy });
            }
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut gates = lock(&self.gates.0);
        // Ours and the map's: nobody else has to do with it, and nobody can come while the map is locked.
        if Arc::strong_count(&self.gate) <= 2 {
            gates.remove(&self.branch);
        }
        // Dropped before the map is let go, so that of two who leave at once the second one sees it.
        self.gate = Arc::default();
    }
}

/// A session at the gate of its branch.
#[derive(Debug)]
pub(crate) struct Member {
    visit: Visit,
    id: ClientId,
    /// The parking in which it has said that it stands.
    stood: Option<u64>,
}

impl Member {
    /// Whether no command may begin.
    pub(crate) fn parked(&self) -> bool {
        self.visit.gate.parked.load(Ordering::Acquire)
    }

    /// Says that this session is at a boundary outside a transaction, and stays there while the branch is parked.
    pub(crate) fn stand(&mut self) {
        let gate = &self.visit.gate;
        let mut state = lock(&gate.state);
        if state.parks > 0 && self.stood != Some(state.turn) {
            self.stood = Some(state.turn);
            state.standing += 1;
            gate.changed.notify_waiters();
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let gate = &self.visit.gate;
        let mut state = lock(&gate.state);
        state.members.remove(&self.id);
        if self.stood == Some(state.turn) {
            state.standing -= 1;
        }
        gate.changed.notify_waiters();
    }
}

#[derive(Debug)]
struct Parking {
    visit: Visit,
    over: AtomicBool,
}

impl Parking {
    fn let_go(&self) {
        let gate = &self.visit.gate;
        let mut state = lock(&gate.state);
        if self.over.swap(true, Ordering::AcqRel) {
            return;
        }
        state.parks -= 1;
        if state.parks == 0 {
            state.turn += 1;
            state.standing = 0;
            gate.parked.store(false, Ordering::Release);
            state.members.values().for_each(|wake| wake.notify_one());
        }
        gate.changed.notify_waiters();
    }
}

/// A parked branch. Lets go when it is dropped, or at its limit.
#[derive(Debug)]
pub struct Parked {
    parking: Arc<Parking>,
    ends: AbortHandle,
}

impl Parked {
    /// Whether it still is: false once the limit is over.
    pub fn holds(&self) -> bool {
        !self.parking.over.load(Ordering::Acquire)
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        self.ends.abort();
        self.parking.let_go();
    }
}

/// Some sessions did not come to stand within the limit. The branch has been let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sessions} sessions were still in a transaction or waited for an answer")]
pub struct StillBusy {
    /// How many.
    pub sessions: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch() -> BranchId {
        BranchId::parse("abcdefghijkl").expect("an id")
    }

    async fn member(gates: &Arc<Gates>, serial: u32) -> (Member, Arc<Notify>) {
        let wake = Arc::new(Notify::new());
        (gates.enter(&branch(), ClientId::new(0, serial), Arc::clone(&wake)).await, wake)
    }

    /// Longer than any of these tests takes.
    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn it_is_parked_when_all_stand_and_new_ones_wait() {
        let gates = Arc::new(Gates::default());
        let (mut first, wake) = member(&gates, 1).await;
        let (mut second, _) = member(&gates, 2).await;
        let parking = tokio::spawn({
            let gates = Arc::clone(&gates);
            async move { gates.park(&branch(), LONG).await }
        });
        wake.notified().await;
        assert!(first.parked() && second.parked());
        first.stand();
        first.stand();
        tokio::task::yield_now().await;
        assert!(!parking.is_finished(), "one is still busy");
        second.stand();
        let parked = parking.await.expect("no panic").expect("all stand");
        let mut third = pin!(member(&gates, 3));
        assert!(futures_poll(third.as_mut()).is_none(), "who comes now waits");
        drop(second);
        let again = gates.park(&branch(), LONG).await.expect("all that are left stand");
        drop(parked);
        assert!(first.parked() && again.holds(), "the other one holds");
        drop(again);
        assert!(!first.parked());
        let (third, _) = third.await;
        drop((first, third));
        // What would have let go at the limit ends a little later.
        while !lock(&gates.0).is_empty() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_lets_go() {
        let gates = Arc::new(Gates::default());
        let (mut busy, _) = member(&gates, 1).await;
        assert_eq!(
            gates.park(&branch(), LONG).await.expect_err("it does not stand"),
            StillBusy { sessions: 1 }
        );
        assert!(!busy.parked());
        busy.stand();
        let parking = tokio::spawn({
            let gates = Arc::clone(&gates);
            async move { gates.park(&branch(), LONG).await }
        });
        while !busy.parked() {
            tokio::task::yield_now().await;
        }
        busy.stand();
        let parked = parking.await.expect("no panic").expect("it stands");
        let (next, _) = member(&gates, 2).await;
        assert!(!parked.holds() && !next.parked(), "it came in when the limit was over");
    }

    fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut cx) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        }
    }
}
