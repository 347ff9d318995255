//! Named points at which a test can have this process killed, to prove that every half-done step is
//! taken up again.
//!
//! In ordinary runs each point costs one comparison. The environment variable `BOUGH_KILL_AT` names
//! the point; the process then ends by SIGKILL there, as in a crash: nothing is tidied up.

use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::plan::Step;

/// The environment variable that names the point.
pub const KILL_AT: &str = "BOUGH_KILL_AT";

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
    "stop-server.signalled",
    "remove-directory.in-trash",
];

/// Points of the control plane, around what it records. They stand here because [`reach`] knows every name.
pub const CONTROL_POINTS: &[&str] = &["wish.recorded", "ready.observed", "gone.observed"];

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

fn wanted() -> Option<&'static str> {
    static WANTED: OnceLock<Option<String>> = OnceLock::new();
    WANTED.get_or_init(|| std::env::var(KILL_AT).ok().filter(|point| !point.is_empty())).as_deref()
}

/// Ends the process here if this is the point that the environment names.
pub fn reach(point: &str) {
    debug_assert!(
        INNER_POINTS.contains(&point)
            || CONTROL_POINTS.contains(&point)
            || all_points().iter().any(|known| known == point),
        "kill point {point:?} is not listed"
    );
    if wanted() == Some(point) {
        let _ = kill(Pid::this(), Signal::SIGKILL);
        // Reached only if the kernel refused to kill its own caller.
        std::process::abort();
    }
}

pub(crate) fn reach_around(step: Step, edge: &str) {
    if wanted().is_some() {
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
