//! Looking at branches for the curves: how many there are and in which state, and what they take on disk,
//! a few at a time. And taking away what is old.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bough_model::{BranchState, OrganizationId};
use bough_store::Mark;
use bough_store::figures::{self as store, Branches, Due, Hour};

use super::KEPT_DAYS;
use crate::{ControlPlane, Error, Result};

/// The pause after counting branches is so many times as long as that took, at least: with very many of them
/// it still takes a hundredth of a processor at most.
const PAUSE_PER_COUNT: u32 = 100;
/// Branches measured in one go: with a look every two seconds, ten thousand that run within their hour.
const MEASURED_AT_ONCE: u32 = 8;
/// How often a branch that runs is measured, in minutes.
const RUNNING_EVERY_MINUTES: u64 = 60;
/// How often one that is asleep is, in hours: nobody writes to it, and its files lie still.
const ASLEEP_EVERY_HOURS: u64 = 24;
/// When one is measured again that is on its way, or could not be measured, in minutes. One that gets ready is
/// due at once.
const UNSETTLED_EVERY_MINUTES: u64 = 10;
/// Rows of each kind taken away in one go.
const SWEPT_AT_ONCE: u32 = 500;
/// How often rows are taken away one after the other before others get a turn.
const SWEEPS_IN_A_ROW: u32 = 20;
/// Organizations whose figures are written in one go.
const ORGANIZATIONS_AT_ONCE: usize = 200;

/// What was looked at before, so that what did not change costs nothing.
#[derive(Default)]
pub(crate) struct Looked {
    at: Option<(Mark, Hour)>,
    /// No sooner than this.
    next: Option<Instant>,
    noted: HashMap<OrganizationId, (Hour, Branches)>,
    swept: Option<Hour>,
}

impl ControlPlane {
    /// Keeps the figures of branches, until `stopped` says to end.
    pub(crate) fn run_figures(&self, stopped: impl Fn() -> bool, pause: impl Fn(Duration)) {
        let mut looked = Looked::default();
        while !stopped() {
            for (what, done) in [
                ("branches could not be measured", self.measure_branches(&stopped)),
                ("branches could not be counted", self.note_branches(&mut looked)),
                ("old figures could not be taken away", self.sweep_figures(&mut looked)),
            ] {
                if let Err(error) = done {
                    tracing::error!(%error, "{what}");
                }
            }
            pause(self.settings.limits.check_every);
        }
    }

    fn measure_branches(&self, stopped: impl Fn() -> bool) -> Result<()> {
        let Some(engine) = &self.engine else { return Ok(()) };
        let now = self.now();
        let due = self.store.read(|reader| Ok::<_, Error>(store::due(reader, now, MEASURED_AT_ONCE)?))?;
        let mut measured = Vec::new();
        for Due { id, state } in due {
            if stopped() {
                break;
            }
            // While a server works its files come and go: what cannot be measured now can be later.
            let bytes = engine.disk_bytes(&id).ok();
            measured.push((id, bytes, now.plus(measured_again_after(state, bytes))));
        }
        if measured.is_empty() {
            return Ok(());
        }
        self.store.write(move |tx| {
            measured.iter().try_for_each(|(id, bytes, due)| Ok(store::record_size(tx, id, *bytes, *due)?))
        })
    }

    fn note_branches(&self, looked: &mut Looked) -> Result<()> {
        let (started, hour) = (Instant::now(), Hour::of(self.now()));
        let state = self.store.mark().map(|mark| (mark, hour));
        if looked.next.is_some_and(|next| started < next) || (state.is_some() && looked.at == state) {
            return Ok(());
        }
        let counted = self.store.read(|reader| Ok::<_, Error>(store::count_branches(reader)?))?;
        looked.next = Some(started + started.elapsed() * PAUSE_PER_COUNT);
        let changed: Vec<_> = counted
            .iter()
            .filter(|(id, branches)| looked.noted.get(id) != Some(&(hour, *branches)))
            .cloned()
            .collect();
        for some in changed.chunks(ORGANIZATIONS_AT_ONCE) {
            let some = some.to_vec();
            self.store.write(move |tx| {
                some.iter().try_for_each(|(id, branches)| {
                    Ok::<_, Error>(store::record_branches(tx, id, hour, branches)?)
                })
            })?;
        }
        looked.noted = counted.into_iter().map(|(id, branches)| (id, (hour, branches))).collect();
        looked.at = state;
        Ok(())
    }

    fn sweep_figures(&self, looked: &mut Looked) -> Result<()> {
        let hour = Hour::of(self.now());
        if looked.swept == Some(hour) {
            return Ok(());
        }
        let before = Hour(hour.0 - KEPT_DAYS * 24);
        for _ in 0..SWEEPS_IN_A_ROW {
            if !self.store.read(|reader| Ok::<_, Error>(store::has_before(reader, before)?))? {
                looked.swept = Some(hour);
                return Ok(());
            }
            self.store.write(move |tx| Ok::<_, Error>(store::sweep(tx, before, SWEPT_AT_ONCE)?))?;
        }
        Ok(())
    }
}

/// When a branch is measured again.
fn measured_again_after(state: BranchState, bytes: Option<u64>) -> Duration {
    match state {
        _ if bytes.is_none() => Duration::from_secs(UNSETTLED_EVERY_MINUTES * 60),
        BranchState::Ready => Duration::from_secs(RUNNING_EVERY_MINUTES * 60),
        BranchState::Sleeping => Duration::from_secs(ASLEEP_EVERY_HOURS * 3600),
        BranchState::Pending | BranchState::SleepInProgress | BranchState::Awakening => {
            Duration::from_secs(UNSETTLED_EVERY_MINUTES * 60)
        }
    }
}
