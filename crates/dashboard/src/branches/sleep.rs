//! Branches that sleep: putting one to sleep, waking it, and after how long it falls asleep by itself.

use std::time::Duration;

use bough_control::Error;
use bough_control::branches::{BranchRow, UpdateBranch};
use bough_policy::{BranchAt, Granted};

use super::actions::{all, refused};
use super::routes::Place;
use crate::answer::Answer;
use crate::databases::Choice;
use crate::layout::counted;
use crate::visit::Visit;

/// Times without use that are offered, in seconds; 0 for never.
const OFFERED: [u64; 5] = [600, 3_600, 28_800, 86_400, 0];

fn told(seconds: u64) -> String {
    match seconds {
        0 => "never".to_owned(),
        seconds if seconds % 86_400 == 0 => format!("after {}", counted(seconds / 86_400, "day")),
        seconds if seconds % 3_600 == 0 => format!("after {}", counted(seconds / 3_600, "hour")),
        seconds if seconds % 60 == 0 => format!("after {}", counted(seconds / 60, "minute")),
        seconds => format!("after {}", counted(seconds, "second")),
    }
}

/// When a branch falls asleep, in words.
pub(super) fn when(visit: &Visit<'_>, row: &BranchRow) -> String {
    let after = visit.plane().sleeps_after(row.production, row.sleep_after_s);
    told(after.map_or(0, |after| after.as_secs()))
}

/// What can be chosen for a branch: what the operator has set, and what is offered or was chosen.
pub(super) fn choices(visit: &Visit<'_>, row: &BranchRow) -> Vec<Choice> {
    let usual = visit.plane().sleeps_after(false, None).map_or(0, |after: Duration| after.as_secs());
    let mut choices = vec![Choice {
        value: String::new(),
        text: format!("As this server is set: {}", told(usual)),
        chosen: row.sleep_after_s.is_none(),
    }];
    let own = row.sleep_after_s.filter(|seconds| !OFFERED.contains(seconds));
    choices.extend(own.into_iter().chain(OFFERED).map(|seconds| Choice {
        value: seconds.to_string(),
        text: format!("{}{}", told(seconds)[..1].to_uppercase(), &told(seconds)[1..]),
        chosen: row.sleep_after_s == Some(seconds),
    }));
    choices
}

/// Stops its server until somebody comes.
pub(crate) fn sleep(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    visit.asked.form.only(&[])?;
    let root = Place::of(visit, &at)?.root;
    match visit.plane().sleep_branch(visit.caller, &at) {
        Ok(row) => Ok(Answer::see(root).saying(format!("Branch {} goes to sleep.", row.name))),
        Err(error) => refused(visit, &at, error, all),
    }
}

/// Starts its server.
pub(crate) fn wake(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    visit.asked.form.only(&[])?;
    let root = Place::of(visit, &at)?.root;
    match visit.plane().wake_branch(visit.caller, &at) {
        Ok(row) => Ok(Answer::see(root).saying(format!("Branch {} is woken.", row.name))),
        Err(error) => refused(visit, &at, error, all),
    }
}

/// Sets after how long without use it falls asleep.
pub(crate) fn set_after(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["sleep_after"])?;
    let root = Place::of(visit, &at)?.root;
    let after = match form.get("sleep_after").trim() {
        "" => Ok(None),
        text => text.parse().map(Some),
    };
    let changed = match after {
        Ok(after) => {
            let wanted = UpdateBranch { sleep_after: Some(after), ..UpdateBranch::default() };
            visit.plane().update_branch(visit.caller, &at, wanted)
        }
        Err(_) => Err(Error::Invalid("choose one of the list".to_owned())),
    };
    match changed {
        Ok(row) => {
            let told = format!("Branch {} falls asleep: {}.", row.name, when(visit, &row));
            Ok(Answer::see(root).saying(told))
        }
        Err(error) => refused(visit, &at, error, |errors| &mut errors.sleep_after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_whole_units() {
        let told = [0, 10, 600, 3_600, 86_400, 172_800, 5_400].map(told);
        let wanted = ["never", "after 10 seconds", "after 10 minutes", "after 1 hour", "after 1 day"];
        assert_eq!(told[..5], wanted);
        assert_eq!(told[5..], ["after 2 days", "after 90 minutes"]);
    }
}
