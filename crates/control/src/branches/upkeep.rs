//! Looking after branches that run: one whose server has ended is started again, one that ends again and
//! again only after pauses that grow; what schemas look like is kept up to date; set ends come; older
//! servers are restarted at the hour that the operator chose; sessions and passwords that are over are removed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bough_model::{BranchId, BranchState};
use bough_policy::Operation;
use bough_store::reconcile::{self as store, Lost};

use super::reconcile::retry_pause;
use crate::{Caller, ControlPlane, Error, Result};

/// Branches looked at in one go.
const AT_ONCE: u32 = 512;
/// A server that ends sooner than this after its start has crashed in a row with the time before, in
/// seconds; one that stays up so long is forgiven.
const STEADY_AFTER_SECONDS: u64 = 60;
/// How long after the set time of day servers are still restarted, in minutes.
const RESTART_WINDOW_MINUTES: i64 = 60;

impl ControlPlane {
    /// Looks after branches that run, until `stopped` says to end.
    pub(crate) fn run_checker(&self, stopped: impl Fn() -> bool, pause: impl Fn(Duration)) {
        let (mut after, mut without_schema) = (String::new(), BTreeSet::new());
        while !stopped() {
            for (what, done) in [
                ("branches could not be looked after", self.check_servers()),
                ("branches that nobody uses could not be put to sleep", self.put_to_sleep()),
                ("schemas could not be looked at", self.check_schemas(&mut after, &mut without_schema)),
                ("versions of servers could not be looked at", self.note_versions()),
                ("set ends could not be seen to", self.expire_branches()),
                ("older servers could not be restarted", self.restart_older()),
                ("sessions that are over could not be removed", self.sweep_sessions()),
                ("passwords that have expired could not be removed", self.sweep_passwords()),
            ] {
                if let Err(error) = done {
                    tracing::error!(%error, "{what}");
                }
            }
            pause(self.settings.limits.check_every);
        }
    }

    fn check_servers(&self) -> Result<()> {
        let engine = self.engine()?;
        let mut from = String::new();
        loop {
            let page =
                self.store.read(|reader| Ok::<_, Error>(store::ready_after(reader, &from, AT_ONCE)?))?;
            let Some(last) = page.last() else { break };
            from = last.to_string();
            for id in &page {
                if !engine.alive(id) {
                    self.start_again(id)?;
                } else if engine.are_accounts_changeable(id) {
                    // Made by a Bough that had none for clients yet, or somebody has opened them.
                    self.look_again(id)?;
                }
            }
        }
        let now = self.now();
        let since = now.minus(Duration::from_secs(STEADY_AFTER_SECONDS));
        for id in self.store.read(|reader| Ok::<_, Error>(store::steady(reader, since)?))? {
            self.store.write(move |tx| store::record_steady(tx, &id))?;
        }
        Ok(())
    }

    /// Has a branch started again that is recorded as ready, where its server has ended.
    pub(super) fn start_again(&self, id: &BranchId) -> Result<()> {
        let engine = Arc::clone(self.engine()?);
        let words = engine.last_words_of(id).unwrap_or_default();
        let (id, now) = (id.clone(), self.now());
        let lost = self.store.write(move |tx| {
            let Some((crashes, up_since)) = store::uptime(tx, &id)? else { return Ok::<_, Error>(None) };
            // Somebody else may have seen to it since it was looked at. Within a write nobody can.
            if engine.alive(&id) {
                return Ok(None);
            }
            let steady = Duration::from_secs(STEADY_AFTER_SECONDS);
            let in_a_row = up_since.is_some_and(|since| now.since(since) < steady);
            let lost = Lost { crashes: if in_a_row { crashes.saturating_add(1) } else { 1 } };
            let pause = pause_after(lost);
            let why = again_and_again(lost, pause, &words);
            store::record_lost(tx, &id, lost, why.as_deref(), pause, now)?;
            Ok(Some((id, lost, pause)))
        })?;
        if let Some((branch, lost, pause)) = lost {
            tracing::warn!(
                %branch, in_a_row = lost.crashes, pause_ms = pause.as_millis(),
                "the server of a branch has ended; it is started again"
            );
            self.nudge.now();
        }
        Ok(())
    }

    /// A few schemas each time, round and round. One that was missing the last time, too, is made anew, empty: whoever
    /// removes it to make it again has had the time to.
    fn check_schemas(&self, after: &mut String, without_schema: &mut BTreeSet<BranchId>) -> Result<()> {
        const SCHEMAS_PER_ROUND: u32 = 16;
        let engine = self.engine()?;
        let page = self
            .store
            .read(|reader| Ok::<_, Error>(store::ready_after(reader, after, SCHEMAS_PER_ROUND)?))?;
        *after = page.last().map(ToString::to_string).unwrap_or_default();
        for id in page {
            let (wish, known) = self.store.read(|reader| {
                Ok::<_, Error>((store::wish(reader, &id)?, store::schema_fingerprint(reader, &id)?))
            })?;
            let Some(wish) = wish.filter(|wish| wish.state == BranchState::Ready) else { continue };
            let missing = engine.has_schema(&id, &wish.schema).is_ok_and(|there| !there);
            if !missing {
                without_schema.remove(&id);
            } else if without_schema.insert(id.clone()) {
                continue;
            } else if let Err(error) = engine.make_missing_schema(&id, &wish.schema) {
                tracing::warn!(branch = %id, %error, "a branch has no schema, and none can be made");
                continue;
            } else {
                tracing::info!(branch = %id, "a client has removed the branch's schema; it has an empty one");
            }
            // A server that does not answer shows by itself; nothing is known of its schema.
            let Ok(summary) = engine.schema_fingerprint(&id, &wish.schema) else { continue };
            if known.as_deref() != Some(summary.fingerprint.as_str()) {
                let now = self.now();
                self.store.write(move |tx| {
                    store::record_schema(tx, &id, summary.table_count, &summary.fingerprint, now)
                })?;
            }
        }
        Ok(())
    }

    /// Branches that became ready under an older Bough do not have it recorded.
    fn note_versions(&self) -> Result<()> {
        const VERSIONS_PER_ROUND: u32 = 64;
        let unknown =
            self.store.read(|reader| Ok::<_, Error>(store::without_version(reader, VERSIONS_PER_ROUND)?))?;
        for id in unknown {
            let Ok(figures) = self.engine()?.figures(&id) else { continue };
            let version = figures.flavor.to_string();
            self.store.write(move |tx| store::record_version(tx, &id, &version))?;
        }
        Ok(())
    }

    /// From the hour that the operator chose, one after the other: the next when the one before answers.
    fn restart_older(&self) -> Result<()> {
        let installed = self.look_at_installed()?;
        let Some(minute) = self.settings.limits.restart_at_minute else { return Ok(()) };
        if !within_window(self.now().as_micros(), minute) {
            return Ok(());
        }
        let older = self.store.read(|reader| {
            // One that does not come back holds up the others: they stay on what works.
            if store::is_upgrade_unfinished(reader, &installed)? {
                return Ok::<_, Error>(None);
            }
            let Some(id) = store::of_another_version(reader, &installed, 1)?.pop() else { return Ok(None) };
            Ok(store::place(reader, &id)?)
        })?;
        let Some(at) = older else { return Ok(()) };
        tracing::info!(branch = %at.branch, %installed, "a branch whose server is of an older version is restarted");
        let caller = Caller::system("upgrade");
        let granted = caller.grant(Operation::RestartBranch, at)?;
        self.restart_branch(&caller, &granted)?;
        Ok(())
    }
}

/// How long until the next start: none after the first end, then longer and longer.
fn pause_after(lost: Lost) -> Duration {
    match lost.crashes {
        0 | 1 => Duration::ZERO,
        more => retry_pause(more - 2),
    }
}

/// What a branch shows whose server ends again and again.
fn again_and_again(lost: Lost, pause: Duration, words: &str) -> Option<String> {
    if lost.crashes < 2 {
        return None;
    }
    let words = if words.is_empty() { String::new() } else { format!("; its last words: {words}") };
    Some(format!(
        "its server has ended {} times in a row, each time within {STEADY_AFTER_SECONDS} s of its start; the next start \
         is after a pause of {:.1} s{words}",
        lost.crashes,
        pause.as_secs_f64()
    ))
}

/// Whether a time, in microseconds since 1970, is at most [`RESTART_WINDOW_MINUTES`] after that minute of
/// its day (UTC).
fn within_window(now_micros: i64, minute: u32) -> bool {
    const MINUTES_PER_DAY: i64 = 24 * 60;
    let minutes = now_micros.div_euclid(60 * 1_000_000).rem_euclid(MINUTES_PER_DAY);
    (minutes - i64::from(minute)).rem_euclid(MINUTES_PER_DAY) < RESTART_WINDOW_MINUTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_the_second_end_on() {
        let pause = |crashes| pause_after(Lost { crashes });
        assert_eq!(pause(1), Duration::ZERO);
        assert!(!pause(2).is_zero() && pause(2) < pause(3) && pause(3) < pause(4));
        assert_eq!(pause(100), pause(99), "up to a bound");
        assert_eq!(again_and_again(Lost { crashes: 1 }, Duration::ZERO, ""), None);
        let told = again_and_again(Lost { crashes: 3 }, pause(3), "[ERROR] no").expect("words");
        assert!(told.contains("3 times") && told.ends_with("[ERROR] no"), "{told}");
    }

    #[test]
    fn the_window_goes_over_midnight() {
        let at = |hours: i64, minutes: i64| (hours * 60 + minutes) * 60 * 1_000_000;
        assert!(within_window(at(3, 30), 3 * 60 + 30) && within_window(at(4, 29), 3 * 60 + 30));
        assert!(!within_window(at(4, 30), 3 * 60 + 30) && !within_window(at(3, 29), 3 * 60 + 30));
        assert!(within_window(at(24, 10), 23 * 60 + 30));
    }
}
