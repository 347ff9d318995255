//! Named points at which a test can have this process killed, to prove that every half-done step is
//! taken up again.
//!
//! In ordinary runs each point costs one comparison. The environment variable `BOUGH_KILL_AT` names
//! the point; the process then ends by SIGKILL there, as in a crash: nothing is tidied up.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::plan::Step;

/// The environment variable that names the point.
pub const KILL_AT: &str = "BOUGH_KILL_AT";
/// The environment variable that names a point at which the process stops, once, until it is told to
/// continue: so that a test can do something else to the world just then.
pub const STOP_AT: &str = "BOUGH_STOP_AT";

/// Points inside of steps, where one lasting effect is done and the next is not. Every step has its
/// `.before` and `.after` besides.
pub const INNER_POINTS: &[&str] = &[
    "template.installed",
    "copy-template.half-copied",
    "copy-template.staged",
    "start-server.configured",
    "start-server.spawned",
    "start-server.recorded",
    "prepare-accounts.schema-made",
    "prepare-accounts.accounts-made",
    "copy-schema.dropped",
    "copy-schema.half-copied",
    "copy-schema.verified",
    "upgrade-tables.upgraded",
    "seal-accounts.opened",
    "seal-accounts.rewritten",
    "seal-accounts.sealed",
    "seal-accounts.cut",
    "resize.memory-changed",
    "stop-server.signalled",
    "remove-directory.in-trash",
];

/// Points of the control plane, around what it records. They stand here because [`reach`] knows every name.
pub const CONTROL_POINTS: &[&str] = &[
    "change.made",
    "change.committed",
    "wish.recorded",
    "resize.begun",
    "ready.observed",
    "sleep.looked",
    "asleep.observed",
    "gone.observed",
];

/// Every point there is, the control plane's too.
pub fn all_points() -> Vec<String> {
    let control = CONTROL_POINTS.iter().map(|point| (*point).to_owned());
    engine_points().into_iter().chain(control).collect()
}

/// Every point of this crate.
pub fn engine_points() -> Vec<String> {
    let around = |step: &Step| [format!("{}.before", step.name()), format!("{}.after", step.name())];
    let outer = Step::ALL.iter().flat_map(around);
    outer.chain(INNER_POINTS.iter().map(|point| (*point).to_owned())).collect()
}

/// The points that the environment names: to die at, and to stop at.
struct Wanted {
    kill: Option<String>,
    stop: Option<String>,
}

fn wanted() -> &'static Wanted {
    static WANTED: OnceLock<Wanted> = OnceLock::new();
    let named = |variable| std::env::var(variable).ok().filter(|point| !point.is_empty());
    WANTED.get_or_init(|| Wanted { kill: named(KILL_AT), stop: named(STOP_AT) })
}

fn is_any_wanted() -> bool {
    wanted().kill.is_some() || wanted().stop.is_some()
}

/// Ends the process here if this is the point that the environment names, or stops it.
pub fn reach(point: &str) {
    debug_assert!(
        INNER_POINTS.contains(&point)
            || CONTROL_POINTS.contains(&point)
            || all_points().iter().any(|known| known == point),
        "kill point {point:?} is not listed"
    );
    static STOPPED: AtomicBool = AtomicBool::new(false);
    if wanted().stop.as_deref() == Some(point) && !STOPPED.swap(true, Ordering::Relaxed) {
        let _ = kill(Pid::this(), Signal::SIGSTOP);
    }
    if wanted().kill.as_deref() == Some(point) {
        let _ = kill(Pid::this(), Signal::SIGKILL);
        // Reached only if the kernel refused to kill its own caller.
        std::process::abort();
    }
}

pub(crate) fn reach_around(step: Step, edge: &str) {
    if is_any_wanted() {
        reach(&format!("{}.{edge}", step.name()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_points() {
        let points = all_points();
        for step in Step::ALL {
            for edge in ["before", "after"] {
                assert!(points.contains(&format!("{}.{edge}", step.name())), "{step:?}");
            }
        }
        let mut once = points.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), points.len(), "no point twice");
    }

    /// A step that leaves something half-done while it runs has a point inside, too. Waiting does not.
    #[test]
    fn every_step_with_two_effects_has_an_inner_point() {
        for step in Step::ALL.iter().filter(|step| **step != Step::AwaitAnswer) {
            let prefix = format!("{}.", step.name());
            assert!(INNER_POINTS.iter().any(|point| point.starts_with(&prefix)), "{step:?}");
        }
    }
}
